/*
 * The parser: programs, clauses and statements.  Expressions are in
 * parse_expr.c, types and declarators in parse_decl.c and parse_sou.c, other
 * declarations in parse_item.c, control lines in pragma.c.
 *
 * Recursive descent with one token; each function's comment is its grammar
 * rule.  Recursion is bounded by PARSE_DEPTH_MAX and the height of trees by
 * DL_TREE_MAX.  dl_parse() holds the setjmp for programs that are too broken
 * to go on with; nothing outside the context's arena is live across it but
 * what the unit's cleanup frees.
 */
#include "parse.h"

#include <string.h>

#include "strbuf.h"

/* --- tokens --- */

void dl_parse_advance(struct dl_parser *p)
{
	if (p->tok.kind == TOK_BAD)
		return;
	p->prev_end = p->tok.range.offset + p->tok.range.len;
	dl_lex_next(&p->lex, &p->tok);
	if (p->tok.kind == TOK_BAD)
		p->recover_at = p->lex.p;
}

static void give_up(struct dl_parser *p)
{
	if (p->tok.kind == TOK_BAD)
		return;
	/* The bad token may be the brace that ends the item: skip from its start. */
	p->recover_at = p->lex.text + p->tok.range.offset;
	p->recover_range = p->tok.range;
	p->tok.kind = TOK_BAD;
}

struct dl_diag *dl_parse_fail(struct dl_parser *p, enum dl_tag tag, struct dl_range range,
			      const char *fmt, ...)
{
	struct dl_diag *d = NULL;
	va_list ap;

	if (p->tok.kind == TOK_BAD)
		return NULL;
	if (!p->types_only && !p->in_system) {
		va_start(ap, fmt);
		const char *text = arena_vprintf(p->arena, fmt, ap);
		va_end(ap);
		d = dl_error(p->ctx, tag, range, "%s", text);
	}
	give_up(p);
	return d;
}

/* A ( or [ that the end of the predicate finds open has a message of its own. */
static bool report_unclosed(struct dl_parser *p)
{
	char c = p->parens ? ')' : ']';

	if (p->tok.kind != TOK_EPRED || (!p->parens && !p->brackets) ||
	    p->tok.range.region != DL_REGION_PREDICATE)
		return false;
	dl_parse_fail(p, D_SYNTAX, p->tok.range, "closing %c expected in predicate before /", c);
	return true;
}

/* Words of C that mean something else, or nothing, where they stand. */
static void hint_at_word(struct dl_parser *p, struct dl_diag *d, const struct dl_token *t)
{
	unsigned flags = dl_keyword_flags(t->kind);

	if (t->kind == KW_FOR || t->kind == KW_WHILE || t->kind == KW_DO)
		dl_hint(p->ctx, d,
			"D has no loops, so that every clause ends: a clause of a "
			"tick- or profile- probe may do one step at a time");
	else if (flags & KW_R)
		dl_hint(p->ctx, d, "%s is a reserved word without a meaning in D", t->text);
	else if ((flags & KW_T) && t->range.region == DL_REGION_ACTION)
		dl_hint(p->ctx, d,
			"variables are declared before the clauses, or not at all: "
			"this->name = ... makes one that lives as long as a firing");
}

void dl_parse_syntax(struct dl_parser *p)
{
	struct dl_token t = p->tok;
	struct dl_diag *d;

	if (t.kind == TOK_BAD || report_unclosed(p))
		return;
	if (t.kind == TOK_EOF) {
		dl_parse_fail(p, D_SYNTAX, t.range, "syntax error near end of input");
		return;
	}
	const char *text = p->lex.text + t.range.offset;
	int len = t.range.len > 100 ? 100 : (int)t.range.len;

	d = dl_parse_fail(p, D_SYNTAX, t.range, "syntax error near \"%.*s\"", len, text);
	if (t.kind == TOK_EPRED && text[1] == '/')
		dl_hint(p->ctx, d, "comments are written /* ... */");
	else
		hint_at_word(p, d, &t);
}

