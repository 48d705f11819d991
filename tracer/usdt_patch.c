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
 * certain which probe's address that is.  The load stays: the object that -G
 * makes has a function to be called where it is not, which is nothing but a
 * site.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "usdt_patch_int.h"

#define BASE_NAME "_.stapsdt.base"
#define NOTE_TYPE 3

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

void usdt_patch_fail(struct usdt_patch *p, const char *what)
{
	if (!p->err)
		p->err = error_format(ERR_OTHER, "failed to process %s: %s", p->path, what);
}

bool usdt_patch_symbol(const struct usdt_patch *p, size_t i, GElf_Sym *sym, const char **name)
{
	Elf_Data *data = elf_getdata(p->symtab, NULL);

	if (!data || i > INT32_MAX || !gelf_getsym(data, (int)i, sym))
		return false;
	*name = elf_strptr(p->elf, p->strtab, sym->st_name);
	return *name != NULL;
}

/* -------------------------------------------------------------- adding -- */

static struct usdt_table *table_of(struct usdt_patch *p, Elf_Scn *scn)
{
	size_t section = elf_ndxscn(scn);

	for (size_t i = 0; i < ARRAY_SIZE(p->tables); i++)
		if (p->tables[i].section == section)
			return &p->tables[i];
	return NULL;
}

/*
 * Room for len bytes behind those of a section; NULL.  Symbols and names are
 * many: their tables grow in steps, all else once.
 */
static char *grow(struct usdt_patch *p, Elf_Scn *scn, Elf_Data *data, size_t len)
{
	struct usdt_table *table = table_of(p, scn);
	size_t want = data->d_size + len;
	char *bytes;

	if (table && table->bytes && want <= table->cap)
		return table->bytes;
	/* What a hostile file calls its names may have a size, but no bytes. */
	if (data->d_size && !data->d_buf)
		return NULL;
	want = table ? want * 2 : want;
	bytes = malloc(want);
	if (!bytes)
		return NULL;
	if (data->d_size)
		memcpy(bytes, data->d_buf, data->d_size);
	if (table) {
		free(table->bytes);
		*table = (struct usdt_table){ table->section, bytes, want };
	} else if (!vec_push(&p->owned, (void *)bytes)) {
		free(take_ptr(bytes));
	}
	return bytes;
}

/* Bytes behind those of a section; returns where they are. */
static size_t append(struct usdt_patch *p, Elf_Scn *scn, const void *bytes, size_t len)
{
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	char *grown = data ? grow(p, scn, data, len) : NULL;
	size_t at = data ? data->d_size : 0;

	if (!grown) {
		usdt_patch_fail(p, "its symbol table can't be extended");
		return 0;
	}
	memcpy(grown + at, bytes, len);
	data->d_buf = grown;
	data->d_size = at + len;
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return at;
}

/* The symbol of that name, hidden, defined in another object; its index. */
static size_t new_symbol(struct usdt_patch *p, const char *name)
{
	Elf64_Sym sym = { .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
			  .st_other = STV_HIDDEN };

	sym.st_name = (Elf64_Word)append(p, elf_getscn(p->elf, p->strtab), name, strlen(name) + 1);
	return append(p, p->symtab, &sym, sizeof(sym)) / sizeof(sym);
}

/* The same, but once for each name; libelf knows the names of the old ones only. */
static size_t add_symbol(struct usdt_patch *p, const char *name)
{
	struct usdt_named new = { .name = strdup(name) };
	const char *other;
	GElf_Sym old;

	for (size_t i = 0; i < p->named.n; i++)
		if (!strcmp(name, p->named.items[i].name)) {
			free(new.name);
			return p->named.items[i].index;
		}
	for (size_t i = 0; !new.index &&usdt_patch_symbol(p, i, &old, &other); i++)
		if (!strcmp(name, other))
			new.index = i;
	if (!new.index)
		new.index = new_symbol(p, name);
	if (!new.name || !vec_push(&p->named, new)) {
		free(new.name);
		usdt_patch_fail(p, "out of memory");
	}
	return new.index;
}

