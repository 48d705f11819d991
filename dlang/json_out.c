/*
 * Structured output: see json_out.h and docs/json.md.
 *
 * Every line is built as a json-c tree and then written as JSON, or by a small
 * walker as XML or HTML with the same names.  This is the only file that
 * knows json-c.
 *
 * Texts come from targets and may be anything.  json-c passes bytes through,
 * so each text is made valid UTF-8 first; the bytes that a text really had
 * are kept beside it in hex.  Doubles that JSON has no number for become null.
 * When memory runs out a field is missing or null, the line stays sound.
 */
#include "json_out.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "print_type.h"
#include "state.h"
#include "type.h"

#define SCHEMA_VERSION 1

enum json_form { FORM_JSON, FORM_XML, FORM_HTML };

struct dl_json {
	enum json_form form;
	bool pretty;
	bool is_closed;
	uint64_t n_snapshots;
	uint64_t n_cut; /* strings shown that filled strsize */
	json_object *record; /* between begin and end */
	json_object *data; /* borrowed from record */
};

/* --- which format --- */

static bool parse_form(const char *text, enum json_form *form_ret, bool *pretty_ret)
{
	static const char *const names[] = { "json", "xml", "html" };
	size_t n = strcspn(text, ",");

	*pretty_ret = strcmp(text + n, ",pretty") == 0;
	if (text[n] && !*pretty_ret)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) == n && strncmp(text, names[i], n) == 0) {
			*form_ret = (enum json_form)i;
			return true;
		}
	}
	return false;
}

bool dl_json_is_wanted(const char *oformat)
{
	enum json_form form;
	bool pretty;

	return oformat && parse_form(oformat, &form, &pretty);
}

struct error *dl_consumer_check_format(const char *oformat)
{
	if (!oformat || strcmp(oformat, "text") == 0 || dl_json_is_wanted(oformat))
		return NULL;
	return error_format(ERR_USAGE,
			    "unknown output format '%s': use text, json, xml or html, the last "
			    "three also with ',pretty'",
			    oformat);
}

struct dl_json *dl_json_create(const char *oformat)
{
	struct dl_json *j = calloc(1, sizeof(*j));

	if (j)
		parse_form(oformat, &j->form, &j->pretty);
	return j;
}

void dl_json_destroy(struct dl_json *j)
{
	if (!j)
		return;
	json_object_put(j->record);
	free(j);
}

/* --- texts --- */

/* Bytes of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	uint32_t ch, least;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] < 0xe0) {
		len = 2, ch = s[0] & 0x1f, least = 0x80;
	} else if ((s[0] & 0xf0) == 0xe0) {
		len = 3, ch = s[0] & 0x0f, least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] < 0xf5) {
		len = 4, ch = s[0] & 0x07, least = 0x10000;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		ch = ch << 6 | (s[i] & 0x3f);
	}
	return ch < least || ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000) ? 0 : len;
}

/* Appends text with U+FFFD in place of each byte that is not UTF-8; true: it was. */
static bool clean_text(struct strbuf *out, const char *text, size_t n)
{
	bool was_clean = true;

	for (size_t i = 0; i < n;) {
		size_t len = utf8_len((const unsigned char *)text + i, n - i);

		if (len) {
			strbuf_add(out, text + i, len);
			i += len;
		} else {
			strbuf_puts(out, "\xef\xbf\xbd");
			was_clean = false;
			i++;
		}
	}
	return was_clean;
}

static json_object *text_json(const char *text, size_t n, bool *was_clean_ret)
{
	struct strbuf clean = { 0 };
	bool was_clean = clean_text(&clean, text, n);
	json_object *o = json_object_new_string_len(strbuf_text(&clean), (int)clean.len);

	strbuf_deinit(&clean);
	if (was_clean_ret)
		*was_clean_ret = was_clean;
	return o;
}

static json_object *hex_json(const char *bytes, size_t n)
{
	struct strbuf hex = { 0 };

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)bytes[i];

		strbuf_putc(&hex, "0123456789abcdef"[ch >> 4]);
		strbuf_putc(&hex, "0123456789abcdef"[ch & 15]);
	}

	json_object *o = json_object_new_string_len(strbuf_text(&hex), (int)hex.len);

	strbuf_deinit(&hex);
	return o;
}

