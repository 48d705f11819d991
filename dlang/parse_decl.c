/*
 * Types in source text: declaration specifiers, declarators, parameter lists
 * and type names.  A declarator is read into a list of derivations from the
 * name outward and applied to the specified type from its far end.
 */
#include "parse.h"

#include <string.h>

/* --- names of types --- */

static struct dl_type *ask_host(const struct dl_parser *p, const char *object, const char *name)
{
	const struct dl_host *h = p->ctx->config.host;

	return h && h->type_lookup ? h->type_lookup(h->ctx, p->ctx->types, object, name) : NULL;
}

/* "libc.so.6`size_t" or "struct pid12`a.out`conn": tag word kept, object split off. */
static struct dl_type *find_scoped(struct dl_parser *p, const char *name)
{
	const char *blank = strchr(name, ' ');
	const char *word = blank ? blank + 1 : name, *last = strrchr(word, '`');
	const char *object = word, *full;

	for (const char *q = word; q < last; q++) /* only the object right before the name */
		if (*q == '`')
			object = q + 1;
	full = blank ? arena_printf(p->arena, "%.*s%s", (int)(word - name), name, last + 1) :
		       last + 1;
	object = arena_strndup(p->arena, object, (size_t)(last - object));
	if (!strcmp(object, "C") || !strcmp(object, "D"))
		return dl_types_lookup_in(p->ctx->types, object, full);
	return ask_host(p, object, full);
}

struct dl_type *dl_parse_find_type(struct dl_parser *p, const char *name)
{
	struct dl_type *t =
		strchr(name, '`') ? find_scoped(p, name) : dl_types_lookup(p->ctx->types, name);

	if (!t && !strchr(name, '`'))
		t = ask_host(p, "", name);
	/* With a target it may still turn out to be one of its types. */
	return t || dl_parse_may_be_late(p) ? t : dl_kernel_type(p->ctx->types, name);
}

bool dl_parse_name_is_type(struct dl_parser *p, const char *name)
{
	for (const struct dl_scope_name *s = p->scope; s; s = s->next)
		if (s->name == name)
			return false;
	if (strchr(name, '`') || dl_sema_is_known_ident(p->ctx, name))
		return false;
	return dl_types_lookup(p->ctx->types, name) ||
	       (!dl_parse_may_be_late(p) && dl_kernel_type_known(name));
}

bool dl_parse_may_be_late(const struct dl_parser *p)
{
	return p->ctx->config.host && p->ctx->config.host->type_lookup && !p->types_only;
}

/* A number by that name. */
static struct dl_type *unknown_type(struct dl_parser *p, const char *name)
{
	struct dl_type *t = dl_type_new(p->ctx->types, DL_TYPEDEF, name);

	t->ref = dl_types_basic(p->ctx->types, DL_T_LONG);
	t->size = t->ref->size;
	t->align = t->ref->align;
	t->is_signed = t->ref->is_signed;
	return t;
}

struct dl_type *dl_parse_late_type(struct dl_parser *p, const char *name, struct dl_range range)
{
	struct dl_type *t = dl_parse_find_type(p, name);

	if (!t && p->in_provider && p->ctx->config.builds)
		return unknown_type(p, name);
	if (t || !dl_parse_may_be_late(p))
		return t;
	for (struct dl_late_type *l = p->ctx->late_types; l && !t; l = l->next)
		if (!strcmp(l->type->name, name))
			t = l->type;
	if (!t) {
		t = dl_type_new(p->ctx->types, DL_FORWARD, name);
		t->forward_of = DL_TYPEDEF;
		p->ctx->wants_target = true;
	}
	struct dl_late_type *l = ARENA_NEW(p->arena, struct dl_late_type);

	l->type = t;
	l->range = range;
	l->source = p->lex.source;
	l->next = p->ctx->late_types;
	p->ctx->late_types = l;
	return t;
}

static struct dl_type *resolve_late(struct dl_parser *p, const char *name)
{
	struct dl_type *t = dl_parse_find_type(p, name);

	return t && t->kind != DL_FORWARD ? t : dl_kernel_type(p->ctx->types, name);
}

