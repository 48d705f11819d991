/*
 * Rings: giving them to threads, draining them.  Their memory is in
 * ring_space.c.
 *
 * Threads start with the null ring, whose use is a trap; the first one gives
 * the thread a ring of its own.  Forked children have the memory too, but never
 * use it: their copy of the text is cleaned before they run.  (If the tracer is
 * dead it is not cleaned: then they write to rings that nobody reads any more.)
 *
 * Rules:
 *  - whatever is in shared memory may be nonsense: sizes are our own, records
 *    are copied before they are looked at, lengths are checked;
 *  - a ring's owner is a task that exists: task_destroy() and exec drain and
 *    free it first;
 *  - stamps are converted by what clock and counter said at the drains before
 *    and after: times of one ring never go backwards.
 */
#include "ring.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../dlang/state.h"
#include "engine_impl.h"
#include "procfs.h"

#define CELLS_MAX (UINT32_C(64) << 20)
#define LEARN_NS UINT64_C(4000000)
#define TRAP_BIT (UINT64_C(1) << (SIGTRAP - 1))
#define POLL_MIN UINT64_C(1000000)
#define POLL_MAX UINT64_C(8000000)

/* -------------------------------------------------------------- who has one -- */

bool ring_may_outlive(const struct engine *e, const struct aspace *as)
{
	for (const struct process *p = e->processes; p; p = p->next)
		if (p->as == as && !p->is_child_of_ours)
			return true;
	return false;
}

uint64_t ring_anchor(const struct engine_task *t)
{
	const struct ring_space *rs = t->pub.proc->as->rings;

	if (!rs)
		return 0;
	return t->ring ? t->ring->addr : rs->null_ring;
}

static bool is_extreme(enum arch_agg_kind kind)
{
	return kind == ARCH_AGG_MIN || kind == ARCH_AGG_MAX;
}

/* Where in the head's words the cell is; that of a table's entry. */
static uint32_t cell_at(const struct ring_cell *c, uint32_t entry)
{
	return c->off / 8 + (c->entries ? 1 + entry * arch_agg_entry(c->kind) : 0);
}

/* Read once: the target may change it at any moment. */
static uint32_t cells_end(const struct ring *r)
{
	return __atomic_load_n(&r->hdr->cells_end, __ATOMIC_RELAXED);
}

/* Cells from an offset on become new; what the ring says of it may be nonsense. */
static void init_cells(const struct engine *e, struct ring *r, uint32_t from)
{
	uint64_t *words = (uint64_t *)(void *)r->hdr;

	if (from < ARCH_RING_CELLS || from > e->cells_top)
		from = ARCH_RING_CELLS;
	memset((uint8_t *)r->hdr + from, 0, e->cells_top - from);
	memset((uint8_t *)r->seen + from, 0, e->cells_top - from);
	for (size_t i = 0; i < e->cells.n; i++) {
		const struct ring_cell *c = &e->cells.items[i];

		if (c->off < from || !is_extreme(c->kind))
			continue;
		for (uint32_t k = 0; k < (c->entries ? c->entries : 1); k++)
			words[cell_at(c, k) + 1] =
				c->kind == ARCH_AGG_MIN ? INT64_MAX : (uint64_t)INT64_MIN;
	}
	ring_words_give(e, r, from);
	__atomic_store_n(&r->hdr->cells_end, e->cells_top, __ATOMIC_RELEASE);
}

static bool fits(const struct engine *e, const struct ring *r)
{
	return r->head_bytes >= e->cells_top && r->size >= (uint64_t)r->space->need + 8;
}

static struct ring *find_free(const struct engine *e, const struct ring_space *rs)
{
	for (size_t i = 0; i < rs->rings.n; i++)
		if (!rs->rings.items[i]->owner && fits(e, rs->rings.items[i]))
			return rs->rings.items[i];
	return NULL;
}

