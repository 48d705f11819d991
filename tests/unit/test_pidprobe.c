/* Probe points of the pid provider on fixtures/names.c and the C library. */
#include "seized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tracer/pidprobe.h"

struct points {
	pid_t pid;
	struct objects *os;
	unsigned n, max;
	struct pid_point p[400];
	unsigned n_kind[3]; /* of all, also those that p has no room for */
};

static int open_names(void **state)
{
	struct points *t = calloc(1, sizeof(*t));
	bool changed;

	t->pid = seized_start("names", NULL);
	if (t->pid <= 0 || seized_wait(t->pid) != SIGSTOP || !(t->os = objects_create(t->pid)))
		return -1;
	*state = t;
	return objects_refresh(t->os, &changed, NULL, NULL) ? -1 : 0;
}

static int close_names(void **state)
{
	struct points *t = *state;

	objects_destroy(t->os);
	seized_kill(t->pid);
	free(t);
	return 0;
}

static bool keep(void *arg, const struct pid_point *p)
{
	struct points *t = arg;

	t->n_kind[p->kind]++;
	if (t->n < 400)
		t->p[t->n++] = *p;
	return !t->max || t->n < t->max;
}

static void ask(struct points *t, const char *mod, const char *func, const char *name)
{
	struct dl_pdesc d = { .prov = "pid1", .mod = mod, .func = func, .name = name };

	t->n = t->max = 0;
	memset(t->n_kind, 0, sizeof(t->n_kind));
	assert_null(pid_points(t->os, &d, 0, keep, t));
}

static void assert_refused(struct points *t, const char *mod, const char *func, const char *name,
			   const char *tag, const char *message)
{
	struct dl_pdesc d = { .prov = "pid1", .mod = mod, .func = func, .name = name };

	t->n = t->max = 0;
	struct error *err = pid_points(t->os, &d, 0, keep, t);

	assert_non_null(err);
	assert_non_null(err->tag);
	assert_string_equal(err->tag, tag);
	assert_string_equal(err->message, message);
	assert_int_equal(t->n, 0);
	error_destroy(err);
}

static uint64_t address(struct points *t, const char *name)
{
	struct object *o = objects_main(t->os);
	const struct sym *s = object_symbol(o, name);

	assert_non_null(s);
	return s->addr + o->bias;
}

static void providers_end_in_a_pid(void **state)
{
	static const struct {
		const char *prov, *tag;
	} bad[] = {
		{ "pid", "D_PROC_BADPROV" },
		{ "pid12x", "D_PROC_BADPROV" },
		{ "12", "D_PROC_BADPROV" },
		{ "pid0", "D_PROC_BADPID" },
		{ "pid99999999999", "D_PROC_BADPID" },
		{ "pid99999999999999999999999", "D_PROC_BADPID" },
	};
	pid_t pid = 0;

	(void)state;
	assert_null(pid_provider_parse("pid1234", &pid));
	assert_int_equal(pid, 1234);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error *err = pid_provider_parse(bad[i].prov, &pid);

		assert_non_null(err);
		assert_string_equal(err->tag, bad[i].tag);
		error_destroy(err);
	}
	assert_int_equal(pid, 1234);
}

static void entry_is_the_first_instruction(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "plain", "entry");
	assert_int_equal(t->n, 1);
	assert_int_equal(t->p[0].addr, address(t, "plain"));
	assert_int_equal(t->p[0].kind, PID_ENTRY);
	assert_int_equal(t->p[0].offset, 0);
	assert_string_equal(t->p[0].func, "plain");
	assert_string_equal(t->p[0].name, "entry");
	assert_true(t->p[0].object->is_main);
	ask(t, "", "plain", "entry");
	assert_int_equal(t->n, 1);
	ask(t, "libc", "plain*", "entry");
	assert_int_equal(t->n, 0);
	ask(t, "libnotloaded.so", "plain", "entry");
	assert_int_equal(t->n, 0);
}

static void static_functions_have_points(void **state)
{
	struct points *t = *state;

	ask(t, "names", "hidden_one", "return");
	assert_int_equal(t->n, 1);
	assert_int_equal(t->p[0].flow, ARCH_FLOW_RET);
	assert_int_equal(t->p[0].addr, address(t, "hidden_one") + t->p[0].offset);
	assert_string_equal(t->p[0].name, "return");
}

