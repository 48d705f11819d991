/*
 * The memory of rings.
 *
 * A ring is made of memory files that are created in the target by remote
 * calls, mapped on both sides and closed: a head (struct arch_ring and the
 * cells) and data mapped twice back to back.  The first such file begins with
 * the null ring, the control words and (where threads find their rings by
 * number) the table of all.
 *
 * Rules: rings come, and none goes before all do, for threads may use theirs at
 * any time; what a ring may hold is our own number, never read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine_impl.h"
#include "ring.h"

#define PAGE_MIN 4096u
#define CONTROL_OFFSET 2048u /* of the control words in the null ring's page ... */
#define CONTROL_STRIDE 256u /* ... which are on lines of their own */
#define RING_MIN (UINT32_C(64) << 10)
#define RING_USUAL (UINT32_C(1) << 20)
#define RING_MAX (UINT32_C(64) << 20)
#define RING_LIMIT (UINT32_C(1) << 30)
#define FIRST_RINGS 4u
#define MANY_RINGS 32u /* beyond this they get smaller */

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
	int64_t result = -1;

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
	null->left = UINT32_MAX; /* of somebody */
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

struct error *ring_space_more(struct engine *e, struct ring_space *rs)
{
	unsigned n = rs->rings.n < FIRST_RINGS ? FIRST_RINGS : (unsigned)rs->rings.n;

	return add_chunk(e, rs, n > MANY_RINGS ? MANY_RINGS : n);
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
