/*
 * Out-of-line copies compared with what they are copies of.  Included by
 * CPU/test_relocate.c behind its world, struct item with item_next(), and COPY_MIN,
 * the least bytes of a copy.  What runs an item and what its copy may leave
 * different it defines behind this.
 */
#ifndef TESTS_RELOCATE_CASES_H
#define TESTS_RELOCATE_CASES_H

static bool indirect(const struct item *it)
{
	return it->insn.flow == ARCH_FLOW_ICALL || it->insn.flow == ARCH_FLOW_IJUMP ||
	       it->insn.flow == ARCH_FLOW_RET;
}

/* Where words of memory and registers lead, so that a wrong operand shows. */
#define AWAY 0x400
#define AWAYS 16

static uint8_t *away(unsigned i)
{
	return world.mid + SITE + AWAY + (size_t)i * 32;
}

static uint64_t some_value(const struct item *it)
{
	return indirect(it) ? (uintptr_t)away(random_next() % AWAYS) : random_value();
}

struct outcome {
	struct cpu cpu;
	int where; /* number of the exit; 0 next, 1 target */
	uint8_t data[DATA_LEN];
	uint8_t stack[STACK_LEN];
};

/* Sets everything up from seed and runs the item: in place, or what is at slot. */
static void run_item(const struct item *it, uint64_t seed, const uint8_t *copy, size_t copy_len,
		     uint8_t *slot, struct outcome *o);
/* What a copy may leave otherwise. */
static void forget(const struct item *it, struct outcome *o);
/* Registers and flags, in place and in the slot. */
static void expect_same_cpu(const struct item *it, const struct cpu *a, const struct cpu *b,
			    int slot);

static void expect_equal(const struct item *it, const struct outcome *a, const struct outcome *b,
			 int slot)
{
	expect_same_cpu(it, &a->cpu, &b->cpu, slot);
	if (a->where != b->where || a->where < 0)
		fail_msg("%s, slot %d: exit %d in place, %d in the slot", it->text, slot, a->where,
			 b->where);
	if (memcmp(a->data, b->data, DATA_LEN) != 0)
		fail_msg("%s, slot %d: data differs", it->text, slot);
	if (memcmp(a->stack, b->stack, STACK_LEN) != 0)
		fail_msg("%s, slot %d: the stack differs", it->text, slot);
}

/* Which exits the item took in place, as a set. */
static unsigned check_item(const struct item *it)
{
	static struct outcome place, moved;
	uint8_t copy[ARCH_SLOT_MAX];
	unsigned seen = 0;

	for (int s = 0; s < 3; s++) {
		const char *why = "none given";
		size_t n = arch_relocate(it->code, it->insn.len, site_pc(),
					 (uint64_t)(uintptr_t)world.slots[s], copy, &why);

		if (n == 0)
			fail_msg("%s, slot %d: refused: %s", it->text, s, why);
		assert_in_range(n, COPY_MIN, ARCH_SLOT_MAX);
		for (int round = 0; round < ROUNDS; round++) {
			uint64_t seed = 0x9e3779b97f4a7c15ULL * (unsigned)(round + 1);

			run_item(it, seed, NULL, 0, NULL, &place);
			run_item(it, seed, copy, n, world.slots[s], &moved);
			forget(it, &place);
			forget(it, &moved);
			expect_equal(it, &place, &moved, s);
			seen |= 1U << place.where;
		}
	}
	return seen;
}

static unsigned check_corpus(const char *p)
{
	struct item it;
	unsigned n = 0;

	while (item_next(&p, &it)) {
		unsigned seen = check_item(&it);

		n++;
		if (it.insn.flow == ARCH_FLOW_COND && seen != 3)
			fail_msg("%s: not seen both taken and not taken", it.text);
	}
	return n;
}

#endif
