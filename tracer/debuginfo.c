/*
 * Units, address ranges and names of DWARF.
 *
 * libdw reads; it checks bounds, but not that references make sense.  So
 * every walk here goes strictly forward in the section, nesting is bounded,
 * and counts are.  Without DWARF (or with damaged DWARF) there are simply
 * fewer answers.
 */
#include "debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "debugfile.h"
#include "debugzstd.h"
#include "dwarf_func.h"
#include "image.h"

#define UNITS_MAX (1u << 20)
#define NAMES_MAX (1u << 25)
#define RANGES_MAX (1u << 22)
#define NAMESPACE_DEPTH 24
#define BLOCK_DEPTH 64

struct debug_name {
	const char *name; /* in a section */
	Dwarf_Die die;
	uint32_t chain; /* next with the hash, index + 1 */
	uint8_t kind;
};

void debuginfo_destroy(struct debuginfo *di)
{
	if (!di)
		return;
	for (size_t i = 0; i < di->units.n; i++)
		vec_deinit(&di->units.items[i].funcs);
	vec_deinit(&di->units);
	vec_deinit(&di->ranges);
	vec_deinit(&di->names);
	free(di->heads);
	free(di->tried);
	free(di->slots);
	if (di->dwarf)
		dwarf_end(di->dwarf);
	if (di->alt_dwarf)
		dwarf_end(di->alt_dwarf);
	if (di->unpacked)
		elf_end(di->unpacked);
	free(di->unpacked_bytes);
	debugfile_close(di->file);
	debugfile_close(di->alt);
	free(di);
}

/* ----------------------------------------------------- small questions -- */

bool debuginfo_child(Dwarf_Die *parent, Dwarf_Die *ret)
{
	return dwarf_child(parent, ret) == 0 && (char *)ret->addr > (char *)parent->addr;
}

bool debuginfo_next(Dwarf_Die *die)
{
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) || (char *)next.addr <= (char *)die->addr)
		return false;
	*die = next;
	return true;
}

bool debuginfo_number(Dwarf_Die *die, unsigned attr, uint64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Word v;

	if (!dwarf_attr_integrate(die, attr, &a) || dwarf_formudata(&a, &v))
		return false;
	*ret = v;
	return true;
}

bool debuginfo_ref(Dwarf_Die *die, unsigned attr, Dwarf_Die *ret)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, attr, &a) && dwarf_formref_die(&a, ret);
}

const char *debuginfo_string(Dwarf_Die *die, unsigned attr)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, attr, &a) ? dwarf_formstring(&a) : NULL;
}

const char *debuginfo_linkage_name(Dwarf_Die *die)
{
	const char *name = debuginfo_string(die, DW_AT_linkage_name);

	if (!name)
		name = debuginfo_string(die, DW_AT_MIPS_linkage_name);
	return name ? name : debuginfo_string(die, DW_AT_name);
}

static bool inlined_at(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *ret, unsigned depth)
{
	Dwarf_Die die;

	if (depth > BLOCK_DEPTH || !debuginfo_child(scope, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);

		if ((tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) ||
		    dwarf_haspc(&die, addr) <= 0)
			continue;
		if (tag == DW_TAG_lexical_block)
			return inlined_at(&die, addr, ret, depth + 1);
		*ret = die;
		return true;
	} while (debuginfo_next(&die));
	return false;
}

bool debuginfo_inlined_at(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *ret)
{
	return inlined_at(scope, addr, ret, 0);
}

bool debuginfo_flag(Dwarf_Die *die, unsigned attr)
{
	Dwarf_Attribute a;
	bool is_set;

	return dwarf_attr(die, attr, &a) && !dwarf_formflag(&a, &is_set) && is_set;
}

/* -------------------------------------------------------------- units -- */

static bool add_units(struct debuginfo *di, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;

	while (di->units.n < UNITS_MAX &&
	       dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		struct debug_unit u = { .skeleton = die };

		if (!vec_push(&di->units, u))
			return false;
	}
	return true;
}

