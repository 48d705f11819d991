/*
 * Compile speed: the time from a text of many clauses to verified programs,
 * the libraries and the freeing of everything included.
 *
 *	compile [clauses, default 1000] [runs, default 15]
 *
 * Each clause has a predicate, five statements and eight lines: what long
 * scripts look like.  Medians are printed; every description matches (no host).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dlang/arena.h"
#include "dlang/ctx.h"
#include "dlang/strbuf.h"

enum phase { LIBRARIES, PARSE, COMPILE, FREE, TOTAL, N_PHASES };

#define RUNS_MAX 1000

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static char *make_text(unsigned n)
{
	struct strbuf sb = { 0 };

	for (unsigned i = 0; i < n; i++)
		strbuf_printf(
			&sb,
			"syscall::read:entry\n"
			"/pid == $target && arg0 > %u/\n"
			"{\n"
			"\tself->t%u = timestamp;\n"
			"\tself->n = copyinstr(arg1);\n"
			"\t@c%u[execname, pid] = count();\n"
			"\tprintf(\"%%d %%s %%d\\n\", arg0 + %u, execname, self->t%u / 1000);\n"
			"\tx%u[pid, tid] = arg2 * %u;\n"
			"}\n",
			i, i, i, i, i, i % 50, i);
	return strbuf_failed(&sb) ? NULL : strbuf_take(&sb);
}

/* One run: the time of each phase; bytes of the arena; false if it does not compile. */
static bool run(const char *text, double ms[N_PHASES], size_t *bytes)
{
	const struct dl_source src = { DL_SRC_FILE, "bench.d", text, DL_LEVEL_NAME };
	struct dl_options *o = dl_options_create();
	struct dl_ctx_config config = { .options = o, .macros = { .target = 1 } };
	double t[N_PHASES];
	bool ok;

	t[0] = now_ms();
	struct dl_ctx *c = dl_ctx_create(&config);

	ok = c && dl_load_libraries(c);
	t[1] = now_ms();
	struct dl_unit *u = ok ? dl_parse(c, &src) : NULL;

	t[2] = now_ms();
	ok = u && dl_compile(c, u);
	t[3] = now_ms();
	*bytes = c ? arena_used(c->arena) : 0;
	dl_ctx_destroy(c);
	t[4] = now_ms();
	dl_options_destroy(o);
	for (int i = 0; i < TOTAL; i++)
		ms[i] = t[i + 1] - t[i];
	ms[TOTAL] = t[4] - t[0];
	return ok;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const char *const names[N_PHASES] = { "libraries", "parse", "compile", "free",
						     "total" };
	static double all[N_PHASES][RUNS_MAX];
	unsigned clauses = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1000;
	unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 15;
	char *text = make_text(clauses);
	size_t bytes = 0;

	if (!text || !runs || runs > RUNS_MAX)
		return 2;
	for (unsigned i = 0; i < runs; i++) {
		double ms[N_PHASES];

		if (!run(text, ms, &bytes)) {
			fprintf(stderr, "the program does not compile\n");
			return 1;
		}
		for (int p = 0; p < N_PHASES; p++)
			all[p][i] = ms[p];
	}
	printf("%u clauses, %.1f MB of arena, ms:", clauses, (double)bytes / 1e6);
	for (int p = 0; p < N_PHASES; p++) {
		qsort(all[p], runs, sizeof(double), by_value);
		printf(" %s %.1f%s", names[p], all[p][runs / 2], p == TOTAL ? "\n" : ",");
	}
	free(text);
	return 0;
}
