/*
 * Functions and near programs for the tests of trampolines.
 */
#ifndef TESTS_TRAMP_PROGRAMS_H
#define TESTS_TRAMP_PROGRAMS_H

#include "tramp_rig.h"

#define EPID 77
#define STRSIZE 40

/* Hidden: the linker mixes up local symbols that are reached by way of a table. */
#define FUNC(name, text)                                                             \
	extern const uint8_t f_##name[] __attribute__((visibility("hidden")));       \
	extern const uint8_t f_##name##_end[] __attribute__((visibility("hidden"))); \
	__asm__(".pushsection .rodata\n.balign 4\n"                                  \
		"f_" #name ":\n" text "\n"                                           \
		"f_" #name "_end:\n"                                                 \
		".popsection\n")

static inline void put(const uint8_t *code, const uint8_t *end)
{
	func_put(code, (size_t)(end - code));
}

/* ------------------------------------------------------------- programs -- */

#define CODE(name, ...)                                                                           \
	static const struct dl_insn name##_insns[] = { __VA_ARGS__ };                             \
	static const struct dl_code name = { .insns = name##_insns,                               \
					     .n = sizeof(name##_insns) / sizeof(name##_insns[0]), \
					     .consts = consts,                                    \
					     .n_consts = 4,                                       \
					     .n_regs = NEAR_REGS }
#define I(name, ra, rb, rc, k)              \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}

static uint64_t consts[4];

/* All general registers, sp, pc, flags. */
CODE(all_registers, I(NREG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), I(NREG, 1, 0, 0, 1),
     I(NSLOT, 1, 0, 0, 1), I(NREG, 2, 0, 0, 2), I(NSLOT, 2, 0, 0, 2), I(NREG, 3, 0, 0, 3),
     I(NSLOT, 3, 0, 0, 3), I(NREG, 4, 0, 0, 4), I(NSLOT, 4, 0, 0, 4), I(NREG, 5, 0, 0, 5),
     I(NSLOT, 5, 0, 0, 5), I(NREG, 0, 0, 0, 6), I(NSLOT, 0, 0, 0, 6), I(NREG, 1, 0, 0, 7),
     I(NSLOT, 1, 0, 0, 7), I(NREG, 2, 0, 0, 8), I(NSLOT, 2, 0, 0, 8), I(NREG, 3, 0, 0, 9),
     I(NSLOT, 3, 0, 0, 9), I(NREG, 4, 0, 0, 10), I(NSLOT, 4, 0, 0, 10), I(NREG, 5, 0, 0, 11),
     I(NSLOT, 5, 0, 0, 11), I(NREG, 0, 0, 0, 12), I(NSLOT, 0, 0, 0, 12), I(NREG, 1, 0, 0, 13),
     I(NSLOT, 1, 0, 0, 13), I(NREG, 2, 0, 0, 14), I(NSLOT, 2, 0, 0, 14), I(NREG, 3, 0, 0, 15),
     I(NSLOT, 3, 0, 0, 15), I(NREG, 4, 0, 0, 16), I(NSLOT, 4, 0, 0, 16), I(NREG, 5, 0, 0, 17),
     I(NSLOT, 5, 0, 0, 17), I(NREG, 0, 0, 0, 18), I(NSLOT, 0, 0, 0, 18), I(NREG, 1, 0, 0, 19),
     I(NSLOT, 1, 0, 0, 19), I(NREG, 2, 0, 0, 20), I(NSLOT, 2, 0, 0, 20), I(NREG, 3, 0, 0, 21),
     I(NSLOT, 3, 0, 0, 21), I(NREG, 4, 0, 0, 22), I(NSLOT, 4, 0, 0, 22), I(NREG, 5, 0, 0, 23),
     I(NSLOT, 5, 0, 0, 23), I(NREG, 0, 0, 0, 24), I(NSLOT, 0, 0, 0, 24), I(NREG, 1, 0, 0, 25),
     I(NSLOT, 1, 0, 0, 25), I(NREG, 2, 0, 0, 26), I(NSLOT, 2, 0, 0, 26), I(NREG, 3, 0, 0, 27),
     I(NSLOT, 3, 0, 0, 27), I(NREG, 4, 0, 0, 28), I(NSLOT, 4, 0, 0, 28), I(NREG, 5, 0, 0, 29),
     I(NSLOT, 5, 0, 0, 29), I(NREG, 0, 0, 0, 30), I(NSLOT, 0, 0, 0, 30), I(NREG, 1, 0, 0, 31),
     I(NSLOT, 1, 0, 0, 31), I(NREG, 2, 0, 0, 32), I(NSLOT, 2, 0, 0, 32), I(NREG, 3, 0, 0, 33),
     I(NSLOT, 3, 0, 0, 33), I(END, 0, 0, 0, 0));
#define ALL_REGISTERS 34
CODE(two_args, I(NARG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), I(NARG, 0, 0, 0, 1), I(NSLOT, 0, 0, 0, 1),
     I(END, 0, 0, 0, 0));
CODE(bare, I(END, 0, 0, 0, 0));
/* A word and a string at constant addresses. */
CODE(loads, I(LDK, 0, 0, 0, 0), I(NLD, 1, 0, 8, 0), I(NSLOT, 1, 0, 0, 0), I(LDK, 0, 0, 0, 1),
     I(NCAPS, 0, 0, 0, 1), I(LDK, 1, 0, 0, 2), I(NSLOT, 1, 0, 0, 2), I(END, 0, 0, 0, 0));
/* Only if argument 0 is consts[3]. */
CODE(only_if, I(NARG, 0, 0, 0, 0), I(LDK, 1, 0, 0, 3), I(EQ, 0, 0, 1, 0), I(JNZ, 0, 0, 0, 1),
     I(NREC, 0, 0, 0, 0), I(NARG, 0, 0, 0, 1), I(NSLOT, 0, 0, 0, 0), I(END, 0, 0, 0, 0));
/* The value of a cell: argument 0; *consts[0]. */
CODE(value_arg, I(NARG, 3, 0, 0, 0), I(END, 0, 0, 0, 0));
CODE(value_load, I(LDK, 1, 0, 0, 0), I(NLD, 3, 1, 8, 0), I(END, 0, 0, 0, 0));

static inline struct arch_tramp_clause clause_of(const struct dl_code *code, uint32_t n_slots)
{
	return (struct arch_tramp_clause){
		.code = code,
		.epid = EPID,
		.n_slots = n_slots,
		.strsize = STRSIZE,
		.cap = (uint32_t)dl_near_bound(code, n_slots, STRSIZE),
	};
}

static inline struct arch_tramp_firing firing_of(const struct arch_tramp_clause *c, uint32_t n)
{
	return (struct arch_tramp_firing){
		.insn = rig.plan.site_insn, .pc = rig.plan.site, .clauses = c, .n_clauses = n
	};
}

static inline void patch_with(const struct arch_tramp_clause *c, uint32_t n)
{
	struct arch_tramp_firing f = firing_of(c, n);

	assert_null(func_patch(&f, 1));
}

static inline unsigned count_records(void)
{
	const struct dl_record *rec;
	unsigned n = 0;

	while ((rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail)) != NULL) {
		uint32_t len = rec->len;

		n += rec->epid != 0;
		memset(rig.ring_data + (rig.ring->tail & rig.ring->mask), 0, len);
		rig.ring->tail += len;
	}
	rig.ring->limit = rig.ring->tail + RING_SIZE;
	assert_ring_empty();
	return n;
}

#endif
