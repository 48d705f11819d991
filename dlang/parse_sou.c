/*
 * struct, union and enum: their bodies, layout (System V rules, LP64) and
 * tags.  A tag is known from its first mention; its definition completes that
 * same object, so pointers made before see it.
 */
#include "parse.h"

#include <inttypes.h>
#include <string.h>

struct layout {
	struct dl_type *type;
	uint64_t bits; /* end of what is laid out, in bits from the start */
	uint32_t cap;
};

static const char *scope_now(const struct dl_parser *p)
{
	return p->include_depth ? "C" : "D";
}

/* --- tags --- */

/* The type of "struct tag", made as a forward declaration if need be. */
static struct dl_type *find_tag(struct dl_parser *p, enum dl_kind kind, const char *full,
				const char *tag)
{
	struct dl_type *t = dl_parse_find_type(p, full);

	if (t)
		return t;
	t = dl_type_new(p->ctx->types, DL_FORWARD, tag);
	t->forward_of = kind;
	p->ctx->wants_target = p->ctx->wants_target || !p->ctx->loading_library;
	if (!strchr(tag, '`')) {
		t->scope = scope_now(p);
		dl_types_define(p->ctx->types, full, t);
	}
	return t;
}

/* The object that a body for this tag fills in; NULL after an error. */
static struct dl_type *start_definition(struct dl_parser *p, enum dl_kind kind, const char *full,
					const char *tag, struct dl_range range)
{
	struct dl_type *t = NULL;

	if (tag && strchr(tag, '`')) {
		dl_parse_fail(p, D_DECL_SCOPE, range,
			      "cannot specify scope in type "
			      "declaration: %s",
			      full);
		return NULL;
	}
	if (tag)
		t = dl_types_lookup_in(p->ctx->types, scope_now(p), full);
	if (t && t->kind == DL_FORWARD && t->forward_of == kind)
		return t;
	if (t && (!t->scope || strcmp(t->scope, "sys") != 0)) {
		dl_parse_fail(p, D_DECL_TYPERED, range, "type redeclared: %s", full);
		return NULL;
	}
	t = dl_type_new(p->ctx->types, DL_FORWARD, tag);
	t->forward_of = kind;
	t->scope = scope_now(p);
	if (tag)
		dl_types_define(p->ctx->types, full, t);
	return t;
}

/* --- members --- */

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return to ? (n + to - 1) / to * to : n;
}

static struct dl_member *add_member(struct dl_parser *p, struct layout *l, const char *name,
				    struct dl_type *type)
{
	struct dl_type *t = l->type;

	if (t->n_members == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		t->members =
			arena_grow(p->arena, t->members, t->n_members, l->cap, sizeof(*t->members));
	}
	struct dl_member *m = &t->members[t->n_members++];

	*m = (struct dl_member){ .name = name, .type = type };
	return m;
}

/* Places a whole member. */
static void place(struct layout *l, enum dl_kind kind, struct dl_member *m, uint64_t size,
		  uint32_t align)
{
	if (align > l->type->align)
		l->type->align = align;
	if (kind == DL_STRUCT)
		m->bit_offset = round_up(l->bits, (uint64_t)align * 8);
	if (m->bit_offset + size * 8 > l->bits)
		l->bits = m->bit_offset + size * 8;
}

/* Places a bit-field: it may not cross a boundary of its type. */
static void place_bits(struct layout *l, enum dl_kind kind, struct dl_member *m, uint32_t width)
{
	uint64_t unit = dl_type_base(m->type)->size * 8;
	uint64_t at = kind == DL_STRUCT ? l->bits : 0;

	if (width == 0) {
		l->bits = round_up(at, unit);
		return;
	}
	if (at / unit != (at + width - 1) / unit)
		at = round_up(at, unit);
	m->bit_offset = at;
	m->bits = width;
	if (m->name && dl_type_base(m->type)->align > l->type->align)
		l->type->align = dl_type_base(m->type)->align;
	if (at + width > l->bits)
		l->bits = at + width;
}

static bool check_member(struct dl_parser *p, struct layout *l, const struct dl_declarator *d,
			 struct dl_type *t)
{
	struct dl_type *base = dl_type_base(t);
	const struct dl_host *h = p->ctx->config.host;

