/*
 * Register access (arch/CPU/regs.c): the calling convention, uregs[] and, on a
 * child of ours, reading, writing and remote system calls.
 */
#include "arch/arch.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/audit.h>
#include <cmocka.h>

#define WORD_SP 31
#define WORD_PC 32
#define WORD_PSTATE 33

/* Every word its own number plus 1000. */
static struct arch_regs numbered(void)
{
	struct arch_regs r;

	for (unsigned i = 0; i < ARCH_REG_WORDS; i++)
		r.w[i] = 1000 + i;
	return r;
}

static void test_arguments_are_eight_registers_then_the_stack(void **state)
{
	struct arch_regs r = numbered();
	uint64_t v;

	(void)state;
	assert_int_equal(arch_reg_args(), 8);
	for (unsigned n = 0; n < 8; n++) {
		assert_true(arch_arg(&r, n, &v));
		assert_int_equal(v, 1000 + n);
		assert_true(arch_call_arg(&r, n, &v));
		assert_int_equal(v, 1000 + n);
	}
	assert_false(arch_arg(&r, 8, &v));
	assert_int_equal(v, 1031);
	assert_false(arch_arg(&r, 10, &v));
	assert_int_equal(v, 1031 + 16);
	assert_false(arch_call_arg(&r, 8, &v));
	assert_int_equal(v, 1031);
	assert_true(arch_return_address(&r, &v));
	assert_int_equal(v, 1030);
}

static void test_pc_sp_fp_and_results_are_the_right_registers(void **state)
{
	struct arch_regs r = numbered();

	(void)state;
	assert_int_equal(arch_pc(&r), 1032);
	assert_int_equal(arch_sp(&r), 1031);
	assert_int_equal(arch_fp(&r), 1029);
	assert_int_equal(arch_retval(&r), 1000);
	assert_int_equal(arch_retval2(&r), 1001);
	arch_set_pc(&r, 11);
	arch_set_sp(&r, 12);
	arch_set_retval(&r, 14);
	assert_int_equal(r.w[WORD_PC], 11);
	assert_int_equal(r.w[WORD_SP], 12);
	assert_int_equal(r.w[0], 14);
}

static unsigned ureg_number(const char *name)
{
	for (const struct arch_ureg_name *u = arch_ureg_names; u->name; u++) {
		if (strcmp(u->name, name) == 0)
			return u->n;
	}
	fail_msg("no uregs constant %s", name);
	return 0;
}

static void test_uregs_have_the_documented_numbers(void **state)
{
	struct arch_regs r = numbered();
	char name[16];
	uint64_t v;

	(void)state;
	for (unsigned i = 0; i <= 30; i++) {
		snprintf(name, sizeof(name), "R_X%u", i);
		assert_int_equal(ureg_number(name), i);
	}
	assert_int_equal(ureg_number("R_SP"), 31);
	assert_int_equal(ureg_number("R_PC"), 32);
	assert_int_equal(ureg_number("R_PSTATE"), 33);
	assert_int_equal(ureg_number("R_FP"), 29);
	for (unsigned i = 0; i <= 33; i++) {
		assert_true(arch_ureg(&r, i, &v));
		assert_int_equal(v, 1000 + i);
	}
	assert_false(arch_ureg(&r, 34, &v));
	assert_false(arch_ureg(&r, (unsigned)-1, &v));
}

static void test_dwarf_numbers_are_the_registers(void **state)
{
	struct arch_regs r = numbered();
	uint64_t v;

	(void)state;
	assert_int_equal(arch_dwarf_fp, 29);
	assert_int_equal(arch_dwarf_sp, 31);
	for (unsigned i = 0; i <= 32; i++) {
		assert_true(arch_dwarf_reg(&r, i, &v));
		assert_int_equal(v, 1000 + i);
	}
	assert_false(arch_dwarf_reg(&r, 33, &v));
	/* A signature is stripped; the kernel's addresses stay. */
	assert_int_equal(arch_code_address(0x001faaaabbbbccccULL), 0xaaaabbbbccccULL);
	assert_int_equal(arch_code_address(0x7f1faaaabbbbccccULL), 0xaaaabbbbccccULL);
	assert_int_equal(arch_code_address(0xaaaabbbbccccULL), 0xaaaabbbbccccULL);
	assert_int_equal(arch_code_address(0xffffaaaabbbbccccULL), 0xffffaaaabbbbccccULL);
}

