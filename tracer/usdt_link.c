/*
 * dtrace -G: the object to link with a program that has static probes.
 *
 * The notes of the probes are in the program's own objects already (the
 * macros of -h put them there), so what is left are the semaphores; objects
 * that call probes as other systems' headers make them are changed in place
 * (usdt_patch.c), and what they call to ask whether a probe is enabled is
 * made too, as are functions for calls by address.  Running -G again gives the
 * same result.  All symbols are weak: parts of a program that were linked with
 * such an object each can be linked together.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../arch/arch.h"
#include "../dlang/strbuf.h"
#include "object.h"
#include "usdt_build.h"
#include "usdt_patch.h"

/* ------------------------------------------------- the objects given -- */

static struct error *check_object(const char *path, Elf *elf, unsigned *machine)
{
	GElf_Ehdr eh;

	if (elf_kind(elf) == ELF_K_AR)
		return error_format(ERR_OTHER,
				    "failed to process %s: archives are not permitted; "
				    "use the contents of the archive instead",
				    path);
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return error_format(ERR_OTHER, "failed to process %s: it is not an object file",
				    path);
	if (eh.e_type != ET_REL)
		return error_format(ERR_OTHER,
				    "failed to process %s: it is not a relocatable "
				    "object",
				    path);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		return error_format(ERR_OTHER,
				    "failed to process %s: incorrect ELF class for an "
				    "object file: only 64-bit ones are supported",
				    path);
	if (*machine && *machine != eh.e_machine)
		return error_format(ERR_OTHER,
				    "failed to process %s: incorrect ELF machine type "
				    "for an object file",
				    path);
	*machine = eh.e_machine;
	return NULL;
}

/* Headers of -h define semaphores wherever they are included. */
static bool has_semaphore(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	static const char suffix[] = "_semaphore";
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
		const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);
		size_t len = name ? strlen(name) : 0;

		if (len >= sizeof(suffix) && !strcmp(name + len - (sizeof(suffix) - 1), suffix))
			return true;
	}
	return false;
}

/* Are there probes in the object, or is it for the linker to make its code? */
static bool has_sites(Elf *elf)
{
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (!name)
			continue;
		if (!strcmp(name, ".note.stapsdt") || !strncmp(name, ".gnu.lto_", 9) ||
		    !strcmp(name, ".SUNW_dof") ||
		    (sh.sh_type == SHT_SYMTAB && has_semaphore(elf, scn, &sh)))
			return true;
	}
	return false;
}

static struct error *take_object(const char *path, const struct dl_ctx *c, unsigned own,
				 unsigned *machine, struct usdt_needs *needs)
{
	struct error *err;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	Elf_Cmd how = ELF_C_RDWR;
	Elf *elf;

	if (fd < 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		how = ELF_C_READ;
	}
	if (fd < 0)
		return error_os(errno, "failed to open %s", path);
	elf = elf_begin(fd, how, NULL);
	err = elf ? check_object(path, elf, machine) :
		    error_format(ERR_OTHER, "failed to process %s: %s", path, elf_errmsg(-1));
	needs->is_foreign = !err && *machine != own;
	/* First: what is added to the object is libelf's no more once it is written. */
	if (!err) {
		needs->sites = needs->sites || has_sites(elf);
		err = usdt_patch_object(path, elf, c, needs);
	}
	needs->sites = needs->sites || needs->enabled;
	elf_end(elf);
	close(fd);
	return err;
}

/* --------------------------------------------------- the object made -- */

#define SECTIONS_MAX 16
#define BASE "_.stapsdt.base"
#define BASE_SYMBOL 1 /* if there is one */

struct section {
	const char *name;
	Elf64_Shdr sh;
	void *bytes;
	size_t len;
	Elf_Type type;
};

struct output {
	VEC(Elf64_Sym) symbols;
	VEC(Elf64_Rela) relocs; /* of the code */
	VEC(Elf64_Rela) note_relocs;
	struct strbuf strings, code, names, decls, notes, property;
	unsigned n_probes;
	struct usdt_needs needs;
	struct section sections[SECTIONS_MAX];
	unsigned n_sections; /* with the empty one */
	unsigned code_section, base_section;
	bool failed;
};

/* Numbers are known before the bytes: those of what is always there come first. */
enum { SEC_PROBES = 1, SEC_SYMTAB, SEC_STRTAB, SEC_OTHERS };

