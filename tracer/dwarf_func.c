/*
 * Parameters of functions, and which raw argument each of them is.
 *
 * At a function's first instruction parameters are where the calling
 * convention puts them; what DWARF says of later (-O0: a stack slot that is
 * written by the prologue) isn't true yet.  So a location in memory is taken
 * as "where the convention says", while a register is believed: the compiler
 * may have changed the convention of a local function.  A parameter that has
 * no location at the entry was optimised out, and that is said.
 */
#include "dwarf_func.h"

#include <dwarf.h>
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "../arch/arch.h"
#include "../dlang/arena.h"
#include "dwarf_type_int.h"
#include "image.h"

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

/* The type of a parameter without its typedefs and qualifiers. */
static bool bare_type(Dwarf_Die *die, Dwarf_Die *type)
{
	if (!debuginfo_ref(die, DW_AT_type, type))
		return false;
	for (int i = 0; i < 16; i++) {
		int tag = dwarf_tag(type);

		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type && tag != DW_TAG_atomic_type)
			return true;
		if (!debuginfo_ref(type, DW_AT_type, type))
			return false;
	}
	return false;
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

/* Arrays stand for vectors, complex numbers and integers that D has no type for. */
static struct arch_param as_param(struct dl_types *ts, Dwarf_Die *die, struct dl_type *t)
{
	struct arch_param p = { .kind = ARCH_PARAM_INT };
	struct dl_type *b = dl_type_base(t);
	Dwarf_Die type;
	bool is_known = bare_type(die, &type);

	if (b->host_data)
		(void)dwarf_type_complete(ts, b);
	p.size = dl_type_size(ts, b);
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

/* ------------------------------------------------------------ location -- */

enum place { PLACE_NONE, PLACE_REG, PLACE_MEMORY, PLACE_CONST, PLACE_SPLIT };

/* ops[i] as a register; -1. */
static int register_of(const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		return op->atom - DW_OP_reg0;
	return op->atom == DW_OP_regx && op->number < 256 ? (int)op->number : -1;
}

/* "what it was when the function was entered" is what is asked for here. */
static void at_entry(Dwarf_Attribute *a, Dwarf_Op **ops, size_t *n)
{
	Dwarf_Attribute inner;
	Dwarf_Op *in;
	size_t n_in;

	if (*n == 2 && (*ops)[1].atom == DW_OP_stack_value &&
	    ((*ops)[0].atom == DW_OP_entry_value || (*ops)[0].atom == DW_OP_GNU_entry_value) &&
	    !dwarf_getlocation_attr(a, &(*ops)[0], &inner) &&
	    !dwarf_getlocation(&inner, &in, &n_in) && n_in == 1) {
		*ops = in;
		*n = 1;
	}
}

struct location {
	const Dwarf_Op *ops;
	size_t n;
	int64_t value; /* PLACE_CONST */
};

/* Where a parameter is at addr, as DWARF sees it. */
static enum place locate(Dwarf_Die *die, uint64_t addr, struct location *ret)
{
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a)) {
		Dwarf_Sword v;

		if (!dwarf_attr_integrate(die, DW_AT_const_value, &a) || dwarf_formsdata(&a, &v))
			return PLACE_NONE;
		ret->value = v;
		return PLACE_CONST;
	}
	if (dwarf_getlocation_addr(&a, addr, &ops, &n, 1) != 1 || !n)
		return PLACE_NONE;
	at_entry(&a, &ops, &n);
	ret->ops = ops;
	ret->n = n;
	for (size_t i = 0; i < n; i++)
		if (ops[i].atom == DW_OP_piece || ops[i].atom == DW_OP_bit_piece)
			return PLACE_SPLIT;
	if (n == 1 && register_of(&ops[0]) >= 0)
		return PLACE_REG;
	if (n == 2 && ops[1].atom == DW_OP_stack_value && ops[0].atom >= DW_OP_lit0 &&
	    ops[0].atom <= DW_OP_lit31) {
		ret->value = ops[0].atom - DW_OP_lit0;
		return PLACE_CONST;
	}
	if (ops[n - 1].atom == DW_OP_stack_value || ops[n - 1].atom == DW_OP_implicit_value)
		return PLACE_NONE; /* a debugger could compute it */
	return PLACE_MEMORY;
}

