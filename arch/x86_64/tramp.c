/*
 * Trampolines: putting one together, and looking out of one.
 *
 *	block		firings at the first displaced instruction (near.h)
 *	copy		the displaced instruction, made to work here
 *	block, copy ...
 *	jump		to behind the last displaced instruction
 *	stubs
 *
 * While code is made, ranges are noted: from which offset on which words are
 * saved, how far rsp is from where the program had it, and how much of the
 * firing is done.  Unwinding is reading the range of a pc.  No other state is
 * needed, since words are saved at fixed places below the red zone and stay
 * readable after they were popped, until the range says otherwise.
 */
#include "near.h"

#include <stdlib.h>
#include <sys/user.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))

/* Frame 0 is for stubs of blocks that save nothing else. */
#define FRAME_RAX 0

/* --------------------------------------------------------------- notes -- */

void x64_state(struct x64_gen *g)
{
	g->now.off = emit_here(&g->e);
	if (!tramp_note_range(&g->notes, &g->now))
		g->e.failed = true;
}

void x64_fixup(struct x64_gen *g, uint32_t label)
{
	if (!tramp_note_fixup(&g->notes, emit_here(&g->e), label))
		g->e.failed = true;
}

void x64_stub(struct x64_gen *g, const struct x64_stub *s)
{
	if (!vec_push(&g->stubs, *s))
		g->e.failed = true;
}

uint8_t x64_frame_add(struct x64_gen *g, const struct arch_tramp_frame *f)
{
	uint8_t frame = 0;

	if (!tramp_note_frame(&g->notes, f, &frame))
		g->e.failed = true;
	return frame;
}

/* --------------------------------------------------------------- block -- */

/* A system call leaves nothing in these, and takes nothing from them. */
#define CALL_SCRATCH (1u << RCX | 1u << R11)

static void make_frame(const struct x64_block *b, struct arch_tramp_frame *f)
{
	uint32_t uses = 0;
	bool first = false;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct arch_tramp_firing *fi = &b->firings[i];

		first = first || tramp_needs_first(fi);
		for (uint32_t k = 0; k < fi->n_clauses; k++)
			uses |= x64_near_uses(fi, &fi->clauses[k]);
	}
	f->n = 0;
	if (b->flags_live || first)
		uses |= 1u << RAX;
	if (b->call)
		uses &= ~CALL_SCRATCH;
	for (unsigned r = 0; r < 16; r++)
		if (uses & 1u << r)
			f->word[f->n++] = (uint8_t)r;
	if (uses & USES_RFLAGS)
		f->word[f->n++] = WORD_PUSHFQ;
	else if (b->flags_live)
		f->word[f->n++] = WORD_LAHF;
	for (unsigned room = near_room(b->firings, b->n); room; room--)
		f->word[f->n++] = WORD_ROOM;
	if (first)
		f->word[f->n++] = WORD_FIRST;
}

static void push_word(struct x64_gen *g, unsigned word)
{
	struct x64_asm *e = &g->e;

	switch (word) {
	case WORD_LAHF:
		EMIT(e, 0x9f, 0x0f, 0x90, 0xc0); /* lahf; seto %al */
		emit_push(e, RAX);
		break;
	case WORD_PUSHFQ: emit_byte(e, 0x9c); break;
	case WORD_FIRST: EMIT(e, 0x6a, DL_REC_FIRST); break;
	case WORD_ROOM: EMIT(e, 0x6a, 0); break;
	default: emit_push(e, word);
	}
	g->now.depth += 8;
	g->now.words++;
	x64_state(g);
}

static void pop_word(struct x64_gen *g, unsigned word)
{
	struct x64_asm *e = &g->e;

	g->now.depth -= 8;
	switch (word) {
	case WORD_LAHF:
		emit_pop(e, RAX);
		x64_state(g);
		EMIT(e, 0x04, 0x7f, 0x9e); /* add $0x7f, %al: overflow if it is 1; sahf */
		break;
	case WORD_PUSHFQ: emit_byte(e, 0x9d); break;
	case WORD_FIRST:
	case WORD_ROOM: emit_rm(e, OP_LEA, RSP, RSP, 8); break;
	default: emit_pop(e, word);
	}
	x64_state(g);
}

