/*
 * From a probe description of the pid provider to addresses.
 *
 * The name part decides first what is wanted of each function (struct wish);
 * then every matching function is walked once.  Returns are found by walking
 * code from the file, never from memory, which may hold breakpoints.
 *
 * Compilers move unlikely parts of f to a place of their own, f.cold (or
 * f.part.0).  A jump to such a fragment is not a return, and the fragment's
 * returns are returns of f.  Without .symtab the fragments have no names: a
 * conditional jump out of a function then counts only if it leads to a
 * function's start, and an unconditional one counts always.
 */
#include "pidprobe.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/compile.h"
#include "dwarf_line.h"
#include "object_table.h"

#define FRAGMENTS_MAX 8

/* What is wanted of each function. */
struct wish {
	bool entry, ret, is_offset;
	uint64_t offset;
	const char *offsets; /* glob for the hexadecimal text of offsets; NULL none, "" all */
};

struct walk {
	struct objects *os;
	struct object *o;
	const struct dl_pdesc *d;
	struct wish wish;
	unsigned flags;
	pid_point_fn *fn;
	void *arg;
	bool is_exact; /* the function is named: what can't be done is an error */
	bool is_over; /* fn has had enough */
	unsigned n_functions, n_points;
	bool has_symbol; /* a symbol has the name */
	struct dwarf_lines lines; /* why a source line has no code */
	struct error *err; /* the first; dropped if another function has points */

	/* The function at hand. */
	const struct sym *sym;
	const uint8_t *code;
	uint64_t addr; /* run-time */
	uint64_t part_addr; /* of the function or of the fragment being walked */
	const uint8_t *part_code;
	size_t part_len;
	const struct sym *fragments[FRAGMENTS_MAX];
	unsigned n_fragments;
};

struct error *pid_provider_parse(const char *prov, pid_t *ret)
{
	size_t n = strlen(prov), digits = n;
	char *end;

	while (digits && prov[digits - 1] >= '0' && prov[digits - 1] <= '9')
		digits--;
	if (digits == n || !digits)
		return error_tagged("D_PROC_BADPROV", "'%s' is not a valid provider", prov);
	errno = 0;
	unsigned long long pid = strtoull(prov + digits, &end, 10);

	if (errno || !pid || pid > INT_MAX)
		return error_tagged("D_PROC_BADPID", "'%s' does not contain a valid pid", prov);
	*ret = (pid_t)pid;
	return NULL;
}

/* Hexadecimal, with or without 0x, and nothing else. */
static bool parse_hex(const char *s, uint64_t *ret)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	if (!*s || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
		return false;
	errno = 0;
	*ret = strtoull(s, NULL, 16);
	return !errno;
}

static struct error *parse_name(const char *name, struct wish *ret)
{
	struct wish w = { 0 };

	if (!*name) {
		w = (struct wish){ .entry = true, .ret = true, .offsets = "" };
	} else if (!strcmp(name, "entry")) {
		w.entry = true;
	} else if (!strcmp(name, "return")) {
		w.ret = true;
	} else if (dl_is_glob(name)) {
		w.entry = dl_glob_match(name, "entry");
		w.ret = dl_glob_match(name, "return");
		w.offsets = strcmp(name, "*") ? name : "";
	} else if (parse_hex(name, &w.offset)) {
		w.is_offset = true;
	} else {
		return error_tagged("D_PROC_NAME", "'%s' is an invalid probe name", name);
	}
	*ret = w;
	return NULL;
}

/* "file.c:123" */
static bool is_line(const struct dl_pdesc *d)
{
	size_t n = strlen(d->name);

	return strchr(d->func, '.') && n && n < 8 && strspn(d->name, "0123456789") == n;
}

/* -------------------------------------------------------- one function -- */

/* Takes err, which matters only for a function that was named. */
static void refuse(struct walk *w, struct error *err)
{
	if (w->is_exact && !w->err)
		w->err = err;
	else
		error_destroy(err);
}

static bool give(struct walk *w, enum pid_kind kind, uint64_t addr, enum arch_flow flow)
{
	struct pid_point p = {
		.object = w->o,
		.sym = w->sym,
		.func = object_symbol_name(w->o, w->sym),
		.addr = addr,
		.offset = addr - w->addr,
		.kind = kind,
		.flow = flow,
	};

	if (kind == PID_OFFSET)
		snprintf(p.name, sizeof(p.name), "%" PRIx64, p.offset);
	else
		strcpy(p.name, kind == PID_ENTRY ? "entry" : "return");
	w->n_points++;
	if (!w->is_over && !w->fn(w->arg, &p))
		w->is_over = true;
	return !w->is_over;
}

