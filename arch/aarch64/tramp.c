/*
 * Trampolines: putting one together, and looking out of one.
 *
 *	block ...	firings (near.h)
 *	copy		the displaced instruction, made to work here, and the way back
 *	stubs
 *
 * While code is made, ranges are noted: from which offset on which words are
 * saved, how far sp is from where the program had it, and how much of the
 * firing is done.  Unwinding is reading the range of a pc.  No other state is
 * needed, since words are saved at fixed places and stay there until sp goes
 * back.
 *
 * A return from the common code is at an address behind its call, where all is
 * as in it.
 */
#include "near.h"

#include <stdlib.h>

/* --------------------------------------------------------------- notes -- */

void a64_state(struct a64_gen *g)
{
	g->now.off = emit_here(&g->e);
	if (!tramp_note_range(&g->notes, &g->now))
		g->e.failed = true;
}

void a64_fixup(struct a64_gen *g, uint32_t label)
{
	if (!tramp_note_fixup(&g->notes, emit_here(&g->e), label))
		g->e.failed = true;
}

void a64_stub(struct a64_gen *g, const struct a64_stub *s)
{
	if (!vec_push(&g->stubs, *s))
		g->e.failed = true;
}

uint8_t a64_frame_add(struct a64_gen *g, const struct arch_tramp_frame *f)
{
	uint8_t frame = 0;

	if (!tramp_note_frame(&g->notes, f, &frame))
		g->e.failed = true;
	return frame;
}

/* --------------------------------------------------------------- block -- */

static void make_frame(const struct a64_block *b, struct arch_tramp_frame *f)
{
	bool first = false;
	uint32_t uses = b->call ? USES_RING : 0;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct arch_tramp_firing *fi = &b->firings[i];

		first = first || tramp_needs_first(fi);
		for (uint32_t k = 0; k < fi->n_clauses; k++)
			uses |= a64_near_uses(fi, &fi->clauses[k]);
	}
	f->n = 0;
	for (unsigned r = 0; r < 31; r++)
		if (uses & 1u << r)
			f->word[f->n++] = (uint8_t)r;
	if (uses & USES_NZCV)
		f->word[f->n++] = WORD_NZCV;
	if (first)
		f->word[f->n++] = WORD_FIRST;
	for (unsigned room = near_room(b->firings, b->n); room; room--)
		f->word[f->n++] = WORD_ROOM;
}

static unsigned count_regs(const struct arch_tramp_frame *f)
{
	unsigned n = 0;

	while (n < f->n && f->word[n] < WORD_NZCV)
		n++;
	return n;
}

/* sp stays a multiple of 16. */
static int frame_size(const struct arch_tramp_frame *f)
{
	return (f->n + 1) / 2 * 16;
}

/* Registers first, in pairs; x0 and x1 are always the first of them. */
static void prologue(struct a64_gen *g, const struct arch_tramp_frame *f)
{
	unsigned n = count_regs(f);
	struct a64_asm *e = &g->e;

	for (unsigned i = 0; i < f->n; i += i + 1 < n ? 2 : 1) {
		if (i == 0)
			emit_pair(e, STP_PRE, f->word[0], f->word[1], SP, -frame_size(f));
		else if (i + 1 < n)
			emit_pair(e, STP, f->word[i], f->word[i + 1], SP, 8 * (int)i);
		else if (i < n)
			emit_mem(e, STRX, f->word[i], SP, 8 * i);
		else if (f->word[i] != WORD_ROOM) {
			if (f->word[i] == WORD_NZCV)
				emit_sys(e, MRS_NZCV, X(0));
			else
				emit_const(e, X(0), DL_REC_FIRST);
			emit_mem(e, STRX, X(0), SP, 8 * i);
		}
		g->now.depth = (uint16_t)frame_size(f);
		g->now.words = (uint8_t)(i + 1 < n ? i + 2 : i + 1);
		a64_state(g);
	}
}

