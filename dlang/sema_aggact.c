/*
 * Actions on aggregations: printa(), clear(), trunc(), normalize(),
 * denormalize().  An aggregation must have been assigned to earlier in the
 * text.
 */
#include "format.h"
#include "sema_int.h"

struct agg_tags {
	enum dl_tag proto, arg, bad, scalar;
	unsigned min, max;
	enum dl_action_kind kind;
};

static struct agg_tags tags_of(enum dl_action_id id)
{
	switch (id) {
	case DL_A_CLEAR:
		return (struct agg_tags){
			D_CLEAR_PROTO, D_CLEAR_AGGARG, D_CLEAR_AGGBAD, D_UNKNOWN, 1, 1, DL_ACT_CLEAR
		};
	case DL_A_TRUNC:
		return (struct agg_tags){
			D_TRUNC_PROTO, D_TRUNC_AGGARG, D_TRUNC_AGGBAD, D_TRUNC_SCALAR, 1, 2,
			DL_ACT_TRUNC
		};
	case DL_A_NORMALIZE:
		return (struct agg_tags){ D_NORMALIZE_PROTO,
					  D_NORMALIZE_AGGARG,
					  D_NORMALIZE_AGGBAD,
					  D_NORMALIZE_SCALAR,
					  2,
					  2,
					  DL_ACT_NORMALIZE };
	default:
		return (struct agg_tags){
			D_NORMALIZE_PROTO, D_NORMALIZE_AGGARG, D_NORMALIZE_AGGBAD, D_UNKNOWN, 1, 1,
			DL_ACT_DENORMALIZE
		};
	}
}

/* The aggregation that argument i names; NULL after reporting. */
static const struct dl_aggdesc *agg_arg(struct sema *s, const struct dl_node *call,
					const struct dl_node *arg, unsigned i, enum dl_tag arg_tag,
					enum dl_tag bad_tag)
{
	const struct dl_ident *id;
	struct dl_diag *d;

	if (arg->kind != DL_N_AGGREF) {
		struct dl_node *e = sema_expr(s, arg);

		if (e)
			sema_arg_mismatch(s, arg_tag, call->range, call->name, i, "aggregation",
					  sema_type_text(s, e));
		return NULL;
	}
	id = sema_agg_find(s, arg->name);
	if (id && id->agg->func_known)
		return id->agg;
	d = dl_error(s->c, bad_tag, arg->range, "undefined aggregation: @%s", arg->name);
	if (!sema_suggest_from(s, d, s->c->aggs, "@", arg->name))
		dl_hint(s->c, d,
			"a clause that aggregates into it must come earlier in the program");
	return NULL;
}

static void set_aggs(struct sema *s, struct dl_node *n, const struct dl_aggdesc *const *aggs,
		     uint32_t count)
{
	const struct dl_aggdesc **copy = ARENA_ARRAY(s->a, count, const struct dl_aggdesc *);

	for (uint32_t i = 0; i < count; i++)
		copy[i] = aggs[i];
	n->act->aggs = copy;
	n->act->n_aggs = count;
}

struct dl_node *sema_agg_action(struct sema *s, const struct dl_node *call, struct dl_ident *id)
{
	struct agg_tags t = tags_of(id->action);
	const struct dl_aggdesc *agg;
	struct dl_node *n, *count;
	struct dl_value_desc v;
	struct sema_data d;

	if (!sema_check_count(s, call->range, t.proto, call->name, dl_node_count(call->args), t.min,
			      t.max))
		return NULL;
	agg = agg_arg(s, call, call->args, 1, t.arg, t.bad);
	sema_data_init(s, &d, 1);
	if (call->args->next) {
		count = sema_expr(s, call->args->next);
		if (!count)
			return NULL;
		if (!sema_is_scalar(count)) {
			dl_error(s->c, t.scalar, call->range,
				 "%s( ) argument #2 must be of scalar type", call->name);
			return NULL;
		}
		sema_value_desc(s, sema_basic(s, DL_T_INT64), &v);
		sema_data_add(&d, sema_convert(s, count, v.type), &v);
	}
	if (!agg)
		return NULL;
	n = sema_action_node(s, call->range, t.kind, &d);
	n->act->has_arg = d.n > 0;
	set_aggs(s, n, &agg, 1);
	return n;
}

/* --- printa() --- */

static bool same_keys(struct sema *s, const struct dl_node *call, const struct dl_aggdesc *a,
		      const struct dl_aggdesc *b)
{
	if (a->n_keys != b->n_keys) {
		dl_error(s->c, D_PRINTA_AGGKEY, call->range,
			 "printa( ): @%s and @%s do not have matching key signatures: "
			 "%u and %u keys",
			 a->name, b->name, a->n_keys, b->n_keys);
		return false;
	}
	for (uint32_t i = 0; i < a->n_keys; i++) {
		const struct dl_value_desc *x = &a->keys[i], *y = &b->keys[i];

		if (x->kind == y->kind &&
		    (x->kind == DL_VK_STRING || x->kind == DL_VK_USTACK || x->size == y->size) &&
		    x->symkind == y->symkind)
			continue;
		dl_error(s->c, D_PRINTA_AGGPROTO, call->range,
			 "printa( ): @%s and @%s have incompatible key #%u:\n"
			 "\tprototype: %s\n\t argument: %s",
			 a->name, b->name, i + 1, x->type ? dl_type_name(s->ts, x->type) : "?",
			 y->type ? dl_type_name(s->ts, y->type) : "?");
		return false;
	}
	return true;
}

struct dl_node *sema_printa(struct sema *s, const struct dl_node *call)
{
	unsigned given = dl_node_count(call->args), need = 1, i;
	const struct dl_aggdesc **aggs = ARENA_ARRAY(s->a, given + 1, const struct dl_aggdesc *);
	const struct dl_node *arg = call->args;
	const struct dl_format *f = NULL;
	uint32_t n = 0;
	struct dl_node *out;

	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, given, 1, UINT32_MAX))
		return NULL;
	if (arg->kind == DL_N_STR) {
		f = sema_format(s, call, arg);
		if (!f)
			return NULL;
		arg = arg->next;
		need = 2;
	}
	if (given < need) {
		dl_error(s->c, D_PRINTA_PROTO, call->range,
			 "%s( ) prototype mismatch: %u arg%s passed, %u expected", call->name,
			 given, given == 1 ? "" : "s", need);
		return NULL;
	}
	for (i = need; arg; arg = arg->next, i++) {
		aggs[n] = agg_arg(s, call, arg, i, D_PRINTA_AGGARG, D_PRINTA_AGGBAD);
		if (!aggs[n] || (n && !same_keys(s, call, aggs[0], aggs[n])))
			return NULL;
		n++;
	}
	if (f && !sema_format_check(s, call, f, aggs[0]->keys, aggs[0]->n_keys, 1, aggs, n))
		return NULL;
	out = sema_action_node(s, call->range, DL_ACT_PRINTA, NULL);
	out->act->format = f;
	out->act->format_text = f ? call->args->str : NULL;
	set_aggs(s, out, aggs, n);
	return out;
}
