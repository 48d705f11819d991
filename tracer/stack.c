/*
 * Stacks in records (arch/record.h): how far the copies go, and walking them.
 *
 * A copy must have all that a walk of the stopped thread would read, or the two
 * tiers' answers would differ.  So it is the whole stack, up to an end above
 * which the stack can't be: its mapping's end, or what lies in the mapping above
 * it and is in no stack (thread-local storage, the arguments of the program).
 * Before a thread is allowed to go on by copies, its whole stack is walked in
 * such a copy, while it is stopped: if that leads elsewhere (from a signal's
 * stack to the one that was interrupted) it stays on stops.  The engine asks
 * anew after each signal, and when the stack pointer is outside of the copy.
 */
#include <stdlib.h>

#include "procfs.h"
#include "session.h"

#define FRAMES_MAX 2048
#define LOOK_MAX (1u << 20) /* a deeper stack is not looked at */
#define ARGUMENTS 64 /* bytes above where the program's stack began that a walk may look at */

struct mapping {
	uint64_t sp, lo, hi;
};

static void find_mapping(void *arg, const struct procfs_map *m)
{
	struct mapping *f = arg;

	if (f->sp >= m->lo && f->sp < m->hi && m->r && m->w) {
		f->lo = m->lo;
		f->hi = m->hi;
	}
}

static uint64_t lower(uint64_t end, uint64_t sp, uint64_t other)
{
	return other > sp && other < end ? other : end;
}

static uint64_t find_end(struct task *t, const struct arch_regs *r, uint64_t *lo)
{
	struct mapping f = { .sp = arch_sp(r) };
	struct procfs_stat stat;

	if (!procfs_each_map(t->proc->pid, find_mapping, &f) || !f.hi)
		return 0;
	*lo = f.lo;
	f.hi = lower(f.hi, f.sp, arch_thread_pointer(t->tid, r));
	if (procfs_stat(t->proc->pid, &stat) && stat.stack)
		f.hi = lower(f.hi, f.sp, stat.stack + ARGUMENTS);
	return f.hi & ~UINT64_C(7);
}

static bool is_entry(struct target *t, uint64_t pc)
{
	struct object *o = objects_find(t->objects, pc);
	const struct sym *sym = o ? object_symbol_at(o, pc) : NULL;

	return sym && sym->addr + o->bias == pc;
}

static bool is_all_there(struct session *s, struct task *t, const struct arch_regs *r, uint64_t end)
{
	size_t len = end - arch_sp(r);
	_cleanup_(freep) uint8_t *bytes = len <= LOOK_MAX ? malloc(len) : NULL;
	_cleanup_(freep) uint64_t *pcs = calloc(FRAMES_MAX, sizeof(*pcs));
	struct arch_stack copy = { .regs = *r, .lo = arch_sp(r), .bytes = bytes, .len = len };
	struct target *target = target_of(s, t->proc);
	bool is_whole;
	int n;

	if (!bytes || !pcs || !target || !target_objects(target) || !target->unwinder ||
	    as_read(t->proc->as, copy.lo, bytes, len) != len)
		return false;
	copy.at_entry = is_entry(target, arch_pc(r));
	n = unwind_copy(target->unwinder, &copy, pcs, FRAMES_MAX, &is_whole);
	return n > 0 && n < FRAMES_MAX && is_whole;
}

uint64_t stack_end(struct session *s, struct task *t, const struct arch_regs *regs,
		   uint64_t *lo_ret)
{
	uint64_t end = find_end(t, regs, lo_ret);

	return end && is_all_there(s, t, regs, end) ? end : 0;
}

bool stack_is_wanted(const struct session *s, const struct dl_clause *c)
{
	const struct probe *error = probe_by_id(s->probes, 3);

	for (size_t i = 0; error && i < error->epids.n && !c->wants_stack; i++)
		c = dl_state_enabling(s->state, error->epids.items[i])->clause;
	return c->wants_stack;
}

int stack_walk(struct session *s, struct task *t, const struct arch_stack *stack, uint64_t *pcs,
	       int max)
{
	struct target *target = target_of(s, t->proc);
	bool is_whole;
	int n;

	if (!target || !target_objects(target) || !target->unwinder)
		return 0;
	n = unwind_copy(target->unwinder, stack, pcs, max, &is_whole);
	if (!is_whole)
		engine_stack_odd(t);
	return n;
}
