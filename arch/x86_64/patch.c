/*
 * Planning patches: can the bytes of a site become a jump, and how?
 *
 * A jump is five bytes, most instructions are shorter.  So several are
 * displaced, and what could go wrong is a thread that comes to one of the later
 * ones, now the middle of the jump.  The rules:
 *  - every instruction that starts inside the jump starts with a byte that
 *    faults whatever follows it (a guard); behind the jump are breakpoints.  So
 *    nobody can run garbage, and who comes there stops and is sent on;
 *  - that costs a stop, so known branches there are refused, unless the stop is
 *    what the site would cost anyway: before the site, on the way to it;
 *  - a branch to a byte that starts no instruction is refused;
 *  - a displaced call is the last one: what returns to its address must find
 *    the original behind it;
 *  - bytes behind an instruction that never falls through and before anything
 *    that is a target are padding, and free.
 *
 * Tactics are tried in the order of enum arch_tactic; the first that works is
 * the cheapest.
 */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

#include "near.h"

#define JUMP_LEN 5
#define SHORT_LEN 2
#define LOOK_BACK 32 /* bytes before a site that may be displaced with it */
#define FLAGS_AHEAD 24 /* instructions looked at for who reads the flags */
#define ENDBR_LEN 4
#define FUNCTION_ALIGN 16

enum mark {
	M_START = 1, /* an instruction starts here */
	M_TARGET = 2, /* known code goes here */
	M_PAD = 4, /* never run, never looked at */
	M_ENDS = 8, /* the instruction that starts here never falls through */
	M_CALL = 16, /* it is a call */
	M_ENDBR = 32,
	M_LIVE = 64, /* it is run, however it looks */
};

/* Bytes that fault in 64-bit mode with the pc on them, on every processor and
 * whatever follows: invalid opcodes, privileged ones, int3, int1. */
static const uint8_t guard_bytes[] = {
	0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60,
	0x61, 0x82, 0x9a, 0xcc, 0xce, 0xd4, 0xd6, 0xea, 0xf4, 0xfa, 0xfb,
};

static bool is_guard(uint8_t b)
{
	return memchr(guard_bytes, b, sizeof(guard_bytes)) != NULL;
}

/* ---------------------------------------------------------------- scan -- */

static bool ends(enum arch_flow flow)
{
	return flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_IJUMP || flow == ARCH_FLOW_RET ||
	       flow == ARCH_FLOW_TRAP;
}

static bool branches(enum arch_flow flow)
{
	return flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_COND || flow == ARCH_FLOW_CALL;
}

static void mark_target(struct arch_func *f, uint64_t target)
{
	if (target - f->addr < f->len)
		f->marks[target - f->addr] |= M_TARGET;
}

static void scan_code(struct arch_func *f)
{
	struct arch_insn insn;
	uint64_t off = 0;

	for (; off < f->len; off += insn.len) {
		if (!arch_insn_length(f->code + off, f->len - off, f->addr + off, &insn))
			break;
		f->marks[off] |= M_START;
		if (ends(insn.flow))
			f->marks[off] |= M_ENDS;
		if (insn.flow == ARCH_FLOW_CALL || insn.flow == ARCH_FLOW_ICALL)
			f->marks[off] |= M_CALL;
		if (insn.is_nop && insn.len == ENDBR_LEN && f->code[off] == 0xf3)
			f->marks[off] |= M_ENDBR;
		if (branches(insn.flow))
			mark_target(f, insn.target);
	}
	f->decoded = off;
	for (size_t i = 0; i < f->n_targets; i++)
		mark_target(f, f->targets[i]);
	for (size_t i = 0; i < f->n_live; i++)
		if (f->live[i] - f->addr < f->len)
			f->marks[f->live[i] - f->addr] |= M_LIVE;
}