static void prologue(struct x64_gen *g, const struct arch_tramp_frame *f)
{
	if (f->n == 0)
		return;
	EMIT(&g->e, 0x48, 0x8d, 0x64, 0x24, 0x100 - RED_ZONE);
	g->now.depth = RED_ZONE;
	x64_state(g);
	for (unsigned i = 0; i < f->n; i++)
		push_word(g, f->word[i]);
}

static void epilogue(struct x64_gen *g, const struct arch_tramp_frame *f)
{
	if (f->n == 0)
		return;
	for (unsigned i = f->n; i-- > 0;)
		pop_word(g, f->word[i]);
	emit_rm(&g->e, OP_LEA, RSP, RSP, RED_ZONE);
	g->now.depth = g->now.words = 0;
	x64_state(g);
}

static uint32_t count_clauses(const struct x64_block *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n; i++)
		n += b->firings[i].n_clauses;
	return n;
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

static void gen_clauses(struct x64_gen *g, const struct x64_block *b, bool has_word, uint32_t end)
{
	enum arch_tramp_phase last = b->has_more ? ARCH_TRAMP_PARTIAL : ARCH_TRAMP_AFTER;
	uint32_t n = count_clauses(b), left = n, stack = wanted_stack(b->firings, b->n);

	/* A stop must come before anything is left; a single clause has its predicate first. */
	if (stack && n > 1)
		x64_stack_check(g, stack, end);

	for (uint32_t i = 0; i < b->n; i++) {
		const struct arch_tramp_firing *f = &b->firings[i];
		struct near_reserve r = { .has_others = tramp_needs_first(f) };

		if (n == 1)
			r.stack = stack;

		/* Each firing has its own first record. */
		if (has_word && r.has_others && i)
			emit_store64(&g->e, RSP, 0, DL_REC_FIRST);
		for (uint32_t k = 0; k < f->n_clauses; k++) {
			left--;
			x64_near_clause(g, f, &f->clauses[k], r, left ? ARCH_TRAMP_PARTIAL : last);
		}
	}
}

/* Jumps past the block where the displaced conditional jump is not taken. */
static void unless_taken(struct x64_gen *g, unsigned insn, uint32_t label)
{
	const struct arch_patch_plan *p = g->job->plan;
	struct x64_insn x;

	if (!x64_decode(p->orig + p->insn[insn], ARCH_PATCH_MAX - p->insn[insn], &x) ||
	    x.form != X64_LEGACY ||
	    !((x.map == 0 && (x.op & 0xf0) == 0x70) || (x.map == 1 && (x.op & 0xf0) == 0x80))) {
		g->why = "the jump's condition is not one of flags";
		return;
	}
	emit_jcc(&g->e, (x.op & 15) ^ 1, label);
}

void x64_block_emit(struct x64_gen *g, const struct x64_block *b)
{
	struct arch_tramp_frame frame;
	uint32_t end = emit_label(&g->e), done = emit_label(&g->e);
	bool has_word;

	make_frame(b, &frame);
	has_word = frame.n && frame.word[frame.n - 1] == WORD_FIRST;
	g->now = (struct arch_tramp_range){
		.phase = b->is_later ? ARCH_TRAMP_PARTIAL : ARCH_TRAMP_BEFORE,
		.insn = b->insn,
		.frame = x64_frame_add(g, &frame),
		.call = b->call,
		.is_back = b->is_back,
	};
	x64_state(g);
	if (b->firings->taken_only)
		unless_taken(g, b->insn, end);
	prologue(g, &frame);
	gen_clauses(g, b, has_word, done);
	emit_place(&g->e, done);
	epilogue(g, &frame);
	emit_place(&g->e, end);
}

/* ---------------------------------------------------------------- copy -- */

static bool ends_in_next_jump(enum arch_flow flow)
{
	return flow == ARCH_FLOW_NEXT || flow == ARCH_FLOW_COND || flow == ARCH_FLOW_SYSCALL;
}

