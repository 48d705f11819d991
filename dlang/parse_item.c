/*
 * Declarations between clauses: variables, typedefs, external symbols,
 * inlines, translators and providers.
 *
 * What only the grammar can tell is checked here; sema (dl_sema_declare_*)
 * checks a declaration against what is already declared.  A declaration that
 * broke a rule here is not handed on.
 */
#include "parse.h"

#include <ctype.h>
#include <string.h>

#define PROVIDER_NAME_MAX 63
#define PROBE_ARGS_MAX 255

/* --- variables and types --- */

static bool check_name(struct dl_parser *p, const struct dl_declarator *d, const struct dl_specs *s)
{
	if (!d->name) {
		dl_parse_syntax(p);
		return false;
	}
	if (strchr(d->name, '`') && s->storage != DL_CLASS_EXTERN) {
		dl_parse_fail(p, D_DECL_SCOPE, d->range, "cannot specify scope in declaration: %s",
			      d->name);
		return false;
	}
	return true;
}

static void declare_typedef(struct dl_parser *p, const struct dl_declarator *d,
			    struct dl_type *type)
{
	struct dl_types *ts = p->ctx->types;
	const char *scope = p->include_depth ? "C" : "D";
	struct dl_type *old = dl_types_lookup_in(ts, scope, d->name);

	if (dl_sema_is_known_ident(p->ctx, d->name) && !p->include_depth) {
		dl_parse_fail(p, D_DECL_IDRED, d->range, "identifier redeclared: %s", d->name);
		return;
	}
	if (old && dl_type_equal(old, type))
		return;
	if (old && (!old->scope || strcmp(old->scope, "sys") != 0)) {
		dl_parse_fail(p, D_DECL_TYPERED, d->range, "type redeclared: %s", d->name);
		return;
	}
	struct dl_type *t = dl_type_new(ts, DL_TYPEDEF, d->name);

	t->scope = scope;
	t->ref = type;
	t->size = dl_type_base(type)->size;
	t->align = dl_type_base(type)->align;
	t->is_signed = dl_type_base(type)->is_signed;
	dl_types_define(ts, d->name, t);
}

static bool check_object(struct dl_parser *p, const struct dl_declarator *d, struct dl_type *type)
{
	struct dl_type *base = dl_type_base(type);

	if (base->kind == DL_VOID) {
		dl_parse_fail(p, D_DECL_VOIDOBJ, d->range, "cannot declare void object: %s",
			      d->name);
		return false;
	}
	if (base->kind == DL_FORWARD && base->forward_of != DL_TYPEDEF) {
		const struct dl_host *h = p->ctx->config.host;

		/* Before the target is there sema has to find out. */
		if (h && (h->type_lookup || h->type_complete))
			return true;
		dl_parse_fail(p, D_DECL_INCOMPLETE, d->range, "incomplete struct/union/enum %s: %s",
			      dl_type_name(p->ctx->types, type), d->name);
		return false;
	}
	return true;
}

static struct dl_type **key_types(struct dl_parser *p, const struct dl_deriv *v)
{
	struct dl_type **keys = ARENA_ARRAY(p->arena, v->n_params, struct dl_type *);

	for (uint32_t i = 0; i < v->n_params; i++)
		keys[i] = v->params[i].type;
	return keys;
}

static void declare_variable(struct dl_parser *p, const struct dl_specs *s,
			     const struct dl_declarator *d, struct dl_type *type,
			     const struct dl_deriv *tuple)
{
	enum dl_scope scope = s->storage == DL_CLASS_SELF ? DL_SCOPE_SELF :
			      s->storage == DL_CLASS_THIS ? DL_SCOPE_THIS :
							    DL_SCOPE_GLOBAL;

	if (s->storage == DL_CLASS_AUTO || s->storage == DL_CLASS_REGISTER ||
	    s->storage == DL_CLASS_STATIC) {
		dl_parse_fail(p, D_DECL_BADCLASS, s->range,
			      "specified storage class not appropriate in D");
		return;
	}
	if (tuple && scope == DL_SCOPE_THIS) {
		dl_parse_fail(p, D_DECL_LOCASSC, d->range,
			      "associative arrays may not be declared as local variables: %s",
			      d->name);
		return;
	}
	if (!check_object(p, d, type))
		return;
	dl_sema_declare_var(p->ctx, scope, d->name, type, tuple ? key_types(p, tuple) : NULL,
			    tuple ? tuple->n_params : 0, tuple != NULL, d->range);
	if (scope == DL_SCOPE_GLOBAL)
		dl_pragma_apply(p, d->name);
}

