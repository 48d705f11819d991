/*
 * Parts of parameters at a function's entry.
 *
 * LLVM passes small structs as it passes words, and tells of each member where
 * it is taken from: "bits 16 to 23 of rdi".  It tells of what the code still
 * uses, while callers, who don't know what that is, fill whole registers.  So
 * one part that comes from the convention's register vouches for all of it.
 *
 * Rule: an expression is only looked at for what it takes from; it must have
 * nothing but arithmetic (what is read from memory is no part of a register).
 */
#include "dwarf_part.h"

#include <dwarf.h>
#include <string.h>

#define LISTS_MAX 64

int dwarf_part_register(const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		return op->atom - DW_OP_reg0;
	return op->atom == DW_OP_regx && op->number < 256 ? (int)op->number : -1;
}

/* The register itself, or its contents as a number; -1. */
static int source_of(const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31 && !op->number)
		return op->atom - DW_OP_breg0;
	if (op->atom == DW_OP_bregx && op->number < 256 && !op->number2)
		return (int)op->number;
	return dwarf_part_register(op);
}

static bool is_conversion(const Dwarf_Op *op)
{
	return op->atom == DW_OP_convert || op->atom == DW_OP_GNU_convert ||
	       op->atom == DW_OP_stack_value || op->atom == DW_OP_nop;
}

static bool is_arithmetic(const Dwarf_Op *op)
{
	return is_conversion(op) || (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) ||
	       (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts) || op->atom == DW_OP_shl ||
	       op->atom == DW_OP_shr || op->atom == DW_OP_shra || op->atom == DW_OP_and;
}

/* The register that operations begin with, if all behind it are allowed; -1. */
static int register_of(const Dwarf_Op *ops, size_t n, bool (*is_allowed)(const Dwarf_Op *op))
{
	if (n == 1)
		return dwarf_part_register(&ops[0]);
	if (!n || ops[n - 1].atom != DW_OP_stack_value || dwarf_part_register(&ops[0]) >= 0)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (!is_allowed(&ops[i]))
			return -1;
	return source_of(&ops[0]);
}

int dwarf_part_low(const Dwarf_Op *ops, size_t n)
{
	return register_of(ops, n, is_conversion);
}

struct dwarf_location dwarf_part_first(Dwarf_Die *die, uint64_t entry)
{
	Dwarf_Addr base, lo, hi, first = UINT64_MAX;
	struct dwarf_location l = { 0 };
	Dwarf_Attribute a;
	ptrdiff_t at = 0;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a))
		return l;
	for (unsigned i = 0;
	     i < LISTS_MAX && (at = dwarf_getlocations(&a, at, &base, &lo, &hi, &ops, &n)) > 0;
	     i++) {
		if (n && lo < hi && hi > entry && lo < first) {
			first = lo;
			l = (struct dwarf_location){ .ops = ops, .n = n };
		}
	}
	return l;
}

/* Is bytes [at, at + size) of the value taken from where the convention has piece c? */
static bool is_from(const struct arch_piece *c, int reg, uint64_t at, uint64_t size)
{
	if (reg < 0 || at < c->at || at + size > (uint64_t)c->at + c->size)
		return false;
	return c->kind == ARCH_PIECE_VECTOR ? arch_vector_of_dwarf((unsigned)reg) == c->n :
					      arch_arg_of_dwarf((unsigned)reg) == c->n;
}

static bool vouches(const struct dwarf_location *l, uint64_t size, const struct arch_piece *c)
{
	uint64_t at = 0;
	size_t from = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->ops[i].atom != DW_OP_piece)
			continue;
		if (l->ops[i].number > ARCH_PIECES_BYTES)
			return false;
		if (is_from(c, register_of(l->ops + from, i - from, is_arithmetic), at,
			    l->ops[i].number))
			return true;
		at += l->ops[i].number;
		from = i + 1;
	}
	/* A number that is one is the whole register, or its lowest bytes. */
	return !at && is_from(c, dwarf_part_low(l->ops, l->n), 0, size);
}

static bool overlaps(const struct arch_where *w, const struct arch_piece *p)
{
	for (unsigned i = 0; i < w->n_pieces; i++)
		if (p->at < w->pieces[i].at + w->pieces[i].size &&
		    w->pieces[i].at < p->at + p->size)
			return true;
	return false;
}

/* Pieces stay in the order of the value's bytes. */
static void insert(struct arch_where *w, const struct arch_piece *p)
{
	unsigned i = w->n_pieces;

	if (i == ARCH_PIECES_MAX || overlaps(w, p))
		return;
	for (w->n_pieces++; i && w->pieces[i - 1].at > p->at; i--)
		w->pieces[i] = w->pieces[i - 1];
	w->pieces[i] = *p;
}

bool dwarf_part_confirm(Dwarf_Die *die, uint64_t entry, uint64_t size,
			const struct arch_where *convention, struct arch_where *w)
{
	struct dwarf_location l = dwarf_part_first(die, entry);
	struct arch_where joined = { .how = ARCH_IN_PIECES, .is_partial = true };
	struct arch_where is = *convention;

	if (is.how == ARCH_IN_WORD && size <= 8) {
		is.n_pieces = 1;
		is.pieces[0] = (struct arch_piece){ .kind = ARCH_PIECE_WORD,
						    .n = is.n,
						    .size = (uint8_t)size };
	} else if (is.how != ARCH_IN_PIECES) {
		return false;
	}
	for (unsigned i = 0; i < is.n_pieces; i++)
		if (vouches(&l, size, &is.pieces[i]))
			insert(&joined, &is.pieces[i]);
	if (!joined.n_pieces)
		return false;
	if (joined.n_pieces == is.n_pieces) {
		*w = *convention;
		return true;
	}
	for (unsigned i = 0; w->how == ARCH_IN_PIECES && i < w->n_pieces; i++)
		insert(&joined, &w->pieces[i]);
	*w = joined;
	return true;
}
