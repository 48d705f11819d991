/*
 * A record's place in the ring, and what is seldom needed: stubs.
 *
 * Taking the place is the protocol of record.h, steps 1 and 2.  Stubs stand
 * behind the trampoline's blocks, so that the common path is straight; each
 * says how the place it is reached from looks.
 *
 * Ordering: limit is read with acquire, so that what the consumer cleared is
 * clear for us; head and len are stored with release, so that who sees them
 * sees what came before.
 */
#include "near.h"

/* Where the frame has the register, as an offset from sp; -1: it is live. */
int32_t a64_saved_at(const struct a64_gen *g, unsigned word)
{
	const struct arch_tramp_frame *f;

	if (g->now.words == 0 || g->now.frame >= g->notes.frames.n)
		return -1;
	f = &g->notes.frames.items[g->now.frame];
	for (unsigned i = 0; i < f->n; i++)
		if (f->word[i] == word)
			return 8 * (int32_t)i;
	return -1;
}

void a64_call(struct a64_gen *g, enum a64_routine which)
{
	uint64_t to = g->job->common + a64_common_entry(which);
	int64_t rel = (int64_t)(to - (g->base + emit_here(&g->e)));

	if (rel < -(INT64_C(1) << 27) || rel >= INT64_C(1) << 27 || rel & 3)
		g->why = "the common code is out of reach";
	emit(&g->e, 0x94000000 | ((uint32_t)(rel >> 2) & 0x3ffffff)); /* bl */
}

void a64_find_ring(struct a64_gen *g)
{
	emit_const(&g->e, X(0), g->job->anchor);
	a64_call(g, A64_FIND_RING);
}

void a64_add_emit(struct a64_asm *e)
{
	uint32_t again = emit_label(e);

	emit_const(e, X(5), EXCLUSIVE_TRIES);
	emit_place(e, again);
	emit_ldxr(e, X(3), X(1));
	emit_rrr(e, OP_ADD, X(3), X(3), X(2));
	emit_exchange(e, X(3), X(1), X(4), X(5), again);
}

/* ------------------------------------------------------------- reserve -- */

/* Is this the first record that its firing leaves? */
static void gen_flags(struct a64_gen *g, const struct near_reserve *r)
{
	struct a64_asm *e = &g->e;
	uint32_t at;

	if (!r->has_others) {
		emit_const(e, X(1), DL_REC_FIRST);
		emit_mem(e, STRW, X(1), A64_RECORD, REC(flags));
		return;
	}
	at = (uint32_t)a64_saved_at(g, WORD_FIRST);
	emit_mem(e, LDRX, X(1), SP, at);
	emit_mem(e, STRW, X(1), A64_RECORD, REC(flags));
	emit_mem(e, STRX, XZR, SP, at);
}

/* The raw counter into the record; not read ahead of what came before. */
static void gen_time(struct a64_asm *e)
{
	emit(e, INS_ISB);
	emit_sys(e, MRS_CNTVCT, X(0));
	emit_mem(e, STRX, X(0), A64_RECORD, REC(time));
}

/* x0 = head, x2 = head behind the record, which is taken; x1 = address of head. */
static void gen_take(struct a64_gen *g, const struct near_reserve *r, uint32_t full)
{
	struct a64_asm *e = &g->e;
	uint32_t again = emit_label(e);

	emit_addi(e, X(1), A64_RING, RING(limit));
	emit_ldar(e, X(3), X(1));
	emit_addi(e, X(1), A64_RING, RING(head));
	emit_const(e, X(5), EXCLUSIVE_TRIES);
	emit_place(e, again);
	emit_ldxr(e, X(0), X(1));
	emit_add(e, X(2), X(0), r->need);
	emit_rrr(e, OP_SUB, X(4), X(3), X(2));
	emit_lsr(e, X(4), X(4), 63);
	emit_cbnz(e, X(4), full);
	/* From here on it may be ours. */
	g->now.reserve = r->need;
	a64_state(g);
	emit_exchange(e, X(2), X(1), X(4), X(5), again);
}

