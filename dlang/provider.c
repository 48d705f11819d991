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