/* What the host knows by now becomes a typedef in place; the rest of source is reported. */
void dl_resolve_late_types(struct dl_ctx *c, const struct dl_source *source)
{
	struct dl_parser p = { .ctx = c, .arena = c->arena };
	struct dl_late_type **link = &c->late_types;

	while (*link) {
		struct dl_late_type *l = *link;
		struct dl_type *t = l->type;

		if (t->kind == DL_FORWARD) {
			struct dl_type *found = resolve_late(&p, t->name);

			if (found) {
				t->kind = DL_TYPEDEF;
				t->ref = found;
				t->size = found->size;
				t->align = found->align;
				t->is_signed = found->is_signed;
			} else if (l->source == source) {
				struct dl_diag *d = dl_error(c, D_SYNTAX, l->range,
							     "syntax error near \"%s\"", t->name);

				dl_hint(c, d,
					"neither the program nor its target has a type "
					"called %s",
					t->name);
			} else {
				link = &l->next;
				continue;
			}
		}
		*link = l->next;
	}
}

/* --- specifiers --- */

struct spec_words {
	unsigned n_signed, n_unsigned, n_short, n_long, n_int;
	bool has_base; /* one of the kinds below, or type */
	enum dl_basic base;
	struct dl_type *type; /* struct, enum, typedef name */
	unsigned quals; /* 1 const, 2 volatile, 4 restrict */
	bool is_userland, any;
};

static bool has_spec(const struct spec_words *w)
{
	return w->has_base || w->n_signed || w->n_unsigned || w->n_short || w->n_long || w->n_int;
}

static bool set_base(struct dl_parser *p, struct spec_words *w, enum dl_basic base,
		     struct dl_type *type)
{
	/* Signs and lengths beside a named type: check_words() names the rule. */
	if (w->has_base || (type && w->n_int)) {
		dl_parse_fail(p, D_DECL_COMBO, p->tok.range, "invalid type combination");
		return false;
	}
	w->has_base = true;
	w->base = base;
	w->type = type;
	return true;
}

static bool storage_class(enum dl_tok kind, enum dl_storage *ret)
{
	switch (kind) {
	case KW_AUTO: *ret = DL_CLASS_AUTO; return true;
	case KW_REGISTER: *ret = DL_CLASS_REGISTER; return true;
	case KW_STATIC: *ret = DL_CLASS_STATIC; return true;
	case KW_EXTERN: *ret = DL_CLASS_EXTERN; return true;
	case KW_TYPEDEF: *ret = DL_CLASS_TYPEDEF; return true;
	case KW_SELF: *ret = DL_CLASS_SELF; return true;
	case KW_THIS: *ret = DL_CLASS_THIS; return true;
	default: return false;
	}
}

/* GNU words that C headers carry; only in text that cpp included. */
bool dl_parse_gnu_word(struct dl_parser *p)
{
	static const char *const words[] = {
		"__extension__", "__inline",	 "__inline__", "__restrict", "__restrict__",
		"__const",	 "__volatile__", "_Noreturn",  "__signed__",
	};
	const char *s = p->tok.text;

	if (!p->include_depth)
		return false;
	if (p->tok.kind == KW_INLINE) {
		dl_parse_advance(p);
		return true;
	}
	if (p->tok.kind != TOK_IDENT || s[0] != '_')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(s, words[i])) {
			dl_parse_advance(p);
			return true;
		}
	}
	if (strcmp(s, "__attribute__") != 0 && strcmp(s, "__asm__") != 0)
		return false;
	unsigned open = 0;

	do {
		dl_parse_advance(p);
		open += p->tok.kind == TOK_LPAR;
		open -= p->tok.kind == TOK_RPAR;
	} while (open && p->tok.kind != TOK_EOF && !dl_parse_failed(p));
	dl_parse_advance(p);
	return true;
}

/* "name *x" and "name x": it can only be a type. */
static bool followed_by_declarator(struct dl_parser *p)
{
	const char *next = dl_lex_peek(&p->lex, p->lex.p);

	return *next == '*' || dl_is_word(*next);
}

/* An identifier among specifiers: a type's name, or the declarator's (false). */
static bool spec_name(struct dl_parser *p, struct spec_words *w)
{
	const char *name = p->tok.text;
	struct dl_range range = p->tok.range;
	struct dl_type *t = NULL;

	if (has_spec(w) && (w->has_base || w->n_int || !followed_by_declarator(p)))
		return false;
	if (strchr(name, '`')) {
		t = dl_parse_find_type(p, name);
	} else if (dl_parse_name_is_type(p, name)) {
		t = dl_parse_find_type(p, name);
	} else if (!dl_sema_is_known_ident(p->ctx, name)) {
		if (!followed_by_declarator(p))
			return false;
		t = dl_parse_late_type(p, name, range);
		if (!t) {
			dl_parse_fail(p, D_DECL_IDENT, range,
				      "old-style declaration or "
				      "incorrect type specified");
			return false;
		}
	}
	if (!t)
		return false;
	dl_parse_advance(p);
	return set_base(p, w, DL_T_VOID, t);
}

