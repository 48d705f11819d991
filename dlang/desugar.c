/*
 * A parsed program as D text without if and else: what -d prints.
 *
 * A clause with conditions becomes several of the same descriptions.  Each
 * condition, and the predicate as the first, is a clause-local variable that a
 * clause of its own sets; what depends on it has it in its predicate.  After a
 * fault nothing more of the clause runs: an ERROR clause notes it for the thread.
 * The names are DTrace's; being no words of D, they are nobody else's.
 */
#include <inttypes.h>

#include "ctx.h"
#include "format_exec.h"
#include "strbuf.h"

#define CONDITION "this->%%condition_%u"

/* One condition that must hold (or not) here, and those around it. */
struct guard {
	const struct guard *outer;
	unsigned condition;
	bool is_else;
};

struct desugar {
	struct strbuf *sb;
	const struct dl_node *clause;
	unsigned n_conditions;
};

static void put_expr(struct strbuf *sb, const struct dl_node *n);

static void put_args(struct strbuf *sb, const struct dl_node *list, char open, char close)
{
	strbuf_putc(sb, open);
	for (const struct dl_node *n = list; n; n = n->next) {
		if (n != list)
			strbuf_puts(sb, ", ");
		put_expr(sb, n);
	}
	strbuf_putc(sb, close);
}

static void put_binary(struct strbuf *sb, const struct dl_node *n)
{
	put_expr(sb, n->left);
	strbuf_printf(sb, " %s%s ", dl_oper_name(n->op),
		      n->kind == DL_N_ASSIGN && n->op != DL_O_ASSIGN ? "=" : "");
	put_expr(sb, n->right);
}

static void put_step(struct strbuf *sb, const struct dl_node *n)
{
	bool is_after = n->op == DL_O_POSTINC || n->op == DL_O_POSTDEC;

	if (!is_after)
		strbuf_puts(sb, dl_oper_name(n->op));
	put_expr(sb, n->left);
	if (is_after)
		strbuf_puts(sb, dl_oper_name(n->op));
}

/* name (operand), of which the parentheses may be the operand's own. */
static void put_around(struct strbuf *sb, const char *name, const struct dl_node *in)
{
	strbuf_puts(sb, name);
	if (!in->is_paren)
		strbuf_putc(sb, '(');
	put_expr(sb, in);
	if (!in->is_paren)
		strbuf_putc(sb, ')');
}

static void put_leaf(struct strbuf *sb, const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_INT:
		if ((int64_t)n->value < 0 && n->type && n->type->is_signed)
			strbuf_printf(sb, "%" PRId64, (int64_t)n->value);
		else
			strbuf_printf(sb, "%" PRIu64, n->value);
		break;
	case DL_N_FLOAT: strbuf_printf(sb, "%.17g", n->fvalue); break;
	case DL_N_STR:
		strbuf_putc(sb, '"');
		dl_put_escaped(sb, n->str ? n->str : "", n->str_len);
		strbuf_putc(sb, '"');
		break;
	case DL_N_TYPE: dl_type_print(sb, n->type); break;
	case DL_N_AGGREF:
		strbuf_printf(sb, "@%s", n->name ? n->name : "");
		if (n->args)
			put_args(sb, n->args, '[', ']');
		break;
	default: strbuf_puts(sb, n->name ? n->name : ""); break;
	}
}

static void put_operator(struct strbuf *sb, const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_UNARY:
		strbuf_puts(sb, dl_oper_name(n->op));
		put_expr(sb, n->left);
		break;
	case DL_N_BINARY:
	case DL_N_ASSIGN: put_binary(sb, n); break;
	case DL_N_COMMA:
		put_expr(sb, n->left);
		strbuf_puts(sb, ", ");
		put_expr(sb, n->right);
		break;
	case DL_N_COND:
		put_expr(sb, n->left);
		strbuf_puts(sb, " ? ");
		put_expr(sb, n->right);
		strbuf_puts(sb, " : ");
		put_expr(sb, n->third);
		break;
	case DL_N_INCDEC: put_step(sb, n); break;
	case DL_N_CAST:
		strbuf_putc(sb, '(');
		dl_type_print(sb, n->type);
		strbuf_putc(sb, ')');
		put_expr(sb, n->left);
		break;
	default: put_leaf(sb, n); break;
	}
}

