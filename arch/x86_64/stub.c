/*
 * A record's place in the ring, and what is seldom needed: stubs.
 *
 * Taking the place is the protocol of record.h, steps 1 and 2.  Stubs stand
 * behind the trampoline's blocks, so that the common path is straight; each
 * says how the place it is reached from looks.
 */
#include "near.h"

#include <string.h>

/* Where the frame has the register, as an offset from rsp; -1: it is live. */
int32_t x64_saved_at(const struct x64_gen *g, unsigned word)
{
	const struct arch_tramp_frame *f;

	if (g->now.words == 0 || g->now.frame >= g->notes.frames.n)
		return -1;
	f = &g->notes.frames.items[g->now.frame];
	for (unsigned i = 0; i < f->n; i++)
		if (f->word[i] == word)
			return 8 * (f->n - 1 - (int32_t)i);
	return -1;
}

/* ------------------------------------------------------------- reserve -- */

/* Is this the first record that its firing leaves? */
static void gen_flags(struct x64_gen *g, const struct near_reserve *r)
{
	struct x64_asm *e = &g->e;
	int32_t at;

	if (!r->has_others) {
		emit_store32(e, X64_RECORD, REC(flags), DL_REC_FIRST);
		return;
	}
	at = x64_saved_at(g, WORD_FIRST);
	emit_rm(e, OP_MOV, RAX, RSP, at);
	EMIT(e, 0x41, 0x89, 0x43, REC(flags)); /* mov %eax, flags(%r11) */
	emit_store64(e, RSP, at, 0);
}

/* The raw counter into the record. */
static void gen_time(struct x64_gen *g)
{
	struct x64_asm *e = &g->e;
	struct x64_stub s = {
		.kind = STUB_TSC, .label = emit_label(e), .next = emit_label(e), .state = g->now
	};
	x64_stub(g, &s);
	x64_fixup(g, s.label);
	EMIT(e, 0x0f, 0x31); /* rdtsc */
	emit_place(e, s.next);
	EMIT(e, 0x48, 0xc1, 0xe2, 32); /* shl $32, %rdx */
	emit_rr(e, OP_OR, RAX, RDX);
	emit_store(e, X64_RECORD, REC(time), RAX);
}

void x64_reserve_emit(struct x64_gen *g, const struct near_reserve *r)
{
	struct x64_asm *e = &g->e;
	uint32_t check = emit_label(e), again = emit_label(e);
	struct x64_stub full = { .kind = STUB_FULL,
				 .label = emit_label(e),
				 .next = check,
				 .reserve = *r,
				 .state = g->now };

	if (r->stack)
		x64_stack_check(g, r->stack, r->skip);
	x64_stub(g, &full);
	emit_place(e, check);
	emit_gs(e, OP_MOV, RAX, RING(head));
	emit_place(e, again);
	emit_rm(e, OP_LEA, RDX, RAX, (int32_t)r->need);
	emit_gs(e, OP_CMP, RDX, RING(limit));
	emit_jcc(e, CC_A, full.label);
	emit_gs(e, 0x0fb1, RDX, RING(head)); /* cmpxchg: rax is head, or becomes it */
	g->now.reserve = r->need;
	x64_state(g);
	emit_jcc(e, CC_NE, again);
	if (r->varies)
		emit_rr(e, OP_MOV, RDX, RAX);
	emit_gs(e, OP_AND, RAX, RING(mask));
	emit_gs(e, OP_MOV, X64_RECORD, RING(data));
	emit_rr(e, OP_ADD, X64_RECORD, RAX);
	if (r->varies) {
		/* Working values, in words that get their own at the end. */
		EMIT(e, 0x41, 0x89, 0x53, REC(epid)); /* mov %edx, epid(%r11) */
		emit_store32(e, X64_RECORD, REC(n_slots), r->start);
	}
	gen_flags(g, r);
	gen_time(g);
	/* faults is zero: all free space is. */
}

/* --------------------------------------------------------------- stubs -- */

static void state_set(struct x64_gen *g, const struct arch_tramp_range *state)
{
	g->now = *state;
	x64_state(g);
}

/* Back to how the stub was reached, if it saved rax itself. */
static void leave_full(struct x64_gen *g, bool bare)
{
	if (!bare)
		return;
	emit_pop(&g->e, RAX);
	g->now.depth -= 8;
	x64_state(g);
	emit_rm(&g->e, OP_LEA, RSP, RSP, RED_ZONE);
	g->now.depth = g->now.words = 0;
	x64_state(g);
}

#define SYS_FUTEX 202 /* which the filters of sandboxed programs rarely refuse */
#define SLEEP_NS 100000u
/* What the call changes, and takes, besides rax. */
static const uint8_t slept[] = { RCX, R11, RDI, RSI, RDX, R10 };

/* The words saved now, and those of slept[] (what is saved already is only kept). */
static void sleep_frame(struct x64_gen *g)
{
	struct arch_tramp_frame f = g->notes.frames.items[g->now.frame];

	f.n = g->now.words;
	for (unsigned i = 0; i < sizeof(slept) && f.n < ARCH_FRAME_WORDS; i++)
		f.word[f.n++] = x64_saved_at(g, slept[i]) < 0 ? slept[i] : WORD_FIRST;
	g->now.frame = x64_frame_add(g, &f);
}

/*
 * Sleeps a little, until the control word changes at most: unlike the trap, it
 * does no harm to a thread whose tracer dies meanwhile, and the tracer can
 * drain without stopping anybody.
 */
