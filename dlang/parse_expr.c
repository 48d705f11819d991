/*
 * Expressions.  Binary operators by precedence climbing over one table; the
 * rest is a function per rule.  A node remembers the height of its tree, so
 * that no program can make the passes that follow recurse without bound.
 */
#include "parse.h"

#include <string.h>

static struct dl_node *parse_unary(struct dl_parser *p);

/* --- nodes --- */

static uint32_t height_of(const struct dl_node *n)
{
	return n ? n->height : 0;
}

/* Sets n's height from what hangs below it; NULL if it is too high. */
static struct dl_node *finish(struct dl_parser *p, struct dl_node *n)
{
	uint32_t h = height_of(n->left);

	if (height_of(n->right) > h)
		h = height_of(n->right);
	if (height_of(n->third) > h)
		h = height_of(n->third);
	for (const struct dl_node *a = n->args; a; a = a->next)
		if (a->height > h)
			h = a->height;
	n->height = h + 1;
	if (n->height <= DL_TREE_MAX)
		return n;
	dl_parse_fail(p, D_SYNTAX, n->range, "syntax error: expression is too complex");
	return NULL;
}

static struct dl_node *new_node(struct dl_parser *p, enum dl_node_kind kind, struct dl_range start)
{
	return dl_node_new(p->arena, kind, dl_parse_range_from(p, start));
}

static struct dl_node *new_unary(struct dl_parser *p, enum dl_node_kind kind, enum dl_oper op,
				 struct dl_node *left, struct dl_range start)
{
	if (!left || dl_parse_failed(p))
		return NULL;
	struct dl_node *n = new_node(p, kind, start);

	n->op = op;
	n->left = left;
	return finish(p, n);
}

static struct dl_node *new_binary(struct dl_parser *p, enum dl_node_kind kind, enum dl_oper op,
				  struct dl_node *left, struct dl_node *right)
{
	if (!left || !right || dl_parse_failed(p))
		return NULL;
	struct dl_node *n = new_node(p, kind, left->range);

	n->op = op;
	n->left = left;
	n->right = right;
	return finish(p, n);
}

/* Remembers a node made from $target: its value comes when the target does. */
static void note_target(struct dl_parser *p, struct dl_node *n)
{
	struct dl_late_macro *m = ARENA_NEW(p->arena, struct dl_late_macro);

	m->node = n;
	m->next = p->ctx->late_macros;
	p->ctx->late_macros = m;
}

/* --- primary expressions --- */

static struct dl_node *parse_int(struct dl_parser *p)
{
	struct dl_node *n = dl_node_new(p->arena, DL_N_INT, p->tok.range);
	bool is_negative = p->tok.is_negative;

	n->value = p->tok.value;
	n->type = dl_types_basic(p->ctx->types, p->tok.basic);
	n->is_const_int = true;
	if (p->tok.is_target)
		note_target(p, n);
	dl_parse_advance(p);
	if (!is_negative)
		return n;
	n = new_unary(p, DL_N_UNARY, DL_O_NEG, n, n->range);
	if (n)
		n->is_paren = true;
	return n;
}

static struct dl_node *parse_literal(struct dl_parser *p)
{
	bool is_str = p->tok.kind == TOK_STR;
	struct dl_node *n = dl_node_new(p->arena, is_str ? DL_N_STR : DL_N_FLOAT, p->tok.range);

	n->type = dl_types_basic(p->ctx->types, is_str ? DL_T_STRING : DL_T_DOUBLE);
	n->fvalue = p->tok.fvalue;
	if (is_str) {
		n->str = p->tok.text;
		n->str_len = p->tok.len;
		if (p->tok.is_target)
			note_target(p, n);
	}
	dl_parse_advance(p);
	return n;
}

/* list : assign { ',' assign } close   the opening bracket being consumed */
static struct dl_node *parse_list(struct dl_parser *p, enum dl_tok close)
{
	struct dl_node *list = NULL, **tail = &list;

