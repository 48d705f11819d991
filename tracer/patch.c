/*
 * Patching text for the record tier, and getting threads out of the way of it.
 * See patch.h.
 *
 * Rules:
 *  - text is written with every thread of the address space stopped, and only
 *    where the bytes are what they should be;
 *  - a thread inside the patched bytes is moved to the trampoline before any
 *    runs; one that gets there later faults or traps (arch_patch_plan()) and is
 *    moved then;
 *  - a signal's handler sees the original code where that can be had.
 */
#include "patch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include "engine_impl.h"
#include "procfs.h"

#define MIB (UINT64_C(1) << 20)
#define TRAMP_ROOM (64u << 10)
#define PENDING_NS (ns_per_s / 10)

/* ------------------------------------------------------------------ lookup -- */

static size_t first_span(const struct aspace *as, uint64_t lo)
{
	size_t a = 0, b = as->spans.n;

	/* They don't overlap: by their ends as by their starts. */
	while (a < b) {
		size_t mid = (a + b) / 2;

		if (as->spans.items[mid].hi <= lo)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

const struct patch_span *patch_span_at(const struct aspace *as, uint64_t lo, uint64_t hi, size_t i)
{
	size_t at = first_span(as, lo) + i;

	if (at >= as->spans.n || as->spans.items[at].lo >= hi)
		return NULL;
	return &as->spans.items[at];
}

const struct code_region *patch_region_of(const struct aspace *as, uint64_t pc)
{
	for (size_t i = 0; i < as->code.n; i++)
		if (pc - as->code.items[i]->lo < as->code.items[i]->size)
			return as->code.items[i];
	return NULL;
}

bool patch_contains(const struct aspace *as, uint64_t pc)
{
	return patch_region_of(as, pc) != NULL || fastcall_contains(as, pc);
}

struct patch *patch_by_tramp(const struct aspace *as, uint64_t pc)
{
	size_t a = 0, b = as->patches.n;

	while (a < b) {
		size_t mid = (a + b) / 2;

		if (as->patches.items[mid]->tramp.base <= pc)
			a = mid + 1;
		else
			b = mid;
	}
	if (!a || pc - as->patches.items[a - 1]->tramp.base >= as->patches.items[a - 1]->tramp.len)
		return NULL;
	return as->patches.items[a - 1];
}

static bool read_word(void *arg, uint64_t addr, uint64_t *ret)
{
	return mem_read_raw(arg, addr, ret, sizeof(*ret)) == sizeof(*ret);
}

/* The patch whose trampoline the registers are in. */
static struct patch *inside(struct aspace *as, struct aspace *memory, const struct arch_regs *r)
{
	const struct code_region *c = patch_region_of(as, arch_pc(r));

	if (!c)
		return fastcall_patch(as, arch_pc(r));
	return patch_by_tramp(as, arch_tramp_caller(c->lo, r, read_word, memory));
}

bool patch_unwind(struct aspace *as, struct task *t, struct arch_regs *r,
		  struct arch_tramp_place *place)
{
	struct patch *p;
	uint64_t bare;

	if (fastcall_contains(as, arch_pc(r)))
		arch_bell_unwind(r, read_word, t->proc->as);
	p = as->code.n ? inside(as, t->proc->as, r) : NULL;
	bare = p || !fastcall_contains(as, arch_pc(r)) ? 0 : sud_bare_pc(as, arch_pc(r));

	if (bare) {
		*place = (struct arch_tramp_place){ .phase = ARCH_TRAMP_COPY,
						    .orig = bare,
						    .stage = ARCH_CALL_PLAIN };
		return true;
	}
	return p && arch_tramp_unwind(&p->tramp, r, read_word, t->proc->as, place);
}

bool site_original_regs(struct task *t, struct arch_regs *ret)
{
	const struct arch_regs *now = task_regs(t);
	struct aspace *as = t->proc->as;
	struct arch_tramp_place place;

	if (!now)
		return false;
	*ret = *now;
	if (patch_unwind(as, t, ret, &place) && place.orig)
		arch_set_pc(ret, place.orig);
	else
		arch_set_pc(ret, site_original_pc(as, arch_pc(now)));
	return true;
}

/* Is pc at or right behind the copy of a displaced system call? */
static bool is_at_copy(const struct patch *p, uint64_t pc)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;

	for (unsigned k = 0; k < plan->n_insns; k++) {
		uint64_t behind = arch_tramp_syscall(&p->tramp, plan->addr + plan->insn[k + 1]);

		if (behind && (pc == behind || pc == behind - arch_syscall_stub_trap))
			return true;
	}
	return false;
}

bool patch_sleeps(struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *now = as->code.n ? task_regs(&t->pub) : NULL, r;
	struct arch_tramp_place place;
	const struct patch *p;

	if (!now || !patch_contains(as, arch_pc(now)))
		return false;
	p = patch_of_tramp(as, arch_pc(now));
	if (p && is_at_copy(p, arch_pc(now)))
		return false;
	r = *now;
	return patch_unwind(as, &t->pub, &r, &place) &&
	       (place.phase == ARCH_TRAMP_BEFORE || place.phase == ARCH_TRAMP_PARTIAL);
}

uint64_t patch_copy_of(const struct site *s)
{
	const struct patch *p = ((const struct site_entry *)s)->patch;
	int k = arch_patch_insn(&p->tramp.plan, s->addr);

	return k < 0 ? 0 : p->tramp.base + p->tramp.copy[k];
}

/* ------------------------------------------------------------------- making -- */

static bool add_span(struct aspace *as, struct patch *p, unsigned i)
{
	struct patch_span s = { p->w[i].addr, p->w[i].addr + p->w[i].len, p, i };
	size_t at = first_span(as, s.lo);

	if (!vec_push(&as->spans, s))
		return false;
	memmove(&as->spans.items[at + 1], &as->spans.items[at], (as->spans.n - 1 - at) * sizeof(s));
	as->spans.items[at] = s;
	return true;
}

static bool enlist(struct aspace *as, struct patch *p)
{
	size_t at;

	if (!vec_push(&as->patches, p))
		return false;
	for (at = as->patches.n - 1; at && as->patches.items[at - 1]->tramp.base > p->tramp.base;
	     at--)
		as->patches.items[at] = as->patches.items[at - 1];
	as->patches.items[at] = p;
	return true;
}

static void delist(struct aspace *as, const struct patch *p)
{
	for (size_t i = 0; i < as->patches.n; i++) {
		if (as->patches.items[i] != p)
			continue;
		memmove(&as->patches.items[i], &as->patches.items[i + 1],
			(as->patches.n - i - 1) * sizeof(as->patches.items[0]));
		as->patches.n--;
		return;
	}
}

static void drop_spans(struct aspace *as, const struct patch *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < as->spans.n; i++)
		if (as->spans.items[i].patch != p)
			as->spans.items[kept++] = as->spans.items[i];
	as->spans.n = kept;
}