static void aliases_are_given_under_one_name(void **state)
{
	static const char *const names[] = { "twice", "__twice", "_other_twice", "*twice",
					     "__tw*" };
	struct points *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ask(t, "a.out", names[i], "entry");
		assert_int_equal(t->n, 1);
		assert_string_equal(t->p[0].func, "twice");
	}
}

static void a_tail_call_is_a_return(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "tail", "return");
	assert_int_equal(t->n, 1);
	assert_int_equal(t->p[0].flow, ARCH_FLOW_JUMP);
}

static void a_jump_to_the_cold_part_is_no_return(void **state)
{
	struct points *t = *state;
	struct dl_pdesc d = { .mod = "a.out", .func = "split", .name = "return" };

	if (!object_symbol(objects_main(t->os), "split.cold"))
		skip(); /* not every compiler splits it */
	t->n = t->max = 0;
	assert_null(pid_points(t->os, &d, PID_WITH_COND, keep, t));
	assert_true(t->n >= 1);
	for (unsigned i = 0; i < t->n; i++) {
		assert_string_equal(t->p[i].func, "split");
		assert_int_equal(t->p[i].flow, ARCH_FLOW_RET);
	}
}

static void the_cold_part_s_returns_are_the_function_s(void **state)
{
	struct points *t = *state;
	const struct sym *cold = object_symbol(objects_main(t->os), "split_tail.cold");
	unsigned n = 0;

	if (!cold)
		skip();
	ask(t, "a.out", "split_tail", "return");
	for (unsigned i = 0; i < t->n; i++) {
		assert_string_equal(t->p[i].func, "split_tail");
		n += t->p[i].addr - t->p[i].object->bias - cold->addr < cold->size;
	}
	assert_int_equal(n, 1);
	assert_true(t->n > n);
}

static void an_ifunc_is_what_it_was_resolved_to(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "choice", "entry");
	assert_int_equal(t->n, 1);
	assert_string_equal(t->p[0].func, "choice");
	assert_int_equal(t->p[0].addr, address(t, "choice_fast"));
	ask(t, "a.out", "choice_slow", "entry");
	assert_int_equal(t->p[0].addr, address(t, "choice_slow"));
	ask(t, "a.out", "resolve_choice", "entry");
	assert_int_equal(t->p[0].addr, address(t, "resolve_choice"));
	ask(t, "a.out", "choice*", "entry");
	assert_int_equal(t->n, 2);
}

static void strlen_of_the_c_library_is_found(void **state)
{
	struct points *t = *state;
	const struct sym *s = NULL;

	for (size_t i = 0; i < objects_count(t->os); i++)
		if (object_matches(objects_at(t->os, i), "libc"))
			s = object_symbol(objects_at(t->os, i), "strlen");
	assert_non_null(s);
	ask(t, "libc.so.6", "strlen", "entry");
	assert_int_equal(t->n, 1);
	assert_string_equal(t->p[0].func, "strlen");
	assert_int_not_equal(t->p[0].addr - t->p[0].object->bias, s->addr);
	ask(t, "libc.so.6", "strlen", "return");
	assert_true(t->n >= 1);
}

static void code_without_a_size_must_be_named(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "sizeless", "return");
	assert_int_equal(t->n, 1);
	/* After its nop. */
	assert_true(t->p[0].offset == 1 || t->p[0].offset == 4);
	ask(t, "a.out", "sizeles*", "entry");
	assert_int_equal(t->n, 0);
	ask(t, "a.out", "after_sizeless", "entry");
	assert_int_equal(t->n, 1);
}

static void offsets_are_hexadecimal(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "plain", "0");
	assert_int_equal(t->n, 1);
	assert_int_equal(t->p[0].kind, PID_OFFSET);
	assert_string_equal(t->p[0].name, "0");
	ask(t, "a.out", "plain", "");
	unsigned all = t->n;

	assert_int_equal(t->n_kind[PID_ENTRY], 1);
	assert_int_equal(t->n_kind[PID_RETURN], 1);
	assert_true(t->n_kind[PID_OFFSET] >= 2);
	ask(t, "a.out", "plain", "*");
	assert_int_equal(t->n, all);
	ask(t, "a.out", "plain", "[0-9]*");
	assert_int_equal(t->n, all - 2);
	ask(t, "a.out", "plain", "e*");
	assert_int_equal(t->n, 1);
}

