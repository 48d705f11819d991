/*
 * Source lines and inlined functions, from DWARF.  Addresses are link-time;
 * names live as long as the image.
 */
#ifndef DWARF_LINE_H
#define DWARF_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* One frame of the source at an address. */
struct dwarf_frame {
	const char *func; /* mangled or plain; of the outermost frame NULL: the symbol's */
	const char *file; /* without directories; NULL unknown */
	unsigned line;
};

#define DWARF_FRAMES_MAX 32

/*
 * The frames at addr, innermost first; all but the last are inlined
 * functions.  Returns how many, 0 if nothing is known.
 */
unsigned dwarf_frames_at(struct image *img, uint64_t addr, struct dwarf_frame *ret);

/* What dwarf_lines_each() found when it found no code. */
struct dwarf_lines {
	bool has_file;
	unsigned before, after; /* nearest lines that have code; 0 none */
};
/*
 * Calls fn for each address where the line begins: one for each function and
 * inlined instance that has code of it.  file: a name or the end of a path.
 */
void dwarf_lines_each(struct image *img, const char *file, unsigned line,
		      bool (*fn)(void *arg, uint64_t addr), void *arg, struct dwarf_lines *ret);

/*
 * Calls fn for the first address of each inlined instance of a function; name
 * is what the function is called, as in the symbol table (mangled) or plain.
 */
void dwarf_inlines_each(struct image *img, const char *pattern,
			bool (*fn)(void *arg, const char *name, uint64_t addr), void *arg);

#endif