/* Builds the trampoline where there is place for it, and writes it. */
static const char *build(struct engine *e, struct aspace *as, struct arch_tramp_job *job,
			 struct arch_tramp *ret)
{
	_cleanup_(freep) uint8_t *code = malloc(TRAMP_ROOM);
	struct code_region *region;
	uint64_t at;
	const char *why;

	if (!code)
		return "out of memory";
	job->common = job->plan->jump;
	job->anchor = as->rings->anchors_addr;
	why = arch_tramp_build(job, job->plan->jump, NULL, 0, ret);
	if (why != arch_tramp_no_room)
		return why ? why : "it has no trampoline";
	if (ret->len > TRAMP_ROOM)
		return "its trampoline is too large";
	why = patch_place_find(e, as, job->plan, ret->len, &region, &at);
	if (why)
		return why;
	job->common = region->lo;
	why = arch_tramp_build(job, at, code, TRAMP_ROOM, ret);
	if (why)
		return why;
	if (mem_write_raw(as, at, code, ret->len) == ret->len)
		return NULL;
	arch_tramp_deinit(ret);
	return "the trampolines' memory can't be written";
}

/* Is the text what the plan takes it for? */
static bool is_expected(struct aspace *as, const struct arch_patch_write *w)
{
	uint8_t now[ARCH_PATCH_MAX];

	return as_read(as, w->addr, now, w->len) == w->len && !memcmp(now, w->orig, w->len);
}

static bool write_text(struct aspace *as, struct patch *p)
{
	for (unsigned i = 0; i < p->n_w; i++) {
		const struct arch_patch_write *w = &p->w[i];

		if (mem_write_raw(as, w->addr, w->bytes, w->len) == w->len)
			continue;
		while (i-- > 0)
			mem_write_raw(as, p->w[i].addr, p->w[i].orig, p->w[i].len);
		return false;
	}
	return true;
}

