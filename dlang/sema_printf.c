/*
 * The printf family: printf(), system(), freopen(), and checking of formats
 * for these and printa().
 */
#include <string.h>

#include "format.h"
#include "sema_int.h"

const struct dl_format *sema_format(struct sema *s, const struct dl_node *call,
				    const struct dl_node *arg)
{
	const struct dl_format *f;
	const char *why = NULL;

	if (!arg || arg->kind != DL_N_STR) {
		struct dl_node *e = sema_expr(s, arg);

		if (e)
			sema_arg_mismatch(s, D_PRINTF_ARG_FMT, call->range, call->name, 1,
					  "string constant", sema_type_text(s, e));
		return NULL;
	}
	if (!arg->str_len || !*arg->str) {
		dl_error(s->c, D_PRINTF_FMT_EMPTY, call->range, "%s( ) format string is empty",
			 call->name);
		return NULL;
	}
	f = dl_format_parse(s->a, arg->str, &why);
	if (!f)
		dl_error(s->c, D_SYNTAX, arg->range, "%s( ) %s", call->name, why);
	return f;
}

/* --- formats against arguments --- */

struct check {
	struct sema *s;
	const struct dl_node *call;
	const struct dl_value_desc *fields;
	uint32_t n, next; /* fields used so far */
	unsigned first; /* argument number of fields[0] */
	const struct dl_aggdesc *const *aggs;
	uint32_t n_aggs, next_agg;
	bool is_printa;
};

static const char *field_type(struct check *k, const struct dl_value_desc *v)
{
	return v->type ? dl_type_name(k->s->ts, v->type) : v->is_signed ? "int64_t" : "uint64_t";
}

static bool missing(struct check *k, unsigned conv, const struct dl_conv *c)
{
	dl_error(k->s->c, D_PRINTF_ARG_PROTO, k->call->range,
		 "%s( ) prototype mismatch: conversion #%u (%%%s%c) is missing a corresponding "
		 "%s argument",
		 k->call->name, conv, c->size, c->conv, k->is_printa ? "aggregation key" : "value");
	return false;
}

static bool dynamic(struct check *k, unsigned conv, const struct dl_conv *c, const char *what)
{
	const struct dl_value_desc *v;

	if (k->next >= k->n) {
		dl_error(k->s->c, D_PRINTF_DYN_PROTO, k->call->range,
			 "%s( ) prototype mismatch: conversion #%u (%%%s%c) is missing a "
			 "corresponding \"%s\" argument",
			 k->call->name, conv, c->size, c->conv, what);
		return false;
	}
	v = &k->fields[k->next++];
	if (v->kind == DL_VK_INT && (!v->type || dl_type_is_integer(v->type)))
		return true;
	dl_error(k->s->c, D_PRINTF_DYN_TYPE, k->call->range,
		 "%s( ) argument #%u is incompatible with conversion #%u prototype:\n"
		 "\tconversion: %%%c\n\t prototype: int\n\t  argument: %s",
		 k->call->name, k->first + k->next - 1, conv, *what == 'w' ? '*' : '.',
		 field_type(k, v));
	return false;
}

/* The value %@ shows, as the checker sees it. */
static void agg_value(struct check *k, struct dl_value_desc *ret)
{
	const struct dl_aggdesc *a = k->aggs[k->next_agg];
	bool is_count = a->func == DL_AGG_COUNT;

	*ret = (struct dl_value_desc){ .kind = DL_VK_INT, .size = 8, .is_signed = !is_count };
	ret->type = sema_basic(k->s, is_count ? DL_T_UINT64 : DL_T_INT64);
	if (k->next_agg + 1 < k->n_aggs)
		k->next_agg++;
}

static bool mismatch(struct check *k, unsigned conv, const struct dl_conv *c,
		     const struct dl_value_desc *v, const char *proto)
{
	bool is_agg = c->flags & DL_CF_AGG;
	struct dl_type *b = v->type ? dl_type_base(v->type) : NULL;
	const char *what =
		is_agg ? "aggregation result" :
			 arena_printf(k->s->a, "%s #%u", k->is_printa ? "key" : "argument",
				      k->first + k->next - 1);
	struct dl_diag *d = dl_error(k->s->c, D_PRINTF_ARG_TYPE, k->call->range,
				     "%s( ) %s is incompatible with conversion #%u prototype:\n"
				     "\tconversion: %%%s%s%c\n\t prototype: %s\n\t  argument: %s",
				     k->call->name, what, conv, is_agg ? "@" : "", c->size, c->conv,
				     proto, field_type(k, v));

	if ((c->conv == 's' || c->conv == 'S') && b && b->kind == DL_PTR)
		dl_hint(k->s->c, d, "use stringof() or copyinstr()");
	else if ((c->conv == 's' || c->conv == 'S') && v->kind == DL_VK_INT)
		dl_hint(k->s->c, d, "copyinstr() makes a string of an address");
	return false;
}

