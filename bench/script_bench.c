/*
 * Real clauses, compiled, on recorded input: near's captures were made before,
 * far runs and the consumer writes to /dev/null.
 *
 *	script [millions of firings, default 2]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dlang/compile.h"
#include "dlang/consume.h"
#include "dlang/ctx.h"
#include "dlang/near.h"
#include "dlang/option.h"
#include "dlang/state.h"

#define RECORDS 1024u
#define RECORD_BYTES 512u

static const char *const scripts[] = {
	"BEGIN { printf(\"%d %d\\n\", arg0, arg1); }",
	"BEGIN { printf(\"%s %x %10d\\n\", probefunc, arg0, arg1); }",
	"BEGIN { trace(arg0); }",
	"BEGIN { a[arg0] = arg1; }",
	"BEGIN { a[arg0, pid] = timestamp; }",
	"BEGIN { self->t = timestamp; @ = quantize(timestamp - self->t); }",
	"BEGIN { @[arg0] = count(); }",
	"BEGIN { @[probefunc] = count(); }",
	"BEGIN /arg1 & 1/ { @ = quantize(arg0); }",
};

static uint64_t firing;

static bool arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	(void)ctx;
	*fault_addr = 0;
	*value = n ? firing : firing % 1000;
	return true;
}

static uint64_t reg(void *ctx, unsigned n)
{
	(void)ctx;
	return n;
}

static size_t load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	(void)addr;
	(void)buf;
	(void)len;
	return 0;
}

static struct error *match(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	(void)ctx;
	(void)d;
	*ret = (struct dl_probe_info){
		.prov = "dtrace", .mod = "", .func = "", .name = "BEGIN", .id = 1, .n_matches = 1
	};
	return NULL;
}

static void message(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text);
}

static void consume(void *ctx)
{
	error_destroy(dl_consumer_run(ctx));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *records;

static struct dl_record *record(size_t i)
{
	return (struct dl_record *)(records + i * RECORD_BYTES);
}

static void record_all(const struct dl_clause *c, uint32_t epid)
{
	static const struct dl_near_ops ops = { .arg = arg, .reg = reg, .load = load };

	for (firing = 0; firing < RECORDS; firing++) {
		struct dl_record *r = record(firing);

		*r = (struct dl_record){ .epid = epid,
					 .flags = DL_REC_FIRST,
					 .time = 1000 + firing };
		/* Each record is fired: length 0 would be one that near dropped. */
		if (!dl_near_run(&c->near, c->n_slots, 256, &ops, NULL, r, RECORD_BYTES))
			r->len = 0;
	}
}

/* n firings of the program's only clause; seconds, or -1. */
static double run(struct dl_ctx *c, struct dl_options *o, const struct dl_program *p, FILE *out,
		  uint64_t n)
{
	static const struct dl_consumer_ops ops = { .message = message };
	static const struct dl_thread_ops thread_ops = { 0 };
	static const struct dl_probe_id id = { 1, "pid1", "a.out", "f", "entry" };
	const struct dl_thread t = { .ops = &thread_ops, .key = 7, .pid = 12, .tid = 13 };
	struct dl_state *st = dl_state_create(c, o);
	struct dl_consumer_config config = {
		.state = st, .options = o, .ops = &ops, .out = out, .out_name = "out"
	};
	struct dl_consumer *consumer = st ? dl_consumer_create(&config) : NULL;
	uint32_t epid = consumer ? dl_state_enable(st, &p->clauses[0], &id, NULL) : 0;
	double start, seconds = -1;

	if (epid) {
		dl_trace_on_full(dl_state_trace(st), consume, consumer);
		dl_state_set_activity(st, DL_ACTIVE);
		record_all(&p->clauses[0], epid);
		start = now();
		for (uint64_t i = 0; i < n; i++)
			if (record(i % RECORDS)->len)
				dl_fire(st, record(i % RECORDS), &t);
		consume(consumer);
		seconds = now() - start;
	}
	dl_consumer_destroy(consumer);
	dl_state_destroy(st);
	return seconds;
}

static double measure(const char *text, FILE *out, uint64_t n)
{
	static const struct dl_host host = { .probe_match = match };
	struct dl_options *o = dl_options_create();
	struct dl_ctx_config config = { .options = o, .host = &host };
	struct dl_ctx *c = o ? dl_ctx_create(&config) : NULL;
	struct dl_source src = { .kind = DL_SRC_STRING, .text = text };
	double seconds = -1;

	if (c) {
		error_destroy(dl_options_set(o, "quiet", NULL, DL_OPT_FROM_SETOPT, false));
		src.level = DL_LEVEL_NAME;
		struct dl_unit *u = dl_parse(c, &src);
		struct dl_program *p = u ? dl_compile(c, u) : NULL;

		if (p)
			seconds = run(c, o, p, out, n);
	}
	dl_ctx_destroy(c);
	dl_options_destroy(o);
	return seconds;
}

int main(int argc, char **argv)
{
	uint64_t n = (argc > 1 ? strtoull(argv[1], NULL, 10) : 2) * 1000000;
	FILE *out = fopen("/dev/null", "w");

	records = calloc(RECORDS, RECORD_BYTES);
	if (!records || !out) {
		fputs("script_bench: cannot set up\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		double seconds = measure(scripts[i], out, n);

		if (seconds < 0) {
			fprintf(stderr, "script_bench: cannot run %s\n", scripts[i]);
			return 1;
		}
		printf("%6.1f million/s  %s\n", (double)n / seconds / 1e6, scripts[i]);
	}
	free(records);
	return fclose(out) != 0;
}