/* The words stay readable until sp moves, so until then nothing changes. */
static void epilogue(struct a64_gen *g, const struct arch_tramp_frame *f)
{
	unsigned n = count_regs(f);
	struct a64_asm *e = &g->e;

	if (f->n == 0)
		return;
	if (n < f->n && f->word[n] == WORD_NZCV) {
		emit_mem(e, LDRX, X(0), SP, 8 * n);
		emit_sys(e, MSR_NZCV, X(0));
	}
	for (unsigned i = 2; i < n; i += 2) {
		if (i + 1 < n)
			emit_pair(e, LDP, f->word[i], f->word[i + 1], SP, 8 * (int)i);
		else
			emit_mem(e, LDRX, f->word[i], SP, 8 * i);
	}
	emit_pair(e, LDP_POST, f->word[0], f->word[1], SP, frame_size(f));
	g->now.depth = g->now.words = 0;
	a64_state(g);
}

/* Is there a clause that wants the stack?  Of how many bytes at most. */
static uint32_t wanted_stack(const struct arch_tramp_firing *f, uint32_t n)
{
	uint32_t max = 0;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < f[i].n_clauses; k++)
			if (f[i].clauses[k].stack_max && (!max || f[i].clauses[k].stack_max < max))
				max = f[i].clauses[k].stack_max;
	return max;
}

static uint32_t count_clauses(const struct a64_block *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n; i++)
		n += b->firings[i].n_clauses;
	return n;
}

static void gen_clauses(struct a64_gen *g, const struct a64_block *b, uint32_t end)
{
	enum arch_tramp_phase last = b->has_more ? ARCH_TRAMP_PARTIAL : ARCH_TRAMP_AFTER;
	uint32_t n = count_clauses(b), left = n, stack = wanted_stack(b->firings, b->n);

	/* A stop must come before anything is left; a single clause has its predicate first. */
	if (stack && n > 1) {
		a64_find_ring(g);
		a64_stack_check(g, stack, end);
	}
	for (uint32_t i = 0; i < b->n; i++) {
		const struct arch_tramp_firing *f = &b->firings[i];
		struct near_reserve r = { .has_others = tramp_needs_first(f),
					  .stack = n == 1 ? stack : 0 };

		/* Each firing has its own first record. */
		if (r.has_others && i) {
			emit_const(&g->e, X(0), DL_REC_FIRST);
			emit_mem(&g->e, STRX, X(0), SP, (uint32_t)a64_saved_at(g, WORD_FIRST));
		}
		for (uint32_t k = 0; k < f->n_clauses; k++) {
			left--;
			a64_near_clause(g, f, &f->clauses[k], r, left ? ARCH_TRAMP_PARTIAL : last);
		}
	}
}

/* Jumps past the block where the displaced conditional branch is not taken. */
static void unless_taken(struct a64_gen *g, uint32_t label)
{
	struct a64_insn x;

	a64_decode(g->job->plan->orig, 4, &x);
	/* The branch itself, over the jump that is next. */
	if (x.cls == A64_BCOND || x.cls == A64_CBZ)
		emit(&g->e, (x.w & ~(0x7ffffu << 5)) | 2 << 5);
	else if (x.cls == A64_TBZ)
		emit(&g->e, (x.w & ~(0x3fffu << 5)) | 2 << 5);
	else
		g->why = "the instruction is no conditional branch";
	emit_b(&g->e, label);
}

void a64_block_emit(struct a64_gen *g, const struct a64_block *b)
{
	struct arch_tramp_frame frame;
	uint32_t end = emit_label(&g->e), done = emit_label(&g->e);

	make_frame(b, &frame);
	g->now = (struct arch_tramp_range){
		.phase = b->is_later ? ARCH_TRAMP_PARTIAL : ARCH_TRAMP_BEFORE,
		.frame = a64_frame_add(g, &frame),
		.call = b->call,
		.is_back = b->is_back,
	};
	a64_state(g);
	if (b->firings->taken_only)
		unless_taken(g, end);
	prologue(g, &frame);
	if (b->call && !b->is_back)
		a64_again_emit(g, done);
	gen_clauses(g, b, done);
	emit_place(&g->e, done);
	epilogue(g, &frame);
	emit_place(&g->e, end);
}

