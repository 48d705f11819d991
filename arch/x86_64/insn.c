/*
 * Decoding with two opinions, and the out-of-line copy of an instruction.
 *
 * arch_insn_decode() takes the length from our tables (length.c) and asks
 * capstone too: where both know the bytes and disagree, nobody may patch them.
 * Where capstone is silent (endbr64, newer vector sets), the tables decide.
 *
 * A slot is what arch_relocate() writes: the instruction made to work at
 * another address, then a jump back.  The rules:
 *  - no register, flag or memory differs from what the original would leave,
 *    so there is no scratch register and nothing below rsp is written, but for
 *    the two words under the return address in calls through memory;
 *  - the work of the instruction is in the slot's first machine instruction
 *    wherever that can be had, so a fault or signal there maps to the site;
 *  - what cannot be done exactly is refused with a reason.
 *
 * Shapes (arch_slot_to_orig() tells them apart by their bytes):
 *
 *	any		insn'; jmp next
 *	jmp		jmp target
 *	jcc		jcc target; jmp next
 *	  too far	jncc 1f; jmp *[rip + literal]; 1: jmp next
 *	loop, jrcxz	loop 1f; jmp 2f; 1: jmp target; 2: jmp next
 *	call		push [rip + literal]; jmp target; literal: return address
 *	call *reg	push [rip + literal]; jmp *reg; literal
 *	call *mem	push mem; push (%rsp); movl $.., 8(%rsp); movl $.., 12(%rsp);
 *			lea 8(%rsp), %rsp; jmp *-8(%rsp)
 *	ret, jmp *	insn'
 *	syscall		syscall; lea next(%rip), %rcx; jmp next
 *
 * The call through memory reads its operand first, so that an operand based on
 * rsp, or one that overlaps the return address, or that faults, does what the
 * original does.  The target waits below the stack pointer, in the red zone,
 * where neither signals nor the caller look at that moment.
 *
 * A copied syscall leaves the kernel with the slot's address in the thread's
 * pc; rcx is repaired, and a restart runs the copy again.  Shadow stacks are
 * not kept: who has threads with them must not relocate calls.
 */
#include "decode.h"

#include <capstone/capstone.h>
#include <string.h>

const uint8_t arch_bp[] = { 0xcc };
const size_t arch_bp_len = sizeof(arch_bp);
const unsigned arch_bp_pc_bias = 1;
/* A page short of 2 GiB, so that any byte of a slot reaches any of the site. */
const uint64_t arch_reach = 0x7ffff000;

/* -------------------------------------------------------------- decode -- */

/*
 * Capstone's length, 0 if it does not know the bytes.  The handle is made once
 * and kept: it holds no state between calls.  Not for several threads.
 */
