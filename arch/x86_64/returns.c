/*
 * Where a function is left: returns, and jumps out of it.
 *
 * The walk is linear, from the function's first byte.  What counts:
 *  - ret, rep ret, ret imm16, far and interrupt returns;
 *  - direct jumps whose target is outside the function, as ARCH_FLOW_JUMP, and
 *    conditional ones as ARCH_FLOW_COND: left only when taken.  A target in
 *    another part of the same function (f.cold) can't be told from a tail call
 *    here; the caller knows symbols and drops those;
 *  - indirect jumps, unless they dispatch inside the function:
 *	- notrack jmp: with -fcf-protection compilers put it on switches only;
 *	- jmp *%r, where %r = base + a 32-bit offset loaded from a table in the
 *	  same straight stretch of code (movslq (b,i,4) or, of a known index,
 *	  movslq x(%rip); then add);
 *	- jmp *table(,i,8), or jmp *%r where %r was loaded so: a switch of code
 *	  that is not position-independent, or computed goto.  The same bytes call
 *	  the last function of a chain through an array of functions; it is taken
 *	  for that if the stretch before it takes the frame down (pop, leave, rsp
 *	  raised), or if every block of the function is reached without it.
 */
#include "../blocks.h"
#include "decode.h"

#define STRETCH 12 /* instructions looked back at */
#define RSP 4

/* The last instructions of a straight run that ends at the present one. */
struct stretch {
	struct x64_insn x[STRETCH];
	uint8_t sib[STRETCH]; /* 0 where there is none */
	unsigned n; /* in all since its start; the newest is (n - 1) % STRETCH */
};

static uint8_t sib_of(const uint8_t *code, const struct x64_insn *x)
{
	return x->has_modrm && x64_mod(x) != 3 && (x->modrm & 7) == 4 ? code[x->modrm_off + 1] : 0;
}

static void stretch_push(struct stretch *s, const uint8_t *code, const struct x64_insn *x)
{
	s->x[s->n % STRETCH] = *x;
	s->sib[s->n % STRETCH] = sib_of(code, x);
	s->n++;
}

/* The memory operand has an index scaled by 1 << log2. */
static bool scaled(const struct x64_insn *x, uint8_t sib, unsigned log2)
{
	bool memory = x->has_modrm && x64_mod(x) != 3 && (x->modrm & 7) == 4;
	unsigned index = (sib >> 3 & 7) | (x->rex & X64_REX_X ? 8 : 0);

	return memory && index != RSP && (sib >> 6) == log2;
}

static bool loads(const struct x64_insn *x, unsigned op, unsigned reg)
{
	return x64_is(x, op) && x->rex & X64_REX_W && x64_mod(x) != 3 && x64_reg(x) == reg;
}

/* add between registers that changes reg. */
static bool adds_to(const struct x64_insn *x, unsigned reg)
{
	if (!(x->rex & X64_REX_W) || x64_mod(x) != 3)
		return false;
	return (x64_is(x, 0x01) && x64_rm(x) == reg) || (x64_is(x, 0x03) && x64_reg(x) == reg);
}

/* pop, leave, or an instruction that raises rsp. */
static bool takes_frame_down(const struct x64_insn *x)
{
	if (x->form != X64_LEGACY || x->map != 0)
		return false;
	if ((x->op >= 0x58 && x->op <= 0x5f) || x->op == 0xc9)
		return true;
	if (!(x->rex & X64_REX_W) || !x->has_modrm)
		return false;
	if (x->op == 0x81 || x->op == 0x83)
		return x64_mod(x) == 3 && x64_ext(x) == 0 && x64_rm(x) == RSP;
	if (x->op == 0x89)
		return x64_mod(x) == 3 && x64_rm(x) == RSP;
	return (x->op == 0x8d || x->op == 0x8b) && x64_reg(x) == RSP;
}

static bool calls(const struct x64_insn *x)
{
	return x64_is(x, 0xe8) || (x64_is(x, 0xff) && x64_ext(x) == 2);
}

