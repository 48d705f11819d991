/*
 * Fuzz target for the language: any bytes are a D program.  What compiles is
 * run: every clause fires over a fake thread, and the consumer formats what
 * was traced.  Programs that may act on the system (system(), freopen(),
 * copyout(), ...) are compiled but never run.
 *
 * The first byte chooses the kind of source, its level, whether the libraries
 * are loaded and whether there is a host with probes and symbols.  A line of
 * "---" ends a program; several share one context, as on a command line.
 */
#include <stdlib.h>
#include <string.h>

#include "../../dlang/compile.h"
#include "../../dlang/consume.h"
#include "../../dlang/ctx.h"
#include "../../dlang/near.h"
#include "../../dlang/strbuf.h"

#define MEM_BASE 0x100000u
#define MEM_SIZE 4096u
#define RECORD_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* --- the host: a probe with typed arguments, and two symbols --- */

static const struct dl_probe_arg probe_args[] = {
	{ .name = "fd", .native = "int", .map = 0 },
	{ .name = "path", .native = "char *", .xlated = "string", .map = 1 },
	{ .name = "n", .native = "unsigned long", .xlated = "short", .map = 2 },
};

static struct error *probe_match(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	(void)ctx;
	*ret = (struct dl_probe_info){
		.prov = "test",
		.mod = "mod",
		.func = "func",
		.name = "name",
		.id = 1,
		.n_matches = strncmp(d->name, "no", 2) != 0,
		.args = probe_args,
		.n_args = ARRAY_SIZE(probe_args),
	};
	return NULL;
}

static struct error *symbol_lookup(void *ctx, struct dl_types *ts, const char *object,
				   const char *name, struct dl_symbol *ret)
{
	(void)ctx;
	*ret = (struct dl_symbol){
		.object = object, .name = name, .addr = MEM_BASE + 16, .size = 8
	};
	if (!strcmp(name, "fn"))
		ret->is_func = true;
	else if (!strcmp(name, "var"))
		ret->type = dl_types_lookup(ts, "int64_t");
	else if (strcmp(name, "untyped") != 0)
		return error_format(ERR_NOTFOUND, "Unknown symbol name");
	return NULL;
}

static void probe_suggest(void *ctx, const struct dl_pdesc *d,
			  void (*fn)(void *arg, const char *text), void *arg)
{
	(void)ctx;
	(void)d;
	fn(arg, "test:mod:func:name");
	fn(arg, "syscall::read:entry");
}

static const struct dl_host host = {
	.probe_match = probe_match,
	.symbol_lookup = symbol_lookup,
	.probe_suggest = probe_suggest,
};

/* --- the thread --- */

static size_t load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	if (addr < MEM_BASE || addr >= MEM_BASE + MEM_SIZE)
		return 0;
	if (len > MEM_BASE + MEM_SIZE - addr)
		len = MEM_BASE + MEM_SIZE - addr;
	memset(buf, 0x41 + (int)(addr & 7), len);
	return len;
}

static bool near_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	(void)ctx;
	*fault_addr = 0;
	*value = n == 1 ? MEM_BASE : n == 2 ? 8 : n;
	return n != 9;
}

static uint64_t near_reg(void *ctx, unsigned n)
{
	(void)ctx;
	return n;
}

static uint64_t var(void *ctx, enum dl_bvar which)
{
	(void)ctx;
	return (uint64_t)which;
}

static uint64_t var_at(void *ctx, enum dl_bvar which, uint64_t index)
{
	(void)ctx;
	return which == DL_BV_ARG && index == 1 ? MEM_BASE : index;
}

static const char *var_str(void *ctx, enum dl_bvar which)
{
	(void)ctx;
	return which == DL_BV_EXECNAME ? "prog" : "";
}

static const struct dl_near_ops near_ops = { .arg = near_arg, .reg = near_reg, .load = load };
static const struct dl_thread_ops thread_ops = {
	.load = load,
	.var = var,
	.var_at = var_at,
	.var_str = var_str,
};

/* --- running --- */

