/* One ELF file: what is found in it, and that a damaged one does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <elf.h>

#include "tracer/cfi.h"
#include "tracer/image.h"

#define PLUG FIXTURES "/libplug.so"

static bool keep(void *arg, const struct sym *s)
{
	*(const struct sym **)arg = s;
	return false;
}

static const struct sym *by_name(struct image *img, const char *name)
{
	const struct sym *s = NULL;

	image_symbol_by_name(img, name, keep, &s);
	return s;
}

static void symbols_are_found_by_name_and_address(void **state)
{
	struct image *img;

	(void)state;
	assert_null(image_open(PLUG, PLUG, &img));
	const struct sym *work = by_name(img, "plug_work"), *inner = by_name(img, "inner");

	assert_non_null(work);
	assert_non_null(inner);
	assert_int_equal(work->type, STT_FUNC);
	assert_int_equal(inner->bind, STB_LOCAL);
	assert_null(by_name(img, "plug_wor"));
	assert_ptr_equal(image_symbol_covering(img, work->addr), work);
	assert_ptr_equal(image_symbol_covering(img, work->addr + work->size - 1), work);
	assert_ptr_not_equal(image_symbol_covering(img, work->addr + work->size), work);
	assert_true(image_is_code(img, work->addr));
	assert_false(image_is_code(img, by_name(img, "plug_table")->addr));
	image_put(img);
}

static void unwind_tables_know_where_functions_begin_and_end(void **state)
{
	uint64_t start, size;
	struct image *img;

	(void)state;
	assert_null(image_open(PLUG, PLUG, &img));
	const struct sym *work = by_name(img, "plug_work");

	assert_true(image_fde_at(img, work->addr + 1, &start, &size));
	assert_int_equal(start, work->addr);
	assert_int_equal(size, work->size);
	assert_non_null(cfi_row(img, work->addr));
	assert_ptr_equal(cfi_row(img, work->addr), cfi_row(img, work->addr));
	assert_null(cfi_row(img, 1));
	assert_null(cfi_row(img, 1));
	image_put(img);
}

static void the_same_file_is_read_once(void **state)
{
	struct image *a, *b;

	(void)state;
	assert_null(image_open(PLUG, PLUG, &a));
	assert_null(image_open(PLUG, "other name", &b));
	assert_ptr_equal(a, b);
	image_put(a);
	assert_non_null(by_name(b, "plug_work"));
	image_put(b);
}

static void sections_data_and_dynamic_entries_are_found(void **state)
{
	struct image_section sec;
	uint64_t val, at;
	const uint8_t *p;
	struct image *img;

	(void)state;
	assert_null(image_open(PLUG, PLUG, &img));
	assert_true(image_section(img, ".text", &sec));
	assert_non_null(sec.data);
	assert_true(image_data(img, sec.addr, &p) >= sec.size);
	assert_ptr_equal(p, sec.data);
	assert_false(image_section(img, ".nope", &sec));
	assert_true(image_dynamic(img, DT_STRTAB, &val, &at));
	assert_false(image_dynamic(img, DT_DEBUG, &val, &at));
	assert_int_equal(image_data(img, UINT64_MAX - 8, &p), 0);
	image_put(img);
}

static void what_is_no_elf_file_is_an_error(void **state)
{
	struct image *img;
	struct error *err;

	(void)state;
	err = image_open("/proc/self/status", "status", &img);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_FORMAT);
	error_destroy(err);
	err = image_open("/nonexistent", "/nonexistent", &img);
	assert_int_equal(err->code, ERR_OS);
	assert_string_equal(err->message, "/nonexistent: No such file or directory");
	error_destroy(err);
	err = image_open("/", "/", &img);
	assert_int_equal(err->code, ERR_FORMAT);
	error_destroy(err);
	err = image_from_memory("", 0, "nothing", &img);
	assert_int_equal(err->code, ERR_FORMAT);
	error_destroy(err);
}

/* ------------------------------------------------------------- damage -- */

static uint64_t seed = 88172645463325252u;

