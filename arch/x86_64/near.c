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
 *  - values are computed in rax and moved, so that any operands may be equal.
 */
#include "near.h"

#include <stdlib.h>

const uint8_t x64_near_regs[NEAR_REGS] = { R10, RBX, RBP, R12, R13, R14 };

/* A program being compiled. */
struct near_gen {
	struct x64_gen *g;
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
	return x64_near_regs[i->a];
}

static unsigned reg_b(const struct dl_insn *i)
{
	return x64_near_regs[i->b];
}

static unsigned reg_c(const struct dl_insn *i)
{
	return x64_near_regs[i->c];
}

/* ------------------------------------------------------------ analysis -- */

static uint32_t machine_set(unsigned near_set)
{
	uint32_t set = 0;

	for (unsigned n = 0; n < NEAR_REGS; n++)
		if (near_set & 1u << n)
			set |= 1u << x64_near_regs[n];
	return set;
}

static uint32_t code_uses(const struct dl_code *code)
{
	uint32_t set = 1u << RAX;

	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];

		if (i->op == DL_OP_NTIME || i->op == DL_OP_NDIVS || i->op == DL_OP_NDIVU)
			set |= 1u << RCX | 1u << RDX;
		if (i->op == DL_OP_SHL || i->op == DL_OP_SHR || i->op == DL_OP_SRA)
			set |= 1u << RCX;
		if (dl_op_captures(i->op))
			set |= 1u << RCX | 1u << RSI | 1u << RDI;
		if (i->op == DL_OP_NREG && i->imm == 18)
			set |= USES_RFLAGS;
	}
	return set | machine_set(near_touches(code));
}

uint32_t x64_near_uses(const struct arch_tramp_firing *f, const struct arch_tramp_clause *c)
{
	static const struct near_needs needs = {
		.record = 1u << RAX | 1u << RDX | 1u << X64_RECORD,
		.cells = 0,
		.code = code_uses,
		.agg = x64_agg_uses,
	};

	return near_uses(&needs, f, c) | (c->stack_max ? USES_STACK : 0);
}

/* ------------------------------------------------------ program's state -- */

void x64_take_emit(struct x64_gen *g, unsigned dst, unsigned src)
{
	int32_t at = x64_saved_at(g, src);

	if (src == RSP)
		emit_rm(&g->e, OP_LEA, dst, RSP, g->now.depth);
	else if (at >= 0)
		emit_rm(&g->e, OP_MOV, dst, RSP, at);
	else
		emit_rr(&g->e, OP_MOV, dst, src);
}

/* The stub for a fault at pc; its reg, base and disp are set by the caller. */
static uint32_t fault_stub(struct near_gen *n, uint32_t pc, enum x64_stub_kind kind,
			   const struct dl_insn *i)
{
	struct x64_stub s = { .kind = kind, .slot = -1, .state = n->g->now };

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
	if (kind == STUB_LOAD) {
		s.base = (uint8_t)reg_b(i);
		s.disp = i->imm;
	}
	x64_stub(n->g, &s);
	return s.label;
}

/* -------------------------------------------------------- instructions -- */

#define MAX_ERRNO 4095

/* cmp $-MAX_ERRNO, reg: at or above it, without sign, are errors. */
static void compare_error(struct x64_asm *e, unsigned r)
{
	emit_rex(e, 1, 0, r);
	EMIT(e, 0x81, 0xf8 | (r & 7));
	emit32(e, (uint32_t)-MAX_ERRNO);
}

