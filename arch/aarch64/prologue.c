/*
 * What a function without unwind tables has done to its stack, told by its own
 * instructions.
 *
 * They are followed from the first one to the one that runs, one after the
 * other: how far down sp is, where the registers of the caller were put, what
 * the frame pointer points to; and all of this backwards where a frame is taken
 * down.  A branch forward takes the state to where it leads.  Behind a return or
 * a jump nothing is known of who comes there: unless a branch did, it is the
 * frame as it was last built.
 *
 * Places are given as "depth": how far below sp at the first instruction.
 */
#include "decode.h"

#include <string.h>

#define FIRST_KEPT 19 /* x19 ... x30 are the caller's */
#define N_KEPT 12
#define FP 29
#define N_VALUES 32
#define N_BRANCHES 24
#define FAR (UINT64_C(1) << 32) /* no frame is larger */

/* What a register that builds frames may hold. */
struct value {
	enum { VALUE_UNKNOWN, VALUE_NUMBER, VALUE_DEPTH } is;
	uint64_t n;
};

struct state {
	int64_t depth;
	int64_t fp_depth;
	int64_t saved[N_KEPT]; /* 0: it is in the register */
	bool sets_fp;
	bool sp_lost; /* alloca(), realigned */
	bool lr_lost; /* a call while the return address was in the register */
};

struct branch {
	uint64_t target;
	struct state state;
};

struct scan {
	struct state now, built;
	struct value values[N_VALUES];
	struct branch branches[N_BRANCHES];
	unsigned n_branches;
	bool is_dead; /* nothing falls through to the next instruction */
};

