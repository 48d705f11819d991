/*
 * Hints for probe descriptions that match nothing.
 */
#ifndef DL_SUGGEST_H
#define DL_SUGGEST_H

#include "compile.h"

struct dl_ctx;
struct dl_diag;
struct dl_pdesc;

/* Gives diag a hint, if one can be thought of; text: d as it was written, at this level. */
void dl_suggest_probe(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d,
		      const char *text, enum dl_level level);
/* What to use instead of a provider that needs a kernel; NULL: it needs none. */
const char *dl_suggest_instead(const char *provider);

#endif
