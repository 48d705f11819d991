/*
 * Values of two scalars (Rust's slices and the like): each is passed as if it
 * were an argument of its own, by whatever convention.
 */
#include "place_pair.h"

void place_piece(struct arch_where *w, bool is_vector, unsigned n, uint64_t at, uint64_t size)
{
	w->how = ARCH_IN_PIECES;
	w->pieces[w->n_pieces++] =
		(struct arch_piece){ is_vector ? ARCH_PIECE_VECTOR : ARCH_PIECE_WORD, (uint8_t)n,
				     (uint8_t)at, (uint8_t)size };
}

void place_pair(place_fn *place, void *state, const struct arch_param *p, struct arch_where *ret)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct arch_scalar *sc = &p->pair[i];
		struct arch_param alone = {
			.kind = sc->is_float ? ARCH_PARAM_FLOAT : ARCH_PARAM_INT,
			.size = sc->size,
		};
		struct arch_where w = { 0 };

		place(state, &alone, &w);
		if (sc->at + sc->size > ARCH_PIECES_BYTES)
			return;
		place_piece(ret, w.how == ARCH_IN_PIECES,
			    w.how == ARCH_IN_PIECES ? w.pieces[0].n : w.n, sc->at, sc->size);
	}
}
