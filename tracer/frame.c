/*
 * The stack walk: call frame information first, then the frame pointer.
 *
 * A frame is the set of registers as the function had them.  One step looks
 * up the CFI row for the pc and computes the caller's registers from the
 * stack; rows are cached with the image (cfi.c) and stack memory is read in
 * blocks, so a warm step does no system call and allocates nothing.
 *
 * The pc of every frame but the first is a return address: the call stands
 * before it, maybe as the last instruction of its function, so tables are
 * asked about pc - 1.  The exception is the frame that a signal interrupted.
 *
 * What is no code is not believed: a return address outside of executable
 * mappings ends the walk, and so does a stack pointer that does not move up.
 *
 * Where neither tables nor a frame pointer lead on, the stack is searched for
 * something that a call left there.  Such a frame is marked as a guess.
 */
#include "frame.h"

#include <dwarf.h>
#include <string.h>

#include "../dlang/state.h"
#include "cfi.h"
#include "object_table.h"

#define OP_STACK 32
#define OP_STEPS 512
#define FP_MAX (64u << 20) /* a frame is not larger than this */

struct frame {
	uint64_t r[ARCH_DWARF_REGS];
	uint64_t pc;
	bool is_call; /* pc is a return address */
	bool is_guess;
	bool is_sp_least; /* sp is known not to be below what r has */
};

struct walk {
	struct objects *os;
	struct frame_memory *m;
	uint64_t rescanned; /* page for which the mappings were read again */
};

enum step { STEP_OK, STEP_OUTERMOST, STEP_UNKNOWN, STEP_COMPLEX };

/* ------------------------------------------------------------- memory -- */

void frame_memory_reset(struct frame_memory *m)
{
	m->windows[0].len = m->windows[1].len = 0;
	m->is_short = false;
}

void frame_memory_give(struct frame_memory *m, uint64_t addr, const uint8_t *bytes, size_t len)
{
	struct frame_window *w = &m->windows[m->last];

	w->addr = addr;
	w->len = len;
	w->bytes = bytes;
}

static bool in_window(const struct frame_window *w, uint64_t addr, size_t len)
{
	return w->len >= len && addr - w->addr <= w->len - len;
}

static bool read_memory(struct frame_memory *m, uint64_t addr, void *buf, size_t len)
{
	struct frame_window *w = &m->windows[m->last];

	if (!in_window(w, addr, len)) {
		m->last = !m->last;
		w = &m->windows[m->last];
	}
	if (!in_window(w, addr, len)) {
		size_t n = m->read(m->arg, addr, w->room, sizeof(w->room));

		if (n < len) {
			if (w->bytes == w->room)
				w->len = 0;
			m->is_short = true;
			return false;
		}
		w->addr = addr;
		w->bytes = w->room;
		w->len = n;
	}
	memcpy(buf, w->bytes + (addr - w->addr), len);
	return true;
}

static bool read_word(struct frame_memory *m, uint64_t addr, uint64_t *ret)
{
	return read_memory(m, addr, ret, sizeof(*ret));
}

/* -------------------------------------------------------- expressions -- */

struct eval {
	struct walk *w;
	const struct frame *f;
	uint64_t cfa;
	uint64_t s[OP_STACK];
	unsigned n;
};

static bool push(struct eval *e, uint64_t v)
{
	if (e->n == OP_STACK)
		return false;
	e->s[e->n++] = v;
	return true;
}

static bool push_register(struct eval *e, uint64_t reg, int64_t offset)
{
	return reg < ARCH_DWARF_REGS && push(e, e->f->r[reg] + (uint64_t)offset);
}

/* Two operands: the top is b. */
static bool binary(struct eval *e, unsigned atom)
{
	if (e->n < 2)
		return false;
	uint64_t b = e->s[--e->n], a = e->s[--e->n];

	switch (atom) {
	case DW_OP_and: return push(e, a & b);
	case DW_OP_or: return push(e, a | b);
	case DW_OP_xor: return push(e, a ^ b);
	case DW_OP_plus: return push(e, a + b);
	case DW_OP_minus: return push(e, a - b);
	case DW_OP_mul: return push(e, a * b);
	case DW_OP_shl: return push(e, b < 64 ? a << b : 0);
	case DW_OP_shr: return push(e, b < 64 ? a >> b : 0);
	case DW_OP_shra: return push(e, (uint64_t)((int64_t)a >> (b < 64 ? b : 63)));
	case DW_OP_eq: return push(e, a == b);
	case DW_OP_ne: return push(e, a != b);
	case DW_OP_lt: return push(e, (int64_t)a < (int64_t)b);
	case DW_OP_le: return push(e, (int64_t)a <= (int64_t)b);
	case DW_OP_gt: return push(e, (int64_t)a > (int64_t)b);
	case DW_OP_ge: return push(e, (int64_t)a >= (int64_t)b);
	default: return false;
	}
}