	do {
		struct dl_node *e = dl_parse_assign(p);

		if (!e)
			return NULL;
		*tail = e;
		tail = &e->next;
	} while (dl_parse_accept(p, TOK_COMMA));
	dl_parse_expect(p, close);
	return list;
}

static struct dl_node *parse_subscript(struct dl_parser *p)
{
	p->brackets++;
	dl_parse_advance(p);
	struct dl_node *list = parse_list(p, TOK_RBRACK);

	if (!dl_parse_failed(p))
		p->brackets--;
	return list;
}

/* @name [ '[' list ']' ] */
static struct dl_node *parse_agg(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;
	struct dl_node *n = dl_node_new(p->arena, DL_N_AGGREF, start);

	n->name = p->tok.text;
	dl_parse_advance(p);
	if (p->tok.kind == TOK_LBRACK) {
		n->args = parse_subscript(p);
		n->range = dl_parse_range_from(p, start);
	}
	if (p->tok.kind == TOK_LBRACK)
		dl_parse_fail(p, D_AGG_MDIM, start,
			      "improper attempt to reference @%s as a "
			      "multi-dimensional array",
			      n->name);
	return dl_parse_failed(p) ? NULL : finish(p, n);
}

static struct dl_node *parse_type_node(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;
	struct dl_type *t = dl_parse_type_name(p);

	if (!t || dl_parse_failed(p))
		return NULL;
	struct dl_node *n = new_node(p, DL_N_TYPE, start);

	n->type = t;
	return n;
}

/* 'offsetof' '(' type ',' member ')' */
static struct dl_node *parse_offsetof(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;

	dl_parse_advance(p);
	dl_parse_expect(p, TOK_LPAR);
	struct dl_node *type = parse_type_node(p);

	dl_parse_expect(p, TOK_COMMA);
	const char *name = dl_parse_member_name(p);

	if (!name)
		dl_parse_syntax(p);
	dl_parse_expect(p, TOK_RPAR);
	struct dl_node *n = new_unary(p, DL_N_OFFSETOF, DL_O_ADD, type, start);

	if (n)
		n->name = name;
	return n;
}

/* 'xlate' '<' type '>' '(' expr ')' */
static struct dl_node *parse_xlate(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;

	dl_parse_advance(p);
	dl_parse_expect(p, TOK_LT);
	struct dl_node *type = parse_type_node(p);

	dl_parse_expect(p, TOK_GT);
	dl_parse_expect(p, TOK_LPAR);
	struct dl_node *e = dl_parse_expr(p);

	dl_parse_expect(p, TOK_RPAR);
	if (!type || !e || dl_parse_failed(p))
		return NULL;
	struct dl_node *n = new_node(p, DL_N_XLATE, start);

	n->left = type;
	n->right = e;
	return finish(p, n);
}

static struct dl_node *parse_paren(struct dl_parser *p)
{
	p->parens++;
	dl_parse_advance(p);
	struct dl_node *e = dl_parse_expr(p);

	dl_parse_expect(p, TOK_RPAR);
	if (!e || dl_parse_failed(p))
		return NULL;
	p->parens--;
	e->is_paren = true;
	return e;
}

/*
 * Is the name a type name here?  Not if it is a variable or function, or is
 * about to become one: followed by ++ -- [ or = it is a variable.
 */
static bool is_type_here(struct dl_parser *p)
{
	const char *next = dl_lex_peek(&p->lex, p->lex.p);

	if (next[0] == '[' || (next[0] == '=' && next[1] != '=') ||
	    (next[0] == '+' && next[1] == '+') || (next[0] == '-' && next[1] == '-'))
		return false;
	return dl_parse_name_is_type(p, p->tok.text);
}

static struct dl_node *parse_ident(struct dl_parser *p)
{
	if (p->tok.kind == TOK_IDENT && is_type_here(p)) {
		dl_parse_syntax(p);
		return NULL;
	}
	struct dl_node *n = dl_node_new(p->arena, DL_N_IDENT, p->tok.range);

