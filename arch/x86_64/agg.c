/*
 * Aggregation cells: updates of the thread's own counters, without a record.
 *
 * Rules:
 *  - a word is changed by one instruction, or by compare-and-exchange, so that
 *    a signal handler that updates the same cell loses nothing;
 *  - the value comes before the count of hits (word 0), so that who sees a hit
 *    sees a value;
 *  - the arithmetic is that of dlang/agg_bucket.c.
 */
#include "near.h"

uint32_t x64_agg_uses(const struct arch_agg *a)
{
	switch (a->kind) {
	case ARCH_AGG_MIN:
	case ARCH_AGG_MAX:
		return 1u << RAX | (a->key_bits ? 1u << RCX | 1u << RDX | 1u << X64_RECORD : 0);
	case ARCH_AGG_STDDEV: return 1u << RAX | 1u << RDX;
	case ARCH_AGG_QUANTIZE:
	case ARCH_AGG_LQUANTIZE:
	case ARCH_AGG_LLQUANTIZE: return 1u << RAX | 1u << RCX | 1u << RDX;
	default: return a->key_bits ? 1u << RAX | 1u << RCX | 1u << RDX | 1u << X64_RECORD : 0;
	}
}

/* incq %gs:disp */
static void gen_inc(struct x64_asm *e, uint32_t disp)
{
	EMIT(e, 0x65, 0x48, 0xff, 0x04, 0x25);
	emit32(e, disp);
}

void x64_cells_check(struct x64_gen *g, uint32_t end, uint32_t skip)
{
	struct x64_asm *e = &g->e;
	uint32_t check = emit_label(e);
	struct x64_stub s = { .kind = STUB_CELL,
			      .label = emit_label(e),
			      .next = check,
			      .state = g->now,
			      .reserve = { .skip = skip } };

	x64_stub(g, &s);
	emit_place(e, check);
	EMIT(e, 0x65, 0x81, 0x3c, 0x25); /* cmpl $end, %gs:cells_end */
	emit32(e, RING(cells_end));
	emit32(e, end);
	emit_jcc(e, CC_B, s.label);
}

static void gen_extreme(struct x64_asm *e, const struct arch_agg *a, unsigned v)
{
	uint32_t again = emit_label(e), done = emit_label(e);

	emit_gs(e, OP_MOV, RAX, a->cell + 8);
	emit_place(e, again);
	emit_rr(e, OP_CMP, v, RAX);
	emit_jcc(e, a->kind == ARCH_AGG_MIN ? CC_GE : CC_LE, done);
	emit_gs(e, 0x0fb1, v, a->cell + 8); /* cmpxchg */
	emit_jcc(e, CC_NE, again);
	emit_place(e, done);
}

/* rax = bucket of v: 63 for 0, 64 + log2(v), 62 - log2(-v) but not below 0. */
static void gen_power(struct x64_asm *e, unsigned v)
{
	uint32_t negative = emit_label(e), known = emit_label(e);

	emit_const(e, RAX, 63);
	emit_rr(e, OP_TEST, v, v);
	emit_jcc(e, CC_E, known);
	emit_jcc(e, CC_S, negative);
	emit_rex(e, 1, RAX, v);
	EMIT(e, 0x0f, 0xbd, 0xc0 | (v & 7)); /* bsr v, %rax */
	emit_rm(e, OP_LEA, RAX, RAX, 64);
	emit_jmp(e, known);
	emit_place(e, negative);
	emit_rr(e, OP_MOV, RDX, v);
	emit_group(e, 0xf7, 3, RDX);
	EMIT(e, 0x48, 0x0f, 0xbd, 0xd2); /* bsr %rdx, %rdx */
	emit_const(e, RCX, 0);
	emit_const(e, RAX, 62);
	emit_rr(e, OP_SUB, RAX, RDX);
	EMIT(e, 0x48, 0x0f, 0x48, 0xc1); /* cmovs %rcx, %rax */
	emit_place(e, known);
}