/* Of a system call: false, it is none's. */
static bool gen_call_arg(struct near_gen *n, const struct dl_insn *i)
{
	static const uint8_t args[] = { RDI, RSI, RDX, R10, R8, R9 };
	struct x64_asm *e = &n->g->e;
	uint32_t fine = emit_label(e);
	unsigned arg = (unsigned)i->imm;

	if (n->firing->kind == ARCH_PROBE_SYSCALL && arg < sizeof(args)) {
		x64_take_emit(n->g, reg(i), args[arg]);
	} else if (n->firing->kind == ARCH_PROBE_SYSRET && arg < 2) {
		x64_take_emit(n->g, reg(i), RAX);
		compare_error(e, reg(i));
		emit_jcc(e, CC_B, fine);
		emit_const(e, reg(i), UINT64_MAX);
	} else if (n->firing->kind == ARCH_PROBE_SYSCALL || n->firing->kind == ARCH_PROBE_SYSRET) {
		emit_const(e, reg(i), 0);
	} else {
		emit_place(e, fine);
		return false;
	}
	emit_place(e, fine);
	return true;
}

/* errno into the record's flags. */
static void gen_errno(struct near_gen *n)
{
	struct x64_asm *e = &n->g->e;
	uint32_t fine = emit_label(e);

	x64_take_emit(n->g, RAX, RAX);
	compare_error(e, RAX);
	emit_jcc(e, CC_B, fine);
	EMIT(e, 0xf7, 0xd8, 0xc1, 0xe0, DL_REC_ERRNO); /* neg %eax; shl $.., %eax */
	EMIT(e, 0x41, 0x09, 0x43, REC(flags)); /* or %eax, flags(%r11) */
	emit_place(e, fine);
}

/* An argument of a static probe; 0 if it can't be read, which is no fault. */
static void gen_place(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	const struct arch_tramp_firing *f = n->firing;
	struct x64_stub s = {
		.kind = STUB_ARG, .slot = -1, .reg = (uint8_t)reg(i), .state = n->g->now
	};

	if ((uint32_t)i->imm >= f->n_places) {
		emit_const(&n->g->e, reg(i), 0);
		return;
	}
	if (x64_place_may_fault(&f->places[i->imm])) {
		s.label = emit_label(&n->g->e);
		s.next = n->labels + pc + 1;
		x64_stub(n->g, &s);
	}
	x64_place_emit(n->g, &f->places[i->imm], f->pc, reg(i), s.label);
}

static bool gen_object(struct near_gen *n, const struct dl_insn *i)
{
	const struct arch_where *w = near_object(n->firing, i);
	bool is_return = n->firing->kind == ARCH_PROBE_RETURN;

	if (!w)
		return false;
	x64_object_emit(n->g, w, is_return, near_room_at(n->firing, n->code, i), reg(i));
	return true;
}

static void gen_arg(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	static const uint8_t args[] = { RDI, RSI, RDX, RCX, R8, R9 };
	const struct arch_tramp_firing *f = n->firing;
	struct x64_asm *e = &n->g->e;
	unsigned arg = (unsigned)i->imm;
	uint64_t at;

	if (f->kind == ARCH_PROBE_PLACES) {
		gen_place(n, pc, i);
		return;
	}
	if (gen_call_arg(n, i) || gen_object(n, i))
		return;
	if (f->kind == ARCH_PROBE_RETURN) {
		if (arg == 1 || arg == 2)
			x64_take_emit(n->g, reg(i), arg == 1 ? RAX : RDX);
		else
			emit_const(e, reg(i), arg == 0 ? f->offset : 0);
		return;
	}
	if (arg < sizeof(args)) {
		x64_take_emit(n->g, reg(i), args[arg]);
		return;
	}
	at = n->g->now.depth + 8 * (uint64_t)(arg - sizeof(args));
	if (f->kind == ARCH_PROBE_ENTRY)
		at += 8; /* the return address */
	emit_const(e, RAX, at);
	emit_rr(e, OP_ADD, RAX, RSP);
	x64_fixup(n->g, fault_stub(n, pc, STUB_ARG, i));
	emit_rm(e, OP_MOV, reg(i), RAX, 0);
}

/* ORDER: uregs[] numbers of the general registers, from 0. */
static const uint8_t ureg_reg[] = { R15, R14, R13, R12, RBP, RBX, R11, R10,
				    R9,	 R8,  RAX, RCX, RDX, RSI, RDI };

