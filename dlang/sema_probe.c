/*
 * What a clause sees of its probe and target: built-in variables, argN and
 * args[], uregs[], and symbols of objects.
 */
#include <string.h>

#include "parse.h"
#include "sema_int.h"
#include "suggest.h"

static struct dl_node *arg_node(struct sema *s, struct dl_range range, uint64_t n)
{
	struct dl_node *arg = sema_node(s, DL_N_ARG, range, sema_basic(s, DL_T_INT64));

	arg->value = n;
	arg->name = arena_printf(s->a, "arg%llu", (unsigned long long)n);
	return arg;
}

/* uid and gid have the libraries' types when these are loaded. */
static struct dl_type *bvar_type(struct sema *s, const struct dl_ident *id)
{
	struct dl_type *t = NULL;

	if (id->bvar == DL_BV_UID)
		t = dl_types_lookup(s->ts, "uid_t");
	else if (id->bvar == DL_BV_GID)
		t = dl_types_lookup(s->ts, "gid_t");
	else if (id->bvar == DL_BV_TID)
		t = dl_types_lookup(s->ts, "id_t");
	return t ? t : id->type;
}

struct dl_node *sema_bvar(struct sema *s, struct dl_range range, struct dl_ident *id)
{
	struct dl_node *n;

	if (id->bvar == DL_BV_ARG) {
		n = arg_node(s, range, (uint64_t)id->value);
	} else {
		n = sema_node(s, DL_N_BVAR, range, bvar_type(s, id));
		n->bvar = id->bvar;
	}
	n->ident = id;
	n->name = id->name;
	n->attr = sema_ident_attr(id);
	sema_check_attr(s, range, arena_printf(s->a, "scalar %s", id->name), n->attr);
	return n;
}

/* --- args[] --- */

static const char *desc_name(struct sema *s)
{
	const struct dl_pdesc *d = s->desc;

	if (s->desc_text && *s->desc_text)
		return s->desc_text;
	if (!d)
		return "probe";
	return arena_printf(s->a, "%s:%s:%s:%s", d->prov ? d->prov : "", d->mod ? d->mod : "",
			    d->func ? d->func : "", d->name ? d->name : "");
}

static bool is_open(const char *field)
{
	return !field || !*field || dl_is_glob(field);
}

/* May args[] of this description mean different things in different probes? */
static bool is_unstable(const struct sema *s)
{
	const struct dl_prov_attr *a = &s->probe->attr;
	const struct dl_pdesc *d = s->desc;

	if (s->probe->n_matches <= 1 || !d)
		return false;
	return a->args.data < DL_ST_EVOLVING ||
	       (a->provider.name >= DL_ST_EVOLVING && is_open(d->prov)) ||
	       (a->module.name >= DL_ST_EVOLVING && is_open(d->mod)) ||
	       (a->function.name >= DL_ST_EVOLVING && is_open(d->func)) ||
	       (a->name.name >= DL_ST_EVOLVING && is_open(d->name));
}

/* The representative's arguments are asked for only now: cl->probe is ours to fill. */
static void need_args(struct sema *s)
{
	const struct dl_host *h = s->c->config.host;
	struct dl_probe_info *info = (struct dl_probe_info *)(uintptr_t)s->probe;

	if (!h || !h->probe_args || info->args_known || !info->n_matches)
		return;
	info->args_known = true;
	h->probe_args(h->ctx, s->ts, info);
}

static struct dl_node *arg_type_error(struct sema *s, struct dl_range range, const char *which,
				      uint64_t i)
{
	dl_error(s->c, D_ARGS_TYPE, range, "failed to resolve %s type for args[%llu]", which,
		 (unsigned long long)i);
	return NULL;
}

/* Does the raw value serve as the translated one without a translator? */
static bool serves_as(struct sema *s, struct dl_type *native, struct dl_type *type)
{
	struct dl_node model = { .kind = DL_N_CAST, .type = native };

	if (dl_type_equal(native, type))
		return true;
	if (dl_type_is_integer(native) || dl_type_is_integer(type))
		return dl_type_is_scalar(native) && dl_type_is_scalar(type);
	return dl_type_is_pointer(type) && sema_arg_compat(s, type, &model);
}

/* The raw value as an object of type t. */
static struct dl_node *typed_arg(struct sema *s, struct dl_range range, struct dl_node *raw,
				 struct dl_type *t, uint64_t i)
{
	struct dl_node *n;

