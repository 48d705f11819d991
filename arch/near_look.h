/*
 * Near programs as all processors' compilers look at them, before and while they
 * make code: which registers, which jumps, what may fault.  Private to arch/.
 */
#ifndef ARCH_NEAR_LOOK_H
#define ARCH_NEAR_LOOK_H

#include "record.h"

/* Instructions. */
/* Leaves it something behind, other than in the record? */
bool near_acts(uint8_t op);
/* Is it an argument on the stack? */
bool near_on_stack(const struct arch_tramp_firing *f, const struct dl_insn *i);
bool near_may_fault(const struct arch_tramp_firing *f, const struct dl_insn *i);
/* Which near registers the instruction reads, writes: bit sets. */
unsigned near_reads(const struct dl_insn *i);
unsigned near_writes(const struct dl_insn *i);

/* Programs. */
/* The instruction behind the last NREC. */
uint32_t near_behind_predicate(const struct dl_code *code);
/* All that it reads or writes. */
unsigned near_touches(const struct dl_code *code);
/* Has its record no fixed length? */
bool near_varies(const struct dl_code *code);
/*
 * Registers start at zero: those that must be set, as others are surely written
 * before they are read (in the straight stretch from the start).  a: whose value
 * and key the code computes; NULL.
 */
unsigned near_to_zero(const struct arch_tramp_firing *f, const struct dl_code *code,
		      const struct arch_agg *a);
/* For each instruction the one that closes its slot, or -1; NULL: out of memory. */
int32_t *near_find_closes(const struct dl_code *code);

/* Objects among the arguments that are put together from registers, in words of the frame. */
/* The one that the instruction asks for; NULL: it asks for none. */
const struct arch_where *near_object(const struct arch_tramp_firing *f, const struct dl_insn *i);
/* At which word of the frame's room it is put together, for NARG i of the code. */
unsigned near_room_at(const struct arch_tramp_firing *f, const struct dl_code *code,
		      const struct dl_insn *i);
#define NEAR_ROOM_MAX 8u
/* How many words all blocks' firings need at most: 0 .. NEAR_ROOM_MAX. */
unsigned near_room(const struct arch_tramp_firing *f, uint32_t n);
/* How many bytes a piece is stored as: 1, 2, 4, 8, 16. */
unsigned near_piece_bytes(const struct arch_piece *p);
/* The processor's: does its code reach this piece? */
bool near_has_piece(enum arch_probe_kind kind, const struct arch_piece *p);

/* Of a static probe's place that is a number: it, as a value of the place's type. */
uint64_t near_place_const(const struct arch_place *p);

/* Clauses. */
/* How a clause's record gets its place. */
struct near_reserve {
	uint32_t need; /* bytes */
	uint32_t start; /* end of the slots: where the tail begins */
	uint32_t stack; /* not 0: the stack must have no more bytes than that */
	bool varies; /* the length is known only at the end */
	bool has_others; /* the firing has more clauses: the frame's word says who is first */
	uint32_t skip; /* label: the clause is over */
};
/* How many bytes the clause's record needs. */
void near_reserve_record(const struct arch_tramp_clause *c, struct near_reserve *r);
/* Where the words and cells that its code uses end, in the ring's head; 0: it uses none. */
uint32_t near_cells_end(const struct arch_tramp_clause *c);
/* Why the clause can't be compiled, NULL if it can. */
const char *near_refuse(const struct arch_tramp_clause *c);
/* Why one of the firing's clauses can't. */
const char *near_refuse_any(const struct arch_tramp_firing *f);
/* What a processor's code uses, as a set of its registers. */
struct near_needs {
	uint32_t record; /* to leave a record */
	uint32_t cells; /* to find cells and words */
	uint32_t (*code)(const struct dl_code *code);
	uint32_t (*agg)(const struct arch_agg *a);
};
uint32_t near_uses(const struct near_needs *needs, const struct arch_tramp_firing *f,
		   const struct arch_tramp_clause *c);

#endif