static void gen_reg(struct near_gen *n, const struct dl_insn *i)
{
	struct x64_asm *e = &n->g->e;
	unsigned which = (unsigned)i->imm;

	if (which < sizeof(ureg_reg)) {
		x64_take_emit(n->g, reg(i), ureg_reg[which]);
		return;
	}
	switch (which) {
	case 15: /* orig_rax: in no system call */ emit_const(e, reg(i), UINT64_MAX); break;
	case 16: emit_const(e, reg(i), n->firing->pc); break;
	case 18: emit_rm(e, OP_MOV, reg(i), RSP, x64_saved_at(n->g, WORD_PUSHFQ)); break;
	case 19: emit_rm(e, OP_LEA, reg(i), RSP, n->g->now.depth); break;
	case 17: /* cs, ss, ds, es, fs, gs: mov %sreg, %eax */
	case 20 ... 24: {
		static const uint8_t sreg[] = { 1, 0, 0, 2, 3, 0, 4, 5 };

		EMIT(e, 0x8c, 0xc0 | sreg[which - 17] << 3);
		emit_rr(e, OP_MOV, reg(i), RAX);
		break;
	}
	default: emit_const(e, reg(i), 0);
	}
}

void x64_word_emit(struct x64_asm *e, unsigned dst, unsigned base, int32_t disp, unsigned c)
{
	unsigned size = c & ~NLD_SIGNED;
	bool is_signed = c & NLD_SIGNED;

	emit_rex(e, is_signed || size == 8, dst, base);
	if (size == 8)
		emit_byte(e, 0x8b);
	else if (size == 4)
		emit_byte(e, is_signed ? 0x63 : 0x8b);
	else
		EMIT(e, 0x0f, 0xb6 | (is_signed ? 8 : 0) | (size == 2 ? 1 : 0));
	emit_mem(e, dst, base, disp);
}

static void gen_load(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	x64_fixup(n->g, fault_stub(n, pc, STUB_LOAD, i));
	x64_word_emit(&n->g->e, reg(i), reg_b(i), i->imm, i->c);
}

void x64_call_emit(struct x64_gen *g, enum x64_routine which)
{
	uint64_t to = g->job->common + x64_common_entry(which);
	int64_t rel;

	emit_byte(&g->e, 0xe8);
	rel = (int64_t)(to - (g->base + emit_here(&g->e) + 4));
	if (rel != (int32_t)rel)
		g->why = "the common code is out of reach";
	emit32(&g->e, (uint32_t)rel);
}

static void gen_capture(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	struct x64_asm *e = &n->g->e;
	uint32_t stub = fault_stub(n, pc, STUB_MARK, i);

	emit_rr(e, OP_MOV, RAX, reg(i));
	if (i->op == DL_OP_NCAPS)
		emit_const(e, RCX, n->clause->strsize);
	else
		emit_rr(e, OP_MOV, RCX, reg_b(i));
	if (i->op == DL_OP_NCAPSN) {
		emit_const(e, RDX, n->clause->strsize);
		emit_rr(e, OP_CMP, RCX, RDX);
		EMIT(e, 0x48, 0x0f, 0x47, 0xca); /* cmova %rdx, %rcx */
	}
	emit_const(e, RDX, n->clause->cap);
	x64_call_emit(n->g, i->op == DL_OP_NCAPM ? X64_MEMORY : X64_STRING);
	emit_jcc(e, CC_B, stub);
	emit_store(e, X64_RECORD, SLOT(i->imm), RAX);
}

static void gen_compare(struct x64_asm *e, const struct dl_insn *i)
{
	static const uint8_t cc[] = {
		[0] = CC_E,
		[DL_OP_NE - DL_OP_EQ] = CC_NE,
		[DL_OP_LTS - DL_OP_EQ] = CC_L,
		[DL_OP_LES - DL_OP_EQ] = CC_LE,
		[DL_OP_LTU - DL_OP_EQ] = CC_B,
		[DL_OP_LEU - DL_OP_EQ] = CC_BE,
	};

	emit_rr(e, OP_CMP, reg_b(i), reg_c(i));
	EMIT(e, 0x0f, 0x90 | cc[i->op - DL_OP_EQ], 0xc0); /* setcc %al */
	emit_rex(e, 0, reg(i), RAX);
	EMIT(e, 0x0f, 0xb6, 0xc0 | (reg(i) & 7) << 3); /* movzbl %al, a */
}

