/*
 * Variables: globals, self-> and this->, scalar and associative.
 *
 * The first assignment gives a variable its type, unless it was declared.  A
 * variable whose first assignment was erroneous exists without type; uses of
 * it are passed over in silence.
 *
 * An undeclared integer keeps all 64 bits of what is assigned (x = 0 makes an
 * int, a later x = timestamp is not cut); a declared one holds what its type
 * holds.  Storage offsets are multiples of 8.
 */
#include <string.h>

#include "sema_int.h"

#define VARS_MAX 65536

struct name_space {
	enum dl_scope scope;
	struct dl_idents *table;
	const char *prefix; /* "", "self->", "this->" */
	const char *class;
};

static struct name_space space_of(struct dl_ctx *c, enum dl_scope scope)
{
	switch (scope) {
	case DL_SCOPE_SELF: return (struct name_space){ scope, c->tls, "self->", "thread-local" };
	case DL_SCOPE_THIS:
		return (struct name_space){ scope, c->locals, "this->", "clause-local" };
	default: return (struct name_space){ scope, c->globals, "", "global" };
	}
}

int sema_scope_of(const struct dl_node *n)
{
	if (!n || n->kind != DL_N_IDENT || !n->name)
		return -1;
	if (!strcmp(n->name, "self"))
		return DL_SCOPE_SELF;
	if (!strcmp(n->name, "this"))
		return DL_SCOPE_THIS;
	return -1;
}

/* --- making variables --- */

static uint32_t storage_size(struct dl_ctx *c, const struct dl_value_desc *v)
{
	uint64_t size = v->kind == DL_VK_INT ? 8 : v->size;

	if (v->kind == DL_VK_STRING)
		size = dl_types_strsize(c->types) + 8;
	return (uint32_t)((size + 7) & ~UINT64_C(7));
}

static bool place(struct dl_ctx *c, struct dl_var *v)
{
	uint32_t *used = v->scope == DL_SCOPE_SELF ? &c->tls_size :
			 v->scope == DL_SCOPE_THIS ? &c->local_size :
						     &c->global_size;
	uint32_t size = storage_size(c, &v->value);

	if (v->is_assoc)
		return true;
	if (*used > UINT32_C(1) << 30 || size > UINT32_C(1) << 30)
		return false;
	v->offset = *used;
	*used += size;
	return true;
}

/* Gives id, which has its type and keys, a place in the variable table. */
static bool make_var(struct sema *s, struct dl_ident *id, const struct name_space *ns,
		     struct dl_range range)
{
	struct dl_ctx *c = s->c;
	struct dl_var *v = ARENA_NEW(c->arena, struct dl_var);
	struct dl_value_desc *keys =
		ARENA_ARRAY(c->arena, id->n_keys ? id->n_keys : 1, struct dl_value_desc);

	v->index = (uint32_t)c->vars.n;
	v->name = id->name;
	v->scope = ns->scope;
	v->is_assoc = id->kind == DL_ID_ARRAY;
	sema_value_desc(s, id->type, &v->value);
	v->is_array = !v->is_assoc && dl_type_base(id->type)->kind == DL_ARRAY;
	if (v->value.kind == DL_VK_INT && !id->is_declared)
		v->value.size = 8;
	for (uint32_t i = 0; i < id->n_keys; i++)
		sema_value_desc(s, id->keys[i], &keys[i]);
	v->keys = keys;
	v->n_keys = id->n_keys;
	if (c->vars.n >= VARS_MAX || !place(c, v) || !vec_push(&c->vars, v)) {
		dl_error(c, D_ID_OFLOW, range,
			 "cannot create %s: limit on number of %s variables exceeded", id->name,
			 ns->class);
		return false;
	}
	id->var = v;
	id->value = (int64_t)c->vars.n - 1;
	return true;
}

bool sema_var_place(struct sema *s, struct dl_ident *id, enum dl_scope scope, struct dl_range range)
{
	struct name_space ns = space_of(s->c, scope);

	id->attr = DL_ATTR_STABLE;
	id->line = range.line;
	if (make_var(s, id, &ns, range))
		return true;
	id->type = NULL;
	return false;
}

