/*
 * Values as trace(), stack() and the columns of aggregation tables show them.
 *
 * Integers have a column width by their size.  Strings of D's type string are
 * always text; other bytes are text if they look like it and a hex dump
 * otherwise.
 */
#include "consume_impl.h"

#include <string.h>

#include "print_type.h"

#define TRACE_WIDTH 33
#define KEY_WIDTH 50
#define DUMP_COLUMNS 16
#define DUMP_INDENT 5
#define INDENT_MAX 4096

/* --- bytes --- */

static bool is_texty(unsigned char ch)
{
	return (ch >= 0x20 && ch <= 0x7e) || (ch >= '\a' && ch <= '\r');
}

/*
 * Bytes are text if all before the first NUL are printable or white space,
 * there is at least one of them, and only NULs follow.
 */
static bool looks_like_text(const char *s, size_t n, size_t *len_ret, bool *has_nul_ret)
{
	size_t i = 0;

	while (i < n && s[i] && is_texty((unsigned char)s[i]))
		i++;
	*len_ret = i;
	*has_nul_ret = i < n;
	if (i == 0)
		return false;
	for (; i < n; i++)
		if (s[i])
			return false;
	return true;
}

static void put_dump_row(struct strbuf *out, const uint8_t *data, size_t n, size_t offset)
{
	strbuf_fill(out, ' ', DUMP_INDENT);
	strbuf_printf(out, "%5zx:", offset);
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, " %02x", data[i]);
	strbuf_fill(out, ' ', 3 * (DUMP_COLUMNS - n) + 2);
	for (size_t i = 0; i < n; i++)
		strbuf_putc(out, data[i] < 0x20 || data[i] > 0x7e ? '.' : (char)data[i]);
	strbuf_putc(out, '\n');
}

void dl_print_hexdump(struct strbuf *out, const uint8_t *data, size_t n)
{
	strbuf_putc(out, '\n');
	strbuf_fill(out, ' ', DUMP_INDENT + 6);
	for (unsigned i = 0; i < DUMP_COLUMNS; i++)
		strbuf_printf(out, "  %x", i);
	strbuf_puts(out, "  0123456789abcdef\n");
	for (size_t i = 0; i < n; i += DUMP_COLUMNS)
		put_dump_row(out, data + i, n - i < DUMP_COLUMNS ? n - i : DUMP_COLUMNS, i);
}

/* rawbytes shows a string as the record of the classic layout: padded to strsize. */
static void dump_string(const struct dl_consumer *c, struct strbuf *out, const char *s, uint32_t n)
{
	uint64_t size = dl_consumer_option(c, DL_OPT_STRSIZE);
	struct strbuf padded = { 0 };

	strbuf_add(&padded, s, n);
	if (size > n && size <= 1u << 20)
		strbuf_fill(&padded, '\0', size - n);
	dl_print_hexdump(out, (const uint8_t *)strbuf_text(&padded), padded.len);
	strbuf_deinit(&padded);
}

static void put_column(struct strbuf *out, const char *text, size_t n, enum dl_print_style style)
{
	size_t width = style == DL_PRINT_KEY ? KEY_WIDTH : TRACE_WIDTH;

	if (style == DL_PRINT_QUIET) {
		strbuf_add(out, text, n);
		return;
	}
	strbuf_add(out, "  ", 2);
	strbuf_add(out, text, n);
	if (n < width)
		strbuf_fill(out, ' ', width - n);
}

static void put_string(const struct dl_consumer *c, struct strbuf *out, const struct dl_value *v,
		       enum dl_print_style style)
{
	uint32_t n;
	const char *s = dl_value_bytes(v, &n);

	if (dl_consumer_option(c, DL_OPT_RAWBYTES)) {
		dump_string(c, out, s, n);
		return;
	}
	put_column(out, s, strnlen(s, n), style);
}

static void put_bytes(const struct dl_consumer *c, struct strbuf *out, const struct dl_value *v,
		      enum dl_print_style style)
{
	uint32_t n;
	const char *s = dl_value_bytes(v, &n);
	bool has_nul;
	size_t len;

	if (dl_consumer_option(c, DL_OPT_RAWBYTES) || !looks_like_text(s, n, &len, &has_nul)) {
		dl_print_hexdump(out, (const uint8_t *)s, n);
		return;
	}
	/* Without a NUL the columns are there even in quiet mode. */
	if (!has_nul && style == DL_PRINT_QUIET)
		style = DL_PRINT_TRACE;
	put_column(out, s, len, style);
}

/* --- numbers --- */

/* Columns of trace(): Oracle's are wide enough for every value, and its tests expect them. */
static size_t number_width(const struct dl_consumer *c, const struct dl_value_desc *d,
			   enum dl_print_style style)
{
	bool is_wide = c->config.test_mode && style == DL_PRINT_TRACE;