static void add(json_object *o, const char *name, json_object *v)
{
	if (json_object_object_add(o, name, v) != 0)
		json_object_put(v);
}

static void push(json_object *array, json_object *v)
{
	if (json_object_array_add(array, v) != 0)
		json_object_put(v);
}

static void add_uint(json_object *o, const char *name, uint64_t v)
{
	add(o, name, json_object_new_uint64(v));
}

static void add_int(json_object *o, const char *name, int64_t v)
{
	add(o, name, json_object_new_int64(v));
}

static void add_text(json_object *o, const char *name, const char *text)
{
	add(o, name, text_json(text, strlen(text), NULL));
}

/* A text of the target: with "hex" beside it if it is not UTF-8. */
static void add_bytes_text(json_object *o, const char *name, const char *text, size_t n)
{
	bool was_clean;

	add(o, name, text_json(text, n, &was_clean));
	if (!was_clean)
		add(o, "hex", hex_json(text, n));
}

/* --- writing a line --- */

static void put_markup_text(struct strbuf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)text[i];

		if (ch == '<')
			strbuf_puts(out, "&lt;");
		else if (ch == '>')
			strbuf_puts(out, "&gt;");
		else if (ch == '&')
			strbuf_puts(out, "&amp;");
		else if (ch == '"')
			strbuf_puts(out, "&quot;");
		else if (ch == '\t' || ch == '\n' || ch == '\r')
			strbuf_printf(out, "&#%d;", ch);
		else if (ch < 0x20) /* XML can't even refer to these */
			strbuf_puts(out, "\xef\xbf\xbd");
		else
			strbuf_putc(out, (char)ch);
	}
}

static void put_markup(struct strbuf *out, const struct dl_json *j, const char *name,
		       json_object *v, unsigned depth);

static void put_break(struct strbuf *out, const struct dl_json *j, unsigned depth)
{
	if (!j->pretty)
		return;
	strbuf_putc(out, '\n');
	strbuf_fill(out, ' ', 2 * (size_t)depth);
}

static void put_markup_body(struct strbuf *out, const struct dl_json *j, json_object *v,
			    unsigned depth)
{
	if (json_object_get_type(v) == json_type_object) {
		json_object_object_foreach(v, key, member)
		{
			if (json_object_get_type(member) != json_type_array) {
				put_markup(out, j, key, member, depth + 1);
				continue;
			}
			for (size_t i = 0; i < json_object_array_length(member); i++)
				put_markup(out, j, key, json_object_array_get_idx(member, i),
					   depth + 1);
		}
		put_break(out, j, depth);
	} else if (json_object_get_type(v) == json_type_string) {
		put_markup_text(out, json_object_get_string(v),
				(size_t)json_object_get_string_len(v));
	} else {
		strbuf_puts(out, json_object_to_json_string(v));
	}
}

/* An element; the elements of an array repeat their name. */
static void put_markup(struct strbuf *out, const struct dl_json *j, const char *name,
		       json_object *v, unsigned depth)
{
	put_break(out, j, depth);
	strbuf_printf(out, j->form == FORM_XML ? "<%s>" : "<div class=\"data\" data-tag=\"%s\">",
		      name);
	if (v)
		put_markup_body(out, j, v, depth);
	if (j->form == FORM_XML)
		strbuf_printf(out, "</%s>", name);
	else
		strbuf_puts(out, "</div>");
}

