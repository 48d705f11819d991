/*
 * A rig to run hand-assembled far programs: a context made by hand, a target
 * of two pages of memory, and a way to get results back through trace data.
 * Used by the tests of the run time (test_vm.c, test_subr.c, ...).
 */
#ifndef FAR_RIG_H
#define FAR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/ctx.h"
#include "dlang/option.h"
#include "dlang/state.h"

#define TARGET_BASE 0x10000ull
#define TARGET_SIZE 8192u
#define RIG_CODE 128
#define RIG_RECORD 4096

/* Actions every rig clause has. */
enum { RIG_INT, RIG_TEXT, RIG_BYTES, RIG_PRINTA, RIG_EXIT, RIG_STACK, RIG_ACTIONS };

struct rig {
	struct dl_ctx ctx;
	struct dl_options *options;
	struct dl_state *state;
	struct dl_thread thread;
	uint8_t memory[TARGET_SIZE];
	struct dl_clause *clauses[64];
	struct dl_insn *codes[64];
	unsigned n_clauses;
	union {
		struct dl_record rec;
		uint64_t words[RIG_RECORD / 8];
	};
	unsigned fired;
	enum dl_effect effect;
	uint64_t effect_arg;
	unsigned n_var_calls;
};

static inline size_t rig_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct rig *r = ctx;
	uint64_t at = addr - TARGET_BASE;

	if (addr < TARGET_BASE || at >= TARGET_SIZE)
		return 0;
	if (len > TARGET_SIZE - at)
		len = TARGET_SIZE - at;
	memcpy(buf, r->memory + at, len);
	return len;
}

static inline size_t rig_store(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	struct rig *r = ctx;
	uint64_t at = addr - TARGET_BASE;

	if (addr < TARGET_BASE || at >= TARGET_SIZE || len > TARGET_SIZE - at)
		return 0;
	memcpy(r->memory + at, buf, len);
	return len;
}

static inline uint64_t rig_var(void *ctx, enum dl_bvar which)
{
	struct rig *r = ctx;

	r->n_var_calls++;
	return which == DL_BV_TIMESTAMP ? 999999 : 1000 + (uint64_t)which;
}

static inline uint64_t rig_var_at(void *ctx, enum dl_bvar which, uint64_t index)
{
	(void)ctx;
	return 2000 + 100 * (uint64_t)which + index;
}

static inline const char *rig_var_str(void *ctx, enum dl_bvar which)
{
	(void)ctx;
	return which == DL_BV_EXECNAME ? "a.out" : NULL;
}

static inline int rig_ustack(void *ctx, uint64_t *pcs, int max)
{
	struct rig *r = ctx;

	if (r->memory[0] == 0xbd)
		return -1;
	for (int i = 0; i < max && i < 3; i++)
		pcs[i] = 0x400 + (uint64_t)i;
	return max < 3 ? max : 3;
}

static inline bool rig_effect(void *ctx, enum dl_effect e, uint64_t arg)
{
	struct rig *r = ctx;

	r->effect = e;
	r->effect_arg = arg;
	return arg != 666;
}

static const struct dl_thread_ops rig_ops = {
	.load = rig_load,
	.store = rig_store,
	.var = rig_var,
	.var_at = rig_var_at,
	.var_str = rig_var_str,
	.ustack = rig_ustack,
	.effect = rig_effect,
};

static const struct dl_value_desc rig_int = { .kind = DL_VK_INT, .size = 8, .is_signed = true };
static const struct dl_value_desc rig_text = { .kind = DL_VK_STRING, .size = 256 };
static const struct dl_value_desc rig_bytes = { .kind = DL_VK_BYTES, .size = 16 };
static const struct dl_value_desc rig_stack = { .kind = DL_VK_USTACK, .size = 4 };

static const struct dl_action rig_actions[RIG_ACTIONS] = {
	[RIG_INT] = { .kind = DL_ACT_TRACE, .fields = &rig_int, .n_fields = 1 },
	[RIG_TEXT] = { .kind = DL_ACT_TRACE, .fields = &rig_text, .n_fields = 1 },
	[RIG_BYTES] = { .kind = DL_ACT_TRACEMEM, .fields = &rig_bytes, .n_fields = 1 },
	[RIG_PRINTA] = { .kind = DL_ACT_PRINTA },
	[RIG_EXIT] = { .kind = DL_ACT_EXIT, .fields = &rig_int, .n_fields = 1 },
	[RIG_STACK] = { .kind = DL_ACT_USTACK, .fields = &rig_stack, .n_fields = 1 },
};

