/*
 * Where the tracer waits for the next stop.
 *
 * A stop that crosses CPUs costs five to ten times one that doesn't, because
 * both sides wake the other from idle.  Two remedies, tried only when stops
 * come fast (windows of stops are timed):
 *
 *  - with an idle CPU to spare, the tracer spins on waitpid() for some tens
 *    of microseconds before it sleeps; the target isn't touched;
 *  - without one, or where spinning doesn't do (waking the target's CPU is
 *    slow on virtual machines), and with a single thread making nearly all
 *    stops, that thread and the tracer are bound to one CPU.  Masks are remembered and
 *    put back when the rate falls, another thread joins in, the thread
 *    pauses, or at the end; a mask the program changed meanwhile is left.
 *
 * Nothing is ever pinned at launch: affinity is visible and inherited (a
 * pinned thread's children get its old mask back at once).
 */
#include <stdio.h>

#include "engine_impl.h"

#define WINDOW 256u
/* While nothing has been done about slow stops, they are looked at sooner. */
#define FIRST_WINDOW 64u
/* Stops come fast: less than this between two, on average. */
#define HOT_NS UINT64_C(100000)
/* As good as one CPU does it: no reason to touch the target. */
#define GOOD_NS UINT64_C(12000)
/* Of the stops in a window, how many may change the thread. */
#define MAX_SWITCHES(window) ((window) / 20)
#define BACKOFF_NS (ns_per_s)
#define MAX_BACKOFF_NS (64 * ns_per_s)
/* Windows in which pinning must have been a loss before it is given up. */
#define MAX_SLOW 4

/* Tasks running or ready on the machine, ourselves included; -1 unknown. */
static int runnable(void)
{
	FILE *f = fopen("/proc/loadavg", "re");
	int n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%*s %*s %*s %d/", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static int cpus(const struct engine *e)
{
	cpu_set_t set;

	(void)e;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return CPU_COUNT(&set);
}

/* We and the thread take one each; is that all that runs? */
static bool has_idle_cpu(const struct engine *e)
{
	int n = runnable();

	return n >= 0 && cpus(e) > 1 && n <= cpus(e);
}

/* ---------------------------------------------------------------- pinning -- */

static void restore_mask(pid_t tid, const cpu_set_t *ours, const cpu_set_t *old)
{
	cpu_set_t now;

	if (sched_getaffinity(tid, sizeof(now), &now) == 0 && CPU_EQUAL(&now, ours))
		sched_setaffinity(tid, sizeof(*old), old);
}

void pin_undo(struct engine *e)
{
	struct pin_state *pin = &e->pin;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)pin->cpu, &one);
	if (pin->pinned) {
		restore_mask(pin->pinned->pub.tid, &one, &pin->pinned->cpus);
		pin->pinned->is_pinned = false;
		pin->pinned = NULL;
	}
	if (pin->is_self_pinned) {
		restore_mask(0, &one, &pin->self_cpus);
		pin->is_self_pinned = false;
		engine_pulse(e, false);
	}
}

static void pin(struct engine *e, struct engine_task *t)
{
	struct pin_state *p = &e->pin;
	cpu_set_t one;
	int cpu = task_cpu(&t->pub);

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	if (sched_getaffinity(t->pub.tid, sizeof(t->cpus), &t->cpus) < 0 ||
	    sched_getaffinity(0, sizeof(p->self_cpus), &p->self_cpus) < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	if (!CPU_ISSET((size_t)cpu, &p->self_cpus) || !CPU_ISSET((size_t)cpu, &t->cpus))
		return;
	if (sched_setaffinity(t->pub.tid, sizeof(one), &one) < 0)
		return;
	p->cpu = cpu;
	p->pinned = t;
	t->is_pinned = true;
	p->is_self_pinned = sched_setaffinity(0, sizeof(one), &one) == 0;
	e->stats.pinned++;
	if (!p->is_self_pinned)
		pin_undo(e);
	else
		engine_pulse(e, true);
}

/* ---------------------------------------------------------------- windows -- */

/* per_stop: time between two stops, on average over the window. */
static void judge(struct engine *e, struct engine_task *t, uint64_t per_stop)
{
	struct pin_state *p = &e->pin;
	bool hot = per_stop < HOT_NS, single = p->n_switches <= MAX_SWITCHES(p->n);
	bool was_spinning;
	uint64_t now = p->window_start;

	if (p->pinned) {
		p->n_slow = per_stop > p->before ? p->n_slow + 1 : 0;
		if (hot && single && p->n_slow < MAX_SLOW)
			return;
		pin_undo(e);
		p->backoff = p->backoff ? p->backoff * 2 : BACKOFF_NS;
		if (p->backoff > MAX_BACKOFF_NS)
			p->backoff = MAX_BACKOFF_NS;
		p->backoff_until = now + p->backoff;
		return;
	}
	was_spinning = p->mode == WAIT_SPIN;
	p->mode = hot && has_idle_cpu(e) ? WAIT_SPIN : WAIT_SLEEP;
	if (!hot || !single || !e->config.cpupin || now < p->backoff_until)
		return;
	/* Spinning first, if there is a CPU for it; pinning if that isn't enough. */
	if (p->mode == WAIT_SPIN && (!was_spinning || per_stop < GOOD_NS))
		return;
	p->before = per_stop;
	p->n_slow = 0;
	pin(e, t);
}

void pin_note(struct engine *e, struct engine_task *t)
{
	struct pin_state *p = &e->pin;
	uint64_t now;

	if (t != p->last) {
		p->n_switches++;
		p->last = t;
	}
	if (++p->n < (p->pinned || p->mode == WAIT_SPIN ? WINDOW : FIRST_WINDOW))
		return;
	now = engine_now();
	if (p->window_start) {
		uint64_t per_stop = (now - p->window_start) / p->n;

		p->window_start = now;
		judge(e, t, per_stop);
	}
	p->window_start = now;
	p->n = p->n_switches = 0;
}

void pin_idle(struct engine *e)
{
	if (e->pin.pinned)
		pin_undo(e);
	e->pin.mode = WAIT_SLEEP;
	e->pin.window_start = 0;
	e->pin.n = e->pin.n_switches = 0;
}

void pin_task_gone(struct engine *e, struct engine_task *t)
{
	if (e->pin.pinned == t)
		pin_undo(e);
	if (e->pin.last == t)
		e->pin.last = NULL;
}

void pin_child(struct engine *e, struct engine_task *parent, pid_t child)
{
	(void)e;
	if (parent->is_pinned)
		sched_setaffinity(child, sizeof(parent->cpus), &parent->cpus);
}
