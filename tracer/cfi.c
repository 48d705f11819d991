/*
 * Call frame information: rows from libdw, cached by address, and the ranges
 * of functions from .eh_frame_hdr.
 *
 * libdw interprets the tables (a few microseconds a row); what comes out is
 * copied into a cfi_row, so that a warm lookup is one hash probe.  The cache
 * is emptied when it is full, so a row is valid until the next cfi_row() for
 * the same image.
 */
#include "cfi.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "../arch/arch.h"
#include "image.h"

#define CACHE_MAX (1u << 14) /* entries; half of them used at most */
#define OPS_MAX 128 /* of one expression */

struct slot {
	uint64_t addr;
	struct cfi_row *row; /* &no_row: known to have none */
	bool is_used;
};

struct cfi {
	Dwarf_CFI *eh, *debug; /* .eh_frame, .debug_frame; either may be missing */
	Dwarf *dwarf; /* owns debug */
	VEC(struct cfi_row *) rows;
	struct slot *slots;
	unsigned n_slots, n_used;
};

static struct cfi_row no_row;

static void free_row(struct cfi_row *row)
{
	for (unsigned i = 0; i < row->n_rules; i++)
		free((void *)(uintptr_t)row->rules[i].ops);
	free((void *)(uintptr_t)row->cfa_ops);
	free(row);
}

static void free_rowp(struct cfi_row **p)
{
	if (*p)
		free_row(*p);
}

static void clear(struct cfi *cfi)
{
	for (size_t i = 0; i < cfi->rows.n; i++)
		free_row(cfi->rows.items[i]);
	cfi->rows.n = 0;
	cfi->n_used = 0;
	if (cfi->slots)
		memset(cfi->slots, 0, cfi->n_slots * sizeof(*cfi->slots));
}

void cfi_destroy(struct cfi *cfi)
{
	if (!cfi)
		return;
	clear(cfi);
	vec_deinit(&cfi->rows);
	free(cfi->slots);
	if (cfi->eh)
		dwarf_cfi_end(cfi->eh);
	if (cfi->dwarf)
		dwarf_end(cfi->dwarf);
	free(cfi);
}

static struct cfi *cfi_of(struct image *img)
{
	struct image_section sec;
	struct cfi *cfi = img->cfi;

	if (cfi)
		return cfi;
	cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return NULL;
	cfi->eh = dwarf_getcfi_elf(image_elf(img));
	if (image_section(img, ".debug_frame", &sec) &&
	    (cfi->dwarf = dwarf_begin_elf(image_elf(img), DWARF_C_READ, NULL)))
		cfi->debug = dwarf_getcfi(cfi->dwarf);
	return img->cfi = cfi;
}

/* -------------------------------------------------------------- cache -- */

static struct slot *find_slot(struct cfi *cfi, uint64_t addr)
{
	unsigned i = (unsigned)((addr * 0x9e3779b97f4a7c15u) >> 32);

	for (;; i++) {
		struct slot *s = &cfi->slots[i & (cfi->n_slots - 1)];

		if (!s->is_used || s->addr == addr)
			return s;
	}
}

static bool resize(struct cfi *cfi, unsigned n)
{
	struct slot *old = cfi->slots;
	unsigned n_old = cfi->n_slots;
	struct slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	cfi->slots = slots;
	cfi->n_slots = n;
	for (unsigned i = 0; i < n_old; i++)
		if (old[i].is_used)
			*find_slot(cfi, old[i].addr) = old[i];
	free(old);
	return true;
}

static bool make_room(struct cfi *cfi)
{
	if (cfi->n_used + 1 <= cfi->n_slots / 2)
		return true;
	if (cfi->n_slots >= CACHE_MAX) {
		clear(cfi);
		return true;
	}
	return resize(cfi, cfi->n_slots ? cfi->n_slots * 2 : 256);
}

/* ------------------------------------------------------------- making -- */

