/*
 * Dispatched system calls: arming attached processes, and the stops that remain.
 * See sud.h.
 *
 * Rules:
 *  - an address space is armed once its calls have stopped often enough, never if
 *    the program does something with SIGSYS or dispatches calls itself; it is
 *    disarmed when the program starts to;
 *  - a call is told of once: by a record, or by stops from its SIGSYS to its return;
 *  - what a stop has told of is made in a slot, with PTRACE_SYSCALL to its return if
 *    that is wanted.  Whatever keeps it from being made, or makes the kernel restart
 *    it, leads back to an instruction that is dispatched: it stops again, and is
 *    known by its place and stack pointer;
 *  - at signals, unwinding and the end threads are where they would be without us;
 *  - a tracer may be killed at any moment: a thread stands at the instruction of its call,
 *    not behind it, from before its stop is taken until it goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine_impl.h"
#include "procfs.h"

#define FIRST_STOPS 64u /* system-call stops before arming */
#define BARE_MAX 32u /* signals at places that can't be patched */
#define SETTLE_NS (ns_per_s / 10)
#define USER_DISPATCH 2 /* si_code of such a SIGSYS */
#define SET_DISPATCH 0x4210
#define GET_DISPATCH 0x4211
#define PR_SET_DISPATCH 59
#define BIT(sig) (UINT64_C(1) << ((sig)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP) | BIT(32) | BIT(33) | BIT(34))

/* The kernel's struct ptrace_sud_config (6.4 and later). */
struct dispatch_config {
	uint64_t mode, selector, offset, len;
};

bool sud_is_armed(const struct aspace *as)
{
	return as->sud && as->sud->is_armed;
}

/* ---------------------------------------------------------------- threads -- */

static bool configure(pid_t tid, bool on)
{
	struct dispatch_config c = { 0 };

	if (on)
		c = (struct dispatch_config){ 1, ARCH_CALLS_WORD, ARCH_CALLS, ARCH_CALLS_BYTES };
	return ptrace((enum __ptrace_request)SET_DISPATCH, tid, (void *)sizeof(c), &c) == 0;
}

void sud_configure(struct engine_task *t, bool on)
{
	configure(t->pub.tid, on);
}

void sud_enlist(struct engine_task *t)
{
	if (t->is_dispatched && !sud_is_armed(t->pub.proc->as))
		sud_discharge(t);
	if (t->is_dispatched || !sud_is_armed(t->pub.proc->as) ||
	    process_impl(t->pub.proc)->is_silent || t->pub.state != TASK_STOPPED)
		return;
	t->is_dispatched = configure(t->pub.tid, true);
	if (ptrace(PTRACE_GETSIGMASK, t->pub.tid, (void *)sizeof(t->call_mask), &t->call_mask))
		t->call_mask = 0;
}

void sud_discharge(struct engine_task *t)
{
	if (!t->is_dispatched || t->pub.state != TASK_STOPPED)
		return;
	configure(t->pub.tid, false);
	t->is_dispatched = false;
}

/* ----------------------------------------------------------------- arming -- */

static const char *check_thread(struct engine_task *t)
{
	struct dispatch_config c = { 0 };

	if (ptrace((enum __ptrace_request)GET_DISPATCH, t->pub.tid, (void *)sizeof(c), &c))
		return "the kernel can't dispatch its calls";
	return c.mode ? "the program says where calls may be made" : NULL;
}

static const char *check_program(struct engine *e, struct aspace *as)
{
	struct procfs_status st;
	const char *why = NULL;

	for (struct engine_task *t = e->tasks; t && !why; t = t->next) {
		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED || t->is_detached)
			continue;
		why = check_thread(t);
		if (!why && inject_is_filtered(t))
			why = "the program's own seccomp filter would see its calls";
		if (!why && procfs_status(t->pub.tid, &st) &&
		    ((st.sig_cgt | st.sig_ign) & BIT(SIGSYS)))
			why = "the program does something with SIGSYS";
	}
	return why;
}