static inline struct rig *rig_create(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->options = dl_options_create();
	assert_non_null(r->options);
	r->thread =
		(struct dl_thread){ .ops = &rig_ops, .ctx = r, .key = 77, .pid = 12, .tid = 34 };
	return r;
}

static inline void rig_option(struct rig *r, const char *name, const char *value)
{
	assert_null(dl_options_set(r->options, name, value, DL_OPT_FROM_CMDLINE, false));
}

static inline void rig_destroy(struct rig *r)
{
	dl_state_destroy(r->state);
	dl_options_destroy(r->options);
	for (unsigned i = 0; i < r->n_clauses; i++) {
		free(r->clauses[i]);
		free(r->codes[i]);
	}
	for (size_t i = 0; i < r->ctx.vars.n; i++)
		free(r->ctx.vars.items[i]);
	for (size_t i = 0; i < r->ctx.agg_table.n; i++)
		free(r->ctx.agg_table.items[i]);
	vec_deinit(&r->ctx.vars);
	vec_deinit(&r->ctx.agg_table);
	vec_deinit(&r->ctx.strings);
	vec_deinit(&r->ctx.string_lens);
	free(r);
}

/* --- what the context holds: before rig_start() --- */

static inline uint32_t rig_add_var(struct rig *r, enum dl_scope scope, bool is_assoc,
				   enum dl_vkind kind, uint32_t size)
{
	struct dl_var *v = calloc(1, sizeof(*v));

	v->name = "v";
	v->scope = scope;
	v->is_assoc = is_assoc;
	v->value = (struct dl_value_desc){ .kind = kind, .size = size, .is_signed = true };
	assert_true(vec_push(&r->ctx.vars, v));
	return (uint32_t)r->ctx.vars.n - 1;
}

static inline uint32_t rig_add_agg(struct rig *r, enum dl_aggfunc func, uint64_t param)
{
	struct dl_aggdesc *a = calloc(1, sizeof(*a));

	a->id = (uint32_t)r->ctx.agg_table.n;
	a->name = "_";
	a->func = func;
	a->func_known = true;
	a->param = param;
	assert_true(vec_push(&r->ctx.agg_table, a));
	return a->id;
}

static inline int32_t rig_add_string(struct rig *r, const char *s)
{
	assert_true(vec_push(&r->ctx.strings, s));
	assert_true(vec_push(&r->ctx.string_lens, (uint32_t)strlen(s)));
	return (int32_t)r->ctx.strings.n - 1;
}

static inline void rig_start(struct rig *r)
{
	r->state = dl_state_create(&r->ctx, r->options);
	assert_non_null(r->state);
	dl_state_set_activity(r->state, DL_ACTIVE);
}

/* --- programs --- */

#define INSN(name, ...)                   \
	{                                 \
		DL_OP_##name, __VA_ARGS__ \
	}
/* op a, b, c, imm */
#define CODE(...)                                                                            \
	(const struct dl_insn[]){ __VA_ARGS__, { DL_OP_END, 0, 0, 0, 0 } },                  \
		sizeof((const struct dl_insn[]){ __VA_ARGS__, { DL_OP_END, 0, 0, 0, 0 } }) / \
			sizeof(struct dl_insn)

static const uint64_t rig_consts[] = {
	INT64_MAX, (uint64_t)INT64_MIN, TARGET_BASE, TARGET_BASE + TARGET_SIZE - 4, 0xdead0000,
};
enum { K_INT64_MAX, K_INT64_MIN, K_TARGET, K_TARGET_END, K_NOWHERE };

static inline uint32_t rig_enable_at(struct rig *r, const char *prov, const char *name,
				     const struct dl_insn *code, size_t n)
{
	struct dl_clause *c = calloc(1, sizeof(*c));
	struct dl_insn *copy = calloc(n, sizeof(*copy));
	struct dl_probe_id id = { .id = 5, .prov = prov, .mod = "m", .func = "f", .name = name };

	assert_true(r->n_clauses < 64);
	memcpy(copy, code, n * sizeof(*copy));
	c->far = (struct dl_code){
		.insns = copy, .n = (uint32_t)n, .consts = rig_consts, .n_consts = 5, .n_regs = 32
	};
	c->actions = rig_actions;
	c->n_actions = RIG_ACTIONS;
	r->clauses[r->n_clauses] = c;
	r->codes[r->n_clauses++] = copy;
	return dl_state_enable(r->state, c, &id, NULL);
}

