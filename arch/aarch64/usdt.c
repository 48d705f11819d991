/*
 * Operands of USDT arguments as the assembler printed them:
 *
 *	x0  w3  sp  xzr  d0  5  -5  [x0]  [sp, 16]  [x1, x2, lsl 3]  [x1, w2, sxtw 2]
 */
#include "decode.h"

#include <string.h>

#include "../operand.h"

#define VECTORS 32
#define GENERAL 31

/* "x7": the number after the letter; -1. */
static int number_after(const char *name)
{
	int n = 0;

	if (!name[1] || strlen(name) > 3)
		return -1;
	for (const char *p = name + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		n = n * 10 + (*p - '0');
	}
	return n;
}

static bool parse_register(const char *text, size_t len, struct arch_operand *ret)
{
	char name[8];
	int n;

	if (len < 2 || len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	ret->kind = ARCH_OP_REG;
	if (!strcmp(name, "sp") || !strcmp(name, "wsp")) {
		ret->base = A64_WORD_SP;
		return true;
	}
	if (!strcmp(name, "xzr") || !strcmp(name, "wzr")) {
		ret->kind = ARCH_OP_CONST;
		return true;
	}
	if (!strcmp(name, "lr") || !strcmp(name, "fp")) {
		ret->base = name[0] == 'l' ? 30 : 29;
		return true;
	}
	n = number_after(name);
	if (n < 0)
		return false;
	if (name[0] == 'x' || name[0] == 'w') {
		ret->base = (int16_t)n;
		return n < GENERAL;
	}
	ret->kind = ARCH_OP_VECTOR;
	ret->base = (int16_t)n;
	return strchr("vdsqhb", name[0]) && n < VECTORS;
}

/* The next part of "a, b, lsl 3", without blanks around it. */
static bool next_part(const char **text, size_t *len, const char **part, size_t *n)
{
	const char *p = *text, *comma;

	if (!*len)
		return false;
	comma = memchr(p, ',', *len);
	*n = comma ? (size_t)(comma - p) : *len;
	*text = p + *n + (comma ? 1 : 0);
	*len -= *n + (comma ? 1 : 0);
	while (*n && *p == ' ') {
		p++;
		(*n)--;
	}
	while (*n && p[*n - 1] == ' ')
		(*n)--;
	*part = p;
	return *n != 0;
}

/* "lsl 3", "lsl #3", "sxtw 2", "uxtw" */
static bool parse_extend(const char *text, size_t len, struct arch_operand *ret)
{
	static const struct {
		char name[5];
		uint8_t extend;
	} kinds[] = {
		{ "lsl", ARCH_EXTEND_NONE },
		{ "sxtx", ARCH_EXTEND_NONE },
		{ "sxtw", ARCH_EXTEND_SIGNED },
		{ "uxtw", ARCH_EXTEND_ZERO },
	};
	int64_t shift = 0;
	size_t i, n;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n = strlen(kinds[i].name);
		if (len >= n && !memcmp(text, kinds[i].name, n))
			break;
	}
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return false;
	ret->extend = kinds[i].extend;
	for (text += n, len -= n; len && (*text == ' ' || *text == '#'); text++)
		len--;
	if (len && (operand_number(text, len, &shift) != len || shift < 0 || shift > 4))
		return false;
	ret->scale = (uint8_t)(1u << shift);
	return true;
}

static bool parse_offset(const char *text, size_t len, struct arch_operand *ret)
{
	struct arch_operand reg = { .base = -1 };

	if (*text == '#') {
		text++;
		len--;
	}
	if (operand_number(text, len, &ret->value) == len && len)
		return true;
	if (!parse_register(text, len, &reg) || reg.kind == ARCH_OP_VECTOR)
		return false;
	ret->index = reg.kind == ARCH_OP_REG ? reg.base : -1;
	if (*text == 'w')
		ret->extend = ARCH_EXTEND_ZERO;
	return true;
}

static bool parse_memory(const char *text, size_t len, struct arch_operand *ret)
{
	struct arch_operand reg = { .base = -1 };
	const char *part;
	size_t n;

	if (!next_part(&text, &len, &part, &n) || !parse_register(part, n, &reg) ||
	    reg.kind != ARCH_OP_REG)
		return false;
	ret->kind = ARCH_OP_MEM;
	ret->base = reg.base;
	if (!next_part(&text, &len, &part, &n))
		return true;
	if (!parse_offset(part, n, ret))
		return false;
	if (!next_part(&text, &len, &part, &n))
		return true;
	return parse_extend(part, n, ret) && !len;
}

bool arch_operand_parse(const char *text, size_t len, struct arch_operand *ret)
{
	*ret = (struct arch_operand){ .base = -1, .index = -1, .scale = 1 };
	if (!len)
		return false;
	if (text[0] == '[')
		return len > 2 && text[len - 1] == ']' && parse_memory(text + 1, len - 2, ret);
	if (parse_register(text, len, ret))
		return true;
	*ret = (struct arch_operand){ .base = -1, .index = -1, .scale = 1, .kind = ARCH_OP_CONST };
	if (text[0] == '#') {
		text++;
		len--;
	}
	if (!operand_sum(text, len, ret))
		return false;
	if (ret->symbol)
		ret->kind = ARCH_OP_MEM;
	return true;
}

bool arch_vector_read(pid_t tid, unsigned n, uint64_t *ret)
{
	uint8_t bytes[16];

	if (!arch_vector_bytes(tid, n, bytes))
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	return true;
}
