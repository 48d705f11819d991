/*
 * The places of system calls where the kernel dispatches them: hops, patches, and
 * slots for what can't be patched.
 *
 * Only what is known to be an instruction is patched: a thread has just made a call
 * there, or the function around it was decoded.  A patch changes two bytes
 * (arch_hop_plan), so nothing but that need be known of the code around.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "procfs.h"

#define PAGE 4096u
#define FIRST (UINT64_C(64) << 10) /* nothing is mapped below */
#define STEP 8u /* between addresses that are tried */
#define CHUNK (UINT64_C(1) << 20)
#define HEAP_ROOM (UINT64_C(256) << 20) /* kept free for a heap to grow */

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* ----------------------------------------------------------------- places -- */

static size_t place_index(const struct sud *s, uint64_t behind)
{
	size_t a = 0, b = s->places.n;

	while (a < b) {
		size_t mid = (a + b) / 2;

		if (s->places.items[mid].addr < behind)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

struct sud_place *sud_place_find(const struct aspace *as, uint64_t behind)
{
	size_t i;

	if (!as->sud)
		return NULL;
	i = place_index(as->sud, behind);
	return i < as->sud->places.n && as->sud->places.items[i].addr == behind ?
		       &as->sud->places.items[i] :
		       NULL;
}

struct sud_place *sud_place_get(struct aspace *as, uint64_t addr)
{
	struct sud *s = as->sud;
	uint64_t behind = addr + arch_syscall_stub_trap;
	struct sud_place *p = sud_place_find(as, behind), fresh = { .addr = behind };
	size_t i = place_index(s, behind);

	if (p)
		return p;
	if (!vec_push(&s->places, fresh))
		return NULL;
	memmove(&s->places.items[i + 1], &s->places.items[i],
		(s->places.n - 1 - i) * sizeof(fresh));
	s->places.items[i] = fresh;
	return &s->places.items[i];
}

/* ------------------------------------------------------------------- hops -- */

static const struct sud_piece *piece_at(const struct sud *s, uint64_t addr)
{
	for (size_t i = 0; i < s->pieces.n; i++)
		if (addr - s->pieces.items[i].lo < s->pieces.items[i].len)
			return &s->pieces.items[i];
	return NULL;
}

struct heap_search {
	uint64_t lo, hi;
	bool is_bad;
};

/* A heap must be able to grow, and what is there is there. */
static void look_out(void *arg, const struct procfs_map *m)
{
	struct heap_search *s = arg;
	uint64_t hi = m->hi + (strcmp(m->path, "[heap]") ? 0 : HEAP_ROOM);

	if (s->lo < hi && m->lo < s->hi)
		s->is_bad = true;
}

static bool is_free(struct engine_task *t, uint64_t lo, uint64_t len)
{
	struct heap_search s = { .lo = lo, .hi = lo + len };

	return lo >= FIRST && lo + len > lo && procfs_each_map(t->pub.tid, look_out, &s) &&
	       !s.is_bad;
}

static bool map_piece(struct engine *e, struct aspace *as, uint64_t lo, uint64_t len)
{
	uint64_t args[6] = { lo,
			     len,
			     PROT_READ | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     (uint64_t)-1,
			     0 };
	struct engine_task *t = inject_choose(e, as);
	struct sud_piece piece = { lo, len, false };
	struct error *err;
	int64_t result = -1;
	bool ok;

	if (!t || !is_free(t, lo, len))
		return false;
	err = inject_syscall(e, t, SYS_mmap, args, &result);
	ok = !err && (uint64_t)result == lo && vec_push(&as->sud->pieces, piece);
	error_destroy(err);
	return ok;
}

/* Around it as much as may be, as other places' hops will be near. */
static bool has_memory(struct engine *e, struct aspace *as, uint64_t addr)
{
	struct sud_piece none = { addr & ~(uint64_t)(PAGE - 1), PAGE, true };
	const struct sud_piece *p = piece_at(as->sud, addr);

	if (p)
		return !p->is_bad;
	if (map_piece(e, as, addr & ~(CHUNK - 1), CHUNK) ||
	    map_piece(e, as, addr & ~(CHUNK / 16 - 1), CHUNK / 16) ||
	    map_piece(e, as, none.lo, PAGE))
		return true;
	vec_push(&as->sud->pieces, none); /* not asked for again */
	return false;
}

static bool is_taken(const struct sud *s, uint64_t addr)
{
	for (size_t i = 0; i < s->places.n; i++)
		if (addr - s->places.items[i].hop + ARCH_HOP_BYTES < 2 * ARCH_HOP_BYTES)
			return true;
	return false;
}

static bool is_usable(struct engine *e, struct aspace *as, uint64_t addr)
{
	return has_memory(e, as, addr) && has_memory(e, as, addr + ARCH_HOP_BYTES - 1) &&
	       !is_taken(as->sud, addr);
}

static uint64_t find_hop(struct engine *e, struct aspace *as, const uint8_t *code, uint64_t site)
{
	struct arch_span range;

	for (unsigned i = 0; arch_hop_range(code, site, i, &range); i++)
		for (uint64_t at = range.lo; at <= range.hi; at += STEP) {
			if (is_usable(e, as, at))
				return at;
			if (!has_memory(e, as, at))
				break;
		}
	return 0;
}

/* ---------------------------------------------------------------- patches -- */

struct text_search {
	uint64_t addr;
	bool is_text;
};

static void find_text(void *arg, const struct procfs_map *m)
{
	struct text_search *s = arg;

	if (s->addr - m->lo < m->hi - m->lo)
		s->is_text = m->x && m->is_private && m->path[0] == '/';
}

static bool is_of_file(struct engine *e, struct aspace *as, uint64_t addr)
{
	struct text_search s = { .addr = addr };
	struct engine_task *t = inject_choose(e, as);

	return t && procfs_each_map(t->pub.tid, find_text, &s) && s.is_text;
}

static const char *check_place(struct aspace *as, uint64_t addr, uint8_t *code)
{
	uint8_t raw[ARCH_HOP_CODE];

	if (as_read(as, addr, code, ARCH_HOP_CODE) != ARCH_HOP_CODE ||
	    mem_read_raw(as, addr, raw, sizeof(raw)) != sizeof(raw))
		return "its code can't be read";
	if (memcmp(raw, code, sizeof(raw)) != 0 || patch_span_at(as, addr, addr + ARCH_HOP_CODE, 0))
		return "its code is patched already";
	if (memcmp(code, arch_syscall_stub, arch_syscall_stub_trap) != 0)
		return "it is not made in the usual way";
	return NULL;
}

const char *sud_plan(struct engine *e, struct aspace *as, uint64_t addr,
		     struct arch_patch_plan *plan, uint64_t *slot)
{
	struct sud_place *p = sud_place_get(as, addr);
	uint8_t code[ARCH_HOP_CODE];
	const char *why;

	if (!p)
		return "out of memory";
	if (p->why)
		return p->why;
	why = check_place(as, addr, code);
	if (!why && !p->hop) {
		p->hop = find_hop(e, as, code, addr);
		why = p->hop ? NULL : "there is no room where a jump from it can lead";
	}
	if (!why && !arch_hop_plan(code, addr, p->hop, plan))
		why = "it is not made in the usual way";
	if (!why)
		why = engine_calls_slots(e, as, 1, slot);
	if (why)
		p->why = why;
	return why;
}

const char *sud_plant(struct engine *e, struct aspace *as, uint64_t addr, bool is_known)
{
	struct arch_patch_plan plan;
	struct arch_tramp_job job = { .plan = &plan };
	const char *why =
		is_known || is_of_file(e, as, addr) ? NULL : "it is made from code of no file";
	struct sud_place *p;

	if (!why)
		why = sud_plan(e, as, addr, &plan, &job.plain_slot);
	if (!why)
		why = patch_make(e, as, &job, NULL, 0);
	p = why ? sud_place_find(as, addr + arch_syscall_stub_trap) : NULL;
	if (p)
		p->why = why;
	return why;
}

/* ------------------------------------------------------------------ slots -- */

uint64_t sud_bare_slot(struct engine *e, struct aspace *as, struct sud_place *p)
{
	uint8_t code[ARCH_INSN_MAX], out[ARCH_SLOT_CALL];
	uint64_t slot = 0;

	if (p->slot)
		return p->slot;
	if (arch_syscall_stub_trap > sizeof(code) ||
	    as_read(as, p->addr - arch_syscall_stub_trap, code, arch_syscall_stub_trap) !=
		    arch_syscall_stub_trap ||
	    engine_calls_slots(e, as, 1, &slot))
		return 0;
	arch_plain_slot(code, p->addr, out);
	if (mem_write_raw(as, slot, out, sizeof(out)) != sizeof(out))
		return 0;
	p->slot = slot;
	return slot;
}

uint64_t sud_bare_pc(const struct aspace *as, uint64_t pc)
{
	for (size_t i = 0; as->sud && i < as->sud->places.n; i++) {
		const struct sud_place *p = &as->sud->places.items[i];

		if (p->slot && pc - p->slot < ARCH_SLOT_CALL)
			return pc == p->slot ? p->addr - arch_syscall_stub_trap : p->addr;
	}
	return 0;
}

uint64_t sud_home(const struct aspace *as, uint64_t pc)
{
	const struct patch *p;
	uint64_t bare;

	if (!as->sud)
		return pc;
	p = fastcall_contains(as, pc) ? fastcall_patch(as, pc) : patch_of_tramp(as, pc);
	if (p && p->tramp.plan.tactic == ARCH_TACTIC_HOP)
		return p->tramp.plan.addr + p->tramp.plan.insn[1];
	bare = fastcall_contains(as, pc) ? sud_bare_pc(as, pc) : 0;
	return bare ? bare : pc;
}
