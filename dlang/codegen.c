/*
 * Code generation: one clause's lowered tree into near and far.
 *
 * The clause level is here (predicate, body, what the clause needs) and the
 * emitter.  Expressions are in codegen_expr.c, variables in codegen_var.c,
 * subroutines in codegen_call.c, statements in codegen_stmt.c and the split
 * between near and far in codegen_near.c.
 *
 * Everything is allocated in the compile arena.  After a failure the walk goes
 * on to its end, but what it emits is thrown away.
 */
#include "codegen.h"

#include <string.h>

/* --- failures and facts --- */

void cg_fail(struct gen *g, enum dl_tag tag, struct dl_range range, const char *text)
{
	if (!g->failed)
		dl_error(g->c, tag, range, "%s", text);
	g->failed = true;
}

void cg_needs_stop(struct gen *g, const char *fmt, ...)
{
	va_list ap;

	if (g->out->needs_stop)
		return;
	va_start(ap, fmt);
	g->out->needs_stop = arena_vprintf(g->c->arena, fmt, ap);
	va_end(ap);
}

/* --- emitting --- */

uint32_t cg_emit(struct gen *g, enum dl_op op, unsigned a, unsigned b, unsigned c, int32_t imm)
{
	struct cg_code *code = g->cur;

	if (code->n == code->cap) {
		uint32_t cap = code->cap ? code->cap * 2 : 32;

		code->insns =
			arena_grow(g->c->arena, code->insns, code->n, cap, sizeof(*code->insns));
		code->cap = cap;
	}
	code->insns[code->n] = (struct dl_insn){
		.op = (uint8_t)op, .a = (uint8_t)a, .b = (uint8_t)b, .c = (uint8_t)c, .imm = imm
	};
	return code->n++;
}

unsigned cg_push(struct gen *g)
{
	struct cg_code *code = g->cur;
	unsigned max = code->is_near ? NEAR_REGS : g->far_regs;

	if (code->top >= max) {
		if (!g->failed)
			dl_error(g->c, D_NOREG, g->at.line ? g->at : g->out->range,
				 "insufficient registers to generate code");
		g->failed = true;
		return max - 1;
	}
	if (++code->top > code->n_regs)
		code->n_regs = code->top;
	return code->top - 1;
}

void cg_pop(struct gen *g, unsigned to)
{
	g->cur->top = to;
}

static int32_t add_const(struct gen *g, uint64_t v)
{
	struct cg_code *code = g->cur;

	for (uint32_t i = 0; i < code->n_consts; i++)
		if (code->consts[i] == v)
			return (int32_t)i;
	if (code->n_consts == code->cap_consts) {
		uint32_t cap = code->cap_consts ? code->cap_consts * 2 : 8;

		code->consts = arena_grow(g->c->arena, code->consts, code->n_consts, cap,
					  sizeof(*code->consts));
		code->cap_consts = cap;
	}
	code->consts[code->n_consts] = v;
	return (int32_t)code->n_consts++;
}

void cg_load_const(struct gen *g, unsigned reg, uint64_t v)
{
	if ((int64_t)v == (int32_t)v)
		cg_emit(g, DL_OP_LDI, reg, 0, 0, (int32_t)v);
	else
		cg_emit(g, DL_OP_LDK, reg, 0, 0, add_const(g, v));
}

uint32_t cg_jump(struct gen *g, enum dl_op op, unsigned reg)
{
	return cg_emit(g, op, reg, 0, 0, 0);
}

void cg_patch(struct gen *g, uint32_t jump)
{
	g->cur->insns[jump].imm = (int32_t)(g->cur->n - jump - 1);
}

uint32_t cg_var_index(struct gen *g, const struct dl_var *v)
{
	if (v->index < g->c->vars.n && g->c->vars.items[v->index] == v)
		return v->index;
	for (size_t i = 0; i < g->c->vars.n; i++)
		if (g->c->vars.items[i] == v)
			return (uint32_t)i;
	cg_fail(g, D_UNKNOWN, g->out->range, "internal error: variable is not in the table");
	return 0;
}

struct cg_known cg_known_of(const struct gen *g, uint32_t var)
{
	for (uint32_t i = 0; i < g->n_known; i++)
		if (g->known[i].var == var)
			return g->known[i];
	return (struct cg_known){ .var = var };
}

void cg_know(struct gen *g, struct cg_known k)
{
	uint32_t i = 0, cap;

	while (i < g->n_known && g->known[i].var != k.var)
		i++;
	if (i == g->n_known && !k.is_dmem && !k.near)
		return;
	if (i == g->cap_known) {
		cap = i ? i * 2 : 8;
		g->known = arena_grow(g->c->arena, g->known, i, cap, sizeof(*g->known));
		g->cap_known = cap;
	}
	if (i == g->n_known)
		g->n_known++;
	g->known[i] = k;
}

