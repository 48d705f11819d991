/*
 * Planning patches: can a site become a branch?
 *
 * A branch is as long as any instruction, so one is displaced and nobody can
 * come to the middle of it.  The rules:
 *  - a landing pad stays, for who checks targets of indirect branches: bti, and
 *    paciasp and pacibsp, which are pads too.  The instruction behind it is
 *    displaced, so no known branch may go there;
 *  - nothing inside an exclusive sequence, where a trampoline's stores would
 *    make the store fail for ever; nothing behind movprfx;
 *  - what can't be relocated can't be displaced.
 */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

#include "../record.h"

#define M_TARGET 1 /* known code goes here */
#define INSN 4

#define PACIASP 0xd503233fu
#define PACIBSP 0xd503237fu

/* ---------------------------------------------------------------- scan -- */

static void mark_target(struct arch_func *f, uint64_t target)
{
	if (target - f->addr < f->len)
		f->marks[target - f->addr] |= M_TARGET;
}

bool arch_func_scan(struct arch_func *f)
{
	f->decoded = f->len & ~(size_t)(INSN - 1);
	f->marks = calloc(f->len + f->after + 1, 1);
	if (!f->marks)
		return false;
	for (size_t off = 0; off < f->decoded; off += INSN) {
		struct arch_insn insn;

		/* Words that are data between the code have no targets. */
		if (!arch_insn_length(f->code + off, INSN, f->addr + off, &insn))
			continue;
		if (insn.flow == ARCH_FLOW_JUMP || insn.flow == ARCH_FLOW_COND ||
		    insn.flow == ARCH_FLOW_CALL)
			mark_target(f, insn.target);
	}
	for (size_t i = 0; i < f->n_targets; i++)
		mark_target(f, f->targets[i]);
	return true;
}

void arch_func_deinit(struct arch_func *f)
{
	free(f->marks);
	f->marks = NULL;
}

/* ---------------------------------------------------------------- plan -- */

static bool is_landing_pad(const uint8_t *code)
{
	uint32_t w;

	memcpy(&w, code, sizeof(w));
	return (w & 0xffffff3f) == 0xd503241f || w == PACIASP || w == PACIBSP;
}

static bool is_kept(const struct arch_func *f, uint64_t lo, uint64_t hi)
{
	for (size_t i = 0; i < f->n_keep; i++)
		if (f->keep[i].lo < hi && lo < f->keep[i].hi)
			return true;
	return false;
}

/* What the instruction, and those around it, say. */
static const char *refuse_place(const struct arch_func *f, uint64_t off)
{
	uint64_t pc = f->addr + off;
	uint8_t slot[ARCH_SLOT_MAX];
	const char *why = arch_site_refuse(f->code, off);
	struct a64_insn before;

	if (why)
		return why;
	if (off >= INSN && a64_decode(f->code + off - INSN, INSN, &before) &&
	    before.cls == A64_PREFIX)
		return "movprfx, which must stand right before its instruction";
	if (arch_relocate(f->code + off, INSN, pc, pc + 64, slot, &why))
		return NULL;
	return why ? why : "an instruction that can't be moved";
}

const char *arch_patch_plan(const struct arch_func *f, uint64_t off, struct arch_patch_plan *ret)
{
	struct arch_insn insn;
	uint64_t start = off;
	const char *why;

	*ret = (struct arch_patch_plan){ .site = f->addr + off };
	if (!f->marks || (f->addr + off) % INSN || off >= f->decoded)
		return "not the start of an instruction that can be decoded";
	if (is_landing_pad(f->code + off)) {
		start = off + INSN;
		if (start >= f->decoded)
			return "the function ends too soon behind it";
		if (f->marks[start] & M_TARGET)
			return "a branch goes to the bytes behind it";
	}
	if (is_kept(f, f->addr + start, f->addr + start + INSN))
		return "bytes near it must not change";
	why = refuse_place(f, start);
	if (why)
		return why;
	ret->addr = ret->jump = f->addr + start;
	ret->len = INSN;
	memcpy(ret->orig, f->code + start, INSN);
	ret->n_insns = 1;
	ret->insn[1] = INSN;
	ret->tactic = ARCH_TACTIC_ONE;
	if (arch_insn_length(f->code + start, INSN, ret->addr, &insn))
		ret->calls = insn.flow == ARCH_FLOW_CALL || insn.flow == ARCH_FLOW_ICALL;
	return NULL;
}

int arch_patch_insn(const struct arch_patch_plan *p, uint64_t addr)
{
	return p->n_insns && (addr == p->site || addr == p->addr) ? 0 : -1;
}

/* --------------------------------------------------------------- place -- */

bool arch_patch_find_slot(const struct arch_patch_plan *p, uint64_t lo, uint64_t hi, size_t size,
			  uint64_t *ret)
{
	uint64_t bottom = p->addr > arch_reach ? p->addr - arch_reach : 0;

	if (lo < bottom)
		lo = bottom;
	if (hi > p->addr + arch_reach)
		hi = p->addr + arch_reach;
	lo = (lo + INSN - 1) & ~(uint64_t)(INSN - 1);
	if (hi < size || lo > hi - size)
		return false;
	*ret = lo;
	return true;
}

unsigned arch_patch_bytes(const struct arch_patch_plan *p, uint64_t tramp,
			  struct arch_patch_write out[2])
{
	int64_t rel = (int64_t)(tramp - p->addr);
	uint32_t b = 0x14000000 | ((uint32_t)(rel >> 2) & 0x3ffffff);

	memset(out, 0, 2 * sizeof(*out));
	if (p->len != INSN || rel % INSN || rel < -(int64_t)arch_reach || rel > (int64_t)arch_reach)
		return 0;
	out[0].addr = p->addr;
	out[0].len = INSN;
	memcpy(out[0].orig, p->orig, INSN);
	memcpy(out[0].bytes, &b, sizeof(b));
	return 1;
}
