/*
 * One run of dtrace: everything that a command line asks for, from compiling
 * to the exit status.  The session ties the language (dlang/), the engine and
 * the providers together; those know nothing of each other.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdio.h>

#include "../dlang/compile.h"
#include "../dlang/consume.h"
#include "../dlang/near.h"
#include "../dlang/state.h"
#include "cli.h"
#include "engine.h"
#include "object.h"
#include "probe.h"
#include "unwind.h"
#include "../arch/record.h"

/* ORDER PROVIDERS (provider_list in session.c) */
enum {
	PROVIDER_DTRACE,
	PROVIDER_PROFILE,
	PROVIDER_SYSCALL,
	PROVIDER_PROC,
	PROVIDER_PID,
	PROVIDER_USDT,
	N_PROVIDERS
};
#define FIRING_ARGS 16
/* No program has memory here: the upper half belongs to kernels. */
#define FIRING_BLOB UINT64_C(0xffff0d7ace000000)

/* What the session knows of a traced process. */
struct target {
	struct process *proc; /* NULL once it is dead */
	pid_t pid;
	bool is_command;
	bool is_named; /* by -c, -p or -W */
	struct objects *objects; /* NULL until needed */
	struct unwinder *unwinder;
	struct site *link_site; /* the dynamic linker's notification point */
	char *name; /* for messages */
	bool raw_names; /* -x nodemangle */
	unsigned generation; /* objects up to this one have their probes */
	unsigned usdt_generation; /* the same for static probes */
	struct target *parent; /* who forked it, NULL for -c and -p processes */
	struct target *next;
};

/* One timer: tick-N or profile-N. */
struct timer {
	struct probe *probe;
	uint64_t period, next; /* ns, CLOCK_MONOTONIC */
	bool samples; /* profile-N */
};

/* One firing: what the probe knows beyond the thread's registers. */
struct firing {
	struct session *session;
	struct probe *probe;
	struct task *task; /* NULL: the tracer itself (BEGIN, END, ERROR, tick) */
	bool has_args; /* args[] below instead of the calling convention */
	bool at_entry; /* at a function's first instruction */
	bool is_record; /* from a ring: the thread runs on */
	uint64_t args[FIRING_ARGS];
	unsigned missing; /* bits of args[] that have no value here */
	/* Address of object i among args[]; NULL: there are none. */
	bool (*object)(struct firing *f, unsigned i, uint64_t *ret, uint64_t *fault_addr);
	const void *source; /* the provider's */
	int error; /* errno */
	const void *blob; /* bytes of ours that the target's address FIRING_BLOB shows */
	size_t blob_len;
	uint64_t time;
	const struct arch_stack *stack; /* of a record: copied when it fired */
	struct strbuf *text; /* scratch for string variables */
};

struct compiled {
	struct cli_program *source;
	struct dl_source src;
	struct dl_unit *unit;
	struct dl_program *program;
	unsigned n_probes; /* matched */
};

struct session {
	struct cli *cli;
	struct dl_options *options; /* borrowed from cli */
	struct dl_host host;
	struct dl_ctx *ctx;
	struct dl_state *state;
	struct dl_consumer *consumer;
	struct engine *engine;
	struct probe_table *probes;
	struct provider providers[N_PROVIDERS];
	VEC(struct compiled) programs;
	struct target *targets;
	struct target *first_target; /* $target */
	struct target *first_command; /* of -c: its status may be ours */
	struct syscall_set syscalls;
	VEC(struct timer) timers;
	VEC(struct aspace *) to_plant;
	void *pid_provider; /* prov_pid.c */
	void *usdt_provider; /* prov_usdt.c */
	uint32_t proc_probes; /* ID of the first proc probe */
	bool uses_proc; /* some proc probe is enabled */
	struct tls_vars *tls_vars; /* thread-local variables that programs use; tls.c */
	struct psinfo_table *psinfo; /* of processes that may be gone; psinfo.c */
	uint32_t *syscall_probes; /* number -> ID of its entry probe, 0 none */
	FILE *out;
	uint8_t *record; /* near's record, record_size bytes */
	size_t record_size;
	struct strbuf text; /* string variables of the current firing */
	bool is_started; /* tracing is active */
	bool is_ending;
	bool scope_all; /* -x scope=all */
	bool reads_at_end; /* bufpolicy ring or fill: no output before the end */
	struct error *limit; /* an enabling that does not fit the buffer */
	bool test_mode;
	bool has_hinted; /* at a fault's likely cause; once is enough */
	bool is_compiling; /* the targets' files are mapped: types can be read */
	bool wants_objects; /* some probe or action needs symbols of the targets */
	bool has_captures; /* some near program captures blocks of memory */
	bool told_tracer; /* that a tracer can not be traced */
	bool command_ended; /* the first -c command ended by itself: */
	int command_status; /* its wait status */
	volatile unsigned interrupts; /* ^C seen; set by a signal handler */
	unsigned n_roots_alive; /* -c and -p processes still there */
	uint32_t strsize;
	int only_cpu; /* -x cpu: probes of threads elsewhere do not fire; -1 all */
	uint64_t chill_window, chill_spent; /* chill(): time stopped in this second */
	uint64_t last_consume; /* ns, CLOCK_MONOTONIC */
	uint64_t last_status; /* when drops were reported */
	struct error *failure; /* fatal, found in an upcall */
	uint64_t n_refused; /* sites that could not be planted */
	const char *refused_why;
	/* args[] of the firing at hand that were put together from registers. */
	uint8_t arg_objects[32][64];
	struct tier *tier; /* tier.c */
	uint64_t arg_known[32]; /* a bit for each byte that has a value */
};

