/*
 * The types of a context: base types, interned constructors, named lookups
 * and the questions the checker asks of a type.  type_print.c spells them.
 *
 * Rules: base types and what dl_type_ptr/array/qual make are shared, so they
 * compare by address; tagged types are objects of their own and are completed
 * in place, so that pointers made to a forward declaration see the definition.
 */
#include "type.h"

#include <string.h>

#include "arena.h"
#include "strbuf.h"
#include "vec.h"

struct named {
	const char *name; /* interned */
	struct dl_type *type;
	struct named *next;
};

struct table {
	struct named **slots;
	size_t size; /* power of two */
	size_t used;
};

/* Types built from another one: key is kind, ref, n. */
struct built {
	struct dl_type *type;
	struct built *next;
};

struct dl_types {
	struct arena *arena;
	struct table d, c; /* D's scope with the base types; #included C text's */
	struct built **built;
	size_t built_size, built_used;
	struct dl_type *basic[DL_T_COUNT];
	uint64_t strsize;
	uint32_t next_rank;
};

/* --- tables --- */

static size_t hash_ptr(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull >> 20);
}

static void table_grow(struct arena *a, struct table *t)
{
	size_t size = t->size ? t->size * 2 : 128;
	struct named **slots = ARENA_ARRAY(a, size, struct named *);

	for (size_t i = 0; i < t->size; i++) {
		for (struct named *n = t->slots[i]; n;) {
			struct named *next = n->next;
			struct named **slot = &slots[hash_ptr(n->name) & (size - 1)];

			n->next = *slot;
			*slot = n;
			n = next;
		}
	}
	t->slots = slots;
	t->size = size;
}

/* name must be interned. */
static struct named *table_find(const struct table *t, const char *name)
{
	if (!t->size)
		return NULL;
	struct named *n = t->slots[hash_ptr(name) & (t->size - 1)];

	while (n && n->name != name)
		n = n->next;
	return n;
}

static void table_set(struct arena *a, struct table *t, const char *name, struct dl_type *type)
{
	struct named *n = table_find(t, name);

	if (n) {
		n->type = type;
		return;
	}
	if (t->used >= t->size)
		table_grow(a, t);
	struct named **slot = &t->slots[hash_ptr(name) & (t->size - 1)];

	n = ARENA_NEW(a, struct named);
	n->name = name;
	n->type = type;
	n->next = *slot;
	*slot = n;
	t->used++;
}

/* --- constructors --- */

struct dl_type *dl_type_new(struct dl_types *ts, enum dl_kind kind, const char *name)
{
	struct dl_type *t = ARENA_NEW(ts->arena, struct dl_type);

	t->kind = kind;
	t->name = name ? arena_intern(ts->arena, name, strlen(name)) : NULL;
	t->align = 1;
	t->rank = ts->next_rank++;
	if (kind == DL_PTR) {
		t->size = 8;
		t->align = 8;
	}
	return t;
}

static size_t hash_built(enum dl_kind kind, const struct dl_type *ref, uint64_t n)
{
	return hash_ptr(ref) ^ (size_t)kind * 131 ^ (size_t)(n * 0x9e3779b97f4a7c15ull >> 32);
}

static void built_grow(struct dl_types *ts)
{
	size_t size = ts->built_size ? ts->built_size * 2 : 128;
	struct built **slots = ARENA_ARRAY(ts->arena, size, struct built *);

	for (size_t i = 0; i < ts->built_size; i++) {
		for (struct built *b = ts->built[i]; b;) {
			struct built *next = b->next;
			size_t h = hash_built(b->type->kind, b->type->ref, b->type->n_elems);
			struct built **slot = &slots[h & (size - 1)];

			b->next = *slot;
			*slot = b;
			b = next;
		}
	}
	ts->built = slots;
	ts->built_size = size;
}

static struct dl_type *build(struct dl_types *ts, enum dl_kind kind, struct dl_type *ref,
			     uint64_t n)
{
	if (ts->built_used >= ts->built_size)
		built_grow(ts);
	struct built **slot = &ts->built[hash_built(kind, ref, n) & (ts->built_size - 1)];

	for (struct built *b = *slot; b; b = b->next)
		if (b->type->kind == kind && b->type->ref == ref && b->type->n_elems == n)
			return b->type;
	struct built *b = ARENA_NEW(ts->arena, struct built);

	b->type = dl_type_new(ts, kind, NULL);
	b->type->ref = ref;
	b->type->n_elems = n;
	b->next = *slot;
	*slot = b;
	ts->built_used++;
	return b->type;
}