	(void)sema_complete(s, t);
	if (dl_type_is_string(t)) {
		raw->type = sema_basic(s, DL_T_CHARPTR);
		return sema_to_string(s, raw);
	}
	if (dl_type_base(t)->kind == DL_ARRAY)
		t = dl_type_ptr(s->ts, dl_type_base(t)->ref);
	if (dl_type_base(t)->kind == DL_PTR) {
		n = sema_cast_node(s, raw, t);
		n->is_writable = false;
		return n;
	}
	if (!dl_type_is_integer(t))
		return arg_type_error(s, range, "native", i);
	n = sema_convert(s, raw, t);
	if (n == raw)
		n->type = t;
	return n;
}

static struct dl_node *probe_arg(struct sema *s, const struct dl_node *n, uint64_t i)
{
	const struct dl_probe_arg *a = &s->probe->args[i];
	struct dl_node *raw = arg_node(s, n->range, a->map);
	struct dl_type *native = a->native_type, *type;
	struct dl_translator *x;

	if (a->why) {
		struct dl_diag *d = dl_error(s->c, D_ARGS_TYPE, n->range,
					     "args[%llu]%s%s%s has no value here: %s",
					     (unsigned long long)i, a->name ? " (" : "",
					     a->name ? a->name : "", a->name ? ")" : "", a->why);

		dl_hint(s->c, d, "arg0 to arg9 are the raw argument registers");
		return NULL;
	}
	if (!native && a->native)
		native = sema_type_by_text(s, a->native, s->probe->mod);
	if (!native && a->plain)
		native = sema_type_by_text(s, a->plain, s->probe->mod);
	if (!native)
		return arg_type_error(s, n->range, "native", i);
	if (a->by_address) {
		(void)sema_complete(s, native);
		raw = sema_cast_node(s, raw, dl_type_ptr(s->ts, native));
		return sema_deref_node(s, n->range, raw, native);
	}
	type = a->xlated ? sema_type_by_text(s, a->xlated, s->probe->mod) : native;
	if (!type)
		return arg_type_error(s, n->range, "translated", i);
	raw->attr = s->probe->attr.args;
	sema_check_attr(s, n->range, "array args[ ]", raw->attr);
	if (dl_type_is_string(type) && dl_type_is_scalar(native))
		return typed_arg(s, n->range, raw, type, i);
	x = sema_find_translator(s->c, native, type);
	if (x && !dl_type_equal(native, type)) {
		raw = typed_arg(s, n->range, raw, native, i);
		return raw ? sema_translate(s, n->range, raw, type, x) : NULL;
	}
	if (serves_as(s, native, type))
		return typed_arg(s, n->range, raw, type, i);
	dl_error(s->c, D_ARGS_XLATOR, n->range,
		 "translator for args[%llu] from %s to %s is not defined", (unsigned long long)i,
		 dl_type_name(s->ts, native), dl_type_name(s->ts, type));
	return NULL;
}

/* The constant index of args[] and uregs[]; NULL after reporting. */
static struct dl_node *index_of(struct sema *s, const struct dl_node *n, const char *name,
				bool must_be_const)
{
	unsigned given = dl_node_count(n->args);
	struct dl_node *i;

	if (given != 1) {
		dl_error(s->c, D_PROTO_LEN, n->range,
			 "%s[ ] prototype mismatch: %u arg%s passed, 1 expected", name, given,
			 given == 1 ? "" : "s");
		return NULL;
	}
	i = sema_expr(s, n->args);
	if (!i || (sema_is_integer(i) && (i->kind == DL_N_INT || !must_be_const)))
		return i;
	dl_error(s->c, D_PROTO_ARG, n->range,
		 "%s[ ] argument #1 is incompatible with prototype:\n"
		 "\tprototype: integer%s\n\t argument: %s",
		 name, must_be_const ? " constant" : "", sema_type_text(s, i));
	return NULL;
}

/* May args be used in this clause at all?  false after reporting. */
static bool check_args(struct sema *s, struct dl_range range)
{
	if (!s->probe) {
		dl_error(s->c, D_ARGS_NONE, range,
			 "args[ ] may not be referenced outside of a probe clause");
		return false;
	}
	if (is_unstable(s)) {
		dl_error(s->c, D_ARGS_MULTI, range,
			 "args[ ] may not be referenced because probe description %s matches "
			 "an unstable set of probes",
			 desc_name(s));
		return false;
	}
	need_args(s);
	return true;
}

