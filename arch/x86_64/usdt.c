/*
 * Operands of USDT arguments as the assembler printed them (AT&T syntax):
 *
 *	%eax  %ah  %xmm0  $-5  $sym+4  -8(%rbp)  (%rax,%rcx,8)  8+sym(%rip)  sym
 */
#include "../arch.h"

#include <string.h>
#include <sys/user.h>

#include "../operand.h"

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))

static const struct {
	char name[3];
	uint8_t word;
} legacy[] = {
	{ "ax", WORD(rax) }, { "bx", WORD(rbx) }, { "cx", WORD(rcx) },
	{ "dx", WORD(rdx) }, { "si", WORD(rsi) }, { "di", WORD(rdi) },
	{ "bp", WORD(rbp) }, { "sp", WORD(rsp) }, { "ip", WORD(rip) },
};

static bool legacy_word(const char *name, int16_t *ret)
{
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++) {
		if (!strcmp(legacy[i].name, name)) {
			*ret = legacy[i].word;
			return true;
		}
	}
	return false;
}

/* "al", "ah", "sil": the low letter goes, "x" comes back where it belongs. */
static bool byte_register(const char *name, size_t len, struct arch_operand *ret)
{
	char full[3] = { name[0], name[1], '\0' };

	if (len == 3 && name[2] == 'l')
		return legacy_word(full, &ret->base);
	if (len != 2 || (name[1] != 'l' && name[1] != 'h'))
		return false;
	full[1] = 'x';
	ret->shift = name[1] == 'h' ? 8 : 0;
	return legacy_word(full, &ret->base);
}

/* "r8" ... "r15", with d, w, b or l behind. */
static bool numbered_register(const char *name, size_t len, struct arch_operand *ret)
{
	static const uint8_t words[] = { WORD(r8),  WORD(r9),  WORD(r10), WORD(r11),
					 WORD(r12), WORD(r13), WORD(r14), WORD(r15) };
	const char *p = name + 1;
	unsigned n = 0;

	if (len < 2 || len > 4 || name[0] != 'r')
		return false;
	while (*p >= '0' && *p <= '9')
		n = n * 10 + (unsigned)(*p++ - '0');
	if (p == name + 1 || n < 8 || n > 15 || (*p && (!strchr("dwbl", *p) || p[1])))
		return false;
	ret->base = words[n - 8];
	return true;
}

static bool vector_register(const char *name, struct arch_operand *ret)
{
	const char *p = name + 3;
	unsigned n = 0;

	if (strncmp(name, "xmm", 3) || !*p)
		return false;
	while (*p >= '0' && *p <= '9')
		n = n * 10 + (unsigned)(*p++ - '0');
	if (*p || n > 15)
		return false;
	ret->kind = ARCH_OP_VECTOR;
	ret->base = (int16_t)n;
	return true;
}

static bool parse_register(const char *text, size_t len, struct arch_operand *ret)
{
	char name[8];

	if (len < 2 || len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	ret->kind = ARCH_OP_REG;
	ret->shift = 0;
	if (vector_register(name, ret) || numbered_register(name, len, ret) ||
	    byte_register(name, len, ret))
		return true;
	if ((name[0] == 'r' || name[0] == 'e') && legacy_word(name + 1, &ret->base))
		return true;
	return legacy_word(name, &ret->base);
}

/* "%base" or "%index" in parentheses; the text up to the delimiter. */
static bool parse_inner(const char *text, size_t len, int16_t *ret, bool *is_narrow)
{
	struct arch_operand reg = { 0 };

	if (!len || text[0] != '%' || !parse_register(text + 1, len - 1, &reg) ||
	    reg.kind != ARCH_OP_REG)
		return false;
	*is_narrow = text[1] == 'e' || text[len - 1] == 'd';
	*ret = reg.base;
	return true;
}

/* What stands in "(base,index,scale)". */
static bool parse_parens(const char *text, size_t len, struct arch_operand *ret)
{
	const char *part[3] = { text, NULL, NULL };
	size_t n = 1, lens[3] = { len, 0, 0 };
	bool narrow = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != ',')
			continue;
		if (n == 3)
			return false;
		lens[n - 1] = (size_t)(text + i - part[n - 1]);
		part[n] = text + i + 1;
		lens[n] = len - i - 1;
		n++;
	}
	if (lens[0] && !parse_inner(part[0], lens[0], &ret->base, &narrow))
		return false;
	if (n > 1 && lens[1] && !parse_inner(part[1], lens[1], &ret->index, &narrow))
		return false;
	if (narrow)
		return false; /* 32-bit addresses: nobody's */
	if (n < 3)
		return true;
	if (lens[2] != 1 || !strchr("1248", part[2][0]))
		return false;
	ret->scale = (uint8_t)(part[2][0] - '0');
	return true;
}

/* "sym@GOTPCREL(%rip)" is the word that holds sym's address: the address itself will do. */
static void from_table(struct arch_operand *ret)
{
	static const char suffix[] = "@GOTPCREL";
	size_t n = sizeof(suffix) - 1;

	if (ret->symbol_len <= n || memcmp(ret->symbol + ret->symbol_len - n, suffix, n))
		return;
	ret->symbol_len -= n;
	ret->kind = ARCH_OP_CONST;
}

bool arch_operand_parse(const char *text, size_t len, struct arch_operand *ret)
{
	const char *open;

	*ret = (struct arch_operand){ .base = -1, .index = -1, .scale = 1 };
	if (!len)
		return false;
	if (text[0] == '%')
		return parse_register(text + 1, len - 1, ret);
	if (text[0] == '$') {
		ret->kind = ARCH_OP_CONST;
		return operand_sum(text + 1, len - 1, ret);
	}
	ret->kind = ARCH_OP_MEM;
	open = memchr(text, '(', len);
	if (!open)
		return operand_sum(text, len, ret);
	if (text[len - 1] != ')')
		return false;
	if (open > text && !operand_sum(text, (size_t)(open - text), ret))
		return false;
	if (!parse_parens(open + 1, len - 2 - (size_t)(open - text), ret))
		return false;
	/* Relative to the program counter is how symbols are reached, not a sum. */
	if (ret->symbol && ret->base == (int16_t)WORD(rip)) {
		ret->base = -1;
		from_table(ret);
	}
	return ret->base != (int16_t)WORD(rip);
}

bool arch_vector_read(pid_t tid, unsigned n, uint64_t *ret)
{
	uint8_t bytes[16];

	if (!arch_vector_bytes(tid, n, bytes))
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	return true;
}