struct patch *patch_of_tramp(const struct aspace *as, uint64_t pc)
{
	return patch_region_of(as, pc) ? patch_by_tramp(as, pc) : NULL;
}

struct patch *patch_live_at(const struct aspace *as, uint64_t addr)
{
	const struct patch_span *s = patch_span_at(as, addr, addr + 1, 0);

	return s && s->patch->tramp.plan.addr == addr ? s->patch : NULL;
}

/* Where a thread that stands in the patch must go on; 0: nowhere else. */
static uint64_t new_place(struct engine_task *t, const struct patch *p, const struct arch_regs *r)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;
	uint64_t pc = arch_pc(r), to = 0;

	/* Its instruction's copy: what was told of as a stop goes on as one. */
	if (p->tramp.n_calls && pc == plan->addr && restart_ahead(t, r))
		return p->tramp.base + p->tramp.copy[plan->site_insn];
	if (arch_in_syscall(r) || p->tramp.n_calls)
		to = arch_tramp_syscall(&p->tramp, pc);
	if (to || pc == plan->addr || pc - plan->addr >= plan->len)
		return to;
	/* A breakpoint's trap that is about to be told of. */
	if (t->stop == EV_TRAP || signal_has_hit_pending(t))
		return 0;
	return arch_tramp_arrival(&p->tramp, pc);
}

static void move_threads(struct engine *e, struct aspace *as, const struct patch *p)
{
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		struct arch_regs *r;
		uint64_t to;

		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED)
			continue;
		r = task_regs(&t->pub);
		to = r ? new_place(t, p, r) : 0;
		if (!to)
			continue;
		if (t->entry.pc == arch_pc(r))
			t->entry.pc = to;
		task_pc_set(t, to);
		task_flush(t);
	}
}

static void patch_free(struct patch *p)
{
	arch_tramp_deinit(&p->tramp);
	vec_deinit(&p->sites);
	free(p);
}

const char *patch_make(struct engine *e, struct aspace *as, struct arch_tramp_job *job,
		       struct site **sites, size_t n_sites)
{
	struct patch *p = calloc(1, sizeof(*p));
	const char *why;

	if (!p || !vec_reserve(&p->sites, n_sites)) {
		free(p);
		return "out of memory";
	}
	why = build(e, as, job, &p->tramp);
	if (!why) {
		p->n_w = arch_patch_bytes(job->plan, p->tramp.base, p->w);
		why = p->n_w ? NULL : "the trampoline's place does not suit";
	}
	for (unsigned i = 0; i < p->n_w && !why; i++)
		why = is_expected(as, &p->w[i]) ? NULL :
						  "the code in memory is not that of the file";
	if (!why && (!vec_reserve(&as->spans, as->spans.n + 2) || !enlist(as, p)))
		why = "out of memory";
	if (!why && !fastcall_bind(as, p)) {
		delist(as, p);
		why = "the place of its calls can't be written";
	}
	if (!why) {
		/* First: a tracer killed in between has done no harm. */
		move_threads(e, as, p);
		handlers_move(as, p);
		if (!write_text(as, p)) {
			delist(as, p);
			return "the text can't be written"; /* threads may be in it: kept */
		}
	}
	if (why) {
		patch_free(p);
		return why;
	}
	for (unsigned i = 0; i < p->n_w; i++)
		add_span(as, p, i);
	p->is_live = true;
	for (size_t i = 0; i < n_sites; i++) {
		p->sites.items[p->sites.n++] = sites[i];
		sites[i]->tier = SITE_RECORD;
		((struct site_entry *)sites[i])->in_text = false;
		((struct site_entry *)sites[i])->patch = p;
	}
	e->stats.patches++;
	return NULL;
}

/* Nobody else may use the register that the threads' rings are found by. */
static const char *check_anchors(struct engine *e, struct aspace *as)
{
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		uint64_t v;

		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED)
			continue;
		if (arch_anchor_read(t->pub.tid, &v) && v != t->anchor)
			return "the program uses the register that threads' rings are found by";
		if (arch_shadow_stack(t->pub.tid))
			as->has_shadow_stacks = true;
	}
	return NULL;
}

struct error *engine_record_begin(struct engine *e, struct aspace *as, uint64_t near, uint32_t need)
{
	struct annex_region *annex;
	struct error *err = engine_stop_world(e, as);
	const char *why;

