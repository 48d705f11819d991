/*
 * The probe table: every probe that exists in this session, by ID and by
 * name, and the providers that make them.
 *
 * Probes are never freed before the session ends: names and IDs stay good for
 * output.  A probe whose code went away (dlclose, exec) keeps its identity and
 * comes back to life when the same point is provided again.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "../dlang/arena.h"
#include "../dlang/error.h"
#include "../dlang/host.h"
#include "../dlang/vec.h"

struct provider;
struct session;

struct probe {
	uint32_t id; /* from 1, in order of creation */
	struct provider *provider;
	const char *prov, *mod, *func, *name; /* owned by the table */
	const char *alias; /* other function name it answers to, or NULL */
	bool is_enabled; /* its provider has been asked to fire it */
	bool is_private; /* made for one description: not for globs of others (timers) */
	VEC(uint32_t) epids; /* enablings, in program order */
	uint64_t n_matched; /* clauses looked at so far (session_match) */
	struct probe *hash_next;
	/* The provider's own: */
	void *data;
	uint64_t number; /* system call number, period, ... */
};

struct probe_table;

struct probe_table *probe_table_create(void);
void probe_table_destroy(struct probe_table *t);
/* The probe with exactly these names, or NULL. */
struct probe *probe_find(struct probe_table *t, const char *prov, const char *mod, const char *func,
			 const char *name);
/* Adds one (texts are copied); NULL: out of memory. */
struct probe *probe_add(struct probe_table *t, struct provider *p, const char *prov,
			const char *mod, const char *func, const char *name);
struct probe *probe_by_id(struct probe_table *t, uint32_t id);
uint32_t probe_count(const struct probe_table *t); /* IDs are 1..count */
bool probe_matches(const struct probe *p, const struct dl_pdesc *d);
/* The first probe with an ID of from or more that d matches, or NULL. */
struct probe *probe_next_match(const struct probe_table *t, uint32_t from,
			       const struct dl_pdesc *d);

/* What a provider is: a table of functions and its attributes. */
struct provider {
	const char *name;
	struct dl_prov_attr attr;
	struct session *session;
	/* Probes that exist without being asked for. */
	struct error *(*init)(struct provider *p);
	/* Makes the probes that d asks for and that do not exist yet. */
	struct error *(*provide)(struct provider *p, const struct dl_pdesc *d);
	/* Makes the probe fire from now on, or (after all) stop firing. */
	struct error *(*enable)(struct provider *p, struct probe *pr);
	void (*disable)(struct provider *p, struct probe *pr);
	/* Typed arguments for args[] and -lv. */
	void (*args)(struct provider *p, const struct probe *pr, struct dl_probe_info *ret);
	/* What a list says of the probe besides its name; NULL: nothing. */
	const char *(*note)(const struct probe *pr);
	/* Replaces the plain comparison of names; NULL: none needed. */
	bool (*matches)(const struct probe *pr, const struct dl_pdesc *d);
	bool needs_target; /* can't fire without a traced process */
};

extern const struct provider provider_dtrace, provider_profile, provider_syscall, provider_proc,
	provider_pid, provider_usdt;

#endif
