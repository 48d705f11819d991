/*
 * The symbols of an image.
 *
 * .symtab and .dynsym are merged and sorted once, by address and then by how
 * good a name is: the first of an address is its canonical name (providers
 * document 5.2).  Lookup by address is a binary search, by name a hash table
 * made on first use.  Names point into the mapped file; the string table's
 * end is checked when it is read.
 */
#include <elf.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../arch/arch.h"
#include "cfi.h"
#include "debugfile.h"
#include "ehfunc.h"
#include "image.h"

/* A symbol without size is not stretched further than this over its successor. */
#define INFERRED_MAX 4096
/* How many symbols that start before an address are tried for covering it. */
#define COVER_STEPS 256
#define GENERATED_LEN 24 /* "fun_" and 16 digits */

struct isym {
	struct sym pub;
	uint64_t key; /* rank among the names of an address, lower is better */
	uint32_t canonical; /* index of the address's first symbol */
	uint32_t chain; /* next in the hash chain, index + 1 */
	bool is_inferred; /* the size is a guess */
	bool is_generated; /* so is the name */
	bool is_trampoline; /* of signals: has the name that all libraries give it */
};

struct image_syms {
	struct isym *items;
	size_t n, cap;
	uint64_t *reach; /* highest end of the symbols up to and with this one */
	uint32_t *heads; /* index + 1; NULL until the first lookup by name */
	uint32_t mask;
	char *generated; /* names of ours, GENERATED_LEN bytes each */
	bool names_functions, is_stripped;
};

void image_syms_destroy(struct image_syms *syms)
{
	if (!syms)
		return;
	free(syms->items);
	free(syms->reach);
	free(syms->heads);
	free(syms->generated);
	free(syms);
}

static void destroyp(struct image_syms **p)
{
	image_syms_destroy(*p);
}

/* ------------------------------------------------------------ reading -- */

static bool is_function_type(unsigned type)
{
	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/* The rules of 5.2 up to the leading underscores, most important in the high bits. */
static uint64_t rank(const struct sym *s)
{
	size_t underscores = strspn(s->name, "_");
	uint64_t key = 0;

	key |= (uint64_t)!is_function_type(s->type) << 60;
	key |= (uint64_t)(s->type == STT_NOTYPE) << 59;
	key |= (uint64_t)!s->size << 58;
	key |= (uint64_t)(s->bind == STB_LOCAL) << 57;
	key |= (uint64_t)(s->name[0] == '$') << 56;
	return key | (underscores > 255 ? 255 : underscores);
}

static bool is_wanted(const GElf_Sym *sym, const char *name)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || !*name)
		return false;
	if (type == STT_NOTYPE) /* not the marks of assembler and disassembler */
		return GELF_ST_BIND(sym->st_info) != STB_LOCAL ||
		       (*name != '$' && strncmp(name, ".L", 2));
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_OBJECT;
}

static bool add_symbol(const struct image *img, struct image_syms *syms, const GElf_Sym *sym,
		       const char *name)
{
	const struct image_segment *seg = image_segment_at(img, sym->st_value);
	struct isym is = { .pub = {
				   .name = name,
				   .addr = sym->st_value,
				   .size = sym->st_size,
				   .type = GELF_ST_TYPE(sym->st_info),
				   .bind = GELF_ST_BIND(sym->st_info),
			   } };

	if (!seg)
		return true;
	if (is.pub.size > seg->addr + seg->memsz - is.pub.addr)
		is.pub.size = seg->addr + seg->memsz - is.pub.addr;
	is.key = rank(&is.pub);
	return vec_push(syms, is);
}

static struct error *read_table(const struct image *img, Elf *elf, Elf_Scn *scn,
				const GElf_Shdr *sh, struct image_syms *syms)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Scn *str_scn = elf_getscn(elf, sh->sh_link);
	Elf_Data *str = str_scn ? elf_getdata(str_scn, NULL) : NULL;
	GElf_Sym sym;

	if (!data || !str || !str->d_buf || !data->d_buf)
		return NULL;
	const char *names = str->d_buf;
	size_t len = str->d_size;

	while (len && names[len - 1]) /* nothing after the last NUL is a name */
		len--;
	if (syms->n + data->d_size / sizeof(Elf64_Sym) > UINT32_MAX / 2)
		return error_format(ERR_FORMAT, "%s: too many symbols", img->label);
	for (int i = 1; gelf_getsym(data, i, &sym); i++) {
		if (sym.st_name >= len || !is_wanted(&sym, names + sym.st_name))
			continue;
		if (!add_symbol(img, syms, &sym, names + sym.st_name))
			return &error_nomem;
	}
	return NULL;
}

