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
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/audit.h>
#include <cmocka.h>

/* Every word its own number plus 1000. */
static struct arch_regs numbered(void)
{
	struct arch_regs r;

	for (unsigned i = 0; i < ARCH_REG_WORDS; i++)
		r.w[i] = 1000 + i;
	return r;
}

static struct user_regs_struct *user(struct arch_regs *r)
{
	return (struct user_regs_struct *)r;
}

static void test_arguments_are_six_registers_then_the_stack(void **state)
{
	struct arch_regs r = { .w = { 0 } };
	uint64_t v;

	(void)state;
	*user(&r) = (struct user_regs_struct){
		.rdi = 1, .rsi = 2, .rdx = 3, .rcx = 4, .r8 = 5, .r9 = 6, .rsp = 0x7000
	};
	assert_int_equal(arch_reg_args(), 6);
	for (unsigned n = 0; n < 6; n++) {
		assert_true(arch_arg(&r, n, &v));
		assert_int_equal(v, n + 1);
		assert_true(arch_call_arg(&r, n, &v));
		assert_int_equal(v, n + 1);
	}
	assert_false(arch_arg(&r, 6, &v));
	assert_int_equal(v, 0x7008);
	assert_false(arch_arg(&r, 9, &v));
	assert_int_equal(v, 0x7020);
	assert_false(arch_call_arg(&r, 6, &v));
	assert_int_equal(v, 0x7000);
	assert_false(arch_return_address(&r, &v));
	assert_int_equal(v, 0x7000);
}

