/*
 * The engine on live processes: remote calls, signals, job control,
 * stop-the-world, waking, detaching, refusals.
 */
#include "engine_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/time.h>

#include "tracer/procfs.h"

static volatile long sink;

PROBED static long work(long x)
{
	sink += x;
	return x * 2 + 1;
}

/* ------------------------------------------------------------ remote calls -- */

static int blocked_calls(struct rig_shared *s)
{
	struct timespec ts = { .tv_nsec = 300000000 };
	char c = 0;
	int fds[2];

	if (pipe(fds))
		return 1;
	s->v[0] = fds[1];
	s->flag[0] = 1;
	s->v[1] = read(fds[0], &c, 1);
	s->v[2] = c;
	uint64_t start = rig_now();

	s->flag[1] = 1;
	s->v[3] = nanosleep(&ts, NULL);
	s->v[4] = (long)(rig_now() - start);
	struct pollfd pfd = { .fd = fds[0], .events = POLLIN };

	s->flag[2] = 1;
	s->v[5] = poll(&pfd, 1, 200);
	return 0;
}

static void call_getpid(struct rig *r, int n)
{
	const uint64_t args[6] = { 0 };
	int64_t result;

	for (int i = 0; i < n; i++) {
		result = -1;
		rig_fail_on(engine_remote_syscall(r->e, r->p->as, SYS_getpid, args, &result));
		assert_int_equal(result, r->pid);
		rig_poll(r, 0);
	}
}

static void remote_calls_do_not_disturb_blocked_ones(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, blocked_calls);
	rig_attach(&r);
	rig_go(&r);
	rig_run_to(&r, 0);
	call_getpid(&r, 200);
	assert_int_equal(r.shared->v[1], 0);
	/* The target writes to its own pipe, by our hand. */
	uint64_t args[6] = { (uint64_t)r.shared->v[0], rig_addr(r.shared->bytes), 1 };
	int64_t result = 0;

	r.shared->bytes[0] = 'k';
	rig_fail_on(engine_remote_syscall(r.e, r.p->as, SYS_write, args, &result));
	assert_int_equal(result, 1);
	rig_run_to(&r, 1);
	assert_int_equal(r.shared->v[1], 1);
	assert_int_equal(r.shared->v[2], 'k');
	call_getpid(&r, 50);
	rig_run_to(&r, 2);
	assert_int_equal(r.shared->v[3], 0);
	assert_true(r.shared->v[4] >= 300000000 && r.shared->v[4] < 3000000000);
	call_getpid(&r, 50);
	rig_run(&r);
	assert_int_equal(r.shared->v[5], 0);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

/* ------------------------------------------------- SIGTRAP's own disposition -- */

static volatile int trapped;

static void on_trap(int sig)
{
	trapped += sig == SIGTRAP;
}

static int blocks_everything(struct rig_shared *s)
{
	struct sigaction sa = { .sa_handler = on_trap, .sa_flags = SA_RESTART }, now;
	sigset_t all, set;

	sigaction(SIGTRAP, &sa, NULL);
	work(0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 100; i++)
		work(i);
	sigprocmask(SIG_SETMASK, NULL, &set);
	sigaction(SIGTRAP, NULL, &now);
	s->v[0] = sigismember(&set, SIGTRAP);
	s->v[1] = now.sa_handler == on_trap;
	s->v[2] = now.sa_flags & SA_RESTART;
	raise(SIGTRAP);
	s->v[3] = trapped;
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	s->v[4] = trapped;
	return 0;
}

static void a_blocked_sigtrap_keeps_mask_and_handler(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, blocks_everything);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.hits, 101);
	assert_int_equal(r.shared->v[0], 1);
	assert_int_equal(r.shared->v[1], 1);
	assert_true(r.shared->v[2]);
	assert_int_equal(r.shared->v[3], 0);
	assert_int_equal(r.shared->v[4], 1);
	rig_close(&r);
}

static int ignores_sigtrap(struct rig_shared *s)
{
	struct sigaction now;

	signal(SIGTRAP, SIG_IGN);
	s->flag[0] = 1;
	while (!s->flag[1])
		usleep(1000);
	for (int i = 0; i < 20; i++)
		work(i);
	sigaction(SIGTRAP, NULL, &now);
	s->v[0] = now.sa_handler == SIG_IGN;
	raise(SIGTRAP);
	return 0;
}

