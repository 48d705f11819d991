/*
 * Near programs to machine code.
 *
 * The same instructions as dlang/near.c interprets, and the same record byte
 * for byte.  What holds here:
 *  - each near instruction becomes a few machine instructions of its own; near's
 *    registers are machine registers, jumps are jumps;
 *  - the record's place is taken behind the last NREC, so that a predicate that
 *    is false costs nothing else.  A jump from before that place to behind it
 *    goes through a stub that takes the place too;
 *  - each load that may fault has a fix-up: a stub that leaves the address in
 *    the slot, sets its fault bit and goes on behind the slot;
 *  - x0 holds the address when a load faults.
 */
#include "near.h"

#include <stdlib.h>

const uint8_t a64_near_regs[NEAR_REGS] = { 9, 10, 11, 12, 13, 14 };

/* A program being compiled. */
struct near_gen {
	struct a64_gen *g;
	const struct arch_tramp_firing *firing;
	const struct arch_tramp_clause *clause;
	const struct dl_code *code;
	struct near_reserve reserve;
	bool is_agg; /* no record: a cell's value, or all that the clause does */
	uint32_t labels; /* label of instruction n: labels + n */
	uint32_t place; /* instruction before which the place is taken */
	int32_t *close; /* instruction that closes the slot open at n, or -1 */
	uint32_t fallback; /* a cell's value: label of the clause's record */
	bool uses_fallback;
};

static unsigned reg(const struct dl_insn *i)
{
	return a64_near_regs[i->a];
}

static unsigned reg_b(const struct dl_insn *i)
{
	return a64_near_regs[i->b];
}

static unsigned reg_c(const struct dl_insn *i)
{
	return a64_near_regs[i->c];
}

/* ------------------------------------------------------------ analysis -- */

static uint32_t machine_set(unsigned near_set)
{
	uint32_t set = 0;

	for (unsigned n = 0; n < NEAR_REGS; n++)
		if (near_set & 1u << n)
			set |= 1u << a64_near_regs[n];
	return set;
}

static uint32_t code_uses(const struct dl_code *code)
{
	uint32_t set = 1u << 0;

	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];

		if (i->op >= DL_OP_EQ && i->op <= DL_OP_LEU)
			set |= USES_NZCV;
		if (dl_op_captures(i->op))
			set |= 1u << 6 | 1u << 7 | USES_NZCV;
		if (i->op == DL_OP_NREG && i->imm == A64_WORD_PSTATE)
			set |= USES_NZCV;
	}
	return set | machine_set(near_touches(code));
}

uint32_t a64_near_uses(const struct arch_tramp_firing *f, const struct arch_tramp_clause *c)
{
	static const struct near_needs needs = {
		.record = USES_RING | 1u << A64_RECORD,
		.cells = USES_RING,
		.code = code_uses,
		.agg = a64_agg_uses,
	};

	return near_uses(&needs, f, c) | (c->stack_max ? USES_STACK : 0);
}

/* ------------------------------------------------------ program's state -- */

void a64_take_emit(struct a64_gen *g, unsigned dst, unsigned src)
{
	int32_t at = a64_saved_at(g, src);

	if (at >= 0)
		emit_mem(&g->e, LDRX, dst, SP, (uint32_t)at);
	else
		emit_mov(&g->e, dst, src);
}

/* The stub for a fault at pc, whose address is in x0. */
static uint32_t fault_stub(struct near_gen *n, uint32_t pc, enum a64_stub_kind kind,
			   const struct dl_insn *i)
{
	struct a64_stub s = { .kind = kind, .slot = -1, .state = n->g->now };

	if (n->is_agg && pc >= n->place) {
		n->uses_fallback = true;
		return n->fallback;
	}
	s.label = emit_label(&n->g->e);
	s.next = n->labels + pc + 1;
	if (!n->is_agg && n->close[pc] >= 0) {
		s.slot = n->code->insns[n->close[pc]].imm;
		s.next = n->labels + (uint32_t)n->close[pc] + 1;
	}
	s.reg = (uint8_t)reg(i);
	a64_stub(n->g, &s);
	return s.label;
}

/* -------------------------------------------------------- instructions -- */

#define MAX_ERRNO 4095

/* x1 = 1 if the result of a system call in r is an error, else 0. */
static void compare_error(struct a64_asm *e, unsigned r)
{
	emit_addi(e, X(1), r, MAX_ERRNO); /* not negative, though r is */
	emit_rrr(e, OP_BIC, X(1), r, X(1));
	emit_lsr(e, X(1), X(1), 63);
}

