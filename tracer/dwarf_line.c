/*
 * Lines and inlined functions.
 *
 * Line tables are read unit by unit; by name those units come first whose own
 * name it is.  An inlined instance is found below the functions of the units
 * that its abstract instance belongs to: whole programs are not searched.
 */
#include "dwarf_line.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debuginfo.h"
#include "demangle.h"
#include "image.h"

#define DEPTH_MAX 64

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/* ------------------------------------------------------------- frames -- */

static const char *call_file(struct debug_unit *u, Dwarf_Die *die)
{
	Dwarf_Files *files;
	uint64_t i;
	size_t n;

	if (!debuginfo_number(die, DW_AT_call_file, &i) ||
	    dwarf_getsrcfiles(&u->skeleton, &files, &n) || i >= n)
		return NULL;
	return base_name(dwarf_filesrc(files, i, NULL, NULL));
}

static bool line_at(struct debug_unit *u, uint64_t addr, struct dwarf_frame *ret)
{
	Dwarf_Line *line = dwarf_getsrc_die(&u->skeleton, addr);
	int no;

	if (!line || dwarf_lineno(line, &no) || no <= 0)
		return false;
	ret->file = base_name(dwarf_linesrc(line, NULL, NULL));
	ret->line = (unsigned)no;
	return ret->file != NULL;
}

unsigned dwarf_frames_at(struct image *img, uint64_t addr, struct dwarf_frame *ret)
{
	struct debuginfo *di = image_debuginfo(img);
	struct debug_unit *u = di ? debuginfo_unit_at(di, addr) : NULL;
	const struct debug_func *f = u ? debuginfo_func_at(di, addr, true) : NULL;
	Dwarf_Die inlined[DWARF_FRAMES_MAX], scope;
	struct dwarf_frame at = { 0 };
	unsigned n = 0, out = 0;

	if (!u || !line_at(u, addr, &at))
		return 0;
	if (f)
		scope = f->die;
	while (f && n < DWARF_FRAMES_MAX - 1 && debuginfo_inlined_at(&scope, addr, &inlined[n]))
		scope = inlined[n++];
	while (n-- > 0) {
		uint64_t line = 0;

		ret[out] = at;
		ret[out++].func = debuginfo_linkage_name(&inlined[n]);
		(void)debuginfo_number(&inlined[n], DW_AT_call_line, &line);
		at.file = call_file(u, &inlined[n]);
		at.line = (unsigned)line;
	}
	ret[out++] = at;
	return out;
}

/* -------------------------------------------------------------- lines -- */

struct place {
	uint64_t addr;
	const void *scope; /* innermost function or inlined instance */
};

struct search {
	struct debuginfo *di;
	const char *file;
	unsigned line;
	VEC(struct place) places;
	struct dwarf_lines *result;
};

/* The name, or the end of the path from a directory on. */
static bool is_file(const char *path, const char *wanted)
{
	size_t n = path ? strlen(path) : 0, m = strlen(wanted);

	return n >= m && m && !strcmp(path + n - m, wanted) &&
	       (n == m || *wanted == '/' || path[n - m - 1] == '/');
}

static const void *scope_at(struct debuginfo *di, uint64_t addr)
{
	const struct debug_func *f = debuginfo_func_at(di, addr, true);
	Dwarf_Die scope, inner;

	if (!f)
		return NULL;
	scope = f->die;
	for (unsigned i = 0; i < DWARF_FRAMES_MAX && debuginfo_inlined_at(&scope, addr, &inner);
	     i++)
		scope = inner;
	return scope.addr;
}

static void add_place(struct search *s, uint64_t addr)
{
	struct place p = { addr, scope_at(s->di, addr) };

	for (size_t i = 0; i < s->places.n; i++) {
		struct place *old = &s->places.items[i];

		if (old->addr == addr)
			return;
		if (p.scope && old->scope == p.scope) {
			if (addr < old->addr)
				old->addr = addr;
			return;
		}
	}
	(void)vec_push(&s->places, p);
}

static void note_near(struct search *s, unsigned line)
{
	struct dwarf_lines *r = s->result;

	if (line && line < s->line && line > r->before)
		r->before = line;
	if (line > s->line && (!r->after || line < r->after))
		r->after = line;
}

