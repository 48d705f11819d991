/*
 * dtrace -G: the object to link with a program that has static probes.
 *
 * The notes of the probes are in the program's own objects already (the
 * macros of -h put them there), so what is left are the semaphores.  The
 * objects given are checked to be what a linker takes, and are not changed:
 * running -G again gives the same result.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dlang/strbuf.h"
#include "object.h"
#include "usdt_build.h"

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

/* A call that a classic header leaves for the linker to resolve. */
static const char *find_classic(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		for (int i = 1; gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, sh.sh_link, sym.st_name);

			if (sym.st_shndx == SHN_UNDEF && name &&
			    (!strncmp(name, "__dtrace_", 9) ||
			     !strncmp(name, "__dtraceenabled_", 16)))
				return name;
		}
	}
	return NULL;
}

static struct error *look_at(const char *path, unsigned *machine)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct error *err;
	const char *classic;
	Elf *elf;

	if (fd < 0)
		return error_os(errno, "failed to open %s", path);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	err = elf ? check_object(path, elf, machine) :
		    error_format(ERR_OTHER, "failed to process %s: %s", path, elf_errmsg(-1));
	classic = err ? NULL : find_classic(elf);
	if (classic)
		err = error_format(ERR_OTHER,
				   "failed to process %s: it calls %s, as headers of other "
				   "systems do; compile it with the header of dtrace -h or our "
				   "sys/sdt.h",
				   path, classic);
	elf_end(elf);
	close(fd);
	return err;
}

/* --------------------------------------------------- the object made -- */

/* ORDER SECTIONS */
enum { SEC_NULL, SEC_PROBES, SEC_SYMTAB, SEC_STRTAB, SEC_SHSTRTAB, SEC_STACK, N_SECTIONS };

static const char section_names[] = "\0.probes\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack";
static const unsigned name_offsets[N_SECTIONS] = { 0, 1, 9, 17, 25, 35 };

struct output {
	VEC(Elf64_Sym) symbols;
	struct strbuf strings;
	unsigned n_probes;
	bool failed;
};

static void add_symbol(struct output *o, const char *name)
{
	Elf64_Sym sym = {
		.st_name = (Elf64_Word)o->strings.len,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
		.st_other = STV_HIDDEN,
		.st_shndx = SEC_PROBES,
		.st_value = o->n_probes * sizeof(uint16_t),
		.st_size = sizeof(uint16_t),
	};

	strbuf_add(&o->strings, name, strlen(name) + 1);
	if (!vec_push(&o->symbols, sym))
		o->failed = true;
	o->n_probes++;
}

static void add_probe(void *arg, const struct dl_declared_probe *p)
{
	struct strbuf name = { 0 };

	usdt_semaphore_name(&name, p);
	add_symbol(arg, strbuf_text(&name));
	strbuf_deinit(&name);
}

/* The bytes are borrowed until elf_update(). */
static Elf64_Shdr *add_section(Elf *elf, unsigned which, Elf64_Word type, void *bytes, size_t len,
			       Elf_Type data_type)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = data ? elf64_getshdr(scn) : NULL;

	if (!sh)
		return NULL;
	*data = (Elf_Data){ .d_buf = bytes,
			    .d_size = len,
			    .d_type = data_type,
			    .d_version = EV_CURRENT,
			    .d_align = 1 };
	sh->sh_name = name_offsets[which];
	sh->sh_type = type;
	sh->sh_addralign = 1;
	return sh;
}

static bool fill(Elf *elf, struct output *o, uint16_t *counters, unsigned machine)
{
	Elf64_Ehdr *eh = elf64_newehdr(elf);
	Elf64_Shdr *probes, *symtab;

	if (!eh)
		return false;
	eh->e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	eh->e_type = ET_REL;
	eh->e_machine = (Elf64_Half)machine;
	eh->e_version = EV_CURRENT;
	eh->e_shstrndx = SEC_SHSTRTAB;
	/* ORDER SECTIONS */
	probes = add_section(elf, SEC_PROBES, SHT_PROGBITS, counters,
			     o->n_probes * sizeof(uint16_t), ELF_T_BYTE);
	symtab = probes ? add_section(elf, SEC_SYMTAB, SHT_SYMTAB, o->symbols.items,
				      o->symbols.n * sizeof(Elf64_Sym), ELF_T_SYM) :
			  NULL;
	if (!symtab ||
	    !add_section(elf, SEC_STRTAB, SHT_STRTAB, o->strings.text, o->strings.len,
			 ELF_T_BYTE) ||
	    !add_section(elf, SEC_SHSTRTAB, SHT_STRTAB, (void *)section_names,
			 sizeof(section_names), ELF_T_BYTE) ||
	    !add_section(elf, SEC_STACK, SHT_PROGBITS, NULL, 0, ELF_T_BYTE))
		return false;
	probes->sh_flags = SHF_ALLOC | SHF_WRITE;
	probes->sh_addralign = sizeof(uint16_t);
	symtab->sh_link = SEC_STRTAB;
	symtab->sh_info = 1; /* the first that is not local */
	symtab->sh_entsize = sizeof(Elf64_Sym);
	symtab->sh_addralign = 8;
	return elf_update(elf, ELF_C_WRITE) >= 0;
}

static struct error *write_object(const char *path, struct output *o, unsigned machine)
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
	if (!elf || !fill(elf, o, counters, machine))
		err = error_format(ERR_OTHER, "failed to write '%s': %s", path, elf_errmsg(-1));
	elf_end(elf);
	close(fd);
	if (err)
		unlink(path);
	return err;
}

struct error *usdt_object_write(const char *path, const struct dl_ctx *c,
				const char *const *objects, size_t n_objects)
{
	struct output o = { 0 };
	unsigned machine = 0, class;
	struct error *err = NULL;

	elf_version(EV_CURRENT);
	for (size_t i = 0; i < n_objects && !err; i++)
		err = look_at(objects[i], &machine);
	if (!err && !machine)
		err = object_elf_ident(getpid(), &machine, &class);
	if (err)
		return err;
	strbuf_putc(&o.strings, '\0');
	if (!vec_push(&o.symbols, (Elf64_Sym){ 0 }))
		o.failed = true;
	dl_ctx_each_declared(c, add_probe, &o);
	err = write_object(path, &o, machine);
	vec_deinit(&o.symbols);
	strbuf_deinit(&o.strings);
	return err;
}
