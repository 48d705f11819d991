/* Functions of files without symbols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "tracer/ehfunc.h"
#include "tracer/image.h"

struct found {
	uint64_t addr, size;
	unsigned n;
	bool is_seen;
};

static bool see(void *arg, uint64_t start, uint64_t size)
{
	struct found *f = arg;

	f->n++;
	if (start == f->addr) {
		f->is_seen = true;
		f->size = size;
	}
	return true;
}

static bool keep(void *arg, const struct sym *s)
{
	*(const struct sym **)arg = s;
	return false;
}

static void unwind_tables_have_every_function(void **state)
{
	static const char *const names[] = { "handle", "lookup", "many", "main", "fill" };
	struct image *img;

	(void)state;
	assert_null(image_open(FIXTURES "/typed", "typed", &img));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct sym *s = NULL;
		struct found f = { 0 };

		image_symbol_by_name(img, names[i], keep, &s);
		assert_non_null(s);
		f.addr = s->addr;
		ehfunc_each(img, see, &f);
		assert_true(f.is_seen);
		assert_int_equal(f.size, s->size);
	}
	image_put(img);
}

/* The search table is left out: the section itself is walked. */
static void the_section_does_without_its_search_table(void **state)
{
	struct found with = { 0 }, without = { 0 };
	struct image *img;

	(void)state;
	assert_null(image_open(FIXTURES "/typed", "typed", &img));
	ehfunc_each(img, see, &with);
	uint64_t saved = img->eh_hdr_addr;

	img->eh_hdr_addr = 0;
	ehfunc_each(img, see, &without);
	img->eh_hdr_addr = saved;
	assert_true(with.n >= 8);
	assert_int_equal(with.n, without.n);
	image_put(img);
}

static void a_stripped_file_gets_names(void **state)
{
	struct image *img;
	unsigned n = 0;

	(void)state;
	assert_null(image_open(FIXTURES "/nosyms_dynamic", "nosyms", &img));
	assert_false(image_names_functions(img));
	for (size_t i = 0; i < image_symbols(img); i++) {
		const struct sym *s = image_symbol_at_index(img, i);
		char name[32];

		if (!image_symbol_is_generated(img, s))
			continue;
		snprintf(name, sizeof(name), "fun_%llx", (unsigned long long)s->addr);
		assert_string_equal(s->name, name);
		assert_true(image_symbol_is_function(img, s, false));
		assert_ptr_equal(image_symbol_covering(img, s->addr + s->size - 1), s);
		n++;
	}
	assert_true(n >= 6);
	image_put(img);
}

static void files_with_symbols_get_none(void **state)
{
	struct image *img;

	(void)state;
	assert_null(image_open(FIXTURES "/typed", "typed", &img));
	assert_true(image_names_functions(img));
	for (size_t i = 0; i < image_symbols(img); i++)
		assert_false(image_symbol_is_generated(img, image_symbol_at_index(img, i)));
	image_put(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwind_tables_have_every_function),
		cmocka_unit_test(the_section_does_without_its_search_table),
		cmocka_unit_test(a_stripped_file_gets_names),
		cmocka_unit_test(files_with_symbols_get_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