/* --- types --- */

enum cg_class cg_class_of(struct dl_type *t)
{
	if (!t)
		return CG_NOTHING;
	t = dl_type_base(t);
	switch (t->kind) {
	case DL_INT:
	case DL_ENUM:
	case DL_PTR:
	case DL_SYMADDR:
	case DL_USYMADDR: return CG_SCALAR;
	case DL_FORWARD: return t->forward_of == DL_ENUM ? CG_SCALAR : CG_ADDRESS;
	case DL_FLOAT: return CG_DOUBLE;
	case DL_ARRAY:
	case DL_STRUCT:
	case DL_UNION:
	case DL_FUNC:
	case DL_STRING: return CG_ADDRESS;
	default: return CG_NOTHING;
	}
}

uint64_t cg_size_of(struct gen *g, struct dl_type *t)
{
	uint64_t size = t ? dl_type_size(g->c->types, t) : 0;

	/* An enum without a known definition is an int. */
	if (size == 0 && cg_class_of(t) == CG_SCALAR)
		size = dl_type_base(t)->kind == DL_FORWARD ? 4 : 8;
	return size;
}

bool cg_is_signed(struct dl_type *t)
{
	t = dl_type_base(t);
	if (t->kind == DL_FORWARD || t->kind == DL_ENUM)
		return true;
	return t->kind == DL_INT && t->is_signed;
}

void cg_add_offset(struct gen *g, unsigned reg, uint64_t off)
{
	unsigned r;

	if (off == 0)
		return;
	if ((int64_t)off == (int32_t)off) {
		cg_emit(g, DL_OP_ADDI, reg, reg, 0, (int32_t)off);
		return;
	}
	r = cg_push(g);
	cg_load_const(g, r, off);
	cg_emit(g, DL_OP_ADD, reg, reg, r, 0);
	cg_pop(g, r);
}

void cg_extend(struct gen *g, unsigned reg, uint64_t size, bool is_signed)
{
	if (size >= 1 && size < 8)
		cg_emit(g, is_signed ? DL_OP_SX : DL_OP_ZX, reg, reg, 0, (int32_t)(size * 8));
}

/* --- a first look at the tree --- */

struct scan {
	struct gen *g;
	uint32_t n_statements; /* of any kind but aggregations */
	uint32_t n_aggs;
	bool has_speculate;
	uint32_t n_nodes; /* seen; subtrees may be shared */
};

#define MAX_NODES (1u << 20)

static void scan_call(struct scan *s, const struct dl_node *n)
{
	if (!n->ident)
		return;
	if (n->ident->subr == DL_SUBR_COPYOUT || n->ident->subr == DL_SUBR_COPYOUTSTR) {
		s->g->writes_memory = true;
		s->g->out->is_destructive = true;
	}
}

static void scan_let(struct gen *g, const struct dl_node *n)
{
	if (g->n_lets == g->cap_lets) {
		uint32_t cap = g->cap_lets ? g->cap_lets * 2 : 8;

		g->lets = arena_grow(g->c->arena, g->lets, g->n_lets, cap, sizeof(*g->lets));
		g->cap_lets = cap;
	}
	g->lets[g->n_lets++] = (struct cg_let){ .let = n };
}

static void scan_statement(struct scan *s, const struct dl_node *n)
{
	struct gen *g = s->g;

	if (n->kind == DL_N_AGG)
		s->n_aggs++;
	else if (n->kind != DL_N_IF)
		s->n_statements++;
	if (n->kind == DL_N_SPECULATE)
		s->has_speculate = true;
	if (n->kind == DL_N_EFFECT && n->effect != DL_EF_EXIT)
		g->out->is_destructive = true;
	if (n->kind == DL_N_ACTION && n->act &&
	    (n->act->kind == DL_ACT_SYSTEM || n->act->kind == DL_ACT_FREOPEN))
		g->out->is_destructive = true;
}

static void scan_tree(struct scan *s, const struct dl_node *n, unsigned depth);

static void scan_children(struct scan *s, const struct dl_node *n, unsigned depth)
{
	scan_tree(s, n->left, depth + 1);
	scan_tree(s, n->right, depth + 1);
	scan_tree(s, n->third, depth + 1);
	for (const struct dl_node *a = n->args; a; a = a->next)
		scan_tree(s, a, depth + 1);
	for (const struct dl_node *b = n->body; b; b = b->next) {
		scan_statement(s, b);
		scan_tree(s, b, depth + 1);
	}
	for (const struct dl_node *b = n->else_body; b; b = b->next) {
		scan_statement(s, b);
		scan_tree(s, b, depth + 1);
	}
}

