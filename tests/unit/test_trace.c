/*
 * The trace buffer: order, wrapping and the four policies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/trace.h"

/* An entry of size bytes whose number is its epid. */
static bool add(struct dl_trace *t, uint32_t number, size_t size)
{
	uint8_t *p = dl_trace_begin(t, size);

	if (!p)
		return false;
	memset(p, (int)number, size);
	memcpy(p + offsetof(struct dl_entry, epid), &number, 4);
	return dl_trace_commit(t, size);
}

/* The number of the oldest entry, -1 if there is none. */
static int64_t take(struct dl_trace *t)
{
	const struct dl_entry *e = dl_trace_peek(t);

	if (!e)
		return -1;
	uint32_t number = e->epid;

	for (size_t i = sizeof(*e); i < e->size; i++)
		assert_int_equal(((const uint8_t *)e)[i], number & 0xff);
	dl_trace_next(t);
	return number;
}

static void entries_come_out_in_order_around_the_end(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_WAIT, 1000);
	uint32_t in = 0, out = 0;

	(void)state;
	assert_null(dl_trace_peek(t));
	dl_trace_next(t);
	for (int round = 0; round < 2000; round++) {
		add(t, in, 32 + 8 * (in % 13));
		in++;
		add(t, in, 32 + 8 * (in % 7));
		in++;
		assert_int_equal(take(t), out++);
		if (round % 3 == 0)
			while (out < in)
				assert_int_equal(take(t), out++);
		else
			assert_int_equal(take(t), out++);
	}
	assert_int_equal(dl_trace_take_drops(t), 0);
	dl_trace_destroy(t);
}

static void begin_grows_and_keeps_what_was_written(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_WAIT, 100000);
	uint8_t *p = dl_trace_begin(t, 100);

	(void)state;
	memset(p, 7, 100);
	p = dl_trace_begin(t, 99999);
	assert_int_equal(p[99], 7);
	p[99998] = 1;
	assert_null(dl_trace_begin(t, 100001));
	dl_trace_destroy(t);
}

static void switch_drops_when_full_and_counts(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_SWITCH, 320);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_true(add(t, i, 32));
	assert_false(add(t, 10, 32));
	assert_int_equal(dl_trace_take_drops(t), 1);
	assert_int_equal(dl_trace_take_drops(t), 0);
	/* The consumer has started on this buffer: the other one is filled. */
	assert_int_equal(take(t), 0);
	for (uint32_t i = 20; i < 30; i++)
		assert_true(add(t, i, 32));
	assert_false(add(t, 30, 32));
	for (uint32_t i = 1; i < 10; i++)
		assert_int_equal(take(t), i);
	for (uint32_t i = 20; i < 30; i++)
		assert_int_equal(take(t), i);
	assert_int_equal(take(t), -1);
	dl_trace_destroy(t);
}

static void fill_stops_when_full(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_FILL, 100);

	(void)state;
	assert_true(add(t, 1, 32));
	assert_true(add(t, 2, 64));
	assert_false(dl_trace_full(t));
	assert_false(add(t, 3, 32));
	assert_true(dl_trace_full(t));
	assert_int_equal(take(t), 1);
	assert_false(add(t, 4, 32));
	assert_int_equal(take(t), 2);
	assert_int_equal(dl_trace_take_drops(t), 0);
	dl_trace_destroy(t);
}

static void ring_keeps_the_newest(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_RING, 328);
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_true(add(t, i, i % 5 ? 32 : 40));
	int64_t first = take(t);

	assert_in_range(first, 990, 994);
	for (int64_t want = first + 1; want < 1000; want++)
		assert_int_equal(take(t), want);
	assert_int_equal(take(t), -1);
	assert_true(add(t, 7, 328));
	assert_int_equal(take(t), 7);
	dl_trace_destroy(t);
}

struct drain {
	struct dl_trace *trace;
	uint32_t next;
	bool is_idle;
};

static void drain_all(void *ctx)
{
	struct drain *d = ctx;

	while (!d->is_idle && dl_trace_peek(d->trace))
		assert_int_equal(take(d->trace), d->next++);
}

static void wait_drains_and_loses_nothing(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_WAIT, 512);
	struct drain d = { .trace = t };

	(void)state;
	dl_trace_on_full(t, drain_all, &d);
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(add(t, i, 32 + 8 * (i % 20)));
	drain_all(&d);
	assert_int_equal(d.next, 5000);
	assert_int_equal(dl_trace_take_drops(t), 0);
	/* A drain that does not drain costs the entry, not the session. */
	d.is_idle = true;
	while (add(t, 1, 64))
		;
	assert_int_equal(dl_trace_take_drops(t), 1);
	dl_trace_destroy(t);
}

static void finished_entries_can_be_put(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_WAIT, 512);
	struct dl_entry e = { .size = sizeof(e), .epid = 9 };

	(void)state;
	assert_true(dl_trace_put(t, &e));
	e.size = 20;
	assert_false(dl_trace_put(t, &e));
	e.size = 1 << 20;
	assert_false(dl_trace_put(t, &e));
	assert_int_equal(dl_trace_take_drops(t), 2);
	assert_int_equal(take(t), 9);
	dl_trace_destroy(t);
}

static uint32_t cost_of_16(void *ctx, uint32_t epid)
{
	(void)ctx;
	(void)epid;
	return 16;
}

static void a_limit_counts_other_sizes(void **state)
{
	struct dl_trace *t = dl_trace_create(DL_BUF_RING, 4096);

	(void)state;
	dl_trace_limit(t, 40, cost_of_16, NULL);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(add(t, i, 64));
	assert_int_equal(take(t), 3);
	assert_int_equal(take(t), 4);
	assert_int_equal(take(t), -1);
	dl_trace_destroy(t);

	t = dl_trace_create(DL_BUF_FILL, 4096);
	dl_trace_limit(t, 40, cost_of_16, NULL);
	dl_trace_reserve(t, 16);
	assert_true(add(t, 1, 64));
	assert_false(add(t, 2, 64));
	assert_true(dl_trace_full(t));
	dl_trace_release(t);
	assert_true(add(t, 3, 64));
	assert_int_equal(take(t), 1);
	assert_int_equal(take(t), 3);
	dl_trace_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_out_in_order_around_the_end),
		cmocka_unit_test(begin_grows_and_keeps_what_was_written),
		cmocka_unit_test(switch_drops_when_full_and_counts),
		cmocka_unit_test(fill_stops_when_full),
		cmocka_unit_test(ring_keeps_the_newest),
		cmocka_unit_test(wait_drains_and_loses_nothing),
		cmocka_unit_test(finished_entries_can_be_put),
		cmocka_unit_test(a_limit_counts_other_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
