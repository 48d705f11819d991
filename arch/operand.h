/*
 * The parts of operand syntax that all processors share: sums of a number and
 * a symbol.  Private to arch/.
 */
#ifndef ARCH_OPERAND_H
#define ARCH_OPERAND_H

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"

/* A number with its sign, decimal or hexadecimal; how many characters, 0 none. */
static inline size_t operand_number(const char *text, size_t len, int64_t *ret)
{
	size_t i = 0;
	bool neg = false, hex;
	uint64_t v = 0;

	if (i < len && (text[i] == '-' || text[i] == '+'))
		neg = text[i++] == '-';
	if (i >= len || !isdigit((unsigned char)text[i]))
		return 0;
	hex = len - i > 2 && text[i] == '0' && (text[i + 1] | 0x20) == 'x' &&
	      isxdigit((unsigned char)text[i + 2]);
	if (hex)
		i += 2;
	for (; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (isdigit(c))
			v = v * (hex ? 16 : 10) + (unsigned)(c - '0');
		else if (hex && isxdigit(c))
			v = v * 16 + (unsigned)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	*ret = (int64_t)(neg ? -v : v);
	return i;
}

/* A symbol's name; how many characters, 0 none. */
static inline size_t operand_symbol(const char *text, size_t len)
{
	size_t i = 0;

	if (!len || (!isalpha((unsigned char)text[0]) && !strchr("_.$", text[0])))
		return 0;
	while (i < len && (isalnum((unsigned char)text[i]) || strchr("_.$@", text[i])) && text[i])
		i++;
	return i;
}

/* "8", "sym", "8+sym", "sym+8", "sym-8" into value and symbol. */
static inline bool operand_sum(const char *text, size_t len, struct arch_operand *ret)
{
	size_t i = 0;

	while (i < len) {
		int64_t v;
		size_t n = operand_number(text + i, len - i, &v);

		if (n) {
			ret->value = (int64_t)((uint64_t)ret->value + (uint64_t)v);
		} else {
			if (text[i] == '+')
				i++;
			n = operand_symbol(text + i, len - i);
			if (!n || ret->symbol)
				return false;
			ret->symbol = text + i;
			ret->symbol_len = n;
		}
		i += n;
		if (i < len && text[i] != '+' && text[i] != '-')
			return false;
	}
	return len > 0;
}

#endif