static size_t add_symbol(struct output *o, const char *name, unsigned char type, unsigned section,
			 uint64_t value, uint64_t size)
{
	Elf64_Sym sym = {
		.st_name = (Elf64_Word)o->strings.len,
		.st_info = ELF64_ST_INFO(STB_WEAK, type),
		.st_other = STV_HIDDEN,
		.st_shndx = (Elf64_Section)section,
		.st_value = value,
		.st_size = size,
	};

	strbuf_add(&o->strings, name, strlen(name) + 1);
	if (!vec_push(&o->symbols, sym))
		o->failed = true;
	return o->symbols.n - 1;
}

/* A function; returns its symbol. */
static size_t add_code(struct output *o, const char *name, const struct arch_link_code *code,
		       size_t semaphore)
{
	size_t at = o->code.len;

	strbuf_add(&o->code, (const char *)code->code, code->len);
	for (unsigned i = 0; i < code->n_relocs; i++) {
		Elf64_Rela rela = { at + code->relocs[i].off,
				    ELF64_R_INFO(semaphore, code->relocs[i].type),
				    code->relocs[i].addend };

		if (!vec_push(&o->relocs, rela))
			o->failed = true;
	}
	while (o->code.len % 16)
		strbuf_putc(&o->code, '\0');
	return add_symbol(o, name, STT_FUNC, o->code_section, at, code->len);
}

/* The function that answers whether the probe is enabled. */
static void add_enabled(struct output *o, const struct dl_declared_probe *p, size_t semaphore)
{
	_cleanup_(strbuf_deinit) struct strbuf name = { 0 };
	struct arch_link_code code;

	usdt_name(&name, p, USDT_NAME_ENABLED);
	arch_link_enabled(&code);
	(void)add_code(o, strbuf_text(&name), &code, semaphore);
}

/* The function that is a site, and its note. */
static void add_stub(struct output *o, const struct dl_declared_probe *p, size_t semaphore)
{
	_cleanup_(strbuf_deinit) struct strbuf name = { 0 };
	size_t at = o->notes.len + USDT_NOTE_WORDS, function;
	struct arch_link_code code;

	usdt_name(&name, p, USDT_NAME_CALL);
	arch_link_fire(&code);
	function = add_code(o, strbuf_text(&name), &code, semaphore);
	const Elf64_Rela relas[] = {
		{ at, ELF64_R_INFO(function, arch_link_word), code.site },
		{ at + 8, ELF64_R_INFO(BASE_SYMBOL, arch_link_word), 0 },
		{ at + 16, ELF64_R_INFO(semaphore, arch_link_word), 0 },
	};

	usdt_note_write(&o->notes, p, true);
	for (size_t i = 0; i < ARRAY_SIZE(relas); i++)
		if (!vec_push(&o->note_relocs, relas[i]))
			o->failed = true;
}

/*
 * A probe that a program only asks for is one, too: it can be listed and enabled.  Its
 * site is one that nobody comes to.
 */
static bool needs_stub(const struct output *o, size_t probe)
{
	/* Code is made for our own machine. */
	uint8_t seen =
		!o->needs.is_foreign && probe < o->needs.seen.n ? o->needs.seen.items[probe] : 0;

	return seen & USDT_SEEN_LOADED || seen == USDT_SEEN_ASKED;
}

static void add_probe(void *arg, const struct dl_declared_probe *p)
{
	struct strbuf semaphore = { 0 };
	struct output *o = arg;
	size_t symbol;

	usdt_name(&semaphore, p, USDT_NAME_SEMAPHORE);
	symbol = add_symbol(o, strbuf_text(&semaphore), STT_OBJECT, SEC_PROBES,
			    o->n_probes++ * sizeof(uint16_t), sizeof(uint16_t));
	if (o->needs.enabled)
		add_enabled(o, p, symbol);
	if (needs_stub(o, o->n_probes - 1))
		add_stub(o, p, symbol);
	usdt_decl_write(&o->decls, p);
	strbuf_deinit(&semaphore);
}

static void add_section(struct output *o, const char *name, Elf64_Shdr sh, void *bytes, size_t len,
			Elf_Type type)
{
	sh.sh_name = (Elf64_Word)o->names.len;
	strbuf_add(&o->names, name, strlen(name) + 1);
	o->sections[o->n_sections++] = (struct section){ name, sh, bytes, len, type };
}

