/*
 * A program parsed for a test: context, unit and the texts to assert on.
 */
#ifndef TEST_PARSED_H
#define TEST_PARSED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../dlang/ctx.h"
#include "../../dlang/strbuf.h"

struct parsed {
	struct dl_options *options;
	struct dl_ctx *ctx;
	struct dl_source source;
	struct dl_unit *unit;
	struct strbuf text;
};

/* A context without libraries; operands end with NULL. */
static inline void parsed_start(struct parsed *p, const struct dl_host *host,
				const char *const *operands)
{
	struct dl_ctx_config config = {
		.host = host,
		.macros = { .pid = 100, .ppid = 99, .script_name = "script.d", .args = operands },
	};

	while (operands && operands[config.macros.n_args])
		config.macros.n_args++;
	memset(p, 0, sizeof(*p));
	p->options = dl_options_create();
	assert_non_null(p->options);
	config.options = p->options;
	p->ctx = dl_ctx_create(&config);
	assert_non_null(p->ctx);
}

static inline void parsed_run(struct parsed *p, const struct dl_source *source)
{
	p->source = *source;
	p->unit = dl_parse(p->ctx, &p->source);
}

static inline void parsed_file(struct parsed *p, const char *text)
{
	parsed_start(p, NULL, NULL);
	parsed_run(p, &(struct dl_source){
			      .kind = DL_SRC_FILE, .text = text, .level = DL_LEVEL_NAME });
}

static inline void parsed_string(struct parsed *p, const char *text, enum dl_level level)
{
	parsed_start(p, NULL, NULL);
	parsed_run(p, &(struct dl_source){ .kind = DL_SRC_STRING, .text = text, .level = level });
}

static inline void parsed_end(struct parsed *p)
{
	strbuf_deinit(&p->text);
	dl_ctx_destroy(p->ctx);
	dl_options_destroy(p->options);
}

/* All diagnostics in classic form with tags, one a line. */
static inline const char *parsed_errors(struct parsed *p)
{
	const struct dl_diags *d = dl_ctx_diags(p->ctx);

	strbuf_reset(&p->text);
	for (size_t i = 0; i < d->list.n; i++) {
		if (i)
			strbuf_putc(&p->text, '\n');
		dl_diag_format(&p->text, &p->source, &d->list.items[i], true, false);
	}
	return strbuf_text(&p->text);
}

static inline const char *parsed_dump(struct parsed *p)
{
	strbuf_reset(&p->text);
	if (p->unit)
		dl_node_dump(&p->text, p->unit->clauses);
	return strbuf_text(&p->text);
}

/* A file program must give exactly these diagnostics. */
static inline void assert_errors(const char *text, const char *want)
{
	struct parsed p;

	parsed_file(&p, text);
	assert_string_equal(parsed_errors(&p), want);
	assert_int_equal(p.unit == NULL, *want != '\0');
	parsed_end(&p);
}

/* The same for a string program of a level. */
static inline void assert_string_errors(const char *text, enum dl_level level, const char *want)
{
	struct parsed p;

	parsed_string(&p, text, level);
	assert_string_equal(parsed_errors(&p), want);
	assert_int_equal(p.unit == NULL, *want != '\0');
	parsed_end(&p);
}

#endif