static bool stack_op(struct eval *e, const Dwarf_Op *op)
{
	uint64_t *top = e->n ? &e->s[e->n - 1] : NULL;

	switch (op->atom) {
	case DW_OP_dup: return top && push(e, *top);
	case DW_OP_drop: return top && e->n--;
	case DW_OP_over: return e->n >= 2 && push(e, e->s[e->n - 2]);
	case DW_OP_pick: return op->number < e->n && push(e, e->s[e->n - 1 - op->number]);
	case DW_OP_neg: return top && (*top = -*top, true);
	case DW_OP_not: return top && (*top = ~*top, true);
	case DW_OP_plus_uconst: return top && (*top += op->number, true);
	case DW_OP_deref: return top && read_word(e->w->m, *top, top);
	default: return false;
	}
}

static bool swap_top(struct eval *e)
{
	if (e->n < 2)
		return false;
	uint64_t v = e->s[e->n - 1];

	e->s[e->n - 1] = e->s[e->n - 2];
	e->s[e->n - 2] = v;
	return true;
}

/* All but jumps; false: not understood, or no such memory. */
static bool eval_op(struct eval *e, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(e, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_register(e, op->atom - DW_OP_breg0, (int64_t)op->number);
	switch (op->atom) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts: return push(e, op->number);
	case DW_OP_bregx: return push_register(e, op->number, (int64_t)op->number2);
	case DW_OP_call_frame_cfa: return push(e, e->cfa);
	case DW_OP_swap: return swap_top(e);
	case DW_OP_nop: return true;
	default: return stack_op(e, op) || binary(e, op->atom);
	}
}

/* The operation that a jump at ops[i] leads to; n: the end, more: none. */
static size_t jump_target(const Dwarf_Op *ops, size_t n, size_t i)
{
	uint64_t want = ops[i].offset + 3 + (uint64_t)(int64_t)(int16_t)ops[i].number;

	for (size_t k = 0; k < n; k++)
		if (ops[k].offset == want)
			return k;
	return want > ops[n - 1].offset ? n : n + 1;
}

static bool eval(struct walk *w, const struct frame *f, uint64_t cfa, const Dwarf_Op *ops, size_t n,
		 uint64_t *ret)
{
	struct eval e = { .w = w, .f = f, .cfa = cfa };
	unsigned steps = 0;

	for (size_t i = 0; i < n; steps++) {
		bool is_jump = ops[i].atom == DW_OP_skip || ops[i].atom == DW_OP_bra;

		if (steps == OP_STEPS || (ops[i].atom == DW_OP_bra && !e.n))
			return false;
		if (!is_jump && !eval_op(&e, &ops[i]))
			return false;
		if (is_jump && (ops[i].atom == DW_OP_skip || e.s[--e.n]))
			i = jump_target(ops, n, i);
		else
			i++;
		if (i > n)
			return false;
	}
	if (!e.n)
		return false;
	*ret = e.s[e.n - 1];
	return true;
}

/* -------------------------------------------------------------- steps -- */

