/*
 * printf formats: parsed and checked by the front end, executed by the
 * consumer.
 */
#ifndef DL_FORMAT_H
#define DL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "strbuf.h"

struct dl_value_desc;

enum dl_conv_flags {
	DL_CF_ALT = 1,
	DL_CF_ZERO = 2,
	DL_CF_LEFT = 4,
	DL_CF_PLUS = 8,
	DL_CF_SPACE = 16,
	DL_CF_GROUP = 32,
	DL_CF_PTRWIDTH = 64, /* ? */
	DL_CF_AGG = 128, /* @ */
	DL_CF_DYNWIDTH = 256,
	DL_CF_DYNPREC = 512, /* * : takes an int argument first */
};

/* A run of literal text followed by one conversion (or by the end). */
struct dl_conv {
	const char *text; /* literal before the conversion; "%%" already folded */
	uint32_t text_len;
	char conv; /* d i o u x X c C s S p a A e E f g G k P I T Y; 0 = none */
	char size[3]; /* "", "h", "l", "ll", "L", "w" */
	uint32_t flags;
	int width; /* 0 = none */
	int prec; /* 0 = none (precision 0 is ignored) */
	const char *spec; /* as written, for messages: "%-5lld" */
};

struct dl_format {
	const struct dl_conv *convs;
	uint32_t n;
};

/* Parses; on failure returns NULL and *why_ret = message text (arena). */
const struct dl_format *dl_format_parse(struct arena *a, const char *text, const char **why_ret);

/*
 * Kinds of argument a conversion takes, for the checker's D_PRINTF_ARG_TYPE
 * and its "prototype:" line.  Returns the prototype text ("char, short, int,
 * long, or long long") and sets *ok.
 */
const char *dl_conv_check(const struct dl_conv *c, const struct dl_value_desc *v, bool have_target,
			  bool *ok);

/* One value in its encoded form (agg.h), as the consumer has it at hand. */
struct dl_value {
	const struct dl_value_desc *desc;
	const uint8_t *data; /* encoded field */
	uint32_t len;
};
/* Splits encoded fields; false when data is malformed. */
bool dl_values_split(const struct dl_value_desc *descs, uint32_t n, const uint8_t *data,
		     uint32_t len, struct dl_value *ret);
int64_t dl_value_int(const struct dl_value *v);
/* The i-th 8-byte word of a stack (pid, n, pcs) or symbol (pid, address); 0 past the end. */
uint64_t dl_value_word(const struct dl_value *v, uint32_t i);
/* Bytes of a string or bytes value. */
const char *dl_value_bytes(const struct dl_value *v, uint32_t *len_ret);

#endif