static void bad_offsets_and_names_are_told(void **state)
{
	struct points *t = *state;

	assert_refused(t, "a.out", "plain", "ffff", "D_PROC_OFF",
		       "offset 0xffff outside of function 'plain'");
	assert_refused(t, "a.out", "plain", "1", "D_PROC_ALIGN",
		       "offset 0x1 is not aligned on an instruction");
	assert_refused(t, "a.out", "plain", "enter", "D_PROC_NAME",
		       "'enter' is an invalid probe name");
	assert_refused(t, "a.out", "plane", "entry", "D_PROC_FUNC",
		       "failed to lookup 'plane' in module 'a.out'");
	assert_refused(t, "libc", "-", "1000", "D_PROC_LIB",
		       "only the a.out module is valid with the '-' function");
	assert_refused(t, "a.out", "-", "entry", "D_PROC_NAME",
		       "'entry' is an invalid probe name; only individual addresses may be "
		       "specified with the '-' function");
	assert_refused(t, "a.out", "-", "ffff0000", "D_PROC_OFF",
		       "offset 0xffff0000 outside of function '-'");
	ask(t, "a.out", "pla[i]n", "ffff");
	assert_int_equal(t->n, 0);
}

static void absolute_addresses_may_be_as_in_the_file(void **state)
{
	struct points *t = *state;
	uint64_t plain = address(t, "plain");
	char name[20];

	snprintf(name, sizeof(name), "%llx", (unsigned long long)plain);
	ask(t, "", "-", name);
	assert_int_equal(t->n, 1);
	assert_int_equal(t->p[0].addr, plain);
	assert_string_equal(t->p[0].func, "-");
	assert_string_equal(t->p[0].name, name);
	snprintf(name, sizeof(name), "%llx",
		 (unsigned long long)(plain - objects_main(t->os)->bias));
	ask(t, "a.out", "-", name);
	assert_int_equal(t->p[0].addr, plain);
	snprintf(name, sizeof(name), "%llx", (unsigned long long)plain + 1);
	struct dl_pdesc d = { .mod = "names", .func = "-", .name = name };
	struct error *err = pid_points(t->os, &d, 0, keep, t);

	assert_non_null(err);
	assert_string_equal(err->tag, "D_PROC_ALIGN");
	error_destroy(err);
}

static void globs_leave_out_glue_and_fragments(void **state)
{
	struct points *t = *state;

	ask(t, "a.out", "*", "entry");
	assert_true(t->n > 10);
	for (unsigned i = 0; i < t->n; i++) {
		assert_null(strpbrk(t->p[i].func, ".@"));
		assert_string_not_equal(t->p[i].func, "_init");
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(t->p[i].addr, t->p[k].addr);
	}
}

static void the_caller_may_stop_early(void **state)
{
	struct points *t = *state;
	struct dl_pdesc d = { .mod = "", .func = "", .name = "" };

	t->n = 0;
	t->max = 5;
	assert_null(pid_points(t->os, &d, 0, keep, t));
	assert_int_equal(t->n, 5);
}

static void all_of_the_c_library_is_walked(void **state)
{
	struct points *t = *state;
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	ask(t, "libc", "", "entry");
	unsigned entries = t->n_kind[PID_ENTRY];

	ask(t, "libc", "", "return");
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(entries > 1500);
	assert_true(t->n_kind[PID_RETURN] > entries);
	print_message("%u entries, %u returns: %.1f ms\n", entries, t->n_kind[PID_RETURN],
		      (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(providers_end_in_a_pid),
		cmocka_unit_test(entry_is_the_first_instruction),
		cmocka_unit_test(static_functions_have_points),
		cmocka_unit_test(aliases_are_given_under_one_name),
		cmocka_unit_test(a_tail_call_is_a_return),
		cmocka_unit_test(a_jump_to_the_cold_part_is_no_return),
		cmocka_unit_test(the_cold_part_s_returns_are_the_function_s),
		cmocka_unit_test(an_ifunc_is_what_it_was_resolved_to),
		cmocka_unit_test(strlen_of_the_c_library_is_found),
		cmocka_unit_test(code_without_a_size_must_be_named),
		cmocka_unit_test(offsets_are_hexadecimal),
		cmocka_unit_test(bad_offsets_and_names_are_told),
		cmocka_unit_test(absolute_addresses_may_be_as_in_the_file),
		cmocka_unit_test(globs_leave_out_glue_and_fragments),
		cmocka_unit_test(the_caller_may_stop_early),
		cmocka_unit_test(all_of_the_c_library_is_walked),
	};

	return cmocka_run_group_tests(tests, open_names, close_names);
}
