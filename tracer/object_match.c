/*
 * Objects and symbols by name, and addresses by symbol: matching of probe
 * descriptions (providers document 5.1, 5.2) and symbolic output (builtins
 * document 3.1).
 */
#include <ctype.h>
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/compile.h"
#include "demangle.h"
#include "dwarf_line.h"
#include "jitmap.h"
#include "object_table.h"

/* ------------------------------------------------------------ modules -- */

/* What follows a library's name in its file name: ".so", ".so.6", "-2.31.so". */
static bool is_version_suffix(const char *s)
{
	if (*s == '-' && isdigit((unsigned char)s[1]))
		s += 1 + strspn(s + 1, "0123456789.");
	else if (*s == '.')
		s++;
	else
		return false;
	if (s[-1] == '.' && !strncmp(s, "so", 2))
		return !s[2] || s[2] == '.';
	return false;
}

/* "libc" and "libc.so" name libc.so.6; "foo" doesn't name foo.bin. */
static bool matches_unversioned(const char *name, const char *pattern)
{
	size_t n = strlen(pattern);

	if (strncmp(name, pattern, n))
		return false;
	if (n > 3 && !strcmp(pattern + n - 3, ".so"))
		return name[n] == '.';
	return is_version_suffix(name + n);
}

/* LM<hex>`obj: only the base name space, 0, exists here. */
static const char *skip_link_map(const char *pattern)
{
	size_t n;

	if (strncmp(pattern, "LM", 2))
		return pattern;
	n = strspn(pattern + 2, "0");
	return n && pattern[2 + n] == '`' ? pattern + 3 + n : pattern;
}

/*
 * ldd says libz.so.1 (its DT_SONAME), the file that is mapped may be
 * libz.so.1.2.13: both name it.
 */
bool object_matches(const struct object *o, const char *pattern)
{
	pattern = skip_link_map(pattern);
	if (!*pattern || (o->is_main && !strcmp(pattern, "a.out")))
		return true;
	if (!strcmp(o->name, pattern) || !strcmp(o->path, pattern))
		return true;

	const char *soname = o->image ? image_soname(o->image) : NULL;

	if (dl_is_glob(pattern))
		return dl_glob_match(pattern, o->name) || dl_glob_match(pattern, o->path) ||
		       (soname && dl_glob_match(pattern, soname)) ||
		       (o->is_main && dl_glob_match(pattern, "a.out"));
	return matches_unversioned(o->name, pattern) || (soname && !strcmp(soname, pattern));
}

/* ---------------------------------------------------------- functions -- */

struct each {
	struct obj *o;
	const char *pattern;
	void (*fn)(void *arg, struct object *o, const struct sym *s);
	void *arg;
	uint64_t last; /* address given last, so that none is given twice */
	bool is_any;
	bool has_dots; /* names with a dot in them are meant */
};

static void give(struct each *e, const struct sym *s)
{
	if (e->is_any && e->last == s->addr)
		return;
	e->is_any = true;
	e->last = s->addr;
	e->fn(e->arg, &e->o->pub, s);
}

static bool see_exact(void *arg, const struct sym *s)
{
	struct each *e = arg;
	const struct image *img = e->o->pub.image;

	if (!image_symbol_is_function(img, s, true))
		return true;
	const struct sym *canonical = image_symbol_canonical(img, s);

	/* A resolver that has a name of its own is meant when it is named. */
	if (canonical->type != STT_GNU_IFUNC)
		s = canonical;
	else if (s->type == STT_GNU_IFUNC)
		s = ifunc_resolve(e->o, canonical);
	if (s)
		give(e, s);
	return true;
}

/*
 * Names that a glob doesn't mean: start-up glue, versions, and those with a
 * dot, compiler clones, unless it has a dot itself (main.*) or they are Go's.
 */
static bool is_hidden(const char *name, bool has_dots)
{
	static const char *const clones[] = { ".cold", ".part.", ".isra.", ".constprop." };

	if (demangle_is_mangled(name)) { /* Rust's have dots of their own */
		for (size_t i = 0; i < ARRAY_SIZE(clones); i++)
			if (!has_dots && strstr(name, clones[i]))
				return true;
		return strchr(name, '@');
	}
	return strchr(name, '@') || (!has_dots && strchr(name, '.')) || !strcmp(name, "_init") ||
	       !strcmp(name, "_fini");
}

static bool means_dots(const struct image *img, const char *pattern)
{
	struct image_section go;

	return strchr(pattern, '.') || image_section(img, ".gopclntab", &go);
}