/* a = b == 0, b != 0 */
static void gen_truth(struct x64_asm *e, const struct dl_insn *i)
{
	emit_rr(e, OP_TEST, reg_b(i), reg_b(i));
	EMIT(e, 0x0f, 0x90 | (i->op == DL_OP_LNOT ? CC_E : CC_NE), 0xc0);
	emit_rex(e, 0, reg(i), RAX);
	EMIT(e, 0x0f, 0xb6, 0xc0 | (reg(i) & 7) << 3);
}

static void gen_narrow(struct x64_asm *e, const struct dl_insn *i)
{
	unsigned shift = 64 - (unsigned)i->imm;

	emit_rr(e, OP_MOV, RAX, reg_b(i));
	if (i->imm >= 1 && i->imm < 64) {
		emit_group(e, 0xc1, 4, RAX);
		emit_byte(e, shift);
		emit_group(e, 0xc1, i->op == DL_OP_SX ? 7 : 5, RAX);
		emit_byte(e, shift);
	}
	emit_rr(e, OP_MOV, reg(i), RAX);
}

static void gen_binary(struct x64_asm *e, const struct dl_insn *i)
{
	static const uint8_t ops[DL_OP_COUNT] = {
		[DL_OP_ADD] = OP_ADD, [DL_OP_SUB] = OP_SUB, [DL_OP_AND] = OP_AND,
		[DL_OP_OR] = OP_OR,   [DL_OP_XOR] = OP_XOR,
	};

	emit_rr(e, OP_MOV, RAX, reg_b(i));
	if (i->op == DL_OP_MUL) {
		emit_rex(e, 1, RAX, reg_c(i));
		EMIT(e, 0x0f, 0xaf, 0xc0 | (reg_c(i) & 7));
	} else {
		emit_rr(e, ops[i->op], RAX, reg_c(i));
	}
	emit_rr(e, OP_MOV, reg(i), RAX);
}

static void gen_shift(struct x64_asm *e, const struct dl_insn *i)
{
	emit_rr(e, OP_MOV, RCX, reg_c(i));
	emit_rr(e, OP_MOV, RAX, reg_b(i));
	emit_group(e, 0xd3, i->op == DL_OP_SHL ? 4 : i->op == DL_OP_SHR ? 5 : 7, RAX);
	emit_rr(e, OP_MOV, reg(i), RAX);
}