static void gen_sleep(struct x64_gen *g, bool bare, uint32_t next)
{
	static const uint32_t time[4] = { 0, 0, SLEEP_NS, 0 }; /* struct timespec */
	struct x64_asm *e = &g->e;
	uint32_t use, at;

	sleep_frame(g);
	for (unsigned i = 0; i < sizeof(slept); i++) {
		emit_push(e, slept[i]);
		g->now.depth += 8;
		g->now.words++;
		x64_state(g);
	}
	emit_gs(e, OP_MOV, RDI, RING(control));
	EMIT(e, 0x4c, 0x8d, 0x15); /* lea time(%rip), %r10 */
	use = emit_here(e);
	emit32(e, 0);
	EMIT(e, 0x31, 0xf6, 0xba); /* xor %esi, %esi (FUTEX_WAIT); mov $.., %edx */
	emit32(e, ARCH_CONTROL_SLEEP);
	emit_byte(e, 0xb8); /* mov $.., %eax */
	emit32(e, SYS_FUTEX);
	EMIT(e, 0x0f, 0x05); /* syscall */
	for (unsigned i = sizeof(slept); i-- > 0;) {
		emit_pop(e, slept[i]);
		g->now.depth -= 8;
		g->now.words--;
		x64_state(g);
	}
	leave_full(g, bare);
	emit_jmp(e, next);
	at = emit_here(e);
	emit_bytes(e, (const uint8_t *)time, sizeof(time));
	if (!e->failed) {
		uint32_t rel = at - (use + 4);

		memcpy(&e->code.items[use], &rel, sizeof(rel));
	}
}

/* The control word: wait for the tracer, then try again, or count a drop. */
static void stub_full(struct x64_gen *g, const struct x64_stub *s)
{
	struct x64_asm *e = &g->e;
	uint32_t wait = emit_label(e), rest = emit_label(e);
	struct arch_tramp_range asked;
	struct arch_tramp_pair trap;
	bool bare = x64_saved_at(g, RAX) < 0; /* a block that saves nothing */

	if (bare) {
		EMIT(e, 0x48, 0x8d, 0x64, 0x24, 0x100 - RED_ZONE);
		g->now.depth = RED_ZONE;
		x64_state(g);
		emit_push(e, RAX);
		g->now.depth += 8;
		g->now.words = 1;
		g->now.frame = 0; /* frame 0 is just rax */
		x64_state(g);
	}
	asked = g->now;
	emit_gs(e, OP_MOV, RAX, RING(control));
	EMIT(e, 0x8b, 0x00, 0x83, 0xf8, ARCH_CONTROL_WAIT); /* mov (%rax), %eax; cmp $.., %eax */
	emit_jcc(e, CC_E, wait);
	EMIT(e, 0x83, 0xf8, ARCH_CONTROL_SLEEP); /* cmp $.., %eax */
	emit_jcc(e, CC_E, rest);
	leave_full(g, bare);
	EMIT(e, 0x65, 0x48, 0xff, 0x04, 0x25); /* incq %gs:drops */
	emit32(e, RING(drops));
	emit_jmp(e, s->reserve.skip);
	emit_place(e, wait);
	state_set(g, &asked);
	leave_full(g, bare);
	trap = (struct arch_tramp_pair){ emit_here(e), s->next };
	if (!vec_push(&g->notes.traps, trap))
		e->failed = true;
	emit_byte(e, 0xcc);
	emit_jmp(e, s->next);
	emit_place(e, rest);
	state_set(g, &asked);
	gen_sleep(g, bare, s->next);
}

static void stub_mark(struct x64_gen *g, const struct x64_stub *s)
{
	struct x64_asm *e = &g->e;

	if (s->kind == STUB_LOAD && s->slot >= 0)
		emit_rm(e, OP_LEA, RAX, s->base, s->disp);
	if (s->kind == STUB_ARG)
		emit_const(e, s->reg, 0);
	if (s->slot >= 0) {
		emit_store(e, X64_RECORD, SLOT(s->slot), RAX);
		/* btsq $slot, faults(%r11) */
		EMIT(e, 0x49, 0x0f, 0xba, 0x6b, REC(faults), (unsigned)s->slot);
	}
	emit_jmp(e, s->next);
}

static void stub_emit(struct x64_gen *g, const struct x64_stub *s)
{
	struct x64_asm *e = &g->e;

	g->now = s->state;
	emit_place(e, s->label);
	x64_state(g);
	switch (s->kind) {
	case STUB_LOAD:
	case STUB_ARG:
	case STUB_MARK: stub_mark(g, s); break;
	case STUB_FULL:
	case STUB_CELL: stub_full(g, s); break;
	case STUB_DEEP: x64_stub_deep(g, s); break;
	case STUB_TSC:
		emit_const(e, RAX, ARCH_NO_TIME);
		emit_const(e, RDX, 0);
		emit_jmp(e, s->next);
		break;
	case STUB_CLOCK:
		emit_byte(e, 0x65); /* mov %gs:raw(%rcx), %rax */
		emit_rm(e, OP_MOV, RAX, RCX, RING(clock0.raw));
		emit_jmp(e, s->next);
		break;
	case STUB_RESERVE:
		x64_reserve_emit(g, &s->reserve);
		emit_jmp(e, s->next);
		break;
	case STUB_CLAUSE:
		x64_near_record(g, s->firing, s->clause, s->reserve, s->done);
		emit_jmp(e, s->next);
		break;
	}
}

void x64_stubs_emit(struct x64_gen *g)
{
	for (size_t i = 0; i < g->stubs.n && !g->e.failed; i++) {
		struct x64_stub s = g->stubs.items[i];

		stub_emit(g, &s);
	}
}
