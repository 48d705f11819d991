/*
 * Arguments by value and numbers that float: what a near program asks the address
 * of.  What is in memory is told where it is; what is in registers is put together
 * in words of the block's frame, as pid_value_called() of the tracer does at a stop
 * (AAPCS64, 6.8 and 6.9).  Vector registers are read, never written.
 */
#include "near.h"

#define RESULTS 2u
#define VECTORS 32u

bool near_has_piece(enum arch_probe_kind kind, const struct arch_piece *p)
{
	switch ((enum arch_piece_kind)p->kind) {
	case ARCH_PIECE_WORD:
		return p->size <= 8 &&
		       p->n < (kind == ARCH_PROBE_RETURN ? RESULTS : arch_reg_args());
	case ARCH_PIECE_VECTOR: return p->size >= 4 && p->size <= 16 && p->n < VECTORS;
	case ARCH_PIECE_DWARF: return p->size <= 8 && p->n < 31;
	}
	return false;
}

/* The room's word at `at`, as an offset from sp. */
static int room_offset(const struct a64_gen *g, unsigned at)
{
	return (int)(a64_saved_at(g, WORD_ROOM) + 8 * (int32_t)at);
}

/* str with an offset that is not scaled: [x0 + off] = the low bytes of register t */
static void store(struct a64_asm *e, bool is_vector, unsigned bytes, unsigned t, unsigned off)
{
	unsigned log = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;

	emit(e, (bytes == 16 ? 0x3c800000u : 0x38000000u | log << 30 | (is_vector ? 1u << 26 : 0)) |
			off << 12 | X(0) << 5 | t);
}

/* x0 = where the object is; changes x1. */
static void put_piece(struct a64_gen *g, const struct arch_piece *p)
{
	bool is_vector = p->kind == ARCH_PIECE_VECTOR;

	/* Words of calls and of results are both those from x0 on, as are DWARF's numbers. */
	if (!is_vector)
		a64_take_emit(g, X(1), p->n);
	store(&g->e, is_vector, near_piece_bytes(p), is_vector ? p->n : X(1), p->at);
}

void a64_object_emit(struct a64_gen *g, const struct arch_where *w, unsigned room, unsigned dst)
{
	struct arch_piece word = { .kind = ARCH_PIECE_WORD, .n = w->n, .size = 8 };

	switch (w->how) {
	case ARCH_AT_ADDRESS: a64_take_emit(g, dst, w->n); return;
	case ARCH_ON_STACK: /* no return address is ever there */
		emit_addi(&g->e, dst, SP, g->now.depth + 8 * (int)(w->n - arch_reg_args()));
		return;
	default: break;
	}
	emit_addi(&g->e, X(0), SP, room_offset(g, room));
	if (w->how == ARCH_IN_WORD)
		put_piece(g, &word);
	for (unsigned i = 0; w->how == ARCH_IN_PIECES && i < w->n_pieces; i++)
		put_piece(g, &w->pieces[i]);
	emit_mov(&g->e, dst, X(0));
}
