/*
 * Births, exec and deaths.
 *
 * A new task's first stop and its parent's event come in either order.  The
 * stop of a task nobody announced is kept as an orphan; when the event comes
 * the child is set up while both are stopped, so that nothing of the child
 * has run when it is told of.  An orphan whose parent died before saying so
 * is adopted by what /proc knows of it.
 *
 * A child that has a copy of the address space gets its text cleaned of our
 * patches at once, followed or not; one that shares it (vfork, CLONE_VM) is
 * never cleaned, and stays traced until it execs or dies.
 *
 * exec by a thread that isn't the leader: the thread takes over the leader's
 * id and all other threads vanish, some without a word.  The records are put
 * right the moment the status comes in (life_exec_collapse).
 */
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "guardian.h"
#include "procfs.h"

#define FIRST_STOP_NS (5 * ns_per_s)

struct birth {
	pid_t tid;
	struct engine_task *parent; /* NULL: it is gone */
	struct process *proc; /* the parent's */
	bool is_thread, shares_vm, is_vfork;
	unsigned nr; /* the system call, for the child's return */
};

/* ------------------------------------------------------------ what is born -- */

/*
 * The parent has been through its call's end since (for a call of ours, which
 * needs a thread that is in none), and the result has overwritten the argument.
 */
static bool is_overwritten(struct task *t, const struct event *ev, const struct arch_regs *r)
{
	return task_impl(t)->stop != ev->kind &&
	       arch_syscall_arg(r, 0) == (uint64_t)arch_syscall_result(r);
}

/* Says by the parent's system call what the child shares; false: can't tell. */
static bool flags_by_call(struct task *t, const struct event *ev, struct birth *b, uint64_t *flags)
{
	struct arch_regs *r = task_regs(t);

	if (!r)
		return false;
	b->nr = (unsigned)arch_syscall_nr_get(r);
	if (is_overwritten(t, ev, r))
		return false;
	switch (b->nr) {
#ifdef SYS_fork
	case SYS_fork: *flags = 0; return true;
#endif
#ifdef SYS_vfork
	case SYS_vfork: *flags = CLONE_VM | CLONE_VFORK; return true;
#endif
	case SYS_clone: *flags = arch_syscall_arg(r, 0); return true;
	case SYS_clone3:
		return as_read(t->proc->as, arch_syscall_arg(r, 0), flags, sizeof(*flags)) ==
		       sizeof(*flags);
	default: return false;
	}
}

/* The same by what /proc and kcmp say; false: the child is gone. */
static bool relate_by_kernel(struct birth *b)
{
	struct procfs_status st;

	if (!procfs_status(b->tid, &st))
		return false;
	b->is_thread = st.tgid == b->proc->pid;
	b->shares_vm =
		b->is_thread || syscall(SYS_kcmp, b->tid, b->proc->pid, KCMP_VM, 0UL, 0UL) == 0;
	return true;
}

static bool is_followed(const struct engine *e, const struct process *p)
{
	if (((const struct engine_process *)p)->is_silent)
		return false;
	return p->is_child_of_ours || p->has_filter || e->config.follow_forks || e->is_watching;
}

/* ------------------------------------------------------------- clean text -- */

static int by_address(const void *a, const void *b)
{
	const struct site_entry *x = *(struct site_entry *const *)a;
	const struct site_entry *y = *(struct site_entry *const *)b;

	return x->pub.addr < y->pub.addr ? -1 : x->pub.addr > y->pub.addr;
}

/*
 * Restores in to (a copy of from) what is patched in from; also sites that
 * were unpatched in from since the copy was made.
 */
static void clean_copy(struct aspace *to, struct aspace *from)
{
	VEC(struct site_entry *) sites = { 0 };

	patch_clean_copy(to, from);
	for (size_t i = 0; i < from->all.n; i++)
		if (from->all.items[i]->in_table && !vec_push(&sites, from->all.items[i]))
			engine_bug(to->engine, NULL, "out of memory for a forked process");
	if (sites.n) {
		qsort(sites.items, sites.n, sizeof(*sites.items), by_address);
		site_patch(to, sites.items, sites.n, false);
	}
	vec_deinit(&sites);
}

