/*
 * Statements: tracing actions, aggregations, effects, if.
 *
 * Every statement says its number first, so that a fault can name it; if
 * counts by the statements in it, its condition as the first of them.
 */
#include "codegen.h"

#include <string.h>

static uint32_t add_action(struct gen *g, const struct dl_action *a)
{
	if (g->n_actions == g->cap_actions) {
		uint32_t cap = g->cap_actions ? g->cap_actions * 2 : 8;

		g->actions =
			arena_grow(g->c->arena, g->actions, g->n_actions, cap, sizeof(*g->actions));
		g->cap_actions = cap;
	}
	g->actions[g->n_actions] = a;
	return g->n_actions++;
}

static void emit_field(struct gen *g, unsigned r, const struct dl_value_desc *d)
{
	switch (d->kind) {
	case DL_VK_INT: cg_emit(g, DL_OP_TRI, r, 0, 0, (int32_t)d->size); break;
	case DL_VK_STRING: cg_emit(g, DL_OP_TRS, r, 0, 0, 0); break;
	case DL_VK_BYTES:
	case DL_VK_FLOAT: cg_emit(g, DL_OP_TRM, r, 0, 0, (int32_t)d->size); break;
	case DL_VK_USTACK: cg_emit(g, DL_OP_TRU, r, 0, 0, (int32_t)d->size); break;
	case DL_VK_SYM: cg_emit(g, DL_OP_TRY, r, 0, 0, d->symkind); break;
	case DL_VK_STACK: /* always empty */ break;
	}
}

/* n <u size ? n : size: what tracemem() and printm() read of their size. */
static const struct dl_node *clamped(struct gen *g, const struct dl_node *n, uint64_t size)
{
	struct dl_type *type = dl_types_basic(g->c->types, DL_T_UINT64);
	struct dl_node *max = dl_node_new(g->c->arena, DL_N_INT, n->range);
	struct dl_node *len = dl_node_new(g->c->arena, DL_N_CAST, n->range);
	struct dl_node *less = dl_node_new(g->c->arena, DL_N_BINARY, n->range);
	struct dl_node *cond = dl_node_new(g->c->arena, DL_N_COND, n->range);

	max->value = size;
	len->left = (struct dl_node *)(uintptr_t)n;
	less->op = DL_O_LT;
	less->left = len;
	less->right = max;
	cond->left = less;
	cond->right = len;
	cond->third = max;
	max->type = len->type = less->type = cond->type = type;
	return cond;
}

/* tracemem(), printm(): the run-time size is an argument behind the address. */
static void gen_dynamic_memory(struct gen *g, const struct dl_node *addr,
			       const struct dl_value_desc *d)
{
	const struct dl_node *len = addr->next;
	unsigned r, n;

	if (!cg_input_mem(g, addr, clamped(g, len, d->size), 0, &r)) {
		r = cg_expr(g, addr);
		if (!cg_is_dmem(g, addr))
			cg_far_read(g);
	}
	n = cg_expr(g, len);
	cg_emit(g, DL_OP_TRMD, r, n, 0, (int32_t)d->size);
	cg_pop(g, r);
}

/* The next argument that is data: aggregations travel in the action itself. */
static const struct dl_node *next_data(const struct dl_node *arg)
{
	while (arg && arg->kind == DL_N_AGGREF)
		arg = arg->next;
	return arg;
}

static void gen_fields(struct gen *g, const struct dl_action *a, const struct dl_node *args)
{
	for (uint32_t i = 0; i < a->n_fields; i++) {
		const struct dl_value_desc *d = &a->fields[i];
		unsigned r;

		args = next_data(args);
		if (!args && d->kind != DL_VK_USTACK && d->kind != DL_VK_STACK) {
			cg_fail(g, D_UNKNOWN, g->out->range, "internal error: too few fields");
			return;
		}
		if (a->has_arg && d->kind == DL_VK_BYTES && args && args->next) {
			gen_dynamic_memory(g, args, d);
			return;
		}
		if (args) {
			r = cg_value(g, args, d);
			args = args->next;
		} else { /* ustack(), stack(): the description says it all */
			if (d->kind == DL_VK_USTACK)
				g->out->wants_stack = true;
			r = cg_push(g);
		}
		emit_field(g, r, d);
		cg_pop(g, r);
	}
}

static void gen_action(struct gen *g, const struct dl_node *n)
{
	const struct dl_action *a = n->act;
	unsigned r;

	if (!a) {
		cg_fail(g, D_UNKNOWN, n->range, "internal error: action without description");
		return;
	}
	cg_emit(g, DL_OP_TRB, 0, 0, 0, (int32_t)add_action(g, a));
	if (a->kind == DL_ACT_EXIT && n->args && a->n_fields) {
		r = cg_value(g, n->args, &a->fields[0]);
		emit_field(g, r, &a->fields[0]);
		cg_emit(g, DL_OP_TRE, 0, 0, 0, 0);
		cg_emit(g, DL_OP_ACT, r, 0, 0, DL_EF_EXIT);
		cg_pop(g, r);
		return;
	}
	gen_fields(g, a, n->args);
	cg_emit(g, DL_OP_TRE, 0, 0, 0, 0);
}