	if (d->name && strchr(d->name, '`')) {
		dl_parse_fail(p, D_DECL_SCOPE, d->range,
			      "cannot specify scope in member "
			      "declaration: %s",
			      d->name);
		return false;
	}
	if (base->kind == DL_VOID) {
		dl_parse_fail(p, D_DECL_VOIDOBJ, d->range, "cannot have void member: %s",
			      d->name ? d->name : "(anonymous)");
		return false;
	}
	if (base->kind == DL_DYN) {
		dl_parse_fail(p, D_DECL_DYNOBJ, d->range, "cannot have dynamic member: %s",
			      d->name ? d->name : "(anonymous)");
		return false;
	}
	if (base->kind == DL_FORWARD && h && h->type_complete)
		h->type_complete(h->ctx, p->ctx->types, base);
	if (base->kind == DL_FORWARD || base->kind == DL_FUNC) {
		dl_parse_fail(p, D_DECL_INCOMPLETE, d->range, "incomplete struct/union/enum %s: %s",
			      dl_type_name(p->ctx->types, t), d->name ? d->name : "(anonymous)");
		return false;
	}
	for (size_t i = 0; d->name && i < l->type->n_members; i++) {
		if (l->type->members[i].name == d->name) {
			dl_parse_fail(p, D_UNKNOWN, d->range,
				      "failed to define member '%s': "
				      "Duplicate member name",
				      d->name);
			return false;
		}
	}
	return true;
}

/* ':' width */
static void parse_bit_field(struct dl_parser *p, struct layout *l, enum dl_kind kind,
			    const struct dl_declarator *d, struct dl_type *t)
{
	struct dl_type *base = dl_type_base(t);
	const char *type_name = dl_type_name(p->ctx->types, t);
	int64_t width = 0;

	dl_parse_advance(p);
	struct dl_node *e = dl_parse_cond(p);

	if (!e)
		return;
	if (!dl_sema_const_int(p->ctx, e, &width) || width < 0 || (width == 0 && d->name)) {
		dl_parse_fail(p, D_DECL_BFCONST, e->range,
			      "positive integral constant expression "
			      "expected as bit-field size");
		return;
	}
	if (base->kind != DL_INT && base->kind != DL_ENUM) {
		dl_parse_fail(p, D_DECL_BFTYPE, d->range, "invalid type for bit-field: %s",
			      type_name);
		return;
	}
	if ((uint64_t)width > base->size * 8) {
		dl_parse_fail(p, D_DECL_BFSIZE, e->range, "bit-field too big for type: %s",
			      type_name);
		return;
	}
	if (!d->name) {
		/* Padding takes room but is no member anyone can name. */
		struct dl_member hole = { .type = t };

		place_bits(l, kind, &hole, (uint32_t)width);
		return;
	}
	place_bits(l, kind, add_member(p, l, d->name, t), (uint32_t)width);
}

static void parse_member(struct dl_parser *p, struct layout *l, enum dl_kind kind,
			 const struct dl_specs *s)
{
	struct dl_declarator d;

	if (!dl_parse_declarator(p, &d))
		return;
	struct dl_type *t = dl_parse_apply(p, s, &d, NULL);

	if (!t || !check_member(p, l, &d, t))
		return;
	if (p->tok.kind == TOK_COLON) {
		parse_bit_field(p, l, kind, &d, t);
		return;
	}
	if (!d.name) {
		dl_parse_fail(p, D_DECL_MNAME, d.range, "member declaration requires a name");
		return;
	}
	uint64_t size = dl_type_size(p->ctx->types, t);

	if (l->bits / 8 + size > UINT32_MAX) {
		dl_parse_fail(p, D_DECL_ARRBIG, d.range, "struct or union is too big");
		return;
	}
	place(l, kind, add_member(p, l, d.name, t), size, dl_type_base(t)->align);
}

