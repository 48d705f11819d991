/*
 * Diagnostics: reporting into the context, and their text form.
 *
 * The classic form is "[D_TAG] PLACE: text"; the place depends on where the
 * program came from (see put_place).  The long form adds the source line, a
 * caret line under the range, and the hint.
 */
#include "ctx.h"

#include <stdio.h>
#include <string.h>

#include "strbuf.h"

#define ERRORS_MAX 100 /* a program with more is not worth reading on */
#define SHOWN_COLUMNS 200 /* of a source line */

static const char *const tag_names[DL_TAG_COUNT] = {
#define TAG(name) [D_##name] = "D_" #name,
#include "tags.def"
#undef TAG
};

const char *dl_tag_name(enum dl_tag tag)
{
	return (unsigned)tag < DL_TAG_COUNT ? tag_names[tag] : "D_UNKNOWN";
}

int dl_tag_by_name(const char *name)
{
	for (int i = 0; i < DL_TAG_COUNT; i++)
		if (!strcmp(tag_names[i], name))
			return i;
	return -1;
}

/* --- reporting --- */

static struct dl_diag *add_diag(struct dl_ctx *c, enum dl_severity severity, enum dl_tag tag,
				bool has_tag, struct dl_range range, char *text)
{
	struct dl_diag d = {
		.severity = severity,
		.tag = tag,
		.has_tag = has_tag,
		.range = range,
		.text = text,
	};

	if (!d.range.source)
		d.range.source = c->source;
	if (!vec_push(&c->diags.list, d))
		dl_too_broken(c);
	if (severity == DL_SEV_ERROR && ++c->diags.n_errors >= ERRORS_MAX)
		dl_too_broken(c);
	return &c->diags.list.items[c->diags.list.n - 1];
}

struct dl_diag *dl_error(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, const char *fmt,
			 ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	return add_diag(c, DL_SEV_ERROR, tag, true, range, text);
}

struct dl_diag *dl_warn(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, const char *fmt,
			...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	return add_diag(c, DL_SEV_WARNING, tag, true, range, text);
}

struct dl_diag *dl_error_plain(struct dl_ctx *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	return add_diag(c, DL_SEV_ERROR, D_UNKNOWN, false, (struct dl_range){ 0 }, text);
}

void dl_hint(struct dl_ctx *c, struct dl_diag *d, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return;
	va_start(ap, fmt);
	d->hint = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

void dl_error_host(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, struct error *e)
{
	int own = e->tag ? dl_tag_by_name(e->tag) : -1;
	char *text = arena_strdup(c->arena, e->message);

	error_destroy(e);
	add_diag(c, DL_SEV_ERROR, own >= 0 ? (enum dl_tag)own : tag, true, range, text);
}

_Noreturn void dl_too_broken(struct dl_ctx *c)
{
	if (c->can_jump)
		longjmp(c->too_broken, 1);
	/* Outside of dl_parse() and dl_compile() only want of memory gets here. */
	fputs("dtrace: out of memory\n", stderr);
	abort();
}

/* --- formatting --- */

static void put_place(struct strbuf *sb, const struct dl_source *src, const struct dl_diag *d)
{
	enum dl_source_kind kind = src ? src->kind : DL_SRC_FILE;

	if (!d->has_tag)
		return;
	if (d->range.file)
		strbuf_printf(sb, "\"%s\", line %u: ", d->range.file, d->range.line);
	else if (kind == DL_SRC_STRING && d->range.region == DL_REGION_PREDICATE)
		strbuf_puts(sb, "in predicate: ");
	else if (kind == DL_SRC_STRING && d->range.region == DL_REGION_ACTION)
		strbuf_puts(sb, "in action list: ");
	else if (kind != DL_SRC_STRING && d->range.line)
		strbuf_printf(sb, "line %u: ", d->range.line);
}

/* The line that holds the range, and carets below it. */
static void put_source_line(struct strbuf *sb, const char *text, const struct dl_range *r)
{
	size_t size = strlen(text), at = r->offset < size ? r->offset : size;
	size_t start = at, end = at;

	while (start > 0 && text[start - 1] != '\n' && at - start < SHOWN_COLUMNS)
		start--;
	while (end < size && text[end] != '\n' && end - at < SHOWN_COLUMNS)
		end++;
	if (start == end)
		return;
	strbuf_putc(sb, '\n');
	for (size_t i = start; i < end; i++) {
		unsigned char ch = (unsigned char)text[i];

		strbuf_putc(sb, (ch < ' ' && ch != '\t') || ch == 0x7f ? ' ' : (char)ch);
	}
	strbuf_putc(sb, '\n');
	for (size_t i = start; i < at; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80) /* one column per UTF-8 character */
			strbuf_putc(sb, text[i] == '\t' ? '\t' : ' ');
	size_t len = r->len ? r->len : 1;

	if (len > end - at)
		len = end > at ? end - at : 1;
	strbuf_fill(sb, '^', 1);
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)text[at + i] & 0xc0) != 0x80)
			strbuf_putc(sb, '~');
}

void dl_diag_format(struct strbuf *sb, const struct dl_source *src, const struct dl_diag *d,
		    bool errtags, bool context_lines)
{
	if (d->range.source)
		src = d->range.source;
	if (errtags && d->has_tag)
		strbuf_printf(sb, "[%s] ", dl_tag_name(d->tag));
	put_place(sb, src, d);
	strbuf_puts(sb, d->text);
	if (!context_lines)
		return;
	if (d->has_tag && d->range.line && src && src->text)
		put_source_line(sb, src->text, &d->range);
	if (d->hint)
		strbuf_printf(sb, "\nhint: %s", d->hint);
}
