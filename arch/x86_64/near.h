/*
 * Making a trampoline: what near.c and tramp.c share.  Private to arch/x86_64/.
 *
 * A trampoline is made of blocks, one before each displaced instruction at
 * which probes fire:
 *
 *	lea -128(%rsp), %rsp	skip the red zone
 *	push ...		the registers the block uses, flags, who is first
 *	clauses			near.c
 *	pop ...
 *	lea 128(%rsp), %rsp
 *
 * Registers in a block: near's r0..r5 are r10, rbx, rbp, r12, r13, r14; r11 is
 * the record; rax, rcx, rdx are scratch, rsi and rdi too around captures.  What
 * is not saved still holds the program's value.  A block goes at most 320 bytes
 * below the program's rsp, red zone and return address included; a typical one
 * 160 to 200.
 *
 * What is seldom needed (faults, a full ring) is a stub behind everything else.
 */
#ifndef ARCH_X86_64_NEAR_H
#define ARCH_X86_64_NEAR_H

#include "../near_look.h"
#include "../tramp_map.h"
#include "decode.h"
#include "emit.h"

#define X64_RECORD R11

/* Words of a frame: numbers of registers, or these. */
enum { WORD_LAHF = 16, WORD_PUSHFQ, WORD_FIRST, WORD_ROOM };

#define RED_ZONE 128

enum x64_routine { X64_STRING, X64_MEMORY, X64_TRIM, X64_STACK };

/* Its offset in the common code. */
uint32_t x64_common_entry(enum x64_routine which);

enum x64_stub_kind {
	STUB_LOAD, /* rax = address of a load, then as STUB_MARK */
	STUB_ARG, /* reg = 0, then as STUB_MARK; rax is the address already */
	STUB_MARK, /* slot = rax, its fault bit; if there is no slot nothing */
	STUB_FULL, /* ring full: wait or drop */
	STUB_CELL, /* no cells: wait or drop */
	STUB_DEEP, /* the stack does not fit a record: a stop */
	STUB_TSC, /* the counter can't be read */
	STUB_CLOCK, /* the same, for NTIME: as if it stood still */
	STUB_RESERVE, /* a jump over the place of the reservation */
	STUB_CLAUSE, /* the clause's record, after a fault in its cell's value */
};

struct x64_stub {
	enum x64_stub_kind kind;
	uint32_t label, next; /* where it is, where it goes on */
	struct arch_tramp_range state;
	int slot; /* -1: none */
	uint8_t reg, base;
	uint8_t done; /* STUB_CLAUSE: phase when the record is left */
	int32_t disp;
	struct near_reserve reserve;
	const struct arch_tramp_firing *firing;
	const struct arch_tramp_clause *clause;
};

struct x64_gen {
	struct x64_asm e;
	const struct arch_tramp_job *job;
	uint64_t base;
	struct arch_tramp_range now; /* how the present place looks */
	struct tramp_notes notes;
	VEC(struct x64_stub) stubs;
	uint32_t behind; /* label: where the job's calls go on */
	const char *why;
};

/* Firings at one instruction, on one condition. */
struct x64_block {
	const struct arch_tramp_firing *firings;
	uint32_t n;
	uint8_t insn;
	bool is_later; /* another block of the same instruction came before */
	bool has_more; /* or comes after */
	bool flags_live;
	uint8_t call; /* as in struct arch_tramp_range */
	bool is_back;
};
void x64_block_emit(struct x64_gen *g, const struct x64_block *b);

/* hop.c */
void x64_hop_bytes(const struct arch_patch_plan *p, uint8_t *out);
/* call.c: the job's calls, and the looks out of them. */
const char *x64_calls_check(const struct arch_tramp_job *job);
void x64_calls_emit(struct x64_gen *g, struct arch_tramp *t);
/* The way of all other numbers to the plain slot; what must stop falls through. */
void x64_plain_emit(struct x64_gen *g);
/* A place in or around a call; r: as it is at the call already. */
void x64_call_place(const struct arch_tramp *t, const struct arch_tramp_range *range,
		    struct arch_regs *r, struct arch_tramp_place *ret);
