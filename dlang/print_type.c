/*
 * The typed dump of print(): see print_type.h.
 *
 * A recursive walk over the type with the bytes at hand.  Every read is
 * checked against the length of the data, so types and data that disagree
 * yield "<truncated>" and no more; nesting is bounded, and an array can't
 * have more elements than bytes.
 */
#include "print_type.h"

#include <string.h>

#define DEPTH_MAX 32
#define INDENT 4
#define TEXT_PER_BYTE 256

struct dump {
	struct strbuf *out;
	const uint8_t *data;
	size_t len;
	uint64_t strsize;
	size_t limit; /* nested unions could make the text explode */
	const struct dl_format_env *env;
};

static void put_value(struct dump *d, struct dl_type *t, uint64_t off, unsigned depth, bool top);

static bool in_data(const struct dump *d, uint64_t off, uint64_t size)
{
	return off <= d->len && size <= d->len - off;
}

static uint64_t load_bytes(const struct dump *d, uint64_t off, uint64_t size)
{
	uint64_t v = 0;

	memcpy(&v, d->data + off, size);
	return v;
}

static int64_t sign_extend(uint64_t v, unsigned bits)
{
	return bits && bits < 64 ? (int64_t)(v << (64 - bits)) >> (64 - bits) : (int64_t)v;
}

static uint64_t size_of(const struct dump *d, struct dl_type *t)
{
	t = dl_type_base(t);
	if (t->kind == DL_STRING)
		return d->strsize;
	if (t->kind == DL_ARRAY) {
		uint64_t size;

		if (__builtin_mul_overflow(size_of(d, t->ref), t->n_elems, &size))
			return UINT64_MAX;
		return size;
	}
	return t->kind == DL_PTR ? 8 : t->size;
}

static bool is_sou(struct dl_type *t)
{
	t = dl_type_base(t);
	return t->kind == DL_STRUCT || t->kind == DL_UNION;
}

/* --- leaves --- */

static void put_hex(struct dump *d, uint64_t v)
{
	if (v)
		strbuf_printf(d->out, "0x%llx", (unsigned long long)v);
	else
		strbuf_putc(d->out, '0');
}

static void put_quoted_char(struct dump *d, char ch)
{
	strbuf_putc(d->out, '\'');
	if (ch == '\'')
		strbuf_puts(d->out, "\\'");
	else if (ch == '"')
		strbuf_putc(d->out, ch);
	else
		dl_put_escaped(d->out, &ch, 1);
	strbuf_putc(d->out, '\'');
}

static void put_int(struct dump *d, struct dl_type *t, uint64_t off)
{
	uint64_t v;

	if (t->size > 8 || !t->size) {
		strbuf_puts(d->out, "<unknown size>");
		return;
	}
	v = load_bytes(d, off, t->size);
	if (t->is_char && t->is_signed && t->size == 1)
		put_quoted_char(d, (char)v);
	else
		put_hex(d, v);
}

static void put_enum(struct dump *d, struct dl_type *t, uint64_t off)
{
	uint64_t size = t->size && t->size <= 8 ? t->size : 4;

	if (!in_data(d, off, size)) {
		strbuf_puts(d->out, "<truncated>");
		return;
	}

	int64_t v = sign_extend(load_bytes(d, off, size), (unsigned)size * 8);

	for (size_t i = 0; i < t->n_enums; i++) {
		uint64_t diff = (uint64_t)t->enums[i].value ^ (uint64_t)v;

		if (!(size < 8 ? diff << (64 - size * 8) : diff)) {
			strbuf_puts(d->out, t->enums[i].name);
			return;
		}
	}
	strbuf_printf(d->out, "%lld", (long long)v);
}

static void put_float(struct dump *d, struct dl_type *t, uint64_t off)
{
	float f;
	double lf;
	long double llf;

	if (t->size == sizeof(f)) {
		memcpy(&f, d->data + off, sizeof(f));
		strbuf_printf(d->out, "%+.7e", (double)f);
	} else if (t->size == sizeof(lf)) {
		memcpy(&lf, d->data + off, sizeof(lf));
		strbuf_printf(d->out, "%+.7e", lf);
	} else if (t->size == sizeof(llf)) {
		memcpy(&llf, d->data + off, sizeof(llf));
		strbuf_printf(d->out, "%+.16LE", llf);
	} else {
		strbuf_puts(d->out, "<unknown size>");
	}
}

