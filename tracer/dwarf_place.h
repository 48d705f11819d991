/*
 * Values of parameters in the middle of code: at an inlined instance, at a
 * source line.
 */
#ifndef DWARF_PLACE_H
#define DWARF_PLACE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arch/record.h"
#include "dwarf_func.h"

/* Where one parameter is at one address. */
struct dwarf_place {
	const Dwarf_Op *ops; /* libdw's, as long as the image lives; NULL: nowhere */
	Dwarf_Attribute attr; /* theirs */
	const uint8_t *bytes; /* without ops: its constant value; NULL */
	uint32_t n_ops;
	uint32_t n_bytes;
	uint32_t size; /* of the value */
	int8_t arg; /* n of the raw argument it is shown as (host.h: from DL_ARG_ADDRESS on objects) */
	bool is_const; /* without either: value */
	int64_t value;
};

#define DWARF_PLACES_MAX 16
#define DWARF_WORDS_MAX 10 /* arg0 to arg9 */
#define DWARF_VALUE_MAX 64 /* bytes of a value that is not in memory */

struct dwarf_places {
	struct dwarf_place list[DWARF_PLACES_MAX];
	unsigned n;
	const void *base_ops; /* the function's frame base */
	uint32_t n_base_ops;
	bool has_cfa; /* CFA = register + offset */
	uint8_t cfa_reg;
	int64_t cfa_offset;
	uint64_t bias;
	bool at_entry; /* of the function: its arguments are where they were */
};

/* The stopped thread: its registers by DWARF numbers, its memory. */
struct dwarf_thread {
	void *arg;
	bool (*reg)(void *arg, unsigned n, uint64_t *ret);
	bool (*vector)(void *arg, unsigned n,
		       uint8_t ret[16]); /* n as arch_vector_bytes() has it */
	bool (*read)(void *arg, uint64_t addr, void *buf, size_t len);
};

/* A value: bytes that were put together, or an address in the target's memory. */
struct dwarf_value {
	bool is_memory;
	uint64_t addr;
	uint8_t bytes[DWARF_VALUE_MAX];
	uint64_t known; /* a bit for each of them that has a value */
};

/*
 * Parameters of the innermost function at a link-time address, or of the one
 * called name that was inlined there.  ret->params[].where are as if it were
 * called; false: unknown.
 */
bool dwarf_scope_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		    struct dwarf_func *ret);
/* Where these parameters are at addr. */
bool dwarf_places_at(struct image *img, struct dl_types *ts, uint64_t addr, const char *name,
		     struct dwarf_places *ret);
/* Can a parameter have a value there?  No: whatever the thread, evaluating it fails. */
bool dwarf_place_is_known(const struct dwarf_places *ps, const struct dwarf_place *p);
/* The argument words of a value that is shown as one; false: it has none there. */
bool dwarf_place_value(const struct dwarf_places *ps, const struct dwarf_place *p,
		       const struct dwarf_thread *t, uint64_t *ret);
/* The same for a trampoline; false: it is where only an evaluation finds it. */
bool dwarf_place_operand(const struct dwarf_places *ps, const struct dwarf_place *p,
			 struct arch_place *ret);
/* The value, or what is known of it; false: it has none there, or it can't be read. */
bool dwarf_place_object(const struct dwarf_places *ps, const struct dwarf_place *p,
			const struct dwarf_thread *t, struct dwarf_value *ret);

#endif
