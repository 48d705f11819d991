/*
 * The fast decoder: every instruction is four bytes, so what is left to find
 * is flow, what depends on the program counter, and what is no instruction.
 *
 * Rules:
 *  - branches, exceptions and literal loads are decoded to the last bit that
 *    matters, since a wrong class would move an instruction wrongly.  What the
 *    manual leaves unallocated there is not an instruction;
 *  - elsewhere only the top-level groups are told apart.  Data among the code
 *    may pass for an instruction: nothing runs it, nothing can tell;
 *  - tests/unit/aarch64/test_insn.c holds this against capstone.
 */
#include "decode.h"

#include <string.h>

/* ---------------------------------------------- branches and exceptions -- */

static enum a64_class class_of_exception(uint32_t w)
{
	unsigned opc = w >> 21 & 7, low = w & 31;

	switch (opc) {
	case 0: /* svc, hvc, smc */
		return low == 1 ? A64_SVC : low == 2 || low == 3 ? A64_TRAP : A64_UNKNOWN;
	case 1: /* brk */
	case 2: /* hlt */
	case 3: /* tcancel */ return low == 0 ? A64_TRAP : A64_UNKNOWN;
	case 5: /* dcps1 ... dcps3 */ return low >= 1 && low <= 3 ? A64_TRAP : A64_UNKNOWN;
	default: return A64_UNKNOWN;
	}
}

static enum a64_class class_of_hint(uint32_t w)
{
	switch (w >> 5 & 0x7f) {
	case 0: /* nop */
	case 1: /* yield */
	case 32: /* bti, of any kind */
	case 34:
	case 36:
	case 38: return A64_NOP;
	case 39: /* pacm: the next one signs with the program counter */ return A64_PC_AUTH;
	default: return A64_PLAIN;
	}
}

static enum a64_class class_of_system(uint32_t w)
{
	if ((w & 0xfffff01f) == 0xd503201f)
		return class_of_hint(w);
	if ((w & 0xffffffe0) == 0xd5233060)
		return A64_TSTART;
	return A64_PLAIN;
}

/*
 * 1101011 opc op2 op3 Rn op4.  op3 is 2 or 3 with a key; opc bit 3 means that
 * op4 is a register of the modifier, else op4 is 31 with a key and 0 without.
 */
static enum a64_class class_of_branch_reg(struct a64_insn *x)
{
	static const uint8_t by_opc[4] = { A64_BR, A64_BLR, A64_RET, A64_UNKNOWN };
	unsigned opc = x->w >> 21 & 0xf, op3 = x->w >> 10 & 0x3f, op4 = x->w & 31;

	if (a64_rm(x->w) != 31)
		return A64_UNKNOWN;
	x->is_signed = op3 == 2 || op3 == 3;
	if (opc == 8 || opc == 9)
		return x->is_signed ? by_opc[opc - 8] : A64_UNKNOWN;
	if (opc == 4) /* eret, eretaa, eretab */
		return a64_rn(x->w) == 31 ? A64_TRAP : A64_UNKNOWN;
	if (opc == 5) /* drps */
		return x->w == 0xd6bf03e0 ? A64_TRAP : A64_UNKNOWN;
	if (opc > 2 || !(op3 == 0 || x->is_signed))
		return A64_UNKNOWN;
	if (!x->is_signed)
		return op4 == 0 ? by_opc[opc] : A64_UNKNOWN;
	/* retaasppcr has a register in op4: it checks with the call's address. */
	if (opc == 2)
		return a64_rn(x->w) != 31 ? A64_UNKNOWN : A64_RET;
	return op4 == 31 ? by_opc[opc] : A64_UNKNOWN;
}

static enum a64_class class_of_branch(struct a64_insn *x)
{
	uint32_t w = x->w;

	switch (w >> 26) {
	case 0x05:
	case 0x25: x->disp = a64_signed(w, 0, 26) * 4; return w >> 31 ? A64_BL : A64_B;
	case 0x0d:
	case 0x2d:
		x->disp = w >> 25 & 1 ? a64_signed(w, 5, 14) * 4 : a64_signed(w, 5, 19) * 4;
		return w >> 25 & 1 ? A64_TBZ : A64_CBZ;
	case 0x15:
		x->disp = a64_signed(w, 5, 19) * 4;
		if (w >> 24 == 0x55) /* retaasppc label */
			return (w & 0xffc0001f) == 0x5500001f ? A64_PC_AUTH : A64_UNKNOWN;
		return w >> 24 == 0x54 ? A64_BCOND : A64_UNKNOWN;
	case 0x35:
		if (w >> 24 == 0xd4)
			return class_of_exception(w);
		return w >> 24 == 0xd5 ? class_of_system(w) : class_of_branch_reg(x);
	default: return A64_UNKNOWN;
	}
}

/* ------------------------------------------------------ the other groups -- */

static enum a64_class class_of_load(struct a64_insn *x)
{
	uint32_t w = x->w;

