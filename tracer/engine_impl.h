/*
 * What the engine's own files share.  Nobody else includes this.
 *
 *	engine.c   create, wait, queue, dispatch
 *	world.c    stopping and resuming tasks
 *	life.c     new tasks, exec, exits
 *	signal.c   SIGTRAP ownership, delivery, group stops
 *	syscall.c  seccomp and syscall stops
 *	restart.c  calls that are made again
 *	handlers.c where signals' handlers go back to
 *	fastcall.c system calls that trampolines make
 *	sud*.c     the same in attached processes
 *	inject.c   remote system calls
 *	site.c     patches; annex.c their out-of-line copies
 *	launch.c, attach.c, detach.c   the ends of a session
 *	pin.c      where the tracer waits: spin, pin or sleep
 *	task.c, mem.c   tables, registers, memory
 *
 * Rules that hold everywhere:
 *  - ptrace requests come from the thread that created the engine;
 *  - a request that answers ESRCH means the task is on its way out: the
 *    caller drops what it was doing and leaves the record to its exit status;
 *  - a task is resumed only by task_resume(), which holds it back while the
 *    world is stopped or while another of its stops waits in the queue.
 */
#ifndef ENGINE_IMPL_H
#define ENGINE_IMPL_H

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "annex.h"
#include "engine.h"
#include "event.h"
#include "guardian.h"
#include "patch.h"
#include "ring.h"
#include "sud.h"

#define TASK_BUCKETS 1024u
#define MAX_SKIPS 4
#define SIGACTION_BYTES 32 /* the kernel's struct sigaction */

#define ns_per_s UINT64_C(1000000000)
#define PULSE_NS 10000000 /* engine_pulse(): a lost wake-up lasts at most this */
#define PULSE_SIGNAL (SIGRTMAX - 3)
#define ORPHAN_NS UINT64_C(5000000) /* how long an announcement may take */
/* event.sig of a death that no wait status told. */
#define SYNTHETIC (-1)

/* A hit that was told but whose instruction a signal kept from running.  Its handler's
 * return brings back all registers; after a longjmp() the same hit has others. */
struct hit_skip {
	uint64_t addr, sp;
	uint64_t digest; /* arch_regs_digest() */
};

/* A call whose entry was told and may come a second time. */
#define RESTARTS_MAX 8
struct again_call {
	unsigned nr;
	int code; /* 512...516: why it was interrupted, if that is still to have effects */
	uint64_t pc, sp; /* behind its instruction in the program's text */
};

struct engine_task {
	struct task pub;
	struct engine_task *hash_next;
	struct engine_task *next, *prev; /* all tasks of the engine */
	enum event_kind stop; /* what it is stopped in */
	int stop_sig; /* the signal of a SIGNAL or TRAP stop */
	unsigned n_queued; /* its events waiting in the queue */
	bool in_hash;
	bool pc_dirty; /* of the registers, only pc changed */
	bool pc_valid; /* pc is known although the registers were not read */
	uint64_t pc; /* if so */
	bool is_flushed; /* registers were written in this stop */
	bool wants_resume; /* done with, but held back */
	bool is_held; /* until engine_start() */
	bool is_group_stopped; /* resume by PTRACE_LISTEN */
	bool in_vfork; /* asleep in the kernel till VFORK_DONE */
	bool is_stuck; /* uninterruptible: not waited for */
	bool is_awaited; /* world.c waits for its stop */
	bool exec_pending; /* EVENT_EXEC seen, not yet told */
	bool exit_told; /* thread_exit was called */
	bool is_detached;
	bool exit_wanted; /* PTRACE_SYSCALL to the exit of the call */
	bool is_pinned;
	cpu_set_t cpus; /* mask before pinning */
	/* Calls that may be entered again (restart.c). */
	struct {
		bool is_expected; /* the next entry is that of: */
		bool in_ring; /* the ring's word "again" says so, too */
		struct again_call call;
		struct again_call left[RESTARTS_MAX]; /* by handlers, the last one last */
		unsigned n_left;
	} restart;
	/* The last call whose entry stopped, and where that was. */
	struct {
		unsigned nr;
		uint64_t pc, sp;
	} entry;
	bool is_sampled; /* an INTERRUPT is under way for samples */
	struct task_sampling *sampling; /* NULL: not looked at yet (sample.c) */
	uint64_t mask_checked; /* when the signal mask was last looked at */
	bool mask_was_full;
	bool trap_blocked; /* SIGTRAP is, as far as known */
	struct hit_skip skips[MAX_SKIPS];
	unsigned n_skips;
	uint64_t comm_read; /* when */
	uint64_t rseq; /* address of the rseq area, 0 none */
	uint32_t rseq_size;
	bool rseq_known;
	int schedstat_fd;
	int signal_given; /* by a step, so that the stop's need not be; 0 none */
	bool stray_step; /* a step's end may come late */
	struct ring *ring; /* of the record tier; NULL none */
	uint64_t *words; /* its own, while no ring has them */
	uint32_t n_words;
	uint64_t anchor; /* as the thread has it */
	uint64_t anchor_key; /* in the table of anchors; 0 none */
	bool has_slot; /* its ring is there */
	bool has_lent_slot; /* to its vfork child, while it sleeps */
	bool is_dispatched; /* its calls are, by the kernel (sud.h) */
	struct dispatched_call call; /* that it stopped for */
	bool call_is_ahead; /* one that was told of, in a slot, before its entry's stop */
	uint64_t call_mask; /* of signals, as last seen at such a stop */
	int cpu; /* as of the drain at cpu_at */
	uint64_t cpu_at;
};