struct dl_node *sema_args(struct sema *s, const struct dl_node *n)
{
	struct dl_node *i;

	if (!s->probe) {
		(void)check_args(s, n->range);
		return NULL;
	}
	i = index_of(s, n, "args", true);
	if (!i || !check_args(s, n->range))
		return NULL;
	if (i->value >= s->probe->n_args) {
		struct dl_diag *d = dl_error(s->c, D_ARGS_IDX, n->range,
					     "index %lld is out of range for %s args[ ]",
					     (long long)i->value, desc_name(s));

		const char *instead = s->desc && s->desc->prov && !s->probe->n_matches ?
					      dl_suggest_instead(s->desc->prov) :
					      NULL;

		if (s->probe->args_why || instead)
			dl_hint(s->c, d, "%s", instead ? instead : s->probe->args_why);
		else if (i->value < 10)
			dl_hint(s->c, d, "arg%llu is the raw argument",
				(unsigned long long)i->value);
		return NULL;
	}
	return probe_arg(s, n, i->value);
}

/* args.name: the argument that has this name in the target's source. */
struct dl_node *sema_args_named(struct sema *s, const struct dl_node *n)
{
	struct dl_nearest near = { .word = n->name };
	struct dl_diag *d;

	if (!check_args(s, n->range))
		return NULL;
	for (unsigned i = 0; i < s->probe->n_args; i++) {
		const char *name = s->probe->args[i].name;

		if (name && !strcmp(name, n->name))
			return probe_arg(s, n, i);
		if (name)
			dl_nearest_consider(&near, name);
	}
	d = dl_error(s->c, D_ARGS_IDX, n->range, "%s has no argument called %s", desc_name(s),
		     n->name);
	if (near.best)
		dl_hint(s->c, d, "did you mean %s?", near.best);
	else if (s->probe->args_why)
		dl_hint(s->c, d, "%s", s->probe->args_why);
	return NULL;
}

struct dl_node *sema_uregs(struct sema *s, const struct dl_node *n)
{
	struct dl_node *i = index_of(s, n, "uregs", false), *out;
	struct dl_type *type = sema_basic(s, DL_T_UINT64);

	if (!i)
		return NULL;
	if (i->kind == DL_N_INT && (int64_t)i->value < 0) {
		dl_error(s->c, D_REGS_IDX, n->range, "index %lld is out of range for array uregs",
			 (long long)i->value);
		return NULL;
	}
	if (i->kind == DL_N_INT) {
		out = sema_node(s, DL_N_UREG, n->range, type);
		out->value = i->value;
	} else {
		out = sema_node(s, DL_N_BVAR, n->range, type);
		out->bvar = DL_BV_UREGS;
		out->left = i;
	}
	return sema_seal(out);
}

/* --- symbols --- */

static struct dl_node *no_types(struct sema *s, struct dl_range range, const struct dl_symbol *sym)
{
	struct dl_diag *d = dl_error(s->c, D_SYM_NOTYPES, range,
				     "no symbolic type information is available for %s`%s: "
				     "the object has no debug information",
				     sym->object ? sym->object : "", sym->name);

	dl_hint(s->c, d, "declare it: extern int %s`%s;", sym->object ? sym->object : "",
		sym->name);
	return NULL;
}

static struct dl_type *function_type(struct sema *s)
{
	struct dl_type *t = dl_type_new(s->ts, DL_FUNC, NULL);

	t->ref = sema_basic(s, DL_T_INT);
	t->is_variadic = true;
	return t;
}

static struct dl_node *symbol_address(struct sema *s, struct dl_range range,
				      const struct dl_symbol *sym, struct dl_type *type)
{
	struct dl_node *n;

	if (!sym->is_thread_local)
		return sema_int(s, range, sym->addr, type);
	n = sema_node(s, DL_N_BVAR, range, type);
	n->bvar = DL_BV_THREAD_LOCAL;
	n->left = sema_int(s, range, sym->addr, sema_basic(s, DL_T_UINT64));
	return sema_seal(n);
}