/*
 * What must stop: what is watched, what may disarm, and ways back to interrupted calls.
 * But a thread that ends may have no stack any more, which the bell needs: that is told
 * of as it ends (life_exit).
 */
void sud_sync(struct engine *e)
{
	uint8_t *table = sud_share_table(e);

	for (unsigned nr = 0; table && nr < ENGINE_SYSCALL_WORDS * 64; nr++)
		table[nr] = syscall_wants(e->watched.entry, nr) ||
					    syscall_wants(e->watched.exit, nr) ||
					    nr == SYS_rt_sigaction || nr == SYS_prctl ||
					    nr == SYS_restart_syscall ?
				    ARCH_CALL_TELL :
				    ARCH_CALL_GO;
	if (!table)
		return;
	table[SYS_exit] = ARCH_CALL_GO;
	if (table[SYS_rt_sigreturn] == ARCH_CALL_GO)
		table[SYS_rt_sigreturn] = ARCH_CALL_LEFT;
}

static const char *prepare(struct engine *e, struct aspace *as)
{
	const char *why = check_program(e, as);
	uint64_t none;

	if (!why)
		why = sud_share_open(e);
	if (!why)
		why = sud_share_map(e, as);
	if (!why)
		why = engine_calls_slots(e, as, 0, &none);
	return why;
}

static const char *arm(struct engine *e, struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	struct error *err = r ? engine_record_begin(e, as, arch_pc(r), 0) : NULL;
	const char *why;

	if (!r)
		return "the thread is gone";
	if (err) {
		error_destroy(err);
		return "there is no record tier in its process";
	}
	why = prepare(e, as);
	if (!why) {
		as->sud->is_armed = true;
		sud_sync(e);
		for (struct engine_task *o = e->tasks; o; o = o->next)
			if (task_is_of(o, as))
				sud_enlist(o);
		if (e->config.ops->plant_calls)
			e->config.ops->plant_calls(e->config.ctx, t->pub.proc);
		sud_share_block(e, true);
		e->stats.armed++;
	}
	engine_record_end(e, as);
	return why;
}

void sud_consider(struct engine *e, struct engine_task *t)
{
	struct process *p = t->pub.proc;
	struct aspace *as = p->as;

	if (!arch_has_hops || !e->dispatches_calls || p->has_filter || p->is_child_of_ours ||
	    as->foreign[0] || process_impl(p)->is_silent || t->pub.state != TASK_STOPPED ||
	    t->exec_pending || sud_is_armed(as))
		return;
	if (!as->sud)
		as->sud = calloc(1, sizeof(*as->sud));
	if (!as->sud || as->sud->refused || ++as->sud->n_stops < FIRST_STOPS)
		return;
	as->sud->refused = arm(e, t);
	if (as->sud->refused && e->config.ops->calls_refused)
		e->config.ops->calls_refused(e->config.ctx, as->sud->refused);
}

static void undo_patches(struct engine *e, struct aspace *as)
{
	for (size_t i = 0; i < as->patches.n; i++) {
		struct patch *p = as->patches.items[i];

		if (p->is_live && p->tramp.plan.tactic == ARCH_TACTIC_HOP)
			patch_undo(e, as, p);
	}
}

static bool is_in_bell(const struct engine_task *t, const struct arch_regs *r)
{
	return fastcall_contains(t->pub.proc->as, arch_pc(r)) && arch_pc(r) >= ARCH_CALLS_BELL;
}

/* Out of slots, which would be seen by PTRACE_SYSCALL now, and of the bell. */
static void go_home(struct engine_task *t)
{
	struct arch_tramp_place place;
	struct arch_regs *r = task_regs(&t->pub), u;

	if (!r)
		return;
	u = *r;
	if (!patch_unwind(t->pub.proc->as, &t->pub, &u, &place) ||
	    (place.stage == ARCH_CALL_NONE && !is_in_bell(t, r)))
		return;
	arch_set_pc(&u, place.orig);
	*r = u;
	task_regs_changed(&t->pub);
}

