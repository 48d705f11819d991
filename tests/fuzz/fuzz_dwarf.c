/*
 * The readers of files under libFuzzer: symbols, unwind tables, DWARF.  The
 * input replaces pieces of a good file (the seeds are such files): whatever is
 * in it, everything is asked for, and nothing may crash, hang or leak.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../dlang/arena.h"
#include "../../tracer/cfi.h"
#include "../../tracer/dwarf_line.h"
#include "../../tracer/dwarf_place.h"
#include "../../tracer/dwarf_type.h"
#include "../../tracer/image.h"

#define SYMBOLS_MAX 64
#define MEMBERS_MAX 64

static bool see(void *arg, uint64_t addr)
{
	*(uint64_t *)arg += addr;
	return true;
}

static bool see_inline(void *arg, const char *name, uint64_t addr)
{
	*(uint64_t *)arg += addr + (uint64_t)*name;
	return true;
}

static void ask_type(struct image *img, struct dl_types *ts, const char *name)
{
	struct dl_type *t = dwarf_type_named(img, ts, name);

	if (!t)
		return;
	t = dl_type_base(t);
	(void)dwarf_type_complete(ts, t);
	for (size_t i = 0; i < t->n_members && i < MEMBERS_MAX; i++) {
		struct dl_type *m = dl_type_base(t->members[i].type);

		(void)dl_type_name(ts, t->members[i].type);
		if (m->kind == DL_PTR)
			(void)dwarf_type_complete(ts, dl_type_base(m->ref));
	}
}

static void ask_symbol(struct image *img, struct dl_types *ts, const struct sym *s)
{
	struct dwarf_frame frames[DWARF_FRAMES_MAX];
	struct dwarf_places places;
	struct dwarf_func f;

	(void)image_pretty(img, s->name);
	(void)image_symbol_covering(img, s->addr + 1);
	if (s->type != STT_FUNC) {
		(void)dwarf_variable_type(img, ts, s->name, s->addr);
		return;
	}
	(void)dwarf_func_at(img, ts, s->addr, &f);
	(void)dwarf_places_at(img, ts, s->addr + s->size / 2, NULL, &places);
	(void)dwarf_frames_at(img, s->addr + s->size / 2, frames);
	(void)cfi_row(img, s->addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "struct conn", "conn_t", "enum state", "union u",
					     "x" };
	struct image *img;
	uint64_t sum = 0;
	struct error *err = image_from_memory(data, size, "fuzz", &img);

	if (err) {
		error_destroy(err);
		return 0;
	}
	struct arena *a = arena_create();
	struct dl_types *ts = dl_types_create(a);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ask_type(img, ts, names[i]);
	for (size_t i = 0; i < image_symbols(img) && i < SYMBOLS_MAX; i++)
		ask_symbol(img, ts, image_symbol_at_index(img, i));
	dwarf_lines_each(img, "typed.c", 30, see, &sum, NULL);
	dwarf_inlines_each(img, "fill", see_inline, &sum);
	image_put(img);
	arena_destroy(a);
	return 0;
}
