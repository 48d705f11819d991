/*
 * Aggregations: @name[keys] = func(args).
 *
 * The first assignment fixes the function, its parameters and the signature
 * of the keys.  Keys of char arrays are strings.
 */
#include <string.h>

#include "sema_int.h"

static const char *const func_names[] = {
	[DL_AGG_COUNT] = "count",
	[DL_AGG_SUM] = "sum",
	[DL_AGG_AVG] = "avg",
	[DL_AGG_MIN] = "min",
	[DL_AGG_MAX] = "max",
	[DL_AGG_STDDEV] = "stddev",
	[DL_AGG_QUANTIZE] = "quantize",
	[DL_AGG_LQUANTIZE] = "lquantize",
	[DL_AGG_LLQUANTIZE] = "llquantize",
};

struct dl_ident *sema_agg_find(struct sema *s, const char *name)
{
	return dl_idents_lookup(s->c->aggs, name);
}

struct dl_node *sema_agg_ref(struct sema *s, const struct dl_node *n)
{
	struct dl_node *out = sema_node(s, DL_N_AGGREF, n->range, sema_basic(s, DL_T_DYN));
	const struct dl_ident *id = sema_agg_find(s, n->name);

	out->name = n->name;
	out->agg = id ? id->agg : NULL;
	return out;
}

static struct dl_ident *make_agg(struct sema *s, const char *name)
{
	struct dl_aggdesc *d = ARENA_NEW(s->a, struct dl_aggdesc);
	struct dl_ident *id = dl_idents_add(s->c->aggs, name, DL_ID_AGG);

	d->id = (uint32_t)s->c->agg_table.n;
	d->name = name;
	id->agg = d;
	id->attr = DL_ATTR_STABLE;
	id->type = sema_basic(s, DL_T_DYN);
	if (!vec_push(&s->c->agg_table, d))
		dl_too_broken(s->c);
	return id;
}

/* --- keys --- */

static bool key_allowed(struct sema *s, const struct dl_node *key, const char *name, unsigned i)
{
	if (!sema_is_void(key) && !sema_is_dynamic(key) && key->kind != DL_N_TRANSLATED &&
	    sema_complete(s, key->type)->kind != DL_FORWARD)
		return true;
	dl_error(s->c, D_KEY_TYPE, key->range,
		 "%s expression may not be used as @%s index: key #%u",
		 sema_is_void(key) ? "void" : sema_type_text(s, key), name, i);
	return false;
}

static struct dl_node *first_key(struct sema *s, struct dl_node *key, struct dl_value_desc *d)
{
	if (dl_type_base(key->type)->kind != DL_ARRAY || !dl_type_is_strcompat(key->type))
		return key;
	key = sema_to_string(s, key);
	sema_value_desc(s, key->type, d);
	return key;
}

/* key as one of the signature's want; NULL after reporting. */
static struct dl_node *next_key(struct sema *s, struct dl_node *key,
				const struct dl_value_desc *own, const struct dl_value_desc *want,
				const char *name, unsigned i)
{
	bool ok = sema_arg_compat(s, want->type, key);

	if (want->kind == DL_VK_SYM || want->kind == DL_VK_USTACK || want->kind == DL_VK_STACK)
		ok = own->kind == want->kind && own->symkind == want->symkind;
	else if (own->kind == DL_VK_SYM || own->kind == DL_VK_USTACK || own->kind == DL_VK_STACK)
		ok = false;
	if (ok)
		return sema_convert(s, key, want->type);
	dl_error(s->c, D_PROTO_ARG, key->range,
		 "@%s[ ] key #%u is incompatible with prototype:\n"
		 "\tprototype: %s\n\t argument: %s",
		 name, i, dl_type_name(s->ts, want->type), dl_type_name(s->ts, own->type));
	return NULL;
}

static bool agg_keys(struct sema *s, const struct dl_node *n, struct dl_aggdesc *agg,
		     struct sema_list *out)
{
	uint32_t given = dl_node_count(n->args), i = 0;
	struct dl_value_desc *descs = ARENA_ARRAY(s->a, given + 1, struct dl_value_desc);
	bool ok = true;

