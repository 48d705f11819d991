/*
 * Making a trampoline: what near.c and tramp.c share.  Private to arch/aarch64/.
 *
 * A trampoline is a block, if probes fire, and the displaced instruction:
 *
 *	stp x0, x1, [sp, #-n]!	the registers the block uses, flags, who is first
 *	stp ...
 *	clauses			near.c
 *	ldp ...
 *	ldp x0, x1, [sp], #n
 *
 * Registers in a block: near's r0..r5 are x9..x14; x15 is the record, x8 the
 * ring; x0..x5 are scratch, x6 and x7 too in captures, x30 for calls of the
 * common code.  What is not saved still holds the program's value; x16, x17, x18
 * and vector registers are never touched.  Below sp nothing is the program's
 * (AAPCS64 has no red zone).  A block goes at most 240 bytes below it.
 *
 * What is seldom needed (faults, a full ring) is a stub behind everything else.
 */
#ifndef ARCH_AARCH64_NEAR_H
#define ARCH_AARCH64_NEAR_H

#include "../near_look.h"
#include "../tramp_map.h"
#include "decode.h"
#include "emit.h"

#define A64_RING 8u
#define A64_RECORD 15u

/* Words of a frame: numbers of registers, or these. */
enum { WORD_NZCV = 31, WORD_FIRST, WORD_ROOM };

enum a64_routine { A64_FIND_RING, A64_STRING, A64_MEMORY, A64_TRIM, A64_STACK, A64_SLEEP };

/* Its offset in the common code. */
uint32_t a64_common_entry(enum a64_routine which);

enum a64_stub_kind {
	STUB_ARG, /* reg = 0, then as STUB_MARK */
	STUB_MARK, /* slot = x0, its fault bit; if there is no slot nothing */
	STUB_FULL, /* ring full: wait or drop */
	STUB_CELL, /* no cells: wait or drop */
	STUB_DEEP, /* the stack does not fit a record: a stop */
	STUB_AGAIN, /* the call was recorded before */
	STUB_RESERVE, /* a jump over the place of the reservation */
	STUB_CLAUSE, /* the clause's record, after a fault in its cell's value */
};

struct a64_stub {
	enum a64_stub_kind kind;
	uint32_t label, next; /* where it is, where it goes on */
	struct arch_tramp_range state;
	int slot; /* -1: none */
	uint8_t reg;
	uint8_t done; /* STUB_CLAUSE: phase when the record is left */
	struct near_reserve reserve;
	const struct arch_tramp_firing *firing;
	const struct arch_tramp_clause *clause;
};

struct a64_gen {
	struct a64_asm e;
	const struct arch_tramp_job *job;
	uint64_t base;
	struct arch_tramp_range now; /* how the present place looks */
	struct tramp_notes notes;
	VEC(struct a64_stub) stubs;
	uint32_t behind; /* label: where the job's calls go on */
	const char *why;
};

/* Firings at one instruction, on one condition. */
struct a64_block {
	const struct arch_tramp_firing *firings;
	uint32_t n;
	bool is_later; /* another block of the same instruction came before */
	bool has_more; /* or comes after */
	uint8_t call; /* as in struct arch_tramp_range */
	bool is_back;
};
void a64_block_emit(struct a64_gen *g, const struct a64_block *b);

/* call.c: the job's calls, and the looks out of them. */
const char *a64_calls_check(const struct arch_tramp_job *job);
void a64_calls_emit(struct a64_gen *g, struct arch_tramp *t);
/* Goes on at the label if the thread comes to its call again; changes what a64_find_ring() does. */
void a64_again_emit(struct a64_gen *g, uint32_t done);
void a64_stub_again(struct a64_gen *g, const struct a64_stub *s);
/* A place in or around a call; r: as it is at the call already. */
void a64_call_place(const struct arch_tramp *t, const struct arch_tramp_range *range,
		    struct arch_regs *r, struct arch_tramp_place *ret);
bool a64_slot_place(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read, void *arg,
		    struct arch_tramp_place *ret);