static Dwarf_Op *copy_ops(const Dwarf_Op *ops, size_t n)
{
	Dwarf_Op *p = n && n <= OPS_MAX ? malloc(n * sizeof(*p)) : NULL;

	if (p)
		memcpy(p, ops, n * sizeof(*p));
	return p;
}

static bool make_cfa(Dwarf_Frame *frame, struct cfi_row *row)
{
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !n)
		return false;
	if (n == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
		row->cfa_reg = (uint8_t)(ops[0].atom - DW_OP_breg0);
		row->cfa_offset = (int64_t)ops[0].number;
		return true;
	}
	if (n == 1 && ops[0].atom == DW_OP_bregx && ops[0].number < ARCH_DWARF_REGS) {
		row->cfa_reg = (uint8_t)ops[0].number;
		row->cfa_offset = (int64_t)ops[0].number2;
		return true;
	}
	row->cfa_is_expr = true;
	row->n_cfa_ops = (uint32_t)n;
	row->cfa_ops = copy_ops(ops, n);
	return row->cfa_ops != NULL;
}

/* What libdw's description (see dwarf_frame_register) is in our terms. */
static bool make_rule(struct cfi_rule *rule, const Dwarf_Op *ops, size_t n)
{
	bool is_value = n && ops[n - 1].atom == DW_OP_stack_value;

	if (is_value)
		n--;
	if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
		rule->how = CFI_REGISTER;
		rule->offset = ops[0].atom - DW_OP_reg0;
		return true;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx) {
		rule->how = CFI_REGISTER;
		rule->offset = (int64_t)ops[0].number;
		return true;
	}
	if (n == 1 && ops[0].atom == DW_OP_call_frame_cfa) {
		rule->how = is_value ? CFI_VAL_OFFSET : CFI_OFFSET;
		return true;
	}
	if (n == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst) {
		rule->how = is_value ? CFI_VAL_OFFSET : CFI_OFFSET;
		rule->offset = (int64_t)ops[1].number;
		return true;
	}
	rule->how = is_value ? CFI_VAL_EXPR : CFI_EXPR;
	rule->n_ops = (uint32_t)n;
	rule->ops = copy_ops(ops, n);
	return rule->ops != NULL;
}

/* Unknown scratch registers nobody asks for; that the stack pointer is the CFA is understood. */
static bool is_needed(const struct cfi_row *row, const struct cfi_rule *rule)
{
	if (rule->how == CFI_UNDEFINED)
		return rule->reg == row->ra;
	return rule->reg != arch_dwarf_sp || rule->how != CFI_VAL_OFFSET || rule->offset;
}

static bool make_rules(Dwarf_Frame *frame, struct cfi_row *row)
{
	for (int reg = 0; reg < ARCH_DWARF_REGS; reg++) {
		struct cfi_rule *rule = &row->rules[row->n_rules];
		Dwarf_Op mem[3], *ops;
		size_t n;

		if (dwarf_frame_register(frame, reg, mem, &ops, &n))
			continue;
		if (!n && !ops) /* the same in the caller */
			continue;
		rule->reg = (uint8_t)reg;
		rule->how = CFI_UNDEFINED;
		if (n && !make_rule(rule, ops, n))
			return false;
		if (is_needed(row, rule))
			row->n_rules++;
	}
	return true;
}

static struct cfi_row *make_row(Dwarf_CFI *table, uint64_t addr)
{
	_cleanup_(free_rowp) struct cfi_row *row =
		calloc(1, sizeof(*row) + (ARCH_DWARF_REGS + 1) * sizeof(struct cfi_rule));
	_cleanup_(freep) Dwarf_Frame *frame = NULL;
	Dwarf_Addr start, end; /* not to be relied on: see add_row() */

	if (!row || dwarf_cfi_addrframe(table, addr, &frame))
		return NULL;
	int ra = dwarf_frame_info(frame, &start, &end, &row->is_signal);