	if (agg->keys_known && given != agg->n_keys) {
		dl_error(s->c, D_PROTO_LEN, n->range,
			 "@%s[ ] prototype mismatch: %u key%s passed, %u expected", agg->name,
			 given, given == 1 ? "" : "s", agg->n_keys);
		return false;
	}
	for (const struct dl_node *a = n->args; a; a = a->next, i++) {
		struct dl_node *key = sema_traced(s, a, &descs[i]);

		if (key && !key_allowed(s, key, agg->name, i + 1))
			key = NULL;
		if (key)
			key = agg->keys_known ?
				      next_key(s, key, &descs[i], &agg->keys[i], agg->name, i + 1) :
				      first_key(s, key, &descs[i]);
		if (key)
			sema_list_add(out, key);
		else
			ok = false;
	}
	if (ok && !agg->keys_known) {
		agg->keys = descs;
		agg->n_keys = given;
		agg->keys_known = true;
	}
	return ok;
}

/* --- assignment --- */

static bool same_function(struct sema *s, struct dl_range range, const struct dl_aggdesc *agg,
			  enum dl_aggfunc func)
{
	if (!agg->func_known || agg->func == func)
		return true;
	dl_error(s->c, D_AGG_REDEF, range,
		 "aggregation redefined: @%s\n\t current: @%s = %s( )\n"
		 "\tprevious: @%s = %s( ) : line %u",
		 agg->name, agg->name, func_names[func], agg->name, func_names[agg->func],
		 agg->line);
	return false;
}

static const struct dl_ident *function_of(struct sema *s, const struct dl_node *rhs)
{
	const struct dl_ident *id;

	if (!rhs || rhs->kind != DL_N_CALL || !rhs->name)
		return NULL;
	id = sema_lookup(s, rhs->name);
	return id && id->kind == DL_ID_AGGFUNC ? id : NULL;
}

static struct dl_node *no_function(struct sema *s, const struct dl_node *n, const char *name)
{
	const struct dl_node *rhs = n->right;
	struct dl_diag *d;

	if (rhs && rhs->kind == DL_N_CALL && rhs->name && !sema_lookup(s, rhs->name)) {
		d = dl_error(s->c, D_FUNC_UNDEF, rhs->range, "undefined function name: %s",
			     rhs->name);
		sema_suggest(s, d, rhs->name, true);
		return NULL;
	}
	dl_error(s->c, D_AGG_FUNC, n->range,
		 "@%s must be assigned the result of an aggregating function", name);
	return NULL;
}

struct dl_node *sema_agg_assign(struct sema *s, const struct dl_node *n)
{
	const struct dl_node *target = n->left;
	struct sema_list keys = { 0 };
	const struct dl_ident *func;
	struct dl_ident *id;
	struct dl_node *out;
	bool ok;

	if (target->kind == DL_N_INDEX) {
		static const struct sema_want write = { .use = SEMA_WRITE };

		while (target->left->kind == DL_N_INDEX)
			target = target->left;
		return sema_index(s, target, &write);
	}
	func = function_of(s, n->right);
	if (!func)
		return no_function(s, n, target->name);
	id = sema_agg_find(s, target->name);
	if (!id)
		id = make_agg(s, target->name);
	sema_order_agg(s, n->range);
	out = sema_node(s, DL_N_AGG, n->range, sema_basic(s, DL_T_VOID));
	out->agg = id->agg;
	out->name = id->name;
	ok = agg_keys(s, target, id->agg, &keys);
	if (!same_function(s, n->range, id->agg, (enum dl_aggfunc)func->value))
		return NULL;
	out->args = keys.first;
	ok &= sema_aggfunc(s, n->right, (enum dl_aggfunc)func->value, id->agg, out);
	id->is_assigned = true;
	id->agg->func = (enum dl_aggfunc)func->value;
	if (!id->agg->func_known)
		id->agg->line = n->range.line;
	id->agg->func_known = true;
	return ok ? sema_seal(out) : NULL;
}