static uint32_t word_at(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static uint32_t bits(uint32_t w, unsigned low, unsigned n)
{
	return w >> low & ((1u << n) - 1);
}

/* ------------------------------------------------- loads and stores -- */

static bool is_kept(unsigned reg)
{
	return reg >= FIRST_KEPT && reg < FIRST_KEPT + N_KEPT;
}

/* Depth of where a base register points; false: it isn't known. */
static bool base_depth(const struct state *s, unsigned base, int64_t *ret)
{
	*ret = base == A64_SP ? s->depth : s->fp_depth;
	return base == A64_SP ? !s->sp_lost : base == FP && s->sets_fp;
}

/*
 * A register that was saved before, and is stored again, holds the function's
 * own value; one that wasn't still holds the caller's, whatever it is stored for.
 */
static void store(struct scan *x, unsigned reg, int64_t depth)
{
	int64_t *saved = &x->now.saved[reg - FIRST_KEPT];

	if (*saved || depth < 8)
		return;
	*saved = depth;
	x->built = x->now;
}

static void load(struct scan *x, unsigned reg, int64_t depth)
{
	int64_t *saved = &x->now.saved[reg - FIRST_KEPT];

	if (*saved != depth)
		return;
	*saved = 0;
	if (reg == FP)
		x->now.sets_fp = false;
	if (reg == A64_LR)
		x->now.lr_lost = false;
}

struct access {
	unsigned base, n;
	bool is_load, is_x; /* is_x: of 64-bit general registers */
	bool is_pre, is_post;
	int64_t offset;
	uint8_t reg[2];
};

/* ldp, stp in all forms. */
static bool decode_pair(uint32_t w, struct access *a)
{
	unsigned opc = w >> 30, mode = bits(w, 23, 3);
	bool is_vector = bits(w, 26, 1);

	if ((w & 0x3a000000) != 0x28000000)
		return false;
	a->n = 2;
	a->is_load = bits(w, 22, 1);
	a->is_x = !is_vector && opc == 2;
	a->is_post = mode == 1;
	a->is_pre = mode == 3;
	a->offset = a64_signed(w, 15, 7) * (is_vector ? 4 << opc : opc == 2 ? 8 : 4);
	a->reg[0] = (uint8_t)a64_rd(w);
	a->reg[1] = (uint8_t)bits(w, 10, 5);
	return true;
}

/* ldr, str and their kin, of one register with an offset. */
static bool decode_single(uint32_t w, struct access *a)
{
	unsigned size = w >> 30, opc = bits(w, 22, 2);
	bool is_vector = bits(w, 26, 1), is_scaled = bits(w, 24, 1);

	if ((w & 0x3a000000) != 0x38000000 || (!is_scaled && bits(w, 21, 1)))
		return false;
	a->n = 1;
	a->is_load = opc != 0;
	a->is_x = !is_vector && size == 3 && opc <= 1;
	a->is_post = !is_scaled && bits(w, 10, 2) == 1;
	a->is_pre = !is_scaled && bits(w, 10, 2) == 3;
	a->offset = is_scaled ? (int64_t)bits(w, 10, 12) << (is_vector && opc >= 2 ? 4 : size) :
				a64_signed(w, 12, 9);
	a->reg[0] = (uint8_t)a64_rd(w);
	return true;
}

static bool do_access(struct scan *x, uint32_t w)
{
	struct access a = { .base = a64_rn(w) };
	int64_t depth;

	if (!decode_pair(w, &a) && !decode_single(w, &a))
		return false;
	for (unsigned i = 0; i < a.n; i++)
		if (a.is_load && a.reg[i] < N_VALUES)
			x->values[a.reg[i]].is = VALUE_UNKNOWN;
	if (!base_depth(&x->now, a.base, &depth))
		return true;
	if (a.is_pre)
		depth -= a.offset;
	/* Only sp is ever moved so. */
	if ((a.is_pre || a.is_post) && a.base == A64_SP)
		x->now.depth = a.is_pre ? depth : depth - a.offset;
	if (a.is_pre && a.base == A64_SP && !a.is_load)
		x->built = x->now;
	if (!a.is_pre && !a.is_post)
		depth -= a.offset;
	for (unsigned i = 0; a.is_x && i < a.n; i++)
		if (is_kept(a.reg[i]))
			(a.is_load ? load : store)(x, a.reg[i], depth - 8 * (int64_t)i);
	return true;
}

/* -------------------------------------------------------- arithmetic -- */

/* The value of a logical instruction's 64-bit immediate. */
static uint64_t bitmask(uint32_t w)
{
	unsigned n = bits(w, 22, 1), s = bits(w, 10, 6), r = bits(w, 16, 6), size = 64;
	uint64_t v;

	if (!n)
		for (size = 32; size > 2 && s & size; size /= 2)
			;
	s &= size - 1;
	r &= size - 1;
	v = s == 63 ? ~UINT64_C(0) : (UINT64_C(1) << (s + 1)) - 1;
	if (r)
		v = v >> r | v << (size - r);
	if (size < 64)
		v &= (UINT64_C(1) << size) - 1;
	for (; size < 64; size *= 2)
		v |= v << size;
	return v;
}

static struct value value_of(const struct scan *x, unsigned reg)
{
	int64_t depth;

	if (reg == A64_SP || reg == FP)
		return base_depth(&x->now, reg, &depth) ?
			       (struct value){ VALUE_DEPTH, (uint64_t)depth } :
			       (struct value){ VALUE_UNKNOWN, 0 };
	return x->values[reg];
}

/* reg = v, where 31 is sp. */
static void set(struct scan *x, unsigned reg, struct value v)
{
	struct state *s = &x->now;
	bool is_place = v.is == VALUE_DEPTH && v.n + FAR <= 2 * FAR;

	if (reg == A64_SP) {
		bool builds = !is_place || s->sp_lost || (int64_t)v.n > s->depth;

		s->sp_lost = !is_place;
		if (is_place)
			s->depth = (int64_t)v.n;
		if (builds)
			x->built = *s;
	} else if (reg == FP) {
		/* A frame's only if it has the caller's. */
		s->sets_fp = is_place && s->saved[FP - FIRST_KEPT];
		s->fp_depth = (int64_t)v.n;
		if (s->sets_fp)
			x->built = *s;
	} else {
		x->values[reg] = v;
	}
}

/* add, sub of a number; mov to and from sp is one of these. */
static bool do_add_number(struct scan *x, uint32_t w)
{
	bool is_sub = bits(w, 30, 1);
	uint64_t n = (uint64_t)bits(w, 10, 12) << (bits(w, 22, 1) ? 12 : 0);
	struct value v = value_of(x, a64_rn(w));

	if ((w & 0xbf800000) != 0x91000000)
		return false;
	v.n = is_sub == (v.is == VALUE_DEPTH) ? v.n + n : v.n - n;
	set(x, a64_rd(w), v);
	return true;
}

/* sub sp, sp, x; cmp sp, x at the end of the loop that touches each page. */
static bool do_add_register(struct scan *x, uint32_t w)
{
	struct value sp = value_of(x, A64_SP), n = x->values[a64_rm(w) & (N_VALUES - 1)];
	bool is_sub = bits(w, 30, 1);

	if ((w & 0xffe0ffff) == 0xeb2063ff) {
		if (n.is == VALUE_DEPTH)
			set(x, A64_SP, n);
		return true;
	}
	if ((w & 0xbfe0ffff) != 0x8b2063ff)
		return false;
	if (n.is != VALUE_NUMBER || sp.is != VALUE_DEPTH)
		sp.is = VALUE_UNKNOWN;
	sp.n += is_sub ? n.n : -n.n;
	set(x, A64_SP, sp);
	return true;
}

/* movz, movn, movk; mov of another kind of number. */
static bool do_move(struct scan *x, uint32_t w)
{
	unsigned rd = a64_rd(w), shift = 16 * bits(w, 21, 2), opc = bits(w, 29, 2);
	uint64_t n = (uint64_t)bits(w, 5, 16) << shift;
	struct value v = { VALUE_NUMBER, n };

	if ((w & 0xff8003e0) == 0xb20003e0) { /* orr x, xzr, #n */
		v.n = bitmask(w);
	} else if ((w & 0x1f800000) != 0x12800000 || opc == 1) {
		return false;
	} else if (opc == 3) { /* movk */
		v = value_of(x, rd);
		v.n = (v.n & ~(UINT64_C(0xffff) << shift)) | n;
		if (v.is != VALUE_NUMBER)
			v.is = VALUE_UNKNOWN;
	} else if (opc == 0) {
		v.n = ~n;
	}
	if (!(w >> 31))
		v.n &= UINT32_MAX;
	if (rd != A64_SP || (w & 0xff8003e0) == 0xb20003e0)
		set(x, rd, v);
	return true;
}

/* Anything else: what it writes, if it does, is no place that is followed. */
static void do_rest(struct scan *x, uint32_t w)
{
	unsigned rd = a64_rd(w), group = bits(w, 25, 4);

	/* Of numbers, of registers: what else there is writes none of these. */
	if ((group & 14) != 8 && (group & 7) != 5)
		return;
	x->values[rd].is = VALUE_UNKNOWN;
	if (rd == FP)
		x->now.sets_fp = false;
	/* and sp, x, #mask */
	if ((w & 0xff80001f) == 0x9200001f)
		set(x, A64_SP, (struct value){ VALUE_UNKNOWN, 0 });
}

/* ------------------------------------------------------------- flow -- */

static void take_along(struct scan *x, uint64_t target, uint64_t at)
{
	if (target <= at || x->n_branches == N_BRANCHES)
		return;
	x->branches[x->n_branches].target = target;
	x->branches[x->n_branches++].state = x->now;
}

/* false: it is no branch. */
static bool do_branch(struct scan *x, const uint8_t *code, uint64_t at)
{
	struct a64_insn insn;

	if (!a64_decode(code + at, 4, &insn))
		return false;
	switch ((enum a64_class)insn.cls) {
	case A64_BCOND:
	case A64_CBZ:
	case A64_TBZ: take_along(x, at + (uint64_t)insn.disp, at); return true;
	case A64_B:
		take_along(x, at + (uint64_t)insn.disp, at);
		x->is_dead = true;
		return true;
	case A64_BR:
	case A64_RET:
	case A64_TRAP: x->is_dead = true; return true;
	case A64_BL:
	case A64_BLR:
		if (!x->now.saved[A64_LR - FIRST_KEPT])
			x->now.lr_lost = true;
		memset(x->values, 0, sizeof(x->values));
		return true;
	default: return false;
	}
}

/* Who comes to the instruction at that place? */
static void arrive(struct scan *x, uint64_t at)
{
	bool found = false;

	for (unsigned i = 0; i < x->n_branches;) {
		struct branch *b = &x->branches[i];

		if (b->target > at) {
			i++;
			continue;
		}
		if (b->target == at && !found)
			x->now = b->state;
		found |= b->target == at;
		*b = x->branches[--x->n_branches];
	}
	if (x->is_dead) {
		if (!found)
			x->now = x->built;
		memset(x->values, 0, sizeof(x->values));
	}
	x->is_dead = false;
}

static bool tell(const struct state *s, struct arch_prologue *ret)
{
	*ret = (struct arch_prologue){
		.depth = (uint64_t)s->depth,
		.sets_fp = s->sets_fp,
		.fp_depth = (uint64_t)s->fp_depth,
		.sp_unknown = s->sp_lost,
		.ra_depth = (uint64_t)s->saved[A64_LR - FIRST_KEPT],
		.ra_reg = s->saved[A64_LR - FIRST_KEPT] ? -1 : A64_LR,
	};
	for (unsigned i = 0; i < N_KEPT; i++) {
		if (!s->saved[i])
			continue;
		ret->saved[ret->n_saved].reg = (uint8_t)(FIRST_KEPT + i);
		ret->saved[ret->n_saved++].depth = (uint64_t)s->saved[i];
	}
	return s->depth >= 0 && (ret->ra_depth || !s->lr_lost) && (!s->sp_lost || s->sets_fp);
}

bool arch_prologue(const uint8_t *code, size_t len, uint64_t pc, struct arch_prologue *ret)
{
	struct scan x = { .n_branches = 0 };
	uint64_t at = 0;

	for (; at < pc && at + 4 <= len; at += 4) {
		uint32_t w = word_at(code + at);

		arrive(&x, at);
		if (!do_branch(&x, code, at) && !do_access(&x, w) && !do_add_number(&x, w) &&
		    !do_add_register(&x, w) && !do_move(&x, w))
			do_rest(&x, w);
	}
	arrive(&x, at);
	return tell(at < pc ? &x.built : &x.now, ret);
}

/* -------------------------------------------------------- the way out -- */

/* Instructions that a frame's end has besides: autiasp, autibsp. */
static bool is_check(uint32_t w)
{
	return w == 0xd50323bf || w == 0xd50323ff;
}

/* ret, retaa, retab */
static bool is_return(uint32_t w)
{
	return w == 0xd65f03c0u || w == 0xd65f0bffu || w == 0xd65f0fffu;
}

static void note_load(struct arch_prologue *p, unsigned reg, int64_t above)
{
	if (!is_kept(reg) || p->n_saved == ARCH_SAVED_MAX)
		return;
	p->saved[p->n_saved].reg = (uint8_t)reg;
	p->saved[p->n_saved++].depth = (uint64_t)above;
}

/* One instruction that takes the frame down, counted from sp at the first; false: it isn't. */
static bool take_down(uint32_t w, struct arch_prologue *p)
{
	struct access a = { .base = a64_rn(w) };
	int64_t sp = (int64_t)p->depth;

	if (is_check(w))
		return true;
	if ((w & 0xff8003ff) == 0x910003ff) { /* add sp, sp, #n [, lsl #12] */
		p->depth += (uint64_t)bits(w, 10, 12) << (bits(w, 22, 1) ? 12 : 0);
		return true;
	}
	if ((!decode_pair(w, &a) && !decode_single(w, &a)) || !a.is_load || a.base != A64_SP ||
	    a.is_pre || a.offset < 0)
		return false;
	for (unsigned i = 0; a.is_x && i < a.n; i++)
		note_load(p, a.reg[i], sp + (a.is_post ? 0 : a.offset) + 8 * (int64_t)i);
	if (a.is_post)
		p->depth += (uint64_t)a.offset;
	return true;
}

bool arch_epilogue(const uint8_t *code, size_t len, struct arch_prologue *ret)
{
	bool is_end = false;

	*ret = (struct arch_prologue){ .ra_reg = A64_LR };
	for (size_t at = 0; at + 4 <= len && !is_end; at += 4) {
		uint32_t w = word_at(code + at);

		/* A jump is another function's if what it leaves has been taken down. */
		is_end = is_return(w) || (ret->depth && ((w & 0xfc000000) == 0x14000000 ||
							 (w & 0xfffffc1f) == 0xd61f0000));
		if (!is_end && !take_down(w, ret))
			return false;
	}
	/* Counted from sp so far; now from where it will be. */
	for (unsigned i = 0; i < ret->n_saved; i++) {
		ret->saved[i].depth = ret->depth - ret->saved[i].depth;
		if (ret->saved[i].reg == A64_LR) {
			ret->ra_depth = ret->saved[i].depth;
			ret->ra_reg = -1;
		}
	}
	return is_end;
}