/* Takes o. */
static void put_line(struct dl_consumer *c, json_object *o)
{
	struct dl_json *j = c->json;

	if (!o)
		return;
	if (j->form == FORM_JSON) {
		int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
			    (j->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
					 JSON_C_TO_STRING_PLAIN);
		size_t len = 0;
		const char *text = json_object_to_json_string_length(o, flags, &len);

		if (text)
			strbuf_add(&c->out, text, len);
	} else {
		json_object *type = json_object_object_get(o, "type");

		put_markup(&c->out, j, type ? json_object_get_string(type) : "record", o, 0);
	}
	strbuf_putc(&c->out, '\n');
	json_object_put(o);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static json_object *new_line(const char *type, uint64_t timestamp)
{
	json_object *o = json_object_new_object();

	add_uint(o, "v", SCHEMA_VERSION);
	add_text(o, "type", type);
	add_uint(o, "timestamp", timestamp);
	return o;
}

void dl_json_start(struct dl_consumer *c)
{
	json_object *o = new_line("header", clock_ns(CLOCK_MONOTONIC));
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	add_text(o, "schema", "dtrace");
	add_uint(o, "walltimestamp", clock_ns(CLOCK_REALTIME));
	add_text(o, "host", host);
	if (c->json->form == FORM_XML)
		strbuf_puts(&c->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dtrace>\n");
	put_line(c, o);
}

/* Only here: text shows what DTrace shows, which says nothing of cut strings. */
static void report_cut(struct dl_consumer *c)
{
	struct strbuf text = { 0 };
	uint64_t n = c->json->n_cut;

	if (!n)
		return;
	c->json->n_cut = 0;
	strbuf_printf(&text, "%llu string%s filled strsize", (unsigned long long)n,
		      n == 1 ? "" : "s");
	dl_json_drop(c, "STRSIZE", n, -1, strbuf_text(&text));
	strbuf_deinit(&text);
}

void dl_json_finish(struct dl_consumer *c)
{
	report_cut(c);
	if (c->json->form == FORM_XML && !c->json->is_closed)
		strbuf_puts(&c->out, "</dtrace>\n");
	c->json->is_closed = true;
}

/* --- values --- */

static json_object *double_json(double v)
{
	return isfinite(v) ? json_object_new_double(v) : NULL;
}

static void add_float(json_object *o, const struct dl_value *v)
{
	uint32_t n;
	const char *bytes = dl_value_bytes(v, &n);
	long double ld = 0;
	double d = 0;
	float f;

	if (n == sizeof(f)) {
		memcpy(&f, bytes, sizeof(f));
		d = f;
	} else if (n == sizeof(d)) {
		memcpy(&d, bytes, sizeof(d));
	} else if (n == sizeof(ld)) {
		memcpy(&ld, bytes, sizeof(ld));
		d = (double)ld;
	}
	add(o, "value", double_json(d));
	if (!isfinite(d))
		add(o, "hex", hex_json(bytes, n));
}

static void add_symbol(json_object *o, const struct dl_format_env *env, uint32_t pid, uint64_t addr,
		       enum dl_symkind kind)
{
	struct strbuf text = { 0 };

	dl_put_symbol(&text, env, pid, addr, kind);
	add_uint(o, "address", addr);
	add(o, "symbol", text_json(strbuf_text(&text), text.len, NULL));
	strbuf_deinit(&text);
}

static void add_frames(json_object *o, const struct dl_format_env *env, const struct dl_value *v)
{
	json_object *frames = json_object_new_array();
	uint32_t pid = (uint32_t)dl_value_word(v, 0);

	if (v->len >= 8)
		add_uint(o, "pid", pid);
	for (uint32_t i = 2; i < v->len / 8 && dl_value_word(v, i); i++) {
		json_object *frame = json_object_new_object();
		uint64_t word = dl_value_word(v, i), pc = word & ~DL_FRAME_GUESS;

		add_symbol(frame, env, pid, pc, DL_SYM_UADDR);
		if (word != pc)
			add(frame, "guess", json_object_new_boolean(true));
		push(frames, frame);
	}
	add(o, "frames", frames);
}

static const char *kind_name(const struct dl_value_desc *d)
{
	switch (d->kind) {
	case DL_VK_INT: return "int";
	case DL_VK_STRING: return "string";
	case DL_VK_BYTES: return "bytes";
	case DL_VK_FLOAT: return "float";
	case DL_VK_USTACK: return "ustack";
	case DL_VK_STACK: return "stack";
	case DL_VK_SYM:
		return d->symkind == DL_SYM_USYM ? "usym" :
		       d->symkind == DL_SYM_UMOD ? "umod" :
						   "uaddr";
	}
	return "unknown";
}

static void add_string(json_object *o, const struct dl_consumer *c, const struct dl_value *v)
{
	uint32_t n;
	const char *text = dl_value_bytes(v, &n);
	uint64_t strsize = dl_consumer_option(c, DL_OPT_STRSIZE);

	add_bytes_text(o, "value", text, n);
	if (strsize && strsize != DL_OPT_UNSET && n + 1ull >= strsize) {
		add(o, "cut", json_object_new_boolean(true));
		c->json->n_cut++;
	}
}

static json_object *value_json(const struct dl_consumer *c, const struct dl_format_env *env,
			       const struct dl_value *v)
{
	json_object *o = json_object_new_object();
	uint32_t n;
	const char *bytes = dl_value_bytes(v, &n);
	struct strbuf type = { 0 };

	add_text(o, "kind", kind_name(v->desc));
	if (v->desc->type && v->desc->kind <= DL_VK_FLOAT) {
		dl_type_print(&type, v->desc->type);
		add(o, "ctype", text_json(strbuf_text(&type), type.len, NULL));
		strbuf_deinit(&type);
	}
	switch (v->desc->kind) {
	case DL_VK_INT:
		if (v->desc->is_signed)
			add_int(o, "value", dl_value_int(v));
		else
			add_uint(o, "value", (uint64_t)dl_value_int(v));
		break;
	case DL_VK_STRING: add_string(o, c, v); break;
	case DL_VK_BYTES: add(o, "hex", hex_json(bytes, n)); break;
	case DL_VK_FLOAT: add_float(o, v); break;
	case DL_VK_USTACK:
	case DL_VK_STACK: add_frames(o, env, v); break;
	case DL_VK_SYM:
		add_uint(o, "pid", dl_value_word(v, 0));
		add_symbol(o, env, (uint32_t)dl_value_word(v, 0), dl_value_word(v, 1),
			   v->desc->symkind);
		break;
	}
	return o;
}

static json_object *values_json(const struct dl_consumer *c, const struct dl_format_env *env,
				const struct dl_value *v, uint32_t n)
{
	json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < n; i++)
		push(array, value_json(c, env, &v[i]));
	return array;
}

/* --- records --- */

static void add_probe(json_object *o, const struct dl_enabling *en)
{
	json_object *probe = json_object_new_object();

	add_uint(probe, "id", en->probe.id);
	add_text(probe, "provider", en->probe.prov);
	add_text(probe, "module", en->probe.mod);
	add_text(probe, "function", en->probe.func);
	add_text(probe, "name", en->probe.name);
	add_uint(o, "epid", en->epid);
	add(o, "probe", probe);
}

static void add_firing(json_object *o, const struct dl_firing *f)
{
	add_uint(o, "pid", f->entry->pid);
	add_uint(o, "tid", f->entry->tid);
	add_uint(o, "cpu", f->entry->cpu);
	add_probe(o, f->en);
}

void dl_json_begin(struct dl_consumer *c, const struct dl_firing *f)
{
	struct dl_json *j = c->json;

	j->record = new_line("record", f->entry->time);
	j->data = json_object_new_array();
	add_firing(j->record, f);
	add(j->record, "data", j->data);
}

void dl_json_end(struct dl_consumer *c)
{
	json_object *record = c->json->record;

	c->json->record = c->json->data = NULL;
	put_line(c, record);
}

static const char *action_name(enum dl_action_kind kind)
{
	switch (kind) {
	case DL_ACT_PRINTF: return "printf";
	case DL_ACT_PRINT: return "print";
	case DL_ACT_PRINTM: return "printm";
	case DL_ACT_TRACEMEM: return "tracemem";
	case DL_ACT_STACK: return "stack";
	case DL_ACT_USTACK: return "ustack";
	case DL_ACT_SYM: return "sym";
	case DL_ACT_EXIT: return "exit";
	default: return "trace";
	}
}

static void add_rendered(json_object *o, const char *name, struct strbuf *text)
{
	add_bytes_text(o, name, strbuf_text(text), text->len);
	strbuf_deinit(text);
}

void dl_json_item(struct dl_consumer *c, const struct dl_firing *f, const struct dl_action *a,
		  const struct dl_item *item, uint32_t n)
{
	const struct dl_value *v = c->values.items;
	struct dl_format_env env;
	struct strbuf text = { 0 };
	json_object *o;

	if (a->kind == DL_ACT_NOTHING)
		return;
	dl_consumer_env(c, f, &env);
	o = json_object_new_object();
	add_text(o, "action", action_name(a->kind));
	if (a->kind == DL_ACT_PRINTF && a->format) {
		dl_format_exec(&text, a->format, v, n, &env);
		add_rendered(o, "message", &text);
	} else if (dl_is_null_print(a, item)) {
		dl_print_null(&text, a->type);
		add_rendered(o, "text", &text);
	} else if (a->kind == DL_ACT_PRINT && n) {
		dl_print_action(c, &env, &text, a, &v[n - 1]);
		add_rendered(o, "text", &text);
	} else if (a->kind == DL_ACT_TRACEMEM || a->kind == DL_ACT_PRINTM) {
		add(o, "hex", hex_json((const char *)item->data, dl_dump_len(a, item)));
	}
	add(o, "values", values_json(c, &env, v, n));
	push(c->json->data, o);
}

/* --- aggregations --- */

static const char *func_name(enum dl_aggfunc f)
{
	static const char *const names[] = {
		[DL_AGG_COUNT] = "count",
		[DL_AGG_SUM] = "sum",
		[DL_AGG_AVG] = "avg",
		[DL_AGG_MIN] = "min",
		[DL_AGG_MAX] = "max",
		[DL_AGG_STDDEV] = "stddev",
		[DL_AGG_QUANTIZE] = "quantize",
		[DL_AGG_LQUANTIZE] = "lquantize",
		[DL_AGG_LLQUANTIZE] = "llquantize",
	};

	return f < ARRAY_SIZE(names) ? names[f] : "unknown";
}

/* 128 bits do not fit a JSON number: decimal digits in a string. */
static void add_squares(json_object *o, const int64_t *v)
{
	unsigned __int128 n = (unsigned __int128)(uint64_t)v[3] << 64 | (uint64_t)v[2];
	char buf[48], *p = buf + sizeof(buf) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + (int)(n % 10));
	} while (n /= 10);
	add_text(o, "sum_of_squares", p);
}

