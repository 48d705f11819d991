/*
 * The code that trampolines share, one copy per region of the annex.
 *
 * It is made when it is first asked for, and is position-independent.  Rules, as
 * for all trampoline code:
 *  - only general registers, x0..x7, which trampolines that call this have
 *    saved; no stack; the return address stays in x30;
 *  - x8 is the ring, x15 the record, not committed yet; its epid word holds the
 *    low half of the ring's head behind it, its n_slots word the end of its
 *    tail so far;
 *  - the bytes behind the tail's end are zero before and after each capture;
 *    the reservation is at least 8 bytes larger than the record can become;
 *  - a load that may fault is named in fixups[].
 *
 * What a capture does is what capture_string() and capture_mem() of dlang/near.c
 * do, byte for byte.
 *
 * Not for several threads at once, like the rest of the tracer.
 */
#include "near.h"

#define FIXUPS 6

static struct {
	struct a64_asm e;
	bool is_made;
	uint32_t entry[A64_SLEEP + 1];
	struct arch_tramp_pair fixups[FIXUPS]; /* to: labels until it is made */
	unsigned n_fixups;
} common;

/* Bitmask immediates. */
#define AND_PAGE_OFFSET 0x92402c00u /* and xd, xn, #4095 */
#define AND_EIGHTS 0x927df000u /* and xd, xn, #-8 */
#define AND_HIGHS 0x9201c000u /* and xd, xn, #0x8080808080808080 */
#define MOV_ONES 0xb200c3e0u /* mov xd, #0x0101010101010101 */
#define STR_POST_8 0xf8008400u /* str xt, [xn], #8 */
#define STRB_POST_1 0x38001400u /* strb wt, [xn], #1 */

/* Labels that captures go to at their end. */
struct ends {
	uint32_t string_done, memory_done, no_room, failed;
};

static void faults(uint32_t label)
{
	struct a64_asm *e = &common.e;

	common.fixups[common.n_fixups++] = (struct arch_tramp_pair){ emit_here(e), label };
}

/* x1 = min(x1, other), unsigned */
static void make_min(struct a64_asm *e, unsigned other)
{
	emit_cmp(e, X(1), other);
	emit_csel(e, X(1), other, X(1), CC_HI);
}

/* Goes on behind the n bytes just copied, by word or byte. */
static void make_advance(struct a64_asm *e, int n, uint32_t again)
{
	emit_addi(e, X(0), X(0), n);
	emit_addi(e, X(1), X(1), -n);
	emit_b(e, again);
}

/* x8 = the ring of the thread, from the table at x0; changes x0..x5. */
static void make_find_ring(struct a64_asm *e)
{
	uint32_t again = emit_label(e), found = emit_label(e), out = emit_label(e);

	common.entry[A64_FIND_RING] = emit_here(e);
	emit_sys(e, MRS_TPIDR, X(1));
	emit_mem(e, LDRX, A64_RING, X(0), offsetof(struct arch_anchors, null_ring));
	emit_cbz(e, X(1), out);
	emit_addi(e, X(0), X(0), (int)offsetof(struct arch_anchors, slots));
	emit_const(e, X(2), ARCH_ANCHOR_FACTOR);
	emit_rrr(e, OP_MUL, X(2), X(1), X(2));
	emit_lsr(e, X(2), X(2), 64 - ARCH_ANCHOR_BITS);
	emit_shifted(e, OP_ADD, X(0), X(0), X(2), 4);
	emit_const(e, X(3), ARCH_ANCHOR_WINDOW);
	emit_place(e, again);
	emit_pair(e, LDP_POST, X(4), X(5), X(0), 16);
	emit_rrr(e, OP_SUB, X(4), X(4), X(1));
	emit_cbz(e, X(4), found);
	emit_addi(e, X(3), X(3), -1);
	emit_cbnz(e, X(3), again);
	emit(e, INS_RET);
	emit_place(e, found);
	emit_mov(e, A64_RING, X(5));
	emit_place(e, out);
	emit(e, INS_RET);
}