static bool give(struct engine *e, struct engine_task *t)
{
	struct ring_space *rs = t->pub.proc->as->rings;
	struct ring *r = find_free(e, rs);

	if (!r) {
		error_destroy(ring_space_more(e, rs));
		r = find_free(e, rs);
	}
	if (!r || !vec_push(&e->rings, r))
		return false;
	r->owner = t;
	r->hdr->control = ring_control(rs, 1);
	r->hdr->owner = (uint64_t)t->pub.tid;
	ring_clock_give(e, r);
	ring_words_keep(e, t);
	memset(&r->stack, 0, sizeof(r->stack));
	/* The hit at hand may have looked at it already. */
	r->hdr->stack_end = t->ring ? t->ring->hdr->stack_end : 0;
	if (t->ring)
		r->stack = t->ring->stack;
	init_cells(e, r, ARCH_RING_CELLS);
	r->hdr->again = t->ring ? t->ring->hdr->again : 0;
	r->hdr->left = restart_left(t);
	t->ring = r;
	/* Later may be too late. */
	task_comm(&t->pub);
	task_cpu(&t->pub);
	return true;
}

void ring_welcome(struct engine *e, struct engine_task *t)
{
	if (t->pub.proc->as->rings && !t->ring && t->pub.state == TASK_STOPPED)
		(void)give(e, t);
}

void ring_welcome_all(struct engine *e, struct aspace *as)
{
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (task_is_of(t, as))
			ring_welcome(e, t);
}

/* It stays in the list of those to drain while it has an owner. */
static void take_back(struct engine *e, struct ring *r)
{
	struct arch_ring *h = r->hdr;
	uint64_t used = __atomic_load_n(&h->head, __ATOMIC_ACQUIRE) - r->tail;

	for (size_t i = 0; i < e->rings.n; i++) {
		if (e->rings.items[i] != r)
			continue;
		e->rings.items[i] = e->rings.items[--e->rings.n];
		break;
	}
	e->stats.ring_drops += h->drops;
	if (used && used <= r->size)
		memset(r->data + (r->tail & (r->size - 1)), 0, used);
	h->head = h->tail = h->drops = h->again = 0;
	r->tail = 0;
	h->limit = r->size;
	r->owner = NULL;
}

/* For any record there may be; whoever drained it. */
static bool has_room(const struct ring *r)
{
	uint64_t used = __atomic_load_n(&r->hdr->head, __ATOMIC_RELAXED) - r->tail;

	return used <= r->size && r->size - used >= (uint64_t)r->space->need + 8;
}

static void drop_all(struct ring_space *rs)
{
	*ring_control_word(rs, 0) = ARCH_CONTROL_DROP;
	*ring_control_word(rs, 1) = ARCH_CONTROL_DROP;
}

void ring_extend_all(struct engine *e, struct aspace *as)
{
	for (size_t i = 0; i < e->rings.n; i++) {
		struct ring *r = e->rings.items[i];
		uint32_t end = cells_end(r);

		if (r->space->as != as || r->owner->ring != r)
			continue;
		if (r->head_bytes >= e->cells_top && end < e->cells_top)
			init_cells(e, r, end);
		if (!fits(e, r)) /* it is exchanged when the thread is where it can be */
			r->hdr->control = ring_control(r->space, 0);
	}
}

void ring_want(struct engine *e, struct engine_task *t)
{
	struct ring *r = t->ring;

	if (r) {
		uint32_t end;

		ring_drain(e);
		end = cells_end(r);
		if (r->head_bytes >= e->cells_top && end < e->cells_top) {
			init_cells(e, r, end);
			return;
		}
		if (fits(e, r) && has_room(r))
			return;
		/* Too small, or something open is in the way: it stays its, but out of use. */
	}
	if (!give(e, t)) {
		/* Without memory nobody may wait. */
		drop_all(t->pub.proc->as->rings);
		e->stats.ring_failures++;
	}
}