static enum step apply_rule(struct walk *w, const struct frame *f, uint64_t cfa,
			    const struct cfi_rule *rule, uint64_t *ret)
{
	uint64_t v = 0;

	switch ((enum cfi_how)rule->how) {
	case CFI_UNDEFINED: return STEP_OUTERMOST;
	case CFI_OFFSET:
		return read_word(w->m, cfa + (uint64_t)rule->offset, ret) ? STEP_OK : STEP_UNKNOWN;
	case CFI_VAL_OFFSET: *ret = cfa + (uint64_t)rule->offset; return STEP_OK;
	case CFI_REGISTER:
		if (rule->offset < 0 || rule->offset >= ARCH_DWARF_REGS)
			return STEP_COMPLEX;
		*ret = f->r[rule->offset];
		return STEP_OK;
	case CFI_EXPR:
		if (!eval(w, f, cfa, rule->ops, rule->n_ops, &v))
			return STEP_COMPLEX;
		return read_word(w->m, v, ret) ? STEP_OK : STEP_UNKNOWN;
	case CFI_VAL_EXPR:
		return eval(w, f, cfa, rule->ops, rule->n_ops, ret) ? STEP_OK : STEP_COMPLEX;
	}
	return STEP_COMPLEX;
}

/*
 * The CFA where that hangs on sp and only the frame pointer is known: what that
 * points to is where the tables say that the caller's was put.
 */
static bool cfa_from_fp(const struct frame *f, const struct cfi_row *row, uint64_t *ret)
{
	for (unsigned i = 0; i < row->n_rules; i++) {
		if (row->rules[i].reg != arch_dwarf_fp || row->rules[i].how != CFI_OFFSET)
			continue;
		*ret = f->r[arch_dwarf_fp] - (uint64_t)row->rules[i].offset;
		return *ret > f->r[arch_dwarf_sp];
	}
	return false;
}

/* From f to its caller in *next by the tables. */
static enum step step_cfi(struct walk *w, const struct frame *f, struct frame *next)
{
	uint64_t pc = f->pc - f->is_call, cfa;
	struct obj *o = objects_find_code(w->os, pc);
	const struct cfi_row *row = o ? cfi_row(o->pub.image, pc - o->pub.bias) : NULL;

	if (!row)
		return STEP_UNKNOWN;
	if (!row->cfa_is_expr) {
		if (!f->is_sp_least || row->cfa_reg != arch_dwarf_sp || !cfa_from_fp(f, row, &cfa))
			cfa = f->r[row->cfa_reg] + (uint64_t)row->cfa_offset;
	} else if (!eval(w, f, 0, row->cfa_ops, row->n_cfa_ops, &cfa)) {
		return STEP_COMPLEX;
	}
	*next = *f;
	next->is_sp_least = false;
	next->r[arch_dwarf_sp] = cfa;
	for (unsigned i = 0; i < row->n_rules; i++) {
		const struct cfi_rule *rule = &row->rules[i];
		enum step step = apply_rule(w, f, cfa, rule, &next->r[rule->reg]);

		/* Only the return address has to be there. */
		if (step != STEP_OK && (rule->reg == row->ra || step == STEP_COMPLEX))
			return step;
	}
	next->pc = arch_code_address(next->r[row->ra]);
	next->is_call = !row->is_signal;
	if (row->is_signal)
		return next->pc ? STEP_OK : STEP_OUTERMOST;
	/* Only a frame whose return address is in a register may be empty. */
	if (next->r[arch_dwarf_sp] < f->r[arch_dwarf_sp] ||
	    (next->r[arch_dwarf_sp] == f->r[arch_dwarf_sp] && f->is_call))
		return STEP_UNKNOWN;
	return next->pc ? STEP_OK : STEP_OUTERMOST;
}

/* Executable memory?  Code made at run time may be younger than what is known. */
static bool is_code(struct walk *w, uint64_t addr)
{
	if (objects_is_code(w->os, addr))
		return true;
	if (!addr || addr >> 12 == w->rescanned || addr >> 63)
		return false;
	w->rescanned = addr >> 12;
	objects_rescan_code(w->os);
	return objects_is_code(w->os, addr);
}

/* The frame pointer leads to the caller's, and the return address is above it. */
static enum step step_fp(struct walk *w, const struct frame *f, struct frame *next)
{
	uint64_t fp = f->r[arch_dwarf_fp], sp = f->r[arch_dwarf_sp], pair[2];

	if (fp % 8 || fp < sp || fp - sp > FP_MAX || !read_memory(w->m, fp, pair, sizeof(pair)))
		return STEP_UNKNOWN;
	*next = *f;
	next->pc = arch_code_address(pair[1]);
	next->r[arch_dwarf_fp] = pair[0];
	next->r[arch_dwarf_sp] = fp + sizeof(pair);
	next->is_sp_least = arch_fp_is_low;
	next->is_call = true;
	return is_code(w, next->pc) ? STEP_OK : STEP_UNKNOWN;
}

