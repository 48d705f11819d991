/*
 * The consumer's walk over the trace buffer: see consume.h.
 *
 * Each entry is copied out and released before it is looked at, so that the
 * entry behind it can be seen (flow indentation needs that) and so that
 * nothing done while consuming can pull it away.  An entry's lengths are
 * checked item by item; a malformed one is reported and left.
 *
 * Text goes to one buffer, which is written when it is long and at the end of
 * every run; dl_consumer_flush() makes sure that it has left the process.
 * Options are read when they are needed, because setopt() changes them.
 */
#include "consume_impl.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "consume_effect.h"
#include "json_out.h"
#include "print_type.h"

#define SPILL_AT 65536
#define FLOW_STEP 2
#define FLOW_MAX 4096 /* a runaway nesting must not fill the disk with blanks */

/* --- life cycle --- */

/*
 * Only this of the user's numeric locale is wanted: a decimal comma in
 * everything else would break what reads the output.
 */
static void find_thousands(struct dl_consumer *c)
{
	locale_t user = newlocale(LC_NUMERIC_MASK, "", (locale_t)0);

	if (user == (locale_t)0)
		return;
	const char *sep = nl_langinfo_l(THOUSEP, user);

	if (strlen(sep) < sizeof(c->thousands))
		strcpy(c->thousands, sep);
	freelocale(user);
}

struct dl_consumer *dl_consumer_create(const struct dl_consumer_config *config)
{
	struct dl_consumer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	find_thousands(c);
	const char *oformat = dl_option_text(config->options, DL_OPT_OFORMAT);

	if (dl_json_is_wanted(oformat)) {
		c->json = dl_json_create(oformat);
		if (!c->json) {
			free(c);
			return NULL;
		}
		dl_json_start(c);
	}
	return c;
}

void dl_consumer_destroy(struct dl_consumer *c)
{
	if (!c)
		return;
	if (c->redirect)
		fclose(c->redirect);
	free(c->redirect_name);
	strbuf_deinit(&c->out);
	vec_deinit(&c->values);
	vec_deinit(&c->printed);
	free(c->entry);
	dl_json_destroy(c->json);
	free(c);
}

void dl_consumer_set_target(struct dl_consumer *c, uint32_t pid)
{
	c->target = pid;
}

/* --- output --- */

static struct error *write_error(const struct dl_consumer *c, int err)
{
	const char *name = c->redirect ? c->redirect_name : c->config.out_name;

	return error_os(err, "failed to write to %s", name ? name : "<stdout>");
}

struct error *dl_consumer_spill(struct dl_consumer *c)
{
	FILE *f = c->redirect ? c->redirect : c->config.out;
	bool failed = strbuf_failed(&c->out);
	size_t len = c->out.len, written = 0;

	errno = 0;
	if (len)
		written = fwrite(c->out.text, 1, len, f);
	int err = errno;

	strbuf_reset(&c->out);
	if (written < len)
		return write_error(c, err);
	return failed ? &error_nomem : NULL;
}

struct error *dl_consumer_flush(struct dl_consumer *c)
{
	struct error *err = dl_consumer_spill(c);

	if (!err && fflush(c->redirect ? c->redirect : c->config.out) != 0)
		err = write_error(c, errno);
	return err;
}

void dl_consumer_message(struct dl_consumer *c, const char *fmt, ...)
{
	struct strbuf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (c->config.ops && c->config.ops->message)
		c->config.ops->message(c->config.ctx, strbuf_text(&text));
	strbuf_deinit(&text);
}

void dl_consumer_complain(struct dl_consumer *c, const struct dl_firing *f, const char *fmt, ...)
{
	const struct dl_probe_id *p = &f->en->probe;
	struct strbuf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	dl_consumer_message(c, "error on enabled probe ID %u (ID %u: %s:%s:%s:%s): %s", f->en->epid,
			    p->id, p->prov, p->mod, p->func, p->name, strbuf_text(&text));
	strbuf_deinit(&text);
}

/* --- what the other parts ask --- */

bool dl_consumer_wants_utf8(const struct dl_consumer *c, bool by_default)
{
	const char *encoding = dl_option_text(c->config.options, DL_OPT_ENCODING);
	const char *term;

	if (encoding && *encoding)
		return strcmp(encoding, "utf8") == 0;
	if (!by_default)
		return false;
	term = getenv("TERM");
	return !term || (strcmp(term, "sun") != 0 && strcmp(term, "sun-color") != 0 &&
			 strcmp(term, "dumb") != 0);
}

struct dl_bar_style dl_consumer_style(const struct dl_consumer *c)
{
	return (struct dl_bar_style){
		.zoom = dl_consumer_option(c, DL_OPT_AGGZOOM),
		.utf8 = dl_consumer_wants_utf8(c, false),
	};
}

