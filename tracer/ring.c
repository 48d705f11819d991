/*
 * Rings: giving them to threads, draining them.
 *
 * A ring is made of memory files that are created in the target by remote
 * calls, mapped on both sides and closed: a head (struct arch_ring and the
 * cells) and data mapped twice back to back.  Threads start with the null ring,
 * whose use is a trap; the first one gives the thread a ring of its own.
 * Forked children have the memory too, but never use it: their copy of the
 * text is cleaned before they run.  (If the tracer is dead it is not cleaned:
 * then they write to rings that nobody reads any more.)
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

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../dlang/state.h"
#include "engine_impl.h"
#include "procfs.h"

#define PAGE_MIN 4096u
#define CONTROL_OFFSET 2048u /* of the control words in the null ring's page ... */
#define CONTROL_STRIDE 256u /* ... which are on lines of their own */
#define RING_MIN (UINT32_C(64) << 10)
#define RING_USUAL (UINT32_C(1) << 20)
#define RING_MAX (UINT32_C(64) << 20)
#define RING_LIMIT (UINT32_C(1) << 30)
#define FIRST_RINGS 4u
#define MANY_RINGS 32u /* beyond this they get smaller */
#define CELLS_MAX (UINT32_C(64) << 20)
#define LEARN_NS UINT64_C(4000000)
#define TRAP_BIT (UINT64_C(1) << (SIGTRAP - 1))
#define POLL_MIN UINT64_C(1000000)
#define POLL_MAX UINT64_C(8000000)

/* ------------------------------------------------------------ remote memory -- */

struct maker {
	struct engine *e;
	struct aspace *as;
	int64_t fd; /* in the target; -1 none */
	int local_fd;
};

static struct error *call(struct maker *m, unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2,
			  uint64_t a3, uint64_t a4, uint64_t a5, int64_t *ret)
{
	uint64_t args[6] = { a0, a1, a2, a3, a4, a5 };
	struct engine_task *t = inject_choose(m->e, m->as);
	struct error *err;

	if (!t)
		return error_format(ERR_GONE, "no thread left");
	err = inject_syscall(m->e, t, nr, args, ret);
	if (!err && *ret < 0 && *ret > -4096)
		err = error_format(ERR_OTHER, "the process can't share memory: %s",
				   strerror((int)-*ret));
	return err;
}

/* The memory file, open on both sides. */
static struct error *make_file(struct maker *m, uint64_t name, size_t len)
{
	struct error *err = call(m, SYS_memfd_create, name, MFD_CLOEXEC, 0, 0, 0, 0, &m->fd);
	struct engine_task *t = inject_choose(m->e, m->as);
	char path[64];

	if (err)
		return err;
	if (!t)
		return error_format(ERR_GONE, "no thread left");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->pub.tid, (int)m->fd);
	m->local_fd = open(path, O_RDWR | O_CLOEXEC);
	if (m->local_fd < 0 || ftruncate(m->local_fd, (off_t)len) < 0)
		return error_os(errno, "the process's memory can't be shared");
	return NULL;
}

static void close_file(struct maker *m)
{
	int64_t result;

	if (m->fd >= 0)
		error_destroy(call(m, SYS_close, (uint64_t)m->fd, 0, 0, 0, 0, 0, &result));
	if (m->local_fd >= 0)
		close(m->local_fd);
}

/* Maps a piece of the file on both sides; the places are reserved. */
static struct error *map_piece(struct maker *m, const struct ring_chunk *c, size_t at, size_t len,
			       size_t file_off)
{
	struct error *err;
	int64_t result;

	if (mmap(c->local + at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m->local_fd,
		 (off_t)file_off) == MAP_FAILED)
		return error_os(errno, "no memory for rings");
	err = call(m, SYS_mmap, c->remote + at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   (uint64_t)m->fd, file_off, &result);
	if (!err && (uint64_t)result != c->remote + at)
		err = error_format(ERR_OTHER, "the kernel put a ring elsewhere");
	return err;
}