/* The program's code may be guarded as far as this object is concerned. */
static void write_property(struct strbuf *sb)
{
	const uint32_t note[] = { 4, 16, NT_GNU_PROPERTY_TYPE_0 };
	const uint32_t desc[] = { arch_link_property[0], 4, arch_link_property[1], 0 };

	strbuf_add(sb, (const char *)note, sizeof(note));
	strbuf_add(sb, "GNU", 4);
	strbuf_add(sb, (const char *)desc, sizeof(desc));
}

/* All but the names' own, which must be complete first. */
static void list_sections(struct output *o, uint16_t *counters, Elf32_Word group[2],
			  size_t base_symbol)
{
	Elf64_Word symtab = SEC_SYMTAB;

	o->n_sections = 1;
	strbuf_putc(&o->names, '\0');
	add_section(o, ".probes",
		    (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
				  .sh_flags = SHF_ALLOC | SHF_WRITE,
				  .sh_addralign = sizeof(uint16_t) },
		    counters, o->n_probes * sizeof(uint16_t), ELF_T_BYTE);
	add_section(o, ".symtab",
		    (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
				  .sh_link = SEC_STRTAB,
				  .sh_info = 1, /* the first that is not local */
				  .sh_entsize = sizeof(Elf64_Sym),
				  .sh_addralign = 8 },
		    o->symbols.items, o->symbols.n * sizeof(Elf64_Sym), ELF_T_SYM);
	add_section(o, ".strtab", (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_addralign = 1 },
		    o->strings.text, o->strings.len, ELF_T_BYTE);
	if (o->needs.base) {
		add_section(o, ".stapsdt.base",
			    (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
					  .sh_flags = SHF_ALLOC | SHF_GROUP,
					  .sh_addralign = 1 },
			    &o->code_section, 1, ELF_T_BYTE);
		add_section(o, ".group",
			    (Elf64_Shdr){ .sh_type = SHT_GROUP,
					  .sh_link = symtab,
					  .sh_info = (Elf64_Word)base_symbol,
					  .sh_entsize = sizeof(Elf32_Word),
					  .sh_addralign = sizeof(Elf32_Word) },
			    group, 2 * sizeof(*group), ELF_T_WORD);
	}
	if (o->code.len) {
		add_section(o, ".text",
			    (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
					  .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					  .sh_addralign = 16 },
			    o->code.text, o->code.len, ELF_T_BYTE);
		add_section(o, ".rela.text",
			    (Elf64_Shdr){ .sh_type = SHT_RELA,
					  .sh_flags = SHF_INFO_LINK,
					  .sh_link = symtab,
					  .sh_info = o->code_section,
					  .sh_entsize = sizeof(Elf64_Rela),
					  .sh_addralign = 8 },
			    o->relocs.items, o->relocs.n * sizeof(Elf64_Rela), ELF_T_RELA);
	}
	if (o->notes.len) {
		add_section(o, ".note.stapsdt",
			    (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_addralign = 4 }, o->notes.text,
			    o->notes.len, ELF_T_BYTE);
		add_section(o, ".rela.note.stapsdt",
			    (Elf64_Shdr){ .sh_type = SHT_RELA,
					  .sh_flags = SHF_INFO_LINK,
					  .sh_link = symtab,
					  .sh_info = o->n_sections - 1,
					  .sh_entsize = sizeof(Elf64_Rela),
					  .sh_addralign = 8 },
			    o->note_relocs.items, o->note_relocs.n * sizeof(Elf64_Rela),
			    ELF_T_RELA);
	}
	if (!o->needs.is_foreign)
		add_section(o, ".note.gnu.property",
			    (Elf64_Shdr){
				    .sh_type = SHT_NOTE, .sh_flags = SHF_ALLOC, .sh_addralign = 8 },
			    o->property.text, o->property.len, ELF_T_BYTE);
	if (o->decls.len)
		add_section(o, ".note.dtrace",
			    (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_addralign = 4 }, o->decls.text,
			    o->decls.len, ELF_T_BYTE);
	add_section(o, ".note.GNU-stack",
		    (Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_addralign = 1 }, NULL, 0,
		    ELF_T_BYTE);
	add_section(o, ".shstrtab", (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_addralign = 1 }, NULL,
		    0, ELF_T_BYTE);
	o->sections[o->n_sections - 1].bytes = o->names.text;
	o->sections[o->n_sections - 1].len = o->names.len;
}

