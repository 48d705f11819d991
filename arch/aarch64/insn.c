/*
 * Decoding with two opinions, and the out-of-line copy of an instruction.
 *
 * arch_insn_decode() asks capstone after our own tables (length.c): where both
 * know the word and disagree on whether its place matters, nobody may patch it.
 *
 * A slot is what arch_relocate() writes: the instruction made to work at
 * another address, then a branch back.  The rules:
 *  - no register, flag or memory differs from what the original would leave.
 *    x16 and x17 are free at calls only (AAPCS64 6.1.1: a veneer may change
 *    them); below sp there is nothing of the program's (no red zone);
 *  - the slot's page is not guarded (no PROT_BTI), so a slot may be entered
 *    whatever BTYPE is.  A br from it may land on any kind of landing pad, and
 *    where there may be none, the way is a ret, which no pad looks at;
 *  - what cannot be done exactly is refused with a reason.
 *
 * Shapes, a column a word (arch_slot_to_orig() tells them apart):
 *
 *	any		insn'		b next
 *	prfm		b next
 *	adr, adrp	ldr xd, +8	b next		.quad address
 *	ldr literal	insn'		b next
 *	  too far	ldr xt, +12	ldr t, [xt]	b next		.quad address
 *	  no xt		str x16, [sp, #-16]!	ldr x16, +16	ldr t, [x16]
 *			ldr x16, [sp], #16	b next		.quad address
 *	b.cond, cbz, tbz  insn' +8	b next		b target
 *	b		b target
 *	bl		ldr x30, +12	b target	udf	.quad next
 *	  too far	ldr x30, +12	ldr x16, +16	ret x16	.quad next, target
 *	blr xn		ldr x30, +12	br xn		udf	.quad next
 *	  of x30	mov x16, x30	ldr x30, +12	br x16	udf	.quad next
 *	br, ret		insn'
 *	svc		svc		b next
 *
 * Guarded control stacks are not kept: who has threads with them must not
 * relocate calls.
 */
#include "decode.h"

#include <capstone/capstone.h>
#include <string.h>

/* brk #0: an immediate the kernel has no use for of its own. */
const uint8_t arch_bp[] = { 0x00, 0x00, 0x20, 0xd4 };
const size_t arch_bp_len = sizeof(arch_bp);
const unsigned arch_bp_pc_bias = 0;
/* b goes 128 MiB; a conditional branch of the site's may have gone 1 MiB. */
const uint64_t arch_reach = (126 << 20);

#define B_RANGE (INT64_C(128) << 20)
#define LITERAL_RANGE (INT64_C(1) << 20)
#define SCRATCH 16

/* -------------------------------------------------------------- decode -- */

/* Does capstone say that the instruction's place matters? */
static bool place_matters(csh handle, const cs_insn *insn)
{
	const cs_arm64 *a = &insn->detail->arm64;

	switch (insn->id) {
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP:
	case ARM64_INS_B:
	case ARM64_INS_BL:
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ: return true;
	case ARM64_INS_LDR:
	case ARM64_INS_LDRSW:
	case ARM64_INS_PRFM:
		/* Of a literal: no memory operand, only its address. */
		return a->op_count == 2 && a->operands[1].type == ARM64_OP_IMM;
	default: (void)handle; return false;
	}
}

/*
 * Capstone's opinion: -1 it does not know the word, else whether the place
 * matters.  The handle is made once and kept: it holds no state between calls.
 * Not for several threads.
 */
static int second_opinion(const uint8_t *code, uint64_t pc)
{
	static csh handle;
	static cs_insn *insn;
	uint64_t at = pc;
	size_t avail = 4;

	if (!insn) {
		if (!handle && cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &handle) != CS_ERR_OK)
			return -1;
		cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
		insn = cs_malloc(handle);
		if (!insn)
			return -1;
	}
	return cs_disasm_iter(handle, &code, &avail, &at, insn) ? place_matters(handle, insn) : -1;
}

static bool decode_both(const uint8_t *code, size_t avail, uint64_t pc, struct a64_insn *x,
			struct arch_insn *ret)
{
	int opinion;

	*ret = (struct arch_insn){ .len = 0 };
	if (!a64_decode(code, avail, x))
		return false;
	a64_describe(x, pc, ret);
	opinion = second_opinion(code, pc);
	if (opinion >= 0 && opinion != ret->uses_pc && x->cls != A64_PC_AUTH) {
		*ret = (struct arch_insn){ .len = 0 };
		return false;
	}
	return true;
}

bool arch_insn_decode(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret)
{
	struct a64_insn x;

	return decode_both(code, avail, pc, &x, ret);
}

/* -------------------------------------------------------------- refuse -- */

/* Why the instruction must not run anywhere but in its place; NULL: it may. */
static const char *refuse(const struct a64_insn *x)
{
	switch ((enum a64_class)x->cls) {
	case A64_TRAP:
		if (x->w >> 24 == 0xd4 && (x->w >> 21 & 7) == 1)
			return "a breakpoint instruction of the program's own";
		return "an instruction that traps on purpose";
	case A64_EXCLUSIVE:
		return "an exclusive load or store, which a stop would make fail for ever";
	case A64_MOPS: return "a step of a memory copy or set, which the kernel may wind back";
	case A64_PREFIX: return "movprfx, which must stand right before its instruction";
	case A64_PC_AUTH: return "pointer authentication that depends on the program counter";
	case A64_TSTART: return "the start of a hardware transaction";
	default: return NULL;
	}
}