bool dl_parse_accept(struct dl_parser *p, enum dl_tok kind)
{
	if (p->tok.kind != kind)
		return false;
	dl_parse_advance(p);
	return true;
}

bool dl_parse_expect(struct dl_parser *p, enum dl_tok kind)
{
	if (dl_parse_accept(p, kind))
		return true;
	dl_parse_syntax(p);
	return false;
}

bool dl_parse_enter(struct dl_parser *p)
{
	if (++p->depth <= PARSE_DEPTH_MAX)
		return true;
	dl_parse_fail(p, D_SYNTAX, p->tok.range, "syntax error: nested too deeply");
	return false;
}

void dl_parse_leave(struct dl_parser *p)
{
	p->depth--;
}

struct dl_range dl_parse_range_from(const struct dl_parser *p, struct dl_range start)
{
	if (p->prev_end > start.offset)
		start.len = p->prev_end - start.offset;
	return start;
}

void dl_parse_end_item(struct dl_parser *p, enum dl_tok kind)
{
	if (p->tok.kind == kind) {
		p->lex.mode = LEX_OUTER;
		p->braces = 0;
	}
	dl_parse_expect(p, kind);
}

const char *dl_parse_member_name(struct dl_parser *p)
{
	const char *name = p->tok.text;

	if (p->tok.kind != TOK_IDENT && p->tok.kind <= TOK_KEYWORDS)
		return NULL;
	dl_parse_advance(p);
	return dl_parse_failed(p) ? NULL : name;
}

/* --- statements --- */

static struct dl_node *parse_statements(struct dl_parser *p);

/* Opens a block: the { is the current token. */
static void open_brace(struct dl_parser *p)
{
	p->braces++;
	dl_parse_expect(p, TOK_LBRACE);
}

/* branch : expr ';' | ';' | if-statement | '{' body '}' */
static struct dl_node *parse_statement(struct dl_parser *p, bool *needs_semi_ret);

static struct dl_node *parse_branch(struct dl_parser *p)
{
	struct dl_node *list;
	bool needs_semi = true;

	if (p->tok.kind == TOK_LBRACE) {
		open_brace(p);
		list = parse_statements(p);
		if (p->tok.kind == TOK_RBRACE)
			p->braces--;
		dl_parse_expect(p, TOK_RBRACE);
		return list;
	}
	if (dl_parse_accept(p, TOK_SEMI))
		return NULL;
	list = parse_statement(p, &needs_semi);
	if (needs_semi)
		dl_parse_expect(p, TOK_SEMI);
	return list;
}

/* if-statement : 'if' '(' expr ')' branch [ 'else' branch ] */
static struct dl_node *parse_if(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;

	if (!dl_parse_enter(p))
		return NULL;
	dl_parse_advance(p);
	dl_parse_expect(p, TOK_LPAR);
	struct dl_node *cond = dl_parse_expr(p);

	dl_parse_expect(p, TOK_RPAR);
	struct dl_node *body = parse_branch(p), *other = NULL;

	if (dl_parse_accept(p, KW_ELSE))
		other = parse_branch(p);
	dl_parse_leave(p);
	if (dl_parse_failed(p))
		return NULL;
	struct dl_node *n = dl_node_new(p->arena, DL_N_IF, dl_parse_range_from(p, start));

	n->left = cond;
	n->body = body;
	n->else_body = other;
	return n;
}

/* statement : [ expr ] | if-statement */
static struct dl_node *parse_statement(struct dl_parser *p, bool *needs_semi_ret)
{
	struct dl_range start = p->tok.range;

	*needs_semi_ret = p->tok.kind != KW_IF;
	if (p->tok.kind == KW_IF)
		return parse_if(p);
	struct dl_node *e = dl_parse_expr(p);

	if (!e)
		return NULL;
	struct dl_node *n = dl_node_new(p->arena, DL_N_EXPR, dl_parse_range_from(p, start));

	n->left = e;
	return n;
}

