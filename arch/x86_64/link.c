/*
 * Calls of probes in objects that dtrace -G works on.
 *
 * A call becomes a nop, a tail call a return; either is where the probe fires,
 * with the arguments where the call has put them.  Which registers an instruction
 * changes is told conservatively: too many, never too few.
 */
#include "decode.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

const uint32_t arch_link_none = R_X86_64_NONE, arch_link_word = R_X86_64_64;
/* GNU_PROPERTY_X86_FEATURE_1_AND: indirect branches, shadow stacks. */
const uint32_t arch_link_property[2] = { 0xc0000002, 3 };

#define REG(n) (1u << (n))
#define CALL_CHANGES 0x0fc7u /* all but rbx, rsp, rbp, r12 ... r15 */
#define IMPLICIT 0x00cfu /* rax, rcx, rdx, rbx, rsi, rdi: what some instruction changes untold */
#define ALL 0xffffu

bool arch_link_probe(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret)
{
	static const uint8_t nops[][6] = { { 0x66, 0x0f, 0x1f, 0x44, 0, 0 },
					   { 0x0f, 0x1f, 0x44, 0, 0 } };
	bool is_indirect;
	uint8_t *p;

	if (off < 1 || off > len || len - off < 4)
		return false;
	is_indirect = off > 1 && code[off - 2] == 0xff &&
		      (code[off - 1] == 0x15 || code[off - 1] == 0x25);
	if (!is_indirect && code[off - 1] != 0xe8 && code[off - 1] != 0xe9)
		return false;
	ret->is_tail = is_indirect ? code[off - 1] == 0x25 : code[off - 1] == 0xe9;
	ret->at = off - 1 - is_indirect;
	p = code + ret->at;
	memcpy(p, nops[!is_indirect], 5u + is_indirect);
	if (ret->is_tail) {
		memset(p, 0x90, 5u + is_indirect);
		*p = 0xc3;
	}
	return true;
}

void arch_link_operand(unsigned n, unsigned size, bool is_signed, bool is_tail, char buf[32])
{
	static const char *const names[][6] = {
		{ "dil", "sil", "dl", "cl", "r8b", "r9b" },
		{ "di", "si", "dx", "cx", "r8w", "r9w" },
		{ "edi", "esi", "edx", "ecx", "r8d", "r9d" },
		{ "rdi", "rsi", "rdx", "rcx", "r8", "r9" },
	};
	const char *sign = is_signed ? "-" : "";
	unsigned row = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;

	if (n < 6)
		snprintf(buf, 32, "%s%u@%%%s", sign, size, names[row][n]);
	else
		snprintf(buf, 32, "%s%u@%u(%%rsp)", sign, size, (n - 6) * 8 + (is_tail ? 8 : 0));
}

int arch_link_load(const uint8_t *code, size_t len, uint64_t off, uint32_t type, uint64_t *at_ret)
{
	bool is_got = type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
		      type == R_X86_64_REX_GOTPCRELX;

	if (off < 3 || off > len || len - off < 4)
		return -1;
	if (is_got && code[off - 2] == 0xff && code[off - 1] == 0x25) { /* jmp */
		*at_ret = off - 2;
		return -1;
	}
	if ((code[off - 3] & 0xfb) != 0x48 || (code[off - 1] & 0xc7) != 5)
		return -1;
	if (code[off - 2] != (is_got ? 0x8b : 0x8d)) /* mov, lea */
		return -1;
	*at_ret = off - 3;
	return (code[off - 1] >> 3 & 7) | (code[off - 3] & X64_REX_R ? 8 : 0);
}

static uint32_t changed_by_one(const struct x64_insn *x)
{
	unsigned low = (x->op & 7) | (x->rex & X64_REX_B ? 8u : 0);

	if (x->op >= 0x50 && x->op <= 0x57) /* push */
		return 0;
	if (x->op >= 0x58 && x->op <= 0x5f) /* pop */
		return REG(low);
	if (x->op >= 0x90 && x->op <= 0x97) /* xchg */
		return REG(0) | REG(low);
	if (x->op >= 0xb0 && x->op <= 0xbf) /* mov: of bytes it can be ah ... bh */
		return REG(low) | REG(low & 3);
	return IMPLICIT;
}

/* One-byte opcodes whose reg field is a part of the operation. */
static bool is_group(uint8_t op)
{
	return (op >= 0x80 && op <= 0x83) || op == 0x8f || op == 0xc0 || op == 0xc1 || op == 0xc6 ||
	       op == 0xc7 || (op >= 0xd0 && op <= 0xd3) || op == 0xf6 || op == 0xf7 || op >= 0xfe;
}