static int compare_ranges(const void *pa, const void *pb)
{
	const struct debug_range *a = pa, *b = pb;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static void add_ranges(struct debuginfo *di)
{
	for (size_t i = 0; i < di->units.n; i++) {
		Dwarf_Addr base, lo, hi;
		ptrdiff_t at = 0;

		if (dwarf_tag(&di->units.items[i].skeleton) == DW_TAG_partial_unit)
			continue;
		while (di->ranges.n < RANGES_MAX &&
		       (at = dwarf_ranges(&di->units.items[i].skeleton, at, &base, &lo, &hi)) > 0)
			if (lo < hi)
				(void)vec_push(&di->ranges,
					       ((struct debug_range){ lo, hi, (uint32_t)i }));
	}
	if (di->ranges.n)
		qsort(di->ranges.items, di->ranges.n, sizeof(di->ranges.items[0]), compare_ranges);
}

/* The file that dwz moved what several files share to. */
static void open_alt(const struct image *img, struct debuginfo *di)
{
	const char *name;
	const void *id;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(di->dwarf, &name, &id);

	if (len <= 0)
		return;
	di->alt = debugfile_by_id(img, id, (size_t)len, name, di->file ? di->file->path : NULL);
	if (!di->alt)
		return;
	di->alt_dwarf = dwarf_begin_elf(di->alt->elf, DWARF_C_READ, NULL);
	if (di->alt_dwarf)
		dwarf_setalt(di->dwarf, di->alt_dwarf);
}

static Elf *unpack(struct debuginfo *di, Elf *elf)
{
	size_t len;

	di->unpacked_bytes = debugzstd_unpack(elf, &len);
	if (di->unpacked_bytes)
		di->unpacked = elf_memory((char *)di->unpacked_bytes, len);
	return di->unpacked ? di->unpacked : elf;
}

static struct debuginfo *open_debuginfo(struct image *img)
{
	struct debuginfo *di = calloc(1, sizeof(*di));
	Elf *elf = img->elf;

	if (!di)
		return NULL;
	di->image = img;
	if (!debugfile_has_section(elf, ".debug_info") &&
	    !debugfile_has_section(elf, ".zdebug_info")) {
		_cleanup_(strbuf_deinit) struct strbuf tried = { 0 };

		di->file = debugfile_find(img, ".debug_info", &tried);
		if (!di->file && !strbuf_failed(&tried))
			di->tried = strbuf_take(&tried);
		elf = di->file ? di->file->elf : NULL;
	}
	if (elf && debugzstd_is_used(elf))
		elf = unpack(di, elf);
	di->dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	if (!di->dwarf)
		return di;
	open_alt(img, di);
	if (!add_units(di, di->dwarf) || (di->alt_dwarf && !add_units(di, di->alt_dwarf)))
		return di;
	add_ranges(di);
	return di;
}

struct debuginfo *image_debuginfo(struct image *img)
{
	if (!img->debug)
		img->debug = open_debuginfo(img);
	return img->debug && img->debug->units.n ? img->debug : NULL;
}

char *dwarf_take_search(struct image *img)
{
	struct debuginfo *di = img->debug;

	return di ? take_ptr(di->tried) : NULL;
}

Dwarf_Die *debuginfo_unit_die(struct debug_unit *u)
{
	Dwarf_Die sub;
	uint8_t type = 0;

	if (u->is_open)
		return &u->die;
	u->is_open = true;
	u->die = u->skeleton;
	if (!dwarf_cu_info(u->skeleton.cu, NULL, &type, NULL, &sub, NULL, NULL, NULL) &&
	    type == DW_UT_skeleton && sub.addr && dwarf_tag(&sub) == DW_TAG_compile_unit)
		u->die = sub;
	return &u->die;
}

struct debug_unit *debuginfo_unit_at(struct debuginfo *di, uint64_t addr)
{
	size_t lo = 0, hi = di->ranges.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (di->ranges.items[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Ranges don't overlap in sound files; a few before it are tried all the same. */
	for (unsigned step = 0; lo-- > 0 && step < 16; step++)
		if (addr < di->ranges.items[lo].hi)
			return &di->units.items[di->ranges.items[lo].unit];
	return NULL;
}

/* ---------------------------------------------------------- functions -- */

bool debuginfo_entry(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;

	if (!dwarf_entrypc(die, &lo)) {
		*ret = lo;
		return true;
	}
	*ret = UINT64_MAX;
	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		if (lo < *ret)
			*ret = lo;
		/* A function's own part comes first, its cold part may lie anywhere. */
		if (dwarf_tag(die) == DW_TAG_subprogram)
			break;
	}
	return *ret != UINT64_MAX;
}

static void gather_funcs(struct debug_unit *u, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;
	uint64_t entry;

	if (depth > NAMESPACE_DEPTH || !debuginfo_child(parent, &die))
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (debuginfo_entry(&die, &entry))
				(void)vec_push(&u->funcs, ((struct debug_func){ entry, die }));
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_structure_type: /* Rust: methods */
		case DW_TAG_enumeration_type:
			if (dwarf_haschildren(&die) == 1)
				gather_funcs(u, &die, depth + 1);
			break;
		default: break;
		}
	} while (debuginfo_next(&die));
}