static struct error *read_tables(const struct image *img, Elf *elf, struct image_syms *syms,
				 bool *has_symtab)
{
	struct error *err = NULL;
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; !err && (scn = elf_nextscn(elf, scn));) {
		if (!gelf_getshdr(scn, &sh) ||
		    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
			continue;
		*has_symtab = *has_symtab || sh.sh_type == SHT_SYMTAB;
		err = read_table(img, elf, scn, &sh, syms);
	}
	return err;
}

/* A stripped file's symbols may be in a file of their own, or packed. */
static struct error *read_elsewhere(struct image *img, struct image_syms *syms)
{
	bool has_symtab = false;

	img->symfile = debugfile_find(img, ".symtab", NULL);
	if (!img->symfile)
		img->symfile = debugfile_mini(img);
	return img->symfile ? read_tables(img, img->symfile->elf, syms, &has_symtab) : NULL;
}

/* ----------------------------------------------------------- indexing -- */

static int compare(const void *pa, const void *pb)
{
	const struct isym *a = pa, *b = pb;

	if (a->pub.addr != b->pub.addr)
		return a->pub.addr < b->pub.addr ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->pub.size != b->pub.size)
		return a->pub.size < b->pub.size ? -1 : 1;
	return strcmp(a->pub.name, b->pub.name);
}

/* Drops what is in both tables, and sets the canonical index. */
static void fold(struct image_syms *syms)
{
	size_t out = 0;

	for (size_t i = 0; i < syms->n; i++) {
		struct isym is = syms->items[i];

		if (out && !compare(&syms->items[out - 1], &is))
			continue;
		is.canonical = out && syms->items[out - 1].pub.addr == is.pub.addr ?
				       syms->items[out - 1].canonical :
				       (uint32_t)out;
		syms->items[out++] = is;
	}
	syms->n = out;
}

/* End of the section that holds addr, or of the segment if there are no sections. */
static uint64_t section_end(const struct image *img, uint64_t addr)
{
	const struct image_segment *seg = image_segment_at(img, addr);
	uint64_t end = seg ? seg->addr + seg->memsz : addr;
	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(img->elf, scn));)
		if (gelf_getshdr(scn, &sh) && (sh.sh_flags & SHF_ALLOC) &&
		    addr - sh.sh_addr < sh.sh_size && sh.sh_addr + sh.sh_size < end)
			end = sh.sh_addr + sh.sh_size;
	return end;
}

/*
 * Code without a size reaches to where its unwind entry ends, else to the
 * next symbol, but not out of its section.
 */
static void infer_size(const struct image *img, struct isym *is, uint64_t next)
{
	uint64_t start, size, end = section_end(img, is->pub.addr);

	if (image_fde_at(img, is->pub.addr, &start, &size))
		end = start + size;
	else if (next && next < end)
		end = next;
	size = end > is->pub.addr ? end - is->pub.addr : 0;
	is->pub.size = size < INFERRED_MAX ? size : INFERRED_MAX;
	is->is_inferred = true;
}

static bool index_addresses(const struct image *img, struct image_syms *syms)
{
	uint64_t next = 0, reach = 0;

	syms->reach = calloc(syms->n + 1, sizeof(*syms->reach));
	if (!syms->reach)
		return false;
	for (size_t i = syms->n; i-- > 0;) {
		struct isym *is = &syms->items[i];

		if (i + 1 < syms->n && syms->items[i + 1].pub.addr != is->pub.addr)
			next = syms->items[i + 1].pub.addr;
		if (!is->pub.size && is->pub.type != STT_OBJECT && image_is_code(img, is->pub.addr))
			infer_size(img, is, next);
	}
	for (size_t i = 0; i < syms->n; i++) {
		uint64_t end = syms->items[i].pub.addr + syms->items[i].pub.size;

		if (end > reach)
			reach = end;
		syms->reach[i] = reach;
	}
	return true;
}

/* -------------------------------------------- functions without names -- */

struct unnamed {
	const struct image *img;
	struct image_syms *syms;
	VEC(struct isym) list;
	bool is_nomem;
};

/* The tables of libc's signal trampoline begin one byte before it. */
static void skip_early_byte(const struct image *img, struct isym *is)
{
	const uint8_t *p;
	unsigned off;
	size_t have = image_data(img, is->pub.addr + 1, &p);

	is->is_trampoline = arch_sigframe(p, have, &off) != 0;
	is->pub.addr += is->is_trampoline;
	is->pub.size -= is->is_trampoline;
}