	if (ra < 0 || ra >= ARCH_DWARF_REGS)
		return NULL;
	row->ra = (uint8_t)ra;
	if (!make_cfa(frame, row) || !make_rules(frame, row))
		return NULL;
	struct cfi_row *fit = realloc(row, sizeof(*row) + row->n_rules * sizeof(struct cfi_rule));

	if (fit)
		row = fit;
	return take_ptr(row);
}

/*
 * Rows are kept by address alone: the range that libdw gives with a row is
 * too wide after DW_CFA_restore_state (0.188), so it can't be shared.
 */
static struct cfi_row *add_row(struct cfi *cfi, struct slot *s, uint64_t addr)
{
	struct cfi_row *row = cfi->eh ? make_row(cfi->eh, addr) : NULL;

	if (!row && cfi->debug)
		row = make_row(cfi->debug, addr);
	if (row && !vec_push(&cfi->rows, row)) {
		free_row(row);
		return NULL;
	}
	*s = (struct slot){ .addr = addr, .row = row ? row : &no_row, .is_used = true };
	cfi->n_used++;
	return row;
}

const struct cfi_row *cfi_row(struct image *img, uint64_t addr)
{
	struct cfi *cfi = cfi_of(img);

	if (!cfi || !make_room(cfi))
		return NULL;
	struct slot *s = find_slot(cfi, addr);

	if (s->is_used)
		return s->row == &no_row ? NULL : s->row;
	return add_row(cfi, s, addr);
}

/* ------------------------------------------------ function boundaries -- */

static int32_t get32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * The frame description entry at fde: length, CIE pointer, then start
 * (relative to its own place) and size.  Entries of any other encoding show
 * by a start that isn't the one the search table named.
 */
static bool read_fde(const struct image *img, uint64_t fde, uint64_t start, uint64_t *size)
{
	const uint8_t *p;

	if (image_data(img, fde, &p) < 16 || (uint32_t)get32(p) < 12)
		return false;
	if (fde + 8 + (uint64_t)(int64_t)get32(p + 8) != start)
		return false;
	*size = (uint32_t)get32(p + 12);
	return true;
}

/*
 * .eh_frame_hdr: version 1, encodings (pc-relative, udata4, table sdata4
 * relative to the header: what all linkers write), frame pointer, count, then
 * sorted pairs of start and entry.  Returns the pairs and how many there are.
 */
static const uint8_t *search_table(const struct image *img, size_t *n)
{
	static const uint8_t head[] = { 1, 0x1b, 0x03, 0x3b };
	const uint8_t *p;
	size_t have = image_data(img, img->eh_hdr_addr, &p);

	*n = 0;
	if (!img->eh_hdr_addr || have < 12 || memcmp(p, head, sizeof(head)))
		return NULL;
	*n = (uint32_t)get32(p + 8);
	if (*n > (have - 12) / 8)
		*n = (have - 12) / 8;
	return p + 12;
}

bool image_fde_start(const struct image *img, size_t i, uint64_t *start)
{
	size_t n;
	const uint8_t *table = search_table(img, &n);

	if (i >= n)
		return false;
	*start = img->eh_hdr_addr + (uint64_t)(int64_t)get32(table + i * 8);
	return true;
}

bool image_fde_at(const struct image *img, uint64_t addr, uint64_t *start, uint64_t *size)
{
	uint64_t base = img->eh_hdr_addr;
	size_t lo = 0, hi;
	const uint8_t *table = search_table(img, &hi);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (base + (uint64_t)(int64_t)get32(table + mid * 8) <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	const uint8_t *pair = table + (lo - 1) * 8;
	uint64_t s = base + (uint64_t)(int64_t)get32(pair), n;

	if (!read_fde(img, base + (uint64_t)(int64_t)get32(pair + 4), s, &n) || addr - s >= n)
		return false;
	*start = s;
	*size = n;
	return true;
}
