/*
 * System calls that trampolines make (record.h): which are made often, the
 * memory for their slots, and threads that are interrupted in them.
 *
 * The seccomp filter lets watched calls pass that are made at the fixed
 * addresses of the slots.  A place of which many calls were told by stops is
 * shown to the session, which may have it patched.  Rules:
 *  - a call is told of once: by stops from its entry to its return, or by
 *    records.  Who was stopped at the entry goes on in the instruction's plain
 *    copy, which the filter stops;
 *  - the kernel restarts an interrupted call in its slot, unseen;
 *  - a signal's handler sees the thread at the original instruction, as
 *    unwinders must, or behind it.  A call that is over then, or will fail, is
 *    told of at the signal's stop.  One that the handler comes back to at the
 *    site is not recorded anew (restart.c).  To come back behind
 *    the site, into the patch, is a fault that we see to: so in processes that do
 *    not die with us patches have no middle (sud.h).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "engine_impl.h"

#define N_SLOTS ((ARCH_CALLS_BELL - ARCH_CALLS) / ARCH_SLOT_CALL)
#define N_HOT 256u
/* Stops at a place before it is looked at: the first costs memory and symbol tables. */
#define FIRST_STOPS 64u
#define NEXT_STOPS 16u
#define FULL_DOUBLES 20u /* how often a full place's stops double at most */

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct hot {
	uint64_t addr; /* 0: free */
	uint32_t nr, n;
	bool is_refused;
};

struct fastcalls {
	bool is_mapped, is_refused;
	bool is_given_up; /* refused, and nobody is to stay in a slot */
	uint32_t n_slots; /* handed out; never again, threads may come back to them */
	uint32_t n_full; /* how often a full place was shown */
	struct patch *owners[N_SLOTS];
	struct hot hot[N_HOT];
};

static struct fastcalls *calls_of(struct aspace *as)
{
	if (!as->calls)
		as->calls = calloc(1, sizeof(*as->calls));
	return as->calls;
}

/* ------------------------------------------------------------ who is often -- */

static struct hot *hot_of(struct fastcalls *c, uint64_t addr, uint32_t nr)
{
	uint64_t h = (addr * UINT64_C(0x9e3779b97f4a7c15) >> 40) + nr;

	for (unsigned i = 0; i < 8; i++) {
		struct hot *x = &c->hot[(h + i) % N_HOT];

		if (!x->addr)
			*x = (struct hot){ .addr = addr, .nr = nr };
		if (x->addr == addr && x->nr == nr)
			return x;
	}
	return NULL;
}

static bool has_call(const struct patch *p, unsigned nr)
{
	for (uint32_t i = 0; p && i < p->tramp.n_calls; i++)
		if (p->tramp.calls[i].nr == nr)
			return true;
	return false;
}

/*
 * Stops before the place is shown, p what is patched there; 0: never.  A full place loses a
 * number for the new one, and the two might go on like that: each time takes twice as long.
 */
static uint32_t stops_needed(const struct fastcalls *c, const struct patch *p)
{
	uint32_t n = p ? p->tramp.n_calls : 0;

	if (n == ARCH_TRAMP_CALLS)
		return c->n_slots + n > N_SLOTS ? 0 : NEXT_STOPS << (c->n_full + 1);
	if (c->n_slots + n + 1 > N_SLOTS)
		return 0;
	return c->n_slots ? NEXT_STOPS : FIRST_STOPS;
}

/* A thread that ends may have its own stack unmapped: the way back would need it. */
static bool takes_stack(struct engine_task *t)
{
	const struct arch_regs *r = task_regs(&t->pub);

	return !r || arch_sp(r) - arch_syscall_arg(r, 0) < arch_syscall_arg(r, 1);
}

void fastcall_note(struct engine *e, struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	uint64_t addr = t->entry.pc - arch_syscall_stub_trap;
	unsigned nr = t->entry.nr;
	const struct patch *p;
	struct hot *h;
	uint32_t need;

	if (!arch_has_calls || !e->config.ops->hot_call || nr >= ENGINE_SYSCALL_WORDS * 64 ||
	    arch_call_stays(nr) || !syscall_is_told(t, nr) ||
	    (!t->pub.proc->has_filter && !t->is_dispatched) || as->foreign[0])
		return;
	if (!calls_of(as) || as->calls->is_refused)
		return;
	p = patch_of_tramp(as, addr);
	if (p)
		addr = p->tramp.plan.site;
	else if (patch_contains(as, addr) || annex_contains(as, addr))
		return;
	h = hot_of(as->calls, addr, nr);
	if (h && nr == SYS_munmap && takes_stack(t))
		h->is_refused = true;
	if (!h || h->is_refused || ++h->n < NEXT_STOPS)
		return;
	p = patch_live_at(as, addr);
	need = stops_needed(as->calls, p);
	if (!need || h->n < need)
		return;
	h->n = 0;
	if (has_call(p, nr))
		return;
	if (p && p->tramp.n_calls == ARCH_TRAMP_CALLS && as->calls->n_full < FULL_DOUBLES)
		as->calls->n_full++;
	h->is_refused = !e->config.ops->hot_call(e->config.ctx, &t->pub, addr, nr);
}

