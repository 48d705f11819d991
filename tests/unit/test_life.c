/* Births, exec and deaths of traced tasks, at the worst of moments. */
#include "engine_rig.h"

#include <sched.h>
#include <spawn.h>

static volatile long sink;

PROBED static long work(long x)
{
	sink += x;
	return x * 2 + 1;
}

/* ------------------------------------------------------------------- forks -- */

static int child_works(void)
{
	return work(1) == 3 ? 0 : 1;
}

static int vfork_child(void *arg)
{
	(void)arg;
	_exit(child_works());
}

static int forks_in_every_way(struct rig_shared *s)
{
	static char stack[65536] __attribute__((aligned(16)));
	char *argv[] = { (char *)"true", NULL };
	volatile int bad = 0;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(child_works());
	bad += waitpid(pid, &status, 0) != pid || status;
	work(0);
	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ))
		return 9;
	bad += waitpid(pid, &status, 0) != pid || status;
	work(0);
	pid = vfork();
	if (!pid)
		_exit(child_works());
	bad += waitpid(pid, &status, 0) != pid || status;
	work(0);
	/* No exit signal: reported as a clone. */
	pid = clone(vfork_child, stack + sizeof(stack), 0, NULL);
	bad += waitpid(pid, &status, __WALL) != pid || status;
	work(0);
	pid = clone(vfork_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	bad += waitpid(pid, &status, __WALL) != pid || status;
	work(0);
	s->v[0] = bad;
	return 0;
}

static void children_not_followed_run_with_clean_text(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, forks_in_every_way);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.shared->v[0], 0);
	assert_int_equal(r.hits, 5);
	assert_int_equal(r.processes, 0);
	rig_close(&r);
}

static void plant_in_child(struct rig *r, struct process *p, struct task *parent)
{
	struct site_user user = { .arg = r };
	unsigned refused = 0;
	struct site *s;

	assert_ptr_equal(parent->proc, p->parent);
	if (p->as == parent->proc->as)
		return;
	assert_int_equal(site_count(p->as), 0);
	rig_fail_on(site_add(r->e, p->as, rig_addr(work), NULL, 0, user, &s));
	rig_fail_on(site_plant(r->e, p->as, &refused, NULL));
	assert_int_equal(refused, 0);
}

static void followed_children_can_be_planted_before_they_run(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	r.config.follow_forks = true;
	r.on_new = plant_in_child;
	rig_spawn(&r, forks_in_every_way);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.shared->v[0], 0);
	assert_int_equal(r.processes, 5);
	assert_int_equal(r.process_exits, 6);
	assert_int_equal(r.hits, 5 + 4);
	assert_int_equal(r.execs, 1);
	rig_close(&r);
}

#define VFORKS 40

static void *vfork_loop(void *arg)
{
	char *argv[] = { (char *)"true", NULL };
	long *bad = arg;

	for (volatile int i = 0; i < VFORKS; i++) {
		int status;
		pid_t pid = vfork();

		if (!pid) {
			execve("/bin/true", argv, environ);
			_exit(1);
		}
		*bad += waitpid(pid, &status, 0) != pid || status;
	}
	return NULL;
}

#define VFORK_HITS (5000 / SLOW)

static int vforks_beside_hits(struct rig_shared *s)
{
	pthread_t t;
	long bad = 0, n = 0;

	pthread_create(&t, NULL, vfork_loop, &bad);
	for (; n < VFORK_HITS; n++)
		work(n);
	pthread_join(t, NULL);
	s->v[0] = bad;
	return 0;
}

static void vfork_children_leave_the_parents_sites_alone(void **state)
{
	(void)state;
	for (int follow = 0; follow < 2; follow++) {
		struct rig r;

		rig_open(&r);
		r.config.follow_forks = follow;
		rig_spawn(&r, vforks_beside_hits);
		rig_attach(&r);
		rig_plant(&r, rig_addr(work));
		rig_go(&r);
		rig_run(&r);
		rig_assert_exit(&r, 0);
		assert_int_equal(r.shared->v[0], 0);
		assert_int_equal(r.hits, VFORK_HITS);
		assert_int_equal(r.execs, follow ? VFORKS : 0);
		rig_close(&r);
	}
}

