/*
 * args[] of pid probes: what DWARF says of a function, as the compiler wants it.
 */
#ifndef PIDARGS_H
#define PIDARGS_H

#include "../dlang/host.h"
#include "object.h"
#include "pidprobe.h"

struct pid_args;

/*
 * For probes of the kind in function s at a link-time address (where the
 * function called inlined was inlined); NULL: out of memory.
 */
struct pid_args *pid_args_read(struct dl_types *ts, struct object *o, const struct sym *s,
			       enum pid_kind kind, uint64_t addr, const char *inlined);
void pid_args_destroy(struct pid_args *a); /* NULL is fine */
/* Borrowed; *why: why there are none, NULL if there are some. */
const struct dl_probe_arg *pid_args_list(const struct pid_args *a, unsigned *n, const char **why);
/* Says why the arguments with these words (dl_probe_arg.map) have no value. */
void pid_args_refuse(struct pid_args *a, bool (*is_known)(void *arg, int map), void *arg,
		     const char *why);
/* Where the i-th of them that is read as an object (map - DL_ARG_ADDRESS) is. */
const struct arch_where *pid_args_object(const struct pid_args *a, unsigned i);
/* All of them, borrowed. */
const struct arch_where *pid_args_objects(const struct pid_args *a, unsigned *n);

#endif
