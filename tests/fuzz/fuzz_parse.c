/*
 * Fuzz target for the front end: any bytes are a D program.  Not built by
 * default; by hand from the top of the tree, with a build folder's
 * embedded_libs.c:
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE \
 *		-DDTRACE_VERSION='"0"' tests/fuzz/fuzz_parse.c dlang/[a-z]*.c \
 *		BUILD/embedded_libs.c -ljson-c -lm -o fuzz_parse
 *
 * The first byte chooses the kind of source and what follows parsing.
 */
#include <stdlib.h>
#include <string.h>

#include "../../dlang/compile.h"
#include "../../dlang/ctx.h"
#include "../../dlang/strbuf.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void run(struct dl_ctx *c, const struct dl_source *src, bool compile)
{
	struct dl_unit *u = dl_parse(c, src);
	const struct dl_diags *diags = dl_ctx_diags(c);
	struct strbuf sb = { 0 };

	if (u) {
		dl_node_dump(&sb, u->clauses);
		dl_ctx_set_target(c, 4321);
		if (compile)
			dl_compile(c, u);
	}
	for (size_t i = 0; i < diags->list.n; i++)
		dl_diag_format(&sb, src, &diags->list.items[i], true, true);
	strbuf_deinit(&sb);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const args[] = { "12", "name", "two words" };
	struct dl_options *o = dl_options_create();
	struct dl_ctx_config config = {
		.options = o, .macros = { .pid = 7, .args = args, .n_args = 3 },
	};
	struct dl_ctx *c = o ? dl_ctx_create(&config) : NULL;
	char *text = malloc(size + 1);

	if (c && text && size) {
		memcpy(text, data + 1, size - 1);
		text[size - 1] = '\0';
		struct dl_source src = {
			.kind = data[0] & 1 ? DL_SRC_STRING : DL_SRC_FILE, .text = text,
			.level = (enum dl_level)(data[0] >> 1 & 3),
		};

		run(c, &src, data[0] & 8);
	}
	dl_ctx_destroy(c);
	dl_options_destroy(o);
	free(text);
	return 0;
}
