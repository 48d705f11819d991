/*
 * Words that every thread has for itself, and the clock, in rings' heads; names
 * under which cells are.
 *
 * Rules:
 *  - a word lives as long as its thread: what a ring has of it goes with the
 *    thread to another ring, or is kept in the task while it has none (before its
 *    first, after exec);
 *  - the clock never goes backwards: each line starts where the one before is, and
 *    its slope makes up for the difference to CLOCK_MONOTONIC by and by.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_impl.h"
#include "procfs.h"

#define NAMES_EVERY UINT64_C(4000000) /* ns */
#define NAMES_MAX 64u /* threads looked at in one drain */
#define CLOCK_EVERY UINT64_C(1000000) /* ns */
#define CLOCK_LEARN UINT64_C(5000000) /* the least to tell the counter's rate by */
#define CLOCK_CATCH_UP 5e7 /* ns in which a difference goes away ... */
#define CLOCK_BEND 5e-4 /* ... at this much of the rate at most */
#define CLOCK_JUMP INT64_C(1000000) /* further behind than that: the machine has slept */

/* ---------------------------------------------------------------- words -- */

uint32_t engine_word_add(struct engine *e)
{
	uint32_t off = e->cells_top;

	if (!vec_push(&e->words, off))
		return 0;
	e->cells_top += 8;
	return off;
}

/* The word in the task's ring; NULL: it has none there. */
static uint64_t *in_ring(const struct engine_task *t, uint32_t off)
{
	const struct ring *r = t->ring;

	if (!r || off + 8 > r->head_bytes || off + 8 > r->hdr->cells_end)
		return NULL;
	return (uint64_t *)(void *)r->hdr + off / 8;
}

static bool make_kept(const struct engine *e, struct engine_task *t)
{
	uint64_t *bigger;

	if (t->n_words >= e->words.n)
		return true;
	bigger = realloc(t->words, sizeof(*bigger) * e->words.n);
	if (!bigger)
		return false;
	t->words = bigger;
	while (t->n_words < e->words.n)
		t->words[t->n_words++] = 0;
	return true;
}

uint64_t *engine_word(struct task *task, uint32_t n)
{
	struct engine_task *t = task_impl(task);
	const struct engine *e = t->pub.engine;
	uint64_t *word;

	if (n >= e->words.n)
		return NULL;
	word = in_ring(t, e->words.items[n]);
	if (word)
		return word;
	return make_kept(e, t) ? &t->words[n] : NULL;
}

void ring_words_keep(struct engine *e, struct engine_task *t)
{
	if (!t->ring || !e->words.n || !make_kept(e, t))
		return;
	for (uint32_t n = 0; n < e->words.n; n++) {
		const uint64_t *word = in_ring(t, e->words.items[n]);

		if (word)
			t->words[n] = *word;
	}
}

void ring_words_give(const struct engine *e, struct ring *r, uint32_t from)
{
	const struct engine_task *t = r->owner;

	for (uint32_t n = 0; n < e->words.n; n++)
		if (e->words.items[n] >= from)
			((uint64_t *)(void *)r->hdr)[e->words.items[n] / 8] =
				n < t->n_words ? t->words[n] : 0;
}

/* ---------------------------------------------------------------- names -- */

void engine_watch_names(struct engine *e)
{
	e->watches_names = true;
}

/*
 * What a thread has counted goes under the name it had: when it is seen to have
 * another its cells are collected first.  A name that changes is noticed as
 * late as for records, which are named when they are drained.
 */
void ring_watch_names(struct engine *e)
{
	uint64_t now = engine_now();
	size_t n = e->rings.n < NAMES_MAX ? e->rings.n : NAMES_MAX;

	if (!e->watches_names || now - e->names_seen < NAMES_EVERY)
		return;
	e->names_seen = now;
	for (size_t i = 0; i < n; i++) {
		struct ring *r = e->rings.items[e->names_next++ % e->rings.n];
		struct engine_task *t = r->owner;
		char name[sizeof(t->pub.comm)];

		if (!t->pub.comm_valid || !procfs_comm(t->pub.tid, name))
			continue;
		t->comm_read = now;
		if (!strcmp(name, t->pub.comm))
			continue;
		ring_collect_one(e, r);
		memcpy(t->pub.comm, name, sizeof(name));
	}
}

/* ---------------------------------------------------------------- clock -- */

/* Counter and clock at one moment; false: something came between. */
static bool sample(uint64_t *raw, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t before = arch_counter(), now = engine_now(), after = arch_counter();

		if (after - before >= best)
			continue;
		best = after - before;
		*raw = before + best / 2;
		*ns = now;
	}
	return best != UINT64_MAX;
}

static int64_t line_at(const struct arch_clock *c, uint64_t raw)
{
	return (int64_t)c->ns +
	       (int64_t)((__int128)(int64_t)(raw - c->raw) * (int64_t)c->mult >> 32);
}

void ring_clock_start(struct engine *e)
{
	sample(&e->line.first_raw, &e->line.first_ns);
}

/* The slope that leads from here to where CLOCK_MONOTONIC will be. */
static void bend(struct engine *e, uint64_t raw, uint64_t ns)
{
	struct arch_clock *c = &e->line.now;
	double rate = (double)(ns - e->line.first_ns) / (double)(raw - e->line.first_raw);
	int64_t behind = c->mult ? (int64_t)ns - line_at(c, raw) : 0;
	double by = (double)behind / CLOCK_CATCH_UP;

	if (!c->mult || behind > CLOCK_JUMP) {
		c->ns = ns;
		by = 0;
	} else {
		c->ns = (uint64_t)line_at(c, raw);
	}
	if (by > CLOCK_BEND)
		by = CLOCK_BEND;
	if (by < -CLOCK_BEND)
		by = -CLOCK_BEND;
	c->raw = raw;
	c->mult = (uint64_t)(rate * (1 + by) * 4294967296.0);
}

static void show_to(const struct engine *e, struct ring *r)
{
	uint64_t use = e->line.use;
	struct arch_clock *c = use & 0xff ? &r->hdr->clock1 : &r->hdr->clock0;

	*c = e->line.now;
	__atomic_store_n(&r->hdr->clock_use, use, __ATOMIC_RELEASE);
}

void ring_clock_update(struct engine *e)
{
	uint64_t raw, ns;

	if (!e->line.is_wanted || engine_now() - e->line.now.ns < CLOCK_EVERY ||
	    !sample(&raw, &ns) || raw <= e->line.first_raw || ns <= e->line.first_ns)
		return;
	bend(e, raw, ns);
	e->line.use = ((e->line.use >> 8) + 1) << 8 | (e->line.use & 0xff ? 0 : ARCH_CLOCK_STRIDE);
	for (size_t i = 0; i < e->rings.n; i++)
		show_to(e, e->rings.items[i]);
}

void ring_clock_give(const struct engine *e, struct ring *r)
{
	if (e->line.is_wanted)
		show_to(e, r);
}

void engine_want_clock(struct engine *e)
{
	uint64_t now = engine_now();

	if (e->line.is_wanted)
		return;
	if (now - e->line.first_ns < CLOCK_LEARN) {
		uint64_t ns = CLOCK_LEARN - (now - e->line.first_ns);

		nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
	}
	e->line.is_wanted = true;
	ring_clock_update(e);
}