/* rax = bucket of v's low 32 bits: 0 below base, levels + 1 at the top. */
static void gen_linear(struct x64_asm *e, uint64_t param, unsigned v)
{
	uint32_t levels = (uint32_t)(param >> 32) & 0xffff, step = (uint32_t)(param >> 48);
	uint32_t below = emit_label(e), known = emit_label(e);

	emit_rex(e, 1, RAX, v);
	EMIT(e, 0x63, 0xc0 | (v & 7)); /* movslq v, %rax */
	EMIT(e, 0x48, 0x2d); /* sub $base, %rax */
	emit32(e, (uint32_t)param);
	emit_jcc(e, CC_S, below);
	if (step > 1) {
		emit_const(e, RDX, 0);
		emit_const(e, RCX, step);
		EMIT(e, 0xf7, 0xf1); /* div %ecx */
	}
	emit_const(e, RCX, levels);
	EMIT(e, 0x39, 0xc8); /* cmp %ecx, %eax */
	EMIT(e, 0x0f, 0x47, 0xc1); /* cmova %ecx, %eax */
	EMIT(e, 0xff, 0xc0); /* inc %eax */
	emit_jmp(e, known);
	emit_place(e, below);
	emit_const(e, RAX, 0);
	emit_place(e, known);
}

/* rax = bucket of v. */
static void gen_ranges(struct x64_asm *e, const struct arch_agg *a, unsigned v)
{
	uint32_t known = emit_label(e);

	/* From the last on: the first that begins at v or below. */
	for (uint32_t k = a->n_ranges; k-- > 0;) {
		const struct arch_agg_range *r = &a->ranges[k];
		uint32_t below = emit_label(e);

		emit_const(e, RCX, (uint64_t)r->lower);
		emit_rr(e, OP_CMP, v, RCX);
		emit_jcc(e, CC_L, below);
		emit_const(e, RAX, 0);
		if (r->width) {
			emit_rr(e, OP_MOV, RAX, v);
			emit_rr(e, OP_SUB, RAX, RCX);
		}
		if (r->width > 1) {
			emit_const(e, RDX, 0);
			emit_const(e, RCX, r->width);
			EMIT(e, 0x48, 0xf7, 0xf1); /* div %rcx */
		}
		emit_rm(e, OP_LEA, RAX, RAX, (int32_t)r->first);
		emit_jmp(e, known);
		emit_place(e, below);
	}
	emit_const(e, RAX, 0);
	emit_place(e, known);
}

/* The square and the value; the carry is kept across signals. */
static void gen_square(struct x64_gen *g, const struct arch_agg *a, unsigned v)
{
	struct x64_asm *e = &g->e;

	emit_rr(e, OP_MOV, RAX, v);
	EMIT(e, 0x48, 0xf7, 0xe8); /* imul %rax */
	emit_gs(e, 0x01, RAX, a->cell + 16);
	g->now.phase = ARCH_TRAMP_PARTIAL;
	x64_state(g);
	emit_gs(e, 0x11, RDX, a->cell + 24); /* adc */
	emit_gs(e, 0x01, v, a->cell + 8);
}

/* Adds the increment to bucket rax. */
static void gen_bucket(struct x64_asm *e, const struct arch_agg *a)
{
	if (a->increment == (int32_t)a->increment) {
		EMIT(e, 0x65, 0x48, 0x81, 0x04, 0xc5); /* addq $n, %gs:disp(,%rax,8) */
		emit32(e, a->cell + 8);
		emit32(e, (uint32_t)a->increment);
		return;
	}
	emit_const(e, RDX, (uint64_t)a->increment);
	EMIT(e, 0x65, 0x48, 0x01, 0x14, 0xc5); /* addq %rdx, %gs:disp(,%rax,8) */
	emit32(e, a->cell + 8);
}

static void gen_value(struct x64_gen *g, const struct arch_agg *a, unsigned v)
{
	struct x64_asm *e = &g->e;

	switch (a->kind) {
	case ARCH_AGG_COUNT: break;
	case ARCH_AGG_SUM:
	case ARCH_AGG_AVG:
		emit_gs(e, 0x01, v, a->cell + 8); /* add v, %gs:disp */
		break;
	case ARCH_AGG_MIN:
	case ARCH_AGG_MAX: gen_extreme(e, a, v); break;
	case ARCH_AGG_QUANTIZE:
		gen_power(e, v);
		gen_bucket(e, a);
		break;
	case ARCH_AGG_LQUANTIZE:
		gen_linear(e, a->param, v);
		gen_bucket(e, a);
		break;
	case ARCH_AGG_STDDEV: gen_square(g, a, v); break;
	case ARCH_AGG_LLQUANTIZE:
		gen_ranges(e, a, v);
		gen_bucket(e, a);
		break;
	}
}

void x64_agg_add(struct x64_gen *g, const struct arch_agg *a, unsigned v)
{
	if (a->kind != ARCH_AGG_COUNT)
		gen_value(g, a, v);
	gen_inc(&g->e, a->cell);
}