void ring_release(struct engine *e, struct engine_task *t)
{
	anchor_drop(t);
	if (!t->ring)
		return;
	if (t->pub.comm_valid) /* not that of a new program */
		t->comm_read = engine_now();
	ring_drain(e);
	for (size_t i = 0; i < e->rings.n;) {
		struct ring *r = e->rings.items[i];

		if (r->owner != t) {
			i++;
			continue;
		}
		ring_collect_one(e, r);
		if (t->ring == r)
			ring_words_keep(e, t);
		take_back(e, r); /* moves another one to i */
	}
	t->ring = NULL;
}

void ring_abandon(struct engine *e)
{
	for (struct aspace *as = e->aspaces; as; as = as->next)
		if (as->rings)
			drop_all(as->rings);
}

/* ----------------------------------------------------------------- draining -- */

/* The committed record at r->at: its length, 0 none. */
static uint32_t peek(const struct ring *r, const struct dl_record **ret)
{
	uint64_t head = __atomic_load_n(&r->hdr->head, __ATOMIC_ACQUIRE);
	const struct dl_record *rec;
	uint32_t len;

	if (head == r->at || head - r->at > r->size)
		return 0;
	rec = (const struct dl_record *)(const void *)(r->data + (r->at & (r->size - 1)));
	len = __atomic_load_n(&rec->len, __ATOMIC_ACQUIRE);
	if (len < 8 || len % 8 || len > head - r->at)
		return 0;
	*ret = rec;
	return len;
}

static void publish(struct ring *r)
{
	struct arch_ring *h = r->hdr;
	uint64_t n = r->at - r->tail;

	if (!n || n > r->size)
		return;
	memset(r->data + (r->tail & (r->size - 1)), 0, n);
	h->tail = r->tail = r->at;
	__atomic_store_n(&h->limit, r->at + r->size, __ATOMIC_RELEASE);
}

/* Goes past fillers to the next record not later than upto; false: there is none. */
static bool look(struct ring *r, uint64_t upto)
{
	const struct dl_record *rec;
	uint32_t len;

	while ((len = peek(r, &rec)) != 0) {
		if (!rec->epid || len < sizeof(*rec)) {
			r->at += len;
			continue;
		}
		r->time = rec->time == ARCH_NO_TIME ? upto : rec->time;
		return r->time <= upto;
	}
	return false;
}

/* From the counter to nanoseconds. */
struct stretch {
	uint64_t raw, ns; /* the drain before */
	double rate; /* ns per tick since then */
	uint64_t end_ns;
};

static uint64_t to_ns(const struct stretch *s, uint64_t raw)
{
	double ns = (double)(int64_t)(raw - s->raw) * s->rate;
	uint64_t t = s->ns + (uint64_t)(int64_t)ns;

	return t > s->end_ns ? s->end_ns : t;
}

static bool copy_record(struct engine *e, const struct ring *r, uint32_t len)
{
	if (len > e->record_cap) {
		uint8_t *bigger = realloc(e->record, r->size);

		if (!bigger)
			return false;
		e->record = bigger;
		e->record_cap = r->size;
	}
	memcpy(e->record, r->data + (r->at & (r->size - 1)), len);
	return true;
}

static void consume(struct engine *e, struct ring *r, const struct stretch *s)
{
	const struct engine_ops *ops = e->config.ops;
	const struct dl_record *there;
	uint32_t len = peek(r, &there);

	if (!len)
		return;
	if (copy_record(e, r, len)) {
		struct dl_record *rec = (struct dl_record *)(void *)e->record;

		rec->len = len;
		rec->time = to_ns(s, r->time);
		e->stats.records++;
		if (ops->record && !process_impl(r->owner->pub.proc)->is_silent)
			ops->record(e->config.ctx, &r->owner->pub, rec);
	}
	r->at += len;
	if (r->at - r->tail >= r->size / 2)
		publish(r);
}

/* ---- a heap of rings by the time of their next record ---- */