static struct dl_ident *make_ident(struct sema *s, const struct name_space *ns, const char *name,
				   enum dl_ident_kind kind, struct dl_range range)
{
	struct dl_ident *id = sema_find(s->c, ns->table, name), *later;

	if (!id) {
		later = dl_idents_lookup(ns->table, name);
		id = dl_idents_add(ns->table, name, kind);
		if (later && later->unit > s->c->unit) {
			id->shadows = later;
			if (!vec_push(&s->c->shadowing, id))
				dl_too_broken(s->c);
		}
	}
	id->kind = kind;
	id->attr = DL_ATTR_STABLE;
	id->line = range.line;
	return id;
}

/* --- uses --- */

static struct dl_node *var_node(struct sema *s, struct dl_range range, struct dl_ident *id,
				struct dl_node *keys)
{
	struct dl_node *n = sema_node(s, DL_N_VAR, range, id->type);

	n->ident = id;
	n->name = id->name;
	n->value = (uint64_t)id->value;
	n->args = keys;
	n->attr = sema_ident_attr(id);
	n->is_lvalue = true;
	n->is_writable = !sema_is_const_type(id->type);
	return sema_seal(n);
}

static struct dl_node *undeclared(struct sema *s, const struct dl_node *n,
				  const struct name_space *ns, const char *name, const char *suffix)
{
	struct dl_diag *d =
		dl_error(s->c, D_VAR_UNDEF, n->range,
			 "%s%s%s has not yet been declared or assigned", ns->prefix, name, suffix);

	if (ns->scope == DL_SCOPE_GLOBAL)
		sema_suggest(s, d, name, false);
	else
		sema_suggest_from(s, d, ns->table, ns->prefix, name);
	return NULL;
}

/* The type a variable gets from the first value assigned to it; NULL after reporting. */
static struct dl_type *first_type(struct sema *s, const struct dl_node *n,
				  const struct dl_node *rhs)
{
	struct dl_type *t = sema_unqualified(rhs->type);
	enum dl_kind kind = dl_type_base(t)->kind;

	if (kind == DL_DYN) {
		dl_error(s->c, D_OP_DYN, n->range, "operator = operands cannot be of dynamic type");
		return NULL;
	}
	if (kind == DL_FUNC)
		return dl_type_ptr(s->ts, rhs->type);
	if (kind == DL_ARRAY) {
		struct dl_diag *d =
			dl_error(s->c, D_OP_ARRFUN, n->range,
				 "operator = may not be applied to operand of type \"%s\"",
				 sema_type_text(s, rhs));

		if (dl_type_is_strcompat(t))
			dl_hint(s->c, d, "use stringof() to copy the string");
		return NULL;
	}
	if (kind == DL_VOID || kind == DL_FORWARD) {
		dl_error(s->c, D_OP_INCOMPAT, n->range,
			 "operands have incompatible types: \"dynamic variable\" = \"%s\"",
			 sema_type_text(s, rhs));
		return NULL;
	}
	return t;
}

/* Types a new variable for the use wanted; id stays untyped after an error. */
static bool settle(struct sema *s, const struct dl_node *n, struct dl_ident *id,
		   const struct name_space *ns, const struct sema_want *w)
{
	if (id->type)
		return true;
	if (w->use == SEMA_STEP)
		id->type = sema_basic(s, DL_T_INT64);
	else if (w->use == SEMA_WRITE && w->rhs)
		id->type = first_type(s, n, w->rhs);
	if (!id->type) {
		s->lost = true;
		return false;
	}
	id->keys_known = true;
	if (!make_var(s, id, ns, n->range)) {
		id->type = NULL;
		return false;
	}
	return true;
}

static struct dl_node *scalar_use(struct sema *s, const struct dl_node *n, struct dl_ident *id,
				  const struct name_space *ns, const struct sema_want *w)
{
	if (id->kind == DL_ID_ARRAY) {
		dl_error(s->c, D_IDENT_BADREF, n->range,
			 "associative array '%s%s' may not be referenced as scalar", ns->prefix,
			 id->name);
		return NULL;
	}
	if (!settle(s, n, id, ns, w))
		return NULL;
	if (w->use != SEMA_READ)
		id->is_assigned = true;
	return var_node(s, n->range, id, NULL);
}