/* Length of the filler at code: nop or int3; 0: it is something else. */
static unsigned filler_length(const uint8_t *code, size_t avail)
{
	struct arch_insn insn;

	if (avail && *code == 0xcc)
		return 1;
	if (!arch_insn_length(code, avail, 0, &insn) || !insn.is_nop || *code == 0xf3)
		return 0;
	return insn.len;
}

/* Filler from off to at most end: marks it; returns where it stops. */
static uint64_t mark_padding(struct arch_func *f, uint64_t off, uint64_t end)
{
	while (off < end) {
		unsigned n = filler_length(f->code + off, end - off);

		if (!n || f->marks[off] & (M_TARGET | M_LIVE))
			break;
		/* A target inside: then the bytes mean something else, too. */
		for (unsigned i = 1; i < n; i++)
			if (f->marks[off + i] & (M_TARGET | M_LIVE))
				return off;
		for (unsigned i = 0; i < n; i++)
			f->marks[off + i] |= M_PAD;
		off += n;
	}
	return off;
}

static void scan_padding(struct arch_func *f)
{
	bool ended = false;

	for (uint64_t off = 0; off < f->decoded; off++) {
		if (!(f->marks[off] & M_START))
			continue;
		if (ended && !(f->marks[off] & M_PAD)) {
			uint64_t end = mark_padding(f, off, f->len);

			if (end > off) {
				off = end - 1;
				continue;
			}
		}
		ended = f->marks[off] & M_ENDS;
	}
	if (f->decoded < f->len || !ended)
		return;
	/* No further than where a function without a symbol may start. */
	uint64_t room = -(f->addr + f->len) & (FUNCTION_ALIGN - 1);

	mark_padding(f, f->len, f->len + (room < f->after ? room : f->after));
}

bool arch_func_scan(struct arch_func *f)
{
	f->decoded = 0;
	f->marks = calloc(f->len + f->after + 1, 1);
	if (!f->marks)
		return false;
	scan_code(f);
	scan_padding(f);
	return true;
}

void arch_func_deinit(struct arch_func *f)
{
	free(f->marks);
	f->marks = NULL;
}

static bool is_padding(const struct arch_func *f, uint64_t off, uint64_t end)
{
	if (end > f->len + f->after)
		return false;
	for (; off < end; off++)
		if (!(f->marks[off] & M_PAD) || f->marks[off] & M_TARGET)
			return false;
	return true;
}

static bool is_kept(const struct arch_func *f, uint64_t lo, uint64_t hi)
{
	for (size_t i = 0; i < f->n_keep; i++)
		if (f->keep[i].lo < hi && lo < f->keep[i].hi)
			return true;
	return false;
}

/* --------------------------------------------------------------- flags -- */

enum flags_use { F_READS, F_KEEPS, F_KILLS }; /* READS also: no idea */

static enum flags_use flags_of_group(const struct x64_insn *x)
{
	unsigned ext = x64_ext(x);

	switch (x->op) {
	case 0x80:
	case 0x81:
	case 0x83: return ext == 2 || ext == 3 ? F_READS : F_KILLS; /* adc, sbb */
	case 0xf6:
	case 0xf7:
		/* test, not, neg, mul, imul; division may fault half-way */
		return ext == 2 ? F_KEEPS : ext >= 6 ? F_READS : F_KILLS;
	case 0xfe:
	case 0xff: /* inc, dec keep carry; push */
		return ext == 0 || ext == 1 || ext == 6 ? F_KEEPS : F_READS;
	default: return F_READS;
	}
}

static enum flags_use flags_of_one(const struct x64_insn *x)
{
	unsigned op = x->op;

