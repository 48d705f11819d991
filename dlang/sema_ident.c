/*
 * What names mean before a program says anything: built-in variables,
 * subroutines, actions, aggregating functions, and the names that only a
 * kernel could give a meaning to.  Also looking names up and suggesting some.
 *
 * A name introduced after the language version in force does not exist, nor
 * does one that only a later program of the command line declares (all are
 * parsed before the first is checked).
 */
#include <string.h>

#include "sema_int.h"

#define V(major, minor) ((major) << 24 | (minor) << 12)

static const struct builtin_var {
	const char *name;
	enum dl_bvar bvar;
	enum dl_basic type;
	uint32_t version;
	bool evolving;
} builtin_vars[] = {
	{ "caller", DL_BV_CALLER, DL_T_UINTPTR, V(1, 0), false },
	{ "__cpu", DL_BV_CPU, DL_T_INT, V(1, 0), false },
	{ "epid", DL_BV_EPID, DL_T_UINT, V(1, 0), false },
	{ "errno", DL_BV_ERRNO, DL_T_INT, V(1, 0), false },
	{ "execargs", DL_BV_EXECARGS, DL_T_STRING, V(1, 0), false },
	{ "execname", DL_BV_EXECNAME, DL_T_STRING, V(1, 0), false },
	{ "gid", DL_BV_GID, DL_T_UINT32, V(1, 0), false },
	{ "id", DL_BV_ID, DL_T_UINT, V(1, 0), false },
	{ "ipl", DL_BV_IPL, DL_T_UINT, V(1, 0), false },
	{ "pid", DL_BV_PID, DL_T_PID, V(1, 0), false },
	{ "ppid", DL_BV_PPID, DL_T_PID, V(1, 0), false },
	{ "probefunc", DL_BV_PROBEFUNC, DL_T_STRING, V(1, 0), false },
	{ "probemod", DL_BV_PROBEMOD, DL_T_STRING, V(1, 0), false },
	{ "probename", DL_BV_PROBENAME, DL_T_STRING, V(1, 0), false },
	{ "probeprov", DL_BV_PROBEPROV, DL_T_STRING, V(1, 0), false },
	{ "stackdepth", DL_BV_STACKDEPTH, DL_T_UINT32, V(1, 0), false },
	{ "tid", DL_BV_TID, DL_T_INT, V(1, 0), false },
	{ "timestamp", DL_BV_TIMESTAMP, DL_T_UINT64, V(1, 0), false },
	{ "ucaller", DL_BV_UCALLER, DL_T_UINT64, V(1, 2), false },
	{ "uid", DL_BV_UID, DL_T_UINT32, V(1, 0), false },
	{ "ustackdepth", DL_BV_USTACKDEPTH, DL_T_UINT32, V(1, 2), false },
	{ "vtimestamp", DL_BV_VTIMESTAMP, DL_T_UINT64, V(1, 0), false },
	{ "walltimestamp", DL_BV_WALLTIMESTAMP, DL_T_INT64, V(1, 0), false },
	{ "zonename", DL_BV_ZONENAME, DL_T_STRING, V(1, 0), false },
	{ "cwd", DL_BV_CWD, DL_T_STRING, V(1, 0), false },
	{ "root", DL_BV_ROOT, DL_T_STRING, V(1, 0), false },
};

/* Opaque handles that the libraries' translators take. */
static const struct builtin_handle {
	const char *name, *tag;
	enum dl_bvar bvar;
} builtin_handles[] = {
	{ "__curproc", "__proc", DL_BV_CURPROC },
	{ "__curthread", "__thread", DL_BV_CURTHREAD },
};

static const struct aggfunc {
	const char *name;
	enum dl_aggfunc func;
	uint32_t version;
} aggfuncs[] = {
	{ "avg", DL_AGG_AVG, V(1, 0) },
	{ "count", DL_AGG_COUNT, V(1, 0) },
	{ "llquantize", DL_AGG_LLQUANTIZE, V(1, 7) },
	{ "lquantize", DL_AGG_LQUANTIZE, V(1, 0) },
	{ "max", DL_AGG_MAX, V(1, 0) },
	{ "min", DL_AGG_MIN, V(1, 0) },
	{ "quantize", DL_AGG_QUANTIZE, V(1, 0) },
	{ "stddev", DL_AGG_STDDEV, V(1, 6) },
	{ "sum", DL_AGG_SUM, V(1, 0) },
};

