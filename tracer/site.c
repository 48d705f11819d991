/*
 * Sites: the table, planting in batches, hits, removal.
 *
 * A site's record is never freed while its address space lives: after the
 * patch is gone it stays as a tombstone, so that a trap still on its way is
 * known for ours, and so that its out-of-line copy (where a thread may still
 * be) is used again when the same address is patched anew.  Only text that
 * was unmapped takes its records' slots with it.
 *
 * Bytes are compared before every write: what isn't as expected (other code
 * mapped there, another debugger's breakpoint) is left alone.
 */
#include "site.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_impl.h"

#define TABLE_MIN 64

/* ------------------------------------------------------------------ table -- */

static size_t table_slot(const struct aspace *as, uint64_t addr)
{
	uint64_t h = addr * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 20) & (as->table_size - 1);
}

struct site_entry *site_lookup(struct aspace *as, uint64_t addr)
{
	if (!as->table_size)
		return NULL;
	for (size_t i = table_slot(as, addr);; i = (i + 1) & (as->table_size - 1)) {
		struct site_entry *s = as->table[i];

		if (!s || s->pub.addr == addr)
			return s;
	}
}

static void table_put(struct aspace *as, struct site_entry *s)
{
	size_t i = table_slot(as, s->pub.addr);

	while (as->table[i])
		i = (i + 1) & (as->table_size - 1);
	as->table[i] = s;
}

/* Makes the table anew from the records that are to be in it. */
static bool table_rebuild(struct aspace *as, size_t size)
{
	struct site_entry **table = calloc(size, sizeof(*table));

	if (!table)
		return false;
	free(as->table);
	as->table = table;
	as->table_size = size;
	as->n_table = 0;
	for (size_t i = 0; i < as->all.n; i++)
		if (as->all.items[i]->in_table) {
			table_put(as, as->all.items[i]);
			as->n_table++;
		}
	return true;
}

static bool table_add(struct aspace *as, struct site_entry *s)
{
	size_t size = as->table_size ? as->table_size : TABLE_MIN;

	while (as->n_table + 1 > size / 2)
		size *= 2;
	if (size != as->table_size && !table_rebuild(as, size))
		return false;
	if (!vec_push(&as->all, s))
		return false;
	s->in_table = true;
	table_put(as, s);
	as->n_table++;
	return true;
}

static void entry_free(struct site_entry *s)
{
	vec_deinit(&s->pub.users);
	free(s);
}

void site_table_deinit(struct aspace *as)
{
	for (size_t i = 0; i < as->all.n; i++)
		entry_free(as->all.items[i]);
	vec_deinit(&as->all);
	vec_deinit(&as->planted);
	vec_deinit(&as->pending);
	vec_deinit(&as->counters);
	free(as->table);
	as->table = NULL;
	as->table_size = as->n_table = 0;
}

struct site *site_find(struct aspace *as, uint64_t addr)
{
	struct site_entry *s = site_lookup(as, addr);

	return s && s->pub.users.n ? &s->pub : NULL;
}

unsigned site_count(struct aspace *as)
{
	return (unsigned)as->planted.n;
}