/* The bytes are borrowed until elf_update(). */
static bool put_section(Elf *elf, const struct section *s)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = data ? elf64_getshdr(scn) : NULL;

	if (!sh)
		return false;
	*data = (Elf_Data){ .d_buf = s->bytes,
			    .d_size = s->len,
			    .d_type = s->type,
			    .d_version = EV_CURRENT,
			    .d_align = s->sh.sh_addralign };
	*sh = s->sh;
	return true;
}

static bool fill(Elf *elf, struct output *o, uint16_t *counters, unsigned machine,
		 size_t base_symbol)
{
	Elf32_Word group[2] = { GRP_COMDAT, o->base_section };
	Elf64_Ehdr *eh = elf64_newehdr(elf);

	if (!eh)
		return false;
	list_sections(o, counters, group, base_symbol);
	if (strbuf_failed(&o->notes) || strbuf_failed(&o->property) || strbuf_failed(&o->names) ||
	    strbuf_failed(&o->code) || strbuf_failed(&o->decls))
		return false;
	eh->e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	eh->e_type = ET_REL;
	eh->e_machine = (Elf64_Half)machine;
	eh->e_version = EV_CURRENT;
	eh->e_shstrndx = (Elf64_Half)(o->n_sections - 1);
	for (unsigned i = 1; i < o->n_sections; i++)
		if (!put_section(elf, &o->sections[i]))
			return false;
	return elf_update(elf, ELF_C_WRITE) >= 0;
}

static struct error *write_object(const char *path, struct output *o, unsigned machine,
				  size_t base_symbol)
{
	_cleanup_(freep) uint16_t *counters = calloc(o->n_probes + 1, sizeof(*counters));
	struct error *err = NULL;
	int fd;
	Elf *elf;

	if (!counters || o->failed || strbuf_failed(&o->strings))
		return &error_nomem;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_os(errno, "failed to open output file '%s'", path);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!elf || !fill(elf, o, counters, machine, base_symbol))
		err = error_format(ERR_OTHER, "failed to write '%s': %s", path, elf_errmsg(-1));
	elf_end(elf);
	close(fd);
	if (err)
		usdt_discard(path);
	return err;
}

static void report_no_sites(void *arg, const struct dl_declared_probe *p)
{
	struct error **err = arg;

	if (!*err)
		*err = error_format(ERR_OTHER,
				    "failed to link: No probe sites found for declared provider %s",
				    p->provider);
}

struct error *usdt_object_write(const char *path, const struct dl_ctx *c,
				const char *const *objects, size_t n_objects)
{
	struct output o = { 0 };
	unsigned machine = 0, own, class, next = SEC_OTHERS;
	struct error *err = NULL;

	elf_version(EV_CURRENT);
	err = object_elf_ident(getpid(), &own, &class);
	for (size_t i = 0; i < n_objects && !err; i++)
		err = take_object(objects[i], c, own, &machine, &o.needs);
	if (!err && n_objects && !o.needs.sites)
		dl_ctx_each_declared(c, report_no_sites, &err);
	if (err) {
		vec_deinit(&o.needs.seen);
		return err;
	}
	if (!machine)
		machine = usdt_machine_of_compiler();
	if (!machine)
		machine = own;
	o.needs.is_foreign = machine != own;
	for (size_t i = 0; i < o.needs.seen.n; i++)
		o.needs.base |= needs_stub(&o, i);
	if (o.needs.base) {
		o.base_section = next;
		next += 2;
	}
	o.code_section = next;
	strbuf_putc(&o.strings, '\0');
	if (!vec_push(&o.symbols, (Elf64_Sym){ 0 }))
		o.failed = true;
	if (o.needs.base)
		(void)add_symbol(&o, BASE, STT_NOTYPE, o.base_section, 0, 1);
	dl_ctx_each_declared(c, add_probe, &o);
	write_property(&o.property);
	err = write_object(path, &o, machine, BASE_SYMBOL);
	vec_deinit(&o.symbols);
	vec_deinit(&o.relocs);
	vec_deinit(&o.note_relocs);
	vec_deinit(&o.needs.seen);
	strbuf_deinit(&o.strings);
	strbuf_deinit(&o.code);
	strbuf_deinit(&o.names);
	strbuf_deinit(&o.decls);
	strbuf_deinit(&o.notes);
	strbuf_deinit(&o.property);
	return err;
}
