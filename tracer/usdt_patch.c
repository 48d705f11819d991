/*
 * Objects whose probes are calls: what other systems' headers make of them,
 * __dtrace_prov___name(args) and __dtraceenabled_prov___name().
 *
 * Such a call becomes a nop (a tail call a return), its relocation nothing, and
 * a note in the object itself tells where it was, with the argument registers
 * as operands.  The note goes to the group of its code, so that both are
 * dropped together.  Is-enabled calls stay: the object that -G makes has the
 * functions.  A second run finds nothing to do.
 *
 * Calls by an address that was loaded (-fno-plt) become sites, too, where it is
 * certain which probe's address that is (usdt_flow.c).  The load stays: the
 * object that -G makes has a function to be called where it is not, which is
 * nothing but a site.
 */
#include "usdt_patch.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "../arch/arch.h"
#include "../dlang/strbuf.h"
#include "../dlang/vec.h"
#include "usdt_flow.h"

#define BASE_NAME "_.stapsdt.base"
#define NOTE_TYPE 3

/* A call that was found. */
struct site {
	size_t section;
	struct arch_link_site at;
	const struct dl_declared_probe *probe;
};

/* A symbol of ours. */
struct added {
	char *name;
	size_t index;
};

struct patch {
	const char *path;
	Elf *elf;
	Elf_Scn *symtab;
	size_t strtab, shstrtab;
	VEC(struct dl_declared_probe) probes;
	VEC(struct site) sites;
	VEC(struct added) added;
	VEC(void *) owned; /* until elf_update() */
	VEC(size_t) kept; /* symbols of probes that are referred to still */
	struct usdt_needs *needs;
	struct error *err;
};

void usdt_name(struct strbuf *sb, const struct dl_declared_probe *p, enum usdt_name which)
{
	static const char *const before[] = { "__dtrace_", "__dtraceenabled_", "" };

	strbuf_printf(sb, "%s%s%s", before[which], p->provider,
		      which == USDT_NAME_SEMAPHORE ? "_" : "___");
	for (const char *s = p->c_name; *s; s++)
		strbuf_puts(sb, *s == '-' ? "__" : (char[]){ *s, '\0' });
	if (which == USDT_NAME_SEMAPHORE)
		strbuf_puts(sb, "_semaphore");
}

static void see(struct patch *p, const struct dl_declared_probe *probe, enum usdt_seen how)
{
	p->needs->seen.items[probe - p->probes.items] |= (uint8_t)how;
}

static void fail(struct patch *p, const char *what)
{
	if (!p->err)
		p->err = error_format(ERR_OTHER, "failed to process %s: %s", p->path, what);
}

/* ------------------------------------------------------------- finding -- */

static const struct dl_declared_probe *probe_called(const struct patch *p, const char *symbol,
						    enum usdt_name which)
{
	for (size_t i = 0; i < p->probes.n; i++) {
		_cleanup_(strbuf_deinit) struct strbuf name = { 0 };

		usdt_name(&name, &p->probes.items[i], which);
		if (!strbuf_failed(&name) && !strcmp(strbuf_text(&name), symbol))
			return &p->probes.items[i];
	}
	return NULL;
}

static bool symbol_at(const struct patch *p, size_t i, GElf_Sym *sym, const char **name)
{
	GElf_Shdr sh;
	Elf_Data *data = elf_getdata(p->symtab, NULL);

	if (!data || i > INT32_MAX || !gelf_getsym(data, (int)i, sym) ||
	    !gelf_getshdr(p->symtab, &sh))
		return false;
	*name = elf_strptr(p->elf, sh.sh_link, sym->st_name);
	return *name != NULL;
}

static bool is_kept(const struct patch *p, size_t symbol)
{
	for (size_t i = 0; i < p->kept.n; i++)
		if (p->kept.items[i] == symbol)
			return true;
	return false;
}

/* The probe is called by its address. */
static void keep(struct patch *p, const struct dl_declared_probe *probe, size_t symbol)
{
	see(p, probe, USDT_SEEN_LOADED);
	if (!is_kept(p, symbol) && !vec_push(&p->kept, symbol))
		fail(p, "out of memory");
}