/* specs declarator { ',' declarator } ';'  or an anonymous struct or union */
static void parse_members(struct dl_parser *p, struct layout *l, enum dl_kind kind)
{
	struct dl_specs s;

	if (!dl_parse_specs(p, &s))
		return;
	if (s.storage != DL_CLASS_NONE) {
		dl_parse_fail(p, D_DECL_BADCLASS, s.range,
			      "specified storage class not appropriate in D");
		return;
	}
	if (!s.has_type && p->tok.range.offset == s.range.offset) {
		dl_parse_syntax(p);
		return;
	}
	struct dl_type *base = dl_type_base(s.type);

	if (p->tok.kind == TOK_SEMI) {
		if (!dl_type_is_sou(s.type) || base->name) {
			dl_parse_fail(p, D_DECL_MNAME, s.range,
				      "member declaration requires a name");
			return;
		}
		place(l, kind, add_member(p, l, NULL, s.type), base->size, base->align);
		dl_parse_advance(p);
		return;
	}
	do {
		parse_member(p, l, kind, &s);
	} while (dl_parse_accept(p, TOK_COMMA));
	dl_parse_expect(p, TOK_SEMI);
}

static void parse_sou_body(struct dl_parser *p, struct dl_type *t, enum dl_kind kind)
{
	struct layout l = { .type = t };

	t->align = 1;
	p->braces++;
	dl_parse_advance(p);
	if (p->tok.kind == TOK_RBRACE && !p->include_depth)
		dl_parse_syntax(p);
	while (p->tok.kind != TOK_RBRACE && !dl_parse_failed(p))
		parse_members(p, &l, kind);
	if (dl_parse_failed(p)) {
		t->members = NULL;
		t->n_members = 0;
		return;
	}
	p->braces--;
	dl_parse_advance(p);
	t->kind = kind;
	t->size = round_up(round_up(l.bits, 8) / 8, t->align);
}

/* Bits that follow on one another; everything else at the next byte. */
static void pack(struct dl_type *t, enum dl_kind kind, struct dl_types *ts)
{
	uint64_t bits = 0, end = 0;

	for (size_t i = 0; i < t->n_members; i++) {
		struct dl_member *m = &t->members[i];
		uint64_t at = kind == DL_UNION ? 0 : m->bits ? bits : round_up(bits, 8);

		m->bit_offset = at;
		bits = at + (m->bits ? m->bits : dl_type_size(ts, m->type) * 8);
		if (bits > end)
			end = bits;
	}
	t->align = 1;
	t->size = round_up(end, 8) / 8;
}

/* Attributes before or behind a body in a C header; true if one is "packed". */
static bool parse_attributes(struct dl_parser *p)
{
	bool packed = false;

	while (p->include_depth && p->tok.kind == TOK_IDENT &&
	       !strcmp(p->tok.text, "__attribute__")) {
		const char *start = p->lex.p;

		if (!dl_parse_gnu_word(p))
			break;
		size_t n = (size_t)(p->lex.p - start);
		const char *word = memmem(start, n, "packed", 6);

		packed |= word && word < p->lex.text + p->prev_end;
	}
	return packed;
}

/* ( 'struct' | 'union' ) ( tag | [ tag ] '{' { members } '}' ) */
struct dl_type *dl_parse_sou(struct dl_parser *p, bool *defines_ret)
{
	enum dl_kind kind = p->tok.kind == KW_STRUCT ? DL_STRUCT : DL_UNION;
	const char *word = p->tok.text, *tag = NULL, *full = word;
	struct dl_range range = p->tok.range;
	struct dl_type *t;

	if (!dl_parse_enter(p))
		return NULL;
	dl_parse_advance(p);
	bool packed = parse_attributes(p);

	if (p->tok.kind == TOK_IDENT) {
		tag = p->tok.text;
		full = arena_printf(p->arena, "%s %s", word, tag);
		range = p->tok.range;
		dl_parse_advance(p);
	}
	if (p->tok.kind == TOK_LBRACE) {
		*defines_ret = true;
		t = start_definition(p, kind, full, tag, range);
		if (t)
			parse_sou_body(p, t, kind);
		if (!dl_parse_failed(p) && (parse_attributes(p) || packed))
			pack(t, kind, p->ctx->types);
	} else if (tag) {
		*defines_ret = p->tok.kind == TOK_SEMI;
		t = find_tag(p, kind, full, tag);
	} else {
		dl_parse_syntax(p);
		t = NULL;
	}
	dl_parse_leave(p);
	return dl_parse_failed(p) ? NULL : t;
}

/* --- enumerations --- */