static void sift_down(struct ring **heap, size_t n, size_t i)
{
	for (;;) {
		size_t k = 2 * i + 1;
		struct ring *tmp = heap[i];

		if (k >= n)
			return;
		if (k + 1 < n && heap[k + 1]->time < heap[k]->time)
			k++;
		if (heap[i]->time <= heap[k]->time)
			return;
		heap[i] = heap[k];
		heap[k] = tmp;
		i = k;
	}
}

static struct stretch next_stretch(struct engine *e, uint64_t *upto)
{
	struct stretch s = { .raw = e->clock.raw, .ns = e->clock.ns };

	s.end_ns = engine_now();
	*upto = arch_counter();
	if (*upto - s.raw > 0 && *upto > s.raw)
		s.rate = (double)(s.end_ns - s.ns) / (double)(*upto - s.raw);
	e->clock.raw = *upto;
	e->clock.ns = s.end_ns;
	return s;
}

/* A program that put itself behind a filter might die of our call: its threads trap. */
static void avoid_calls(struct process *p)
{
	struct engine_task *t = aspace_task(p->as, false);
	uint32_t *word = ring_control_word(p->as->rings, 1);

	if (*word == ARCH_CONTROL_SLEEP && t && inject_is_filtered(t))
		*word = ARCH_CONTROL_WAIT;
}

/* The next trap must find SIGTRAP's handler known. */
static void learn_traps(struct engine *e, uint64_t now)
{
	for (struct process *p = e->processes; p; p = p->next) {
		struct engine_process *impl = process_impl(p);
		struct engine_task *t;
		struct procfs_status st;
		struct error *err;

		if (p->is_dead || !p->as->rings || now - impl->trap_learned < LEARN_NS)
			continue;
		impl->trap_learned = now;
		avoid_calls(p);
		if (!procfs_status(p->pid, &st) ||
		    (!(st.sig_cgt & TRAP_BIT) && !(st.sig_ign & TRAP_BIT)) ||
		    ((st.sig_cgt & TRAP_BIT) && impl->trap_caught && impl->trap_action_known))
			continue;
		err = engine_stop_world(e, p->as);
		t = err ? NULL : inject_choose(e, p->as);
		if (t)
			signal_learn(e, t);
		if (!err)
			engine_resume_world(e, p->as);
		error_destroy(err);
	}
}

void ring_idle(struct engine *e)
{
	uint64_t now = engine_now();

	if (!e->rings.n || now - e->traps_learned < LEARN_NS)
		return;
	e->traps_learned = now;
	learn_traps(e, now);
}

void ring_drain(struct engine *e)
{
	struct stretch s;
	struct ring **heap;
	uint64_t upto;
	size_t n = 0;
	bool any = false, is_busy = false;

	if (!e->rings.n || e->is_draining)
		return;
	ring_clock_update(e);
	ring_watch_names(e);
	e->heap.n = 0;
	if (!vec_reserve(&e->heap, e->rings.n))
		return;
	e->is_draining = true;
	s = next_stretch(e, &upto);
	heap = e->heap.items;
	for (size_t i = 0; i < e->rings.n; i++) {
		e->rings.items[i]->at = e->rings.items[i]->tail;
		if (look(e->rings.items[i], upto))
			heap[n++] = e->rings.items[i];
	}
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	while (n) {
		struct ring *r = heap[0];

		any = true;
		consume(e, r, &s);
		if (!look(r, upto))
			heap[0] = heap[--n];
		sift_down(heap, n, 0);
	}
	for (size_t i = 0; i < e->rings.n; i++) {
		/* Its thread may sleep for want of room. */
		is_busy |= e->rings.items[i]->hdr->head - e->rings.items[i]->tail >
			   e->rings.items[i]->size / 4;
		publish(e->rings.items[i]);
	}
	if (any)
		e->ring_poll = is_busy ? 0 : POLL_MIN;
	else if (e->ring_poll < POLL_MAX)
		e->ring_poll = e->ring_poll ? e->ring_poll * 2 : POLL_MIN;
	e->is_draining = false;
}

/* -------------------------------------------------------------------- cells -- */