/* The probe that a relocation refers to, if it is one. */
static const struct dl_declared_probe *probe_of(struct patch *p, const GElf_Rela *rela)
{
	const struct dl_declared_probe *probe;
	const char *name;
	GElf_Sym sym;

	if (GELF_R_TYPE(rela->r_info) == arch_link_none ||
	    !symbol_at(p, GELF_R_SYM(rela->r_info), &sym, &name) || sym.st_shndx != SHN_UNDEF)
		return NULL;
	probe = probe_called(p, name, USDT_NAME_ENABLED);
	if (probe) {
		see(p, probe, USDT_SEEN_ASKED);
		p->needs->enabled = true;
		if (p->needs->is_foreign)
			fail(p, "it calls probes, and its code is for another machine than this "
				"dtrace's");
		return NULL;
	}
	probe = probe_called(p, name, USDT_NAME_CALL);
	if (probe && p->needs->is_foreign)
		fail(p, "it calls probes, and its code is for another machine than this dtrace's");
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
static bool see_reloc(struct patch *p, Elf_Scn *code, bool is_code, Elf_Data *relocs, int i)
{
	struct site s = { .section = elf_ndxscn(code) };
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
	if (!gelf_update_rela(relocs, i, &rela) || !vec_push(&p->sites, s))
		fail(p, "out of memory");
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	elf_flagdata(relocs, ELF_C_SET, ELF_F_DIRTY);
	return false;
}

/* ------------------------------------------- calls through registers -- */

#define OTHER UINT8_MAX /* some function that is no probe */

/* A section of code where addresses of probes are loaded. */
struct loaded {
	struct patch *p;
	size_t section;
	Elf_Data *code;
	VEC(struct usdt_load) loads;
	VEC(const struct dl_declared_probe *) probes; /* what of a load less 1 */
	VEC(uint64_t) joins;
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
			fail(l->p, "out of memory");
	}
}

/* Places that other sections refer to: cold code comes back there. */
static void list_joins(struct loaded *l)
{
	const char *name;
	GElf_Rela rela;
	GElf_Shdr sh, of;
	GElf_Sym sym;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(l->p->elf, scn));) {
		Elf_Data *relocs;
		Elf_Scn *target;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !sh.sh_entsize ||
		    sh.sh_info == l->section || !(target = elf_getscn(l->p->elf, sh.sh_info)) ||
		    !gelf_getshdr(target, &of) || !(of.sh_flags & SHF_ALLOC) ||
		    !(relocs = elf_getdata(scn, NULL)))
			continue;
		for (size_t i = 0; i < relocs->d_size / sh.sh_entsize; i++) {
			if (!gelf_getrela(relocs, (int)i, &rela) ||
			    !symbol_at(l->p, GELF_R_SYM(rela.r_info), &sym, &name) ||
			    sym.st_shndx != l->section)
				continue;
			/* Some count from the end of their four bytes. */
			for (unsigned more = 0; more <= 4; more += 4) {
				uint64_t to = sym.st_value + (uint64_t)rela.r_addend + more;

				if (!vec_push(&l->joins, to))
					fail(l->p, "out of memory");
			}
		}
	}
}

static void found(void *arg, uint64_t at, uint8_t what)
{
	struct loaded *l = arg;
	struct site s = { .section = l->section };

	if (what > l->probes.n || at >= l->code->d_size)
		return;
	s.probe = l->probes.items[what - 1];
	arch_link_indirect(l->code->d_buf, l->code->d_size, at, &s.at);
	if (!vec_push(&l->p->sites, s))
		fail(l->p, "out of memory");
	elf_flagdata(l->code, ELF_C_SET, ELF_F_DIRTY);
}

static bool loads_in(const struct loaded *l, const GElf_Sym *f)
{
	for (size_t i = 0; i < l->loads.n; i++)
		if (l->loads.items[i].what <= l->probes.n &&
		    l->loads.items[i].at - f->st_value < f->st_size)
			return true;
	return false;
}

