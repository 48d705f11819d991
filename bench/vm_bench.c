/*
 * Far clauses per second on recorded input: what the tracer can interpret
 * when records arrive faster than it could ever stop a thread.
 *
 *	vm [millions of clauses, default 5]
 *
 * Three hand-assembled programs:
 *	count	/arg0 > 10/ { @[arg1] = count(); }
 *	self	{ self->t = timestamp; } and { @ = quantize(timestamp - self->t); self->t = 0; }
 *	trace	{ trace(arg0); trace(execname); }, consumed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dlang/ctx.h"
#include "dlang/option.h"
#include "dlang/state.h"

#define THREADS 64u

struct bench {
	struct dl_ctx ctx;
	struct dl_options *options;
	struct dl_state *state;
	struct dl_var var;
	struct dl_aggdesc aggs[2];
	struct dl_thread threads[THREADS];
};

static const struct dl_value_desc int_field = { .kind = DL_VK_INT, .size = 8 };
static const struct dl_value_desc text_field = { .kind = DL_VK_STRING, .size = 256 };
static const struct dl_action actions[] = {
	{ .kind = DL_ACT_TRACE, .fields = &int_field, .n_fields = 1 },
	{ .kind = DL_ACT_TRACE, .fields = &text_field, .n_fields = 1 },
};

static const struct dl_insn count_code[] = {
	{ DL_OP_STMT, 0, 0, 0, 0 }, { DL_OP_IN, 0, 0, 0, 0 },  { DL_OP_LDI, 1, 0, 0, 10 },
	{ DL_OP_LTS, 0, 1, 0, 0 },  { DL_OP_JZ, 0, 0, 0, 5 },  { DL_OP_STMT, 0, 0, 0, 1 },
	{ DL_OP_IN, 0, 0, 0, 1 },   { DL_OP_TUP, 0, 0, 0, 0 }, { DL_OP_TUPI, 0, 0, 0, 8 },
	{ DL_OP_AGG, 0, 1, 0, 0 },  { DL_OP_END, 0, 0, 0, 0 },
};

static const struct dl_insn set_code[] = {
	{ DL_OP_STMT, 0, 0, 0, 1 },
	{ DL_OP_BVAR, 0, 0, 0, DL_BV_TIMESTAMP },
	{ DL_OP_STV, 0, 0, 0, 0 },
	{ DL_OP_END, 0, 0, 0, 0 },
};

static const struct dl_insn take_code[] = {
	{ DL_OP_STMT, 0, 0, 0, 1 }, { DL_OP_BVAR, 0, 0, 0, DL_BV_TIMESTAMP },
	{ DL_OP_LDV, 1, 0, 0, 0 },  { DL_OP_SUB, 0, 0, 1, 0 },
	{ DL_OP_LDI, 2, 0, 0, 1 },  { DL_OP_TUP, 0, 0, 0, 0 },
	{ DL_OP_AGG, 0, 2, 0, 1 },  { DL_OP_STMT, 0, 0, 0, 2 },
	{ DL_OP_LDI, 0, 0, 0, 0 },  { DL_OP_STV, 0, 0, 0, 0 },
	{ DL_OP_END, 0, 0, 0, 0 },
};

static const struct dl_insn trace_code[] = {
	{ DL_OP_STMT, 0, 0, 0, 1 },
	{ DL_OP_IN, 0, 0, 0, 0 },
	{ DL_OP_TRB, 0, 0, 0, 0 },
	{ DL_OP_TRI, 0, 0, 0, 8 },
	{ DL_OP_TRE, 0, 0, 0, 0 },
	{ DL_OP_STMT, 0, 0, 0, 2 },
	{ DL_OP_BVAR, 0, 0, 0, DL_BV_EXECNAME },
	{ DL_OP_TRB, 0, 0, 0, 1 },
	{ DL_OP_TRS, 0, 0, 0, 0 },
	{ DL_OP_TRE, 0, 0, 0, 0 },
	{ DL_OP_END, 0, 0, 0, 0 },
};

#define CLAUSE(code_, records_)                                                   \
	{                                                                         \
		.far = { .insns = (code_), .n = ARRAY_SIZE(code_), .n_regs = 4 }, \
		.actions = actions, .n_actions = 2, .records = (records_),        \
	}
static const struct dl_clause clauses[] = {
	CLAUSE(count_code, false),
	CLAUSE(set_code, false),
	CLAUSE(take_code, false),
	CLAUSE(trace_code, true),
};

static const char *host_string(void *ctx, enum dl_bvar which)
{
	(void)ctx;
	(void)which;
	return "program";
}

static const struct dl_thread_ops ops = { .var_str = host_string };

static void drain(void *ctx)
{
	struct dl_trace *t = ctx;

	while (dl_trace_peek(t))
		dl_trace_next(t);
}

static bool bench_init(struct bench *b)
{
	b->options = dl_options_create();
	b->var = (struct dl_var){ .name = "t",
				  .scope = DL_SCOPE_SELF,
				  .value = { .kind = DL_VK_INT, .size = 8 } };
	b->aggs[0] = (struct dl_aggdesc){ .id = 0, .func = DL_AGG_COUNT, .func_known = true };
	b->aggs[1] = (struct dl_aggdesc){ .id = 1, .func = DL_AGG_QUANTIZE, .func_known = true };
	if (!b->options || !vec_push(&b->ctx.vars, &b->var) ||
	    !vec_push(&b->ctx.agg_table, &b->aggs[0]) || !vec_push(&b->ctx.agg_table, &b->aggs[1]))
		return false;
	b->state = dl_state_create(&b->ctx, b->options);
	if (!b->state)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(clauses); i++) {
		struct dl_probe_id id = { .prov = "pid", .mod = "", .func = "f", .name = "entry" };

		if (!dl_state_enable(b->state, &clauses[i], &id, NULL))
			return false;
	}
	for (uint32_t i = 0; i < THREADS; i++)
		b->threads[i] =
			(struct dl_thread){ .ops = &ops, .key = 1000 + i, .pid = 1, .tid = i };
	dl_trace_on_full(dl_state_trace(b->state), drain, dl_state_trace(b->state));
	dl_state_set_activity(b->state, DL_ACTIVE);
	return true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Fires the clauses first..last in turn, n in all. */