/* op reg, %gs:disp(%rcx) */
static void emit_entry(struct x64_asm *e, unsigned opcode, unsigned reg, uint32_t disp)
{
	emit_byte(e, 0x65);
	emit_rex(e, 1, reg, RCX);
	if (opcode > 0xff)
		emit_byte(e, opcode >> 8);
	EMIT(e, opcode, 0x80 | (reg & 7) << 3 | RCX);
	emit32(e, disp);
}

/* rcx = offset of the key's entry in the table, which is the key's from then on. */
static void gen_find(struct x64_asm *e, const struct arch_agg *a, uint32_t full)
{
	unsigned key = x64_near_regs[a->key_reg], entry = 8 * arch_agg_entry(a->kind);
	uint32_t again = emit_label(e), next = emit_label(e), found = emit_label(e);

	emit_rm(e, OP_LEA, X64_RECORD, key, 1);
	emit_rr(e, OP_TEST, X64_RECORD, X64_RECORD);
	emit_jcc(e, CC_E, full);
	emit_const(e, RCX, ARCH_KEY_FACTOR);
	emit_rex(e, 1, RCX, key);
	EMIT(e, 0x0f, 0xaf, 0xc0 | RCX << 3 | (key & 7)); /* imul key, %rcx */
	emit_group(e, 0xc1, 5, RCX); /* shr */
	emit_byte(e, 64 - a->key_bits);
	emit_group(e, 0xc1, 4, RCX); /* shl */
	emit_byte(e, entry == 16 ? 4 : 5);
	emit_const(e, RDX, ARCH_KEY_WINDOW);
	emit_place(e, again);
	emit_entry(e, OP_MOV, RAX, a->cell);
	emit_rr(e, OP_CMP, RAX, X64_RECORD);
	emit_jcc(e, CC_E, found);
	emit_rr(e, OP_TEST, RAX, RAX);
	emit_jcc(e, CC_NE, next);
	emit_entry(e, 0x0fb1, X64_RECORD, a->cell); /* cmpxchg */
	emit_jcc(e, CC_E, found);
	emit_rr(e, OP_CMP, RAX, X64_RECORD);
	emit_jcc(e, CC_E, found);
	emit_place(e, next);
	emit_rm(e, OP_LEA, RCX, RCX, (int32_t)entry);
	EMIT(e, 0xff, 0xca); /* dec %edx */
	emit_jcc(e, CC_NE, again);
	emit_jmp(e, full);
	emit_place(e, found);
}

/* The entry at rcx. */
static void gen_entry_value(struct x64_asm *e, const struct arch_agg *a, unsigned v)
{
	uint32_t again = emit_label(e), done = emit_label(e), at = a->cell + 16;

	if (a->kind == ARCH_AGG_SUM || a->kind == ARCH_AGG_AVG)
		emit_entry(e, 0x01, v, at);
	if (a->kind != ARCH_AGG_MIN && a->kind != ARCH_AGG_MAX) {
		emit_place(e, again);
		emit_place(e, done);
		return;
	}
	emit_entry(e, OP_MOV, RAX, at);
	emit_place(e, again);
	emit_rr(e, OP_CMP, v, RAX);
	emit_jcc(e, a->kind == ARCH_AGG_MIN ? CC_GE : CC_LE, done);
	emit_entry(e, 0x0fb1, v, at);
	emit_jcc(e, CC_NE, again);
	emit_place(e, done);
}

static void gen_table(struct x64_gen *g, const struct arch_agg *a, unsigned v, uint32_t full)
{
	struct arch_tramp_range before = g->now;

	gen_find(&g->e, a, full);
	if (a->kind != ARCH_AGG_COUNT) {
		gen_entry_value(&g->e, a, v);
		g->now.phase = ARCH_TRAMP_PARTIAL;
		x64_state(g);
	}
	emit_entry(&g->e, 0xff, 0, a->cell + 8); /* incq */
	g->now = before;
}

void x64_agg_update(struct x64_gen *g, const struct arch_agg *a, unsigned v,
		    enum arch_tramp_phase phase, uint32_t skip, uint32_t full)
{
	x64_cells_check(g, a->cell + 8 * arch_agg_room(a), skip);
	if (a->key_bits) {
		gen_table(g, a, v, full);
	} else if (a->kind != ARCH_AGG_COUNT) {
		struct arch_tramp_range before = g->now;

		/* Rewinding in the middle would count the value twice. */
		gen_value(g, a, v);
		g->now.phase = ARCH_TRAMP_PARTIAL;
		x64_state(g);
		gen_inc(&g->e, a->cell);
		g->now = before;
	} else {
		gen_inc(&g->e, a->cell);
	}
	g->now.phase = (uint8_t)phase;
	x64_state(g);
}