/*
 * x5 = a bit set in the byte of x4 that is the first zero, 0: none.  (x - 1) & ~x
 * of bytes; a borrow spoils only bytes behind the first.
 */
static void make_zero_byte(struct a64_asm *e)
{
	emit(e, MOV_ONES | X(6));
	emit_rrr(e, OP_SUB, X(5), X(4), X(6));
	emit_rrr(e, OP_BIC, X(5), X(5), X(4));
	emit(e, AND_HIGHS | X(5) << 5 | X(5));
}

/*
 * String.  x0 = address, x1 = most bytes with its NUL, x2 = the record's cap.
 * x1 = 0: x0 is the slot's value.  Else x0 is the address that can't be read,
 * and nothing was captured.
 */
static void make_string(struct a64_asm *e, const struct ends *to)
{
	uint32_t next_word = emit_label(e), next_byte = emit_label(e), found = emit_label(e);

	common.entry[A64_STRING] = emit_here(e);
	emit_mem(e, LDRW, X(3), A64_RECORD, REC(n_slots));
	emit_rrr(e, OP_SUB, X(2), X(2), X(3));
	emit_cbz(e, X(2), to->no_room);
	make_min(e, X(2));
	emit_cmp(e, X(1), XZR);
	emit_cset(e, X(4), CC_NE); /* one less for the NUL, but not below 0 */
	emit_rrr(e, OP_SUB, X(1), X(1), X(4));
	emit_rrr(e, OP_ADD, X(2), A64_RECORD, X(3));
	emit_place(e, next_word);
	emit_lsr(e, X(4), X(1), 3);
	emit_cbz(e, X(4), next_byte);
	emit(e, AND_PAGE_OFFSET | X(0) << 5 | X(4)); /* a word must not cross into the next page */
	emit_const(e, X(5), 4088);
	emit_cmp(e, X(4), X(5));
	emit_bcc(e, CC_HI, next_byte);
	faults(to->failed);
	emit_mem(e, LDRX, X(4), X(0), 0);
	make_zero_byte(e);
	emit_cbnz(e, X(5), found);
	emit(e, STR_POST_8 | X(2) << 5 | X(4));
	make_advance(e, 8, next_word);
	emit_place(e, next_byte);
	emit_cbz(e, X(1), to->string_done);
	faults(to->failed);
	emit_mem(e, LDRB, X(4), X(0), 0);
	emit_cbz(e, X(4), to->string_done);
	emit(e, STRB_POST_1 | X(2) << 5 | X(4));
	make_advance(e, 1, next_word);
	emit_place(e, found); /* the lowest set bit is that of the NUL */
	emit_rbit(e, X(5), X(5));
	emit_clz(e, X(5), X(5));
	emit_lsr(e, X(5), X(5), 3);
	emit_mem(e, STRX, X(4), X(2), 0);
	emit_rrr(e, OP_ADD, X(2), X(2), X(5));
	emit_b(e, to->string_done);
}

/* Memory.  x0 = address, x1 = length, x2 = the record's cap; as above. */
static void make_memory(struct a64_asm *e, const struct ends *to)
{
	uint32_t next_word = emit_label(e), next_byte = emit_label(e);

	common.entry[A64_MEMORY] = emit_here(e);
	emit_mem(e, LDRW, X(3), A64_RECORD, REC(n_slots));
	emit_rrr(e, OP_SUB, X(2), X(2), X(3));
	make_min(e, X(2));
	emit_const(e, X(4), NEAR_CAP_MAX);
	make_min(e, X(4));
	emit_rrr(e, OP_ADD, X(2), A64_RECORD, X(3));
	emit_place(e, next_word);
	emit_lsr(e, X(4), X(1), 3);
	emit_cbz(e, X(4), next_byte);
	faults(next_byte); /* by bytes, to find the one that can't be read */
	emit_mem(e, LDRX, X(4), X(0), 0);
	emit(e, STR_POST_8 | X(2) << 5 | X(4));
	make_advance(e, 8, next_word);
	emit_place(e, next_byte);
	emit_cbz(e, X(1), to->memory_done);
	faults(to->failed);
	emit_mem(e, LDRB, X(4), X(0), 0);
	emit(e, STRB_POST_1 | X(2) << 5 | X(4));
	make_advance(e, 1, next_byte);
}

