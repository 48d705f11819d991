/*
 * What each printf conversion takes.
 *
 * Plain integer conversions take integers of any size; those with h, l or ll
 * only the type that the modifier names.
 */
#include <string.h>

#include "format.h"
#include "program.h"

#define ANY_INT "char, short, int, long, or long long"

static struct dl_type *base(const struct dl_value_desc *v)
{
	return v->type ? dl_type_base(v->type) : NULL;
}

static bool is_int(const struct dl_value_desc *v)
{
	const struct dl_type *t = base(v);

	return v->kind == DL_VK_INT && (!t || t->kind == DL_INT || t->kind == DL_ENUM);
}

static bool is_string(const struct dl_value_desc *v)
{
	struct dl_type *t = base(v);

	return v->kind == DL_VK_STRING ||
	       (v->kind == DL_VK_BYTES && t && t->kind == DL_ARRAY && dl_type_is_strcompat(t));
}

static bool is_wide_string(const struct dl_value_desc *v)
{
	struct dl_type *t = base(v);

	if (v->kind != DL_VK_BYTES || !t || t->kind != DL_ARRAY)
		return false;
	t = dl_type_base(t->ref);
	return t->kind == DL_INT && t->size == 4;
}

/* The 64-bit types called long long, as against long. */
static bool is_llong(const struct dl_value_desc *v)
{
	const struct dl_type *t = base(v);

	return t && t->name && strstr(t->name, "long long");
}

static bool is_int64_typedef(const struct dl_value_desc *v)
{
	for (const struct dl_type *t = v->type; t; t = t->ref) {
		if (t->kind == DL_TYPEDEF &&
		    (!strcmp(t->name, "int64_t") || !strcmp(t->name, "uint64_t")))
			return true;
		if (t->kind != DL_TYPEDEF && t->kind != DL_CONST && t->kind != DL_VOLATILE &&
		    t->kind != DL_RESTRICT)
			break;
	}
	return false;
}

/* Integer conversions with a size: signed, unsigned or either, by letter. */
static const char *check_sized(const struct dl_conv *c, const struct dl_value_desc *v, bool *ok)
{
	static const char *const names[3][3] = {
		{ "short", "unsigned short", "short or unsigned short" },
		{ "long", "unsigned long", "long or unsigned long" },
		{ "long long", "unsigned long long",
		  "long long, unsigned long long, int64_t, or uint64_t" },
	};
	unsigned row = c->size[0] == 'h' ? 0 : c->size[1] ? 2 : 1;
	unsigned col = strchr("di", c->conv) ? 0 : strchr("ou", c->conv) ? 1 : 2;
	bool sign_ok = col == 2 || v->is_signed == (col == 0);
	const struct dl_type *t = base(v);
	uint64_t size = t && t->kind == DL_INT ? t->size : v->size;

	*ok = is_int(v) && (!t || t->kind == DL_INT) && sign_ok;
	if (row == 0)
		*ok = *ok && size == 2;
	else if (row == 1)
		*ok = *ok && size == 8 && !is_llong(v);
	else
		*ok = *ok && size == 8 && (is_llong(v) || (col == 2 && is_int64_typedef(v)));
	return names[row][col];
}

static const char *check_float(const struct dl_conv *c, const struct dl_value_desc *v, bool *ok)
{
	*ok = v->kind == DL_VK_FLOAT && (!c->size[0] || v->size == 16);
	return c->size[0] ? "long double" : "float, double, or long double";
}

static const char *check_address(const struct dl_conv *c, const struct dl_value_desc *v,
				 bool have_target, bool *ok)
{
	*ok = v->kind == DL_VK_INT || (c->conv != 'p' && v->kind == DL_VK_SYM);
	if (c->conv == 'p')
		return "pointer or integer";
	if (c->conv == 'a')
		return "pointer, integer, or _symaddr";
	if (v->kind == DL_VK_INT && !have_target)
		*ok = false;
	return "pointer or integer (with -p/-c) or _usymaddr (without -p/-c)";
}

/* Documented switch: one case per letter. */
const char *dl_conv_check(const struct dl_conv *c, const struct dl_value_desc *v, bool have_target,
			  bool *ok)
{
	switch (c->conv) {
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		if (c->size[0])
			return check_sized(c, v, ok);
		*ok = is_int(v);
		return ANY_INT;
	case 'c':
	case 'C':
		*ok = is_int(v) && (c->size[0] ? v->size == 4 : v->size <= 4);
		return c->size[0] ? "wchar_t" : "char, short, or int";
	case 's':
	case 'S':
		*ok = c->size[0] ? is_wide_string(v) : is_string(v);
		return c->size[0] ? "wchar_t []" : "char [] or string (or use stringof)";
	case 'I': *ok = is_string(v); return "char [] or string (or use stringof)";
	case 'e':
	case 'E':
	case 'f':
	case 'g':
	case 'G': return check_float(c, v, ok);
	case 'p':
	case 'a':
	case 'A': return check_address(c, v, have_target, ok);
	case 'k': *ok = v->kind == DL_VK_STACK || v->kind == DL_VK_USTACK; return "stack";
	case 'P': *ok = is_int(v) && v->size == 2; return "uint16_t";
	case 'T':
	case 'Y': *ok = is_int(v) && v->size == 8; return "int64_t";
	default: *ok = false; return "nothing";
	}
}
