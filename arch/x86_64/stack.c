/*
 * Stacks in records: registers and the words between the stack pointer and the
 * end that the ring knows, copied where and when the probe fires.
 *
 *	pc, is it a function's entry, the 16 registers, address of the first word
 *	words of the stack, from the red zone below the stack pointer on
 *	offset of all this in the record: its last word
 *
 * How many words there are is checked before anything of the firing is left,
 * so a stack that is too deep, or another one than the ring knows (stack_end -
 * rsp is huge then), makes the hit a stop, and no stack is ever cut.
 */
#include "near.h"

#include <sys/user.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))
#define HEAD_WORDS 19
#define AT_REGS 2
#define AT_LO (HEAD_WORDS - 1)

_Static_assert(ARCH_STACK_ROOM(0) >= 8 * (HEAD_WORDS + 1), "head and last word");

const bool arch_has_stacks = true;

/* ORDER: numbers of registers in instructions */
static const uint8_t words[16] = {
	WORD(rax), WORD(rcx), WORD(rdx), WORD(rbx), WORD(rsp), WORD(rbp), WORD(rsi), WORD(rdi),
	WORD(r8),  WORD(r9),  WORD(r10), WORD(r11), WORD(r12), WORD(r13), WORD(r14), WORD(r15),
};

uint64_t arch_thread_pointer(pid_t tid, const struct arch_regs *r)
{
	(void)tid;
	return r->w[WORD(fs_base)];
}

bool arch_record_stack(const struct dl_record *rec, struct arch_stack *ret)
{
	const uint64_t *head = tramp_stack_head(rec, HEAD_WORDS, ret);

	if (!head)
		return false;
	for (unsigned i = 0; i < 16; i++)
		ret->regs.w[words[i]] = head[AT_REGS + i];
	ret->regs.w[WORD(rip)] = head[0];
	ret->regs.w[WORD(orig_rax)] = UINT64_MAX;
	return true;
}

/* dst = address of the first word that is copied */
static void emit_first(struct x64_gen *g, unsigned dst)
{
	emit_rm(&g->e, OP_LEA, dst, RSP, g->now.depth - RED_ZONE);
	emit_rex(&g->e, 1, 0, dst);
	EMIT(&g->e, 0x83, 0xe0 | (dst & 7), 0xf8); /* and $-8, dst */
}

void x64_stack_check(struct x64_gen *g, uint32_t max, uint32_t skip)
{
	struct x64_asm *e = &g->e;
	struct x64_stub s = {
		.kind = STUB_DEEP, .label = emit_label(e), .next = skip, .state = g->now
	};

	x64_stub(g, &s);
	emit_gs(e, OP_MOV, RAX, RING(stack_end));
	emit_first(g, RDX);
	emit_rr(e, OP_SUB, RAX, RDX);
	EMIT(e, 0x48, 0x3d); /* cmp $max, %rax */
	emit32(e, max);
	emit_jcc(e, CC_A, s.label);
}

void x64_stub_deep(struct x64_gen *g, const struct x64_stub *s)
{
	struct x64_asm *e = &g->e;
	uint32_t lost = emit_label(e);

	emit_gs(e, OP_MOV, RAX, RING(control));
	EMIT(e, 0x8b, 0x00, 0x83, 0xf8, ARCH_CONTROL_DROP); /* mov (%rax), %eax; cmp $.., %eax */
	emit_jcc(e, CC_E, lost);
	if (!vec_push(&g->notes.stops, emit_here(e)))
		e->failed = true;
	emit_byte(e, 0xcc);
	emit_place(e, lost);
	EMIT(e, 0x65, 0x48, 0xff, 0x04, 0x25); /* incq %gs:drops */
	emit32(e, RING(drops));
	emit_jmp(e, s->next);
}

void x64_stack_emit(struct x64_gen *g, const struct arch_tramp_firing *f, uint32_t max)
{
	struct x64_asm *e = &g->e;
	uint32_t known = emit_label(e);

	EMIT(e, 0x41, 0x8b, 0x53, REC(n_slots)); /* mov n_slots(%r11), %edx: the tail's end */
	emit_rr(e, OP_ADD, RDX, X64_RECORD);
	emit_const(e, RAX, f->pc);
	emit_store(e, RDX, 0, RAX);
	emit_store32(e, RDX, 8, f->at_entry); /* its upper half is zero, as all free space */
	for (unsigned r = 0; r < 16; r++) {
		x64_take_emit(g, RAX, r);
		emit_store(e, RDX, 8 * (AT_REGS + (int32_t)r), RAX);
	}
	emit_first(g, RAX);
	emit_store(e, RDX, 8 * AT_LO, RAX);
	emit_rm(e, OP_LEA, RDX, RDX, 8 * HEAD_WORDS);
	emit_gs(e, OP_MOV, RCX, RING(stack_end));
	emit_rr(e, OP_SUB, RCX, RAX);
	EMIT(e, 0x48, 0x81, 0xf9); /* cmp $max, %rcx: checked before, but memory is shared */
	emit32(e, max);
	emit_jcc(e, CC_BE, known);
	emit_const(e, RCX, 0);
	emit_place(e, known);
	EMIT(e, 0x48, 0x83, 0xe1, 0xf8); /* and $-8, %rcx */
	x64_call_emit(g, X64_STACK);
}