static void test_pc_sp_fp_and_results_are_the_right_registers(void **state)
{
	struct arch_regs r = { .w = { 0 } };

	(void)state;
	*user(&r) = (struct user_regs_struct){ .rip = 1, .rsp = 2, .rbp = 3, .rax = 4, .rdx = 5 };
	assert_int_equal(arch_pc(&r), 1);
	assert_int_equal(arch_sp(&r), 2);
	assert_int_equal(arch_fp(&r), 3);
	assert_int_equal(arch_retval(&r), 4);
	assert_int_equal(arch_retval2(&r), 5);
	arch_set_pc(&r, 11);
	arch_set_sp(&r, 12);
	arch_set_retval(&r, 14);
	assert_int_equal(user(&r)->rip, 11);
	assert_int_equal(user(&r)->rsp, 12);
	assert_int_equal(user(&r)->rax, 14);
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
	static const char *const names[] = {
		"R_R15", "R_R14", "R_R13", "R_R12", "R_RBP", "R_RBX", "R_R11", "R_R10",	   "R_R9",
		"R_R8",	 "R_RAX", "R_RCX", "R_RDX", "R_RSI", "R_RDI", "R_ERR", "R_RIP",	   "R_CS",
		"R_RFL", "R_RSP", "R_SS",  "R_DS",  "R_ES",  "R_FS",  "R_GS",  "R_TRAPNO",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(ureg_number(names[i]), i);
	assert_int_equal(ureg_number("R_PC"), 16);
	assert_int_equal(ureg_number("R_SP"), 19);
	assert_int_equal(ureg_number("R_FP"), 4);
	assert_int_equal(ureg_number("R_PS"), 18);
	assert_int_equal(ureg_number("R_R0"), 10);
	assert_int_equal(ureg_number("R_R1"), 5);
	assert_int_equal(ureg_number("R_EAX"), 10);
	assert_int_equal(ureg_number("R_EIP"), 16);
}

static void test_uregs_read_the_registers_they_name(void **state)
{
	struct arch_regs r = numbered();
	struct user_regs_struct *u = user(&r);
	uint64_t v;

	(void)state;
#define READS(name, field)                                         \
	do {                                                       \
		assert_true(arch_ureg(&r, ureg_number(name), &v)); \
		assert_int_equal(v, u->field);                     \
	} while (0)
	READS("R_R15", r15);
	READS("R_R8", r8);
	READS("R_RAX", rax);
	READS("R_RCX", rcx);
	READS("R_RDI", rdi);
	READS("R_ERR", orig_rax);
	READS("R_RIP", rip);
	READS("R_CS", cs);
	READS("R_RFL", eflags);
	READS("R_RSP", rsp);
	READS("R_SS", ss);
	READS("R_DS", ds);
	READS("R_ES", es);
	READS("R_FS", fs);
	READS("R_GS", gs);
	assert_true(arch_ureg(&r, ureg_number("R_TRAPNO"), &v));
	assert_int_equal(v, 0);
	assert_false(arch_ureg(&r, 26, &v));
	assert_false(arch_ureg(&r, (unsigned)-1, &v));
}

static void test_system_call_registers_are_the_kernels(void **state)
{
	struct arch_regs r = { .w = { 0 } };
	static const uint64_t args[6] = { 21, 22, 23, 24, 25, 26 };

	(void)state;
	*user(&r) = (struct user_regs_struct){ .orig_rax = 7,
					       .rdi = 1,
					       .rsi = 2,
					       .rdx = 3,
					       .r10 = 4,
					       .r8 = 5,
					       .r9 = 6,
					       .rcx = 99,
					       .rax = (unsigned long)-ENOENT,
					       .eflags = 0x346 };
	assert_int_equal(arch_syscall_nr_get(&r), 7);
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(arch_syscall_arg(&r, n), n + 1);
	assert_int_equal(arch_syscall_arg(&r, 6), 0);
	assert_int_equal(arch_syscall_result(&r), -ENOENT);
	arch_syscall_setup(&r, 0x5000, SYS_mmap, args);
	assert_int_equal(user(&r)->rip, 0x5000);
	assert_int_equal(user(&r)->rax, SYS_mmap);
	assert_int_equal((int64_t)user(&r)->orig_rax, -1);
	assert_int_equal(user(&r)->eflags, 0x246); /* no single-stepping */
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(arch_syscall_arg(&r, n), args[n]);
	assert_int_equal(arch_audit(), AUDIT_ARCH_X86_64);
}

static void test_an_interrupted_call_is_known_by_its_restart_code(void **state)
{
	struct arch_regs r = { .w = { 0 } };

	(void)state;
	for (int64_t code = -520; code <= -508; code++) {
		user(&r)->orig_rax = SYS_read;
		user(&r)->rax = (unsigned long)code;
		assert_int_equal(arch_in_syscall(&r), code >= -516 && code <= -512);
		user(&r)->orig_rax = (unsigned long)-1;
		assert_false(arch_in_syscall(&r));
	}
}

static void test_foreign_programs_are_named(void **state)
{
	(void)state;
	assert_null(arch_foreign(EM_X86_64, ELFCLASS64));
	assert_string_equal(arch_foreign(EM_X86_64, ELFCLASS32), "an x32 program");
	assert_string_equal(arch_foreign(EM_386, ELFCLASS32), "a 32-bit x86 program");
	assert_string_equal(arch_foreign(EM_AARCH64, ELFCLASS64), "an aarch64 program");
	assert_string_equal(arch_foreign(EM_RISCV, ELFCLASS64), "a program for another processor");
}

static void test_a_thread_that_is_not_there_gives_esrch(void **state)
{
	struct arch_regs r;

	(void)state;
	assert_int_equal(arch_regs_read(getpid(), &r), -ESRCH);
	assert_int_equal(arch_regs_write(getpid(), &r), -ESRCH);
	assert_int_equal(arch_pc_write(getpid(), 0), -ESRCH);
	r.w[15] = 5;
	assert_int_equal(arch_syscall_nr_set(getpid(), &r, 6), -ESRCH);
	assert_int_equal(r.w[15], 5);
}

/* ------------------------------------------------------------ on a child -- */

/* A stopped child that traces itself to us; -1 where that is not permitted. */
static pid_t stopped_child(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) ? pid : -1;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
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
	pid = stopped_child();
	if (pid < 0) {
		print_message("ptrace is not permitted here\n");
		skip();
	}
	assert_int_equal(arch_regs_read(pid, &saved), 0);
	r = saved;
	arch_syscall_setup(&r, (uint64_t)(uintptr_t)stub, SYS_getpid, args);
	assert_int_equal(arch_regs_write(pid, &r), 0);
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
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
	struct arch_regs r;
	pid_t pid = stopped_child();
	int status;

	(void)state;
	if (pid < 0) {
		print_message("ptrace is not permitted here\n");
		skip();
	}
	/* Stopped inside kill(): run to the next entry, which exits. */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(arch_regs_read(pid, &r), 0);
		if (arch_syscall_nr_get(&r) == SYS_exit_group)
			break;
	}
	assert_int_equal(arch_syscall_nr_get(&r), SYS_exit_group);
	assert_int_equal(arch_syscall_nr_set(pid, &r, (uint64_t)-1), 0);
	assert_int_equal(arch_syscall_nr_get(&r), (uint64_t)-1);
	assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status)); /* it lives: the call was skipped */
	assert_int_equal(arch_regs_read(pid, &r), 0);
	assert_int_equal(arch_syscall_result(&r), -ENOSYS);
	end_child(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_are_six_registers_then_the_stack),
		cmocka_unit_test(test_pc_sp_fp_and_results_are_the_right_registers),
		cmocka_unit_test(test_uregs_have_the_documented_numbers),
		cmocka_unit_test(test_uregs_read_the_registers_they_name),
		cmocka_unit_test(test_system_call_registers_are_the_kernels),
		cmocka_unit_test(test_an_interrupted_call_is_known_by_its_restart_code),
		cmocka_unit_test(test_foreign_programs_are_named),
		cmocka_unit_test(test_a_thread_that_is_not_there_gives_esrch),
		cmocka_unit_test(test_a_remote_call_runs_from_the_stub_and_all_is_put_back),
		cmocka_unit_test(test_a_pending_call_can_be_changed_or_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
