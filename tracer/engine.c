/*
 * The engine's heart: wait, decode, queue, dispatch.
 *
 * How it waits.  SIGCHLD is blocked in the tracer, so the kernel makes it
 * pending with every ptrace stop; sigtimedwait() sleeps for it with a timeout
 * and takes it in one system call.  The order "waitpid(WNOHANG) says nothing,
 * then sleep" has no race: a stop in between has left the signal pending.
 * engine_wake() sends the same signal to the tracer's thread, so a wake-up
 * just before the sleep isn't lost either, and timers are the timeout.
 * Whoever takes SIGCHLD without emptying waitpid() sets may_have_more.
 *
 * A status is taken from the kernel exactly once (engine_ingest), decoded,
 * and queued; statuses that come in while a stop is being handled wait in the
 * queue with their task kept stopped.
 */
#include "engine_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* With several tasks a poll takes at most this many before it acts. */
#define BATCH_MAX 256
/* How long a hot task's next stop is waited for without sleeping. */
#define SPIN_NS UINT64_C(60000)

uint64_t engine_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * ns_per_s + (uint64_t)ts.tv_nsec;
}

/* ------------------------------------------------------- create, destroy -- */

/* SIGCHLD ignored or NOCLDSTOP would keep the kernel from sending it. */
static void take_sigchld(struct engine *e)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigemptyset(&e->sigchld);
	sigaddset(&e->sigchld, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &e->sigchld, &e->old_mask);
	e->has_old_chld = sigaction(SIGCHLD, &dfl, &e->old_chld) == 0;
}

static void give_back_sigchld(struct engine *e)
{
	struct timespec zero = { 0 };

	while (sigtimedwait(&e->sigchld, NULL, &zero) > 0)
		;
	engine_pulse_deinit(e);
	if (e->has_old_chld)
		sigaction(SIGCHLD, &e->old_chld, NULL);
	pthread_sigmask(SIG_SETMASK, &e->old_mask, NULL);
}

struct engine *engine_create(const struct engine_config *config)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->config = *config;
	e->pid = getpid();
	e->tid = (pid_t)syscall(SYS_gettid);
	e->may_have_more = true;
	e->max_fds = fd_limit();
	e->cells_top = ARCH_RING_CELLS;
	ring_clock_start(e);
	take_sigchld(e);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	engine_detach_all(e, true);
	while (e->tasks)
		task_destroy(e, e->tasks);
	while (e->processes)
		process_destroy(e, e->processes);
	pin_undo(e);
	give_back_sigchld(e);
	vec_deinit(&e->queue);
	guardian_end(e->guardian);
	sud_share_close(e);
	vec_deinit(&e->orphans);
	vec_deinit(&e->rings);
	vec_deinit(&e->heap);
	vec_deinit(&e->cells);
	vec_deinit(&e->words);
	free(e->cell_values);
	free(e->record);
	sample_deinit(e);
	free(e);
}

const struct engine_stats *engine_stats(const struct engine *e)
{
	return &e->stats;
}

void engine_bug(struct engine *e, const struct task *t, const char *what)
{
	fprintf(stderr, "dtrace: internal error: %s", what);
	if (t)
		fprintf(stderr, " (task %d, state %d, stop %s)", (int)t->tid, (int)t->state,
			event_name(((const struct engine_task *)t)->stop));
	fprintf(stderr, "; letting the targets go\n");
	engine_emergency_detach(e);
	abort();
}

/* -------------------------------------------------------------- the queue -- */

bool engine_push(struct engine *e, const struct event *ev)
{
	if (!vec_push(&e->queue, *ev))
		engine_bug(e, ev->task, "out of memory for an event");
	if (ev->task)
		task_impl(ev->task)->n_queued++;
	return true;
}

bool engine_pop(struct engine *e, struct event *ret)
{
	if (e->queue_head == e->queue.n) {
		e->queue_head = e->queue.n = 0;
		return false;
	}
	*ret = e->queue.items[e->queue_head++];
	if (ret->task)
		task_impl(ret->task)->n_queued--;
	return true;
}

void engine_queue_drop(struct engine *e, struct engine_task *t)
{
	if (!t->n_queued)
		return;
	for (size_t i = e->queue_head; i < e->queue.n; i++) {
		struct event *ev = &e->queue.items[i];

		if (ev->task != &t->pub || ev->kind == EV_GONE)
			continue;
		ev->kind = EV_CANCELLED;
		ev->task = NULL;
		t->n_queued--;
	}
}

/* ---------------------------------------------------------------- ingest -- */