	if (err)
		return err;
	why = as->rings ? NULL : check_anchors(e, as);
	if (why)
		err = error_format(ERR_OTHER, "%s", why);
	/* Its stub makes the calls. */
	if (!err)
		err = annex_region_get(e, as, near, ARCH_SLOT_MAX, &annex);
	if (!err)
		err = ring_space_get(e, as, need);
	if (!err && !handlers_find(e, as))
		err = &error_nomem;
	if (err) {
		handlers_forget(as);
		engine_resume_world(e, as);
		return err;
	}
	/* Whoever runs trampolines, even if we are killed now, finds his ring. */
	ring_welcome_all(e, as);
	guardian_sync(e);
	for (struct engine_task *t = e->tasks; t; t = t->next)
		if (task_is_of(t, as) && t->pub.state == TASK_STOPPED && task_flush(t))
			(void)task_put_anchor(t);
	return NULL;
}

void engine_record_end(struct engine *e, struct aspace *as)
{
	ring_extend_all(e, as);
	ring_welcome_all(e, as);
	guardian_sync(e);
	handlers_forget(as);
	engine_resume_world(e, as);
}

const char *engine_record_patch(struct engine *e, struct aspace *as, struct arch_tramp_job *job,
				struct site **sites, size_t n_sites)
{
	if (job->plan->calls && as->has_shadow_stacks)
		return "a call would be displaced, and the thread has a shadow stack";
	if (job->plan->is_targeted && ring_may_outlive(e, as))
		return "branches lead into its patch, which needs the tracer";
	return patch_make(e, as, job, sites, n_sites);
}

bool engine_record_span(const struct aspace *as, uint64_t lo, uint64_t hi, size_t i,
			struct arch_span *ret)
{
	const struct patch_span *s = patch_span_at(as, lo, hi, i);

	if (s)
		*ret = (struct arch_span){ s->lo, s->hi };
	return s != NULL;
}

/* ------------------------------------------------------------------ undoing -- */

static void restore(struct aspace *as, const struct patch *p)
{
	for (unsigned i = p->n_w; i-- > 0;) {
		const struct arch_patch_write *w = &p->w[i];
		uint8_t now[ARCH_PATCH_MAX];

		/* Other code that came here since is left alone. */
		if (mem_read_raw(as, w->addr, now, w->len) == w->len &&
		    !memcmp(now, w->bytes, w->len))
			mem_write_raw(as, w->addr, w->orig, w->len);
	}
}

uint64_t patch_arrival(struct aspace *as, uint64_t pc)
{
	const struct patch_span *s = patch_span_at(as, pc, pc + 1, 0);

	return s && s->patch->tramp.plan.addr == s->lo ? arch_tramp_arrival(&s->patch->tramp, pc) :
							 0;
}

static bool is_guard_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGILL || sig == SIGBUS;
}

#define PENDING_FAULTS                                                \
	(UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGILL - 1) | \
	 UINT64_C(1) << (SIGBUS - 1) | UINT64_C(1) << (SIGTRAP - 1))

/* Stopped for something else with the fault of patched bytes still to be told of? */
static bool has_fault_pending(struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	struct procfs_status st;

	if (!r || t->n_queued || t->stop == EV_TRAP || t->stop == EV_SIGNAL)
		return false;
	if (!patch_arrival(as, arch_pc(r)) && !patch_arrival(as, arch_pc(r) - arch_bp_pc_bias))
		return false;
	return procfs_status(t->pub.tid, &st) && (st.sig_pnd & PENDING_FAULTS);
}

/* Lets it come to its stop: nothing else of the thread runs before. */
static void settle_pending(struct engine *e, struct aspace *as)
{
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		int status;

		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED)
			continue;
		for (int i = 0; i < 4 && has_fault_pending(t); i++) {
			if (!task_flush(t) || ptrace(PTRACE_CONT, t->pub.tid, NULL, NULL) < 0)
				break;
			task_set_state(&t->pub, TASK_RUNNING);
			if (engine_wait_task(e, t->pub.tid, PENDING_NS, &status) <= 0)
				break;
			task_ingest_same(e, t, status);
		}
	}
}

/* Faults of patched bytes that wait to be told of are none any more.  only: NULL all. */
static void settle_faults(struct aspace *as, const struct patch *only)
{
	struct engine *e = as->engine;

	settle_pending(e, as);
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		const struct patch_span *s;
		struct arch_regs *r;
		uint64_t pc;

		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED || !t->n_queued ||
		    (t->stop != EV_TRAP && (t->stop != EV_SIGNAL || !is_guard_fault(t->stop_sig))))
			continue;
		r = task_regs(&t->pub);
		if (!r)
			continue;
		pc = arch_pc(r) - (t->stop == EV_TRAP ? arch_bp_pc_bias : 0);
		s = patch_span_at(as, pc, pc + 1, 0);
		if (!s || (only && s->patch != only) || pc == s->lo ||
		    !arch_tramp_arrival(&s->patch->tramp, pc))
			continue;
		engine_queue_drop(e, t);
		task_pc_set(t, pc);
		t->wants_resume = true;
	}
}