	if (op < 0x40 && (op & 7) < 6) {
		unsigned row = op >> 3;

		return row == 2 || row == 3 ? F_READS : F_KILLS;
	}
	switch (op) {
	case 0x50 ... 0x5f:
	case 0x63:
	case 0x68:
	case 0x6a:
	case 0x86 ... 0x8d:
	case 0x90 ... 0x99:
	case 0xb0 ... 0xbf:
	case 0xc6:
	case 0xc9: return F_KEEPS;
	case 0xc7: return x64_ext(x) == 0 && x->modrm != 0xf8 ? F_KEEPS : F_READS;
	case 0x69:
	case 0x6b:
	case 0x84:
	case 0x85:
	case 0xa8:
	case 0xa9: return F_KILLS;
	default: return flags_of_group(x);
	}
}

static enum flags_use flags_of_two(const struct x64_insn *x)
{
	switch (x->op) {
	case 0x10 ... 0x17:
	case 0x18 ... 0x1f:
	case 0x28:
	case 0x29:
	case 0x51 ... 0x76:
	case 0x7e:
	case 0x7f:
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
	case 0xc6:
	case 0xd4 ... 0xef:
	case 0xf1 ... 0xfe: return F_KEEPS;
	case 0x2e:
	case 0x2f:
	case 0xaf: return F_KILLS;
	default: return F_READS;
	}
}

/* Are all arithmetic flags overwritten from off on before anyone looks? */
static bool flags_dead(const struct arch_func *f, uint64_t off)
{
	struct x64_insn x;

	for (unsigned i = 0; i < FLAGS_AHEAD; i++, off += x.len) {
		enum flags_use use = F_READS;

		if (off >= f->decoded || !x64_decode(f->code + off, f->len - off, &x))
			return false;
		if (x.form == X64_LEGACY && x.map == 0)
			use = flags_of_one(&x);
		else if (x.form == X64_LEGACY && x.map == 1)
			use = flags_of_two(&x);
		if (use != F_KEEPS)
			return use == F_KILLS;
	}
	return false;
}

/* --------------------------------------------------------------- range -- */

/* What moving the instruction at off says, once a plan is near to done. */
static const char *refuse_move(const struct arch_func *f, uint64_t off)
{
	uint8_t slot[ARCH_SLOT_MAX];
	const char *why = NULL;
	uint64_t pc = f->addr + off;

	if (arch_relocate(f->code + off, f->len - off, pc, pc + 64, slot, &why))
		return NULL;
	return why ? why : "an instruction that can't be moved";
}

/* loop and jrcxz: their copy leads to the target by a way of its own. */
static bool loops(const struct arch_func *f, uint64_t off)
{
	struct x64_insn x;

	return x64_decode(f->code + off, f->len - off, &x) && x.form == X64_LEGACY && x.map == 0 &&
	       x.op >= 0xe0 && x.op <= 0xe3;
}

/* The instructions from start on, until need bytes and the site are in. */
static const char *collect(const struct arch_func *f, uint64_t start, uint64_t site, unsigned need,
			   struct arch_patch_plan *p)
{
	uint64_t off = start;
	bool ended = false;
	struct arch_insn insn;

	p->n_insns = 0;
	p->calls = false;
	while (off < start + need || off <= site) {
		if (ended)
			break;
		if (off >= f->len)
			return "the function ends too soon behind it";
		if (off >= f->decoded || p->n_insns == ARCH_DISPLACED_MAX ||
		    !arch_insn_length(f->code + off, f->len - off, f->addr + off, &insn))
			return "code that can't be decoded is too near";
		if (off == site)
			p->site_insn = p->n_insns;
		p->insn[p->n_insns++] = (uint8_t)(off - start);
		off += insn.len;
		ended = ends(insn.flow);
		if (insn.flow == ARCH_FLOW_CALL || insn.flow == ARCH_FLOW_ICALL) {
			p->calls = true;
			if (off < start + need || off <= site)
				return "a call returns to the bytes behind it";
		}
	}
	p->insn[p->n_insns] = (uint8_t)(off - start);
	p->len = p->insn[p->n_insns];
	if (off <= site)
		return "the instruction before it does not lead to it";
	if (off >= start + need)
		return NULL;
	if (!is_padding(f, off, start + need))
		return "too few bytes before code that others reach";
	p->len = (uint8_t)need;
	return NULL;
}