static uint32_t roll(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

static bool count_reloc(void *arg, const struct image_reloc *r)
{
	*(size_t *)arg += strlen(r->symbol) + 1;
	return true;
}

/* Asks everything; results may be anything. */
static void ask_all(struct image *img)
{
	size_t relocs = 0;
	uint64_t a, b, lo, hi;
	const uint8_t *p;
	struct image_section sec;

	image_range(img, &lo, &hi);
	(void)by_name(img, "plug_work");
	image_relocs(img, count_reloc, &relocs);
	image_section(img, ".note.stapsdt", &sec);
	if (image_section(img, ".text", &sec) && sec.data && sec.size)
		relocs += sec.data[0] + sec.data[sec.size - 1];
	image_dynamic(img, DT_DEBUG, &a, &b);
	for (size_t n = image_build_id(img, &p); n--;)
		relocs += p[n];
	for (size_t i = 0; i < image_symbols(img) && i < 64; i++) {
		const struct sym *s = image_symbol_at_index(img, i);
		size_t n = image_data(img, s->addr, &p);

		if (n)
			relocs += p[n - 1];
		relocs += strlen(s->name) + image_symbol_is_function(img, s, true);
		(void)image_symbol_covering(img, s->addr + s->size / 2);
		(void)image_fde_at(img, s->addr, &a, &b);
		(void)cfi_row(img, s->addr + s->size / 2);
	}
	for (unsigned i = 0; i < 16; i++)
		(void)cfi_row(img, lo + roll((uint32_t)(hi - lo) | 1));
	assert_true(relocs < SIZE_MAX);
}

static uint8_t *read_plug(size_t *len)
{
	FILE *f = fopen(PLUG, "rb");
	uint8_t *p = malloc(1 << 20);

	assert_non_null(f);
	assert_non_null(p);
	*len = fread(p, 1, 1 << 20, f);
	fclose(f);
	assert_true(*len > 4096);
	return p;
}

/* Half of the damage goes to the headers, where it does most. */
static void damage(uint8_t *p, size_t len)
{
	static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff };
	unsigned n = 1 + roll(6);
	Elf64_Ehdr eh;

	memcpy(&eh, p, sizeof(eh));
	while (n--) {
		size_t at = roll((uint32_t)len);

		if (roll(4) == 0)
			at = sizeof(eh) + roll(14 * sizeof(Elf64_Phdr));
		else if (roll(4) == 0 && eh.e_shoff < len - 2048)
			at = eh.e_shoff + roll((uint32_t)(len - eh.e_shoff));
		p[at] = roll(2) ? nasty[roll(sizeof(nasty))] : (uint8_t)roll(256);
	}
}

static void damaged_files_do_no_harm(void **state)
{
	size_t len, opened = 0;
	uint8_t *good = read_plug(&len), *bad = malloc(len);
	struct image *img;

	(void)state;
	assert_non_null(bad);
	for (unsigned i = 0; i < 1500; i++) {
		memcpy(bad, good, len);
		damage(bad, len);
		struct error *err = image_from_memory(bad, len, "damaged", &img);

		if (err) {
			assert_non_null(err->message);
			error_destroy(err);
			continue;
		}
		opened++;
		ask_all(img);
		image_put(img);
	}
	assert_true(opened > 100);
	free(good);
	free(bad);
}

static void truncated_files_do_no_harm(void **state)
{
	size_t len;
	uint8_t *good = read_plug(&len);
	struct image *img;
	char path[64];

	(void)state;
	for (size_t n = 0; n < len; n += n < 1024 ? 13 : 331) {
		int fd = memfd_create("truncated", MFD_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, good, n), n);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		struct error *err = image_open(path, "truncated", &img);

		if (!err) {
			ask_all(img);
			image_put(img);
		}
		error_destroy(err);
		close(fd);
	}
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_are_found_by_name_and_address),
		cmocka_unit_test(unwind_tables_know_where_functions_begin_and_end),
		cmocka_unit_test(the_same_file_is_read_once),
		cmocka_unit_test(sections_data_and_dynamic_entries_are_found),
		cmocka_unit_test(what_is_no_elf_file_is_an_error),
		cmocka_unit_test(damaged_files_do_no_harm),
		cmocka_unit_test(truncated_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