size_t site_planted_from(const struct aspace *as, uint64_t addr)
{
	size_t lo = 0, hi = as->planted.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (as->planted.items[mid]->pub.addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t site_original_pc(struct aspace *as, uint64_t pc)
{
	struct annex_region *r;
	struct annex_slot *slot = annex_find(as, pc, &r);
	uint64_t off = slot ? pc - r->lo - slot->off : 0;
	int64_t orig;

	if (!slot || !slot->site || off >= slot->len)
		return pc;
	if (!off)
		return slot->site->addr;
	orig = arch_slot_to_orig(r->shadow + slot->off, slot->len, slot->site->insn_len, off);
	return orig < 0 ? pc : slot->site->addr + (uint64_t)orig;
}

/* ----------------------------------------------------------------- adding -- */

static struct error *check_code(uint64_t addr, const uint8_t *code, size_t len,
				struct arch_insn *insn)
{
	if (len >= arch_bp_len && !memcmp(code, arch_bp, arch_bp_len))
		return error_format(ERR_OTHER, "a breakpoint instruction of the program's own");
	if (!arch_insn_length(code, len, addr, insn) || !insn->len || insn->len > len ||
	    insn->len > ARCH_INSN_MAX)
		return error_format(ERR_OTHER, "unknown instruction at 0x%llx",
				    (unsigned long long)addr);
	return NULL;
}

/* What stands before the site, if the processor minds. */
static struct error *check_before(struct aspace *as, uint64_t addr)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint8_t before[ARCH_LOOKBACK_MAX];
	size_t n = addr < arch_lookback ? 0 : arch_lookback;
	const char *why;

	if (n && as_read(as, addr - n, before, n) != n) {
		/* The page before isn't there. */
		n = addr % page < n ? addr % page : n;
		if (as_read(as, addr - n, before, n) != n)
			n = 0;
	}
	why = n ? arch_site_refuse(before, n) : NULL;
	return why ? error_format(ERR_OTHER, "%s", why) : NULL;
}

/*
 * Is all that the instruction does to go on somewhere, always at the same place
 * (nop, jmp)?  Tried on registers that are all 0, all ones, and all one single
 * bit: every condition of both processors is met by some and not by others.
 */
static bool only_moves_pc(const struct site *s, uint64_t *next)
{
	struct arch_regs r, with;

	for (int bit = -2; bit < 64; bit++) {
		uint64_t word = bit == -2 ? 0 : bit == -1 ? UINT64_MAX : UINT64_C(1) << bit;

		for (size_t i = 0; i < sizeof(r) / sizeof(word); i++)
			memcpy((char *)&r + i * sizeof(word), &word, sizeof(word));
		arch_set_pc(&r, s->addr);
		with = r;
		if (!arch_emulate(s->orig, s->insn_len, s->addr, &with))
			return false;
		if (bit != -2 && arch_pc(&with) != *next)
			return false;
		*next = arch_pc(&with);
		arch_set_pc(&r, *next);
		if (memcmp(&r, &with, sizeof(r)))
			return false;
	}
	return true;
}

static struct error *entry_create(struct aspace *as, uint64_t addr, const uint8_t *code, size_t len,
				  struct site_entry **ret)
{
	uint8_t from_memory[ARCH_INSN_MAX];
	struct arch_regs scratch = { 0 };
	struct site_entry *s;
	struct arch_insn insn = { 0 };
	struct error *err;

	if (!code) {
		len = as_read(as, addr, from_memory, sizeof(from_memory));
		if (!len)
			return error_format(ERR_OTHER, "0x%llx is not mapped",
					    (unsigned long long)addr);
		code = from_memory;
	}
	if (len > ARCH_INSN_MAX)
		len = ARCH_INSN_MAX;
	err = check_code(addr, code, len, &insn);
	if (!err)
		err = check_before(as, addr);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return &error_nomem;
	s->as = s->pub.as = as;
	s->pub.addr = addr;
	s->pub.insn_len = insn.len;
	memcpy(s->pub.orig, code, insn.len);
	arch_set_pc(&scratch, addr);
	s->pub.can_emulate = arch_emulate(s->pub.orig, insn.len, addr, &scratch);
	s->pub.only_pc = s->pub.can_emulate && only_moves_pc(&s->pub, &s->pub.next_pc);
	if (!table_add(as, s)) {
		entry_free(s);
		return &error_nomem;
	}
	*ret = s;
	return NULL;
}

static bool is_within(const struct site_entry *s, uint64_t lo, uint64_t hi)
{
	return s->pub.addr - lo < hi - lo;
}

/* The records stay, but nobody finds them. */
static void forget(struct aspace *as, uint64_t lo, uint64_t hi)
{
	size_t kept = 0;

	patch_forget_range(as, lo, hi);
	for (size_t i = 0; i < as->pending.n; i++)
		if (!is_within(as->pending.items[i], lo, hi))
			as->pending.items[kept++] = as->pending.items[i];
	as->pending.n = kept;
	kept = 0;
	for (size_t i = 0; i < as->planted.n; i++)
		if (!is_within(as->planted.items[i], lo, hi))
			as->planted.items[kept++] = as->planted.items[i];
	as->planted.n = kept;
	for (size_t i = 0; i < as->all.n; i++) {
		struct site_entry *s = as->all.items[i];

		if (!s->in_table || !is_within(s, lo, hi))
			continue;
		s->in_table = s->is_pending = s->pub.is_planted = false;
		s->patch = NULL;
		s->pub.tier = SITE_STOP;
		s->pub.users.n = 0;
		annex_slot_free(as, &s->pub);
	}
	if (as->table_size && !table_rebuild(as, as->table_size))
		engine_bug(as->engine, NULL, "out of memory for the site table");
}

/* Its sites are of the stop tier again, and may be tried anew. */
static struct error *demote(struct engine *e, struct aspace *as, struct patch *p)
{
	struct error *err = engine_stop_world(e, as);

	if (err)
		return err;
	for (size_t i = 0; i < p->sites.n; i++)
		((struct site_entry *)p->sites.items[i])->was_tried = false;
	patch_undo(e, as, p);
	engine_resume_world(e, as);
	return NULL;
}

struct error *site_add(struct engine *e, struct aspace *as, uint64_t addr, const uint8_t *code,
		       size_t len, struct site_user user, struct site **ret)
{
	struct site_entry *s = site_lookup(as, addr);
	struct error *err;

	if (as->foreign[0])
		return error_format(ERR_OTHER, "it runs %s", as->foreign);
	/* Other code came to a tombstone's address: start afresh. */
	if (s && !s->pub.users.n && code && len >= s->pub.insn_len &&
	    memcmp(s->pub.orig, code, s->pub.insn_len)) {
		forget(as, addr, addr + 1);
		s = NULL;
	}
	if (!s) {
		err = entry_create(as, addr, code, len, &s);
		if (err)
			return err;
	}
	if (s->patch) {
		err = demote(e, as, s->patch);
		if (err)
			return err;
	}
	if (!vec_push(&s->pub.users, user))
		return &error_nomem;
	s->was_tried = false;
	if (!s->pub.is_planted && !s->is_pending) {
		if (!vec_push(&as->pending, s)) {
			s->pub.users.n--;
			return &error_nomem;
		}
		s->is_pending = true;
	}
	*ret = &s->pub;
	return NULL;
}

/* ----------------------------------------------------------- the patching -- */

struct page_buf {
	uint8_t *bytes;
	uint64_t lo; /* address of bytes[0] */
	size_t len;
	size_t dirty_lo, dirty_hi;
};

/* Patches one site in the buffer; false: the bytes aren't what they should be. */
static bool patch_one(struct page_buf *b, const struct site *s, bool plant)
{
	size_t off = (size_t)(s->addr - b->lo), need = plant ? s->insn_len : arch_bp_len;
	const uint8_t *expected = plant ? s->orig : arch_bp;

	if (off + need > b->len || memcmp(b->bytes + off, expected, need))
		return false;
	memcpy(b->bytes + off, plant ? arch_bp : s->orig, arch_bp_len);
	if (b->dirty_hi <= b->dirty_lo) {
		b->dirty_lo = off;
		b->dirty_hi = off + arch_bp_len;
	} else {
		b->dirty_hi = off + arch_bp_len;
	}
	return true;
}

static bool page_flush(struct aspace *as, const struct page_buf *b)
{
	size_t n = b->dirty_hi - b->dirty_lo;

	if (b->dirty_hi <= b->dirty_lo)
		return true;
	return mem_write_raw(as, b->lo + b->dirty_lo, b->bytes + b->dirty_lo, n) == n;
}

void site_patch(struct aspace *as, struct site_entry **sites, size_t n, bool plant)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	_cleanup_(freep) uint8_t *bytes = malloc(page + ARCH_INSN_MAX);
	struct page_buf b = { .bytes = bytes };
	size_t i, j;

	if (!bytes)
		engine_bug(as->engine, NULL, "out of memory while patching");
	for (i = 0; i < n; i = j) {
		uint64_t lo = sites[i]->pub.addr & ~(page - 1);

		b.lo = sites[i]->pub.addr;
		b.len = mem_read_raw(as, b.lo, bytes, (size_t)(lo + page - b.lo) + ARCH_INSN_MAX);
		b.dirty_lo = b.dirty_hi = 0;
		for (j = i; j < n && sites[j]->pub.addr < lo + page; j++)
			sites[j]->was_patched = patch_one(&b, &sites[j]->pub, plant);
		if (page_flush(as, &b))
			continue;
		for (size_t k = i; k < j; k++)
			sites[k]->was_patched = false;
	}
	for (i = 0; i < n; i++)
		if (sites[i]->as == as)
			sites[i]->in_text = plant && sites[i]->was_patched;
}