static void add_parameters(json_object *o, const struct dl_aggdesc *d)
{
	uint64_t p = d->param;

	if (d->func == DL_AGG_LQUANTIZE) {
		add_int(o, "base", (int32_t)(uint32_t)p);
		add_uint(o, "levels", (p >> 32) & 0xffff);
		add_uint(o, "step", p >> 48);
	} else if (d->func == DL_AGG_LLQUANTIZE) {
		add_uint(o, "factor", p >> 48);
		add_uint(o, "low", (p >> 32) & 0xffff);
		add_uint(o, "high", (p >> 16) & 0xffff);
		add_uint(o, "steps", p & 0xffff);
	}
}

static void add_buckets(json_object *o, const struct dl_aggdesc *d, const struct dl_agg_entry *e)
{
	json_object *buckets = json_object_new_array();

	add_parameters(o, d);
	for (uint32_t i = 0; i < e->n_values; i++) {
		json_object *b;
		bool has_low;
		int64_t low;

		if (!e->values[i])
			continue;
		b = json_object_new_object();
		low = dl_bucket_low(d, i, &has_low);
		add_uint(b, "bucket", i);
		add(b, "low", has_low ? json_object_new_int64(low) : NULL);
		add_int(b, "count", e->values[i]);
		push(buckets, b);
	}
	add(o, "buckets", buckets);
}

