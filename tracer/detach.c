/*
 * Letting go.
 *
 * In this order, with everything stopped: original bytes back, program
 * counters out of the annex, the annex unmapped (left mapped where an address
 * in it may have been saved: leaked pages are better than a crash), then each
 * task detached with the signal it was about to get.  Stops still queued are
 * turned into what the task must go on with; nothing is told any more.
 *
 * Processes with our seccomp filter can't be let go: their watched calls
 * would fail.  They are killed, or stay traced without being watched.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "engine_impl.h"

#define KILL_NS (5 * ns_per_s)
#define STEP_NS (ns_per_s / 10)
#define MAX_STEPS 64

void detach_task(struct engine *e, struct engine_task *t, int sig)
{
	if (t->pub.state == TASK_STOPPED) {
		task_flush(t);
		sud_discharge(t);
		if (t->anchor && !t->pub.proc->as->anchor_doubt)
			arch_anchor_write(t->pub.tid, 0);
		ptrace(PTRACE_DETACH, t->pub.tid, NULL, (long)sig);
	}
	pin_task_gone(e, t);
	task_unhash(e, t);
	t->is_detached = true;
	task_vanished(t);
}

/* ------------------------------------------------------------------- kill -- */

static bool is_to_die(const struct process *p)
{
	return !p->is_dead && p->is_child_of_ours;
}

static bool any_to_die(const struct engine *e)
{
	for (const struct process *p = e->processes; p; p = p->next)
		if (is_to_die(p))
			return true;
	return false;
}

/* Every queued or incoming event but deaths is moot. */
static void reap(struct engine *e)
{
	struct event ev;

	while (engine_pop(e, &ev)) {
		if (!ev.task)
			continue;
		if (ev.kind == EV_GONE)
			life_gone(e, ev.task, &ev);
		else if (ev.kind == EV_EXIT || is_to_die(ev.task->proc))
			task_resume(task_impl(ev.task));
	}
}

static void kill_all(struct engine *e)
{
	uint64_t deadline = engine_now() + KILL_NS;

	for (struct process *p = e->processes; p; p = p->next)
		if (is_to_die(p))
			kill(p->pid, SIGKILL);
	/* Those that were never started stop once more on their way out. */
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (is_to_die(t->pub.proc))
			t->is_held = false;
	while (any_to_die(e) && engine_now() < deadline) {
		/* Deaths of others wait in the queue's order: none is lost. */
		if (!engine_collect(e)) {
			if (e->no_children)
				life_all_gone(e);
			else
				engine_sleep(e, deadline);
		}
		reap(e);
	}
}

/* ----------------------------------------------------------- queued stops -- */

/* The hit was on its way: the thread goes on at the restored instruction. */
static bool undo_trap(struct task *t)
{
	struct arch_regs *r = task_regs(t);
	struct site_entry *s;

	if (!r || patch_trap(t->engine, task_impl(t)))
		return true;
	s = site_lookup(t->proc->as, arch_pc(r) - arch_bp_pc_bias);
	if (!s || !signal_is_breakpoint(t->tid))
		return false;
	task_pc_set(task_impl(t), s->pub.addr);
	return true;
}

/* A fault of our own loads, or at bytes that were patched. */
static bool undo_fault(struct engine *e, struct engine_task *t, int sig)
{
	return sud_undo(t, sig) || patch_fault(e, t, sig);
}

static void settle_event(struct engine *e, struct event *ev)
{
	struct engine_task *t = task_impl(ev->task);

	if (ev->kind == EV_GONE) {
		life_gone(e, ev->task, ev);
		return;
	}
	switch (ev->kind) {
	case EV_FORK:
	case EV_VFORK:
	case EV_CLONE: life_new_child(e, ev->task, ev); break;
	case EV_VFORK_DONE: t->in_vfork = false; break;
	/* Or a call that is over would be taken for one to come, and be made again. */
	case EV_SYSCALL: t->pub.in_syscall = !t->pub.in_syscall; break;
	case EV_TRAP:
		if (!undo_trap(ev->task))
			t->pub.resume_sig = ev->sig;
		break;
	case EV_SIGNAL:
		if (!undo_fault(e, t, ev->sig))
			t->pub.resume_sig = ev->sig;
		break;
	default: break;
	}
	t->wants_resume = true;
}

static void settle_queue(struct engine *e)
{
	struct event ev;

	while (engine_pop(e, &ev))
		if (ev.task)
			settle_event(e, &ev);
	for (size_t i = 0; i < e->orphans.n; i++)
		e->orphans.items[i].since = 0;
	life_adopt_orphans(e);
	while (engine_pop(e, &ev))
		if (ev.task)
			settle_event(e, &ev);
}