/* The child's own pc may be in an out-of-line copy. */
static void move_out_of_slot(struct engine_task *child, struct aspace *from)
{
	struct arch_tramp_place place;
	struct arch_regs *r, unwound;
	uint64_t pc;

	if (!from->regions.n)
		return;
	r = task_regs(&child->pub);
	if (!r)
		return;
	unwound = *r;
	if (patch_unwind(from, &child->pub, &unwound, &place) && place.orig) {
		arch_set_pc(&unwound, place.orig);
		*r = unwound;
		task_regs_changed(&child->pub);
		return;
	}
	pc = site_original_pc(from, arch_pc(r));
	if (pc != arch_pc(r))
		task_pc_set(child, pc);
}

/* ----------------------------------------------------------------- births -- */

static struct process *make_process(struct engine *e, const struct birth *b)
{
	struct aspace *as;
	struct process *p;

	as = b->shares_vm ? aspace_ref(b->proc->as) : aspace_create(e);
	if (!as)
		return NULL;
	p = process_create(e, b->tid, as);
	if (!p) {
		aspace_unref(as);
		return NULL;
	}
	p->parent = b->proc;
	p->is_child_of_ours = b->proc->is_child_of_ours;
	p->has_filter = b->proc->has_filter;
	process_impl(p)->is_silent = !is_followed(e, b->proc);
	process_impl(p)->inherited_filters = process_impl(b->proc)->inherited_filters;
	process_impl(p)->has_own_filter = process_impl(b->proc)->has_own_filter;
	process_impl(p)->trap_caught = process_impl(b->proc)->trap_caught;
	process_impl(p)->trap_ignored = process_impl(b->proc)->trap_ignored;
	process_impl(p)->trap_action_known = process_impl(b->proc)->trap_action_known;
	memcpy(process_impl(p)->trap_action, process_impl(b->proc)->trap_action, SIGACTION_BYTES);
	return p;
}

static void tell_birth(struct engine *e, const struct birth *b, struct engine_task *child)
{
	const struct engine_ops *ops = e->config.ops;

	if (process_impl(child->pub.proc)->is_silent)
		return;
	if (b->is_thread) {
		child->pub.creator = b->parent ? &b->parent->pub : NULL;
		if (ops->thread_new)
			ops->thread_new(e->config.ctx, &child->pub);
		child->pub.creator = NULL;
	} else if (ops->process_new) {
		ops->process_new(e->config.ctx, child->pub.proc,
				 b->parent ? &b->parent->pub : NULL);
	}
	if (b->parent)
		syscall_child_return(e, child, b->nr);
}

/* The child has stopped for the first time with status. */
static void give_birth(struct engine *e, const struct birth *b, int status)
{
	struct process *p = b->is_thread ? b->proc : make_process(e, b);
	struct engine_task *child = p ? task_create(e, b->tid, p) : NULL;

	if (!child)
		engine_bug(e, NULL, "out of memory for a new task");
	if (b->parent) {
		child->trap_blocked = b->parent->trap_blocked;
		child->anchor = arch_anchors_are_table ? 0 : b->parent->anchor;
		pin_child(e, b->parent, b->tid);
	}
	engine_ingest(e, b->tid, status);
	if (!b->is_thread && !b->shares_vm) {
		if (!annex_copy(p->as, b->proc->as) || !patch_copy_regions(p->as, b->proc->as) ||
		    !fastcall_copy(p->as, b->proc->as) || !sud_copy(p->as, b->proc->as))
			engine_bug(e, NULL, "out of memory for a new process");
		memcpy(p->as->foreign, b->proc->as->foreign, sizeof(p->as->foreign));
		clean_copy(p->as, b->proc->as);
		move_out_of_slot(child, b->proc->as);
		if (process_impl(p)->is_silent) {
			if (e->config.ops->fork_released)
				e->config.ops->fork_released(e->config.ctx, p);
			engine_queue_drop(e, child);
			detach_task(e, child, 0);
			task_destroy(e, child);
			process_destroy(e, p);
			return;
		}
	}
	ring_welcome(e, child);
	tell_birth(e, b, child);
}