static void put_pointer(struct dump *d, struct dl_type *t, uint64_t off)
{
	uint64_t v = load_bytes(d, off, 8);
	struct strbuf name = { 0 };

	if (v && t->ref && dl_type_base(t->ref)->kind == DL_FUNC && d->env->symbolize) {
		d->env->symbolize(d->env->ctx, d->env->pid, v, DL_SYM_USYM, &name);
		if (strchr(strbuf_text(&name), '`')) {
			strbuf_add(d->out, name.text, name.len);
			strbuf_deinit(&name);
			return;
		}
	}
	strbuf_deinit(&name);
	strbuf_printf(d->out, "0x%llx", (unsigned long long)v);
}

/* --- arrays --- */

/* Length of the text if the char array is printable and NUL-terminated. */
static bool is_text(const struct dump *d, struct dl_type *t, uint64_t off, uint64_t size,
		    size_t *len_ret)
{
	struct dl_type *elem = dl_type_base(t->ref);
	const uint8_t *bytes = d->data + off;

	if (elem->kind != DL_INT || !elem->is_char || elem->size != 1 || !in_data(d, off, size))
		return false;
	for (uint64_t i = 0; i < size; i++) {
		if (!bytes[i]) {
			*len_ret = i;
			return true;
		}
		if ((bytes[i] < 0x20 || bytes[i] > 0x7e) && !(bytes[i] >= '\t' && bytes[i] <= '\r'))
			return false;
	}
	return false;
}

static void put_text_quoted(struct dump *d, const char *text, size_t len)
{
	strbuf_putc(d->out, '"');
	dl_put_escaped(d->out, text, len);
	strbuf_putc(d->out, '"');
}

static void put_sou_elements(struct dump *d, struct dl_type *t, uint64_t off, uint64_t size,
			     unsigned depth)
{
	strbuf_puts(d->out, "[\n");
	strbuf_fill(d->out, ' ', (size_t)INDENT * (depth + 1));
	for (uint64_t i = 0; i < t->n_elems; i++) {
		if (i)
			strbuf_puts(d->out, ", ");
		put_value(d, t->ref, off + i * size, depth + 1, false);
	}
	strbuf_putc(d->out, '\n');
	strbuf_fill(d->out, ' ', (size_t)INDENT * depth);
	strbuf_putc(d->out, ']');
}

static void put_array(struct dump *d, struct dl_type *t, uint64_t off, unsigned depth, bool top)
{
	uint64_t size = size_of(d, t->ref);
	size_t len;

	if (!t->n_elems || !size) {
		strbuf_puts(d->out, "[ ]");
		return;
	}
	if (is_text(d, t, off, size * t->n_elems, &len)) {
		strbuf_puts(d->out, top ? "" : "[ ");
		put_text_quoted(d, (const char *)d->data + off, len);
		strbuf_puts(d->out, top ? "" : " ]");
		return;
	}
	if (is_sou(t->ref)) {
		put_sou_elements(d, t, off, size, depth);
		return;
	}
	strbuf_puts(d->out, "[ ");
	for (uint64_t i = 0; i < t->n_elems; i++) {
		if (i)
			strbuf_puts(d->out, ", ");
		put_value(d, t->ref, off + i * size, depth, false);
		if (off + i * size >= d->len) /* so are all the others */
			break;
	}
	strbuf_puts(d->out, " ]");
}

/* --- structs --- */

static void put_type_and_name(struct dump *d, struct dl_type *t, const char *name)
{
	dl_type_print(d->out, t);
	if (!name || !*name)
		return;
	if (!d->out->len || d->out->text[d->out->len - 1] != '*')
		strbuf_putc(d->out, ' ');
	strbuf_puts(d->out, name);
}

static void put_bitfield(struct dump *d, const struct dl_member *m, uint64_t bit)
{
	uint64_t first = bit / 8, v = 0;
	unsigned shift = bit % 8, bits = m->bits > 64 ? 64 : m->bits;
	unsigned bytes = (shift + bits + 7) / 8;

	if (!in_data(d, first, bytes)) {
		strbuf_puts(d->out, "<truncated>");
		return;
	}
	v = load_bytes(d, first, bytes > 8 ? 8 : bytes) >> shift;
	if (bytes > 8)
		v |= (uint64_t)d->data[first + 8] << (64 - shift);
	if (bits < 64)
		v &= ((uint64_t)1 << bits) - 1;
	put_hex(d, v);
}