/* One specifier other than a storage class; false: there is none here. */
static bool parse_spec(struct dl_parser *p, struct spec_words *w, bool *defines)
{
	static const struct {
		enum dl_tok tok;
		enum dl_basic base;
	} bases[] = {
		{ KW_VOID, DL_T_VOID },	    { KW_CHAR, DL_T_CHAR },	{ KW_FLOAT, DL_T_FLOAT },
		{ KW_DOUBLE, DL_T_DOUBLE }, { KW_STRING, DL_T_STRING },
	};
	enum dl_tok kind = p->tok.kind;
	bool is_def = false;

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (kind == bases[i].tok) {
			if (set_base(p, w, bases[i].base, NULL))
				dl_parse_advance(p);
			return !dl_parse_failed(p);
		}
	}
	switch (kind) {
	case KW_SIGNED: w->n_signed++; break;
	case KW_UNSIGNED: w->n_unsigned++; break;
	case KW_SHORT: w->n_short++; break;
	case KW_LONG: w->n_long++; break;
	case KW_INT: w->n_int++; break;
	case KW_CONST: w->quals |= 1; break;
	case KW_VOLATILE: w->quals |= 2; break;
	case KW_RESTRICT: w->quals |= 4; break;
	case KW_USERLAND: w->is_userland = true; break;
	case KW_STRUCT:
	case KW_UNION:
	case KW_ENUM: {
		struct dl_type *t =
			kind == KW_ENUM ? dl_parse_enum(p, &is_def) : dl_parse_sou(p, &is_def);
		*defines |= is_def;
		return t && set_base(p, w, DL_T_VOID, t);
	}
	case TOK_IDENT:
	case KW_INLINE: return dl_parse_gnu_word(p) || (kind == TOK_IDENT && spec_name(p, w));
	default: return false;
	}
	dl_parse_advance(p);
	return !dl_parse_failed(p);
}

/* The first rule that the words break, or D_UNKNOWN. */
static enum dl_tag check_words(const struct spec_words *w, const char **text)
{
	bool sign = w->n_signed || w->n_unsigned, length = w->n_short || w->n_long;

	*text = "invalid type combination";
	if ((w->n_signed && w->n_unsigned) || w->n_signed > 1 || w->n_unsigned > 1 ||
	    w->n_int > 1 || w->n_short > 1 || w->n_long > 2 || (w->n_short && w->n_long))
		return D_DECL_COMBO;
	if (!w->has_base)
		return D_UNKNOWN;
	if (!w->type && w->base == DL_T_CHAR && length) {
		*text = "invalid type declaration: short and long may not be used with char type";
		return D_DECL_CHARATTR;
	}
	if (!w->type && w->base == DL_T_VOID && (sign || length)) {
		*text = "invalid type declaration: attributes may not be used with void type";
		return D_DECL_VOIDATTR;
	}
	if (sign && (w->type || w->base != DL_T_CHAR)) {
		*text = "invalid type declaration: signed and unsigned may only be used with "
			"integer type";
		return D_DECL_SIGNINT;
	}
	if (length && (w->type || w->base != DL_T_DOUBLE || w->n_short || w->n_long > 1)) {
		*text = "invalid type declaration: long and long long may only be used with "
			"integer or floating-point type";
		return D_DECL_LONGINT;
	}
	return w->n_int ? D_DECL_COMBO : D_UNKNOWN;
}

static enum dl_basic basic_of(const struct spec_words *w)
{
	bool u = w->n_unsigned;

	if (w->has_base && w->base == DL_T_CHAR)
		return u ? DL_T_UCHAR : w->n_signed ? DL_T_SCHAR : DL_T_CHAR;
	if (w->has_base)
		return w->n_long ? DL_T_LDOUBLE : w->base;
	if (w->n_short)
		return u ? DL_T_USHORT : DL_T_SHORT;
	if (w->n_long == 1)
		return u ? DL_T_ULONG : DL_T_LONG;
	if (w->n_long == 2)
		return u ? DL_T_ULLONG : DL_T_LLONG;
	return u ? DL_T_UINT : DL_T_INT;
}