/* ---------------------------------------------------------- parameters -- */

static void add_param(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die, bool is_there,
		      struct dwarf_param_list *list, struct dwarf_func *f)
{
	struct dwarf_param *p = &f->params[f->n_params];
	Dwarf_Attribute a;
	const char *name;

	if (f->n_params == DWARF_PARAMS_MAX)
		return;
	name = dwarf_attr_integrate(die, DW_AT_name, &a) ? dwarf_formstring(&a) : NULL;
	p->name = name && *name ? name : NULL;
	p->type = dwarf_type_of(di, ts, die);
	list->abi[f->n_params] = as_param(ts, die, p->type);
	list->dies[f->n_params] = *die;
	list->is_there[f->n_params++] = is_there;
}

/* The child of func that stands for the abstract parameter. */
static bool concrete_of(Dwarf_Die *func, const Dwarf_Die *abstract, Dwarf_Die *ret)
{
	Dwarf_Die child, origin;

	if (!debuginfo_child(func, &child))
		return false;
	do {
		if (dwarf_tag(&child) == DW_TAG_formal_parameter &&
		    debuginfo_ref(&child, DW_AT_abstract_origin, &origin) &&
		    origin.addr == abstract->addr) {
			*ret = child;
			return true;
		}
	} while (debuginfo_next(&child));
	return false;
}

/*
 * In the order of the source: a copy of an inline function, out of line or
 * not, lists only what it still has, its abstract instance all.
 */
static void list_params(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *func,
			struct dwarf_param_list *list, struct dwarf_func *f)
{
	Dwarf_Die origin, from = *func, child, own;
	bool is_copy = debuginfo_ref(func, DW_AT_abstract_origin, &origin) &&
		       dwarf_tag(&origin) == DW_TAG_subprogram;

	if (is_copy)
		from = origin;
	if (!debuginfo_child(&from, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_unspecified_parameters)
			f->is_variadic = true;
		if (tag != DW_TAG_formal_parameter)
			continue;
		if (!is_copy)
			add_param(di, ts, &child, true, list, f);
		else if (concrete_of(func, &child, &own))
			add_param(di, ts, &own, true, list, f);
		else
			add_param(di, ts, &child, false, list, f);
	} while (debuginfo_next(&child));
}

bool dwarf_param_is_object(const struct dwarf_param *p)
{
	enum dl_kind kind = dl_type_base(p->type)->kind;

	return p->where.how != ARCH_IN_WORD || kind == DL_STRUCT || kind == DL_UNION ||
	       kind == DL_FLOAT || kind == DL_ARRAY;
}

void dwarf_params_read(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *func,
		       struct dwarf_param_list *list, struct dwarf_func *f)
{
	struct arch_where where[DWARF_PARAMS_MAX];
	struct arch_param result;

	memset(f, 0, sizeof(*f));
	f->result.type = dwarf_type_of(di, ts, func);
	result = as_param(ts, func, f->result.type);
	arch_place_result(&result, &f->result.where);
	if (f->result.where.how == ARCH_NOWHERE)
		f->result.why = "where it is put is not known when the function returns";
	list_params(di, ts, func, list, f);
	arch_place_params(&result, list->abi, f->n_params, where);
	for (unsigned i = 0; i < f->n_params; i++) {
		f->params[i].where = where[i];
		if (!list->abi[i].size)
			f->params[i].why = "it is empty";
		else if (where[i].how == ARCH_NOWHERE)
			f->params[i].why = "its place is not known";
	}
}

/* The register that holds bytes of a parameter at an entry. */
static bool add_piece(struct arch_where *w, int reg, uint64_t at, uint64_t size)
{
	int vector = reg < 0 ? -1 : arch_vector_of_dwarf((unsigned)reg);

	if (reg < 0 || w->n_pieces == ARCH_PIECES_MAX || size > 16 || at + size > ARCH_PIECES_BYTES)
		return false;
	w->how = ARCH_IN_PIECES;
	w->pieces[w->n_pieces++] = (struct arch_piece){
		.kind = vector >= 0 ? ARCH_PIECE_VECTOR : ARCH_PIECE_DWARF,
		.n = (uint8_t)(vector >= 0 ? vector : reg),
		.at = (uint8_t)at,
		.size = (uint8_t)size,
	};
	return true;
}

