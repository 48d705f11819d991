/*
 * Sampling: what runs is interrupted and told about in its next stop.
 *
 * Only threads that the kernel calls running are touched: an INTERRUPT makes
 * some system calls fail with EINTR, which a thread that sleeps must not see
 * because somebody measures time.  Any stop satisfies the INTERRUPT.  One for
 * a breakpoint or a death is no sample: the thread is counted there already.
 */
#include "engine_impl.h"
#include "procfs.h"

static bool may_sample(const struct engine_task *t)
{
	struct procfs_stat stat;

	if (t->pub.state != TASK_RUNNING || task_is_held(t) || t->in_vfork || t->exec_pending ||
	    t->is_detached || process_impl(t->pub.proc)->is_silent ||
	    process_impl(t->pub.proc)->is_launching)
		return false;
	return procfs_stat(t->pub.tid, &stat) && stat.state == 'R';
}

unsigned engine_sample(struct engine *e, uint64_t which)
{
	unsigned n = 0;

	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		if (!may_sample(t) || !task_interrupt(t))
			continue;
		t->samples |= which;
		n++;
	}
	return n;
}

void sample_take(struct engine *e, struct engine_task *t, enum event_kind kind)
{
	uint64_t which = t->samples;

	if (!which)
		return;
	t->samples = 0;
	if (kind != EV_STOP && kind != EV_GROUP_STOP && kind != EV_SIGNAL)
		return;
	if (e->config.ops->sample)
		e->config.ops->sample(e->config.ctx, &t->pub, which);
}
