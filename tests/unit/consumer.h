/*
 * A consumer over a hand-made state: clauses without code, entries written
 * straight into the trace buffer, output in memory.
 */
#ifndef TEST_CONSUMER_H
#define TEST_CONSUMER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../dlang/consume.h"
#include "../../dlang/ctx.h"
#include "../../dlang/format.h"

#define N_AGGS 4

struct rig {
	struct dl_options *options;
	struct dl_ctx *ctx;
	struct dl_state *state;
	struct dl_consumer *consumer;
	FILE *out;
	char *text;
	size_t text_len;
	struct strbuf messages;
	struct dl_aggdesc aggs[N_AGGS];
};

static const struct dl_value_desc i32_desc = { .kind = DL_VK_INT, .size = 4, .is_signed = true };
static const struct dl_value_desc i64_desc = { .kind = DL_VK_INT, .size = 8, .is_signed = true };
static const struct dl_value_desc str_desc = { .kind = DL_VK_STRING, .size = 256 };

static void rig_symbolize(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
			  struct strbuf *out)
{
	(void)ctx;
	(void)kind;
	strbuf_printf(out, "a%u`f+0x%llx", pid, (unsigned long long)addr);
}

static void rig_message(void *ctx, const char *text)
{
	struct rig *r = ctx;

	strbuf_puts(&r->messages, text);
	strbuf_putc(&r->messages, '\n');
}

static const struct dl_consumer_ops rig_ops = { .symbolize = rig_symbolize,
						.message = rig_message };

/* options: name, value, ..., NULL; value NULL: a flag.  aggs: those the program has. */
static void rig_start_with(struct rig *r, bool test_mode, uint32_t n_aggs,
			   const char *const *options)
{
	struct dl_ctx_config config = { 0 };

	r->text = NULL;
	r->options = dl_options_create();
	assert_non_null(r->options);
	for (; options && options[0]; options += 2)
		assert_null(dl_options_set(r->options, options[0], options[1], DL_OPT_FROM_CMDLINE,
					   false));
	config.options = r->options;
	r->ctx = dl_ctx_create(&config);
	assert_non_null(r->ctx);
	for (uint32_t i = 0; i < n_aggs; i++)
		assert_true(vec_push(&r->ctx->agg_table, &r->aggs[i]));
	r->state = dl_state_create(r->ctx, r->options);
	assert_non_null(r->state);
	r->out = open_memstream(&r->text, &r->text_len);

	const struct dl_consumer_config cc = {
		.state = r->state,
		.options = r->options,
		.ops = &rig_ops,
		.ctx = r,
		.out = r->out,
		.out_name = "<stdout>",
		.test_mode = test_mode,
	};

	r->consumer = dl_consumer_create(&cc);
	assert_non_null(r->consumer);
}

static inline void rig_start(struct rig *r, const char *const *options)
{
	rig_start_with(r, false, 0, options);
}

static void rig_stop(struct rig *r)
{
	dl_consumer_destroy(r->consumer);
	dl_state_destroy(r->state);
	dl_ctx_destroy(r->ctx);
	dl_options_destroy(r->options);
	fclose(r->out);
	free(r->text);
	strbuf_deinit(&r->messages);
}

static inline uint32_t rig_enable(struct rig *r, const struct dl_clause *clause, uint32_t id,
				  const char *prov, const char *func, const char *name)
{
	static const struct dl_insn end = { .op = DL_OP_END };
	const struct dl_probe_id probe = { id, prov, "", func, name };
	struct dl_clause *copy = ARENA_NEW(r->ctx->arena, struct dl_clause);
	struct error *err = NULL;

	*copy = *clause;
	copy->far = (struct dl_code){ .insns = &end, .n = 1 };

	uint32_t epid = dl_state_enable(r->state, copy, &probe, &err);

	assert_null(err);
	assert_true(epid > 0);
	return epid;
}

/* Entries: begun, given items, committed. */
struct entry {
	uint8_t bytes[4096];
	uint32_t len;
	uint32_t n_items;
	struct dl_item *item;
};

static inline void item_begin(struct entry *e, uint32_t action)
{
	if (!e->len)
		e->len = sizeof(struct dl_entry);
	e->item = (struct dl_item *)(void *)(e->bytes + e->len);
	e->item->action = action;
	e->item->len = 0;
	e->len += sizeof(struct dl_item);
	e->n_items++;
}

static inline void item_bytes(struct entry *e, const void *bytes, uint32_t n)
{
	memcpy(e->bytes + e->len, bytes, n);
	memset(e->bytes + e->len + n, 0, -n & 7);
	e->len += (n + 7) & ~7u;
	e->item->len += (n + 7) & ~7u;
}

static inline void item_int(struct entry *e, int64_t v)
{
	item_bytes(e, &v, 8);
}

static inline void item_str(struct entry *e, const char *s)
{
	uint8_t buf[1024];
	uint32_t n = (uint32_t)strlen(s);

	memcpy(buf, &n, 4);
	memcpy(buf + 4, s, n);
	item_bytes(e, buf, n + 4);
}

static inline void entry_commit(struct rig *r, struct entry *e, uint32_t epid)
{
	struct dl_entry head = { .epid = epid, .time = 123456789, .cpu = 3, .tid = 43, .pid = 42 };
	uint8_t *to;

	if (!e->len)
		e->len = sizeof(head);
	head.size = e->len;
	head.n_items = e->n_items;
	memcpy(e->bytes, &head, sizeof(head));
	to = dl_trace_begin(dl_state_trace(r->state), e->len);
	assert_non_null(to);
	memcpy(to, e->bytes, e->len);
	assert_true(dl_trace_commit(dl_state_trace(r->state), e->len));
	memset(e, 0, sizeof(*e));
}

static inline const char *rig_output(struct rig *r)
{
	assert_null(dl_consumer_run(r->consumer));
	assert_null(dl_consumer_flush(r->consumer));
	return r->text;
}

static inline const char *rig_end(struct rig *r)
{
	assert_null(dl_consumer_run(r->consumer));
	assert_null(dl_consumer_finish(r->consumer));
	return r->text;
}

#endif
