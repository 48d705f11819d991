/*
 * Names of system calls (arch/CPU/syscalls.c).
 */
#include "arch/arch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <cmocka.h>

static void test_every_number_round_trips_through_its_name_and_alias(void **state)
{
	unsigned known = 0;

	(void)state;
	for (unsigned nr = 0; nr < arch_syscall_max(); nr++) {
		const char *name = arch_syscall_name(nr), *alias = arch_syscall_alias(nr);

		if (!name) {
			assert_null(alias);
			continue;
		}
		known++;
		assert_int_equal(arch_syscall_by_name(name), nr);
		if (alias) {
			assert_string_not_equal(alias, name);
			assert_int_equal(arch_syscall_by_name(alias), nr);
		}
	}
	assert_true(known > 300);
}

static void test_numbers_are_those_of_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(arch_syscall_by_name("read"), SYS_read);
	assert_int_equal(arch_syscall_by_name("openat"), SYS_openat);
	assert_int_equal(arch_syscall_by_name("exit_group"), SYS_exit_group);
	assert_int_equal(arch_syscall_by_name("execve"), SYS_execve);
	assert_int_equal(arch_syscall_by_name("pread64"), SYS_pread64);
	assert_int_equal(arch_syscall_by_name("rt_sigaction"), SYS_rt_sigaction);
	assert_int_equal(arch_syscall_by_name("clone3"), SYS_clone3);
	assert_int_equal(arch_syscall_by_name("cachestat"), 451);
}

static void test_names_follow_the_tracepoints_and_table_names_are_aliases(void **state)
{
	static const struct {
		const char *name, *alias;
		int nr;
	} cases[] = {
		{ "newuname", "uname", SYS_uname },
		{ "newfstat", "fstat", SYS_fstat },
		{ "sendfile64", "sendfile", SYS_sendfile },
		{ "umount", "umount2", SYS_umount2 },
#ifdef SYS_stat
		{ "newstat", "stat", SYS_stat },
		{ "newlstat", "lstat", SYS_lstat },
#endif
		{ "newfstatat", NULL, SYS_newfstatat },
		{ "futex", NULL, SYS_futex },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned nr = (unsigned)cases[i].nr;

		assert_string_equal(arch_syscall_name(nr), cases[i].name);
		if (cases[i].alias)
			assert_string_equal(arch_syscall_alias(nr), cases[i].alias);
		else
			assert_null(arch_syscall_alias(nr));
	}
}

static void test_what_is_no_system_call_has_no_name_and_no_number(void **state)
{
	(void)state;
	assert_int_equal(arch_syscall_by_name("nosuchcall"), -1);
	assert_int_equal(arch_syscall_by_name(""), -1);
	assert_int_equal(arch_syscall_by_name(NULL), -1);
	assert_int_equal(arch_syscall_by_name("sys_read"), -1);
	assert_null(arch_syscall_name(arch_syscall_max()));
	assert_null(arch_syscall_name((unsigned)-1));
	assert_null(arch_syscall_alias((unsigned)-1));
	assert_null(arch_syscall_name(400));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_round_trips_through_its_name_and_alias),
		cmocka_unit_test(test_numbers_are_those_of_the_kernel),
		cmocka_unit_test(test_names_follow_the_tracepoints_and_table_names_are_aliases),
		cmocka_unit_test(test_what_is_no_system_call_has_no_name_and_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