/* A hit whose SIGTRAP hasn't been reported yet would kill the target later. */
static void settle_pending_hit(struct engine *e, struct engine_task *t)
{
	int status;

	for (int i = 0; i < 4 && (signal_has_hit_pending(t) || sud_is_pending(t)); i++) {
		if (!task_flush(t) || ptrace(PTRACE_CONT, t->pub.tid, NULL, NULL) < 0)
			return;
		task_set_state(&t->pub, TASK_RUNNING);
		if (engine_wait_task(e, t->pub.tid, STEP_NS, &status) <= 0)
			return;
		if (event_decode(t->pub.tid, status).kind == EV_TRAP) {
			task_set_state(&t->pub, TASK_STOPPED);
			t->stop = EV_TRAP;
			undo_trap(&t->pub);
			return;
		}
		task_ingest_same(e, t, status);
		settle_queue(e);
	}
}

/* --------------------------------------------------------- out of the annex -- */

bool task_step_with(struct engine *e, struct engine_task *t, int sig)
{
	int status;

	if (!task_flush(t) || ptrace(PTRACE_SINGLESTEP, t->pub.tid, NULL, sig) < 0)
		return false;
	task_set_state(&t->pub, TASK_RUNNING);
	if (engine_wait_task(e, t->pub.tid, STEP_NS, &status) <= 0)
		return false;
	if (event_decode(t->pub.tid, status).kind != EV_TRAP) {
		engine_ingest(e, t->pub.tid, status);
		return false;
	}
	task_set_state(&t->pub, TASK_STOPPED);
	return true;
}

bool task_step(struct engine *e, struct engine_task *t)
{
	return task_step_with(e, t, 0);
}

/* One that stands for no original place is stepped till it does. */
static void leave_annex(struct engine *e, struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_tramp_place place;
	struct arch_regs unwound;

	for (int i = 0; i < MAX_STEPS; i++) {
		struct arch_regs *r = task_regs(&t->pub);
		uint64_t pc = r ? arch_pc(r) : 0, orig;

		if (!r || (!annex_contains(as, pc) && !patch_contains(as, pc)))
			return;
		unwound = *r;
		if (patch_unwind(as, &t->pub, &unwound, &place) && place.orig) {
			arch_set_pc(&unwound, place.orig);
			*r = unwound;
			task_regs_changed(&t->pub);
			return;
		}
		orig = site_original_pc(as, pc);
		if (orig != pc) {
			task_pc_set(t, orig);
			return;
		}
		if (!event_is_clean(t->stop) || t->pub.resume_sig || !task_step(e, t))
			break;
	}
	as->annex_doubt = true;
}

/* -------------------------------------------------------------- detaching -- */

static bool is_kept(const struct process *p)
{
	return p->has_filter && !p->is_dead;
}

static void clean_aspaces(struct engine *e)
{
	for (struct aspace *as = e->aspaces; as; as = as->next)
		site_unplant_all(as);
	settle_queue(e);
	for (struct aspace *as = e->aspaces; as; as = as->next)
		site_unplant_all(as);
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		if (t->pub.state == TASK_STOPPED)
			settle_pending_hit(e, t);
		if (t->pub.state == TASK_STOPPED)
			sud_take_back(t);
		if (t->pub.state == TASK_STOPPED)
			leave_annex(e, t);
		sud_discharge(t);
		if (t->pub.state == TASK_STOPPED)
			task_flush(t); /* the annex goes before the task does */
		else if (!t->pub.proc->is_dead && t->pub.state != TASK_GONE)
			t->pub.proc->as->annex_doubt = true; /* can't be asked */
	}
	for (struct aspace *as = e->aspaces; as; as = as->next)
		if ((as->regions.n || as->code.n) && !as->annex_doubt)
			annex_unmap(e, as);
}

static void release_tasks(struct engine *e)
{
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		struct process *p = t->pub.proc;

		next = t->next;
		if (is_kept(p))
			continue;
		detach_task(e, t, t->pub.resume_sig);
		task_destroy(e, t);
		if (!p->n_tasks)
			p->is_dead = true;
	}
}

void engine_detach_all(struct engine *e, bool kill_children)
{
	static const struct engine_ops silent;
	struct error *err;

	e->config.ops = &silent;
	pin_undo(e);
	if (kill_children)
		kill_all(e);
	if (!e->tasks)
		return;
	memset(&e->watched, 0, sizeof(e->watched));
	e->is_watching = false;
	err = engine_stop_world(e, NULL);
	error_destroy(err);
	ring_abandon(e);
	sud_share_block(e, false);
	clean_aspaces(e);
	release_tasks(e);
	guardian_sync(e);
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		t->is_held = false;
		process_impl(t->pub.proc)->is_silent = true;
	}
	engine_resume_world(e, NULL);
}

/* --------------------------------------------------------------- emergency -- */

