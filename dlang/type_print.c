/*
 * C spelling of types.  A declarator is built inside out: the text so far
 * stands where the name would, each derivation puts its * in front or its []
 * or () behind, and the base type ends up on the left.
 */
#include "type.h"

#include <inttypes.h>
#include <string.h>

#include "strbuf.h"

static void prepend(struct strbuf *sb, const char *s)
{
	size_t n = strlen(s), old = sb->len;

	strbuf_puts(sb, s);
	if (strbuf_failed(sb) || !n)
		return;
	memmove(sb->text + n, sb->text, old);
	memcpy(sb->text, s, n);
}

static const char *qual_word(enum dl_kind kind)
{
	return kind == DL_CONST ? "const" : kind == DL_VOLATILE ? "volatile" : "restrict";
}

static bool is_qual(const struct dl_type *t)
{
	return t->kind == DL_CONST || t->kind == DL_VOLATILE || t->kind == DL_RESTRICT;
}

static const char *tag_word(enum dl_kind kind)
{
	switch (kind) {
	case DL_STRUCT: return "struct ";
	case DL_UNION: return "union ";
	case DL_ENUM: return "enum ";
	default: return "";
	}
}

static void print_leaf(struct strbuf *sb, const struct dl_type *t)
{
	enum dl_kind kind = t->kind == DL_FORWARD ? t->forward_of : t->kind;

	strbuf_puts(sb, tag_word(kind));
	if (t->name)
		strbuf_puts(sb, t->name);
	else if (*tag_word(kind))
		strbuf_puts(sb, "(anon)");
	else
		strbuf_puts(sb, t->kind == DL_VOID ? "void" : "unknown");
}

/* Does the declarator of t bind tighter than a * in front of it? */
static bool needs_parens(const struct dl_type *t)
{
	while (t && is_qual(t))
		t = t->ref;
	return t && (t->kind == DL_ARRAY || t->kind == DL_FUNC);
}

static void add_params(struct strbuf *inner, const struct dl_type *t)
{
	strbuf_putc(inner, '(');
	for (size_t i = 0; i < t->n_params; i++) {
		if (i)
			strbuf_puts(inner, ", ");
		dl_type_print(inner, t->params[i]);
	}
	if (t->is_variadic)
		strbuf_puts(inner, t->n_params ? ", ..." : "...");
	else if (!t->n_params)
		strbuf_puts(inner, "void");
	strbuf_putc(inner, ')');
}

/*
 * Adds the qualifiers of t to quals ("const volatile ").  Those of a pointer
 * stand right of its star, any others left of the type.
 */
static struct dl_type *take_quals(struct dl_type *t, struct strbuf *quals)
{
	while (is_qual(t) && t->ref) {
		strbuf_puts(quals, qual_word(t->kind));
		strbuf_putc(quals, ' ');
		t = t->ref;
	}
	return t;
}

static void print_declarator(struct strbuf *sb, struct dl_type *t, struct strbuf *inner)
{
	struct strbuf quals = { 0 };

	for (;;) {
		t = take_quals(t, &quals);
		if (t->kind == DL_PTR && t->ref) {
			/* "*const p": a qualifier ends in the blank before what follows */
			if (quals.len && !inner->len)
				quals.text[--quals.len] = '\0';
			prepend(inner, strbuf_text(&quals));
			prepend(inner, "*");
			strbuf_reset(&quals);
			if (needs_parens(t->ref)) {
				prepend(inner, "(");
				strbuf_putc(inner, ')');
			}
		} else if (t->kind == DL_ARRAY && t->ref) {
			if (t->n_elems)
				strbuf_printf(inner, "[%" PRIu64 "]", t->n_elems);
			else
				strbuf_puts(inner, "[]");
		} else if (t->kind == DL_FUNC && t->ref) {
			add_params(inner, t);
		} else {
			break;
		}
		t = t->ref;
	}
	strbuf_puts(sb, strbuf_text(&quals));
	print_leaf(sb, t);
	if (inner->len) {
		strbuf_putc(sb, ' ');
		strbuf_puts(sb, strbuf_text(inner));
	}
	strbuf_deinit(&quals);
}

void dl_type_print(struct strbuf *sb, struct dl_type *t)
{
	dl_type_print_decl(sb, t, "");
}

void dl_type_print_decl(struct strbuf *sb, struct dl_type *t, const char *name)
{
	struct strbuf inner = { 0 };

	strbuf_puts(&inner, name);
	print_declarator(sb, t, &inner);
	strbuf_deinit(&inner);
}