static void declare_one(struct dl_parser *p, const struct dl_specs *s)
{
	const struct dl_deriv *tuple;
	struct dl_declarator d;
	bool may_be_tuple = s->storage != DL_CLASS_TYPEDEF && s->storage != DL_CLASS_EXTERN;

	if (!dl_parse_declarator(p, &d) || !check_name(p, &d, s))
		return;
	struct dl_type *type = dl_parse_apply(p, s, &d, may_be_tuple ? &tuple : NULL);

	if (!type)
		return;
	if (s->storage == DL_CLASS_TYPEDEF) {
		declare_typedef(p, &d, type);
		return;
	}
	bool is_func = dl_type_base(type)->kind == DL_FUNC;

	/* A header's object that D has already, like printf, is left as it is. */
	if (p->include_depth && dl_sema_is_known_ident(p->ctx, d.name))
		return;

	if (is_func && (s->storage == DL_CLASS_SELF || s->storage == DL_CLASS_THIS)) {
		dl_parse_fail(p, D_DECL_BADCLASS, s->range,
			      "specified storage class not appropriate in D");
	} else if (is_func || s->storage == DL_CLASS_EXTERN || p->include_depth) {
		dl_sema_declare_extern(p->ctx, d.name, type, d.range);
		dl_pragma_apply(p, d.name);
	} else {
		declare_variable(p, s, &d, type, tuple);
	}
}

/* The body of a function in a header: of no use here. */
static void skip_body(struct dl_parser *p)
{
	unsigned depth = 0;

	do {
		depth += p->tok.kind == TOK_LBRACE;
		depth -= p->tok.kind == TOK_RBRACE;
		if (depth == 0)
			p->lex.mode = LEX_OUTER;
		dl_parse_advance(p);
	} while (depth && p->tok.kind != TOK_EOF && !dl_parse_failed(p));
}

/* declaration : specs [ declarator { ',' declarator } ] ';' */
void dl_parse_declaration(struct dl_parser *p)
{
	struct dl_specs s;

	if (!dl_parse_specs(p, &s))
		return;
	if (p->tok.kind == TOK_SEMI) {
		if (!s.defines_type) {
			dl_parse_fail(p, D_DECL_USELESS, s.range,
				      "declaration does not declare anything");
			return;
		}
	} else {
		do {
			declare_one(p, &s);
		} while (dl_parse_accept(p, TOK_COMMA));
	}
	if (p->include_depth && p->tok.kind == TOK_LBRACE)
		skip_body(p);
	else
		dl_parse_end_item(p, TOK_SEMI);
}

/* --- inlines --- */

/* Parameters become visible to the body; NULL after an error. */
static struct dl_inline_param *inline_params(struct dl_parser *p, const struct dl_deriv *v)
{
	struct dl_inline_param *params = ARENA_ARRAY(p->arena, v->n_params, struct dl_inline_param);

	for (uint32_t i = 0; i < v->n_params; i++) {
		if (!v->params[i].name) {
			dl_parse_fail(p, D_DECL_PROTO_NAME, v->params[i].range,
				      "inline prototype: "
				      "parameter #%u requires a name",
				      i + 1);
			return NULL;
		}
		params[i].name = v->params[i].name;
		params[i].type = v->params[i].type;
		struct dl_scope_name *s = ARENA_NEW(p->arena, struct dl_scope_name);

		s->name = params[i].name;
		s->next = p->scope;
		p->scope = s;
	}
	return params;
}

