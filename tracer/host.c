/*
 * The compiler's host: probes, symbols and types of this session.
 */
#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "dwarf_func.h"
#include "dwarf_type.h"
#include "image.h"
#include "session.h"
#include "tls.h"

static struct error *match_id(struct session *s, const struct dl_pdesc *d,
			      struct dl_probe_info *ret)
{
	struct probe *p = probe_by_id(s->probes, d->id);

	if (!p)
		return error_tagged("D_PDESC_INVAL",
				    "invalid probe identifier %u: "
				    "No probe matches description",
				    d->id);
	ret->n_matches = 1;
	ret->id = p->id;
	return NULL;
}

/* pid*:::entry: which process?  The probes of one must have been asked for. */
static struct error *check_pid_pattern(const struct session *s, const struct dl_pdesc *d)
{
	if (d->id || strncmp(d->prov, "pid", 3) != 0 || !dl_is_glob(d->prov) ||
	    dl_option(s->options, DL_OPT_ZDEFS) == 1)
		return NULL;
	return error_tagged("D_PROC_BADPROV",
			    "'%s' is not a valid provider: name the process, as in pid$target",
			    d->prov);
}

static struct error *probe_match(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	struct session *s = ctx;
	struct error *err = NULL;

	memset(ret, 0, sizeof(*ret));
	if (d->id) {
		err = match_id(s, d, ret);
	} else {
		for (int i = 0; i < N_PROVIDERS && !err; i++)
			if (s->providers[i].provide)
				err = s->providers[i].provide(&s->providers[i], d);
		for (const struct probe *p = NULL;
		     !err && (p = probe_next_match(s->probes, p ? p->id + 1 : 1, d));)
			if (ret->n_matches++ == 0)
				ret->id = p->id;
	}
	if (!err && !ret->n_matches)
		err = check_pid_pattern(s, d);
	if (err || !ret->n_matches)
		return err;
	struct probe *p = probe_by_id(s->probes, ret->id);

	ret->prov = p->prov;
	ret->mod = p->mod;
	ret->func = p->func;
	ret->name = p->name;
	ret->attr = p->provider->attr;
	return NULL;
}

/* Those whose probes exist by themselves.  A header or object may be made for any name. */
static bool provider_is_own(void *ctx, const char *name)
{
	const struct session *s = ctx;

	if (s->cli->mode == CLI_HEADER || s->cli->mode == CLI_LINK)
		return false;
	for (int i = 0; i < N_PROVIDERS; i++)
		if (i != PROVIDER_PID && i != PROVIDER_USDT && !strcmp(s->providers[i].name, name))
			return true;
	return false;
}

static void probe_args(void *ctx, struct dl_types *ts, struct dl_probe_info *info)
{
	struct probe *p = probe_by_id(((struct session *)ctx)->probes, info->id);

	(void)ts; /* the session's */
	if (p && p->provider->args)
		p->provider->args(p->provider, p, info);
}

/* --- symbols and types of the target --- */

/* While programs are parsed a command is not what it will be yet: NULL. */
static struct objects *target_objects_of(struct session *s)
{
	return s->is_compiling && s->first_target ? target_objects(s->first_target) : NULL;
}

static struct dl_type *symbol_type(const struct object *o, struct dl_types *ts,
				   const struct sym *sym)
{
	if (sym->type == STT_OBJECT || sym->type == STT_TLS)
		return dwarf_variable_type(o->image, ts, sym->name, sym->addr);
	if (sym->type == STT_FUNC)
		return dwarf_func_type_at(o->image, ts, sym->addr);
	return NULL;
}

static struct dl_type *type_lookup(void *ctx, struct dl_types *ts, const char *object,
				   const char *name)
{
	struct objects *os = target_objects_of(ctx);
	struct dl_type *t = NULL;

	/* The program itself first. */
	for (int pass = 0; os && !t && pass < 2; pass++) {
		for (size_t i = 0; i < objects_count(os) && !t; i++) {
			struct object *o = objects_at(os, i);

			if (o->is_main == !pass && object_matches(o, object))
				t = dwarf_type_named(o->image, ts, name);
		}
	}
	return t;
}