/* body : { statement ';' } [ statement ]   up to, but not with, the } */
static struct dl_node *parse_statements(struct dl_parser *p)
{
	struct dl_node *list = NULL, **tail = &list;

	while (p->tok.kind != TOK_RBRACE && !dl_parse_failed(p)) {
		bool needs_semi;

		if (dl_parse_accept(p, TOK_SEMI))
			continue;
		struct dl_node *n = parse_statement(p, &needs_semi);

		if (!n)
			break;
		*tail = n;
		tail = &n->next;
		if (needs_semi && p->tok.kind != TOK_RBRACE)
			dl_parse_expect(p, TOK_SEMI);
	}
	return list;
}

/* --- clauses --- */

struct desc {
	struct dl_pdesc pdesc;
	struct dl_range range;
	const char *text;
};

struct desc_list {
	struct desc *items; /* in the arena */
	size_t n, cap;
};

static void add_desc(struct dl_parser *p, struct desc_list *l, struct desc d)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;

		l->items = arena_grow(p->arena, l->items, l->n, cap, sizeof(*l->items));
		l->cap = cap;
	}
	l->items[l->n++] = d;
}

/* pdescs : pdesc { ',' pdesc }   false if one of them is invalid. */
static bool parse_descs(struct dl_parser *p, struct desc_list *l)
{
	enum dl_level level =
		p->lex.source->kind == DL_SRC_STRING ? p->lex.source->level : DL_LEVEL_NAME;
	bool ok = true;

	do {
		struct desc d = { .range = p->tok.range, .text = p->tok.text };

		if (p->tok.kind == TOK_PDESC)
			ok &= dl_pdesc_parse(p->ctx, d.text, level, d.range, &d.pdesc);
		else if (p->tok.kind == TOK_INT)
			ok &= dl_pdesc_from_id(p->ctx, p->tok.value, level, d.range, &d.pdesc);
		else
			dl_parse_syntax(p);
		if (dl_parse_failed(p))
			return false;
		add_desc(p, l, d);
		dl_parse_advance(p);
	} while (dl_parse_accept(p, TOK_COMMA));
	return ok;
}

/* '/' expr '/' with the first slash as the current token */
static struct dl_node *parse_predicate(struct dl_parser *p)
{
	p->lex.mode = LEX_CLAUSE;
	p->lex.region = DL_REGION_PREDICATE;
	dl_parse_advance(p);
	struct dl_node *pred = dl_parse_expr(p);

	p->lex.mode = LEX_OUTER;
	p->lex.region = DL_REGION_NONE;
	if (!dl_parse_expect(p, TOK_EPRED))
		return NULL;
	if (p->tok.kind != TOK_LBRACE) {
		dl_parse_fail(p, D_SYNTAX, p->tok.range,
			      "expected actions { } following probe "
			      "description and predicate");
		return NULL;
	}
	return pred;
}

static struct dl_node *parse_body(struct dl_parser *p)
{
	p->lex.mode = LEX_CLAUSE;
	p->lex.region = DL_REGION_ACTION;
	open_brace(p);
	struct dl_node *body = parse_statements(p);

	p->lex.region = DL_REGION_NONE;
	dl_parse_end_item(p, TOK_RBRACE);
	return body;
}

/* A description with neither predicate nor body. */
static void lone_desc(struct dl_parser *p)
{
	if (p->tok.kind == TOK_EOF && p->lex.source->kind == DL_SRC_STRING)
		return;
	if (p->lex.source->kind == DL_SRC_STRING || p->tok.kind == TOK_PDESC)
		dl_parse_syntax(p);
	else
		dl_parse_fail(p, D_SYNTAX, p->tok.range,
			      "expected predicate and/or actions "
			      "following probe description");
}

