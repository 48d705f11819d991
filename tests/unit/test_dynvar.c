/*
 * Dynamic variables: elements and thread-local blocks against a simple model,
 * the dynvarsize limit, reuse of what was deleted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/state_impl.h"

static bool put(struct dl_dyn *d, uint64_t key, uint32_t size, uint8_t byte)
{
	struct dl_dyn_value v;

	if (!dl_dyn_put(d, (uint8_t *)&key, 8, size, &v))
		return false;
	assert_true(v.cap >= size);
	memset(v.data, byte, size);
	return true;
}

static int get(struct dl_dyn *d, uint64_t key)
{
	struct dl_dyn_value v;

	return dl_dyn_find(d, (uint8_t *)&key, 8, &v) ? v.data[0] : -1;
}

static void delete (struct dl_dyn *d, uint64_t key)
{
	dl_dyn_delete(d, (uint8_t *)&key, 8);
}

static void elements_behave_like_a_map(void **state)
{
	struct dl_dyn *d = dl_dyn_create(1 << 20);
	int model[256];
	uint32_t x = 1;

	(void)state;
	memset(model, 0xff, sizeof(model));
	for (int i = 0; i < 50000; i++) {
		x = x * 1664525 + 1013904223;
		uint64_t key = x >> 24;

		if (x & 0x100) {
			model[key] = (x >> 9) & 0xff;
			assert_true(put(d, key, 1 + (x >> 5 & 0xff), (uint8_t)model[key]));
		} else if (x & 0x200) {
			model[key] = -1;
			delete (d, key);
		}
		assert_int_equal(get(d, key), model[key]);
	}
	for (uint64_t key = 0; key < 256; key++)
		assert_int_equal(get(d, key), model[key]);
	dl_dyn_destroy(d);
}

static void the_limit_holds_and_deleting_makes_room(void **state)
{
	struct dl_dyn *d = dl_dyn_create(3200);
	uint64_t n = 0;

	(void)state;
	while (n < 1000 && put(d, n, 8, 1))
		n++;
	assert_int_equal(n, 100);
	delete (d, 50);
	assert_true(put(d, 2000, 8, 2));
	assert_false(put(d, 2001, 8, 2));
	/* An element there is can be assigned, but not grow. */
	assert_true(put(d, 10, 8, 3));
	assert_false(put(d, 10, 500, 3));
	assert_int_equal(get(d, 10), 3);
	assert_int_equal(get(d, 2000), 2);
	dl_dyn_destroy(d);
}

static void values_are_inside_the_arena_and_start_zeroed(void **state)
{
	struct dl_dyn *d = dl_dyn_create(1 << 16);
	struct dl_dyn_value v;
	uint64_t key = 1, size;
	const uint8_t *arena = dl_dyn_arena(d, &size);

	(void)state;
	put(d, key, 100, 0xff);
	delete (d, key);
	assert_true(dl_dyn_put(d, (uint8_t *)&key, 8, 100, &v));
	assert_ptr_equal(v.data, arena + v.offset);
	assert_true(v.offset + v.cap <= size);
	for (int i = 0; i < 100; i++)
		assert_int_equal(v.data[i], 0);
	dl_dyn_destroy(d);
}

static void thread_blocks_come_and_go(void **state)
{
	struct dl_dyn *d = dl_dyn_create(1 << 20);
	uint64_t live = 0;

	(void)state;
	assert_true(dl_tls_resize(d, 16));
	assert_null(dl_tls_find(d, 0));
	for (uint64_t t = 0; t < 5000; t++) {
		uint8_t *b = dl_tls_make(d, t * 64);

		assert_non_null(b);
		memcpy(b, &t, 8);
		assert_false(dl_tls_count(d, b, 1));
		live++;
		if (t % 3 == 1) {
			assert_true(dl_tls_count(d, b, -1));
			live--;
		}
	}
	for (uint64_t t = 0; t < 5000; t++) {
		uint8_t *b = dl_tls_find(d, t * 64);

		if (t % 3 == 1) {
			assert_null(b);
			continue;
		}
		assert_memory_equal(b, &t, 8);
		live--;
	}
	assert_int_equal(live, 0);
	dl_dyn_destroy(d);
}

static void thread_blocks_count_against_the_limit(void **state)
{
	struct dl_dyn *d = dl_dyn_create(4000);
	uint64_t n = 0;
	uint8_t *b = NULL, *last = NULL;

	(void)state;
	dl_tls_resize(d, 176);
	while (n < 1000 && (b = dl_tls_make(d, n + 1))) {
		dl_tls_count(d, b, 1);
		last = b;
		n++;
	}
	assert_int_equal(n, 20);
	assert_false(put(d, 1, 8, 1));
	assert_true(dl_tls_count(d, last, -1));
	assert_true(put(d, 1, 8, 1));
	dl_dyn_destroy(d);
}

static void growing_keeps_the_blocks(void **state)
{
	struct dl_dyn *d = dl_dyn_create(1 << 20);

	(void)state;
	dl_tls_resize(d, 8);
	uint8_t *b = dl_tls_make(d, 9);

	b[0] = 42;
	dl_tls_count(d, b, 1);
	assert_true(dl_tls_resize(d, 800));
	b = dl_tls_find(d, 9);
	assert_int_equal(b[0], 42);
	assert_int_equal(b[799], 0);
	assert_true(dl_tls_count(d, b, -1));
	dl_dyn_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_behave_like_a_map),
		cmocka_unit_test(the_limit_holds_and_deleting_makes_room),
		cmocka_unit_test(values_are_inside_the_arena_and_start_zeroed),
		cmocka_unit_test(thread_blocks_come_and_go),
		cmocka_unit_test(thread_blocks_count_against_the_limit),
		cmocka_unit_test(growing_keeps_the_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