/* session.c */
struct error *session_create(struct cli *cli, struct session **ret) must_check;
void session_destroy(struct session *s);
/* Runs it all; *status is the exit status. */
struct error *session_run(struct session *s, int *status) must_check;
/* -x debug, DTRACE_DEBUG: a line on stderr for who looks for trouble. */
void session_debug(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void session_message(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Called from signal handlers through main: counts an interrupt. */
void session_interrupt(struct session *s);
/* Lets go of all targets; signal handlers may still call the session's functions. */
void session_let_go(struct session *s);
/* For handlers of fatal signals: engine_emergency_detach(), if there is an engine. */
void session_emergency(struct session *s);

/* session_state.c */
/* The state and the consumer of what was compiled. */
struct error *session_create_state(struct session *s) must_check;
/* Room for the largest record any clause can make. */
struct error *session_create_record(struct session *s) must_check;

/* compile.c: programs to enablings */
/* -C; before any target is started. */
struct error *session_preprocess(struct session *s) must_check;
struct error *session_load_programs(struct session *s) must_check;
struct error *session_compile(struct session *s) must_check;
/* One more target while compiling, as if by -p: a description names its process. */
struct error *session_attach(struct session *s, pid_t pid) must_check;
struct error *session_enable(struct session *s) must_check;
/* New probes or objects: enables what the clauses want of them. */
struct error *session_rematch(struct session *s, uint32_t first_new_id) must_check;
/* Does any description need the target's libraries mapped? */
bool session_wants_objects(const struct session *s);
/* Is anything asked for that happens in children too (system-wide, -x follow)? */
bool session_wants_children(const struct session *s);
void session_wanted_syscalls(struct session *s, struct syscall_set *ret);

/* notices.c: says what was asked for and could not be given. */
void session_debug_options(struct session *s);
void session_notices(struct session *s);
void session_notice_command(struct session *s, char *const *argv);
void session_notice_tracer(struct session *s, const struct process *p);

/* host.c: what the compiler asks */
void session_host_init(struct session *s);

/* fire.c */
/* Target memory as a firing sees it. */
size_t firing_load(const struct firing *f, uint64_t addr, void *buf, size_t len);
/* Does any clause of the probe look at argument n? */
bool session_uses_arg(const struct session *s, const struct probe *p, unsigned n);
void session_fire(struct session *s, struct firing *f);
void session_fire_simple(struct session *s, struct probe *p);
void session_fire_record(struct session *s, struct task *task, struct dl_record *rec);
void session_fire_cell(struct session *s, struct task *task, const struct dl_cell *c);
/* Consumes what is in the buffer; a failure is kept for the loop. */
void session_consume(void *ctx);

/* target.c */
struct target *target_of(struct session *s, struct process *p); /* makes it */
struct target *target_by_pid(struct session *s, pid_t pid); /* dead ones too; NULL */
/* The object table, read now if it wasn't; NULL when it can't be. */
struct objects *target_objects(struct target *t);
void target_destroy(struct target *t);
void target_ended(struct session *s, struct target *t);
/* Detaches from all processes; kills those of -c. */
void targets_let_go(struct session *s);
/* scope.c */
/* -W: the next process of that name. */
struct error *scope_wait(struct session *s, const char *name, pid_t *ret) must_check;
/* -x scope=all: every process that may be traced, but for those above us. */
struct error *scope_attach_all(struct session *s) must_check;
/* Plants the hook that tells of dlopen() and dlclose(). */
struct error *target_watch_linker(struct session *s, struct target *t) must_check;
/* Gives the probes of objects that were not looked at yet. */
struct error *target_provide(struct session *s, struct target *t) must_check;
struct error *target_refresh(struct session *s, struct target *t) must_check;
struct error *session_plant(struct session *s) must_check;

/* events.c: the engine's upcalls */
extern const struct engine_ops session_engine_ops;

/* stack.c: stacks in records */
/* Must records of the clause have the stack?  ERROR may want that of a clause that faults. */
bool stack_is_wanted(const struct session *s, const struct dl_clause *c);
#define STACK_MAX (32u << 10) /* deeper ones stop */
uint64_t stack_end(struct session *s, struct task *t, const struct arch_regs *regs,
		   uint64_t *lo_ret);
/* As unwind(), of a record's stack. */
int stack_walk(struct session *s, struct task *t, const struct arch_stack *stack, uint64_t *pcs,
	       int max);

/* vars.c: answers to the VM */
extern const struct dl_thread_ops session_thread_ops;

/* provider hooks called from events.c */
/* -v: enabled calls that no program makes any more, and have not fired. */
void syscall_report_silent(struct session *s);
void syscall_fire(struct session *s, struct task *t, unsigned nr, bool is_return, int64_t result);
void pid_fire(struct session *s, struct task *t, struct site *site);
void proc_process_new(struct session *s, struct process *p, struct task *parent);
void proc_thread_new(struct session *s, struct task *t);
void proc_thread_exit(struct session *s, struct task *t);
void proc_syscall(struct session *s, struct task *t, unsigned nr, bool is_return, int64_t result);
void proc_signal(struct session *s, struct task *t, int sig);
/* Adds the system calls that a proc probe is made of. */
void proc_wanted_syscalls(const struct probe *pr, struct syscall_set *set);
void psinfo_remember(struct session *s, pid_t id); /* psinfo.c */
/* Objects of the target changed (or a new image): give its probes again. */
struct error *pid_provide_again(struct session *s, struct target *t) must_check;
void pid_objects_gone(struct session *s, struct target *t, uint64_t lo, uint64_t hi);
void pid_target_gone(struct session *s, struct target *t);
void pid_provider_destroy(struct session *s);
/* The same for static probes. */
struct error *usdt_provide_again(struct session *s, struct target *t) must_check;
void usdt_objects_gone(struct session *s, struct target *t, uint64_t lo, uint64_t hi);
void usdt_target_gone(struct session *s, struct target *t);
void usdt_provider_destroy(struct session *s);
/* All that the targets have now: for -l alone. */
struct error *usdt_provide_everything(struct session *s) must_check;
/* Do any descriptions ask for static probes? */
bool usdt_is_wanted(const struct session *s);
/* Lowers all semaphores that were raised, before processes are let go. */
void usdt_release(struct session *s);
/* A forked child's copy of the memory has the parent's raised semaphores. */
void usdt_forked(struct session *s, struct aspace *copy, pid_t parent);
/* Fires what is due; returns the next deadline. */
uint64_t profile_run(struct session *s, uint64_t now);
void profile_start(struct session *s, uint64_t now);
void profile_sample(struct session *s, struct task *t, unsigned timer);

/* tier.c */
/* Looks at the programs, before anything fires. */
void tier_begin(struct session *s);
/* Sites that were planted go to the record tier where they can. */
struct error *tier_promote(struct session *s, struct aspace *as) must_check;
void tier_report(const struct session *s);
void tier_report_calls(const struct session *s);
/* At the end: what stopped all the same. */
void tier_report_end(const struct session *s);
void tier_destroy(struct session *s);
/* tier_call.c: the thread makes call nr at addr, as often before; false: it stays a stop. */
bool tier_hot_call(struct session *s, struct task *t, uint64_t addr, unsigned nr);
/* tier_places.c: all calls of the process that are known. */
void tier_plant_calls(struct session *s, struct process *proc);
/* Calls of an attached process go on stopping. */
void tier_calls_refused(struct session *s, const char *why);

/* What the record tier has to know of a site's user. */
struct tier_spot {
	const struct probe *probe;
	struct object *object;
	const struct sym *sym;
	enum arch_probe_kind kind;
	bool taken_only;
	bool at_entry; /* at a function's first instruction */
	uint64_t offset;
	const struct arch_place *places; /* the spot's own */
	unsigned n_places;
	const struct arch_where *objects; /* the probe's */
	unsigned n_objects;
};
/* NULL, or why the probe stays on the stop tier. */
const char *pid_tier_spot(const struct site_user *u, struct tier_spot *ret);
const char *usdt_tier_spot(const struct site_user *u, struct tier_spot *ret);

/* report.c */
void report_list(struct session *s);
void report_stability(struct session *s, const struct compiled *p, bool with_probes);

uint64_t now_ns(void);

#endif