static bool check_inline(struct dl_parser *p, const struct dl_specs *s,
			 const struct dl_declarator *d)
{
	if (s->storage != DL_CLASS_NONE) {
		dl_parse_fail(p, D_DECL_BADCLASS, s->range,
			      "specified storage class not appropriate for inline declaration");
		return false;
	}
	if (!d->name) {
		dl_parse_fail(p, D_DECL_USELESS, s->range, "inline declaration requires a name");
		return false;
	}
	if (d->first && d->first->kind == DL_DV_ARRAY) {
		dl_parse_fail(p, D_DECL_ARRNULL, d->range,
			      "inline declaration requires array tuple signature: %s", d->name);
		return false;
	}
	return check_name(p, d, s);
}

/* inline-def : 'inline' specs declarator '=' assign ';' */
void dl_parse_inline(struct dl_parser *p)
{
	const struct dl_deriv *tuple;
	struct dl_inline_param *params = NULL;
	struct dl_specs s;
	struct dl_declarator d;

	dl_parse_advance(p);
	if (!dl_parse_specs(p, &s) || !dl_parse_declarator(p, &d) || !check_inline(p, &s, &d))
		return;
	struct dl_type *type = dl_parse_apply(p, &s, &d, &tuple);

	if (!type || !check_object(p, &d, type))
		return;
	if (tuple) {
		params = inline_params(p, tuple);
		if (!params)
			return;
	}
	dl_parse_expect(p, TOK_ASSIGN);
	struct dl_node *body = dl_parse_assign(p);

	p->scope = NULL;
	if (body && p->tok.kind == TOK_SEMI) {
		dl_sema_declare_inline(p->ctx, d.name, type, params, tuple ? tuple->n_params : 0,
				       body, d.range);
		dl_pragma_apply(p, d.name);
	}
	dl_parse_end_item(p, TOK_SEMI);
}

/* --- translators --- */

/* member '=' assign ';' */
static bool parse_xl_member(struct dl_parser *p, struct dl_xl_member *m)
{
	m->range = p->tok.range;
	m->name = dl_parse_member_name(p);
	if (!m->name) {
		dl_parse_syntax(p);
		return false;
	}
	dl_parse_expect(p, TOK_ASSIGN);
	m->expr = dl_parse_assign(p);
	return m->expr && dl_parse_expect(p, TOK_SEMI);
}

static void parse_xl_members(struct dl_parser *p, struct dl_translator *x)
{
	uint32_t cap = 0;

	p->braces++;
	dl_parse_expect(p, TOK_LBRACE);
	while (p->tok.kind != TOK_RBRACE && !dl_parse_failed(p)) {
		struct dl_xl_member m = { 0 };

		if (!parse_xl_member(p, &m))
			return;
		if (x->n_members == cap) {
			cap = cap ? cap * 2 : 8;
			x->members = arena_grow(p->arena, x->members, x->n_members, cap, sizeof(m));
		}
		x->members[x->n_members++] = m;
	}
	if (p->tok.kind == TOK_RBRACE)
		p->braces--;
	dl_parse_expect(p, TOK_RBRACE);
}

/* '<' type name '>' */
static bool parse_xl_input(struct dl_parser *p, struct dl_translator *x)
{
	struct dl_specs s;
	struct dl_declarator d;

	if (!dl_parse_expect(p, TOK_LT) || !dl_parse_specs(p, &s) || !dl_parse_declarator(p, &d))
		return false;
	if (!d.name || s.storage != DL_CLASS_NONE) {
		dl_parse_syntax(p);
		return false;
	}
	x->in = dl_parse_apply(p, &s, &d, NULL);
	x->param = d.name;
	return x->in && dl_parse_expect(p, TOK_GT);
}