	n->name = p->tok.text;
	dl_parse_advance(p);
	return n;
}

static struct dl_node *parse_primary(struct dl_parser *p)
{
	switch (p->tok.kind) {
	case TOK_INT: return parse_int(p);
	case TOK_STR:
	case TOK_FLOAT: return parse_literal(p);
	case TOK_AGG: return parse_agg(p);
	case TOK_IDENT:
	case KW_SELF:
	case KW_THIS: return parse_ident(p);
	case KW_OFFSETOF: return parse_offsetof(p);
	case KW_XLATE: return parse_xlate(p);
	case TOK_LPAR: return parse_paren(p);
	default: dl_parse_syntax(p); return NULL;
	}
}

/* --- postfix --- */

/* name '(' [ list ] ')' */
static struct dl_node *parse_call(struct dl_parser *p, struct dl_node *f)
{
	if (f->kind != DL_N_IDENT || f->is_paren) {
		dl_parse_fail(p, D_FUNC_IDENT, f->range,
			      "function designator is not of function type");
		return NULL;
	}
	struct dl_node *n = dl_node_new(p->arena, DL_N_CALL, f->range);

	n->name = f->name;
	p->parens++;
	dl_parse_advance(p);
	if (!dl_parse_accept(p, TOK_RPAR))
		n->args = parse_list(p, TOK_RPAR);
	if (dl_parse_failed(p))
		return NULL;
	p->parens--;
	n->range = dl_parse_range_from(p, f->range);
	return finish(p, n);
}

static struct dl_node *parse_index(struct dl_parser *p, struct dl_node *left)
{
	struct dl_node *args = parse_subscript(p);

	if (dl_parse_failed(p))
		return NULL;
	struct dl_node *n = new_node(p, DL_N_INDEX, left->range);

	n->left = left;
	n->args = args;
	return finish(p, n);
}

static struct dl_node *parse_member(struct dl_parser *p, struct dl_node *left)
{
	bool is_arrow = p->tok.kind == TOK_ARROW;

	dl_parse_advance(p);
	struct dl_token at = p->tok;
	const char *name = dl_parse_member_name(p);

	if (!name) {
		if (at.kind == TOK_EOF)
			dl_parse_syntax(p);
		dl_parse_fail(p, D_OP_IDENT, at.range,
			      "operator %s must be followed by an identifier",
			      is_arrow ? "->" : ".");
		return NULL;
	}
	struct dl_node *n =
		new_unary(p, is_arrow ? DL_N_ARROW : DL_N_DOT, DL_O_ADD, left, left->range);
	if (n)
		n->name = name;
	return n;
}

/* postfix : primary { '[' list ']' | '(' list ')' | '.' m | '->' m | '++' | '--' } */
static struct dl_node *parse_suffixes(struct dl_parser *p, struct dl_node *n)
{
	while (n && !dl_parse_failed(p)) {
		switch (p->tok.kind) {
		case TOK_LBRACK: n = parse_index(p, n); break;
		case TOK_LPAR: n = parse_call(p, n); break;
		case TOK_DOT:
		case TOK_ARROW: n = parse_member(p, n); break;
		case TOK_INC:
		case TOK_DEC: {
			enum dl_oper op = p->tok.kind == TOK_INC ? DL_O_POSTINC : DL_O_POSTDEC;

			dl_parse_advance(p);
			n = new_unary(p, DL_N_INCDEC, op, n, n->range);
			break;
		}
		default: return n;
		}
	}
	return NULL;
}

/* --- unary --- */

static bool unary_oper(enum dl_tok kind, enum dl_oper *op)
{
	switch (kind) {
	case TOK_NOT: *op = DL_O_NOT; return true;
	case TOK_TILDE: *op = DL_O_COM; return true;
	case TOK_PLUS: *op = DL_O_PLUS; return true;
	case TOK_MINUS: *op = DL_O_NEG; return true;
	case TOK_STAR: *op = DL_O_DEREF; return true;
	case TOK_AMP: *op = DL_O_ADDROF; return true;
	default: return false;
	}
}