/* Hits first: who sees a hit then sees its value. */
static void collect_cell(struct engine *e, struct ring *r, const struct ring_cell *c,
			 uint32_t entry)
{
	const uint64_t *now = (const uint64_t *)(void *)r->hdr + cell_at(c, entry);
	uint64_t *seen = r->seen + cell_at(c, entry);
	uint64_t hits = __atomic_load_n(&now[0], __ATOMIC_ACQUIRE);
	uint64_t n_hits = hits - seen[0];
	int64_t *values = e->cell_values;
	uint64_t borrow = 0;
	uint32_t n = 0;

	if (!n_hits)
		return;
	seen[0] = hits;
	if (c->kind == ARCH_AGG_COUNT || c->kind == ARCH_AGG_AVG || c->kind == ARCH_AGG_STDDEV)
		values[n++] = (int64_t)n_hits;
	for (uint32_t i = 1; i < c->words; i++) {
		uint64_t v = __atomic_load_n(&now[i], __ATOMIC_RELAXED);

		values[n++] = (int64_t)(is_extreme(c->kind) ? v : v - seen[i]);
		/* The sum of squares is one number of two words. */
		if (c->kind == ARCH_AGG_STDDEV && i == 3)
			values[n - 1] = (int64_t)((uint64_t)values[n - 1] - borrow);
		borrow = v < seen[i];
		seen[i] = v;
	}
	e->config.ops->cell(e->config.ctx, &r->owner->pub,
			    &(struct dl_cell){ .epid = c->epid,
					       .index = c->index,
					       .key_slot = c->key_slot,
					       .key = c->entries ? now[-1] - 1 : 0,
					       .values = values,
					       .n_values = n,
					       .hits = n_hits });
}

static uint32_t cell_bytes(const struct ring_cell *c)
{
	return 8 * (c->entries ? c->entries * arch_agg_entry(c->kind) : c->words);
}

void ring_collect_one(struct engine *e, struct ring *r)
{
	uint32_t end = cells_end(r);

	if (!e->config.ops->cell || process_impl(r->owner->pub.proc)->is_silent)
		return;
	if (end > r->head_bytes)
		end = r->head_bytes;
	for (size_t i = 0; i < e->cells.n; i++) {
		const struct ring_cell *c = &e->cells.items[i];
		uint32_t n = c->entries ? c->entries : 1;

		if (c->off + cell_bytes(c) > end)
			continue;
		for (uint32_t k = 0; k < n; k++)
			collect_cell(e, r, c, k);
	}
}

void ring_collect(struct engine *e)
{
	if (!e->cells.n)
		return;
	for (size_t i = 0; i < e->rings.n; i++)
		ring_collect_one(e, e->rings.items[i]);
}

void engine_drain(struct engine *e)
{
	ring_drain(e);
}

void engine_collect_cells(struct engine *e)
{
	ring_collect(e);
}

uint32_t engine_cells_size(const struct engine *e)
{
	return e->cells_top;
}

uint32_t engine_cell_add(struct engine *e, const struct arch_agg *a, const struct dl_cell *c)
{
	struct ring_cell cell = { .off = e->cells_top,
				  .words = arch_agg_words(a->kind, a->param),
				  .epid = c->epid,
				  .index = c->index,
				  .kind = a->kind,
				  .entries = arch_agg_room(a) / arch_agg_entry(a->kind),
				  .key_slot = c->key_slot };

	if (!a->key_bits)
		cell.entries = 0;
	if (cell.words + 1 > e->cell_values_cap) {
		int64_t *values =
			realloc(e->cell_values, sizeof(*values) * ((size_t)cell.words + 1));

		if (!values)
			return 0;
		e->cell_values = values;
		e->cell_values_cap = cell.words + 1;
	}
	if (cell.off + cell_bytes(&cell) > CELLS_MAX || !vec_push(&e->cells, cell))
		return 0;
	e->cells_top = cell.off + cell_bytes(&cell);
	return cell.off;
}