static int by_address(const void *a, const void *b)
{
	const struct site_entry *x = *(struct site_entry *const *)a;
	const struct site_entry *y = *(struct site_entry *const *)b;

	return x->pub.addr < y->pub.addr ? -1 : x->pub.addr > y->pub.addr;
}

/* --------------------------------------------------------------- planting -- */

struct plant_result {
	unsigned n_refused;
	const char **why;
};

/* The reason's text lives in the address space's buffer. */
static void drop(struct aspace *as, struct site_entry *s, struct plant_result *res, const char *why)
{
	s->pub.users.n = 0;
	s->is_pending = false;
	res->n_refused++;
	snprintf(as->refused_why, sizeof(as->refused_why), "%s", why);
	if (res->why)
		*res->why = as->refused_why;
}

/* Gives the site an out-of-line copy if it needs one; NULL or why not. */
static struct error *give_slot(struct engine *e, struct aspace *as, struct site *s)
{
	uint8_t code[ARCH_SLOT_MAX];
	const char *why = "the instruction can't be moved";
	struct annex_region *r;
	struct error *err;
	uint32_t room;
	uint64_t at;
	size_t n;

	if (s->slot || s->only_pc || (s->can_emulate && !arch_pc_is_cheap))
		return NULL;
	err = annex_region_get(e, as, s->addr, ARCH_SLOT_MAX, &r);
	if (err)
		return err;
	at = annex_next(r, false, &room);
	n = arch_relocate(s->orig, s->insn_len, s->addr, at, code, &why);
	if (n > room) {
		at = annex_next(r, true, &room);
		n = arch_relocate(s->orig, s->insn_len, s->addr, at, code, &why);
	}
	if (!n || n > ARCH_SLOT_MAX)
		return error_format(ERR_OTHER, "%s", why);
	if (!annex_slot_add(r, at, code, (uint8_t)n, s))
		return &error_nomem;
	s->slot = at;
	s->slot_len = (uint8_t)n;
	e->stats.slots++;
	return NULL;
}