static struct error *reserve(struct maker *m, size_t len, struct ring_chunk *c)
{
	void *local =
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct error *err;
	int64_t result;

	if (local == MAP_FAILED)
		return error_os(errno, "no memory for rings");
	err = call(m, SYS_mmap, 0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   (uint64_t)-1, 0, &result);
	if (err) {
		munmap(local, len);
		return err;
	}
	*c = (struct ring_chunk){ local, (uint64_t)result, len };
	return NULL;
}

/* ------------------------------------------------------------------- chunks -- */

static void ring_destroy(struct ring *r)
{
	free(r->seen);
	free(r);
}

static struct error *add_ring(struct ring_space *rs, const struct ring_chunk *c, size_t at,
			      uint32_t head_bytes, uint32_t size)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (r) {
		r->seen = calloc(1, head_bytes);
		r->space = rs;
		r->hdr = (struct arch_ring *)(void *)(c->local + at);
		r->data = c->local + at + head_bytes;
		r->addr = c->remote + at;
		r->size = size;
		r->head_bytes = head_bytes;
	}
	if (!r || !r->seen || !vec_push(&rs->rings, r)) {
		if (r)
			ring_destroy(r);
		return &error_nomem;
	}
	*r->hdr = (struct arch_ring){
		.self = r->addr,
		.data = r->addr + head_bytes,
		.mask = size - 1,
		.control = ring_control(rs, 1),
		.limit = size,
	};
	return NULL;
}

/* Pages are larger on some kernels. */
static uint32_t page_up(uint64_t n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (uint32_t)((n + page - 1) & ~(page - 1));
}

static uint32_t ring_bytes(const struct engine *e, const struct ring_space *rs)
{
	uint64_t want = e->ring_bytes ? e->ring_bytes : RING_USUAL;
	uint32_t size = RING_MIN;

	if (want > RING_MAX)
		want = RING_MAX;
	if (rs->rings.n >= MANY_RINGS)
		want /= rs->rings.n >= 8 * MANY_RINGS ? 16 : 4;
	while ((uint64_t)size * 2 <= want)
		size *= 2;
	while (size < RING_LIMIT && size < (uint64_t)rs->need + 8)
		size *= 2;
	return size;
}

uint64_t ring_control(const struct ring_space *rs, unsigned which)
{
	return rs->null_ring + CONTROL_OFFSET + which * CONTROL_STRIDE;
}

uint32_t *ring_control_word(const struct ring_space *rs, unsigned which)
{
	return (uint32_t *)(void *)(rs->page + CONTROL_OFFSET + which * CONTROL_STRIDE);
}

bool ring_may_outlive(const struct engine *e, const struct aspace *as)
{
	for (const struct process *p = e->processes; p; p = p->next)
		if (p->as == as && !p->is_child_of_ours)
			return true;
	return false;
}

/* The null ring and its words, and the table of all others where there is one. */
static size_t first_bytes(void)
{
	return page_up(PAGE_MIN) +
	       (arch_anchors_are_table ? page_up(sizeof(struct arch_anchors)) : 0);
}

static void init_first(struct ring_space *rs, const struct ring_chunk *c)
{
	struct arch_ring *null = (struct arch_ring *)(void *)c->local;

	rs->null_ring = c->remote;
	rs->page = c->local;
	*ring_control_word(rs, 0) = ARCH_CONTROL_WAIT;
	*ring_control_word(rs, 1) = ARCH_CONTROL_SLEEP;
	null->self = c->remote;
	null->control = ring_control(rs, 0);
	if (!arch_anchors_are_table)
		return;
	rs->anchors = (struct arch_anchors *)(void *)(c->local + page_up(PAGE_MIN));
	rs->anchors_addr = c->remote + page_up(PAGE_MIN);
	rs->anchors->null_ring = c->remote;
}

