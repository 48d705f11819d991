/*
 * What DWARF knows of functions: parameters and result.
 */
#ifndef DWARF_FUNC_H
#define DWARF_FUNC_H

#include <stdbool.h>
#include <stdint.h>

#include "../arch/arch.h"
#include "../dlang/type.h"

struct image;

#define DWARF_PARAMS_MAX 32
#define DWARF_RESULTS_MAX 8

struct dwarf_param {
	const char *name; /* NULL unnamed; lives as long as the image */
	struct dl_type *type;
	struct arch_where where; /* at the function's entry; of a result at its return */
	const char *why; /* why there is no value (text lives as long as the types) */
};

struct dwarf_func {
	struct dwarf_param params[DWARF_PARAMS_MAX];
	unsigned n_params;
	bool is_variadic;
	struct dwarf_param results[DWARF_RESULTS_MAX]; /* [0] is void if there is none */
	unsigned n_results; /* one, but in Go */
};

/* Is the value more than an argument word, so that D has to read it as an object? */
bool dwarf_param_is_object(const struct dwarf_param *p);
/* The function that begins at a link-time address; false: DWARF doesn't know it. */
bool dwarf_func_at(struct image *img, struct dl_types *ts, uint64_t addr, struct dwarf_func *ret);
/* The type of the function at addr, as of a declaration; NULL. */
struct dl_type *dwarf_func_type_at(struct image *img, struct dl_types *ts, uint64_t addr);
/*
 * Where debug information of img was looked for in vain, a line for each place
 * (to be freed); NULL: it has some, or that was told already.
 */
char *dwarf_take_search(struct image *img);

#endif