static bool ends_look(const struct a64_insn *x)
{
	return x->cls == A64_B || x->cls == A64_BR || x->cls == A64_RET || x->cls == A64_TRAP ||
	       x->cls == A64_UNKNOWN;
}

const size_t arch_lookback = ARCH_LOOKBACK_MAX;

/*
 * Walks back from the site.  Between a load-exclusive and its store-exclusive
 * every exception takes the reservation away, so that the loop never ends.
 */
const char *arch_site_refuse(const uint8_t *code, size_t off)
{
	struct a64_insn x;

	for (size_t back = 4; back <= off && back <= ARCH_LOOKBACK_MAX; back += 4) {
		a64_decode(code + off - back, 4, &x);
		if (back == 4 && x.cls == A64_PC_AUTH)
			return "pointer authentication that depends on the program counter";
		if (ends_look(&x))
			return NULL;
		if (x.cls == A64_EXCLUSIVE)
			return x.w >> 22 & 1 ? "between an exclusive load and its store, where a "
					       "stop would make the store fail for ever" :
					       NULL;
	}
	return NULL;
}

/* ------------------------------------------------------------ relocate -- */

/* A slot being written.  out has ARCH_SLOT_MAX bytes, more than any shape needs. */
struct slot {
	uint8_t *out;
	size_t n;
	uint64_t pc; /* address of out[0] */
	bool far; /* something was out of reach */
};

static void put32(struct slot *s, uint32_t v)
{
	memcpy(s->out + s->n, &v, sizeof(v));
	s->n += sizeof(v);
}

static void put64(struct slot *s, uint64_t v)
{
	memcpy(s->out + s->n, &v, sizeof(v));
	s->n += sizeof(v);
}

static bool reaches(uint64_t from, uint64_t to, int64_t range)
{
	int64_t d = (int64_t)(to - from);

	return d >= -range && d < range;
}

static void put_b(struct slot *s, uint64_t target)
{
	uint64_t from = s->pc + s->n;

	if (!reaches(from, target, B_RANGE))
		s->far = true;
	put32(s, 0x14000000 | ((target - from) >> 2 & 0x3ffffff));
}

/* ldr xt, what stands after bytes further on. */
static void put_ldr_literal(struct slot *s, unsigned reg, unsigned after)
{
	put32(s, 0x58000000 | after << 3 | reg);
}

#define UDF 0u
#define BR 0xd61f0000u
#define RET 0xd65f0000u
#define MOV_SCRATCH_LR (0xaa0003e0u | A64_LR << 16 | SCRATCH)
#define PUSH_SCRATCH (0xf81f0fe0u | SCRATCH) /* str xt, [sp, #-16]! */
#define POP_SCRATCH (0xf84107e0u | SCRATCH) /* ldr xt, [sp], #16 */

static void put_adr(struct slot *s, const struct a64_insn *x, uint64_t old_pc, uint64_t next)
{
	uint64_t page = old_pc & ~UINT64_C(0xfff);

	put_ldr_literal(s, a64_rd(x->w), 8);
	put_b(s, next);
	put64(s, x->cls == A64_ADRP ? page + (uint64_t)x->disp * 4096 : old_pc + (uint64_t)x->disp);
}

/* The load through a register that does what a literal load does. */
static uint32_t load_through(uint32_t w, unsigned base)
{
	static const uint32_t general[4] = { 0xb9400000, 0xf9400000, 0xb9800000, 0xf9800000 };
	static const uint32_t vector[4] = { 0xbd400000, 0xfd400000, 0x3dc00000, 0 };

	return (w >> 26 & 1 ? vector : general)[w >> 30] | base << 5 | a64_rd(w);
}

static void put_ldr(struct slot *s, const struct a64_insn *x, uint64_t old_pc, uint64_t next)
{
	bool vector = x->w >> 26 & 1, prefetch = !vector && x->w >> 30 == 3;
	uint64_t at = old_pc + (uint64_t)x->disp;

	if (prefetch) {
		put_b(s, next);
	} else if (reaches(s->pc, at, LITERAL_RANGE)) {
		put32(s, (x->w & 0xff00001f) | (uint32_t)((at - s->pc) >> 2 & 0x7ffff) << 5);
		put_b(s, next);
	} else if (!vector && a64_rd(x->w) != 31) {
		put_ldr_literal(s, a64_rd(x->w), 12);
		put32(s, load_through(x->w, a64_rd(x->w)));
		put_b(s, next);
		put64(s, at);
	} else {
		put32(s, PUSH_SCRATCH);
		put_ldr_literal(s, SCRATCH, 16);
		put32(s, load_through(x->w, SCRATCH));
		put32(s, POP_SCRATCH);
		put_b(s, next);
		put64(s, at);
	}
}

