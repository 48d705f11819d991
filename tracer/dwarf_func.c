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
#include "dwarf_part.h"
#include "dwarf_type_int.h"
#include "image.h"

/* ------------------------------------------------------------ location -- */

enum place { PLACE_NONE, PLACE_REG, PLACE_MEMORY, PLACE_CONST, PLACE_SPLIT };

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

static bool is_constant(const Dwarf_Op *op, int64_t *ret)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		*ret = op->atom - DW_OP_lit0;
	else if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts)
		*ret = (int64_t)op->number;
	else
		return false;
	return true;
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
	if (n == 1 && dwarf_part_register(&ops[0]) >= 0)
		return PLACE_REG;
	if (n == 2 && ops[1].atom == DW_OP_stack_value && is_constant(&ops[0], &ret->value))
		return PLACE_CONST;
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
	list->abi[f->n_params] = dwarf_abi_param(di, ts, die, p->type);
	list->dies[f->n_params] = *die;
	list->is_there[f->n_params++] = is_there;
}

/* Go has several results, and calls them parameters. */
static void add_result(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die,
		       struct dwarf_param_list *list, struct dwarf_func *f)
{
	struct dwarf_param *p = &f->results[f->n_results];

	if (f->n_results == DWARF_RESULTS_MAX)
		return;
	p->name = debuginfo_string(die, DW_AT_name);
	p->type = dwarf_type_of(di, ts, die);
	list->results[f->n_results++] = *die;
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
		if (debuginfo_flag(&child, DW_AT_variable_parameter))
			add_result(di, ts, &child, list, f);
		else if (!is_copy)
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

static void place_result(const struct arch_param *abi, struct dwarf_param *p)
{
	arch_place_result(abi, &p->where);
	if (p->where.how == ARCH_NOWHERE)
		p->why = "where it is put is not known when the function returns";
}

void dwarf_params_read(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *func,
		       struct dwarf_param_list *list, struct dwarf_func *f)
{
	struct arch_where where[DWARF_PARAMS_MAX];
	struct arch_param result;

	memset(f, 0, sizeof(*f));
	f->results[0].type = dwarf_type_of(di, ts, func);
	f->n_results = f->results[0].type->kind != DL_VOID;
	list->results[0] = *func; /* the result's type is the function's own */
	list_params(di, ts, func, list, f);
	if (dwarf_abi_go(ts, func, list, f))
		return;
	result = dwarf_abi_param(di, ts, func, f->results[0].type);
	place_result(&result, &f->results[0]);
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
	int reg = dwarf_part_register(&l->ops[0]);
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

/*
 * Registers one after the other, as far as DWARF knows them.  What is between
 * them has no value: reading it is a fault.  false: nothing has.
 */
static bool in_pieces(const struct location *l, struct dwarf_param *p)
{
	struct arch_where w = { .how = ARCH_IN_PIECES, .is_partial = true };
	uint64_t at = 0, size;
	size_t from = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->ops[i].atom != DW_OP_piece)
			continue;
		size = l->ops[i].number;
		if (size > ARCH_PIECES_BYTES)
			return false;
		(void)add_piece(&w, dwarf_part_low(&l->ops[from], i - from), at, size);
		at += size;
		from = i + 1;
	}
	if (!w.n_pieces)
		return false;
	p->where = w;
	return true;
}

/* Do the pieces leave nothing out but what may be padding? */
static bool is_whole(const struct arch_where *w, uint64_t size)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < w->n_pieces; i++) {
		if (w->pieces[i].at > at && (w->pieces[i].at - at >= 8 || at % 8 == 0))
			return false;
		at = (uint64_t)w->pieces[i].at + w->pieces[i].size;
	}
	return at >= size || (size - at < 8 && at % 8);
}

/* What an argument register points to is there already. */
static bool at_argument(const struct location *l, struct arch_where *w)
{
	int arg = -1;

	if (l->n == 1 && l->ops[0].atom >= DW_OP_breg0 && l->ops[0].atom <= DW_OP_breg31 &&
	    !l->ops[0].number)
		arg = arch_arg_of_dwarf(l->ops[0].atom - DW_OP_breg0);
	if (arg >= 0)
		*w = (struct arch_where){ .how = ARCH_AT_ADDRESS, .n = (uint8_t)arg };
	return arg >= 0;
}

static const char *always(struct dl_types *ts, int64_t value)
{
	return arena_printf(dl_types_arena(ts),
			    "the compiler optimised it out: it is always %" PRId64 " here", value);
}

static enum place place_param(struct dl_types *ts, struct dwarf_param_list *list, uint64_t entry,
			      unsigned i, struct dwarf_param *p)
{
	enum place place = PLACE_NONE;
	struct location l = { 0 };

	if (p->why)
		return place;
	if (list->is_there[i])
		place = locate(&list->dies[i], entry, &l);
	switch (place) {
	case PLACE_NONE: p->why = "the compiler optimised it out"; break;
	case PLACE_CONST: p->why = always(ts, l.value); break;
	case PLACE_REG: in_register(ts, &l, p); break;
	case PLACE_MEMORY: /* of the function's own it is written by the prologue: not yet */
		if (at_argument(&l, &p->where))
			place = PLACE_REG;
		break;
	case PLACE_SPLIT:
		if (!in_pieces(&l, p))
			p->why = "the compiler optimised all of its parts out";
		break;
	}
	return place;
}