static bool is_in_scope(const struct dl_parser *p, const char *name)
{
	for (const struct dl_scope_name *s = p->scope; s; s = s->next)
		if (s->name == name)
			return true;
	return false;
}

/* Behind "(name)": can only what a cast is applied to follow? */
static bool only_operand(const char *next)
{
	return dl_is_word(*next) || (*next && strchr("($\"'~", *next));
}

static bool ends_with_t(const char *name)
{
	size_t n = strlen(name);

	return n > 2 && !strcmp(name + n - 2, "_t");
}

/*
 * With the token behind ( as the current one: is this a type name?  A name
 * nothing is known of is one, which the target may know later, if what follows
 * fits nothing else: stars and ), or an operand behind the ).  sizeof has no
 * operand, so there the name itself has to tell.
 */
static bool is_cast_here(struct dl_parser *p, bool is_sizeof)
{
	const char *name = p->tok.text;

	if (p->tok.kind != TOK_IDENT)
		return dl_parse_starts_type(p);
	bool scoped = strchr(name, '`');

	if (!scoped && (is_in_scope(p, name) || dl_sema_is_known_ident(p->ctx, name)))
		return false;
	const char *next = dl_lex_peek(&p->lex, p->lex.p);
	bool stars = *next == '*';

	while (*next == '*')
		next = dl_lex_peek(&p->lex, next + 1);
	if (scoped)
		return *next == ')' && (stars || dl_parse_find_type(p, name));
	if (is_type_here(p))
		return true;
	if (*next != ')' || !dl_parse_may_be_late(p))
		return false;
	return stars ||
	       (is_sizeof ? ends_with_t(name) : only_operand(dl_lex_peek(&p->lex, next + 1)));
}

/* '(' type ')' unary, or a parenthesised expression with its suffixes */
static struct dl_node *parse_cast_or_paren(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;

	p->parens++;
	dl_parse_advance(p);
	if (!is_cast_here(p, false)) {
		struct dl_node *e = dl_parse_expr(p);

		dl_parse_expect(p, TOK_RPAR);
		if (!e || dl_parse_failed(p))
			return NULL;
		p->parens--;
		e->is_paren = true;
		return parse_suffixes(p, e);
	}
	struct dl_type *t = dl_parse_type_name(p);

	if (!dl_parse_expect(p, TOK_RPAR))
		return NULL;
	p->parens--;
	struct dl_node *n = new_unary(p, DL_N_CAST, DL_O_ADD, parse_unary(p), start);

	if (n)
		n->type = t;
	return n;
}

/* 'sizeof' unary | 'sizeof' '(' type ')' */
static struct dl_node *parse_sizeof(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;
	struct dl_node *operand;

	dl_parse_advance(p);
	if (p->tok.kind != TOK_LPAR)
		return new_unary(p, DL_N_SIZEOF, DL_O_ADD, parse_unary(p), start);
	p->parens++;
	dl_parse_advance(p);
	bool is_type = is_cast_here(p, true);

	operand = is_type ? parse_type_node(p) : dl_parse_expr(p);
	if (!dl_parse_expect(p, TOK_RPAR))
		return NULL;
	p->parens--;
	if (!is_type && operand) {
		operand->is_paren = true;
		operand = parse_suffixes(p, operand);
	}
	return new_unary(p, DL_N_SIZEOF, DL_O_ADD, operand, start);
}