static struct dl_type *qualify(struct dl_parser *p, struct dl_type *t, unsigned quals)
{
	if (quals & 1)
		t = dl_type_qual(p->ctx->types, DL_CONST, t);
	if (quals & 2)
		t = dl_type_qual(p->ctx->types, DL_VOLATILE, t);
	if (quals & 4)
		t = dl_type_qual(p->ctx->types, DL_RESTRICT, t);
	return t;
}

/* specs : { storage-class | qualifier | type-specifier } */
bool dl_parse_specs(struct dl_parser *p, struct dl_specs *s)
{
	struct spec_words w = { 0 };
	enum dl_storage storage;
	const char *text;

	*s = (struct dl_specs){ .range = p->tok.range };
	if (!dl_parse_enter(p))
		return false;
	for (;;) {
		if (storage_class(p->tok.kind, &storage)) {
			if (s->storage != DL_CLASS_NONE) {
				dl_parse_fail(p, D_DECL_CLASS, p->tok.range,
					      "only one storage class allowed in a declaration");
				return false;
			}
			s->storage = storage;
			dl_parse_advance(p);
		} else if (!parse_spec(p, &w, &s->defines_type)) {
			break;
		}
	}
	dl_parse_leave(p);
	if (dl_parse_failed(p))
		return false;
	enum dl_tag tag = check_words(&w, &text);

	if (tag != D_UNKNOWN) {
		dl_parse_fail(p, tag, s->range, "%s", text);
		return false;
	}
	s->has_type = has_spec(&w);
	s->type = w.type ? w.type : dl_types_basic(p->ctx->types, basic_of(&w));
	s->type = qualify(p, s->type, w.quals);
	s->range = dl_parse_range_from(p, s->range);
	return true;
}

bool dl_parse_starts_type(struct dl_parser *p)
{
	if (p->tok.kind == TOK_IDENT)
		return dl_parse_name_is_type(p, p->tok.text);
	return dl_keyword_flags(p->tok.kind) & KW_T;
}

/* --- parameters --- */

static bool check_param(struct dl_parser *p, const struct dl_specs *s, const struct dl_param *param,
			bool is_tuple)
{
	struct dl_type *base = dl_type_base(param->type);

	if (s->storage != DL_CLASS_NONE && s->storage != DL_CLASS_REGISTER) {
		dl_parse_fail(p, D_DECL_PARMCLASS, param->range,
			      "inappropriate storage class "
			      "for function or associative array parameter");
		return false;
	}
	if (base->kind == DL_DYN ||
	    (is_tuple && (base->kind == DL_FUNC || base->kind == DL_VOID))) {
		dl_parse_fail(p, D_DECL_PROTO_TYPE, param->range,
			      "%s prototype may not use "
			      "parameter of type %s: %s",
			      is_tuple ? "array" : "function",
			      dl_type_name(p->ctx->types, param->type),
			      param->name ? param->name : "(anonymous)");
		return false;
	}
	if (base->kind == DL_VOID && param->name) {
		dl_parse_fail(p, D_DECL_PROTO_NAME, param->range,
			      "%s prototype: void parameter "
			      "may not have a name: %s",
			      is_tuple ? "array" : "function", param->name);
		return false;
	}
	return true;
}

/* param : specs [ declarator ] */
static bool parse_param(struct dl_parser *p, struct dl_param *ret, bool is_tuple)
{
	struct dl_specs s;
	struct dl_declarator d;

	*ret = (struct dl_param){ .range = p->tok.range };
	if (!dl_parse_specs(p, &s))
		return false;
	if (!s.has_type && p->tok.kind == TOK_IDENT && s.storage == DL_CLASS_NONE) {
		/* f(x): a type the target may know, or a parameter without a type. */
		s.type = dl_parse_late_type(p, p->tok.text, p->tok.range);
		if (!s.type) {
			dl_parse_fail(p, D_DECL_IDENT, p->tok.range,
				      "old-style declaration or "
				      "incorrect type specified");
			return false;
		}
		dl_parse_advance(p);
		s.has_type = true;
	}
	if (!s.has_type && p->tok.range.offset == s.range.offset) {
		dl_parse_syntax(p);
		return false;
	}
	if (!dl_parse_declarator(p, &d))
		return false;
	/* A parameter that is an array is a pointer; its first bound may be missing. */
	if (d.first && d.first->kind == DL_DV_ARRAY)
		d.first->kind = DL_DV_PTR;
	ret->type = dl_parse_apply(p, &s, &d, NULL);
	ret->name = d.name;
	if (d.name)
		ret->range = d.range;
	if (!ret->type)
		return false;
	if (dl_type_base(ret->type)->kind == DL_FUNC)
		ret->type = dl_type_ptr(p->ctx->types, ret->type);
	return check_param(p, &s, ret, is_tuple);
}