static void see_loads(struct patch *p, Elf_Scn *code, Elf_Data *relocs, size_t n)
{
	struct loaded l = { .p = p, .section = elf_ndxscn(code), .code = elf_getdata(code, NULL) };
	const char *name;
	GElf_Sym f;

	if (!l.code || !l.code->d_buf)
		return;
	list_loads(&l, relocs, n);
	list_joins(&l);
	for (size_t i = 1; symbol_at(p, i, &f, &name); i++) {
		if (f.st_shndx != l.section || GELF_ST_TYPE(f.st_info) != STT_FUNC ||
		    f.st_value > l.code->d_size || f.st_size > l.code->d_size - f.st_value ||
		    !loads_in(&l, &f))
			continue;
		usdt_flow(l.code->d_buf, f.st_value, f.st_value + f.st_size, l.loads.items,
			  l.loads.n, l.joins.items, l.joins.n, found, &l);
	}
	vec_deinit(&l.loads);
	vec_deinit(&l.probes);
	vec_deinit(&l.joins);
}

/* Code that refers to a probe's counter asks whether it is enabled; notes are of its sites. */
static void see_semaphores(struct patch *p, Elf_Data *relocs, size_t n, enum usdt_seen how)
{
	GElf_Rela rela;
	GElf_Sym sym;

	for (size_t i = 0; i < n; i++) {
		const struct dl_declared_probe *probe;
		const char *name;

		if (!gelf_getrela(relocs, (int)i, &rela) ||
		    !symbol_at(p, GELF_R_SYM(rela.r_info), &sym, &name) ||
		    !(probe = probe_called(p, name, USDT_NAME_SEMAPHORE)))
			continue;
		see(p, probe, how);
	}
}

/* An earlier run has left notes that refer to it. */
static bool needs_base(const struct patch *p)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; symbol_at(p, i, &sym, &name); i++)
		if (sym.st_shndx == SHN_UNDEF && !strcmp(name, BASE_NAME))
			return true;
	return false;
}

static void find_sites(struct patch *p)
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

/* -------------------------------------------------------------- adding -- */

/* Bytes behind those of a section; returns where they are. */
static size_t append(struct patch *p, Elf_Scn *scn, const void *bytes, size_t len)
{
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	size_t at = data ? data->d_size : 0;
	/* What a hostile file calls its names may have a size, but no bytes. */
	char *grown = data && (!at || data->d_buf) ? malloc(at + len) : NULL;

	if (!grown || !vec_push(&p->owned, (void *)grown)) {
		free(grown);
		fail(p, "its symbol table can't be extended");
		return 0;
	}
	if (at)
		memcpy(grown, data->d_buf, at);
	memcpy(grown + at, bytes, len);
	data->d_buf = grown;
	data->d_size = at + len;
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return at;
}

/*
 * The symbol of that name, hidden, defined in another object; its index.  The
 * names of those that were added are kept here: libelf knows the old ones.
 */
static size_t add_symbol(struct patch *p, const char *name)
{
	Elf64_Sym sym = { .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
			  .st_other = STV_HIDDEN };
	struct added new = { .name = strdup(name) };
	const char *other;
	GElf_Sym old;

	for (size_t i = 0; i < p->added.n; i++)
		if (!strcmp(name, p->added.items[i].name)) {
			free(new.name);
			return p->added.items[i].index;
		}
	for (size_t i = 0; symbol_at(p, i, &old, &other); i++)
		if (!strcmp(name, other)) {
			free(new.name);
			return i;
		}
	sym.st_name = (Elf64_Word)append(p, elf_getscn(p->elf, p->strtab), name, strlen(name) + 1);
	new.index = append(p, p->symtab, &sym, sizeof(sym)) / sizeof(sym);
	if (!new.name || !vec_push(&p->added, new)) {
		free(new.name);
		fail(p, "out of memory");
	}
	return new.index;
}

/* Some symbol of a section, to relocate by; its value in *value. */
static size_t anchor_of(struct patch *p, size_t section, uint64_t *value)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; symbol_at(p, i, &sym, &name); i++) {
		if (sym.st_shndx != section)
			continue;
		*value = sym.st_value;
		return i;
	}
	fail(p, "the code that calls a probe has no symbol");
	return 0;
}