void sud_disarm(struct engine *e, struct aspace *as, const char *why)
{
	struct error *err;

	if (!sud_is_armed(as))
		return;
	as->sud->refused = why;
	err = engine_stop_world(e, as);
	error_destroy(err);
	as->sud->is_armed = false;
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		if (!task_is_of(t, as))
			continue;
		sud_discharge(t);
		if (t->pub.state == TASK_STOPPED)
			go_home(t);
	}
	undo_patches(e, as);
	engine_resume_world(e, as);
	if (e->config.ops->calls_refused)
		e->config.ops->calls_refused(e->config.ctx, why);
}

/* ------------------------------------------------------------------ stops -- */

/* si is what the thread stopped for, r its registers: did the kernel dispatch a call? */
static bool is_dispatch(const siginfo_t *si, const struct arch_regs *r)
{
	uint64_t behind = (uint64_t)si->si_call_addr;

	/* The program may send itself anything; not the rest of it. */
	return si->si_signo == SIGSYS && si->si_code == USER_DISPATCH && behind == arch_pc(r) &&
	       (unsigned)si->si_syscall == (unsigned)arch_syscall_nr_get(r);
}

/*
 * A tracer that is killed leaves a thread whose stop it has taken (waitpid) without its
 * signal: a call that was dispatched would never be made.  So the thread is put back to
 * the instruction before its stop is taken.
 */
static void put_back(struct engine *e, pid_t tid)
{
	struct engine_task *t = task_find(e, tid);
	struct arch_regs r;
	siginfo_t si;

	if (!t || !t->is_dispatched || ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) ||
	    arch_regs_read(tid, &r) || !is_dispatch(&si, &r) ||
	    arch_pc_write(tid, arch_pc(&r) - arch_syscall_stub_trap) < 0)
		return;
	t->call = (struct dispatched_call){
		.behind = arch_pc(&r),
		.nr = (unsigned)si.si_syscall,
		.is_foreign = si.si_arch != arch_audit(),
	};
}

pid_t sud_wait(struct engine *e, pid_t tid, int *status, int options)
{
	siginfo_t si = { 0 };
	pid_t got;

	do {
		if (!e->share)
			return waitpid(tid, status, __WALL | options);
		if (waitid(tid < 0 ? P_ALL : P_PID, tid < 0 ? 0 : (id_t)tid, &si,
			   WEXITED | WSTOPPED | WNOWAIT | __WALL | options))
			return -1;
		if (!si.si_pid)
			return 0;
		if (si.si_code == CLD_TRAPPED && si.si_status == SIGSYS)
			put_back(e, si.si_pid);
		got = waitpid(si.si_pid, status, __WALL | WNOHANG);
	} while (!got && !(options & WNOHANG)); /* killed in between */
	return got;
}

/* The call that t has stopped for; NULL: for something else. */
static const struct dispatched_call *stopped_for(const struct engine_task *t, int sig)
{
	return sig == SIGSYS && t->call.behind ? &t->call : NULL;
}

/*
 * The kernel forces the signal: where it was blocked, the mask loses it for good.  It
 * was if the mask was so when it was last seen, or if all else is blocked.
 */
static void repair_mask(struct engine_task *t)
{
	uint64_t mask, full;

	if (ptrace(PTRACE_GETSIGMASK, t->pub.tid, (void *)sizeof(mask), &mask))
		return;
	full = mask | BIT(SIGSYS);
	if (full != mask && (full == t->call_mask || (full | UNBLOCKABLE) == UINT64_MAX)) {
		ptrace(PTRACE_SETSIGMASK, t->pub.tid, (void *)sizeof(full), &full);
		mask = full;
	}
	t->call_mask = mask;
}