/* translator-def : 'translator' type '<' type name '>' '{' members '}' ';' */
void dl_parse_translator(struct dl_parser *p)
{
	struct dl_translator *x = ARENA_NEW(p->arena, struct dl_translator);
	struct dl_range start = p->tok.range;

	x->version = p->translator_version;
	p->translator_version = 0;
	dl_parse_advance(p);
	x->range = p->tok.range;
	x->out = dl_parse_type_name(p);
	x->range = dl_parse_range_from(p, x->range);
	if (!x->out)
		return;
	if (!dl_type_is_sou(x->out)) {
		dl_parse_fail(p, D_XLATE_SOU, x->range,
			      "translator output type must be a "
			      "complete struct or union: %s",
			      dl_type_name(p->ctx->types, x->out));
		return;
	}
	if (!parse_xl_input(p, x))
		return;
	struct dl_scope_name scope = { .name = x->param };

	p->scope = &scope;
	parse_xl_members(p, x);
	p->scope = NULL;
	x->range = dl_parse_range_from(p, start);
	if (p->tok.kind == TOK_SEMI)
		dl_sema_declare_translator(p->ctx, x);
	dl_parse_end_item(p, TOK_SEMI);
}

/* --- providers --- */

static bool check_prov_name(struct dl_parser *p, const char *what, const char *name,
			    struct dl_range range, bool no_digit)
{
	size_t n = strlen(name);
	const char *why = NULL;

	if (strchr(name, '`'))
		why = "may not contain scoping operator";
	else if (n > PROVIDER_NAME_MAX)
		why = "is too long";
	else if (no_digit && isdigit((unsigned char)name[n - 1]))
		why = "may not end with a digit";
	if (why)
		dl_parse_fail(p, D_PROV_BADNAME, range, "%s name %s: %s", what, why, name);
	return !why;
}