/* n rings (and first of all a page for the null ring, if it isn't there). */
static struct error *fill_chunk(struct maker *m, struct ring_space *rs, unsigned n,
				uint32_t head_bytes, uint32_t size)
{
	size_t first = rs->null_ring ? 0 : first_bytes(),
	       stride = (size_t)head_bytes + 2 * (size_t)size;
	size_t file = first + n * ((size_t)head_bytes + size), at, off;
	const struct annex_region *annex = m->as->regions.items[0];
	struct ring_chunk c = { 0 };
	struct error *err = make_file(m, annex->lo + annex->size - 8, file);

	if (!err)
		err = reserve(m, first + n * stride, &c);
	if (err)
		return err;
	if (!vec_push(&rs->chunks, c)) {
		munmap(c.local, c.len);
		return &error_nomem;
	}
	if (first) {
		err = map_piece(m, &c, 0, first, 0);
		if (!err)
			init_first(rs, &c);
	}
	for (unsigned i = 0; i < n && !err; i++) {
		at = first + i * stride;
		off = first + i * ((size_t)head_bytes + size);
		err = map_piece(m, &c, at, (size_t)head_bytes + size, off);
		if (!err)
			err = map_piece(m, &c, at + head_bytes + size, size, off + head_bytes);
		if (!err)
			err = add_ring(rs, &c, at, head_bytes, size);
	}
	return err;
}

static struct error *add_chunk(struct engine *e, struct ring_space *rs, unsigned n)
{
	struct maker m = { .e = e, .as = rs->as, .fd = -1, .local_fd = -1 };
	uint32_t head_bytes = page_up((uint64_t)e->cells_top + e->cells_top / 2 + ARCH_RING_CELLS);
	struct error *err = engine_stop_world(e, rs->as);

	if (err)
		return err;
	err = rs->as->regions.n ? NULL : error_format(ERR_OTHER, "there is no annex");
	if (!err)
		err = fill_chunk(&m, rs, n, head_bytes, ring_bytes(e, rs));
	close_file(&m);
	engine_resume_world(e, rs->as);
	return err;
}

struct error *ring_space_get(struct engine *e, struct aspace *as, uint32_t need)
{
	struct ring_space *rs = as->rings;
	struct error *err;

	if (rs) {
		if (need > rs->need)
			rs->need = need;
		return NULL;
	}
	rs = calloc(1, sizeof(*rs));
	if (!rs)
		return &error_nomem;
	rs->as = as;
	rs->need = need;
	err = add_chunk(e, rs, FIRST_RINGS);
	if (err) {
		ring_space_destroy(rs);
		return err;
	}
	as->rings = rs;
	e->uses_rings = true;
	if (!e->clock.ns) {
		e->clock.ns = engine_now();
		e->clock.raw = arch_counter();
	}
	return NULL;
}

void ring_space_destroy(struct ring_space *rs)
{
	if (!rs)
		return;
	for (size_t i = 0; i < rs->rings.n; i++)
		ring_destroy(rs->rings.items[i]);
	for (size_t i = 0; i < rs->chunks.n; i++)
		munmap(rs->chunks.items[i].local, rs->chunks.items[i].len);
	vec_deinit(&rs->rings);
	vec_deinit(&rs->chunks);
	free(rs);
}

void ring_space_unmap(struct engine *e, struct aspace *as)
{
	struct maker m = { .e = e, .as = as };
	int64_t result;

	for (size_t i = 0; as->rings && i < as->rings->chunks.n; i++) {
		const struct ring_chunk *c = &as->rings->chunks.items[i];

		error_destroy(call(&m, SYS_munmap, c->remote, c->len, 0, 0, 0, 0, &result));
	}
}

/* -------------------------------------------------------------- who has one -- */

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
	struct error *err;

	if (!r) {
		unsigned n = rs->rings.n < FIRST_RINGS ? FIRST_RINGS : (unsigned)rs->rings.n;

		err = add_chunk(e, rs, n > MANY_RINGS ? MANY_RINGS : n);
		error_destroy(err);
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
