/*
 * Inside the consumer: shared by consume*.c, drops.c, fault.c and json_out.c,
 * and by nothing else.
 */
#ifndef DL_CONSUME_IMPL_H
#define DL_CONSUME_IMPL_H

#include "consume.h"
#include "format_exec.h"
#include "vec.h"

struct dl_json;

struct dl_consumer {
	struct dl_consumer_config config;
	struct strbuf out; /* text on its way to the stream */
	FILE *redirect; /* owned; freopen(), else NULL */
	char *redirect_name; /* owned */
	uint32_t target; /* pid, or 0 */
	char thousands[8]; /* of the user's locale, for the ' flag */
	bool has_heading;
	/* Flow indentation: where we are and what came before. */
	unsigned indent;
	uint32_t last_epid, last_probe;
	VEC(struct dl_value) values; /* fields of the item at hand */
	VEC(uint8_t) printed; /* by aggregation: a printa() had it */
	uint8_t *entry; /* owned copy of the entry at hand */
	size_t entry_cap;
	struct dl_json *json; /* -x oformat=json, else NULL */
};

/* One clause's run: an entry and what it belongs to. */
struct dl_firing {
	const struct dl_enabling *en;
	const struct dl_entry *entry;
};

/* What trace() and the tables make of a value. */
enum dl_print_style {
	DL_PRINT_TRACE, /* columns */
	DL_PRINT_QUIET, /* bare */
	DL_PRINT_KEY, /* columns of an aggregation table */
};

static inline uint64_t dl_consumer_option(const struct dl_consumer *c, enum dl_opt which)
{
	return dl_option(c->config.options, which);
}

/* --- consume.c --- */

struct dl_bar_style dl_consumer_style(const struct dl_consumer *c);
/* encoding=, or by TERM if it isn't set. */
bool dl_consumer_wants_utf8(const struct dl_consumer *c, bool by_default);
void dl_consumer_env(const struct dl_consumer *c, const struct dl_firing *f,
		     struct dl_format_env *ret);
/* "error on enabled probe ID ...: text", a line for stderr. */
void dl_consumer_complain(struct dl_consumer *c, const struct dl_firing *f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void dl_consumer_message(struct dl_consumer *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes out what is buffered. */
struct error *dl_consumer_spill(struct dl_consumer *c);
/* Splits an item's data into c->values; false: malformed. */
bool dl_consumer_split(struct dl_consumer *c, const struct dl_value_desc *descs, uint32_t n,
		       const uint8_t *data, uint32_t len);
/* The bytes that a tracemem() or printm() item shows. */
/* print() of a null pointer: nothing of its struct was recorded. */
bool dl_is_null_print(const struct dl_action *a, const struct dl_item *item);
uint32_t dl_dump_len(const struct dl_action *a, const struct dl_item *item);

/* --- consume_print.c --- */

void dl_print_value(const struct dl_consumer *c, const struct dl_format_env *env,
		    struct strbuf *out, const struct dl_value *v, enum dl_print_style style);
void dl_print_hexdump(struct strbuf *out, const uint8_t *data, size_t n);
/* print(): c->values holds the action's fields. */
void dl_print_action(const struct dl_consumer *c, const struct dl_format_env *env,
		     struct strbuf *out, const struct dl_action *a, const struct dl_value *v);

/* --- consume_agg.c --- */

/* Rows of one printa(): the union of the keys, sorted. */
struct dl_agg_row {
	const uint8_t *key;
	uint32_t key_len;
	const struct dl_value *keys;
	const struct dl_agg_entry **cells; /* one per aggregation; NULL: missing */
	const long double *order; /* what the row sorts by, one per aggregation */
	const int64_t *ties;
};

struct dl_agg_table {
	const struct dl_aggdesc *const *aggs;
	uint32_t n_aggs;
	uint32_t n_keys;
	const struct dl_agg_set *set;
	struct dl_agg_row *rows;
	size_t n_rows;
	/* What the rows point into. */
	struct dl_value *values;
	const struct dl_agg_entry **cells;
	long double *order;
	int64_t *ties;
};

/* NULL on success; the table is to be freed even if this fails. */
struct error *dl_agg_table_make(struct dl_consumer *c, const struct dl_aggdesc *const *aggs,
				uint32_t n, struct dl_agg_table *t);
void dl_agg_table_deinit(struct dl_agg_table *t);
struct error *dl_consume_printa(struct dl_consumer *c, const struct dl_firing *f,
				const struct dl_action *a);
/* The end of the run leaves it out; false: out of memory. */
bool dl_consumer_mark_printed(struct dl_consumer *c, uint32_t id);
/* Aggregations no printa() printed, in order of appearance: owned array. */
struct error *dl_consumer_unprinted(struct dl_consumer *c, const struct dl_aggdesc ***ret,
				    uint32_t *n_ret);
struct error *dl_consume_unprinted(struct dl_consumer *c);

#endif