/* Is the call one that ends the program's indifference? */
static const char *ends_it(struct aspace *as, const struct dispatched_call *c,
			   const struct arch_regs *r)
{
	uint64_t handler = 0;

	if (c->nr == SYS_rt_sigaction && (int)arch_syscall_arg(r, 0) == SIGSYS &&
	    as_read(as, arch_syscall_arg(r, 1), &handler, sizeof(handler)) == sizeof(handler) &&
	    handler != (uint64_t)SIG_DFL)
		return "the program does something with SIGSYS";
	if (c->nr == SYS_prctl && (int)arch_syscall_arg(r, 0) == PR_SET_DISPATCH)
		return "the program says where calls may be made";
	return NULL;
}

/*
 * Where the call is made; planted first where that can be.  0: nowhere, or it comes too
 * often to a place that can't be patched: each time is a moment in which a tracer that is
 * killed takes the program along, and takes SIGSYS out of the thread's mask.
 */
static uint64_t slot_of(struct engine *e, struct aspace *as, uint64_t behind)
{
	uint64_t addr = behind - arch_syscall_stub_trap;
	struct sud_place *place;
	struct patch *p = patch_live_at(as, addr);

	if (p && p->tramp.plain_slot)
		return p->tramp.plain_slot;
	place = sud_place_get(as, addr);
	if (place && !place->why && !patch_contains(as, addr)) {
		struct error *err = engine_record_begin(e, as, addr, 0);
		const char *why = err ? NULL : sud_plant(e, as, addr, false);

		if (!err)
			engine_record_end(e, as);
		error_destroy(err);
		if (why)
			e->stats.call_places_refused++;
		p = patch_live_at(as, addr);
		if (p && p->tramp.plain_slot)
			return p->tramp.plain_slot;
	}
	place = ++as->sud->n_bare > BARE_MAX ? NULL : sud_place_get(as, addr);
	return place ? sud_bare_slot(e, as, place) : 0;
}

/* Its call was told of, and will stop again. */
static void expect_again(struct engine_task *t, uint64_t behind)
{
	struct arch_regs *r = task_regs(&t->pub);
	struct again_call c = { .nr = t->entry.nr, .pc = behind };

	if (!r || !t->pub.in_syscall)
		return;
	c.sp = arch_sp(r);
	t->pub.in_syscall = false;
	restart_expect(t, &c);
}

static void make(struct engine *e, struct engine_task *t, uint64_t behind, bool is_wanted)
{
	struct aspace *as = t->pub.proc->as;
	uint64_t slot = slot_of(e, as, behind);
	bool is_often = as->sud->n_bare > BARE_MAX;

	if (t->pub.state != TASK_STOPPED)
		return;
	if (slot) {
		task_pc_set(t, slot);
		t->call_is_ahead = is_wanted;
		return;
	}
	expect_again(t, behind);
	sud_disarm(e, as,
		   is_often ? "its calls can't all be patched" :
			      "there is no more place for calls");
}

/* A trampoline's own, waiting for room in a ring: it has waited. */
static void wake(struct engine_task *t)
{
	struct arch_regs *r = task_regs(&t->pub);

	if (r) {
		arch_set_retval(r, 0);
		task_regs_changed(&t->pub);
	}
}

static void take(struct engine *e, struct engine_task *t, const struct dispatched_call *c)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	uint64_t behind = r ? sud_home(as, arch_pc(r) + arch_syscall_stub_trap) : 0;
	bool is_wanted = false;
	const char *why;

	if (!r)
		return;
	if (patch_sleeps(t)) {
		task_pc_set(t, arch_pc(r) + arch_syscall_stub_trap);
		wake(t);
		return;
	}
	if (c->nr == SYS_rt_sigaction)
		syscall_sets_action(t, (int)arch_syscall_arg(r, 0));
	why = ends_it(as, c, r);
	if (why || !sud_is_armed(as)) {
		task_pc_set(t, behind - arch_syscall_stub_trap);
		sud_disarm(e, as, why);
		return;
	}
	if (!c->is_foreign)
		is_wanted = syscall_dispatched(e, t, behind);
	if (t->pub.state != TASK_STOPPED)
		return;
	task_pc_set(t, behind - arch_syscall_stub_trap); /* others may be patched first */
	make(e, t, behind, is_wanted);
}

