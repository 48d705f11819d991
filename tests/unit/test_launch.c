/* -c: failing and succeeding exec, hold points, environment, the filter. */
#include "engine_rig.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "tracer/engine_impl.h"
#include "tracer/procfs.h"

static void watch(struct syscall_set *set, unsigned nr)
{
	set->entry[nr / 64] |= UINT64_C(1) << nr % 64;
	set->exit[nr / 64] |= UINT64_C(1) << nr % 64;
}

static void rig_fork(struct rig *r, char *const argv[], char *const env[])
{
	rig_open(r);
	rig_engine(r);
	rig_fail_on(engine_fork(r->e, argv, env, &r->p));
	r->pid = r->p->pid;
}

static char *args_true[] = { (char *)"true", NULL };

/* -------------------------------------------------------------------- exec -- */

/* What can be known is said at the fork, the rest (ENOEXEC, ...) at the exec. */
static void assert_exec_fails(char *name, const char *why)
{
	char *argv[] = { name, NULL };
	struct error *err;
	struct rig r;
	char want[256];

	rig_open(&r);
	rig_engine(&r);
	err = engine_fork(r.e, argv, NULL, &r.p);
	if (!err) {
		err = engine_exec(r.e, r.p, HOLD_MAIN, NULL);
		assert_true(r.p->is_dead);
	}
	assert_non_null(err);
	snprintf(want, sizeof(want), "failed to execute %s: %s", name, why);
	assert_string_equal(err->message, want);
	error_destroy(err);
	assert_int_equal(r.process_exits + r.thread_exits, 0);
	rig_close(&r);
}

static void a_failed_exec_says_why(void **state)
{
	(void)state;
	assert_exec_fails((char *)"no-such-program", "No such file or directory");
	assert_exec_fails((char *)"/no/such/program", "No such file or directory");
	assert_exec_fails((char *)"/etc/passwd", "Permission denied");
	assert_exec_fails((char *)"/", "Permission denied");
	assert_exec_fails((char *)"", "No such file or directory");
}

static void a_path_that_will_be_changed_says_nothing(void **state)
{
	char *argv[] = { (char *)"no-such-program", NULL };
	char *env[] = { (char *)"PATH=/", NULL };
	struct rig r;

	(void)state;
	rig_fork(&r, argv, env);
	struct error *err = engine_exec(r.e, r.p, HOLD_EXEC, NULL);

	assert_non_null(err);
	error_destroy(err);
	rig_close(&r);
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

static void an_interrupt_ends_the_way_to_the_hold_point(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"100", NULL };
	struct error *err;
	struct rig r;

	(void)state;
	rig_open(&r);
	r.ops.interrupted = always;
	rig_engine(&r);
	rig_fail_on(engine_fork(r.e, argv, NULL, &r.p));
	r.pid = r.p->pid;
	err = engine_exec(r.e, r.p, HOLD_MAIN, NULL);
	assert_non_null(err);
	assert_string_equal(err->message, "interrupted before sleep began");
	error_destroy(err);
	rig_close(&r);
	assert_int_equal(kill(r.pid, 0), -1);
}

static void a_child_never_started_dies_with_the_engine(void **state)
{
	struct rig r;

	(void)state;
	rig_fork(&r, args_true, NULL);
	assert_int_equal(kill(r.pid, 0), 0);
	rig_close(&r);
	assert_int_equal(kill(r.pid, 0), -1);
}

static void the_environment_is_changed(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"test \"$RIG_SET\" = yes && test -z \"${RIG_UNSET+x}\"", NULL };
	char *env[] = { (char *)"RIG_SET=yes", (char *)"RIG_UNSET", NULL };
	struct rig r;

	(void)state;
	setenv("RIG_UNSET", "1", 1);
	rig_fork(&r, argv, env);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_EXEC, NULL));
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

static void the_exit_status_is_kept(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 37", NULL };
	struct rig r;

	(void)state;
	rig_fork(&r, argv, NULL);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_PREINIT, NULL));
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 37);
	assert_true(r.p->is_dead && r.p->has_wait_status);
	assert_int_equal(r.process_exits, 1);
	rig_close(&r);
}

/* ------------------------------------------------------------- hold points -- */

struct libs {
	bool libc, ld;
};

static void find_libs(void *arg, const struct procfs_map *m)
{
	struct libs *l = arg;

	l->libc |= strstr(m->path, "libc.so") != NULL;
	l->ld |= strstr(m->path, "ld-linux") != NULL;
}

static bool has_libc(pid_t pid)
{
	struct libs l = { 0 };

	assert_true(procfs_each_map(pid, find_libs, &l));
	return l.libc;
}

static void holding_at_exec_comes_before_the_libraries(void **state)
{
	struct rig r;

	(void)state;
	rig_fork(&r, args_true, NULL);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_EXEC, NULL));
	assert_false(has_libc(r.pid));
	assert_string_equal(task_comm(engine_task(r.e, r.pid)), "true");
	assert_non_null(strstr(r.p->exe, "true"));
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.execs, 0);
	rig_close(&r);
}