/* How captures end: x2 is behind what was copied, x3 the tail's end before. */
static void make_ends(struct a64_asm *e, const struct ends *to)
{
	uint32_t append = emit_label(e), wipe = emit_label(e), wiped = emit_label(e);

	emit_place(e, to->string_done);
	emit_mem(e, STRX, XZR, X(2), 0);
	emit_rrr(e, OP_SUB, X(2), X(2), A64_RECORD);
	emit_rrr(e, OP_SUB, X(2), X(2), X(3)); /* length */
	emit_addi(e, X(0), X(2), 8);
	emit_b(e, append);
	emit_place(e, to->memory_done);
	emit_rrr(e, OP_SUB, X(2), X(2), A64_RECORD);
	emit_rrr(e, OP_SUB, X(2), X(2), X(3));
	emit_addi(e, X(0), X(2), 7);
	emit_place(e, append);
	emit(e, AND_EIGHTS | X(0) << 5 | X(0));
	emit_rrr(e, OP_ADD, X(0), X(0), X(3));
	emit_mem(e, STRW, X(0), A64_RECORD, REC(n_slots));
	emit_shifted(e, OP_ORR, X(0), X(3), X(2), 32);
	emit_const(e, X(1), 0);
	emit(e, INS_RET);
	emit_place(e, to->no_room);
	emit_const(e, X(0), 15); /* a byte of the record that is always zero */
	emit_const(e, X(1), 0);
	emit(e, INS_RET);
	emit_place(e, to->failed); /* takes back what was written */
	emit_rrr(e, OP_ADD, X(4), A64_RECORD, X(3));
	emit_place(e, wipe);
	emit_cmp(e, X(4), X(2));
	emit_bcc(e, CC_HS, wiped);
	emit(e, STR_POST_8 | X(4) << 5 | XZR);
	emit_b(e, wipe);
	emit_place(e, wiped);
	emit_const(e, X(1), 1);
	emit(e, INS_RET);
}

/* Gives back the unused end.  x1 = bytes reserved; x0 = bytes used. */
static void make_trim(struct a64_asm *e)
{
	uint32_t again = emit_label(e), fill = emit_label(e);

	common.entry[A64_TRIM] = emit_here(e);
	emit_mem(e, LDRW, X(2), A64_RECORD, REC(n_slots));
	emit_mem(e, LDRW, X(3), A64_RECORD, REC(epid));
	emit_rrr(e, OP_SUB, X(1), X(1), X(2)); /* unused, at least 8 */
	emit_addi(e, X(4), A64_RING, RING(head));
	emit_const(e, X(5), EXCLUSIVE_TRIES);
	emit_place(e, again);
	emit_ldxr(e, X(0), X(4));
	emit_rrr(e, OP_EOR, X(6), X(0), X(3));
	emit_to(e, 0x35000000 | X(6), fill); /* cbnz w: the low halves */
	emit_rrr(e, OP_SUB, X(6), X(0), X(1));
	emit_exchange(e, X(6), X(4), X(7), X(5), again);
	emit_mov(e, X(0), X(2));
	emit(e, INS_RET);
	emit_place(e, fill); /* a handler's record comes behind it */
	emit(e, 0xf8206800u | X(2) << 16 | A64_RECORD << 5 | X(1)); /* str x1, [x15, x2] */
	emit_mov(e, X(0), X(2));
	emit(e, INS_RET);
}

