/*
 * Aggregation cells: updates of the thread's own counters, without a record.
 *
 * Rules:
 *  - a word is changed by compare-and-exchange, so that a signal handler that
 *    updates the same cell loses nothing;
 *  - the value comes before the count of hits (word 0), so that who sees a hit
 *    sees a value;
 *  - whether an exchange took place can't be told from the pc: from the first
 *    on the phase is PARTIAL, until all is done;
 *  - the arithmetic is that of dlang/agg_bucket.c.
 */
#include "near.h"

uint32_t a64_agg_uses(const struct arch_agg *a)
{
	bool compares = a->kind == ARCH_AGG_MIN || a->kind == ARCH_AGG_MAX ||
			a->kind == ARCH_AGG_LQUANTIZE || a->kind == ARCH_AGG_STDDEV ||
			a->kind == ARCH_AGG_LLQUANTIZE;

	return USES_RING | (compares ? USES_NZCV : 0) |
	       (a->key_bits ? 1u << 6 | 1u << 7 | 1u << A64_RECORD : 0);
}

void a64_cells_check(struct a64_gen *g, uint32_t end, uint32_t skip)
{
	struct a64_asm *e = &g->e;
	struct a64_stub s = { .kind = STUB_CELL,
			      .label = emit_label(e),
			      .next = emit_label(e),
			      .state = g->now,
			      .reserve = { .skip = skip } };

	a64_stub(g, &s);
	emit_place(e, s.next);
	a64_find_ring(g);
	emit_mem(e, LDRW, X(0), A64_RING, RING(cells_end));
	emit_const(e, X(1), end);
	emit_rrr(e, OP_SUB, X(0), X(0), X(1));
	emit_lsr(e, X(0), X(0), 63);
	emit_cbnz(e, X(0), s.label);
}

/* The word at x1 becomes v, if that is more extreme. */
static void gen_extreme(struct a64_asm *e, const struct arch_agg *a, unsigned v)
{
	uint32_t again = emit_label(e);

	emit_const(e, X(5), EXCLUSIVE_TRIES);
	emit_place(e, again);
	emit_ldxr(e, X(3), X(1));
	emit_cmp(e, v, X(3));
	emit_csel(e, X(3), v, X(3), a->kind == ARCH_AGG_MIN ? CC_LT : CC_GT);
	emit_exchange(e, X(3), X(1), X(4), X(5), again);
}

/* x0 = bucket of v: 63 for 0, 64 + log2(v), 62 - log2(-v) but not below 0. */
static void gen_power(struct a64_asm *e, unsigned v)
{
	uint32_t negative = emit_label(e), known = emit_label(e);

	emit_const(e, X(0), 63);
	emit_cbz(e, v, known);
	emit_lsr(e, X(0), v, 63);
	emit_cbnz(e, X(0), negative);
	emit_clz(e, X(0), v);
	emit_const(e, X(1), 127);
	emit_rrr(e, OP_SUB, X(0), X(1), X(0));
	emit_b(e, known);
	emit_place(e, negative);
	emit_rrr(e, OP_SUB, X(0), XZR, v);
	emit_clz(e, X(0), X(0));
	emit_addi(e, X(0), X(0), -1);
	emit_lsr(e, X(1), X(0), 63);
	emit_rrr(e, OP_ADD, X(0), X(0), X(1));
	emit_place(e, known);
}

/* x0 = bucket of v's low 32 bits: 0 below base, levels + 1 at the top. */
static void gen_linear(struct a64_asm *e, uint64_t param, unsigned v)
{
	uint32_t levels = (uint32_t)(param >> 32) & 0xffff, step = (uint32_t)(param >> 48);
	uint32_t below = emit_label(e), known = emit_label(e);

	emit_extend(e, true, X(0), v, 32);
	emit_const(e, X(1), (uint64_t)(int64_t)(int32_t)param);
	emit_rrr(e, OP_SUB, X(0), X(0), X(1));
	emit_lsr(e, X(1), X(0), 63);
	emit_cbnz(e, X(1), below);
	if (step > 1) {
		emit_const(e, X(2), step);
		emit_rrr(e, OP_UDIVW, X(0), X(0), X(2));
	}
	emit_const(e, X(1), levels);
	emit_cmp(e, X(0), X(1));
	emit_csel(e, X(0), X(1), X(0), CC_HI);
	emit_addi(e, X(0), X(0), 1);
	emit_b(e, known);
	emit_place(e, below);
	emit_const(e, X(0), 0);
	emit_place(e, known);
}

/* x0 = bucket of v. */
static void gen_ranges(struct a64_asm *e, const struct arch_agg *a, unsigned v)
{
	uint32_t known = emit_label(e);

	/* From the last on: the first that begins at v or below. */
	for (uint32_t k = a->n_ranges; k-- > 0;) {
		const struct arch_agg_range *r = &a->ranges[k];
		uint32_t below = emit_label(e);

		emit_const(e, X(1), (uint64_t)r->lower);
		emit_cmp(e, v, X(1));
		emit_bcc(e, CC_LT, below);
		emit_const(e, X(0), 0);
		if (r->width)
			emit_rrr(e, OP_SUB, X(0), v, X(1));
		if (r->width > 1) {
			emit_const(e, X(1), r->width);
			emit_rrr(e, OP_UDIV, X(0), X(0), X(1));
		}
		emit_add(e, X(0), X(0), r->first);
		emit_b(e, known);
		emit_place(e, below);
	}
	emit_const(e, X(0), 0);
	emit_place(e, known);
}