bool sud_stop(struct engine *e, struct engine_task *t, int sig)
{
	struct dispatched_call c;

	if (!stopped_for(t, sig))
		return false;
	c = t->call;
	t->call.behind = 0;
	e->stats.syscall_stops++;
	e->stats.call_stops++;
	pin_note(e, t);
	repair_mask(t);
	take(e, t, &c);
	task_resume(t);
	return true;
}

/* --------------------------------------------------------------- the bell -- */

static struct arch_ring *ring_of(const struct engine_task *t)
{
	const struct ring_space *rs = t->pub.proc->as->rings;

	if (t->ring)
		return t->ring->hdr;
	return rs ? (struct arch_ring *)(void *)rs->page : NULL;
}

void sud_hear(struct engine *e)
{
	if (!sud_share_is_rung(e))
		return;
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		const struct arch_ring *r = t->pub.state == TASK_RUNNING ? ring_of(t) : NULL;

		if (r && t->pub.proc->as->sud && __atomic_load_n(&r->bell, __ATOMIC_ACQUIRE))
			task_interrupt(t);
	}
}

/* From there to its call. */
static bool leave_bell(struct engine_task *t, struct arch_regs *r)
{
	struct arch_tramp_place place;
	struct arch_regs u = *r;

	if (!patch_unwind(t->pub.proc->as, &t->pub, &u, &place))
		return false;
	arch_set_pc(&u, place.orig);
	*r = u;
	task_regs_changed(&t->pub);
	return true;
}

/* It has been stopped: no need to do it again. */
static void still(struct engine_task *t)
{
	struct arch_ring *r = t->is_dispatched ? ring_of(t) : NULL;

	if (r && r->bell)
		__atomic_store_n(&r->bell, 0, __ATOMIC_RELEASE);
}

bool sud_rung(struct engine *e, struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	struct dispatched_call c = { 0 };

	if (!r || !is_in_bell(t, r))
		return false;
	still(t);
	if (!leave_bell(t, r))
		return false;
	if (t->is_dispatched) {
		arch_bell_rung(r);
		c.nr = (unsigned)arch_syscall_nr_get(r);
		e->stats.syscall_stops++;
		e->stats.call_stops++;
		take(e, t, &c);
	} else {
		const struct patch *p = patch_live_at(as, arch_pc(r));

		if (p && p->tramp.plain_slot) /* nobody wants to know of it */
			task_pc_set(t, p->tramp.plain_slot);
	}
	task_resume(t);
	return true;
}

/* ------------------------------------------------------------ on the way -- */

void sud_take_back(struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	struct again_call c;
	uint64_t behind;

	still(t);
	if (!t->call_is_ahead)
		return;
	t->call_is_ahead = false;
	/* Behind the instruction it is at the entry's stop: the call is being made. */
	if (!r || !fastcall_contains(as, arch_pc(r)) || (arch_pc(r) - ARCH_CALLS) % ARCH_SLOT_CALL)
		return;
	behind = sud_home(as, arch_pc(r) + arch_syscall_stub_trap);
	c = (struct again_call){ .nr = t->entry.nr, .pc = behind, .sp = arch_sp(r) };
	restart_expect(t, &c);
	restart_tell_ring(t);
	t->pub.in_syscall = false;
	task_pc_set(t, behind - arch_syscall_stub_trap);
}

void sud_rewind(struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);

	if (!t->is_dispatched || !r || !fastcall_contains(as, arch_pc(r)))
		return;
	restart_tell_ring(t);
	task_pc_set(t, sud_home(as, arch_pc(r)));
}

