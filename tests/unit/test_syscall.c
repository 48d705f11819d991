/* System-call stops: exact pairs with the filter and with PTRACE_SYSCALL. */
#include "engine_rig.h"

#include <linux/futex.h>
#include <sched.h>

#include "tracer/engine_impl.h"

static void watch(struct syscall_set *set, unsigned nr, bool entry, bool exit)
{
	if (entry)
		set->entry[nr / 64] |= UINT64_C(1) << nr % 64;
	if (exit)
		set->exit[nr / 64] |= UINT64_C(1) << nr % 64;
}

static void launch(struct rig *r, const struct syscall_set *set, char *const argv[])
{
	rig_open(r);
	rig_engine(r);
	rig_fail_on(engine_fork(r->e, argv, NULL, &r->p));
	r->pid = r->p->pid;
	engine_watch_syscalls(r->e, set);
	rig_fail_on(engine_exec(r->e, r->p, HOLD_EXEC, NULL));
	assert_true(r->p->has_filter);
}

static char fixture_path[4096];

static char *fixture(const char *name)
{
	snprintf(fixture_path, sizeof(fixture_path), "%s/%s", FIXTURES, name);
	return fixture_path;
}

/* -------------------------------------------------------------- the filter -- */

static void the_filter_reports_exactly_the_watched_calls(void **state)
{
	char *argv[] = { fixture("syscalls"), (char *)"500", NULL };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	watch(&set, SYS_getppid, true, false);
	watch(&set, SYS_openat, true, true);
	watch(&set, SYS_exit_group, true, true);
	launch(&r, &set, argv);
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 7);
	assert_int_equal(r.entries[SYS_getppid], 500);
	assert_int_equal(r.returns[SYS_getppid], 0);
	assert_true(r.entries[SYS_openat] >= 500);
	assert_int_equal(r.returns[SYS_openat], r.entries[SYS_openat]);
	assert_int_equal(r.last_result[SYS_openat], -ENOENT);
	assert_int_equal(r.entries[SYS_exit_group], 1);
	assert_int_equal(r.returns[SYS_exit_group], 0);
	assert_int_equal(r.entries[SYS_write], 0);
	rig_close(&r);
}

static void the_first_exec_is_reported_with_its_return(void **state)
{
	char *argv[] = { fixture("syscalls"), NULL };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	watch(&set, SYS_execve, true, true);
	launch(&r, &set, argv);
	assert_int_equal(r.entries[SYS_execve], 1);
	assert_int_equal(r.returns[SYS_execve], 1);
	assert_int_equal(r.last_result[SYS_execve], 0);
	engine_start(r.e);
	rig_run(&r);
	assert_int_equal(r.entries[SYS_execve], 1);
	rig_close(&r);
}

static void descendants_stay_watched_through_fork_and_exec(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"true; /bin/true; /bin/true & wait; exec /bin/true", NULL };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	watch(&set, SYS_execve, true, true);
	watch(&set, SYS_exit_group, true, false);
	launch(&r, &set, argv);
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.processes, 2);
	assert_int_equal(r.execs, 3);
	assert_int_equal(r.returns[SYS_execve], 4);
	assert_int_equal(r.entries[SYS_exit_group], 3);
	assert_int_equal(r.process_exits, 3);
	rig_close(&r);
}

/* ---------------------------------------------------------------- restarts -- */

static void run_restarts(struct rig *r)
{
	engine_start(r->e);
	rig_run(r);
	rig_assert_exit(r, 5);
	/* Of the program's own (those of libc's start-up read files). */
	assert_int_equal(r->entries[SYS_nanosleep], 2);
	assert_int_equal(r->returns[SYS_nanosleep], 2);
	assert_int_equal(r->last_result[SYS_nanosleep], 0);
	assert_int_equal(r->entries[SYS_read], r->returns[SYS_read]);
}

static unsigned eintr_reads, data_reads;

static void count_reads(void *ctx, struct task *t, unsigned nr, int64_t result)
{
	if (nr == SYS_read) {
		eintr_reads += result == -EINTR;
		data_reads += result == 1;
		assert_true(result > -512 || result < -516);
	}
	rig_return(ctx, t, nr, result);
}

static void restarted_calls_are_one_call(void **state)
{
	char *argv[] = { fixture("calls_restart"), NULL };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	eintr_reads = data_reads = 0;
	watch(&set, SYS_read, true, true);
	watch(&set, SYS_nanosleep, true, true);
	launch(&r, &set, argv);
	r.ops.syscall_return = count_reads;
	run_restarts(&r);
	assert_int_equal(eintr_reads, 1);
	assert_int_equal(data_reads, 2);
	rig_close(&r);
}