static void scan_tree(struct scan *s, const struct dl_node *n, unsigned depth)
{
	if (!n || s->g->failed)
		return;
	if (depth > CG_MAX_DEPTH || ++s->n_nodes > MAX_NODES) {
		cg_fail(s->g, D_NOREG, n->range, "insufficient registers to generate code");
		return;
	}
	if (n->kind == DL_N_CALL)
		scan_call(s, n);
	else if (n->kind == DL_N_LET)
		scan_let(s->g, n);
	scan_children(s, n, depth);
}

/*
 * A clause has a header line for the data that its actions record.  Without
 * any, only the default action (an empty body) and a lone speculate() leave
 * a record: assignments and aggregations are silent, as scripts that store a
 * timestamp at entry expect.
 */
static void scan_clause(struct gen *g, const struct dl_node *n)
{
	struct scan s = { .g = g };

	scan_tree(&s, n, 0);
	g->out->has_aggs = s.n_aggs > 0;
	g->out->records = s.n_aggs == 0 && s.n_statements == (s.has_speculate ? 1 : 0);
}

/* --- the clause --- */

#define MAX_CONJUNCTS 64 /* looked at one by one; what is behind stays together */

static void gen_far(struct gen *g, const struct dl_node *n)
{
	const struct dl_node *conjuncts[MAX_CONJUNCTS] = { 0 };
	uint32_t jumps[MAX_CONJUNCTS], n_conjuncts = 0;

	cg_near_predicate(g, n->left, conjuncts, MAX_CONJUNCTS, &n_conjuncts);
	g->cur = &g->far;
	cg_emit(g, DL_OP_STMT, 0, 0, 0, 0);
	for (uint32_t i = 0; i < n_conjuncts; i++) {
		unsigned r = cg_truth(g, conjuncts[i]);

		jumps[i] = cg_jump(g, DL_OP_JZ, r);
		cg_pop(g, r);
	}
	cg_body(g, n->body);
	for (uint32_t i = 0; i < n_conjuncts; i++)
		cg_patch(g, jumps[i]);
	cg_emit(g, DL_OP_END, 0, 0, 0, 0);
	g->cur = &g->near;
	cg_emit(g, DL_OP_END, 0, 0, 0, 0);
}

static struct dl_code take_code(const struct cg_code *code)
{
	return (struct dl_code){ .insns = code->insns,
				 .n = code->n,
				 .consts = code->consts,
				 .n_consts = code->n_consts,
				 .n_regs = code->n_regs };
}

static void take_actions(struct gen *g)
{
	struct dl_action *list = ARENA_ARRAY(g->c->arena, g->n_actions, struct dl_action);

	for (uint32_t i = 0; i < g->n_actions; i++)
		list[i] = *g->actions[i];
	g->out->actions = list;
	g->out->n_actions = g->n_actions;
}

static bool verify(struct gen *g)
{
	struct dl_clause *cl = g->out;
	uint32_t n_vars = (uint32_t)g->c->vars.n, n_aggs = (uint32_t)g->c->agg_table.n;
	uint32_t n_strings = (uint32_t)g->c->strings.n;
	const char *tier = "near", *why;

	why = dl_verify(&cl->near, true, cl->n_slots, cl->n_actions, n_vars, n_aggs, n_strings);
	if (!why) {
		tier = "far";
		why = dl_verify(&cl->far, false, cl->n_slots, cl->n_actions, n_vars, n_aggs,
				n_strings);
	}
	if (why)
		dl_error(g->c, D_UNKNOWN, cl->range, "internal error: %s code: %s", tier, why);
	return !why;
}

/* Ours are many more than the classic eight: these are kept to only where iregs says so. */
static unsigned far_regs(const struct dl_ctx *c)
{
	const struct dl_options *o = c->config.options;
	uint64_t n = CG_FAR_REGS;

	if (o && dl_option_is_set(o, DL_OPT_IREGS) && dl_option(o, DL_OPT_IREGS) < n)
		n = dl_option(o, DL_OPT_IREGS);
	return (unsigned)n;
}

bool dl_codegen_clause(struct dl_ctx *c, const struct dl_node *lowered, struct dl_clause *out)
{
	struct gen g = { .c = c, .out = out, .near.is_near = true, .far_regs = far_regs(c) };

	out->ctx = c;
	out->needs_stop = NULL;
	out->wants_stack = false;
	out->is_destructive = false;
	if (out->range.line == 0)
		out->range = lowered->range;
	scan_clause(&g, lowered);
	if (g.failed)
		return false;
	gen_far(&g, lowered);
	if (g.failed)
		return false;
	out->near = take_code(&g.near);
	out->far = take_code(&g.far);
	out->n_slots = g.n_inputs;
	take_actions(&g);
	return verify(&g);
}