static void put_cond(struct slot *s, const struct a64_insn *x, uint64_t target, uint64_t next)
{
	uint32_t field = x->cls == A64_TBZ ? 0x3fffu << 5 : 0x7ffffu << 5;

	put32(s, (x->w & ~field) | 2 << 5);
	put_b(s, next);
	put_b(s, target);
}

static void put_bl(struct slot *s, uint64_t target, uint64_t next)
{
	put_ldr_literal(s, A64_LR, 12);
	if (reaches(s->pc + s->n, target, B_RANGE)) {
		put_b(s, target);
		put32(s, UDF);
		put64(s, next);
		return;
	}
	put_ldr_literal(s, SCRATCH, 16);
	put32(s, RET | SCRATCH << 5);
	put64(s, next);
	put64(s, target);
}

/* blr to br; blraa to braa, whose bit differs the same way. */
static void put_blr(struct slot *s, const struct a64_insn *x, uint64_t next)
{
	uint32_t jump = x->w & ~(1u << 21);

	if (a64_rn(x->w) == A64_LR) {
		put32(s, MOV_SCRATCH_LR);
		jump = (jump & ~(31u << 5)) | SCRATCH << 5;
	}
	put_ldr_literal(s, A64_LR, 12);
	put32(s, jump);
	put32(s, UDF);
	put64(s, next);
}

static bool is_odd_call(const struct a64_insn *x)
{
	bool has_modifier = x->w >> 24 & 1;

	return x->cls == A64_BLR && x->is_signed && has_modifier &&
	       (a64_rd(x->w) == A64_LR || (a64_rn(x->w) == A64_LR && a64_rd(x->w) == SCRATCH));
}

static void put_slot(struct slot *s, const struct a64_insn *x, uint64_t old_pc)
{
	uint64_t next = old_pc + 4, target = old_pc + (uint64_t)x->disp;

	switch ((enum a64_class)x->cls) {
	case A64_ADR:
	case A64_ADRP: put_adr(s, x, old_pc, next); break;
	case A64_LDR_LIT: put_ldr(s, x, old_pc, next); break;
	case A64_B: put_b(s, target); break;
	case A64_BL: put_bl(s, target, next); break;
	case A64_BCOND:
	case A64_CBZ:
	case A64_TBZ: put_cond(s, x, target, next); break;
	case A64_BLR: put_blr(s, x, next); break;
	case A64_BR:
	case A64_RET: put32(s, x->w); break;
	default:
		put32(s, x->w);
		put_b(s, next);
		break;
	}
}

size_t arch_relocate(const uint8_t *code, size_t avail, uint64_t old_pc, uint64_t new_pc,
		     uint8_t *out, const char **why_ret)
{
	struct slot s = { .out = out, .pc = new_pc };
	struct arch_insn insn;
	struct a64_insn x;
	const char *why;

	if (!decode_both(code, avail, old_pc, &x, &insn))
		why = "not an instruction that can be decoded with certainty";
	else
		why = refuse(&x);
	if (!why && is_odd_call(&x))
		why = "a call that authenticates with the register it changes";
	if (!why && ((old_pc | new_pc) & 3))
		why = "an address that is not a multiple of four";
	if (!why && new_pc - old_pc + arch_reach > 2 * arch_reach)
		why = "the slot is out of reach of the site";
	if (!why) {
		put_slot(&s, &x, old_pc);
		if (s.far)
			why = "its target is out of reach of the slot";
	}
	if (why) {
		if (why_ret)
			*why_ret = why;
		return 0;
	}
	return s.n;
}

/* ------------------------------------------------------------ slot map -- */

static uint32_t word_at(const uint8_t *slot, uint64_t off)
{
	uint32_t w;

	memcpy(&w, slot + off, sizeof(w));
	return w;
}

static bool loads_literal(uint32_t w, unsigned after)
{
	return (w & 0xffffffe0) == (0x58000000 | after << 3);
}

/*
 * Places before the work is done stand for the site, if all that happened so
 * far is that the register changed which the instruction is about to set (or
 * x16, free at calls): running it again from there does the same.
 */
int64_t arch_slot_to_orig(const uint8_t *slot, size_t slot_len, size_t insn_len, uint64_t off)
{
	uint32_t w;

	if (off == 0)
		return 0;
	if (off >= slot_len || slot_len < 8 || off % 4)
		return -1;
	w = word_at(slot, 0);
	if (w == MOV_SCRATCH_LR && slot_len == 24)
		return off == 4 ? 0 : -1;
	if (w == PUSH_SCRATCH && slot_len == 28)
		return off == 16 ? (int64_t)insn_len : -1;
	if (loads_literal(w, 12) && slot_len >= 20) {
		bool far_call = word_at(slot, 8) == (RET | SCRATCH << 5);

		if (far_call || word_at(slot, 8) == UDF)
			return off == 4 || (off == 8 && far_call) ? 0 : -1;
		return off == 4 ? 0 : off == 8 ? (int64_t)insn_len : -1;
	}
	return off == 4 ? (int64_t)insn_len : -1;
}