static void holding_before_init_comes_after_the_libraries(void **state)
{
	struct rig r;

	(void)state;
	rig_fork(&r, args_true, NULL);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_PREINIT, NULL));
	assert_true(has_libc(r.pid));
	assert_int_equal(site_count(r.p->as), 0);
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

static uint64_t main_offset;
static uint64_t main_asked;

/* Some address past the entry point that is run: here, where it returns to. */
static uint64_t entry_plus(void *ctx, struct process *p)
{
	struct rig *r = ctx;
	struct task *t = engine_task(r->e, p->pid);

	main_asked++;
	return main_offset ? arch_pc(task_regs(t)) + main_offset : 0;
}

/* With arch's decoder: the second instruction of the program. */
static void learn_second_instruction(void)
{
	struct arch_insn insn;
	uint8_t code[16];
	struct rig r;

	rig_fork(&r, args_true, NULL);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_PREINIT, NULL));
	uint64_t pc = arch_pc(task_regs(engine_task(r.e, r.pid)));

	assert_int_equal(as_read(r.p->as, pc, code, sizeof(code)), sizeof(code));
	assert_true(arch_insn_length(code, sizeof(code), pc, &insn));
	main_offset = insn.len;
	rig_close(&r);
}

static void holding_at_main_hits_the_probe_there_once(void **state)
{
	struct rig r;

	(void)state;
	learn_second_instruction();
	rig_fork(&r, args_true, NULL);
	main_asked = 0;
	rig_fail_on(engine_exec(r.e, r.p, HOLD_MAIN, entry_plus));
	assert_int_equal(main_asked, 1);
	uint64_t pc = arch_pc(task_regs(engine_task(r.e, r.pid)));

	rig_plant(&r, pc);
	engine_start(r.e);
	rig_run(&r);
	assert_int_equal(r.hits, 1);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

static void without_main_the_hold_is_the_entry_point(void **state)
{
	struct rig r;

	(void)state;
	main_offset = 0;
	rig_fork(&r, args_true, NULL);
	rig_fail_on(engine_exec(r.e, r.p, HOLD_MAIN, entry_plus));
	assert_true(has_libc(r.pid));
	rig_plant(&r, arch_pc(task_regs(engine_task(r.e, r.pid))));
	engine_start(r.e);
	rig_run(&r);
	assert_int_equal(r.hits, 1);
	rig_close(&r);
}

/* ------------------------------------------------------------------ filter -- */

/* What the filter says of a call, by the rules of classic BPF. */
static uint32_t run_filter(const struct sock_filter *f, unsigned n, uint32_t arch, uint32_t nr)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = i->k == offsetof(struct seccomp_data, nr) ? nr : arch;
			continue;
		case BPF_RET | BPF_K: return i->k;
		case BPF_JMP | BPF_JA: pc += i->k; continue;
		case BPF_JMP | BPF_JEQ | BPF_K: yes = a == i->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: yes = a >= i->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: yes = a > i->k; break;
		default: fail_msg("unexpected instruction");
		}
		pc += yes ? i->jt : i->jf;
	}
	fail_msg("the filter runs off its end");
	return 0;
}

static void check_filter(const struct syscall_set *set)
{
	static struct sock_filter code[FILTER_MAX];
	unsigned n = filter_build(set, code);

	assert_in_range(n, 1, FILTER_MAX - 1);
	for (unsigned nr = 0; nr < 1100; nr++) {
		bool named = syscall_wants(set->entry, nr) || syscall_wants(set->exit, nr) ||
			     nr == SYS_restart_syscall || nr == SYS_rt_sigreturn ||
			     nr == SYS_prctl || nr == SYS_seccomp;

		assert_int_equal(run_filter(code, n, arch_audit(), nr),
				 named ? SECCOMP_RET_TRACE | FILTER_DATA : SECCOMP_RET_ALLOW);
		assert_int_equal(run_filter(code, n, 1, nr), SECCOMP_RET_ALLOW);
	}
}

static void the_filter_names_exactly_the_watched_calls(void **state)
{
	struct syscall_set set = { 0 };
	static struct sock_filter code[FILTER_MAX];

	(void)state;
	assert_int_equal(filter_build(&set, code), 0);
	watch(&set, 0);
	check_filter(&set);
	watch(&set, 1023);
	check_filter(&set);
	for (unsigned nr = 0; nr < 1024; nr += 2) /* as many ranges as can be */
		watch(&set, nr);
	check_filter(&set);
	memset(&set, 0xff, sizeof(set));
	check_filter(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_exec_says_why),
		cmocka_unit_test(a_path_that_will_be_changed_says_nothing),
		cmocka_unit_test(an_interrupt_ends_the_way_to_the_hold_point),
		cmocka_unit_test(a_child_never_started_dies_with_the_engine),
		cmocka_unit_test(the_environment_is_changed),
		cmocka_unit_test(the_exit_status_is_kept),
		cmocka_unit_test(holding_at_exec_comes_before_the_libraries),
		cmocka_unit_test(holding_before_init_comes_after_the_libraries),
		cmocka_unit_test(holding_at_main_hits_the_probe_there_once),
		cmocka_unit_test(without_main_the_hold_is_the_entry_point),
		cmocka_unit_test(the_filter_names_exactly_the_watched_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
