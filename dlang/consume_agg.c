/*
 * Aggregations as text: printa() and what the end of the run prints.
 *
 * A table is the union of the keys of one or more aggregations.  Everything a
 * row sorts by is worked out before sorting, and the sort's options travel
 * with the comparison; nothing is kept between tables.
 */
#include "consume_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- the table --- */

void dl_agg_table_deinit(struct dl_agg_table *t)
{
	free(t->rows);
	free(t->values);
	free(t->cells);
	free(t->order);
	free(t->ties);
	*t = (struct dl_agg_table){ 0 };
}

static bool table_alloc(struct dl_agg_table *t, size_t max)
{
	size_t n_values, n_cells;

	if (__builtin_mul_overflow(max, t->n_keys, &n_values) ||
	    __builtin_mul_overflow(max, t->n_aggs, &n_cells))
		return false;
	/* One more of each: an empty table is no failure. */
	t->rows = calloc(max + 1, sizeof(*t->rows));
	t->values = calloc(n_values + 1, sizeof(*t->values));
	t->cells = calloc(n_cells + 1, sizeof(const struct dl_agg_entry *));
	t->order = calloc(n_cells + 1, sizeof(*t->order));
	t->ties = calloc(n_cells + 1, sizeof(*t->ties));
	return t->rows && t->values && t->cells && t->order && t->ties;
}

/* Histograms of equal weight go by the count of the bucket that holds zero. */
static int64_t tie_of(const struct dl_aggdesc *d, const struct dl_agg_entry *e)
{
	uint32_t i = d->func == DL_AGG_QUANTIZE	 ? DL_QUANTIZE_ZERO :
		     d->func == DL_AGG_LQUANTIZE ? dl_lquantize_bucket(d->param, 0) :
						   dl_llquantize_bucket(d->param, 0);

	return dl_agg_is_histogram(d) && i < e->n_values ? e->values[i] : 0;
}

static bool in_earlier(const struct dl_agg_table *t, uint32_t agg, const struct dl_agg_entry *e)
{
	for (uint32_t i = 0; i < agg; i++)
		if (dl_agg_find(t->set, t->aggs[i]->id, e->key, e->key_len))
			return true;
	return false;
}

/* Adds the row of an entry of aggregation agg; malformed keys are left out. */
static void add_row(struct dl_agg_table *t, uint32_t agg, const struct dl_agg_entry *e)
{
	size_t at = t->n_rows;
	struct dl_agg_row *row = &t->rows[at];
	struct dl_value *keys = t->values + at * t->n_keys;

	if (!dl_values_split(t->aggs[agg]->keys, t->n_keys, e->key, e->key_len, keys))
		return;
	*row = (struct dl_agg_row){ .key = e->key,
				    .key_len = e->key_len,
				    .keys = keys,
				    .cells = t->cells + at * t->n_aggs,
				    .order = t->order + at * t->n_aggs,
				    .ties = t->ties + at * t->n_aggs };
	for (uint32_t i = 0; i < t->n_aggs; i++) {
		const struct dl_agg_entry *cell =
			i == agg ? e : dl_agg_find(t->set, t->aggs[i]->id, e->key, e->key_len);

		row->cells[i] = cell;
		if (!cell || !cell->hits)
			continue;
		t->order[at * t->n_aggs + i] = dl_agg_sortvalue(t->aggs[i], cell);
		t->ties[at * t->n_aggs + i] = tie_of(t->aggs[i], cell);
	}
	t->n_rows++;
}

/* --- sorting --- */

struct sort_order {
	uint32_t n_aggs, n_keys;
	uint32_t first_agg; /* aggsortpos */
	uint32_t first_key; /* aggsortkeypos */
	bool by_key, reverse;
};

