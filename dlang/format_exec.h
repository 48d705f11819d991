/*
 * Executing a parsed printf format over values.
 */
#ifndef DL_FORMAT_EXEC_H
#define DL_FORMAT_EXEC_H

#include "format.h"
#include "histogram.h"

/* What %@ inserts: one aggregation's value for the key at hand. */
struct dl_agg_cell {
	const struct dl_aggdesc *desc;
	const struct dl_agg_entry *entry; /* NULL: the key is missing there */
	int64_t factor;
};

/* What conversions need besides values.  symbolize may be NULL. */
struct dl_format_env {
	void *ctx;
	void (*symbolize)(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
			  struct strbuf *out);
	/*
	 * A frame of a stack (index 0 is the innermost) in place of symbolize;
	 * lines of text, ended by newlines but the last.  NULL: none.
	 */
	void (*frame)(void *ctx, uint32_t pid, uint64_t addr, uint32_t index, struct strbuf *out);
	uint32_t pid; /* whose addresses plain integers are */
	const struct dl_agg_cell *aggs; /* printa() */
	uint32_t n_aggs;
	struct dl_bar_style style;
	const char *thousands; /* between groups of digits ("'"); NULL: nothing */
};

/* Appends the text.  false: values ran out (the rest has been formatted as empty). */
bool dl_format_exec(struct strbuf *out, const struct dl_format *f, const struct dl_value *values,
		    uint32_t n, const struct dl_format_env *env);

/* The number a cell displays: 0 for a missing key or a cleared one. */
int64_t dl_agg_cell_value(const struct dl_agg_cell *cell);
/* Its histogram (quantize() and its like). */
void dl_agg_cell_histogram(struct strbuf *out, const struct dl_agg_cell *cell,
			   const struct dl_bar_style *style);
/* v in decimal, by its own signedness. */
void dl_put_int(struct strbuf *out, int64_t v, bool is_signed);
/* The text of a SYM value, or of an address: "obj`sym+0x1" or "0x1234". */
void dl_put_symbol(struct strbuf *out, const struct dl_format_env *env, uint32_t pid, uint64_t addr,
		   enum dl_symkind kind);
/* C escapes for what is not printable; quotes and backslashes too. */
void dl_put_escaped(struct strbuf *out, const char *s, size_t n);
/*
 * Newline, then a line per frame: indent blanks, then the text, right-aligned
 * in width.  Kernel stacks are empty here.
 */
void dl_put_stack(struct strbuf *out, const struct dl_format_env *env, const struct dl_value *v,
		  unsigned indent, unsigned width);

#endif
