/*
 * Anchors: how threads find their rings.
 *
 * Where the processor has a register for it, that is written.  Where it has
 * none, threads look into a table (struct arch_anchors) that is kept here, by a
 * key: their thread pointer.
 *
 * Rules of the table:
 *  - a slot leads to the ring of one living thread.  A child of vfork has its
 *    parent's key, and the slot while the parent sleeps.  Others that share a
 *    key (clone() without a thread pointer of its own) find the null ring;
 *  - a slot changes while its thread is stopped; that of a running thread may
 *    only come to lead to the null ring;
 *  - who can have no slot (no key yet, a key that is not its own, a table that
 *    is full) traps at the null ring, and its firings are told as at a breakpoint.
 */
#include "engine_impl.h"
#include "ring.h"

static struct arch_anchors *table_of(const struct engine_task *t)
{
	const struct ring_space *rs = t->pub.proc->as->rings;

	return rs ? rs->anchors : NULL;
}

/* Another thread with that key. */
static struct engine_task *find_holder(const struct engine_task *t)
{
	for (struct engine_task *o = t->pub.engine->tasks; o; o = o->next)
		if (o != t && o->anchor_key == t->anchor_key && task_is_of(o, t->pub.proc->as) &&
		    o->pub.state != TASK_GONE)
			return o;
	return NULL;
}

void anchor_drop(struct engine_task *t)
{
	struct arch_anchors *table = table_of(t);

	if (!arch_anchors_are_table)
		return;
	if (table && t->anchor_key && !find_holder(t))
		arch_anchors_set(table, t->anchor_key, 0);
	t->anchor = t->anchor_key = 0;
	t->has_slot = t->has_lent_slot = false;
}

/* The slot of t's key is o's: may t have it?  It is o's no more in any case. */
static bool take_slot(struct arch_anchors *table, struct engine_task *t, struct engine_task *o)
{
	bool may = o->in_vfork || t->has_lent_slot;

	if (may) {
		o->has_lent_slot = o->in_vfork;
		o->anchor = o->anchor_key = 0;
	} else if (o->has_slot) {
		arch_anchors_set(table, o->anchor_key, table->null_ring);
	}
	o->has_slot = false;
	return may;
}

static bool put_in_table(struct engine_task *t, uint64_t ring)
{
	struct arch_anchors *table = table_of(t);
	struct engine_task *o;
	uint64_t key;

	if (!table || t->stop == EV_EXIT) {
		anchor_drop(t);
		t->anchor = ring;
		return true;
	}
	if (!arch_anchor_key(t->pub.tid, &key))
		return false;
	if (t->anchor_key != key)
		anchor_drop(t);
	t->anchor = ring;
	t->anchor_key = key;
	t->has_slot = false;
	if (!key)
		return true;
	o = find_holder(t);
	if (o && !take_slot(table, t, o))
		return true;
	t->has_lent_slot = false;
	t->has_slot = arch_anchors_set(table, key, ring) && t->ring;
	return true;
}

/* After the registers are written: they have the old one. */
bool task_put_anchor(struct engine_task *t)
{
	uint64_t anchor;

	if (!t->pub.engine->uses_rings)
		return true;
	anchor = ring_anchor(t);
	if (t->anchor == anchor)
		return true;
	if (arch_anchors_are_table)
		return put_in_table(t, anchor);
	t->anchor = anchor;
	t->pub.regs_valid = false; /* they have the old one */
	return arch_anchor_write(t->pub.tid, anchor);
}

bool anchor_renew(struct engine_task *t)
{
	if (!arch_anchors_are_table || !t->ring)
		return true;
	t->anchor = 0;
	return task_put_anchor(t) && t->has_slot;
}