/* "my__probe" is the probe my-probe. */
static const char *probe_name(struct dl_parser *p, const char *c_name)
{
	char *name = arena_strdup(p->arena, c_name), *out = name;

	for (const char *s = name; *s; s++) {
		if (s[0] == '_' && s[1] == '_') {
			*out++ = '-';
			s++;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return arena_intern(p->arena, name, (size_t)(out - name));
}

static bool set_native(struct dl_parser *p, struct dl_prov_probe *probe, const struct dl_deriv *v)
{
	if (v->n_params > PROBE_ARGS_MAX) {
		dl_parse_fail(p, D_PROV_PRARGLEN, v->range,
			      "probe %s has too many input "
			      "parameters: %u, the limit is %d",
			      probe->c_name, v->n_params, PROBE_ARGS_MAX);
		return false;
	}
	probe->n_native = v->n_params;
	probe->native = key_types(p, v);
	probe->native_names = ARENA_ARRAY(p->arena, v->n_params, const char *);
	for (uint32_t i = 0; i < v->n_params; i++)
		probe->native_names[i] = v->params[i].name;
	return true;
}

/* Every translated parameter names a native one, which is named once. */
static bool find_native(struct dl_parser *p, const struct dl_prov_probe *probe,
			const struct dl_param *x, uint8_t *ret)
{
	bool found = false;

	for (uint32_t i = 0; i < probe->n_native; i++) {
		if (probe->native_names[i] != x->name)
			continue;
		if (found) {
			dl_parse_fail(p, D_DECL_PROTO_FORM, x->range,
				      "probe prototype: parameter "
				      "%s is declared twice in the input list",
				      x->name);
			return false;
		}
		found = true;
		*ret = (uint8_t)i;
	}
	if (!found)
		dl_parse_fail(p, D_DECL_PROTO_FORM, x->range,
			      "probe prototype: output parameter "
			      "%s is not declared in the input list",
			      x->name);
	return found;
}

static bool set_xlated(struct dl_parser *p, struct dl_prov_probe *probe, const struct dl_deriv *v)
{
	if (v->n_params > PROBE_ARGS_MAX) {
		dl_parse_fail(p, D_PROV_PRARGLEN, v->range,
			      "probe %s has too many output "
			      "parameters: %u, the limit is %d",
			      probe->c_name, v->n_params, PROBE_ARGS_MAX);
		return false;
	}
	probe->n_xlated = v->n_params;
	probe->xlated = key_types(p, v);
	probe->xlated_names = ARENA_ARRAY(p->arena, v->n_params, const char *);
	probe->map = ARENA_ARRAY(p->arena, v->n_params, uint8_t);
	for (uint32_t i = 0; i < v->n_params; i++) {
		if (!v->params[i].name) {
			dl_parse_fail(p, D_DECL_PROTO_NAME, v->params[i].range,
				      "probe prototype: "
				      "parameter #%u requires a name",
				      i + 1);
			return false;
		}
		probe->xlated_names[i] = v->params[i].name;
		if (!find_native(p, probe, &v->params[i], &probe->map[i]))
			return false;
	}
	return true;
}

static bool parse_probe_params(struct dl_parser *p, struct dl_deriv *v)
{
	*v = (struct dl_deriv){ .range = p->tok.range };
	if (!dl_parse_expect(p, TOK_LPAR) || !dl_parse_params(p, TOK_RPAR, v))
		return false;
	if (v->is_variadic)
		dl_parse_fail(p, D_DECL_PROTO_VARARGS, v->range,
			      "probe prototype: ... may not be used");
	return !dl_parse_failed(p);
}

/* 'probe' name '(' params ')' [ ':' '(' params ')' ] ';' */
static struct dl_prov_probe *parse_probe(struct dl_parser *p, const struct dl_provider_decl *prov)
{
	struct dl_prov_probe *probe = ARENA_NEW(p->arena, struct dl_prov_probe);
	struct dl_deriv native, xlated;

	if (!dl_parse_expect(p, KW_PROBE))
		return NULL;
	probe->range = p->tok.range;
	probe->c_name = dl_parse_member_name(p); /* "return" is a fine name */
	if (!probe->c_name) {
		dl_parse_syntax(p);
		return NULL;
	}
	if (!check_prov_name(p, "probe", probe->c_name, probe->range, false))
		return NULL;
	probe->name = probe_name(p, probe->c_name);
	for (const struct dl_prov_probe *q = prov->probes; q; q = q->next)
		if (q->name == probe->name)
			dl_parse_fail(p, D_PROV_PRDUP, probe->range, "probe redeclared: %s:::%s",
				      prov->name, probe->name);
	if (!parse_probe_params(p, &native) || !set_native(p, probe, &native))
		return NULL;
	if (dl_parse_accept(p, TOK_COLON) &&
	    (!parse_probe_params(p, &xlated) || !set_xlated(p, probe, &xlated)))
		return NULL;
	return dl_parse_expect(p, TOK_SEMI) ? probe : NULL;
}

static struct dl_provider_decl *new_provider(struct dl_parser *p)
{
	struct dl_provider_decl *prov = ARENA_NEW(p->arena, struct dl_provider_decl);
	struct dl_attr a = { DL_ST_UNSTABLE, DL_ST_UNSTABLE, DL_CL_COMMON };

	prov->attr = (struct dl_prov_attr){ a, a, a, a, a };
	prov->name = p->tok.text;
	prov->range = p->tok.range;
	return prov;
}

/* provider-def : 'provider' NAME '{' { probe } '}' ';' */
void dl_parse_provider(struct dl_parser *p)
{
	dl_parse_advance(p);
	struct dl_provider_decl *prov = new_provider(p);
	struct dl_prov_probe **tail = &prov->probes;

	if (!dl_parse_expect(p, TOK_IDENT) ||
	    !check_prov_name(p, "provider", prov->name, prov->range, true))
		return;
	p->braces++;
	dl_parse_expect(p, TOK_LBRACE);
	while (p->tok.kind != TOK_RBRACE && !dl_parse_failed(p)) {
		struct dl_prov_probe *probe;

		p->in_provider = true;
		probe = parse_probe(p, prov);
		p->in_provider = false;
		if (!probe)
			return;
		*tail = probe;
		tail = &probe->next;
	}
	if (p->tok.kind == TOK_RBRACE)
		p->braces--;
	dl_parse_expect(p, TOK_RBRACE);
	if (p->tok.kind == TOK_SEMI) {
		dl_pragma_apply_provider(p, prov);
		dl_sema_declare_provider(p->ctx, prov);
	}
	dl_parse_end_item(p, TOK_SEMI);
}
