/*
 * System calls of attached processes without stops.  Private to the engine.
 *
 * Syscall User Dispatch, set by ptrace, has the kernel send SIGSYS for each call
 * that is not made in a slot (record.h): at such a stop the instruction is patched,
 * to a trampoline that makes its calls in slots.  So every place stops once, then
 * never again but for calls that must be told of by stops.
 *
 *	sud.c		arming address spaces, threads; SIGSYS
 *	sud_place.c	what becomes of the instructions
 *	sud_share.c	the memory shared with all targets; the dead man's switch
 */
#ifndef SUD_H
#define SUD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../arch/record.h"
#include "../dlang/vec.h"

struct arch_regs;
struct aspace;
struct engine;
struct engine_task;
struct task;

/* An instruction that makes calls. */
struct sud_place {
	uint64_t addr; /* of what is behind it */
	uint64_t hop; /* 0: it can't be patched */
	uint64_t slot; /* then: where its calls are made */
	const char *why;
};

/* Memory for hops; bad: there can be none. */
struct sud_piece {
	uint64_t lo, len;
	bool is_bad;
};

/* A call that the kernel dispatched, of which the stop was taken. */
struct dispatched_call {
	uint64_t behind; /* the instruction; 0: there is none */
	unsigned nr;
	bool is_foreign; /* of another architecture's convention */
};

/* Of an address space. */
struct sud {
	bool is_armed;
	bool is_shared; /* the shared memory is mapped */
	uint32_t n_stops; /* system-call stops before it was tried */
	uint32_t n_bare; /* signals at places that can't be patched */
	const char *refused; /* why it is not armed, and will not be */
	VEC(struct sud_place) places; /* by address */
	VEC(struct sud_piece) pieces;
};

/* ------------------------------------------------------------------ sud.c -- */
/* A system-call stop of a thread of a process that isn't armed. */
void sud_consider(struct engine *e, struct engine_task *t);
/* A thread of an armed address space is about to run, or is let go. */
void sud_enlist(struct engine_task *t);
void sud_discharge(struct engine_task *t);
/* For a while: its calls are not dispatched, or are again. */
void sud_configure(struct engine_task *t, bool on);
/* waitpid(), with __WALL; a thread that stopped for its call is put back before. */
pid_t sud_wait(struct engine *e, pid_t tid, int *status, int options);
/* A SIGSYS of the kernel's dispatch?  true: dealt with. */
bool sud_stop(struct engine *e, struct engine_task *t, int sig);
/* Who waits at the bell is stopped, and told of at that stop. */
void sud_hear(struct engine *e);
bool sud_rung(struct engine *e, struct engine_task *t);
/* The same while the thread is let go: its call comes again. */
bool sud_undo(struct engine_task *t, int sig);
/* Stopped for another reason, with such a SIGSYS still to come? */
bool sud_is_pending(struct engine_task *t);
/* It comes to that stop; nothing of the program's runs before. */
void sud_settle(struct engine *e, struct engine_task *t);
/* A call that was told of did not come to be made, or is to be made again. */
void sud_take_back(struct engine_task *t);
void sud_rewind(struct engine_task *t);
/* No thread of the address space is dispatched any more. */
void sud_disarm(struct engine *e, struct aspace *as, const char *why);
/* What is watched has changed. */
void sud_sync(struct engine *e);
/* All targets at once, without memory or locks. */
void sud_emergency(struct engine *e);
bool sud_emergency_release(struct engine *e, struct engine_task *t, int sig);
bool sud_is_armed(const struct aspace *as);
bool sud_copy(struct aspace *to, const struct aspace *from);
void sud_unmap(struct engine *e, struct aspace *as);
void sud_destroy(struct aspace *as);

/* ------------------------------------------------------------ sud_place.c -- */
/*
 * With the address space stopped: patches the instruction at addr.  NULL, or why not.
 * is_known: it is one of a file.
 */
const char *sud_plant(struct engine *e, struct aspace *as, uint64_t addr, bool is_known);
/* The plan and plain slot of a new patch of it. */
const char *sud_plan(struct engine *e, struct aspace *as, uint64_t addr,
		     struct arch_patch_plan *plan, uint64_t *slot);
struct sud_place *sud_place_find(const struct aspace *as, uint64_t behind);
/* The place behind addr, whether it can be patched or not; NULL: there is no memory. */
struct sud_place *sud_place_get(struct aspace *as, uint64_t addr);
/* Where calls of the instruction that can't be patched are made; 0: nowhere. */
uint64_t sud_bare_slot(struct engine *e, struct aspace *as, struct sud_place *p);
/* pc is in such a slot: where that is in the code; 0: it is not. */
uint64_t sud_bare_pc(const struct aspace *as, uint64_t pc);
/* pc behind a call that is made in a slot or in a copy: what is behind the instruction. */
uint64_t sud_home(const struct aspace *as, uint64_t pc);

/* ------------------------------------------------------------ sud_share.c -- */
struct sud_share;
const char *sud_share_open(struct engine *e);
/* Into the (stopped) address space. */
const char *sud_share_map(struct engine *e, struct aspace *as);
void sud_share_block(struct engine *e, bool on);
/* Since it was last asked? */
bool sud_share_is_rung(struct engine *e);
uint8_t *sud_share_table(struct engine *e);
void sud_share_close(struct engine *e);

#endif
