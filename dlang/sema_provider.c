/*
 * Provider declarations of USDT: names, prototypes, and agreement with what
 * is already known of the provider.
 */
#include <string.h>

#include "sema_int.h"

#define NAME_MAX_LEN 63
#define ARGS_MAX 255

static bool provider_name_ok(struct dl_ctx *c, const struct dl_provider_decl *p)
{
	size_t len = strlen(p->name);

	if (len > NAME_MAX_LEN)
		dl_error(c, D_PROV_BADNAME, p->range,
			 "provider name may not exceed %d characters: %s", NAME_MAX_LEN, p->name);
	else if (strchr(p->name, '`'))
		dl_error(c, D_PROV_BADNAME, p->range,
			 "provider name may not contain scoping operator: %s", p->name);
	else if (len && p->name[len - 1] >= '0' && p->name[len - 1] <= '9')
		dl_error(c, D_PROV_BADNAME, p->range, "provider name may not end with a digit: %s",
			 p->name);
	else
		return true;
	return false;
}

static bool probe_ok(struct dl_ctx *c, const struct dl_provider_decl *p,
		     const struct dl_prov_probe *pr)
{
	const char *given = pr->c_name ? pr->c_name : pr->name;

	if (strchr(given, '`')) {
		dl_error(c, D_PROV_BADNAME, pr->range,
			 "probe name may not contain scoping operator: %s", given);
		return false;
	}
	if (strlen(pr->name) > NAME_MAX_LEN) {
		dl_error(c, D_PROV_BADNAME, pr->range,
			 "probe name may not exceed %d characters: %s", NAME_MAX_LEN, given);
		return false;
	}
	if (pr->n_native > ARGS_MAX || pr->n_xlated > ARGS_MAX) {
		dl_error(c, D_PROV_PRARGLEN, pr->range,
			 "probe %s %s prototype exceeds %d arguments", given,
			 pr->n_native > ARGS_MAX ? "input" : "output", ARGS_MAX);
		return false;
	}
	for (const struct dl_prov_probe *o = p->probes; o && o != pr; o = o->next) {
		if (!strcmp(o->name, pr->name)) {
			dl_error(c, D_PROV_PRDUP, pr->range, "probe redeclared: %s:::%s", p->name,
				 given);
			return false;
		}
	}
	return true;
}

/* Does an input serve as the output without a translator? */
static bool serves_as(struct dl_type *in, struct dl_type *out)
{
	return dl_type_equal(in, out) || (dl_type_is_integer(in) && dl_type_is_integer(out)) ||
	       (dl_type_is_strcompat(in) && dl_type_is_strcompat(out));
}

/* Each output argument whose type differs from its input needs a translator. */
static bool translators_ok(struct dl_ctx *c, const struct dl_prov_probe *pr)
{
	for (uint32_t i = 0; !c->config.builds && pr->xlated && i < pr->n_xlated; i++) {
		uint32_t from = pr->map ? pr->map[i] : i;
		struct dl_type *in, *out = pr->xlated[i];

		if (from >= pr->n_native)
			continue;
		in = pr->native[from];
		if (!in || !out || serves_as(in, out) || sema_find_translator(c, in, out))
			continue;
		dl_error(c, D_PROV_PRXLATOR, pr->range,
			 "translator for probe %s argument #%u from %s to %s is not defined",
			 pr->name, i + 1, dl_type_name(c->types, in), dl_type_name(c->types, out));
		return false;
	}
	return true;
}

/* --- agreement with an earlier declaration --- */

static bool same_types(struct dl_type **a, uint32_t na, struct dl_type **b, uint32_t nb)
{
	if (na != nb)
		return false;
	for (uint32_t i = 0; i < na; i++) {
		if (!dl_type_equal(a[i], b[i]))
			return false;
	}
	return true;
}

static const struct dl_prov_probe *find_probe(const struct dl_provider_decl *p, const char *name)
{
	for (const struct dl_prov_probe *pr = p->probes; pr; pr = pr->next) {
		if (!strcmp(pr->name, name))
			return pr;
	}
	return NULL;
}

static bool is_own(const struct dl_ctx *c, const char *provider)
{
	const struct dl_host *h = c->config.host;

	return h && h->provider_is_own && h->provider_is_own(h->ctx, provider);
}