/* Need a kernel; what to use instead, if anything. */
static const struct {
	const char *name, *instead;
} kernel_names[] = {
	{ "curthread", "use curpsinfo, curlwpsinfo or tid" },
	{ "curproc", "use curpsinfo or pid" },
	{ "d_path", "use fds[fd].fi_pathname" },
	{ "ddi_pathname", NULL },
	{ "getf", "use fds[fd]" },
	{ "jailname", NULL },
	{ "jid", NULL },
	{ "kdebug_trace", NULL },
	{ "kvtophys", NULL },
	{ "livedump", NULL },
	{ "machctimestamp", "use vtimestamp" },
	{ "machtimestamp", "use timestamp" },
	{ "msgdsize", NULL },
	{ "msgsize", NULL },
	{ "mtons", NULL },
	{ "mutex_owned", "trace pthread_mutex_lock with the pid provider" },
	{ "mutex_owner", "trace pthread_mutex_lock with the pid provider" },
	{ "mutex_type_adaptive", NULL },
	{ "mutex_type_spin", NULL },
	{ "physmem_read", NULL },
	{ "physmem_write", NULL },
	{ "rw_iswriter", NULL },
	{ "rw_read_held", NULL },
	{ "rw_write_held", NULL },
	{ "sx_exclusive_held", NULL },
	{ "sx_isexclusive", NULL },
	{ "sx_shared_held", NULL },
	{ "vm_kernel_addrperm", NULL },
	{ "vmregs", "use uregs[]" },
	{ "breakpoint", "use stop()" },
	{ "panic", "use exit()" },
	{ "func", "use ufunc()" },
	{ "sym", "use usym()" },
	{ "mod", "use umod()" },
	{ "pcap", NULL },
};

/* Names that came after version 1.0. */
static const struct {
	const char *name;
	uint32_t version;
} newer_names[] = {
	{ "index", V(1, 1) },	  { "rindex", V(1, 1) },    { "strchr", V(1, 1) },
	{ "strrchr", V(1, 1) },	  { "strstr", V(1, 1) },    { "strtok", V(1, 1) },
	{ "substr", V(1, 1) },	  { "freopen", V(1, 1) },   { "usym", V(1, 2) },
	{ "ufunc", V(1, 2) },	  { "umod", V(1, 2) },	    { "uaddr", V(1, 2) },
	{ "setopt", V(1, 2) },	  { "htons", V(1, 3) },	    { "htonl", V(1, 3) },
	{ "htonll", V(1, 3) },	  { "ntohs", V(1, 3) },	    { "ntohl", V(1, 3) },
	{ "ntohll", V(1, 3) },	  { "inet_ntoa", V(1, 5) }, { "inet_ntoa6", V(1, 5) },
	{ "inet_ntop", V(1, 5) }, { "tolower", V(1, 8) },   { "toupper", V(1, 8) },
	{ "print", V(1, 9) },	  { "json", V(1, 11) },	    { "strtoll", V(1, 11) },
};

static const char *const subr_names[] = {
#define SUBR(id, name, min, max, proto, flags) [DL_SUBR_##id] = name,
#include "subr.def"
#undef SUBR
};
static const unsigned subr_flags[] = {
#define SUBR(id, name, min, max, proto, flags) [DL_SUBR_##id] = flags,
#include "subr.def"
#undef SUBR
};
static const char *const action_names[] = {
#define ACTION(id, name, flags) [DL_A_##id] = name,
#include "action.def"
#undef ACTION
};
static const unsigned action_flags[] = {
#define ACTION(id, name, flags) [DL_A_##id] = flags,
#include "action.def"
#undef ACTION
};

unsigned dl_action_flags(enum dl_action_id id)
{
	return (unsigned)id < DL_A_COUNT ? action_flags[id] : 0;
}

unsigned dl_subr_flags(enum dl_subr subr)
{
	return (unsigned)subr < DL_SUBR_COUNT ? subr_flags[subr] : 0;
}

const char *dl_action_name(enum dl_action_id id)
{
	return (unsigned)id < DL_A_COUNT ? action_names[id] : "?";
}

const char *dl_subr_name(enum dl_subr subr)
{
	return (unsigned)subr < DL_SUBR_COUNT ? subr_names[subr] : "?";
}

