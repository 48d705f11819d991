/* The wait-status decoder, on statuses composed as the kernel composes them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tracer/event.h"

static int stopped(int sig, int event)
{
	return 0x7f | sig << 8 | event << 16;
}

static void a_plain_signal_stop_keeps_its_signal(void **state)
{
	struct event ev = event_decode(7, stopped(SIGUSR1, 0));

	(void)state;
	assert_int_equal(ev.kind, EV_SIGNAL);
	assert_int_equal(ev.sig, SIGUSR1);
	assert_int_equal(ev.tid, 7);
}

static void sigtrap_is_told_from_a_syscall_stop(void **state)
{
	(void)state;
	assert_int_equal(event_decode(1, stopped(SIGTRAP, 0)).kind, EV_TRAP);
	assert_int_equal(event_decode(1, stopped(SIGTRAP | 0x80, 0)).kind, EV_SYSCALL);
}

static void an_event_stop_is_ours_or_job_controls(void **state)
{
	static const int job[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	(void)state;
	assert_int_equal(event_decode(1, stopped(SIGTRAP, PTRACE_EVENT_STOP)).kind, EV_STOP);
	for (size_t i = 0; i < sizeof(job) / sizeof(job[0]); i++) {
		struct event ev = event_decode(1, stopped(job[i], PTRACE_EVENT_STOP));

		assert_int_equal(ev.kind, EV_GROUP_STOP);
		assert_int_equal(ev.sig, job[i]);
		/* The same signal before it stops anything. */
		assert_int_equal(event_decode(1, stopped(job[i], 0)).kind, EV_SIGNAL);
	}
}

static void every_ptrace_event_has_its_kind(void **state)
{
	static const struct {
		int event;
		enum event_kind kind;
		bool message, clean;
	} rows[] = {
		{ PTRACE_EVENT_FORK, EV_FORK, true, false },
		{ PTRACE_EVENT_VFORK, EV_VFORK, true, false },
		{ PTRACE_EVENT_CLONE, EV_CLONE, true, false },
		{ PTRACE_EVENT_VFORK_DONE, EV_VFORK_DONE, false, false },
		{ PTRACE_EVENT_EXEC, EV_EXEC, true, false },
		{ PTRACE_EVENT_EXIT, EV_EXIT, true, false },
		{ PTRACE_EVENT_SECCOMP, EV_SECCOMP, false, false },
		{ 99, EV_UNKNOWN, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event ev = event_decode(1, stopped(SIGTRAP, rows[i].event));

		assert_int_equal(ev.kind, rows[i].kind);
		assert_int_equal(event_has_message(ev.kind), rows[i].message);
		assert_int_equal(event_is_clean(ev.kind), rows[i].clean);
	}
}

static void a_death_keeps_its_status(void **state)
{
	struct event ev = event_decode(9, 3 << 8);

	(void)state;
	assert_int_equal(ev.kind, EV_GONE);
	assert_int_equal(WEXITSTATUS(ev.status), 3);
	ev = event_decode(9, SIGKILL);
	assert_int_equal(ev.kind, EV_GONE);
	assert_int_equal(WTERMSIG(ev.status), SIGKILL);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int k = EV_CANCELLED; k <= EV_UNKNOWN; k++)
		assert_non_null(event_name((enum event_kind)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_signal_stop_keeps_its_signal),
		cmocka_unit_test(sigtrap_is_told_from_a_syscall_stop),
		cmocka_unit_test(an_event_stop_is_ours_or_job_controls),
		cmocka_unit_test(every_ptrace_event_has_its_kind),
		cmocka_unit_test(a_death_keeps_its_status),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