/* A frame for g->now.frame. */
uint8_t a64_frame_add(struct a64_gen *g, const struct arch_tramp_frame *f);

/* From here on the code looks as g->now says. */
void a64_state(struct a64_gen *g);
/* The next instruction may fault and goes on at the label then. */
void a64_fixup(struct a64_gen *g, uint32_t label);
void a64_stub(struct a64_gen *g, const struct a64_stub *s);
/* Calls the common code; changes x30. */
void a64_call(struct a64_gen *g, enum a64_routine which);
/* x8 = the thread's ring; changes x0..x5. */
void a64_find_ring(struct a64_gen *g);

/* What a clause's code uses: set of registers (bit n: register n). */
#define USES_NZCV (1u << WORD_NZCV)
#define USES_RING 0x4000013fu /* x0..x5, x8, x30 */
#define USES_STACK (1u << 6 | 1u << 7)
uint32_t a64_near_uses(const struct arch_tramp_firing *f, const struct arch_tramp_clause *c);
/*
 * The clause's code.  r: has_others; phase: what holds once it has
 * left its record.
 */
void a64_near_clause(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase);
/* agg.c: goes on only if the ring (x8 from then on) has cells and words up to end. */
void a64_cells_check(struct a64_gen *g, uint32_t end, uint32_t skip);
/* Value v into the cell, which is there. */
void a64_agg_add(struct a64_gen *g, const struct arch_agg *a, unsigned v);
/* The clause's cell, its value in register v; full: label for a key without a place. */
void a64_agg_update(struct a64_gen *g, const struct arch_agg *a, unsigned v,
		    enum arch_tramp_phase phase, uint32_t skip, uint32_t full);
uint32_t a64_agg_uses(const struct arch_agg *a);
/* objects.c: dst = address of the object, which is put together if need be.  Changes x0, x1. */
void a64_object_emit(struct a64_gen *g, const struct arch_where *w, unsigned room, unsigned dst);
/* stack.c: goes to a stop unless the stack has at most max bytes; skip: where a lost hit goes
 * on.  x8 is the ring; changes x0..x2. */
void a64_stack_check(struct a64_gen *g, uint32_t max, uint32_t skip);
/* Registers and stack, behind what the record has so far. */
void a64_stack_emit(struct a64_gen *g, const struct arch_tramp_firing *f, uint32_t max);
/* The control word: a breakpoint, or the hit is lost. */
void a64_stub_deep(struct a64_gen *g, const struct a64_stub *s);
/* places.c: dst = the value; where its memory can't be read the code goes on at fault, with
 * the address in x0.  Changes x0. */
void a64_place_emit(struct a64_gen *g, const struct arch_place *p, uint64_t pc, unsigned dst,
		    uint32_t fault);
bool a64_place_may_fault(const struct arch_place *p);
/* dst = the program's register. */
void a64_take_emit(struct a64_gen *g, unsigned dst, unsigned src);
/* How NLD and arguments of size and sign c are loaded. */
enum a64_mem a64_load_of(unsigned c);
/* Only its record. */
void a64_near_record(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase);
/* stub.c: emits the stubs there are; they may make more, which come too. */
void a64_stubs_emit(struct a64_gen *g);
/* Takes the place in the ring; x15 = record, x8 = ring.  faults is zero: all free space is. */
void a64_reserve_emit(struct a64_gen *g, const struct near_reserve *r);
/* Adds x2 to the word at x1; changes x3..x5. */
void a64_add_emit(struct a64_asm *e);

/* Where the frame has the word, as an offset from sp; -1: nowhere, the register is live. */
int32_t a64_saved_at(const struct a64_gen *g, unsigned word);

extern const uint8_t a64_near_regs[NEAR_REGS];

/* Offsets in records and rings. */
#define REC(field) ((uint32_t)offsetof(struct dl_record, field))
#define RING(field) ((uint32_t)offsetof(struct arch_ring, field))
#define SLOT(n) (REC(slots) + 8 * (uint32_t)(n))

#endif