static struct dl_node *symbol_node(struct sema *s, struct dl_range range, const char *name,
				   const struct dl_symbol *sym, struct dl_type *type)
{
	struct dl_ident *id = ARENA_NEW(s->a, struct dl_ident);
	struct dl_node *addr, *n;

	addr = symbol_address(s, range, sym, dl_type_ptr(s->ts, type));
	n = sema_deref_node(s, range, addr, type);
	id->name = name;
	id->kind = DL_ID_SYMBOL;
	id->type = type;
	id->object = sym->object;
	id->addr = sym->addr;
	id->size = sym->size;
	n->ident = id;
	n->name = name;
	n->attr = (struct dl_attr){ DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN };
	sema_check_attr(s, range, arena_printf(s->a, "external symbol reference %s", name),
			n->attr);
	return n;
}

/*
 * Scripts use a few numbers of kernels as examples of memory.  With their type
 * the rest of the script is checked; it is refused all the same.
 */
static struct dl_node *kernel_stand_in(struct sema *s, struct dl_range range, const char *name)
{
	static const struct {
		const char *name;
		enum dl_basic type;
	} known[] = {
		{ "freemem", DL_T_ULONG }, { "jiffies", DL_T_ULONG }, { "kmem_flags", DL_T_INT },
		{ "lbolt", DL_T_LONG },	   { "max_pfn", DL_T_ULONG }, { "maxusers", DL_T_INT },
		{ "ncpus", DL_T_INT },	   { "physmem", DL_T_ULONG },
	};
	struct dl_symbol sym = { .name = name, .object = "" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return symbol_node(s, range, name, &sym, sema_basic(s, known[i].type));
	return NULL;
}

static struct dl_node *symbol_error(struct sema *s, struct dl_range range, const char *name,
				    struct error *e)
{
	struct dl_diag *d;

	if (e && e->tag) {
		dl_error_host(s->c, D_IDENT_UNDEF, range, e);
		return NULL;
	}
	d = dl_error(s->c, D_IDENT_UNDEF, range, "failed to resolve %s: %s", name,
		     e && e->code != ERR_NOTFOUND ? e->message : "Unknown symbol name");
	error_destroy(e);
	if (!dl_kernel_symbol(name))
		return NULL;
	dl_hint(s->c, d, "kernel symbols are not available; object`symbol names one of the target");
	d->is_last = true;
	return kernel_stand_in(s, range, strrchr(name, '`') + 1);
}

/* An extern declaration that nothing defines: allowed only where a linker is to come. */
static struct dl_node *undefined_extern(struct sema *s, struct dl_range range, const char *name,
					struct dl_type *declared)
{
	const struct dl_options *o = s->c->config.options;
	struct dl_symbol none = { .name = name, .object = "" };
	struct dl_diag *d;

	if (!s->is_sizeof && (!o || dl_option(o, DL_OPT_UNODEFS) != 1)) {
		d = dl_error(s->c, D_ASRELO, range,
			     "relocation remains against user symbol %s (offset 0x0)", name);
		d->is_last = true;
	}
	return symbol_node(s, range, name, &none, declared);
}

struct dl_node *sema_symbol(struct sema *s, struct dl_range range, const char *name,
			    struct dl_type *declared)
{
	const struct dl_host *h = s->c->config.host;
	const char *tick = strrchr(name, '`');
	struct dl_symbol sym = { 0 };
	const char *object = "";
	struct error *e = NULL;
	struct dl_type *type;

	if (tick) { /* one or two marks: both name an object of the target */
		size_t len = (size_t)(tick - name);

		if (len && name[len - 1] == '`')
			len--;
		object = arena_strndup(s->a, name, len);
	}
	if (!h || !h->symbol_lookup)
		return symbol_error(s, range, name, NULL);
	e = h->symbol_lookup(h->ctx, s->ts, object, tick ? tick + 1 : name, &sym);
	if (e && declared && !e->tag) {
		error_destroy(e);
		return undefined_extern(s, range, name, declared);
	}
	if (e)
		return symbol_error(s, range, name, e);
	if (!sym.name)
		sym.name = tick ? tick + 1 : name;
	type = declared ? declared : sym.type;
	if (!type && sym.is_func)
		type = function_type(s);
	if (!type)
		return no_types(s, range, &sym);
	(void)sema_complete(s, type);
	return symbol_node(s, range, name, &sym, type);
}
