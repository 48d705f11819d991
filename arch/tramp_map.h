/*
 * The map of a trampoline: notes taken while its code is made, and looking things
 * up in it.  What all processors share of tramp.c.  Private to arch/.
 */
#ifndef ARCH_TRAMP_MAP_H
#define ARCH_TRAMP_MAP_H

#include "../dlang/vec.h"
#include "record.h"

/* The firings [first, end) of the job, at one instruction, on one condition. */
struct tramp_block {
	uint32_t first, end;
	bool is_later; /* another block of the same instruction came before */
	bool has_more; /* or comes after */
};

/* Are the firings in order, can their clauses be compiled?  Why not, or NULL. */
const char *tramp_check_firings(const struct arch_tramp_job *job);
/* The block of firings that starts at i. */
struct tramp_block tramp_next_block(const struct arch_tramp_job *job, uint32_t i);
uint32_t tramp_count_clauses(const struct arch_tramp_job *job, const struct tramp_block *b);
/* Needs it a word of the frame that is DL_REC_FIRST until it has left a record? */
bool tramp_needs_first(const struct arch_tramp_firing *f);

struct tramp_notes {
	VEC(struct arch_tramp_range) ranges;
	VEC(struct arch_tramp_frame) frames;
	VEC(struct arch_tramp_pair) fixups, traps; /* to: labels until they are handed over */
	VEC(uint32_t) stops;
};

void tramp_notes_deinit(struct tramp_notes *n);
/* From offset now->off on; false (of all three): out of memory. */
bool tramp_note_range(struct tramp_notes *n, const struct arch_tramp_range *now);
bool tramp_note_fixup(struct tramp_notes *n, uint32_t off, uint32_t label);
bool tramp_note_frame(struct tramp_notes *n, const struct arch_tramp_frame *f, uint8_t *ret);
/* The tables go to the map; labels: their offsets. */
void tramp_notes_hand_over(struct tramp_notes *n, const uint32_t *labels, struct arch_tramp *t);

const struct arch_tramp_range *tramp_find_range(const struct arch_tramp *t, uint64_t off);
bool tramp_in_common(uint64_t common, uint64_t pc);
/* Each processor's near_common.c: where a load at off in it goes on; 0: it is none of ours. */
uint32_t tramp_common_fixup(uint64_t off);

/*
 * The head of a record's stack: n words, of which the first is the program counter,
 * the second whether it is at a function's entry, the last the lowest address; behind
 * it the stack, then the word that says where the head is.  Fills all of *ret but the
 * registers.  NULL: the record, which the target may have written, has none.
 */
const uint64_t *tramp_stack_head(const struct dl_record *rec, unsigned n, struct arch_stack *ret);

#endif