/* The first stop of tid: kept as an orphan, or soon to come. */
static bool first_stop(struct engine *e, pid_t tid, int *status)
{
	for (size_t i = 0; i < e->orphans.n; i++) {
		struct event ev = e->orphans.items[i].ev;

		if (ev.tid != tid)
			continue;
		e->orphans.items[i] = e->orphans.items[--e->orphans.n];
		*status = ev.status;
		return ev.kind != EV_GONE;
	}
	if (engine_wait_task(e, tid, FIRST_STOP_NS, status) <= 0)
		return false;
	return event_decode(tid, *status).kind != EV_GONE;
}

void life_new_child(struct engine *e, struct task *parent, const struct event *ev)
{
	struct engine_task *t = task_impl(parent);
	struct birth b = { .tid = (pid_t)ev->msg, .parent = t, .proc = parent->proc };
	uint64_t flags = 0;
	int status;

	b.is_vfork = ev->kind == EV_VFORK;
	bool is_known = flags_by_call(parent, ev, &b, &flags);

	b.is_thread = flags & CLONE_THREAD;
	b.shares_vm = flags & CLONE_VM;
	if (b.is_vfork)
		t->in_vfork = true;
	/* Without its first stop (killed at once) there is nothing to tell. */
	if (b.tid > 0 && !task_find(e, b.tid) && first_stop(e, b.tid, &status)) {
		if ((is_known && parent->state == TASK_STOPPED) || relate_by_kernel(&b))
			give_birth(e, &b, status);
	}
	task_resume(t);
}

static struct process *parent_by_proc(struct engine *e, pid_t tid)
{
	struct procfs_status st;
	struct process *p;

	if (!procfs_status(tid, &st))
		return NULL;
	p = engine_process(e, st.tgid);
	if (!p || p->is_dead)
		p = engine_process(e, st.ppid);
	if (p && !p->is_dead)
		return p;
	/* Given to init: any process of ours that runs the same program. */
	for (p = e->processes; p; p = p->next)
		if (!p->is_dead && p->pid != tid)
			return p;
	return NULL;
}

void life_adopt_orphans(struct engine *e)
{
	uint64_t now = engine_now();

	for (size_t i = 0; i < e->orphans.n;) {
		struct orphan o = e->orphans.items[i];
		struct birth b = { .tid = o.ev.tid };

		if (o.ev.kind != EV_GONE && now - o.since < ORPHAN_NS) {
			i++;
			continue;
		}
		e->orphans.items[i] = e->orphans.items[--e->orphans.n];
		if (o.ev.kind == EV_GONE)
			continue;
		b.proc = parent_by_proc(e, b.tid);
		if (b.proc && relate_by_kernel(&b))
			give_birth(e, &b, o.ev.status);
		else
			ptrace(PTRACE_DETACH, b.tid, NULL, NULL);
	}
}

/* ------------------------------------------------------------------- exec -- */

static void push_gone(struct engine *e, struct engine_task *t, int status)
{
	struct event ev = {
		.kind = EV_GONE,
		.tid = t->pub.tid,
		.task = &t->pub,
		.sig = SYNTHETIC,
		.status = status,
	};

	if (!t->in_hash)
		return; /* its death is in the queue already */
	engine_queue_drop(e, t);
	if (t->pub.state != TASK_GONE)
		task_set_state(&t->pub, TASK_GONE);
	task_unhash(e, t);
	if (t->is_awaited) {
		t->is_awaited = false;
		e->n_awaited--;
	}
	engine_push(e, &ev);
}

void life_exec_collapse(struct engine *e, struct event *ev)
{
	struct engine_task *survivor = ev->msg ? task_find(e, (pid_t)ev->msg) : NULL;

	if (!survivor)
		survivor = task_impl(ev->task);
	engine_queue_drop(e, survivor);
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (t != survivor && t->pub.proc == survivor->pub.proc)
			push_gone(e, t, 0);
	if (survivor->pub.tid != ev->tid)
		task_rename(e, survivor, ev->tid);
	if (survivor->is_awaited) {
		survivor->is_awaited = false;
		e->n_awaited--;
	}
	task_set_state(&survivor->pub, TASK_STOPPED);
	survivor->stop = EV_EXEC;
	survivor->is_group_stopped = survivor->is_stuck = false;
	survivor->wants_resume = false;
	ev->task = &survivor->pub;
	engine_push(e, ev);
}

