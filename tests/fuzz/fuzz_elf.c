/*
 * The readers of ELF files under libFuzzer: symbols, relocations, unwind
 * tables, static probes, packed symbol tables, stripped functions.  The input
 * is a file; everything is asked for, and nothing may crash, hang or leak.
 * (fuzz_dwarf has the readers of DWARF.)
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../dlang/arena.h"
#include "../../tracer/cfi.h"
#include "../../tracer/debugfile.h"
#include "../../tracer/ehfunc.h"
#include "../../tracer/image.h"
#include "../../tracer/usdt.h"

#define ASKED_MAX 128

struct asked {
	unsigned n;
	uint64_t sum;
};

static bool see_reloc(void *arg, const struct image_reloc *r)
{
	struct asked *a = arg;

	a->sum += r->slot + (uint64_t)*r->symbol;
	return ++a->n < ASKED_MAX;
}

static bool see_function(void *arg, uint64_t start, uint64_t size)
{
	struct asked *a = arg;

	a->sum += start + size;
	return ++a->n < ASKED_MAX;
}

static bool see_symbol(void *arg, const struct sym *s)
{
	struct asked *a = arg;

	a->sum += s->addr;
	return ++a->n < ASKED_MAX;
}

static void ask_symbols(struct image *img, struct asked *a)
{
	for (size_t i = 0; i < image_symbols(img) && i < ASKED_MAX; i++) {
		const struct sym *s = image_symbol_at_index(img, i);
		uint64_t start, size;

		(void)image_symbol_canonical(img, s);
		(void)image_symbol_is_function(img, s, false);
		(void)image_symbol_covering(img, s->addr + s->size / 2);
		(void)image_pretty(img, s->name);
		(void)image_fde_at(img, s->addr, &start, &size);
		(void)cfi_row(img, s->addr);
		(void)cfi_row(img, s->addr + s->size / 2);
		a->n = 0;
		image_symbol_by_name(img, s->name, see_symbol, a);
	}
}

static void ask_probes(struct image *img, struct asked *a)
{
	struct usdt_arg args[USDT_ARGS];
	size_t n;
	const struct usdt_site *sites = usdt_sites(img, &n);

	for (size_t i = 0; i < n; i++)
		a->sum += sites[i].addr;
	(void)usdt_args_parse("8@%rax -4@8(%rbp,%rcx,4) 4f@%xmm1", args);
}

static void ask_all(struct image *img)
{
	static const char *const sections[] = { ".text", ".gnu_debugdata", ".eh_frame", ".note" };
	struct asked a = { 0 };
	struct image_section sec;
	const uint8_t *id;
	uint64_t v, at, lo, hi;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		(void)image_section(img, sections[i], &sec);
	(void)image_build_id(img, &id);
	(void)image_dynamic(img, 1, &v, &at);
	(void)image_soname(img);
	(void)image_is_stripped(img);
	image_range(img, &lo, &hi);
	image_relocs(img, see_reloc, &a);
	a.n = 0;
	ehfunc_each(img, see_function, &a);
	ask_symbols(img, &a);
	ask_probes(img, &a);
	debugfile_close(debugfile_mini(img));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *img;
	struct error *err = image_from_memory(data, size, "fuzz", &img);

	if (err) {
		error_destroy(err);
		return 0;
	}
	ask_all(img);
	image_put(img);
	return 0;
}