static struct dl_node *parse_unary_inner(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;
	enum dl_oper op;

	if (unary_oper(p->tok.kind, &op)) {
		dl_parse_advance(p);
		return new_unary(p, DL_N_UNARY, op, parse_unary(p), start);
	}
	switch (p->tok.kind) {
	case TOK_INC:
	case TOK_DEC:
		op = p->tok.kind == TOK_INC ? DL_O_PREINC : DL_O_PREDEC;
		dl_parse_advance(p);
		return new_unary(p, DL_N_INCDEC, op, parse_unary(p), start);
	case KW_SIZEOF: return parse_sizeof(p);
	case KW_STRINGOF:
		dl_parse_advance(p);
		return new_unary(p, DL_N_STRINGOF, DL_O_ADD, parse_unary(p), start);
	case TOK_LPAR: return parse_cast_or_paren(p);
	default: return parse_suffixes(p, parse_primary(p));
	}
}

static struct dl_node *parse_unary(struct dl_parser *p)
{
	if (!dl_parse_enter(p))
		return NULL;
	struct dl_node *n = parse_unary_inner(p);

	dl_parse_leave(p);
	return n;
}

/* --- binary --- */

struct binary_op {
	unsigned level; /* higher binds tighter; 0: not a binary operator */
	enum dl_oper op;
};

static struct binary_op binary_op(enum dl_tok kind)
{
	switch (kind) {
	case TOK_LOR: return (struct binary_op){ 1, DL_O_LOR };
	case TOK_LXOR: return (struct binary_op){ 2, DL_O_LXOR };
	case TOK_LAND: return (struct binary_op){ 3, DL_O_LAND };
	case TOK_BAR: return (struct binary_op){ 4, DL_O_OR };
	case TOK_CARET: return (struct binary_op){ 5, DL_O_XOR };
	case TOK_AMP: return (struct binary_op){ 6, DL_O_AND };
	case TOK_EQ: return (struct binary_op){ 7, DL_O_EQ };
	case TOK_NE: return (struct binary_op){ 7, DL_O_NE };
	case TOK_LT: return (struct binary_op){ 8, DL_O_LT };
	case TOK_LE: return (struct binary_op){ 8, DL_O_LE };
	case TOK_GT: return (struct binary_op){ 8, DL_O_GT };
	case TOK_GE: return (struct binary_op){ 8, DL_O_GE };
	case TOK_SHL: return (struct binary_op){ 9, DL_O_SHL };
	case TOK_SHR: return (struct binary_op){ 9, DL_O_SHR };
	case TOK_PLUS: return (struct binary_op){ 10, DL_O_ADD };
	case TOK_MINUS: return (struct binary_op){ 10, DL_O_SUB };
	case TOK_STAR: return (struct binary_op){ 11, DL_O_MUL };
	case TOK_SLASH: return (struct binary_op){ 11, DL_O_DIV };
	case TOK_PERCENT: return (struct binary_op){ 11, DL_O_MOD };
	default: return (struct binary_op){ 0, DL_O_ADD };
	}
}

/* All operators are left-associative: the right operand binds tighter. */
static struct dl_node *parse_binary(struct dl_parser *p, unsigned min_level)
{
	struct dl_node *left = parse_unary(p);

	while (left) {
		struct binary_op b = binary_op(p->tok.kind);

		if (b.level < min_level || b.level == 0)
			return left;
		dl_parse_advance(p);
		left = new_binary(p, DL_N_BINARY, b.op, left, parse_binary(p, b.level + 1));
	}
	return NULL;
}

/* --- ?: --- */

/* Does the tree use a parameter in scope, or $target before it is known? */
static bool is_open(const struct dl_parser *p, const struct dl_node *n)
{
	for (; n; n = n->left) {
		if (n->kind == DL_N_IDENT && is_in_scope(p, n->name))
			return true;
		for (const struct dl_late_macro *m = p->ctx->late_macros;
		     m && n->kind == DL_N_INT && !p->ctx->config.macros.target; m = m->next)
			if (m->node == n)
				return true;
		if (is_open(p, n->right) || is_open(p, n->third))
			return true;
		for (const struct dl_node *a = n->args; a; a = a->next)
			if (is_open(p, a))
				return true;
	}
	return false;
}