void life_exec(struct engine *e, struct task *t)
{
	struct engine_process *p = process_impl(t->proc);
	struct engine_task *impl = task_impl(t);
	struct aspace *as;

	if (p->is_silent) { /* the shared address space is left: let go */
		detach_task(e, impl, 0);
		task_destroy(e, impl);
		process_destroy(e, &p->pub);
		return;
	}
	as = aspace_create(e);
	if (!as)
		engine_bug(e, t, "out of memory for a new program");
	ring_release(e, impl);
	impl->anchor = 0;
	if (p->old_as)
		aspace_unref(p->old_as);
	p->old_as = p->pub.as;
	p->pub.as = as;
	guardian_sync(e); /* nothing of ours is in the new memory */
	signal_exec(p);
	process_refresh(&p->pub);
	t->comm_valid = false;
	impl->rseq_known = impl->in_vfork = false;
	restart_none(impl);
	impl->restart.n_left = 0;
	impl->is_dispatched = impl->call_is_ahead = false;
	impl->n_skips = 0;
	impl->exec_pending = true;
	/* On to a stop where the new image's registers are settled. */
	if (task_interrupt(impl))
		task_resume(impl);
}

void life_exec_finish(struct engine *e, struct engine_task *t)
{
	struct engine_process *p = process_impl(t->pub.proc);
	const char *foreign = launch_foreign(p->pub.pid);

	t->exec_pending = false;
	if (foreign)
		snprintf(p->pub.as->foreign, sizeof(p->pub.as->foreign), "%s", foreign);
	if (launch_is_pending(p))
		launch_exec_done(e, t);
	else if (e->config.ops->exec)
		e->config.ops->exec(e->config.ctx, &t->pub);
	if (p->old_as)
		aspace_unref(p->old_as);
	p->old_as = NULL;
	syscall_exec_return(e, t);
}

/* ------------------------------------------------------------------ deaths -- */

static void tell_exit(struct engine *e, struct engine_task *t)
{
	struct engine_process *p = process_impl(t->pub.proc);

	if (t->exit_told)
		return;
	t->exit_told = true;
	if (!p->is_silent && !p->is_launching && e->config.ops->thread_exit)
		e->config.ops->thread_exit(e->config.ctx, &t->pub);
}

void life_exit(struct engine *e, struct task *t, const struct event *ev)
{
	syscall_ends(e, task_impl(t));
	t->exit_status = (int)ev->msg;
	tell_exit(e, task_impl(t));
	task_resume(task_impl(t));
}

static void process_ended(struct engine *e, struct process *p, const struct event *ev)
{
	struct engine_process *impl = process_impl(p);

	if (!p->has_wait_status) { /* the leader was never ours */
		p->wait_status = ev->status;
		p->has_wait_status = true;
	}
	p->is_dead = true;
	if (!impl->is_silent && !impl->is_launching && e->config.ops->process_exit)
		e->config.ops->process_exit(e->config.ctx, p);
	if (!p->is_root)
		process_destroy(e, p);
}

void life_gone(struct engine *e, struct task *t, const struct event *ev)
{
	struct process *p = t->proc;

	if (ev->sig != SYNTHETIC)
		t->exit_status = ev->status;
	tell_exit(e, task_impl(t));
	if (t->tid == p->pid && ev->sig != SYNTHETIC) {
		p->wait_status = ev->status;
		p->has_wait_status = true;
	}
	task_destroy(e, task_impl(t));
	if (!p->n_tasks)
		process_ended(e, p, ev);
}

/* The kernel knows of no task of ours any more. */
void life_all_gone(struct engine *e)
{
	for (struct engine_task *t = e->tasks; t; t = t->next)
		push_gone(e, t, SIGKILL);
}