static void give_slots(struct engine *e, struct aspace *as, struct plant_result *res)
{
	size_t kept = 0;

	for (size_t i = 0; i < as->pending.n; i++) {
		struct site_entry *s = as->pending.items[i];
		struct error *err;

		if (!s->pub.users.n) { /* added and removed again */
			s->is_pending = false;
			continue;
		}
		err = give_slot(e, as, &s->pub);
		if (err && !s->pub.can_emulate)
			drop(as, s, res, err->message);
		else
			as->pending.items[kept++] = s;
		error_destroy(err);
	}
	as->pending.n = kept;
}

/* No breakpoint inside a patch: the patch's sites are planned anew with it. */
static void clear_patches(struct engine *e, struct aspace *as)
{
	for (size_t i = 0; i < as->pending.n; i++) {
		const struct site *s = &as->pending.items[i]->pub;
		const struct patch_span *span;

		while ((span = patch_span_at(as, s->addr, s->addr + s->insn_len, 0)) != NULL)
			error_destroy(demote(e, as, span->patch));
	}
}

/* Moves the pending ones into the sorted list of planted sites; they are not in the text. */
static void enlist(struct aspace *as)
{
	if (!vec_reserve(&as->planted, as->planted.n + as->pending.n))
		engine_bug(as->engine, NULL, "out of memory for planted sites");
	for (size_t i = 0; i < as->pending.n; i++) {
		struct site_entry *s = as->pending.items[i];

		s->is_pending = s->in_text = false;
		s->pub.is_planted = true;
		as->planted.items[as->planted.n++] = s;
	}
	if (as->planted.n)
		qsort(as->planted.items, as->planted.n, sizeof(*as->planted.items), by_address);
}

static void delist(struct aspace *as, struct site_entry *s)
{
	size_t i = site_planted_from(as, s->pub.addr);

	s->pub.is_planted = s->in_text = false;
	if (i >= as->planted.n || as->planted.items[i] != s)
		return;
	memmove(&as->planted.items[i], &as->planted.items[i + 1],
		(as->planted.n - i - 1) * sizeof(as->planted.items[0]));
	as->planted.n--;
}