/* What has to be added up (or compared) to merge two runs. */
static json_object *state_json(const struct dl_aggdesc *d, const struct dl_agg_entry *e)
{
	json_object *o = json_object_new_object();
	const int64_t *v = e->values;

	add_uint(o, "hits", e->hits);
	if (e->n_values < dl_agg_words(d->func, d->param))
		return o;
	switch (d->func) {
	case DL_AGG_COUNT: add_uint(o, "count", (uint64_t)v[0]); break;
	case DL_AGG_SUM: add_int(o, "sum", v[0]); break;
	case DL_AGG_MIN:
	case DL_AGG_MAX:
		add(o, func_name(d->func), e->hits ? json_object_new_int64(v[0]) : NULL);
		break;
	case DL_AGG_AVG:
	case DL_AGG_STDDEV:
		add_int(o, "count", v[0]);
		add_int(o, "sum", v[1]);
		if (d->func == DL_AGG_STDDEV)
			add_squares(o, v);
		break;
	case DL_AGG_QUANTIZE:
	case DL_AGG_LQUANTIZE:
	case DL_AGG_LLQUANTIZE: add_buckets(o, d, e); break;
	}
	return o;
}

static void put_agg_line(struct dl_consumer *c, const struct dl_firing *f,
			 const struct dl_agg_table *t, const struct dl_agg_row *row)
{
	const struct dl_aggdesc *d = t->aggs[0];
	int64_t factor = dl_agg_factor(t->set, d->id);
	struct dl_agg_cell cell = { d, row->cells[0], factor };
	json_object *o = new_line("aggregation", f ? f->entry->time : clock_ns(CLOCK_MONOTONIC));
	struct dl_format_env env;

	dl_consumer_env(c, f, &env);
	add_uint(o, "snapshot", c->json->n_snapshots);
	add(o, "final", json_object_new_boolean(!f));
	if (f)
		add_firing(o, f);
	add_text(o, "name", d->name ? d->name : "_");
	add_text(o, "function", func_name(d->func));
	add(o, "keys", values_json(c, &env, row->keys, t->n_keys));
	add(o, "state", state_json(d, row->cells[0]));
	if (!dl_agg_is_histogram(d))
		add_int(o, "value", dl_agg_cell_value(&cell));
	add_int(o, "normalize", factor);
	put_line(c, o);
}