	if ((w & 0x3b000000) == 0x18000000) {
		x->disp = a64_signed(w, 5, 19) * 4;
		return w >> 30 == 3 && w >> 26 & 1 ? A64_UNKNOWN : A64_LDR_LIT;
	}
	/* o2 is 0; o1 with a small size is casp, which is no such thing. */
	if ((w & 0x3f800000) == 0x08000000 && (w >> 31 || !(w >> 21 & 1)))
		return A64_EXCLUSIVE;
	/* ldtxr, sttxr: the same with the rights of user space. */
	if ((w & 0xbfa00000) == 0x89000000)
		return A64_EXCLUSIVE;
	if ((w & 0xfb200c00) == 0x19000400)
		return A64_MOPS;
	return A64_PLAIN;
}

static enum a64_class class_of_immediate(struct a64_insn *x)
{
	uint32_t w = x->w;

	if ((w & 0x1f000000) == 0x10000000) {
		x->disp = a64_signed(w, 5, 19) * 4 | (w >> 29 & 3);
		return w >> 31 ? A64_ADRP : A64_ADR;
	}
	/* autiasppc, autibsppc */
	if ((w & 0xffc0001f) == 0xf380001f)
		return A64_PC_AUTH;
	return A64_PLAIN;
}

static enum a64_class class_of_register(uint32_t w)
{
	/* paciasppc, autiasppcr and others */
	return (w & 0xffff8000) == 0xdac18000 ? A64_PC_AUTH : A64_PLAIN;
}

static enum a64_class class_of_sve(uint32_t w)
{
	bool prefix = (w & 0xfffffc00) == 0x0420bc00 || (w & 0xff3ee000) == 0x04102000;

	return prefix ? A64_PREFIX : A64_PLAIN;
}

bool a64_decode(const uint8_t *code, size_t avail, struct a64_insn *x)
{
	enum a64_class cls = A64_UNKNOWN;

	*x = (struct a64_insn){ .cls = A64_UNKNOWN };
	if (avail < sizeof(x->w))
		return false;
	memcpy(&x->w, code, sizeof(x->w));
	switch (x->w >> 25 & 15) {
	case 0x0: /* reserved (udf), and with the top bit set SME */
		cls = x->w >> 16 == 0 ? A64_TRAP : x->w >> 31 ? A64_PLAIN : A64_UNKNOWN;
		break;
	case 0x2: cls = class_of_sve(x->w); break;
	case 0x8:
	case 0x9: cls = class_of_immediate(x); break;
	case 0xa:
	case 0xb: cls = class_of_branch(x); break;
	case 0x4:
	case 0x6:
	case 0xc:
	case 0xe: cls = class_of_load(x); break;
	case 0x5:
	case 0xd: cls = class_of_register(x->w); break;
	case 0x7:
	case 0xf: cls = A64_PLAIN; break;
	default: break;
	}
	x->cls = (uint8_t)cls;
	return cls != A64_UNKNOWN;
}

/* ---------------------------------------------------------------- flow -- */

static enum arch_flow flow_of(const struct a64_insn *x)
{
	switch ((enum a64_class)x->cls) {
	case A64_B: return ARCH_FLOW_JUMP;
	case A64_BL: return ARCH_FLOW_CALL;
	case A64_BCOND:
	case A64_CBZ:
	case A64_TBZ: return ARCH_FLOW_COND;
	case A64_BR: return ARCH_FLOW_IJUMP;
	case A64_BLR: return ARCH_FLOW_ICALL;
	case A64_RET: return ARCH_FLOW_RET;
	case A64_SVC: return ARCH_FLOW_SYSCALL;
	case A64_TRAP: return ARCH_FLOW_TRAP;
	case A64_PC_AUTH: /* retaasppc label, retaasppcr */
		return x->w >> 24 == 0x55 ? ARCH_FLOW_RET : ARCH_FLOW_NEXT;
	default: return ARCH_FLOW_NEXT;
	}
}

void a64_describe(const struct a64_insn *x, uint64_t pc, struct arch_insn *ret)
{
	*ret = (struct arch_insn){ .len = 4, .flow = flow_of(x), .is_nop = x->cls == A64_NOP };
	switch (ret->flow) {
	case ARCH_FLOW_JUMP:
	case ARCH_FLOW_COND:
	case ARCH_FLOW_CALL:
		ret->target = pc + (uint64_t)x->disp;
		ret->uses_pc = true;
		break;
	default:
		ret->uses_pc = x->cls == A64_ADR || x->cls == A64_ADRP || x->cls == A64_LDR_LIT ||
			       x->cls == A64_PC_AUTH;
		break;
	}
}

bool arch_insn_length(const uint8_t *code, size_t avail, uint64_t pc, struct arch_insn *ret)
{
	struct a64_insn x;

	if (!a64_decode(code, avail, &x)) {
		*ret = (struct arch_insn){ .len = 0 };
		return false;
	}
	a64_describe(&x, pc, ret);
	return true;
}

bool arch_is_boundary(const uint8_t *code, size_t len, uint64_t addr, uint64_t off)
{
	(void)code;
	(void)addr;
	return off < len && len - off >= 4 && off % 4 == 0;
}