static void put_member(struct dump *d, const struct dl_member *m, uint64_t off, unsigned depth)
{
	strbuf_fill(d->out, ' ', (size_t)INDENT * depth);
	put_type_and_name(d, m->type, m->name);
	if (m->bits) {
		strbuf_printf(d->out, " :%u = ", m->bits);
		put_bitfield(d, m, off * 8 + m->bit_offset);
	} else {
		strbuf_puts(d->out, m->name ? " = " : " ");
		put_value(d, m->type, off + m->bit_offset / 8, depth, false);
	}
	strbuf_putc(d->out, '\n');
}

/* Is member i one that its struct has now? */
static bool is_there(const struct dump *d, const struct dl_type *t, size_t i, uint64_t off)
{
	const struct dl_variants *vs = t->presence ? t->presence[i].variants : NULL;
	uint64_t v, which = 0;

	if (!vs || vs->size > 8 || !in_data(d, off + vs->at, vs->size))
		return true;
	v = load_bytes(d, off + vs->at, vs->size);
	while (which < vs->n && vs->values[which] != v)
		which++;
	return t->presence[i].which == which;
}

static void put_struct(struct dump *d, struct dl_type *t, uint64_t off, unsigned depth)
{
	strbuf_puts(d->out, "{\n");
	for (size_t i = 0; i < t->n_members; i++) {
		const struct dl_member *m = &t->members[i];

		/* Without a name, and no struct: padding. */
		if ((m->name || is_sou(m->type)) && is_there(d, t, i, off))
			put_member(d, m, off, depth + 1);
	}
	strbuf_fill(d->out, ' ', (size_t)INDENT * depth);
	strbuf_putc(d->out, '}');
}

static void put_value(struct dump *d, struct dl_type *t, uint64_t off, unsigned depth, bool top)
{
	t = dl_type_base(t);
	if (depth > DEPTH_MAX || d->out->len > d->limit) {
		strbuf_puts(d->out, "...");
		return;
	}
	if (t->kind == DL_FORWARD) {
		strbuf_puts(d->out, "<forward decl>");
		return;
	}
	/* Of a struct or an array each part says so itself. */
	if (!is_sou(t) && t->kind != DL_ARRAY && !in_data(d, off, size_of(d, t))) {
		strbuf_puts(d->out, "<truncated>");
		return;
	}
	switch (t->kind) {
	case DL_INT: put_int(d, t, off); break;
	case DL_ENUM: put_enum(d, t, off); break;
	case DL_FLOAT: put_float(d, t, off); break;
	case DL_PTR: put_pointer(d, t, off); break;
	case DL_ARRAY: put_array(d, t, off, depth, top); break;
	case DL_STRUCT:
	case DL_UNION: put_struct(d, t, off, depth); break;
	case DL_STRING:
		put_text_quoted(d, (const char *)d->data + off,
				strnlen((const char *)d->data + off, d->strsize));
		break;
	default: strbuf_puts(d->out, "<unknown type>"); break;
	}
}

void dl_print_typed(struct strbuf *out, struct dl_type *t, const uint8_t *data, size_t len,
		    uint64_t strsize, const struct dl_format_env *env)
{
	struct dump d = { out, data, len, strsize, 0, env };

	d.limit = out->len + 65536 + len * TEXT_PER_BYTE;
	dl_type_print(out, t);
	strbuf_putc(out, ' ');
	put_value(&d, t, 0, 0, true);
	strbuf_putc(out, '\n');
}

void dl_print_typed_string(struct strbuf *out, struct dl_type *t, const char *text, size_t len)
{
	struct dump d = { .out = out };

	if (t)
		dl_type_print(out, t);
	else
		strbuf_puts(out, "string");
	strbuf_putc(out, ' ');
	put_text_quoted(&d, text, len);
	strbuf_putc(out, '\n');
}

void dl_print_null(struct strbuf *out, struct dl_type *t)
{
	dl_type_print(out, t);
	strbuf_puts(out, " * 0x0\n");
}
