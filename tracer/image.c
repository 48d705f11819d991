/*
 * Opening ELF files and finding bytes in them.
 *
 * libelf maps the file and checks headers; everything taken from headers is
 * checked again against the size of the file before it is used as a pointer.
 * Segments decide what is where (section headers may be missing); sections
 * are only looked up by name.
 *
 * The list of images that are in use is the only state that outlives a call.
 * See image_sym.c for the symbols and cfi.c for the unwind tables.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../arch/arch.h"
#include "cfi.h"
#include "debugfile.h"
#include "debuginfo.h"
#include "demangle.h"
#include "usdt.h"

#define MAX_SEGMENTS 256

/* Images in use, so that processes share them (image.h). */
static struct image *images;

static void image_destroyp(struct image **p)
{
	struct image *img = *p;

	if (!img)
		return;
	image_syms_destroy(img->syms);
	cfi_destroy(img->cfi);
	usdt_sites_destroy(img->usdt);
	debuginfo_destroy(img->debug);
	demangler_destroy(img->demangler);
	debugfile_close(img->symfile);
	if (img->elf)
		elf_end(img->elf);
	free(img->segments);
	free(img->copy);
	free(img->label);
	free(img->root);
	free(img);
}

struct image *image_get(struct image *img)
{
	img->refs++;
	return img;
}

void image_put(struct image *img)
{
	if (!img || --img->refs)
		return;
	for (struct image **at = &images; *at; at = &(*at)->next) {
		if (*at == img) {
			*at = img->next;
			break;
		}
	}
	image_destroyp(&img);
}

/* ------------------------------------------------------------ headers -- */

static struct error *add_segment(struct image *img, const GElf_Phdr *ph)
{
	struct image_segment seg = {
		.addr = ph->p_vaddr,
		.memsz = ph->p_memsz,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.x = ph->p_flags & PF_X,
		.w = ph->p_flags & PF_W,
	};
	uint64_t end;

	if (__builtin_add_overflow(seg.addr, seg.memsz, &end) || end > UINT64_MAX - 0x20000)
		return error_format(ERR_FORMAT, "%s: a segment ends beyond the address space",
				    img->label);
	if (seg.offset > img->n_bytes)
		seg.offset = seg.filesz = 0;
	if (seg.filesz > img->n_bytes - seg.offset)
		seg.filesz = img->n_bytes - seg.offset;
	if (seg.filesz > seg.memsz)
		seg.filesz = seg.memsz;
	img->segments[img->n_segments++] = seg;
	return NULL;
}

/* Looks for the build-id in the notes of [p, p + len). */
static void find_build_id(struct image *img, const uint8_t *p, size_t len)
{
	Elf64_Nhdr nh;

	while (len >= sizeof(nh)) {
		memcpy(&nh, p, sizeof(nh));
		size_t name = ((size_t)nh.n_namesz + 3) & ~(size_t)3;
		size_t desc = ((size_t)nh.n_descsz + 3) & ~(size_t)3;

		len -= sizeof(nh);
		p += sizeof(nh);
		if (name > len || nh.n_descsz > len - name)
			return;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 && !memcmp(p, "GNU", 4)) {
			img->build_id = p + name;
			img->build_id_len = nh.n_descsz;
			return;
		}
		if (desc > len - name)
			return;
		p += name + desc;
		len -= name + desc;
	}
}

static struct error *read_segment(struct image *img, const GElf_Phdr *ph)
{
	switch (ph->p_type) {
	case PT_LOAD: return add_segment(img, ph);
	case PT_DYNAMIC:
		img->dyn_addr = ph->p_vaddr;
		img->dyn_size = ph->p_memsz;
		return NULL;
	case PT_INTERP:
		if (ph->p_offset <= img->n_bytes && ph->p_filesz <= img->n_bytes - ph->p_offset)
			img->is_musl =
				memmem(img->bytes + ph->p_offset, ph->p_filesz, "ld-musl", 7);
		return NULL;
	case PT_GNU_EH_FRAME:
		img->eh_hdr_addr = ph->p_vaddr;
		img->eh_hdr_size = ph->p_memsz;
		return NULL;
	case PT_TLS:
		img->tls = (struct arch_tls){
			.addr = ph->p_vaddr,
			.size = ph->p_memsz,
			.align =
				ph->p_align && !(ph->p_align & (ph->p_align - 1)) ? ph->p_align : 1,
		};
		return NULL;
	case PT_NOTE:
		if (!img->build_id && ph->p_offset <= img->n_bytes &&
		    ph->p_filesz <= img->n_bytes - ph->p_offset)
			find_build_id(img, img->bytes + ph->p_offset, ph->p_filesz);
		return NULL;
	default: return NULL;
	}
}