/*
 * What DWARF says of a parameter first, if it says nothing at the entry.  The
 * same register as the convention's: it has been there all along.  A constant:
 * callers may pass anything.
 */
static bool is_confirmed(Dwarf_Die *die, struct dl_types *ts, const struct arch_where *w,
			 struct dwarf_param *p)
{
	struct dwarf_location l = dwarf_part_first(die, 0);
	int64_t value;

	if (l.n == 1 && w->how == ARCH_AT_ADDRESS && l.ops[0].atom >= DW_OP_breg0 &&
	    l.ops[0].atom <= DW_OP_breg31)
		return !l.ops[0].number && arch_arg_of_dwarf(l.ops[0].atom - DW_OP_breg0) == w->n;
	if (l.n == 1 && dwarf_part_register(&l.ops[0]) >= 0) {
		unsigned reg = (unsigned)dwarf_part_register(&l.ops[0]);

		return (w->how == ARCH_IN_WORD && arch_arg_of_dwarf(reg) == w->n) ||
		       (w->how == ARCH_IN_PIECES && w->n_pieces == 1 &&
			w->pieces[0].kind == ARCH_PIECE_VECTOR &&
			arch_vector_of_dwarf(reg) == w->pieces[0].n);
	}
	if (l.n == 2 && l.ops[1].atom == DW_OP_stack_value && is_constant(&l.ops[0], &value))
		p->why = always(ts, value);
	return false;
}

static bool is_ever_in_register(Dwarf_Die *die)
{
	Dwarf_Addr base, lo, hi;
	Dwarf_Attribute a;
	ptrdiff_t at = 0;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a))
		return false;
	for (unsigned i = 0;
	     i < 64 && (at = dwarf_getlocations(&a, at, &base, &lo, &hi, &ops, &n)) > 0; i++)
		if (n &&
		    (dwarf_part_register(&ops[0]) >= 0 || ops[n - 1].atom == DW_OP_stack_value))
			return true;
	return false;
}

/*
 * Is code of an optimising compiler meant?  LLVM says of such that it knows all
 * calls, or (rustc) that it changed the convention; and only such has
 * parameters in registers, or with nothing but a value.
 */
static bool is_optimised(Dwarf_Die *func, const struct dwarf_param_list *list, unsigned n)
{
	Dwarf_Attribute a;
	uint64_t cc;

	if (debuginfo_flag(func, DW_AT_GNU_all_call_sites) ||
	    debuginfo_flag(func, DW_AT_call_all_calls) ||
	    (debuginfo_number(func, DW_AT_calling_convention, &cc) && cc == DW_CC_nocall))
		return true;
	for (unsigned i = 0; i < n; i++) {
		Dwarf_Die die = list->dies[i];

		if (dwarf_attr(&die, DW_AT_const_value, &a) || is_ever_in_register(&die))
			return true;
	}
	return false;
}

/* How much the calling convention can be relied on where there are no better news. */
struct trust {
	bool is_gcc, is_global, is_optimised;
};

static struct trust trust_of(const struct image *img, struct debuginfo *di, Dwarf_Die *func,
			     const struct dwarf_param_list *list, unsigned n, uint64_t addr)
{
	const struct sym *s = image_symbol_covering(img, addr);
	struct debug_unit *u = debuginfo_unit_at(di, addr);
	const char *by = u ? debuginfo_string(debuginfo_unit_die(u), DW_AT_producer) : NULL;

	return (struct trust){
		.is_gcc = by && !strncmp(by, "GNU ", 4),
		.is_global = s && s->addr == addr && s->bind != STB_LOCAL,
		.is_optimised = is_optimised(func, list, n),
	};
}

/*
 * Where tables have no value, has the convention?  Callers that the compiler
 * doesn't see pass everything.  gcc gives functions whose convention it
 * changes a local symbol.  LLVM doesn't; it lets the callers that it sees pass
 * anything for what is not used, and has constants in place of what is always
 * the same.
 */
static void read_param(struct dl_types *ts, struct dwarf_param_list *list, uint64_t entry,
		       unsigned i, const struct trust *t, struct dwarf_param *p)
{
	struct dwarf_param by_convention = *p;
	enum place place = place_param(ts, list, entry, i, p);

	if ((place == PLACE_NONE || place == PLACE_SPLIT) && list->is_there[i] &&
	    (p->why || p->where.is_partial) && !by_convention.why &&
	    dwarf_part_confirm(&list->dies[i], entry, dl_type_size(ts, p->type),
			       &by_convention.where, &p->where))
		p->why = NULL;
	if (p->where.is_partial && is_whole(&p->where, dl_type_size(ts, p->type)))
		p->where.is_partial = false;
	if (by_convention.why)
		return;
	if (place == PLACE_MEMORY && !t->is_gcc && !t->is_global && t->is_optimised)
		p->why = "where it is at the entry is not known: the compiler may have changed how "
			 "the function is called";
	else if ((p->why || p->where.is_partial) &&
		 ((t->is_gcc ? t->is_global : !t->is_optimised) ||
		  (place == PLACE_NONE && list->is_there[i] &&
		   is_confirmed(&list->dies[i], ts, &by_convention.where, p))))
		*p = by_convention;
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
	struct trust trust = trust_of(img, di, &die, &list, ret->n_params, addr);

	for (unsigned i = 0; i < ret->n_params; i++)
		read_param(ts, &list, addr, i, &trust, &ret->params[i]);
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
