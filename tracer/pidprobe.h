/*
 * The pure part of the pid provider: which addresses of a process a probe
 * description asks for (providers document 5.1 to 5.3).  Nothing is planted
 * here.
 */
#ifndef PIDPROBE_H
#define PIDPROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../arch/arch.h"
#include "../dlang/error.h"
#include "../dlang/host.h"
#include "object.h"

enum pid_kind {
	PID_ENTRY,
	PID_RETURN,
	PID_OFFSET,
	PID_INLINE, /* where an inlined instance of the function begins */
	PID_LINE, /* where a source line begins */
};

struct pid_point {
	struct object *object;
	/* NULL for the '-' function outside of all symbols; of PID_INLINE and PID_LINE what they are in */
	const struct sym *sym;
	/* probefunc: canonical name, "-", or a source file; lives as long as object and description */
	const char *func;
	const char *inlined; /* PID_INLINE: the function's name in the file; else NULL */
	char name[20]; /* probename: "entry", "return", "1a" */
	uint64_t addr; /* run-time address to plant at */
	uint64_t offset; /* addr - start of the function; beyond it in a fragment (f.cold) */
	enum pid_kind kind;
	/*
	 * For PID_RETURN, how it leaves: ARCH_FLOW_RET, _JUMP and _IJUMP (tail
	 * calls; the return value is not known), _COND: a conditional jump to
	 * another function, a return only when it is taken.
	 */
	enum arch_flow flow;
};

/* Points of conditional tail calls are wanted too (see flow). */
#define PID_WITH_COND 1u

/* Told of each point; false ends the enumeration (not an error). */
typedef bool pid_point_fn(void *arg, const struct pid_point *p);

/*
 * "pid123" -> 123.  D_PROC_BADPROV without trailing digits, D_PROC_BADPID if
 * they are 0 or no pid.
 */
struct error *pid_provider_parse(const char *prov, pid_t *ret) must_check;

/*
 * Tells fn all points of d (prov is not looked at) in all objects: for each
 * function entry, returns, offsets.  The errors are D_PROC_NAME, D_PROC_LIB,
 * D_PROC_FUNC, D_PROC_OFF, D_PROC_ALIGN and D_PROC_CREATEFAIL.  No match in a
 * module that isn't loaded, or by a glob, is no error.
 */
struct error *pid_points(struct objects *os, const struct dl_pdesc *d, unsigned flags,
			 pid_point_fn *fn, void *arg) must_check;
/* The same in one object (that was loaded later); functions may be missing. */
struct error *pid_points_object(struct objects *os, struct object *o, const struct dl_pdesc *d,
				unsigned flags, pid_point_fn *fn, void *arg) must_check;

#endif
