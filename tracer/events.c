/*
 * The engine's upcalls: what happens to processes, in terms of probes.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "session.h"

static void keep_failure(struct session *s, struct error *err)
{
	if (err && !s->failure)
		s->failure = err;
	else
		error_destroy(err);
}

static void on_site_hit(void *ctx, struct task *t, struct site *site)
{
	pid_fire(ctx, t, site);
}

static void on_syscall_entry(void *ctx, struct task *t, unsigned nr)
{
	syscall_fire(ctx, t, nr, false, 0);
	proc_syscall(ctx, t, nr, false, 0);
}

static void on_syscall_return(void *ctx, struct task *t, unsigned nr, int64_t result)
{
	proc_syscall(ctx, t, nr, true, result);
	syscall_fire(ctx, t, nr, true, result);
}

/* Probes for all that a new process or image has. */
static struct error *provide_all(struct session *s, struct target *t)
{
	struct error *err = target_objects(t) ? target_provide(s, t) : NULL;

	if (!err)
		err = target_watch_linker(s, t);
	return err ? err : session_plant(s);
}

static void on_process_new(void *ctx, struct process *p, struct task *parent)
{
	struct session *s = ctx;
	struct target *t = target_of(s, p);

	if (!t) {
		keep_failure(s, &error_nomem);
		return;
	}
	if (p->parent)
		t->parent = target_of(s, p->parent);
	/* One that shares the memory has all that is in it. */
	bool is_copy = p->parent && p->as != p->parent->as;

	if (is_copy)
		usdt_forked(s, p->as, p->parent->pid);
	if (is_copy && s->is_started &&
	    (usdt_is_wanted(s) || dl_option(s->options, DL_OPT_FOLLOW) == 1))
		keep_failure(s, provide_all(s, t));
	if (s->is_started)
		proc_process_new(s, p, parent);
}

/* A child that we let go: its copy of the memory is as if never traced. */
static void on_fork_released(void *ctx, struct process *p)
{
	usdt_forked(ctx, p->as, p->parent->pid);
}

static void on_thread_new(void *ctx, struct task *t)
{
	proc_thread_new(ctx, t);
}

/* A new image: the old one's sites are gone with its memory. */
static void on_exec(void *ctx, struct task *task)
{
	struct session *s = ctx;
	struct target *t = target_of(s, task->proc);

	if (!t || !s->is_started)
		return;
	bool had_objects = t->objects || s->wants_objects || usdt_is_wanted(s);

	pid_target_gone(s, t);
	usdt_target_gone(s, t);
	t->link_site = NULL;
	unwinder_destroy(t->unwinder);
	t->unwinder = NULL;
	if (!had_objects)
		return;
	/* Names of the old image are kept by the table itself. */
	if (t->objects) {
		t->unwinder = unwinder_create(t->proc, t->objects);
		keep_failure(s, target_refresh(s, t));
	}
	keep_failure(s, provide_all(s, t));
}

static void on_thread_exit(void *ctx, struct task *t)
{
	proc_thread_exit(ctx, t);
}

static void tell_exit(struct session *s, struct process *p)
{
	if (dl_option(s->options, DL_OPT_QUIET) == 1)
		return;
	if (!p->has_wait_status || WIFEXITED(p->wait_status)) {
		int status = p->has_wait_status ? WEXITSTATUS(p->wait_status) : 0;

		if (status)
			session_message(s, "pid %d exited with status %d", p->pid, status);
		else
			session_message(s, "pid %d has exited", p->pid);
	} else {
		session_message(s, "pid %d terminated by SIG%s", p->pid,
				sigabbrev_np(WTERMSIG(p->wait_status)) ?
					sigabbrev_np(WTERMSIG(p->wait_status)) :
					"?");
	}
}

static void on_process_exit(void *ctx, struct process *p)
{
	struct session *s = ctx;
	struct target *t = p->session_data;

	if (p->is_root && t && t->is_named) {
		if (s->n_roots_alive)
			s->n_roots_alive--;
		if (t == s->first_command && p->has_wait_status) {
			s->command_ended = true;
			s->command_status = p->wait_status;
		}
		if (s->is_started)
			tell_exit(s, p);
	}
	session_notice_tracer(s, p);
	if (!t)
		return;
	pid_target_gone(s, t);
	usdt_target_gone(s, t);
	p->session_data = NULL;
	target_ended(s, t);
}

static void on_sample(void *ctx, struct task *t, unsigned timer)
{
	profile_sample(ctx, t, timer);
}

static void on_signal(void *ctx, struct task *t, int sig)
{
	proc_signal(ctx, t, sig);
}

static bool is_interrupted(void *ctx)
{
	return ((struct session *)ctx)->interrupts != 0;
}

static void on_promote(void *ctx, struct aspace *as)
{
	keep_failure(ctx, tier_promote(ctx, as));
}

static void on_record(void *ctx, struct task *t, struct dl_record *rec)
{
	session_fire_record(ctx, t, rec);
}

static void on_cell(void *ctx, struct task *t, const struct dl_cell *c)
{
	session_fire_cell(ctx, t, c);
}

static bool on_hot_call(void *ctx, struct task *t, uint64_t addr, unsigned nr)
{
	return tier_hot_call(ctx, t, addr, nr);
}

static void on_plant_calls(void *ctx, struct process *p)
{
	tier_plant_calls(ctx, p);
}

static void on_calls_refused(void *ctx, const char *why)
{
	tier_calls_refused(ctx, why);
}

static uint64_t on_stack_end(void *ctx, struct task *t, const struct arch_regs *regs,
			     uint64_t *lo_ret)
{
	return stack_end(ctx, t, regs, lo_ret);
}

const struct engine_ops session_engine_ops = {
	.hot_call = on_hot_call,
	.plant_calls = on_plant_calls,
	.calls_refused = on_calls_refused,
	.stack_end = on_stack_end,
	.promote = on_promote,
	.record = on_record,
	.cell = on_cell,
	.interrupted = is_interrupted,
	.site_hit = on_site_hit,
	.syscall_entry = on_syscall_entry,
	.syscall_return = on_syscall_return,
	.process_new = on_process_new,
	.fork_released = on_fork_released,
	.thread_new = on_thread_new,
	.exec = on_exec,
	.thread_exit = on_thread_exit,
	.process_exit = on_process_exit,
	.sample = on_sample,
	.signal = on_signal,
};
