/*
 * The probe table: see probe.h.  A hash by full name for creation, an array
 * by ID for everything else.
 */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

#include "../dlang/compile.h"

#define BUCKETS 4096u

struct probe_table {
	struct arena *arena;
	VEC(struct probe *) all;
	struct probe *buckets[BUCKETS];
};

struct probe_table *probe_table_create(void)
{
	struct probe_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->arena = arena_create();
	if (!t->arena) {
		free(t);
		return NULL;
	}
	return t;
}

void probe_table_destroy(struct probe_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->all.n; i++) {
		vec_deinit(&t->all.items[i]->epids);
		free(t->all.items[i]);
	}
	vec_deinit(&t->all);
	arena_destroy(t->arena);
	free(t);
}

static uint32_t hash_text(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return (h ^ ':') * 16777619u;
}

static struct probe **bucket_of(struct probe_table *t, const char *prov, const char *mod,
				const char *func, const char *name)
{
	uint32_t h = hash_text(2166136261u, prov);

	h = hash_text(h, mod);
	h = hash_text(h, func);
	h = hash_text(h, name);
	return &t->buckets[(h ^ (h >> 15)) % BUCKETS];
}

struct probe *probe_find(struct probe_table *t, const char *prov, const char *mod, const char *func,
			 const char *name)
{
	for (struct probe *p = *bucket_of(t, prov, mod, func, name); p; p = p->hash_next)
		if (!strcmp(p->func, func) && !strcmp(p->name, name) && !strcmp(p->mod, mod) &&
		    !strcmp(p->prov, prov))
			return p;
	return NULL;
}

struct probe *probe_add(struct probe_table *t, struct provider *prov, const char *provname,
			const char *mod, const char *func, const char *name)
{
	struct probe **bucket = bucket_of(t, provname, mod, func, name);
	struct probe *p = calloc(1, sizeof(*p));

	if (!p || !vec_push(&t->all, p)) {
		free(p);
		return NULL;
	}
	p->id = (uint32_t)t->all.n;
	p->provider = prov;
	p->prov = arena_intern(t->arena, provname, strlen(provname));
	p->mod = arena_intern(t->arena, mod, strlen(mod));
	p->func = arena_strdup(t->arena, func);
	p->name = arena_intern(t->arena, name, strlen(name));
	p->hash_next = *bucket;
	*bucket = p;
	return p;
}

struct probe *probe_by_id(struct probe_table *t, uint32_t id)
{
	return id >= 1 && id <= t->all.n ? t->all.items[id - 1] : NULL;
}

uint32_t probe_count(const struct probe_table *t)
{
	return (uint32_t)t->all.n;
}

/*
 * ":::" means every probe that has a function; any empty field matches.
 */
bool probe_matches(const struct probe *p, const struct dl_pdesc *d)
{
	if (d->id)
		return p->id == d->id;
	if (!*d->prov && !*d->mod && !*d->func && !*d->name)
		return *p->func != '\0';
	if (p->provider->matches)
		return p->provider->matches(p, d);
	if (*d->name && !dl_glob_match(d->name, p->name))
		return false;
	if (*d->prov && !dl_glob_match(d->prov, p->prov))
		return false;
	if (*d->func && !dl_glob_match(d->func, p->func) &&
	    !(p->alias && dl_glob_match(d->func, p->alias)))
		return false;
	return !*d->mod || dl_glob_match(d->mod, p->mod);
}

/*
 * Long scripts ask thousands of times: what differs in the first letter of a
 * field that is no pattern is passed over without a call.
 */
struct probe *probe_next_match(const struct probe_table *t, uint32_t from, const struct dl_pdesc *d)
{
	char func = d->id || strchr("*?[\\", *d->func) ? '\0' : *d->func;
	char name = d->id || strchr("*?[\\", *d->name) ? '\0' : *d->name;

	for (size_t i = from ? from - 1 : 0; i < t->all.n; i++) {
		struct probe *p = t->all.items[i];

		if (!p->provider->matches &&
		    ((func && *p->func != func && !p->alias) || (name && *p->name != name)))
			continue;
		if (probe_matches(p, d))
			return p;
	}
	return NULL;
}