/* ------------------------------------------------------------------- slots -- */

bool fastcall_contains(const struct aspace *as, uint64_t pc)
{
	return as->calls && as->calls->is_mapped && pc - ARCH_CALLS < ARCH_CALLS_BYTES;
}

bool fastcall_mapped(const struct aspace *as)
{
	return as->calls && as->calls->is_mapped;
}

struct patch *fastcall_patch(const struct aspace *as, uint64_t pc)
{
	if (!fastcall_contains(as, pc) || pc >= ARCH_CALLS_BELL)
		return NULL;
	return as->calls->owners[(pc - ARCH_CALLS) / ARCH_SLOT_CALL];
}

/* The kernel's struct ptrace_sud_config (6.4 and later). */
struct sud_config {
	uint64_t mode, selector, offset, len;
};
#define GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211

/* Does it see to it by itself where calls may be made? */
static bool dispatches(const struct engine *e, const struct aspace *as)
{
	struct sud_config conf;

	for (struct engine_task *t = e->tasks; t; t = t->next) {
		conf.mode = 0;
		if (task_is_of(t, as) && t->pub.state == TASK_STOPPED && !t->is_dispatched &&
		    ptrace((enum __ptrace_request)GET_SYSCALL_USER_DISPATCH_CONFIG, t->pub.tid,
			   (void *)sizeof(conf), &conf) == 0 &&
		    conf.mode)
			return true;
	}
	return false;
}

static const char *map_slots(struct engine *e, struct aspace *as)
{
	uint64_t args[6] = {
		ARCH_CALLS,
		ARCH_CALLS_BYTES,
		PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		(uint64_t)-1,
		0,
	};
	struct engine_task *t = inject_choose(e, as);
	uint8_t bell[ARCH_BELL_BYTES];
	struct error *err;
	int64_t result;

	as->calls->is_refused = true;
	if (!t || inject_is_filtered(t))
		return "the program's own seccomp filter would see its calls";
	err = inject_syscall(e, t, SYS_mmap, args, &result);
	if (err || (uint64_t)result != ARCH_CALLS) {
		error_destroy(err);
		return "the addresses that calls are made at are not free";
	}
	arch_bell_code(bell);
	if (mem_write_raw(as, ARCH_CALLS_BELL, bell, sizeof(bell)) != sizeof(bell))
		return "the addresses that calls are made at can't be written";
	as->calls->is_refused = false;
	as->calls->is_mapped = true;
	return NULL;
}

const char *engine_calls_slots(struct engine *e, struct aspace *as, uint32_t n, uint64_t *ret)
{
	const char *why = NULL;

	if (!calls_of(as))
		return "out of memory";
	if (as->calls->is_refused || as->calls->n_slots + n > N_SLOTS)
		return "there is no more place for calls";
	if (dispatches(e, as))
		return "the program says where calls may be made";
	if (!as->calls->is_mapped)
		why = map_slots(e, as);
	for (uint32_t i = 0; i < n && !why; i++)
		ret[i] = ARCH_CALLS + ARCH_SLOT_CALL * as->calls->n_slots++;
	return why;
}

static struct patch **owner_of(struct aspace *as, uint64_t slot)
{
	return &as->calls->owners[(slot - ARCH_CALLS) / ARCH_SLOT_CALL];
}

bool fastcall_is_plain(const struct aspace *as, uint64_t pc)
{
	const struct patch *p = fastcall_patch(as, pc);

	return fastcall_contains(as, pc) && (!p || pc - p->tramp.plain_slot < ARCH_SLOT_CALL);
}

bool fastcall_bind(struct aspace *as, struct patch *p)
{
	for (uint32_t i = 0; i < p->tramp.n_calls; i++) {
		uint64_t slot = p->tramp.calls[i].slot;
		uint8_t code[ARCH_SLOT_CALL];

		arch_call_slot(&p->tramp, i, code);
		if (mem_write_raw(as, slot, code, sizeof(code)) != sizeof(code))
			return false;
	}
	if (p->tramp.plain_slot) {
		uint8_t code[ARCH_SLOT_CALL];

		arch_plain_slot(arch_syscall_stub, p->tramp.plan.site + arch_syscall_stub_trap,
				code);
		if (mem_write_raw(as, p->tramp.plain_slot, code, sizeof(code)) != sizeof(code))
			return false;
		*owner_of(as, p->tramp.plain_slot) = p;
	}
	for (uint32_t i = 0; i < p->tramp.n_calls; i++)
		*owner_of(as, p->tramp.calls[i].slot) = p;
	if (p->tramp.n_calls)
		as->engine->stats.call_sites++;
	return true;
}

