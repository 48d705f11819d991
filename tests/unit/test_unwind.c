/* Walks the stacks of fixtures/stacks.c. */
#include "seized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "dlang/strbuf.h"
#include "tracer/frame.h"
#include "tracer/object.h"

struct target {
	pid_t pid;
	struct objects *os;
	struct frame_memory memory;
	uint64_t pcs[128];
	int n;
	enum frame_end end;
	char text[128][96]; /* of each pc */
};

static void open_target(struct target *t, const char *what, int want_signal)
{
	bool changed;

	memset(t, 0, sizeof(*t));
	t->pid = seized_start("stacks", what);
	assert_true(t->pid > 0);
	assert_int_equal(seized_wait(t->pid), want_signal);
	t->os = objects_create(t->pid);
	assert_non_null(t->os);
	assert_null(objects_refresh(t->os, &changed, NULL, NULL));
	assert_true(changed);
	t->memory.read = seized_read;
	t->memory.arg = &t->pid;
}

static void close_target(struct target *t)
{
	objects_destroy(t->os);
	seized_kill(t->pid);
}

static void symbolize(struct target *t)
{
	for (int i = 0; i < t->n; i++) {
		struct strbuf sb = { 0 };

		objects_symbolize(t->os, t->pcs[i], SYMBOLIZE_SYM, &sb);
		snprintf(t->text[i], sizeof(t->text[i]), "%s", strbuf_text(&sb));
		strbuf_deinit(&sb);
	}
}

static void walk(struct target *t, bool at_entry)
{
	struct arch_regs regs;

	assert_int_equal(arch_regs_read(t->pid, &regs), 0);
	frame_memory_reset(&t->memory);
	t->n = frame_walk(t->os, &t->memory, &regs, arch_pc(&regs), at_entry, t->pcs, 128, &t->end);
	symbolize(t);
}

static int count(const struct target *t, const char *text)
{
	int n = 0;

	for (int i = 0; i < t->n; i++)
		n += !strcmp(t->text[i], text);
	return n;
}

/* Index of the first frame with the text, which must be there. */
static int find(const struct target *t, const char *text)
{
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->text[i], text))
			return i;
	for (int i = 0; i < t->n; i++)
		print_message("  %s\n", t->text[i]);
	fail_msg("%s is not on the stack", text);
	return -1;
}

static void recursion_is_walked_to_the_outermost_frame(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "deep", SIGSTOP);
	walk(&t, false);
	assert_int_equal(count(&t, "stacks`deep"), 21);
	assert_int_equal(count(&t, "stacks`main"), 1);
	assert_int_equal(find(&t, "stacks`_start"), t.n - 1);
	assert_int_equal(t.end, FRAME_OUTERMOST);
	close_target(&t);
}

static void max_bounds_the_walk(void **state)
{
	struct arch_regs regs;
	struct target t;

	(void)state;
	open_target(&t, "deep", SIGSTOP);
	assert_int_equal(arch_regs_read(t.pid, &regs), 0);
	t.pcs[3] = 77;
	assert_int_equal(
		frame_walk(t.os, &t.memory, &regs, arch_pc(&regs), false, t.pcs, 3, &t.end), 3);
	assert_int_equal(t.end, FRAME_FULL);
	assert_int_equal(t.pcs[3], 77);
	assert_int_equal(t.pcs[0], arch_pc(&regs));
	close_target(&t);
}

static void frames_of_unknown_size_are_walked(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "variable", SIGSTOP);
	walk(&t, false);
	assert_int_equal(count(&t, "stacks`deep"), 3);
	assert_true(find(&t, "stacks`variable_frame") < find(&t, "stacks`main"));
	assert_int_equal(t.end, FRAME_OUTERMOST);
	close_target(&t);
}

static void callbacks_from_a_library_are_walked(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "qsort", SIGSTOP);
	walk(&t, false);
	int inner = find(&t, "stacks`compare"), outer = find(&t, "stacks`main");

	assert_true(outer > inner + 1);
	assert_memory_equal(t.text[inner + 1], "libc.so.6`", 10);
	close_target(&t);
}

static void signal_frames_are_walked_on(const char *what)
{
	struct target t;

	open_target(&t, what, SIGUSR1);
	assert_int_equal(seized_deliver(t.pid, SIGUSR1), SIGSTOP);
	walk(&t, false);
	int handler = find(&t, "stacks`on_signal");

	assert_true(find(&t, "stacks`interrupted") > handler + 1);
	assert_true(find(&t, "stacks`main") > find(&t, "stacks`interrupted"));
	assert_int_equal(t.end, FRAME_OUTERMOST);
	close_target(&t);
}

static void a_signal_handler_leads_to_what_it_interrupted(void **state)
{
	(void)state;
	signal_frames_are_walked_on("signal");
}

static void a_handler_on_its_own_stack_does_too(void **state)
{
	(void)state;
	signal_frames_are_walked_on("altstack");
}

