/*
 * System calls that trampolines make: the way to a call's slot and back, and
 * looking out of them.  See record.h.
 *
 *	sub x8, x8, #nr		is it this number?  In the register itself, since the
 *	cbnz w8, next		call overwrites none but x0, and the flags stay
 *	add x8, x8, #nr
 *	block			was it recorded before it was interrupted?  Else the
 *				clauses at the entry
 *	str x16, [sp, #-16]!
 *	mov x16, slot; br x16
 * slot:
 *	ldr x16, [sp], #16
 *	svc #0
 *	str x16, [sp, #-16]!
 *	ldr x16, back; br x16
 * back:
 *	ldr x16, [sp], #16
 *	block			the clauses at the return
 *	b behind
 * next:
 *	add x8, x8, #nr
 *
 * The kernel may restart the call in its slot: all its registers are there, and
 * nothing of ours is on the stack.  It winds back to the svc before a stop for a
 * signal shows, so there it can't be told whether the call was made yet
 * (ARCH_CALL_UNDECIDED).
 */
#include "near.h"

#include <sys/syscall.h>

#define SCRATCH 16u
#define NR 8u /* the register with the number */
#define SAVED 16 /* bytes of the stack for x16 */

/* Words of a slot. */
#define AT_SVC 4
#define AT_BACK 8
#define AT_LITERAL 24
#define BEHIND_CODE 20

const bool arch_has_calls = true;
const bool arch_has_hops = false;

bool arch_call_stays(unsigned nr)
{
	switch (nr) {
	case SYS_clone:
	case SYS_clone3:
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_restart_syscall:
	case SYS_prctl:
	case SYS_seccomp:
	case SYS_rseq:
	case SYS_ptrace: return true;
	default: return false;
	}
}

/* ---------------------------------------------------------------- code -- */

const char *a64_calls_check(const struct arch_tramp_job *job)
{
	const struct arch_patch_plan *p = job->plan;
	const char *why = NULL;
	struct a64_insn x;

	if (job->n_calls > ARCH_TRAMP_CALLS)
		return "too many system calls at one place";
	if (p->addr != p->site || !a64_decode(p->orig, 4, &x) || x.cls != A64_SVC)
		return "the patch does not start with the system call";
	for (uint32_t i = 0; i < job->n_calls && !why; i++) {
		if (job->calls[i].nr > EMIT_ADD_MAX)
			return "the system call's number is too large";
		if (job->calls[i].slot - ARCH_CALLS > ARCH_CALLS_BYTES - ARCH_SLOT_CALL)
			return "the system call has no place";
		why = near_refuse_any(&job->calls[i].entry);
		if (!why)
			why = near_refuse_any(&job->calls[i].exit);
	}
	return why;
}

static void gen_side(struct a64_gen *g, const struct arch_tramp_firing *f, uint8_t call,
		     bool is_back)
{
	struct a64_block b = { .firings = f, .n = 1, .call = call, .is_back = is_back };

	/* Before the call also to take back what the ring says of it. */
	if (f->n_clauses || !is_back)
		a64_block_emit(g, &b);
}

void a64_again_emit(struct a64_gen *g, uint32_t done)
{
	struct a64_asm *e = &g->e;
	struct a64_stub s = {
		.kind = STUB_AGAIN, .label = emit_label(e), .next = done, .state = g->now
	};

	s.state.phase = ARCH_TRAMP_AFTER;
	a64_stub(g, &s);
	a64_find_ring(g);
	emit_mem(e, LDRX, X(0), A64_RING, RING(again));
	emit_addi(e, X(1), SP, g->now.depth);
	emit_rrr(e, OP_ADD, X(0), X(0), X(1));
	emit_const(e, X(1), (uint64_t)(int64_t)(int32_t)(uint32_t)g->job->plan->site);
	emit_rrr(e, OP_ADD, X(0), X(0), X(1));
	emit_cbz(e, X(0), s.label);
}

void a64_stub_again(struct a64_gen *g, const struct a64_stub *s)
{
	emit_mem(&g->e, STRX, XZR, A64_RING, RING(again));
	emit_b(&g->e, s->next);
}

/* What follows is a call's, with x16 on the stack or not. */
static void set_state(struct a64_gen *g, uint8_t call, enum arch_tramp_phase phase, bool is_back,
		      bool is_saved)
{
	static const struct arch_tramp_frame scratch = { .n = 1, .word = { SCRATCH } };

	g->now = (struct arch_tramp_range){ .phase = (uint8_t)phase,
					    .call = call,
					    .is_back = is_back };
	if (is_saved) {
		g->now.frame = a64_frame_add(g, &scratch);
		g->now.depth = SAVED;
		g->now.words = 1;
	}
	a64_state(g);
}

static void set_asking(struct a64_gen *g, uint8_t call, bool is_asking)
{
	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_BEFORE,
					    .call = call,
					    .is_asking = is_asking };
	a64_state(g);
}

static void gen_call(struct a64_gen *g, struct arch_tramp *t, uint32_t i)
{
	const struct arch_tramp_call *c = &g->job->calls[i];
	uint8_t call = (uint8_t)(i + 1);
	struct a64_asm *e = &g->e;
	uint32_t next = emit_label(e);

	set_asking(g, call, false);
	emit_addi(e, NR, NR, -(int)c->nr);
	set_asking(g, call, true);
	emit_to(e, 0x35000000 | NR, next); /* cbnz w: only the low half is the number */
	emit_addi(e, NR, NR, (int)c->nr);
	set_asking(g, call, false);
	gen_side(g, &c->entry, call, false);
	set_state(g, call, ARCH_TRAMP_COPY, false, false);
	emit(e, INS_PUSH | SCRATCH);
	set_state(g, call, ARCH_TRAMP_COPY, false, true);
	emit_const(e, SCRATCH, c->slot);
	emit(e, INS_BR | SCRATCH << 5);
	t->calls[i].nr = c->nr;
	t->calls[i].slot = c->slot;
	t->calls[i].back = emit_here(e);
	set_state(g, call, ARCH_TRAMP_BEFORE, true, true);
	emit(e, INS_POP | SCRATCH);
	set_state(g, call, ARCH_TRAMP_BEFORE, true, false);
	gen_side(g, &c->exit, call, true);
	set_state(g, call, ARCH_TRAMP_AFTER, true, false);
	emit_b(e, g->behind);
	emit_place(e, next);
	set_asking(g, call, true);
	emit_addi(e, NR, NR, (int)c->nr);
}