	switch (d->size) {
	case 1: return 3;
	case 2: return 5;
	case 4: return is_wide ? 10 : 8;
	default: return !is_wide ? 16 : d->is_signed ? 19 : 20;
	}
}

static void put_number(const struct dl_consumer *c, struct strbuf *out, const struct dl_value *v,
		       enum dl_print_style style)
{
	struct strbuf text = { 0 };
	char buf[24];
	int64_t value = dl_value_int(v);
	size_t width = number_width(c, v->desc, style);

	if (style == DL_PRINT_QUIET) {
		dl_put_int(out, value, v->desc->is_signed);
		return;
	}
	text = (struct strbuf){ .text = buf, .cap = sizeof(buf) };
	dl_put_int(&text, value, v->desc->is_signed); /* at most 20 digits: never grows */
	strbuf_putc(out, ' ');
	if (text.len < width)
		strbuf_fill(out, ' ', width - text.len);
	strbuf_add(out, buf, text.len);
}

static void put_float(struct strbuf *out, const struct dl_value *v, enum dl_print_style style,
		      const struct dl_format_env *env)
{
	struct dl_conv conv = { .text = "", .conv = 'g', .spec = "%g" };
	struct dl_format format = { &conv, 1 };

	if (style != DL_PRINT_QUIET) {
		strbuf_putc(out, ' ');
		conv.width = 16;
	}
	dl_format_exec(out, &format, v, 1, env);
}

static unsigned stack_indent(const struct dl_consumer *c)
{
	uint64_t indent = dl_consumer_option(c, DL_OPT_STACKINDENT);

	return indent > INDENT_MAX ? INDENT_MAX : (unsigned)indent;
}

void dl_print_value(const struct dl_consumer *c, const struct dl_format_env *env,
		    struct strbuf *out, const struct dl_value *v, enum dl_print_style style)
{
	struct strbuf sym = { 0 };

	switch (v->desc->kind) {
	case DL_VK_INT: put_number(c, out, v, style); break;
	case DL_VK_STRING: put_string(c, out, v, style); break;
	case DL_VK_BYTES: put_bytes(c, out, v, style); break;
	case DL_VK_FLOAT: put_float(out, v, style, env); break;
	case DL_VK_USTACK:
	case DL_VK_STACK: dl_put_stack(out, env, v, stack_indent(c), 0); break;
	case DL_VK_SYM:
		dl_put_symbol(&sym, env, (uint32_t)dl_value_word(v, 0), dl_value_word(v, 1),
			      v->desc->symkind);
		put_column(out, strbuf_text(&sym), sym.len, DL_PRINT_KEY);
		strbuf_deinit(&sym);
		break;
	}
}

/* --- print() --- */

/* The type of the recorded bytes: a pointer's target if that is what was recorded. */
static struct dl_type *recorded_type(struct dl_type *t, const struct dl_value *v)
{
	struct dl_type *base = dl_type_base(t);

	if (base->kind == DL_PTR && base->ref && v->desc->kind == DL_VK_BYTES)
		return base->ref;
	return t;
}

/* printsize, once it is set: only so many bytes of the value are shown. */
static uint32_t print_limit(const struct dl_consumer *c)
{
	uint64_t size = dl_option_is_set(c->config.options, DL_OPT_PRINTSIZE) ?
				dl_consumer_option(c, DL_OPT_PRINTSIZE) :
				UINT32_MAX;

	return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

void dl_print_action(const struct dl_consumer *c, const struct dl_format_env *env,
		     struct strbuf *out, const struct dl_action *a, const struct dl_value *v)
{
	struct dl_type *t = a->type ? a->type : v->desc->type;
	uint64_t strsize = dl_consumer_option(c, DL_OPT_STRSIZE);
	uint32_t n, max = print_limit(c);
	const char *bytes = dl_value_bytes(v, &n);

	if (v->desc->kind != DL_VK_INT && n > max)
		n = max;
	if (v->desc->kind == DL_VK_STRING) {
		dl_print_typed_string(out, t, bytes, strnlen(bytes, n));
	} else if (!t) {
		dl_print_value(c, env, out, v, DL_PRINT_QUIET);
		strbuf_putc(out, '\n');
	} else if (v->desc->kind == DL_VK_INT) {
		int64_t value = dl_value_int(v);

		dl_print_typed(out, t, (const uint8_t *)&value, sizeof(value), strsize, env);
	} else if (v->desc->kind == DL_VK_BYTES || v->desc->kind == DL_VK_FLOAT) {
		dl_print_typed(out, recorded_type(t, v), (const uint8_t *)bytes, n, strsize, env);
	} else {
		dl_print_value(c, env, out, v, DL_PRINT_QUIET);
		strbuf_putc(out, '\n');
	}
}
