/*
 * The near interpreter: stop tier.
 *
 * The code has been verified; each instruction runs at most once, because
 * jumps go forward only.  A load that fails inside the computation of a slot
 * marks the slot, leaves the fault's address in it and goes on behind the
 * instruction that closes the slot.  Outside any slot (the predicate, before
 * NREC) only NARG can fail; it gives 0 there.
 *
 * What the machine code of the record tier must match byte for byte:
 *  - the tail starts behind the slots; each capture starts 8-aligned, its
 *    padding and the NUL of a string are zero bytes;
 *  - a failed capture leaves nothing in the tail;
 *  - the fault address of a load is its own address, that of a capture is the
 *    first byte that could not be read.
 */
#include "near.h"

#include <string.h>

#define LOAD_STEP 4096u /* no page is smaller: a load never crosses into one needlessly */
#define FIRST_CHUNK 256u /* most strings are short */
/* A string that gets no room at all is this byte of the record: it is always zero. */
#define ZERO_BYTE (offsetof(struct dl_record, n_slots) + 3)

struct run {
	const struct dl_code *code;
	unsigned n_slots;
	uint32_t strsize;
	const struct dl_near_ops *ops;
	void *ctx;
	struct dl_record *rec;
	size_t cap; /* multiple of 8 */
	size_t off; /* end of the tail */
	uint64_t regs[NEAR_REGS];
};

static void mark_fault(struct run *r, unsigned slot, uint64_t addr)
{
	if (slot >= r->n_slots)
		return;
	r->rec->faults |= 1ull << (slot % NEAR_SLOTS_MAX);
	r->rec->slots[slot] = addr;
}

/* Index of the instruction that closes the slot being computed at pc, or -1. */
static int64_t find_close(const struct run *r, uint32_t pc)
{
	for (; pc < r->code->n; pc++) {
		uint8_t op = r->code->insns[pc].op;

		if (dl_op_closes_slot(op))
			return pc;
		if (op == DL_OP_NREC || op == DL_OP_END)
			return -1;
	}
	return -1;
}

/* Marks the open slot; returns the pc to go on at. */
static uint32_t fault(struct run *r, uint32_t pc, uint64_t addr)
{
	int64_t close = find_close(r, pc);

	if (close < 0)
		return pc + 1;
	mark_fault(r, (unsigned)r->code->insns[close].imm, addr);
	return (uint32_t)close + 1;
}

static uint32_t run_arg(struct run *r, uint32_t pc, const struct dl_insn *i)
{
	uint64_t value = 0, addr = 0;

	if (r->ops->arg(r->ctx, (unsigned)i->imm, &value, &addr)) {
		r->regs[i->a] = value;
		return pc + 1;
	}
	r->regs[i->a] = 0;
	return fault(r, pc, addr);
}

static uint64_t extend(const uint8_t *bytes, unsigned size, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift = 64 - 8 * size;

	for (unsigned k = size; k-- > 0;)
		v = v << 8 | bytes[k];
	if (is_signed)
		return (uint64_t)((int64_t)(v << shift) >> shift);
	return v;
}

static uint32_t run_load(struct run *r, uint32_t pc, const struct dl_insn *i)
{
	uint64_t addr = r->regs[i->b] + (uint64_t)(int64_t)i->imm;
	unsigned size = i->c & ~NLD_SIGNED;
	uint8_t buf[8] = { 0 };

	if (size == 0 || size > sizeof(buf))
		return pc + 1;
	if (r->ops->load(r->ctx, addr, buf, size) != size)
		return fault(r, pc, addr);
	r->regs[i->a] = extend(buf, size, i->c & NLD_SIGNED);
	return pc + 1;
}

/* Closes the slot over len bytes at the end of the tail (and pad more of them used). */
static void append(struct run *r, unsigned slot, size_t len, size_t used)
{
	uint8_t *tail = (uint8_t *)r->rec + r->off;
	size_t padded = (used + 7) & ~(size_t)7;

	if (slot >= r->n_slots)
		return;
	memset(tail + len, 0, padded - len);
	r->rec->slots[slot] = r->off | (uint64_t)len << 32;
	r->off += padded;
}

static void capture_string(struct run *r, unsigned slot, uint64_t addr, uint64_t limit)
{
	size_t room = r->cap - r->off, got = 0;
	char *text = (char *)r->rec + r->off;

	if (slot >= r->n_slots)
		return;
	if (limit > r->strsize)
		limit = r->strsize;
	if (room == 0) {
		r->rec->slots[slot] = ZERO_BYTE;
		return;
	}
	if (limit > room)
		limit = room;
	limit -= limit > 0; /* the NUL */
	while (got < limit) {
		size_t step = LOAD_STEP - (addr + got) % LOAD_STEP, n;
		const char *nul;

		if (got == 0 && step > FIRST_CHUNK)
			step = FIRST_CHUNK;
		if (step > limit - got)
			step = limit - got;
		n = r->ops->load(r->ctx, addr + got, text + got, step);
		if (n > step)
			n = step;
		nul = memchr(text + got, 0, n);
		if (nul) {
			got = (size_t)(nul - text);
			break;
		}
		got += n;
		if (n < step) {
			mark_fault(r, slot, addr + got);
			return;
		}
	}
	append(r, slot, got, got + 1);
}

static void capture_mem(struct run *r, unsigned slot, uint64_t addr, uint64_t len)
{
	size_t room = r->cap - r->off, n;

	if (slot >= r->n_slots)
		return;
	if (len > NEAR_CAP_MAX)
		len = NEAR_CAP_MAX;
	if (len > room)
		len = room;
	if (len == 0) {
		r->rec->slots[slot] = r->off;
		return;
	}
	n = r->ops->load(r->ctx, addr, (char *)r->rec + r->off, len);
	if (n < len) {
		mark_fault(r, slot, addr + n);
		return;
	}
	append(r, slot, len, len);
}

