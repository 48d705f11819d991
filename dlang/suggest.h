/*
 * Hints for probe descriptions that match nothing.
 */
#ifndef DL_SUGGEST_H
#define DL_SUGGEST_H

struct dl_ctx;
struct dl_diag;
struct dl_pdesc;

/* Gives diag a hint, if one can be thought of; text: d as it was written. */
void dl_suggest_probe(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d,
		      const char *text);

#endif