/* Instructions that only compute. */
static void gen_compute(struct near_gen *n, const struct dl_insn *i)
{
	struct x64_asm *e = &n->g->e;

	switch (i->op) {
	case DL_OP_MOV: emit_rr(e, OP_MOV, reg(i), reg_b(i)); break;
	case DL_OP_LDI: emit_const(e, reg(i), (uint64_t)(int64_t)i->imm); break;
	case DL_OP_LDK: emit_const(e, reg(i), n->code->consts[i->imm]); break;
	case DL_OP_SHL:
	case DL_OP_SHR:
	case DL_OP_SRA: gen_shift(e, i); break;
	case DL_OP_ADDI: emit_rm(e, OP_LEA, reg(i), reg_b(i), i->imm); break;
	case DL_OP_NEG:
	case DL_OP_COM:
		emit_rr(e, OP_MOV, reg(i), reg_b(i));
		emit_group(e, 0xf7, i->op == DL_OP_NEG ? 3 : 2, reg(i));
		break;
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
	struct x64_stub s = { .kind = STUB_RESERVE, .reserve = n->reserve, .state = n->g->now };

	if (n->is_agg || pc >= n->place || target <= n->place)
		return n->labels + target;
	s.label = emit_label(&n->g->e);
	s.next = n->labels + target;
	x64_stub(n->g, &s);
	return s.label;
}

static void gen_jump(struct near_gen *n, uint32_t pc, const struct dl_insn *i)
{
	struct x64_asm *e = &n->g->e;
	uint32_t label = jump_label(n, pc, i);

	if (i->op == DL_OP_JMP) {
		emit_jmp(e, label);
		return;
	}
	emit_rr(e, OP_TEST, reg(i), reg(i));
	emit_jcc(e, i->op == DL_OP_JZ ? CC_E : CC_NE, label);
}

/* rax = b / imm */
static void gen_divide(struct x64_asm *e, const struct dl_insn *i)
{
	emit_rr(e, OP_MOV, RAX, reg_b(i));
	emit_const(e, RCX, (uint32_t)i->imm);
	if (i->op == DL_OP_NDIVS) {
		EMIT(e, 0x48, 0x99, 0x48, 0xf7, 0xf9); /* cqto; idiv %rcx */
	} else {
		emit_const(e, RDX, 0);
		EMIT(e, 0x48, 0xf7, 0xf1); /* div %rcx */
	}
	emit_rr(e, OP_MOV, reg(i), RAX);
}

/* The counter to nanoseconds (struct arch_clock); rcx: which clock. */
static void gen_time(struct near_gen *n, const struct dl_insn *i)
{
	struct x64_asm *e = &n->g->e;
	uint32_t again = emit_label(e);
	struct x64_stub s = { .kind = STUB_CLOCK,
			      .label = emit_label(e),
			      .next = emit_label(e),
			      .state = n->g->now };

	x64_stub(n->g, &s);
	emit_place(e, again);
	emit_gs(e, OP_MOV, reg(i), RING(clock_use));
	emit_rr(e, OP_MOV, RCX, reg(i));
	EMIT(e, 0x0f, 0xb6, 0xc9); /* movzbl %cl, %ecx */
	x64_fixup(n->g, s.label);
	EMIT(e, 0x0f, 0x31); /* rdtsc */
	EMIT(e, 0x48, 0xc1, 0xe2, 32); /* shl $32, %rdx */
	emit_rr(e, OP_OR, RAX, RDX);
	emit_place(e, s.next);
	emit_byte(e, 0x65); /* sub %gs:raw(%rcx), %rax */
	emit_rm(e, OP_SUB, RAX, RCX, RING(clock0.raw));
	emit_byte(e, 0x65); /* imulq %gs:mult(%rcx): /5 */
	emit_rm(e, 0xf7, 5, RCX, RING(clock0.mult));
	EMIT(e, 0x48, 0x0f, 0xac, 0xd0, 32); /* shrd $32, %rdx, %rax */
	emit_byte(e, 0x65); /* add %gs:ns(%rcx), %rax */
	emit_rm(e, OP_ADD, RAX, RCX, RING(clock0.ns));
	emit_gs(e, OP_CMP, reg(i), RING(clock_use));
	emit_jcc(e, CC_NE, again);
	emit_rr(e, OP_MOV, reg(i), RAX);
}

/* From here on the firing can't be undone. */
static void begin_acts(struct near_gen *n)
{
	n->g->now.phase = ARCH_TRAMP_PARTIAL;
	x64_state(n->g);
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
	case DL_OP_NSLOT: emit_store(&n->g->e, X64_RECORD, SLOT(i->imm), reg(i)); break;
	case DL_OP_NCAPS:
	case DL_OP_NCAPSN:
	case DL_OP_NCAPM: gen_capture(n, pc, i); break;
	case DL_OP_NREC: emit_jmp(&n->g->e, n->reserve.skip); break;
	case DL_OP_NIN: emit_rm(&n->g->e, OP_MOV, reg(i), X64_RECORD, SLOT(i->imm)); break;
	case DL_OP_NTIME: gen_time(n, i); break;
	case DL_OP_NDIVS:
	case DL_OP_NDIVU: gen_divide(&n->g->e, i); break;
	case DL_OP_NSELF: emit_gs(&n->g->e, OP_MOV, reg(i), n->clause->words[i->imm]); break;
	case DL_OP_NSELFS: emit_gs(&n->g->e, 0x89, reg(i), n->clause->words[i->imm]); break;
	case DL_OP_NAGG: x64_agg_add(n->g, &n->clause->aggs[i->imm], reg(i)); break;
	default: gen_compute(n, i);
	}
}