static void a_call_through_null_leads_to_its_caller(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "null", SIGSEGV);
	walk(&t, false);
	assert_int_equal(t.pcs[0], 0);
	assert_string_equal(t.text[1], "stacks`main");
	close_target(&t);
}

/* One single step; false: it stopped for something else. */
static bool step(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SINGLESTEP, pid, 0, 0) && waitpid(pid, &status, __WALL) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static bool is_in_linker(const struct target *t)
{
	for (int i = 0; i < t->n; i++)
		if (!strncmp(t->text[i], "ld-linux", 8))
			return true;
	return false;
}

/*
 * From every single instruction of stepped() and all that it calls - PLT,
 * resolver of the dynamic linker, vDSO, prologues, epilogues - main is found.
 */
static void every_instruction_leads_to_main(void **state)
{
	uint64_t plt = 0, vdso = 0, linker = 0;
	struct target t;

	(void)state;
	open_target(&t, "step", SIGSTOP);
	for (int i = 0; i < 6000 && step(t.pid); i++) {
		walk(&t, false);
		vdso += !strncmp(t.text[0], "[vdso]`", 7);
		linker += !strncmp(t.text[0], "ld-linux", 8);
		plt += !strncmp(t.text[0], "stacks`0x", 9);
		/* Some resolver's tables forget what the PLT has pushed (glibc on
		 * aarch64): only the caller is right then. */
		if (is_in_linker(&t) && count(&t, "stacks`stepped"))
			continue;
		if (strcmp(t.text[0], "stacks`_start") && !count(&t, "stacks`main"))
			find(&t, "stacks`main");
	}
	assert_true(vdso > 0);
	assert_true(linker > 0);
	assert_true(plt > 0);
	close_target(&t);
}

static void at_entry_the_caller_is_taken_from_the_call(void **state)
{
	struct target t;
	struct arch_regs regs;

	(void)state;
	open_target(&t, "step", SIGSTOP);
	const struct sym *s = object_symbol(objects_main(t.os), "stepped");
	uint64_t entry = s->addr + objects_main(t.os)->bias;

	assert_non_null(s);
	for (int i = 0; i < 2000 && step(t.pid); i++) {
		assert_int_equal(arch_regs_read(t.pid, &regs), 0);
		if (arch_pc(&regs) == entry)
			break;
	}
	walk(&t, true);
	assert_int_equal(t.pcs[0], entry);
	assert_string_equal(t.text[1], "stacks`main");
	assert_int_equal(find(&t, "stacks`_start"), t.n - 1);
	int n = t.n;

	walk(&t, false);
	assert_int_equal(t.n, n);
	close_target(&t);
}

static void garbage_registers_end_the_walk(void **state)
{
	struct target t;
	struct arch_regs regs, bad;
	uint64_t x = 88172645463325252u;

	(void)state;
	open_target(&t, "deep", SIGSTOP);
	assert_int_equal(arch_regs_read(t.pid, &regs), 0);
	for (int i = 0; i < 3000; i++) {
		bad = regs;
		for (int k = 0; k < ARCH_REG_WORDS; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			if (x & 1)
				bad.w[k] = x & 2 ? x : regs.w[k] + (x >> 52);
		}
		frame_memory_reset(&t.memory);
		int n = frame_walk(t.os, &t.memory, &bad, arch_pc(&bad), i & 1, t.pcs, 128, &t.end);

		assert_in_range(n, 1, 128);
	}
	close_target(&t);
}

/* Reported, not asserted: what a warm walk costs. */
static void the_cost_of_a_walk_is_told(void **state)
{
	struct timespec a, b;
	struct arch_regs regs;
	struct target t;
	int n = 0, rounds = 2000;

	(void)state;
	open_target(&t, "deep", SIGSTOP);
	assert_int_equal(arch_regs_read(t.pid, &regs), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < rounds; i++) {
		frame_memory_reset(&t.memory);
		n = frame_walk(t.os, &t.memory, &regs, arch_pc(&regs), false, t.pcs, 20, &t.end);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(n, 20);
	double us = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e3;

	print_message("20 frames: %.2f us\n", us / rounds);
	close_target(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion_is_walked_to_the_outermost_frame),
		cmocka_unit_test(max_bounds_the_walk),
		cmocka_unit_test(frames_of_unknown_size_are_walked),
		cmocka_unit_test(callbacks_from_a_library_are_walked),
		cmocka_unit_test(a_signal_handler_leads_to_what_it_interrupted),
		cmocka_unit_test(a_handler_on_its_own_stack_does_too),
		cmocka_unit_test(a_call_through_null_leads_to_its_caller),
		cmocka_unit_test(every_instruction_leads_to_main),
		cmocka_unit_test(at_entry_the_caller_is_taken_from_the_call),
		cmocka_unit_test(garbage_registers_end_the_walk),
		cmocka_unit_test(the_cost_of_a_walk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
