/*
 * System calls that trampolines make: the way to a call's slot and back, and
 * looking out of them.  See record.h.
 *
 *	lea -nr(%rax), %ecx	is it this number?  flags stay as they are; rcx and
 *	jrcxz			r11 are the call's to overwrite
 *	again?			it was recorded before it was interrupted
 *	block			the clauses at the entry
 *	mov $slot, %ecx; jmp *%rcx
 * back:
 *	block			the clauses at the return
 *	jmp behind
 *
 * The kernel may restart the call in its slot: all its registers are there.
 */
#include "near.h"

#include <sys/syscall.h>
#include <sys/ucontext.h>

/* Of the ucontext that rt_sigreturn finds at its rsp. */
#define SAVED_SP ((uint32_t)(offsetof(ucontext_t, uc_mcontext.gregs) + sizeof(greg_t) * REG_RSP))

const bool arch_has_calls = true;
const bool arch_has_hops = true;

bool arch_call_stays(unsigned nr)
{
	switch (nr) {
	case SYS_clone:
	case SYS_clone3:
	case SYS_fork:
	case SYS_vfork:
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_restart_syscall:
	case SYS_arch_prctl:
	case SYS_prctl:
	case SYS_seccomp:
	case SYS_rseq:
	case SYS_ptrace: return true;
	default: return false;
	}
}

/* ---------------------------------------------------------------- code -- */

const char *x64_calls_check(const struct arch_tramp_job *job)
{
	const struct arch_patch_plan *p = job->plan;
	const char *why = NULL;

	if (job->n_calls > ARCH_TRAMP_CALLS)
		return "too many system calls at one place";
	if (p->addr != p->site || p->site_insn != 0 || p->orig[0] != 0x0f || p->orig[1] != 0x05)
		return "the patch does not start with the system call";
	if (job->plain_slot && job->plain_slot - ARCH_CALLS > ARCH_CALLS_BYTES - ARCH_SLOT_CALL)
		return "the system call has no place";
	for (uint32_t i = 0; i < job->n_calls && !why; i++) {
		if (job->calls[i].slot - ARCH_CALLS > ARCH_CALLS_BYTES - ARCH_SLOT_CALL)
			return "the system call has no place";
		why = near_refuse_any(&job->calls[i].entry);
		if (!why)
			why = near_refuse_any(&job->calls[i].exit);
	}
	return why;
}

static void gen_side(struct x64_gen *g, const struct arch_tramp_firing *f, uint8_t call,
		     bool is_back)
{
	const struct arch_patch_plan *p = g->job->plan;
	unsigned next = p->site_insn + 1u;
	struct x64_block b = {
		.firings = f,
		.n = 1,
		.insn = p->site_insn,
		/* The call does not look at them, and gives them back. */
		.flags_live = (next >= p->n_insns && p->tactic != ARCH_TACTIC_HOP) ||
			      !(p->flags_dead & 1u << next),
		.call = call,
		.is_back = is_back,
	};

	if (f->n_clauses)
		x64_block_emit(g, &b);
}

/* rcx = 0 if the thread comes to its call again; then to the label. */
static void gen_again(struct x64_gen *g, uint32_t label)
{
	struct x64_asm *e = &g->e;

	emit_gs(e, OP_MOV, RCX, RING(again));
	EMIT(e, 0x48, 0x8d, 0x8c, 0x0c); /* lea site(%rsp, %rcx), %rcx */
	emit32(e, (uint32_t)g->job->plan->site);
	EMIT(e, 0xe3, 0x02, 0xeb, 0x05); /* jrcxz .+4; jmp .+7 */
	emit_jmp(e, label);
}

static void gen_call(struct x64_gen *g, struct arch_tramp *t, uint32_t i)
{
	const struct arch_tramp_call *c = &g->job->calls[i];
	struct x64_asm *e = &g->e;
	uint32_t next = emit_label(e), again = emit_label(e), go = emit_label(e);

	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_BEFORE,
					    .insn = g->job->plan->site_insn,
					    .call = (uint8_t)(i + 1) };
	x64_state(g);
	EMIT(e, 0x8d, 0x88); /* lea -nr(%rax), %ecx */
	emit32(e, -c->nr);
	EMIT(e, 0xe3, 0x05); /* jrcxz .+7 */
	emit_jmp(e, next);
	gen_again(g, again);
	gen_side(g, &c->entry, (uint8_t)(i + 1), false);
	g->now.phase = ARCH_TRAMP_COPY;
	x64_state(g);
	emit_place(e, go);
	emit_byte(e, 0xb9); /* mov $slot, %ecx */
	emit32(e, (uint32_t)c->slot);
	EMIT(e, 0xff, 0xe1); /* jmp *%rcx */
	emit_place(e, again);
	EMIT(e, 0x65, 0x48, 0xc7, 0x04, 0x25); /* movq $0, %gs:again */
	emit32(e, RING(again));
	emit32(e, 0);
	emit_jmp(e, go);
	t->calls[i].nr = c->nr;
	t->calls[i].slot = c->slot;
	t->calls[i].back = emit_here(e);
	gen_side(g, &c->exit, (uint8_t)(i + 1), true);
	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_AFTER,
					    .insn = g->job->plan->site_insn,
					    .call = (uint8_t)(i + 1),
					    .is_back = true };
	x64_state(g);
	emit_jmp(e, g->behind);
	emit_place(e, next);
}

void x64_calls_emit(struct x64_gen *g, struct arch_tramp *t)
{
	t->n_calls = g->job->n_calls;
	for (uint32_t i = 0; i < g->job->n_calls && !g->e.failed; i++)
		gen_call(g, t, i);
}

