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
 *	- jmp *%r, where %r = base + a 32-bit offset loaded from a scaled table
 *	  in the same straight stretch of code (movslq (b,i,4) ... add);
 *	- jmp *table(,i,8), or jmp *%r where %r was loaded so: a switch of code
 *	  that is not position-independent, or computed goto.  But if the stretch
 *	  before it takes the frame down (pop, leave, rsp raised), it is a tail call
 *	  through an array of functions.
 *    Where all this would leave a function without any exit, its indirect jumps
 *    are exits after all.
 *
 * What is missed: "return table[i](x)" of a function that has no frame and
 * another exit, which looks exactly like a switch.
 */
#include "decode.h"

#include <string.h>

#define STRETCH 12	/* instructions looked back at */
#define RSP 4

/* The last instructions of a straight run that ends at the present one. */
struct stretch {
	struct x64_insn x[STRETCH];
	uint8_t sib[STRETCH];	/* 0 where there is none */
	unsigned n;		/* in all since its start; the newest is (n - 1) % STRETCH */
};

struct walk {
	void (*fn)(void *arg, uint64_t off, enum arch_flow flow);
	void *arg;
	const uint8_t *code;
	size_t len;
	uint64_t addr;
	uint64_t found;
	bool all_indirect;	/* second walk: no exit was found otherwise */
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

/* Is the register of "jmp *%reg" a table entry?  Looks back from the newest. */
static bool from_table(const struct stretch *s, unsigned reg)
{
	unsigned n = s->n < STRETCH ? s->n : STRETCH;
	bool added = false;

	for (unsigned k = 1; k <= n; k++) {
		const struct x64_insn *x = &s->x[(s->n - k) % STRETCH];
		uint8_t sib = s->sib[(s->n - k) % STRETCH];

		if (adds_to(x, reg))
			added = true;
		if (loads(x, 0x8b, reg))
			return !added && scaled(x, sib, 3) && !frame_taken_down(s);
		/* The table's offset may have been loaded into either summand. */
		if (added && x64_is(x, 0x63) && scaled(x, sib, 2))
			return true;
	}
	return false;
}

static bool inside_dispatch(const struct stretch *s, const uint8_t *code, const struct x64_insn *x)
{
	if (x->prefixes & X64_P3E)
		return true;
	if (x64_mod(x) == 3)
		return from_table(s, x64_rm(x));
	return scaled(x, sib_of(code, x), 3) && !frame_taken_down(s);
}

static bool leaves(const struct walk *w, const struct stretch *s, const uint8_t *code,
		   const struct x64_insn *x, const struct arch_insn *insn)
{
	switch (insn->flow) {
	case ARCH_FLOW_RET:
		return true;
	case ARCH_FLOW_JUMP:
	case ARCH_FLOW_COND:
		return insn->target - w->addr >= w->len;
	case ARCH_FLOW_IJUMP:
		return w->all_indirect || !inside_dispatch(s, code, x);
	default:
		return false;
	}
}

static bool ends_stretch(enum arch_flow flow)
{
	return flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_IJUMP || flow == ARCH_FLOW_RET ||
	       flow == ARCH_FLOW_TRAP;
}

static bool walk(struct walk *w, uint64_t *bad_ret)
{
	struct stretch s = { .n = 0 };
	struct arch_insn insn;
	struct x64_insn x;

	for (uint64_t off = 0; off < w->len; off += x.len) {
		const uint8_t *at = w->code + off;

		if (!x64_decode(at, w->len - off, &x)) {
			if (bad_ret)
				*bad_ret = off;
			return false;
		}
		x64_describe(at, &x, w->addr + off, &insn);
		if (leaves(w, &s, at, &x, &insn)) {
			w->fn(w->arg, off, insn.flow);
			w->found++;
		}
		if (ends_stretch(insn.flow))
			s.n = 0;
		else
			stretch_push(&s, at, &x);
	}
	return true;
}

bool arch_find_returns(const uint8_t *code, size_t len, uint64_t addr,
		       void (*fn)(void *arg, uint64_t off, enum arch_flow flow), void *arg,
		       uint64_t *bad_ret)
{
	struct walk w = { .fn = fn, .arg = arg, .code = code, .len = len, .addr = addr };

	if (!walk(&w, bad_ret))
		return false;
	if (w.found)
		return true;
	w.all_indirect = true;
	return walk(&w, bad_ret);
}
