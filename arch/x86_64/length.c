/*
 * Instruction lengths and flow from our own tables.
 *
 * Walking whole libraries with a disassembler takes seconds; this takes about
 * ten nanoseconds an instruction.  Rules:
 *  - a length is only given for an encoding the tables know.  Unknown means
 *    "not decodable", never a guess, since a wrong length patches the middle
 *    of an instruction;
 *  - nothing past avail is read, nothing is assumed of the bytes;
 *  - tests/unit/test_insn.c holds this against capstone over whole libraries.
 *
 * Intel SDM volume 2, chapter 2 and appendix A, is the reference.  APX (REX2
 * and the EVEX map 4) is left out: such bytes are "not decodable".
 */
#include "decode.h"

#include <string.h>

#define INSN_LIMIT 15 /* longer ones fault */
#define READ_MAX 24 /* x64_decode() looks at no byte past this */

enum {
	M = 1 << 0, /* modrm follows */
	B = 1 << 1, /* imm8 */
	W = 1 << 2, /* imm16 */
	Z = 1 << 3, /* imm32, or imm16 under 66 */
	V = 1 << 4, /* imm16, 32 or 64: mov to register */
	O = 1 << 5, /* absolute address of 8 bytes, 4 under 67 */
	R = 1 << 6, /* the immediate is a branch displacement */
	X = 1 << 7, /* not an instruction in 64-bit mode */
};

/* clang-format off */
/* Prefixes and escapes never get here: their entries are 0. */
static const uint8_t one_byte[256] = {
	/* 00 */ M, M, M, M, B, Z, X, X, M, M, M, M, B, Z, X, 0,
	/* 10 */ M, M, M, M, B, Z, X, X, M, M, M, M, B, Z, X, X,
	/* 20 */ M, M, M, M, B, Z, 0, X, M, M, M, M, B, Z, 0, X,
	/* 30 */ M, M, M, M, B, Z, 0, X, M, M, M, M, B, Z, 0, X,
	/* 40 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 50 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 60 */ X, X, X, M, 0, 0, 0, 0, Z, M | Z, B, M | B, 0, 0, 0, 0,
	/* 70 */ B | R, B | R, B | R, B | R, B | R, B | R, B | R, B | R,
	/* 78 */ B | R, B | R, B | R, B | R, B | R, B | R, B | R, B | R,
	/* 80 */ M | B, M | Z, X, M | B, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 90 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, X, 0, 0, 0, 0, 0,
	/* a0 */ O, O, O, O, 0, 0, 0, 0, B, Z, 0, 0, 0, 0, 0, 0,
	/* b0 */ B, B, B, B, B, B, B, B, V, V, V, V, V, V, V, V,
	/* c0 */ M | B, M | B, W, 0, X, X, M | B, M | Z, W | B, 0, W, 0, 0, B, X, 0,
	/* d0 */ M, M, M, M, X, X, X, 0, M, M, M, M, M, M, M, M,
	/* e0 */ B | R, B | R, B | R, B | R, B, B, B, B, Z | R, Z | R, X, B | R, 0, 0, 0, 0,
	/* f0 */ 0, 0, 0, 0, 0, 0, M, M, 0, 0, 0, 0, 0, 0, M, M,
};

