/*
 * Arguments of SystemTap notes: the text is parsed once per image, values are
 * taken at each firing.
 *
 * An item is N@OP: N bytes (negative: signed; with f: floating) of operand
 * OP.  Items are separated by blanks, which may also stand inside brackets.
 */
#include "usdt.h"

#include <stdlib.h>
#include <string.h>

/* Length of the next item. */
static size_t item_length(const char *s)
{
	size_t i;
	int depth = 0;

	for (i = 0; s[i] && (depth > 0 || (s[i] != ' ' && s[i] != '\t')); i++) {
		if (s[i] == '[' || s[i] == '(')
			depth++;
		else if (s[i] == ']' || s[i] == ')')
			depth--;
	}
	return depth > 0 ? strcspn(s, " \t") : i; /* one that is never closed ends no other item */
}

/* "-4@", "8f@" in front of the operand; how many characters. */
static size_t parse_size(const char *s, size_t len, struct usdt_arg *ret)
{
	const char *at = memchr(s, '@', len);
	size_t i = 0;
	int n = 0;

	ret->size = 8;
	if (!at)
		return 0;
	if (s[i] == '-') {
		ret->is_signed = true;
		i++;
	}
	while (s[i] >= '0' && s[i] <= '9' && n < 100)
		n = n * 10 + (s[i++] - '0');
	if (s[i] == 'f') {
		ret->is_float = true;
		i++;
	}
	if (s + i != at || (n != 1 && n != 2 && n != 4 && n != 8))
		return 0; /* a symbol@version, or a size we know nothing of */
	ret->size = (uint8_t)n;
	return i + 1;
}

unsigned usdt_args_parse(const char *text, struct usdt_arg args[USDT_ARGS])
{
	unsigned n = 0;

	while (n < USDT_ARGS) {
		text += strspn(text, " \t");
		size_t len = item_length(text), skip;

		if (!len)
			break;
		struct usdt_arg *a = &args[n++];

		*a = (struct usdt_arg){ 0 };
		skip = parse_size(text, len, a);
		a->is_known = arch_operand_parse(text + skip, len - skip, &a->op);
		text += len;
	}
	return n;
}

static uint64_t word(const struct usdt_reader *r, int n)
{
	return n >= 0 && n < ARCH_REG_WORDS ? r->regs->w[n] : 0;
}

static uint64_t memory_address(const struct usdt_arg *a, const struct usdt_reader *r)
{
	const struct arch_operand *op = &a->op;
	uint64_t index = word(r, op->index), addr = word(r, op->base) + (uint64_t)op->value;

	if (op->extend == ARCH_EXTEND_ZERO)
		index = (uint32_t)index;
	else if (op->extend == ARCH_EXTEND_SIGNED)
		index = (uint64_t)(int64_t)(int32_t)index;
	addr += index * op->scale;
	return op->symbol ? addr + a->symbol_addr + r->bias : addr;
}

/* The low size bytes of v, extended as the type says. */
static uint64_t extend(const struct usdt_arg *a, uint64_t v)
{
	unsigned unused = 64 - a->size * 8u;

	if (!unused)
		return v;
	if (a->is_signed && !a->is_float)
		return (uint64_t)((int64_t)(v << unused) >> unused);
	return v << unused >> unused;
}

bool usdt_arg_value(const struct usdt_arg *a, const struct usdt_reader *r, uint64_t *ret,
		    uint64_t *addr_ret)
{
	uint64_t v = 0;

	*ret = 0;
	if (!a->is_known)
		return true;
	switch (a->op.kind) {
	case ARCH_OP_CONST:
		v = (uint64_t)a->op.value;
		if (a->op.symbol)
			v += a->symbol_addr + r->bias;
		break;
	case ARCH_OP_REG: v = word(r, a->op.base) >> a->op.shift; break;
	case ARCH_OP_VECTOR:
		if (!r->vector || !r->vector(r->arg, (unsigned)a->op.base, &v))
			return true;
		break;
	case ARCH_OP_MEM:
		*addr_ret = memory_address(a, r);
		if (r->load(r->arg, *addr_ret, &v, a->size) != a->size)
			return false;
		break;
	}
	*ret = extend(a, v);
	return true;
}