struct dl_type *dl_type_ptr(struct dl_types *ts, struct dl_type *to)
{
	return build(ts, DL_PTR, to, 0);
}

struct dl_type *dl_type_array(struct dl_types *ts, struct dl_type *of, uint64_t n)
{
	struct dl_type *t = build(ts, DL_ARRAY, of, n);
	uint64_t size;

	/* Set anew each time: the element may have been completed since. */
	if (__builtin_mul_overflow(dl_type_size(ts, of), n, &size))
		size = 0;
	t->size = size;
	t->align = dl_type_base(of)->align;
	return t;
}

struct dl_type *dl_type_qual(struct dl_types *ts, enum dl_kind qual, struct dl_type *of)
{
	for (struct dl_type *t = of;
	     t->kind == DL_CONST || t->kind == DL_VOLATILE || t->kind == DL_RESTRICT; t = t->ref)
		if (t->kind == qual)
			return of;
	struct dl_type *t = build(ts, qual, of, 0);

	t->size = of->size;
	t->align = of->align;
	t->is_signed = of->is_signed;
	return t;
}

/* --- the predefined types --- */

static struct dl_type *add_basic(struct dl_types *ts, enum dl_basic which, enum dl_kind kind,
				 const char *name, unsigned size, bool is_signed)
{
	struct dl_type *t = dl_type_new(ts, kind, name);

	t->size = size;
	t->align = size ? size : 1;
	t->is_signed = is_signed;
	ts->basic[which] = t;
	if (name)
		dl_types_define(ts, name, t);
	return t;
}

static struct dl_type *add_typedef(struct dl_types *ts, const char *name, struct dl_type *ref)
{
	struct dl_type *t = dl_type_new(ts, DL_TYPEDEF, name);

	t->ref = ref;
	t->size = ref->size;
	t->align = ref->align;
	t->is_signed = ref->is_signed;
	dl_types_define(ts, name, t);
	return t;
}

static void add_base_types(struct dl_types *ts)
{
	add_basic(ts, DL_T_VOID, DL_VOID, "void", 0, false);
	add_basic(ts, DL_T_CHAR, DL_INT, "char", 1, true)->is_char = true;
	add_basic(ts, DL_T_SCHAR, DL_INT, "signed char", 1, true)->is_char = true;
	add_basic(ts, DL_T_UCHAR, DL_INT, "unsigned char", 1, false)->is_char = true;
	add_basic(ts, DL_T_SHORT, DL_INT, "short", 2, true);
	add_basic(ts, DL_T_USHORT, DL_INT, "unsigned short", 2, false);
	add_basic(ts, DL_T_INT, DL_INT, "int", 4, true);
	add_basic(ts, DL_T_UINT, DL_INT, "unsigned int", 4, false);
	add_basic(ts, DL_T_LONG, DL_INT, "long", 8, true);
	add_basic(ts, DL_T_ULONG, DL_INT, "unsigned long", 8, false);
	add_basic(ts, DL_T_LLONG, DL_INT, "long long", 8, true);
	add_basic(ts, DL_T_ULLONG, DL_INT, "unsigned long long", 8, false);
	add_basic(ts, DL_T_BOOL, DL_INT, "_Bool", 1, false)->is_bool = true;
	add_basic(ts, DL_T_FLOAT, DL_FLOAT, "float", 4, true);
	add_basic(ts, DL_T_DOUBLE, DL_FLOAT, "double", 8, true);
	add_basic(ts, DL_T_LDOUBLE, DL_FLOAT, "long double", 16, true);
	add_basic(ts, DL_T_STRING, DL_STRING, "string", 0, false)->align = 1;
	add_basic(ts, DL_T_DYN, DL_DYN, "<DYN>", 0, false);
	add_basic(ts, DL_T_STACK, DL_STACK, "stack", 0, false);
	add_basic(ts, DL_T_SYMADDR, DL_SYMADDR, "_symaddr", 8, false);
	/* Two words: process and address. */
	add_basic(ts, DL_T_USYMADDR, DL_USYMADDR, "_usymaddr", 16, false)->align = 8;
}