/* The type's size by its name; *is_signed. */
static unsigned size_of_type(const char *type, bool *is_signed)
{
	static const struct {
		const char *word;
		uint8_t size;
	} words[] = {
		{ "char", 1 },	   { "int8_t", 1 },  { "bool", 1 },  { "_Bool", 1 },
		{ "short", 2 },	   { "int16_t", 2 }, { "int", 4 },   { "int32_t", 4 },
		{ "unsigned", 4 }, { "pid_t", 4 },   { "uid_t", 4 }, { "gid_t", 4 },
	};
	unsigned size = 8;

	*is_signed = false;
	if (strpbrk(type, "*[") || strstr(type, "long") || strstr(type, "64"))
		return 8;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *at = strstr(type, words[i].word);
		size_t n = strlen(words[i].word);

		if (at && (!at[n] || at[n] == ' ') && words[i].size < size)
			size = words[i].size;
	}
	*is_signed = size < 8 && *type != 'u' && !strstr(type, "unsigned") &&
		     !strstr(type, "uint") && !strstr(type, "ool");
	return size;
}

void usdt_note_write(struct strbuf *sb, const struct dl_declared_probe *probe, bool at_function)
{
	struct strbuf desc = { 0 };
	uint64_t words[3] = { 0 };
	uint32_t head[3] = { 8, 0, NOTE_TYPE };

	strbuf_add(&desc, (const char *)words, sizeof(words));
	strbuf_add(&desc, probe->provider, strlen(probe->provider) + 1);
	for (const char *c = probe->c_name; *c; c++)
		strbuf_puts(&desc, *c == '-' ? "__" : (char[]){ *c, '\0' });
	strbuf_putc(&desc, '\0');
	for (unsigned i = 0; i < probe->n_args; i++) {
		char text[32];
		bool is_signed;
		unsigned size = size_of_type(probe->types[i], &is_signed);

		arch_link_operand(i, size, is_signed, at_function, text);
		strbuf_printf(&desc, "%s%s", i ? " " : "", text);
	}
	strbuf_putc(&desc, '\0');
	head[1] = (uint32_t)desc.len;
	strbuf_add(sb, (const char *)head, sizeof(head));
	strbuf_add(sb, "stapsdt", 8);
	strbuf_add(sb, strbuf_text(&desc), desc.len);
	while (sb->len % 4)
		strbuf_putc(sb, '\0');
	strbuf_deinit(&desc);
}

static Elf_Scn *add_section(struct patch *p, const char *name, const Elf64_Shdr *like,
			    struct strbuf *bytes, Elf_Type type)
{
	Elf_Scn *scn = elf_newscn(p->elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = data ? elf64_getshdr(scn) : NULL;
	size_t len = bytes->len;
	char *buf = strbuf_failed(bytes) ? NULL : strbuf_take(bytes);

	if (!sh || !buf || !vec_push(&p->owned, (void *)buf)) {
		free(buf);
		fail(p, "out of memory");
		return NULL;
	}
	*sh = *like;
	sh->sh_name =
		(Elf64_Word)append(p, elf_getscn(p->elf, p->shstrtab), name, strlen(name) + 1);
	*data = (Elf_Data){ .d_buf = buf,
			    .d_size = len,
			    .d_type = type,
			    .d_version = EV_CURRENT,
			    .d_align = like->sh_addralign };
	return scn;
}

/* Sections that go with code which others may have too (C++). */
static void join_group(struct patch *p, size_t code, Elf_Scn *const *scns, unsigned n)
{
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		Elf_Data *data;
		bool has = false;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_GROUP ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		for (size_t i = 1; i < data->d_size / sizeof(Elf32_Word); i++)
			has |= ((Elf32_Word *)data->d_buf)[i] == code;
		if (!has)
			continue;
		for (unsigned i = 0; i < n; i++) {
			Elf32_Word index = (Elf32_Word)elf_ndxscn(scns[i]);
			Elf64_Shdr *own = elf64_getshdr(scns[i]);

			(void)append(p, scn, &index, sizeof(index));
			if (own)
				own->sh_flags |= SHF_GROUP;
		}
		return;
	}
}

static void add_relocs(struct strbuf *sb, size_t note, size_t code, size_t base, size_t semaphore,
		       int64_t addend)
{
	const Elf64_Rela relas[] = {
		{ note, ELF64_R_INFO(code, arch_link_word), addend },
		{ note + 8, ELF64_R_INFO(base, arch_link_word), 0 },
		{ note + 16, ELF64_R_INFO(semaphore, arch_link_word), 0 },
	};

	strbuf_add(sb, (const char *)relas, sizeof(relas));
}