static void restore_text(struct aspace *as)
{
	uint8_t code[ARCH_INSN_MAX];

	for (size_t i = 0; i < as->planted.n; i++) {
		const struct site *s = &as->planted.items[i]->pub;

		if (mem_read_raw(as, s->addr, code, arch_bp_len) == arch_bp_len &&
		    !memcmp(code, arch_bp, arch_bp_len))
			mem_write_raw(as, s->addr, s->orig, arch_bp_len);
	}
}

/*
 * What a stopped task is stopped for, asked anew: the crash may have come
 * before its status was taken note of.  sig: the signal it is about to get.
 */
static enum event_kind ask_stop(pid_t tid, int *sig)
{
	siginfo_t si;

	*sig = 0;
	if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) < 0)
		return EV_GROUP_STOP;
	if (si.si_signo == SIGTRAP && (si.si_code & 0x7f) == SIGTRAP && si.si_code > SIGTRAP)
		return si.si_code >> 8 == PTRACE_EVENT_STOP ? EV_STOP : EV_SYSCALL;
	*sig = si.si_signo;
	return si.si_signo == SIGTRAP ? EV_TRAP : EV_SIGNAL;
}

/* A trap of the program's own has a trap instruction before its pc. */
static bool is_own_trap(struct engine_task *t, uint64_t addr)
{
	uint8_t code[ARCH_INSN_MAX];

	/* A full ring's: it finds nobody to wait for now. */
	if (patch_contains(t->pub.proc->as, addr))
		return false;
	return !signal_is_breakpoint(t->pub.tid) ||
	       (mem_read_raw(t->pub.proc->as, addr, code, arch_bp_len) == arch_bp_len &&
		!memcmp(code, arch_bp, arch_bp_len));
}

/* false: it runs, or the SIGTRAP of its hit may still be to come. */
static bool emergency_release(struct engine_task *t)
{
	pid_t tid = t->pub.tid;
	enum event_kind stop;
	struct site_entry *s;
	struct arch_regs r;
	uint64_t addr;
	int sig;

	if (arch_regs_read(tid, &r) < 0)
		return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0;
	stop = ask_stop(tid, &sig);
	addr = arch_pc(&r) - arch_bp_pc_bias;
	s = site_lookup(t->pub.proc->as, addr);
	if (s && stop == EV_STOP)
		return ptrace(PTRACE_CONT, tid, NULL, NULL) < 0;
	if (stop == EV_TRAP && !is_own_trap(t, addr)) {
		sig = 0;
		/* Handled already if its registers were written. */
		if (s && !t->is_flushed)
			arch_pc_write(tid, s->pub.addr);
	}
	if (sud_emergency_release(t->pub.engine, t, sig) ||
	    (sig && !t->is_flushed && patch_emergency_fault(t, &r, sig)))
		sig = 0;
	if (t->anchor && !t->pub.proc->as->anchor_doubt &&
	    !patch_contains(t->pub.proc->as, arch_pc(&r)))
		arch_anchor_write(tid, 0);
	ptrace(PTRACE_DETACH, tid, NULL, (long)sig);
	t->is_detached = true;
	return true;
}

static bool is_emergency(const struct engine_task *t)
{
	return !t->is_detached && !t->pub.proc->is_child_of_ours;
}

/* Patches can be taken back only while nobody runs: false, someone still does. */
static bool emergency_stop(struct engine *e)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	bool is_running = true;

	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (is_emergency(t))
			ptrace(PTRACE_INTERRUPT, t->pub.tid, NULL, NULL);
	for (int i = 0; is_running && i < 300; i++) {
		is_running = false;
		for (struct engine_task *t = e->tasks; t && !is_running; t = t->next) {
			uint64_t anchor;

			/* Asking works only with those that are stopped. */
			is_running = is_emergency(t) && t->pub.state != TASK_GONE &&
				     !arch_anchor_read(t->pub.tid, &anchor);
		}
		if (is_running)
			nanosleep(&ms, NULL);
	}
	return !is_running;
}

void engine_emergency_detach(struct engine *e)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	unsigned left = 0;
	int status;

	sud_emergency(e);
	pin_undo(e);
	ring_abandon(e); /* patches may stay: they leave out what they can't record */
	if (e->uses_rings && emergency_stop(e))
		for (struct aspace *as = e->aspaces; as; as = as->next)
			patch_restore_text(as);
	for (struct aspace *as = e->aspaces; as; as = as->next)
		restore_text(as);
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (is_emergency(t))
			left += !emergency_release(t);
	for (int i = 0; left && i < 300; i++) {
		pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
		struct engine_task *t = tid > 0 ? task_find(e, tid) : NULL;

		if (tid < 0)
			break;
		if (!tid)
			nanosleep(&ms, NULL);
		if (!t || !is_emergency(t))
			continue;
		t->is_flushed = false;
		if (!WIFSTOPPED(status) || emergency_release(t))
			left--;
	}
}