static uint64_t compare(const struct dl_insn *i, uint64_t b, uint64_t c)
{
	switch (i->op) {
	case DL_OP_EQ: return b == c;
	case DL_OP_NE: return b != c;
	case DL_OP_LTS: return (int64_t)b < (int64_t)c;
	case DL_OP_LES: return (int64_t)b <= (int64_t)c;
	case DL_OP_LTU: return b < c;
	default: return b <= c;
	}
}

static uint64_t narrow(uint64_t v, int32_t bits, bool is_signed)
{
	unsigned shift = 64 - ((unsigned)bits & 127);

	if (bits < 1 || bits >= 64)
		return v;
	if (is_signed)
		return (uint64_t)((int64_t)(v << shift) >> shift);
	return v << shift >> shift;
}

/* Instructions that only compute. */
static uint64_t compute(const struct run *r, const struct dl_insn *i)
{
	uint64_t b = i->b < NEAR_REGS ? r->regs[i->b] : 0;
	uint64_t c = i->c < NEAR_REGS ? r->regs[i->c] : 0;

	switch (i->op) {
	case DL_OP_MOV: return b;
	case DL_OP_LDI: return (uint64_t)(int64_t)i->imm;
	case DL_OP_LDK: return r->code->consts[i->imm];
	case DL_OP_ADD: return b + c;
	case DL_OP_SUB: return b - c;
	case DL_OP_MUL: return b * c;
	case DL_OP_AND: return b & c;
	case DL_OP_OR: return b | c;
	case DL_OP_XOR: return b ^ c;
	case DL_OP_SHL: return b << (c & 63);
	case DL_OP_SHR: return b >> (c & 63);
	case DL_OP_SRA: return (uint64_t)((int64_t)b >> (c & 63));
	case DL_OP_ADDI: return b + (uint64_t)(int64_t)i->imm;
	case DL_OP_NEG: return -b;
	case DL_OP_COM: return ~b;
	case DL_OP_LNOT: return b == 0;
	case DL_OP_BOOL: return b != 0;
	case DL_OP_SX: return narrow(b, i->imm, true);
	case DL_OP_ZX: return narrow(b, i->imm, false);
	case DL_OP_NDIVS: return (uint64_t)((int64_t)b / i->imm);
	case DL_OP_NDIVU: return b / (uint64_t)i->imm;
	default: return compare(i, b, c);
	}
}

static uint32_t step(struct run *r, uint32_t pc, const struct dl_insn *i)
{
	unsigned slot = (unsigned)i->imm;

	switch (i->op) {
	case DL_OP_NOP: break;
	case DL_OP_JMP: return pc + 1 + (uint32_t)i->imm;
	case DL_OP_JZ: return pc + 1 + (r->regs[i->a] ? 0 : (uint32_t)i->imm);
	case DL_OP_JNZ: return pc + 1 + (r->regs[i->a] ? (uint32_t)i->imm : 0);
	case DL_OP_NARG: return run_arg(r, pc, i);
	case DL_OP_NREG: r->regs[i->a] = r->ops->reg(r->ctx, (unsigned)i->imm); break;
	case DL_OP_NLD: return run_load(r, pc, i);
	case DL_OP_NSLOT:
		if (slot < r->n_slots)
			r->rec->slots[slot] = r->regs[i->a];
		break;
	case DL_OP_NCAPS: capture_string(r, slot, r->regs[i->a], r->strsize); break;
	case DL_OP_NCAPSN: capture_string(r, slot, r->regs[i->a], r->regs[i->b]); break;
	case DL_OP_NCAPM: capture_mem(r, slot, r->regs[i->a], r->regs[i->b]); break;
	case DL_OP_NIN: r->regs[i->a] = slot < r->n_slots ? r->rec->slots[slot] : 0; break;
	case DL_OP_NTIME: r->regs[i->a] = r->ops->time(r->ctx); break;
	case DL_OP_NSELF: r->regs[i->a] = *r->ops->self(r->ctx, slot); break;
	case DL_OP_NSELFS: *r->ops->self(r->ctx, slot) = r->regs[i->a]; break;
	case DL_OP_NAGG: r->ops->agg(r->ctx, slot, r->regs[i->a]); break;
	default: r->regs[i->a] = compute(r, i);
	}
	return pc + 1;
}

size_t dl_near_run(const struct dl_code *code, unsigned n_slots, uint32_t strsize,
		   const struct dl_near_ops *ops, void *ctx, struct dl_record *rec, size_t cap)
{
	struct run r = { .code = code,
			 .n_slots = n_slots,
			 .strsize = strsize,
			 .ops = ops,
			 .ctx = ctx,
			 .rec = rec,
			 .cap = cap & ~(size_t)7,
			 .off = sizeof(*rec) + 8 * (size_t)n_slots };
	uint32_t pc = 0;

	/* Offsets and lengths are 32 bits wide. */
	if (r.cap > INT32_MAX)
		r.cap = INT32_MAX & ~(size_t)7;
	if (n_slots > NEAR_SLOTS_MAX || r.off > r.cap)
		return 0;
	rec->n_slots = n_slots;
	rec->faults = 0;
	memset(rec->slots, 0, 8 * (size_t)n_slots);
	while (pc < code->n) {
		const struct dl_insn *i = &code->insns[pc];

		if (i->op == DL_OP_NREC)
			return 0;
		if (i->op == DL_OP_END)
			break;
		pc = step(&r, pc, i);
	}
	rec->len = (uint32_t)r.off;
	return r.off;
}