static void put_access(struct strbuf *sb, const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_SIZEOF: put_around(sb, "sizeof ", n->left); break;
	case DL_N_STRINGOF: put_around(sb, "stringof ", n->left); break;
	case DL_N_OFFSETOF:
		strbuf_puts(sb, "offsetof(");
		put_expr(sb, n->left);
		strbuf_printf(sb, ", %s)", n->name);
		break;
	case DL_N_XLATE:
		strbuf_puts(sb, "xlate <");
		put_expr(sb, n->left);
		strbuf_puts(sb, "> (");
		put_expr(sb, n->right);
		strbuf_putc(sb, ')');
		break;
	case DL_N_INDEX:
		put_expr(sb, n->left);
		put_args(sb, n->args, '[', ']');
		break;
	case DL_N_DOT:
	case DL_N_ARROW:
		put_expr(sb, n->left);
		strbuf_printf(sb, "%s%s", n->kind == DL_N_DOT ? "." : "->", n->name);
		break;
	case DL_N_CALL:
		strbuf_puts(sb, n->name);
		put_args(sb, n->args, '(', ')');
		break;
	default: put_operator(sb, n); break;
	}
}

static void put_expr(struct strbuf *sb, const struct dl_node *n)
{
	if (!n)
		return;
	if (n->is_paren)
		strbuf_putc(sb, '(');
	put_access(sb, n);
	if (n->is_paren)
		strbuf_putc(sb, ')');
}

/* ----------------------------------------------------------- clauses -- */

static bool has_condition(const struct dl_node *list)
{
	for (; list; list = list->next)
		if (list->kind == DL_N_IF)
			return true;
	return false;
}

static void put_head(const struct desugar *d)
{
	const struct dl_node *n = d->clause;

	for (uint32_t i = 0; i < n->n_descs; i++)
		strbuf_printf(d->sb, "%s%s", i ? ",\n" : "", n->desc_texts[i]);
	strbuf_putc(d->sb, '\n');
}

static void put_guards(struct strbuf *sb, const struct guard *g)
{
	if (!g)
		return;
	put_guards(sb, g->outer);
	strbuf_printf(sb, " && %s" CONDITION, g->is_else ? "!" : "", g->condition);
}

static void open_clause(const struct desugar *d, const struct guard *g)
{
	put_head(d);
	strbuf_puts(d->sb, "/!self->%error");
	put_guards(d->sb, g);
	strbuf_puts(d->sb, "/\n{\n");
}

static void put_statement(struct strbuf *sb, const struct dl_node *n)
{
	strbuf_putc(sb, '\t');
	put_expr(sb, n->kind == DL_N_EXPR ? n->left : n);
	strbuf_puts(sb, ";\n");
}

static void put_body(struct desugar *d, const struct dl_node *list, const struct guard *g);

/* A clause that decides, then those of both branches. */
static void put_condition(struct desugar *d, const struct dl_node *n, const struct guard *g)
{
	struct guard inner = { .outer = g, .condition = ++d->n_conditions };

	open_clause(d, g);
	strbuf_printf(d->sb, "\t" CONDITION " = (", inner.condition);
	put_expr(d->sb, n->left);
	strbuf_puts(d->sb, ") ? 1 : 0;\n}\n\n");
	put_body(d, n->body, &inner);
	inner.is_else = true;
	put_body(d, n->else_body, &inner);
}

/* Runs of plain statements are a clause each. */
static void put_body(struct desugar *d, const struct dl_node *list, const struct guard *g)
{
	while (list) {
		if (list->kind == DL_N_IF) {
			put_condition(d, list, g);
			list = list->next;
			continue;
		}
		open_clause(d, g);
		for (; list && list->kind != DL_N_IF; list = list->next)
			put_statement(d->sb, list);
		strbuf_puts(d->sb, "}\n\n");
	}
}

static void put_plain(const struct desugar *d)
{
	put_head(d);
	if (d->clause->left) {
		strbuf_putc(d->sb, '/');
		put_expr(d->sb, d->clause->left);
		strbuf_puts(d->sb, "/\n");
	}
	strbuf_puts(d->sb, "{\n");
	for (const struct dl_node *n = d->clause->body; n; n = n->next)
		put_statement(d->sb, n);
	strbuf_puts(d->sb, "}\n\n");
}

static void put_clause(struct desugar *d)
{
	struct dl_node whole = { .kind = DL_N_IF,
				 .left = d->clause->left,
				 .body = d->clause->body };

	if (!has_condition(d->clause->body)) {
		put_plain(d);
		return;
	}
	d->n_conditions = 0;
	put_head(d);
	strbuf_puts(d->sb, "{\n\tself->%error = 0;\n}\n\n");
	if (whole.left)
		put_condition(d, &whole, NULL);
	else
		put_body(d, d->clause->body, NULL);
}

void dl_unit_desugar(const struct dl_unit *u, struct strbuf *ret)
{
	struct desugar d = { .sb = ret };
	bool is_sweet = false;

	for (const struct dl_node *n = u->clauses; n; n = n->next)
		is_sweet = is_sweet || has_condition(n->body);
	if (is_sweet)
		strbuf_puts(ret, "dtrace:::ERROR\n{\n\tself->%error = 1;\n}\n\n");
	for (d.clause = u->clauses; d.clause; d.clause = d.clause->next)
		put_clause(&d);
}