static void ingest_orphan(struct engine *e, const struct event *ev)
{
	struct orphan o = { .ev = *ev, .since = engine_now() };

	if (ev->kind == EV_GONE) { /* a child of ours that is no task */
		for (size_t i = 0; i < e->orphans.n; i++)
			if (e->orphans.items[i].ev.tid == ev->tid)
				e->orphans.items[i].ev.kind = EV_GONE;
		return;
	}
	if (!vec_push(&e->orphans, o))
		engine_bug(e, NULL, "out of memory for a new task");
}

static void note_arrival(struct engine *e, struct engine_task *t)
{
	t->is_stuck = false;
	if (t->is_awaited) {
		t->is_awaited = false;
		e->n_awaited--;
	}
}

/* A stop that only answers our own INTERRUPT while the task is held anyway. */
static bool is_absorbed(struct engine_task *t, enum event_kind kind)
{
	if (kind != EV_STOP && kind != EV_GROUP_STOP)
		return false;
	return task_is_held(t) && !t->exec_pending;
}

static void ingest_stop(struct engine *e, struct engine_task *t, struct event *ev)
{
	if (event_has_message(ev->kind) && ptrace(PTRACE_GETEVENTMSG, ev->tid, NULL, &ev->msg) < 0)
		ev->msg = 0;
	if (ev->kind == EV_EXEC) {
		life_exec_collapse(e, ev);
		return;
	}
	if (ev->kind == EV_EXIT) /* killed out of what it was stopped in */
		engine_queue_drop(e, t);
	task_set_state(&t->pub, TASK_STOPPED);
	t->stop = ev->kind;
	t->stop_sig = ev->sig;
	t->wants_resume = false;
	t->is_group_stopped = ev->kind == EV_GROUP_STOP;
	note_arrival(e, t);
	if (is_absorbed(t, ev->kind)) {
		t->wants_resume = true;
		/*
		 * Nobody else will say that a call was interrupted.  But where the stop at a
		 * call's exit waits in the queue, that says what became of it.
		 */
		if (e->is_watching && !(t->n_queued && t->pub.in_syscall))
			syscall_note_interrupt(e, t, 0);
	} else {
		engine_push(e, ev);
	}
}

void engine_ingest(struct engine *e, pid_t tid, int status)
{
	struct event ev = event_decode(tid, status);
	struct engine_task *t = task_find(e, tid);

	if (!t && ev.kind == EV_EXEC && ptrace(PTRACE_GETEVENTMSG, tid, NULL, &ev.msg) == 0)
		t = task_find(e, (pid_t)ev.msg); /* its leader died before we came */
	if (!t) {
		ingest_orphan(e, &ev);
		return;
	}
	ev.task = &t->pub;
	if (ev.kind != EV_GONE) {
		e->stats.stops++;
		ingest_stop(e, t, &ev);
		return;
	}
	engine_queue_drop(e, t);
	if (t->pub.state != TASK_GONE)
		task_set_state(&t->pub, TASK_GONE);
	task_unhash(e, t);
	note_arrival(e, t);
	engine_push(e, &ev);
}

bool engine_collect(struct engine *e)
{
	int status;
	pid_t tid;

	do {
		tid = sud_wait(e, -1, &status, WNOHANG);
	} while (tid < 0 && errno == EINTR);
	e->no_children = tid < 0 && errno == ECHILD;
	if (tid <= 0) {
		e->may_have_more = false;
		return false;
	}
	e->may_have_more = true;
	engine_ingest(e, tid, status);
	return true;
}

/* ---------------------------------------------------------------- waiting -- */

void engine_sleep(struct engine *e, uint64_t deadline)
{
	struct timespec ts, *timeout = NULL;

	if (deadline != UINT64_MAX) {
		uint64_t now = engine_now(), left = deadline > now ? deadline - now : 0;

		ts.tv_sec = (time_t)(left / ns_per_s);
		ts.tv_nsec = (long)(left % ns_per_s);
		timeout = &ts;
	}
	if (sigtimedwait(&e->sigchld, NULL, timeout) > 0)
		e->may_have_more = true;
}

int engine_wait_task(struct engine *e, pid_t tid, uint64_t ns, int *status)
{
	uint64_t deadline = engine_now() + ns;

	for (;;) {
		pid_t got = sud_wait(e, tid, status, WNOHANG);

		if (got == tid)
			return 1;
		if (got < 0 && errno != EINTR)
			return -1;
		if (engine_now() >= deadline)
			return 0;
		engine_sleep(e, deadline);
		e->may_have_more = true; /* the signal may have been another's */
	}
}

/* The hot path's wait: true once a status was taken. */
static bool spin(struct engine *e, uint64_t deadline)
{
	uint64_t now = engine_now(), end = now + SPIN_NS;

	if (deadline < end)
		end = deadline;
	while (now < end && !atomic_load_explicit(&e->woken, memory_order_relaxed)) {
		if (engine_collect(e))
			return true;
		if (e->no_children)
			return false;
		now = engine_now();
	}
	return false;
}