/* The registers that appear in it, and those that it changes untold. */
static uint32_t changed_by(const struct x64_insn *x)
{
	bool no_reg = x->form == X64_LEGACY && x->map == 0 && is_group(x->op);
	/* 4 to 7 are ah to bh in the instructions on bytes. */
	unsigned mask = x->op & 1 || x->rex ? 15 : 3;
	uint32_t set = no_reg ? 0 : REG(x64_reg(x)) | REG(x64_reg(x) & mask);

	if (x->form != X64_LEGACY) /* a register may be in the prefix only */
		return x->map == 1 ? REG(x64_reg(x)) : ALL;
	if (!x->has_modrm)
		return x->map == 0 ? changed_by_one(x) : IMPLICIT;
	if (x64_mod(x) == 3)
		set |= REG(x64_rm(x)) | REG(x64_rm(x) & mask);
	if (x->map == 0 && (x->op == 0x89 || x->op == 0x88) && x64_mod(x) != 3) /* mov to memory */
		return 0;
	if (x->map == 0 && (x->op == 0x85 || x->op == 0x39 || x->op == 0x3b)) /* test, cmp */
		return 0;
	if (x->map == 0 && (x->op == 0xf6 || x->op == 0xf7))
		set |= REG(0) | REG(2); /* mul, div */
	if (x->map > 0)
		set |= IMPLICIT; /* cmpxchg, rdrand and their kin */
	return set;
}

bool arch_link_step(const uint8_t *code, size_t avail, uint64_t pc, struct arch_link_step *ret)
{
	struct x64_insn x;

	*ret = (struct arch_link_step){ .to = -1, .from = -1, .through = -1 };
	if (!x64_decode(code, avail, &x))
		return false;
	x64_describe(code, &x, pc, &ret->insn);
	switch (ret->insn.flow) {
	case ARCH_FLOW_CALL: ret->written = CALL_CHANGES; return true;
	case ARCH_FLOW_ICALL:
	case ARCH_FLOW_IJUMP:
		ret->written = ret->insn.flow == ARCH_FLOW_ICALL ? CALL_CHANGES : 0;
		if (x64_mod(&x) == 3)
			ret->through = (int)x64_rm(&x);
		return true;
	case ARCH_FLOW_SYSCALL: ret->written = ALL; return true;
	case ARCH_FLOW_COND: /* loop */
		ret->written = x.map == 0 && x.op >= 0xe0 && x.op <= 0xe3 ? REG(1) : 0;
		return true;
	case ARCH_FLOW_NEXT: break;
	default: return true;
	}
	if (ret->insn.is_nop)
		return true;
	ret->written = changed_by(&x);
	if (x.form == X64_LEGACY && x.map == 0 && x64_mod(&x) == 3 && x.rex & X64_REX_W &&
	    (x.op == 0x89 || x.op == 0x8b)) { /* mov */
		ret->to = (int)(x.op == 0x89 ? x64_rm(&x) : x64_reg(&x));
		ret->from = (int)(x.op == 0x89 ? x64_reg(&x) : x64_rm(&x));
		ret->written = REG(ret->to);
	}
	return true;
}

void arch_link_indirect(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret)
{
	static const uint8_t nops[][4] = { { 0x66, 0x90 },
					   { 0x0f, 0x1f, 0x00 },
					   { 0x0f, 0x1f, 0x40, 0x00 } };
	struct arch_link_step s;

	*ret = (struct arch_link_site){ .at = off };
	if (!arch_link_step(code + off, len - off, off, &s))
		return;
	ret->is_tail = s.insn.flow == ARCH_FLOW_IJUMP;
	memset(code + off, 0x90, s.insn.len);
	if (ret->is_tail)
		code[off] = 0xc3;
	else if (s.insn.len >= 2 && s.insn.len <= 4)
		memcpy(code + off, nops[s.insn.len - 2], s.insn.len);
}

/* endbr64; movzwl semaphore(%rip), %eax; ret */
void arch_link_enabled(struct arch_link_code *ret)
{
	*ret = (struct arch_link_code){
		.code = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0xb7, 0x05, 0, 0, 0, 0, 0xc3 },
		.len = 12,
		.relocs = { { 7, R_X86_64_PC32, -4 } },
		.n_relocs = 1,
	};
}

/* endbr64; a nop that a jump has room in; ret */
void arch_link_fire(struct arch_link_code *ret)
{
	*ret = (struct arch_link_code){
		.code = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0, 0, 0xc3 },
		.len = 10,
		.site = 4,
	};
}
