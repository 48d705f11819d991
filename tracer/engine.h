/*
 * The ptrace engine: owns every traced task from seize to detach.
 *
 * One thread waits, decodes each wait status once into an event (event.h),
 * collects all that are pending, then acts on them in order.  What an event
 * means for probes is the session's business and is told through upcalls;
 * what it means for the task (signals delivered exactly as without a tracer,
 * group stops, new threads, exec, exit) is done here.
 *
 * In an upcall with a task, that task is stopped and may be read, written and
 * stopped for longer work; it is resumed by the engine after the upcall.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../arch/record.h"
#include "../dlang/error.h"
#include "../dlang/vec.h"
#include "site.h"
#include "task.h"

struct dl_cell;

struct engine_ops {
	/* A planted site was hit; regs' pc is the site's address. */
	void (*site_hit)(void *ctx, struct task *t, struct site *s);
	/* Watched system calls (engine_watch_syscalls).  nr may be any for PTRACE_SYSCALL. */
	void (*syscall_entry)(void *ctx, struct task *t, unsigned nr);
	void (*syscall_return)(void *ctx, struct task *t, unsigned nr, int64_t result);
	/*
	 * The stopped thread is about to make call nr at addr, as has been done there often:
	 * the place to have it recorded instead (engine_call_patch).  false: not this call.
	 */
	bool (*hot_call)(void *ctx, struct task *t, uint64_t addr, unsigned nr);
	/*
	 * Calls of the process are dispatched from now on; it is stopped: engine_call_plant()
	 * for what is known of them.  Or why not, or no more.
	 */
	void (*plant_calls)(void *ctx, struct process *p);
	void (*calls_refused)(void *ctx, const char *why);
	/* New process (fork, vfork or clone without CLONE_THREAD), before it runs.
	 * Its sites: a copied address space has had its patches removed. */
	void (*process_new)(void *ctx, struct process *p, struct task *parent);
	/* A forked child that is not followed is about to be let go, patches removed. */
	void (*fork_released)(void *ctx, struct process *p);
	void (*thread_new)(void *ctx, struct task *t);
	/* New image mapped, nothing of it has run; p->as is new. */
	void (*exec)(void *ctx, struct task *t);
	/* The thread is about to die; its registers can still be read. */
	void (*thread_exit)(void *ctx, struct task *t);
	/* The last thread is gone; wait_status as waitpid gives it. */
	void (*process_exit)(void *ctx, struct process *p);
	/* What engine_sample() interrupted for that timer. */
	void (*sample)(void *ctx, struct task *t, unsigned timer);
	/* Asked while a command runs up to its hold point: is it not wanted any more? */
	bool (*interrupted)(void *ctx);
	/* A signal is about to be delivered (not our own traps). */
	void (*signal)(void *ctx, struct task *t, int sig);
	/*
	 * New sites are about to be planted; the address space is stopped.  Those that
	 * are patched now (engine_record_patch) get no breakpoint.
	 */
	void (*promote)(void *ctx, struct aspace *as);
	/* The thread has left a record (engine_drain); time is in ns. */
	void (*record)(void *ctx, struct task *t, struct dl_record *rec); /* its to change */
	/*
	 * A thread is about to leave stacks in records: up to where its stack goes that has
	 * the registers' stack pointer, and from where on in *lo_ret; 0: it must not.
	 */
	uint64_t (*stack_end)(void *ctx, struct task *t, const struct arch_regs *regs,
			      uint64_t *lo_ret);
	/* What the thread's cell of epid's aggregation number index has counted since it
	 * was told last. */
	void (*cell)(void *ctx, struct task *t, const struct dl_cell *c);
};

struct engine_config {
	const struct engine_ops *ops;
	void *ctx;
	bool cpupin; /* adaptive pinning allowed (-x cpupin) */
	bool follow_forks; /* trace the children of -p processes too */
	bool verbose;
};

struct engine *engine_create(const struct engine_config *config); /* NULL: out of memory */
/* Detaches everything first (engine_detach_all). */
void engine_destroy(struct engine *e);