/* -------------------------------------------------------------------- exec -- */

static void *exec_true(void *arg)
{
	char *argv[] = { (char *)"true", NULL };

	pthread_barrier_wait(arg);
	execve("/bin/true", argv, environ);
	return NULL;
}

static void *spin_forever(void *arg)
{
	pthread_barrier_wait(arg);
	for (;;)
		work(1);
	return NULL;
}

static int two_threads_exec(struct rig_shared *s)
{
	pthread_barrier_t b;
	pthread_t t[3];

	(void)s;
	pthread_barrier_init(&b, NULL, 4);
	pthread_create(&t[0], NULL, exec_true, &b);
	pthread_create(&t[1], NULL, exec_true, &b);
	pthread_create(&t[2], NULL, spin_forever, &b);
	pthread_barrier_wait(&b);
	for (;;)
		pause();
	return 1;
}

static void exec_by_any_thread_keeps_the_process(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct rig r;

		rig_open(&r);
		rig_spawn(&r, two_threads_exec);
		rig_attach(&r);
		rig_plant(&r, rig_addr(work));
		rig_go(&r);
		rig_run(&r);
		rig_assert_exit(&r, 0);
		assert_int_equal(r.execs, 1);
		assert_int_equal(r.process_exits, 1);
		/* Every thread's end is told, whoever survived the exec. */
		assert_int_equal(r.thread_exits, r.threads + 1);
		rig_close(&r);
	}
}

static void plant_at_pc(struct rig *r, struct task *t)
{
	const uint64_t args[6] = { 0 };
	struct site_user user = { .arg = r };
	unsigned refused = 0;
	int64_t result = 0;
	struct site *s;

	assert_int_equal(site_count(t->proc->as), 0);
	rig_fail_on(engine_remote_syscall(r->e, t->proc->as, SYS_getpid, args, &result));
	assert_int_equal(result, t->proc->pid);
	rig_fail_on(site_add(r->e, t->proc->as, arch_pc(task_regs(t)), NULL, 0, user, &s));
	rig_fail_on(site_plant(r->e, t->proc->as, &refused, NULL));
	assert_int_equal(refused, 0);
}

static int execs_a_while(struct rig_shared *s)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exec /bin/true", NULL };

	work(s->v[0]);
	execve("/bin/sh", argv, environ);
	return 1;
}

static void a_new_image_can_be_planted_before_it_runs(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	r.on_exec = plant_at_pc;
	rig_spawn(&r, execs_a_while);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.execs, 2);
	assert_int_equal(r.hits, 1 + 2);
	rig_close(&r);
}

/* ----------------------------------------------------------------- threads -- */

static struct rig_shared *survivors;

static void *outlive_leader(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
	survivors->flag[0] = 1;
	while (!survivors->flag[1])
		usleep(1000);
	for (int i = 0; i < 100; i++)
		work(i);
	_exit(8);
}

static int leader_leaves(struct rig_shared *s)
{
	static pthread_t self;
	pthread_t t;

	self = pthread_self();
	survivors = s;
	pthread_create(&t, NULL, outlive_leader, &self);
	pthread_exit(NULL);
}

static void the_leader_may_end_first(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct rig r;

		rig_open(&r);
		rig_engine(&r);
		rig_spawn(&r, leader_leaves);
		if (late) { /* attach when only a zombie leads it */
			assert_int_equal(write(r.go, "x", 1), 1);
			while (!r.shared->flag[0])
				sched_yield();
			rig_attach(&r);
			engine_start(r.e);
		} else {
			rig_attach(&r);
			rig_go(&r);
			rig_run_to(&r, 0);
		}
		rig_plant(&r, rig_addr(work));
		r.shared->flag[1] = 1;
		rig_run(&r);
		assert_int_equal(r.hits, 100);
		if (late)
			r.status = r.status >= 0 ? r.status : rig_reap(&r);
		rig_assert_exit(&r, 8);
		rig_close(&r);
	}
}