/* Of a system call: false, it is none's. */
static bool gen_call_arg(struct near_gen *n, const struct dl_insn *i)
{
	struct a64_asm *e = &n->g->e;
	unsigned arg = (unsigned)i->imm;

	if (n->firing->kind == ARCH_PROBE_SYSCALL && arg < 6) {
		a64_take_emit(n->g, reg(i), arg);
	} else if (n->firing->kind == ARCH_PROBE_SYSRET && arg < 2) {
		a64_take_emit(n->g, reg(i), X(0));
		compare_error(e, reg(i));
		emit_rrr(e, OP_SUB, X(1), XZR, X(1));
		emit_rrr(e, OP_ORR, reg(i), reg(i), X(1));
	} else if (n->firing->kind == ARCH_PROBE_SYSCALL || n->firing->kind == ARCH_PROBE_SYSRET) {
		emit_const(e, reg(i), 0);
	} else {
		return false;
	}
	return true;
}

/* errno into the record's flags. */
static void gen_errno(struct near_gen *n)
{
	struct a64_asm *e = &n->g->e;

	a64_take_emit(n->g, X(2), X(0));
	compare_error(e, X(2));
	emit_rrr(e, OP_SUB, X(2), XZR, X(2));
	emit_rrr(e, OP_MUL, X(2), X(2), X(1));
	emit_mem(e, LDRW, X(1), A64_RECORD, REC(flags));
	emit_shifted(e, OP_ORR, X(1), X(1), X(2), DL_REC_ERRNO);
	emit_mem(e, STRW, X(1), A64_RECORD, REC(flags));
}

/* An argument of a static probe; 0 if it can't be read, which is no fault. */
static void gen_place(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	const struct arch_tramp_firing *f = n->firing;
	struct a64_stub s = {
		.kind = STUB_ARG, .slot = -1, .reg = (uint8_t)reg(i), .state = n->g->now
	};

	if ((uint32_t)i->imm >= f->n_places) {
		emit_const(&n->g->e, reg(i), 0);
		return;
	}
	if (a64_place_may_fault(&f->places[i->imm])) {
		s.label = emit_label(&n->g->e);
		s.next = n->labels + pc + 1;
		a64_stub(n->g, &s);
	}
	a64_place_emit(n->g, &f->places[i->imm], f->pc, reg(i), s.label);
}

static void gen_arg(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	const struct arch_tramp_firing *f = n->firing;
	struct a64_asm *e = &n->g->e;
	unsigned arg = (unsigned)i->imm;
	const struct arch_where *w = near_object(f, i);

	if (w) {
		a64_object_emit(n->g, w, near_room_at(f, n->code, i), reg(i));
		return;
	}
	if (f->kind == ARCH_PROBE_PLACES) {
		gen_place(n, pc, i);
		return;
	}
	if (gen_call_arg(n, i))
		return;
	if (f->kind == ARCH_PROBE_RETURN) {
		if (arg == 1 || arg == 2)
			a64_take_emit(n->g, reg(i), arg - 1);
		else
			emit_const(e, reg(i), arg == 0 ? f->offset : 0);
		return;
	}
	if (arg < arch_reg_args()) {
		a64_take_emit(n->g, reg(i), arg);
		return;
	}
	/* No return address is ever on the stack. */
	emit_const(e, X(0), n->g->now.depth + 8 * (uint64_t)(arg - arch_reg_args()));
	emit_addi(e, X(1), SP, 0);
	emit_rrr(e, OP_ADD, X(0), X(0), X(1));
	a64_fixup(n->g, fault_stub(n, pc, STUB_ARG, i));
	emit_mem(e, LDRX, reg(i), X(0), 0);
}

static void gen_reg(struct near_gen *n, const struct dl_insn *i)
{
	const struct arch_patch_plan *p = n->g->job->plan;
	struct a64_asm *e = &n->g->e;
	unsigned which = (unsigned)i->imm;

	if (which == A64_LR && p->site != p->addr && n->firing->pc == p->site) {
		/* The landing pad before us may have signed it. */
		a64_take_emit(n->g, A64_LR, A64_LR);
		emit(e, INS_XPACLRI);
		emit_mov(e, reg(i), A64_LR);
		return;
	}
	switch (which) {
	case 0 ... A64_LR: a64_take_emit(n->g, reg(i), which); break;
	case A64_WORD_SP: emit_addi(e, reg(i), SP, n->g->now.depth); break;
	case A64_WORD_PC: emit_const(e, reg(i), n->firing->pc); break;
	case A64_WORD_PSTATE: a64_take_emit(n->g, reg(i), WORD_NZCV); break;
	default: emit_const(e, reg(i), 0);
	}
}

