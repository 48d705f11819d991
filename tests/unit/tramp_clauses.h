/*
 * Near programs and clauses of the tests of trampolines, for the rigs of both
 * processors.  Included by CPU/tramp_programs.h behind the rig.
 */
#ifndef TESTS_TRAMP_CLAUSES_H
#define TESTS_TRAMP_CLAUSES_H

#define EPID 77
#define STRSIZE 40

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