#define SIGNALS_MAX 64

/* What is known of a signal's action. */
struct signal_flags {
	uint64_t read, changed; /* when; 0: never */
	bool restarts;
};

struct engine_process {
	struct process pub;
	bool is_silent; /* not followed: nothing is told of it */
	bool is_launching; /* -c before its first exec is done */
	bool is_quiet; /* -c on its way to a hold past exec: no calls told */
	struct aspace *old_as; /* of the image before exec, until exec is told */
	/* SIGTRAP's disposition as far as known. */
	bool trap_caught, trap_ignored, trap_action_known;
	uint64_t trap_learned; /* when it was last read */
	uint8_t trap_action[SIGACTION_BYTES];
	struct signal_flags flags[SIGNALS_MAX + 1]; /* while its calls are dispatched */
	int inherited_filters; /* seccomp filters that are not the program's own */
	bool has_own_filter; /* it has been seen to install one */
	/* The way to the hold point (launch.c). */
	struct engine_launch *launch;
};

struct site_entry {
	struct site pub;
	struct aspace *as;
	bool in_table;
	bool is_pending;
	bool was_patched; /* by the last site_patch() */
	bool in_text; /* the breakpoint is there */
	bool is_told; /* its users are being told of a hit */
	bool was_tried; /* for the record tier, with the users it has */
	struct patch *patch; /* tier SITE_RECORD */
};

/* Where a signal's frame has the pc that its handler goes back to. */
struct saved_pc {
	uint64_t at, pc;
};

struct aspace {
	struct engine *engine;
	struct aspace *next;
	unsigned refs; /* processes */
	int mem_fd;
	unsigned stop_depth;
	struct site_entry **table; /* open addressing by address */
	size_t table_size, n_table;
	VEC(struct site_entry *) all; /* owned */
	VEC(struct site_entry *) planted; /* by address */
	VEC(struct site_entry *) pending;
	VEC(uint64_t) counters; /* that we raised by one */
	unsigned n_live;
	VEC(struct annex_region *) regions;
	uint64_t stub; /* remote-call stub, 0 none yet */
	bool annex_refused;
	char annex_why[128];
	char refused_why[128]; /* of the last site refused */
	bool annex_doubt; /* a pc in the annex may be saved somewhere */
	uint64_t crowded; /* around it there was no hole for trampolines; 0 nowhere */
	char foreign[64]; /* "a 32-bit x86 program": can't be patched */
	struct ring_space *rings; /* NULL: no site is of the record tier */
	VEC(struct patch *) patches; /* all that ever were, by trampoline */
	VEC(struct patch_span) spans; /* of those in the text, by address */
	VEC(struct code_region *) code;
	VEC(struct saved_pc) saved_pcs; /* handlers.c */
	struct fastcalls *calls; /* NULL: no call has been made often */
	struct sud *sud; /* NULL: its calls stop, or are not watched */
	bool has_shadow_stacks;
	bool anchor_doubt; /* a thread may come back to where it needs its anchor */
};

/* A stop of a task nobody has announced yet. */
struct orphan {
	struct event ev;
	uint64_t since;
};

enum wait_mode { WAIT_SLEEP, WAIT_SPIN };

