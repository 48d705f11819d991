/*
 * Stacks in records: registers and the words between the stack pointer and the
 * end that the ring knows, copied where and when the probe fires.
 *
 *	pc, is it a function's entry, x0 ... x30, sp, address of the first word
 *	words of the stack, from the stack pointer on (below it nothing is the program's)
 *	offset of all this in the record: its last word
 *
 * How many words there are is checked before anything of the firing is left,
 * so a stack that is too deep, or another one than the ring knows (stack_end -
 * sp is huge then), makes the hit a stop, and no stack is ever cut.
 *
 * Return addresses stay as they are, signed or not: who walks the copy strips
 * them, as of a stopped thread.
 */
#include "near.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define HEAD_WORDS 35
#define AT_REGS 2
#define AT_SP (AT_REGS + 31)
#define AT_LO (HEAD_WORDS - 1)

_Static_assert(ARCH_STACK_ROOM(0) >= 8 * (HEAD_WORDS + 1), "head and last word");

const bool arch_has_stacks = true;

/* Behind it is the thread's static TLS, and before it what is libc's. */
uint64_t arch_thread_pointer(pid_t tid, const struct arch_regs *r)
{
	uint64_t key;

	(void)r;
	return arch_anchor_key(tid, &key) ? key : 0;
}

bool arch_record_stack(const struct dl_record *rec, struct arch_stack *ret)
{
	const uint64_t *head = tramp_stack_head(rec, HEAD_WORDS, ret);

	if (!head)
		return false;
	for (unsigned i = 0; i < 31; i++)
		ret->regs.w[i] = head[AT_REGS + i];
	ret->regs.w[A64_WORD_SP] = head[AT_SP];
	ret->regs.w[A64_WORD_PC] = head[0];
	return true;
}

/*
 * x0 = bytes from the address in x1 to the stack's end; x2 is 0 if they are at
 * most max.  Without the flags: the difference, and what is left of max, are no
 * large numbers.
 */
static void emit_check(struct a64_asm *e, uint32_t max)
{
	emit_mem(e, LDRX, X(0), A64_RING, RING(stack_end));
	emit_rrr(e, OP_SUB, X(0), X(0), X(1));
	emit_const(e, X(2), max);
	emit_rrr(e, OP_SUB, X(2), X(2), X(0));
	emit_rrr(e, OP_ORR, X(2), X(2), X(0));
	emit_lsr(e, X(2), X(2), 63);
}

void a64_stack_check(struct a64_gen *g, uint32_t max, uint32_t skip)
{
	struct a64_asm *e = &g->e;
	struct a64_stub s = {
		.kind = STUB_DEEP, .label = emit_label(e), .next = skip, .state = g->now
	};

	a64_stub(g, &s);
	emit_addi(e, X(1), SP, g->now.depth);
	emit_check(e, max);
	emit_cbnz(e, X(2), s.label);
}

void a64_stub_deep(struct a64_gen *g, const struct a64_stub *s)
{
	struct a64_asm *e = &g->e;
	uint32_t lost = emit_label(e);

	emit_mem(e, LDRX, X(0), A64_RING, RING(control));
	emit_mem(e, LDRW, X(1), X(0), 0);
	emit_addi(e, X(1), X(1), -(int)ARCH_CONTROL_DROP);
	emit_cbz(e, X(1), lost);
	if (!vec_push(&g->notes.stops, emit_here(e)))
		e->failed = true;
	emit(e, INS_BRK);
	emit_place(e, lost);
	emit_addi(e, X(1), A64_RING, RING(drops));
	emit_const(e, X(2), 1);
	a64_add_emit(e);
	emit_b(e, s->next);
}

void a64_stack_emit(struct a64_gen *g, const struct arch_tramp_firing *f, uint32_t max)
{
	struct a64_asm *e = &g->e;
	uint32_t known = emit_label(e);

	emit_mem(e, LDRW, X(3), A64_RECORD, REC(n_slots)); /* the tail's end */
	emit_rrr(e, OP_ADD, X(3), A64_RECORD, X(3));
	emit_const(e, X(0), f->pc);
	emit_mem(e, STRX, X(0), X(3), 0);
	emit_const(e, X(0), f->at_entry);
	emit_mem(e, STRX, X(0), X(3), 8);
	for (unsigned r = 0; r < 31; r++) {
		/* Live, unless the frame has it. */
		unsigned from = a64_saved_at(g, r) < 0 ? r : X(0);

		a64_take_emit(g, from, r);
		emit_mem(e, STRX, from, X(3), 8 * (AT_REGS + r));
	}
	emit_addi(e, X(1), SP, g->now.depth);
	emit_mem(e, STRX, X(1), X(3), 8 * AT_SP);
	emit_mem(e, STRX, X(1), X(3), 8 * AT_LO);
	emit_check(e, max); /* checked before, but memory is shared */
	emit_cbz(e, X(2), known);
	emit_const(e, X(0), 0);
	emit_place(e, known);
	emit_addi(e, X(2), X(3), 8 * HEAD_WORDS);
	a64_call(g, A64_STACK);
}
