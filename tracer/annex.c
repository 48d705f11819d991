/*
 * Annex regions: mapping them, handing out slots, finding what a pc in them
 * stands for.  See annex.h.
 *
 * Regions are large (address space costs nothing, pages come with use) and
 * their slots are handed out upwards, so that the table stays sorted.  A slot
 * is used again only when its site's code is gone: before that a thread may
 * be in it or come back to it.
 */
#include "annex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "procfs.h"

#define REGION_BYTES (UINT32_C(1) << 20)
#define SLOT_ALIGN 16u
/* Kept free of the reach at both ends: a slot's own length, displacements. */
#define REACH_MARGIN (UINT64_C(64) << 10)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static uint32_t stub_room(void)
{
	size_t len = arch_syscall_stub_len + arch_syscall_safe_stub_len;

	return (uint32_t)(len + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1);
}

/* ---------------------------------------------------------------- mapping -- */

static struct error *refuse(struct aspace *as, const char *why)
{
	as->annex_refused = true;
	snprintf(as->annex_why, sizeof(as->annex_why), "%s", why);
	return error_format(ERR_PERM, "%s", why);
}

/* Any task of the (stopped) address space that can run a call. */
static struct error *choose(struct engine *e, struct aspace *as, struct engine_task **ret)
{
	struct engine_task *t = inject_choose(e, as);

	if (as->annex_refused)
		return error_format(ERR_PERM, "%s", as->annex_why);
	if (!t)
		return error_format(ERR_GONE, "no thread left");
	if (inject_is_filtered(t))
		return refuse(as, "the program's own seccomp filter forbids an annex");
	*ret = t;
	return NULL;
}

struct error *annex_map_at(struct engine *e, struct aspace *as, uint64_t addr, uint64_t len)
{
	uint64_t args[6] = {
		addr,
		len,
		PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		(uint64_t)-1,
		0,
	};
	struct engine_task *t = NULL;
	struct error *err = choose(e, as, &t);
	int64_t result;

	if (!err)
		err = inject_syscall(e, t, SYS_mmap, args, &result);
	if (err)
		return err;
	if (result < 0 && result > -4096) {
		char why[128];

		snprintf(why, sizeof(why), "the process may not map an annex: %s",
			 strerror((int)-result));
		return refuse(as, why);
	}
	if ((uint64_t)result != addr)
		return error_format(ERR_OTHER, "the kernel put the annex elsewhere");
	return NULL;
}

static struct error *map(struct engine *e, struct aspace *as, uint64_t near, uint64_t *ret,
			 uint32_t *size_ret)
{
	/* Where there is no room for the first, no more than a part of a hole: trampolines
	 * need some, too.  The last takes what there is. */
	static const struct {
		uint32_t size, hole;
	} tries[] = {
		{ REGION_BYTES, REGION_BYTES },
		{ UINT32_C(1) << 16, UINT32_C(1) << 18 },
		{ UINT32_C(1) << 14, UINT32_C(1) << 15 },
		{ UINT32_C(1) << 12, UINT32_C(1) << 12 },
	};
	uint64_t reach = arch_reach - REACH_MARGIN - REGION_BYTES;
	uint64_t lo = near > reach ? near - reach : 0, hi = near + reach;
	struct engine_task *t = NULL;
	struct error *err = choose(e, as, &t);

	if (err)
		return err;
	if (hi < near)
		hi = UINT64_MAX;
	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(tries) && !*ret; i++) {
		*size_ret = tries[i].size;
		*ret = procfs_find_gap(t->pub.tid, near, lo, hi, tries[i].hole);
	}
	if (!*ret)
		return error_format(ERR_OTHER, "no room for an annex within reach");
	return annex_map_at(e, as, *ret, *size_ret);
}

static struct annex_region *region_create(struct aspace *as, uint64_t lo, uint32_t size)
{
	struct annex_region *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->lo = lo;
	r->size = size;
	r->shadow = calloc(1, size);
	if (!r->shadow || !vec_push(&as->regions, r)) {
		free(r->shadow);
		free(r);
		return NULL;
	}
	memcpy(r->shadow, arch_syscall_stub, arch_syscall_stub_len);
	memcpy(r->shadow + arch_syscall_stub_len, arch_syscall_safe_stub,
	       arch_syscall_safe_stub_len);
	r->used = stub_room();
	r->dirty_lo = 0;
	r->dirty_hi = r->used;
	return r;
}

static bool is_near(const struct annex_region *r, uint64_t near)
{
	uint64_t limit = arch_reach - REACH_MARGIN;
	uint64_t end = r->lo + r->size;
	uint64_t below = near > r->lo ? near - r->lo : r->lo - near;
	uint64_t above = near > end ? near - end : end - near;

	return below < limit && above < limit;
}

struct error *annex_region_get(struct engine *e, struct aspace *as, uint64_t near, uint32_t bytes,
			       struct annex_region **ret)
{
	struct error *err;
	uint64_t lo = 0;
	uint32_t size;

	for (size_t i = 0; i < as->regions.n; i++) {
		struct annex_region *r = as->regions.items[i];

		if (is_near(r, near) && r->size - r->used >= bytes + SLOT_ALIGN) {
			*ret = r;
			return NULL;
		}
	}
	err = map(e, as, near, &lo, &size);
	if (err)
		return err;
	*ret = region_create(as, lo, size);
	if (!*ret)
		return &error_nomem;
	if (!annex_flush(as))
		return refuse(as, "the annex can't be written");
	if (!as->stub)
		as->stub = lo;
	return NULL;
}