/* ---------------------------------------------------------------- copy -- */

/* How much a copy takes, so that the length does not depend on the distance. */
#define COPY_WORDS 8

static void gen_copy(struct a64_gen *g)
{
	const struct arch_patch_plan *p = g->job->plan;
	uint32_t words[ARCH_SLOT_MAX / 4];
	size_t n;

	n = arch_relocate(p->orig, 4, p->addr, g->base + emit_here(&g->e), (uint8_t *)words,
			  &g->why);
	if (!n || n > 4 * COPY_WORDS) {
		if (!g->why)
			g->why = "the displaced instruction can't be moved";
		return;
	}
	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_COPY };
	a64_state(g);
	for (size_t i = 0; i < COPY_WORDS; i++) {
		/* Calls of the job's go on where the copy has made one. */
		if (i == 1 && g->job->n_calls)
			emit_place(&g->e, g->behind);
		emit(&g->e, i < n / 4 ? words[i] : INS_NOP);
	}
}

/* --------------------------------------------------------------- build -- */

static const char *check_job(const struct arch_tramp_job *job)
{
	const struct arch_patch_plan *p = job->plan;
	const char *why;

	if (p->n_insns != 1)
		return "there is no plan";
	if (!job->anchor)
		return "there is no table of rings";
	for (uint32_t i = 0; i < job->n_firings; i++)
		if (job->firings[i].taken_only && wanted_stack(job->firings, job->n_firings))
			return "user stack where a conditional jump leaves a function";
	why = tramp_check_firings(job);
	return why || !job->n_calls ? why : a64_calls_check(job);
}

static void gen_all(struct a64_gen *g, struct arch_tramp *t)
{
	const struct arch_tramp_job *job = g->job;
	struct tramp_block b;

	g->behind = emit_label(&g->e);
	for (uint32_t i = 0; i < job->n_firings && !g->e.failed && !g->why; i = b.end) {
		struct a64_block block = { .firings = &job->firings[i] };

		b = tramp_next_block(job, i);
		block.n = b.end - b.first;
		block.is_later = b.is_later;
		block.has_more = b.has_more;
		a64_block_emit(g, &block);
	}
	if (job->n_calls)
		a64_calls_emit(g, t);
	t->copy[0] = emit_here(&g->e);
	if (!g->why)
		gen_copy(g);
	if (!g->why)
		a64_stubs_emit(g);
	if (!emit_finish(&g->e) && !g->why)
		g->why = "out of memory, or the trampoline is too large";
}

static void gen_deinit(struct a64_gen *g)
{
	emit_deinit(&g->e);
	tramp_notes_deinit(&g->notes);
	vec_deinit(&g->stubs);
}

const char *arch_tramp_build(const struct arch_tramp_job *job, uint64_t base, uint8_t *out,
			     size_t cap, struct arch_tramp *ret)
{
	_cleanup_(gen_deinit) struct a64_gen g = { .job = job, .base = base };
	const char *why = check_job(job);

	*ret = (struct arch_tramp){ .base = base, .common = job->common, .plan = *job->plan };
	if (why)
		return why;
	gen_all(&g, ret);
	if (g.why)
		return g.why;
	ret->len = emit_here(&g.e);
	if (!out || cap < ret->len)
		return arch_tramp_no_room;
	memcpy(out, g.e.code.items, ret->len);
	tramp_notes_hand_over(&g.notes, g.e.labels.items, ret);
	if (ret->n_calls)
		ret->behind_calls = g.e.labels.items[g.behind];
	return NULL;
}

/* -------------------------------------------------------------- lookup -- */

uint64_t arch_tramp_syscall(const struct arch_tramp *t, uint64_t pc)
{
	struct a64_insn x;

	if (pc != t->plan.addr + 4 || !a64_decode(t->plan.orig, 4, &x) || x.cls != A64_SVC)
		return 0;
	return t->base + t->copy[0] + 4; /* the copy starts with it */
}