struct pin_state {
	struct engine_task *last; /* who stopped last */
	unsigned n, n_switches; /* stops and changes in this window */
	uint64_t window_start;
	struct engine_task *pinned;
	bool is_self_pinned;
	cpu_set_t self_cpus;
	int cpu;
	uint64_t before; /* ns per stop before pinning */
	unsigned n_slow; /* windows since that were slower */
	uint64_t backoff, backoff_until;
	unsigned n_pulses; /* of engine_pulse() since the last stop */
	enum wait_mode mode;
};

struct engine {
	struct engine_config config;
	uint64_t ring_bytes; /* of a thread's ring; 0: as is usual */
	struct engine_stats stats;
	pid_t pid, tid;
	sigset_t sigchld, old_mask;
	struct sigaction old_chld;
	bool has_old_chld;
	atomic_bool woken;
	bool may_have_more; /* statuses may be waiting without a new SIGCHLD */
	bool no_children; /* waitpid said ECHILD */
	struct engine_task *buckets[TASK_BUCKETS];
	struct engine_task *tasks;
	unsigned n_tasks;
	unsigned n_fds, max_fds; /* kept open (fd_open) */
	struct process *processes;
	struct aspace *aspaces;
	uint64_t next_key;
	VEC(struct event) queue;
	size_t queue_head;
	VEC(struct orphan) orphans;
	unsigned stop_depth; /* of the whole engine */
	unsigned n_awaited;
	struct syscall_set watched;
	bool is_watching;
	struct pin_state pin;
	bool has_pulse;
	timer_t pulse;
	struct sigaction old_pulse;
	struct guardian *guardian; /* NULL: nobody is attached to */
	bool uses_rings; /* some address space has */
	VEC(struct ring *) rings; /* those with an owner */
	VEC(struct ring *) heap; /* scratch of draining */
	VEC(struct ring_cell) cells;
	uint32_t cells_top; /* where the next one goes */
	int64_t *cell_values;
	uint32_t cell_values_cap;
	bool is_draining;
	uint64_t traps_learned; /* when ring_idle() last looked */
	uint64_t ring_poll; /* ns till the rings are looked at again */
	struct {
		uint64_t raw, ns;
	} clock; /* at the last drain */
	bool watches_names; /* cells are under threads' names */
	uint64_t names_seen; /* when they were looked at */
	size_t names_next;
	VEC(uint32_t) words; /* offsets of threads' own words in rings' heads */
	struct {
		bool is_wanted;
		uint64_t first_raw, first_ns;
		struct arch_clock now;
		uint64_t use; /* as clock_use of rings */
	} line; /* the clock that trampolines read: ring_words.c */
	struct {
		uint64_t tick; /* how long run times may be behind */
		uint64_t round;
		struct engine_task *next; /* to look at; NULL the first */
		bool asked;
		int load_fd;
	} sampler;
	struct sud_share *share; /* NULL: no address space was armed */
	bool dispatches_calls; /* engine_dispatch_calls() */
	uint8_t *record; /* the one being told of */
	size_t record_cap;
};

/* -------------------------------------------------------------- sample.c -- */
/* A task for which an INTERRUPT is under way has stopped. */
void sample_take(struct engine *e, struct engine_task *t, enum event_kind kind);
void sample_drop_fd(struct engine *e, struct engine_task *t);
void sample_task_gone(struct engine *e, struct engine_task *t);
void sample_deinit(struct engine *e);

static inline struct engine_task *task_impl(struct task *t)
{
	return (struct engine_task *)t;
}
static inline struct engine_process *process_impl(struct process *p)
{
	return (struct engine_process *)p;
}

/* -------------------------------------------------------------- engine.c -- */
uint64_t engine_now(void);
/* Reaps one status into the queue; false: none there. */
bool engine_collect(struct engine *e);
/* Sleeps until a status may be there, the deadline, or engine_wake(). */
void engine_sleep(struct engine *e, uint64_t deadline);
/* While a thread is pinned: a timer that interrupts blocking waits. */
void engine_pulse(struct engine *e, bool on);
void engine_pulse_deinit(struct engine *e);
/* Waits for a status of tid alone, at most ns; 0 none, -1 no such child. */
int engine_wait_task(struct engine *e, pid_t tid, uint64_t ns, int *status);
/* Takes a status that was waited for in another way. */
void engine_ingest(struct engine *e, pid_t tid, int status);
bool engine_push(struct engine *e, const struct event *ev);
/* Cancels the task's queued events. */
void engine_queue_drop(struct engine *e, struct engine_task *t);
bool engine_pop(struct engine *e, struct event *ret);
void engine_dispatch(struct engine *e, struct event *ev);
/* Invariants stay checked in release: restores the targets, says why, aborts. */
void engine_bug(struct engine *e, const struct task *t, const char *what) __attribute__((noreturn));