static int compare_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	int order = n ? memcmp(a, b, n) : 0;

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_unsigned(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t unsigned_key(const struct dl_value *v)
{
	unsigned shift = v->desc->size && v->desc->size < 8 ? 64 - 8 * v->desc->size : 0;

	return (uint64_t)dl_value_int(v) << shift >> shift;
}

/* Integers unsigned by their size, everything else by its bytes. */
static int compare_key(const struct dl_value *a, const struct dl_value *b)
{
	uint32_t a_len, b_len;
	const char *a_bytes, *b_bytes;
	int order;

	switch (a->desc->kind) {
	case DL_VK_INT: return compare_unsigned(unsigned_key(a), unsigned_key(b));
	case DL_VK_STRING:
	case DL_VK_BYTES:
	case DL_VK_FLOAT:
		a_bytes = dl_value_bytes(a, &a_len);
		b_bytes = dl_value_bytes(b, &b_len);
		return compare_bytes(a_bytes, a_len, b_bytes, b_len);
	case DL_VK_USTACK: /* pid, then the pcs; the count between them does not order */
		order = compare_bytes(a->data, a->len < 8 ? a->len : 8, b->data,
				      b->len < 8 ? b->len : 8);
		if (order || a->len < 16 || b->len < 16)
			return order;
		return compare_bytes(a->data + 16, a->len - 16, b->data + 16, b->len - 16);
	case DL_VK_STACK: return 0;
	case DL_VK_SYM: return compare_bytes(a->data, a->len, b->data, b->len);
	}
	return 0;
}

static int compare_keys(const struct sort_order *o, const struct dl_agg_row *a,
			const struct dl_agg_row *b)
{
	for (uint32_t i = 0; i < o->n_keys; i++) {
		uint32_t k = (o->first_key + i) % o->n_keys;
		int order = compare_key(&a->keys[k], &b->keys[k]);

		if (order)
			return order;
	}
	return 0;
}

static int compare_cell(const struct dl_agg_row *a, const struct dl_agg_row *b, uint32_t i)
{
	if (a->order[i] != b->order[i])
		return a->order[i] < b->order[i] ? -1 : 1;
	return (a->ties[i] > b->ties[i]) - (a->ties[i] < b->ties[i]);
}

static int compare_values(const struct sort_order *o, const struct dl_agg_row *a,
			  const struct dl_agg_row *b)
{
	int order = compare_cell(a, b, o->first_agg);

	for (uint32_t i = 0; !order && i < o->n_aggs; i++)
		order = compare_cell(a, b, i);
	return order;
}

static int compare_rows(const void *p, const void *q, void *ctx)
{
	const struct sort_order *o = ctx;
	const struct dl_agg_row *a = o->reverse ? q : p, *b = o->reverse ? p : q;
	int order = o->by_key ? compare_keys(o, a, b) : compare_values(o, a, b);

	if (order)
		return order;
	return o->by_key ? compare_values(o, a, b) : compare_keys(o, a, b);
}

static struct sort_order current_order(const struct dl_consumer *c, const struct dl_agg_table *t)
{
	uint64_t agg = dl_consumer_option(c, DL_OPT_AGGSORTPOS);
	uint64_t key = dl_consumer_option(c, DL_OPT_AGGSORTKEYPOS);

	return (struct sort_order){
		.n_aggs = t->n_aggs,
		.n_keys = t->n_keys,
		.first_agg = agg < t->n_aggs ? (uint32_t)agg : 0,
		.first_key = key < t->n_keys ? (uint32_t)key : 0,
		.by_key = dl_consumer_option(c, DL_OPT_AGGSORTKEY),
		.reverse = dl_consumer_option(c, DL_OPT_AGGSORTREV),
	};
}

struct error *dl_agg_table_make(struct dl_consumer *c, const struct dl_aggdesc *const *aggs,
				uint32_t n, struct dl_agg_table *t)
{
	size_t max = 0;

	*t = (struct dl_agg_table){ .aggs = aggs,
				    .n_aggs = n,
				    .set = dl_state_aggs(c->config.state) };
	for (uint32_t i = 0; i < n; i++) {
		max += dl_agg_count(t->set, aggs[i]->id);
		if (aggs[i]->keys_known)
			t->n_keys = aggs[i]->n_keys;
	}
	if (!table_alloc(t, max))
		return &error_nomem;
	for (uint32_t i = 0; i < n; i++) {
		size_t count = dl_agg_count(t->set, aggs[i]->id);

		if (!aggs[i]->func_known || aggs[i]->n_keys != t->n_keys)
			continue;
		for (size_t j = 0; j < count; j++) {
			const struct dl_agg_entry *e = dl_agg_entry(t->set, aggs[i]->id, j);

			if (e && !in_earlier(t, i, e))
				add_row(t, i, e);
		}
	}

	struct sort_order order = current_order(c, t);

	if (t->n_rows > 1)
		qsort_r(t->rows, t->n_rows, sizeof(*t->rows), compare_rows, &order);
	return NULL;
}

/* --- rows --- */

static struct dl_agg_cell cell_of(const struct dl_agg_table *t, const struct dl_agg_row *row,
				  uint32_t i)
{
	return (struct dl_agg_cell){ t->aggs[i], row->cells[i],
				     dl_agg_factor(t->set, t->aggs[i]->id) };
}

static void put_row(struct dl_consumer *c, const struct dl_format_env *env,
		    const struct dl_agg_table *t, const struct dl_agg_row *row)
{
	for (uint32_t i = 0; i < t->n_keys; i++)
		dl_print_value(c, env, &c->out, &row->keys[i], DL_PRINT_KEY);
	for (uint32_t i = 0; i < t->n_aggs; i++) {
		struct dl_agg_cell cell = cell_of(t, row, i);

		if (dl_agg_is_histogram(cell.desc))
			dl_agg_cell_histogram(&c->out, &cell, &env->style);
		else
			strbuf_printf(&c->out, " %16lld", (long long)dl_agg_cell_value(&cell));
	}
	strbuf_putc(&c->out, '\n');
}

/* Output of a long table does not pile up in memory. */
static struct error *spill_if_long(struct dl_consumer *c)
{
	return c->out.len > 65536 ? dl_consumer_spill(c) : NULL;
}

static struct error *put_rows(struct dl_consumer *c, const struct dl_format_env *env,
			      const struct dl_agg_table *t)
{
	struct error *err = NULL;

	for (size_t i = 0; !err && i < t->n_rows; i++) {
		put_row(c, env, t, &t->rows[i]);
		err = spill_if_long(c);
	}
	return err;
}

static struct error *put_formatted(struct dl_consumer *c, struct dl_format_env *env,
				   const struct dl_agg_table *t, const struct dl_format *f)
{
	_cleanup_(freep) struct dl_agg_cell *cells = calloc(t->n_aggs + 1, sizeof(*cells));
	struct error *err = NULL;

	if (!cells)
		return &error_nomem;
	env->aggs = cells;
	env->n_aggs = t->n_aggs;
	for (size_t i = 0; !err && i < t->n_rows; i++) {
		for (uint32_t j = 0; j < t->n_aggs; j++)
			cells[j] = cell_of(t, &t->rows[i], j);
		dl_format_exec(&c->out, f, t->rows[i].keys, t->n_keys, env);
		err = spill_if_long(c);
	}
	env->aggs = NULL;
	env->n_aggs = 0;
	return err;
}

/* --- agghist and aggpack --- */

static unsigned packed_width(const struct dl_value_desc *d)
{
	if (d->kind != DL_VK_INT)
		return 16;
	return d->size == 1 ? 3 : d->size == 2 ? 5 : d->size == 4 ? 8 : 16;
}

static unsigned packed_keys_width(const struct dl_aggdesc *d)
{
	unsigned width = 0;

	for (uint32_t i = 0; i < d->n_keys; i++)
		width += packed_width(&d->keys[i]) + 1;
	return width;
}

static bool has_only_line_keys(const struct dl_aggdesc *d)
{
	for (uint32_t i = 0; i < d->n_keys; i++)
		if (d->keys[i].kind == DL_VK_USTACK || d->keys[i].kind == DL_VK_STACK)
			return false;
	return true;
}

static void put_packed_keys(struct dl_consumer *c, const struct dl_format_env *env,
			    const struct dl_agg_table *t, const struct dl_agg_row *row)
{
	for (uint32_t i = 0; i < t->n_keys; i++) {
		const struct dl_value *v = &row->keys[i];
		char conv = v->desc->kind == DL_VK_INT	 ? 'd' :
			    v->desc->kind == DL_VK_FLOAT ? 'g' :
							   's';
		struct dl_conv k = { .text = " ",
				     .text_len = 1,
				     .conv = conv,
				     .width = (int)packed_width(v->desc) };
		struct dl_format f = { &k, 1 };

		dl_format_exec(&c->out, &f, v, 1, env);
	}
}

static struct error *put_as_bars(struct dl_consumer *c, const struct dl_format_env *env,
				 const struct dl_agg_table *t)
{
	_cleanup_(freep) int64_t *counts = calloc(t->n_rows + 1, sizeof(*counts));

	if (!counts)
		return &error_nomem;
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct dl_agg_entry *e = t->rows[i].cells[0];

		counts[i] = e && e->n_values ? e->values[0] : 0;
	}

	struct dl_bar_scale scale = dl_bar_scale_of(counts, (uint32_t)t->n_rows, &env->style);
	int64_t factor = dl_agg_factor(t->set, t->aggs[0]->id);

	dl_bar_header(&c->out, "key", packed_keys_width(t->aggs[0]));
	for (size_t i = 0; i < t->n_rows; i++) {
		put_packed_keys(c, env, t, &t->rows[i]);
		dl_bar_print(&c->out, counts[i], factor, &scale);
	}
	return spill_if_long(c);
}