static void declare_enumerator(struct dl_parser *p, struct dl_type *t, const char *name,
			       int64_t value, struct dl_range range)
{
	if (strchr(name, '`')) {
		dl_parse_fail(p, D_DECL_SCOPE, range, "cannot specify scope in enumerator: %s",
			      name);
		return;
	}
	if (dl_idents_lookup(p->ctx->globals, name)) {
		if (p->include_depth)
			return; /* the libraries have it already */
		dl_parse_fail(p, D_DECL_IDRED, range, "identifier redeclared: %s", name);
		return;
	}
	struct dl_ident *id = dl_idents_add(p->ctx->globals, name, DL_ID_ENUM);

	id->type = t;
	id->value = value;
	id->is_declared = true;
	id->line = range.line;
}

/* name [ '=' cond ] */
static bool parse_enumerator(struct dl_parser *p, struct dl_type *t, int64_t *next,
			     struct dl_enumerator *ret)
{
	struct dl_range range = p->tok.range;
	const char *name = p->tok.text;

	if (!dl_parse_expect(p, TOK_IDENT))
		return false;
	if (dl_parse_accept(p, TOK_ASSIGN)) {
		struct dl_node *e = dl_parse_cond(p);

		if (!e)
			return false;
		if (!dl_sema_const_int(p->ctx, e, next)) {
			dl_parse_fail(p, D_DECL_ENCONST, e->range,
				      "enumerator '%s' must be "
				      "assigned to an integral constant expression",
				      name);
			return false;
		}
	}
	if ((*next > INT32_MAX || *next < INT32_MIN) && !p->include_depth) {
		dl_parse_fail(p, D_DECL_ENOFLOW, range,
			      "enumerator '%s' value exceeds INT_MAX "
			      "(%d)",
			      name, INT32_MAX);
		return false;
	}
	for (size_t i = 0; i < t->n_enums; i++) {
		if (t->enums[i].name == name) {
			dl_parse_fail(p, D_UNKNOWN, range,
				      "failed to define enumerator '%s': "
				      "Duplicate member name",
				      name);
			return false;
		}
	}
	*ret = (struct dl_enumerator){ .name = name, .value = *next };
	declare_enumerator(p, t, name, *next, range);
	if (*next < INT64_MAX)
		*next += 1;
	return !dl_parse_failed(p);
}

static void parse_enum_body(struct dl_parser *p, struct dl_type *t)
{
	size_t cap = 0;
	int64_t next = 0;

	/* Complete from the start: an enumerator may use those before it. */
	t->kind = DL_ENUM;
	t->size = 4;
	t->align = 4;
	t->is_signed = true;
	p->braces++;
	dl_parse_advance(p);
	do {
		struct dl_enumerator e;

		if (p->tok.kind == TOK_RBRACE && t->n_enums)
			break; /* a comma may stand before it */
		if (!parse_enumerator(p, t, &next, &e))
			return;
		if (t->n_enums == cap) {
			cap = cap ? cap * 2 : 8;
			t->enums = arena_grow(p->arena, t->enums, t->n_enums, cap, sizeof(e));
		}
		t->enums[t->n_enums++] = e;
	} while (dl_parse_accept(p, TOK_COMMA));
	if (p->tok.kind == TOK_RBRACE)
		p->braces--;
	dl_parse_expect(p, TOK_RBRACE);
}

/* 'enum' ( tag | [ tag ] '{' enumerators [ ',' ] '}' ) */
struct dl_type *dl_parse_enum(struct dl_parser *p, bool *defines_ret)
{
	const char *tag = NULL, *full = "enum";
	struct dl_range range = p->tok.range;
	struct dl_type *t = NULL;

	dl_parse_advance(p);
	if (p->tok.kind == TOK_IDENT) {
		tag = p->tok.text;
		full = arena_printf(p->arena, "enum %s", tag);
		range = p->tok.range;
		dl_parse_advance(p);
	}
	if (p->tok.kind == TOK_LBRACE) {
		*defines_ret = true;
		t = start_definition(p, DL_ENUM, full, tag, range);
		if (t)
			parse_enum_body(p, t);
	} else if (tag) {
		*defines_ret = p->tok.kind == TOK_SEMI;
		t = find_tag(p, DL_ENUM, full, tag);
	} else {
		dl_parse_syntax(p);
	}
	return dl_parse_failed(p) ? NULL : t;
}