static void restarted_entries_are_told_once_without_exits(void **state)
{
	char *argv[] = { fixture("calls_restart"), NULL };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	watch(&set, SYS_nanosleep, true, false);
	launch(&r, &set, argv);
	engine_start(r.e);
	rig_run(&r);
	rig_assert_exit(&r, 5);
	assert_int_equal(r.entries[SYS_nanosleep], 2);
	rig_close(&r);
}

/* ------------------------------------------------------- without a filter -- */

static int calls_ptraced(struct rig_shared *s)
{
	char c;
	int fds[2];

	if (pipe(fds))
		return 1;
	for (int i = 0; i < 300; i++) {
		syscall(SYS_getppid);
		syscall(SYS_close, -1);
	}
	s->flag[0] = 1;
	s->v[0] = read(fds[0], &c, 1);
	s->v[1] = s->v[0] < 0 ? errno : 0;
	pid_t pid = fork();

	if (!pid) {
		syscall(SYS_getppid);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 2;
}

static void on_usr1(int sig)
{
	(void)sig;
}

static int calls_ptraced_caught(struct rig_shared *s)
{
	struct sigaction sa = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &sa, NULL);
	return calls_ptraced(s);
}

static bool is_in_call(struct rig *r, int64_t nr)
{
	struct task *t = engine_task(r->e, r->pid);

	return t && t->in_syscall && t->syscall_nr == nr;
}

static void attached_processes_report_pairs(void **state)
{
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_ptraced_caught);
	rig_attach(&r);
	watch(&set, SYS_getppid, true, true);
	watch(&set, SYS_read, true, true);
	watch(&set, SYS_clone, true, true);
	engine_watch_syscalls(r.e, &set);
	rig_go(&r);
	rig_run_to(&r, 0);
	while (!is_in_call(&r, SYS_read)) /* the go's is over: this is the pipe's */
		rig_poll(&r, 1000000);
	/* It may have been in the go's already at the attach, or not yet. */
	unsigned entries = r.entries[SYS_read];

	/* Stopping the world interrupts the read, which is no event of its own. */
	for (int i = 0; i < 30; i++) {
		rig_fail_on(engine_stop_world(r.e, r.p->as));
		engine_resume_world(r.e, r.p->as);
		rig_poll(&r, 500000);
	}
	unsigned returns = r.returns[SYS_read];

	kill(r.pid, SIGUSR1);
	rig_run(&r);
	rig_assert_exit(&r, 2);
	assert_int_equal(r.shared->v[0], -1);
	assert_int_equal(r.shared->v[1], EINTR);
	assert_int_equal(r.entries[SYS_read], entries);
	assert_int_equal(r.returns[SYS_read], returns + 1);
	assert_int_equal(r.last_result[SYS_read], -EINTR);
	assert_int_equal(r.entries[SYS_getppid], 301);
	assert_int_equal(r.returns[SYS_getppid], 301);
	/* The child returns from fork too. */
	assert_int_equal(r.entries[SYS_clone], 1);
	assert_int_equal(r.returns[SYS_clone], 2);
	assert_int_equal(r.processes, 1);
	rig_close(&r);
}

static void watching_may_begin_and_end_while_it_runs(void **state)
{
	struct syscall_set set = { 0 }, none = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_ptraced);
	rig_attach(&r);
	rig_go(&r);
	rig_run_to(&r, 0);
	watch(&set, SYS_read, false, true);
	engine_watch_syscalls(r.e, &set);
	for (int i = 0; i < 10; i++)
		rig_poll(&r, 1000000);
	engine_watch_syscalls(r.e, &none);
	for (int i = 0; i < 10; i++)
		rig_poll(&r, 1000000);
	assert_int_equal(r.returns[SYS_read], 0);
	kill(r.pid, SIGKILL);
	rig_run(&r);
	rig_close(&r);
}

/* -------------------------------------------------- calls at an entry stop -- */

static void call_at_entry(void *ctx, struct task *t, unsigned nr)
{
	const uint64_t args[6] = { 0 };
	int64_t result = 0;

	rig_entry(ctx, t, nr);
	if (nr != SYS_getppid)
		return;
	rig_fail_on(engine_remote_syscall(t->engine, t->proc->as, SYS_getpid, args, &result));
	assert_int_equal(result, t->proc->pid);
}

static void remote_calls_at_an_entry_let_the_call_happen_once(void **state)
{
	struct syscall_set set = { 0 };

	(void)state;
	watch(&set, SYS_getppid, true, true);
	for (int filtered = 0; filtered < 2; filtered++) {
		char *argv[] = { fixture("syscalls"), (char *)"50", NULL };
		struct rig r;

		if (filtered) {
			launch(&r, &set, argv);
		} else {
			rig_open(&r);
			rig_spawn(&r, calls_ptraced);
			rig_attach(&r);
			engine_watch_syscalls(r.e, &set);
			assert_int_equal(write(r.go, "x", 1), 1);
		}
		r.ops.syscall_entry = call_at_entry;
		engine_start(r.e);
		while (r.returns[SYS_getppid] < 50)
			rig_poll(&r, 1000000);
		assert_in_range(r.entries[SYS_getppid], 50, 51);
		assert_int_equal(r.last_result[SYS_getppid], getpid());
		kill(r.pid, SIGKILL);
		rig_run(&r);
		rig_close(&r);
	}
}

