/*
 * Compile diagnostics: a stable tag (D_PROTO_LEN, ...), a place, a text and
 * perhaps a hint.  They are collected, not printed; the program decides how
 * many it shows (one, in the classic form, under -x errtags).
 */
#ifndef DL_DIAG_H
#define DL_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "vec.h"

enum dl_tag {
#define TAG(name) D_##name,
#include "tags.def"
#undef TAG
	DL_TAG_COUNT
};

/* Where a source text came from. */
enum dl_source_kind {
	DL_SRC_FILE, /* -s FILE: "line N:" */
	DL_SRC_STRING, /* -n and friends: "in predicate:" / "in action list:" */
	DL_SRC_LIBRARY, /* a *.d library: file name and line */
};

/* The region of a string program that a position lies in. */
enum dl_region { DL_REGION_NONE, DL_REGION_PREDICATE, DL_REGION_ACTION };

/* A place in a source text.  line 0 = unknown. */
struct dl_source;
struct dl_range {
	const char *file; /* borrowed; set by "# N file" or a library; NULL = the source itself */
	unsigned line; /* as #line says, for messages; from 1 */
	unsigned offset; /* byte offset in the text, for the caret */
	unsigned len;
	enum dl_region region;
	const struct dl_source *source; /* whose text offset counts in; NULL: unknown */
};

enum dl_severity { DL_SEV_ERROR, DL_SEV_WARNING };

struct dl_diag {
	enum dl_severity severity;
	enum dl_tag tag;
	bool has_tag; /* false for EDT-style errors without tag or place */
	struct dl_range range;
	char *text; /* arena */
	char *hint; /* arena; NULL when there is none */
	bool is_last; /* what else is wrong comes first: a kernel is wanted, a symbol not defined */
};

struct dl_diags {
	VEC(struct dl_diag) list;
	size_t n_errors;
};

const char *dl_tag_name(enum dl_tag tag); /* "D_SYNTAX" */
/* The tag called name, or -1: host errors carry tags as text. */
int dl_tag_by_name(const char *name);

#endif