static void add_clause(struct dl_parser *p, struct dl_node *n, const struct desc_list *l)
{
	struct dl_unit *u = p->unit;

	n->n_descs = (uint32_t)l->n;
	n->descs = ARENA_ARRAY(p->arena, l->n, struct dl_pdesc);
	n->desc_ranges = ARENA_ARRAY(p->arena, l->n, struct dl_range);
	n->desc_texts = ARENA_ARRAY(p->arena, l->n, const char *);
	for (size_t i = 0; i < l->n; i++) {
		n->descs[i] = l->items[i].pdesc;
		n->desc_ranges[i] = l->items[i].range;
		n->desc_texts[i] = l->items[i].text;
	}
	if (p->clauses_tail)
		p->clauses_tail->next = n;
	else
		u->clauses = n;
	p->clauses_tail = n;
	u->n_descs += n->n_descs;
}

/*
 * clause : pdescs | pdescs '{' body '}' | pdescs '/' expr '/' '{' body '}'
 */
static void parse_clause(struct dl_parser *p)
{
	struct dl_range start = p->tok.range;
	struct dl_node *pred = NULL, *body = NULL;
	struct desc_list descs = { 0 };
	bool has_body = false, ok = parse_descs(p, &descs);

	if (p->tok.kind == TOK_SLASH) {
		pred = parse_predicate(p);
	} else if (p->tok.kind != TOK_LBRACE) {
		lone_desc(p);
	}
	if (p->tok.kind == TOK_LBRACE) {
		has_body = true;
		body = parse_body(p);
	}
	/* A bad token after the clause's } belongs to the next item. */
	if (p->ctx->loading_library && ok && !dl_parse_failed(p))
		dl_error(p->ctx, D_SYNTAX, start, "probe clauses are not permitted in a library");
	if (!ok || (dl_parse_failed(p) && p->braces))
		return;
	if (dl_parse_failed(p) && !has_body)
		return;
	struct dl_node *n = dl_node_new(p->arena, DL_N_CLAUSE, dl_parse_range_from(p, start));

	n->left = pred;
	n->body = body;
	n->has_body = has_body;
	add_clause(p, n, &descs);
}

/* --- programs --- */

/* item : clause | declaration | inline-def | translator-def | provider-def */
static void parse_item(struct dl_parser *p)
{
	switch (p->tok.kind) {
	case TOK_PDESC:
	case TOK_INT: parse_clause(p); break;
	case KW_INLINE:
		if (p->include_depth)
			dl_parse_declaration(p);
		else
			dl_parse_inline(p);
		break;
	case KW_TRANSLATOR: dl_parse_translator(p); break;
	case KW_PROVIDER: dl_parse_provider(p); break;
	default:
		if (p->tok.kind == TOK_IDENT ||
		    (dl_keyword_flags(p->tok.kind) & (KW_O | KW_R)) == KW_O)
			dl_parse_declaration(p);
		else
			dl_parse_syntax(p);
	}
}

static void recover(struct dl_parser *p)
{
	struct dl_range r = p->recover_range;

	if (p->recover_at < p->lex.p) {
		/* Back to the start of the token that did not fit. */
		p->lex.p = p->recover_at;
		p->lex.line = r.line;
	}
	dl_lex_skip_item(&p->lex, p->braces);
	p->lex.mode = LEX_OUTER;
	p->lex.region = DL_REGION_NONE;
	p->braces = p->parens = p->brackets = p->depth = 0;
	p->scope = NULL;
	p->tok = (struct dl_token){ .kind = TOK_EOF };
	dl_parse_advance(p);
	/* More } than the broken item opened follow from its error. */
	while (p->tok.kind == TOK_RBRACE || p->tok.kind == TOK_SEMI)
		dl_parse_advance(p);
}

static void parse_program(struct dl_parser *p)
{
	dl_parse_advance(p);
	for (;;) {
		if (dl_parse_failed(p))
			recover(p);
		if (p->tok.kind == TOK_EOF)
			break;
		if (dl_parse_failed(p))
			continue;
		p->unit->has_items = true;
		p->braces = p->parens = p->brackets = p->depth = 0;
		parse_item(p);
	}
}