/* ---------------------------------------------------------------- task.c -- */
struct engine_task *task_create(struct engine *e, pid_t tid, struct process *p);
void task_destroy(struct engine *e, struct engine_task *t);
struct engine_task *task_find(struct engine *e, pid_t tid);
void task_unhash(struct engine *e, struct engine_task *t);
void task_rename(struct engine *e, struct engine_task *t, pid_t tid);
void task_set_state(struct task *t, enum task_state state);
bool task_flush(struct engine_task *t);
/* CPU time in ns, and how often it got a CPU (0: unknown). */
uint64_t task_run_time(struct engine_task *t, uint64_t *slices);
/* After a request failed with ESRCH. */
void task_vanished(struct engine_task *t);
/* The program counter of a stopped task without its other registers; false: it is gone. */
bool task_pc(struct engine_task *t, uint64_t *pc);
void task_pc_set(struct engine_task *t, uint64_t pc);
bool task_in_rseq(struct engine_task *t, uint64_t *abort_ret);
struct process *process_create(struct engine *e, pid_t pid, struct aspace *as);
void process_destroy(struct engine *e, struct process *p);
void process_refresh(struct process *p); /* exe, ids */
struct aspace *aspace_create(struct engine *e);
struct aspace *aspace_ref(struct aspace *as);
void aspace_unref(struct aspace *as);
/* Any task of as fit for a request; NULL. */
struct engine_task *aspace_task(struct aspace *as, bool stopped);
bool task_is_of(const struct engine_task *t, const struct aspace *as);

/* ----------------------------------------------------------------- mem.c -- */
bool aspace_mem_open(struct aspace *as);
/* Descriptors that are kept open, and may be closed and opened again any time. */
int fd_open(struct engine *e, const char *path, int flags);
void fd_close(struct engine *e, int *fd);
unsigned fd_limit(void);
size_t mem_read_raw(struct aspace *as, uint64_t addr, void *buf, size_t len);
size_t mem_write_raw(struct aspace *as, uint64_t addr, const void *buf, size_t len);

/* --------------------------------------------------------------- world.c -- */
/* The task has been dealt with: it may run as soon as nothing holds it. */
void task_resume(struct engine_task *t);
bool task_is_held(const struct engine_task *t);
bool task_interrupt(struct engine_task *t);
void task_ingest_same(struct engine *e, struct engine_task *t, int status);
/* From a stop inside a system call to a clean one (or gone: false). */
bool task_make_clean(struct engine *e, struct engine_task *t);
/* On to a stop that is no signal's: what was about to be delivered is gone. */
bool task_stop_anew(struct engine *e, struct engine_task *t);

/* -------------------------------------------------------------- anchor.c -- */
/* Gives the stopped task the anchor that it must have; false: it is gone. */
bool task_put_anchor(struct engine_task *t);
/* It found the null ring, or a full one.  false: it can have no other. */
bool anchor_renew(struct engine_task *t);
/* It runs no more in its address space. */
void anchor_drop(struct engine_task *t);

/* ---------------------------------------------------------------- life.c -- */
void life_new_child(struct engine *e, struct task *parent, const struct event *ev);
void life_adopt_orphans(struct engine *e);
void life_exec_collapse(struct engine *e, struct event *ev);
void life_exec(struct engine *e, struct task *t);
void life_exec_finish(struct engine *e, struct engine_task *t);
void life_exit(struct engine *e, struct task *t, const struct event *ev);
void life_gone(struct engine *e, struct task *t, const struct event *ev);
void life_all_gone(struct engine *e);

/* -------------------------------------------------------------- signal.c -- */
void signal_trap(struct engine *e, struct task *t, const struct event *ev);
void signal_deliver(struct engine *e, struct task *t, int sig);
/* After a breakpoint's SIGTRAP; is_first: of its site. */
void signal_repair_forced(struct engine *e, struct engine_task *t, bool is_first);
/* Was a SIGTRAP about to be delivered made by a breakpoint instruction? */
bool signal_is_breakpoint(pid_t tid);
/*
 * Stopped for another reason, with a hit's SIGTRAP still to come?  INTERRUPT
 * and job control stop a thread before its pending signals are looked at.
 */