/* Typedefs every program has; a program that defines one differently is in error. */
static const struct {
	const char *name;
	enum dl_basic type;
} std_typedefs[] = {
	{ "int8_t", DL_T_SCHAR },   { "int16_t", DL_T_SHORT },	{ "int32_t", DL_T_INT },
	{ "int64_t", DL_T_LONG },   { "intptr_t", DL_T_LONG },	{ "ssize_t", DL_T_LONG },
	{ "ptrdiff_t", DL_T_LONG }, { "uint8_t", DL_T_UCHAR },	{ "uint16_t", DL_T_USHORT },
	{ "uint32_t", DL_T_UINT },  { "uint64_t", DL_T_ULONG }, { "uintptr_t", DL_T_ULONG },
	{ "size_t", DL_T_ULONG },   { "uchar_t", DL_T_UCHAR },	{ "ushort_t", DL_T_USHORT },
	{ "uint_t", DL_T_UINT },    { "ulong_t", DL_T_ULONG },	{ "u_longlong_t", DL_T_ULLONG },
	{ "id_t", DL_T_INT },	    { "pid_t", DL_T_INT },
};

/* Those of the system's headers; a program's own definition replaces them. */
static const struct {
	const char *name;
	enum dl_basic type;
} sys_typedefs[] = {
	{ "uid_t", DL_T_UINT },		{ "gid_t", DL_T_UINT },
	{ "dev_t", DL_T_ULONG },	{ "ino_t", DL_T_ULONG },
	{ "ino64_t", DL_T_ULONG },	{ "mode_t", DL_T_UINT },
	{ "nlink_t", DL_T_ULONG },	{ "off_t", DL_T_LONG },
	{ "loff_t", DL_T_LONG },	{ "off64_t", DL_T_LONG },
	{ "offset_t", DL_T_LLONG },	{ "blksize_t", DL_T_LONG },
	{ "blkcnt_t", DL_T_LONG },	{ "time_t", DL_T_LONG },
	{ "suseconds_t", DL_T_LONG },	{ "useconds_t", DL_T_UINT },
	{ "clock_t", DL_T_LONG },	{ "clockid_t", DL_T_INT },
	{ "timer_t", DL_T_VOIDPTR },	{ "hrtime_t", DL_T_LLONG },
	{ "key_t", DL_T_INT },		{ "caddr_t", DL_T_CHARPTR },
	{ "daddr_t", DL_T_INT },	{ "socklen_t", DL_T_UINT },
	{ "sa_family_t", DL_T_USHORT }, { "in_port_t", DL_T_USHORT },
	{ "in_addr_t", DL_T_UINT },	{ "ipaddr_t", DL_T_UINT },
	{ "sigset_t", DL_T_ULONG },	{ "major_t", DL_T_UINT },
	{ "minor_t", DL_T_UINT },	{ "u_char", DL_T_UCHAR },
	{ "u_short", DL_T_USHORT },	{ "u_int", DL_T_UINT },
	{ "u_long", DL_T_ULONG },	{ "longlong_t", DL_T_LLONG },
	{ "ushort", DL_T_USHORT },	{ "uint", DL_T_UINT },
	{ "ulong", DL_T_ULONG },	{ "u_int8_t", DL_T_UCHAR },
	{ "u_int16_t", DL_T_USHORT },	{ "u_int32_t", DL_T_UINT },
	{ "u_int64_t", DL_T_ULONG },	{ "quad_t", DL_T_LONG },
	{ "u_quad_t", DL_T_ULONG },	{ "__builtin_va_list", DL_T_VOIDPTR },
	{ "intmax_t", DL_T_LONG },	{ "uintmax_t", DL_T_ULONG },
	{ "wchar_t", DL_T_INT },	{ "wint_t", DL_T_UINT },
	{ "pthread_t", DL_T_ULONG },	{ "bool", DL_T_BOOL },
	{ "zoneid_t", DL_T_INT },	{ "taskid_t", DL_T_INT },
	{ "projid_t", DL_T_INT },	{ "dprojid_t", DL_T_INT },
	{ "poolid_t", DL_T_INT },	{ "ctid_t", DL_T_INT },
	{ "processorid_t", DL_T_INT },	{ "psetid_t", DL_T_INT },
	{ "chipid_t", DL_T_INT },	{ "lgrp_id_t", DL_T_INT },
};

struct field {
	const char *name;
	struct dl_type *type;
};