/*
 * A displaced jump to another displaced instruction: to its copy, as there is
 * no original to go to.  A jump to the patch's first byte is left as it is.
 */
static void lead_inside(struct x64_gen *g, const struct arch_insn *insn, uint32_t at,
			const uint32_t *labels)
{
	const struct arch_patch_plan *p = g->job->plan;
	struct x64_use use = { 0 };

	if (insn->flow != ARCH_FLOW_JUMP && insn->flow != ARCH_FLOW_COND)
		return;
	for (unsigned k = 1; k < p->n_insns; k++) {
		if (insn->target != p->addr + p->insn[k])
			continue;
		/* jmp or jcc with 4 bytes, by arch_relocate(); loops are not planned. */
		if (g->e.failed || g->e.code.n < at + 5)
			return;
		use.at = at + (g->e.code.items[at] == 0x0f ? 2 : 1);
		use.label = labels[k];
		if (!vec_push(&g->e.uses, use))
			g->e.failed = true;
		return;
	}
}

static void gen_copy(struct x64_gen *g, unsigned k, const uint32_t *labels)
{
	const struct arch_patch_plan *p = g->job->plan;
	uint64_t pc = p->addr + p->insn[k], at = g->base + emit_here(&g->e);
	size_t len = (size_t)p->insn[k + 1] - p->insn[k], n;
	bool is_last = k + 1 == p->n_insns;
	uint8_t slot[ARCH_SLOT_MAX];
	struct arch_insn insn;
	uint32_t start = emit_here(&g->e);

	n = arch_relocate(p->orig + p->insn[k], len, pc, at, slot, &g->why);
	if (!n || !arch_insn_length(p->orig + p->insn[k], len, pc, &insn)) {
		if (!g->why)
			g->why = "a displaced instruction can't be moved";
		return;
	}
	if (insn.flow != ARCH_FLOW_NEXT && insn.flow != ARCH_FLOW_COND &&
	    insn.flow != ARCH_FLOW_SYSCALL && !is_last) {
		g->why = "a displaced instruction does not lead to the next";
		return;
	}
	if (ends_in_next_jump(insn.flow)) {
		/* jmp next, made here once for them all */
		if (n < 5 || slot[n - 5] != 0xe9) {
			g->why = "the trampoline is out of reach of the site";
			return;
		}
		n -= 5;
		if (insn.is_nop)
			n = 0;
	}
	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_COPY, .insn = (uint8_t)k };
	/* Where calls are dispatched this one is not made, but begins anew. */
	if (g->job->plain_slot) {
		g->now.phase = ARCH_TRAMP_BEFORE;
		n = len;
	}
	x64_state(g);
	emit_bytes(&g->e, slot, n);
	lead_inside(g, &insn, start, labels);
	if (!is_last || !ends_in_next_jump(insn.flow))
		return;
	g->now.phase = ARCH_TRAMP_LEAVING;
	x64_state(g);
	if (k == p->site_insn && g->job->n_calls)
		emit_place(&g->e, g->behind);
	emit_byte(&g->e, 0xe9);
	emit32(&g->e, (uint32_t)(p->addr + p->insn[k + 1] - (g->base + emit_here(&g->e) + 4)));
}

/* --------------------------------------------------------------- build -- */

static struct x64_block next_block(const struct arch_tramp_job *job, uint32_t i)
{
	struct tramp_block b = tramp_next_block(job, i);
	const struct arch_tramp_firing *f = &job->firings[i];

	return (struct x64_block){
		.firings = f,
		.n = b.end - b.first,
		.insn = f->insn,
		.is_later = b.is_later,
		.has_more = b.has_more,
		.flags_live = !(job->plan->flags_dead & 1u << f->insn),
	};
}

static const char *check_job(const struct arch_tramp_job *job)
{
	const struct arch_patch_plan *p = job->plan;
	const char *why;

	if (p->n_insns == 0 || p->n_insns > ARCH_DISPLACED_MAX)
		return "there is no plan";
	for (uint32_t i = 0; i < job->n_firings; i++)
		if (job->firings[i].taken_only && wanted_stack(job->firings, job->n_firings))
			return "user stack where a conditional jump leaves a function";
	why = tramp_check_firings(job);
	return why || (!job->n_calls && !job->plain_slot) ? why : x64_calls_check(job);
}

