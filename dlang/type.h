/*
 * D's view of C types.
 *
 * Types live in the compile arena.  Base types, pointers, arrays and
 * qualified types are interned by their constructors, so equal types made by
 * them share an address; struct, union and enum types are equal when they are
 * the same object.  Sizes are of the LP64 data model.
 */
#ifndef DL_TYPE_H
#define DL_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct strbuf;

enum dl_kind {
	DL_VOID,
	DL_INT, /* char .. long long, _Bool */
	DL_FLOAT, /* float, double, long double */
	DL_PTR,
	DL_ARRAY, /* scalar array T[n] */
	DL_STRUCT,
	DL_UNION,
	DL_ENUM,
	DL_FUNC,
	DL_FORWARD, /* struct/union/enum tag without a definition yet */
	DL_TYPEDEF,
	DL_CONST,
	DL_VOLATILE,
	DL_RESTRICT,
	DL_STRING, /* D's string */
	DL_DYN, /* <DYN>: type not fixed (aggregation, translated pointer) */
	DL_STACK, /* result of stack(), ustack(), jstack() */
	DL_SYMADDR, /* result of sym(), func(), mod() */
	DL_USYMADDR, /* result of usym(), ufunc(), uaddr(), umod() */
};

struct dl_type;

/* Members that share their place; the discriminant says which is there (Rust's enums). */
struct dl_variants {
	uint64_t at; /* the discriminant's byte in the struct */
	uint32_t size;
	uint64_t *values; /* of all but the one that stands for the others */
	size_t n;
};

/* When a member is there. */
struct dl_presence {
	const struct dl_variants *variants; /* NULL: always */
	uint64_t which; /* index in values; n: where no other is */
};

struct dl_member {
	const char *name; /* NULL: anonymous struct/union member or padding */
	struct dl_type *type;
	uint64_t bit_offset; /* from the start of the struct */
	uint32_t bits; /* width of a bit-field, else 0 */
};

struct dl_enumerator {
	const char *name;
	int64_t value;
};

struct dl_type {
	enum dl_kind kind;
	enum dl_kind forward_of; /* DL_FORWARD: STRUCT, UNION or ENUM */
	const char *name; /* base name, tag or typedef name; NULL = anonymous */
	const char *scope; /* object the type came from, "C", "D" or NULL */
	uint64_t size; /* bytes; 0 = unknown or void */
	uint32_t align;
	uint32_t rank; /* DL_INT: order of definition, breaks equal widths */
	bool is_signed; /* DL_INT, DL_ENUM */
	bool is_char; /* DL_INT: char, signed char, unsigned char */
	bool is_bool;
	bool is_variadic; /* DL_FUNC */
	bool is_userland; /* accepted and ignored */
	struct dl_type *ref; /* pointee, element, target, result, qualified */
	uint64_t n_elems; /* DL_ARRAY; 0 for [] */
	struct dl_member *members;
	size_t n_members;
	const struct dl_presence *presence; /* of each member; NULL: all are always there */
	struct dl_enumerator *enums;
	size_t n_enums;
	struct dl_type **params;
	size_t n_params;
	/* Filled in lazily for types read from the target (see dl_host). */
	void *host_data;
};

/*
 * Named types of one scope.  Scopes chain: a lookup that misses asks parent.
 * C holds types from #included text, D those that D source defines.
 */
struct dl_types;

struct dl_types *
dl_types_create(struct arena *a); /* with the base types and <stdint>-like typedefs */
/* The type called name ("int", "unsigned long", "struct foo", "uint32_t",
 * "const char *": any words and stars, no arrays or functions), or NULL. */
struct dl_type *dl_types_lookup(struct dl_types *ts, const char *name);
/* The same in one scope only: "C" or "D". */
struct dl_type *dl_types_lookup_in(struct dl_types *ts, const char *scope, const char *name);
/* Defines or replaces the named type; name includes "struct " etc. for tags. */
/* A type whose scope is "C" goes to that scope. */
void dl_types_define(struct dl_types *ts, const char *name, struct dl_type *t);

/* Where the types live: members of types that others make belong there too. */
struct arena *dl_types_arena(struct dl_types *ts);

/* Well-known types, always there. */
enum dl_basic {
	DL_T_VOID,
	DL_T_CHAR,
	DL_T_SCHAR,
	DL_T_UCHAR,
	DL_T_SHORT,
	DL_T_USHORT,
	DL_T_INT,
	DL_T_UINT,
	DL_T_LONG,
	DL_T_ULONG,
	DL_T_LLONG,
	DL_T_ULLONG,
	DL_T_BOOL,
	DL_T_FLOAT,
	DL_T_DOUBLE,
	DL_T_LDOUBLE,
	DL_T_STRING,
	DL_T_DYN,
	DL_T_STACK,
	DL_T_SYMADDR,
	DL_T_USYMADDR,
	DL_T_INT64,
	DL_T_UINT64,
	DL_T_INT32,
	DL_T_UINT32,
	DL_T_UINTPTR,
	DL_T_SIZE,
	DL_T_PID,
	DL_T_VOIDPTR,
	DL_T_CHARPTR,
	DL_T_COUNT
};
struct dl_type *dl_types_basic(struct dl_types *ts, enum dl_basic which);

struct dl_type *dl_type_ptr(struct dl_types *ts, struct dl_type *to);
struct dl_type *dl_type_array(struct dl_types *ts, struct dl_type *of, uint64_t n);
struct dl_type *dl_type_qual(struct dl_types *ts, enum dl_kind qual, struct dl_type *of);
struct dl_type *dl_type_new(struct dl_types *ts, enum dl_kind kind, const char *name);

/* Typedefs and qualifiers stripped. */
struct dl_type *dl_type_base(struct dl_type *t);
bool dl_type_equal(struct dl_type *a, struct dl_type *b); /* modulo typedefs and qualifiers */
/* Size of type string is the strsize option, so it is asked of the scope. */
uint64_t dl_type_size(struct dl_types *ts, struct dl_type *t);
void dl_types_set_strsize(struct dl_types *ts, uint64_t strsize);
uint64_t dl_types_strsize(const struct dl_types *ts);

/* C spelling: "const char *", "struct foo", "int (*)(int)"; for messages and -lv. */
void dl_type_print(struct strbuf *sb, struct dl_type *t);
/* The same as an arena string. */
const char *dl_type_name(struct dl_types *ts, struct dl_type *t);
/* Declaration: type_name + name, as "char foo[16]"; used by print(). */
void dl_type_print_decl(struct strbuf *sb, struct dl_type *t, const char *name);

/* The member called name, looking through anonymous members; NULL if none.
 * *bit_offset_ret is its offset from the start of t. */
const struct dl_member *dl_type_member(struct dl_type *t, const char *name,
				       uint64_t *bit_offset_ret);

static inline bool dl_type_is_integer(struct dl_type *t) /* integers and enums */
{
	t = dl_type_base(t);
	return t->kind == DL_INT || t->kind == DL_ENUM;
}
static inline bool dl_type_is_float(struct dl_type *t)
{
	return dl_type_base(t)->kind == DL_FLOAT;
}
static inline bool dl_type_is_pointer(struct dl_type *t) /* pointers and arrays */
{
	t = dl_type_base(t);
	return t->kind == DL_PTR || t->kind == DL_ARRAY;
}
static inline bool dl_type_is_scalar(struct dl_type *t)
{
	return dl_type_is_integer(t) || dl_type_is_pointer(t);
}
static inline bool dl_type_is_sou(struct dl_type *t)
{
	t = dl_type_base(t);
	return t->kind == DL_STRUCT || t->kind == DL_UNION;
}
static inline bool dl_type_is_string(struct dl_type *t) /* the D type string itself */
{
	return dl_type_base(t)->kind == DL_STRING;
}
/* string, char * or char[]. */
bool dl_type_is_strcompat(struct dl_type *t);

#endif
