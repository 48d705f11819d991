/*
 * Run-time state of a session and the far VM.
 *
 * A state holds what programs act on: variables, aggregations, speculations,
 * the trace buffer, and the enablings (probe x clause), each with its EPID.
 * The tracer calls dl_fire() with a record and a thread; dlang never touches
 * a process itself but asks through struct dl_thread_ops.
 *
 * Probe context rules hold inside dl_fire(): the target may be stopped, so no
 * I/O; allocation happens only when a dynamic variable or an aggregation key
 * is new, within dynvarsize and aggsize.
 */
#ifndef DL_STATE_H
#define DL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agg.h"
#include "compile.h"
#include "program.h"
#include "trace.h"

/* Fields of the process translators (psinfo_t, lwpsinfo_t); handle = pid or tid.
 * ORDER PROC_FIELDS (the libraries use the numbers) */
enum dl_proc_field {
	DL_PF_PID,
	DL_PF_PPID,
	DL_PF_PGID,
	DL_PF_SID,
	DL_PF_UID,
	DL_PF_EUID,
	DL_PF_GID,
	DL_PF_EGID,
	DL_PF_NLWP,
	DL_PF_TTY,
	DL_PF_START,
	DL_PF_ARGC,
	DL_PF_ARGV,
	DL_PF_ENVP,
	DL_PF_DMODEL,
	DL_PF_STATE,
	DL_PF_PRI,
	DL_PF_NICE,
	DL_PF_CPU,
	DL_PF_TID,
	DL_PF_FLAGS,
	DL_PF_FNAME,
	DL_PF_PSARGS,
	DL_PF_LWPNAME,
	DL_PF_SNAME,
	DL_PF_CLNAME, /* strings */
	DL_PF_SYSCALL,
	DL_PF_COUNT
};
/* ORDER FD_FIELDS */
enum dl_fd_field {
	DL_FF_OFFSET,
	DL_FF_OFLAGS,
	DL_FF_NAME,
	DL_FF_DIRNAME,
	DL_FF_PATHNAME,
	DL_FF_FS,
	DL_FF_MOUNT, /* strings */
	DL_FF_COUNT
};

/* In what ustack() gives: nothing but what looked like a return address says so. */
#define DL_FRAME_GUESS (UINT64_C(1) << 63)

/*
 * The thread that fired.  ctx is the tracer's.  load, store, ustack and
 * effect work only while the thread is stopped (clauses with needs_stop);
 * the others answer from the tracer's own tables at any time.
 */
struct dl_thread_ops {
	/* The (stopped) thread's own word n; NULL: it has none. */
	uint64_t *(*word)(void *ctx, uint32_t n);
	size_t (*load)(void *ctx, uint64_t addr, void *buf, size_t len); /* bytes read */
	size_t (*store)(void *ctx, uint64_t addr, const void *buf, size_t len);
	uint64_t (*var)(void *ctx, enum dl_bvar which);
	uint64_t (*var_at)(void *ctx, enum dl_bvar which, uint64_t index);
	const char *(*var_str)(void *ctx, enum dl_bvar which); /* borrowed until the firing ends */
	/* First pc is the probed one.  Returns how many; -1: BADSTACK. */
	int (*ustack)(void *ctx, uint64_t *pcs, int max);
	int64_t (*proc_int)(void *ctx, uint64_t handle, enum dl_proc_field f);
	const char *(*proc_str)(void *ctx, uint64_t handle, enum dl_proc_field f);
	int64_t (*fd_int)(void *ctx, int fd, enum dl_fd_field f);
	const char *(*fd_str)(void *ctx, int fd, enum dl_fd_field f);
	bool (*progenyof)(void *ctx, int64_t pid);
	/* Where the symbol (USYM) or object (UMOD) of addr starts, else addr: as keys all
	 * addresses of one are the same.  NULL: they are not. */
	uint64_t (*sym_start)(void *ctx, uint64_t addr, enum dl_symkind kind);
	/* false: refused (ILLOP fault): bad signal number, chill over its limit. */
	bool (*effect)(void *ctx, enum dl_effect e, uint64_t arg);
};

struct dl_thread {
	const struct dl_thread_ops *ops;
	void *ctx;
	uint64_t key; /* identity for self->: unique per thread life; 0 = the tracer's own */
	uint32_t pid, tid;
};

/* Identity of a probe for output. */
struct dl_probe_id {
	uint32_t id;
	const char *prov, *mod, *func, *name;
};