static void add_param(struct dl_parser *p, struct dl_deriv *d, uint32_t *cap, struct dl_param x)
{
	if (d->n_params == *cap) {
		*cap = *cap ? *cap * 2 : 4;
		d->params = arena_grow(p->arena, d->params, d->n_params, *cap, sizeof(x));
	}
	d->params[d->n_params++] = x;
}

/* void stands alone and means that there are none. */
static bool check_void(struct dl_parser *p, struct dl_deriv *d, const char *what)
{
	for (uint32_t i = 0; i < d->n_params; i++) {
		if (dl_type_base(d->params[i].type)->kind != DL_VOID)
			continue;
		if (d->n_params > 1 || d->is_variadic) {
			dl_parse_fail(p, D_DECL_PROTO_VOID, d->params[i].range,
				      "%s prototype: "
				      "void must be sole parameter",
				      what);
			return false;
		}
		d->n_params = 0;
	}
	return true;
}

/* params : [ param { ',' param } [ ',' '...' ] ] close */
bool dl_parse_params(struct dl_parser *p, enum dl_tok close, struct dl_deriv *ret)
{
	bool is_tuple = close == TOK_RBRACK;
	uint32_t cap = 0;

	ret->kind = is_tuple ? DL_DV_TUPLE : DL_DV_FUNC;
	if (!is_tuple && dl_parse_accept(p, close))
		return !dl_parse_failed(p);
	do {
		struct dl_param param;

		if (p->tok.kind == TOK_ELLIPSIS) {
			if (is_tuple) {
				dl_parse_fail(p, D_DECL_PROTO_VARARGS, p->tok.range,
					      "array "
					      "prototype: ... may only be used in functions");
				return false;
			}
			dl_parse_advance(p);
			ret->is_variadic = true;
			break;
		}
		if (!parse_param(p, &param, is_tuple))
			return false;
		add_param(p, ret, &cap, param);
	} while (dl_parse_accept(p, TOK_COMMA));
	if (!check_void(p, ret, is_tuple ? "array" : "function"))
		return false;
	return dl_parse_expect(p, close);
}

/* --- declarators --- */

static struct dl_deriv *add_deriv(struct dl_parser *p, struct dl_declarator *d)
{
	struct dl_deriv *v = ARENA_NEW(p->arena, struct dl_deriv);

	v->range = p->tok.range;
	*d->tail = v;
	d->tail = &v->next;
	return v;
}

/* The dimension of an array, up to and with ]. */
static void parse_dimension(struct dl_parser *p, struct dl_deriv *v)
{
	int64_t n = 0;

	v->kind = DL_DV_ARRAY;
	if (dl_parse_accept(p, TOK_RBRACK))
		return;
	struct dl_node *e = dl_parse_cond(p);

	if (!e)
		return;
	if (e->kind == DL_N_INT && e->value > INT64_MAX)
		n = INT64_MAX; /* an unsigned literal is positive */
	else if (!dl_sema_const_int(p->ctx, e, &n) || n < 0 || (n == 0 && !p->include_depth)) {
		dl_parse_fail(p, D_DECL_ARRSUB, e->range,
			      "positive integral constant expression "
			      "or tuple signature expected as array declaration subscript");
		return;
	}
	if (n > UINT32_MAX) {
		dl_parse_fail(p, D_DECL_ARRBIG, e->range, "dimension too big");
		return;
	}
	v->has_size = true;
	v->size = (uint64_t)n;
	dl_parse_expect(p, TOK_RBRACK);
}

