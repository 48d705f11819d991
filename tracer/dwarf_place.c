/*
 * Parameters where they are, by location expressions.
 *
 * The expressions stay libdw's arrays; what compilers write for parameters is
 * a register, a stack slot or a constant, so the evaluator knows little more
 * than these, has no jumps, and gives no value for what it doesn't know.
 */
#include "dwarf_place.h"

#include <dwarf.h>
#include <string.h>

#include "../arch/arch.h"
#include "../dlang/host.h"
#include "cfi.h"
#include "dwarf_part.h"
#include "dwarf_type_int.h"
#include "image.h"

#define STACK_MAX 16

/* ---------------------------------------------------------- expressions -- */

struct eval {
	const struct dwarf_places *ps;
	const struct dwarf_place *p;
	const struct dwarf_thread *t;
	uint64_t s[STACK_MAX];
	unsigned n;
	bool is_value; /* the top is the value itself, not where it is */
	int vector; /* the value is in this vector register; -1 */
};

static bool push(struct eval *e, uint64_t v)
{
	if (e->n == STACK_MAX)
		return false;
	e->s[e->n++] = v;
	return true;
}

static bool push_reg(struct eval *e, uint64_t reg, uint64_t offset)
{
	uint64_t v;

	return reg < ARCH_DWARF_REGS && e->t->reg(e->t->arg, (unsigned)reg, &v) &&
	       push(e, v + offset);
}

static bool push_cfa(struct eval *e)
{
	return e->ps->has_cfa && push_reg(e, e->ps->cfa_reg, (uint64_t)e->ps->cfa_offset);
}

/* The value is in the register: it is what the top says, or a vector. */
static bool take_reg(struct eval *e, uint64_t reg)
{
	e->is_value = true;
	e->vector = reg < 256 ? arch_vector_of_dwarf((unsigned)reg) : -1;
	return e->vector >= 0 || push_reg(e, reg, 0);
}

/* Frame bases are a register, or the CFA. */
static bool push_base(struct eval *e, uint64_t offset)
{
	const Dwarf_Op *op = e->ps->base_ops;
	bool ok = false;

	if (!op || e->ps->n_base_ops != 1)
		return false;
	if (op->atom == DW_OP_call_frame_cfa)
		ok = push_cfa(e);
	else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		ok = push_reg(e, op->atom - DW_OP_reg0, 0);
	else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		ok = push_reg(e, op->atom - DW_OP_breg0, op->number);
	if (ok)
		e->s[e->n - 1] += offset;
	return ok;
}

static bool binary(struct eval *e, unsigned atom)
{
	if (e->n < 2)
		return false;
	uint64_t b = e->s[--e->n], a = e->s[--e->n];

	switch (atom) {
	case DW_OP_plus: return push(e, a + b);
	case DW_OP_minus: return push(e, a - b);
	case DW_OP_mul: return push(e, a * b);
	case DW_OP_and: return push(e, a & b);
	case DW_OP_or: return push(e, a | b);
	case DW_OP_xor: return push(e, a ^ b);
	case DW_OP_shl: return push(e, b < 64 ? a << b : 0);
	case DW_OP_shr: return push(e, b < 64 ? a >> b : 0);
	default: return push(e, (uint64_t)((int64_t)a >> (b < 64 ? b : 63))); /* shra */
	}
}

/* The top as a number of an integer type, DIE 0 being that of addresses. */
static bool convert(struct eval *e, const Dwarf_Op *op)
{
	Dwarf_Attribute a = e->p->attr;
	uint64_t size, encoding;
	unsigned unused;
	Dwarf_Die type;

	if (!e->n)
		return false;
	if (!op->number)
		return true;
	if (dwarf_getlocation_die(&a, op, &type) ||
	    !debuginfo_number(&type, DW_AT_byte_size, &size) ||
	    !debuginfo_number(&type, DW_AT_encoding, &encoding) || !size || size > 8 ||
	    encoding == DW_ATE_float)
		return false;
	unused = 64 - 8 * (unsigned)size;
	if (encoding == DW_ATE_signed || encoding == DW_ATE_signed_char)
		e->s[e->n - 1] = (uint64_t)((int64_t)(e->s[e->n - 1] << unused) >> unused);
	else
		e->s[e->n - 1] = e->s[e->n - 1] << unused >> unused;
	return true;
}