static struct error *put_packed(struct dl_consumer *c, const struct dl_format_env *env,
				const struct dl_agg_table *t)
{
	const struct dl_aggdesc *d = t->aggs[0];
	struct dl_bin_range range = { 1, 0 };
	struct dl_bar_style style = { env->style.zoom, dl_consumer_wants_utf8(c, true) };
	int64_t factor = dl_agg_factor(t->set, d->id);

	for (size_t i = 0; i < t->n_rows; i++)
		dl_pack_extend(&range, d, t->rows[i].cells[0]->values,
			       t->rows[i].cells[0]->n_values);
	dl_pack_header(&c->out, d, range, packed_keys_width(d));
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct dl_agg_entry *e = t->rows[i].cells[0];

		put_packed_keys(c, env, t, &t->rows[i]);
		dl_pack_row(&c->out, d, range, e->values, e->n_values, factor, &style);
	}
	return spill_if_long(c);
}

/* The default table, or what agghist and aggpack make of it. */
static struct error *put_table(struct dl_consumer *c, const struct dl_format_env *env,
			       const struct dl_agg_table *t)
{
	const struct dl_aggdesc *d = t->aggs[0];

	if (t->n_aggs == 1 && t->n_rows && d->n_keys && has_only_line_keys(d)) {
		if (dl_consumer_option(c, DL_OPT_AGGHIST) &&
		    (d->func == DL_AGG_COUNT || d->func == DL_AGG_SUM))
			return put_as_bars(c, env, t);
		if (dl_consumer_option(c, DL_OPT_AGGPACK) &&
		    (d->func == DL_AGG_QUANTIZE || d->func == DL_AGG_LQUANTIZE))
			return put_packed(c, env, t);
	}
	return put_rows(c, env, t);
}