/*
 * While a hot thread is bound to our CPU its next stop is microseconds away,
 * and one blocking wait is cheaper than a signal wait and a wait.  A timer
 * that beats while this lasts ends a wait that a deadline or engine_wake()
 * came too early for.
 */
static void on_pulse(int sig)
{
	(void)sig;
}

void engine_pulse(struct engine *e, bool on)
{
	struct itimerspec its = { .it_value = { 0, on ? PULSE_NS : 0 },
				  .it_interval = { 0, on ? PULSE_NS : 0 } };

	if (!e->has_pulse && on) {
		struct sigevent sev = { .sigev_notify = SIGEV_THREAD_ID,
					.sigev_signo = PULSE_SIGNAL };
		struct sigaction sa = { .sa_handler = on_pulse };

		sev._sigev_un._tid = e->tid;
		sigemptyset(&sa.sa_mask);
		if (sigaction(PULSE_SIGNAL, &sa, &e->old_pulse) < 0)
			return;
		if (timer_create(CLOCK_MONOTONIC, &sev, &e->pulse) < 0) {
			sigaction(PULSE_SIGNAL, &e->old_pulse, NULL);
			return;
		}
		e->has_pulse = true;
	}
	if (e->has_pulse)
		timer_settime(e->pulse, 0, &its, NULL);
}

void engine_pulse_deinit(struct engine *e)
{
	if (!e->has_pulse)
		return;
	timer_delete(e->pulse);
	sigaction(PULSE_SIGNAL, &e->old_pulse, NULL);
	e->has_pulse = false;
}

/* True once a status was taken; false at a pulse. */
static bool wait_pinned(struct engine *e)
{
	int status;
	pid_t tid = sud_wait(e, -1, &status, 0);

	if (tid < 0) {
		e->no_children = errno == ECHILD;
		return false;
	}
	e->may_have_more = true;
	engine_ingest(e, tid, status);
	return true;
}

static bool take_wake(struct engine *e)
{
	return atomic_exchange(&e->woken, false);
}

/* Waits for the first status. */
static void wait_first(struct engine *e, uint64_t deadline)
{
	uint64_t limit;

	for (;;) {
		if (e->may_have_more && engine_collect(e))
			return;
		if (!e->n_tasks || e->no_children || take_wake(e))
			return;
		if (e->pin.mode == WAIT_SPIN && !e->pin.pinned && spin(e, deadline))
			return;
		if (engine_now() >= deadline)
			return;
		if (e->pin.pinned && e->has_pulse && !e->share) { /* whom no bell would wake */
			if (wait_pinned(e)) {
				e->pin.n_pulses = 0;
				return;
			}
			if (++e->pin.n_pulses >= 2)
				pin_idle(e);
			continue;
		}
		limit = deadline;
		if (e->pin.pinned && engine_now() + ns_per_s / 50 < limit)
			limit = engine_now() + ns_per_s / 50;
		engine_sleep(e, limit);
		if (!e->may_have_more && limit < deadline)
			pin_idle(e);
	}
}

void engine_wake(struct engine *e)
{
	int saved = errno;

	atomic_store(&e->woken, true);
	syscall(SYS_tgkill, e->pid, e->tid, SIGCHLD);
	errno = saved;
}

static bool is_anything_left(const struct engine *e)
{
	for (const struct process *p = e->processes; p; p = p->next)
		if (!p->is_dead)
			return true;
	return false;
}

/*
 * The only task there is has stopped in a way that makes no other: there
 * can't be a second status, and the next one will come with a new SIGCHLD.
 */
static bool is_lone_stop(const struct engine *e)
{
	const struct event *ev = &e->queue.items[e->queue_head];

	if (e->n_tasks != 1 || e->queue.n - e->queue_head != 1 || e->orphans.n)
		return false;
	return ev->kind == EV_TRAP || ev->kind == EV_SECCOMP || ev->kind == EV_SYSCALL;
}

struct error *engine_poll(struct engine *e, uint64_t deadline_ns, unsigned *n_ret, bool *done)
{
	struct event ev;
	size_t batch;
	unsigned n = 0;