/*
 * A constant condition is decided here, so that the other branch is never
 * looked at by the checker.
 */
static struct dl_node *make_cond(struct dl_parser *p, struct dl_node *cond, struct dl_node *yes,
				 struct dl_node *no)
{
	int64_t value;

	if (!cond || !yes || !no || dl_parse_failed(p))
		return NULL;
	if (!is_open(p, cond) && dl_sema_const_int(p->ctx, cond, &value))
		return value ? yes : no;
	struct dl_node *n = new_node(p, DL_N_COND, cond->range);

	n->left = cond;
	n->right = yes;
	n->third = no;
	return finish(p, n);
}

struct cond_part {
	struct dl_node *cond, *yes;
	struct cond_part *before;
};

/*
 * cond : binary [ '?' expr ':' cond ]
 * A chain c1 ? a : c2 ? b : ... may be long (tables of names), so it is read
 * in a loop and put together from its end.
 */
struct dl_node *dl_parse_cond(struct dl_parser *p)
{
	struct dl_node *n = parse_binary(p, 1);
	struct cond_part *parts = NULL;

	while (n && dl_parse_accept(p, TOK_QUEST)) {
		if (!dl_parse_enter(p))
			return NULL;
		struct cond_part *part = ARENA_NEW(p->arena, struct cond_part);

		part->cond = n;
		part->before = parts;
		parts = part;
		part->yes = dl_parse_expr(p);
		dl_parse_leave(p);
		if (!dl_parse_expect(p, TOK_COLON))
			return NULL;
		n = parse_binary(p, 1);
	}
	for (; parts && n; parts = parts->before)
		n = make_cond(p, parts->cond, parts->yes, n);
	return dl_parse_failed(p) ? NULL : n;
}

/* --- assignment and comma --- */

static bool assign_oper(enum dl_tok kind, enum dl_oper *op)
{
	switch (kind) {
	case TOK_ASSIGN: *op = DL_O_ASSIGN; return true;
	case TOK_ADD_A: *op = DL_O_ADD; return true;
	case TOK_SUB_A: *op = DL_O_SUB; return true;
	case TOK_MUL_A: *op = DL_O_MUL; return true;
	case TOK_DIV_A: *op = DL_O_DIV; return true;
	case TOK_MOD_A: *op = DL_O_MOD; return true;
	case TOK_SHL_A: *op = DL_O_SHL; return true;
	case TOK_SHR_A: *op = DL_O_SHR; return true;
	case TOK_AND_A: *op = DL_O_AND; return true;
	case TOK_XOR_A: *op = DL_O_XOR; return true;
	case TOK_OR_A: *op = DL_O_OR; return true;
	default: return false;
	}
}

/* The grammar wants a unary expression left of an assignment. */
static bool may_be_assigned(const struct dl_node *n)
{
	return n->is_paren ||
	       (n->kind != DL_N_BINARY && n->kind != DL_N_COND && n->kind != DL_N_CAST);
}

/* assign : cond | unary assign-op assign */
struct dl_node *dl_parse_assign(struct dl_parser *p)
{
	struct dl_node *left = dl_parse_cond(p);
	enum dl_oper op;

	if (!left || !assign_oper(p->tok.kind, &op))
		return left;
	if (!may_be_assigned(left)) {
		dl_parse_syntax(p);
		return NULL;
	}
	if (!dl_parse_enter(p))
		return NULL;
	dl_parse_advance(p);
	struct dl_node *right = dl_parse_assign(p);

	dl_parse_leave(p);
	return new_binary(p, DL_N_ASSIGN, op, left, right);
}

/* expr : assign { ',' assign } */
struct dl_node *dl_parse_expr(struct dl_parser *p)
{
	struct dl_node *n = dl_parse_assign(p);

	while (n && dl_parse_accept(p, TOK_COMMA))
		n = new_binary(p, DL_N_COMMA, DL_O_ADD, n, dl_parse_assign(p));
	return n;
}