static bool see_function(void *arg, uint64_t start, uint64_t size)
{
	struct unnamed *u = arg;
	struct isym is = {
		.pub = { .addr = start, .size = size, .type = STT_FUNC, .bind = STB_LOCAL },
		.is_generated = true
	};

	skip_early_byte(u->img, &is);
	const struct sym *s = image_symbol_covering(u->img, is.pub.addr);

	/* One whose size is a guess covers less than it seems to. */
	if (s && (s->addr == is.pub.addr || !((const struct isym *)(const void *)s)->is_inferred))
		return true;
	u->is_nomem = !vec_push(&u->list, is);
	return !u->is_nomem;
}

/*
 * Functions that only unwind tables know are called by their link-time
 * address, in files that don't name all of theirs.
 */
static bool add_unnamed(struct image *img, struct image_syms *syms)
{
	struct unnamed u = { .img = img, .syms = syms };

	img->syms = syms; /* for the lookups */
	ehfunc_each(img, see_function, &u);
	img->syms = NULL;
	syms->generated = calloc(u.list.n + 1, GENERATED_LEN);
	u.is_nomem = u.is_nomem || !syms->generated;
	for (size_t i = 0; i < u.list.n && !u.is_nomem; i++) {
		char *name = syms->generated + i * GENERATED_LEN;
		struct isym *is = &u.list.items[i];

		if (is->is_trampoline)
			snprintf(name, GENERATED_LEN, "__restore_rt");
		else
			snprintf(name, GENERATED_LEN, "fun_%" PRIx64, is->pub.addr);
		is->pub.name = name;
		is->key = rank(&is->pub);
		u.is_nomem = !vec_push(syms, *is);
	}
	vec_deinit(&u.list);
	return !u.is_nomem;
}

/* Sorted, each once, with sizes and reach. */
static bool index_symbols(const struct image *img, struct image_syms *syms)
{
	if (syms->n)
		qsort(syms->items, syms->n, sizeof(*syms->items), compare);
	fold(syms);
	free(syms->reach);
	return index_addresses(img, syms);
}

static bool names_functions(const struct image *img, const struct image_syms *syms)
{
	for (size_t i = 0; i < syms->n; i++)
		if (is_function_type(syms->items[i].pub.type) && syms->items[i].pub.size &&
		    image_is_code(img, syms->items[i].pub.addr))
			return true;
	return false;
}

struct error *image_syms_create(struct image *img, struct image_syms **ret)
{
	_cleanup_(destroyp) struct image_syms *syms = calloc(1, sizeof(*syms));
	bool has_symtab = false;
	struct error *err;

	if (!syms)
		return &error_nomem;
	err = read_tables(img, img->elf, syms, &has_symtab);
	if (!err && !has_symtab)
		err = read_elsewhere(img, syms);
	if (err)
		return err;
	if (!index_symbols(img, syms))
		return &error_nomem;
	syms->names_functions = names_functions(img, syms);
	syms->is_stripped = !has_symtab && !img->symfile;
	if (!has_symtab && (!add_unnamed(img, syms) || !index_symbols(img, syms)))
		return &error_nomem;
	*ret = take_ptr(syms);
	return NULL;
}

/* "calls" means "calls.0", too. */
static bool is_thread_name(const char *s, const char *name, bool *is_local)
{
	size_t len = strlen(name);

	if (strncmp(s, name, len))
		return false;
	*is_local = s[len] == '.';
	return !s[len] ||
	       (*is_local && s[len + 1] && !s[len + 1 + strspn(s + len + 1, "0123456789")]);
}

/* What is static in a function gives way to what isn't. */
static void take_thread_var(const GElf_Sym *sym, const char *s, bool is_local,
			    struct image_thread_var *ret)
{
	bool had_local = ret->name && strchr(ret->name, '.');

	if (!ret->name || (had_local && !is_local))
		*ret = (struct image_thread_var){ .offset = sym->st_value,
						  .size = sym->st_size,
						  .name = s };
	else if (is_local && had_local && strcmp(ret->name, s))
		ret->is_ambiguous = true;
}

