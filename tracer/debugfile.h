/*
 * Where the symbols and DWARF of a stripped file are: separate debug files by
 * build-id and debuglink, compressed mini symbol tables, debuginfod.
 */
#ifndef DEBUGFILE_H
#define DEBUGFILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dlang/error.h"

struct image;
struct strbuf;

struct debugfile {
	char *path; /* for messages */
	Elf *elf;
	uint8_t *bytes; /* owned: what the mini symbol table unpacked to */
	int fd; /* kept open: libdw finds neighbouring files by it; -1 */
};

/*
 * The separate file that has the section (".symtab", ".debug_info"); NULL:
 * there is none.  The target's own root directory is searched first.  tried
 * (NULL is fine) gets the paths that were no good, each on a line.
 */
struct debugfile *debugfile_find(const struct image *img, const char *section,
				 struct strbuf *tried);
/* The symbol table packed into .gnu_debugdata; NULL: none, or it can't be unpacked. */
struct debugfile *debugfile_mini(const struct image *img);
/*
 * A file by its build-id alone (dwz's common file), or by path below the
 * roots; one that doesn't begin with / is beside the file that names it
 * (beside: NULL is the image).
 */
struct debugfile *debugfile_by_id(const struct image *img, const uint8_t *id, size_t len,
				  const char *path, const char *beside);
void debugfile_close(struct debugfile *f); /* NULL is fine */
/* Has the file the section, with bytes in it? */
bool debugfile_has_section(Elf *elf, const char *name);
/* zlib's checksum, as .gnu_debuglink has it. */
uint32_t debugfile_crc(const uint8_t *p, size_t n);

#endif