static void an_ignored_sigtrap_stays_ignored(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, ignores_sigtrap);
	assert_int_equal(write(r.go, "x", 1), 1);
	while (!r.shared->flag[0])
		sched_yield();
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	engine_start(r.e);
	r.shared->flag[1] = 1;
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.hits, 20);
	assert_int_equal(r.shared->v[0], 1);
	rig_close(&r);
}

/* ----------------------------------------------------------------- signals -- */

static volatile long ticks, faults;
static volatile char *fault_page;

static void on_tick(int sig)
{
	ticks += sig == SIGALRM;
	work(1000);
}

static void on_fault(int sig)
{
	faults += sig == SIGSEGV;
	mprotect((void *)fault_page, 4096, PROT_READ | PROT_WRITE);
}

/* The first instruction of this is the load that faults. */
PROBED static char load(volatile char *p)
{
	return *p;
}

#define HITS (20000L / SLOW)
#define TICK_US (1000 * SLOW)

static int under_signals(struct rig_shared *s)
{
	struct itimerval it = { { 0, TICK_US }, { 0, TICK_US } };
	struct itimerval off = { 0 };
	long sum = 0;

	signal(SIGALRM, on_tick);
	signal(SIGSEGV, on_fault);
	setitimer(ITIMER_REAL, &it, NULL);
	for (long i = 0; i < HITS; i++)
		sum += work(i);
	setitimer(ITIMER_REAL, &off, NULL);
	fault_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	load(fault_page);
	s->v[0] = sum;
	s->v[1] = ticks;
	s->v[2] = faults;
	return 0;
}

static void signals_between_hits_neither_lose_nor_double_them(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, under_signals);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_plant(&r, rig_addr(load));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.shared->v[0], HITS * (HITS - 1) + HITS);
	assert_int_equal(r.shared->v[2], 1);
	assert_int_equal(r.hits, HITS + r.shared->v[1] + 1);
	assert_int_equal(r.signals, r.shared->v[1] + 1);
	rig_close(&r);
}

static int counts_forever(struct rig_shared *s)
{
	while (!s->flag[0])
		s->v[0] += work(1) > 0;
	return 4;
}

static void job_control_works_and_survives_planting(void **state)
{
	struct rig r;
	long seen;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, counts_forever);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	while (r.hits < 10)
		rig_poll(&r, 1000000);
	kill(r.pid, SIGSTOP);
	while (r.last_signal != SIGSTOP)
		rig_poll(&r, 1000000);
	rig_poll(&r, 20000000);
	seen = r.shared->v[0];
	for (int i = 0; i < 5; i++) {
		rig_poll(&r, 10000000);
		assert_int_equal(r.shared->v[0], seen);
		/* Stopping, calling and resuming leaves it stopped. */
		rig_fail_on(engine_stop_world(r.e, r.p->as));
		engine_resume_world(r.e, r.p->as);
		call_getpid(&r, 3);
	}
	rig_poll(&r, 10000000);
	assert_int_equal(r.shared->v[0], seen);
	kill(r.pid, SIGCONT);
	uint64_t limit = rig_now() + RIG_LIMIT_NS;

	while (r.shared->v[0] < seen + 10 && rig_now() < limit)
		rig_poll(&r, 1000000);
	assert_true(r.shared->v[0] >= seen + 10);
	r.shared->flag[0] = 1;
	rig_run(&r);
	rig_assert_exit(&r, 4);
	rig_close(&r);
}

/* ------------------------------------------------------------- noisy targets -- */

static void *work_forever(void *arg)
{
	(void)arg;
	for (;;)
		work(1);
	return NULL;
}

/* ----------------------------------------------------------- stop the world -- */

static int noisy(struct rig_shared *s)
{
	struct itimerval it = { { 0, TICK_US }, { 0, TICK_US } };
	pthread_t t;

	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &it, NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, work_forever, NULL);
	s->flag[0] = 1;
	while (!s->flag[1])
		getppid();
	return 6;
}

