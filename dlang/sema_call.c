/*
 * Calls of subroutines.  Prototypes come from subr.def and are parsed when a
 * subroutine is first called.
 */
#include <stdlib.h>
#include <string.h>

#include "sema_int.h"

#define PARAMS_MAX 4

static const struct {
	unsigned min, max;
	const char *proto;
} protos[] = {
#define SUBR(id, name, min, max, proto, flags) [DL_SUBR_##id] = { min, max, proto },
#include "subr.def"
#undef SUBR
};

struct proto {
	struct dl_type *result;
	struct dl_type *params[PARAMS_MAX];
	unsigned n_params;
};

static struct dl_type *type_of_text(struct sema *s, const char *text, size_t len)
{
	while (len && *text == ' ')
		text++, len--;
	while (len && text[len - 1] == ' ')
		len--;
	return dl_type_parse(s->c, arena_strndup(s->a, text, len));
}

static void parse_proto(struct sema *s, const char *text, struct proto *ret)
{
	const char *open = strchr(text, '('), *p = open + 1;

	*ret = (struct proto){ .result = type_of_text(s, text, (size_t)(open - text)) };
	if (!strcmp(open, "(void)"))
		return;
	while (*p && ret->n_params < PARAMS_MAX) {
		size_t len = strcspn(p, ",)");

		ret->params[ret->n_params++] = type_of_text(s, p, len);
		p += len + 1;
	}
}

bool sema_check_count(struct sema *s, struct dl_range range, enum dl_tag tag, const char *name,
		      unsigned n, unsigned min, unsigned max)
{
	const char *word = min == max ? "" : n < min ? "at least " : "at most ";

	if (n >= min && n <= max)
		return true;
	dl_error(s->c, tag, range, "%s( ) prototype mismatch: %u arg%s passed, %s%u expected", name,
		 n, n == 1 ? "" : "s", word, n < min ? min : max);
	return false;
}

void sema_arg_mismatch(struct sema *s, enum dl_tag tag, struct dl_range range, const char *name,
		       unsigned i, const char *proto, const char *arg)
{
	dl_error(s->c, tag, range,
		 "%s( ) argument #%u is incompatible with prototype:\n"
		 "\tprototype: %s\n\t argument: %s",
		 name, i, proto, arg);
}

static void hint_argument(struct sema *s, struct dl_type *want, const struct dl_node *got,
			  size_t n_diags)
{
	struct dl_diag *d;

	if (s->c->diags.list.n == n_diags)
		return;
	d = &s->c->diags.list.items[s->c->diags.list.n - 1];
	if (dl_type_is_integer(want) && sema_is_pointer(got))
		dl_hint(s->c, d, "cast it: (%s)", dl_type_name(s->ts, want));
	else if (dl_type_is_strcompat(want) && sema_is_integer(got))
		dl_hint(s->c, d, "copyinstr() makes a string of an address");
}

struct dl_node *sema_arg(struct sema *s, const char *name, unsigned i, const struct dl_node *n,
			 struct dl_type *t)
{
	struct dl_node *e = sema_expr(s, n);
	size_t n_diags = s->c->diags.list.n;

	if (!e || !t)
		return NULL;
	if (!sema_is_dynamic(e) && !sema_is_void(e) && sema_arg_compat(s, t, e)) {
		if (dl_type_is_strcompat(t) && dl_type_is_strcompat(e->type))
			return e;
		return sema_convert(s, e, t);
	}
	sema_arg_mismatch(s, D_PROTO_ARG, n->range, name, i, dl_type_name(s->ts, t),
			  sema_type_text(s, e));
	hint_argument(s, t, e, n_diags);
	return NULL;
}

static bool check_alloca(struct sema *s, const struct dl_node *size)
{
	const struct dl_options *o = s->c->config.options;
	uint64_t limit = o ? dl_option(o, DL_OPT_SCRATCHSIZE) : 65536;

	if (size->kind != DL_N_INT || size->value <= limit)
		return true;
	dl_error(s->c, D_ALLOCA_SIZE, size->range, "alloca(%llu) size larger than scratchsize %llu",
		 (unsigned long long)size->value, (unsigned long long)limit);
	return false;
}

static bool gives_scratch(enum dl_subr subr)
{
	return subr == DL_SUBR_ALLOCA || subr == DL_SUBR_COPYIN || subr == DL_SUBR_MEMREF;
}

static struct dl_node *subroutine(struct sema *s, const struct dl_node *n, struct dl_ident *id)
{
	unsigned given = dl_node_count(n->args), i = 0;
	struct sema_list args = { 0 };
	struct dl_node *out;
	struct proto p;
	bool ok = true;

	if (!sema_check_count(s, n->range, D_PROTO_LEN, id->name, given, protos[id->subr].min,
			      protos[id->subr].max))
		return NULL;
	parse_proto(s, protos[id->subr].proto, &p);
	for (const struct dl_node *a = n->args; a; a = a->next, i++) {
		struct dl_node *arg = sema_arg(s, id->name, i + 1, a, p.params[i]);

		if (arg)
			sema_list_add(&args, arg);
		else
			ok = false;
	}
	if (!ok || (id->subr == DL_SUBR_ALLOCA && !check_alloca(s, args.first)))
		return NULL;
	out = sema_node(s, DL_N_CALL, n->range, p.result);
	out->ident = id;
	out->name = id->name;
	out->args = args.first;
	out->attr = sema_ident_attr(id);
	out->is_writable = gives_scratch(id->subr);
	sema_check_attr(s, n->range, arena_printf(s->a, "function %s( )", id->name), out->attr);
	return sema_seal(out);
}

/* --- what only a kernel can do --- */