unsigned dl_action_kind_flags(enum dl_action_kind kind)
{
	switch (kind) {
	case DL_ACT_SYSTEM: return action_flags[DL_A_SYSTEM];
	case DL_ACT_FREOPEN: return action_flags[DL_A_FREOPEN];
	case DL_ACT_CLEAR:
	case DL_ACT_TRUNC:
	case DL_ACT_NORMALIZE:
	case DL_ACT_DENORMALIZE: return AF_AGG;
	case DL_ACT_PRINTA: return AF_AGG | AF_DATA;
	case DL_ACT_NOTHING: return 0;
	default: return AF_DATA;
	}
}

static struct dl_ident *add(struct dl_ctx *c, const char *name, enum dl_ident_kind kind)
{
	const char *key = arena_intern(c->arena, name, strlen(name));
	struct dl_ident *id = dl_idents_add(c->globals, key, kind);

	id->attr = DL_ATTR_STABLE;
	id->version = V(1, 0);
	id->is_builtin = true;
	for (size_t i = 0; i < ARRAY_SIZE(newer_names); i++) {
		if (!strcmp(newer_names[i].name, name))
			id->version = newer_names[i].version;
	}
	return id;
}

static void add_variables(struct dl_ctx *c)
{
	struct dl_ident *id;

	for (size_t i = 0; i < ARRAY_SIZE(builtin_vars); i++) {
		id = add(c, builtin_vars[i].name, DL_ID_SCALAR);
		id->bvar = builtin_vars[i].bvar;
		id->type = dl_types_basic(c->types, builtin_vars[i].type);
		id->version = builtin_vars[i].version;
		if (builtin_vars[i].evolving)
			id->attr = DL_ATTR_EVOLVING;
	}
	for (unsigned i = 0; i < 10; i++) {
		id = add(c, arena_printf(c->arena, "arg%u", i), DL_ID_SCALAR);
		id->bvar = DL_BV_ARG;
		id->value = i;
		id->type = dl_types_basic(c->types, DL_T_INT64);
	}
	add(c, "args", DL_ID_ARGS);
	id = add(c, "uregs", DL_ID_UREGS);
	id->type = dl_types_basic(c->types, DL_T_UINT64);
}

static void add_handles(struct dl_ctx *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin_handles); i++) {
		const struct builtin_handle *h = &builtin_handles[i];
		struct dl_type *t = dl_type_new(c->types, DL_STRUCT, h->tag);
		struct dl_ident *id = add(c, h->name, DL_ID_SCALAR);

		t->size = t->align = 8;
		t->n_members = 1;
		t->members = ARENA_NEW(c->arena, struct dl_member);
		t->members->name = "__id";
		t->members->type = dl_types_basic(c->types, DL_T_UINT64);
		dl_types_define(c->types, arena_printf(c->arena, "struct %s", h->tag), t);
		id->bvar = h->bvar;
		id->type = dl_type_ptr(c->types, t);
	}
}

static void add_registers(struct dl_ctx *c)
{
	for (const struct dl_const *r = c->config.uregs; r && r->name; r++) {
		struct dl_ident *id = add(c, r->name, DL_ID_ENUM);

		id->value = r->value;
		id->type = dl_types_basic(c->types, DL_T_INT);
	}
}