static struct dl_node *scalar(struct sema *s, const struct dl_node *n, const struct name_space *ns,
			      const char *name, const struct sema_want *w)
{
	struct dl_ident *id = sema_find(s->c, ns->table, name);

	if (!id) {
		if (w->use == SEMA_READ || w->use == SEMA_MODIFY) {
			undeclared(s, n, ns, name, "");
			if (!s->quiet)
				make_ident(s, ns, name, DL_ID_SCALAR, n->range);
			return NULL;
		}
		id = make_ident(s, ns, name, DL_ID_SCALAR, n->range);
	}
	return scalar_use(s, n, id, ns, w);
}

struct dl_node *sema_scoped_var(struct sema *s, const struct dl_node *n, enum dl_scope scope,
				const struct sema_want *w)
{
	struct name_space ns = space_of(s->c, scope);

	if (!n->name || !ns.table)
		return NULL;
	return scalar(s, n, &ns, n->name, w);
}

/* --- names in expressions --- */

static struct dl_node *bound_name(struct sema *s, const struct dl_node *n)
{
	for (const struct sema_name *b = s->names; b; b = b->next) {
		if (!strcmp(b->name, n->name)) {
			struct dl_node *copy = sema_copy(s, b->value);

			copy->range = n->range;
			return copy;
		}
	}
	return NULL;
}

static struct dl_node *unknown(struct sema *s, const struct dl_node *n)
{
	struct name_space ns = space_of(s->c, DL_SCOPE_GLOBAL);
	struct dl_diag *d = dl_error(s->c, D_IDENT_UNDEF, n->range,
				     "failed to resolve %s: Unknown variable name", n->name);

	sema_suggest(s, d, n->name, false);
	if (!s->quiet)
		make_ident(s, &ns, n->name, DL_ID_SCALAR, n->range);
	return NULL;
}

static struct dl_node *bad_reference(struct sema *s, const struct dl_node *n,
				     const struct dl_ident *id)
{
	dl_error(s->c, D_IDENT_BADREF, n->range, "%s '%s' may not be referenced as scalar",
		 sema_kind_word(id), id->name);
	return NULL;
}

static struct dl_node *named(struct sema *s, const struct dl_node *n, struct dl_ident *id,
			     const struct sema_want *w)
{
	struct name_space ns = space_of(s->c, DL_SCOPE_GLOBAL);
	struct dl_node *out;

	switch (id->kind) {
	case DL_ID_SCALAR:
		if (id->is_builtin)
			return sema_bvar(s, n->range, id);
		return scalar_use(s, n, id, &ns, w);
	case DL_ID_ENUM:
		out = sema_int(s, n->range, (uint64_t)id->value,
			       id->type ? id->type : sema_basic(s, DL_T_INT));
		out->attr = sema_ident_attr(id);
		return out;
	case DL_ID_INLINE:
		return id->n_params ? bad_reference(s, n, id) : sema_inline(s, n, id, NULL);
	case DL_ID_SYMBOL: return sema_symbol(s, n->range, id->name, id->type);
	case DL_ID_UNSUPPORTED: return sema_unsupported(s, n->range, id);
	default: return bad_reference(s, n, id);
	}
}

struct dl_node *sema_ident(struct sema *s, const struct dl_node *n, const struct sema_want *w)
{
	struct name_space ns = space_of(s->c, DL_SCOPE_GLOBAL);
	struct dl_ident *id;
	struct dl_node *b;

	if (!n->name)
		return NULL;
	b = bound_name(s, n);
	if (b)
		return b;
	id = sema_lookup(s, n->name);
	if (id)
		return named(s, n, id, w);
	if (strchr(n->name, '`'))
		return sema_symbol(s, n->range, n->name, NULL);
	if (sema_scope_of(n) >= 0) {
		dl_error(s->c, D_SYNTAX, n->range, "syntax error: %s must be followed by ->",
			 n->name);
		return NULL;
	}
	if (w->use == SEMA_READ)
		return unknown(s, n);
	return scalar(s, n, &ns, n->name, w);
}

/* --- associative arrays --- */