/* A wrong call is told as such: the script is wrong everywhere, not only here. */
static const struct kernel_call {
	const char *name;
	unsigned n;
	const char *proto;
	bool is_destructive;
	enum dl_tag tags[2]; /* of a wrong argument; 0: D_PROTO_ARG */
} kernel_calls[] = {
	{ "breakpoint", 0, "void(void)", true, { 0 } },
	{ "panic", 0, "void(void)", true, { 0 } },
	{ "sym", 1, "void(uintptr_t)", false, { 0 } },
	{ "func", 1, "void(uintptr_t)", false, { 0 } },
	{ "mod", 1, "void(uintptr_t)", false, { 0 } },
	{ "pcap", 2, "void(void *, int)", false, { D_PCAP_ADDR, D_PCAP_PROTO } },
	{ "d_path", 1, "string(void *)", false, { 0 } },
	{ "ddi_pathname", 2, "string(void *, int64_t)", false, { 0 } },
	{ "getf", 1, "void *(int)", false, { 0 } },
	{ "msgdsize", 1, "size_t(void *)", false, { 0 } },
	{ "msgsize", 1, "size_t(void *)", false, { 0 } },
	{ "mutex_owned", 1, "int(void *)", false, { 0 } },
	{ "mutex_owner", 1, "void *(void *)", false, { 0 } },
	{ "mutex_type_adaptive", 1, "int(void *)", false, { 0 } },
	{ "mutex_type_spin", 1, "int(void *)", false, { 0 } },
	{ "rw_iswriter", 1, "int(void *)", false, { 0 } },
	{ "rw_read_held", 1, "int(void *)", false, { 0 } },
	{ "rw_write_held", 1, "int(void *)", false, { 0 } },
};

static bool kernel_argument(struct sema *s, const struct kernel_call *k, unsigned i,
			    const struct dl_node *arg, struct dl_type *want)
{
	enum dl_tag tag = i < ARRAY_SIZE(k->tags) ? k->tags[i] : 0;
	struct dl_node *e = sema_expr(s, arg);

	if (!e)
		return false;
	/* No string is a lock. */
	if (!sema_is_dynamic(e) && !sema_is_void(e) && sema_arg_compat(s, want, e) &&
	    !(dl_type_is_pointer(want) && dl_type_is_string(e->type)))
		return true;
	sema_arg_mismatch(s, tag ? tag : D_PROTO_ARG, arg->range, k->name, i + 1,
			  dl_type_name(s->ts, want), sema_type_text(s, e));
	return false;
}

static struct dl_node *kernel_call(struct sema *s, const struct dl_node *n, struct dl_ident *id)
{
	const struct kernel_call *k = kernel_calls;
	const struct dl_node *arg = n->args;
	struct proto p;

	while (k < kernel_calls + ARRAY_SIZE(kernel_calls) && strcmp(k->name, id->name) != 0)
		k++;
	if (k == kernel_calls + ARRAY_SIZE(kernel_calls))
		return sema_unsupported(s, n->range, id);
	if (!sema_check_count(s, n->range, D_PROTO_LEN, k->name, dl_node_count(n->args), k->n,
			      k->n))
		return NULL;
	parse_proto(s, k->proto, &p);
	for (unsigned i = 0; arg && i < p.n_params; arg = arg->next, i++)
		if (!kernel_argument(s, k, i, arg, p.params[i]))
			return NULL;
	if (k->is_destructive)
		sema_order_destructive(s, n->range);
	return sema_unsupported(s, n->range, id);
}

void sema_misplaced(struct sema *s)
{
	const struct dl_node *n = s->misplaced;
	struct dl_ident *id = n ? sema_lookup(s, n->name) : NULL;
	struct dl_diag *d;

	s->misplaced = NULL;
	if (!id || s->c->diags.n_errors != s->misplaced_errors)
		return;
	d = dl_error(s->c, D_CG_EXPR, n->range,
		     "%s %s( ) may not be called from a D expression (D program context required)",
		     sema_kind_word(id), n->name);
	if (id->kind == DL_ID_AGGFUNC)
		dl_hint(s->c, d, "aggregate: @%s = %s(...)", id->name, id->name);
}

/*
 * An action or aggregating function where a value is wanted is void: whoever uses the value says what
 * is wrong with that, and only if nobody does is the call itself refused.
 */
static struct dl_node *action_value(struct sema *s, const struct dl_node *n)
{
	if (!s->misplaced) {
		s->misplaced = n;
		s->misplaced_errors = s->c->diags.n_errors;
	}
	if (!s->probe) { /* an inline's or translator's body has no program around it */
		sema_misplaced(s);
		return NULL;
	}
	return sema_action_node(s, n->range, DL_ACT_NOTHING, NULL);
}

struct dl_node *sema_call(struct sema *s, const struct dl_node *n)
{
	struct dl_ident *id;
	struct dl_diag *d;

	if (!n->name) {
		dl_error(s->c, D_FUNC_IDENT, n->range,
			 "function designator is not of function type");
		return NULL;
	}
	id = sema_lookup(s, n->name);
	if (!id) {
		d = dl_error(s->c, D_FUNC_UNDEF, n->range, "undefined function name: %s", n->name);
		sema_suggest(s, d, n->name, true);
		return NULL;
	}
	switch (id->kind) {
	case DL_ID_SUBR: return subroutine(s, n, id);
	case DL_ID_AGGFUNC:
	case DL_ID_ACTION: return action_value(s, n);
	case DL_ID_UNSUPPORTED: return kernel_call(s, n, id);
	default:
		dl_error(s->c, D_FUNC_IDKIND, n->range,
			 "%s '%s' may not be referenced as a function", sema_kind_word(id),
			 id->name);
		return NULL;
	}
}
