/*
 * Trees made by hand, for the tests of code generation: short constructors,
 * a context without a parser, and the text of the code that came out.
 */
#ifndef TEST_CGTREE_H
#define TEST_CGTREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../dlang/ctx.h"
#include "../../dlang/strbuf.h"

struct tree {
	struct dl_ctx c;
	struct dl_clause out;
	struct dl_ident idents[16];
	unsigned n_idents;
	struct strbuf text;
};

static inline struct dl_type *ty(struct tree *t, enum dl_basic which)
{
	return dl_types_basic(t->c.types, which);
}

static inline struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->c.arena = arena_create();
	assert_non_null(t->c.arena);
	t->c.types = dl_types_create(t->c.arena);
	dl_types_set_strsize(t->c.types, 256);
	return t;
}

static inline void tree_free(struct tree *t)
{
	vec_deinit(&t->c.vars);
	vec_deinit(&t->c.agg_table);
	vec_deinit(&t->c.strings);
	vec_deinit(&t->c.string_lens);
	vec_deinit(&t->c.diags.list);
	strbuf_deinit(&t->text);
	arena_destroy(t->c.arena);
	free(t);
}

static inline struct dl_node *nd(struct tree *t, enum dl_node_kind kind, struct dl_type *type)
{
	struct dl_range range = { .line = 1 };
	struct dl_node *n = dl_node_new(t->c.arena, kind, range);

	n->type = type;
	return n;
}

static inline struct dl_node *num(struct tree *t, int64_t v)
{
	struct dl_node *n = nd(t, DL_N_INT, ty(t, DL_T_LONG));

	n->value = (uint64_t)v;
	return n;
}

static inline struct dl_node *arg(struct tree *t, unsigned i)
{
	struct dl_node *n = nd(t, DL_N_ARG, ty(t, DL_T_INT64));

	n->value = i;
	return n;
}

static inline struct dl_node *str(struct tree *t, const char *s)
{
	struct dl_node *n = nd(t, DL_N_STR, ty(t, DL_T_STRING));

	n->str = s;
	n->str_len = (uint32_t)strlen(s);
	return n;
}

static inline struct dl_node *un(struct tree *t, enum dl_node_kind kind, struct dl_type *type,
				 struct dl_node *left)
{
	struct dl_node *n = nd(t, kind, type);

	n->left = left;
	return n;
}

static inline struct dl_node *bin(struct tree *t, enum dl_oper op, struct dl_type *type,
				  struct dl_node *l, struct dl_node *r)
{
	struct dl_node *n = un(t, DL_N_BINARY, type, l);

	n->op = op;
	n->right = r;
	return n;
}

static inline struct dl_node *cast(struct tree *t, struct dl_type *type, struct dl_node *left)
{
	return un(t, DL_N_CAST, type, left);
}

static inline struct dl_node *deref(struct tree *t, struct dl_type *type, struct dl_node *left)
{
	return un(t, DL_N_DEREF, type, left);
}

static inline struct dl_node *member(struct tree *t, struct dl_type *type, struct dl_node *left,
				     uint64_t off)
{
	struct dl_node *n = un(t, DL_N_MEMBER, type, left);

	n->value = off;
	return n;
}

static inline struct dl_node *call(struct tree *t, enum dl_subr subr, struct dl_type *type,
				   struct dl_node *a, struct dl_node *b, struct dl_node *c)
{
	struct dl_node *n = nd(t, DL_N_CALL, type);

	n->ident = &t->idents[t->n_idents++ % 16];
	n->ident->kind = DL_ID_SUBR;
	n->ident->subr = subr;
	n->args = a;
	if (a)
		a->next = b;
	if (b)
		b->next = c;
	return n;
}

/* Makes the variable; every use of it is a node by varref(). */
static inline struct dl_ident *var_new(struct tree *t, enum dl_scope scope, const char *name,
				       struct dl_type *type, struct dl_value_desc value)
{
	struct dl_ident *id = &t->idents[t->n_idents++];
	struct dl_var *v = ARENA_NEW(t->c.arena, struct dl_var);

	v->name = name;
	v->scope = scope;
	v->value = value;
	v->value.type = type;
	id->name = name;
	id->type = type;
	id->var = v;
	assert_true(vec_push(&t->c.vars, v));
	return id;
}

static inline struct dl_node *varref(struct tree *t, struct dl_ident *id)
{
	struct dl_node *n = nd(t, DL_N_VAR, id->type);

	n->ident = id;
	return n;
}

static inline struct dl_node *assign(struct tree *t, struct dl_node *l, struct dl_node *r)
{
	struct dl_node *n = un(t, DL_N_ASSIGN, l->type, l);

	n->op = DL_O_ASSIGN;
	n->right = r;
	return n;
}

static inline struct dl_node *let(struct tree *t, uint32_t id, struct dl_node *value,
				  struct dl_node *in)
{
	struct dl_node *n = un(t, DL_N_LET, in->type, value);

	n->let_id = id;
	n->right = in;
	return n;
}

static inline struct dl_node *letvar(struct tree *t, uint32_t id, struct dl_type *type)
{
	struct dl_node *n = nd(t, DL_N_LETVAR, type);

	n->let_id = id;
	return n;
}

static inline struct dl_value_desc vint(uint32_t size, bool is_signed)
{
	return (struct dl_value_desc){ .kind = DL_VK_INT, .size = size, .is_signed = is_signed };
}

static inline struct dl_value_desc vkind(enum dl_vkind kind, uint32_t size)
{
	return (struct dl_value_desc){ .kind = kind, .size = size };
}

/* trace(e), recorded as d */
static inline struct dl_node *trace(struct tree *t, struct dl_node *e, struct dl_value_desc d)
{
	struct dl_node *n = nd(t, DL_N_ACTION, NULL);
	struct dl_value_desc *field = ARENA_NEW(t->c.arena, struct dl_value_desc);

	*field = d;
	n->act = ARENA_NEW(t->c.arena, struct dl_action);
	n->act->kind = DL_ACT_TRACE;
	n->act->fields = field;
	n->act->n_fields = 1;
	n->args = e;
	return n;
}

static inline struct dl_node *trace_int(struct tree *t, struct dl_node *e)
{
	return trace(t, e, vint(8, true));
}

static inline struct dl_node *expr(struct tree *t, struct dl_node *e)
{
	return un(t, DL_N_EXPR, NULL, e);
}

static inline struct dl_node *clause(struct tree *t, struct dl_node *pred, struct dl_node *body)
{
	struct dl_node *n = un(t, DL_N_CLAUSE, NULL, pred);

	n->body = body;
	return n;
}

static inline bool generate(struct tree *t, struct dl_node *pred, struct dl_node *body)
{
	t->out.desc_text = "p";
	return dl_codegen_clause(&t->c, clause(t, pred, body), &t->out);
}

/* The disassembly of predicate and body. */
static inline const char *code_text(struct tree *t, struct dl_node *pred, struct dl_node *body)
{
	struct dl_program p = { .clauses = &t->out, .n_clauses = 1 };

	assert_true(generate(t, pred, body));
	strbuf_reset(&t->text);
	dl_program_disasm(&t->text, &p);
	return strbuf_text(&t->text);
}

#endif