static void measure(struct bench *b, const char *name, uint32_t first, uint32_t last, uint64_t n)
{
	union {
		struct dl_record rec;
		uint64_t words[16];
	} u = {
		.rec = { .len = sizeof(struct dl_record) + 16, .n_slots = 2, .flags = DL_REC_FIRST }
	};
	double start = now();

	for (uint64_t i = 0; i < n;) {
		const struct dl_thread *t = &b->threads[i / 2 % THREADS];

		for (u.rec.epid = first; u.rec.epid <= last; u.rec.epid++, i++) {
			u.rec.time = i * 100;
			u.rec.slots[0] = i;
			u.rec.slots[1] = i % 1000;
			dl_fire(b->state, &u.rec, t);
		}
	}
	double seconds = now() - start;

	printf("%-8s %6.1f million clauses/s  (%.1f ns each)\n", name, (double)n / seconds / 1e6,
	       seconds / (double)n * 1e9);
}

int main(int argc, char **argv)
{
	static struct bench b;
	uint64_t n = (argc > 1 ? strtoull(argv[1], NULL, 10) : 5) * 1000000;

	if (!bench_init(&b)) {
		fputs("vm_bench: cannot set up\n", stderr);
		return 1;
	}
	measure(&b, "count", 1, 1, n);
	measure(&b, "self", 2, 3, n);
	measure(&b, "trace", 4, 4, n);
	dl_state_destroy(b.state);
	dl_options_destroy(b.options);
	vec_deinit(&b.ctx.vars);
	vec_deinit(&b.ctx.agg_table);
	return 0;
}