/* Breakpoints for those that were not patched otherwise; who can't have one is dropped. */
static void put_breakpoints(struct aspace *as, struct plant_result *res)
{
	struct site_entry **list = as->pending.items;
	size_t n = 0;

	for (size_t i = 0; i < as->pending.n; i++)
		if (list[i]->pub.tier == SITE_STOP && !list[i]->in_text)
			list[n++] = list[i];
	site_patch(as, list, n, true);
	for (size_t i = 0; i < n; i++) {
		if (list[i]->was_patched)
			continue;
		delist(as, list[i]);
		drop(as, list[i], res, "the code in memory is not that of the file");
	}
	as->pending.n = 0;
}

struct error *site_plant(struct engine *e, struct aspace *as, unsigned *n_refused,
			 const char **why_ret)
{
	struct plant_result res = { .why = why_ret };
	struct error *err;

	if (n_refused)
		*n_refused = 0;
	if (!as->pending.n)
		return NULL;
	err = engine_stop_world(e, as);
	if (err)
		return err;
	qsort(as->pending.items, as->pending.n, sizeof(*as->pending.items), by_address);
	give_slots(e, as, &res);
	if (!annex_flush(as)) {
		for (size_t i = 0; i < as->pending.n; i++)
			drop(as, as->pending.items[i], &res, "the annex can't be written");
		as->pending.n = 0;
	}
	clear_patches(e, as);
	enlist(as);
	if (e->config.ops->promote)
		e->config.ops->promote(e->config.ctx, as);
	put_breakpoints(as, &res);
	guardian_sync(e);
	engine_resume_world(e, as);
	if (n_refused)
		*n_refused = res.n_refused;
	return NULL;
}

/* --------------------------------------------------------------- removing -- */

static void unplant(struct engine *e, struct site_entry *s)
{
	struct aspace *as = s->as;
	struct error *err = engine_stop_world(e, as);

	if (s->patch)
		patch_undo(e, as, s->patch);
	site_patch(as, &s, 1, false);
	delist(as, s);
	guardian_sync(e);
	if (!err)
		engine_resume_world(e, as);
	error_destroy(err);
}

void site_remove(struct engine *e, struct site *s, void *arg)
{
	for (size_t i = 0; i < s->users.n; i++) {
		if (s->users.items[i].arg != arg)
			continue;
		memmove(&s->users.items[i], &s->users.items[i + 1],
			(s->users.n - i - 1) * sizeof(s->users.items[0]));
		s->users.n--;
		break;
	}
	/* After exec or the last exit there is nothing to write to. */
	if (!s->users.n && s->is_planted && aspace_task(s->as, false))
		unplant(e, (struct site_entry *)s);
}

void site_forget_range(struct engine *e, struct aspace *as, uint64_t lo, uint64_t hi)
{
	size_t kept = 0;

	(void)e;
	forget(as, lo, hi);
	for (size_t i = 0; i < as->all.n; i++) {
		struct site_entry *s = as->all.items[i];

		if (is_within(s, lo, hi) && !s->in_table && !s->is_told && !s->pub.slot)
			entry_free(s);
		else
			as->all.items[kept++] = s;
	}
	as->all.n = kept;
}

void site_unplant_all(struct aspace *as)
{
	patch_restore_all(as);
	site_patch(as, as->planted.items, as->planted.n, false);
	for (size_t i = 0; i < as->planted.n; i++) {
		as->planted.items[i]->pub.is_planted = false;
		as->planted.items[i]->pub.users.n = 0;
	}
	as->planted.n = 0;
}

void site_each_untried(struct aspace *as, void (*fn)(void *arg, struct site *s), void *arg)
{
	for (size_t i = 0; i < as->planted.n; i++) {
		struct site_entry *s = as->planted.items[i];

		if (s->was_tried || s->pub.tier != SITE_STOP)
			continue;
		s->was_tried = true;
		fn(arg, &s->pub);
	}
}

struct site *site_next(struct aspace *as, uint64_t addr)
{
	size_t i = site_planted_from(as, addr);

	return i < as->planted.n ? &as->planted.items[i]->pub : NULL;
}

/* ------------------------------------------------------------------- hits -- */