void dl_consumer_env(const struct dl_consumer *c, const struct dl_firing *f,
		     struct dl_format_env *ret)
{
	/* BEGIN, END and ERROR fire in the tracer: their addresses are the target's. */
	bool own = !f || strcmp(f->en->probe.prov, "dtrace") == 0;

	*ret = (struct dl_format_env){
		.ctx = c->config.ctx,
		.symbolize = c->config.ops ? c->config.ops->symbolize : NULL,
		.frame = c->config.ops ? c->config.ops->frame : NULL,
		.pid = own && c->target ? c->target :
		       f		? f->entry->pid :
					  0,
		.style = dl_consumer_style(c),
		.thousands = c->thousands,
	};
}

bool dl_consumer_split(struct dl_consumer *c, const struct dl_value_desc *descs, uint32_t n,
		       const uint8_t *data, uint32_t len)
{
	return vec_reserve(&c->values, (size_t)n + 1) &&
	       dl_values_split(descs, n, data, len, c->values.items);
}

/* --- the record line --- */

enum flow { FLOW_NONE, FLOW_ENTRY, FLOW_RETURN };

/* name is word or ends with "-word". */
static bool is_or_ends_with(const char *name, const char *word)
{
	size_t n = strlen(name), w = strlen(word);

	if (n < w || strcmp(name + n - w, word) != 0)
		return false;
	return n == w || name[n - w - 1] == '-';
}

/*
 * Several clauses of one probe indent once: an entry that follows another
 * clause of its probe doesn't count, nor does a return that another one
 * follows.
 */
static enum flow flow_of(const struct dl_consumer *c, const struct dl_enabling *en,
			 const struct dl_entry *next)
{
	const struct dl_enabling *after;

	if (is_or_ends_with(en->probe.name, "entry")) {
		if (c->last_epid && c->last_epid != en->epid && c->last_probe == en->probe.id)
			return FLOW_NONE;
		return FLOW_ENTRY;
	}
	if (!is_or_ends_with(en->probe.name, "return"))
		return FLOW_NONE;
	after = next ? dl_state_enabling(c->config.state, next->epid) : NULL;
	if (after && after->epid != en->epid && after->probe.id == en->probe.id)
		return FLOW_NONE;
	return FLOW_RETURN;
}

static void put_padded_name(struct strbuf *out, size_t start, size_t width)
{
	size_t len = out->len - start;

	if (len < width)
		strbuf_fill(out, ' ', width - len);
	strbuf_putc(out, ' ');
}

static void put_flow_line(struct dl_consumer *c, const struct dl_firing *f,
			  const struct dl_entry *next)
{
	const struct dl_probe_id *p = &f->en->probe;
	bool is_syscall = strcmp(p->prov, "syscall") == 0;
	enum flow flow = flow_of(c, f->en, next);
	size_t start;

	if (flow == FLOW_RETURN && c->indent)
		c->indent -= FLOW_STEP;
	if (!c->config.test_mode)
		strbuf_printf(&c->out, "%3u ", f->entry->cpu);
	start = c->out.len;
	strbuf_fill(&c->out, ' ', c->indent > FLOW_MAX ? FLOW_MAX : c->indent);
	if (flow == FLOW_NONE)
		strbuf_puts(&c->out, "| ");
	else if (flow == FLOW_ENTRY)
		strbuf_puts(&c->out, is_syscall ? " => " : " -> ");
	else
		strbuf_puts(&c->out, is_syscall ? " <= " : " <- ");
	strbuf_puts(&c->out, p->func);
	if (flow == FLOW_NONE) {
		strbuf_putc(&c->out, ':');
		strbuf_puts(&c->out, p->name);
	}
	put_padded_name(&c->out, start, 41);
	if (flow == FLOW_ENTRY)
		c->indent += FLOW_STEP;
}

static void put_plain_line(struct dl_consumer *c, const struct dl_firing *f)
{
	const struct dl_probe_id *p = &f->en->probe;
	size_t len = strlen(p->func) + 1 + strlen(p->name);

	if (!c->config.test_mode)
		strbuf_printf(&c->out, "%3u %6u ", f->entry->cpu, p->id);
	if (len < 32)
		strbuf_fill(&c->out, ' ', 32 - len);
	strbuf_puts(&c->out, p->func);
	strbuf_putc(&c->out, ':');
	strbuf_puts(&c->out, p->name);
	strbuf_putc(&c->out, ' ');
}

static void put_heading(struct dl_consumer *c, bool flow, bool quiet)
{
	c->has_heading = true;
	if (flow)
		strbuf_printf(&c->out, c->config.test_mode ? "%s%-41s\n" : "%3s %-41s\n",
			      c->config.test_mode ? "" : "CPU", "FUNCTION");
	else if (!quiet && c->config.test_mode)
		strbuf_printf(&c->out, "%32s\n", "FUNCTION:NAME");
	else if (!quiet)
		strbuf_printf(&c->out, "%3s %6s %32s\n", "CPU", "ID", "FUNCTION:NAME");
}