enum a64_mem a64_load_of(unsigned c)
{
	bool is_signed = c & NLD_SIGNED;

	switch (c & ~NLD_SIGNED) {
	case 1: return is_signed ? LDRSB : LDRB;
	case 2: return is_signed ? LDRSH : LDRH;
	case 4: return is_signed ? LDRSW : LDRW;
	default: return LDRX;
	}
}

static void gen_load(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	emit_add(&n->g->e, X(0), reg_b(i), i->imm);
	a64_fixup(n->g, fault_stub(n, pc, STUB_MARK, i));
	emit_mem(&n->g->e, a64_load_of(i->c), reg(i), X(0), 0);
}

static void gen_capture(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	struct a64_asm *e = &n->g->e;
	uint32_t stub = fault_stub(n, pc, STUB_MARK, i);

	emit_mov(e, X(0), reg(i));
	if (i->op == DL_OP_NCAPS)
		emit_const(e, X(1), n->clause->strsize);
	else
		emit_mov(e, X(1), reg_b(i));
	if (i->op == DL_OP_NCAPSN) {
		emit_const(e, X(2), n->clause->strsize);
		emit_cmp(e, X(1), X(2));
		emit_csel(e, X(1), X(2), X(1), CC_HI);
	}
	emit_const(e, X(2), n->clause->cap);
	a64_call(n->g, i->op == DL_OP_NCAPM ? A64_MEMORY : A64_STRING);
	emit_cbnz(e, X(1), stub);
	emit_mem(e, STRX, X(0), A64_RECORD, SLOT(i->imm));
}

static void gen_compare(struct a64_asm *e, const struct dl_insn *i)
{
	static const uint8_t cc[] = {
		[DL_OP_EQ - DL_OP_EQ] = CC_EQ,	[DL_OP_NE - DL_OP_EQ] = CC_NE,
		[DL_OP_LTS - DL_OP_EQ] = CC_LT, [DL_OP_LES - DL_OP_EQ] = CC_LE,
		[DL_OP_LTU - DL_OP_EQ] = CC_LO, [DL_OP_LEU - DL_OP_EQ] = CC_LS,
	};

	emit_cmp(e, reg_b(i), reg_c(i));
	emit_cset(e, reg(i), cc[i->op - DL_OP_EQ]);
}

/* a = b == 0, b != 0; without the flags */
static void gen_truth(struct a64_asm *e, const struct dl_insn *i)
{
	emit_clz(e, reg(i), reg_b(i));
	emit_lsr(e, reg(i), reg(i), 6);
	if (i->op == DL_OP_BOOL) {
		emit_const(e, X(0), 1);
		emit_rrr(e, OP_EOR, reg(i), reg(i), X(0));
	}
}

static void gen_narrow(struct a64_asm *e, const struct dl_insn *i)
{
	if (i->imm >= 1 && i->imm < 64)
		emit_extend(e, i->op == DL_OP_SX, reg(i), reg_b(i), (unsigned)i->imm);
	else
		emit_mov(e, reg(i), reg_b(i));
}

static void gen_binary(struct a64_asm *e, const struct dl_insn *i)
{
	static const uint32_t ops[DL_OP_COUNT] = {
		[DL_OP_ADD] = OP_ADD, [DL_OP_SUB] = OP_SUB, [DL_OP_MUL] = OP_MUL,
		[DL_OP_AND] = OP_AND, [DL_OP_OR] = OP_ORR,  [DL_OP_XOR] = OP_EOR,
		[DL_OP_SHL] = OP_LSL, [DL_OP_SHR] = OP_LSR, [DL_OP_SRA] = OP_ASR,
	};

	emit_rrr(e, ops[i->op], reg(i), reg_b(i), reg_c(i));
}

/* Instructions that only compute. */
static void gen_compute(struct near_gen *n, const struct dl_insn *i)
{
	struct a64_asm *e = &n->g->e;

	switch (i->op) {
	case DL_OP_MOV: emit_mov(e, reg(i), reg_b(i)); break;
	case DL_OP_LDI: emit_const(e, reg(i), (uint64_t)(int64_t)i->imm); break;
	case DL_OP_LDK: emit_const(e, reg(i), n->code->consts[i->imm]); break;
	case DL_OP_ADDI:
		emit_const(e, X(0), (uint64_t)(int64_t)i->imm);
		emit_rrr(e, OP_ADD, reg(i), reg_b(i), X(0));
		break;
	case DL_OP_NEG: emit_rrr(e, OP_SUB, reg(i), XZR, reg_b(i)); break;
	case DL_OP_COM: emit_rrr(e, OP_ORN, reg(i), XZR, reg_b(i)); break;
	case DL_OP_LNOT:
	case DL_OP_BOOL: gen_truth(e, i); break;
	case DL_OP_SX:
	case DL_OP_ZX: gen_narrow(e, i); break;
	case DL_OP_EQ ... DL_OP_LEU: gen_compare(e, i); break;
	default: gen_binary(e, i);
	}
}

