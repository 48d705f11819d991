/*
 * Stacks in records: registers and words as they were at the site, all of them or
 * a stop before anything is left.  Included by CPU/test_stack.c behind what only it
 * knows: a func to patch, how to run() it, RED_ZONE, the bytes below the stack
 * pointer that belong to it, STEP and STEP_WIDE, how the stack pointer may move,
 * and HEAD_WORDS, how many words a stack's head in a record has.
 */
#ifndef TESTS_STACK_CASES_H
#define TESTS_STACK_CASES_H

/* Takes the record; its stack must be that of the cpu. */
static void assert_stack(const struct cpu *cpu, bool at_entry)
{
	const struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	struct arch_stack s;

	assert_non_null(rec);
	assert_true(arch_record_stack(rec, &s));
	assert_int_equal(s.at_entry, at_entry);
	assert_same_regs(&s.regs, cpu);
	assert_int_equal(s.lo, (stack_pointer(cpu) - RED_ZONE) & ~7ull);
	assert_int_equal(s.len, (rig.ring->stack_end - s.lo) & ~7ull);
	assert_memory_equal(s.bytes, ptr(s.lo), s.len);
}

static void test_registers_and_stack_are_those_of_the_site(void **state)
{
	const struct dl_code *codes[] = { &bare, &all_registers, &loads };
	static const uint32_t n_slots[] = { 0, ALL_REGISTERS, 3 };
	struct cpu cpu;

	(void)state;
	strcpy((char *)rig.data, "some text");
	consts[0] = consts[1] = u64(rig.data);
	for (unsigned i = 0; i < 3; i++) {
		struct arch_tramp_clause c = clause_of(codes[i], n_slots[i]);

		c.stack_max = 0x1000;
		start(&c, 1, i == 1);
		for (int64_t off = -64; off <= 64; off += i ? STEP_WIDE : STEP) {
			rig.ring->stack_end = TOP - (off & 32 ? 8 : 0);
			random_memory();
			strcpy((char *)rig.data, "some text");
			run(&cpu, off);
			assert_stack(&cpu, i == 1);
			assert_int_equal(count_records(), 1);
		}
		assert_int_equal(rig.n_stops + rig.n_traps, 0);
		func_restore();
	}
}

static void test_what_does_not_fit_is_a_stop_with_the_sites_registers(void **state)
{
	struct arch_tramp_clause c[2] = { clause_of(&two_args, 2), clause_of(&bare, 0) };
	struct cpu cpu;

	(void)state;
	c[1].stack_max = 0x800 + RED_ZONE; /* from below STACK_TOP to the end */
	for (unsigned first = 0; first < 2; first++) {
		start(c + first, 2 - first, false);
		run(&cpu, 0);
		assert_int_equal(rig.n_stops, 0);
		assert_int_equal(count_records(), 2 - first);
		run(&cpu, -16);
		assert_int_equal(rig.n_stops, 1);
		assert_same_regs(&told, &cpu);
		assert_int_equal(count_records(), 0);
		/* Another stack, or one nobody knows. */
		rig.ring->stack_end = u64(rig.stack) + 0x1000;
		run(&cpu, 0);
		rig.ring->stack_end = 0;
		run(&cpu, 0);
		assert_int_equal(rig.n_stops, 3);
		assert_int_equal(rig.ring->drops, 3);
		/* Without a tracer it is lost. */
		*RIG_CONTROL = ARCH_CONTROL_DROP;
		run(&cpu, 0);
		assert_int_equal(rig.n_stops, 3);
		assert_int_equal(rig.ring->drops, 4);
		assert_int_equal(count_records(), 0);
		func_restore();
	}
}

/* A predicate that is false costs no stop. */
static void test_a_predicate_comes_before_the_stop(void **state)
{
	struct arch_tramp_clause c = clause_of(&only_if, 1);
	struct cpu cpu;

	(void)state;
	consts[3] = 0x123456789abcdef1;
	c.stack_max = 0x1000;
	start(&c, 1, false);
	rig.ring->stack_end = 0;
	for (unsigned i = 0; i < 10; i++)
		run(&cpu, 0);
	assert_int_equal(rig.n_stops, 0);
	func_restore();
}

static void test_nonsense_in_a_record_has_no_stack(void **state)
{
	static union {
		struct dl_record rec;
		uint64_t words[96];
	} u;
	struct arch_stack s;

	(void)state;
	for (unsigned len = 5; len < 96; len++) {
		for (unsigned at = 0; at < 102; at++) {
			memset(&u, 0, sizeof(u));
			u.rec.len = 8 * len;
			u.rec.n_slots = at % 7 ? 1 : UINT32_MAX;
			u.words[len - 1] = at == 101 ? UINT64_MAX : 8 * at - at % 3;
			if (arch_record_stack(&u.rec, &s))
				assert_true(s.bytes >= (uint8_t *)&u.words[5 + HEAD_WORDS] &&
					    s.bytes + s.len <= (uint8_t *)&u.words[len - 1]);
		}
	}
}

#endif