static void gen_all(struct x64_gen *g, struct arch_tramp *t)
{
	const struct arch_tramp_frame rax = { .n = 1, .word = { RAX } };
	const struct arch_patch_plan *p = g->job->plan;
	uint32_t labels[ARCH_DISPLACED_MAX] = { 0 }, i = 0;

	x64_frame_add(g, &rax);
	for (unsigned k = 0; k < p->n_insns; k++)
		labels[k] = emit_label(&g->e);
	g->behind = p->site_insn + 1 < p->n_insns ? labels[p->site_insn + 1] : emit_label(&g->e);
	for (unsigned k = 0; k < p->n_insns && !g->e.failed && !g->why; k++) {
		emit_place(&g->e, labels[k]);
		t->arrival[k] = emit_here(&g->e);
		while (i < g->job->n_firings && g->job->firings[i].insn == k) {
			struct x64_block b = next_block(g->job, i);

			x64_block_emit(g, &b);
			i += b.n;
		}
		if (k == p->site_insn && g->job->n_calls)
			x64_calls_emit(g, t);
		if (k == p->site_insn && g->job->plain_slot)
			x64_plain_emit(g);
		t->copy[k] = emit_here(&g->e);
		gen_copy(g, k, labels);
	}
	if (!g->why)
		x64_stubs_emit(g);
	if (!emit_finish(&g->e) && !g->why)
		g->why = "out of memory, or the trampoline is too large";
}

static void gen_deinit(struct x64_gen *g)
{
	emit_deinit(&g->e);
	tramp_notes_deinit(&g->notes);
	vec_deinit(&g->stubs);
}

const char *arch_tramp_build(const struct arch_tramp_job *job, uint64_t base, uint8_t *out,
			     size_t cap, struct arch_tramp *ret)
{
	_cleanup_(gen_deinit) struct x64_gen g = { .job = job, .base = base };
	const char *why = check_job(job);

	*ret = (struct arch_tramp){
		.base = base,
		.common = job->common,
		.plan = *job->plan,
		.plain_slot = job->plain_slot,
	};
	if (why)
		return why;
	gen_all(&g, ret);
	if (g.why)
		return g.why;
	ret->len = (uint32_t)g.e.code.n;
	if (!out || cap < g.e.code.n)
		return arch_tramp_no_room;
	memcpy(out, g.e.code.items, g.e.code.n);
	tramp_notes_hand_over(&g.notes, g.e.labels.items, ret);
	if (ret->n_calls)
		ret->behind_calls = g.e.labels.items[g.behind];
	return NULL;
}

/* -------------------------------------------------------------- lookup -- */

uint64_t arch_tramp_syscall(const struct arch_tramp *t, uint64_t pc)
{
	const struct arch_patch_plan *p = &t->plan;
	struct arch_insn insn;

	for (unsigned k = 0; k < p->n_insns; k++) {
		size_t len = (size_t)p->insn[k + 1] - p->insn[k];

		if (pc == p->addr + p->insn[k + 1] &&
		    arch_insn_length(p->orig + p->insn[k], len, p->addr + p->insn[k], &insn) &&
		    insn.flow == ARCH_FLOW_SYSCALL)
			return t->base + t->copy[k] + len; /* the copy starts with it */
	}
	return 0;
}

uint64_t arch_tramp_caller(uint64_t common, const struct arch_regs *r, arch_read_fn *read,
			   void *arg)
{
	uint64_t pc = arch_pc(r), caller;

	if (!tramp_in_common(common, pc))
		return pc;
	return read(arg, arch_sp(r), &caller) ? caller : 0;
}

/* -------------------------------------------------------------- unwind -- */

/* Numbers of instructions -> words of struct arch_regs. */
static const uint8_t word_of[16] = {
	WORD(rax), WORD(rcx), WORD(rdx), WORD(rbx), WORD(rsp), WORD(rbp), WORD(rsi), WORD(rdi),
	WORD(r8),  WORD(r9),  WORD(r10), WORD(r11), WORD(r12), WORD(r13), WORD(r14), WORD(r15),
};