static void ignore_message(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void symbolize(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
		      struct strbuf *out)
{
	(void)ctx;
	(void)pid;
	(void)kind;
	strbuf_printf(out, "obj`sym+0x%x", (unsigned)addr);
}

static struct error *refuse_option(void *ctx, const char *name, const char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return NULL;
}

static void fire(struct dl_state *s, const struct dl_clause *cl, uint32_t epid,
		 struct dl_record *rec, uint32_t strsize)
{
	struct dl_thread t = { .ops = &thread_ops, .key = 7, .pid = 12, .tid = 13 };
	struct dl_fault_info fault;

	*rec = (struct dl_record){ .epid = epid, .flags = DL_REC_FIRST, .time = 1000 };
	if (dl_near_run(&cl->near, cl->n_slots, strsize, &near_ops, NULL, rec, RECORD_MAX))
		dl_fire(s, rec, &t);
	while (dl_take_fault(s, &fault))
		;
}

static void run(struct dl_ctx *c, struct dl_options *o, const struct dl_program *p, FILE *out)
{
	static uint64_t record[RECORD_MAX / 8];
	static const struct dl_consumer_ops ops = {
		.symbolize = symbolize,
		.message = ignore_message,
		.setopt = refuse_option,
	};
	const struct dl_probe_id probe = { 1, "test", "mod", "func", "name" };
	uint32_t strsize = (uint32_t)dl_option(o, DL_OPT_STRSIZE);
	struct dl_state *s = dl_state_create(c, o);
	struct dl_consumer_config config = {
		.state = s,
		.options = o,
		.ops = &ops,
		.out = out,
		.out_name = "out",
	};
	struct dl_consumer *consumer = s ? dl_consumer_create(&config) : NULL;

	for (uint32_t i = 0; consumer && i < p->n_clauses * 2; i++) {
		const struct dl_clause *cl = &p->clauses[i % p->n_clauses];
		struct error *err = NULL;
		uint32_t epid = dl_state_enable(s, cl, &probe, &err);

		error_destroy(err);
		dl_state_set_activity(s, DL_ACTIVE);
		if (epid && !cl->is_destructive &&
		    dl_near_bound(&cl->near, cl->n_slots, strsize) <= RECORD_MAX)
			fire(s, cl, epid, (struct dl_record *)record, strsize);
		error_destroy(dl_consumer_run(consumer));
	}
	if (consumer)
		error_destroy(dl_consumer_finish(consumer));
	dl_consumer_destroy(consumer);
	dl_state_destroy(s);
}

static void report(struct dl_ctx *c, const struct dl_source *src, const struct dl_unit *u)
{
	const struct dl_diags *diags = dl_ctx_diags(c);
	struct strbuf sb = { 0 };

	if (u)
		dl_node_dump(&sb, u->clauses);
	for (size_t i = 0; i < diags->list.n; i++)
		dl_diag_format(&sb, src, &diags->list.items[i], true, true);
	strbuf_deinit(&sb);
}

#define PROGRAMS_MAX 4

/* All are parsed before the first is compiled. */
static void compile(struct dl_ctx *c, struct dl_options *o, struct dl_source *srcs, unsigned n,
		    FILE *out)
{
	struct dl_unit *units[PROGRAMS_MAX];
	struct strbuf sb = { 0 };

	for (unsigned i = 0; i < n; i++) {
		units[i] = dl_parse(c, &srcs[i]);
		report(c, &srcs[i], units[i]);
		if (!units[i])
			n = 0; /* as the command does */
		else
			dl_unit_desugar(units[i], &sb);
	}
	dl_ctx_set_target(c, 4321);
	for (unsigned i = 0; i < n; i++) {
		struct dl_program *p = dl_compile(c, units[i]);

		report(c, &srcs[i], units[i]);
		if (!p)
			break;
		dl_program_disasm(&sb, p);
		run(c, o, p, out);
	}
	strbuf_deinit(&sb);
}

/* Cuts text at its --- lines. */
static unsigned split(char *text, unsigned mode, struct dl_source srcs[PROGRAMS_MAX])
{
	unsigned n = 0;

	while (text && n < PROGRAMS_MAX) {
		char *end = strstr(text, "\n---\n");

		srcs[n++] = (struct dl_source){
			.kind = mode & 1 ? DL_SRC_STRING : DL_SRC_FILE,
			.text = text,
			.name = mode & 1 ? NULL : "x.d",
			.level = (enum dl_level)(mode >> 1 & 3),
		};
		if (end)
			*end = '\0';
		text = end ? end + 5 : NULL;
	}
	return n;
}

/* Sizes that programs may ask for with pragmas, kept to what a fuzzer can afford. */
static void set_limits(struct dl_options *o)
{
	static const char *const limits[][2] = {
		{ "bufsize", "256k" },
		{ "aggsize", "256k" },
		{ "dynvarsize", "256k" },
		{ "specsize", "64k" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		error_destroy(
			dl_options_set(o, limits[i][0], limits[i][1], DL_OPT_FROM_SETOPT, false));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const args[] = { "12", "name", "two words" };
	static FILE *out;
	unsigned mode = size ? data[0] : 0;
	struct dl_options *o = dl_options_create();
	struct dl_ctx_config config = {
		.options = o,
		.host = mode & 16 ? &host : NULL,
		.macros = { .pid = 7, .args = args, .n_args = 3, .script_name = "x.d" },
	};
	char *text = malloc(size + 1);

	if (!out)
		out = fopen("/dev/null", "w");
	if (o)
		set_limits(o);
	struct dl_ctx *c = o ? dl_ctx_create(&config) : NULL;

	if (c && text && size && out && (!(mode & 8) || dl_load_libraries(c))) {
		memcpy(text, data + 1, size - 1);
		text[size - 1] = '\0';
		struct dl_source srcs[PROGRAMS_MAX];

		compile(c, o, srcs, split(text, mode, srcs), out);
	}
	dl_ctx_destroy(c);
	dl_options_destroy(o);
	free(text);
	return 0;
}