static inline uint32_t rig_enable(struct rig *r, const struct dl_insn *code, size_t n)
{
	return rig_enable_at(r, "pid12", "entry", code, n);
}

/* Fires with the record in the rig; the first clause of its firing. */
static inline unsigned rig_fire(struct rig *r, uint32_t epid)
{
	assert_int_not_equal(epid, 0);
	r->rec.epid = epid;
	r->rec.flags |= DL_REC_FIRST;
	if (r->rec.len < sizeof(r->rec))
		r->rec.len = sizeof(r->rec);
	r->rec.time = 123456;
	r->fired = dl_fire(r->state, &r->rec, &r->thread);
	return r->fired;
}

/* A clause of the same firing. */
static inline unsigned rig_fire_next(struct rig *r, uint32_t epid)
{
	r->rec.epid = epid;
	r->rec.flags &= ~DL_REC_FIRST;
	r->fired = dl_fire(r->state, &r->rec, &r->thread);
	return r->fired;
}

static inline unsigned rig_run(struct rig *r, const struct dl_insn *code, size_t n)
{
	return rig_fire(r, rig_enable(r, code, n));
}

/* --- results --- */

static inline const struct dl_item *rig_item(const struct dl_entry *e, unsigned i)
{
	const uint8_t *p = (const uint8_t *)(e + 1);

	assert_true(i < e->n_items);
	for (; i; i--)
		p += sizeof(struct dl_item) +
		     ((((const struct dl_item *)(const void *)p)->len + 7) & ~7u);
	return (const struct dl_item *)(const void *)p;
}

static inline uint64_t rig_word(const struct dl_item *item, unsigned i)
{
	uint64_t w;

	assert_true(8 * (i + 1) <= item->len);
	memcpy(&w, item->data + 8 * i, 8);
	return w;
}

/* The integer the oldest entry holds; consumes it. */
static inline uint64_t rig_take_int(struct rig *r)
{
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));

	assert_non_null(e);
	uint64_t v = rig_word(rig_item(e, 0), 0);

	dl_trace_next(dl_state_trace(r->state));
	return v;
}

static char rig_buffer[4096];

static inline const char *rig_take_text(struct rig *r)
{
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));

	assert_non_null(e);
	const struct dl_item *item = rig_item(e, 0);
	uint32_t len;

	memcpy(&len, item->data, 4);
	assert_true(len < sizeof(rig_buffer));
	assert_int_equal(item->len, (4 + len + 7) & ~7u);
	memcpy(rig_buffer, item->data + 4, len);
	rig_buffer[len] = 0;
	dl_trace_next(dl_state_trace(r->state));
	return rig_buffer;
}

static inline bool rig_has_entry(struct rig *r)
{
	return dl_trace_peek(dl_state_trace(r->state)) != NULL;
}

#define TRACE_INT(reg)                                                \
	{ DL_OP_TRB, 0, 0, 0, RIG_INT }, { DL_OP_TRI, reg, 0, 0, 8 }, \
	{                                                             \
		DL_OP_TRE, 0, 0, 0, 0                                 \
	}
#define TRACE_TEXT(reg)                                                \
	{ DL_OP_TRB, 0, 0, 0, RIG_TEXT }, { DL_OP_TRS, reg, 0, 0, 0 }, \
	{                                                              \
		DL_OP_TRE, 0, 0, 0, 0                                  \
	}

/* The value of register 0 after the code. */
#define EVAL_INT(r, ...) (rig_run(r, CODE(__VA_ARGS__, TRACE_INT(0))), rig_take_int(r))
#define EVAL_TEXT(r, ...) (rig_run(r, CODE(__VA_ARGS__, TRACE_TEXT(0))), rig_take_text(r))

static inline struct dl_fault_info rig_take_fault(struct rig *r)
{
	struct dl_fault_info f;

	assert_true(r->fired & DL_FIRED_FAULT);
	assert_true(dl_take_fault(r->state, &f));
	return f;
}

#endif
