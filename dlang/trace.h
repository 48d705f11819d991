/*
 * The trace buffer: what far programs leave for the consumer.
 *
 * One entry per clause that ran to its end (a fault discards the clause's
 * data).  An entry is a header followed by one item per tracing action that
 * ran, in order:
 *
 *	entry: { u32 size; u32 epid; u64 time; u32 cpu; u32 tid; u32 pid; u32 n_items }
 *	item:  { u32 action; u32 len; data[len], padded to 8 }
 *
 * action indexes the clause's actions; data is the action's fields in key
 * encoding (agg.h).  Everything is 8-aligned.
 */
#ifndef DL_TRACE_H
#define DL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dl_entry {
	uint32_t size; /* whole entry, multiple of 8 */
	uint32_t epid;
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint32_t cpu;
	uint32_t tid;
	uint32_t pid;
	uint32_t n_items;
};

struct dl_item {
	uint32_t action;
	uint32_t len;
	uint8_t data[];
};

/* What was lost, by the CPU that it was lost on; CPUs beyond count as the last. */
#define DL_DROP_CPUS 1024u
struct dl_cpu_drops {
	uint32_t end; /* one past the highest CPU that has any */
	uint64_t n[DL_DROP_CPUS];
};

static inline void dl_cpu_drops_add(struct dl_cpu_drops *d, uint32_t cpu)
{
	cpu = cpu < DL_DROP_CPUS ? cpu : DL_DROP_CPUS - 1;
	d->n[cpu]++;
	if (cpu >= d->end)
		d->end = cpu + 1;
}

/* Those of the lowest CPU that has any, which are forgotten; 0: there are none. */
static inline uint64_t dl_cpu_drops_take(struct dl_cpu_drops *d, uint32_t *cpu_ret)
{
	for (uint32_t i = 0; i < d->end; i++) {
		uint64_t n = d->n[i];

		if (!n)
			continue;
		d->n[i] = 0;
		*cpu_ret = i;
		return n;
	}
	d->end = 0;
	return 0;
}

enum dl_bufpolicy { DL_BUF_WAIT, DL_BUF_SWITCH, DL_BUF_FILL, DL_BUF_RING };

struct dl_trace;

/* NULL: out of memory. */
struct dl_trace *dl_trace_create(enum dl_bufpolicy policy, uint64_t bufsize);
void dl_trace_destroy(struct dl_trace *t);
/*
 * Appends an entry built by dl_trace_begin()/..._commit().  begin gives a
 * staging area that holds the entry while the clause runs; commit makes it
 * visible.  Policy wait: the buffer is drained by drain() when full and
 * nothing is lost.  switch: a full buffer drops (counted).  fill: a full
 * buffer sets dl_trace_full(); what is kept for END is used when END fires.
 * ring: the oldest entries go.
 */
uint8_t *dl_trace_begin(struct dl_trace *t, size_t max); /* NULL: max is more than the buffer */
bool dl_trace_commit(struct dl_trace *t, size_t used); /* false: dropped */
/* begin again with a larger max keeps the bytes written so far.  put appends a
 * finished entry (a speculation's) without touching the staging area. */
bool dl_trace_put(struct dl_trace *t, const struct dl_entry *e);
/* Called by commit under policy wait when there is no room; must consume. */
void dl_trace_on_full(struct dl_trace *t, void (*drain)(void *ctx), void *ctx);
/*
 * Lets entries count with other sizes than they have: what is in the buffer
 * may not come to more than limit.  For a small buffer whose size is meant in
 * records of the classic layout; the memory must be large enough for them.
 */
void dl_trace_limit(struct dl_trace *t, uint64_t limit, uint32_t (*cost)(void *ctx, uint32_t epid),
		    void *ctx);
/* Policy fill: keeps n more bytes (by the limit's sizes) out of reach until dl_trace_release(). */
void dl_trace_reserve(struct dl_trace *t, size_t n);
void dl_trace_release(struct dl_trace *t);
/* First unconsumed entry, or NULL; dl_trace_next() consumes it. */
const struct dl_entry *dl_trace_peek(const struct dl_trace *t);
void dl_trace_next(struct dl_trace *t);
bool dl_trace_full(const struct dl_trace *t);
uint64_t dl_trace_take_drops(struct dl_trace *t); /* since the last call */
/* The same by the CPUs of the lost entries: dl_cpu_drops_take(). */
struct dl_cpu_drops *dl_trace_drops(struct dl_trace *t);

#endif