/* The notes of all sites in one section of code. */
static void add_notes(struct patch *p, size_t code)
{
	struct strbuf notes = { 0 }, relocs = { 0 };
	size_t base = add_symbol(p, BASE_NAME), anchor;
	uint64_t value = 0;
	Elf_Scn *added[2];

	anchor = anchor_of(p, code, &value);
	for (size_t i = 0; i < p->sites.n; i++) {
		const struct site *s = &p->sites.items[i];
		_cleanup_(strbuf_deinit) struct strbuf name = { 0 };

		if (s->section != code)
			continue;
		usdt_name(&name, s->probe, USDT_NAME_SEMAPHORE);
		add_relocs(&relocs, notes.len + USDT_NOTE_WORDS, anchor, base,
			   add_symbol(p, strbuf_text(&name)), (int64_t)(s->at.at - value));
		usdt_note_write(&notes, s->probe, s->at.is_tail);
	}
	const Elf64_Shdr note = { .sh_type = SHT_NOTE, .sh_addralign = 4 };

	added[0] = add_section(p, ".note.stapsdt", &note, &notes, ELF_T_BYTE);
	if (added[0]) {
		const Elf64_Shdr rela = { .sh_type = SHT_RELA,
					  .sh_flags = SHF_INFO_LINK,
					  .sh_addralign = 8,
					  .sh_entsize = sizeof(Elf64_Rela),
					  .sh_link = (Elf64_Word)elf_ndxscn(p->symtab),
					  .sh_info = (Elf64_Word)elf_ndxscn(added[0]) };

		added[1] = add_section(p, ".rela.note.stapsdt", &rela, &relocs, ELF_T_RELA);
		if (added[1])
			join_group(p, code, added, 2);
	}
	strbuf_deinit(&notes);
	strbuf_deinit(&relocs);
}

/* Nobody defines the functions that were called: that is no error now. */
static void weaken(struct patch *p)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; symbol_at(p, i, &sym, &name); i++) {
		if (sym.st_shndx != SHN_UNDEF || is_kept(p, i) ||
		    !probe_called(p, name, USDT_NAME_CALL))
			continue;
		sym.st_info = GELF_ST_INFO(STB_WEAK, GELF_ST_TYPE(sym.st_info));
		(void)gelf_update_sym(elf_getdata(p->symtab, NULL), (int)i, &sym);
	}
}

static void rewrite(struct patch *p)
{
	for (size_t i = 0; i < p->sites.n && !p->err; i++) {
		bool was_there = false;

		for (size_t j = 0; j < i; j++)
			was_there |= p->sites.items[j].section == p->sites.items[i].section;
		if (!was_there)
			add_notes(p, p->sites.items[i].section);
	}
	weaken(p);
	p->needs->base = true;
	p->needs->sites = true;
	if (!p->err && elf_update(p->elf, ELF_C_WRITE) < 0)
		fail(p, elf_errmsg(-1));
}

/* ------------------------------------------------------------- objects -- */

static void add_probe(void *arg, const struct dl_declared_probe *probe)
{
	struct patch *p = arg;

	if (!vec_push(&p->probes, *probe) ||
	    (p->needs->seen.n < p->probes.n && !vec_push(&p->needs->seen, 0)))
		fail(p, "out of memory");
}

static bool find_tables(struct patch *p)
{
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		p->symtab = scn;
		p->strtab = sh.sh_link;
		return !elf_getshdrstrndx(p->elf, &p->shstrtab);
	}
	return false;
}

struct error *usdt_patch_object(const char *path, Elf *elf, const struct dl_ctx *c,
				struct usdt_needs *needs)
{
	struct patch p = { .path = path, .elf = elf, .needs = needs };

	dl_ctx_each_declared(c, add_probe, &p);
	if (!p.err && find_tables(&p)) {
		needs->base |= needs_base(&p);
		find_sites(&p);
	}
	if (p.sites.n && !p.err)
		rewrite(&p);
	for (size_t i = 0; i < p.owned.n; i++)
		free(p.owned.items[i]);
	for (size_t i = 0; i < p.added.n; i++)
		free(p.added.items[i].name);
	vec_deinit(&p.added);
	vec_deinit(&p.kept);
	vec_deinit(&p.owned);
	vec_deinit(&p.sites);
	vec_deinit(&p.probes);
	return p.err;
}