static struct error *read_headers(struct image *img)
{
	struct error *err = NULL;
	GElf_Ehdr eh;
	GElf_Phdr ph;
	size_t n;

	if (elf_kind(img->elf) != ELF_K_ELF || !gelf_getehdr(img->elf, &eh))
		return error_format(ERR_FORMAT, "%s: not an ELF file", img->label);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (eh.e_type != ET_DYN && eh.e_type != ET_EXEC))
		return error_format(ERR_FORMAT, "%s: not a 64-bit program or library", img->label);
	if (elf_getphdrnum(img->elf, &n) || !n || n > MAX_SEGMENTS)
		return error_format(ERR_FORMAT, "%s: no usable program headers", img->label);
	img->bytes = (const uint8_t *)elf_rawfile(img->elf, &img->n_bytes);
	img->segments = calloc(n, sizeof(*img->segments));
	if (!img->bytes)
		return error_format(ERR_FORMAT, "%s: %s", img->label, elf_errmsg(-1));
	if (!img->segments)
		return &error_nomem;
	img->entry = eh.e_entry;
	for (size_t i = 0; i < n && !err; i++)
		if (gelf_getphdr(img->elf, (int)i, &ph))
			err = read_segment(img, &ph);
	if (!err && !img->n_segments)
		err = error_format(ERR_FORMAT, "%s: nothing in it is loaded", img->label);
	return err;
}

/* Takes img (freed on failure); lists it and gives it its first user. */
static struct error *finish(struct image **p, struct image **ret)
{
	struct image *img = *p;
	struct error *err = read_headers(img);

	if (!err)
		err = image_syms_create(img, &img->syms);
	if (err)
		return err;
	img->refs = 1;
	img->next = images;
	images = img;
	*ret = take_ptr(*p);
	return NULL;
}

static struct image *find_same(const struct stat *st, uint64_t mtime_ns)
{
	for (struct image *img = images; img; img = img->next)
		if (img->ino && img->ino == st->st_ino && img->dev == st->st_dev &&
		    img->size == (uint64_t)st->st_size && img->mtime_ns == mtime_ns)
			return img;
	return NULL;
}

/* "/proc/12/exe" is in the mount namespace of "/proc/12/root"; other paths are in ours. */
static char *root_of(const char *path)
{
	char *root = NULL;
	int pid, n = 0;

	if (sscanf(path, "/proc/%d/%n", &pid, &n) == 1 && n)
		return asprintf(&root, "/proc/%d/root", pid) < 0 ? NULL : root;
	return strdup("");
}

struct error *image_open(const char *path, const char *label, struct image **ret)
{
	_cleanup_(image_destroyp) struct image *img = NULL;
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return error_os(errno, "%s", label);
	if (!S_ISREG(st.st_mode))
		return error_format(ERR_FORMAT, "%s: not a regular file", label);
	uint64_t mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;

	img = find_same(&st, mtime_ns);
	if (img) {
		*ret = image_get(take_ptr(img));
		return NULL;
	}
	img = calloc(1, sizeof(*img));
	if (!img || !(img->label = strdup(label)) || !(img->root = root_of(path)))
		return &error_nomem;
	img->dev = st.st_dev;
	img->ino = st.st_ino;
	img->size = (uint64_t)st.st_size;
	img->mtime_ns = mtime_ns;
	if (elf_version(EV_CURRENT) == EV_NONE ||
	    !(img->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL)))
		return error_format(ERR_FORMAT, "%s: %s", label, elf_errmsg(-1));
	/* All is mapped (or read) now: the descriptor isn't needed any more. */
	if (elf_cntl(img->elf, ELF_C_FDREAD))
		return error_format(ERR_FORMAT, "%s: %s", label, elf_errmsg(-1));
	return finish(&img, ret);
}