/* --- printa() and the end --- */

bool dl_consumer_mark_printed(struct dl_consumer *c, uint32_t id)
{
	while (c->printed.n <= id)
		if (!vec_push(&c->printed, 0))
			return false;
	c->printed.items[id] = 1;
	return true;
}

struct error *dl_consume_printa(struct dl_consumer *c, const struct dl_firing *f,
				const struct dl_action *a)
{
	_cleanup_(dl_agg_table_deinit) struct dl_agg_table t;
	struct dl_format_env env;
	struct error *err = dl_agg_table_make(c, a->aggs, a->n_aggs, &t);

	if (err)
		return err;
	for (uint32_t i = 0; i < a->n_aggs; i++)
		if (!dl_consumer_mark_printed(c, a->aggs[i]->id))
			return &error_nomem;
	dl_consumer_env(c, f, &env);
	if (a->format)
		return put_formatted(c, &env, &t, a->format);
	strbuf_putc(&c->out, '\n');
	return a->n_aggs ? put_table(c, &env, &t) : NULL;
}

struct error *dl_consumer_unprinted(struct dl_consumer *c, const struct dl_aggdesc ***ret,
				    uint32_t *n_ret)
{
	struct dl_agg_set *set = dl_state_aggs(c->config.state);
	uint32_t n_all, n = 0;
	const struct dl_aggdesc *const *all = dl_ctx_aggs(dl_state_ctx(c->config.state), &n_all);
	const struct dl_aggdesc **list = calloc((size_t)n_all + 1, sizeof(*list));

	if (!list)
		return &error_nomem;
	for (uint32_t i = 0; i < n_all; i++) {
		uint32_t id = all[i]->id;

		if (all[i]->func_known && dl_agg_used(set, id) &&
		    !(id < c->printed.n && c->printed.items[id]))
			list[n++] = all[i];
	}
	*ret = list; /* by ID: in the order in which the programs name them */
	*n_ret = n;
	return NULL;
}

struct error *dl_consume_unprinted(struct dl_consumer *c)
{
	_cleanup_(freep) const struct dl_aggdesc **list = NULL;
	bool reverse = dl_consumer_option(c, DL_OPT_AGGSORTREV);
	uint32_t n = 0;
	struct error *err = dl_consumer_unprinted(c, &list, &n);

	for (uint32_t i = 0; !err && i < n; i++) {
		const struct dl_aggdesc *const agg[] = { list[reverse ? n - 1 - i : i] };
		_cleanup_(dl_agg_table_deinit) struct dl_agg_table t;
		struct dl_format_env env;

		dl_consumer_env(c, NULL, &env);
		err = dl_agg_table_make(c, agg, 1, &t);
		if (!err)
			err = put_table(c, &env, &t);
	}
	return err;
}