#define SIGFRAME_FAR 8192 /* of a frame whose end is unknown */

/* The registers that a signal's frame at sp has; do they lead on from what fp points to? */
static bool read_sigframe(struct walk *w, const struct frame *f, uint64_t sp, unsigned off,
			  unsigned n, struct frame *next)
{
	uint64_t saved[ARCH_DWARF_REGS], caller;

	if (!read_memory(w->m, sp + off, saved, n * sizeof(saved[0])))
		return false;
	*next = *f;
	next->is_sp_least = false;
	for (unsigned i = 0; i < n; i++)
		next->r[arch_sigframe_order ? arch_sigframe_order[i] : i] = saved[i];
	next->pc = saved[n - 1];
	next->is_call = false;
	if (!f->is_sp_least)
		return true;
	return read_word(w->m, f->r[arch_dwarf_fp], &caller) && caller == next->r[arch_dwarf_fp] &&
	       is_code(w, next->pc);
}

/* A signal trampoline without tables: all of the interrupted registers are there. */
static enum step step_sigframe(struct walk *w, const struct frame *f, struct frame *next)
{
	uint8_t code[ARCH_SIGFRAME_CODE];
	size_t have = objects_read(w->os, f->pc, code, sizeof(code));
	uint64_t far = f->is_sp_least ? SIGFRAME_FAR : 0;
	unsigned off, n = arch_sigframe(code, have, &off);

	if (!n || n > ARCH_DWARF_REGS)
		return STEP_UNKNOWN;
	for (uint64_t more = 0; more <= far; more += 16)
		if (read_sigframe(w, f, f->r[arch_dwarf_sp] + more, off, n, next))
			return next->pc ? STEP_OK : STEP_OUTERMOST;
	return STEP_UNKNOWN;
}

/* At a function's first instruction the caller is where the call left it. */
static enum step step_entry(struct walk *w, const struct arch_regs *regs, const struct frame *f,
			    struct frame *next)
{
	uint64_t v;

	*next = *f;
	next->is_call = true;
	if (arch_return_address(regs, &v)) {
		next->pc = arch_code_address(v); /* a landing pad may have signed it */
	} else {
		if (!read_word(w->m, v, &next->pc))
			return STEP_UNKNOWN;
		next->r[arch_dwarf_sp] = v + sizeof(v);
	}
	return is_code(w, next->pc) ? STEP_OK : STEP_UNKNOWN;
}

/* On the way through the PLT, where that has no tables. */
static enum step step_stub(struct walk *w, const struct arch_regs *regs, const struct frame *f,
			   struct frame *next)
{
	uint8_t code[3 * ARCH_INSN_MAX];
	unsigned sp_off;

	if (objects_read(w->os, f->pc - ARCH_INSN_MAX, code, sizeof(code)) != sizeof(code) ||
	    !arch_linkage_stub(code + ARCH_INSN_MAX, ARCH_INSN_MAX, 2 * ARCH_INSN_MAX, &sp_off))
		return STEP_UNKNOWN;
	enum step step = step_entry(w, regs, f, next);

	next->r[arch_dwarf_sp] += sp_off;
	return step;
}

/* ---------------------------------------------- functions without tables -- */

#define PUSHED_MAX 8 /* arguments on the stack of the call that is going on */

/* Is word a return address?  *target: of which function, 0 unknown. */
static bool is_return(struct walk *w, uint64_t word, uint64_t *target)
{
	uint8_t code[ARCH_CALL_MAX];

	return objects_is_code(w->os, word) &&
	       objects_read(w->os, word - sizeof(code), code, sizeof(code)) == sizeof(code) &&
	       arch_call_before(code, word, target);
}

/* What the function at start has done to the stack. */
static bool read_prologue(struct walk *w, const struct frame *f, uint64_t start,
			  struct arch_prologue *p)
{
	uint8_t code[ARCH_PROLOGUE_CODE];
	uint64_t at = f->pc - start;
	size_t n = at < sizeof(code) ? at : sizeof(code);

	return objects_read(w->os, start, code, n) == n && arch_prologue(code, n, at, p);
}