struct error *image_from_memory(const void *bytes, size_t len, const char *label,
				struct image **ret)
{
	_cleanup_(image_destroyp) struct image *img = NULL;

	for (struct image *i = images; i; i = i->next) {
		if (i->copy && i->size == len && !memcmp(i->copy, bytes, len)) {
			*ret = image_get(i);
			return NULL;
		}
	}
	img = calloc(1, sizeof(*img));
	if (!img || !(img->label = strdup(label)) || !(img->copy = malloc(len ? len : 1)))
		return &error_nomem;
	memcpy(img->copy, bytes, len);
	img->size = len;
	if (elf_version(EV_CURRENT) == EV_NONE || !(img->elf = elf_memory((char *)img->copy, len)))
		return error_format(ERR_FORMAT, "%s: %s", label, elf_errmsg(-1));
	return finish(&img, ret);
}

/* ------------------------------------------------------------ queries -- */

Elf *image_elf(const struct image *img)
{
	return img->elf;
}

size_t image_build_id(const struct image *img, const uint8_t **ret)
{
	*ret = img->build_id;
	return img->build_id_len;
}

uint64_t image_entry(const struct image *img)
{
	return img->entry;
}

const char *image_pretty(struct image *img, const char *name)
{
	return demangler_name(&img->demangler, name);
}

size_t image_segments(const struct image *img, const struct image_segment **ret)
{
	*ret = img->segments;
	return img->n_segments;
}

void image_range(const struct image *img, uint64_t *lo, uint64_t *hi)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	*lo = UINT64_MAX;
	*hi = 0;
	for (size_t i = 0; i < img->n_segments; i++) {
		const struct image_segment *seg = &img->segments[i];

		if (seg->addr < *lo)
			*lo = seg->addr;
		if (seg->addr + seg->memsz > *hi)
			*hi = seg->addr + seg->memsz;
	}
	*lo &= ~(page - 1);
	*hi = (*hi + page - 1) & ~(page - 1);
}

const struct image_segment *image_segment_at(const struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_segments; i++)
		if (addr - img->segments[i].addr < img->segments[i].memsz)
			return &img->segments[i];
	return NULL;
}

bool image_is_code(const struct image *img, uint64_t addr)
{
	const struct image_segment *seg = image_segment_at(img, addr);

	return seg && seg->x && !seg->w;
}

bool image_is_plt(const struct image *img, uint64_t addr)
{
	static const char *const names[] = { ".plt", ".plt.sec", ".plt.got", ".iplt" };
	struct image_section sec;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (image_section(img, names[i], &sec) && addr - sec.addr < sec.size)
			return true;
	return false;
}

size_t image_data(const struct image *img, uint64_t addr, const uint8_t **ret)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const struct image_segment *seg = &img->segments[i];
		uint64_t at = addr - seg->addr;

		if (at >= seg->filesz)
			continue;
		*ret = img->bytes + seg->offset + at;
		return seg->filesz - at;
	}
	*ret = NULL;
	return 0;
}

bool image_bias(const struct image *img, uint64_t map_lo, uint64_t map_offset, uint64_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < img->n_segments; i++) {
		const struct image_segment *seg = &img->segments[i];
		uint64_t first = seg->offset & ~(page - 1);

		if (!seg->x || map_offset < first || map_offset >= seg->offset + seg->filesz)
			continue;
		*ret = map_lo - map_offset - seg->addr + seg->offset;
		return true;
	}
	return false;
}

bool image_dynamic(const struct image *img, int64_t tag, uint64_t *val, uint64_t *at)
{
	const uint8_t *p;
	size_t have = image_data(img, img->dyn_addr, &p);
	Elf64_Dyn dyn;

	if (have > img->dyn_size)
		have = img->dyn_size;
	for (size_t off = 0; off + sizeof(dyn) <= have; off += sizeof(dyn)) {
		memcpy(&dyn, p + off, sizeof(dyn));
		if (dyn.d_tag == tag) {
			*val = dyn.d_un.d_val;
			*at = img->dyn_addr + off;
			return true;
		}
		if (dyn.d_tag == DT_NULL)
			break;
	}
	return false;
}

