/*
 * Doing an instruction's work on a register set instead of running it.
 *
 * Saves a trip through the out-of-line copy for what often stands first in a
 * function, and for every branch: here even calls and returns are the work of
 * registers alone.  Rules: no memory is read or written; registers and flags
 * come out exactly as the processor leaves them; whatever is not listed here
 * is refused and runs in its slot.  tests/unit/aarch64/test_emulate.c compares
 * each with the real thing.
 *
 * BTYPE: a thread that came here by blr stopped before the landing pad cleared
 * it.  Everything but a branch through a register clears it, or the next
 * instruction of a guarded page would fault.  br leaves the kind that every
 * pad takes: whether the page is guarded, where it may be a stricter one,
 * can't be seen from here.
 *
 * Guarded control stacks are not kept: who has threads with them must not
 * emulate calls and returns.
 */
#include "decode.h"

struct emu {
	uint32_t w;
	struct arch_regs *r;
	bool wide; /* 64-bit registers */
};

/* Register n where 31 is zero. */
static uint64_t reg_get(const struct emu *e, unsigned n)
{
	uint64_t v = n == 31 ? 0 : e->r->w[n];

	return e->wide ? v : (uint32_t)v;
}

static void reg_set(struct emu *e, unsigned n, uint64_t v)
{
	if (n != 31)
		e->r->w[n] = e->wide ? v : (uint32_t)v;
}

/* Register n where 31 is sp. */
static uint64_t reg_sp_get(const struct emu *e, unsigned n)
{
	return e->wide ? e->r->w[n] : (uint32_t)e->r->w[n];
}

static void reg_sp_set(struct emu *e, unsigned n, uint64_t v)
{
	e->r->w[n] = e->wide ? v : (uint32_t)v;
}

static void flags_set(struct emu *e, uint64_t nzcv)
{
	e->r->w[A64_WORD_PSTATE] = (e->r->w[A64_WORD_PSTATE] & ~A64_PSTATE_NZCV) | nzcv;
}

/* N and Z of a result already cut to size. */
static uint64_t sign_and_zero(const struct emu *e, uint64_t v)
{
	return (v >> (e->wide ? 63 : 31) & 1 ? A64_PSTATE_N : 0) | (v ? 0 : A64_PSTATE_Z);
}

/* ------------------------------------------------------------ branches -- */

static bool condition(uint64_t pstate, unsigned cond)
{
	bool n = pstate & A64_PSTATE_N, z = pstate & A64_PSTATE_Z;
	bool c = pstate & A64_PSTATE_C, v = pstate & A64_PSTATE_V, holds;

	switch (cond >> 1) {
	case 0: holds = z; break;
	case 1: holds = c; break;
	case 2: holds = n; break;
	case 3: holds = v; break;
	case 4: holds = c && !z; break;
	case 5: holds = n == v; break;
	case 6: holds = n == v && !z; break;
	default: return true; /* al, and nv means the same */
	}
	return holds != (cond & 1);
}

static bool taken(const struct emu *e, const struct a64_insn *x)
{
	uint32_t w = x->w;
	unsigned bit;

	switch ((enum a64_class)x->cls) {
	case A64_BCOND: return condition(e->r->w[A64_WORD_PSTATE], w & 15);
	case A64_CBZ: return (reg_get(e, a64_rd(w)) == 0) != (w >> 24 & 1);
	case A64_TBZ:
		bit = (w >> 31) << 5 | (w >> 19 & 31);
		return ((reg_get(e, a64_rd(w)) >> bit & 1) == 0) != (w >> 24 & 1);
	default: return true;
	}
}

static uint64_t to_register(struct emu *e, const struct a64_insn *x, uint64_t next)
{
	unsigned n = a64_rn(x->w);
	uint64_t target = n == 31 ? 0 : e->r->w[n];

	if (x->cls == A64_BLR)
		e->r->w[A64_LR] = next;
	if (x->cls != A64_RET)
		e->r->w[A64_WORD_PSTATE] |= x->cls == A64_BLR ? A64_BTYPE_CALL : A64_BTYPE_JUMP;
	return target;
}

/* ---------------------------------------------------------- arithmetic -- */