/* Some symbol of a section, to relocate by; its value in *value. */
static size_t anchor_of(struct usdt_patch *p, size_t section, uint64_t *value)
{
	size_t i = usdt_places_from(&p->symbols, section, 0);
	const char *name;
	GElf_Sym sym;

	if (i == p->symbols.list.n || p->symbols.list.items[i].section != section ||
	    !usdt_patch_symbol(p, p->symbols.list.items[i].value, &sym, &name)) {
		usdt_patch_fail(p, "the code that calls a probe has no symbol");
		return 0;
	}
	*value = sym.st_value;
	return p->symbols.list.items[i].value;
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

/* *at: where the name is in the table of names, which all sections called so share; 0 not yet. */
static Elf_Scn *add_section(struct usdt_patch *p, const char *name, size_t *at,
			    const Elf64_Shdr *like, struct strbuf *bytes, Elf_Type type)
{
	Elf_Scn *scn = elf_newscn(p->elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = data ? elf64_getshdr(scn) : NULL;
	size_t len = bytes->len;
	char *buf = strbuf_failed(bytes) ? NULL : strbuf_take(bytes);

	if (!sh || !buf || !vec_push(&p->owned, (void *)buf)) {
		free(buf);
		usdt_patch_fail(p, "out of memory");
		return NULL;
	}
	if (!*at)
		*at = append(p, elf_getscn(p->elf, p->shstrtab), name, strlen(name) + 1);
	*sh = *like;
	sh->sh_name = (Elf64_Word)*at;
	*data = (Elf_Data){ .d_buf = buf,
			    .d_size = len,
			    .d_type = type,
			    .d_version = EV_CURRENT,
			    .d_align = like->sh_addralign };
	return scn;
}

static void find_groups(struct usdt_patch *p)
{
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_GROUP ||
		    !(data = elf_getdata(scn, NULL)) || !data->d_buf)
			continue;
		for (size_t i = 1; i < data->d_size / sizeof(Elf32_Word); i++)
			if (!usdt_places_add(&p->groups, ((Elf32_Word *)data->d_buf)[i],
					     elf_ndxscn(scn)))
				usdt_patch_fail(p, "out of memory");
	}
	usdt_places_sort(&p->groups);
}

/* Sections that go with code which others may have too (C++). */
static void join_group(struct usdt_patch *p, size_t code, Elf_Scn *const scns[2])
{
	size_t at = usdt_places_from(&p->groups, code, 0);
	Elf32_Word indices[2];

	if (at == p->groups.list.n || p->groups.list.items[at].section != code)
		return;
	for (unsigned i = 0; i < 2; i++) {
		Elf64_Shdr *own = elf64_getshdr(scns[i]);

		indices[i] = (Elf32_Word)elf_ndxscn(scns[i]);
		if (own)
			own->sh_flags |= SHF_GROUP;
	}
	(void)append(p, elf_getscn(p->elf, p->groups.list.items[at].value), indices,
		     sizeof(indices));
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

/* The notes of calls in one section of code: those of the list from *at on, which is moved on. */
static void add_notes(struct usdt_patch *p, const struct usdt_places *calls, size_t *at)
{
	struct strbuf notes = { 0 }, relocs = { 0 };
	size_t code = calls->list.items[*at].section, base = add_symbol(p, BASE_NAME), anchor;
	uint64_t value = 0;
	Elf_Scn *added[2];

	anchor = anchor_of(p, code, &value);
	for (; *at < calls->list.n && calls->list.items[*at].section == code; ++*at) {
		const struct usdt_call *s = &p->calls.items[calls->list.items[*at].value];
		_cleanup_(strbuf_deinit) struct strbuf name = { 0 };

		usdt_name(&name, s->probe, USDT_NAME_SEMAPHORE);
		add_relocs(&relocs, notes.len + USDT_NOTE_WORDS, anchor, base,
			   add_symbol(p, strbuf_text(&name)), (int64_t)(s->at.at - value));
		usdt_note_write(&notes, s->probe, s->at.is_tail);
	}
	const Elf64_Shdr note = { .sh_type = SHT_NOTE, .sh_addralign = 4 };

	added[0] = add_section(p, ".note.stapsdt", &p->note_name, &note, &notes, ELF_T_BYTE);
	if (added[0]) {
		const Elf64_Shdr rela = { .sh_type = SHT_RELA,
					  .sh_flags = SHF_INFO_LINK,
					  .sh_addralign = 8,
					  .sh_entsize = sizeof(Elf64_Rela),
					  .sh_link = (Elf64_Word)elf_ndxscn(p->symtab),
					  .sh_info = (Elf64_Word)elf_ndxscn(added[0]) };

		added[1] = add_section(p, ".rela.note.stapsdt", &p->rela_name, &rela, &relocs,
				       ELF_T_RELA);
		if (added[1])
			join_group(p, code, added);
	}
	strbuf_deinit(&notes);
	strbuf_deinit(&relocs);
}

/* Nobody defines the functions that were called: that is no error now. */
static void weaken(struct usdt_patch *p)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; usdt_patch_symbol(p, i, &sym, &name); i++) {
		if (sym.st_shndx != SHN_UNDEF || usdt_find_is_kept(p, i) ||
		    !usdt_find_probe(p, name, USDT_NAME_CALL))
			continue;
		sym.st_info = GELF_ST_INFO(STB_WEAK, GELF_ST_TYPE(sym.st_info));
		(void)gelf_update_sym(elf_getdata(p->symtab, NULL), (int)i, &sym);
	}
}