static int compare_funcs(const void *pa, const void *pb)
{
	const struct debug_func *a = pa, *b = pb;

	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

void debuginfo_unit_funcs(struct debug_unit *u)
{
	if (u->has_funcs)
		return;
	u->has_funcs = true;
	gather_funcs(u, debuginfo_unit_die(u), 0);
	if (u->funcs.n)
		qsort(u->funcs.items, u->funcs.n, sizeof(u->funcs.items[0]), compare_funcs);
}

const char *debuginfo_missing_dwo(struct image *img, uint64_t addr)
{
	struct debuginfo *di = image_debuginfo(img);
	struct debug_unit *u = di ? debuginfo_unit_at(di, addr) : NULL;
	uint8_t type = 0;

	if (!u || debuginfo_unit_die(u) != &u->die || u->die.addr != u->skeleton.addr ||
	    dwarf_cu_info(u->skeleton.cu, NULL, &type, NULL, NULL, NULL, NULL, NULL) ||
	    type != DW_UT_skeleton)
		return NULL;
	const char *name = debuginfo_string(&u->skeleton, DW_AT_dwo_name);

	return name ? name : debuginfo_string(&u->skeleton, DW_AT_GNU_dwo_name);
}

const struct debug_func *debuginfo_func_at(struct debuginfo *di, uint64_t addr, bool is_inside)
{
	struct debug_unit *u = debuginfo_unit_at(di, addr);

	if (!u)
		return NULL;
	debuginfo_unit_funcs(u);
	size_t lo = 0, hi = u->funcs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (u->funcs.items[mid].entry <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	struct debug_func *f = &u->funcs.items[lo - 1];

	if (f->entry == addr || (is_inside && dwarf_haspc(&f->die, addr) > 0))
		return f;
	/* A part that lies elsewhere (f.cold). */
	for (size_t i = 0; is_inside && i < u->funcs.n; i++)
		if (dwarf_haspc(&u->funcs.items[i].die, addr) > 0)
			return &u->funcs.items[i];
	return NULL;
}

/* -------------------------------------------------------------- names -- */

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h ^ h >> 15;
}

static bool rehash(struct debuginfo *di, uint32_t n)
{
	uint32_t *heads = calloc(n, sizeof(*heads));

	if (!heads)
		return false;
	free(di->heads);
	di->heads = heads;
	di->mask = n - 1;
	for (size_t i = di->names.n; i-- > 0;) {
		uint32_t *head = &heads[hash(di->names.items[i].name) & di->mask];

		di->names.items[i].chain = *head;
		*head = (uint32_t)i + 1;
	}
	return true;
}

static void add_name(struct debuginfo *di, enum debug_kind kind, Dwarf_Die *die)
{
	Dwarf_Attribute a;
	const char *name = dwarf_attr_integrate(die, DW_AT_name, &a) ? dwarf_formstring(&a) : NULL;

	if (!name || !*name || di->names.n >= NAMES_MAX)
		return;
	if (di->names.n + 1 > di->mask && !rehash(di, di->heads ? (di->mask + 1) * 2 : 1024))
		return;
	uint32_t *head = &di->heads[hash(name) & di->mask];
	struct debug_name n = { .name = name, .die = *die, .chain = *head, .kind = (uint8_t)kind };

	if (vec_push(&di->names, n))
		*head = (uint32_t)di->names.n;
}

/* Said to be inlined, or (LTO doesn't say) defined without code. */
static bool is_abstract(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_inline) ||
	       (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges) &&
		!debuginfo_flag(die, DW_AT_declaration));
}