/*
 * Is name a clone of the function called base, made by the compiler or at
 * link time: "f.constprop.0", "f.isra.0.lto_priv.0"?  Fragments of functions
 * ("f.cold", "f.part.0") are not.
 */
static bool is_clone(const char *name, const char *base)
{
	size_t n = strlen(base);

	return n && !strncmp(name, base, n) && name[n] == '.' && !strstr(name + n, ".cold") &&
	       !strstr(name + n, ".part.");
}

/* Does the pattern mean the symbol called name, as it is or demangled? */
static bool name_matches(struct image *img, const char *pattern, const char *name)
{
	if (!*pattern || dl_glob_match(pattern, name))
		return true;
	return demangle_may_match(pattern, name) &&
	       demangle_matches(pattern, image_pretty(img, name));
}

static bool glob_wants(const struct each *e, const char *name)
{
	return !is_hidden(name, e->has_dots) && name_matches(e->o->pub.image, e->pattern, name);
}

/* Functions without names are meant where there are no others, or by fun_*. */
static bool means_generated(const struct image *img, const char *pattern)
{
	return !image_names_functions(img) || !strncmp(pattern, "fun_", 4);
}

static const struct sym *impl_of(const struct obj *o, const struct sym *ifunc)
{
	for (size_t i = 0; i < o->impls.n; i++)
		if (o->impls.items[i]->ifunc == ifunc)
			return &o->impls.items[i]->sym;
	return NULL;
}

/* The name under which a glob gives the function at addr when ifuncs lead to it. */
static const struct sym *impl_at(const struct each *e, uint64_t addr)
{
	const struct sym *best = NULL;

	for (size_t i = 0; i < e->o->impls.n; i++) {
		const struct sym *s = &e->o->impls.items[i]->sym;

		if (s->addr == addr && glob_wants(e, s->name) &&
		    (!best || strcmp(s->name, best->name) < 0))
			best = s;
	}
	return best;
}

/*
 * An implementation with a global name of its own goes by that name; else it
 * goes by the name of one ifunc.
 */
static void see_glob(struct each *e, const struct sym *s)
{
	const struct image *img = e->o->pub.image;

	if (!image_symbol_is_function(img, s, false) || !glob_wants(e, s->name) ||
	    (image_symbol_is_generated(img, s) && !means_generated(img, e->pattern)))
		return;
	if (s->type == STT_GNU_IFUNC) {
		const struct sym *impl = impl_of(e->o, s);
		const struct sym *own = impl ? image_symbol_covering(img, impl->addr) : NULL;
		bool is_own = own && own->addr == impl->addr && own->bind != STB_LOCAL &&
			      glob_wants(e, own->name);

		if (impl && !is_own && impl_at(e, impl->addr) == impl)
			give(e, impl);
	} else if (s->bind != STB_LOCAL || !impl_at(e, s->addr)) {
		give(e, s);
	}
}

static bool has_ifuncs(const struct image *img)
{
	for (size_t i = 0; i < image_symbols(img); i++)
		if (image_symbol_at_index(img, i)->type == STT_GNU_IFUNC)
			return true;
	return false;
}

static void each_glob(struct each *e)
{
	const struct image *img = e->o->pub.image;
	size_t n = image_symbols(img);

	if (has_ifuncs(img))
		ifunc_resolve_all(e->o);
	for (size_t i = 0; i < n; i++) {
		const struct sym *s = image_symbol_at_index(img, i);

		if (image_symbol_is_canonical(img, s))
			see_glob(e, s);
	}
	/* A glob that fits no canonical name may still mean aliases. */
	for (size_t i = 0, any = e->is_any; i < n && !any; i++) {
		const struct sym *s = image_symbol_at_index(img, i);

		if (image_symbol_is_function(img, s, false) && glob_wants(e, s->name) &&
		    !image_symbol_is_generated(img, s) && s->type != STT_GNU_IFUNC)
			give(e, image_symbol_canonical(img, s));
	}
}

/* No symbol is called so; C++ functions may be when they are demangled, or clones. */
static void each_other(struct each *e)
{
	struct image *img = e->o->pub.image;

	for (size_t i = 0; i < image_symbols(img); i++) {
		const struct sym *s = image_symbol_at_index(img, i);

		if (is_clone(s->name, e->pattern) ||
		    (demangle_is_mangled(s->name) && !is_hidden(s->name, false) &&
		     name_matches(img, e->pattern, s->name)))
			(void)see_exact(e, s);
	}
}