/* What the compiler did believed over what the convention says. */
static void in_register(struct dl_types *ts, const struct location *l, struct dwarf_param *p)
{
	int reg = register_of(&l->ops[0]);
	int arg = arch_arg_of_dwarf((unsigned)reg);

	if (p->where.how == ARCH_AT_ADDRESS) {
		if (arg >= 0)
			p->where.n = (uint8_t)arg;
		return;
	}
	p->where = (struct arch_where){ 0 };
	if (arg >= 0 && dl_type_size(ts, p->type) <= 8)
		p->where = (struct arch_where){ .how = ARCH_IN_WORD, .n = (uint8_t)arg };
	else if (!add_piece(&p->where, reg, 0, dl_type_size(ts, p->type)))
		p->why = "it is in a register that can't be read";
}

/* Registers one after the other: a gap is what was optimised out. */
static void in_pieces(const struct location *l, struct dwarf_param *p)
{
	struct arch_where w = { 0 };
	uint64_t at = 0;

	for (size_t i = 0; i + 1 < l->n && l->ops[i + 1].atom == DW_OP_piece; i += 2) {
		if (!add_piece(&w, register_of(&l->ops[i]), at, l->ops[i + 1].number))
			break;
		at += l->ops[i + 1].number;
		if (i + 2 == l->n) {
			p->where = w;
			return;
		}
	}
	p->why = "the compiler optimised parts of it out";
}

/* true: DWARF has parts of it only. */
static bool place_param(struct dl_types *ts, struct dwarf_param_list *list, uint64_t entry,
			unsigned i, struct dwarf_param *p)
{
	struct location l = { 0 };

	if (p->why)
		return false;
	switch (list->is_there[i] ? locate(&list->dies[i], entry, &l) : PLACE_NONE) {
	case PLACE_NONE: p->why = "the compiler optimised it out"; break;
	case PLACE_CONST:
		p->why = arena_printf(dl_types_arena(ts),
				      "the compiler optimised it out: it is "
				      "always %" PRId64 " here",
				      l.value);
		break;
	case PLACE_REG: in_register(ts, &l, p); break;
	case PLACE_MEMORY: break; /* written by the prologue: not yet */
	case PLACE_SPLIT: in_pieces(&l, p); return true;
	}
	return false;
}

/*
 * Callers that the compiler didn't see pass everything, used or not: where its
 * tables have no value, the convention still has.  gcc gives functions that
 * it changes a local symbol.  Other compilers let callers that they do see
 * pass anything for what is not used at all; a struct of which they know a
 * part is used.
 */
static bool is_as_called(const struct image *img, struct debuginfo *di, uint64_t addr, bool is_part)
{
	const struct sym *s = image_symbol_covering(img, addr);
	struct debug_unit *u = debuginfo_unit_at(di, addr);
	const char *by = u ? debuginfo_string(debuginfo_unit_die(u), DW_AT_producer) : NULL;

	return s && s->addr == addr && s->bind != STB_LOCAL && by &&
	       (is_part || !strncmp(by, "GNU ", 4));
}

bool dwarf_func_at(struct image *img, struct dl_types *ts, uint64_t addr, struct dwarf_func *ret)
{
	struct debuginfo *di = image_debuginfo(img);
	const struct debug_func *f = di ? debuginfo_func_at(di, addr, false) : NULL;
	struct dwarf_param_list list = { 0 };
	Dwarf_Die die;

	if (!f)
		return false;
	die = f->die;
	dwarf_params_read(di, ts, &die, &list, ret);
	for (unsigned i = 0; i < ret->n_params; i++) {
		struct dwarf_param *p = &ret->params[i], by_convention = *p;

		bool is_part = place_param(ts, &list, addr, i, p);

		if (p->why && is_as_called(img, di, addr, is_part))
			*p = by_convention;
	}
	return true;
}

struct dl_type *dwarf_func_type_at(struct image *img, struct dl_types *ts, uint64_t addr)
{
	struct debuginfo *di = image_debuginfo(img);
	const struct debug_func *f = di ? debuginfo_func_at(di, addr, false) : NULL;
	Dwarf_Die die;

	if (!f)
		return NULL;
	die = f->die;
	return dwarf_func_type(di, ts, &die);
}