/* Copies every clause's descriptions into the unit's one list. */
static void collect_descs(struct dl_unit *u)
{
	uint32_t at = 0;

	u->descs = ARENA_ARRAY(u->ctx->arena, u->n_descs, struct dl_pdesc);
	for (const struct dl_node *n = u->clauses; n; n = n->next)
		for (uint32_t i = 0; i < n->n_descs; i++)
			u->descs[at++] = n->descs[i];
}

/* $target in descriptions follows the target once it is known. */
static void refresh_descs(struct dl_unit *u)
{
	struct dl_ctx *c = u->ctx;
	enum dl_level level = u->source->kind == DL_SRC_STRING ? u->source->level : DL_LEVEL_NAME;

	if (u->target == c->config.macros.target)
		return;
	u->target = c->config.macros.target;
	for (struct dl_node *n = u->clauses; n; n = n->next)
		for (uint32_t i = 0; i < n->n_descs; i++)
			if (!n->descs[i].id && strchr(n->desc_texts[i], '$'))
				dl_pdesc_parse(c, n->desc_texts[i], level, n->desc_ranges[i],
					       &n->descs[i]);
	collect_descs(u);
}

const struct dl_pdesc *dl_unit_descs(const struct dl_unit *u, uint32_t *n_ret)
{
	refresh_descs((struct dl_unit *)u);
	*n_ret = u->n_descs;
	return u->descs;
}

static bool flag(const struct dl_ctx *c, enum dl_opt which)
{
	return dl_option(c->config.options, which) == 1;
}

/* Remembers the flags that pragmas of this program set for it alone. */
static void finish_unit(struct dl_parser *p)
{
	struct dl_unit *u = p->unit;
	struct dl_ctx *c = p->ctx;

	dl_pragma_unused(p);
	collect_descs(u);
	u->zdefs = flag(c, DL_OPT_ZDEFS);
	u->argref = flag(c, DL_OPT_ARGREF);
	u->empty = flag(c, DL_OPT_EMPTY);
	u->target = c->config.macros.target;
	u->arg_refs_max = c->arg_refs_max;
}

/* Names made from now on are the current program's; src NULL: nobody's. */
static void own_names(struct dl_ctx *c, const struct dl_source *src)
{
	dl_idents_set_owner(c->globals, src, c->unit);
	dl_idents_set_owner(c->tls, src, c->unit);
	dl_idents_set_owner(c->aggs, src, c->unit);
}

static void start_unit(struct dl_parser *p, struct dl_ctx *c, const struct dl_source *src)
{
	*p = (struct dl_parser){ .ctx = c, .arena = c->arena };
	p->unit = ARENA_NEW(c->arena, struct dl_unit);
	p->unit->source = src;
	p->unit->ctx = c;
	p->unit->locals = c->locals = dl_idents_create(c->arena, NULL);
	dl_lex_init(&p->lex, c, src);
	p->lex.control = dl_control_line;
	p->lex.control_arg = p;
	p->tok.kind = TOK_EOF;
	c->source = src;
	c->arg_refs_max = 0;
	c->unit = p->unit->number = c->loading_library ? 0 : ++c->n_units;
	own_names(c, src);
}

struct dl_unit *dl_parse(struct dl_ctx *c, const struct dl_source *src)
{
	struct dl_parser *p = ARENA_NEW(c->arena, struct dl_parser);
	const struct dl_source *outer = c->source;
	size_t errors = c->diags.n_errors;
	struct dl_saved_flags flags;
	bool saved = c->config.options != NULL;
	volatile bool finished = false;

	if (saved)
		dl_options_save_flags(c->config.options, &flags);
	if (setjmp(c->too_broken) == 0) {
		c->can_jump = true;
		start_unit(p, c, src);
		parse_program(p);
		finish_unit(p);
		finished = c->diags.n_errors == errors;
	}
	c->can_jump = false;
	c->source = outer;
	own_names(c, NULL);
	if (saved)
		dl_options_restore_flags(c->config.options, &flags);
	return finished ? p->unit : NULL;
}
