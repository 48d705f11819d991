/*
 * Option values of a session.  Set in this order of strength: environment,
 * command line, #pragma D option, setopt().
 */
#ifndef DL_OPTION_H
#define DL_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

enum dl_opt {
#define OPTION(id, name, class, value, def) DL_OPT_##id,
#include "option.def"
#undef OPTION
	DL_OPT_COUNT
};

enum dl_opt_origin { DL_OPT_FROM_ENV, DL_OPT_FROM_CMDLINE, DL_OPT_FROM_PRAGMA, DL_OPT_FROM_SETOPT };

#define DL_OPT_UNSET UINT64_MAX

struct dl_options; /* owns its texts */

struct dl_options *dl_options_create(void);
void dl_options_destroy(struct dl_options *o);
/*
 * Sets name to value (NULL: given without "=").  started: tracing is active,
 * so only dynamic options may change.  Messages: "Invalid option name",
 * "Invalid value for specified option", "Option cannot be used from within a
 * D program", "Operation illegal when tracing is active".
 */
struct error *dl_options_set(struct dl_options *o, const char *name, const char *value,
			     enum dl_opt_origin origin, bool started);
/* Numbers: flags 0/1, sizes in bytes, rates as period in ns (0 = never), counts. */
uint64_t dl_option(const struct dl_options *o, enum dl_opt which);
/* Text and keyword values; NULL when unset.  Lists (define, incdir, libdir,
 * setenv...) keep all: index i, NULL after the last. */
const char *dl_option_text(const struct dl_options *o, enum dl_opt which);
const char *dl_option_text_at(const struct dl_options *o, enum dl_opt which, unsigned i);
/* Is it only accepted, because other systems have it? */
bool dl_option_is_ignored(enum dl_opt which);
/* Where text i stands among all the texts that were given; UINT_MAX after the last. */
unsigned dl_option_order_at(const struct dl_options *o, enum dl_opt which, unsigned i);
bool dl_option_is_set(const struct dl_options *o, enum dl_opt which);
const char *dl_option_name(enum dl_opt which);
/* Calls fn with every option name: suggestions. */
void dl_options_each(void (*fn)(void *arg, const char *name), void *arg);
/* Value syntaxes of the options document. */
struct error *dl_parse_size(const char *s, uint64_t *ret);
/* Nanoseconds of "ms", "sec", "min" and the like, in any case; 0: no unit. */
uint64_t dl_time_unit(const char *name);
struct error *dl_parse_rate(const char *s, uint64_t *period_ns_ret);

#endif