/* a + b + carry, and its flags. */
static uint64_t add(const struct emu *e, uint64_t a, uint64_t b, unsigned carry, uint64_t *nzcv)
{
	uint64_t mask = e->wide ? UINT64_MAX : UINT32_MAX, top = e->wide ? 1ULL << 63 : 1ULL << 31;
	uint64_t r = (a + b + carry) & mask;
	bool c = carry ? r <= a : r < a;

	*nzcv = sign_and_zero(e, r) | (c ? A64_PSTATE_C : 0) |
		((a ^ r) & (b ^ r) & top ? A64_PSTATE_V : 0);
	return r;
}

static uint64_t add_or_subtract(const struct emu *e, uint64_t a, uint64_t b, uint64_t *nzcv)
{
	uint64_t mask = e->wide ? UINT64_MAX : UINT32_MAX;

	return e->w >> 30 & 1 ? add(e, a, ~b & mask, 1, nzcv) : add(e, a, b, 0, nzcv);
}

/* add, adds, sub, subs with an immediate; 31 is sp, but the result of adds xzr. */
static bool emulate_add_immediate(struct emu *e)
{
	uint64_t imm = e->w >> 10 & 0xfff, nzcv, r;

	if (e->w >> 22 & 1)
		imm <<= 12;
	r = add_or_subtract(e, reg_sp_get(e, a64_rn(e->w)), imm, &nzcv);
	if (e->w >> 29 & 1) {
		flags_set(e, nzcv);
		reg_set(e, a64_rd(e->w), r);
	} else {
		reg_sp_set(e, a64_rd(e->w), r);
	}
	return true;
}

/* The second operand of the shifted-register forms.  false: no such form. */
static bool shifted(const struct emu *e, bool may_rotate, uint64_t *ret)
{
	uint64_t v = reg_get(e, a64_rm(e->w));
	unsigned bits = e->wide ? 64 : 32, n = e->w >> 10 & 63;

	if (n >= bits)
		return false;
	switch (e->w >> 22 & 3) {
	case 0: v <<= n; break;
	case 1: v >>= n; break;
	case 2: v = e->wide ? (uint64_t)((int64_t)v >> n) : (uint64_t)((int32_t)v >> n); break;
	default:
		if (!may_rotate)
			return false;
		v = n ? v >> n | v << (bits - n) : v;
		break;
	}
	*ret = e->wide ? v : (uint32_t)v;
	return true;
}

static bool emulate_add_shifted(struct emu *e)
{
	uint64_t b, nzcv, r;

	if (!shifted(e, false, &b))
		return false;
	r = add_or_subtract(e, reg_get(e, a64_rn(e->w)), b, &nzcv);
	if (e->w >> 29 & 1)
		flags_set(e, nzcv);
	reg_set(e, a64_rd(e->w), r);
	return true;
}

static uint64_t logic(const struct emu *e, uint64_t a, uint64_t b)
{
	switch (e->w >> 29 & 3) {
	case 1: return a | b;
	case 2: return a ^ b;
	default: return a & b;
	}
}

/* and, bic, orr (mov), orn (mvn), eor, eon, ands (tst), bics. */
static bool emulate_logic_shifted(struct emu *e)
{
	uint64_t b, r;

	if (!shifted(e, true, &b))
		return false;
	if (e->w >> 21 & 1)
		b = e->wide ? ~b : (uint32_t)~b;
	r = logic(e, reg_get(e, a64_rn(e->w)), b);
	if ((e->w >> 29 & 3) == 3)
		flags_set(e, sign_and_zero(e, r));
	reg_set(e, a64_rd(e->w), r);
	return true;
}

/* --------------------------------------------------------- immediates -- */