/* What a register was when the function was entered: what it is, if that is now. */
static bool push_entry_value(struct eval *e, const Dwarf_Op *op)
{
	Dwarf_Attribute a = e->p->attr, inner;
	Dwarf_Op *in;
	size_t n;

	return e->ps->at_entry && !dwarf_getlocation_attr(&a, op, &inner) &&
	       !dwarf_getlocation(&inner, &in, &n) && n == 1 && dwarf_part_register(in) >= 0 &&
	       push_reg(e, (uint64_t)dwarf_part_register(in), 0);
}

static bool deref(struct eval *e, uint64_t size)
{
	uint64_t v = 0;

	if (!e->n || !size || size > sizeof(v) || !e->t->read(e->t->arg, e->s[e->n - 1], &v, size))
		return false;
	e->s[e->n - 1] = v;
	return true;
}

static bool run_op(struct eval *e, const Dwarf_Op *op)
{
	uint64_t *top = e->n ? &e->s[e->n - 1] : NULL;

	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(e, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_reg(e, op->atom - DW_OP_breg0, op->number);
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		return take_reg(e, op->atom - DW_OP_reg0);
	switch (op->atom) {
	case DW_OP_addr: return push(e, op->number + e->ps->bias);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts: return push(e, op->number);
	case DW_OP_regx: return take_reg(e, op->number);
	case DW_OP_bregx: return push_reg(e, op->number, op->number2);
	case DW_OP_fbreg: return push_base(e, op->number);
	case DW_OP_call_frame_cfa: return push_cfa(e);
	case DW_OP_plus_uconst: return top && (*top += op->number, true);
	case DW_OP_neg: return top && (*top = -*top, true);
	case DW_OP_not: return top && (*top = ~*top, true);
	case DW_OP_dup: return top && push(e, *top);
	case DW_OP_drop: return top && e->n--;
	case DW_OP_over: return e->n > 1 && push(e, e->s[e->n - 2]);
	case DW_OP_deref: return deref(e, sizeof(*top));
	case DW_OP_deref_size: return deref(e, op->number);
	case DW_OP_convert:
	case DW_OP_GNU_convert: return convert(e, op);
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value: return push_entry_value(e, op);
	case DW_OP_plus:
	case DW_OP_minus:
	case DW_OP_mul:
	case DW_OP_and:
	case DW_OP_or:
	case DW_OP_xor:
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra: return binary(e, op->atom);
	case DW_OP_stack_value: e->is_value = true; return top != NULL;
	case DW_OP_nop: return true;
	default: return false;
	}
}

/* size bytes of what the operations so far say, to buf. */
static bool take(struct eval *e, uint8_t *buf, uint64_t size)
{
	uint8_t vector[16];
	bool ok = false;

	if (e->is_value && e->vector >= 0) {
		ok = size <= sizeof(vector) && e->t->vector(e->t->arg, (unsigned)e->vector, vector);
		if (ok)
			memcpy(buf, vector, size);
	} else if (e->n && e->is_value) {
		ok = size <= sizeof(uint64_t);
		if (ok)
			memcpy(buf, &e->s[e->n - 1], size);
	} else if (e->n) {
		ok = e->t->read(e->t->arg, e->s[e->n - 1], buf, size);
	}
	e->n = 0;
	e->is_value = false;
	e->vector = -1;
	return ok;
}

static uint64_t mask_of(uint64_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

static bool constant(const struct dwarf_place *p, struct dwarf_value *ret)
{
	ret->known = UINT64_MAX;
	if (p->bytes && p->n_bytes >= p->size && p->size <= sizeof(ret->bytes))
		memcpy(ret->bytes, p->bytes, p->size);
	else if (p->is_const && p->size <= sizeof(p->value))
		memcpy(ret->bytes, &p->value, sizeof(p->value));
	else
		return false;
	return true;
}

static bool is_piece(const Dwarf_Op *op)
{
	return op->atom == DW_OP_piece || op->atom == DW_OP_bit_piece;
}

/* Those that end at bytes; others (bit-fields in registers of their own) have no value. */
static bool piece_bytes(const Dwarf_Op *op, uint64_t *ret)
{
	uint64_t n = op->atom == DW_OP_piece ? op->number : op->number / 8;

	*ret = n;
	return n <= DWARF_VALUE_MAX &&
	       (op->atom == DW_OP_piece || (op->number % 8 == 0 && op->number2 % 8 == 0));
}

/* One piece, of ops [0, n); its register's first bytes may not be meant. */
static bool take_piece(struct eval *e, const Dwarf_Op *ops, size_t n, const Dwarf_Op *piece,
		       uint8_t *buf, uint64_t size)
{
	uint64_t skip = piece->atom == DW_OP_bit_piece ? piece->number2 / 8 : 0;
	uint8_t bytes[2 * DWARF_VALUE_MAX];
	bool ok = n > 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = run_op(e, &ops[i]);
	ok = ok && skip + size <= sizeof(bytes) && take(e, bytes, skip + size);
	if (ok)
		memcpy(buf, bytes + skip, size);
	*e = (struct eval){ .ps = e->ps, .p = e->p, .t = e->t, .vector = -1 };
	return ok;
}

static bool in_pieces(struct eval *e, const struct dwarf_place *p, struct dwarf_value *ret)
{
	uint64_t at = 0, size;
	uint32_t from = 0;

	for (uint32_t i = 0; i < p->n_ops; i++) {
		const Dwarf_Op *op = &p->ops[i];

		if (!is_piece(op))
			continue;
		if (!piece_bytes(op, &size) || size > sizeof(ret->bytes) - at)
			break;
		if (take_piece(e, p->ops + from, i - from, op, ret->bytes + at, size))
			ret->known |= mask_of(size) << (at % 64);
		at += size;
		from = i + 1;
	}
	if (p->size <= at)
		ret->known |= ~mask_of(p->size); /* there is nothing */
	return ret->known & mask_of(p->size);
}

bool dwarf_place_object(const struct dwarf_places *ps, const struct dwarf_place *p,
			const struct dwarf_thread *t, struct dwarf_value *ret)
{
	struct eval e = { .ps = ps, .p = p, .t = t, .vector = -1 };
	const Dwarf_Op *ops = p->ops;

	memset(ret, 0, sizeof(*ret));
	if (!ops)
		return constant(p, ret);
	if (is_piece(&ops[p->n_ops - 1]))
		return in_pieces(&e, p, ret);
	for (uint32_t i = 0; i < p->n_ops; i++)
		if (!run_op(&e, &ops[i]))
			return false;
	if (!e.is_value && e.n) {
		ret->is_memory = true;
		ret->addr = e.s[e.n - 1];
		return true;
	}
	ret->known = UINT64_MAX;
	return p->size <= sizeof(ret->bytes) && take(&e, ret->bytes, p->size);
}

/* Operations that run_op() refuses, most of all "what it was when the function was entered". */
static bool is_hopeless(const struct dwarf_places *ps, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value: return !ps->at_entry;
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
	case DW_OP_GNU_parameter_ref: return true;
	default: return false;
	}
}

bool dwarf_place_is_known(const struct dwarf_places *ps, const struct dwarf_place *p)
{
	const Dwarf_Op *ops = p->ops;
	bool is_part_known = false;
	uint32_t from = 0;

	if (!ops)
		return p->is_const || p->bytes;
	for (uint32_t i = 0; i < p->n_ops; i++) {
		if (is_piece(&ops[i])) {
			is_part_known |= i > from;
			from = i + 1;
		} else if (is_hopeless(ps, &ops[i])) {
			while (i + 1 < p->n_ops && !is_piece(&ops[i + 1]))
				i++;
			if (i + 1 == p->n_ops)
				return is_part_known;
			from = ++i + 1;
		}
	}
	return is_part_known || from < p->n_ops;
}

bool dwarf_place_value(const struct dwarf_places *ps, const struct dwarf_place *p,
		       const struct dwarf_thread *t, uint64_t *ret)
{
	struct dwarf_value v;

	*ret = 0;
	if (p->size < 1 || p->size > 8 || !dwarf_place_object(ps, p, t, &v))
		return false;
	if (v.is_memory)
		return t->read(t->arg, v.addr, ret, p->size);
	if (~v.known & mask_of(p->size))
		return false;
	memcpy(ret, v.bytes, sizeof(*ret));
	return true;
}

/* ------------------------------------------------------------- operands -- */

static bool operand_at(struct arch_operand *op, enum arch_operand_kind kind, uint64_t reg,
		       uint64_t offset)
{
	int word = reg < ARCH_DWARF_REGS ? arch_dwarf_word((unsigned)reg) : -1;

	*op = (struct arch_operand){
		.kind = kind, .base = (int16_t)word, .index = -1, .value = (int64_t)offset
	};
	return word >= 0;
}

static bool operand_in_reg(struct arch_operand *op, uint64_t reg)
{
	int vector = reg < 256 ? arch_vector_of_dwarf((unsigned)reg) : -1;

	if (vector < 0)
		return operand_at(op, ARCH_OP_REG, reg, 0);
	*op = (struct arch_operand){ .kind = ARCH_OP_VECTOR, .base = (int16_t)vector, .index = -1 };
	return true;
}

/* As push_base() has it. */
static bool operand_at_base(struct arch_operand *op, const struct dwarf_places *ps, uint64_t offset)
{
	const Dwarf_Op *base = ps->base_ops;

	if (!base || ps->n_base_ops != 1)
		return false;
	if (base->atom == DW_OP_call_frame_cfa)
		return ps->has_cfa &&
		       operand_at(op, ARCH_OP_MEM, ps->cfa_reg, (uint64_t)ps->cfa_offset + offset);
	if (base->atom >= DW_OP_reg0 && base->atom <= DW_OP_reg31)
		return operand_at(op, ARCH_OP_MEM, base->atom - DW_OP_reg0, offset);
	return base->atom >= DW_OP_breg0 && base->atom <= DW_OP_breg31 &&
	       operand_at(op, ARCH_OP_MEM, base->atom - DW_OP_breg0, base->number + offset);
}

static bool is_number(const Dwarf_Op *op)
{
	return op->atom == DW_OP_addr || (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts) ||
	       (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31);
}

/* One operation, and "the value itself" behind a number. */
static bool operand_of(struct arch_operand *op, const struct dwarf_places *ps,
		       const struct dwarf_place *p)
{
	const Dwarf_Op *ops = p->ops;
	struct eval e = { .ps = ps, .p = p, .vector = -1 };

	if (p->n_ops == 2 && ops[1].atom == DW_OP_stack_value && is_number(&ops[0]) &&
	    run_op(&e, &ops[0])) {
		*op = (struct arch_operand){
			.kind = ARCH_OP_CONST, .base = -1, .index = -1, .value = (int64_t)e.s[0]
		};
		return true;
	}
	if (p->n_ops != 1)
		return false;
	if (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31)
		return operand_in_reg(op, ops->atom - DW_OP_reg0);
	if (ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31)
		return operand_at(op, ARCH_OP_MEM, ops->atom - DW_OP_breg0, ops->number);
	switch (ops->atom) {
	case DW_OP_regx: return operand_in_reg(op, ops->number);
	case DW_OP_bregx: return operand_at(op, ARCH_OP_MEM, ops->number, ops->number2);
	case DW_OP_fbreg: return operand_at_base(op, ps, ops->number);
	case DW_OP_addr:
		*op = (struct arch_operand){ .kind = ARCH_OP_MEM,
					     .base = -1,
					     .index = -1,
					     .value = (int64_t)(ops->number + ps->bias) };
		return true;
	default: return false;
	}
}

bool dwarf_place_operand(const struct dwarf_places *ps, const struct dwarf_place *p,
			 struct arch_place *ret)
{
	struct dwarf_value v;

	*ret = (struct arch_place){ .size = (uint8_t)p->size };
	if (p->size != 1 && p->size != 2 && p->size != 4 && p->size != 8)
		return false;
	if (p->ops)
		return operand_of(&ret->op, ps, p) && !arch_place_refuse(ret);
	memset(&v, 0, sizeof(v));
	if (!constant(p, &v))
		return false;
	ret->op = (struct arch_operand){ .kind = ARCH_OP_CONST, .base = -1, .index = -1 };
	memcpy(&ret->op.value, v.bytes, sizeof(ret->op.value));
	return true;
}

/* -------------------------------------------------------------- scopes -- */

static bool find_inlined(Dwarf_Die *parent, uint64_t addr, const char *name, Dwarf_Die *ret,
			 unsigned depth)
{
	Dwarf_Die die;
	uint64_t entry;

	if (depth > 64 || !debuginfo_child(parent, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);
		const char *own =
			tag == DW_TAG_inlined_subroutine ? debuginfo_linkage_name(&die) : NULL;

		if (own && !strcmp(own, name) && debuginfo_entry(&die, &entry) && entry == addr) {
			*ret = die;
			return true;
		}
		if ((own || tag == DW_TAG_lexical_block) &&
		    find_inlined(&die, addr, name, ret, depth + 1))
			return true;
	} while (debuginfo_next(&die));
	return false;
}

/* An instance is looked for by its entry: gcc's ranges may be empty there. */
static bool find_scope(struct debuginfo *di, uint64_t addr, const char *name, Dwarf_Die *func,
		       Dwarf_Die *ret)
{
	const struct debug_func *f = debuginfo_func_at(di, addr, true);
	Dwarf_Die inner;

	if (!f)
		return false;
	*func = *ret = f->die;
	if (name)
		return find_inlined(func, addr, name, ret, 0);
	for (unsigned i = 0; i < 64 && debuginfo_inlined_at(ret, addr, &inner); i++)
		*ret = inner;
	return true;
}

bool dwarf_scope_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		    struct dwarf_func *ret)
{
	struct debuginfo *di = image_debuginfo(img);
	struct dwarf_param_list list;
	Dwarf_Die func, scope;

	if (!di || !find_scope(di, addr, name, &func, &scope))
		return false;
	dwarf_params_read(di, ts, &scope, &list, ret);
	for (unsigned i = 0; i < ret->n_params; i++) {
		struct dwarf_param *p = &ret->params[i];

		if (!p->why && !dwarf_param_is_object(p) && p->where.n >= DWARF_WORDS_MAX)
			p->why = "it is beyond the tenth argument";
	}
	return true;
}