	if (e->rings.n) {
		uint64_t next = engine_now() + e->ring_poll;

		if (next < deadline_ns)
			deadline_ns = next;
	}
	if (e->orphans.n && deadline_ns > engine_now() + ORPHAN_NS)
		deadline_ns = engine_now() + ORPHAN_NS;
	if (e->queue_head == e->queue.n)
		wait_first(e, deadline_ns);
	ring_idle(e);
	sud_hear(e);
	if (is_lone_stop(e))
		e->may_have_more = false;
	else
		for (int i = 0; i < BATCH_MAX && engine_collect(e); i++)
			;
	ring_drain(e);
	batch = e->queue.n - e->queue_head;
	while (batch-- && !e->stop_depth && engine_pop(e, &ev)) {
		engine_dispatch(e, &ev);
		n++;
	}
	if (e->queue_head == e->queue.n)
		e->queue_head = e->queue.n = 0;
	if (e->orphans.n)
		life_adopt_orphans(e);
	if (e->no_children && e->queue_head == e->queue.n && e->tasks)
		life_all_gone(e);
	*n_ret = n;
	*done = !is_anything_left(e);
	return NULL;
}

/* --------------------------------------------------------------- dispatch -- */

static void dispatch_stop(struct engine *e, struct event *ev)
{
	struct engine_task *t = task_impl(ev->task);

	if (sud_rung(e, t))
		return;
	/* Watched or not: a call that was on its way at the attach is no entry later. */
	syscall_note_interrupt(e, t, 0);
	task_resume(t);
}

static void dispatch_signal(struct engine *e, struct event *ev)
{
	struct engine_task *t = task_impl(ev->task);

	if (sud_stop(e, t, ev->sig))
		return;
	if (patch_fault(e, t, ev->sig)) {
		task_resume(t);
		return;
	}
	if (e->is_watching)
		syscall_note_interrupt(e, t, ev->sig);
	signal_deliver(e, &t->pub, ev->sig);
	task_resume(t);
}

void engine_dispatch(struct engine *e, struct event *ev)
{
	struct task *t = ev->task;

	if (ev->kind == EV_CANCELLED || !t)
		return;
	ring_drain(e);
	if (task_impl(t)->exec_pending && t->state == TASK_STOPPED && ev->kind != EV_EXEC &&
	    ev->kind != EV_GONE)
		life_exec_finish(e, task_impl(t));
	if (ev->kind != EV_GONE && t->state != TASK_STOPPED)
		return;
	if (task_impl(t)->is_sampled)
		sample_take(e, task_impl(t), ev->kind);
	switch (ev->kind) {
	case EV_TRAP:
		pin_note(e, task_impl(t));
		signal_trap(e, t, ev);
		break;
	case EV_SECCOMP:
		pin_note(e, task_impl(t));
		syscall_seccomp_stop(e, t);
		break;
	case EV_SYSCALL:
		pin_note(e, task_impl(t));
		syscall_stop(e, t);
		break;
	case EV_SIGNAL: dispatch_signal(e, ev); break;
	case EV_STOP:
	case EV_GROUP_STOP: dispatch_stop(e, ev); break;
	case EV_FORK:
	case EV_VFORK:
	case EV_CLONE: life_new_child(e, t, ev); break;
	case EV_VFORK_DONE:
		task_impl(t)->in_vfork = false;
		task_resume(task_impl(t));
		break;
	case EV_EXEC: life_exec(e, t); break;
	case EV_EXIT: life_exit(e, t, ev); break;
	case EV_GONE: life_gone(e, t, ev); break;
	case EV_CANCELLED:
	case EV_UNKNOWN: task_resume(task_impl(t)); break;
	}
}

/* ------------------------------------------------------------ small things -- */

bool engine_raise(struct engine *e, struct task *t, int sig)
{
	(void)e;
	return syscall(SYS_tgkill, t->proc->pid, t->tid, sig) == 0;
}

bool engine_stop_task(struct engine *e, struct task *t)
{
	return engine_raise(e, t, SIGSTOP);
}

void engine_watch_syscalls(struct engine *e, const struct syscall_set *set)
{
	bool was = e->is_watching, any = false;

	e->watched = *set;
	for (size_t i = 0; i < ENGINE_SYSCALL_WORDS; i++)
		any |= set->entry[i] || set->exit[i];
	e->is_watching = any;
	sud_sync(e);
	if (was == any)
		return;
	/* Tasks in the middle of running learn of it at their next resume. */
	for (struct process *p = e->processes; p; p = p->next) {
		struct error *err;

		if (p->is_dead || p->has_filter || process_impl(p)->is_launching)
			continue;
		err = engine_stop_world(e, p->as);
		if (!err)
			engine_resume_world(e, p->as);
		error_destroy(err);
	}
}

void engine_follow_forks(struct engine *e, bool follow)
{
	e->config.follow_forks = follow;
}

void engine_set_ring_bytes(struct engine *e, uint64_t bytes)
{
	e->ring_bytes = bytes;
}

void engine_start(struct engine *e)
{
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		t->is_held = false;
		if (t->wants_resume)
			task_resume(t);
	}
}