static void test_system_call_registers_are_the_kernels(void **state)
{
	struct arch_regs r = numbered();
	static const uint64_t args[6] = { 21, 22, 23, 24, 25, 26 };

	(void)state;
	r.w[WORD_PSTATE] = 0x60000000 | 2 << 10;
	assert_int_equal(arch_syscall_nr_get(&r), 1008);
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(arch_syscall_arg(&r, n), 1000 + n);
	assert_int_equal(arch_syscall_arg(&r, 6), 0);
	r.w[0] = (uint64_t)-ENOENT;
	assert_int_equal(arch_syscall_result(&r), -ENOENT);
	arch_syscall_setup(&r, 0x5000, SYS_mmap, args);
	assert_int_equal(arch_pc(&r), 0x5000);
	assert_int_equal(r.w[8], SYS_mmap);
	assert_int_equal(r.w[WORD_PSTATE], 0x60000000); /* no landing pad is looked for */
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(arch_syscall_arg(&r, n), args[n]);
	assert_int_equal(r.w[7], 1007);
	assert_int_equal(arch_audit(), AUDIT_ARCH_AARCH64);
}

static void test_foreign_programs_are_named(void **state)
{
	(void)state;
	assert_null(arch_foreign(EM_AARCH64, ELFCLASS64));
	assert_string_equal(arch_foreign(EM_AARCH64, ELFCLASS32), "an ILP32 program");
	assert_string_equal(arch_foreign(EM_ARM, ELFCLASS32), "a 32-bit ARM program");
	assert_string_equal(arch_foreign(EM_X86_64, ELFCLASS64), "an x86 program");
	assert_string_equal(arch_foreign(EM_RISCV, ELFCLASS64), "a program for another processor");
}

static void test_a_thread_that_is_not_there_gives_esrch(void **state)
{
	struct arch_regs r;

	(void)state;
	assert_int_equal(arch_regs_read(getpid(), &r), -ESRCH);
	assert_int_equal(arch_regs_write(getpid(), &r), -ESRCH);
	assert_int_equal(arch_pc_write(getpid(), 0), -ESRCH);
	assert_int_equal(arch_syscall_nr_set(getpid(), &r, 6), -ESRCH);
}

/* ------------------------------------------------------------ on a child -- */

/* A stopped child that traces itself to us, and then runs what; -1: not permitted. */
static pid_t stopped_child(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		raise(SIGSTOP);
		if (what)
			what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSTOPPED(status))
		return pid;
	print_message("ptrace is not permitted here\n");
	skip();
	return -1;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Resumes by request and waits for the next stop's signal; -1: it is gone. */