bool sud_undo(struct engine_task *t, int sig)
{
	if (!stopped_for(t, sig))
		return false;
	t->call.behind = 0; /* it stands at the instruction, or at that of a sleep of ours */
	return true;
}

bool sud_is_pending(struct engine_task *t)
{
	struct procfs_status st;

	return t->is_dispatched && t->stop != EV_SIGNAL && procfs_status(t->pub.tid, &st) &&
	       (st.sig_pnd & BIT(SIGSYS));
}

void sud_settle(struct engine *e, struct engine_task *t)
{
	int status;

	for (int i = 0; i < 4 && t->pub.state == TASK_STOPPED && sud_is_pending(t); i++) {
		if (!task_flush(t) || ptrace(PTRACE_CONT, t->pub.tid, NULL, NULL) < 0)
			return;
		task_set_state(&t->pub, TASK_RUNNING);
		if (engine_wait_task(e, t->pub.tid, SETTLE_NS, &status) <= 0)
			return;
		task_ingest_same(e, t, status);
	}
}

/* -------------------------------------------------------------- the ends -- */

void sud_emergency(struct engine *e)
{
	sud_share_block(e, false);
}

bool sud_emergency_release(struct engine *e, struct engine_task *t, int sig)
{
	siginfo_t si;
	bool is_ours = sig == SIGSYS && t->is_dispatched &&
		       !ptrace(PTRACE_GETSIGINFO, t->pub.tid, NULL, &si) &&
		       si.si_code == USER_DISPATCH;

	if (is_ours)
		put_back(e, t->pub.tid);
	if (t->is_dispatched)
		configure(t->pub.tid, false);
	return is_ours;
}

bool sud_copy(struct aspace *to, const struct aspace *from)
{
	const struct sud *s = from->sud;

	if (!s)
		return true;
	to->sud = calloc(1, sizeof(*to->sud));
	if (!to->sud || !vec_reserve(&to->sud->places, s->places.n) ||
	    !vec_reserve(&to->sud->pieces, s->pieces.n))
		return false;
	to->sud->is_shared = s->is_shared;
	to->sud->refused = s->refused;
	if (s->places.n)
		memcpy(to->sud->places.items, s->places.items,
		       s->places.n * sizeof(s->places.items[0]));
	to->sud->places.n = s->places.n;
	if (s->pieces.n)
		memcpy(to->sud->pieces.items, s->pieces.items,
		       s->pieces.n * sizeof(s->pieces.items[0]));
	to->sud->pieces.n = s->pieces.n;
	return true;
}

void sud_unmap(struct engine *e, struct aspace *as)
{
	struct sud *s = as->sud;

	if (!s)
		return;
	if (s->is_shared)
		annex_unmap_range(e, as, ARCH_CALLS_WORD, ARCH_CALLS_SHARED);
	for (size_t i = 0; i < s->pieces.n; i++)
		if (!s->pieces.items[i].is_bad)
			annex_unmap_range(e, as, s->pieces.items[i].lo, s->pieces.items[i].len);
}

void sud_destroy(struct aspace *as)
{
	struct sud *s = as->sud;

	if (!s)
		return;
	vec_deinit(&s->pieces);
	vec_deinit(&s->places);
	free(s);
	as->sud = NULL;
}

/* ------------------------------------------------------------- for others -- */

void engine_dispatch_calls(struct engine *e)
{
	e->dispatches_calls = true;
}

bool engine_calls_armed(const struct aspace *as)
{
	return sud_is_armed(as);
}

const char *engine_call_plan(struct engine *e, struct aspace *as, uint64_t addr,
			     struct arch_patch_plan *plan, uint64_t *plain_slot)
{
	return sud_plan(e, as, addr, plan, plain_slot);
}

void engine_call_plant(struct engine *e, struct aspace *as, uint64_t addr)
{
	if (!patch_live_at(as, addr) && sud_plant(e, as, addr, true))
		e->stats.call_places_refused++;
}
