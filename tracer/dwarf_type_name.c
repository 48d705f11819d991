/*
 * Types by name, and the types of variables that have a name.
 *
 * Rule: several units may know a name.  The first that fits counts: of a type
 * by its tag, of a variable by where it is, since static ones of different
 * files may have one name.
 */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "dwarf_type_int.h"

/* -------------------------------------------------------------- types -- */

struct wanted {
	enum dl_kind kind; /* STRUCT, UNION, ENUM; TYPEDEF: a plain name */
	Dwarf_Die die;
	bool is_found;
};

/* But in C, the plain name of a class is a type as well. */
static bool see_type(void *arg, Dwarf_Die *die)
{
	struct wanted *w = arg;
	int tag = dwarf_tag(die);

	if (w->kind != DL_TYPEDEF && (!dwarf_tag_is_type(tag) || dwarf_tag_kind(tag) != w->kind))
		return true;
	if (w->kind == DL_TYPEDEF && dwarf_tag_is_type(tag)) {
		int lang = dwarf_srclang(die);

		if (lang == DW_LANG_C89 || lang == DW_LANG_C || lang == DW_LANG_C99 ||
		    lang == DW_LANG_C11)
			return true;
	}
	w->die = *die;
	w->is_found = true;
	return false;
}

static const char *strip_tag(const char *name, enum dl_kind *kind)
{
	static const struct {
		const char *word;
		enum dl_kind kind;
	} tags[] = {
		{ "struct ", DL_STRUCT },
		{ "class ", DL_STRUCT },
		{ "union ", DL_UNION },
		{ "enum ", DL_ENUM },
	};

	*kind = DL_TYPEDEF;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		size_t n = strlen(tags[i].word);

		if (!strncmp(name, tags[i].word, n)) {
			*kind = tags[i].kind;
			return name + n;
		}
	}
	return name;
}

struct dl_type *dwarf_type_named(struct image *img, struct dl_types *ts, const char *name)
{
	struct debuginfo *di = image_debuginfo(img);
	struct wanted w = { 0 };
	char buf[512];
	size_t n;
	unsigned stars = 0;

	if (!di)
		return NULL;
	name = strip_tag(name, &w.kind);
	for (n = strlen(name); n && (name[n - 1] == '*' || name[n - 1] == ' '); n--)
		stars += name[n - 1] == '*';
	if (!n || n >= sizeof(buf))
		return NULL;
	memcpy(buf, name, n);
	buf[n] = '\0';
	debuginfo_each(di, DEBUG_TYPE, buf, see_type, &w);
	if (!w.is_found)
		return NULL;
	struct dl_type *t = dwarf_type_convert(di, ts, &w.die);

	while (stars--)
		t = dl_type_ptr(ts, t);
	return t;
}

bool dwarf_type_adopt(struct image *img, struct dl_types *ts, struct dl_type *t)
{
	static const char *const words[] = {
		[DL_STRUCT] = "struct",
		[DL_UNION] = "union",
		[DL_ENUM] = "enum",
	};
	struct dl_type *full;
	const char *mark;
	char text[256];

	if (t->kind != DL_FORWARD || !t->name || t->forward_of < DL_STRUCT ||
	    t->forward_of > DL_ENUM)
		return false;
	mark = strrchr(t->name, '`');
	snprintf(text, sizeof(text), "%s %s", words[t->forward_of], mark ? mark + 1 : t->name);
	full = dwarf_type_named(img, ts, text);
	if (!full || full == t || full->kind != t->forward_of || !dwarf_type_complete(ts, full))
		return false;
	dwarf_type_become(t, full);
	return true;
}

/* ---------------------------------------------------------- variables -- */

struct variable {
	uint64_t addr;
	uint64_t size;
	bool is_thread; /* addr is an offset in its thread's block */
	bool is_placeless; /* one without a location is looked for */
	Dwarf_Die die;
	bool is_found;
};

/* Its address is its location: one constant, that a thread's block is then told. */
static bool is_at(const struct variable *v, Dwarf_Die *die)
{
	Dwarf_Attribute a, addr;
	Dwarf_Addr value;
	Dwarf_Op *ops;
	bool is_thread;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a) || dwarf_getlocation(&a, &ops, &n) || !n || n > 2)
		return false;
	is_thread = n == 2 && (ops[1].atom == DW_OP_form_tls_address ||
			       ops[1].atom == DW_OP_GNU_push_tls_address);
	if (is_thread != v->is_thread || (n == 2 && !is_thread))
		return false;
	if (ops[0].atom == DW_OP_addr ||
	    (ops[0].atom >= DW_OP_const1u && ops[0].atom <= DW_OP_consts))
		value = ops[0].number;
	else if (is_thread)
		return true; /* gcc 12's index of split DWARF leads to something else */
	else if (dwarf_getlocation_attr(&a, &ops[0], &addr) || dwarf_formaddr(&addr, &value))
		return false;
	return value == v->addr;
}

/* gcc says of no thread-local variable on aarch64 where it is: then its size must do. */
static bool may_be(const struct variable *v, Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Die type;
	Dwarf_Word size;

	return v->is_placeless && !debuginfo_flag(die, DW_AT_declaration) &&
	       dwarf_attr_integrate(die, DW_AT_type, &a) && dwarf_formref_die(&a, &type) &&
	       !dwarf_aggregate_size(&type, &size) && size == v->size;
}

static bool see_variable(void *arg, Dwarf_Die *die)
{
	struct variable *v = arg;

	if (dwarf_hasattr(die, DW_AT_location) ? (v->addr || v->is_thread) && !is_at(v, die) :
						 !may_be(v, die))
		return true;
	v->die = *die;
	v->is_found = true;
	return false;
}

struct dl_type *dwarf_variable_type(struct image *img, struct dl_types *ts, const char *name,
				    uint64_t addr)
{
	struct debuginfo *di = image_debuginfo(img);
	struct variable v = { .addr = addr };

	if (!di)
		return NULL;
	debuginfo_each(di, DEBUG_VARIABLE, name, see_variable, &v);
	if (!v.is_found && addr)
		debuginfo_each_local(di, name, see_variable, &v);
	return v.is_found ? dwarf_type_of(di, ts, &v.die) : NULL;
}

struct dl_type *dwarf_thread_variable_type(struct image *img, struct dl_types *ts, const char *name,
					   uint64_t offset, uint64_t size)
{
	struct debuginfo *di = image_debuginfo(img);
	struct variable v = { .addr = offset, .size = size, .is_thread = true };

	for (int pass = 0; di && pass < 2 && !v.is_found; pass++) {
		v.is_placeless = pass;
		debuginfo_each(di, DEBUG_VARIABLE, name, see_variable, &v);
		if (!v.is_found)
			debuginfo_each_local(di, name, see_variable, &v);
	}
	return v.is_found ? dwarf_type_of(di, ts, &v.die) : NULL;
}