/* Is name "BASE.cold", "BASE.cold.2" or "BASE.part.0" of a name BASE at addr? */
struct base {
	uint64_t addr;
	bool is_found;
};

static bool see_base(void *arg, const struct sym *s)
{
	struct base *b = arg;

	b->is_found = s->addr == b->addr;
	return !b->is_found;
}

static bool is_fragment_of(const struct walk *w, const struct sym *s)
{
	struct base b = { .addr = w->addr - w->o->bias };
	const char *end = strstr(s->name, ".cold");
	char name[512];

	if (!end)
		end = strstr(s->name, ".part.");
	if (!end || (size_t)(end - s->name) >= sizeof(name))
		return false;
	memcpy(name, s->name, (size_t)(end - s->name));
	name[end - s->name] = '\0';
	image_symbol_by_name(w->o->image, name, see_base, &b);
	return b.is_found;
}

static bool is_inside(const struct walk *w, uint64_t target)
{
	if (target - w->addr < w->sym->size)
		return true;
	for (unsigned i = 0; i < w->n_fragments; i++)
		if (target - w->o->bias - w->fragments[i]->addr < w->fragments[i]->size)
			return true;
	return false;
}

/* The symbol that begins exactly at a run-time address. */
static const struct sym *function_at(const struct walk *w, uint64_t target)
{
	const struct sym *s = image_symbol_covering(w->o->image, target - w->o->bias);

	return s && s->addr + w->o->bias == target ? s : NULL;
}

/*
 * A direct jump out of the part: to the rest of the function it isn't a
 * return, and a fragment is remembered to be walked.
 */
static bool leaves(struct walk *w, uint64_t off, enum arch_flow flow)
{
	struct arch_insn in;

	if (!arch_insn_length(w->part_code + off, w->part_len - off, w->part_addr + off, &in))
		return false;
	if (is_inside(w, in.target))
		return false;
	const struct sym *s = image_symbol_covering(w->o->image, in.target - w->o->bias);

	if (s && s->size && is_fragment_of(w, s)) {
		if (w->n_fragments < FRAGMENTS_MAX)
			w->fragments[w->n_fragments++] = s;
		return false;
	}
	if (flow == ARCH_FLOW_COND)
		return (w->flags & PID_WITH_COND) && function_at(w, in.target);
	return true;
}

static void see_return(void *arg, uint64_t off, enum arch_flow flow)
{
	struct walk *w = arg;

	if (off >= w->part_len)
		return;
	if ((flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_COND) && !leaves(w, off, flow))
		return;
	give(w, PID_RETURN, w->part_addr + off, flow);
}

static void walk_part(struct walk *w, uint64_t addr, const uint8_t *code, size_t len)
{
	uint64_t bad;

	w->part_addr = addr;
	w->part_code = code;
	w->part_len = len;
	(void)arch_find_returns(code, len, addr, see_return, w, &bad);
}

static void give_returns(struct walk *w)
{
	w->n_fragments = 0;
	walk_part(w, w->addr, w->code, w->sym->size);
	for (unsigned i = 0; i < w->n_fragments; i++) {
		const struct sym *s = w->fragments[i];
		const uint8_t *code;
		size_t n = object_text(w->o, s->addr + w->o->bias, &code);

		if (n >= s->size)
			walk_part(w, s->addr + w->o->bias, code, s->size);
	}
}

/* false: there is a byte that can't be decoded; the function takes no offset probes. */
static bool walk_offsets(struct walk *w, bool (*fn)(struct walk *w, uint64_t off))
{
	struct arch_insn in;

	for (uint64_t off = 0; off < w->sym->size; off += in.len) {
		if (!arch_insn_length(w->code + off, w->sym->size - off, w->addr + off, &in) ||
		    !in.len)
			return false;
		if (fn && !fn(w, off))
			break;
	}
	return true;
}

static bool give_matching(struct walk *w, uint64_t off)
{
	char text[20];

	snprintf(text, sizeof(text), "%" PRIx64, off);
	if (*w->wish.offsets && !dl_glob_match(w->wish.offsets, text))
		return true;
	return give(w, PID_OFFSET, w->addr + off, ARCH_FLOW_NEXT);
}