/* The square's words, the carry from one to the other, and the value. */
static void gen_square(struct a64_asm *e, const struct arch_agg *a, unsigned v)
{
	emit_add(e, X(1), A64_RING, a->cell + 16);
	emit_rrr(e, OP_MUL, X(2), v, v);
	a64_add_emit(e); /* x3: the sum */
	emit_cmp(e, X(3), X(2));
	emit_cset(e, X(0), CC_LO);
	emit_rrr(e, OP_SMULH, X(2), v, v);
	emit_rrr(e, OP_ADD, X(2), X(2), X(0));
	emit_add(e, X(1), A64_RING, a->cell + 24);
	a64_add_emit(e);
	emit_add(e, X(1), A64_RING, a->cell + 8);
	emit_mov(e, X(2), v);
	a64_add_emit(e);
}

/* Adds the increment to bucket x0. */
static void gen_bucket(struct a64_asm *e, const struct arch_agg *a)
{
	emit_add(e, X(1), A64_RING, a->cell + 8);
	emit_shifted(e, OP_ADD, X(1), X(1), X(0), 3);
	emit_const(e, X(2), (uint64_t)a->increment);
	a64_add_emit(e);
}

static void gen_value(struct a64_asm *e, const struct arch_agg *a, unsigned v)
{
	switch (a->kind) {
	case ARCH_AGG_COUNT: break;
	case ARCH_AGG_SUM:
	case ARCH_AGG_AVG:
		emit_add(e, X(1), A64_RING, a->cell + 8);
		emit_mov(e, X(2), v);
		a64_add_emit(e);
		break;
	case ARCH_AGG_MIN:
	case ARCH_AGG_MAX:
		emit_add(e, X(1), A64_RING, a->cell + 8);
		gen_extreme(e, a, v);
		break;
	case ARCH_AGG_QUANTIZE:
		gen_power(e, v);
		gen_bucket(e, a);
		break;
	case ARCH_AGG_LQUANTIZE:
		gen_linear(e, a->param, v);
		gen_bucket(e, a);
		break;
	case ARCH_AGG_STDDEV: gen_square(e, a, v); break;
	case ARCH_AGG_LLQUANTIZE:
		gen_ranges(e, a, v);
		gen_bucket(e, a);
		break;
	}
}

void a64_agg_add(struct a64_gen *g, const struct arch_agg *a, unsigned v)
{
	struct a64_asm *e = &g->e;

	gen_value(e, a, v);
	emit_add(e, X(1), A64_RING, a->cell);
	emit_const(e, X(2), 1);
	a64_add_emit(e);
}

/*
 * x7 = address of the key's entry in the table, which is the key's from then on;
 * x6: entries left to look at, x15: the key's word.
 */
static void gen_find(struct a64_asm *e, const struct arch_agg *a, uint32_t full)
{
	unsigned key = a64_near_regs[a->key_reg], entry = 8 * arch_agg_entry(a->kind);
	uint32_t again = emit_label(e), retry = emit_label(e), next = emit_label(e);
	uint32_t found = emit_label(e);

	emit_addi(e, A64_RECORD, key, 1);
	emit_cbz(e, A64_RECORD, full);
	emit_const(e, X(0), ARCH_KEY_FACTOR);
	emit_rrr(e, OP_MUL, X(0), X(0), key);
	emit_lsr(e, X(0), X(0), 64u - a->key_bits);
	emit_add(e, X(7), A64_RING, a->cell);
	emit_shifted(e, OP_ADD, X(7), X(7), X(0), entry == 16 ? 4 : 5);
	emit_const(e, X(6), ARCH_KEY_WINDOW);
	emit_place(e, again);
	emit_const(e, X(5), EXCLUSIVE_TRIES);
	emit_place(e, retry);
	emit_ldxr(e, X(3), X(7));
	emit_rrr(e, OP_SUB, X(0), X(3), A64_RECORD);
	emit_cbz(e, X(0), found);
	emit_cbnz(e, X(3), next);
	emit_mov(e, X(3), A64_RECORD);
	emit_exchange(e, X(3), X(7), X(4), X(5), retry);
	emit_b(e, found);
	emit_place(e, next);
	emit_addi(e, X(7), X(7), (int)entry);
	emit_addi(e, X(6), X(6), -1);
	emit_cbnz(e, X(6), again);
	emit_b(e, full);
	emit_place(e, found);
}

static void gen_table(struct a64_gen *g, const struct arch_agg *a, unsigned v, uint32_t full)
{
	struct a64_asm *e = &g->e;

	gen_find(e, a, full);
	g->now.phase = ARCH_TRAMP_PARTIAL;
	a64_state(g);
	emit_addi(e, X(1), X(7), 16);
	if (a->kind == ARCH_AGG_MIN || a->kind == ARCH_AGG_MAX) {
		gen_extreme(e, a, v);
	} else if (a->kind != ARCH_AGG_COUNT) {
		emit_mov(e, X(2), v);
		a64_add_emit(e);
	}
	emit_addi(e, X(1), X(7), 8);
	emit_const(e, X(2), 1);
	a64_add_emit(e);
}

void a64_agg_update(struct a64_gen *g, const struct arch_agg *a, unsigned v,
		    enum arch_tramp_phase phase, uint32_t skip, uint32_t full)
{
	a64_cells_check(g, a->cell + 8 * arch_agg_room(a), skip);
	if (a->key_bits) {
		gen_table(g, a, v, full);
	} else {
		g->now.phase = ARCH_TRAMP_PARTIAL;
		a64_state(g);
		a64_agg_add(g, a, v);
	}
	g->now.phase = (uint8_t)phase;
	a64_state(g);
}