/* Is the declared probe one that the host has, with these types of raw arguments? */
static const char *differs(struct dl_ctx *c, const char *provider, const struct dl_prov_probe *pr)
{
	const struct dl_host *h = c->config.host;
	const struct dl_pdesc d = { .prov = provider, .mod = "", .func = "", .name = pr->name };
	struct dl_probe_info info = { 0 };
	struct error *err = h->probe_match ? h->probe_match(h->ctx, &d, &info) : NULL;
	uint32_t n_raw = 0;
	bool has_output = false;

	error_destroy(err);
	if (err || !info.n_matches)
		return "is not defined by the known provider";
	if (h->probe_args)
		h->probe_args(h->ctx, c->types, &info);
	for (unsigned i = 0; i < info.n_args; i++) {
		const struct dl_probe_arg *a = &info.args[i];
		struct dl_type *t = a->native_type;

		if (!t && a->native)
			t = dl_type_parse(c, a->native);
		has_output = has_output || a->xlated;
		if (a->map + 1 > n_raw)
			n_raw = a->map + 1;
		if (t && a->map < pr->n_native && !dl_type_equal(t, pr->native[a->map]))
			return "is declared with different argument types";
	}
	if (n_raw != pr->n_native)
		return "is declared with a different number of arguments";
	return has_output == (pr->xlated != NULL) ? NULL :
						    "is declared with a different output prototype";
}

static unsigned n_own_probes(const struct dl_ctx *c, const char *provider)
{
	const struct dl_host *h = c->config.host;
	const struct dl_pdesc all = { .prov = provider, .mod = "", .func = "", .name = "" };
	struct dl_probe_info info = { 0 };

	if (h->probe_match)
		error_destroy(h->probe_match(h->ctx, &all, &info));
	return info.n_matches;
}

/* A provider of the host's own can be declared only as it is. */
static bool agrees_with_host(struct dl_ctx *c, const struct dl_provider_decl *p)
{
	unsigned n = 0;

	for (const struct dl_prov_probe *pr = p->probes; pr; pr = pr->next) {
		const char *what = differs(c, p->name, pr);

		n++;
		if (what) {
			dl_error(c, D_PROV_INCOMPAT, pr->range,
				 "provider interface mismatch: probe %s:::%s %s", p->name, pr->name,
				 what);
			return false;
		}
	}
	if (n_own_probes(c, p->name) > n) {
		dl_error(c, D_PROV_INCOMPAT, p->range,
			 "provider interface mismatch: some probes of %s are missing", p->name);
		return false;
	}
	return true;
}

static bool agrees(struct dl_ctx *c, const struct dl_provider_decl *known,
		   const struct dl_provider_decl *p, const struct dl_prov_probe *pr)
{
	const struct dl_prov_probe *k = find_probe(known, pr->name);
	const char *what = NULL;

	if (!k)
		what = "is not defined by the known provider";
	else if (k->n_native != pr->n_native)
		what = "is declared with a different number of arguments";
	else if (!same_types(k->native, k->n_native, pr->native, pr->n_native))
		what = "is declared with different argument types";
	else if (!k->xlated != !pr->xlated ||
		 (k->xlated && !same_types(k->xlated, k->n_xlated, pr->xlated, pr->n_xlated)))
		what = "is declared with a different output prototype";
	if (what)
		dl_error(c, D_PROV_INCOMPAT, pr->range,
			 "provider interface mismatch: probe %s:::%s %s", p->name, pr->name, what);
	return !what;
}

static struct dl_provider_decl *find_provider(struct dl_ctx *c, const char *name)
{
	for (struct dl_provider_decl *p = c->providers; p; p = p->next) {
		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

void dl_sema_declare_provider(struct dl_ctx *c, struct dl_provider_decl *p)
{
	const struct dl_provider_decl *known;
	bool ok = provider_name_ok(c, p);

	for (const struct dl_prov_probe *pr = p->probes; pr; pr = pr->next)
		ok = probe_ok(c, p, pr) && translators_ok(c, pr) && ok;
	if (!ok)
		return;
	if (is_own(c, p->name)) {
		(void)agrees_with_host(c, p);
		return;
	}
	known = find_provider(c, p->name);
	if (!known) {
		p->next = c->providers;
		c->providers = p;
		return;
	}
	for (const struct dl_prov_probe *pr = p->probes; pr; pr = pr->next) {
		if (!agrees(c, known, p, pr))
			return;
	}
	for (const struct dl_prov_probe *k = known->probes; k; k = k->next) {
		if (!find_probe(p, k->name)) {
			dl_error(c, D_PROV_INCOMPAT, p->range,
				 "provider interface mismatch: probe %s:::%s is missing", p->name,
				 k->name);
			return;
		}
	}
}