/* One offset that was asked for by number.  Globbed functions skip what they don't have. */
static void give_offset(struct walk *w)
{
	uint64_t off = w->wish.offset;

	if (off >= w->sym->size) {
		refuse(w,
		       error_tagged("D_PROC_OFF", "offset 0x%" PRIx64 " outside of function '%s'",
				    off, w->sym->name));
	} else if (!walk_offsets(w, NULL)) {
		refuse(w, error_tagged("D_PROC_CREATEFAIL",
				       "failed to create offset probe in '%s': "
				       "the function has bytes that are not instructions",
				       w->sym->name));
	} else if (!arch_is_boundary(w->code, w->sym->size, w->addr, off)) {
		refuse(w,
		       error_tagged("D_PROC_ALIGN",
				    "offset 0x%" PRIx64 " is not aligned on an instruction", off));
	} else {
		give(w, PID_OFFSET, w->addr + off, ARCH_FLOW_NEXT);
	}
}

static void see_function(void *arg, struct object *o, const struct sym *s)
{
	struct walk *w = arg;

	if (w->is_over)
		return;
	w->n_functions++;
	w->has_symbol = true;
	w->sym = s;
	w->addr = s->addr + o->bias;
	if (object_text(o, w->addr, &w->code) < s->size)
		return;
	if (w->wish.entry && !give(w, PID_ENTRY, w->addr, ARCH_FLOW_NEXT))
		return;
	if (w->wish.ret)
		give_returns(w);
	if (w->wish.offsets && !w->is_over && walk_offsets(w, NULL))
		walk_offsets(w, give_matching);
	if (w->wish.is_offset && !w->is_over)
		give_offset(w);
}

/* ------------------------------------------------- inlines and lines -- */

static bool is_boundary(struct object *o, const struct sym *s, uint64_t addr);

/* DWARF may be wrong: only the start of an instruction in a function will do. */
static bool give_inside(struct walk *w, enum pid_kind kind, const char *func, const char *name,
			const char *inlined, uint64_t link_addr)
{
	struct object *o = w->o;
	const struct sym *s = image_symbol_covering(o->image, link_addr);
	struct pid_point p = { .object = o,
			       .sym = s,
			       .func = func,
			       .kind = kind,
			       .addr = link_addr + o->bias,
			       .flow = ARCH_FLOW_NEXT,
			       .inlined = inlined };

	if (!s || !image_is_code(o->image, link_addr) || !is_boundary(o, s, p.addr))
		return true;
	p.offset = link_addr - s->addr;
	snprintf(p.name, sizeof(p.name), "%s", name);
	w->n_points++;
	w->n_functions++;
	if (!w->fn(w->arg, &p))
		w->is_over = true;
	return !w->is_over;
}

static bool see_inline(void *arg, const char *name, uint64_t addr)
{
	struct walk *w = arg;

	return give_inside(w, PID_INLINE, object_shown_name(w->o, name), "entry", name, addr);
}

static bool see_line(void *arg, uint64_t addr)
{
	struct walk *w = arg;

	return give_inside(w, PID_LINE, w->d->func, w->d->name, NULL, addr);
}

/*
 * Beyond the functions with a symbol: what was inlined, and lines of source
 * files.  Finding instances takes a walk through all names: libraries that
 * were not asked for are spared it.
 */
static void walk_debug(struct walk *w)
{
	unsigned before = w->n_functions;

	if (!w->is_exact || w->is_over)
		return;
	if (w->wish.entry && (*w->d->mod || w->o->is_main))
		dwarf_inlines_each(w->o->image, w->d->func, see_inline, w);
	if (w->n_functions == before && !w->has_symbol && is_line(w->d))
		dwarf_lines_each(w->o->image, w->d->func, (unsigned)strtoul(w->d->name, NULL, 10),
				 see_line, w, &w->lines);
}

/* ----------------------------------------------------- the '-' function -- */

/* The address as it is, or for a position-independent program as in its file. */
static bool find_absolute(const struct object *o, uint64_t value, uint64_t *addr)
{
	if (image_is_code(o->image, value - o->bias))
		*addr = value;
	else if (image_is_code(o->image, value))
		*addr = value + o->bias;
	else
		return false;
	return true;
}

static bool is_boundary(struct object *o, const struct sym *s, uint64_t addr)
{
	const uint8_t *code;
	uint64_t start = s->addr + o->bias;

	return object_text(o, start, &code) < s->size || addr - start >= s->size ||
	       arch_is_boundary(code, s->size, start, addr - start);
}

static struct error *give_absolute(struct walk *w)
{
	struct object *o = objects_main(w->os);
	struct pid_point p = {
		.object = o, .func = "-", .kind = PID_OFFSET, .flow = ARCH_FLOW_NEXT
	};
	uint64_t value;