static struct error *put_agg(struct dl_consumer *c, const struct dl_firing *f,
			     const struct dl_aggdesc *const *agg)
{
	_cleanup_(dl_agg_table_deinit) struct dl_agg_table t;
	struct error *err = dl_agg_table_make(c, agg, 1, &t);

	for (size_t i = 0; !err && i < t.n_rows; i++) {
		put_agg_line(c, f, &t, &t.rows[i]);
		if (c->out.len > 65536)
			err = dl_consumer_spill(c);
	}
	return err;
}

struct error *dl_json_aggs(struct dl_consumer *c, const struct dl_firing *f,
			   const struct dl_aggdesc *const *aggs, uint32_t n)
{
	struct error *err = NULL;

	for (uint32_t i = 0; !err && i < n; i++) {
		if (f && !dl_consumer_mark_printed(c, aggs[i]->id))
			return &error_nomem;
		err = put_agg(c, f, &aggs[i]);
	}
	c->json->n_snapshots += f != NULL;
	return err;
}

/* --- troubles --- */

void dl_json_fault(struct dl_consumer *c, const struct dl_fault_info *info,
		   const struct dl_enabling *en)
{
	json_object *o = new_line("fault", clock_ns(CLOCK_MONOTONIC));

	add_probe(o, en);
	add_text(o, "fault", dl_fault_name(info->fault));
	add_int(o, "code", info->fault);
	add_uint(o, "statement", info->action);
	add_int(o, "offset", info->offset);
	add_uint(o, "address", info->addr);
	put_line(c, o);
}

void dl_json_drop(struct dl_consumer *c, const char *kind, uint64_t count, int64_t cpu,
		  const char *text)
{
	json_object *o = new_line("drop", clock_ns(CLOCK_MONOTONIC));

	add_text(o, "kind", kind);
	add_uint(o, "count", count);
	if (cpu >= 0)
		add_int(o, "cpu", cpu);
	add_text(o, "message", text);
	put_line(c, o);
}