void a64_calls_emit(struct a64_gen *g, struct arch_tramp *t)
{
	t->n_calls = g->job->n_calls;
	for (uint32_t i = 0; i < g->job->n_calls && !g->e.failed; i++)
		gen_call(g, t, i);
}

void arch_call_slot(const struct arch_tramp *t, uint32_t i, uint8_t out[ARCH_SLOT_CALL])
{
	static const uint32_t code[] = {
		INS_POP | SCRATCH,
		INS_SVC,
		INS_PUSH | SCRATCH,
		0x58000000 | (AT_LITERAL - 12) << 3 | SCRATCH, /* ldr x16, [back] */
		INS_BR | SCRATCH << 5,
		INS_NOP,
	};
	uint64_t back = t->base + t->calls[i].back;

	_Static_assert(sizeof(code) == AT_LITERAL && sizeof(code) + 8 == ARCH_SLOT_CALL, "a slot");
	memcpy(out, code, sizeof(code));
	memcpy(out + AT_LITERAL, &back, sizeof(back));
}

/* -------------------------------------------------------------- places -- */

int arch_call_at(const struct arch_tramp *t, uint64_t pc)
{
	for (uint32_t i = 0; i < t->n_calls; i++)
		if (pc - t->calls[i].slot < ARCH_SLOT_CALL)
			return (int)i;
	return -1;
}

void arch_plain_slot(const uint8_t *code, uint64_t back, uint8_t out[ARCH_SLOT_CALL])
{
	(void)code;
	(void)back;
	__builtin_memset(out, 0, ARCH_SLOT_CALL);
}

void arch_bell_code(uint8_t out[ARCH_BELL_BYTES])
{
	__builtin_memset(out, 0, ARCH_BELL_BYTES);
}

bool arch_bell_unwind(struct arch_regs *r, arch_read_fn *read, void *arg)
{
	(void)r;
	(void)read;
	(void)arg;
	return false;
}

void arch_bell_rung(struct arch_regs *r)
{
	(void)r;
}

bool arch_hop_range(const uint8_t code[ARCH_HOP_CODE], uint64_t site, unsigned i,
		    struct arch_span *ret)
{
	(void)code;
	(void)site;
	(void)i;
	(void)ret;
	return false;
}

bool arch_hop_plan(const uint8_t code[ARCH_HOP_CODE], uint64_t site, uint64_t hop,
		   struct arch_patch_plan *ret)
{
	(void)code;
	(void)site;
	(void)hop;
	(void)ret;
	return false;
}

bool arch_call_frame(const struct arch_regs *r, uint64_t *pc_at, uint64_t *result_at)
{
	*result_at = arch_sp(r) + A64_SIGFRAME_REGS;
	*pc_at = *result_at + 8 * A64_WORD_PC;
	return true;
}

bool a64_slot_place(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read, void *arg,
		    struct arch_tramp_place *ret)
{
	uint64_t pc = arch_pc(r), off, v;
	int i = arch_call_at(t, pc);

	if (i < 0)
		return false;
	off = pc - t->calls[i].slot;
	if (off >= BEHIND_CODE)
		return false;
	/* x16 is on the stack at both ends. */
	if (off != AT_SVC && off != AT_BACK) {
		if (!read(arg, arch_sp(r), &v))
			return false;
		r->w[SCRATCH] = v;
		arch_set_sp(r, arch_sp(r) + SAVED);
	}
	arch_set_pc(r, t->calls[i].slot + (off <= AT_SVC ? AT_SVC : AT_BACK));
	*ret = (struct arch_tramp_place){
		.phase = ARCH_TRAMP_COPY,
		.orig = off <= AT_SVC ? t->plan.site : t->plan.site + 4,
		.stage = off < AT_SVC  ? ARCH_CALL_AHEAD :
			 off == AT_SVC ? ARCH_CALL_UNDECIDED :
					 ARCH_CALL_MADE,
		.nr = t->calls[i].nr,
	};
	return true;
}

void a64_call_place(const struct arch_tramp *t, const struct arch_tramp_range *range,
		    struct arch_regs *r, struct arch_tramp_place *ret)
{
	uint32_t i = range->call - 1u;

	ret->nr = t->calls[i].nr;
	if (range->is_asking)
		r->w[NR] += ret->nr;
	if (range->is_back) {
		bool is_over = range->phase == ARCH_TRAMP_AFTER;

		ret->orig = t->plan.site + 4;
		ret->stage = is_over ? ARCH_CALL_OVER : ARCH_CALL_MADE;
		/* x16 is back already. */
		arch_set_pc(r, t->base + (is_over ? t->behind_calls : t->calls[i].back + 4));
		return;
	}
	ret->orig = t->plan.site;
	if (range->phase == ARCH_TRAMP_AFTER || range->phase == ARCH_TRAMP_COPY) {
		ret->stage = ARCH_CALL_AHEAD;
		arch_set_pc(r, t->calls[i].slot + AT_SVC);
	} else {
		arch_set_pc(r, ret->orig);
	}
}