struct dl_enabling {
	uint32_t epid; /* from 1 */
	const struct dl_clause *clause; /* borrowed from the context */
	struct dl_probe_id probe; /* texts borrowed for the state's life */
};

struct dl_state;

/* Sizes come from the options at this moment; NULL: out of memory. */
struct dl_state *dl_state_create(struct dl_ctx *c, const struct dl_options *o);
void dl_state_destroy(struct dl_state *s);
/* 0: failed, why is in err_ret; ERR_LIMIT: "Enabling exceeds size of buffer" and the like. */
uint32_t dl_state_enable(struct dl_state *s, const struct dl_clause *clause,
			 const struct dl_probe_id *probe, struct error **err_ret);
/* What the sizes have become: bufresize=auto halves them until there is memory. */
uint64_t dl_state_bufsize(const struct dl_state *s);
uint64_t dl_state_dynvarsize(const struct dl_state *s);
const struct dl_enabling *dl_state_enabling(const struct dl_state *s, uint32_t epid);
/* The self-> variable is the thread's own word of that number, where there are such. */
void dl_state_share_var(struct dl_state *s, uint32_t var, uint32_t word);
/* What records with DL_REC_NEAR and cells of the enabling are of, instead of its clause. */
void dl_state_set_near(struct dl_state *s, uint32_t epid, const struct dl_clause *clause);
const struct dl_clause *dl_state_near(const struct dl_state *s, uint32_t epid); /* or NULL */
struct dl_agg_set *dl_state_aggs(struct dl_state *s);
struct dl_trace *dl_state_trace(struct dl_state *s);
struct dl_ctx *dl_state_ctx(struct dl_state *s);

/* Activity: inactive -> warm-up (BEGIN) -> active -> draining (exit) -> cool-down (END) -> stopped */
enum dl_activity { DL_INACTIVE, DL_WARMUP, DL_ACTIVE, DL_DRAINING, DL_COOLDOWN, DL_STOPPED };
enum dl_activity dl_state_activity(const struct dl_state *s);
void dl_state_set_activity(struct dl_state *s, enum dl_activity a);

/* What a firing asks of the tracer's loop. */
#define DL_FIRED_EXIT 1u /* exit() ran: the activity is now draining */
#define DL_FIRED_CONSUME 2u /* printa(), clear(), ... ran: consume before the next firing */
#define DL_FIRED_FAULT 4u /* a fault was queued: fire ERROR (dl_take_fault) */

/*
 * Runs the far program of the record's enabling.  A fault discards the
 * clause's data and is queued.
 */
unsigned dl_fire(struct dl_state *s, const struct dl_record *rec, const struct dl_thread *t);

/*
 * Merges a cell of the record tier: what the clause of epid (near_agg.h) has
 * aggregated in thread t since the last time by its AGG number index (from 0),
 * for one key.
 */
struct dl_cell {
	uint32_t epid, index;
	int32_t key_slot; /* the clause's slot that has the key; -1: it has none */
	uint64_t key;
	const int64_t *values;
	uint32_t n_values;
	uint64_t hits;
};
void dl_fire_cell(struct dl_state *s, const struct dl_thread *t, const struct dl_cell *c);

/* A fault waiting for its ERROR firing and its message. */
struct dl_fault_info {
	uint32_t epid;
	uint32_t action; /* 1-based statement, 0 predicate */
	int64_t offset; /* bytecode instruction of far, -1 if n/a */
	enum dl_fault fault;
	uint64_t addr; /* BADADDR, BADALIGN, BADSTACK */
};
bool dl_take_fault(struct dl_state *s, struct dl_fault_info *ret);

/* exit() status, if any ran. */
bool dl_exit_status(const struct dl_state *s, int *ret);

/* Drops since the last call, by kind. */
enum dl_drop {
	DL_DROP_PRINCIPAL,
	DL_DROP_AGG,
	DL_DROP_DYNVAR,
	DL_DROP_SPEC,
	DL_DROP_SPECBUSY,
	DL_DROP_SPECUNAVAIL,
	DL_DROP_STKSTR,
	DL_DROP_DBLERROR,
	DL_DROP_COUNT
};
uint64_t dl_take_drops(struct dl_state *s, enum dl_drop which);
/* Principal and aggregation drops of one CPU after the other; 0: no more. */
uint64_t dl_take_cpu_drops(struct dl_state *s, enum dl_drop which, uint32_t *cpu_ret);
void dl_count_drop(struct dl_state *s, enum dl_drop which);
void dl_count_cpu_drop(struct dl_state *s, enum dl_drop which, uint32_t cpu);

#endif