static struct dl_type *key_type(struct sema *s, const struct dl_node *key,
				const struct dl_value_desc *v, const char *name, unsigned i)
{
	/* What usym() gives is a number by now. */
	struct dl_type *t = v->kind == DL_VK_SYM ? v->type : sema_unqualified(key->type);
	enum dl_kind kind = dl_type_base(t)->kind;

	if (kind == DL_FUNC)
		return dl_type_ptr(s->ts, key->type);
	if (kind == DL_ARRAY && dl_type_is_strcompat(t))
		return sema_basic(s, DL_T_STRING); /* equal up to the NUL */
	if (kind != DL_VOID && kind != DL_DYN && kind != DL_STACK && kind != DL_SYMADDR &&
	    kind != DL_USYMADDR && sema_complete(s, t)->kind != DL_FORWARD)
		return t;
	dl_error(s->c, D_KEY_TYPE, key->range, "%s expression may not be used as %s index: key #%u",
		 kind == DL_VOID      ? "void" :
		 v->kind == DL_VK_SYM ? dl_type_name(s->ts, t) :
					sema_type_text(s, key),
		 name, i);
	return NULL;
}

/* Checks n keys into the list; the types of known arrays are wanted of them. */
static bool check_keys(struct sema *s, const struct dl_node *args, struct dl_ident *id,
		       const char *name, struct sema_list *out)
{
	bool ok = true;
	unsigned i = 0;

	for (const struct dl_node *a = args; a; a = a->next, i++) {
		struct dl_value_desc v = { 0 };
		struct dl_node *key = sema_traced(s, a, &v);
		struct dl_type *t = key ? key_type(s, key, &v, name, i + 1) : NULL;

		if (!t) {
			ok = false;
			continue;
		}
		if (!id->keys_known) {
			id->keys[i] = t;
		} else if (!sema_arg_compat(s, id->keys[i], key)) {
			dl_error(s->c, D_PROTO_ARG, a->range,
				 "%s[ ] key #%u is incompatible with prototype:\n"
				 "\tprototype: %s\n\t argument: %s",
				 name, i + 1, dl_type_name(s->ts, id->keys[i]),
				 sema_type_text(s, key));
			ok = false;
			continue;
		}
		sema_list_add(out, sema_convert(s, key, id->keys[i]));
	}
	return ok;
}

static bool check_key_count(struct sema *s, const struct dl_node *n, const struct dl_ident *id,
			    const char *name)
{
	const struct dl_options *o = s->c->config.options;
	unsigned max = o ? (unsigned)dl_option(o, DL_OPT_TREGS) : 8;
	unsigned given = dl_node_count(n->args);

	if (id->keys_known && given != id->n_keys) {
		dl_error(s->c, D_PROTO_LEN, n->range,
			 "%s[ ] prototype mismatch: %u key%s passed, %u expected", name, given,
			 given == 1 ? "" : "s", id->n_keys);
		return false;
	}
	if (given <= max)
		return true;
	dl_error_plain(s->c, "Insufficient tuple registers to generate code");
	return false;
}

static struct dl_node *element(struct sema *s, const struct dl_node *n, struct dl_ident *id,
			       const struct name_space *ns, const struct sema_want *w)
{
	const char *name = arena_printf(s->a, "%s%s", ns->prefix, id->name);
	struct sema_list keys = { 0 };
	bool ok;

	if (!id->type && (w->use == SEMA_READ || (w->use == SEMA_WRITE && !w->rhs))) {
		s->lost = true;
		return NULL;
	}
	if (!check_key_count(s, n, id, name))
		return NULL;
	if (!id->keys_known) {
		id->n_keys = dl_node_count(n->args);
		id->keys = ARENA_ARRAY(s->a, id->n_keys ? id->n_keys : 1, struct dl_type *);
	}
	ok = check_keys(s, n->args, id, name, &keys);
	if (!ok || !settle(s, n, id, ns, w))
		return NULL;
	if (w->use != SEMA_READ)
		id->is_assigned = true;
	return var_node(s, n->range, id, keys.first);
}

