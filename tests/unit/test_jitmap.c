/* Perf map files: names by address, later lines over earlier ones, nonsense skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracer/jitmap.h"

static void put_map(const char *text, const char *mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	FILE *f = fopen(path, mode);

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int remove_map(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	unlink(path);
	return 0;
}

static void names_are_found_by_address(void **state)
{
	struct jitmap *m = NULL;
	uint64_t start;

	(void)state;
	put_map("1000 10 first\n\nzz\n2000 zz no\n3000 20 with blanks (x)\n"
		"ffffffffffffffff 10 wraps\n4000 10 unfinished",
		"w");
	assert_string_equal(jitmap_find(&m, getpid(), 0x1000, &start), "first");
	assert_string_equal(jitmap_find(&m, getpid(), 0x301f, &start), "with blanks (x)");
	assert_int_equal(start, 0x3000);
	assert_null(jitmap_find(&m, getpid(), 0x1010, &start));
	assert_null(jitmap_find(&m, getpid(), 0xfff, &start));
	assert_null(jitmap_find(&m, getpid(), 0x4001, &start));
	assert_null(jitmap_find(&m, getpid(), UINT64_MAX, &start));
	jitmap_destroy(m);
}

static void a_file_that_grew_is_read_again_and_later_lines_count(void **state)
{
	struct jitmap *m = NULL;
	uint64_t start;

	(void)state;
	put_map("1000 10 old\n", "w");
	assert_null(jitmap_find(&m, getpid(), 0x2000, &start));
	put_map("2000 10 new\n1008 10 over\001it\n", "a");
	assert_string_equal(jitmap_find(&m, getpid(), 0x2000, &start), "new");
	assert_string_equal(jitmap_find(&m, getpid(), 0x1007, &start), "old");
	assert_string_equal(jitmap_find(&m, getpid(), 0x1008, &start), "over?it");
	jitmap_destroy(m);
}

static void without_a_file_there_are_no_names(void **state)
{
	struct jitmap *m = NULL;
	uint64_t start;

	(void)state;
	assert_null(jitmap_find(&m, getpid(), 0x1000, &start));
	jitmap_destroy(m);
	jitmap_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(names_are_found_by_address, remove_map),
		cmocka_unit_test_teardown(a_file_that_grew_is_read_again_and_later_lines_count,
					  remove_map),
		cmocka_unit_test(without_a_file_there_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