/* Which displaced instruction starts at offset at from the start; -1: none. */
static int insn_at(const struct arch_patch_plan *p, unsigned at)
{
	for (unsigned k = 0; k < p->n_insns; k++)
		if (p->insn[k] == at)
			return (int)k;
	return -1;
}

static const char *check_targets(const struct arch_func *f, uint64_t start,
				 struct arch_patch_plan *p)
{
	p->is_targeted = false;
	for (unsigned at = 1; at < p->len; at++) {
		int k = insn_at(p, at);

		if (!(f->marks[start + at] & M_TARGET))
			continue;
		if (k < 0)
			return "a branch goes to the middle of an instruction";
		if (k > p->site_insn)
			return "a branch goes to the bytes behind it";
		p->is_targeted = true;
	}
	return NULL;
}

static const char *check_moves(const struct arch_func *f, uint64_t start,
			       const struct arch_patch_plan *p)
{
	for (unsigned k = 0; k < p->n_insns; k++) {
		uint64_t off = start + p->insn[k], target;
		const char *why = refuse_move(f, off);
		struct arch_insn insn;

		if (why)
			return why;
		if (!loops(f, off))
			continue;
		arch_insn_length(f->code + off, f->len - off, f->addr + off, &insn);
		target = insn.target - (f->addr + start);
		if (target > 0 && target < p->len)
			return "a loop inside the patch";
	}
	return NULL;
}

static void copy_original(const struct arch_func *f, uint64_t start, struct arch_patch_plan *p)
{
	size_t avail = f->len + f->after - start;

	p->addr = f->addr + start;
	p->jump = p->addr;
	memset(p->orig, 0, sizeof(p->orig));
	memcpy(p->orig, f->code + start, avail < sizeof(p->orig) ? avail : sizeof(p->orig));
	p->flags_dead = 0;
	for (unsigned k = 0; k < p->n_insns; k++)
		if (flags_dead(f, start + p->insn[k]))
			p->flags_dead |= 1u << k;
}

/* A patch of at least need bytes from start on that has the site in it. */
static const char *plan_range(const struct arch_func *f, uint64_t start, uint64_t site,
			      unsigned need, struct arch_patch_plan *p)
{
	const char *why = collect(f, start, site, need, p);

	if (!why && p->len > ARCH_PATCH_MAX - ARCH_INSN_MAX)
		why = "too many bytes would have to move";
	if (!why)
		why = check_targets(f, start, p);
	if (!why && is_kept(f, f->addr + start, f->addr + start + p->len))
		why = "bytes near it must not change";
	if (!why)
		why = check_moves(f, start, p);
	if (why)
		return why;
	copy_original(f, start, p);
	p->guards = 0;
	for (unsigned k = 1; k < p->n_insns; k++)
		if (p->insn[k] < need)
			p->guards |= (uint8_t)(1u << p->insn[k]);
	if (p->n_insns > 1)
		p->tactic = start < site ? ARCH_TACTIC_BACKWARD : ARCH_TACTIC_FORWARD;
	else
		p->tactic = p->insn[1] >= need ? ARCH_TACTIC_ONE : ARCH_TACTIC_PADDING;
	return NULL;
}

/* ------------------------------------------------------------ backward -- */

/* The instruction before off, if it leads to it and may be displaced too. */
static bool step_back(const struct arch_func *f, uint64_t *off)
{
	uint64_t at = *off;

	while (at > 0) {
		unsigned m = f->marks[--at];

		if (!(m & M_START))
			continue;
		if (m & (M_ENDS | M_CALL | M_PAD | M_ENDBR))
			return false;
		*off = at;
		return true;
	}
	return false;
}