static void put_record_line(struct dl_consumer *c, const struct dl_firing *f,
			    const struct dl_entry *next)
{
	bool flow = dl_consumer_option(c, DL_OPT_FLOWINDENT);
	bool quiet = dl_consumer_option(c, DL_OPT_QUIET);

	if (!c->has_heading)
		put_heading(c, flow, quiet);
	if (flow)
		put_flow_line(c, f, next);
	else if (!quiet)
		put_plain_line(c, f);
	c->last_epid = f->en->epid;
	c->last_probe = f->en->probe.id;
}

/* --- items --- */

uint32_t dl_dump_len(const struct dl_action *a, const struct dl_item *item)
{
	uint32_t size = a->n_fields ? a->fields[a->n_fields - 1].size : 0;

	return item->len < size ? item->len : size;
}

/* tracemem() may record less than its field's size, so its data is not split. */
static bool is_dump(const struct dl_action *a)
{
	return (a->kind == DL_ACT_TRACEMEM || a->kind == DL_ACT_PRINTM) && a->n_fields == 1;
}

bool dl_is_null_print(const struct dl_action *a, const struct dl_item *item)
{
	return a->kind == DL_ACT_PRINT && a->has_arg && !item->len;
}

static void print_item(struct dl_consumer *c, const struct dl_firing *f, const struct dl_action *a,
		       const struct dl_item *item)
{
	bool quiet = dl_consumer_option(c, DL_OPT_QUIET);
	const struct dl_value *v = c->values.items;
	struct dl_format_env env;

	dl_consumer_env(c, f, &env);
	switch (a->kind) {
	case DL_ACT_TRACE:
	case DL_ACT_STACK:
	case DL_ACT_USTACK:
	case DL_ACT_SYM:
		for (uint32_t i = 0; i < a->n_fields; i++)
			dl_print_value(c, &env, &c->out, &v[i],
				       quiet ? DL_PRINT_QUIET : DL_PRINT_TRACE);
		if (!a->n_fields && a->kind == DL_ACT_STACK)
			strbuf_putc(&c->out, '\n');
		break;
	case DL_ACT_PRINTF:
		if (a->format)
			dl_format_exec(&c->out, a->format, v, a->n_fields, &env);
		break;
	case DL_ACT_PRINT:
		if (dl_is_null_print(a, item))
			dl_print_null(&c->out, a->type);
		else if (a->n_fields)
			dl_print_action(c, &env, &c->out, a, &v[a->n_fields - 1]);
		break;
	case DL_ACT_TRACEMEM:
	case DL_ACT_PRINTM:
		if (is_dump(a) && dl_dump_len(a, item))
			dl_print_hexdump(&c->out, item->data, dl_dump_len(a, item));
		break;
	default: /* exit() and what records nothing to show */ break;
	}
}

static struct error *consume_item(struct dl_consumer *c, const struct dl_firing *f,
				  const struct dl_item *item)
{
	const struct dl_clause *clause = f->en->clause;

	if (item->action >= clause->n_actions) {
		dl_consumer_complain(c, f, "malformed trace data");
		return NULL;
	}

	const struct dl_action *a = &clause->actions[item->action];

	/* What may record less than its fields' size is not split. */
	bool is_short = is_dump(a) || dl_is_null_print(a, item);

	if (!is_short && !dl_consumer_split(c, a->fields, a->n_fields, item->data, item->len)) {
		dl_consumer_complain(c, f, "malformed trace data");
		return NULL;
	}
	if (a->kind == DL_ACT_PRINTA)
		return c->json ? dl_json_aggs(c, f, a->aggs, a->n_aggs) :
				 dl_consume_printa(c, f, a);
	if (dl_effect_is(a->kind))
		return dl_effect_run(c, f, a);
	if (c->json)
		dl_json_item(c, f, a, item, is_short ? 0 : a->n_fields);
	else
		print_item(c, f, a, item);
	return NULL;
}

/*
 * -B: no output as such, but a line or two for each piece of text, as a
 * program that takes over the output would be called with it.
 */
static void dump_piece(struct dl_consumer *c, const struct dl_firing *f, size_t start)
{
	struct strbuf piece = { 0 };
	const struct dl_probe_id *p = f ? &f->en->probe : NULL;

	strbuf_add(&piece, strbuf_text(&c->out) + start, c->out.len - start);
	c->out.len = start;
	if (!piece.len)
		return;
	strbuf_puts(&c->out, "dtrace: >>> Called buffer handler:\ndtrace:     buffered => \"");
	dl_put_escaped(&c->out, strbuf_text(&piece), piece.len);
	strbuf_puts(&c->out, "\"\n");
	if (p)
		strbuf_printf(&c->out, "dtrace:        probe => %s:%s:%s:%s\n", p->prov, p->mod,
			      p->func, p->name);
	strbuf_deinit(&piece);
}