bool x64_slot_place(const struct arch_tramp *t, const struct arch_regs *r,
		    struct arch_tramp_place *ret);

/* From here on the code looks as g->now says. */
/* A frame for g->now.frame. */
uint8_t x64_frame_add(struct x64_gen *g, const struct arch_tramp_frame *f);
void x64_state(struct x64_gen *g);
/* The next instruction may fault and goes on at the label then. */
void x64_fixup(struct x64_gen *g, uint32_t label);
void x64_stub(struct x64_gen *g, const struct x64_stub *s);

/* What a clause's code uses: set of registers (bit n: register n). */
#define USES_RFLAGS (1u << 16) /* reads the flags as a register */
uint32_t x64_near_uses(const struct arch_tramp_firing *f, const struct arch_tramp_clause *c);
/*
 * The clause's code.  r: has_others; phase: what holds once it has
 * left its record.
 */
void x64_near_clause(struct x64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase);
/* agg.c: goes on only if the ring has cells and words up to end. */
void x64_cells_check(struct x64_gen *g, uint32_t end, uint32_t skip);
/* Value v into the cell, which is there. */
void x64_agg_add(struct x64_gen *g, const struct arch_agg *a, unsigned v);
/* The clause's cell, its value in register v; full: label for a key without a place. */
void x64_agg_update(struct x64_gen *g, const struct arch_agg *a, unsigned v,
		    enum arch_tramp_phase phase, uint32_t skip, uint32_t full);
uint32_t x64_agg_uses(const struct arch_agg *a);
/* places.c: dst = the value; where its memory can't be read the code goes on at fault.
 * Changes rax. */
void x64_place_emit(struct x64_gen *g, const struct arch_place *p, uint64_t pc, unsigned dst,
		    uint32_t fault);
bool x64_place_may_fault(const struct arch_place *p);
/* objects.c: dst = address of the object, which is put together if need be. */
void x64_object_emit(struct x64_gen *g, const struct arch_where *w, bool is_return, unsigned room,
		     unsigned dst);
/* stack.c: goes to a stop unless the stack has at most max bytes; skip: where a lost hit goes
 * on.  Changes rax, rdx. */
void x64_stack_check(struct x64_gen *g, uint32_t max, uint32_t skip);
/* Registers and stack, behind what the record has so far. */
void x64_stack_emit(struct x64_gen *g, const struct arch_tramp_firing *f, uint32_t max);
#define USES_STACK (1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI)
/* The control word: a breakpoint, or the hit is lost. */
void x64_stub_deep(struct x64_gen *g, const struct x64_stub *s);
void x64_call_emit(struct x64_gen *g, enum x64_routine which);
/* dst = c-sized word at [base + disp], c as in NLD. */
void x64_word_emit(struct x64_asm *e, unsigned dst, unsigned base, int32_t disp, unsigned c);
/* dst = the program's register. */
void x64_take_emit(struct x64_gen *g, unsigned dst, unsigned src);
/* Only its record. */
void x64_near_record(struct x64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase);
/* stub.c: emits the stubs there are; they may make more, which come too. */
void x64_stubs_emit(struct x64_gen *g);
/* Takes the place in the ring; r11 = record.  faults is zero: all free space is. */
void x64_reserve_emit(struct x64_gen *g, const struct near_reserve *r);

/* Where the frame has the word, as an offset from rsp; -1: nowhere, the register is live. */
int32_t x64_saved_at(const struct x64_gen *g, unsigned word);

extern const uint8_t x64_near_regs[NEAR_REGS];

/* Offsets in records and rings. */
#define REC(field) ((int32_t)offsetof(struct dl_record, field))
#define RING(field) ((uint32_t)offsetof(struct arch_ring, field))
#define SLOT(n) (REC(slots) + 8 * (int32_t)(n))

#endif
