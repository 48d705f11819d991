/*
 * Calls that are made again: interrupted ones that the kernel restarts, and
 * those in whose place one of ours was made.
 *
 * The second time is no new call.  It can't be told from one by looking at it,
 * for a loop that a handler left by siglongjmp() makes its call from the same
 * place with the same registers.  What happened before tells:
 *  - no handler runs: the thread goes back to the instruction, and nothing of the
 *    program's comes in between;
 *  - a handler runs: the call is kept until the thread returns from it.  That is
 *    an rt_sigreturn whose frame leads to the instruction; those are all seen
 *    while calls are watched.
 * So at most one call is expected, as the very next.  A signal whose handler runs
 * before makes it one that the handler may come back to.
 *
 * Places are those of the program's text, wherever the copy that runs is.  Where a
 * trampoline records the call, the ring's word "again" says the same to it; it
 * takes that back as it makes the call.
 */
#include <string.h>
#include <sys/syscall.h>

#include "engine_impl.h"

/* As the program has it. */
static void original(struct engine_task *t, const struct arch_regs *r, struct arch_regs *ret)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_tramp_place place;

	*ret = *r;
	if (patch_unwind(as, &t->pub, ret, &place) && place.orig)
		arch_set_pc(ret, place.orig);
	else if (as->regions.n)
		arch_set_pc(ret, site_original_pc(as, arch_pc(ret)));
}

static uint64_t word_of(const struct again_call *c)
{
	return arch_call_again(c->pc - arch_syscall_stub_trap, c->sp);
}

/* A trampoline that made the call has said so. */
static void look(struct engine_task *t)
{
	if (t->restart.is_expected && t->restart.in_ring && t->ring &&
	    t->ring->hdr->again != word_of(&t->restart.call))
		t->restart.is_expected = false;
}

void restart_none(struct engine_task *t)
{
	t->restart.is_expected = false;
	if (t->restart.in_ring && t->ring)
		t->ring->hdr->again = 0;
	t->restart.in_ring = false;
}

void restart_expect(struct engine_task *t, const struct again_call *c)
{
	restart_none(t);
	t->restart.is_expected = true;
	t->restart.call = *c;
}

void restart_tell_ring(struct engine_task *t)
{
	if (!t->restart.is_expected || !t->ring)
		return;
	t->ring->hdr->again = word_of(&t->restart.call);
	t->restart.in_ring = true;
}

const struct again_call *restart_expected(struct engine_task *t)
{
	look(t);
	return t->restart.is_expected ? &t->restart.call : NULL;
}

void restart_read(struct engine_task *t, const struct arch_regs *r, struct again_call *ret)
{
	struct arch_regs o;

	original(t, r, &o);
	*ret = (struct again_call){ .pc = arch_pc(&o), .sp = arch_sp(&o) };
}

const struct again_call *restart_ahead(struct engine_task *t, const struct arch_regs *r)
{
	const struct again_call *c = restart_expected(t);
	struct again_call now;

	if (!c)
		return NULL;
	restart_read(t, r, &now);
	return now.pc + arch_syscall_stub_trap == c->pc && now.sp == c->sp ? c : NULL;
}

/* ---------------------------------------------------------------- handlers -- */

uint32_t restart_left(const struct engine_task *t)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < t->restart.n_left; i++)
		bits |= arch_call_left(t->restart.left[i].sp);
	return bits;
}

/* What dispatches calls need not tell of an rt_sigreturn that leads to none of them. */
static void set_n_left(struct engine_task *t, unsigned n)
{
	t->restart.n_left = n;
	if (t->ring)
		t->ring->hdr->left = restart_left(t);
}

static void remove_left(struct engine_task *t, unsigned i)
{
	memmove(&t->restart.left[i], &t->restart.left[i + 1],
		sizeof(t->restart.left[0]) * (t->restart.n_left - i - 1));
	set_n_left(t, t->restart.n_left - 1);
}

/* The last one at the place; -1. */
static int find_left(const struct engine_task *t, uint64_t pc, uint64_t sp)
{
	for (unsigned i = t->restart.n_left; i-- > 0;)
		if (t->restart.left[i].pc == pc && t->restart.left[i].sp == sp)
			return (int)i;
	return -1;
}

/* Whoever comes to the place by itself never comes back to what was left there. */
static void drop_left(struct engine_task *t, uint64_t pc, uint64_t sp)
{
	int i = find_left(t, pc, sp);

	if (i >= 0)
		remove_left(t, (unsigned)i);
}

/* Further down the same stack are none that anybody comes back to. */
static void drop_deeper(struct engine_task *t, uint64_t sp)
{
	for (unsigned n = t->restart.n_left; n-- > 0;)
		if (t->restart.left[n].sp < sp)
			remove_left(t, n);
}

void restart_leave(struct engine_task *t, const struct again_call *c)
{
	restart_none(t);
	drop_left(t, c->pc, c->sp);
	if (t->restart.n_left == RESTARTS_MAX)
		drop_deeper(t, c->sp);
	if (t->restart.n_left == RESTARTS_MAX)
		remove_left(t, 0);
	t->restart.left[t->restart.n_left] = *c;
	set_n_left(t, t->restart.n_left + 1);
}

void restart_leave_other(struct engine_task *t, const struct arch_regs *r)
{
	struct again_call now;

	restart_none(t);
	if (!t->restart.n_left)
		return;
	restart_read(t, r, &now);
	drop_left(t, now.pc + arch_syscall_stub_trap, now.sp);
}

void restart_return(struct engine_task *t, const struct arch_regs *r)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs frame = *r, o;
	uint64_t pc_at, sp_at, pc, sp;
	int i;

	restart_none(t);
	if (!t->restart.n_left)
		return;
	arch_sigreturn_saved(r, &pc_at, &sp_at);
	if (mem_read_raw(as, pc_at, &pc, sizeof(pc)) != sizeof(pc) ||
	    mem_read_raw(as, sp_at, &sp, sizeof(sp)) != sizeof(sp))
		return;
	arch_set_pc(&frame, pc);
	arch_set_sp(&frame, sp);
	original(t, &frame, &o);
	i = find_left(t, arch_pc(&o) + arch_syscall_stub_trap, arch_sp(&o));
	if (i < 0)
		return;
	restart_expect(t, &t->restart.left[i]);
	t->restart.call.code = 0;
	remove_left(t, (unsigned)i);
	restart_tell_ring(t);
}

bool restart_take(struct engine_task *t, const struct arch_regs *r, unsigned *nr)
{
	const struct again_call *c = restart_expected(t);
	struct again_call now;
	bool same;

	if (!c && !t->restart.n_left)
		return false;
	restart_read(t, r, &now);
	same = c && now.pc == c->pc && now.sp == c->sp &&
	       (*nr == c->nr || *nr == SYS_restart_syscall);
	if (same)
		*nr = c->nr;
	else
		drop_left(t, now.pc, now.sp);
	restart_none(t);
	return same;
}
