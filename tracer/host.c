/*
 * The compiler's host: probes, symbols and types of this session.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"

static struct error *match_id(struct session *s, const struct dl_pdesc *d,
			      struct dl_probe_info *ret)
{
	struct probe *p = probe_by_id(s->probes, d->id);

	if (!p)
		return error_tagged("D_PDESC_INVAL", "invalid probe identifier %u: "
						     "No probe matches description", d->id);
	ret->n_matches = 1;
	ret->id = p->id;
	return NULL;
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
		for (uint32_t id = 1; !err && id <= probe_count(s->probes); id++) {
			if (!probe_matches(probe_by_id(s->probes, id), d))
				continue;
			if (ret->n_matches++ == 0)
				ret->id = id;
		}
	}
	if (err || !ret->n_matches)
		return err;
	struct probe *p = probe_by_id(s->probes, ret->id);

	ret->prov = p->prov;
	ret->mod = p->mod;
	ret->func = p->func;
	ret->name = p->name;
	ret->attr = p->provider->attr;
	if (p->provider->args)
		p->provider->args(p->provider, p, ret);
	return NULL;
}

static struct error *symbol_lookup(void *ctx, struct dl_types *ts, const char *object,
				   const char *name, struct dl_symbol *ret)
{
	struct session *s = ctx;
	struct objects *os = s->first_target ? target_objects(s->first_target) : NULL;

	(void)ts;
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
			.is_func = sym->type == 2 /* STT_FUNC */ || sym->type == 10 /* IFUNC */,
		};
		return NULL;
	}
	return error_format(ERR_NOTFOUND, "Unknown symbol name");
}

struct suggestion {
	void (*fn)(void *arg, const char *text);
	void *arg;
};

static void suggest_name(void *arg, const char *name)
{
	struct suggestion *g = arg;

	g->fn(g->arg, name);
}

static void probe_suggest(void *ctx, const struct dl_pdesc *d,
			  void (*fn)(void *arg, const char *text), void *arg)
{
	struct session *s = ctx;
	struct suggestion g = { fn, arg };
	uint32_t n = probe_count(s->probes);

	for (uint32_t id = 1; id <= n; id++) {
		struct probe *p = probe_by_id(s->probes, id);

		if (*d->func && *p->func && dl_glob_match(d->prov, p->prov))
			fn(arg, p->func);
		else if (!*d->func && *d->name)
			fn(arg, p->name);
	}
	struct objects *os = s->first_target ? s->first_target->objects : NULL;

	if (!os || strncmp(d->prov, "pid", 3))
		return;
	for (size_t i = 0; i < objects_count(os); i++)
		if (object_matches(objects_at(os, i), d->mod))
			object_suggest(objects_at(os, i), suggest_name, &g);
}

void session_host_init(struct session *s)
{
	s->host = (struct dl_host){
		.ctx = s,
		.probe_match = probe_match,
		.symbol_lookup = symbol_lookup,
		.probe_suggest = probe_suggest,
	};
}