/*
 * The return address, and where sp was before the function's first instruction
 * (*base).  A register has it no more behind a call.
 */
static bool undo_return(struct walk *w, const struct frame *f, const struct arch_prologue *p,
			uint64_t base, uint64_t *ret)
{
	uint64_t target;

	if (p->ra_reg < 0) {
		if (!read_word(w->m, base - p->ra_depth, ret))
			return false;
	} else if (f->is_call) {
		return false;
	} else {
		*ret = f->r[p->ra_reg];
	}
	*ret = arch_code_address(*ret);
	return is_return(w, *ret, &target);
}

enum undo_from { FROM_SP, FROM_FP };

/* Back to what was there when the function was called; false: no sign of a call. */
static bool undo_prologue(struct walk *w, const struct frame *f, const struct arch_prologue *p,
			  enum undo_from from, unsigned pushed_max, struct frame *next)
{
	uint64_t base = from == FROM_FP ? f->r[arch_dwarf_fp] + p->fp_depth :
					  f->r[arch_dwarf_sp] + p->depth;

	if (from == FROM_SP && p->sp_unknown)
		return false;
	*next = *f;
	for (unsigned i = 0; !undo_return(w, f, p, base, &next->pc); i++) {
		if (i >= pushed_max)
			return false;
		base += sizeof(uint64_t);
	}
	for (unsigned i = 0; i < p->n_saved; i++)
		if (!read_word(w->m, base - p->saved[i].depth, &next->r[p->saved[i].reg]))
			return false;
	/* A return address above all that the function did was popped by its return. */
	next->r[arch_dwarf_sp] = base + (p->ra_reg < 0 && !p->ra_depth ? sizeof(uint64_t) : 0);
	next->is_sp_least = from == FROM_SP && f->is_sp_least;
	next->is_call = true;
	return true;
}

/* Where the function of a frame begins, if it has a name; else 0. */
static uint64_t named_start(struct walk *w, const struct frame *f)
{
	uint64_t pc = f->pc - f->is_call;
	struct obj *o = objects_find_code(w->os, pc);
	const struct sym *s = o ? object_symbol_at(&o->pub, pc) : NULL;

	return s ? s->addr + o->pub.bias : 0;
}

/*
 * No tables, but known where the function begins: its first instructions tell.
 * They come before the frame pointer alone: that may be a caller's, whose own
 * caller would be taken for this function's; and what they say of it tells where
 * the frame ends and the other registers are.
 */
static enum step step_prologue(struct walk *w, const struct frame *f, bool is_last,
			       struct frame *next)
{
	uint64_t start = named_start(w, f);
	struct arch_prologue p;
	enum undo_from from;

	if (!start || !read_prologue(w, f, start, &p))
		return STEP_UNKNOWN;
	from = p.sets_fp && !is_last ? FROM_FP : FROM_SP;
	if (from == FROM_FP && f->r[arch_dwarf_fp] < f->r[arch_dwarf_sp])
		return STEP_UNKNOWN;
	return undo_prologue(w, f, &p, from, is_last ? PUSHED_MAX : 0, next) ? STEP_OK :
									       STEP_UNKNOWN;
}

/* The function's own instructions, then the frame pointer. */
static enum step step_bare(struct walk *w, const struct frame *f, struct frame *next)
{
	enum step step = step_prologue(w, f, false, next);

	return step == STEP_UNKNOWN ? step_fp(w, f, next) : step;
}

/* On the way out, where the frame pointer may be the caller's already. */
static enum step step_epilogue(struct walk *w, const struct frame *f, struct frame *next)
{
	uint8_t code[ARCH_EPILOGUE_CODE];
	size_t have = objects_read(w->os, f->pc, code, sizeof(code));
	struct arch_prologue rest;

	return arch_epilogue(code, have, &rest) && undo_prologue(w, f, &rest, FROM_SP, 0, next) ?
		       STEP_OK :
		       STEP_UNKNOWN;
}

