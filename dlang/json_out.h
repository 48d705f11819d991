/*
 * -x oformat=json: records and aggregations as JSON, one object a line; xml and
 * html are the same tree in other clothes.
 * The schema is in docs/json.md.
 */
#ifndef DL_JSON_OUT_H
#define DL_JSON_OUT_H

#include "consume_impl.h"

/* Names of the formats that mean JSON; text formats yield false. */
bool dl_json_is_wanted(const char *oformat);
struct dl_json *dl_json_create(const char *oformat); /* NULL: out of memory */
void dl_json_destroy(struct dl_json *j);
/* The first line: schema version. */
void dl_json_start(struct dl_consumer *c);
/* The last one: what XML still has to close. */
void dl_json_finish(struct dl_consumer *c);
/* One record: begin, its items in order, end. */
void dl_json_begin(struct dl_consumer *c, const struct dl_firing *f);
/* c->values holds the n fields of the action. */
void dl_json_item(struct dl_consumer *c, const struct dl_firing *f, const struct dl_action *a,
		  const struct dl_item *item, uint32_t n);
void dl_json_end(struct dl_consumer *c);
/* Rows of aggregations; f is printa()'s firing or NULL at the end of the run. */
struct error *dl_json_aggs(struct dl_consumer *c, const struct dl_firing *f,
			   const struct dl_aggdesc *const *aggs, uint32_t n);
void dl_json_fault(struct dl_consumer *c, const struct dl_fault_info *info,
		   const struct dl_enabling *en);
void dl_json_drop(struct dl_consumer *c, const char *kind, uint64_t count, int64_t cpu,
		  const char *text);

#endif