/* -------------------------------------------------------------- clause -- */

static void gen_commit(struct near_gen *n, enum arch_tramp_phase phase)
{
	struct x64_gen *g = n->g;
	struct x64_asm *e = &g->e;

	if (n->clause->stack_max)
		x64_stack_emit(g, n->firing, n->clause->stack_max);
	if (n->reserve.varies) {
		emit_const(e, RCX, n->reserve.need);
		x64_call_emit(g, X64_TRIM);
	}
	emit_store32(e, X64_RECORD, REC(epid), n->clause->epid);
	emit_store32(e, X64_RECORD, REC(n_slots), n->clause->n_slots);
	if (n->reserve.varies)
		EMIT(e, 0x41, 0x89, 0x03); /* mov %eax, (%r11) */
	else
		emit_store32(e, X64_RECORD, REC(len), n->reserve.need);
	g->now.phase = (uint8_t)phase;
	g->now.reserve = 0;
	x64_state(g);
}

static void zero_registers(struct near_gen *n)
{
	unsigned set = near_to_zero(n->firing, n->code, n->is_agg ? n->clause->agg : NULL);

	for (unsigned r = 0; r < NEAR_REGS; r++)
		if (set & 1u << r)
			emit_const(&n->g->e, x64_near_regs[r], 0);
}

static void gen_program(struct near_gen *n)
{
	struct x64_asm *e = &n->g->e;

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
			x64_reserve_emit(n->g, &n->reserve);
		gen_insn(n, pc);
	}
	emit_place(e, n->labels + n->code->n);
	free(n->close);
	n->close = NULL;
}

void x64_near_record(struct x64_gen *g, const struct arch_tramp_firing *f,
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

static void gen_cell(struct x64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase)
{
	struct near_gen n = {
		.g = g, .firing = f, .clause = c, .code = c->agg->code, .reserve = r, .is_agg = true
	};
	unsigned v = 0;

	if (n.code) {
		struct x64_stub s = { .kind = STUB_CLAUSE,
				      .reserve = r,
				      .state = g->now,
				      .next = r.skip,
				      .firing = f,
				      .clause = c,
				      .done = (uint8_t)phase };

		n.fallback = s.label = emit_label(&g->e);
		gen_program(&n);
		if (n.uses_fallback || c->agg->key_bits)
			x64_stub(g, &s);
		else
			emit_place(&g->e, n.fallback);
		v = x64_near_regs[c->agg->value_reg];
	}
	x64_agg_update(g, c->agg, v, phase, r.skip, n.fallback);
}

/* Cells and words, and no record. */
static void gen_bare(struct x64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r)
{
	struct near_gen n = {
		.g = g, .firing = f, .clause = c, .code = c->code, .reserve = r, .is_agg = true
	};

	gen_program(&n);
}

void x64_near_clause(struct x64_gen *g, const struct arch_tramp_firing *f,
		     const struct arch_tramp_clause *c, struct near_reserve r,
		     enum arch_tramp_phase phase)
{
	uint32_t end = near_cells_end(c);

	r.skip = emit_label(&g->e);
	if (end)
		x64_cells_check(g, end, r.skip);
	if (r.stack)
		r.stack = c->stack_max;
	if (c->agg)
		gen_cell(g, f, c, r, phase);
	else if (c->is_bare)
		gen_bare(g, f, c, r);
	else
		x64_near_record(g, f, c, r, phase);
	emit_place(&g->e, r.skip);
	g->now.phase = (uint8_t)phase;
	g->now.reserve = 0;
	x64_state(g);
}