static void find_thread_var(Elf *elf, const char *name, struct image_thread_var *ret)
{
	bool is_local;
	GElf_Shdr sh;
	GElf_Sym sym;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		Elf_Data *data = gelf_getshdr(scn, &sh) && (sh.sh_type == SHT_SYMTAB ||
							    sh.sh_type == SHT_DYNSYM) ?
					 elf_getdata(scn, NULL) :
					 NULL;

		for (int i = 1; data && gelf_getsym(data, i, &sym); i++) {
			const char *s = GELF_ST_TYPE(sym.st_info) == STT_TLS && sym.st_shndx ?
						elf_strptr(elf, sh.sh_link, sym.st_name) :
						NULL;

			if (s && is_thread_name(s, name, &is_local))
				take_thread_var(&sym, s, is_local, ret);
		}
	}
}

bool image_thread_variable(const struct image *img, const char *name, struct image_thread_var *ret)
{
	*ret = (struct image_thread_var){ 0 };
	find_thread_var(img->elf, name, ret);
	if (img->symfile)
		find_thread_var(img->symfile->elf, name, ret);
	return ret->name && ret->offset < img->tls.size;
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

static bool index_names(struct image_syms *syms)
{
	uint32_t n = 16;

	while (n < syms->n)
		n *= 2;
	syms->heads = calloc(n, sizeof(*syms->heads));
	if (!syms->heads)
		return false;
	syms->mask = n - 1;
	/* From the end, so that a chain goes up in address. */
	for (size_t i = syms->n; i-- > 0;) {
		uint32_t *head = &syms->heads[hash(syms->items[i].pub.name) & syms->mask];

		syms->items[i].chain = *head;
		*head = (uint32_t)i + 1;
	}
	return true;
}

/* ------------------------------------------------------------ lookups -- */

size_t image_symbols(const struct image *img)
{
	return img->syms->n;
}

const struct sym *image_symbol_at_index(const struct image *img, size_t i)
{
	return &img->syms->items[i].pub;
}

/* Every sym handed out is the first member of an isym of its image. */
static const struct isym *isym_of(const struct sym *s)
{
	return (const struct isym *)(const void *)s;
}

const struct sym *image_symbol_next(const struct image *img, const struct sym *s)
{
	const struct isym *next = isym_of(s) + 1;

	return next < img->syms->items + img->syms->n ? &next->pub : NULL;
}

const struct sym *image_symbol_canonical(const struct image *img, const struct sym *s)
{
	return &img->syms->items[isym_of(s)->canonical].pub;
}

bool image_symbol_is_canonical(const struct image *img, const struct sym *s)
{
	return image_symbol_canonical(img, s) == s;
}

bool image_symbol_is_function(const struct image *img, const struct sym *s, bool is_exact)
{
	return is_function_type(s->type) && s->size && (is_exact || !isym_of(s)->is_inferred) &&
	       image_is_code(img, s->addr);
}

bool image_symbol_is_generated(const struct image *img, const struct sym *s)
{
	(void)img;
	return isym_of(s)->is_generated;
}

bool image_is_stripped(const struct image *img)
{
	return img->syms->is_stripped;
}

bool image_names_functions(const struct image *img)
{
	return img->syms->names_functions;
}

void image_symbol_by_name(const struct image *img, const char *name,
			  bool (*fn)(void *arg, const struct sym *s), void *arg)
{
	struct image_syms *syms = img->syms;

	if (!syms->heads && !index_names(syms))
		return;
	for (uint32_t i = syms->heads[hash(name) & syms->mask]; i; i = syms->items[i - 1].chain)
		if (!strcmp(syms->items[i - 1].pub.name, name) && !fn(arg, &syms->items[i - 1].pub))
			return;
}

static bool covers(const struct isym *is, uint64_t addr)
{
	return addr - is->pub.addr < (is->pub.size ? is->pub.size : 1);
}

/*
 * The innermost symbol with a size of its own wins; one whose size was
 * inferred, or whose name was made up, serves if there is no other.
 */
const struct sym *image_symbol_covering(const struct image *img, uint64_t addr)
{
	const struct image_syms *syms = img->syms;
	const struct isym *guess = NULL;
	size_t lo = 0, hi = syms->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (syms->items[mid].pub.addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned step = 0; lo-- > 0 && step < COVER_STEPS; step++) {
		const struct isym *is = &syms->items[lo], *first = &syms->items[is->canonical];

		if (covers(is, addr)) {
			if (covers(first, addr))
				is = first;
			if (!is->is_inferred && !is->is_generated)
				return &is->pub;
			if (!guess)
				guess = is;
		}
		if (syms->reach[lo] <= addr && is->pub.addr != addr)
			break;
	}
	return guess ? &guess->pub : NULL;
}