/*
 * -c: forks the command; the child waits, seized with EXITKILL, before its
 * execve, so that its pid is known.  argv is the command, searched in PATH.
 * env_changes: "NAME=VALUE" sets, "NAME" unsets; NULL-terminated; may be NULL.
 */
struct error *engine_fork(struct engine *e, char *const argv[], char *const env_changes[],
			  struct process **ret) must_check;
/* Where engine_exec() holds the process. */
enum hold {
	HOLD_EXEC, /* after execve, before its first instruction */
	HOLD_PREINIT, /* at the program's entry point: libraries mapped */
	HOLD_MAIN, /* at main() (postinit too); falls back to the entry point */
};
/*
 * Lets the forked child install the filter for the watched system calls (if
 * any) and exec, and runs it up to the hold point.  main_addr(ctx, p) is asked
 * at the entry point where main is (0: unknown).  Fails with "failed to
 * execute X: MSG".
 */
struct error *engine_exec(struct engine *e, struct process *p, enum hold hold,
			  uint64_t (*main_addr)(void *ctx, struct process *p)) must_check;
/* -p: seizes all threads and stops them.  The error says which fact refuses. */
struct error *engine_attach(struct engine *e, pid_t pid, struct process **ret) must_check;

/*
 * Which system calls to report: bit nr of entry and exit.  For -c processes it
 * must be called before engine_exec() (the filter can't change later; then
 * only a subset may be asked for); -p processes use PTRACE_SYSCALL.
 */
#define ENGINE_SYSCALL_WORDS 16
struct syscall_set {
	uint64_t entry[ENGINE_SYSCALL_WORDS];
	uint64_t exit[ENGINE_SYSCALL_WORDS];
};
void engine_watch_syscalls(struct engine *e, const struct syscall_set *set);

/* Attached processes may have their calls dispatched, which spares most of the stops. */
void engine_dispatch_calls(struct engine *e);

/* Children of -p processes born from now on are traced too (config.follow_forks). */
void engine_follow_forks(struct engine *e, bool follow);
/* Of a thread's ring, in bytes (-x bufsize), from 64 KB to 64 MB; without it, or 0, 1 MB. */
void engine_set_ring_bytes(struct engine *e, uint64_t bytes);

/* The thread's stack led out of its copy: from now on its hits that want the stack stop. */
void engine_stack_odd(struct task *t);

/* Lets held and attached processes run.  Before this nothing of them runs but
 * what engine_exec() needs. */
void engine_start(struct engine *e);

/*
 * Handles events until none is pending, waiting for one at most until
 * deadline_ns (CLOCK_MONOTONIC; 0 = do not wait, UINT64_MAX = no limit), or
 * until engine_wake().  Returns the number of events handled; *done: no
 * process is left.
 */
struct error *engine_poll(struct engine *e, uint64_t deadline_ns, unsigned *n_ret, bool *done)
	must_check;
/* Async-signal-safe: makes engine_poll() return soon. */
void engine_wake(struct engine *e);

/*
 * Stops every task of the address space (all: of the engine), and resumes
 * those it stopped.  Nestable.  Stops that arrive meanwhile are kept as events.
 */
struct error *engine_stop_world(struct engine *e, struct aspace *as) must_check;
void engine_resume_world(struct engine *e, struct aspace *as);

/* Runs one system call in the target: some task of as is stopped for it. */
struct error *engine_remote_syscall(struct engine *e, struct aspace *as, unsigned nr,
				    const uint64_t args[6], int64_t *result) must_check;

/*
 * Interrupts the threads that are on a CPU, for ops->sample, so that each has one sample in
 * a period of its run time since the start.  Called once a period for each timer.
 */
void engine_sample_start(struct engine *e);
void engine_sample(struct engine *e, unsigned timer, uint64_t period);

/*
 * A 16-bit counter at addr was raised by one, and is lowered should we be killed; those in
 * [lo, hi) are about to be lowered, or gone.
 */
bool engine_counter_raised(struct aspace *as, uint64_t addr);
void engine_counters_forget(struct aspace *as, uint64_t lo, uint64_t hi);

