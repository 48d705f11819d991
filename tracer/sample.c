/*
 * Sampling: what runs is interrupted and told about in its next stop.
 *
 * What a thread has run since the start, less a period for each sample taken
 * of it, is its account at a timer.  A thread that the kernel calls running
 * when the timer is due is sampled unless its account is overdrawn, so one
 * that only waits for a CPU gets no more than its share; one that is missed
 * (because it slept just then, stopped for something else, or we were late)
 * has it made good by several samples in one stop.  The kernel brings the run
 * time up to date when a thread leaves the CPU and at its tick: until then
 * the time since the last change is taken as run.
 *
 * Sleeping threads are never touched: an INTERRUPT makes some system calls
 * fail with EINTR, which a thread must not see because somebody measures time.
 * Any stop satisfies the INTERRUPT.  One for a breakpoint or a death is no
 * sample; the account keeps what it is due.
 *
 * Looking at a thread costs a microsecond or two.  Those seen running last
 * time are looked at always, the others in turn as far as a fraction of the
 * period allows; nobody is while nothing but us runs on the machine.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "engine_impl.h"
#include "procfs.h"

#define CATCH_UP 4 /* periods owed that are paid at once */
#define LOOK_NS 25000u /* of the period, for each thread looked at */
#define MIN_LOOKS 8u

struct account {
	uint64_t period;
	uint64_t spent; /* ns of run time that samples were taken for */
	unsigned due; /* samples; an INTERRUPT is under way */
};

struct task_sampling {
	int stat_fd;
	bool runs; /* when it was looked at last */
	uint64_t run, slices; /* its run time, how often it got a CPU */
	uint64_t changed; /* when run was seen to differ */
	uint64_t looked; /* number of the round */
	uint64_t base; /* run time before the start */
	VEC(struct account) accounts; /* by timer */
};

void sample_drop_fd(struct engine *e, struct engine_task *t)
{
	if (t->sampling)
		fd_close(e, &t->sampling->stat_fd);
}

void sample_task_gone(struct engine *e, struct engine_task *t)
{
	if (e->sampler.next == t)
		e->sampler.next = t->next;
	if (!t->sampling)
		return;
	fd_close(e, &t->sampling->stat_fd);
	vec_deinit(&t->sampling->accounts);
	free(t->sampling);
	t->sampling = NULL;
}

void sample_deinit(struct engine *e)
{
	if (e->sampler.asked && e->sampler.load_fd >= 0)
		close(e->sampler.load_fd);
}

/* ------------------------------------------------------ looking at a thread -- */

static struct task_sampling *sampling_of(struct engine_task *t)
{
	if (!t->sampling) {
		t->sampling = calloc(1, sizeof(*t->sampling));
		if (!t->sampling)
			return NULL;
		t->sampling->stat_fd = -1;
	}
	return t->sampling;
}

static bool is_running(struct engine_task *t)
{
	char path[64], buf[128], *end;
	int *fd = &t->sampling->stat_fd;
	ssize_t n;

	if (*fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)t->pub.proc->pid,
			 (int)t->pub.tid);
		*fd = fd_open(t->pub.engine, path, O_RDONLY);
	}
	n = *fd < 0 ? -1 : pread(*fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	end = strrchr(buf, ')'); /* of the name, which may hold anything; numbers follow */
	return end && end[1] == ' ' && end[2] == 'R';
}

/* Its run time now; false: it has not had a CPU since the last look, and did not run then. */
static bool look(struct engine_task *t, uint64_t now)
{
	struct task_sampling *st = t->sampling;
	uint64_t slices = 0, run = task_run_time(t, &slices);
	bool same = run == st->run && slices && slices == st->slices;

	if (run != st->run || slices != st->slices)
		st->changed = now;
	st->run = run;
	st->slices = slices;
	return !same || st->runs;
}

static bool may_sample(const struct engine_task *t)
{
	return t->pub.state == TASK_RUNNING && !task_is_held(t) && !t->in_vfork &&
	       !t->exec_pending && !t->is_detached && !process_impl(t->pub.proc)->is_silent &&
	       !process_impl(t->pub.proc)->is_launching;
}

/* How long run times may be behind: the kernel's tick. */
static uint64_t kernel_tick(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts) < 0 || ts.tv_sec)
		return 10000000;
	return (uint64_t)ts.tv_nsec;
}

/* The kernel's own file: what a container is given in its place may be old. */
static int open_load(void)
{
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC))
		return fd;
	close(fd);
	return -1;
}