/* { '[' dimension ']' | '[' tuple ']' | '(' params ')' } */
static void parse_deriv_suffixes(struct dl_parser *p, struct dl_declarator *d)
{
	enum dl_storage storage;
	unsigned n = 0;

	while (p->tok.kind == TOK_LBRACK || p->tok.kind == TOK_LPAR) {
		struct dl_deriv *v = add_deriv(p, d);
		bool is_func = p->tok.kind == TOK_LPAR;

		if (++n > PARSE_DEPTH_MAX) {
			dl_parse_fail(p, D_SYNTAX, p->tok.range, "syntax error: nested too deeply");
			return;
		}
		dl_parse_advance(p);
		if (is_func)
			dl_parse_params(p, TOK_RPAR, v);
		else if (dl_parse_starts_type(p) || storage_class(p->tok.kind, &storage))
			dl_parse_params(p, TOK_RBRACK, v);
		else
			parse_dimension(p, v);
	}
	while (dl_parse_gnu_word(p))
		;
}

/* { '*' { qualifier } }: rightmost first, as seen from the name */
static struct dl_deriv *parse_stars(struct dl_parser *p)
{
	struct dl_deriv *list = NULL;
	unsigned n = 0;

	while (p->tok.kind == TOK_STAR) {
		struct dl_deriv *v = ARENA_NEW(p->arena, struct dl_deriv);

		v->kind = DL_DV_PTR;
		v->range = p->tok.range;
		if (++n > PARSE_DEPTH_MAX) {
			dl_parse_fail(p, D_SYNTAX, p->tok.range, "syntax error: nested too deeply");
			return NULL;
		}
		dl_parse_advance(p);
		for (;; dl_parse_advance(p)) {
			if (p->tok.kind == KW_CONST)
				v->quals |= 1;
			else if (p->tok.kind == KW_VOLATILE)
				v->quals |= 2;
			else if (p->tok.kind == KW_RESTRICT)
				v->quals |= 4;
			else if (p->tok.kind != KW_USERLAND)
				break;
		}
		while (dl_parse_gnu_word(p))
			;
		v->next = list;
		list = v;
	}
	return list;
}

/* declarator : stars [ name | '(' declarator ')' ] suffixes */
static void parse_declarator_inner(struct dl_parser *p, struct dl_declarator *d)
{
	if (!dl_parse_enter(p))
		return;
	struct dl_deriv *stars = parse_stars(p);

	if (p->tok.kind == TOK_IDENT) {
		d->name = p->tok.text;
		d->range = p->tok.range;
		dl_parse_advance(p);
	} else if (p->tok.kind == TOK_LPAR) {
		dl_parse_advance(p);
		if (p->tok.kind == TOK_RPAR || dl_parse_starts_type(p)) {
			/* An abstract function: the ( opened its parameters. */
			dl_parse_params(p, TOK_RPAR, add_deriv(p, d));
		} else {
			parse_declarator_inner(p, d);
			dl_parse_expect(p, TOK_RPAR);
		}
	}
	parse_deriv_suffixes(p, d);
	*d->tail = stars;
	while (*d->tail)
		d->tail = &(*d->tail)->next;
	dl_parse_leave(p);
}

bool dl_parse_declarator(struct dl_parser *p, struct dl_declarator *d)
{
	*d = (struct dl_declarator){ .range = p->tok.range };
	d->tail = &d->first;
	parse_declarator_inner(p, d);
	return !dl_parse_failed(p);
}

/* --- building the type --- */

static struct dl_type *fail_type(struct dl_parser *p, enum dl_tag tag, struct dl_range range,
				 const char *text)
{
	dl_parse_fail(p, tag, range, "%s", text);
	return NULL;
}

static struct dl_type *make_array(struct dl_parser *p, const struct dl_specs *s,
				  const struct dl_declarator *d, const struct dl_deriv *v,
				  struct dl_type *of)
{
	struct dl_types *ts = p->ctx->types;
	enum dl_kind kind = dl_type_base(of)->kind;
	const char *name = d->name ? d->name : "(anonymous)";
	uint64_t bytes;

	if (!v->has_size && s->storage != DL_CLASS_EXTERN && !p->include_depth) {
		dl_parse_fail(p, D_DECL_ARRNULL, v->range,
			      "array declaration requires array "
			      "dimension or tuple signature: %s",
			      name);
		return NULL;
	}
	if (kind == DL_VOID) {
		dl_parse_fail(p, D_DECL_VOIDOBJ, v->range, "cannot declare void array: %s", name);
		return NULL;
	}
	if (kind == DL_FUNC)
		return fail_type(p, D_DECL_COMBO, v->range, "cannot declare array of functions");
	if (kind == DL_FORWARD) {
		dl_parse_fail(p, D_DECL_INCOMPLETE, v->range,
			      "cannot declare array of "
			      "incomplete type %s: %s",
			      dl_type_name(ts, of), name);
		return NULL;
	}
	if (__builtin_mul_overflow(dl_type_size(ts, of), v->size, &bytes) || bytes > UINT32_MAX)
		return fail_type(p, D_DECL_ARRBIG, v->range, "array is too big");
	return dl_type_array(ts, of, v->size);
}