/* The item at *pos, which moves behind it; NULL when lengths don't fit. */
static const struct dl_item *next_item(const struct dl_entry *e, uint32_t *pos)
{
	const uint8_t *base = (const uint8_t *)e;
	const struct dl_item *item = (const struct dl_item *)(const void *)(base + *pos);
	uint32_t room = e->size - *pos;

	if (room < sizeof(*item) || item->len > room - sizeof(*item))
		return NULL;

	uint64_t step = sizeof(*item) + (((uint64_t)item->len + 7) & ~7ull);

	if (step > room)
		return NULL;
	*pos += (uint32_t)step;
	return item;
}

static struct error *consume_items(struct dl_consumer *c, const struct dl_firing *f)
{
	uint32_t pos = sizeof(struct dl_entry);

	for (uint32_t i = 0; i < f->entry->n_items; i++) {
		const struct dl_item *item = next_item(f->entry, &pos);

		if (!item) {
			dl_consumer_complain(c, f, "malformed trace data");
			return NULL;
		}

		size_t start = c->out.len;
		struct error *err = consume_item(c, f, item);

		if (err)
			return err;
		if (c->config.dumps && start <= c->out.len)
			dump_piece(c, f, start);
	}
	return NULL;
}

static struct error *consume_entry(struct dl_consumer *c, const struct dl_entry *e,
				   const struct dl_entry *next)
{
	const struct dl_enabling *en = dl_state_enabling(c->config.state, e->epid);
	struct dl_firing f = { en, e };
	struct error *err;

	if (!en || !en->clause) {
		dl_consumer_message(c, "malformed trace data: no enabled probe ID %u", e->epid);
		return NULL;
	}
	if (!e->n_items && !en->clause->records)
		return NULL;
	if (c->json) {
		dl_json_begin(c, &f);
		err = consume_items(c, &f);
		dl_json_end(c);
		return err;
	}
	if (!c->config.dumps)
		put_record_line(c, &f, next);
	err = consume_items(c, &f);
	if (!dl_consumer_option(c, DL_OPT_QUIET) && !c->config.dumps)
		strbuf_putc(&c->out, '\n');
	return err;
}

/* --- the run --- */

static bool copy_entry(struct dl_consumer *c, const struct dl_entry *e)
{
	if (e->size > c->entry_cap) {
		uint8_t *p = realloc(c->entry, e->size);

		if (!p)
			return false;
		c->entry = p;
		c->entry_cap = e->size;
	}
	memcpy(c->entry, e, e->size);
	return true;
}

struct error *dl_consumer_run(struct dl_consumer *c)
{
	struct dl_trace *t = dl_state_trace(c->config.state);
	const struct dl_entry *e;
	struct error *err = NULL;

	while (!err && (e = dl_trace_peek(t))) {
		bool is_sound = e->size >= sizeof(*e) && e->size % 8 == 0;

		if (is_sound && !copy_entry(c, e))
			return &error_nomem;
		if (!is_sound)
			dl_consumer_message(c, "malformed trace data: an entry of %u bytes",
					    e->size);
		dl_trace_next(t);
		if (is_sound)
			err = consume_entry(c, (const struct dl_entry *)(const void *)c->entry,
					    dl_trace_peek(t));
		if (!err && c->out.len > SPILL_AT)
			err = dl_consumer_spill(c);
	}

	struct error *last = dl_consumer_spill(c);

	if (err) {
		error_destroy(last);
		return err;
	}
	return last;
}

static struct error *finish_json(struct dl_consumer *c)
{
	_cleanup_(freep) const struct dl_aggdesc **list = NULL;
	uint32_t n = 0;
	struct error *err = dl_consumer_unprinted(c, &list, &n);

	for (uint32_t i = 0; !err && i < n; i++)
		err = dl_json_aggs(c, NULL, (const struct dl_aggdesc *const *)&list[i], 1);
	dl_json_finish(c);
	return err;
}

struct error *dl_consumer_finish(struct dl_consumer *c)
{
	struct error *err;

	if (c->json) {
		err = finish_json(c);
	} else {
		size_t start = c->out.len;

		if (!c->config.test_mode && !c->config.dumps)
			strbuf_putc(&c->out, '\n');
		err = dl_consume_unprinted(c);
		if (c->config.dumps && start <= c->out.len)
			dump_piece(c, NULL, start);
	}
	if (err) {
		error_destroy(dl_consumer_flush(c));
		return err;
	}
	return dl_consumer_flush(c);
}