static struct dl_type *add_sou(struct dl_types *ts, enum dl_kind kind, const char *tag,
			       const struct field *fields, size_t n)
{
	struct dl_type *t = dl_type_new(ts, kind, tag);
	uint64_t end = 0;

	t->members = ARENA_ARRAY(ts->arena, n, struct dl_member);
	t->n_members = n;
	for (size_t i = 0; i < n; i++) {
		struct dl_type *ft = fields[i].type;
		uint64_t off = kind == DL_UNION ? 0 : (end + ft->align - 1) / ft->align * ft->align;

		t->members[i].name =
			arena_intern(ts->arena, fields[i].name, strlen(fields[i].name));
		t->members[i].type = ft;
		t->members[i].bit_offset = off * 8;
		if (off + ft->size > end)
			end = off + ft->size;
		if (ft->align > t->align)
			t->align = ft->align;
	}
	t->size = (end + t->align - 1) / t->align * t->align;
	t->scope = "sys";
	if (tag)
		dl_types_define(ts,
				arena_printf(ts->arena, "%s %s",
					     kind == DL_UNION ? "union" : "struct", tag),
				t);
	return t;
}

/* Structures that scripts copy in all the time. */
static void add_sys_structs(struct dl_types *ts)
{
	struct dl_type *time = dl_types_lookup(ts, "time_t");
	struct dl_type *u8 = dl_types_lookup(ts, "uint8_t");
	struct dl_type *u16 = dl_types_lookup(ts, "uint16_t");
	struct dl_type *u32 = ts->basic[DL_T_UINT32];
	struct dl_type *ch = ts->basic[DL_T_CHAR];
	struct dl_type *family = dl_types_lookup(ts, "sa_family_t");
	struct dl_type *port = dl_types_lookup(ts, "in_port_t");
	struct dl_type *in, *in6;

	add_sou(ts, DL_STRUCT, "timespec",
		(struct field[]){ { "tv_sec", time }, { "tv_nsec", ts->basic[DL_T_LONG] } }, 2);
	add_sou(ts, DL_STRUCT, "timeval",
		(struct field[]){ { "tv_sec", time },
				  { "tv_usec", dl_types_lookup(ts, "suseconds_t") } },
		2);
	add_typedef(ts, "timestruc_t", dl_types_lookup(ts, "struct timespec"))->scope = "sys";
	add_typedef(ts, "timespec_t", dl_types_lookup(ts, "struct timespec"))->scope = "sys";
	in = add_sou(ts, DL_STRUCT, "in_addr",
		     (struct field[]){ { "s_addr", dl_types_lookup(ts, "in_addr_t") } }, 1);
	struct dl_type *words =
		add_sou(ts, DL_UNION, NULL,
			(struct field[]){ { "__u6_addr8", dl_type_array(ts, u8, 16) },
					  { "__u6_addr16", dl_type_array(ts, u16, 8) },
					  { "__u6_addr32", dl_type_array(ts, u32, 4) } },
			3);
	in6 = add_sou(ts, DL_STRUCT, "in6_addr", (struct field[]){ { "__in6_u", words } }, 1);
	add_typedef(ts, "in6_addr_t", in6)->scope = "sys";
	add_sou(ts, DL_STRUCT, "sockaddr",
		(struct field[]){ { "sa_family", family },
				  { "sa_data", dl_type_array(ts, ch, 14) } },
		2);
	add_sou(ts, DL_STRUCT, "sockaddr_in",
		(struct field[]){
			{ "sin_family", family },
			{ "sin_port", port },
			{ "sin_addr", in },
			{ "sin_zero", dl_type_array(ts, dl_types_lookup(ts, "uchar_t"), 8) } },
		4);
	add_sou(ts, DL_STRUCT, "sockaddr_in6",
		(struct field[]){ { "sin6_family", family },
				  { "sin6_port", port },
				  { "sin6_flowinfo", u32 },
				  { "sin6_addr", in6 },
				  { "sin6_scope_id", u32 } },
		5);
	add_sou(ts, DL_STRUCT, "sockaddr_un",
		(struct field[]){ { "sun_family", family },
				  { "sun_path", dl_type_array(ts, ch, 108) } },
		2);
	add_sou(ts, DL_STRUCT, "iovec",
		(struct field[]){ { "iov_base", ts->basic[DL_T_VOIDPTR] },
				  { "iov_len", ts->basic[DL_T_SIZE] } },
		2);
}

