/*
 * What a program's provider declarations say of a probe: asked by the tracer
 * when a static probe of that name turns up in a process.
 */
#include <string.h>

#include "ctx.h"

static const struct dl_provider_decl *find(const struct dl_ctx *c, const char *provider)
{
	for (const struct dl_provider_decl *p = c->providers; p; p = p->next)
		if (!strcmp(p->name, provider))
			return p;
	return NULL;
}

bool dl_ctx_provider_attr(const struct dl_ctx *c, const char *provider, struct dl_prov_attr *ret)
{
	const struct dl_provider_decl *p = find(c, provider);

	if (p)
		*ret = p->attr;
	return p != NULL;
}

static void fill_args(struct dl_ctx *c, const struct dl_prov_probe *pr, struct dl_probe_arg *args,
		      unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned from = pr->xlated && pr->map ? pr->map[i] : i;

		if (from >= pr->n_native)
			continue;
		args[i].name = pr->native_names ? pr->native_names[from] : NULL;
		args[i].map = from;
		args[i].native_type = pr->native[from];
		args[i].native = dl_type_name(c->types, pr->native[from]);
		if (pr->xlated)
			args[i].xlated = dl_type_name(c->types, pr->xlated[i]);
	}
}

bool dl_ctx_provider_args(struct dl_ctx *c, const char *provider, const char *probe,
			  const struct dl_probe_arg **ret, unsigned *n_ret)
{
	const struct dl_provider_decl *p = find(c, provider);

	for (const struct dl_prov_probe *pr = p ? p->probes : NULL; pr; pr = pr->next) {
		struct dl_probe_arg *args;

		if (strcmp(pr->name, probe))
			continue;
		*n_ret = pr->xlated ? pr->n_xlated : pr->n_native;
		args = ARENA_ARRAY(c->arena, *n_ret + 1, struct dl_probe_arg);
		fill_args(c, pr, args, *n_ret);
		*ret = args;
		return true;
	}
	return false;
}

static void tell_provider(const struct dl_ctx *c, const struct dl_provider_decl *p,
			  void (*fn)(void *arg, const struct dl_declared_probe *p), void *arg)
{
	for (const struct dl_prov_probe *pr = p->probes; pr; pr = pr->next) {
		const char **types = ARENA_ARRAY(c->arena, pr->n_native + 1, const char *);
		const char **xlated = ARENA_ARRAY(c->arena, pr->n_xlated + 1, const char *);
		struct dl_declared_probe d = {
			.provider = p->name,
			.name = pr->name,
			.c_name = pr->c_name,
			.n_args = pr->n_native,
			.types = types,
			.n_xlated = pr->n_xlated,
			.xlated = pr->xlated && pr->map ? xlated : NULL,
			.map = pr->map,
			.attr = &p->attr,
		};

		for (uint32_t i = 0; i < pr->n_native; i++)
			types[i] = dl_type_name(c->types, pr->native[i]);
		for (uint32_t i = 0; pr->xlated && i < pr->n_xlated; i++)
			xlated[i] = dl_type_name(c->types, pr->xlated[i]);
		fn(arg, &d);
	}
}

/* The list has the last one first. */
static void tell_reversed(const struct dl_ctx *c, const struct dl_provider_decl *p,
			  void (*fn)(void *arg, const struct dl_declared_probe *p), void *arg)
{
	const struct dl_provider_decl *end = NULL;

	while (end != p) {
		const struct dl_provider_decl *last = p;

		while (last->next != end)
			last = last->next;
		tell_provider(c, last, fn, arg);
		end = last;
	}
}

void dl_ctx_each_declared(const struct dl_ctx *c,
			  void (*fn)(void *arg, const struct dl_declared_probe *p), void *arg)
{
	if (c->providers)
		tell_reversed(c, c->providers, fn, arg);
}