static void take_bytes(const Dwarf_Block *block, struct dwarf_place *p)
{
	p->bytes = block->data;
	p->n_bytes = block->length < UINT32_MAX ? (uint32_t)block->length : 0;
}

static void read_place(Dwarf_Die *die, uint64_t addr, struct dwarf_place *p)
{
	Dwarf_Attribute a;
	Dwarf_Block block;
	Dwarf_Sword v;
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_attr(die, DW_AT_location, &a)) {
		if (dwarf_getlocation_addr(&a, addr, &ops, &n, 1) != 1 || !n || n >= 32)
			return;
		if (n == 1 && ops[0].atom == DW_OP_implicit_value) {
			if (!dwarf_getlocation_implicit_value(&a, &ops[0], &block))
				take_bytes(&block, p);
			return;
		}
		p->ops = ops;
		p->attr = a;
		p->n_ops = (uint32_t)n;
	} else if (dwarf_attr(die, DW_AT_const_value, &a)) {
		p->is_const = !dwarf_formsdata(&a, &v);
		if (p->is_const)
			p->value = v;
		else if (!dwarf_formblock(&a, &block))
			take_bytes(&block, p);
	}
}

static void read_frame(struct image *img, Dwarf_Die *func, uint64_t addr, struct dwarf_places *ret)
{
	const struct cfi_row *row = cfi_row(img, addr);
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	if (row && !row->cfa_is_expr) {
		ret->has_cfa = true;
		ret->cfa_reg = row->cfa_reg;
		ret->cfa_offset = row->cfa_offset;
	}
	if (dwarf_attr_integrate(func, DW_AT_frame_base, &a) &&
	    dwarf_getlocation_addr(&a, addr, &ops, &n, 1) == 1) {
		ret->base_ops = ops;
		ret->n_base_ops = (uint32_t)n;
	}
}