struct dl_types *dl_types_create(struct arena *a)
{
	struct dl_types *ts = ARENA_NEW(a, struct dl_types);

	ts->arena = a;
	ts->strsize = 256;
	add_base_types(ts);
	ts->basic[DL_T_VOIDPTR] = dl_type_ptr(ts, ts->basic[DL_T_VOID]);
	ts->basic[DL_T_CHARPTR] = dl_type_ptr(ts, ts->basic[DL_T_CHAR]);
	for (size_t i = 0; i < ARRAY_SIZE(std_typedefs); i++)
		add_typedef(ts, std_typedefs[i].name, ts->basic[std_typedefs[i].type]);
	for (size_t i = 0; i < ARRAY_SIZE(sys_typedefs); i++)
		add_typedef(ts, sys_typedefs[i].name, ts->basic[sys_typedefs[i].type])->scope =
			"sys";
	ts->basic[DL_T_INT64] = dl_types_lookup(ts, "int64_t");
	ts->basic[DL_T_UINT64] = dl_types_lookup(ts, "uint64_t");
	ts->basic[DL_T_INT32] = dl_types_lookup(ts, "int32_t");
	ts->basic[DL_T_UINT32] = dl_types_lookup(ts, "uint32_t");
	ts->basic[DL_T_UINTPTR] = dl_types_lookup(ts, "uintptr_t");
	ts->basic[DL_T_SIZE] = dl_types_lookup(ts, "size_t");
	ts->basic[DL_T_PID] = dl_types_lookup(ts, "pid_t");
	add_sys_structs(ts);
	return ts;
}

struct dl_type *dl_types_basic(struct dl_types *ts, enum dl_basic which)
{
	return ts->basic[which];
}

/* --- lookup by name --- */

struct words {
	unsigned n_signed, n_unsigned, n_short, n_long, n_int, n_base;
	enum dl_basic base;
};

static bool count_word(struct words *w, const char *s, size_t n)
{
	static const struct {
		const char *word;
		enum dl_basic type;
	} bases[] = {
		{ "void", DL_T_VOID },	   { "char", DL_T_CHAR },  { "float", DL_T_FLOAT },
		{ "double", DL_T_DOUBLE }, { "_Bool", DL_T_BOOL }, { "string", DL_T_STRING },
	};

#define IS(lit) (n == sizeof(lit) - 1 && !memcmp(s, lit, n))
	if (IS("signed"))
		return ++w->n_signed == 1;
	if (IS("unsigned"))
		return ++w->n_unsigned == 1;
	if (IS("short"))
		return ++w->n_short == 1;
	if (IS("long"))
		return ++w->n_long <= 2;
	if (IS("int"))
		return ++w->n_int == 1;
#undef IS
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (strlen(bases[i].word) == n && !memcmp(s, bases[i].word, n)) {
			w->base = bases[i].type;
			return ++w->n_base == 1;
		}
	}
	return false;
}

static struct dl_type *type_of_words(struct dl_types *ts, const struct words *w)
{
	bool sign = w->n_signed || w->n_unsigned;
	enum dl_basic t;

	if (w->n_signed && w->n_unsigned)
		return NULL;
	if (w->n_base) {
		if (w->n_int || w->n_short)
			return NULL;
		if (w->base == DL_T_CHAR && !w->n_long)
			t = w->n_unsigned ? DL_T_UCHAR : w->n_signed ? DL_T_SCHAR : DL_T_CHAR;
		else if (w->base == DL_T_DOUBLE && !sign && w->n_long == 1)
			t = DL_T_LDOUBLE;
		else if (!sign && !w->n_long)
			t = w->base;
		else
			return NULL;
	} else if (w->n_short) {
		if (w->n_long)
			return NULL;
		t = w->n_unsigned ? DL_T_USHORT : DL_T_SHORT;
	} else if (w->n_long) {
		t = w->n_long == 2 ? (w->n_unsigned ? DL_T_ULLONG : DL_T_LLONG) :
				     (w->n_unsigned ? DL_T_ULONG : DL_T_LONG);
	} else if (w->n_int || sign) {
		t = w->n_unsigned ? DL_T_UINT : DL_T_INT;
	} else {
		return NULL;
	}
	return ts->basic[t];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static struct dl_type *lookup_plain(struct dl_types *ts, const char *s, size_t n)
{
	const char *name = arena_intern(ts->arena, s, n);
	struct named *e = table_find(&ts->c, name);

	if (!e)
		e = table_find(&ts->d, name);
	return e ? e->type : NULL;
}

/* "long unsigned", "struct  foo", "const char": words in any order. */
static struct dl_type *lookup_words(struct dl_types *ts, const char *s, size_t n)
{
	struct words w = { 0 };
	struct dl_type *t = NULL;
	bool is_const = false, is_volatile = false, any = false;

