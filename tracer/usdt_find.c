/*
 * Objects whose probes are calls: where the calls are.
 *
 * Direct ones are told by their relocations.  Of those by an address that was
 * loaded (-fno-plt) it must be certain which probe's address that is; so the
 * functions that load one are looked at (usdt_flow.c).
 *
 * Rule: an object may have tens of thousands of sections and functions.  What
 * is asked for one by one is looked up in what was sorted once.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "usdt_flow.h"
#include "usdt_patch_int.h"

/* -------------------------------------------------------------- places -- */

bool usdt_places_add(struct usdt_places *ps, size_t section, uint64_t value)
{
	return vec_push(&ps->list, ((struct usdt_place){ section, value }));
}

static int compare_places(const void *pa, const void *pb)
{
	const struct usdt_place *a = pa, *b = pb;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->value < b->value ? -1 : a->value > b->value;
}

void usdt_places_sort(struct usdt_places *ps)
{
	if (ps->list.n)
		qsort(ps->list.items, ps->list.n, sizeof(ps->list.items[0]), compare_places);
}

size_t usdt_places_from(const struct usdt_places *ps, size_t section, uint64_t from)
{
	const struct usdt_place key = { section, from };
	size_t lo = 0, hi = ps->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_places(&ps->list.items[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ------------------------------------------------------- direct calls -- */

static void see(struct usdt_patch *p, const struct dl_declared_probe *probe, enum usdt_seen how)
{
	p->needs->seen.items[probe - p->probes.items] |= (uint8_t)how;
}

const struct dl_declared_probe *usdt_find_probe(const struct usdt_patch *p, const char *symbol,
						enum usdt_name which)
{
	static const char begin[] = "__dtrace", end[] = "_semaphore";
	size_t len = strlen(symbol);

	/* Most symbols are nobody's. */
	if (which == USDT_NAME_SEMAPHORE ?
		    len < sizeof(end) || strcmp(symbol + len - (sizeof(end) - 1), end) :
		    strncmp(symbol, begin, sizeof(begin) - 1))
		return NULL;
	for (size_t i = 0; i < p->probes.n; i++) {
		_cleanup_(strbuf_deinit) struct strbuf name = { 0 };

		usdt_name(&name, &p->probes.items[i], which);
		if (!strbuf_failed(&name) && !strcmp(strbuf_text(&name), symbol))
			return &p->probes.items[i];
	}
	return NULL;
}

bool usdt_find_is_kept(const struct usdt_patch *p, size_t symbol)
{
	for (size_t i = 0; i < p->kept.n; i++)
		if (p->kept.items[i] == symbol)
			return true;
	return false;
}

/* The probe is called by its address. */
static void keep(struct usdt_patch *p, const struct dl_declared_probe *probe, size_t symbol)
{
	see(p, probe, USDT_SEEN_LOADED);
	if (!usdt_find_is_kept(p, symbol) && !vec_push(&p->kept, symbol))
		usdt_patch_fail(p, "out of memory");
}

/* The probe that a relocation refers to, if it is one. */
static const struct dl_declared_probe *probe_of(struct usdt_patch *p, const GElf_Rela *rela)
{
	const struct dl_declared_probe *probe;
	const char *name;
	GElf_Sym sym;

	if (GELF_R_TYPE(rela->r_info) == arch_link_none ||
	    !usdt_patch_symbol(p, GELF_R_SYM(rela->r_info), &sym, &name) ||
	    sym.st_shndx != SHN_UNDEF)
		return NULL;
	probe = usdt_find_probe(p, name, USDT_NAME_ENABLED);
	if (probe) {
		see(p, probe, USDT_SEEN_ASKED);
		p->needs->enabled = true;
		if (p->needs->is_foreign)
			usdt_patch_fail(
				p, "it calls probes, and its code is for another machine than this "
				   "dtrace's");
		return NULL;
	}
	probe = usdt_find_probe(p, name, USDT_NAME_CALL);
	if (probe && p->needs->is_foreign)
		usdt_patch_fail(
			p,
			"it calls probes, and its code is for another machine than this dtrace's");
	if (probe)
		see(p, probe, USDT_SEEN_FIRED);
	if (!probe && !strncmp(name, "__dtrace", 8) && strstr(name, "___") && !p->err)
		p->err = error_format(ERR_OTHER,
				      "failed to process %s: it calls %s, but no "
				      "provider given has that probe",
				      p->path, name);
	return probe;
}

/* A probe's address in data; in code, the call behind a relocation.  true: it is loaded there. */
static bool see_reloc(struct usdt_patch *p, Elf_Scn *code, bool is_code, Elf_Data *relocs, int i)
{
	struct usdt_call s = { .section = elf_ndxscn(code) };
	Elf_Data *data = elf_getdata(code, NULL);
	GElf_Rela rela;

	if (!gelf_getrela(relocs, i, &rela))
		return false;
	s.probe = probe_of(p, &rela);
	if (!s.probe)
		return false;
	if (!is_code || !data || !data->d_buf ||
	    !arch_link_probe(data->d_buf, data->d_size, rela.r_offset, &s.at)) {
		keep(p, s.probe, GELF_R_SYM(rela.r_info));
		return is_code;
	}
	rela.r_info = GELF_R_INFO(GELF_R_SYM(rela.r_info), arch_link_none);
	if (!gelf_update_rela(relocs, i, &rela) || !vec_push(&p->calls, s))
		usdt_patch_fail(p, "out of memory");
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	elf_flagdata(relocs, ELF_C_SET, ELF_F_DIRTY);
	return false;
}

/* ------------------------------------------- calls through registers -- */

#define OTHER UINT8_MAX /* some function that is no probe */

/* A section of code where addresses of probes are loaded. */
struct loaded {
	struct usdt_patch *p;
	size_t section;
	Elf_Data *code;
	VEC(struct usdt_load) loads; /* sorted */
	VEC(const struct dl_declared_probe *) probes; /* what of a load less 1 */
	VEC(uint64_t) joins; /* of the function at hand */
};

static uint8_t what_is(struct loaded *l, const struct dl_declared_probe *probe)
{
	for (size_t i = 0; i < l->probes.n; i++)
		if (l->probes.items[i] == probe)
			return (uint8_t)(i + 1);
	if (!probe || l->probes.n + 1 >= OTHER || !vec_push(&l->probes, probe))
		return OTHER;
	return (uint8_t)l->probes.n;
}

static int compare_loads(const void *pa, const void *pb)
{
	const struct usdt_load *a = pa, *b = pb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->reg != b->reg ? a->reg - b->reg : a->what - b->what;
}

static void list_loads(struct loaded *l, Elf_Data *relocs, size_t n)
{
	GElf_Rela rela;

	for (size_t i = 0; i < n; i++) {
		struct usdt_load load = { .at = UINT64_MAX };

		if (!gelf_getrela(relocs, (int)i, &rela))
			continue;
		load.reg = arch_link_load(l->code->d_buf, l->code->d_size, rela.r_offset,
					  (uint32_t)GELF_R_TYPE(rela.r_info), &load.at);
		load.what = what_is(l, probe_of(l->p, &rela));
		if (load.at != UINT64_MAX && !vec_push(&l->loads, load))
			usdt_patch_fail(l->p, "out of memory");
	}
	if (l->loads.n)
		qsort(l->loads.items, l->loads.n, sizeof(l->loads.items[0]), compare_loads);
}

/* Places in other sections that one refers to. */
static void add_joins(struct usdt_patch *p, const GElf_Shdr *sh, Elf_Data *relocs)
{
	const char *name;
	GElf_Rela rela;
	GElf_Sym sym;

	for (size_t i = 0; i < relocs->d_size / sh->sh_entsize; i++) {
		if (!gelf_getrela(relocs, (int)i, &rela) ||
		    !usdt_patch_symbol(p, GELF_R_SYM(rela.r_info), &sym, &name) ||
		    sym.st_shndx == sh->sh_info || sym.st_shndx == SHN_UNDEF)
			continue;
		/* Some count from the end of their four bytes. */
		for (unsigned more = 0; more <= 4; more += 4)
			if (!usdt_places_add(&p->joins, sym.st_shndx,
					     sym.st_value + (uint64_t)rela.r_addend + more))
				usdt_patch_fail(p, "out of memory");
	}
}

/* Places that other sections refer to: cold code comes back there. */
static void find_joins(struct usdt_patch *p)
{
	GElf_Shdr sh, of;

	p->has_joins = true;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		Elf_Data *relocs;
		Elf_Scn *target;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !sh.sh_entsize ||
		    !(target = elf_getscn(p->elf, sh.sh_info)) || !gelf_getshdr(target, &of) ||
		    !(of.sh_flags & SHF_ALLOC) || !(relocs = elf_getdata(scn, NULL)))
			continue;
		add_joins(p, &sh, relocs);
	}
	usdt_places_sort(&p->joins);
}

static void list_joins(struct loaded *l, uint64_t start, uint64_t end)
{
	const struct usdt_places *all = &l->p->joins;

	l->joins.n = 0;
	for (size_t i = usdt_places_from(all, l->section, start);
	     i < all->list.n && all->list.items[i].section == l->section &&
	     all->list.items[i].value < end;
	     i++)
		if (!vec_push(&l->joins, all->list.items[i].value))
			usdt_patch_fail(l->p, "out of memory");
}

static void found(void *arg, uint64_t at, uint8_t what)
{
	struct loaded *l = arg;
	struct usdt_call s = { .section = l->section };

	if (what > l->probes.n || at >= l->code->d_size)
		return;
	s.probe = l->probes.items[what - 1];
	arch_link_indirect(l->code->d_buf, l->code->d_size, at, &s.at);
	if (!vec_push(&l->p->calls, s))
		usdt_patch_fail(l->p, "out of memory");
	elf_flagdata(l->code, ELF_C_SET, ELF_F_DIRTY);
}

/* How many of the sorted loads are below an address. */
static size_t loads_below(const struct loaded *l, uint64_t addr)
{
	size_t lo = 0, hi = l->loads.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->loads.items[mid].at < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A function of the section: all of its calls, if it loads the address of a probe. */
static void see_function(struct loaded *l, const GElf_Sym *f)
{
	uint64_t end = f->st_value + f->st_size;
	size_t from = loads_below(l, f->st_value), n = loads_below(l, end) - from;
	bool has_probe = false;

	for (size_t i = 0; i < n; i++)
		has_probe |= l->loads.items[from + i].what <= l->probes.n;
	if (!has_probe)
		return;
	list_joins(l, f->st_value, end);
	usdt_flow(l->code->d_buf, f->st_value, end, l->loads.items + from, n, l->joins.items,
		  l->joins.n, found, l);
}

static void see_loads(struct usdt_patch *p, Elf_Scn *code, Elf_Data *relocs, size_t n)
{
	struct loaded l = { .p = p, .section = elf_ndxscn(code), .code = elf_getdata(code, NULL) };
	const struct usdt_places *all = &p->symbols;
	const char *name;
	GElf_Sym f;

	if (!l.code || !l.code->d_buf)
		return;
	list_loads(&l, relocs, n);
	if (!p->has_joins)
		find_joins(p);
	for (size_t i = usdt_places_from(all, l.section, 0);
	     i < all->list.n && all->list.items[i].section == l.section && !p->err; i++)
		if (usdt_patch_symbol(p, all->list.items[i].value, &f, &name) &&
		    GELF_ST_TYPE(f.st_info) == STT_FUNC && f.st_value <= l.code->d_size &&
		    f.st_size <= l.code->d_size - f.st_value)
			see_function(&l, &f);
	vec_deinit(&l.loads);
	vec_deinit(&l.probes);
	vec_deinit(&l.joins);
}

/* Code that refers to a probe's counter asks whether it is enabled; notes are of its sites. */
static void see_semaphores(struct usdt_patch *p, Elf_Data *relocs, size_t n, enum usdt_seen how)
{
	GElf_Rela rela;
	GElf_Sym sym;

	for (size_t i = 0; i < n; i++) {
		const struct dl_declared_probe *probe;
		const char *name;

		if (!gelf_getrela(relocs, (int)i, &rela) ||
		    !usdt_patch_symbol(p, GELF_R_SYM(rela.r_info), &sym, &name) ||
		    !(probe = usdt_find_probe(p, name, USDT_NAME_SEMAPHORE)))
			continue;
		see(p, probe, how);
	}
}

void usdt_find_calls(struct usdt_patch *p)
{
	GElf_Shdr sh, code_sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		bool has_loads = false;
		Elf_Data *relocs;
		Elf_Scn *code;
		size_t n;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !sh.sh_entsize ||
		    !(code = elf_getscn(p->elf, sh.sh_info)) || !gelf_getshdr(code, &code_sh) ||
		    !(relocs = elf_getdata(scn, NULL)))
			continue;
		n = relocs->d_size / sh.sh_entsize;
		if (code_sh.sh_type == SHT_NOTE)
			see_semaphores(p, relocs, n, USDT_SEEN_FIRED);
		else if (code_sh.sh_flags & SHF_EXECINSTR)
			see_semaphores(p, relocs, n, USDT_SEEN_ASKED);
		if (!(code_sh.sh_flags & SHF_ALLOC))
			continue;
		for (size_t i = 0; i < n && !p->err; i++)
			has_loads |= see_reloc(p, code, code_sh.sh_flags & SHF_EXECINSTR, relocs,
					       (int)i);
		if (has_loads && !p->err)
			see_loads(p, code, relocs, n);
	}
}