uint64_t arch_tramp_caller(uint64_t common, const struct arch_regs *r, arch_read_fn *read,
			   void *arg)
{
	(void)read;
	(void)arg;
	return tramp_in_common(common, arch_pc(r)) ? r->w[A64_LR] : arch_pc(r);
}

/* -------------------------------------------------------------- unwind -- */

static void restore(struct arch_regs *r, unsigned word, uint64_t v)
{
	uint64_t *pstate = &r->w[A64_WORD_PSTATE];

	if (word < WORD_NZCV)
		r->w[word] = v;
	else if (word == WORD_NZCV)
		*pstate = (*pstate & ~A64_PSTATE_NZCV) | (v & A64_PSTATE_NZCV);
}

static bool restore_all(const struct arch_tramp *t, const struct arch_tramp_range *range,
			struct arch_regs *r, arch_read_fn *read, void *arg)
{
	const struct arch_tramp_frame *f = &t->frames[range->frame];
	uint64_t sp = arch_sp(r), v;

	for (unsigned i = 0; i < range->words && i < f->n; i++) {
		if (!read(arg, sp + 8 * i, &v))
			return false;
		restore(r, f->word[i], v);
	}
	arch_set_sp(r, sp + range->depth);
	return true;
}

/* Offset from the displaced instruction that pc, in its copy, is equal to; -1. */
static int64_t copy_place(const struct arch_tramp *t, uint64_t pc)
{
	const struct arch_patch_plan *p = &t->plan;
	uint64_t at = t->base + t->copy[0];
	uint8_t slot[ARCH_SLOT_MAX];
	size_t n = arch_relocate(p->orig, 4, p->addr, at, slot, NULL);

	return n ? arch_slot_to_orig(slot, n, 4, pc - at) : -1;
}

static bool is_conditional(const struct a64_insn *x)
{
	return x->cls == A64_BCOND || x->cls == A64_CBZ || x->cls == A64_TBZ;
}

static void see_copy(const struct arch_tramp *t, uint64_t pc, struct arch_tramp_place *ret)
{
	int64_t off = copy_place(t, pc);
	struct arch_insn insn;
	struct a64_insn x;

	/* The second branch of its copy: it was taken. */
	if (pc == t->base + t->copy[0] + 8 && a64_decode(t->plan.orig, 4, &x) &&
	    is_conditional(&x) && arch_insn_length(t->plan.orig, 4, t->plan.addr, &insn)) {
		ret->orig = insn.target;
		ret->phase = ARCH_TRAMP_LEAVING;
		return;
	}
	ret->orig = off < 0 ? 0 : t->plan.addr + (uint64_t)off;
	if (off == 4)
		ret->phase = ARCH_TRAMP_LEAVING;
}

bool arch_tramp_unwind(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read,
		       void *arg, struct arch_tramp_place *ret)
{
	uint64_t pc = arch_tramp_caller(t->common, r, read, arg);
	const struct arch_tramp_range *range;

	if (a64_slot_place(t, r, read, arg, ret))
		return true;
	if (pc - t->base >= t->len)
		return false;
	range = tramp_find_range(t, pc - t->base);
	if (!range || (range->words && !restore_all(t, range, r, read, arg)))
		return false;
	*ret = (struct arch_tramp_place){
		.phase = range->phase,
		.orig = t->plan.addr,
		.reserve = range->reserve,
	};
	if (range->call) {
		a64_call_place(t, range, r, ret);
		return true;
	}
	switch (range->phase) {
	case ARCH_TRAMP_BEFORE:
	case ARCH_TRAMP_PARTIAL: arch_set_pc(r, ret->orig); break;
	case ARCH_TRAMP_AFTER: arch_set_pc(r, t->base + t->copy[0]); break;
	default: arch_set_pc(r, pc); see_copy(t, pc, ret);
	}
	return true;
}