static bool type_complete(void *ctx, struct dl_types *ts, struct dl_type *t)
{
	struct objects *os = target_objects_of(ctx);
	const char *name = t->name ? t->name : "", *mark = strrchr(name, '`');
	char object[256] = "";

	if (dwarf_type_complete(ts, t))
		return true;
	if (mark) { /* a.out`conn, pid12`a.out`conn */
		const char *first = memchr(name, '`', (size_t)(mark - name));

		name = first ? first + 1 : name;
		snprintf(object, sizeof(object), "%.*s", (int)(mark - name), name);
	}
	for (size_t i = 0; os && i < objects_count(os); i++)
		if (object_matches(objects_at(os, i), object) &&
		    dwarf_type_adopt(objects_at(os, i)->image, ts, t))
			return true;
	return false;
}

/*
 * A static variable of a function: compilers append a number, "calls.0".  If
 * several functions have one of the name, none is meant.
 */
static struct error *local_variable(struct objects *os, struct dl_types *ts, const char *object,
				    const char *name, struct dl_symbol *ret)
{
	const struct sym *sym = NULL, *other = NULL;
	struct object *o = NULL;

	for (size_t i = 0; i < objects_count(os); i++) {
		struct object *at = objects_at(os, i);

		if (!object_matches(at, object))
			continue;
		if (!sym && (sym = object_local_variable(at, name, &other)))
			o = at;
	}
	if (sym && other)
		return error_format(ERR_OTHER, "several functions have a variable %s", name);
	if (!sym)
		return error_format(ERR_NOTFOUND, "Unknown symbol name");
	*ret = (struct dl_symbol){
		.object = o->name,
		.name = sym->name,
		.addr = sym->addr + o->bias,
		.size = sym->size,
		.type = dwarf_variable_type(o->image, ts, name, sym->addr),
	};
	return NULL;
}

static struct error *symbol_lookup(void *ctx, struct dl_types *ts, const char *object,
				   const char *name, struct dl_symbol *ret)
{
	struct session *s = ctx;
	struct objects *os = target_objects_of(s);
	struct image_thread_var var;

	if (!os)
		return error_format(ERR_NOTFOUND, "symbols need a target process: use -c or -p");
	for (size_t i = 0; i < objects_count(os); i++) {
		struct object *o = objects_at(os, i);
		const struct sym *sym;

		if (!object_matches(o, object) || !(sym = object_symbol(o, name)))
			continue;
		*ret = (struct dl_symbol){
			.object = o->name,
			.name = sym->name,
			.addr = sym->addr + o->bias,
			.size = sym->size,
			.is_func = sym->type == STT_FUNC || sym->type == STT_GNU_IFUNC,
			.type = symbol_type(o, ts, sym),
		};
		return NULL;
	}
	for (size_t i = 0; i < objects_count(os); i++)
		if (object_matches(objects_at(os, i), object) &&
		    image_thread_variable(objects_at(os, i)->image, name, &var))
			return tls_symbol(s, ts, objects_at(os, i), name, &var, ret);
	return local_variable(os, ts, object, name, ret);
}

struct suggestion {
	const struct dl_pdesc *desc;
	const char *module;
	void (*fn)(void *arg, const char *text);
	void *arg;
	struct strbuf text;
};

static void suggest(struct suggestion *g, const char *prov, const char *mod, const char *func,
		    const char *name)
{
	strbuf_reset(&g->text);
	strbuf_printf(&g->text, "%s:%s:%s:%s", prov, mod, func, name);
	if (!strbuf_failed(&g->text))
		g->fn(g->arg, strbuf_text(&g->text));
}

static void suggest_function(void *arg, const char *name)
{
	struct suggestion *g = arg;

	suggest(g, g->desc->prov, g->module, name, g->desc->name);
}

/* pid probes are made on demand: the functions that there are. */
static void suggest_functions(struct session *s, struct suggestion *g)
{
	struct objects *os = s->first_target ? target_objects(s->first_target) : NULL;

	for (size_t i = 0; os && i < objects_count(os); i++) {
		struct object *o = objects_at(os, i);
		const char *suffix = strstr(o->name, ".so");
		char name[64];

		/* Another module is meant if it has the function; libm isn't libc. */
		if (!object_matches(o, g->desc->mod) &&
		    (!*g->desc->func || dl_is_glob(g->desc->func)))
			continue;
		/* People write libc for libc.so.6. */
		snprintf(name, sizeof(name), "%.*s",
			 (int)(suffix ? suffix - o->name : (ptrdiff_t)strlen(o->name)), o->name);
		g->module = object_matches(o, g->desc->mod) ? g->desc->mod : name;
		object_suggest(o, suggest_function, g);
	}
}