static void the_world_stops_amid_signals_calls_and_hits(void **state)
{
	struct syscall_set set = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, noisy);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	set.entry[SYS_getppid / 64] |= UINT64_C(1) << SYS_getppid % 64;
	set.exit[SYS_getppid / 64] |= UINT64_C(1) << SYS_getppid % 64;
	engine_watch_syscalls(r.e, &set);
	rig_go(&r);
	rig_run_to(&r, 0);
	for (int i = 0; i < 500; i++) {
		unsigned before;

		rig_fail_on(engine_stop_world(r.e, i % 2 ? r.p->as : NULL));
		before = r.hits;
		rig_fail_on(engine_stop_world(r.e, r.p->as));
		engine_resume_world(r.e, r.p->as);
		assert_int_equal(r.hits, before);
		engine_resume_world(r.e, i % 2 ? r.p->as : NULL);
		rig_poll(&r, 100000);
	}
	assert_true(r.hits > 0);
	assert_true(r.entries[SYS_getppid] > 0);
	assert_true(r.entries[SYS_getppid] - r.returns[SYS_getppid] <= 1);
	r.shared->flag[1] = 1;
	rig_run(&r);
	rig_assert_exit(&r, 6);
	rig_close(&r);
}

/* ------------------------------------------------------------------- waking -- */

static void *wake_soon(void *arg)
{
	engine_wake(arg);
	return NULL;
}

static int waits_for_flag(struct rig_shared *s)
{
	while (!s->flag[0])
		usleep(1000);
	return 0;
}

static void a_poll_ends_at_its_deadline_or_when_woken(void **state)
{
	struct rig r;
	pthread_t t;
	uint64_t start;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, waits_for_flag);
	rig_attach(&r);
	rig_go(&r);
	for (int i = 0; i < 50; i++)
		rig_poll(&r, 1000);
	start = rig_now();
	assert_int_equal(rig_poll(&r, 20000000), 0);
	assert_true(rig_now() - start >= 20000000);
	for (int i = 0; i < 20; i++) {
		pthread_create(&t, NULL, wake_soon, r.e);
		rig_poll(&r, RIG_LIMIT_NS);
		pthread_join(t, NULL);
	}
	assert_true(rig_now() - start < RIG_LIMIT_NS);
	engine_wake(r.e); /* before the poll: not lost */
	rig_poll(&r, RIG_LIMIT_NS);
	assert_true(rig_now() - start < RIG_LIMIT_NS);
	r.shared->flag[0] = 1;
	rig_run(&r);
	rig_close(&r);
}

/* --------------------------------------------------------------- detaching -- */

struct snapshot {
	char maps[16384];
	size_t n;
	uint8_t text[256];
	cpu_set_t cpus;
	struct procfs_status status;
};

static void add_map(void *arg, const struct procfs_map *m)
{
	struct snapshot *s = arg;
	int n;

	if (s->n >= sizeof(s->maps) || !strcmp(m->path, "[heap]"))
		return;
	n = snprintf(s->maps + s->n, sizeof(s->maps) - s->n, "%llx-%llx %d%d%d %s\n",
		     (unsigned long long)m->lo, (unsigned long long)m->hi, m->r, m->w, m->x,
		     m->path);
	s->n += (size_t)n;
}

static void take_snapshot(struct rig *r, struct snapshot *s)
{
	char path[64];
	int fd;

	memset(s, 0, sizeof(*s));
	assert_true(procfs_each_map(r->pid, add_map, s));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)r->pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, s->text, sizeof(s->text), (off_t)rig_addr(work) - 64),
			 sizeof(s->text));
	close(fd);
	assert_int_equal(sched_getaffinity(r->pid, sizeof(s->cpus), &s->cpus), 0);
	assert_true(procfs_status(r->pid, &s->status));
}

static void detaching_leaves_no_trace(void **state)
{
	struct snapshot before, after;
	struct rig r;

	(void)state;
	for (int i = 0; i < 20; i++) {
		rig_open(&r);
		r.config.cpupin = true;
		rig_engine(&r);
		rig_spawn(&r, counts_forever);
		assert_int_equal(write(r.go, "x", 1), 1);
		while (!r.shared->v[0])
			sched_yield();
		take_snapshot(&r, &before);
		rig_attach(&r);
		rig_plant(&r, rig_addr(work));
		engine_start(r.e);
		while (r.hits < 100u + 100u * (unsigned)i)
			rig_poll(&r, 1000000);
		engine_detach_all(r.e, false);
		take_snapshot(&r, &after);
		assert_string_equal(before.maps, after.maps);
		assert_memory_equal(before.text, after.text, sizeof(before.text));
		assert_true(CPU_EQUAL(&before.cpus, &after.cpus));
		assert_int_equal(before.status.sig_blk, after.status.sig_blk);
		assert_int_equal(after.status.tracer_pid, 0);
		long seen = r.shared->v[0];

		while (r.shared->v[0] == seen)
			sched_yield();
		r.shared->flag[0] = 1;
		r.status = rig_reap(&r);
		rig_assert_exit(&r, 4);
		rig_close(&r);
	}
}