/* rsp raised right after a call only drops that call's arguments. */
static bool frame_taken_down(const struct stretch *s)
{
	unsigned n = s->n < STRETCH ? s->n : STRETCH;

	for (unsigned k = 1; k <= n; k++) {
		const struct x64_insn *x = &s->x[(s->n - k) % STRETCH];

		if (takes_frame_down(x))
			return k == n || !calls(&s->x[(s->n - k - 1) % STRETCH]);
	}
	return false;
}

/* Before the k-th newest: lea 0(,i,8), as unoptimized code scales an index. */
static bool scaled_by_lea(const struct stretch *s, unsigned k, unsigned n)
{
	for (k++; k <= n; k++) {
		unsigned at = (s->n - k) % STRETCH;

		if (x64_is(&s->x[at], 0x8d) && scaled(&s->x[at], s->sib[at], 3))
			return true;
	}
	return false;
}

enum table {
	NO_TABLE,
	OFFSETS, /* of code, added to a base: only switches have them */
	POINTERS, /* a switch, computed goto, or an array of functions */
};

/* Where the register of "jmp *%reg" comes from.  Looks back from the newest. */
static enum table from_table(const struct stretch *s, unsigned reg)
{
	unsigned n = s->n < STRETCH ? s->n : STRETCH;
	bool added = false;

	for (unsigned k = 1; k <= n; k++) {
		const struct x64_insn *x = &s->x[(s->n - k) % STRETCH];
		uint8_t sib = s->sib[(s->n - k) % STRETCH];

		if (adds_to(x, reg))
			added = true;
		if (loads(x, 0x8b, reg))
			return !added && (scaled(x, sib, 3) || scaled_by_lea(s, k, n)) ? POINTERS :
											 NO_TABLE;
		/* The table's offset may have been loaded into either summand. */
		if (added && x64_is(x, 0x63) && (scaled(x, sib, 2) || x->riprel))
			return OFFSETS;
		/* The same unoptimized: a load, cltq, add. */
		if (added && x64_is(x, 0x98) && x->rex & X64_REX_W)
			return OFFSETS;
	}
	return NO_TABLE;
}

/* Between blocks. */
static bool is_padding(const uint8_t *code, const struct arch_insn *insn)
{
	(void)code;
	return insn->is_nop || insn->flow == ARCH_FLOW_TRAP;
}

/* What "jmp *%reg" or "jmp *mem" is. */
static bool inside_dispatch(struct blocks *w, const struct stretch *s, const uint8_t *code,
			    const struct x64_insn *x)
{
	enum table table = NO_TABLE;

	if (x->prefixes & X64_P3E)
		return true;
	if (x64_mod(x) == 3)
		table = from_table(s, x64_rm(x));
	else if (scaled(x, sib_of(code, x), 3))
		table = POINTERS;
	if (table == POINTERS)
		return !frame_taken_down(s) && blocks_are_hidden(w);
	return table == OFFSETS;
}

static bool leaves(struct blocks *w, const struct stretch *s, const uint8_t *code,
		   const struct x64_insn *x, const struct arch_insn *insn)
{
	switch (insn->flow) {
	case ARCH_FLOW_RET: return true;
	case ARCH_FLOW_JUMP:
	case ARCH_FLOW_COND: return insn->target - w->addr >= w->len;
	case ARCH_FLOW_IJUMP: return !inside_dispatch(w, s, code, x);
	default: return false;
	}
}

bool arch_find_returns(const uint8_t *code, size_t len, uint64_t addr,
		       void (*fn)(void *arg, uint64_t off, enum arch_flow flow), void *arg,
		       uint64_t *bad_ret)
{
	struct blocks w = { .code = code, .len = len, .addr = addr, .is_padding = is_padding };
	struct stretch s = { .n = 0 };
	struct arch_insn insn;
	struct x64_insn x;

	for (uint64_t off = 0; off < len; off += x.len) {
		if (!x64_decode(code + off, len - off, &x)) {
			if (bad_ret)
				*bad_ret = off;
			return false;
		}
		x64_describe(code + off, &x, addr + off, &insn);
		if (leaves(&w, &s, code + off, &x, &insn))
			fn(arg, off, insn.flow);
		if (blocks_end(insn.flow))
			s.n = 0;
		else
			stretch_push(&s, code + off, &x);
	}
	return true;
}