/* From the site back, preferring a start that no known branch jumps over. */
static bool plan_backward(const struct arch_func *f, uint64_t site, unsigned need,
			  struct arch_patch_plan *p)
{
	struct arch_patch_plan q = *p;
	uint64_t start = site;
	bool found = false;

	while (step_back(f, &start) && site - start <= LOOK_BACK) {
		if (plan_range(f, start, site, need, &q))
			continue;
		if (!found || !q.is_targeted)
			*p = q;
		found = true;
		if (!q.is_targeted)
			break;
	}
	return found;
}

/* --------------------------------------------------------------- short -- */

/* Where in padding nearby the long jump can be, for a short jump at start. */
static bool find_pad(const struct arch_func *f, const struct arch_patch_plan *p, uint64_t start,
		     uint64_t *ret)
{
	uint64_t from = start + SHORT_LEN > 128 ? start + SHORT_LEN - 128 : 0;
	uint64_t to = start + SHORT_LEN + 127;

	for (uint64_t at = from; at <= to && at + JUMP_LEN <= f->len + f->after; at++) {
		uint8_t rel = (uint8_t)(at - (start + SHORT_LEN));

		if (!(f->marks[at] & M_PAD) || !is_padding(f, at, at + JUMP_LEN))
			continue;
		if (at < start + p->len && start < at + JUMP_LEN)
			continue;
		if (p->guards && !is_guard(rel))
			continue;
		if (is_kept(f, f->addr + at, f->addr + at + JUMP_LEN))
			continue;
		*ret = at;
		return true;
	}
	return false;
}