static void gen_effect(struct gen *g, const struct dl_node *n)
{
	static const char *const names[DL_EF_COUNT] = {
		[DL_EF_STOP] = "stop",
		[DL_EF_RAISE] = "raise",
		[DL_EF_CHILL] = "chill",
	};
	unsigned r;

	if (n->left) {
		r = cg_expr(g, n->left);
	} else {
		r = cg_push(g);
		cg_load_const(g, r, 0);
	}
	if (names[n->effect])
		cg_needs_stop(g, "%s() acts on the thread", names[n->effect]);
	cg_emit(g, DL_OP_ACT, r, 0, 0, n->effect);
	cg_pop(g, r);
}

static void gen_aggregation(struct gen *g, const struct dl_node *n)
{
	const struct dl_aggdesc *a = n->agg;
	unsigned keys = cg_keys(g, n->args, a->keys, a->n_keys), value, incr;

	if (n->left) {
		value = cg_expr(g, n->left);
	} else {
		value = cg_push(g);
		cg_load_const(g, value, 1);
	}
	if (n->right) {
		incr = cg_expr(g, n->right);
	} else {
		incr = cg_push(g);
		cg_load_const(g, incr, 1);
	}
	cg_tuple(g, keys, a->keys, a->n_keys);
	cg_emit(g, DL_OP_AGG, value, incr, 0, (int32_t)a->id);
	cg_pop(g, keys);
}

/* What is known at one point, kept while the generator goes on from there. */
struct known {
	struct cg_known *items;
	uint32_t n;
};

static struct known copy_known(const struct gen *g)
{
	struct known k = { .n = g->n_known };

	if (k.n)
		k.items = arena_grow(g->c->arena, g->known, k.n, k.n, sizeof(*k.items));
	return k;
}

static struct cg_known known_in(const struct known *k, uint32_t var)
{
	for (uint32_t i = 0; i < k->n; i++)
		if (k->items[i].var == var)
			return k->items[i];
	return (struct cg_known){ .var = var };
}

/* Behind the branches only that is known of a variable which is so in both. */
static void gen_if(struct gen *g, const struct dl_node *n)
{
	struct known before, after;
	uint32_t otherwise, end = 0;
	unsigned r;

	cg_emit(g, DL_OP_STMT, 0, 0, 0, (int32_t)g->stmt + 1);
	r = cg_truth(g, n->left);
	otherwise = cg_jump(g, DL_OP_JZ, r);
	cg_pop(g, r);
	before = copy_known(g);
	cg_body(g, n->body);
	after = copy_known(g);
	g->known = before.items;
	g->n_known = g->cap_known = before.n;
	if (n->else_body)
		end = cg_jump(g, DL_OP_JMP, 0);
	cg_patch(g, otherwise);
	if (n->else_body) {
		cg_body(g, n->else_body);
		cg_patch(g, end);
	}
	for (uint32_t i = 0; i < g->n_known; i++) {
		struct cg_known other = known_in(&after, g->known[i].var);

		g->known[i].is_dmem &= other.is_dmem;
		if (g->known[i].near != other.near)
			g->known[i].near = NULL;
	}
}

static void gen_speculation(struct gen *g, const struct dl_node *n, enum dl_op op)
{
	unsigned r = cg_expr(g, n->left);

	cg_emit(g, op, r, 0, 0, 0);
	cg_pop(g, r);
}

static void gen_statement(struct gen *g, const struct dl_node *n)
{
	cg_emit(g, DL_OP_STMT, 0, 0, 0, (int32_t)++g->stmt);
	switch (n->kind) {
	case DL_N_EXPR: cg_drop(g, n->left); break;
	case DL_N_ACTION: gen_action(g, n); break;
	case DL_N_EFFECT: gen_effect(g, n); break;
	case DL_N_AGG: gen_aggregation(g, n); break;
	case DL_N_SPECULATE: gen_speculation(g, n, DL_OP_SPEC); break;
	case DL_N_COMMIT: gen_speculation(g, n, DL_OP_COMMIT); break;
	case DL_N_DISCARD: gen_speculation(g, n, DL_OP_DISCARD); break;
	default: cg_fail(g, D_UNKNOWN, n->range, "internal error: statement without code");
	}
}

void cg_body(struct gen *g, const struct dl_node *list)
{
	for (; list && !g->failed; list = list->next) {
		g->at = list->range;
		if (list->kind == DL_N_IF)
			gen_if(g, list);
		else
			gen_statement(g, list);
	}
}