void object_each_function(struct object *o, const char *pattern,
			  void (*fn)(void *arg, struct object *o, const struct sym *s), void *arg)
{
	struct each e = { .o = obj_of(o),
			  .pattern = pattern,
			  .fn = fn,
			  .arg = arg,
			  .has_dots = means_dots(o->image, pattern) };

	if (!*pattern || dl_is_glob(pattern)) {
		each_glob(&e);
		return;
	}
	image_symbol_by_name(o->image, pattern, see_exact, &e);
	if (!e.is_any)
		each_other(&e);
}

struct alias {
	const struct obj *o;
	uint64_t addr;
	bool is_found;
};

static bool see_alias(void *arg, const struct sym *s)
{
	struct alias *a = arg;
	const struct sym *impl = NULL;

	if (s->type == STT_GNU_IFUNC)
		impl = impl_of(a->o, image_symbol_canonical(a->o->pub.image, s));
	a->is_found = s->addr == a->addr || (impl && impl->addr == a->addr);
	return !a->is_found;
}

static bool alias_matches(struct image *img, uint64_t addr, const char *pattern)
{
	const struct sym *s = image_symbol_covering(img, addr);
	bool has_dots = means_dots(img, pattern);

	for (; s && s->addr == addr; s = image_symbol_next(img, s))
		if (!is_hidden(s->name, has_dots) && name_matches(img, pattern, s->name))
			return true;
	return false;
}

bool object_function_matches(struct object *o, const struct sym *s, const char *pattern)
{
	struct alias a = { .o = obj_of(o), .addr = s->addr };

	if (!*pattern || dl_glob_match(pattern, s->name) || is_clone(s->name, pattern))
		return true;
	if (!dl_is_glob(pattern))
		image_symbol_by_name(o->image, pattern, see_alias, &a);
	return a.is_found || alias_matches(o->image, s->addr, pattern);
}

/* ------------------------------------------------------------ symbols -- */

static bool keep_best(void *arg, const struct sym *s)
{
	const struct sym **best = arg;

	if (!*best || ((*best)->bind == STB_LOCAL && s->bind != STB_LOCAL))
		*best = s;
	return true;
}

const struct sym *object_symbol(struct object *o, const char *name)
{
	const struct sym *best = NULL;

	image_symbol_by_name(o->image, name, keep_best, &best);
	return best;
}

/* "calls.0" of gcc, "f.calls" of clang. */
static bool is_local_name(const char *s, const char *name)
{
	size_t len = strlen(name);
	const char *at = strstr(s, name);

	if (!at || (at > s && at[-1] != '.'))
		return false;
	if (!at[len])
		return at > s;
	return at[len] == '.' && at[len + 1] && !at[len + 1 + strspn(at + len + 1, "0123456789")];
}

const struct sym *object_local_variable(struct object *o, const char *name,
					const struct sym **other_ret)
{
	const struct sym *found = NULL;

	*other_ret = NULL;
	for (size_t i = 0; i < image_symbols(o->image); i++) {
		const struct sym *s = image_symbol_at_index(o->image, i);

		if (s->type != STT_OBJECT || !is_local_name(s->name, name))
			continue;
		if (found)
			*other_ret = s;
		else
			found = s;
	}
	return found;
}

/*
 * Files without .symtab have no names for the implementations of ifuncs; they
 * go by the names of the ifuncs.
 */
const struct sym *object_symbol_at(struct object *o, uint64_t addr)
{
	const struct sym *s = image_symbol_covering(o->image, addr - o->bias), *own = NULL;
	const struct obj *oo = obj_of(o);

	if (s && image_symbol_is_generated(o->image, s) && oo->impls.n)
		own = take_ptr(s);
	for (size_t i = 0; !s && i < oo->impls.n; i++)
		if (addr - o->bias - oo->impls.items[i]->sym.addr < oo->impls.items[i]->sym.size)
			s = &oo->impls.items[i]->sym;
	return s ? s : own;
}

void objects_set_raw_names(struct objects *os, bool is_raw)
{
	os->raw_names = is_raw;
}

const char *object_shown_name(struct object *o, const char *name)
{
	return obj_of(o)->table->raw_names ? name : image_pretty(o->image, name);
}

const char *object_symbol_name(struct object *o, const struct sym *s)
{
	return object_shown_name(o, s->name);
}

/* Without parameters: a misspelt name is nearest to that. */
static void suggest(struct object *o, const char *name, void (*fn)(void *arg, const char *name),
		    void *arg)
{
	const char *pretty = demangle_is_mangled(name) ? image_pretty(o->image, name) : name;
	char buf[256];

	if (pretty == name) {
		fn(arg, name);
		return;
	}
	snprintf(buf, sizeof(buf), "%.*s", (int)demangle_base(pretty), pretty);
	fn(arg, buf);
}