#define SHORT_THREADS (3000 / SLOW)

static void *short_thread(void *arg)
{
	return (void *)work((long)arg);
}

static int many_threads(struct rig_shared *s)
{
	pthread_attr_t attr;
	pthread_t t[4];
	long sum = 0;
	void *ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = 0; i < SHORT_THREADS; i += 4) {
		for (int k = 0; k < 4; k++)
			pthread_create(&t[k], &attr, short_thread, (void *)1L);
		for (int k = 0; k < 4; k++) {
			pthread_join(t[k], &ret);
			sum += (long)ret;
		}
	}
	s->v[0] = sum;
	return 0;
}

static void threads_come_and_go_by_the_thousand(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, many_threads);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	rig_assert_exit(&r, 0);
	assert_int_equal(r.hits, SHORT_THREADS);
	assert_int_equal(r.threads, SHORT_THREADS);
	assert_int_equal(r.thread_exits, SHORT_THREADS + 1);
	assert_int_equal(r.shared->v[0], 3 * SHORT_THREADS);
	rig_close(&r);
}

/* ------------------------------------------------------------ sudden deaths -- */

static void *work_forever(void *arg)
{
	(void)arg;
	for (;;)
		work(1);
	return NULL;
}

static int works_in_threads(struct rig_shared *s)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, work_forever, NULL);
	s->flag[0] = 1;
	for (;;)
		work(2);
	return 0;
}

/* Kills pid after us microseconds, from a process of its own. */
static pid_t assassin(pid_t pid, long us)
{
	pid_t self = fork();

	if (!self) {
		struct timespec ts = { .tv_nsec = us * 1000 };

		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		_exit(0);
	}
	return self;
}

static void try_everything(struct rig *r)
{
	struct site_user user = { .arg = r };
	const uint64_t args[6] = { 0 };
	unsigned refused;
	struct site *s;
	int64_t result;
	struct error *err = NULL;

	for (int i = 0; !err && !r->done && i < 1000000; i++) {
		rig_poll(r, 1000);
		err = site_add(r->e, r->p->as, rig_addr(work), NULL, 0, user, &s);
		if (!err)
			err = site_plant(r->e, r->p->as, &refused, NULL);
		rig_poll(r, 1000);
		if (!err && s->users.n)
			site_remove(r->e, s, r);
		if (!err)
			err = engine_remote_syscall(r->e, r->p->as, SYS_getpid, args, &result);
	}
	error_destroy(err);
}

static void sigkill_at_any_moment_ends_cleanly(void **state)
{
	(void)state;
	for (long i = 0; i < 60; i++) {
		struct error *err;
		struct rig r;
		pid_t killer;

		rig_open(&r);
		rig_engine(&r);
		rig_spawn(&r, works_in_threads);
		assert_int_equal(write(r.go, "x", 1), 1);
		while (!r.shared->flag[0])
			sched_yield();
		killer = assassin(r.pid, 50 + i * i * 3);
		err = engine_attach(r.e, r.pid, &r.p);
		if (!err) {
			engine_start(r.e);
			try_everything(&r);
			rig_run(&r);
			assert_true(WIFSIGNALED(r.status));
			assert_int_equal(WTERMSIG(r.status), SIGKILL);
		} else {
			rig_reap(&r);
		}
		error_destroy(err);
		waitpid(killer, NULL, 0);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_not_followed_run_with_clean_text),
		cmocka_unit_test(followed_children_can_be_planted_before_they_run),
		cmocka_unit_test(vfork_children_leave_the_parents_sites_alone),
		cmocka_unit_test(exec_by_any_thread_keeps_the_process),
		cmocka_unit_test(a_new_image_can_be_planted_before_it_runs),
		cmocka_unit_test(the_leader_may_end_first),
		cmocka_unit_test(threads_come_and_go_by_the_thousand),
		cmocka_unit_test(sigkill_at_any_moment_ends_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