/* After 0f.  38 and 3a are escapes. */
static const uint8_t two_byte[256] = {
	/* 00 */ M, M, M, M, X, 0, 0, 0, 0, 0, X, 0, X, M, 0, M | B,
	/* 10 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 20 */ M, M, M, M, X, X, X, X, M, M, M, M, M, M, M, M,
	/* 30 */ 0, 0, 0, 0, 0, 0, X, 0, 0, X, 0, X, X, X, X, X,
	/* 40 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 50 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 60 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 70 */ M | B, M | B, M | B, M | B, M, M, M, 0, M, M, X, X, M, M, M, M,
	/* 80 */ Z | R, Z | R, Z | R, Z | R, Z | R, Z | R, Z | R, Z | R,
	/* 88 */ Z | R, Z | R, Z | R, Z | R, Z | R, Z | R, Z | R, Z | R,
	/* 90 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* a0 */ 0, 0, 0, M, M | B, M, X, X, 0, 0, 0, M, M | B, M, M, M,
	/* b0 */ M, M, M, M, M, M, M, M, M, M, M | B, M, M, M, M, M,
	/* c0 */ M, M, M | B, M, M | B, M | B, M | B, M, 0, 0, 0, 0, 0, 0, 0, 0,
	/* d0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* e0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* f0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
};

/* Which prefix a byte is; 0 = none. */
static const uint8_t prefix_of[256] = {
	[0x66] = X64_P66, [0x67] = X64_P67, [0xf0] = X64_PLOCK, [0xf2] = X64_PF2,
	[0xf3] = X64_PF3, [0x26] = X64_PSEG, [0x2e] = X64_PSEG, [0x36] = X64_PSEG,
	[0x3e] = X64_P3E, [0x64] = X64_PFS, [0x65] = X64_PFS,
};
/* clang-format on */

int64_t x64_number(const uint8_t *p, unsigned len)
{
	int64_t v = 0;

	switch (len) {
	case 1: return (int8_t)p[0];
	case 2: return (int16_t)(p[0] | p[1] << 8);
	case 4: {
		int32_t v4;

		memcpy(&v4, p, 4);
		return v4;
	}
	case 8: memcpy(&v, p, 8); return v;
	default: return 0;
	}
}

/* The VEX, EVEX and XOP headers share the inverted R X B in their second byte. */
static uint8_t rex_of_vex(uint8_t p0)
{
	return (uint8_t)(~p0 >> 5 & 7);
}

/* p points at c5, c4, 62 or 8f; returns the offset of the opcode, 0 = not one. */
static unsigned decode_vex(const uint8_t *p, unsigned i, struct x64_insn *x)
{
	switch (p[i]) {
	case 0xc5:
		x->form = X64_VEX;
		x->map = 1;
		x->rex = p[i + 1] & 0x80 ? 0 : X64_REX_R;
		return i + 2;
	case 0xc4:
		x->form = X64_VEX;
		x->map = p[i + 1] & 0x1f;
		x->rex = rex_of_vex(p[i + 1]) | (p[i + 2] & 0x80 ? X64_REX_W : 0);
		return x->map >= 1 && x->map <= 3 ? i + 3 : 0;
	case 0x8f:
		x->form = X64_XOP;
		x->map = p[i + 1] & 0x1f;
		x->rex = rex_of_vex(p[i + 1]) | (p[i + 2] & 0x80 ? X64_REX_W : 0);
		return x->map >= 8 && x->map <= 10 ? i + 3 : 0;
	default:
		x->form = X64_EVEX;
		x->map = p[i + 1] & 7;
		x->rex = rex_of_vex(p[i + 1]) | (p[i + 2] & 0x80 ? X64_REX_W : 0);
		if (p[i + 1] & 8 || !(p[i + 2] & 4))
			return 0;
		return (x->map >= 1 && x->map <= 3) || x->map == 5 || x->map == 6 ? i + 4 : 0;
	}
}

/* What follows a vector opcode: a table entry. */
static uint8_t vex_kind(const struct x64_insn *x)
{
	if (x->form == X64_XOP)
		return x->map == 8 ? M | B : x->map == 9 ? M : M | Z;
	if (x->map == 3)
		return M | B;
	if (x->map != 1)
		return M;
	if (x->op == 0x77 && x->form == X64_VEX)
		return 0;
	/* Only rows with a modrm byte have vector forms. */
	return two_byte[x->op] & M ? two_byte[x->op] & (M | B) : X;
}

/* Opcode groups in which some operations do not exist. */
static bool group_valid(const struct x64_insn *x)
{
	unsigned ext = x64_ext(x);
	bool reg = x64_mod(x) == 3;

	switch (x->op) {
	case 0x8c: return ext < 6;
	case 0x8d: return !reg;
	case 0x8e: return ext < 6 && ext != 1;
	case 0x8f: return ext == 0;
	case 0xc6:
	case 0xc7: return ext == 0 || x->modrm == 0xf8; /* xabort, xbegin */
	case 0xfe: return ext < 2;
	case 0xff: return ext < 7 && !(reg && (ext == 3 || ext == 5));
	default: return true;
	}
}

/* sib and displacement of the modrm byte at i; returns the offset after them. */
static unsigned decode_modrm(const uint8_t *p, unsigned i, struct x64_insn *x)
{
	unsigned mod, rm;

	x->has_modrm = true;
	x->modrm = p[i];
	x->modrm_off = (uint8_t)i++;
	mod = x->modrm >> 6;
	rm = x->modrm & 7;
	/* mov to and from control and debug registers ignores mod. */
	if (mod == 3 || (x->form == X64_LEGACY && x->map == 1 && (x->op & 0xfc) == 0x20))
		return i;
	if (mod == 0 && rm == 5) {
		x->riprel = true;
		x->disp_len = 4;
	} else if (mod == 0 && rm == 4) {
		x->disp_len = (p[i] & 7) == 5 ? 4 : 0;
	} else if (mod != 0) {
		x->disp_len = mod == 1 ? 1 : 4;
	}
	if (rm == 4)
		i++;
	x->disp_off = (uint8_t)i;
	return i + x->disp_len;
}

static unsigned imm_length(const struct x64_insn *x, unsigned kind)
{
	bool wide = x->form == X64_LEGACY && x->rex & X64_REX_W;
	bool narrow = x->prefixes & X64_P66 && !wide;
	unsigned n = 0;

	if (kind & B)
		n += 1;
	if (kind & W)
		n += 2;
	if (kind & Z)
		n += narrow && x->form == X64_LEGACY ? 2 : 4;
	if (kind & V)
		n += wide ? 8 : narrow ? 2 : 4;
	if (kind & O)
		n += x->prefixes & X64_P67 ? 4 : 8;
	return n;
}

/* The table entry of a legacy opcode at i; moves i to the opcode byte. */
static uint8_t legacy_kind(const uint8_t *p, unsigned *i, struct x64_insn *x)
{
	if (p[*i] != 0x0f) {
		x->op = p[*i];
		return one_byte[x->op];
	}
	x->map = 1;
	x->op = p[++*i];
	if (x->op == 0x38 || x->op == 0x3a) {
		x->map = x->op == 0x38 ? 2 : 3;
		x->op = p[++*i];
		return x->map == 2 ? M : M | B;
	}
	return two_byte[x->op];
}

/* Immediates that depend on modrm or on prefixes. */
static unsigned odd_immediate(const struct x64_insn *x, unsigned kind)
{
	if (x->map == 0 && (x->op & 0xfe) == 0xf6 && x64_ext(x) < 2)
		return kind | (x->op == 0xf6 ? B : Z); /* test */
	if (x->map == 1 && x->op == 0x78 && x->prefixes & (X64_P66 | X64_PF2))
		return kind | W; /* extrq, insertq: two bytes */
	if (x->map == 0 && x->op == 0xc7 && x->modrm == 0xf8)
		return kind | R; /* xbegin */
	return kind;
}

/* 66 before a branch of 4 bytes: Intel ignores it, AMD takes 2 bytes. */
static bool length_differs(const struct x64_insn *x, unsigned kind)
{
	return (kind & (Z | R)) == (Z | R) && x->prefixes & X64_P66 && !(x->rex & X64_REX_W);
}

/* Offset of the first byte that is no prefix; INSN_LIMIT if all are. */
static unsigned skip_prefixes(const uint8_t *p, struct x64_insn *x)
{
	unsigned i = 0, set;

	for (;;) {
		while ((set = prefix_of[p[i]]) && i < INSN_LIMIT) {
			x->prefixes |= (uint8_t)set;
			i++;
		}
		if ((p[i] & 0xf0) != 0x40 || i >= INSN_LIMIT)
			return i;
		/* Only a REX right before the opcode counts. */
		x->rex = p[i++] & 15;
		if (!prefix_of[p[i]] && (p[i] & 0xf0) != 0x40)
			return i;
		x->rex = 0;
	}
}

/* p has READ_MAX readable bytes. */
static unsigned decode_at(const uint8_t *p, struct x64_insn *x)
{
	unsigned i, kind;
	bool vex, rex;

	i = skip_prefixes(p, x);
	if (i >= INSN_LIMIT)
		return 0;
	rex = i && (p[i - 1] & 0xf0) == 0x40;
	vex = p[i] == 0xc5 || p[i] == 0xc4 || p[i] == 0x62 ||
	      (p[i] == 0x8f && (p[i + 1] & 0x1f) >= 8);
	if (vex) {
		if (rex || x->prefixes & (X64_P66 | X64_PF2 | X64_PF3 | X64_PLOCK))
			return 0;
		i = decode_vex(p, i, x);
		if (!i)
			return 0;
		x->op = p[i];
		kind = vex_kind(x);
	} else {
		kind = legacy_kind(p, &i, x);
	}
	if (kind & X)
		return 0;
	x->op_off = (uint8_t)i++;
	if (kind & M) {
		i = decode_modrm(p, i, x);
		if (!vex) {
			kind = odd_immediate(x, kind);
			if (x->map == 0 && !group_valid(x))
				return 0;
		}
	}
	if (length_differs(x, kind))
		return 0;
	x->imm_off = (uint8_t)i;
	x->imm_len = (uint8_t)imm_length(x, kind);
	return i + x->imm_len;
}

bool x64_decode(const uint8_t *code, size_t avail, struct x64_insn *x)
{
	uint8_t copy[READ_MAX] = { 0 };
	unsigned len;

	memset(x, 0, sizeof(*x));
	if (!code || !avail)
		return false;
	if (avail < READ_MAX) {
		memcpy(copy, code, avail);
		code = copy;
	}
	len = decode_at(code, x);
	if (len == 0 || len > INSN_LIMIT || len > avail)
		return false;
	x->len = (uint8_t)len;
	return true;
}

/* ---------------------------------------------------------------- flow -- */

static enum arch_flow flow_of_ff(const struct x64_insn *x)
{
	switch (x64_ext(x)) {
	case 2:
	case 3: /* far */ return ARCH_FLOW_ICALL;
	case 4:
	case 5: /* far */ return ARCH_FLOW_IJUMP;
	default: return ARCH_FLOW_NEXT;
	}
}

static enum arch_flow flow_of_one(const struct x64_insn *x)
{
	switch (x->op) {
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3: return ARCH_FLOW_COND;
	case 0xe8: return ARCH_FLOW_CALL;
	case 0xe9:
	case 0xeb: return ARCH_FLOW_JUMP;
	case 0xc2:
	case 0xc3:
	case 0xca: /* far returns, iret */
	case 0xcb:
	case 0xcf: return ARCH_FLOW_RET;
	case 0xcc:
	case 0xcd:
	case 0xf1:
	case 0xf4: return ARCH_FLOW_TRAP;
	case 0xc7: /* xbegin: an abort goes to the target */
		return x->modrm == 0xf8 ? ARCH_FLOW_COND : ARCH_FLOW_NEXT;
	case 0xff: return flow_of_ff(x);
	default: return ARCH_FLOW_NEXT;
	}
}

static enum arch_flow flow_of_two(const struct x64_insn *x)
{
	switch (x->op) {
	case 0x05: return ARCH_FLOW_SYSCALL;
	case 0x80 ... 0x8f: return ARCH_FLOW_COND;
	case 0x07: /* sysret, ud2, sysenter, sysexit, ud1, ud0 */
	case 0x0b:
	case 0x34:
	case 0x35:
	case 0xb9:
	case 0xff: return ARCH_FLOW_TRAP;
	default: return ARCH_FLOW_NEXT;
	}
}

static bool nop(const struct x64_insn *x)
{
	if (x->form != X64_LEGACY || x->prefixes & X64_PLOCK)
		return false;
	if (x->map == 0) /* with REX.B: xchg %r8,%rax; with f3: pause */
		return x->op == 0x90 && !(x->rex & X64_REX_B) && !(x->prefixes & X64_PF3);
	if (x->map != 1)
		return false;
	if (x->op == 0x1e)
		return x->prefixes & X64_PF3 && x->modrm == 0xfa; /* endbr64 */
	return x->op == 0x1f && x64_ext(x) == 0;
}

void x64_describe(const uint8_t *code, const struct x64_insn *x, uint64_t pc, struct arch_insn *ret)
{
	*ret = (struct arch_insn){ .len = x->len, .flow = ARCH_FLOW_NEXT, .uses_pc = x->riprel };
	if (x->form != X64_LEGACY || x->map > 1)
		return;
	ret->flow = x->map == 0 ? flow_of_one(x) : flow_of_two(x);
	if (ret->flow == ARCH_FLOW_JUMP || ret->flow == ARCH_FLOW_COND ||
	    ret->flow == ARCH_FLOW_CALL) {
		ret->target = pc + x->len + (uint64_t)x64_number(code + x->imm_off, x->imm_len);
		ret->uses_pc = true;
	} else if (ret->flow == ARCH_FLOW_NEXT) {
		ret->is_nop = nop(x);
		/* The operand of a long nop is never looked at. */
		if (ret->is_nop)
			ret->uses_pc = false;
	}
}

bool arch_insn_length(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret)
{
	struct x64_insn x;

	if (!x64_decode(code, avail, &x)) {
		*ret = (struct arch_insn){ .len = 0 };
		return false;
	}
	x64_describe(code, &x, pc, ret);
	return true;
}

bool arch_is_boundary(const uint8_t *code, size_t len, uint64_t addr, uint64_t off)
{
	struct x64_insn x;
	uint64_t at = 0;

	(void)addr;
	if (off >= len)
		return false;
	while (at < off) {
		if (!x64_decode(code + at, len - at, &x))
			return false;
		at += x.len;
	}
	return at == off;
}