static enum step step_first(struct walk *w, const struct arch_regs *regs, const struct frame *f,
			    bool at_entry, struct frame *next)
{
	enum step step;

	if (at_entry)
		return step_entry(w, regs, f, next);
	step = step_cfi(w, f, next);
	if (step == STEP_UNKNOWN)
		step = step_sigframe(w, f, next);
	if (step == STEP_UNKNOWN)
		step = step_stub(w, regs, f, next);
	if (step != STEP_UNKNOWN)
		return step;
	/* A call through a bad pointer: nothing was pushed after the return address. */
	if (!is_code(w, f->pc))
		return step_entry(w, regs, f, next);
	if (step_epilogue(w, f, next) == STEP_OK)
		return STEP_OK;
	return step_bare(w, f, next);
}

/* ------------------------------------------------------------ guessing -- */

#define GUESS_WORDS 512
#define GUESS_FAR (64u << 10) /* a function does not begin this far before its code */

/*
 * Where the function begins is said by the call that the stack remembers; if
 * its first instructions agree with where that was found, all the better.  A
 * call through a pointer says nothing, and is taken where there is no other.
 * A function's first instruction that no call stands before was put on the
 * stack to be returned to: nobody called it.
 */
static enum step step_guess(struct walk *w, const struct frame *f, struct frame *next)
{
	uint64_t sp = f->r[arch_dwarf_sp] & ~UINT64_C(7), word, target;
	enum { NOTHING, THROUGH_POINTER, NEAR, CERTAIN } found = NOTHING, is;

	if (f->is_call && !is_return(w, f->pc, &target))
		return STEP_UNKNOWN;
	for (unsigned i = 0; found < CERTAIN && i < GUESS_WORDS && read_word(w->m, sp, &word);
	     i++) {
		struct frame undone;
		struct arch_prologue p;

		sp += sizeof(word);
		word = arch_code_address(word);
		if (!is_return(w, word, &target) ||
		    (target && (target > f->pc || f->pc - target >= GUESS_FAR)))
			continue;
		is = target ? NEAR : THROUGH_POINTER;
		if (target && read_prologue(w, f, target, &p) &&
		    undo_prologue(w, f, &p, FROM_SP, PUSHED_MAX, &undone) &&
		    undone.r[arch_dwarf_sp] - p.ra_depth + (p.ra_depth ? 8 : 0) == sp)
			is = CERTAIN;
		if (is <= found)
			continue;
		*next = is == CERTAIN ? undone : *f;
		next->pc = word;
		next->is_call = true;
		if (is != CERTAIN) {
			next->r[arch_dwarf_sp] = sp;
			next->is_sp_least = arch_fp_is_low;
		}
		found = is;
	}
	if (found)
		next->is_guess = true;
	return found ? STEP_OK : STEP_UNKNOWN;
}

static enum step step_next(struct walk *w, const struct frame *f, struct frame *next)
{
	enum step step = step_cfi(w, f, next);

	if (step == STEP_UNKNOWN)
		step = step_sigframe(w, f, next);
	return step == STEP_UNKNOWN ? step_bare(w, f, next) : step;
}

int frame_walk(struct objects *os, struct frame_memory *m, const struct arch_regs *regs,
	       uint64_t pc, bool at_entry, uint64_t *pcs, int max, enum frame_end *end_ret)
{
	struct walk w = { .os = os, .m = m };
	struct frame frames[2] = { { .pc = pc } };
	enum step step = STEP_OK;
	int n = 0;

	for (unsigned i = 0; i < ARCH_DWARF_REGS; i++)
		(void)arch_dwarf_reg(regs, i, &frames[0].r[i]);
	while (n < max) {
		const struct frame *f = &frames[n & 1];
		struct frame *next = &frames[!(n & 1)];

		pcs[n++] = f->pc | (f->is_guess ? DL_FRAME_GUESS : 0);
		step = n == 1 ? step_first(&w, regs, f, at_entry, next) : step_next(&w, f, next);
		next->is_guess = false;
		if (step == STEP_OK && !is_code(&w, next->pc))
			step = STEP_UNKNOWN;
		if (step == STEP_UNKNOWN)
			step = step_prologue(&w, f, true, next);
		if (step == STEP_UNKNOWN)
			step = step_guess(&w, f, next);
		if (step != STEP_OK)
			break;
	}
	*end_ret = step == STEP_OUTERMOST ? FRAME_OUTERMOST :
		   step == STEP_UNKNOWN	  ? FRAME_LOST :
		   step == STEP_COMPLEX	  ? FRAME_COMPLEX :
					    FRAME_FULL;
	return n;
}
