/*
 * print(): a value and its type as text.
 */
#ifndef DL_PRINT_TYPE_H
#define DL_PRINT_TYPE_H

#include <stddef.h>
#include <stdint.h>

#include "format_exec.h"
#include "type.h"

/*
 * Appends "type value\n".  data holds the value's len bytes in target order;
 * members that lie beyond len show as <truncated>.  strsize is the room that
 * a D string takes inside a struct.
 */
void dl_print_typed(struct strbuf *out, struct dl_type *t, const uint8_t *data, size_t len,
		    uint64_t strsize, const struct dl_format_env *env);
/* The same for a value of a D string: string "text". */
void dl_print_typed_string(struct strbuf *out, struct dl_type *t, const char *text, size_t len);
/* The same for a null pointer to t. */
void dl_print_null(struct strbuf *out, struct dl_type *t);

#endif