bool annex_flush(struct aspace *as)
{
	for (size_t i = 0; i < as->regions.n; i++) {
		struct annex_region *r = as->regions.items[i];
		size_t len = r->dirty_hi - r->dirty_lo;

		if (r->dirty_hi <= r->dirty_lo)
			continue;
		if (mem_write_raw(as, r->lo + r->dirty_lo, r->shadow + r->dirty_lo, len) != len)
			return false;
		r->dirty_lo = r->dirty_hi = 0;
	}
	return true;
}

/* ------------------------------------------------------------------ slots -- */

uint64_t annex_next(struct annex_region *r, bool fresh, uint32_t *room)
{
	struct annex_slot *s;

	if (fresh || !r->free.n) {
		*room = r->size - r->used;
		return r->lo + r->used;
	}
	s = &r->slots.items[r->free.items[r->free.n - 1]];
	*room = s->room;
	return r->lo + s->off;
}

static void write_shadow(struct annex_region *r, uint32_t off, const uint8_t *code, uint8_t len)
{
	memcpy(r->shadow + off, code, len);
	if (r->dirty_hi <= r->dirty_lo) {
		r->dirty_lo = off;
		r->dirty_hi = off + len;
		return;
	}
	if (off < r->dirty_lo)
		r->dirty_lo = off;
	if (off + len > r->dirty_hi)
		r->dirty_hi = off + len;
}

bool annex_slot_add(struct annex_region *r, uint64_t at, const uint8_t *code, uint8_t len,
		    struct site *site)
{
	struct annex_slot s = { .off = r->used, .len = len, .site = site };

	if (at != r->lo + r->used) { /* the last of the free ones */
		struct annex_slot *old = &r->slots.items[r->free.items[--r->free.n]];

		old->len = len;
		old->site = site;
		write_shadow(r, old->off, code, len);
		return true;
	}
	s.room = (uint8_t)((len + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1));
	if (r->size - r->used < s.room || !vec_push(&r->slots, s))
		return false;
	write_shadow(r, s.off, code, len);
	r->used += s.room;
	return true;
}

static struct annex_slot *find_in(struct annex_region *r, uint64_t pc)
{
	uint32_t off = (uint32_t)(pc - r->lo);
	size_t lo = 0, hi = r->slots.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->slots.items[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || off - r->slots.items[lo - 1].off >= r->slots.items[lo - 1].room)
		return NULL;
	return &r->slots.items[lo - 1];
}

struct annex_slot *annex_find(struct aspace *as, uint64_t pc, struct annex_region **ret)
{
	for (size_t i = 0; i < as->regions.n; i++) {
		struct annex_region *r = as->regions.items[i];

		if (pc - r->lo < r->used) {
			*ret = r;
			return find_in(r, pc);
		}
	}
	return NULL;
}

bool annex_contains(struct aspace *as, uint64_t pc)
{
	for (size_t i = 0; i < as->regions.n; i++)
		if (pc - as->regions.items[i]->lo < as->regions.items[i]->used)
			return true;
	return false;
}

void annex_slot_free(struct aspace *as, struct site *site)
{
	struct annex_region *r;
	struct annex_slot *s = site->slot ? annex_find(as, site->slot, &r) : NULL;

	if (!s || s->site != site)
		return;
	s->site = NULL;
	/* Not on the list for want of memory: just never used again. */
	if (vec_push(&r->free, (uint32_t)(s - r->slots.items)))
		site->slot = 0;
}

/* ------------------------------------------------------------- life cycle -- */

bool annex_copy(struct aspace *to, const struct aspace *from)
{
	for (size_t i = 0; i < from->regions.n; i++) {
		const struct annex_region *old = from->regions.items[i];
		struct annex_region *r = region_create(to, old->lo, old->size);

		if (!r)
			return false;
		/* Its slots were the parent's; what follows them is free. */
		memcpy(r->shadow, old->shadow, old->used);
		r->used = old->used;
		r->dirty_lo = r->dirty_hi = 0;
	}
	to->stub = from->stub;
	to->annex_refused = from->annex_refused;
	to->annex_doubt = from->annex_doubt;
	memcpy(to->annex_why, from->annex_why, sizeof(to->annex_why));
	return true;
}

void annex_unmap_range(struct engine *e, struct aspace *as, uint64_t lo, uint64_t len)
{
	uint64_t args[6] = { lo, len };
	struct engine_task *t = inject_choose(e, as);
	int64_t result;

	/* The stub can't unmap itself. */
	if (t)
		error_destroy(inject_bootstrap(e, t, SYS_munmap, args, &result));
}

void annex_unmap(struct engine *e, struct aspace *as)
{
	ring_space_unmap(e, as);
	for (size_t i = 0; i < as->code.n; i++)
		annex_unmap_range(e, as, as->code.items[i]->lo, as->code.items[i]->size);
	sud_unmap(e, as);
	if (fastcall_mapped(as))
		annex_unmap_range(e, as, ARCH_CALLS, ARCH_CALLS_BYTES);
	for (size_t i = 0; i < as->regions.n; i++)
		annex_unmap_range(e, as, as->regions.items[i]->lo, as->regions.items[i]->size);
	as->stub = 0;
	annex_deinit(as);
}

void annex_deinit(struct aspace *as)
{
	for (size_t i = 0; i < as->regions.n; i++) {
		struct annex_region *r = as->regions.items[i];

		vec_deinit(&r->slots);
		vec_deinit(&r->free);
		free(r->shadow);
		free(r);
	}
	vec_deinit(&as->regions);
}