/* Does anything but us run on this machine?  Where the kernel doesn't say, yes. */
static bool others_run(struct engine *e)
{
	char buf[96], *p = buf;
	ssize_t n;

	if (!e->sampler.asked) {
		e->sampler.asked = true;
		e->sampler.load_fd = open_load();
	}
	n = e->sampler.load_fd < 0 ? -1 : pread(e->sampler.load_fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return true;
	buf[n] = '\0';
	for (unsigned i = 0; i < 3 && p; i++)
		p = strchr(p + 1, ' ');
	return !p || strtol(p, NULL, 10) != 1;
}

/* ---------------------------------------------------------------- accounts -- */

static struct account *account_of(struct task_sampling *st, unsigned timer, uint64_t period)
{
	while (st->accounts.n <= timer) {
		if (!vec_push(&st->accounts, (struct account){ .spent = st->base }))
			return NULL;
	}
	st->accounts.items[timer].period = period;
	return &st->accounts.items[timer];
}

/* How many samples the thread is to have now; 0: it is overdrawn. */
static unsigned samples_due(const struct engine *e, const struct task_sampling *st,
			    struct account *a, uint64_t now)
{
	int64_t owed = (int64_t)(st->run - a->spent), period = (int64_t)a->period;
	uint64_t ahead = now - st->changed;

	if (owed > (int64_t)ns_per_s && owed > period) { /* nobody counts any more */
		owed = period > (int64_t)ns_per_s ? period : (int64_t)ns_per_s;
		a->spent = st->run - (uint64_t)owed;
	}
	if (ahead > e->sampler.tick)
		ahead = e->sampler.tick;
	if (owed + (int64_t)ahead < 0)
		return 0;
	return owed >= CATCH_UP * period ? (unsigned)(owed / period) : 1;
}

static void sample_task(struct engine *e, struct engine_task *t, unsigned timer, uint64_t period,
			uint64_t now)
{
	struct task_sampling *st = sampling_of(t);
	struct account *a = st ? account_of(st, timer, period) : NULL;

	if (!a)
		return;
	st->looked = e->sampler.round;
	st->runs = look(t, now) && is_running(t);
	unsigned n = st->runs ? samples_due(e, st, a, now) : 0;

	if (n && task_interrupt(t)) {
		a->due = n;
		t->is_sampled = true;
	}
}

void engine_sample_start(struct engine *e)
{
	e->sampler.tick = kernel_tick();
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		struct task_sampling *st = sampling_of(t);

		if (!st)
			continue;
		st->run = st->base = task_run_time(t, &st->slices);
		st->changed = engine_now();
		st->runs = true; /* as far as known */
	}
}

/* Who was seen running last time. */
static void sample_running(struct engine *e, unsigned timer, uint64_t period, uint64_t now)
{
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		if (t->sampling && t->sampling->runs && may_sample(t))
			sample_task(e, t, timer, period, now);
	}
}

/* The others: as many as the period allows, from where the last round ended. */
static void sample_others(struct engine *e, unsigned timer, uint64_t period, uint64_t now)
{
	uint64_t looks = period / LOOK_NS;
	struct engine_task *t = e->sampler.next ? e->sampler.next : e->tasks;

	if (looks < MIN_LOOKS)
		looks = MIN_LOOKS;
	for (unsigned i = e->n_tasks; i && looks && t; i--) {
		struct engine_task *next = t->next ? t->next : e->tasks;

		if (may_sample(t) && (!t->sampling || t->sampling->looked != e->sampler.round)) {
			sample_task(e, t, timer, period, now);
			looks--;
		}
		t = next;
	}
	e->sampler.next = t;
}

void engine_sample(struct engine *e, unsigned timer, uint64_t period)
{
	uint64_t now = engine_now();

	if (!others_run(e))
		return;
	e->sampler.round++;
	sample_running(e, timer, period, now);
	sample_others(e, timer, period, now);
}

void sample_take(struct engine *e, struct engine_task *t, enum event_kind kind)
{
	bool is_sample = kind == EV_STOP || kind == EV_GROUP_STOP || kind == EV_SIGNAL;

	t->is_sampled = false;
	for (unsigned i = 0; i < t->sampling->accounts.n; i++) {
		struct account *a = &t->sampling->accounts.items[i];
		unsigned n = is_sample && e->config.ops->sample ? a->due : 0;

		a->due = 0;
		a->spent += n * a->period;
		while (n--)
			e->config.ops->sample(e->config.ctx, &t->pub, i);
	}
}