	if (o && !object_matches(o, w->d->mod))
		return error_tagged("D_PROC_LIB",
				    "only the a.out module is valid with the '-' function");
	if (!parse_hex(w->d->name, &value))
		return error_tagged("D_PROC_NAME",
				    "'%s' is an invalid probe name; only individual "
				    "addresses may be specified with the '-' function",
				    w->d->name);
	if (!o)
		return NULL;
	if (!find_absolute(o, value, &p.addr))
		return error_tagged("D_PROC_OFF", "offset 0x%" PRIx64 " outside of function '-'",
				    value);
	p.sym = object_symbol_at(o, p.addr);
	if (p.sym && !is_boundary(o, p.sym, p.addr))
		return error_tagged("D_PROC_ALIGN",
				    "offset 0x%" PRIx64 " is not aligned on an instruction", value);
	p.offset = p.sym ? p.addr - p.sym->addr - o->bias : value;
	snprintf(p.name, sizeof(p.name), "%" PRIx64, value);
	(void)w->fn(w->arg, &p);
	return NULL;
}

/* ---------------------------------------------------------- all objects -- */

static struct error *take_error(struct walk *w)
{
	if (!w->n_points)
		return w->err;
	error_destroy(w->err);
	return NULL;
}

struct error *pid_points_object(struct objects *os, struct object *o, const struct dl_pdesc *d,
				unsigned flags, pid_point_fn *fn, void *arg)
{
	struct walk w = { .os = os, .o = o, .d = d, .flags = flags, .fn = fn, .arg = arg };
	struct error *err = parse_name(d->name, &w.wish);

	if (err)
		return err;
	if (!strcmp(d->func, "-"))
		return o->is_main ? give_absolute(&w) : NULL;
	if (!object_matches(o, d->mod))
		return NULL;
	w.is_exact = *d->func && !dl_is_glob(d->func);
	object_each_function(o, d->func, see_function, &w);
	walk_debug(&w);
	return take_error(&w);
}

/* Has s the name of an ifunc that is not resolved (yet)? */
static struct error *missing_function(struct object *o, const struct dl_pdesc *d)
{
	const struct sym *s = object_symbol(o, d->func);

	if (s && s->type == STT_GNU_IFUNC)
		return error_tagged("D_PROC_FUNC",
				    "failed to lookup '%s' in module '%s': its "
				    "implementation is not chosen yet or in another module",
				    d->func, d->mod);
	if (image_is_stripped(o->image))
		return error_tagged("D_PROC_FUNC",
				    "failed to lookup '%s' in module '%s': it is "
				    "stripped, and no debug file with its symbols was found",
				    d->func, d->mod);
	return error_tagged("D_PROC_FUNC", "failed to lookup '%s' in module '%s'", d->func, d->mod);
}

/* A source file is there, but the line has no code. */
static struct error *missing_line(const struct walk *w)
{
	const struct dwarf_lines *l = &w->lines;
	char near[64] = "";

	if (l->before && l->after)
		snprintf(near, sizeof(near), "; lines %u and %u have", l->before, l->after);
	else if (l->before || l->after)
		snprintf(near, sizeof(near), "; line %u has", l->before + l->after);
	return error_tagged("D_PROC_FUNC", "line %s of %s has no code%s", w->d->name, w->d->func,
			    near);
}

static void walk_object(struct walk *w, struct object **named)
{
	if (!object_matches(w->o, w->d->mod))
		return;
	*named = w->o;
	object_each_function(w->o, w->d->func, see_function, w);
	walk_debug(w);
}

struct error *pid_points(struct objects *os, const struct dl_pdesc *d, unsigned flags,
			 pid_point_fn *fn, void *arg)
{
	struct walk w = { .os = os, .d = d, .flags = flags, .fn = fn, .arg = arg };
	struct object *named = NULL;
	struct error *err;

	if (!strcmp(d->func, "-"))
		return give_absolute(&w);
	err = parse_name(d->name, &w.wish);
	if (err)
		return err;
	w.is_exact = *d->func && !dl_is_glob(d->func);
	for (size_t i = 0; i < objects_count(os) && !w.is_over; i++) {
		w.o = objects_at(os, i);
		walk_object(&w, &named);
	}
	err = take_error(&w);
	if (!err && !w.n_functions && w.lines.has_file)
		return missing_line(&w);
	if (!err && !w.n_functions && w.is_exact && named && *d->mod && !dl_is_glob(d->mod))
		return missing_function(named, d);
	return err;
}
