/*
 * Values of parameters in the middle of code: at an inlined instance, at a
 * source line.
 */
#ifndef DWARF_PLACE_H
#define DWARF_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf_func.h"

/* Where one parameter is at one address. */
struct dwarf_place {
	const void *ops; /* libdw's, as long as the image lives; NULL: nowhere */
	uint32_t n_ops;
	uint8_t size; /* bytes of it in memory */
	int8_t arg; /* n of argN it is shown as; -1 none */
	int64_t value; /* without ops: its constant value */
	bool is_const;
};

#define DWARF_PLACES_MAX 10

struct dwarf_places {
	struct dwarf_place list[DWARF_PLACES_MAX];
	unsigned n;
	const void *base_ops; /* the function's frame base */
	uint32_t n_base_ops;
	bool has_cfa; /* CFA = register + offset */
	uint8_t cfa_reg;
	int64_t cfa_offset;
	uint64_t bias;
};

/* The stopped thread: its registers by DWARF numbers, its memory. */
struct dwarf_thread {
	void *arg;
	bool (*reg)(void *arg, unsigned n, uint64_t *ret);
	bool (*read)(void *arg, uint64_t addr, void *buf, size_t len);
};

/*
 * Parameters of the innermost function at a link-time address, or of the one
 * called name that was inlined there.  ret->params[].arg are as if it were
 * called; false: unknown.
 */
bool dwarf_scope_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		    struct dwarf_func *ret);
/* Where these parameters are at addr. */
bool dwarf_places_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		     struct dwarf_places *ret);
/* false: it has no value there, or it can't be read. */
bool dwarf_place_value(const struct dwarf_places *ps, const struct dwarf_place *p,
		       const struct dwarf_thread *t, uint64_t *ret);

#endif