const char *image_soname(const struct image *img)
{
	uint64_t name, strtab, at;
	const uint8_t *p;
	size_t have;

	if (!image_dynamic(img, DT_SONAME, &name, &at) ||
	    !image_dynamic(img, DT_STRTAB, &strtab, &at) ||
	    __builtin_add_overflow(strtab, name, &at))
		return NULL;
	have = image_data(img, at, &p);
	return have && memchr(p, '\0', have) ? (const char *)p : NULL;
}

static Elf_Scn *section_by_name(const struct image *img, const char *name, GElf_Shdr *sh)
{
	size_t names;

	if (elf_getshdrstrndx(img->elf, &names))
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(img->elf, scn));) {
		const char *s =
			gelf_getshdr(scn, sh) ? elf_strptr(img->elf, names, sh->sh_name) : NULL;

		if (s && !strcmp(s, name))
			return scn;
	}
	return NULL;
}

bool image_section(const struct image *img, const char *name, struct image_section *ret)
{
	GElf_Shdr sh;

	if (!section_by_name(img, name, &sh))
		return false;
	*ret = (struct image_section){ .addr = sh.sh_addr, .size = sh.sh_size };
	if (sh.sh_type != SHT_NOBITS && sh.sh_offset <= img->n_bytes &&
	    sh.sh_size <= img->n_bytes - sh.sh_offset)
		ret->data = img->bytes + sh.sh_offset;
	return true;
}

/* -------------------------------------------------------- relocations -- */

/* Symbol i of the symbol table in section link, and its name. */
static const char *reloc_symbol(const struct image *img, size_t link, size_t i, GElf_Sym *sym)
{
	Elf_Scn *scn = elf_getscn(img->elf, link);
	GElf_Shdr sh;
	Elf_Data *data;
	const char *name;

	if (!i || !scn || !gelf_getshdr(scn, &sh) ||
	    (sh.sh_type != SHT_DYNSYM && sh.sh_type != SHT_SYMTAB) ||
	    !(data = elf_getdata(scn, NULL)) || i > INT32_MAX || !gelf_getsym(data, (int)i, sym))
		return NULL;
	name = elf_strptr(img->elf, sh.sh_link, sym->st_name);
	return name ? name : "";
}

/* Which of the file's own variables; false: another object's. */
static bool reloc_is_own(const struct image *img, size_t link, size_t i, struct image_reloc *r)
{
	GElf_Sym sym = { 0 };

	if (i && (!reloc_symbol(img, link, i, &sym) || !sym.st_shndx))
		return false;
	r->offset = sym.st_value + (uint64_t)r->addend;
	return true;
}

static bool relocs_of(const struct image *img, Elf_Scn *scn, const GElf_Shdr *sh,
		      bool (*fn)(void *arg, const struct image_reloc *r), void *arg)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Rela rela;
	GElf_Sym sym;

	for (int i = 0; data && gelf_getrela(data, i, &rela); i++) {
		enum arch_reloc kind = arch_reloc_kind((unsigned)GELF_R_TYPE(rela.r_info));
		struct image_reloc r = {
			.slot = rela.r_offset, .addend = rela.r_addend, .symbol = "", .kind = kind
		};

		if (kind == ARCH_RELOC_OTHER)
			continue;
		if (kind == ARCH_RELOC_SLOT) {
			const char *name =
				reloc_symbol(img, sh->sh_link, GELF_R_SYM(rela.r_info), &sym);

			r.symbol = name ? name : "";
		} else if (kind != ARCH_RELOC_IRELATIVE &&
			   !reloc_is_own(img, sh->sh_link, GELF_R_SYM(rela.r_info), &r)) {
			continue;
		}
		if (!fn(arg, &r))
			return false;
	}
	return true;
}

void image_relocs(const struct image *img, bool (*fn)(void *arg, const struct image_reloc *r),
		  void *arg)
{
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(img->elf, scn));)
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA && (sh.sh_flags & SHF_ALLOC) &&
		    !relocs_of(img, scn, &sh, fn, arg))
			return;
}