	for (size_t i = 0; i < n;) {
		size_t start = i;

		while (i < n && !is_blank(s[i]))
			i++;
		size_t len = i - start;
		const char *word = s + start;

		while (i < n && is_blank(s[i]))
			i++;
		if (len == 5 && !memcmp(word, "const", 5)) {
			is_const = true;
		} else if (len == 8 && !memcmp(word, "volatile", 8)) {
			is_volatile = true;
		} else if ((len == 6 && !memcmp(word, "struct", 6)) ||
			   (len == 5 && !memcmp(word, "union", 5)) ||
			   (len == 4 && !memcmp(word, "enum", 4))) {
			size_t tag = i;

			while (i < n && !is_blank(s[i]))
				i++;
			if (t || any || i == tag)
				return NULL;
			const char *full = arena_printf(ts->arena, "%.*s %.*s", (int)len, word,
							(int)(i - tag), s + tag);

			t = lookup_plain(ts, full, strlen(full));
			if (!t)
				return NULL;
			while (i < n && is_blank(s[i]))
				i++;
		} else if (count_word(&w, word, len)) {
			any = true;
		} else {
			if (t || any)
				return NULL;
			t = lookup_plain(ts, word, len);
			if (!t)
				return NULL;
		}
	}
	if (t && any)
		return NULL;
	if (!t)
		t = type_of_words(ts, &w);
	if (t && is_const)
		t = dl_type_qual(ts, DL_CONST, t);
	if (t && is_volatile)
		t = dl_type_qual(ts, DL_VOLATILE, t);
	return t;
}

static size_t trim_end(const char *s, size_t n)
{
	while (n && is_blank(s[n - 1]))
		n--;
	return n;
}

struct dl_type *dl_types_lookup(struct dl_types *ts, const char *name)
{
	while (is_blank(*name))
		name++;
	size_t n = trim_end(name, strlen(name));
	/* Stars and the const of a pointer, from the right. */
	size_t head = n;

	while (head && name[head - 1] != '*' &&
	       (is_blank(name[head - 1]) ||
		(head > 5 && !memcmp(name + head - 5, "const", 5) && memchr(name, '*', head))))
		head -= is_blank(name[head - 1]) ? 1 : 5;
	if (!head || name[head - 1] != '*') {
		struct dl_type *t = lookup_plain(ts, name, n);

		return t ? t : n && n < 4096 ? lookup_words(ts, name, n) : NULL;
	}
	size_t star = (size_t)((const char *)memchr(name, '*', n) - name);
	struct dl_type *t = lookup_words(ts, name, trim_end(name, star));

	for (size_t i = star; t && i < n;) {
		if (name[i] == '*') {
			t = dl_type_ptr(ts, t);
			i++;
		} else if (is_blank(name[i])) {
			i++;
		} else if (n - i >= 5 && !memcmp(name + i, "const", 5)) {
			t = dl_type_qual(ts, DL_CONST, t);
			i += 5;
		} else {
			return NULL;
		}
	}
	return t;
}

struct dl_type *dl_types_lookup_in(struct dl_types *ts, const char *scope, const char *name)
{
	const struct table *t = !strcmp(scope, "C") ? &ts->c : &ts->d;
	struct named *e = table_find(t, arena_intern(ts->arena, name, strlen(name)));