/* The label of a jump's target; by way of the reservation if it passes that. */
static uint32_t jump_label(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	uint32_t target = pc + 1 + (uint32_t)i->imm;
	struct a64_stub s = { .kind = STUB_RESERVE, .reserve = n->reserve, .state = n->g->now };

	if (n->is_agg || pc >= n->place || target <= n->place)
		return n->labels + target;
	s.label = emit_label(&n->g->e);
	s.next = n->labels + target;
	a64_stub(n->g, &s);
	return s.label;
}

static void gen_jump(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	struct a64_asm *e = &n->g->e;
	uint32_t label = jump_label(n, pc, i);

	if (i->op == DL_OP_JMP)
		emit_b(e, label);
	else if (i->op == DL_OP_JZ)
		emit_cbz(e, reg(i), label);
	else
		emit_cbnz(e, reg(i), label);
}

static void gen_divide(struct a64_asm *e, const struct dl_insn *i)
{
	emit_const(e, X(0), (uint32_t)i->imm);
	emit_rrr(e, i->op == DL_OP_NDIVS ? OP_SDIV : OP_UDIV, reg(i), reg_b(i), X(0));
}

/* The counter to nanoseconds (struct arch_clock); x2: the clock - its first's offset. */
static void gen_time(struct a64_asm *e, unsigned to)
{
	uint32_t again = emit_label(e);

	emit_addi(e, X(1), A64_RING, RING(clock_use));
	emit_place(e, again);
	emit_ldar(e, X(5), X(1));
	emit_extend(e, false, X(2), X(5), 8);
	emit_rrr(e, OP_ADD, X(2), A64_RING, X(2));
	emit(e, INS_ISB);
	emit_sys(e, MRS_CNTVCT, X(0));
	emit_mem(e, LDRX, X(3), X(2), RING(clock0.raw));
	emit_rrr(e, OP_SUB, X(0), X(0), X(3));
	emit_mem(e, LDRX, X(3), X(2), RING(clock0.mult));
	emit_rrr(e, OP_MUL, X(4), X(0), X(3));
	emit_rrr(e, OP_SMULH, X(0), X(0), X(3));
	emit_lsr(e, X(4), X(4), 32);
	emit_shifted(e, OP_ORR, X(0), X(4), X(0), 32);
	emit_mem(e, LDRX, X(3), X(2), RING(clock0.ns));
	emit_rrr(e, OP_ADD, X(0), X(0), X(3));
	emit(e, INS_DMB_ISHLD);
	emit_mem(e, LDRX, X(3), X(1), 0);
	emit_rrr(e, OP_SUB, X(3), X(3), X(5));
	emit_cbnz(e, X(3), again);
	emit_mov(e, to, X(0));
}

/* The thread's own word. */
static void gen_self(struct near_gen *n, const struct dl_insn *i)
{
	struct a64_asm *e = &n->g->e;

	emit_add(e, X(0), A64_RING, n->clause->words[i->imm]);
	emit_mem(e, i->op == DL_OP_NSELF ? LDRX : STRX, reg(i), X(0), 0);
}

/* From here on the firing can't be undone. */
static void begin_acts(struct near_gen *n)
{
	n->g->now.phase = ARCH_TRAMP_PARTIAL;
	a64_state(n->g);
}

static void gen_insn(struct near_gen *n, uint32_t pc)
{
	const struct dl_insn *i = &n->code->insns[pc];

	if (near_acts(i->op))
		begin_acts(n);

	switch (i->op) {
	case DL_OP_NOP:
	case DL_OP_END: break;
	case DL_OP_JMP:
	case DL_OP_JZ:
	case DL_OP_JNZ: gen_jump(n, pc, i); break;
	case DL_OP_NARG: gen_arg(n, pc, i); break;
	case DL_OP_NREG: gen_reg(n, i); break;
	case DL_OP_NLD: gen_load(n, pc, i); break;
	case DL_OP_NSLOT: emit_mem(&n->g->e, STRX, reg(i), A64_RECORD, SLOT(i->imm)); break;
	case DL_OP_NCAPS:
	case DL_OP_NCAPSN:
	case DL_OP_NCAPM: gen_capture(n, pc, i); break;
	case DL_OP_NREC: emit_b(&n->g->e, n->reserve.skip); break;
	case DL_OP_NIN: emit_mem(&n->g->e, LDRX, reg(i), A64_RECORD, SLOT(i->imm)); break;
	case DL_OP_NTIME: gen_time(&n->g->e, reg(i)); break;
	case DL_OP_NDIVS:
	case DL_OP_NDIVU: gen_divide(&n->g->e, i); break;
	case DL_OP_NSELF:
	case DL_OP_NSELFS: gen_self(n, i); break;
	case DL_OP_NAGG: a64_agg_add(n->g, &n->clause->aggs[i->imm], reg(i)); break;
	default: gen_compute(n, i);
	}
}