static void scan(struct debuginfo *di, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > NAMESPACE_DEPTH || !debuginfo_child(parent, &die))
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_typedef:
		case DW_TAG_base_type:
			if (!debuginfo_flag(&die, DW_AT_declaration))
				add_name(di, DEBUG_TYPE, &die);
			break;
		case DW_TAG_variable:
			if (dwarf_hasattr(&die, DW_AT_location) ||
			    !debuginfo_flag(&die, DW_AT_declaration))
				add_name(di, DEBUG_VARIABLE, &die);
			break;
		case DW_TAG_subprogram:
			if (is_abstract(&die))
				add_name(di, DEBUG_INLINE, &die);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module: scan(di, &die, depth + 1); break;
		default: break;
		}
	} while (debuginfo_next(&die));
}

static void scan_unit(struct debuginfo *di, struct debug_unit *u)
{
	if (u->is_scanned)
		return;
	u->is_scanned = true;
	scan(di, debuginfo_unit_die(u), 0);
}

struct found {
	VEC(uint32_t) at; /* indices into names */
};

/* Entries [from, to) of the kind and name, in order of the file. */
static void find_names(const struct debuginfo *di, enum debug_kind kind, const char *name,
		       size_t from, size_t to, struct found *ret)
{
	ret->at.n = 0;
	if (!di->heads)
		return;
	for (uint32_t i = di->heads[hash(name) & di->mask]; i; i = di->names.items[i - 1].chain) {
		const struct debug_name *n = &di->names.items[i - 1];
		size_t at;

		if (i - 1 < from || i - 1 >= to || n->kind != kind || strcmp(n->name, name) ||
		    !vec_push(&ret->at, i - 1))
			continue;
		for (at = ret->at.n - 1; at && ret->at.items[at - 1] > i - 1; at--)
			ret->at.items[at] = ret->at.items[at - 1];
		ret->at.items[at] = i - 1;
	}
}

void debuginfo_each(struct debuginfo *di, enum debug_kind kind, const char *name,
		    bool (*fn)(void *arg, Dwarf_Die *die), void *arg)
{
	struct found found = { 0 };
	bool is_over = false;
	size_t done = 0; /* names [0, done) were shown */

	while (!is_over) {
		size_t end = di->names.n;

		find_names(di, kind, name, done, end, &found);
		for (size_t i = 0; i < found.at.n && !is_over; i++) {
			/* fn may have more indexed, which moves the table. */
			Dwarf_Die die = di->names.items[found.at.items[i]].die;

			is_over = !fn(arg, &die);
		}
		done = end;
		if (di->n_scanned < di->units.n)
			scan_unit(di, &di->units.items[di->n_scanned++]);
		else if (done == di->names.n)
			break;
	}
	vec_deinit(&found.at);
}

/* ------------------------------------------- static variables of functions -- */

/* Those below a function or block; false: fn wants no more. */
static bool each_local(Dwarf_Die *parent, const char *name, bool (*fn)(void *arg, Dwarf_Die *die),
		       void *arg, unsigned depth)
{
	const char *s;
	Dwarf_Die die;

	if (depth > BLOCK_DEPTH || !debuginfo_child(parent, &die))
		return true;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_variable:
			s = debuginfo_string(&die, DW_AT_name);
			if (s && !strcmp(s, name) && !fn(arg, &die))
				return false;
			break;
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_namespace:
			if (!each_local(&die, name, fn, arg, depth + 1))
				return false;
			break;
		default: break;
		}
	} while (debuginfo_next(&die));
	return true;
}

void debuginfo_each_local(struct debuginfo *di, const char *name,
			  bool (*fn)(void *arg, Dwarf_Die *die), void *arg)
{
	for (size_t i = 0; i < di->units.n; i++)
		if (!each_local(debuginfo_unit_die(&di->units.items[i]), name, fn, arg, 0))
			return;
}
