/*
 * Stopping and resuming.
 *
 * INTERRUPT is a level, not an event: any stop satisfies it and the stop it
 * asked for may then never come, or come late.  So the world counts as
 * stopped when every task is in some stop.  Stops that only answer the
 * INTERRUPT are absorbed (engine_ingest); all others wait in the queue.
 *
 * Not waited for, because they can't run user code before they stop for us
 * anyway: tasks on their way out, parents asleep in vfork, and tasks in
 * uninterruptible sleep.
 */
#include <errno.h>
#include <sys/ptrace.h>

#include "engine_impl.h"
#include "procfs.h"

#define STUCK_NS (ns_per_s / 2)
#define GIVE_UP_NS (10 * ns_per_s)
#define CLEAN_NS (2 * ns_per_s)

bool task_is_held(const struct engine_task *t)
{
	const struct engine *e = t->pub.engine;

	return t->is_held || e->stop_depth || t->pub.proc->as->stop_depth;
}

bool task_interrupt(struct engine_task *t)
{
	if (ptrace(PTRACE_INTERRUPT, t->pub.tid, NULL, NULL) == 0)
		return true;
	if (errno == ESRCH)
		task_vanished(t);
	return false;
}

static bool resume_listening(struct engine_task *t)
{
	if (ptrace(PTRACE_LISTEN, t->pub.tid, NULL, NULL) < 0)
		return false;
	task_set_state(&t->pub, TASK_LISTENING);
	return true;
}

/* Marks it running first: its next status may be there before ptrace returns. */
static bool resume_running(struct engine_task *t)
{
	int sig = t->pub.resume_sig, request = syscall_request(t);

	t->pub.resume_sig = 0;
	t->is_flushed = false; /* the next stop may be there when ptrace() returns */
	if (ptrace((enum __ptrace_request)request, t->pub.tid, NULL, (long)sig) < 0)
		return false;
	if (request == PTRACE_CONT)
		t->pub.in_syscall = false;
	task_set_state(&t->pub, t->stop == EV_EXIT ? TASK_GONE : TASK_RUNNING);
	return true;
}

void task_resume(struct engine_task *t)
{
	bool ok;

	if (t->pub.state != TASK_STOPPED || t->is_detached)
		return;
	if (t->n_queued)
		return; /* that event's handling resumes it */
	if (task_is_held(t)) {
		t->wants_resume = true;
		return;
	}
	t->wants_resume = false;
	sud_enlist(t);
	if (!task_flush(t) || !task_put_anchor(t)) {
		task_vanished(t);
		return;
	}
	ok = t->is_group_stopped && !t->exec_pending ? resume_listening(t) : resume_running(t);
	if (!ok)
		task_vanished(t);
}

/* ------------------------------------------------------------------ world -- */

static bool is_in_world(const struct engine_task *t, const struct aspace *as)
{
	return !as || task_is_of(t, as);
}

static bool needs_stop(const struct engine_task *t)
{
	if (t->in_vfork || t->is_stuck || t->is_detached)
		return false;
	return t->pub.state == TASK_RUNNING || t->pub.state == TASK_LISTENING;
}

static void await(struct engine *e, struct engine_task *t)
{
	if (!t->is_awaited) {
		t->is_awaited = true;
		e->n_awaited++;
	}
}

static void await_all(struct engine *e, struct aspace *as)
{
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (is_in_world(t, as) && needs_stop(t) && !t->is_awaited && task_interrupt(t))
			await(e, t);
}

static void forget_awaited(struct engine *e, struct engine_task *t)
{
	t->is_awaited = false;
	e->n_awaited--;
}

/* Who doesn't stop: dead, or asleep where no signal reaches. */
static void excuse_stuck(struct engine *e, bool all)
{
	struct procfs_stat st;

	for (struct engine_task *t = e->tasks; t; t = t->next) {
		if (!t->is_awaited)
			continue;
		if (!procfs_stat(t->pub.tid, &st) || st.state == 'Z' || st.state == 'X') {
			forget_awaited(e, t);
			task_set_state(&t->pub, TASK_GONE);
		} else if (st.state == 'D' || all) {
			forget_awaited(e, t);
			t->is_stuck = true;
		}
	}
}

struct error *engine_stop_world(struct engine *e, struct aspace *as)
{
	uint64_t start = engine_now(), excuse = start + STUCK_NS;

	if (as)
		as->stop_depth++;
	else
		e->stop_depth++;
	await_all(e, as);
	while (e->n_awaited) {
		if (engine_collect(e))
			continue;
		if (e->no_children) {
			excuse_stuck(e, true);
			break;
		}
		engine_sleep(e, excuse);
		if (engine_now() >= excuse) {
			excuse_stuck(e, engine_now() - start > GIVE_UP_NS);
			excuse = engine_now() + STUCK_NS;
		}
	}
	return NULL;
}

void engine_resume_world(struct engine *e, struct aspace *as)
{
	unsigned *depth = as ? &as->stop_depth : &e->stop_depth;

	if (!*depth)
		engine_bug(e, NULL, "world resumed more often than stopped");
	if (--*depth)
		return;
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		if (t->wants_resume && is_in_world(t, as))
			task_resume(t);
	}
}

/* A task moved from one stop to another on our own account: whoever was to
 * resume it from the first (the dispatcher, or the end of a hold) still is. */
void task_ingest_same(struct engine *e, struct engine_task *t, int status)
{
	bool wanted = t->wants_resume;

	engine_ingest(e, t->pub.tid, status);
	if (t->wants_resume)
		t->wants_resume = wanted;
}

/*
 * In a stop inside a system call (fork, exec, seccomp, ...) what we put into
 * the registers would be overwritten by the call's end.  The task is let on
 * to the next stop, which INTERRUPT provides before it reaches user code.
 */
bool task_make_clean(struct engine *e, struct engine_task *t)
{
	return event_is_clean(t->stop) || task_stop_anew(e, t);
}

/* Of a call that has an exit's stop to come after this one, that is taken into the queue. */
static bool exit_is_ahead(const struct engine_task *t)
{
	switch (t->stop) {
	case EV_FORK:
	case EV_VFORK:
	case EV_VFORK_DONE:
	case EV_CLONE: return t->pub.in_syscall;
	default: return false;
	}
}

static bool stop_once_more(struct engine *e, struct engine_task *t)
{
	int status, request = exit_is_ahead(t) ? PTRACE_SYSCALL : PTRACE_CONT;

	if (!task_interrupt(t) || !task_flush(t))
		return false;
	if (ptrace((enum __ptrace_request)request, t->pub.tid, NULL, NULL) < 0) {
		task_vanished(t);
		return false;
	}
	task_set_state(&t->pub, TASK_RUNNING);
	if (engine_wait_task(e, t->pub.tid, CLEAN_NS, &status) <= 0)
		return false;
	task_ingest_same(e, t, status);
	return t->pub.state == TASK_STOPPED;
}

bool task_stop_anew(struct engine *e, struct engine_task *t)
{
	bool was_ahead = exit_is_ahead(t);

	if (!stop_once_more(e, t) || (was_ahead && t->stop == EV_SYSCALL && !stop_once_more(e, t)))
		return false;
	return event_is_clean(t->stop);
}
