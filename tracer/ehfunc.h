/*
 * Where functions begin, as unwind tables tell: for files without symbols.
 */
#ifndef EHFUNC_H
#define EHFUNC_H

#include <stdbool.h>
#include <stdint.h>

struct image;

/* Calls fn with the link-time start and size of each function, by address; false ends it. */
void ehfunc_each(const struct image *img, bool (*fn)(void *arg, uint64_t start, uint64_t size),
		 void *arg);

#endif