static void probe_suggest(void *ctx, const struct dl_pdesc *d,
			  void (*fn)(void *arg, const char *text), void *arg)
{
	struct session *s = ctx;
	struct suggestion g = { .desc = d, .fn = fn, .arg = arg };

	for (uint32_t id = 1; id <= probe_count(s->probes); id++) {
		struct probe *p = probe_by_id(s->probes, id);

		suggest(&g, p->prov, p->mod, p->func, p->name);
	}
	if (!strncmp(d->prov, "pid", 3))
		suggest_functions(s, &g);
	strbuf_deinit(&g.text);
}

/* The program and what of its libraries fits. */
static void list_modules(struct objects *os, struct strbuf *sb)
{
	const size_t most = 10;

	for (size_t i = 0; i < objects_count(os) && i < most; i++)
		strbuf_printf(sb, "%s%s", i ? ", " : "", objects_at(os, i)->name);
	if (objects_count(os) > most)
		strbuf_printf(sb, ", ... (%zu in all)", objects_count(os));
}

static void explain_absence(struct objects *os, const struct dl_pdesc *d, struct strbuf *sb)
{
	struct object *main_object = objects_main(os);
	struct image_section symtab;
	bool any = false;

	for (size_t i = 0; i < objects_count(os) && !any; i++)
		any = object_matches(objects_at(os, i), d->mod);
	if (!any) {
		strbuf_printf(sb, "there is no module %s in %s: ", d->mod, d->prov);
		list_modules(os, sb);
	} else if (main_object && object_matches(main_object, d->mod) && *d->func &&
		   !image_section(main_object->image, ".symtab", &symtab) &&
		   !main_object->image->symfile) {
		strbuf_printf(sb,
			      "%s is stripped: only functions that it exports have names; "
			      "the others are called by their addresses "
			      "(dtrace -ln 'pid$target:a.out:fun_*:entry')",
			      main_object->name);
	}
}

/* python123: a provider of static probes, if 123 is a target. */
static void static_absent(struct session *s, const struct dl_pdesc *d, char *buf, size_t size)
{
	size_t letters = strcspn(d->prov, "0123456789");
	int pid = atoi(d->prov + letters);

	if (!letters || !target_by_pid(s, pid) ||
	    letters + strspn(d->prov + letters, "0123456789") != strlen(d->prov))
		return;
	snprintf(buf, size,
		 "process %d has no static probes of a provider %.*s (dtrace -l with -c or -p "
		 "lists what it has); the provider of functions is pid$target",
		 pid, (int)letters, d->prov);
}

static void probe_absent(void *ctx, const struct dl_pdesc *d, char *buf, size_t size)
{
	struct session *s = ctx;
	struct target *t = s->first_target;
	struct strbuf sb = { 0 };

	if (strncmp(d->prov, "pid", 3) || !t) {
		static_absent(s, d, buf, size);
		return;
	}
	if (atoi(d->prov + 3) != t->pid)
		t = target_by_pid(s, atoi(d->prov + 3));
	if (!t || !target_objects(t))
		return;
	explain_absence(target_objects(t), d, &sb);
	if (!strbuf_failed(&sb) && sb.len)
		snprintf(buf, size, "%s", strbuf_text(&sb));
	strbuf_deinit(&sb);
}

void session_host_init(struct session *s)
{
	s->host = (struct dl_host){
		.ctx = s,
		.probe_match = probe_match,
		.provider_is_own = provider_is_own,
		.probe_args = probe_args,
		.symbol_lookup = symbol_lookup,
		.probe_suggest = probe_suggest,
		.probe_absent = probe_absent,
	};
	if (!s->cli->targets.n)
		return;
	/* Names of types that the program lacks are left to the target. */
	s->host.type_lookup = type_lookup;
	s->host.type_complete = type_complete;
}