void patch_undo(struct engine *e, struct aspace *as, struct patch *p)
{
	struct site_entry *entries[ARCH_DISPLACED_MAX + 1];
	size_t n = 0;

	(void)e;
	if (!p->is_live)
		return;
	settle_faults(as, p);
	restore(as, p);
	p->is_live = false;
	drop_spans(as, p);
	for (size_t i = 0; i < p->sites.n; i++) {
		struct site_entry *s = (struct site_entry *)p->sites.items[i];

		s->pub.tier = SITE_STOP;
		s->patch = NULL;
		if (s->pub.is_planted && !s->is_pending && n < ARRAY_SIZE(entries))
			entries[n++] = s;
	}
	p->sites.n = 0;
	site_patch(as, entries, n, true);
}

void patch_restore_text(struct aspace *as)
{
	for (size_t i = 0; i < as->patches.n; i++)
		if (as->patches.items[i]->is_live)
			restore(as, as->patches.items[i]);
}

void patch_restore_all(struct aspace *as)
{
	if (as->spans.n)
		settle_faults(as, NULL);
	for (size_t i = 0; i < as->patches.n; i++) {
		struct patch *p = as->patches.items[i];

		if (!p->is_live)
			continue;
		restore(as, p);
		p->is_live = false;
		for (size_t k = 0; k < p->sites.n; k++) {
			p->sites.items[k]->tier = SITE_STOP;
			((struct site_entry *)p->sites.items[k])->patch = NULL;
		}
		p->sites.n = 0;
	}
	as->spans.n = 0;
}

void patch_clean_copy(struct aspace *to, const struct aspace *from)
{
	for (size_t i = from->patches.n; i-- > 0;)
		restore(to, from->patches.items[i]);
}

/* Its trampoline leads nowhere any more: the place may be used again. */
static void give_back(struct aspace *as, const struct patch *p)
{
	struct arch_span span = { p->tramp.base, p->tramp.base + p->tramp.len };

	for (size_t i = 0; i < as->code.n; i++) {
		struct code_region *c = as->code.items[i];

		if (span.lo - c->lo >= c->size)
			continue;
		for (size_t k = 0; k < c->free.n; k++) {
			if (c->free.items[k].lo == span.hi) {
				c->free.items[k].lo = span.lo;
				return;
			}
			if (c->free.items[k].hi == span.lo) {
				c->free.items[k].hi = span.hi;
				return;
			}
		}
		/* For want of memory it is never used again. */
		(void)vec_push(&c->free, span);
		return;
	}
}

void patch_forget_range(struct aspace *as, uint64_t lo, uint64_t hi)
{
	size_t kept = 0;

	for (size_t i = 0; i < as->patches.n; i++) {
		struct patch *p = as->patches.items[i];

		if (p->tramp.plan.addr - lo >= hi - lo) {
			as->patches.items[kept++] = p;
			continue;
		}
		drop_spans(as, p);
		fastcall_unbind(as, p);
		give_back(as, p);
		patch_free(p);
	}
	as->patches.n = kept;
}

bool patch_copy_regions(struct aspace *to, const struct aspace *from)
{
	for (size_t i = 0; i < from->code.n; i++) {
		const struct code_region *old = from->code.items[i];
		struct code_region *c = patch_region_create(to, old->lo, old->size);

		if (!c || !vec_reserve(&c->free, old->free.n))
			return false;
		if (old->free.n)
			memcpy(c->free.items, old->free.items,
			       old->free.n * sizeof(old->free.items[0]));
		c->free.n = old->free.n;
	}
	return true;
}

void patch_deinit(struct aspace *as)
{
	for (size_t i = 0; i < as->patches.n; i++)
		patch_free(as->patches.items[i]);
	for (size_t i = 0; i < as->code.n; i++) {
		vec_deinit(&as->code.items[i]->free);
		free(as->code.items[i]);
	}
	vec_deinit(&as->patches);
	vec_deinit(&as->spans);
	vec_deinit(&as->code);
}
