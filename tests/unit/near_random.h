/*
 * Random near programs, for tests of their machine code.  Included behind what
 * has random_next(), random_value() and random_pointer().
 */
#ifndef TESTS_NEAR_RANDOM_H
#define TESTS_NEAR_RANDOM_H

#include <assert.h>
#include <stdint.h>

#include "dlang/bytecode.h"

#define INSNS 96

#define I(name, ra, rb, rc, k)              \
	(struct dl_insn)                    \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}
#define END I(END, 0, 0, 0, 0)

struct prog {
	struct dl_insn insns[INSNS];
	uint64_t consts[4];
	uint32_t n, n_slots;
};

static inline uint32_t below(uint32_t n)
{
	return (uint32_t)(random_next() >> 16) % n;
}

static inline void add(struct prog *p, struct dl_insn i)
{
	assert(p->n < INSNS);
	p->insns[p->n++] = i;
}

static inline struct dl_code code_of(const struct prog *p)
{
	return (struct dl_code){ .insns = p->insns,
				 .n = p->n,
				 .consts = p->consts,
				 .n_consts = 4,
				 .n_regs = NEAR_REGS };
}

/* One instruction that computes or looks at the thread. */
static inline void add_random(struct prog *p)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	uint8_t a = (uint8_t)below(NEAR_REGS), b = (uint8_t)below(NEAR_REGS);
	uint8_t c = (uint8_t)below(NEAR_REGS);
	struct dl_insn i = { .a = a, .b = b, .c = c };

	switch (below(8)) {
	case 0:
		i.op = DL_OP_NARG;
		i.imm = (int32_t)below(below(4) ? 10 : 600);
		break;
	case 1:
		i.op = DL_OP_NREG;
		i.imm = (int32_t)below(36);
		break;
	case 2:
	case 3:
		i.op = DL_OP_NLD;
		i.c = sizes[below(4)] | (below(2) ? NLD_SIGNED : 0);
		i.imm = (int32_t)below(40) - 20;
		break;
	case 4:
		i.op = DL_OP_LDK;
		i.imm = (int32_t)below(4);
		break;
	default:
		i.op = (uint8_t)(DL_OP_NOP + below(DL_OP_ZX - DL_OP_NOP + 1));
		i.imm = (int32_t)random_value();
		if (i.op == DL_OP_LDK)
			i.imm = (int32_t)below(4);
		if (i.op == DL_OP_SX || i.op == DL_OP_ZX)
			i.imm = 1 + (int32_t)below(64);
	}
	add(p, i);
}

/* Jumps of a stretch go at most to its end, which is not known yet: patched later. */
static inline void add_stretch(struct prog *p, unsigned n, bool decides)
{
	uint32_t start = p->n;

	for (unsigned k = 0; k < n; k++) {
		uint32_t what = below(12);

		if (what == 0)
			add(p, I(JZ, (uint8_t)below(NEAR_REGS), 0, 0, 0));
		else if (what == 1)
			add(p, I(JNZ, (uint8_t)below(NEAR_REGS), 0, 0, 0));
		else if (what == 2 && below(4) == 0)
			add(p, I(JMP, 0, 0, 0, 0));
		else if (what == 3 && decides)
			add(p, I(NREC, 0, 0, 0, 0));
		else
			add_random(p);
	}
	for (uint32_t pc = start; pc < p->n; pc++)
		if (p->insns[pc].op == DL_OP_JZ || p->insns[pc].op == DL_OP_JNZ ||
		    p->insns[pc].op == DL_OP_JMP)
			p->insns[pc].imm = (int32_t)below(p->n - pc);
}

static inline void close_slot(struct prog *p, uint32_t slot)
{
	static const uint8_t ops[] = { DL_OP_NSLOT, DL_OP_NSLOT, DL_OP_NCAPS, DL_OP_NCAPSN,
				       DL_OP_NCAPM };
	struct dl_insn i = { .op = ops[below(5)],
			     .a = (uint8_t)below(NEAR_REGS),
			     .b = (uint8_t)below(NEAR_REGS),
			     .imm = (int32_t)slot };

	/* Lengths and addresses that make sense, most of the time. */
	if (i.op != DL_OP_NSLOT && below(4))
		add(p, I(LDK, i.a, 0, 0, (int32_t)below(4)));
	if (i.op > DL_OP_NCAPS && below(4) && i.a != i.b)
		add(p, I(LDI, i.b, 0, 0, (int32_t)below(80)));
	add(p, i);
}

static inline void make_program(struct prog *p)
{
	p->n = 0;
	p->n_slots = below(5);
	for (unsigned i = 0; i < 4; i++)
		p->consts[i] = below(3) ? random_pointer() : random_value();
	add_stretch(p, below(10), below(2));
	for (uint32_t s = 0; s < p->n_slots; s++) {
		close_slot(p, s);
		add_stretch(p, below(7), false);
	}
	add(p, END);
}

#endif