/* Was this hit told before a signal kept its instruction from running? */
static bool take_skip(struct engine_task *t, uint64_t addr, const struct arch_regs *r)
{
	uint64_t sp = arch_sp(r);

	while (t->n_skips) {
		struct hit_skip *skip = &t->skips[t->n_skips - 1];

		if (skip->addr == addr && skip->sp == sp) {
			t->n_skips--;
			if (skip->digest == arch_regs_digest(r))
				return true;
			continue; /* the same call again, after a longjmp */
		}
		if (skip->sp >= sp)
			return false; /* still in the handler */
		t->n_skips--; /* its frame is gone: longjmp */
	}
	return false;
}

static bool was_told(struct engine_task *t, uint64_t addr)
{
	struct arch_regs *r = task_regs(&t->pub);

	return r && take_skip(t, addr, r);
}

/*
 * What hooks do takes milliseconds.  Killed in them, we would leave a thread that may outlive
 * us with its SIGTRAP; so that is taken, and it stops where it would hit the site again.
 */
static void take_trap(struct engine *e, struct engine_task *t, const struct site *s)
{
	for (size_t i = 0; i < s->users.n; i++)
		if (s->users.items[i].hook && t->stop == EV_TRAP && e->guardian &&
		    !t->pub.proc->is_child_of_ours)
			task_stop_anew(e, t);
}

static void tell_users(struct engine *e, struct task *t, struct site *s)
{
	bool told = false;

	take_trap(e, task_impl(t), s);

	for (size_t i = 0; i < s->users.n && t->state == TASK_STOPPED;) {
		struct site_user u = s->users.items[i];

		if (u.hook) {
			u.hook(u.arg, t, s);
		} else if (!told) {
			told = true;
			if (e->config.ops->site_hit)
				e->config.ops->site_hit(e->config.ctx, t, s);
		}
		/* A user that removed itself has let the next one move up. */
		if (i < s->users.n && s->users.items[i].arg == u.arg &&
		    s->users.items[i].hook == u.hook)
			i++;
	}
}

/*
 * Does the work of the displaced instruction, or sends the thread to do it:
 * whatever needs the fewest registers of the thread.
 */
static void step_over(struct engine *e, struct engine_task *t, struct site *s)
{
	struct arch_regs *r, before;

	if (!s->is_planted)
		return; /* the original is back in place */
	if (s->tier == SITE_RECORD) { /* since the hit */
		task_pc_set(t, patch_copy_of(s));
		return;
	}
	if (s->only_pc) {
		e->stats.emulated++;
		task_pc_set(t, s->next_pc);
		return;
	}
	if (s->slot) {
		task_pc_set(t, s->slot);
		return;
	}
	r = task_regs(&t->pub);
	if (!r)
		return;
	before = *r;
	if (!arch_emulate(s->orig, s->insn_len, s->addr, r))
		engine_bug(e, &t->pub, "an instruction can't be emulated after all");
	e->stats.emulated++;
	arch_set_pc(&before, arch_pc(r));
	if (memcmp(&before, r, sizeof(before)))
		t->pub.regs_dirty = true;
	else
		task_pc_set(t, arch_pc(r));
}

/*
 * A stop inside a restartable sequence makes the kernel abort the sequence.
 * With a breakpoint in it, it would never get to its end; and continued in the
 * out-of-line copy, the kernel would take it for left, and nothing would
 * protect the rest.  So the site goes, and the sequence starts anew.
 */
static void leave_sequence(struct engine *e, struct engine_task *t, struct site *s)
{
	uint64_t abort_ip;

	if (s->hits != 1 || !s->is_planted || !task_in_rseq(t, &abort_ip))
		return;
	s->users.n = 0;
	unplant(e, (struct site_entry *)s);
	task_pc_set(t, abort_ip);
}

void site_hit(struct engine *e, struct task *t, struct site *s)
{
	struct engine_task *impl = task_impl(t);
	uint64_t pc;

	task_pc_set(impl, s->addr);
	if (!impl->n_skips || !was_told(impl, s->addr)) {
		s->hits++;
		e->stats.site_hits++;
		((struct site_entry *)s)->is_told = true;
		if (!process_impl(t->proc)->is_silent)
			tell_users(e, t, s);
		((struct site_entry *)s)->is_told = false;
	}
	if (t->state != TASK_STOPPED || !task_pc(impl, &pc) || pc != s->addr)
		return;
	if (impl->is_held && !impl->wants_resume)
		return; /* a hold point: it will come here again */
	leave_sequence(e, impl, s);
	if (task_pc(impl, &pc) && pc == s->addr)
		step_over(e, impl, s);
}