	return e ? e->type : NULL;
}

void dl_types_define(struct dl_types *ts, const char *name, struct dl_type *t)
{
	bool is_c = t->scope && !strcmp(t->scope, "C");

	table_set(ts->arena, is_c ? &ts->c : &ts->d, arena_intern(ts->arena, name, strlen(name)),
		  t);
}

struct arena *dl_types_arena(struct dl_types *ts)
{
	return ts->arena;
}

/* --- questions --- */

struct dl_type *dl_type_base(struct dl_type *t)
{
	while (t->ref && (t->kind == DL_TYPEDEF || t->kind == DL_CONST || t->kind == DL_VOLATILE ||
			  t->kind == DL_RESTRICT))
		t = t->ref;
	return t;
}

static bool equal_tags(const struct dl_type *a, const struct dl_type *b)
{
	enum dl_kind ka = a->kind == DL_FORWARD ? a->forward_of : a->kind;
	enum dl_kind kb = b->kind == DL_FORWARD ? b->forward_of : b->kind;

	if (ka != kb || !a->name || !b->name || strcmp(a->name, b->name) != 0)
		return false;
	/* Two complete types of one name are two types, unless one came twice from a target. */
	return a->kind == DL_FORWARD || b->kind == DL_FORWARD ||
	       (a->size == b->size && a->host_data && b->host_data);
}

static bool equal_params(struct dl_type *a, struct dl_type *b)
{
	if (a->n_params != b->n_params || a->is_variadic != b->is_variadic)
		return false;
	for (size_t i = 0; i < a->n_params; i++)
		if (!dl_type_equal(a->params[i], b->params[i]))
			return false;
	return true;
}

bool dl_type_equal(struct dl_type *a, struct dl_type *b)
{
	for (;;) {
		a = dl_type_base(a);
		b = dl_type_base(b);
		if (a == b)
			return true;
		if (a->kind == DL_INT && b->kind == DL_INT)
			return a->size == b->size && a->is_signed == b->is_signed &&
			       a->is_bool == b->is_bool && a->name && b->name &&
			       !strcmp(a->name, b->name);
		if (a->kind == DL_FORWARD || b->kind == DL_FORWARD)
			return equal_tags(a, b);
		if (a->kind != b->kind)
			return false;
		switch (a->kind) {
		case DL_FLOAT: return a->size == b->size;
		case DL_STRUCT:
		case DL_UNION:
		case DL_ENUM: return equal_tags(a, b);
		case DL_ARRAY:
			if (a->n_elems != b->n_elems)
				return false;
			break;
		case DL_FUNC:
			if (!equal_params(a, b))
				return false;
			break;
		case DL_PTR: break;
		default: return true; /* void, string and the like have one object */
		}
		if (!a->ref || !b->ref)
			return a->ref == b->ref;
		a = a->ref;
		b = b->ref;
	}
}

uint64_t dl_type_size(struct dl_types *ts, struct dl_type *t)
{
	uint64_t n = 1, size;

	for (t = dl_type_base(t); t->kind == DL_ARRAY && t->ref; t = dl_type_base(t->ref))
		if (__builtin_mul_overflow(n, t->n_elems, &n))
			return 0;
	size = t->kind == DL_STRING ? ts->strsize : t->size;
	return __builtin_mul_overflow(n, size, &size) ? 0 : size;
}

void dl_types_set_strsize(struct dl_types *ts, uint64_t strsize)
{
	ts->strsize = strsize;
}

uint64_t dl_types_strsize(const struct dl_types *ts)
{
	return ts->strsize;
}

bool dl_type_is_strcompat(struct dl_type *t)
{
	t = dl_type_base(t);
	if (t->kind == DL_STRING)
		return true;
	if ((t->kind != DL_PTR && t->kind != DL_ARRAY) || !t->ref)
		return false;
	t = dl_type_base(t->ref);
	return t->kind == DL_INT && t->is_char;
}

const struct dl_member *dl_type_member(struct dl_type *t, const char *name,
				       uint64_t *bit_offset_ret)
{
	t = dl_type_base(t);
	if (t->kind != DL_STRUCT && t->kind != DL_UNION)
		return NULL;
	for (size_t i = 0; i < t->n_members; i++) {
		const struct dl_member *m = &t->members[i];

		if (m->name && !strcmp(m->name, name)) {
			*bit_offset_ret = m->bit_offset;
			return m;
		}
		if (m->name || m->bits)
			continue;
		const struct dl_member *in = dl_type_member(m->type, name, bit_offset_ret);

		if (in) {
			*bit_offset_ret += m->bit_offset;
			return in;
		}
	}
	return NULL;
}

const char *dl_type_name(struct dl_types *ts, struct dl_type *t)
{
	struct strbuf sb = { 0 };

	dl_type_print(&sb, t);
	const char *s = arena_strndup(ts->arena, strbuf_text(&sb), sb.len);

	strbuf_deinit(&sb);
	return s;
}