void object_suggest(struct object *o, void (*fn)(void *arg, const char *name), void *arg)
{
	bool has_dots = means_dots(o->image, "");

	for (size_t i = 0; i < image_symbols(o->image); i++) {
		const struct sym *s = image_symbol_at_index(o->image, i);

		if (image_symbol_is_function(o->image, s, false) && !is_hidden(s->name, has_dots))
			suggest(o, s->name, fn, arg);
	}
}

/* Code that is in no file may have been made by a compiler that names it. */
static void symbolize_jit(struct objects *os, uint64_t addr, enum symbolize_kind kind,
			  struct strbuf *out)
{
	uint64_t start = addr;
	const char *name = jitmap_find(&os->jit, os->pid, addr, &start);

	if (!name)
		strbuf_printf(out, "0x%" PRIx64, addr);
	else if (kind == SYMBOLIZE_MOD)
		strbuf_puts(out, "[jit]");
	else
		strbuf_printf(out, "[jit] %s", name);
	if (name && kind == SYMBOLIZE_ADDR && addr > start)
		strbuf_printf(out, "+0x%" PRIx64, addr - start);
}

void objects_symbolize(struct objects *os, uint64_t addr, enum symbolize_kind kind,
		       struct strbuf *out)
{
	struct obj *found = objects_find_code(os, addr);
	struct object *o = found ? &found->pub : objects_find(os, addr);

	if (!o) {
		symbolize_jit(os, addr, kind, out);
		return;
	}
	if (kind == SYMBOLIZE_MOD) {
		strbuf_puts(out, o->name);
		return;
	}
	const struct sym *s = object_symbol_at(o, addr);

	if (!s) {
		strbuf_printf(out, "%s`0x%" PRIx64, o->name, addr);
		return;
	}
	strbuf_printf(out, "%s`%s", o->name, object_symbol_name(o, s));
	if (kind == SYMBOLIZE_ADDR && addr - o->bias > s->addr)
		strbuf_printf(out, "+0x%" PRIx64, addr - o->bias - s->addr);
}

uint64_t objects_start_of(struct objects *os, uint64_t addr, enum symbolize_kind kind)
{
	struct obj *found = objects_find_code(os, addr);
	struct object *o = found ? &found->pub : objects_find(os, addr);

	if (!o || kind == SYMBOLIZE_ADDR)
		return addr;
	if (kind == SYMBOLIZE_MOD)
		return o->lo;
	const struct sym *s = object_symbol_at(o, addr);

	return s ? s->addr + o->bias : addr;
}

static void put_line(struct strbuf *out, const struct dwarf_frame *f)
{
	if (f->file && f->line)
		strbuf_printf(out, " (%s:%u)", f->file, f->line);
}

/*
 * A call that nothing follows is the last instruction of its function: the
 * return address is named by the call before it.  Tables of signal trampolines
 * begin a byte early, for unwinders that do the same; no call is that short.
 */
static void put_return_address(struct objects *os, uint64_t addr, struct strbuf *out)
{
	struct obj *found = objects_find_code(os, addr - 1);
	const struct sym *s = found ? object_symbol_at(&found->pub, addr - 1) : NULL;

	if (!s || addr - 1 - found->pub.bias == s->addr ||
	    object_symbol_at(&found->pub, addr) == s) {
		objects_symbolize(os, addr, SYMBOLIZE_ADDR, out);
		return;
	}
	strbuf_printf(out, "%s`%s+0x%" PRIx64, found->pub.name, object_symbol_name(&found->pub, s),
		      addr - found->pub.bias - s->addr);
}

void objects_put_frame(struct objects *os, uint64_t addr, bool is_call, bool with_lines,
		       struct strbuf *out)
{
	struct obj *found = objects_find_code(os, addr - is_call);
	struct object *o = found ? &found->pub : objects_find(os, addr);
	struct dwarf_frame frames[DWARF_FRAMES_MAX];
	unsigned n =
		o && with_lines ? dwarf_frames_at(o->image, addr - o->bias - is_call, frames) : 0;

	for (unsigned i = 0; i + 1 < n; i++) {
		strbuf_printf(out, "%s`%s [inlined]", o->name,
			      frames[i].func ? object_shown_name(o, frames[i].func) : "?");
		put_line(out, &frames[i]);
		strbuf_putc(out, '\n');
	}
	if (is_call)
		put_return_address(os, addr, out);
	else
		objects_symbolize(os, addr, SYMBOLIZE_ADDR, out);
	if (n)
		put_line(out, &frames[n - 1]);
}