bool signal_has_hit_pending(struct engine_task *t);
/* Reads SIGTRAP's disposition from /proc, and its action if it is caught. */
void signal_learn(struct engine *e, struct engine_task *t);
/* Whether the thread blocks SIGTRAP; before its first hit. */
void signal_learn_mask(struct engine_task *t);
/* What exec does to SIGTRAP's disposition. */
void signal_exec(struct engine_process *p);
/* The action of sig in the target (remote rt_sigaction). */
bool signal_action_read(struct engine *e, struct engine_task *t, int sig,
			uint8_t action[SIGACTION_BYTES]);

/* ------------------------------------------------------------- syscall.c -- */
void syscall_seccomp_stop(struct engine *e, struct task *t);
void syscall_stop(struct engine *e, struct task *t);
/* At a stop outside of calls: was a watched call interrupted? */
void syscall_note_interrupt(struct engine *e, struct engine_task *t, int sig);
bool syscall_wants(const uint64_t *set, unsigned nr);
/* The request that resumes t: PTRACE_CONT or PTRACE_SYSCALL. */
int syscall_request(const struct engine_task *t);
void syscall_child_return(struct engine *e, struct engine_task *child, unsigned nr);
void syscall_exec_return(struct engine *e, struct engine_task *t);

/* Is the call told of? */
bool syscall_is_told(const struct engine_task *t, unsigned nr);
/* Would the signal run a handler? */
/* At its end: it may have made a call that nobody has told of. */
void syscall_ends(struct engine *e, struct engine_task *t);
/* The thread is about to set what the signal does. */
void syscall_sets_action(struct engine_task *t, int sig);
bool syscall_is_caught(const struct engine_task *t, int sig);

/* The thread is about to make a call that was dispatched: tells of it, and says whether its
 * exit is wanted. */
bool syscall_dispatched(struct engine *e, struct engine_task *t, uint64_t behind);

/* The return of a call that a trampoline made. */
void syscall_tell_return(struct engine *e, struct engine_task *t, unsigned nr, int64_t result);
/* The same of one that the signal interrupts (code: its private result, positive), if that
 * makes it fail; false: it goes on. */
bool syscall_tell_failure(struct engine *e, struct engine_task *t, unsigned nr, int code, int sig);

/* ------------------------------------------------------------ handlers.c -- */
/* With the address space stopped; false: out of memory. */
bool handlers_find(struct engine *e, struct aspace *as);
void handlers_forget(struct aspace *as);
/* Those that go back to the middle of the patch go to its trampoline. */
void handlers_move(struct aspace *as, const struct patch *p);

/* ------------------------------------------------------------- restart.c -- */
/* pc (behind the call's instruction, or as it is) and sp, as the program has them. */
void restart_read(struct engine_task *t, const struct arch_regs *r, struct again_call *ret);
/* The next entry is that of the call / of no such call. */
void restart_expect(struct engine_task *t, const struct again_call *c);
void restart_none(struct engine_task *t);
/* The one that is expected; NULL.  The same if r is about to make it. */
/* It may be a trampoline that makes the expected call. */
void restart_tell_ring(struct engine_task *t);
const struct again_call *restart_expected(struct engine_task *t);
const struct again_call *restart_ahead(struct engine_task *t, const struct arch_regs *r);
/* A handler will run, and come back to the call, or to something else (r). */
void restart_leave(struct engine_task *t, const struct again_call *c);
void restart_leave_other(struct engine_task *t, const struct arch_regs *r);
/* The ring's word left. */
uint32_t restart_left(const struct engine_task *t);
/* At the entry of rt_sigreturn. */
void restart_return(struct engine_task *t, const struct arch_regs *r);
/* At an entry: is it the second of a call?  *nr becomes that call's. */
bool restart_take(struct engine_task *t, const struct arch_regs *r, unsigned *nr);

/* ------------------------------------------------------------ fastcall.c -- */
/* At the entry of a call, before it is told of. */
void fastcall_note(struct engine *e, struct engine_task *t);
/* Is pc where trampolines make calls?  The patch whose call it is; NULL. */
bool fastcall_contains(const struct aspace *as, uint64_t pc);
struct patch *fastcall_patch(const struct aspace *as, uint64_t pc);
/* Is a call made there one that nothing is recorded of? */
bool fastcall_is_plain(const struct aspace *as, uint64_t pc);
/* The patch's trampoline is there: its slots lead to it.  false: they can't. */
bool fastcall_bind(struct aspace *as, struct patch *p);
void fastcall_unbind(struct aspace *as, const struct patch *p);
/*
 * A signal comes to a thread at such a place; r: as patch_unwind() left it, and
 * changed to what the handler is to see.  false: the thread is before its handler
 * already (signal_given), or is gone, and r no longer means anything.
 */