/* name[args] where nothing is known of name. */
static struct dl_node *new_array(struct sema *s, const struct dl_node *n, const char *name,
				 const struct name_space *ns, const struct sema_want *w)
{
	struct dl_ident *id;

	if (ns->scope == DL_SCOPE_THIS) {
		dl_error(s->c, D_ARR_LOCAL, n->range,
			 "local variables may not be used as associative arrays: %s", name);
		return NULL;
	}
	if (w->use == SEMA_READ || w->use == SEMA_MODIFY)
		undeclared(s, n, ns, name, "[ ]");
	if (s->quiet)
		return NULL;
	id = make_ident(s, ns, name, DL_ID_ARRAY, n->range);
	if (w->use == SEMA_READ || w->use == SEMA_MODIFY)
		return NULL;
	return element(s, n, id, ns, w);
}

static struct dl_node *index_scoped(struct sema *s, const struct dl_node *n, enum dl_scope scope,
				    const struct sema_want *w)
{
	static const struct sema_want read = { .use = SEMA_READ };
	struct name_space ns = space_of(s->c, scope);
	const char *name = n->left->name;
	struct dl_ident *id;
	struct dl_node *base;

	if (!name || !ns.table)
		return NULL;
	id = sema_find(s->c, ns.table, name);
	if (!id)
		return new_array(s, n, name, &ns, w);
	if (id->kind == DL_ID_ARRAY)
		return element(s, n, id, &ns, w);
	base = scalar_use(s, n->left, id, &ns, &read);
	return base ? sema_subscript(s, n->range, base, n->args, name) : NULL;
}

static struct dl_node *index_ident(struct sema *s, const struct dl_node *n,
				   const struct sema_want *w)
{
	static const struct sema_want read = { .use = SEMA_READ };
	struct name_space ns = space_of(s->c, DL_SCOPE_GLOBAL);
	struct dl_node *base = bound_name(s, n->left);
	struct dl_ident *id;

	if (base)
		return sema_subscript(s, n->range, base, n->args, n->left->name);
	id = sema_lookup(s, n->left->name);
	if (!id && !strchr(n->left->name, '`'))
		return new_array(s, n, n->left->name, &ns, w);
	if (id && id->kind == DL_ID_ARRAY)
		return element(s, n, id, &ns, w);
	if (id && id->kind == DL_ID_ARGS)
		return sema_args(s, n);
	if (id && id->kind == DL_ID_UREGS)
		return sema_uregs(s, n);
	if (id && id->kind == DL_ID_INLINE && id->n_params)
		return sema_inline(s, n, id, n->args);
	if (id &&
	    (id->kind == DL_ID_SUBR || id->kind == DL_ID_ACTION || id->kind == DL_ID_AGGFUNC)) {
		dl_error(s->c, D_IDENT_BADREF, n->range,
			 "%s '%s' may not be referenced as associative array", sema_kind_word(id),
			 id->name);
		return NULL;
	}
	base = sema_ident(s, n->left, &read);
	return base ? sema_subscript(s, n->range, base, n->args, n->left->name) : NULL;
}

struct dl_node *sema_index(struct sema *s, const struct dl_node *n, const struct sema_want *w)
{
	const struct dl_node *l = n->left;
	struct dl_node *base;

	if (!l)
		return NULL;
	if (l->kind == DL_N_AGGREF) {
		dl_error(s->c, D_AGG_MDIM, n->range,
			 "improper attempt to reference @%s as a multi-dimensional array", l->name);
		return NULL;
	}
	if (l->kind == DL_N_IDENT && l->name)
		return index_ident(s, n, w);
	if (l->kind == DL_N_ARROW && sema_scope_of(l->left) >= 0)
		return index_scoped(s, n, (enum dl_scope)sema_scope_of(l->left), w);
	base = sema_operand(s, l, "[]");
	return base ? sema_subscript(s, n->range, base, n->args, NULL) : NULL;
}

struct dl_node *sema_lvalue(struct sema *s, const struct dl_node *n, const struct sema_want *w)
{
	if (n->kind == DL_N_IDENT)
		return sema_ident(s, n, w);
	if (n->kind == DL_N_INDEX)
		return sema_index(s, n, w);
	if (n->kind == DL_N_ARROW && sema_scope_of(n->left) >= 0)
		return sema_scoped_var(s, n, (enum dl_scope)sema_scope_of(n->left), w);
	return sema_expr(s, n);
}
