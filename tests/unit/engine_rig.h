/*
 * A target and an engine, for the engine's tests.
 *
 * Targets are functions of the test program itself, run in a forked child:
 * addresses are the same on both sides and results come back through a page
 * of shared memory.  The child waits in a pipe read for the go that follows
 * attaching and planting.  Polling is bounded by RIG_LIMIT_NS, so that a hang
 * is a failure and not a hang of the test.
 */
#ifndef ENGINE_RIG_H
#define ENGINE_RIG_H

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracer/engine.h"

#ifndef SLOW
#define SLOW 1 /* factor of slow machines */
#endif
#define RIG_LIMIT_NS (UINT64_C(60000000000) * SLOW)

struct rig_shared {
	volatile long v[64];
	volatile int flag[8];
	volatile unsigned char bytes[1024];
};

struct rig {
	struct engine *e;
	struct engine_ops ops;
	struct engine_config config;
	struct process *p;
	struct rig_shared *shared;
	pid_t pid;
	int go;
	/* counters of upcalls */
	unsigned hits, threads, processes, execs, thread_exits, process_exits, signals;
	unsigned entries[512], returns[512];
	int64_t last_result[512];
	int last_signal, status;
	bool done;
	void (*on_hit)(struct rig *r, struct task *t, struct site *s);
	void (*on_exec)(struct rig *r, struct task *t);
	void (*on_new)(struct rig *r, struct process *p, struct task *parent);
};

#define PROBED __attribute__((noinline, noclone, noipa))

static inline uint64_t rig_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t rig_addr(const volatile void *fn)
{
	return (uint64_t)(uintptr_t)fn;
}

static inline void rig_hit(void *ctx, struct task *t, struct site *s)
{
	struct rig *r = ctx;

	r->hits++;
	if (r->on_hit)
		r->on_hit(r, t, s);
}

static inline void rig_entry(void *ctx, struct task *t, unsigned nr)
{
	struct rig *r = ctx;

	(void)t;
	if (nr < 512)
		r->entries[nr]++;
}

static inline void rig_return(void *ctx, struct task *t, unsigned nr, int64_t result)
{
	struct rig *r = ctx;

	(void)t;
	if (nr >= 512)
		return;
	r->returns[nr]++;
	r->last_result[nr] = result;
}

static inline void rig_process_new(void *ctx, struct process *p, struct task *parent)
{
	struct rig *r = ctx;

	r->processes++;
	if (r->on_new)
		r->on_new(r, p, parent);
}

static inline void rig_thread_new(void *ctx, struct task *t)
{
	(void)t;
	((struct rig *)ctx)->threads++;
}

static inline void rig_exec(void *ctx, struct task *t)
{
	struct rig *r = ctx;

	r->execs++;
	if (r->on_exec)
		r->on_exec(r, t);
}

static inline void rig_thread_exit(void *ctx, struct task *t)
{
	(void)t;
	((struct rig *)ctx)->thread_exits++;
}

static inline void rig_process_exit(void *ctx, struct process *p)
{
	struct rig *r = ctx;

	r->process_exits++;
	if (p == r->p)
		r->status = p->wait_status;
}

static inline void rig_signal(void *ctx, struct task *t, int sig)
{
	struct rig *r = ctx;

	(void)t;
	r->signals++;
	r->last_signal = sig;
}

static inline void rig_open(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->ops = (struct engine_ops){
		.site_hit = rig_hit,
		.syscall_entry = rig_entry,
		.syscall_return = rig_return,
		.process_new = rig_process_new,
		.thread_new = rig_thread_new,
		.exec = rig_exec,
		.thread_exit = rig_thread_exit,
		.process_exit = rig_process_exit,
		.signal = rig_signal,
	};
	r->config.ops = &r->ops;
	r->config.ctx = r;
	r->status = -1;
	r->go = -1;
	r->shared = mmap(NULL, sizeof(*r->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->shared, MAP_FAILED);
}

static inline void rig_engine(struct rig *r)
{
	r->e = engine_create(&r->config);
	assert_non_null(r->e);
}

static inline void rig_fail_on(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

/* Starts fn in a child that waits for rig_go(). */
static inline void rig_spawn(struct rig *r, int (*fn)(struct rig_shared *s))
{
	int fds[2];
	char c;

	assert_int_equal(pipe(fds), 0);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (!r->pid) {
		close(fds[1]);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		close(fds[0]);
		_exit(fn(r->shared));
	}
	close(fds[0]);
	r->go = fds[1];
}

static inline void rig_attach(struct rig *r)
{
	if (!r->e)
		rig_engine(r);
	rig_fail_on(engine_attach(r->e, r->pid, &r->p));
}

static inline struct site *rig_plant(struct rig *r, uint64_t addr)
{
	struct site_user user = { .arg = r };
	unsigned refused = 0;
	const char *why = "";
	struct site *s;

	rig_fail_on(site_add(r->e, r->p->as, addr, NULL, 0, user, &s));
	rig_fail_on(site_plant(r->e, r->p->as, &refused, &why));
	if (refused)
		fail_msg("refused: %s", why);
	return s;
}

static inline void rig_go(struct rig *r)
{
	assert_int_equal(write(r->go, "x", 1), 1);
	engine_start(r->e);
}

static inline unsigned rig_poll(struct rig *r, uint64_t ns)
{
	unsigned n = 0;

	rig_fail_on(engine_poll(r->e, ns ? rig_now() + ns : 0, &n, &r->done));
	return n;
}

/* Polls until the last process is gone. */
static inline void rig_run(struct rig *r)
{
	uint64_t limit = rig_now() + RIG_LIMIT_NS;

	while (!r->done) {
		rig_poll(r, 1000000000);
		if (rig_now() > limit)
			fail_msg("the target does not end");
	}
}

/* Polls until the target has set the flag. */
static inline void rig_run_to(struct rig *r, int flag)
{
	uint64_t limit = rig_now() + RIG_LIMIT_NS;

	while (!r->done && !r->shared->flag[flag]) {
		rig_poll(r, 1000000);
		if (rig_now() > limit)
			fail_msg("the target does not get there");
	}
}

static inline void rig_assert_exit(const struct rig *r, int code)
{
	if (WIFSIGNALED(r->status))
		fail_msg("the target died of signal %d", WTERMSIG(r->status));
	assert_true(WIFEXITED(r->status));
	assert_int_equal(WEXITSTATUS(r->status), code);
}

static inline void rig_close(struct rig *r)
{
	engine_destroy(r->e);
	if (r->go >= 0)
		close(r->go);
	munmap(r->shared, sizeof(*r->shared));
}

/* After detaching: waits for the target as an ordinary child. */
static inline int rig_reap(struct rig *r)
{
	int status = -1;

	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif
