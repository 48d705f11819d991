/*
 * Calling conventions: what parameters and results are to the processor.
 *
 * C and C++ pass by the classes of the processor's ABI, Rust by a view of its
 * own with the same registers, Go by its own registers.  Structs are taken
 * apart into the numbers they consist of.
 */
#include <dwarf.h>
#include <string.h>

#include "../arch/arch.h"
#include "dwarf_type_int.h"

#define LEAVES_MAX 64
#define DEPTH_MAX 8

/* ------------------------------------------------- convention's view -- */

/* The numbers a struct consists of, as far as they decide how it is passed. */
struct leaves {
	unsigned n;
	uint64_t float_size; /* of all, 0: not the same or not only floats */
	bool is_mixed, has_long_double;
	bool has_int[2];
};

static void gather(struct dl_types *ts, struct dl_type *t, uint64_t at, struct leaves *l,
		   unsigned depth)
{
	t = dl_type_base(t);
	if (depth > DEPTH_MAX || l->n > LEAVES_MAX) {
		l->is_mixed = l->has_int[0] = l->has_int[1] = true;
		return;
	}
	if (t->kind == DL_ARRAY) {
		uint64_t size = dl_type_size(ts, t->ref);

		for (uint64_t i = 0; i < t->n_elems && l->n <= LEAVES_MAX; i++)
			gather(ts, t->ref, at + i * size, l, depth + 1);
	} else if (t->kind == DL_STRUCT || t->kind == DL_UNION) {
		(void)dwarf_type_complete(ts, t);
		for (size_t i = 0; i < t->n_members; i++)
			gather(ts, t->members[i].type, at + t->members[i].bit_offset / 8, l,
			       depth + 1);
	} else {
		bool is_float = t->kind == DL_FLOAT && t->size <= 8;

		l->has_long_double |= t->kind == DL_FLOAT && t->size > 8;

		if (!is_float && at < 16)
			l->has_int[at / 8] = true;
		if (t->kind != DL_FLOAT || (l->n && l->float_size != t->size))
			l->is_mixed = true;
		l->float_size = t->size;
		l->n++;
	}
}

/* From a type to what its typedefs and qualifiers are of. */
static bool skip_names(Dwarf_Die *type)
{
	for (int i = 0; i < 16; i++) {
		int tag = dwarf_tag(type);

		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type && tag != DW_TAG_atomic_type)
			return true;
		Dwarf_Die of;

		if (!debuginfo_ref(type, DW_AT_type, &of))
			return false;
		*type = of;
	}
	return false;
}

/* The type of a parameter without its typedefs and qualifiers. */
static bool bare_type(Dwarf_Die *die, Dwarf_Die *type)
{
	return debuginfo_ref(die, DW_AT_type, type) && skip_names(type);
}

/* C++: not trivial to copy, so it's passed by address. */
static bool is_by_reference(Dwarf_Die *type)
{
	uint64_t cc;

	return debuginfo_number(type, DW_AT_calling_convention, &cc) &&
	       cc == DW_CC_pass_by_reference;
}

static void as_struct(struct dl_types *ts, struct dl_type *b, struct arch_param *p)
{
	struct leaves l = { 0 };

	p->kind = ARCH_PARAM_STRUCT;
	gather(ts, b, 0, &l, 0);
	p->is_float[0] = !l.has_int[0];
	p->is_float[1] = !l.has_int[1];
	p->has_long_double = l.has_long_double;
	if (!l.n)
		p->size = 0; /* empty */
	if (!l.is_mixed && l.n >= 1 && l.n <= 4)
		p->n_same_floats = (uint8_t)l.n;
}

/* ------------------------------------------------ Rust's and Go's view -- */

#define SCALARS_MAX 32
#define SCALARS_DEPTH 64 /* a String of Rust's is seven structs deep */

/* The numbers that a type consists of; is_opaque: it has others, or too many. */
struct scalars {
	struct arch_scalar list[SCALARS_MAX];
	unsigned n;
	bool is_opaque;
};

static void add_scalar(struct scalars *s, uint64_t at, uint64_t size, bool is_float)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct arch_scalar *o = &s->list[i];

		if (o->at == at && o->size == size)
			return; /* another variant of an enum */
		if (at < o->at + o->size && o->at < at + size)
			s->is_opaque = true;
	}
	if (s->n == SCALARS_MAX || !size || size > 16)
		s->is_opaque = true;
	else
		s->list[s->n++] = (struct arch_scalar){ .at = at,
							.size = (uint8_t)size,
							.is_float = is_float };
}

static void scalars_of(struct scalars *s, Dwarf_Die *die, uint64_t at, unsigned depth);

/* Members, and those of the variants of a Rust enum. */
static void scalars_of_members(struct scalars *s, Dwarf_Die *die, uint64_t at, unsigned depth)
{
	Dwarf_Die child, type;
	uint64_t offset;

	s->is_opaque |= depth > SCALARS_DEPTH;
	if (s->is_opaque || !debuginfo_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_variant_part || tag == DW_TAG_variant)
			scalars_of_members(s, &child, at, depth + 1);
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    !debuginfo_ref(&child, DW_AT_type, &type))
			continue;
		if (!debuginfo_number(&child, DW_AT_data_member_location, &offset))
			offset = 0;
		scalars_of(s, &type, at + offset, depth + 1);
	} while (!s->is_opaque && debuginfo_next(&child));
}

static uint64_t elements_of(Dwarf_Die *array)
{
	uint64_t n = 1, count;
	Dwarf_Die child;

	if (!debuginfo_child(array, &child))
		return 2;
	do {
		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		if (debuginfo_number(&child, DW_AT_count, &count))
			n = count > 1 ? 2 : n * count;
		else if (debuginfo_number(&child, DW_AT_upper_bound, &count))
			n = count > 0 ? 2 : n;
		else
			n = 2;
	} while (debuginfo_next(&child));
	return n;
}

static void scalars_of(struct scalars *s, Dwarf_Die *die, uint64_t at, unsigned depth)
{
	uint64_t encoding = 0, size = 8;
	Dwarf_Die type = *die, elem;

	if (depth > SCALARS_DEPTH) {
		s->is_opaque = true;
		return;
	}
	(void)skip_names(&type);
	(void)debuginfo_number(&type, DW_AT_byte_size, &size);
	switch (dwarf_tag(&type)) {
	case DW_TAG_base_type:
		(void)debuginfo_number(&type, DW_AT_encoding, &encoding);
		if (encoding == DW_ATE_complex_float) {
			add_scalar(s, at, size / 2, true);
			add_scalar(s, at + size / 2, size / 2, true);
		} else if (size) {
			add_scalar(s, at, size, encoding == DW_ATE_float);
		}
		break;
	case DW_TAG_array_type:
		if (elements_of(&type) > 1)
			s->is_opaque = true;
		else if (elements_of(&type) && debuginfo_ref(&type, DW_AT_type, &elem))
			scalars_of(s, &elem, at, depth + 1);
		break;
	case DW_TAG_union_type: s->is_opaque = true; break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type: scalars_of_members(s, &type, at, depth + 1); break;
	default: add_scalar(s, at, size, false); break;
	}
}

/* rustc's adjustment of its own calls: numbers and pairs as they are, else by size. */
static struct arch_param rust_param(Dwarf_Die *type, uint64_t size)
{
	struct arch_param p = { .kind = ARCH_PARAM_INT, .size = size };
	struct scalars s = { 0 };

	scalars_of(&s, type, 0, 0);
	if (!s.n && !s.is_opaque)
		p.size = 0;
	else if (!s.is_opaque && s.n == 1 && s.list[0].is_float)
		p.kind = ARCH_PARAM_FLOAT;
	else if (!s.is_opaque && s.n == 2) {
		bool swap = s.list[1].at < s.list[0].at;

		p.kind = ARCH_PARAM_PAIR;
		p.pair[0] = s.list[swap];
		p.pair[1] = s.list[!swap];
	} else if (size > 8 && (s.is_opaque || s.n != 1)) {
		p.kind = ARCH_PARAM_BY_REF;
	}
	return p;
}

struct go_state {
	unsigned ints, vectors;
	uint64_t stack; /* bytes */
	bool in_registers;
};

/* All of it in registers, one for each number; else all of it on the stack. */
static void go_place(struct go_state *st, struct dl_types *ts, Dwarf_Die *die,
		     struct dwarf_param *p)
{
	uint64_t size = dl_type_size(ts, p->type), align = size < 8 && size ? size : 8;
	struct go_state next = *st;
	struct arch_where w = { .how = ARCH_IN_PIECES };
	struct scalars s = { .is_opaque = !st->in_registers };
	Dwarf_Die type;

	if (st->in_registers && debuginfo_ref(die, DW_AT_type, &type))
		scalars_of(&s, &type, 0, 0);
	for (unsigned i = 0; i < s.n && !s.is_opaque; i++) {
		const struct arch_scalar *sc = &s.list[i];
		unsigned n = sc->is_float ? next.vectors++ : next.ints++;

		if (n >= (sc->is_float ? arch_go.n_vectors : arch_go.n_ints) ||
		    w.n_pieces == ARCH_PIECES_MAX || sc->at + sc->size > ARCH_PIECES_BYTES) {
			s.is_opaque = true;
			break;
		}
		w.pieces[w.n_pieces++] = (struct arch_piece){
			.kind = sc->is_float ? ARCH_PIECE_VECTOR : ARCH_PIECE_DWARF,
			.n = (uint8_t)(sc->is_float ? n : arch_go.ints[n]),
			.at = (uint8_t)sc->at,
			.size = sc->size,
		};
	}
	if (!s.is_opaque) {
		*st = next;
		p->where = w;
		if (!size)
			p->why = "it is empty";
		return;
	}
	st->stack = (st->stack + align - 1) & ~(align - 1);
	if (st->stack % 8 || st->stack > 1024)
		p->why = "its place is not known";
	p->where = (struct arch_where){ .how = ARCH_ON_STACK,
					.n = (uint8_t)(arch_go.stack_word + st->stack / 8) };
	st->stack += size;
}

/*
 * Go's own compiler, by its name: gccgo and TinyGo call as C does.  What it
 * says of itself tells whether its values are in registers (Go 1.17 and on).
 */
static bool is_gc(Dwarf_Die *func, bool *in_registers)
{
	const char *producer;
	Dwarf_Die cu;

	if (!dwarf_diecu(func, &cu, NULL, NULL) || dwarf_srclang(&cu) != DW_LANG_Go)
		return false;
	producer = debuginfo_string(&cu, DW_AT_producer);
	if (!producer || strncmp(producer, "Go cmd/compile", strlen("Go cmd/compile")) != 0)
		return false;
	*in_registers = strstr(producer, "regabi");
	return true;
}

bool dwarf_abi_go(struct dl_types *ts, Dwarf_Die *func, struct dwarf_param_list *list,
		  struct dwarf_func *f)
{
	struct go_state st = { 0 };

	if (!is_gc(func, &st.in_registers))
		return false;
	for (unsigned i = 0; i < f->n_params; i++)
		go_place(&st, ts, &list->dies[i], &f->params[i]);
	st.ints = st.vectors = 0;
	st.stack = (st.stack + 7) & ~UINT64_C(7);
	for (unsigned i = 0; i < f->n_results; i++)
		go_place(&st, ts, &list->results[i], &f->results[i]);
	return true;
}

/* --------------------------------------------------------------- both -- */

static bool is_of_rust(Dwarf_Die *die)
{
	Dwarf_Die cu;

	return dwarf_diecu(die, &cu, NULL, NULL) && dwarf_srclang(&cu) == DW_LANG_Rust;
}

/* Arrays stand for vectors, complex numbers and integers that D has no type for. */
struct arch_param dwarf_abi_param(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die,
				  struct dl_type *t)
{
	struct arch_param p = { .kind = ARCH_PARAM_INT };
	struct dl_type *b = dl_type_base(t);
	Dwarf_Die type;
	bool is_known = bare_type(die, &type);

	if (b->host_data)
		(void)dwarf_type_complete(ts, b);
	p.size = dl_type_size(ts, b);
	(void)di;
	if (is_known && is_of_rust(die))
		return rust_param(&type, p.size);
	if (is_known && is_by_reference(&type))
		return (struct arch_param){ .kind = ARCH_PARAM_BY_REF, .size = 8 };
	if (b->kind == DL_FLOAT)
		p.kind = b->size > 8 ? ARCH_PARAM_LONG_DOUBLE : ARCH_PARAM_FLOAT;
	else if (b->kind == DL_STRUCT || b->kind == DL_UNION)
		as_struct(ts, b, &p);
	else if (b->kind == DL_ARRAY && is_known && dwarf_tag(&type) == DW_TAG_array_type)
		p.kind = ARCH_PARAM_VECTOR;
	else if (b->kind == DL_ARRAY && dl_type_base(b->ref)->kind == DL_FLOAT)
		as_struct(ts, b, &p);
	return p;
}