#define FLAGS_LAHF 0xd5u /* SF ZF AF PF CF */
#define FLAG_OF 0x800u

static void restore(struct arch_regs *r, unsigned word, uint64_t v)
{
	uint64_t *flags = &r->w[WORD(eflags)];

	if (word < 16)
		r->w[word_of[word]] = v;
	else if (word == WORD_LAHF)
		*flags = (*flags & ~(uint64_t)(FLAGS_LAHF | FLAG_OF)) | (v >> 8 & FLAGS_LAHF) |
			 (v & 1 ? FLAG_OF : 0);
	else if (word == WORD_PUSHFQ)
		*flags = v;
}

static bool restore_all(const struct arch_tramp *t, const struct arch_tramp_range *range,
			struct arch_regs *r, arch_read_fn *read, void *arg)
{
	const struct arch_tramp_frame *f = &t->frames[range->frame];
	uint64_t sp = arch_sp(r) + range->depth, v;

	for (unsigned i = 0; i < range->words && i < f->n; i++) {
		if (!read(arg, sp - RED_ZONE - 8 * (i + 1), &v))
			return false;
		restore(r, f->word[i], v);
	}
	arch_set_sp(r, sp);
	return true;
}

/* Inside the copy of instruction k: the address in the original that is equal. */
static uint64_t copy_place(const struct arch_tramp *t, unsigned k, uint64_t pc)
{
	const struct arch_patch_plan *p = &t->plan;
	uint64_t at = t->base + t->copy[k];
	uint8_t slot[ARCH_SLOT_MAX];
	size_t len = (size_t)p->insn[k + 1] - p->insn[k], n;
	int64_t off;

	n = arch_relocate(p->orig + p->insn[k], len, p->addr + p->insn[k], at, slot, NULL);
	off = n ? arch_slot_to_orig(slot, n, len, pc - at) : -1;
	return off < 0 ? 0 : p->addr + p->insn[k] + (uint64_t)off;
}

bool arch_tramp_unwind(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read,
		       void *arg, struct arch_tramp_place *ret)
{
	uint64_t pc = arch_tramp_caller(t->common, r, read, arg);
	const struct arch_tramp_range *range;

	if (x64_slot_place(t, r, ret))
		return true;
	/* A return address is behind its call, where everything is as in it. */
	if (pc && pc != arch_pc(r))
		arch_set_sp(r, arch_sp(r) + 8);
	if (pc - t->base >= t->len)
		return false;
	range = tramp_find_range(t, pc - t->base);
	if (!range || !restore_all(t, range, r, read, arg))
		return false;
	/* No call of the program's own is under way there (a sleep of ours may be). */
	if (range->phase == ARCH_TRAMP_BEFORE || range->phase == ARCH_TRAMP_PARTIAL)
		r->w[WORD(orig_rax)] = UINT64_MAX;
	*ret = (struct arch_tramp_place){
		.phase = range->phase,
		.orig = t->plan.addr + t->plan.insn[range->insn],
		.reserve = range->reserve,
	};
	if (range->call) {
		x64_call_place(t, range, r, ret);
		return true;
	}
	switch (range->phase) {
	case ARCH_TRAMP_BEFORE:
	case ARCH_TRAMP_PARTIAL: arch_set_pc(r, ret->orig); break;
	case ARCH_TRAMP_AFTER: arch_set_pc(r, t->base + t->copy[range->insn]); break;
	case ARCH_TRAMP_COPY:
		arch_set_pc(r, pc);
		ret->orig = copy_place(t, range->insn, pc);
		break;
	default:
		ret->orig = t->plan.addr + t->plan.insn[range->insn + 1];
		/* With a hop that is as it was, and nothing is left to do. */
		if (t->plan.tactic == ARCH_TACTIC_HOP)
			ret->stage = ARCH_CALL_PLAIN;
		arch_set_pc(r, pc);
	}
	return true;
}