/* Queues a signal to the task or (stop) its process for when it leaves the probe. */
bool engine_raise(struct engine *e, struct task *t, int sig);
/* Address of the stopped task's handler for sig; a remote call. */
bool engine_signal_handler(struct engine *e, struct task *t, int sig, uint64_t *ret);
bool engine_stop_task(struct engine *e, struct task *t);

/*
 * Removes every patch and lets go of every process: -p ones run on as if
 * never traced; -c ones are killed if kill_children (and were not told to be
 * left alone), else detached too.
 */
void engine_detach_all(struct engine *e, bool kill_children);
/*
 * For handlers of fatal signals (SEGV, ABRT, ...): restores the text of every
 * target and lets go, as well as that can be done without memory or locks.
 * The engine can't be used after it; the caller ends the program.
 */
void engine_emergency_detach(struct engine *e);

/*
 * The record tier (record.h of arch/).  Between begin and end the address
 * space is stopped; need: the largest record of any site to come.  patch:
 * NULL, or why the sites stay breakpoints; span: patched text in [lo, hi).
 */
struct error *engine_record_begin(struct engine *e, struct aspace *as, uint64_t near, uint32_t need)
	must_check;
const char *engine_record_patch(struct engine *e, struct aspace *as, struct arch_tramp_job *job,
				struct site **sites, size_t n_sites);
bool engine_record_span(const struct aspace *as, uint64_t lo, uint64_t hi, size_t i,
			struct arch_span *ret);
void engine_record_end(struct engine *e, struct aspace *as);
/*
 * System calls (record.h).  take: which calls are recorded at addr, and no more
 * from now on; their number.  slots: n free ones, NULL or why there are none.
 */
uint32_t engine_calls_take(struct engine *e, struct aspace *as, uint64_t addr,
			   uint32_t nrs[ARCH_TRAMP_CALLS]);
const char *engine_calls_slots(struct engine *e, struct aspace *as, uint32_t n, uint64_t *ret);
/*
 * Where calls are dispatched (armed) all places are patched: now, or when they are first
 * come to.  plan: what a patch of the place looks like, and the slot of other numbers.
 */
bool engine_calls_armed(const struct aspace *as);
const char *engine_call_plan(struct engine *e, struct aspace *as, uint64_t addr,
			     struct arch_patch_plan *plan, uint64_t *plain_slot);
void engine_call_plant(struct engine *e, struct aspace *as, uint64_t addr);
/* Records are drained and told of before any other event; this does it now. */
void engine_drain(struct engine *e);
/* Has ops->cell told what was counted. */
void engine_collect_cells(struct engine *e);
/* A new cell in all rings, of kind, param and keys as a has it, for epid and number index
 * of c: its offset, 0 if there is no room. */
uint32_t engine_cell_add(struct engine *e, const struct arch_agg *a, const struct dl_cell *c);
/* Bytes of all cells and words there are. */
uint32_t engine_cells_size(const struct engine *e);

/* A word that each thread has for itself, in all rings: its offset, 0 if there is no room. */
uint32_t engine_word_add(struct engine *e);
/* Word number n of a (stopped) thread; zero in a new one.  NULL: there is no memory. */
uint64_t *engine_word(struct task *t, uint32_t n);
/* Cells are told of under the name that the thread had when it counted. */
void engine_watch_names(struct engine *e);
/* Trampolines ask for the time. */
void engine_want_clock(struct engine *e);

/* Counters for -v and tests. */
struct engine_stats {
	uint64_t stops, site_hits, syscall_stops, signals, remote_calls;
	uint64_t slots, emulated, pinned;
	uint64_t records, patches, ring_traps, ring_drops, ring_failures;
	uint64_t call_sites;
	uint64_t armed; /* address spaces whose calls are dispatched */
	uint64_t call_stops; /* calls that stopped there, */
	uint64_t call_places_refused; /* at places that could not be patched */
	uint64_t patches_given_up; /* code jumps into them all the time */
	uint64_t stack_stops; /* hits at patches that stopped for their stacks */
};
const struct engine_stats *engine_stats(const struct engine *e);

#endif
