/*
 * Rings of the record tier: memory that threads of a target and the tracer
 * share, who has which, and how it is drained.  The protocol is in
 * arch/record.h.  Private to the engine but for what engine.h declares.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stdint.h>

#include "../arch/record.h"
#include "../dlang/error.h"
#include "../dlang/vec.h"

struct aspace;
struct engine;
struct engine_task;
struct ring_space;

struct ring {
	struct ring_space *space;
	struct arch_ring *hdr; /* our mapping of what threads see at addr */
	uint8_t *data;
	uint64_t addr;
	uint32_t size, head_bytes;
	struct engine_task *owner; /* NULL: free */
	struct {
		uint64_t lo, end; /* what was found: hdr->stack_end is end, or 0 for now */
		uint64_t looked, cost; /* when that was, and ns it took */
		bool is_odd; /* copies don't do */
	} stack;
	uint64_t *seen; /* cells as they were collected last; head_bytes long */
	uint64_t tail; /* as hdr->tail, which is not to be trusted */
	/* While draining. */
	uint64_t at; /* next record */
	uint64_t time; /* its stamp */
};

struct ring_chunk {
	uint8_t *local;
	uint64_t remote;
	size_t len;
};

/* The rings of one address space. */
struct ring_space {
	struct aspace *as;
	uint64_t null_ring; /* its address in the target */
	uint8_t *page; /* our mapping of the null ring's page */
	struct arch_anchors *anchors; /* and of the table behind it, at ... in the target; NULL */
	uint64_t anchors_addr;
	uint32_t need; /* the largest record of any site */
	VEC(struct ring_chunk) chunks;
	VEC(struct ring *) rings; /* owned */
};

/* A cell that every ring has (struct arch_agg). */
struct ring_cell {
	uint32_t off, words, epid, index;
	enum arch_agg_kind kind;
	uint32_t entries; /* of a table with keys; 0: it has none */
	int32_t key_slot;
};

/* ring_space.c */
/*
 * The control words: 0 of the null ring and of rings that the tracer must see
 * to (they trap), 1 of all others.  Address in the target, and our mapping.
 */
uint64_t ring_control(const struct ring_space *rs, unsigned which);
uint32_t *ring_control_word(const struct ring_space *rs, unsigned which);
/*
 * Makes the space with its null ring, if it isn't there.  The address space
 * must be stopped.  need: the largest record a site will make.
 */
struct error *ring_space_get(struct engine *e, struct aspace *as, uint32_t need) must_check;
/* As many rings as there are, within bounds. */
struct error *ring_space_more(struct engine *e, struct ring_space *rs) must_check;
void ring_space_destroy(struct ring_space *rs);
/* Unmaps it in the (stopped) target. */
void ring_space_unmap(struct engine *e, struct aspace *as);

/* ring.c */
/* Has it threads that a trap would kill if the tracer is killed?  (Commands die with it anyway.) */
bool ring_may_outlive(const struct engine *e, const struct aspace *as);

/* What the task's anchor must be; written before it runs. */
uint64_t ring_anchor(const struct engine_task *t);
/* A new (stopped) thread, or all there are: gets a ring before it needs one, since the
 * trap of the null ring does harm to who blocks SIGTRAP. */
void ring_welcome(struct engine *e, struct engine_task *t);
void ring_welcome_all(struct engine *e, struct aspace *as);
/* A stopped thread has no ring, or it is full: gives it room. */
void ring_want(struct engine *e, struct engine_task *t);
/* The task leaves its address space or dies: what it left is consumed. */
void ring_release(struct engine *e, struct engine_task *t);
/* deep.c */
/*
 * A hit wanted the stack (registers as at the site), and it did not fit the record: was
 * the ring's idea of it wrong?
 */
void ring_learn_stack(struct engine *e, struct engine_task *t, const struct arch_regs *r);
/* The thread may be on another stack soon: its records do without until it is known. */
void ring_forget_stack(struct engine_task *t);
/* ring.c */
/* Consumes all committed records of all rings, in order of time. */
void ring_drain(struct engine *e);
/* Hands on what the cells have counted since the last time. */
void ring_collect(struct engine *e);
/* Between events: what must be looked at now and then. */
void ring_idle(struct engine *e);
/* ring_words.c: the task is about to lose its ring, or to get another. */
void ring_words_keep(struct engine *e, struct engine_task *t);
/* The owner's words from that offset on into the ring. */
void ring_words_give(const struct engine *e, struct ring *r, uint32_t from);
/* A thread with another name than before: its cells are told of under the old one. */
void ring_watch_names(struct engine *e);
void ring_collect_one(struct engine *e, struct ring *r);
void ring_clock_start(struct engine *e);
void ring_clock_update(struct engine *e);
void ring_clock_give(const struct engine *e, struct ring *r);
/* There are new cells: rings without them get them, or trap. */
void ring_extend_all(struct engine *e, struct aspace *as);
/* Threads will find nobody to wait for from now on. */
void ring_abandon(struct engine *e);

#endif
