/*
 * Arguments by value and numbers that float: what a near program asks the address
 * of.  What is in memory is told where it is; what is in registers is put together
 * in words of the block's frame, as pid_value_called() of the tracer does at a stop
 * (System V ABI, 3.2.3).  Vector registers are read, never written.
 */
#include "near.h"

/* ORDER: DWARF's numbers (System V ABI, figure 3.36) */
static const uint8_t dwarf_regs[] = { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP,
				      R8,  R9,	R10, R11, R12, R13, R14, R15 };
static const uint8_t args[] = { RDI, RSI, RDX, RCX, R8, R9 };
static const uint8_t results[] = { RAX, RDX };

bool near_has_piece(enum arch_probe_kind kind, const struct arch_piece *p)
{
	switch ((enum arch_piece_kind)p->kind) {
	case ARCH_PIECE_WORD:
		return p->size <= 8 &&
		       p->n < (kind == ARCH_PROBE_RETURN ? sizeof(results) : sizeof(args));
	case ARCH_PIECE_VECTOR: return p->size >= 4 && p->size <= 16 && p->n < 16;
	case ARCH_PIECE_DWARF: return p->size <= 8 && p->n < sizeof(dwarf_regs);
	}
	return false;
}

/* The room's word at `at`, as an offset from rsp: its last word was pushed last. */
static int32_t room_offset(const struct x64_gen *g, unsigned at)
{
	const struct arch_tramp_frame *f = &g->notes.frames.items[g->now.frame];
	unsigned last = f->n;

	while (last > 0 && f->word[last - 1] != WORD_ROOM)
		last--;
	return (int32_t)g->now.depth - RED_ZONE - 8 * (int32_t)(last - at);
}

/* [rsp + disp] = the low bytes of rax */
static void store_word(struct x64_asm *e, int32_t disp, unsigned bytes)
{
	if (bytes == 2)
		emit_byte(e, 0x66);
	if (bytes == 8)
		emit_byte(e, 0x48);
	EMIT(e, bytes == 1 ? 0x88 : 0x89, 0x84, 0x24);
	emit32(e, (uint32_t)disp);
}

/* [rsp + disp] = the low bytes of a vector register: movd, movq, movups */
static void store_vector(struct x64_asm *e, int32_t disp, unsigned bytes, unsigned n)
{
	if (bytes < 16)
		emit_byte(e, 0x66);
	if (bytes == 8 || n >= 8)
		emit_byte(e, 0x40 | (bytes == 8 ? 8 : 0) | (n >= 8 ? 4 : 0));
	EMIT(e, 0x0f, bytes < 16 ? 0x7e : 0x11, 0x84 | (n & 7) << 3, 0x24);
	emit32(e, (uint32_t)disp);
}

static void put_piece(struct x64_gen *g, const struct arch_piece *p, bool is_return, int32_t disp)
{
	unsigned bytes = near_piece_bytes(p);

	switch ((enum arch_piece_kind)p->kind) {
	case ARCH_PIECE_VECTOR: store_vector(&g->e, disp, bytes, p->n); return;
	case ARCH_PIECE_WORD: x64_take_emit(g, RAX, is_return ? results[p->n] : args[p->n]); break;
	case ARCH_PIECE_DWARF: x64_take_emit(g, RAX, dwarf_regs[p->n]); break;
	}
	store_word(&g->e, disp, bytes);
}

void x64_object_emit(struct x64_gen *g, const struct arch_where *w, bool is_return, unsigned room,
		     unsigned dst)
{
	struct arch_piece word = { .kind = ARCH_PIECE_WORD, .n = w->n, .size = 8 };
	int32_t disp;

	switch (w->how) {
	case ARCH_AT_ADDRESS: x64_take_emit(g, dst, is_return ? results[w->n] : args[w->n]); return;
	case ARCH_ON_STACK: /* behind the return address */
		emit_rm(&g->e, OP_LEA, dst, RSP,
			g->now.depth + 8 + 8 * (int32_t)(w->n - sizeof(args)));
		return;
	default: break;
	}
	disp = room_offset(g, room);
	if (w->how == ARCH_IN_WORD)
		put_piece(g, &word, is_return, disp);
	for (unsigned i = 0; w->how == ARCH_IN_PIECES && i < w->n_pieces; i++)
		put_piece(g, &w->pieces[i], is_return, disp + w->pieces[i].at);
	emit_rm(&g->e, OP_LEA, dst, RSP, disp);
}