static bool one(struct check *k, unsigned conv, const struct dl_conv *c)
{
	bool have_target = k->s->c->config.macros.target != 0, ok = false;
	struct dl_value_desc v;
	const char *proto;

	if ((c->flags & DL_CF_DYNWIDTH && !dynamic(k, conv, c, "width")) ||
	    (c->flags & DL_CF_DYNPREC && !dynamic(k, conv, c, "prec")))
		return false;
	if (c->flags & DL_CF_AGG) {
		if (!k->is_printa) {
			dl_error(k->s->c, D_PRINTF_AGG_CONV, k->call->range,
				 "%%@ conversion requires an aggregation and is not for use "
				 "with %s( )",
				 k->call->name);
			return false;
		}
		agg_value(k, &v);
	} else {
		if (k->next >= k->n)
			return missing(k, conv, c);
		v = k->fields[k->next++];
	}
	proto = dl_conv_check(c, &v, have_target, &ok);
	return ok || mismatch(k, conv, c, &v, proto);
}

bool sema_format_check(struct sema *s, const struct dl_node *call, const struct dl_format *f,
		       const struct dl_value_desc *fields, uint32_t n, unsigned first,
		       const struct dl_aggdesc *const *aggs, uint32_t n_aggs)
{
	struct check k = { .s = s,
			   .call = call,
			   .fields = fields,
			   .n = n,
			   .first = first,
			   .aggs = aggs,
			   .n_aggs = n_aggs,
			   .is_printa = n_aggs > 0 };
	unsigned conv = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		if (f->convs[i].conv && !one(&k, ++conv, &f->convs[i]))
			return false;
	}
	if (k.next < n && !k.is_printa) {
		dl_error(s->c, D_PRINTF_ARG_EXTRA, call->range,
			 "%s( ) prototype mismatch: only %u argument%s required by this format "
			 "string",
			 call->name, k.next, k.next == 1 ? "" : "s");
		return false;
	}
	return true;
}

/* --- the actions --- */

static bool traceable(struct sema *s, const struct dl_node *call, const struct dl_node *e,
		      unsigned i)
{
	if (!sema_is_void(e) && !sema_is_dynamic(e) && e->kind != DL_N_TRANSLATED)
		return true;
	dl_error(s->c, D_PRINTF_ARG_TYPE, call->range,
		 "%s( ) argument #%u is incompatible with prototype:\n"
		 "\tprototype: value\n\t argument: %s",
		 call->name, i, sema_type_text(s, e));
	return false;
}

static bool collect(struct sema *s, const struct dl_node *call, struct sema_data *d)
{
	unsigned i = 1;
	bool ok = true;

	sema_data_init(s, d, dl_node_count(call->args));
	for (const struct dl_node *a = call->args->next; a; a = a->next) {
		struct dl_value_desc v;
		struct dl_node *e = sema_traced(s, a, &v);

		i++;
		if (e && traceable(s, call, e, i))
			sema_data_add(d, e, &v);
		else
			ok = false;
	}
	return ok;
}

struct dl_node *sema_printf(struct sema *s, const struct dl_node *call, enum dl_action_kind kind)
{
	const struct dl_format *f;
	struct sema_data d;
	struct dl_node *out;

	if (!call->args) {
		sema_check_count(s, call->range, D_PROTO_LEN, call->name, 0, 1, UINT32_MAX);
		return NULL;
	}
	/* freopen("") is how the output is restored. */
	if (kind == DL_ACT_FREOPEN && call->args->kind == DL_N_STR && !call->args->str_len &&
	    !call->args->next) {
		sema_data_init(s, &d, 0);
		out = sema_action_node(s, call->range, kind, &d);
		out->act->format_text = "";
		return out;
	}
	f = sema_format(s, call, call->args);
	if (!f || !collect(s, call, &d))
		return NULL;
	if (kind == DL_ACT_FREOPEN && !strcmp(call->args->str, ".")) {
		dl_error(s->c, D_FREOPEN_INVALID, call->range, "%s( ) argument #1 cannot be \".\"",
			 call->name);
		return NULL;
	}
	if (!sema_format_check(s, call, f, d.fields, d.n, 2, NULL, 0))
		return NULL;
	out = sema_action_node(s, call->range, kind, &d);
	out->act->format = f;
	out->act->format_text = call->args->str;
	return out;
}