static void detaching_under_fire_leaves_the_target_alive(void **state)
{
	(void)state;
	for (int i = 0; i < 15; i++) {
		struct rig r;

		rig_open(&r);
		rig_engine(&r);
		rig_spawn(&r, noisy);
		assert_int_equal(write(r.go, "x", 1), 1);
		while (!r.shared->flag[0])
			sched_yield();
		rig_attach(&r);
		rig_plant(&r, rig_addr(work));
		engine_start(r.e);
		while (r.hits < 50u + 37u * (unsigned)i)
			rig_poll(&r, 1000000);
		if (i % 3 == 2)
			engine_emergency_detach(r.e);
		else
			engine_detach_all(r.e, false);
		usleep(2000);
		assert_int_equal(waitpid(r.pid, NULL, WNOHANG), 0);
		r.shared->flag[1] = 1;
		r.status = rig_reap(&r);
		rig_assert_exit(&r, 6);
		rig_close(&r);
	}
}

/* ------------------------------------------------------------------ refusals -- */

static void assert_refused(struct engine *e, pid_t pid, const char *text)
{
	struct process *p;
	struct error *err = engine_attach(e, pid, &p);

	assert_non_null(err);
	if (!strstr(err->message, text))
		fail_msg("'%s' is not in: %s", text, err->message);
	error_destroy(err);
}

static void a_refused_attach_says_why(void **state)
{
	struct rig r, other;

	(void)state;
	rig_open(&r);
	rig_engine(&r);
	assert_refused(r.e, getpid(), "itself");
	assert_refused(r.e, 0x3ffffff0, "no process");
	rig_open(&other);
	rig_spawn(&other, waits_for_flag);
	rig_attach(&other);
	assert_refused(other.e, other.pid, "already");
	assert_refused(r.e, other.pid, "already traced by process");
	rig_close(&other);
	kill(other.pid, SIGKILL);
	rig_reap(&other);
	rig_close(&r);
}

/* -------------------------------------------------------------- what it tells -- */

static void see_task(struct rig *r, struct task *t, struct site *s)
{
	char want[16] = "?";
	char text[32];

	(void)s;
	procfs_comm(t->tid, want);
	assert_string_equal(task_comm(t), want);
	assert_in_range(task_cpu(t), 0, sysconf(_SC_NPROCESSORS_CONF) - 1);
	assert_true(task_cpu_time(t) > 0);
	assert_ptr_equal(engine_task(r->e, t->tid), t);
	assert_ptr_equal(engine_process(r->e, r->pid), t->proc);
	assert_int_equal(as_read_str(t->proc->as, rig_addr(r->shared->bytes), text, sizeof(text)),
			 5);
	assert_string_equal(text, "hello");
	assert_int_equal(as_read_str(t->proc->as, rig_addr(r->shared->bytes), text, 3), 2);
	assert_int_equal(as_read_str(t->proc->as, 16, text, 3), -1);
	assert_int_equal(as_read(t->proc->as, UINT64_MAX - 2, text, 8), 0);
}

static int calls_5(struct rig_shared *s)
{
	for (int i = 0; i < 5; i++)
		s->v[0] += work(i);
	return 0;
}

static void a_stopped_task_tells_about_itself(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	r.on_hit = see_task;
	memcpy((void *)r.shared->bytes, "hello", 6);
	rig_spawn(&r, calls_5);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, 5);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remote_calls_do_not_disturb_blocked_ones),
		cmocka_unit_test(a_blocked_sigtrap_keeps_mask_and_handler),
		cmocka_unit_test(an_ignored_sigtrap_stays_ignored),
		cmocka_unit_test(signals_between_hits_neither_lose_nor_double_them),
		cmocka_unit_test(job_control_works_and_survives_planting),
		cmocka_unit_test(the_world_stops_amid_signals_calls_and_hits),
		cmocka_unit_test(a_poll_ends_at_its_deadline_or_when_woken),
		cmocka_unit_test(detaching_leaves_no_trace),
		cmocka_unit_test(detaching_under_fire_leaves_the_target_alive),
		cmocka_unit_test(a_refused_attach_says_why),
		cmocka_unit_test(a_stopped_task_tells_about_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