static bool is_evolving(const char *name)
{
	static const char *const names[] = { "getmajor", "getminor", "htons", "htonl",
					     "htonll",	 "ntohs",    "ntohl", "ntohll" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static void add_functions(struct dl_ctx *c)
{
	struct dl_ident *id;

	for (unsigned i = 0; i < DL_SUBR_COUNT; i++) {
		id = add(c, subr_names[i], DL_ID_SUBR);
		id->subr = (enum dl_subr)i;
		if (is_evolving(subr_names[i]))
			id->attr = DL_ATTR_EVOLVING;
	}
	for (unsigned i = 0; i < DL_A_COUNT; i++) {
		if (action_flags[i] & AF_KERNEL)
			continue;
		id = add(c, action_names[i], DL_ID_ACTION);
		id->action = (enum dl_action_id)i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(aggfuncs); i++) {
		id = add(c, aggfuncs[i].name, DL_ID_AGGFUNC);
		id->value = aggfuncs[i].func;
		id->version = aggfuncs[i].version;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kernel_names); i++)
		add(c, kernel_names[i].name, DL_ID_UNSUPPORTED)->why = kernel_names[i].instead;
}

void dl_sema_init(struct dl_ctx *c)
{
	add_variables(c);
	add_handles(c);
	add_registers(c);
	add_functions(c);
}

static struct dl_ident *visible(const struct dl_ctx *c, struct dl_ident *id)
{
	if (id && c->version && id->version > c->version)
		return NULL;
	return id && id->unit > c->unit ? NULL : id; /* a later program declares it */
}

struct dl_ident *sema_find(struct dl_ctx *c, struct dl_idents *table, const char *name)
{
	return visible(c, dl_idents_lookup(table, name));
}

struct dl_ident *sema_lookup(struct sema *s, const char *name)
{
	return sema_find(s->c, s->c->globals, name);
}

bool dl_sema_is_known_ident(struct dl_ctx *c, const char *name)
{
	return visible(c, dl_idents_lookup(c->globals, name)) != NULL;
}

const char *sema_kind_word(const struct dl_ident *id)
{
	switch (id->kind) {
	case DL_ID_ARRAY:
	case DL_ID_ARGS:
	case DL_ID_UREGS: return "associative array";
	case DL_ID_SUBR: return "function";
	case DL_ID_ACTION: return "tracing function";
	case DL_ID_AGGFUNC: return "aggregating function";
	case DL_ID_AGG: return "aggregation";
	case DL_ID_INLINE: return id->n_params ? "associative array" : "scalar";
	case DL_ID_SYMBOL: return "external symbol reference";
	case DL_ID_ENUM: return "enumerator";
	default: return "scalar";
	}
}

struct candidates {
	struct dl_nearest nearest;
	bool functions;
};

static void consider(void *arg, const struct dl_ident *id)
{
	struct candidates *c = arg;
	bool callable =
		id->kind == DL_ID_SUBR || id->kind == DL_ID_ACTION || id->kind == DL_ID_AGGFUNC;

	if (callable != c->functions || id->kind == DL_ID_UNSUPPORTED ||
	    !strncmp(id->name, "__", 2))
		return;
	if ((id->kind == DL_ID_SCALAR || id->kind == DL_ID_ARRAY) && !id->type)
		return; /* itself a mistake */
	dl_nearest_consider(&c->nearest, id->name);
}

void sema_suggest(struct sema *s, struct dl_diag *d, const char *name, bool functions)
{
	struct candidates c = { .nearest = { .word = name }, .functions = functions };

	dl_idents_each(s->c->globals, consider, &c);
	if (c.nearest.best && strcmp(c.nearest.best, name) != 0)
		dl_hint(s->c, d, "did you mean %s?", c.nearest.best);
}

static void consider_any(void *arg, const struct dl_ident *id)
{
	if (id->type) /* not one that was itself a mistake */
		dl_nearest_consider(arg, id->name);
}

bool sema_suggest_from(struct sema *s, struct dl_diag *d, const struct dl_idents *table,
		       const char *prefix, const char *name)
{
	struct dl_nearest n = { .word = name };

	dl_idents_each(table, consider_any, &n);
	if (!n.best || !strcmp(n.best, name))
		return false;
	dl_hint(s->c, d, "did you mean %s%s?", prefix, n.best);
	return true;
}

struct dl_node *sema_unsupported(struct sema *s, struct dl_range range, const struct dl_ident *id)
{
	struct dl_diag *d = dl_error(s->c, D_UNKNOWN, range,
				     "%s is not supported: it requires kernel tracing", id->name);

	d->is_last = true;
	if (id->why)
		dl_hint(s->c, d, "%s", id->why);
	return NULL;
}

struct dl_attr sema_ident_attr(const struct dl_ident *id)
{
	struct dl_attr none = { 0, 0, 0 };

	/* What nobody gave attributes is the program's own. */
	return memcmp(&id->attr, &none, sizeof(none)) ? id->attr : DL_ATTR_STABLE;
}

void sema_check_attr(struct sema *s, struct dl_range range, const char *what, struct dl_attr attr)
{
	char text[32];

	if (!s->has_amin ||
	    (attr.name >= s->amin.name && attr.data >= s->amin.data && attr.class >= s->amin.class))
		return;
	dl_error(s->c, D_ATTR_MIN, range, "attributes for %s (%s) are less than predefined minimum",
		 what, dl_attr_text(attr, text));
}

struct dl_type *sema_type_by_text(struct sema *s, const char *text, const char *object)
{
	const struct dl_host *h = s->c->config.host;
	struct dl_type *t = dl_type_parse(s->c, text);

	if (!t && h && h->type_lookup)
		t = h->type_lookup(h->ctx, s->ts, object ? object : "", text);
	return t;
}