static uint64_t ones(unsigned n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* N:immr:imms -> a run of ones, rotated, repeated over the register. */
static bool bit_mask(uint32_t w, bool wide, uint64_t *ret)
{
	unsigned n = w >> 22 & 1, r = w >> 16 & 63, s = w >> 10 & 63;
	unsigned sizes = n << 6 | (~s & 63), size;
	uint64_t v;

	if ((n && !wide) || sizes < 2)
		return false;
	size = 1u << (31 - __builtin_clz(sizes));
	s &= size - 1;
	r &= size - 1;
	if (s == size - 1)
		return false;
	v = ones(s + 1);
	if (r)
		v = (v >> r | v << (size - r)) & ones(size);
	for (; size < 64; size *= 2)
		v |= v << size;
	*ret = wide ? v : (uint32_t)v;
	return true;
}

static bool emulate_logic_immediate(struct emu *e)
{
	uint64_t b, r;

	if (!bit_mask(e->w, e->wide, &b))
		return false;
	r = logic(e, reg_get(e, a64_rn(e->w)), b);
	if ((e->w >> 29 & 3) == 3) {
		flags_set(e, sign_and_zero(e, r));
		reg_set(e, a64_rd(e->w), r);
	} else {
		reg_sp_set(e, a64_rd(e->w), r);
	}
	return true;
}

/* movn, movz, movk */
static bool emulate_move_wide(struct emu *e)
{
	unsigned shift = (e->w >> 21 & 3) * 16, opc = e->w >> 29 & 3;
	uint64_t imm = (uint64_t)(e->w >> 5 & 0xffff) << shift;

	if (opc == 1 || (!e->wide && shift > 16))
		return false;
	if (opc == 0)
		imm = ~imm;
	else if (opc == 3)
		imm |= reg_get(e, a64_rd(e->w)) & ~(UINT64_C(0xffff) << shift);
	reg_set(e, a64_rd(e->w), imm);
	return true;
}

/* ---------------------------------------------------------------- main -- */

static bool emulate_plain(struct emu *e)
{
	switch (e->w >> 24 & 0x1f) {
	case 0x11: return !(e->w >> 23 & 1) && emulate_add_immediate(e);
	case 0x12: return e->w >> 23 & 1 ? emulate_move_wide(e) : emulate_logic_immediate(e);
	case 0x0a: return emulate_logic_shifted(e);
	case 0x0b: return !(e->w >> 21 & 1) && emulate_add_shifted(e);
	default: return false;
	}
}

static bool emulate_adr(struct emu *e, const struct a64_insn *x, uint64_t pc)
{
	e->wide = true;
	if (x->cls == A64_ADRP)
		reg_set(e, a64_rd(x->w), (pc & ~UINT64_C(0xfff)) + (uint64_t)x->disp * 4096);
	else
		reg_set(e, a64_rd(x->w), pc + (uint64_t)x->disp);
	return true;
}

static bool emulate_one(struct emu *e, const struct a64_insn *x, uint64_t pc, uint64_t *next)
{
	switch ((enum a64_class)x->cls) {
	case A64_NOP: return true;
	case A64_LDR_LIT: /* prfm: what is not done is not missed */
		return x->w >> 30 == 3 && !(x->w >> 26 & 1);
	case A64_ADR:
	case A64_ADRP: return emulate_adr(e, x, pc);
	case A64_BL:
		e->r->w[A64_LR] = *next;
		*next = pc + (uint64_t)x->disp;
		return true;
	case A64_B:
	case A64_BCOND:
	case A64_CBZ:
	case A64_TBZ:
		if (taken(e, x))
			*next = pc + (uint64_t)x->disp;
		return true;
	case A64_BR:
	case A64_BLR:
	case A64_RET:
		if (!x->is_signed)
			*next = to_register(e, x, *next);
		return !x->is_signed;
	case A64_PLAIN: return emulate_plain(e);
	default: return false;
	}
}

bool arch_emulate(const uint8_t *code, size_t avail, uint64_t pc, struct arch_regs *r)
{
	struct a64_insn x;
	uint64_t next = pc + 4, btype = r->w[A64_WORD_PSTATE] & A64_PSTATE_BTYPE;
	struct emu e = { .r = r };

	if (!a64_decode(code, avail, &x))
		return false;
	e.w = x.w;
	e.wide = x.w >> 31;
	r->w[A64_WORD_PSTATE] &= ~A64_PSTATE_BTYPE;
	if (!emulate_one(&e, &x, pc, &next)) {
		r->w[A64_WORD_PSTATE] |= btype;
		return false;
	}
	arch_set_pc(r, next);
	return true;
}
