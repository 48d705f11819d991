/*
 * The consumer: trace entries and aggregations to text, byte for byte as
 * DTrace prints them.  It reads a state and writes to a stdio stream; it does
 * not know where the entries came from.
 */
#ifndef DL_CONSUME_H
#define DL_CONSUME_H

#include <stdbool.h>
#include <stdio.h>

#include "state.h"
#include "strbuf.h"

/* How addresses become names, and what needs the session. */
struct dl_consumer_ops {
	/* Appends "obj`sym+0x1" (uaddr, frames), "obj`sym" (usym) or "obj" (umod). */
	/* As dl_format_env's: frames of stacks (-x ustackline: with source lines). */
	void (*frame)(void *ctx, uint32_t pid, uint64_t addr, uint32_t index, struct strbuf *out);
	void (*symbolize)(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
			  struct strbuf *out);
	/* A line for stderr, without "dtrace: ". */
	void (*message)(void *ctx, const char *text);
	/* setopt(): NULL or an error. */
	struct error *(*setopt)(void *ctx, const char *name, const char *value);
	/* Before system() runs a command: flush and such; after: nothing owed. NULL = none. */
	void (*before_system)(void *ctx);
};

struct dl_consumer;

struct dl_consumer_config {
	struct dl_state *state;
	struct dl_options *options; /* borrowed: dynamic ones are read as they change */
	const struct dl_consumer_ops *ops;
	void *ctx;
	FILE *out; /* borrowed; stdout or -o file */
	const char *out_name; /* "<stdout>" or the file's name, for write errors */
	bool dumps; /* -B: each piece of text as what a program would get */
	/* _DTRACE_TESTING: no CPU and ID columns, no last newline; Oracle's column
	 * widths of trace() and words of faults. */
	bool test_mode;
};

struct dl_consumer *dl_consumer_create(const struct dl_consumer_config *config);
void dl_consumer_destroy(struct dl_consumer *c);
/* Consumes everything in the trace buffer.  An error means output failed. */
struct error *dl_consumer_run(struct dl_consumer *c);
/* Is the oformat option's value one we know?  NULL (unset) is. */
struct error *dl_consumer_check_format(const char *oformat);
/* Makes sure that all output has left the process: call it when idle. */
struct error *dl_consumer_flush(struct dl_consumer *c);
/* Whose addresses %A and %a mean in BEGIN and END, once there is a target. */
void dl_consumer_set_target(struct dl_consumer *c, uint32_t pid);
/* The end of the run: newline, then aggregations no printa() printed. */
struct error *dl_consumer_finish(struct dl_consumer *c);
/* Fault and drop messages (through ops->message). */
void dl_consumer_fault(struct dl_consumer *c, const struct dl_fault_info *f);
void dl_consumer_drops(struct dl_consumer *c);
/* "invalid address", ... */
const char *dl_fault_name(enum dl_fault f);

#endif