static bool plan_short(const struct arch_func *f, uint64_t site, struct arch_patch_plan *p)
{
	struct arch_patch_plan q = *p;
	uint64_t start = site, pad;
	bool first = true;

	while (first || (step_back(f, &start) && site - start <= LOOK_BACK)) {
		first = false;
		if (plan_range(f, start, site, SHORT_LEN, &q) || !find_pad(f, &q, start, &pad))
			continue;
		q.tactic = ARCH_TACTIC_SHORT;
		q.jump = f->addr + pad;
		memcpy(q.jump_orig, f->code + pad, JUMP_LEN);
		*p = q;
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- plan -- */

const char *arch_patch_plan(const struct arch_func *f, uint64_t off, struct arch_patch_plan *ret)
{
	uint64_t start = off;
	const char *why;

	*ret = (struct arch_patch_plan){ .site = f->addr + off };
	if (!f->marks || off >= f->decoded || !(f->marks[off] & M_START))
		return "not the start of an instruction that can be decoded";
	if (f->marks[off] & M_ENDBR) {
		/* It stays, for who checks targets of indirect branches. */
		start = off + ENDBR_LEN;
		if (start >= f->decoded)
			return "the function ends too soon behind it";
		if (f->marks[start] & M_TARGET)
			return "a branch goes to the bytes behind it";
	}
	why = plan_range(f, start, start, JUMP_LEN, ret);
	if (why && start == off && plan_backward(f, off, JUMP_LEN, ret))
		why = NULL;
	if (why && plan_short(f, start, ret))
		why = NULL;
	ret->site = f->addr + off;
	return why;
}

int arch_patch_insn(const struct arch_patch_plan *p, uint64_t addr)
{
	if (addr == p->site)
		return p->site_insn;
	if (addr - p->addr >= p->len)
		return -1;
	return insn_at(p, (unsigned)(addr - p->addr));
}

/* --------------------------------------------------------------- place -- */

/* The smallest guard byte from b on, in the order of bytes with their top bit
 * flipped if flip is 0x80; -1: none. */
static int next_guard(unsigned b, uint8_t flip)
{
	for (; b <= 0xff; b++)
		if (is_guard((uint8_t)(b ^ flip)))
			return (int)b;
	return -1;
}

/*
 * The smallest number >= v whose bytes are guards where the set says so (bit i:
 * byte i - 1 of the number, as the jump has its displacement from byte 1).
 * The number is the displacement plus 2^31, so that it goes up with addresses.
 */
static bool next_displacement(uint64_t v, uint8_t guards, uint64_t *ret)
{
	/* Bytes from the top: the first that must be raised sets those below to least. */
	for (int i = 3; i >= 0; i--) {
		uint8_t flip = i == 3 ? 0x80 : 0;
		unsigned b = v >> (8 * i) & 0xff;
		uint64_t unit = 1ull << (8 * i);
		int g;

		if (!(guards & 1u << (i + 1)))
			continue;
		g = next_guard(b, flip);
		if (g == (int)b)
			continue;
		if (g >= 0)
			v = (v & ~(256 * unit - 1)) | (uint64_t)g * unit;
		else
			v = (v & ~(256 * unit - 1)) + 256 * unit;
		if (v > UINT32_MAX)
			return false;
		/* A carry went up: look at all bytes again. */
		if (g < 0)
			return next_displacement(v, guards, ret);
	}
	*ret = v;
	return v <= UINT32_MAX;
}

/* Is the long jump where the patch is? */
static bool has_own_jump(const struct arch_patch_plan *p)
{
	return p->tactic != ARCH_TACTIC_SHORT && p->tactic != ARCH_TACTIC_HOP;
}

bool arch_patch_find_slot(const struct arch_patch_plan *p, uint64_t lo, uint64_t hi, size_t size,
			  uint64_t *ret)
{
	uint8_t guards = has_own_jump(p) ? p->guards : 0;
	uint64_t next = p->jump + JUMP_LEN, bottom = next > arch_reach ? next - arch_reach : 0;
	uint64_t v;

	if (lo < bottom)
		lo = bottom;
	if (hi > next + arch_reach)
		hi = next + arch_reach;
	if (hi < size || lo > hi - size)
		return false;
	if (!next_displacement(lo - next + (1ull << 31), guards, &v))
		return false;
	*ret = next + v - (1ull << 31);
	return *ret >= lo && *ret <= hi - size;
}

/* --------------------------------------------------------------- bytes -- */

static bool put_jump(const struct arch_patch_plan *p, uint64_t tramp, uint8_t *out)
{
	uint64_t rel = tramp - (p->jump + JUMP_LEN);
	int32_t rel32 = (int32_t)rel;

	out[0] = 0xe9;
	memcpy(out + 1, &rel32, 4);
	if ((int64_t)rel != rel32)
		return false;
	if (!has_own_jump(p))
		return true;
	for (unsigned i = 1; i < JUMP_LEN; i++)
		if (p->guards & 1u << i && !is_guard(out[i]))
			return false;
	return true;
}

unsigned arch_patch_bytes(const struct arch_patch_plan *p, uint64_t tramp,
			  struct arch_patch_write out[2])
{
	struct arch_patch_write *w = out;

	memset(out, 0, 2 * sizeof(*out));
	if (p->len < SHORT_LEN || p->len > ARCH_PATCH_MAX)
		return 0;
	if (!has_own_jump(p)) {
		w->addr = p->jump;
		w->len = JUMP_LEN;
		memcpy(w->orig, p->jump_orig, JUMP_LEN);
		if (!put_jump(p, tramp, w->bytes))
			return 0;
		w++;
	}
	w->addr = p->addr;
	w->len = p->len;
	memcpy(w->orig, p->orig, p->len);
	memset(w->bytes, 0xcc, p->len);
	if (p->tactic == ARCH_TACTIC_SHORT) {
		w->bytes[0] = 0xeb;
		w->bytes[1] = (uint8_t)(p->jump - (p->addr + SHORT_LEN));
	} else if (p->tactic == ARCH_TACTIC_HOP) {
		x64_hop_bytes(p, w->bytes);
	} else if (p->len < JUMP_LEN || !put_jump(p, tramp, w->bytes)) {
		return 0;
	}
	return (unsigned)(w - out) + 1;
}