bool fastcall_leave(struct engine *e, struct engine_task *t, struct arch_regs *r,
		    const struct arch_tramp_place *place, int sig);
/* fastcall_frame.c: the same where the kernel is to decide; the thread has the pc of the
 * call nr in its slot. */
void fastcall_enter_handler(struct engine *e, struct engine_task *t, const struct patch *p,
			    unsigned nr, int sig);
/* A thread that can have no ring is in the trampoline; r: as patch_unwind() left it, and
 * changed to where it goes on.  false: the trampoline is not a call's. */
bool fastcall_without_ring(struct engine *e, struct engine_task *t, const struct patch *p,
			   struct arch_regs *r, const struct arch_tramp_place *place);
bool fastcall_copy(struct aspace *to, const struct aspace *from);
/* The program makes rules for where calls may be made, or what becomes of them: all go
 * back to where they were. */
void fastcall_give_up(struct engine *e, struct aspace *as);
/* Whether, and where, memory was lent for it. */
bool fastcall_mapped(const struct aspace *as);

/* -------------------------------------------------------------- inject.c -- */
struct error *inject_syscall(struct engine *e, struct engine_task *t, unsigned nr,
			     const uint64_t args[6], int64_t *result) must_check;
/* The same with the stub written over text for the time being; the address
 * space must be stopped. */
struct error *inject_bootstrap(struct engine *e, struct engine_task *t, unsigned nr,
			       const uint64_t args[6], int64_t *result) must_check;
/* Would a seccomp filter of the program's own see our calls? */
bool inject_is_filtered(const struct engine_task *t);
/* The task of as best suited for a call. */
struct engine_task *inject_choose(struct engine *e, struct aspace *as);

/* ---------------------------------------------------------------- site.c -- */
struct site_entry *site_lookup(struct aspace *as, uint64_t addr); /* also retired */
void site_hit(struct engine *e, struct task *t, struct site *s);
/* Writes original bytes (plant false) or breakpoints at the given sites, page
 * by page; by address. */
void site_patch(struct aspace *as, struct site_entry **sites, size_t n, bool plant);
void site_unplant_all(struct aspace *as);
void site_table_deinit(struct aspace *as);
/* First planted site at or above addr. */
size_t site_planted_from(const struct aspace *as, uint64_t addr);

/* ----------------------------------------------------------------- pin.c -- */
void pin_note(struct engine *e, struct engine_task *t);
void pin_idle(struct engine *e);
void pin_task_gone(struct engine *e, struct engine_task *t);
void pin_child(struct engine *e, struct engine_task *parent, pid_t child);
void pin_undo(struct engine *e);

/* -------------------------------------------------------------- launch.c -- */
#define PTRACE_OPTIONS                                                                            \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |                      \
	 PTRACE_O_TRACESECCOMP)
/* The program of a process on its way to the hold point is there. */
void launch_exec_done(struct engine *e, struct engine_task *t);
bool launch_is_pending(const struct engine_process *p);
void launch_destroy(struct engine_launch *l);
/* "a 32-bit x86 program" if the process runs something we can't trace. */
const char *launch_foreign(pid_t pid);
/* Our own seccomp filters, which our children inherit. */
int launch_own_filters(void);

/* -------------------------------------------------------------- attach.c -- */
/* Why PTRACE_SEIZE of pid said errno. */
struct error *attach_diagnose(pid_t pid, int err) must_check;

/* -------------------------------------------------------------- filter.c -- */
struct sock_filter;
#define FILTER_MAX 4096
#define FILTER_DATA 0xd7acu /* the message of our stops */
/* The filter for the set; how many instructions, 0 if the set is empty. */
unsigned filter_build(const struct syscall_set *set, struct sock_filter *out);

/* -------------------------------------------------------------- detach.c -- */
/* One instruction; false: it stopped for something else. */
bool task_step(struct engine *e, struct engine_task *t);
/* The same with the signal: to before its handler's first instruction. */
bool task_step_with(struct engine *e, struct engine_task *t, int sig);
/* Lets go of a stopped task, with a signal if it was about to get one. */
void detach_task(struct engine *e, struct engine_task *t, int sig);

#endif