/*
 *	movzwl %ax, %ecx; movzbl table(%rcx), %ecx
 *	jrcxz go
 *	lea -LEFT(%rcx), %ecx; jrcxz left
 * tell:
 *	lea copy(%rip), %rcx; mov $bell, %r11d; jmp *%r11
 * left:			it is rt_sigreturn, after which no flags matter
 *	mov %gs:left, %ecx; jrcxz go
 *	mov SAVED_SP(%rsp), %r11; shr $4, %r11d; bt %r11d, %ecx; jc tell
 * go:	mov $slot, %ecx; jmp *%rcx
 * copy:
 * Other calls keep their flags.  Nothing is done until the slot: who is interrupted may
 * begin anew.
 */
void x64_plain_emit(struct x64_gen *g)
{
	struct x64_asm *e = &g->e;
	uint32_t go = emit_label(e);

	g->now = (struct arch_tramp_range){ .phase = ARCH_TRAMP_BEFORE,
					    .insn = g->job->plan->site_insn };
	x64_state(g);
	EMIT(e, 0x0f, 0xb7, 0xc8, 0x0f, 0xb6, 0x89);
	emit32(e, (uint32_t)ARCH_CALLS_TABLE);
	EMIT(e, 0xe3, 0x31); /* jrcxz go */
	EMIT(e, 0x8d, 0x49, 0x100 - ARCH_CALL_LEFT, 0xe3, 0x10); /* lea; jrcxz left */
	EMIT(e, 0x48, 0x8d, 0x0d, 0x2c, 0, 0, 0, 0x41, 0xbb); /* lea copy(%rip), %rcx; mov .. */
	emit32(e, (uint32_t)ARCH_CALLS_BELL);
	EMIT(e, 0x41, 0xff, 0xe3); /* jmp *%r11 */
	EMIT(e, 0x65, 0x8b, 0x0c, 0x25); /* mov %gs:left, %ecx */
	emit32(e, RING(left));
	EMIT(e, 0xe3, 0x12); /* jrcxz go */
	x64_fixup(g, go); /* no frame there: the kernel says so */
	EMIT(e, 0x4c, 0x8b, 0x9c, 0x24); /* mov SAVED_SP(%rsp), %r11 */
	emit32(e, SAVED_SP);
	EMIT(e, 0x41, 0xc1, 0xeb, 0x04, 0x44, 0x0f, 0xa3, 0xd9, 0x72, 0xd4); /* shr; bt; jc tell */
	emit_place(e, go);
	emit_byte(e, 0xb9);
	emit32(e, (uint32_t)g->job->plain_slot);
	EMIT(e, 0xff, 0xe1);
}

void arch_plain_slot(const uint8_t *code, uint64_t back, uint8_t out[ARCH_SLOT_CALL])
{
	/* call; jmp *0(%rip) */
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };

	memset(out, 0xcc, ARCH_SLOT_CALL);
	memcpy(out, code, 2);
	memcpy(out + 2, jump, sizeof(jump));
	memcpy(out + 2 + sizeof(jump), &back, sizeof(back));
}

void arch_call_slot(const struct arch_tramp *t, uint32_t i, uint8_t out[ARCH_SLOT_CALL])
{
	arch_plain_slot(arch_syscall_stub, t->base + t->calls[i].back, out);
}

/* -------------------------------------------------------------- places -- */

int arch_call_at(const struct arch_tramp *t, uint64_t pc)
{
	for (uint32_t i = 0; i < t->n_calls; i++)
		if (pc - t->calls[i].slot < ARCH_SLOT_CALL)
			return (int)i;
	return -1;
}

bool arch_call_frame(const struct arch_regs *r, uint64_t *pc_at, uint64_t *result_at)
{
	(void)r;
	*pc_at = *result_at = 0;
	return false;
}

static uint64_t behind_site(const struct arch_tramp *t)
{
	return t->plan.addr + t->plan.insn[t->plan.site_insn + 1];
}

bool x64_slot_place(const struct arch_tramp *t, const struct arch_regs *r,
		    struct arch_tramp_place *ret)
{
	uint64_t pc = arch_pc(r);
	int i = arch_call_at(t, pc);
	bool is_ahead;

	if (t->plain_slot && pc - t->plain_slot < ARCH_SLOT_CALL) {
		*ret = (struct arch_tramp_place){
			.phase = ARCH_TRAMP_COPY,
			.orig = pc == t->plain_slot ? t->plan.site : behind_site(t),
			.stage = ARCH_CALL_PLAIN,
		};
		return true;
	}
	if (i < 0)
		return false;
	is_ahead = pc == t->calls[i].slot;
	*ret = (struct arch_tramp_place){
		.phase = ARCH_TRAMP_COPY,
		.orig = is_ahead ? t->plan.site : behind_site(t),
		.stage = is_ahead ? ARCH_CALL_AHEAD : ARCH_CALL_MADE,
		.nr = t->calls[i].nr,
	};
	return true;
}

void x64_call_place(const struct arch_tramp *t, const struct arch_tramp_range *range,
		    struct arch_regs *r, struct arch_tramp_place *ret)
{
	uint32_t i = range->call - 1u;

	ret->nr = t->calls[i].nr;
	if (range->is_back) {
		bool is_over = range->phase == ARCH_TRAMP_AFTER;

		ret->orig = behind_site(t);
		ret->stage = is_over ? ARCH_CALL_OVER : ARCH_CALL_MADE;
		arch_set_pc(r, t->base + (is_over ? t->behind_calls : t->calls[i].back));
		return;
	}
	ret->orig = t->plan.site;
	if (range->phase == ARCH_TRAMP_AFTER || range->phase == ARCH_TRAMP_COPY) {
		ret->stage = ARCH_CALL_AHEAD;
		arch_set_pc(r, t->calls[i].slot);
	} else {
		arch_set_pc(r, ret->orig);
	}
}