/*
 * Stack.  x1 = from, x2 = to, x0 = bytes, a multiple of 8.  Behind it goes the
 * offset of where the tail ended before, and the tail ends behind that.
 */
static void make_stack(struct a64_asm *e)
{
	uint32_t pair = emit_label(e), word = emit_label(e), done = emit_label(e);

	common.entry[A64_STACK] = emit_here(e);
	emit_place(e, pair);
	emit_lsr(e, X(4), X(0), 4);
	emit_cbz(e, X(4), word);
	faults(done); /* unmapped meanwhile: what there is */
	emit_pair(e, LDP_POST, X(4), X(5), X(1), 16);
	emit_pair(e, STP_POST, X(4), X(5), X(2), 16);
	emit_addi(e, X(0), X(0), -16);
	emit_b(e, pair);
	emit_place(e, word);
	emit_lsr(e, X(4), X(0), 3);
	emit_cbz(e, X(4), done);
	faults(done);
	emit_mem(e, LDRX, X(4), X(1), 0);
	emit(e, STR_POST_8 | X(2) << 5 | X(4));
	emit_place(e, done);
	emit_mem(e, LDRW, X(3), A64_RECORD, REC(n_slots));
	emit(e, STR_POST_8 | X(2) << 5 | X(3));
	emit_rrr(e, OP_SUB, X(2), X(2), A64_RECORD);
	emit_mem(e, STRW, X(2), A64_RECORD, REC(n_slots));
	emit(e, INS_RET);
}

#define SYS_FUTEX 98 /* which the filters of sandboxed programs rarely refuse */
#define SLEEP_NS 100000u

/*
 * Sleeps a little, until the control word at x0 changes at most: unlike the
 * trap, it does no harm to a thread whose tracer dies meanwhile, and the tracer
 * can drain without stopping anybody.  Changes x0..x3 and x8, the ring, which is
 * to be looked up again.
 */
static void make_sleep(struct a64_asm *e)
{
	static const uint32_t time[4] = { 0, 0, SLEEP_NS, 0 }; /* struct timespec */

	common.entry[A64_SLEEP] = emit_here(e);
	emit_const(e, X(1), 0); /* FUTEX_WAIT */
	emit_const(e, X(2), ARCH_CONTROL_SLEEP);
	emit(e, INS_ADR | 4 << 5 | X(3)); /* 4 instructions on */
	emit_const(e, X(8), SYS_FUTEX);
	emit(e, INS_SVC);
	emit(e, INS_RET);
	for (unsigned i = 0; i < 4; i++)
		emit(e, time[i]);
}

static bool make(void)
{
	struct a64_asm *e = &common.e;
	struct ends to;

	if (common.is_made)
		return true;
	to = (struct ends){ emit_label(e), emit_label(e), emit_label(e), emit_label(e) };
	make_find_ring(e);
	make_string(e, &to);
	make_memory(e, &to);
	make_ends(e, &to);
	make_trim(e);
	make_stack(e);
	make_sleep(e);
	if (!emit_finish(e)) {
		emit_deinit(e);
		common.n_fixups = 0;
		e->failed = false;
		return false;
	}
	for (unsigned i = 0; i < FIXUPS; i++)
		common.fixups[i].to = e->labels.items[common.fixups[i].to];
	common.is_made = true;
	return true;
}

const uint8_t *arch_record_common(size_t *len_ret)
{
	*len_ret = make() ? emit_here(&common.e) : 0;
	return (const uint8_t *)common.e.code.items;
}

uint32_t a64_common_entry(enum a64_routine which)
{
	return make() ? common.entry[which] : 0;
}

uint32_t tramp_common_fixup(uint64_t off)
{
	for (unsigned i = 0; make() && i < FIXUPS; i++)
		if (off == common.fixups[i].off)
			return common.fixups[i].to;
	return 0;
}