static int next_stop(pid_t pid, int request)
{
	int status;

	assert_int_equal(ptrace(request, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void test_a_remote_call_runs_from_the_stub_and_all_is_put_back(void **state)
{
	static const uint64_t args[6] = { 0 };
	struct arch_regs saved, r, again;
	pid_t pid;
	int status;
	uint8_t *stub = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(stub, MAP_FAILED);
	memcpy(stub, arch_syscall_stub, arch_syscall_stub_len);
	__builtin___clear_cache((char *)stub, (char *)stub + arch_syscall_stub_len);
	pid = stopped_child(NULL);
	assert_int_equal(arch_regs_read(pid, &saved), 0);
	r = saved;
	arch_syscall_setup(&r, (uint64_t)(uintptr_t)stub, SYS_getpid, args);
	assert_int_equal(arch_regs_write(pid, &r), 0);
	assert_int_equal(next_stop(pid, PTRACE_CONT), SIGTRAP);
	assert_int_equal(arch_regs_read(pid, &r), 0);
	assert_int_equal(arch_syscall_result(&r), pid);
	assert_int_equal(arch_pc(&r) - arch_bp_pc_bias,
			 (uint64_t)(uintptr_t)stub + arch_syscall_stub_trap);
	assert_int_equal(arch_pc_write(pid, 0x1234), 0);
	assert_int_equal(arch_regs_read(pid, &again), 0);
	assert_int_equal(arch_pc(&again), 0x1234);
	assert_int_equal(arch_regs_write(pid, &saved), 0);
	assert_int_equal(arch_regs_read(pid, &again), 0);
	assert_memory_equal(&again, &saved, sizeof(saved));
	/* What it would have done, it does. */
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	munmap(stub, 4096);
}

/* At a system call's entry, -1 for its number skips it. */
static void test_a_pending_call_can_be_changed_or_skipped(void **state)
{
	pid_t pid = stopped_child(NULL);
	struct arch_regs r, same;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(next_stop(pid, PTRACE_SYSCALL), SIGTRAP);
		assert_int_equal(arch_regs_read(pid, &r), 0);
		if (arch_syscall_nr_get(&r) == SYS_exit_group)
			break;
	}
	assert_int_equal(arch_syscall_nr_get(&r), SYS_exit_group);
	same = r;
	assert_int_equal(arch_syscall_nr_set(pid, &r, (uint64_t)-1), 0);
	assert_memory_equal(&r, &same, sizeof(r)); /* x8 is the program's */
	assert_int_equal(next_stop(pid, PTRACE_SYSCALL), SIGTRAP); /* it lives */
	end_child(pid);
}

/* The calls of this child have a value of its own in x7. */
static void call_with_x7(void)
{
	register uint64_t x7 __asm__("x7") = 0x7777;
	register uint64_t x8 __asm__("x8") = SYS_getppid;
	register uint64_t x0 __asm__("x0") = 0;

	__asm__ volatile("svc #0\n brk #0" : "+r"(x0), "+r"(x7) : "r"(x8) : "memory");
}

static void test_what_a_syscall_stop_hides_a_later_stop_reveals(void **state)
{
	pid_t pid = stopped_child(call_with_x7);
	struct arch_regs entry, later;
	int sig;

	(void)state;
	do {
		sig = next_stop(pid, PTRACE_SYSCALL);
		assert_int_equal(arch_regs_read(pid, &entry), 0);
	} while (sig == SIGTRAP && arch_syscall_nr_get(&entry) != SYS_getppid);
	assert_int_not_equal(entry.w[7], 0x7777);
	/* What is written there is lost, which is as well. */
	assert_int_equal(arch_regs_write(pid, &entry), 0);
	assert_int_equal(next_stop(pid, PTRACE_CONT), SIGTRAP);
	assert_int_equal(arch_regs_read(pid, &later), 0);
	assert_int_equal(later.w[7], 0x7777);
	arch_regs_reveal(&entry, &later);
	assert_int_equal(entry.w[7], 0x7777);
	end_child(pid);
}

static void sleep_long(void)
{
	struct timespec t = { .tv_sec = 100 };

	nanosleep(&t, NULL);
}

/* The stop shows the thread before its call, with what it passed. */
static void test_an_interrupted_call_shows_wound_back(void **state)
{
	pid_t pid = stopped_child(sleep_long);
	struct arch_regs entry, exit, r;
	int sig;

	(void)state;
	do {
		sig = next_stop(pid, PTRACE_SYSCALL);
		assert_int_equal(arch_regs_read(pid, &entry), 0);
	} while (sig == SIGTRAP && arch_syscall_nr_get(&entry) != SYS_clock_nanosleep);
	assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	kill(pid, SIGUSR1);
	assert_int_equal(waitpid(pid, &sig, 0), pid);
	/* First its exit, with a result that programs never see. */
	assert_int_equal(arch_regs_read(pid, &exit), 0);
	assert_int_equal(arch_syscall_result(&exit), -516);
	assert_false(arch_syscall_rewound(&exit, arch_pc(&entry), arch_sp(&entry)));
	assert_int_equal(next_stop(pid, PTRACE_CONT), SIGUSR1);
	assert_int_equal(arch_regs_read(pid, &r), 0);
	assert_true(arch_syscall_rewound(&r, arch_pc(&entry), arch_sp(&entry)));
	assert_true(arch_syscall_rewound(&r, arch_pc(&exit), arch_sp(&exit)));
	assert_false(arch_syscall_rewound(&r, arch_pc(&exit), arch_sp(&exit) + 16));
	assert_int_equal(r.w[0], entry.w[0]);
	assert_false(arch_in_syscall(&r));
	end_child(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_are_eight_registers_then_the_stack),
		cmocka_unit_test(test_pc_sp_fp_and_results_are_the_right_registers),
		cmocka_unit_test(test_uregs_have_the_documented_numbers),
		cmocka_unit_test(test_dwarf_numbers_are_the_registers),
		cmocka_unit_test(test_system_call_registers_are_the_kernels),
		cmocka_unit_test(test_foreign_programs_are_named),
		cmocka_unit_test(test_a_thread_that_is_not_there_gives_esrch),
		cmocka_unit_test(test_a_remote_call_runs_from_the_stub_and_all_is_put_back),
		cmocka_unit_test(test_a_pending_call_can_be_changed_or_skipped),
		cmocka_unit_test(test_what_a_syscall_stop_hides_a_later_stop_reveals),
		cmocka_unit_test(test_an_interrupted_call_shows_wound_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