void fastcall_unbind(struct aspace *as, const struct patch *p)
{
	for (uint32_t i = 0; i < p->tramp.n_calls; i++)
		*owner_of(as, p->tramp.calls[i].slot) = NULL;
	if (p->tramp.plain_slot)
		*owner_of(as, p->tramp.plain_slot) = NULL;
}

uint32_t engine_calls_take(struct engine *e, struct aspace *as, uint64_t addr,
			   uint32_t nrs[ARCH_TRAMP_CALLS])
{
	struct patch *p = patch_live_at(as, addr);
	uint32_t n = 0;

	if (!p || (!p->tramp.n_calls && !p->tramp.plain_slot))
		return 0;
	for (; n < p->tramp.n_calls; n++)
		nrs[n] = p->tramp.calls[n].nr;
	patch_undo(e, as, p);
	return n;
}

/* The memory came along; what is interrupted in it may come back. */
bool fastcall_copy(struct aspace *to, const struct aspace *from)
{
	if (!fastcall_mapped(from))
		return true;
	if (!calls_of(to))
		return false;
	to->calls->is_mapped = true;
	to->calls->n_slots = from->calls->n_slots;
	to->calls->is_refused = from->calls->is_refused;
	to->calls->is_given_up = from->calls->is_given_up;
	return true;
}

/* ---------------------------------------------------------------- signals -- */

/* A call that was recorded is made (again) at the site; maybe after a handler. */
static void leave_call(struct engine_task *t, const struct arch_regs *r, const struct patch *p,
		       unsigned nr, int sig)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;
	struct again_call c = { .nr = nr,
				.pc = plan->addr + plan->insn[plan->site_insn + 1],
				.sp = arch_sp(r) };

	if (sig)
		restart_leave(t, &c);
	else
		restart_expect(t, &c);
}

/*
 * What comes back from the handler to behind the call has nothing left to do:
 * its return is told of here, as by stops, since handlers may never come back.
 */
static void tell_return(struct engine *e, struct engine_task *t, const struct arch_regs *r,
			const struct patch *p, unsigned nr, int sig)
{
	int64_t result = arch_syscall_result(r);

	/* The kernel has not decided yet whether it winds the call back to the site. */
	if (!arch_in_syscall(r))
		syscall_tell_return(e, t, nr, result);
	else if (!syscall_tell_failure(e, t, nr, (int)-result, sig))
		leave_call(t, r, p, nr, sig);
}

bool fastcall_leave(struct engine *e, struct engine_task *t, struct arch_regs *r,
		    const struct arch_tramp_place *place, int sig)
{
	struct aspace *as = t->pub.proc->as;
	const struct patch *p = fastcall_patch(as, arch_pc(r));

	if (sig && !syscall_is_caught(t, sig))
		sig = 0;
	/* Nobody will look. */
	if (!sig && !as->calls->is_given_up)
		return true;
	if (!p)
		p = patch_of_tramp(as, arch_pc(r));
	if (place->stage == ARCH_CALL_PLAIN) {
		arch_set_pc(r, place->orig);
		return true;
	}
	if (!p || !p->is_live || !t->ring) {
		as->annex_doubt = true;
		return true;
	}
	if (place->stage == ARCH_CALL_UNDECIDED && sig) {
		fastcall_enter_handler(e, t, p, place->nr, sig);
		return false;
	}
	if (place->stage == ARCH_CALL_AHEAD || place->stage == ARCH_CALL_UNDECIDED)
		leave_call(t, r, p, place->nr, sig);
	else if (place->stage == ARCH_CALL_MADE)
		tell_return(e, t, r, p, place->nr, sig);
	arch_set_pc(r, place->orig);
	return true;
}

/* ---------------------------------------------------------------- giving up -- */

/* Is it on its way to a slot, in one, or on its way back? */
static bool is_on_its_way(struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub), now;
	struct arch_tramp_place place;

	if (!r || t->stop == EV_SECCOMP || t->stop == EV_SYSCALL)
		return false;
	now = *r;
	return patch_contains(as, arch_pc(r)) && patch_unwind(as, &t->pub, &now, &place) &&
	       place.stage;
}

void fastcall_give_up(struct engine *e, struct aspace *as)
{
	struct error *err;

	if (!arch_has_calls || !calls_of(as) || as->calls->is_given_up)
		return;
	as->calls->is_refused = as->calls->is_given_up = true;
	err = as->calls->is_mapped ? engine_stop_world(e, as) : NULL;
	if (err || !as->calls->is_mapped) {
		error_destroy(err);
		return;
	}
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (task_is_of(t, as) && t->pub.state == TASK_STOPPED && is_on_its_way(t))
			patch_leave(e, t, 0);
	for (size_t i = 0; i < as->patches.n; i++)
		if (as->patches.items[i]->tramp.n_calls)
			patch_undo(e, as, as->patches.items[i]);
	guardian_sync(e);
	engine_resume_world(e, as);
}
