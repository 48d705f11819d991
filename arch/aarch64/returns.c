/*
 * Where a function is left: returns, and jumps out of it.
 *
 * The walk is linear, word by word.  A word that is no instruction is data
 * among the code (literal pools, jump tables); the first such is reported, and
 * what follows it is found all the same.  What counts:
 *  - ret, retaa, retab;
 *  - direct branches whose target is outside the function, as ARCH_FLOW_JUMP,
 *    and conditional ones as ARCH_FLOW_COND: left only when taken.  A target
 *    in another part of the same function (f.cold) can't be told from a tail
 *    call here; the caller knows symbols and drops those;
 *  - br, braa and kin, unless they dispatch inside the function.  Looked for
 *    in the same straight stretch of code is what last set the register:
 *	- an add of two registers: base + an offset from a table, which only
 *	  switches do;
 *	- a load through a base and an index times eight: a switch by addresses
 *	  or computed goto.  The same words call the last function of a chain
 *	  through an array of functions; it is taken for that if the stretch
 *	  before it takes the frame down (x30 is loaded, or sp raised), or if
 *	  every block of the function is reached without it.
 */
#include "../blocks.h"
#include "decode.h"

#define STRETCH 12 /* instructions looked back at */

/* The last instructions of a straight run that ends at the present one. */
struct stretch {
	uint32_t w[STRETCH];
	unsigned n; /* in all since its start; the newest is (n - 1) % STRETCH */
};

/* add (shifted or extended register), 64 bits. */
static bool adds_registers(uint32_t w)
{
	return (w & 0xff000000) == 0x8b000000;
}

/* ldr xt, [xn, xm, lsl #3] or with the index extended. */
static bool loads_indexed(uint32_t w)
{
	return (w & 0xffe01c00) == 0xf8601800;
}

/* ldr xt, [xn, ...] of any other form. */
static bool loads_other(uint32_t w)
{
	return (w & 0xffc00000) == 0xf9400000 ||
	       ((w & 0xffe00000) == 0xf8400000 && (w >> 10 & 3) != 2);
}

/* x30 restored, or sp raised by an instruction of its own. */
static bool takes_frame_down(uint32_t w)
{
	bool pair = (w & 0xfe400000) == 0xa8400000, one = (w & 0xffc00000) == 0xf9400000;

	if (pair && a64_rn(w) == A64_SP)
		return a64_rd(w) == A64_LR || (w >> 10 & 31) == A64_LR || (w >> 23 & 1);
	/* ldr x30, [sp], #n */
	if ((w & 0xffe00c1f) == (0xf8400400 | A64_LR) && a64_rn(w) == A64_SP)
		return true;
	if (one && a64_rd(w) == A64_LR && a64_rn(w) == A64_SP)
		return true;
	return (w & 0xff8003ff) == 0x910003ff;
}

static bool frame_taken_down(const struct stretch *s)
{
	unsigned n = s->n < STRETCH ? s->n : STRETCH;

	for (unsigned k = 1; k <= n; k++) {
		if (takes_frame_down(s->w[(s->n - k) % STRETCH]))
			return true;
	}
	return false;
}

enum table {
	NO_TABLE,
	OFFSETS, /* of code, added to a base: only switches have them */
	POINTERS, /* a switch, computed goto, or an array of functions */
};

/* add xn, x, x, lsl #3 before: the address that unoptimized code then loads from. */
static bool indexed_before(const struct stretch *s, unsigned k, unsigned n, unsigned base)
{
	for (k++; k <= n; k++) {
		uint32_t w = s->w[(s->n - k) % STRETCH];

		if (a64_rd(w) == base && adds_registers(w))
			return true;
	}
	return false;
}

/* Where the register of a br comes from.  Looks back from the newest. */
static enum table from_table(const struct stretch *s, unsigned reg)
{
	unsigned n = s->n < STRETCH ? s->n : STRETCH;

	for (unsigned k = 1; k <= n; k++) {
		uint32_t w = s->w[(s->n - k) % STRETCH];

		if (a64_rd(w) != reg)
			continue;
		if (adds_registers(w))
			return OFFSETS;
		if (loads_indexed(w))
			return POINTERS;
		if (loads_other(w))
			return indexed_before(s, k, n, a64_rn(w)) ? POINTERS : NO_TABLE;
		/* mov xd, xm: go on with where that comes from. */
		if ((w & 0xffe0ffe0) == 0xaa0003e0)
			reg = a64_rm(w);
	}
	return NO_TABLE;
}

/* Between blocks; but bti j is a case's pad. */
static bool is_padding(const uint8_t *code, const struct arch_insn *insn)
{
	return insn->flow == ARCH_FLOW_TRAP || (insn->is_nop && *code == 0x1f);
}

static bool leaves(struct blocks *w, const struct stretch *s, const struct a64_insn *x,
		   const struct arch_insn *insn)
{
	enum table table;

	switch (insn->flow) {
	case ARCH_FLOW_RET: return true;
	case ARCH_FLOW_JUMP:
	case ARCH_FLOW_COND: return insn->target - w->addr >= w->len;
	case ARCH_FLOW_IJUMP:
		table = from_table(s, a64_rn(x->w));
		if (table == POINTERS)
			return frame_taken_down(s) || !blocks_are_hidden(w);
		return table == NO_TABLE;
	default: return false;
	}
}

bool arch_find_returns(const uint8_t *code, size_t len, uint64_t addr,
		       void (*fn)(void *arg, uint64_t off, enum arch_flow flow), void *arg,
		       uint64_t *bad_ret)
{
	struct blocks w = {
		.code = code, .len = len, .addr = addr, .skip = 4, .is_padding = is_padding
	};
	struct stretch s = { .n = 0 };
	struct arch_insn insn;
	struct a64_insn x;
	uint64_t bad = len;

	for (uint64_t off = 0; off < len; off += 4) {
		if (!a64_decode(code + off, len - off, &x)) {
			bad = bad < len ? bad : off;
			s.n = 0;
			continue;
		}
		a64_describe(&x, addr + off, &insn);
		if (leaves(&w, &s, &x, &insn))
			fn(arg, off, insn.flow);
		if (blocks_end(insn.flow))
			s.n = 0;
		else
			s.w[s.n++ % STRETCH] = x.w;
	}
	if (bad < len && bad_ret)
		*bad_ret = bad;
	return bad == len;
}