/* --------------------------------------------------- calls at others' exits -- */

#define N_CALLERS 4
#define N_CALLS 200

static void *call_ppid(void *arg)
{
	(void)arg;
	for (int i = 0; i < N_CALLS; i++)
		syscall(SYS_getppid);
	return NULL;
}

/* Nobody is ever at rest: what is made is made at somebody's entry or exit. */
static int calls_of_threads(struct rig_shared *s)
{
	pthread_t t[N_CALLERS];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < N_CALLERS; i++)
			if (pthread_create(&t[i], NULL, call_ppid, NULL))
				return 1;
		call_ppid(NULL);
		for (int i = 0; i < N_CALLERS; i++)
			pthread_join(t[i], NULL);
	}
	s->flag[0] = 1;
	return 0;
}

static void call_elsewhere(void *ctx, struct task *t, unsigned nr, int64_t result)
{
	const uint64_t args[6] = { 0 };
	int64_t pid = 0;

	rig_return(ctx, t, nr, result);
	if (nr != SYS_getppid && nr != SYS_close)
		return;
	rig_fail_on(engine_remote_syscall(t->engine, t->proc->as, SYS_getpid, args, &pid));
	assert_int_equal(pid, t->proc->pid);
}

/* Whoever waits at a call's exit to be told of it may be the one that makes our call. */
static void remote_calls_at_an_exit_lose_no_return(void **state)
{
	static const unsigned nrs[] = { SYS_getppid,  SYS_clone, SYS_clone3,
					SYS_mprotect, SYS_futex, SYS_rt_sigprocmask };
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_of_threads);
	rig_attach(&r);
	for (unsigned i = 0; i < sizeof(nrs) / sizeof(nrs[0]); i++)
		watch(&set, nrs[i], true, true);
	engine_watch_syscalls(r.e, &set);
	r.ops.syscall_return = call_elsewhere;
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.shared->flag[0], 1);
	assert_int_equal(r.entries[SYS_getppid], 4 * (N_CALLERS + 1) * N_CALLS);
	for (unsigned i = 0; i < sizeof(nrs) / sizeof(nrs[0]); i++) /* new threads return, too */
		assert_int_equal(r.entries[nrs[i]] *
					 (nrs[i] == SYS_clone || nrs[i] == SYS_clone3 ? 2 : 1),
				 r.returns[nrs[i]]);
	rig_close(&r);
}

/* ---------------------------------------------------------------- restarts -- */

/* Handlers that never come back leave calls further down; the outermost is still to go on. */
static void calls_left_deeper_make_room(void **state)
{
	struct again_call c = { .nr = SYS_read, .pc = 0x1000, .sp = 0x9000 };
	struct engine_task t = { 0 };

	(void)state;
	restart_leave(&t, &c);
	for (unsigned i = 1; i < RESTARTS_MAX; i++) {
		c.pc += 0x10;
		c.sp = 0x1000 + 0x100 * i;
		restart_leave(&t, &c);
	}
	assert_int_equal(t.restart.n_left, RESTARTS_MAX);
	c.pc += 0x10;
	c.sp = 0x1000 + 0x100 * 4; /* as deep as the fourth: not deeper */
	restart_leave(&t, &c);
	assert_int_equal(t.restart.n_left, 1 + RESTARTS_MAX - 4 + 1);
	assert_int_equal(t.restart.left[0].sp, 0x9000);
	assert_int_equal(t.restart.left[t.restart.n_left - 1].pc, c.pc);
	for (unsigned i = 0; i < t.restart.n_left; i++)
		assert_true(t.restart.left[i].sp >= c.sp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_reports_exactly_the_watched_calls),
		cmocka_unit_test(the_first_exec_is_reported_with_its_return),
		cmocka_unit_test(descendants_stay_watched_through_fork_and_exec),
		cmocka_unit_test(restarted_calls_are_one_call),
		cmocka_unit_test(restarted_entries_are_told_once_without_exits),
		cmocka_unit_test(attached_processes_report_pairs),
		cmocka_unit_test(watching_may_begin_and_end_while_it_runs),
		cmocka_unit_test(remote_calls_at_an_entry_let_the_call_happen_once),
		cmocka_unit_test(remote_calls_at_an_exit_lose_no_return),
		cmocka_unit_test(calls_left_deeper_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