static void rewrite(struct usdt_patch *p)
{
	struct usdt_places calls = { 0 };
	size_t at = 0;

	find_groups(p);
	for (size_t i = 0; i < p->calls.n; i++)
		if (!usdt_places_add(&calls, p->calls.items[i].section, i))
			usdt_patch_fail(p, "out of memory");
	usdt_places_sort(&calls);
	while (at < calls.list.n && !p->err)
		add_notes(p, &calls, &at);
	vec_deinit(&calls.list);
	weaken(p);
	p->needs->base = true;
	p->needs->sites = true;
	if (!p->err && elf_update(p->elf, ELF_C_WRITE) < 0)
		usdt_patch_fail(p, elf_errmsg(-1));
}

/* ------------------------------------------------------------- objects -- */

static void add_probe(void *arg, const struct dl_declared_probe *probe)
{
	struct usdt_patch *p = arg;

	if (!vec_push(&p->probes, *probe) ||
	    (p->needs->seen.n < p->probes.n && !vec_push(&p->needs->seen, 0)))
		usdt_patch_fail(p, "out of memory");
}

/* An earlier run has left notes that refer to it. */
static bool needs_base(const struct usdt_patch *p)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; usdt_patch_symbol(p, i, &sym, &name); i++)
		if (sym.st_shndx == SHN_UNDEF && !strcmp(name, BASE_NAME))
			return true;
	return false;
}

static bool find_tables(struct usdt_patch *p)
{
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(p->elf, scn));) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		p->symtab = scn;
		p->strtab = sh.sh_link;
		if (elf_getshdrstrndx(p->elf, &p->shstrtab))
			return false;
		p->tables[0].section = elf_ndxscn(scn);
		p->tables[1].section = p->strtab;
		p->tables[2].section = p->shstrtab;
		return true;
	}
	return false;
}

static void find_symbols(struct usdt_patch *p)
{
	const char *name;
	GElf_Sym sym;

	for (size_t i = 1; usdt_patch_symbol(p, i, &sym, &name); i++)
		if (sym.st_shndx != SHN_UNDEF && !usdt_places_add(&p->symbols, sym.st_shndx, i))
			usdt_patch_fail(p, "out of memory");
	usdt_places_sort(&p->symbols);
}

static void patch_deinit(struct usdt_patch *p)
{
	for (size_t i = 0; i < p->owned.n; i++)
		free(p->owned.items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p->tables); i++)
		free(p->tables[i].bytes);
	for (size_t i = 0; i < p->named.n; i++)
		free(p->named.items[i].name);
	vec_deinit(&p->symbols.list);
	vec_deinit(&p->joins.list);
	vec_deinit(&p->groups.list);
	vec_deinit(&p->named);
	vec_deinit(&p->kept);
	vec_deinit(&p->owned);
	vec_deinit(&p->calls);
	vec_deinit(&p->probes);
}

struct error *usdt_patch_object(const char *path, Elf *elf, const struct dl_ctx *c,
				struct usdt_needs *needs)
{
	struct usdt_patch p = { .path = path, .elf = elf, .needs = needs };

	dl_ctx_each_declared(c, add_probe, &p);
	if (!p.err && find_tables(&p)) {
		needs->base |= needs_base(&p);
		find_symbols(&p);
		usdt_find_calls(&p);
	}
	if (p.calls.n && !p.err)
		rewrite(&p);
	patch_deinit(&p);
	return p.err;
}