/* -------------------------------------------------------------- clause -- */

static void gen_commit(struct near_gen *n, enum arch_tramp_phase phase)
{
	struct a64_gen *g = n->g;
	struct a64_asm *e = &g->e;

	if (n->clause->stack_max)
		a64_stack_emit(g, n->firing, n->clause->stack_max);
	emit_const(e, n->reserve.varies ? X(1) : X(0), n->reserve.need);
	if (n->reserve.varies)
		a64_call(g, A64_TRIM);
	emit_const(e, X(1), n->clause->epid);
	emit_mem(e, STRW, X(1), A64_RECORD, REC(epid));
	emit_const(e, X(1), n->clause->n_slots);
	emit_mem(e, STRW, X(1), A64_RECORD, REC(n_slots));
	emit_stlrw(e, X(0), A64_RECORD); /* len */
	g->now.phase = (uint8_t)phase;
	g->now.reserve = 0;
	a64_state(g);
}

static void zero_registers(struct near_gen *n)
{
	unsigned set = near_to_zero(n->firing, n->code, n->is_agg ? n->clause->agg : NULL);

	for (unsigned r = 0; r < NEAR_REGS; r++)
		if (set & 1u << r)
			emit_const(&n->g->e, a64_near_regs[r], 0);
}

static void gen_program(struct near_gen *n)
{
	struct a64_asm *e = &n->g->e;

	n->labels = emit_label(e);
	for (uint32_t pc = 0; pc < n->code->n; pc++)
		emit_label(e);
	n->place = near_behind_predicate(n->code);
	n->close = near_find_closes(n->code);
	if (!n->close) {
		e->failed = true;
		return;
	}
	zero_registers(n);
	for (uint32_t pc = 0; pc < n->code->n; pc++) {
		emit_place(e, n->labels + pc);
		if (pc == n->place && !n->is_agg)
			a64_reserve_emit(n->g, &n->reserve);
		gen_insn(n, pc);
	}
	emit_place(e, n->labels + n->code->n);
	free(n->close);
	n->close = NULL;
}

void a64_near_record(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase)
{
	struct near_gen n = { .g = g, .firing = f, .clause = c, .code = c->code };

	near_reserve_record(c, &r);
	n.reserve = r;
	gen_program(&n);
	if (f->kind == ARCH_PROBE_SYSRET)
		gen_errno(&n);
	gen_commit(&n, phase);
}

static void gen_cell(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase)
{
	struct near_gen n = {
		.g = g, .firing = f, .clause = c, .code = c->agg->code, .reserve = r, .is_agg = true
	};
	unsigned v = 0;

	if (n.code) {
		struct a64_stub s = { .kind = STUB_CLAUSE,
				      .reserve = r,
				      .state = g->now,
				      .next = r.skip,
				      .firing = f,
				      .clause = c,
				      .done = (uint8_t)phase };

		n.fallback = s.label = emit_label(&g->e);
		gen_program(&n);
		if (n.uses_fallback || c->agg->key_bits)
			a64_stub(g, &s);
		else
			emit_place(&g->e, n.fallback);
		v = a64_near_regs[c->agg->value_reg];
	}
	a64_agg_update(g, c->agg, v, phase, r.skip, n.fallback);
}

/* Cells and words, and no record. */
static void gen_bare(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r)
{
	struct near_gen n = {
		.g = g, .firing = f, .clause = c, .code = c->code, .reserve = r, .is_agg = true
	};

	gen_program(&n);
}

void a64_near_clause(struct a64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase)
{
	uint32_t end = near_cells_end(c);

	r.skip = emit_label(&g->e);
	if (end)
		a64_cells_check(g, end, r.skip);
	if (r.stack)
		r.stack = c->stack_max;
	if (c->agg)
		gen_cell(g, f, c, r, phase);
	else if (c->is_bare)
		gen_bare(g, f, c, r);
	else
		a64_near_record(g, f, c, r, phase);
	emit_place(&g->e, r.skip);
	g->now.phase = (uint8_t)phase;
	g->now.reserve = 0;
	a64_state(g);
}