void a64_reserve_emit(struct a64_gen *g, const struct near_reserve *r)
{
	struct a64_asm *e = &g->e;
	struct a64_stub full = { .kind = STUB_FULL,
				 .label = emit_label(e),
				 .next = emit_label(e),
				 .reserve = *r,
				 .state = g->now };

	a64_stub(g, &full);
	emit_place(e, full.next);
	a64_find_ring(g);
	if (r->stack)
		a64_stack_check(g, r->stack, r->skip);
	gen_take(g, r, full.label);
	emit_mem(e, LDRX, X(1), A64_RING, RING(mask));
	emit_mem(e, LDRX, A64_RECORD, A64_RING, RING(data));
	emit_rrr(e, OP_AND, X(1), X(0), X(1));
	emit_rrr(e, OP_ADD, A64_RECORD, A64_RECORD, X(1));
	if (r->varies) {
		/* Working values, in words that get their own at the end. */
		emit_mem(e, STRW, X(2), A64_RECORD, REC(epid));
		emit_const(e, X(1), r->start);
		emit_mem(e, STRW, X(1), A64_RECORD, REC(n_slots));
	}
	gen_flags(g, r);
	gen_time(e);
	/* faults is zero: all free space is. */
}

/* --------------------------------------------------------------- stubs -- */

/* The control word: wait for the tracer or for a while, then try again, or count a drop. */
static void stub_full(struct a64_gen *g, const struct a64_stub *s)
{
	struct a64_asm *e = &g->e;
	uint32_t rest = emit_label(e), drop = emit_label(e);
	struct arch_tramp_pair trap;

	emit_mem(e, LDRX, X(0), A64_RING, RING(control));
	emit_mem(e, LDRW, X(1), X(0), 0);
	emit_addi(e, X(1), X(1), -(int)ARCH_CONTROL_WAIT);
	emit_cbnz(e, X(1), rest);
	trap = (struct arch_tramp_pair){ emit_here(e), s->next };
	if (!vec_push(&g->notes.traps, trap))
		e->failed = true;
	emit(e, INS_BRK);
	emit_b(e, s->next);
	emit_place(e, rest);
	emit_addi(e, X(1), X(1), (int)ARCH_CONTROL_WAIT - (int)ARCH_CONTROL_SLEEP);
	emit_cbnz(e, X(1), drop);
	a64_call(g, A64_SLEEP);
	emit_b(e, s->next);
	emit_place(e, drop);
	emit_addi(e, X(1), A64_RING, RING(drops));
	emit_const(e, X(2), 1);
	a64_add_emit(e);
	emit_b(e, s->reserve.skip);
}

static void stub_mark(struct a64_gen *g, const struct a64_stub *s)
{
	struct a64_asm *e = &g->e;

	if (s->kind == STUB_ARG)
		emit_const(e, s->reg, 0);
	if (s->slot >= 0) {
		emit_mem(e, STRX, X(0), A64_RECORD, SLOT(s->slot));
		emit_mem(e, LDRX, X(1), A64_RECORD, REC(faults));
		emit_const(e, X(2), UINT64_C(1) << s->slot);
		emit_rrr(e, OP_ORR, X(1), X(1), X(2));
		emit_mem(e, STRX, X(1), A64_RECORD, REC(faults));
	}
	emit_b(e, s->next);
}

static void stub_emit(struct a64_gen *g, const struct a64_stub *s)
{
	struct a64_asm *e = &g->e;

	g->now = s->state;
	emit_place(e, s->label);
	a64_state(g);
	switch (s->kind) {
	case STUB_ARG:
	case STUB_MARK: stub_mark(g, s); break;
	case STUB_FULL:
	case STUB_CELL: stub_full(g, s); break;
	case STUB_DEEP: a64_stub_deep(g, s); break;
	case STUB_AGAIN: a64_stub_again(g, s); break;
	case STUB_RESERVE:
		a64_reserve_emit(g, &s->reserve);
		emit_b(e, s->next);
		break;
	case STUB_CLAUSE:
		a64_near_record(g, s->firing, s->clause, s->reserve, s->done);
		emit_b(e, s->next);
		break;
	}
}

void a64_stubs_emit(struct a64_gen *g)
{
	for (size_t i = 0; i < g->stubs.n && !g->e.failed; i++) {
		struct a64_stub s = g->stubs.items[i];

		stub_emit(g, &s);
	}
}