static unsigned second_opinion(const uint8_t *code, size_t avail, uint64_t pc)
{
	static csh handle;
	static cs_insn *insn;
	uint64_t at = pc;

	if (!insn) {
		if (!handle && cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
			return 0;
		insn = cs_malloc(handle);
		if (!insn)
			return 0;
	}
	return cs_disasm_iter(handle, &code, &avail, &at, insn) ? insn->size : 0;
}

/* ud0 and ud1 have a modrm byte, which capstone 4 does not know. */
static bool capstone_errs(const struct x64_insn *x)
{
	return x->form == X64_LEGACY && x->map == 1 && (x->op == 0xb9 || x->op == 0xff);
}

/* A branch with 66: processors differ in how much of the address it keeps. */
static bool narrow_branch(const struct x64_insn *x, enum arch_flow flow)
{
	bool branch = flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_COND || flow == ARCH_FLOW_CALL ||
		      flow == ARCH_FLOW_ICALL || flow == ARCH_FLOW_IJUMP || flow == ARCH_FLOW_RET;

	return branch && x->prefixes & X64_P66 && !(x->rex & X64_REX_W);
}

static bool decode_both(const uint8_t *code, size_t avail, uint64_t pc, struct x64_insn *x,
			struct arch_insn *ret)
{
	unsigned len;

	*ret = (struct arch_insn){ .len = 0 };
	if (!x64_decode(code, avail, x))
		return false;
	len = second_opinion(code, avail, pc);
	x64_describe(code, x, pc, ret);
	if (len && len != x->len && !capstone_errs(x)) {
		*ret = (struct arch_insn){ .len = 0 };
		return false;
	}
	return true;
}

bool arch_insn_decode(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret)
{
	struct x64_insn x;

	return decode_both(code, avail, pc, &x, ret);
}

/* ------------------------------------------------------------ relocate -- */

static const char *refuse_one(const struct x64_insn *x)
{
	switch (x->op) {
	case 0xcc:
	case 0xf1: return "a breakpoint instruction of the program's own";
	case 0xcd: return "a software interrupt";
	case 0xf4: return "hlt";
	case 0x6c ... 0x6f:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef: return "port input or output";
	case 0xfa:
	case 0xfb: return "cli or sti";
	case 0xcf: return "an interrupt return";
	case 0xca:
	case 0xcb: return "a far return";
	case 0x8e: return x64_ext(x) == 2 ? "mov to ss, which masks traps" : NULL;
	case 0xc7: return x->modrm == 0xf8 ? "the start of a hardware transaction" : NULL;
	case 0xff: return x64_ext(x) == 3 || x64_ext(x) == 5 ? "a far call or jump" : NULL;
	default: return NULL;
	}
}

static const char *refuse_two(const struct x64_insn *x)
{
	switch (x->op) {
	case 0x0b:
	case 0xb9:
	case 0xff: return "an instruction that is undefined on purpose";
	case 0x07:
	case 0x34:
	case 0x35: return "sysenter, sysexit or sysret";
	case 0x20 ... 0x23: return "a move of a control or debug register";
	default: return NULL;
	}
}

/* Why the instruction must not run anywhere but in its place; NULL: it may. */
static const char *refuse(const struct x64_insn *x, const struct arch_insn *insn)
{
	const char *why = NULL;

	if (x->form == X64_LEGACY && x->map == 0)
		why = refuse_one(x);
	else if (x->form == X64_LEGACY && x->map == 1)
		why = refuse_two(x);
	if (!why && narrow_branch(x, insn->flow))
		why = "a branch with an operand-size prefix, on which processors differ";
	if (!why && insn->flow != ARCH_FLOW_NEXT && x->prefixes & X64_PLOCK)
		why = "a branch with a lock prefix";
	return why;
}

/* What comes before an instruction never keeps it from being patched. */
const size_t arch_lookback = 0;

const char *arch_site_refuse(const uint8_t *code, size_t off)
{
	(void)code;
	(void)off;
	return NULL;
}

/* A slot being written.  out has ARCH_SLOT_MAX bytes, more than any shape needs. */
struct slot {
	uint8_t *out;
	size_t n;
	uint64_t pc; /* address of out[0] */
	bool far; /* something was out of reach */
};

static void put(struct slot *s, const void *bytes, size_t n)
{
	memcpy(s->out + s->n, bytes, n);
	s->n += n;
}

static void put_byte(struct slot *s, unsigned b)
{
	s->out[s->n++] = (uint8_t)b;
}

#define PUT(s, ...)                                       \
	do {                                              \
		const uint8_t _bytes[] = { __VA_ARGS__ }; \
		put(s, _bytes, sizeof(_bytes));           \
	} while (0)

static void put32(struct slot *s, uint32_t v)
{
	put(s, &v, sizeof(v));
}

static void put64(struct slot *s, uint64_t v)
{
	put(s, &v, sizeof(v));
}

static bool reaches(uint64_t from, uint64_t to)
{
	int64_t d = (int64_t)(to - from);

	return d == (int32_t)d;
}

/* The displacement to target, as the last four bytes of an instruction. */
static void put_rel(struct slot *s, uint64_t target)
{
	uint64_t from = s->pc + s->n + 4;

	if (!reaches(from, target))
		s->far = true;
	put32(s, (uint32_t)(target - from));
}

static void put_jump(struct slot *s, uint64_t target)
{
	if (reaches(s->pc + s->n + 5, target)) {
		put_byte(s, 0xe9);
		put_rel(s, target);
		return;
	}
	PUT(s, 0xff, 0x25, 0, 0, 0, 0); /* jmp *[rip + 0] */
	put64(s, target);
}

/* The instruction's own bytes, a rip-relative operand made to mean the same place. */
static void put_copy(struct slot *s, const uint8_t *code, const struct x64_insn *x, uint64_t old_pc)
{
	size_t at = s->n;

	put(s, code, x->len);
	if (!x->riprel)
		return;
	int64_t disp = x64_number(code + x->disp_off, 4);
	int64_t moved = disp + (int64_t)(old_pc - (s->pc + at));
	int32_t disp32 = (int32_t)moved;

	if (moved != disp32)
		s->far = true;
	memcpy(s->out + at + x->disp_off, &disp32, 4);
}

static void put_cond(struct slot *s, const struct x64_insn *x, uint64_t target, uint64_t next)
{
	unsigned cc = x->op & 15;

	if (reaches(s->pc + s->n + 6, target)) {
		PUT(s, 0x0f, 0x80 | cc);
		put_rel(s, target);
	} else {
		PUT(s, 0x70 | (cc ^ 1), 14);
		put_jump(s, target);
	}
	put_jump(s, next);
}

static void put_loop(struct slot *s, const struct x64_insn *x, uint64_t target, uint64_t next)
{
	size_t skip;

	if (x->prefixes & X64_P67)
		put_byte(s, 0x67);
	PUT(s, x->op, 2, 0xeb, 0);
	skip = s->n;
	put_jump(s, target);
	s->out[skip - 1] = (uint8_t)(s->n - skip);
	put_jump(s, next);
}

/* push [rip + after]: the literal that follows the next `after` bytes. */
static void put_push_literal(struct slot *s, unsigned after)
{
	PUT(s, 0xff, 0x35);
	put32(s, after);
}

static void put_call(struct slot *s, uint64_t target, uint64_t next)
{
	put_push_literal(s, reaches(s->pc + s->n + 6 + 5, target) ? 5 : 14);
	put_jump(s, target);
	put64(s, next);
}

static void put_call_reg(struct slot *s, const struct x64_insn *x, uint64_t next)
{
	unsigned notrack = x->prefixes & X64_P3E ? 1 : 0, rex = x->rex & X64_REX_B ? 1 : 0;

	put_push_literal(s, 2 + notrack + rex);
	if (notrack)
		put_byte(s, 0x3e);
	if (rex)
		put_byte(s, 0x41);
	PUT(s, 0xff, 0xe0 | (x->modrm & 7));
	put64(s, next);
}

/* push of what the indirect call at code calls. */
static void put_push_target(struct slot *s, const uint8_t *code, const struct x64_insn *x,
			    uint64_t old_pc)
{
	uint8_t push[ARCH_INSN_MAX];
	struct x64_insn y = *x;
	unsigned n = 0, shift, segment = 0;

	for (unsigned i = 0; i < x->op_off; i++) {
		if (code[i] == 0x64 || code[i] == 0x65)
			segment = code[i]; /* the last one counts */
	}
	/* Prefixes that mean something to a push of this operand. */
	if (x->prefixes & X64_P67)
		push[n++] = 0x67;
	if (segment)
		push[n++] = (uint8_t)segment;
	if (x->rex & 7)
		push[n++] = 0x40 | (x->rex & 7);
	shift = x->op_off - n;
	memcpy(push + n, code + x->op_off, x->len - x->op_off);
	push[n + 1] = (uint8_t)((x->modrm & 0xc7) | 6 << 3);
	y.len -= (uint8_t)shift;
	y.disp_off -= (uint8_t)shift;
	/* The operand is relative to the end, which moved with the dropped bytes. */
	put_copy(s, push, &y, old_pc + shift);
}

static void put_call_mem(struct slot *s, const uint8_t *code, const struct x64_insn *x,
			 uint64_t old_pc)
{
	uint64_t next = old_pc + x->len;

	put_push_target(s, code, x, old_pc);
	PUT(s, 0xff, 0x34, 0x24); /* push (%rsp) */
	PUT(s, 0xc7, 0x44, 0x24, 8); /* movl low, 8(%rsp) */
	put32(s, (uint32_t)next);
	PUT(s, 0xc7, 0x44, 0x24, 12); /* movl high, 12(%rsp) */
	put32(s, (uint32_t)(next >> 32));
	PUT(s, 0x48, 0x8d, 0x64, 0x24, 8); /* lea 8(%rsp), %rsp */
	if (x->prefixes & X64_P3E)
		put_byte(s, 0x3e);
	PUT(s, 0xff, 0x64, 0x24, 0xf8); /* jmp *-8(%rsp) */
}

#define RSP 4

static void put_slot(struct slot *s, const uint8_t *code, const struct x64_insn *x,
		     const struct arch_insn *insn, uint64_t old_pc)
{
	uint64_t next = old_pc + x->len;

	switch (insn->flow) {
	case ARCH_FLOW_JUMP: put_jump(s, insn->target); break;
	case ARCH_FLOW_COND:
		if (x->map == 0 && x->op >= 0xe0)
			put_loop(s, x, insn->target, next);
		else
			put_cond(s, x, insn->target, next);
		break;
	case ARCH_FLOW_CALL: put_call(s, insn->target, next); break;
	case ARCH_FLOW_ICALL:
		if (x64_mod(x) == 3 && x64_rm(x) != RSP)
			put_call_reg(s, x, next);
		else
			put_call_mem(s, code, x, old_pc);
		break;
	case ARCH_FLOW_RET:
	case ARCH_FLOW_IJUMP: put_copy(s, code, x, old_pc); break;
	case ARCH_FLOW_SYSCALL:
		put_copy(s, code, x, old_pc);
		PUT(s, 0x48, 0x8d, 0x0d); /* lea next(%rip), %rcx */
		put_rel(s, next);
		put_jump(s, next);
		break;
	case ARCH_FLOW_NEXT:
	case ARCH_FLOW_TRAP:
		put_copy(s, code, x, old_pc);
		put_jump(s, next);
		break;
	}
}

size_t arch_relocate(const uint8_t *code, size_t avail, uint64_t old_pc, uint64_t new_pc,
		     uint8_t *out, const char **why_ret)
{
	struct slot s = { .out = out, .pc = new_pc };
	struct arch_insn insn;
	struct x64_insn x;
	const char *why;

	if (!decode_both(code, avail, old_pc, &x, &insn)) {
		why = "not an instruction that can be decoded with certainty";
	} else {
		why = refuse(&x, &insn);
		/* The long nop's operand may be rip-relative, and means nothing. */
		if (!why && insn.is_nop)
			x.riprel = false;
	}
	if (!why && new_pc - old_pc + arch_reach > 2 * arch_reach)
		why = "the slot is out of reach of the site";
	if (!why) {
		put_slot(&s, code, &x, &insn, old_pc);
		if (s.far)
			why = "its operand is out of reach of the slot";
	}
	if (why) {
		if (why_ret)
			*why_ret = why;
		return 0;
	}
	return s.n;
}

/* ------------------------------------------------------------ slot map -- */

/* push [rip + d] with its literal inside the slot: a rewritten call. */
static bool pushes_literal(const uint8_t *slot, const struct x64_insn *x)
{
	return x64_is(x, 0xff) && x64_ext(x) == 6 && x->riprel &&
	       (uint64_t)x64_number(slot + x->disp_off, 4) <= 14;
}

static bool call_mem_follows(const uint8_t *p, size_t n)
{
	static const uint8_t start[] = { 0xff, 0x34, 0x24, 0xc7, 0x44, 0x24, 8 };

	return n >= sizeof(start) && memcmp(p, start, sizeof(start)) == 0;
}

/*
 * Walks the instructions up to off.  Those that only lead back (the jump to the
 * next instruction and what prepares it) stand for it; those on the way to a
 * target of the instruction stand for no place near the site.
 */
int64_t arch_slot_to_orig(const uint8_t *slot, size_t slot_len, size_t insn_len, uint64_t off)
{
	struct arch_insn insn;
	struct x64_insn x;

	if (off == 0)
		return 0;
	if (off >= slot_len || !x64_decode(slot, slot_len, &x))
		return -1;
	x64_describe(slot, &x, 0, &insn);
	if (insn.flow == ARCH_FLOW_JUMP || insn.flow == ARCH_FLOW_IJUMP ||
	    insn.flow == ARCH_FLOW_RET || pushes_literal(slot, &x) ||
	    call_mem_follows(slot + x.len, slot_len - x.len))
		return -1;
	if (insn.flow == ARCH_FLOW_SYSCALL)
		return off == x.len || off == x.len + 7U ? (int64_t)insn_len : -1;
	if (insn.flow != ARCH_FLOW_COND)
		return off == x.len ? (int64_t)insn_len : -1;
	if (x.op >= 0xe0 && x.op <= 0xe3 && x.map == 0) {
		/* loop 1f; jmp 2f; 1: jmp target; 2: jmp next */
		if (slot_len < x.len + 2U)
			return -1;
		return off == x.len || off == x.len + 2U + slot[x.len + 1] ? (int64_t)insn_len : -1;
	}
	/* A short conditional jump skips a far jump to the target. */
	return off == (x.map == 0 ? insn.target : x.len) ? (int64_t)insn_len : -1;
}
