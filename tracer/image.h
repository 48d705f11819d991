/*
 * An image: one ELF file, indexed once and shared by all who have it mapped.
 *
 * Images are found again by device, inode, size and time of change (the vDSO:
 * by content) and counted; the last image_put() frees.  The file stays mapped
 * as long as the image lives, names and text point into it.  Whatever a file
 * claims is checked against its size: a malformed one yields an error or fewer
 * symbols.  For one thread only.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arch/arch.h"
#include "../dlang/error.h"
#include "../dlang/vec.h"
#include "object.h"

/* A loaded segment; addresses are link-time. */
struct image_segment {
	uint64_t addr, memsz, offset, filesz;
	bool x, w;
};

struct image_section {
	uint64_t addr, size;
	const uint8_t *data; /* NULL: nothing of it is in the file */
};

/* Opens path; label is how messages call it.  *ret is counted. */
struct error *image_open(const char *path, const char *label, struct image **ret) must_check;
/* An image from memory (the vDSO); bytes are copied. */
struct error *image_from_memory(const void *bytes, size_t len, const char *label,
				struct image **ret) must_check;
struct image *image_get(struct image *img); /* one more user */
void image_put(struct image *img); /* NULL is fine */

Elf *image_elf(const struct image *img); /* borrowed: for libdw */
size_t image_build_id(const struct image *img, const uint8_t **ret); /* its length, 0 none */
uint64_t image_entry(const struct image *img); /* link-time; 0 none */
bool image_section(const struct image *img, const char *name, struct image_section *ret);
size_t image_segments(const struct image *img, const struct image_segment **ret);
/* The range of addresses that its segments cover, page-aligned. */
void image_range(const struct image *img, uint64_t *lo, uint64_t *hi);
/* Bytes of the file at a link-time address; how many follow; 0: none. */
size_t image_data(const struct image *img, uint64_t addr, const uint8_t **ret);
const struct image_segment *image_segment_at(const struct image *img, uint64_t addr);
/* In a segment that is executable and not writable? */
bool image_is_code(const struct image *img, uint64_t addr);
/* Is it in a section of stubs by which other objects are called? */
bool image_is_plt(const struct image *img, uint64_t addr);
/* run-time address - link-time address for a mapping of this file; false: not one of a segment */
bool image_bias(const struct image *img, uint64_t map_lo, uint64_t map_offset, uint64_t *ret);
/* d_val of the first dynamic entry with the tag, and the entry's own link-time address. */
bool image_dynamic(const struct image *img, int64_t tag, uint64_t *val, uint64_t *at);
/* The name that programs ask the dynamic linker for (DT_SONAME); NULL. */
const char *image_soname(const struct image *img);

/* -------------------------------------------------------- symbols -- */

/* The symbols are sorted by address, the canonical one of an address first. */
size_t image_symbols(const struct image *img);
const struct sym *image_symbol_at_index(const struct image *img, size_t i);
/* The next one in that order; NULL. */
const struct sym *image_symbol_next(const struct image *img, const struct sym *s);
/* Canonical symbol of s's address. */
const struct sym *image_symbol_canonical(const struct image *img, const struct sym *s);
bool image_symbol_is_canonical(const struct image *img, const struct sym *s);
/* s is code with a size of its own, or (if is_exact) with one inferred from the next symbol. */
bool image_symbol_is_function(const struct image *img, const struct sym *s, bool is_exact);
/* A name of ours ("fun_1a2b"), for a function that has none in the file. */
bool image_symbol_is_generated(const struct image *img, const struct sym *s);
/* Does the file (or its debug file) name any function? */
bool image_names_functions(const struct image *img);
/* No .symtab, neither in the file nor in one of debug information. */
bool image_is_stripped(const struct image *img);
/* Thread-local variables are no symbols here: addr is where they are in a thread's block. */
struct image_thread_var {
	uint64_t offset, size;
	const char *name; /* of the file */
	bool is_ambiguous; /* several functions have one */
};
/* By its name in the source, also one that is static in a function; false: there is none. */
bool image_thread_variable(const struct image *img, const char *name, struct image_thread_var *ret);
/* Calls fn for each symbol with the name; fn returns false to stop. */
void image_symbol_by_name(const struct image *img, const char *name,
			  bool (*fn)(void *arg, const struct sym *s), void *arg);
/* A symbol's name as in the source (C++, Rust); its own if it isn't mangled. */
const char *image_pretty(struct image *img, const char *name);
/* The symbol that covers a link-time address; NULL. */
const struct sym *image_symbol_covering(const struct image *img, uint64_t addr);
/* Start and size of the function at addr as unwind tables tell; false unknown. */
bool image_fde_at(const struct image *img, uint64_t addr, uint64_t *start, uint64_t *size);

/* Start of the i-th function of .eh_frame_hdr; false: there are not so many. */
bool image_fde_start(const struct image *img, size_t i, uint64_t *start);

/* One dynamic relocation of the kinds that arch_reloc_kind() knows. */
struct image_reloc {
	uint64_t slot; /* link-time */
	int64_t addend;
	const char *symbol; /* "" none */
	uint64_t offset; /* ARCH_RELOC_TLS_OFFSET: of the own variable that is meant */
	int kind; /* enum arch_reloc */
};
/* Calls fn for each relocation of interest; fn returns false to stop. */
void image_relocs(const struct image *img, bool (*fn)(void *arg, const struct image_reloc *r),
		  void *arg);

/* ------------------------------------------- shared by image*.c, cfi.c -- */

struct image_syms;
struct cfi;
struct usdt_sites;
struct debugfile;
struct debuginfo;
struct demangler;

struct image {
	unsigned refs;
	struct image *next; /* all images */
	char *label;
	uint64_t dev, ino, size, mtime_ns; /* identity; ino 0: from memory */
	uint8_t *copy; /* owned bytes of an image from memory */
	Elf *elf;
	const uint8_t *bytes; /* the raw file */
	size_t n_bytes;
	uint64_t entry;
	struct image_segment *segments;
	size_t n_segments;
	struct arch_tls tls; /* size 0: none */
	bool is_musl; /* a program: it asks for musl's dynamic linker */
	uint64_t dyn_addr, dyn_size, eh_hdr_addr, eh_hdr_size; /* PT_DYNAMIC, PT_GNU_EH_FRAME */
	const uint8_t *build_id;
	size_t build_id_len;
	struct image_syms *syms;
	struct cfi *cfi; /* made on first use */
	struct usdt_sites *usdt; /* the same */
	char *root; /* of the process it was found in: "/proc/12/root", "" */
	struct debugfile *symfile; /* has the .symtab that the file lacks; NULL */
	struct debuginfo *debug; /* made on first use */
	struct demangler *demangler; /* the same */
};

struct error *image_syms_create(struct image *img, struct image_syms **ret) must_check;
void image_syms_destroy(struct image_syms *syms);

#endif
