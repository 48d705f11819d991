/*
 * What the compiler asks of the world: probes, symbols and types of targets.
 * dlang knows nothing of processes; the tracer fills this table, unit tests
 * pass a fake.  Any callback may be NULL: nothing of that sort exists then.
 */
#ifndef DL_HOST_H
#define DL_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "error.h"
#include "type.h"

/* Four patterns; "" matches everything.  Globs: * ? [..] \c. */
struct dl_pdesc {
	const char *prov, *mod, *func, *name;
	uint32_t id; /* non-zero: a probe ID, the patterns are unset */
};

/* Raw arguments from here on are addresses of values that the host puts together. */
#define DL_ARG_ADDRESS 32

/* One argument of args[]. */
struct dl_probe_arg {
	const char *name; /* NULL when unnamed */
	const char *native; /* C type name of the raw argument */
	const char *plain; /* what it is where native is no type known here; NULL: an error */
	const char *xlated; /* type name args[n] has; same as native if NULL */
	struct dl_type *native_type; /* set instead of native for types from DWARF */
	unsigned map; /* which raw argument it comes from */
	bool by_address; /* that raw argument is the address of the value */
	const char *why; /* why it has no value ("optimised out"); NULL: it has */
};

struct dl_probe_info {
	unsigned n_matches; /* probes that the description matches now */
	uint32_t id; /* of the representative probe */
	const char *prov, *mod, *func, *name; /* of the representative */
	struct dl_prov_attr attr;
	const struct dl_probe_arg *args;
	unsigned n_args;
	bool args_known; /* probe_args was asked */
	const char *args_why; /* why there are no args ("no debug information"); NULL */
};

struct dl_symbol {
	const char *object, *name;
	uint64_t addr;
	uint64_t size;
	bool is_func;
	bool is_thread_local; /* addr is what DL_BV_THREAD_LOCAL asks the thread with */
	struct dl_type *type; /* NULL when there is no type information */
};

struct dl_host {
	void *ctx;
	/*
	 * Creates what probes the description asks for (pid, profile, ...)
	 * and describes the match.  n_matches 0 is not an error.  Errors carry
	 * their D_ tag (D_PROC_FUNC, D_PDESC_INVAL, ...).
	 */
	struct error *(*probe_match)(void *ctx, const struct dl_pdesc *d,
				     struct dl_probe_info *ret);
	/*
	 * Is it a provider that exists whatever programs declare (dtrace,
	 * syscall)?  NULL: there are none.
	 */
	bool (*provider_is_own)(void *ctx, const char *name);
	/*
	 * Sets args of a match when a clause first uses them: reading types
	 * takes time.  NULL: probe_match has set them.
	 */
	void (*probe_args)(void *ctx, struct dl_types *ts, struct dl_probe_info *info);
	/* object "" searches all objects.  ERR_NOTFOUND when there is none. */
	struct error *(*symbol_lookup)(void *ctx, struct dl_types *ts, const char *object,
				       const char *name, struct dl_symbol *ret);
	/* A named type ("struct conn") of the target; object may be "". NULL = none. */
	struct dl_type *(*type_lookup)(void *ctx, struct dl_types *ts, const char *object,
				       const char *name);
	/* Completes a forward or lazily read type in place; false if impossible. */
	bool (*type_complete)(void *ctx, struct dl_types *ts, struct dl_type *t);
	/*
	 * Candidates for suggestions ("did you mean"): calls fn with the whole
	 * description, "prov:mod:func:name", of every probe that d may mean.
	 */
	void (*probe_suggest)(void *ctx, const struct dl_pdesc *d,
			      void (*fn)(void *arg, const char *text), void *arg);
	/*
	 * Where no candidate is near: which fact of the target keeps d from
	 * matching (a module it lacks, a stripped program).  buf stays "" if none.
	 */
	void (*probe_absent)(void *ctx, const struct dl_pdesc *d, char *buf, size_t size);
};

#endif