bool dwarf_places_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		     struct dwarf_places *ret)
{
	struct debuginfo *di = image_debuginfo(img);
	struct dwarf_param_list list;
	struct dwarf_func f;
	Dwarf_Die func, scope;
	uint64_t entry;

	memset(ret, 0, sizeof(*ret));
	if (!di || !find_scope(di, addr, name, &func, &scope))
		return false;
	read_frame(img, &func, addr, ret);
	ret->at_entry = debuginfo_entry(&func, &entry) && entry == addr;
	dwarf_params_read(di, ts, &scope, &list, &f);
	for (unsigned i = 0; i < f.n_params && ret->n < DWARF_PLACES_MAX; i++) {
		struct dwarf_place *p = &ret->list[ret->n];
		const struct dwarf_param *param = &f.params[i];
		bool is_object = dwarf_param_is_object(param);
		uint64_t size = dl_type_size(ts, param->type);

		if (!size || size > UINT32_MAX || (!is_object && param->where.n >= DWARF_WORDS_MAX))
			continue;
		*p = (struct dwarf_place){ .arg = (int8_t)(is_object ? DL_ARG_ADDRESS + i :
								       param->where.n),
					   .size = (uint32_t)size };
		if (list.is_there[i])
			read_place(&list.dies[i], addr, p);
		ret->n++;
	}
	return true;
}
