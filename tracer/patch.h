/*
 * Patches: sites of the record tier.
 *
 * A patch replaces the breakpoints of one or more sites by a jump to a
 * trampoline (arch/record.h).  What it is to do is the session's to say; this
 * is about memory for trampolines, text, and program counters.  A patch's
 * record is never freed while its address space lives: threads may be in its
 * trampoline, or come back to it, long after the text is as it was.
 */
#ifndef PATCH_H
#define PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arch/record.h"
#include "../dlang/vec.h"

struct aspace;
struct engine;
struct engine_task;
struct site;
struct task;

struct patch {
	struct arch_tramp tramp;
	struct arch_patch_write w[2];
	unsigned n_w;
	bool is_live; /* in the text */
	unsigned n_arrivals; /* of threads in the middle of it */
	VEC(struct site *) sites;
};

/* Changed bytes of the text, by address. */
struct patch_span {
	uint64_t lo, hi;
	struct patch *patch;
	unsigned i; /* of patch->w */
};

/* Memory for trampolines; they share the common code at its start. */
struct code_region {
	uint64_t lo, size;
	VEC(struct arch_span) free;
};

/*
 * What is patched in the text that overlaps [lo, hi): the i-th, from 0; NULL:
 * no more.
 */
const struct patch_span *patch_span_at(const struct aspace *as, uint64_t lo, uint64_t hi, size_t i);

/*
 * With the address space stopped: builds the trampoline and patches.  The
 * sites (planted breakpoints within the patch) are of the record tier then.
 * job's common address is set here.  NULL, or why not.
 */
const char *patch_make(struct engine *e, struct aspace *as, struct arch_tramp_job *job,
		       struct site **sites, size_t n_sites);
/* Back to breakpoints, with the address space stopped. */
void patch_undo(struct engine *e, struct aspace *as, struct patch *p);
/* Original bytes everywhere; the records stay. */
void patch_restore_all(struct aspace *as);
/* The same and nothing else, in an emergency. */
void patch_restore_text(struct aspace *as);
/* Restores in to, a forked copy of from, what is (or was) patched in from. */
void patch_clean_copy(struct aspace *to, const struct aspace *from);
/* The text in [lo, hi) is gone. */
void patch_forget_range(struct aspace *as, uint64_t lo, uint64_t hi);
/* The copy of a region table for a forked address space. */
bool patch_copy_regions(struct aspace *to, const struct aspace *from);
void patch_deinit(struct aspace *as);

/*
 * Memory of size bytes that the plan's jump reaches, taken from a region (a new
 * one where none has room).  NULL, or why not, a text that as keeps.
 */
const char *patch_place_find(struct engine *e, struct aspace *as, const struct arch_patch_plan *p,
			     size_t size, struct code_region **region, uint64_t *ret);
/* Enlists the region mapped at lo, all of it free; NULL without memory. */
struct code_region *patch_region_create(struct aspace *as, uint64_t lo, uint64_t size);

/* Is pc in a trampoline, or in what they share? */
bool patch_contains(const struct aspace *as, uint64_t pc);
/*
 * If the (stopped) task is in a trampoline of as: *r becomes what its registers
 * would be in the original code; false: it is not, or it can't be said.
 */
bool patch_unwind(struct aspace *as, struct task *t, struct arch_regs *r,
		  struct arch_tramp_place *place);
/* Where a hit of the site's old breakpoint goes on. */
uint64_t patch_copy_of(const struct site *s);

/* The patch whose trampoline has pc, and the one in the text from addr on; NULL. */
struct patch *patch_of_tramp(const struct aspace *as, uint64_t pc);
struct patch *patch_live_at(const struct aspace *as, uint64_t addr);

/* Memory for trampolines that pc is in; NULL. */
const struct code_region *patch_region_of(const struct aspace *as, uint64_t pc);
/* The patch whose trampoline pc is in; NULL. */
struct patch *patch_by_tramp(const struct aspace *as, uint64_t pc);
/* pc inside a live patch, not its first byte: where it goes on; 0 no. */
uint64_t patch_arrival(struct aspace *as, uint64_t pc);

/* Does the thread make a system call of the trampoline's own? */
bool patch_sleeps(struct engine_task *t);

/* patch_signal.c */
/* Has it run into a trampoline's breakpoint? */
bool patch_is_trap(struct engine_task *t, const struct arch_regs *r);
/* deep.c: a hit of the patch that the tracer must tell; the task is at that breakpoint. */
void patch_tell(struct engine *e, struct engine_task *t, struct patch *p, uint64_t pc);
/* A SIGTRAP: a full ring's, a hit to be told, or one in the patch's bytes?  true: dealt with. */
bool patch_trap(struct engine *e, struct engine_task *t);
/* A fault of our own loads, or of the patch's bytes?  true: dealt with. */
bool patch_fault(struct engine *e, struct engine_task *t, int sig);
/* The same in an emergency, of a task with the registers r and the patches undone. */
bool patch_emergency_fault(struct engine_task *t, const struct arch_regs *r, int sig);
/* A signal is about to be delivered to a thread in a trampoline. */
void patch_leave(struct engine *e, struct engine_task *t, int sig);

#endif