static struct dl_type *make_func(struct dl_parser *p, const struct dl_deriv *v,
				 struct dl_type *result)
{
	enum dl_kind kind = dl_type_base(result)->kind;

	if (kind == DL_FUNC || kind == DL_ARRAY)
		return fail_type(p, D_DECL_COMBO, v->range,
				 "function may not return an array or function");
	struct dl_type *t = dl_type_new(p->ctx->types, DL_FUNC, NULL);

	t->ref = result;
	t->n_params = v->n_params;
	t->params = ARENA_ARRAY(p->arena, v->n_params, struct dl_type *);
	for (uint32_t i = 0; i < v->n_params; i++)
		t->params[i] = v->params[i].type;
	t->is_variadic = v->is_variadic;
	return t;
}

struct dl_type *dl_parse_apply(struct dl_parser *p, const struct dl_specs *s,
			       const struct dl_declarator *d, const struct dl_deriv **keys_ret)
{
	struct dl_type *t = s->type;
	size_t n = 0;

	if (keys_ret)
		*keys_ret = NULL;
	for (const struct dl_deriv *v = d->first; v; v = v->next)
		n++;
	const struct dl_deriv **order = ARENA_ARRAY(p->arena, n, const struct dl_deriv *);

	n = 0;
	for (const struct dl_deriv *v = d->first; v; v = v->next)
		order[n++] = v;
	while (t && n-- > 0) {
		const struct dl_deriv *v = order[n];

		if (v->kind == DL_DV_PTR)
			t = qualify(p, dl_type_ptr(p->ctx->types, t), v->quals);
		else if (v->kind == DL_DV_ARRAY)
			t = make_array(p, s, d, v, t);
		else if (v->kind == DL_DV_FUNC)
			t = make_func(p, v, t);
		else if (n == 0 && keys_ret)
			*keys_ret = v;
		else
			t = fail_type(p, D_DECL_DYNOBJ, v->range,
				      "cannot declare array of associative arrays");
	}
	return t;
}

/* type-name : specs abstract-declarator */
struct dl_type *dl_parse_type_name(struct dl_parser *p)
{
	struct dl_specs s;
	struct dl_declarator d;

	if (!dl_parse_specs(p, &s))
		return NULL;
	if (!s.has_type && p->tok.kind == TOK_IDENT) {
		s.type = dl_parse_late_type(p, p->tok.text, p->tok.range);
		if (s.type) {
			dl_parse_advance(p);
			s.has_type = true;
		}
	}
	if (!s.has_type || s.storage != DL_CLASS_NONE) {
		dl_parse_syntax(p);
		return NULL;
	}
	if (!dl_parse_declarator(p, &d))
		return NULL;
	if (d.name) {
		dl_parse_fail(p, D_SYNTAX, d.range, "syntax error near \"%s\"", d.name);
		return NULL;
	}
	return dl_parse_apply(p, &s, &d, NULL);
}

struct dl_type *dl_type_parse(struct dl_ctx *c, const char *text)
{
	struct dl_type *t = dl_types_lookup(c->types, text);
	size_t n = c->diags.list.n, n_errors = c->diags.n_errors;

	if (t)
		return t;
	struct dl_source *src = ARENA_NEW(c->arena, struct dl_source);
	struct dl_parser *p = ARENA_NEW(c->arena, struct dl_parser);

	*src = (struct dl_source){ .kind = DL_SRC_STRING, .text = arena_strdup(c->arena, text) };
	p->ctx = c;
	p->arena = c->arena;
	p->types_only = true;
	dl_lex_init(&p->lex, c, src);
	p->lex.mode = LEX_CLAUSE;
	p->lex.at_line_start = false;
	p->tok.kind = TOK_EOF;
	dl_parse_advance(p);
	t = dl_parse_type_name(p);
	if (p->tok.kind != TOK_EOF)
		t = NULL;
	/* What the scanner may have said is not the program's fault. */
	c->diags.list.n = n;
	c->diags.n_errors = n_errors;
	return t;
}