static void search_unit(struct search *s, struct debug_unit *u)
{
	Dwarf_Lines *lines;
	bool was_it = false;
	size_t n;

	if (dwarf_getsrclines(&u->skeleton, &lines, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		Dwarf_Line *row = dwarf_onesrcline(lines, i);
		bool is_stmt, is_end;
		Dwarf_Addr addr;
		int no;

		if (!row || dwarf_lineno(row, &no) || dwarf_lineaddr(row, &addr) ||
		    dwarf_linebeginstatement(row, &is_stmt) || dwarf_lineendsequence(row, &is_end))
			continue;
		if (is_end || !is_file(dwarf_linesrc(row, NULL, NULL), s->file)) {
			was_it = false;
			continue;
		}
		s->result->has_file = true;
		bool is_it = (unsigned)no == s->line;

		if (is_it && is_stmt && !was_it)
			add_place(s, addr);
		else if (!is_it && is_stmt)
			note_near(s, no > 0 ? (unsigned)no : 0);
		was_it = is_it && (was_it || is_stmt);
	}
}

void dwarf_lines_each(struct image *img, const char *file, unsigned line,
		      bool (*fn)(void *arg, uint64_t addr), void *arg, struct dwarf_lines *ret)
{
	struct dwarf_lines none = { 0 };
	struct search s = {
		.di = image_debuginfo(img), .file = file, .line = line, .result = ret ? ret : &none
	};

	for (int pass = 0; s.di && pass < 2 && !s.places.n; pass++) {
		for (size_t i = 0; i < s.di->units.n; i++) {
			struct debug_unit *u = &s.di->units.items[i];
			const char *name = debuginfo_string(&u->skeleton, DW_AT_name);

			if (is_file(name, file) == !pass)
				search_unit(&s, u);
		}
	}
	for (size_t i = 0; i < s.places.n; i++)
		if (!fn(arg, s.places.items[i].addr))
			break;
	vec_deinit(&s.places);
}

/* ------------------------------------------------------------ inlines -- */

struct inlines {
	struct debuginfo *di;
	const char *pattern, *name;
	Dwarf_Die abstract;
	bool (*fn)(void *arg, const char *name, uint64_t addr);
	void *arg;
	bool is_over;
};

/* With LTO abstract instances have abstract instances. */
static bool is_instance(Dwarf_Die *die, const Dwarf_Die *abstract)
{
	Dwarf_Die at = *die, origin;

	for (int i = 0; i < 4; i++) {
		Dwarf_Attribute a;

		if (!dwarf_attr(&at, DW_AT_abstract_origin, &a) || !dwarf_formref_die(&a, &origin))
			return false;
		if (origin.addr == abstract->addr)
			return true;
		at = origin;
	}
	return false;
}

static void walk_inlines(struct inlines *in, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;
	uint64_t addr;

	if (depth > DEPTH_MAX || !debuginfo_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
			continue;
		if (tag == DW_TAG_inlined_subroutine && is_instance(&die, &in->abstract) &&
		    debuginfo_entry(&die, &addr))
			in->is_over = !in->fn(in->arg, in->name, addr);
		walk_inlines(in, &die, depth + 1);
	} while (!in->is_over && debuginfo_next(&die));
}

static void walk_unit(struct inlines *in, struct debug_unit *u)
{
	if (dwarf_tag(&u->skeleton) == DW_TAG_partial_unit)
		return;
	debuginfo_unit_funcs(u);
	for (size_t i = 0; i < u->funcs.n && !in->is_over; i++) {
		Dwarf_Die die = u->funcs.items[i].die;

		walk_inlines(in, &die, 0);
	}
}

/* Units without code of their own (partial ones, those LTO read) describe that of others. */
static struct debug_unit *unit_with_code(struct debuginfo *di, const Dwarf_Die *die)
{
	for (size_t i = 0; i < di->units.n; i++) {
		struct debug_unit *u = &di->units.items[i];

		if (debuginfo_unit_die(u)->cu != die->cu)
			continue;
		if (dwarf_tag(&u->skeleton) != DW_TAG_partial_unit)
			debuginfo_unit_funcs(u);
		return u->funcs.n ? u : NULL;
	}
	return NULL;
}

static bool see_abstract(void *arg, Dwarf_Die *die)
{
	struct inlines *in = arg;
	struct debug_unit *own;

	in->abstract = *die;
	in->name = debuginfo_linkage_name(die);
	if (!in->name || (strcmp(in->name, in->pattern) &&
			  !demangle_matches(in->pattern, image_pretty(in->di->image, in->name))))
		return true;
	own = unit_with_code(in->di, die);
	if (own)
		walk_unit(in, own);
	for (size_t i = 0; !own && i < in->di->units.n && !in->is_over; i++)
		walk_unit(in, &in->di->units.items[i]);
	return !in->is_over;
}

/* "ns::C::f(int)" is indexed by "f". */
static void own_name(const char *pattern, char *buf, size_t size)
{
	size_t n = demangle_base(pattern), from = 0;

	for (size_t i = 0; i + 1 < n && pattern[i] != '<'; i++)
		if (pattern[i] == ':' && pattern[i + 1] == ':')
			from = i + 2;
	n -= from;
	if (n >= size)
		n = size - 1;
	memcpy(buf, pattern + from, n);
	buf[n] = '\0';
}

void dwarf_inlines_each(struct image *img, const char *pattern,
			bool (*fn)(void *arg, const char *name, uint64_t addr), void *arg)
{
	struct inlines in = {
		.di = image_debuginfo(img), .pattern = pattern, .fn = fn, .arg = arg
	};
	char name[256];

	if (!in.di)
		return;
	own_name(pattern, name, sizeof(name));
	debuginfo_each(in.di, DEBUG_INLINE, name, see_abstract, &in);
}
