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
	bool is_mixed;
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

		if (!is_float && at < 16)
			l->has_int[at / 8] = true;
		if (!is_float || (l->n && l->float_size != t->size))
			l->is_mixed = true;
		l->float_size = t->size;
		l->n++;
	}
}

/* C++: not trivial to copy, so it's passed by address. */
static bool is_by_reference(Dwarf_Die *die)
{
	Dwarf_Die type;
	uint64_t cc;

	if (!debuginfo_ref(die, DW_AT_type, &type))
		return false;
	for (int i = 0; i < 16; i++) {
		int tag = dwarf_tag(&type);

		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type)
			break;
		if (!debuginfo_ref(&type, DW_AT_type, &type))
			return false;
	}
	return debuginfo_number(&type, DW_AT_calling_convention, &cc) &&
	       cc == DW_CC_pass_by_reference;
}

static struct arch_param as_param(struct dl_types *ts, Dwarf_Die *die, struct dl_type *t)
{
	struct arch_param p = { .kind = ARCH_PARAM_INT };
	struct dl_type *b = dl_type_base(t);
	struct leaves l = { 0 };

	if (b->host_data)
		(void)dwarf_type_complete(ts, b);
	p.size = dl_type_size(ts, b);
	if (b->kind == DL_FLOAT) {
		p.kind = b->size > 8 ? ARCH_PARAM_LONG_DOUBLE : ARCH_PARAM_FLOAT;
	} else if (b->kind == DL_STRUCT || b->kind == DL_UNION || b->kind == DL_ARRAY) {
		p.kind = ARCH_PARAM_STRUCT;
		gather(ts, b, 0, &l, 0);
		p.is_float[0] = !l.has_int[0];
		p.is_float[1] = !l.has_int[1];
		if (!l.n)
			p.size = 0; /* empty */
		if (!l.is_mixed && l.n >= 1 && l.n <= 4)
			p.n_same_floats = (uint8_t)l.n;
	}
	if (is_by_reference(die))
		p = (struct arch_param){ .kind = ARCH_PARAM_BY_REF, .size = 8 };
	return p;
}

/* ------------------------------------------------------------ location -- */

enum place { PLACE_NONE, PLACE_REG, PLACE_MEMORY, PLACE_CONST, PLACE_SPLIT };

/* Where a parameter is at addr, as DWARF sees it. */
static enum place locate(Dwarf_Die *die, uint64_t addr, int64_t *value)
{
	Dwarf_Attribute a, inner;
	Dwarf_Op *ops, *in;
	size_t n, n_in;

	if (!dwarf_attr(die, DW_AT_location, &a)) {
		Dwarf_Sword v;

		if (!dwarf_attr_integrate(die, DW_AT_const_value, &a) || dwarf_formsdata(&a, &v))
			return PLACE_NONE;
		*value = v;
		return PLACE_CONST;
	}
	if (dwarf_getlocation_addr(&a, addr, &ops, &n, 1) != 1 || !n)
		return PLACE_NONE;
	for (size_t i = 0; i < n; i++)
		if (ops[i].atom == DW_OP_piece || ops[i].atom == DW_OP_bit_piece)
			return PLACE_SPLIT;
	if (n == 2 && ops[1].atom == DW_OP_stack_value &&
	    (ops[0].atom == DW_OP_entry_value || ops[0].atom == DW_OP_GNU_entry_value) &&
	    !dwarf_getlocation_attr(&a, &ops[0], &inner) &&
	    !dwarf_getlocation(&inner, &in, &n_in) && n_in == 1) {
		ops = in;
		n = 1;
	}
	if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
		*value = ops[0].atom - DW_OP_reg0;
		return PLACE_REG;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx) {
		*value = (int64_t)ops[0].number;
		return PLACE_REG;
	}
	if (n == 2 && ops[1].atom == DW_OP_stack_value && ops[0].atom >= DW_OP_lit0 &&
	    ops[0].atom <= DW_OP_lit31) {
		*value = ops[0].atom - DW_OP_lit0;
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

/* Why a value of this class isn't one raw argument; NULL: it is. */
static const char *class_why(const struct arch_param *p)
{
	switch (p->kind) {
	case ARCH_PARAM_INT: return p->size <= 8 ? NULL : "it is wider than an argument register";
	case ARCH_PARAM_FLOAT:
	case ARCH_PARAM_LONG_DOUBLE: return "floating-point values are not in argument registers";
	case ARCH_PARAM_STRUCT: return "a struct passed by value is not one argument register";
	case ARCH_PARAM_BY_REF: return "the class is passed by the address of a copy";
	}
	return NULL;
}

void dwarf_params_read(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *func,
		       struct dwarf_param_list *list, struct dwarf_func *f)
{
	struct arch_param result;

	memset(f, 0, sizeof(*f));
	f->result = dwarf_type_of(di, ts, func);
	result = as_param(ts, func, f->result);
	if (f->result->kind != DL_VOID)
		f->result_why = class_why(&result);
	list_params(di, ts, func, list, f);
	arch_place_params(&result, list->abi, f->n_params, list->by_convention);
	for (unsigned i = 0; i < f->n_params; i++)
		list->class_why[i] = class_why(&list->abi[i]);
}

static void place_param(struct dl_types *ts, struct dwarf_param_list *list, uint64_t entry,
			unsigned i, struct dwarf_param *p)
{
	int64_t v = 0;

	p->arg = -1;
	p->why = list->class_why[i];
	if (p->why)
		return;
	switch (list->is_there[i] ? locate(&list->dies[i], entry, &v) : PLACE_NONE) {
	case PLACE_NONE: p->why = "the compiler optimised it out"; break;
	case PLACE_CONST:
		p->why = arena_printf(dl_types_arena(ts),
				      "the compiler optimised it out: it is "
				      "always %" PRId64 " here",
				      v);
		break;
	case PLACE_REG:
		p->arg = v >= 0 && v < 256 ? arch_arg_of_dwarf((unsigned)v) : -1;
		if (p->arg < 0)
			p->why = "it is in a register that is none of the argument registers";
		break;
	case PLACE_MEMORY:
		p->arg = list->by_convention[i];
		if (p->arg < 0)
			p->why = "its place is not known";
		break;
	case PLACE_SPLIT: p->why = "the compiler split it up"; break;
	}
}

bool dwarf_func_at(struct image *img, struct dl_types *ts, uint64_t addr, struct dwarf_func *ret)
{
	struct debuginfo *di = image_debuginfo(img);
	const struct debug_func *f = di ? debuginfo_func_at(di, addr, false) : NULL;
	struct dwarf_param_list list;
	Dwarf_Die die;

	if (!f)
		return false;
	die = f->die;
	dwarf_params_read(di, ts, &die, &list, ret);
	for (unsigned i = 0; i < ret->n_params; i++)
		place_param(ts, &list, addr, i, &ret->params[i]);
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
