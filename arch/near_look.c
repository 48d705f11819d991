/*
 * What near programs do, whatever the processor (near_look.h).
 *
 * Rule: nothing here knows a machine register; sets of near's registers have bit
 * n for register n.
 */
#include "near_look.h"

#include <stdlib.h>

#include "../dlang/host.h"

/* -------------------------------------------------------- instructions -- */

bool near_acts(uint8_t op)
{
	return op == DL_OP_NSELFS || op == DL_OP_NAGG;
}

bool near_on_stack(const struct arch_tramp_firing *f, const struct dl_insn *i)
{
	return i->op == DL_OP_NARG && (f->kind == ARCH_PROBE_ENTRY || f->kind == ARCH_PROBE_CALL) &&
	       (unsigned)i->imm >= arch_reg_args();
}

bool near_may_fault(const struct arch_tramp_firing *f, const struct dl_insn *i)
{
	return i->op == DL_OP_NLD || near_on_stack(f, i);
}

unsigned near_reads(const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_NOP:
	case DL_OP_LDI:
	case DL_OP_LDK:
	case DL_OP_JMP:
	case DL_OP_END:
	case DL_OP_NREC:
	case DL_OP_NARG:
	case DL_OP_NREG:
	case DL_OP_NIN:
	case DL_OP_NTIME:
	case DL_OP_NSELF: return 0;
	case DL_OP_JZ:
	case DL_OP_JNZ:
	case DL_OP_NSLOT:
	case DL_OP_NSELFS:
	case DL_OP_NAGG:
	case DL_OP_NCAPS: return 1u << i->a;
	case DL_OP_NCAPSN:
	case DL_OP_NCAPM: return 1u << i->a | 1u << i->b;
	case DL_OP_MOV:
	case DL_OP_ADDI:
	case DL_OP_NEG:
	case DL_OP_COM:
	case DL_OP_LNOT:
	case DL_OP_BOOL:
	case DL_OP_SX:
	case DL_OP_ZX:
	case DL_OP_NDIVS:
	case DL_OP_NDIVU:
	case DL_OP_NLD: return 1u << i->b;
	default: return 1u << i->b | 1u << i->c;
	}
}

unsigned near_writes(const struct dl_insn *i)
{
	if (i->op == DL_OP_NOP || i->op == DL_OP_END || i->op == DL_OP_NREC || dl_op_jumps(i->op) ||
	    dl_op_closes_slot(i->op) || near_acts(i->op))
		return 0;
	return 1u << i->a;
}

/* ------------------------------------------------------------ programs -- */

uint32_t near_behind_predicate(const struct dl_code *code)
{
	uint32_t at = 0;

	for (uint32_t pc = 0; pc < code->n; pc++)
		if (code->insns[pc].op == DL_OP_NREC)
			at = pc + 1;
	return at;
}

unsigned near_touches(const struct dl_code *code)
{
	unsigned set = 0;

	for (uint32_t pc = 0; pc < code->n; pc++)
		set |= near_reads(&code->insns[pc]) | near_writes(&code->insns[pc]);
	return set;
}

bool near_varies(const struct dl_code *code)
{
	for (uint32_t pc = 0; pc < code->n; pc++)
		if (dl_op_captures(code->insns[pc].op))
			return true;
	return false;
}

unsigned near_to_zero(const struct arch_tramp_firing *f, const struct dl_code *code,
		      const struct arch_agg *a)
{
	unsigned wanted = a ? 1u << a->value_reg | (a->key_bits ? 1u << a->key_reg : 0) : 0;
	unsigned written = 0, dirty = 0;

	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];

		dirty |= near_reads(i) & ~written;
		if (dl_op_jumps(i->op) || near_may_fault(f, i))
			break;
		written |= near_writes(i);
	}
	return dirty | ((near_touches(code) | wanted) & ~written);
}

int32_t *near_find_closes(const struct dl_code *code)
{
	int32_t *close = malloc(sizeof(*close) * code->n), next = -1;

	for (uint32_t pc = close ? code->n : 0; pc-- > 0;) {
		uint8_t op = code->insns[pc].op;

		if (dl_op_closes_slot(op))
			next = (int32_t)pc;
		else if (op == DL_OP_NREC || op == DL_OP_END)
			next = -1;
		close[pc] = next;
	}
	return close;
}

/* ------------------------------------------------------------- objects -- */

const struct arch_where *near_object(const struct arch_tramp_firing *f, const struct dl_insn *i)
{
	unsigned n = (unsigned)i->imm - DL_ARG_ADDRESS;

	if (i->op != DL_OP_NARG || i->imm < DL_ARG_ADDRESS || n >= f->n_objects)
		return NULL;
	return &f->objects[n];
}

unsigned near_piece_bytes(const struct arch_piece *p)
{
	switch (p->size) {
	case 1:
	case 2:
	case 4: return p->size;
	default: return p->size > 8 ? 16 : 8;
	}
}

/* Words that an object takes; 0: it is in memory. */
static unsigned words_of(const struct arch_where *w)
{
	unsigned end = 0;

	if (w->how == ARCH_IN_WORD)
		return 1;
	for (unsigned i = 0; w->how == ARCH_IN_PIECES && i < w->n_pieces; i++)
		if (w->pieces[i].at + near_piece_bytes(&w->pieces[i]) > end)
			end = w->pieces[i].at + near_piece_bytes(&w->pieces[i]);
	return (end + 7) / 8;
}

/* Each object has a place of its own, in the order in which they are asked for first. */
static unsigned room_up_to(const struct arch_tramp_firing *f, const struct dl_code *code,
			   int32_t imm)
{
	uint64_t seen = 0;
	unsigned at = 0;

	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];
		const struct arch_where *w = near_object(f, i);

		if (!w || i->imm - DL_ARG_ADDRESS > 63)
			continue;
		if (i->imm == imm)
			break;
		if (!(seen >> (i->imm - DL_ARG_ADDRESS) & 1))
			at += words_of(w);
		seen |= UINT64_C(1) << (i->imm - DL_ARG_ADDRESS);
	}
	return at;
}

unsigned near_room_at(const struct arch_tramp_firing *f, const struct dl_code *code,
		      const struct dl_insn *i)
{
	return room_up_to(f, code, i->imm);
}

unsigned near_room(const struct arch_tramp_firing *f, uint32_t n)
{
	unsigned most = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; f[i].n_objects && k < f[i].n_clauses; k++) {
			const struct arch_tramp_clause *c = &f[i].clauses[k];
			const struct dl_code *value = c->agg ? c->agg->code : NULL;
			unsigned room = room_up_to(&f[i], c->code, -1);

			most = room > most ? room : most;
			room = value ? room_up_to(&f[i], value, -1) : 0;
			most = room > most ? room : most;
		}
	}
	return most;
}

static const char *refuse_object(enum arch_probe_kind kind, const struct arch_where *w)
{
	unsigned words = kind == ARCH_PROBE_RETURN ? 2 : arch_reg_args();

	switch (w->how) {
	case ARCH_IN_WORD: return w->n < words ? NULL : "an argument is no register's";
	case ARCH_ON_STACK:
		return kind == ARCH_PROBE_ENTRY && w->n >= words ? NULL :
								   "an argument is on no stack";
	case ARCH_AT_ADDRESS: return w->n < words ? NULL : "an argument's address is on the stack";
	case ARCH_IN_PIECES: break;
	default: return "an argument is nowhere";
	}
	if (w->is_partial)
		return "an argument is known in part";
	for (unsigned i = 0; i < w->n_pieces; i++)
		if (!near_has_piece(kind, &w->pieces[i]))
			return "an argument is in registers of other kinds";
	return NULL;
}

const char *arch_objects_refuse(const struct arch_tramp_firing *f, const struct dl_code *code)
{
	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];
		const struct arch_where *w = near_object(f, i);
		const char *why;

		if (i->op != DL_OP_NARG || i->imm < DL_ARG_ADDRESS)
			continue;
		if (!w || (f->kind != ARCH_PROBE_ENTRY && f->kind != ARCH_PROBE_RETURN))
			return "an argument is where only debug information finds it";
		why = refuse_object(f->kind, w);
		if (why)
			return why;
	}
	return room_up_to(f, code, -1) > NEAR_ROOM_MAX ? "arguments by value take too much room" :
							 NULL;
}

uint64_t near_place_const(const struct arch_place *p)
{
	unsigned unused = 64 - p->size * 8u;
	uint64_t v = (uint64_t)p->op.value;

	if (p->is_signed)
		return (uint64_t)((int64_t)(v << unused) >> unused);
	return v << unused >> unused;
}

/* ------------------------------------------------------------- clauses -- */

static const char *refuse_code(const struct dl_code *code)
{
	if (!code || !code->insns || code->n == 0 || code->n > 4096)
		return "the near program is too long";
	if (code->n_regs > NEAR_REGS)
		return "the near program has too many registers";
	return NULL;
}

static bool is_misplaced(uint32_t off)
{
	return off % 8 || off < ARCH_RING_CELLS || off > 1u << 30;
}

static const char *refuse_agg(const struct arch_agg *a)
{
	const char *why;

	if (is_misplaced(a->cell))
		return "the aggregation's cell is misplaced";
	if (a->kind == ARCH_AGG_LLQUANTIZE && (!a->n_ranges || a->n_ranges > ARCH_RANGES_MAX))
		return "the aggregation's ranges make no sense";
	if (a->key_bits &&
	    (!a->code || a->key_bits > 20 || a->key_reg >= NEAR_REGS || a->kind > ARCH_AGG_MAX))
		return "the aggregation's keys make no sense";
	if (!a->code)
		return a->kind == ARCH_AGG_COUNT ? NULL : "the aggregation has no value";
	why = refuse_code(a->code);
	for (uint32_t pc = 0; !why && pc < a->code->n; pc++)
		if (dl_op_closes_slot(a->code->insns[pc].op))
			why = "the aggregation's value has slots";
	return why ? why : a->value_reg < NEAR_REGS ? NULL : "no such register";
}

/* Instructions about what the clause has besides its record. */
static const char *refuse_acts(const struct arch_tramp_clause *c)
{
	for (uint32_t pc = 0; pc < c->code->n; pc++) {
		const struct dl_insn *i = &c->code->insns[pc];
		bool may_fault = i->op == DL_OP_NLD ||
				 (i->op == DL_OP_NARG && (unsigned)i->imm >= arch_reg_args());

		if ((i->op == DL_OP_NSELF || i->op == DL_OP_NSELFS) &&
		    ((uint32_t)i->imm >= c->n_words || is_misplaced(c->words[i->imm])))
			return "there is no such word";
		if (i->op == DL_OP_NAGG &&
		    ((uint32_t)i->imm >= c->n_aggs || is_misplaced(c->aggs[i->imm].cell) ||
		     c->aggs[i->imm].key_bits))
			return "there is no such cell";
		if ((i->op == DL_OP_NDIVS || i->op == DL_OP_NDIVU) && i->imm <= 0)
			return "division by nothing";
		if (c->is_bare && (dl_op_closes_slot(i->op) || i->op == DL_OP_NIN ||
				   (may_fault && pc >= near_behind_predicate(c->code))))
			return "the clause needs a record";
	}
	return c->is_bare && c->agg ? "the clause has two kinds of cells" : NULL;
}

void near_reserve_record(const struct arch_tramp_clause *c, struct near_reserve *r)
{
	r->start = r->need = (uint32_t)sizeof(struct dl_record) + 8 * c->n_slots;
	r->varies = near_varies(c->code);
	if (r->varies)
		r->need = c->cap + 8; /* captures write a word past their end */
	if (c->stack_max) {
		r->need = c->cap + 8 + ARCH_STACK_ROOM(c->stack_max);
		r->varies = true;
	}
}

uint32_t near_cells_end(const struct arch_tramp_clause *c)
{
	uint32_t end = 0;

	for (uint32_t pc = 0; pc < c->code->n; pc++) {
		const struct dl_insn *i = &c->code->insns[pc];
		uint32_t to = 0;

		if (i->op == DL_OP_NSELF || i->op == DL_OP_NSELFS)
			to = c->words[i->imm] + 8;
		else if (i->op == DL_OP_NTIME)
			to = ARCH_RING_CELLS; /* a ring whose clock is set */
		if (i->op == DL_OP_NAGG)
			to = c->aggs[i->imm].cell + 8 * arch_agg_room(&c->aggs[i->imm]);
		if (to > end)
			end = to;
	}
	return end;
}

const char *near_refuse(const struct arch_tramp_clause *c)
{
	const char *why = refuse_code(c->code);

	if (!why && c->n_slots > NEAR_SLOTS_MAX)
		why = "the record has too many slots";
	if (!why &&
	    (c->cap % 8 || c->cap > 1u << 30 || c->cap < sizeof(struct dl_record) + 8 * c->n_slots))
		why = "the record's room does not fit its slots";
	if (!why && (c->stack_max % 8 || c->stack_max > 1u << 24 || (c->stack_max && c->is_bare)))
		why = "the stack's room is misaligned";
	if (!why)
		why = refuse_acts(c);
	return why || !c->agg ? why : refuse_agg(c->agg);
}

const char *near_refuse_any(const struct arch_tramp_firing *f)
{
	const char *why = NULL;

	for (uint32_t k = 0; k < f->n_clauses && !why; k++)
		why = near_refuse(&f->clauses[k]);
	return why;
}

/* Can the value's computation fault where it counts? */
static bool value_may_fault(const struct arch_tramp_firing *f, const struct dl_code *code)
{
	for (uint32_t pc = near_behind_predicate(code); pc < code->n; pc++)
		if (near_may_fault(f, &code->insns[pc]))
			return true;
	return false;
}

uint32_t near_uses(const struct near_needs *needs, const struct arch_tramp_firing *f,
		   const struct arch_tramp_clause *c)
{
	uint32_t set = needs->code(c->code);

	for (uint32_t k = 0; k < c->n_aggs; k++)
		set |= needs->agg(&c->aggs[k]);
	if (c->is_bare)
		return set | needs->cells;
	if (!c->agg)
		return set | needs->record;
	set = needs->agg(c->agg);
	if (c->agg->code)
		set |= needs->code(c->agg->code);
	if (c->agg->code && (c->agg->key_bits || value_may_fault(f, c->agg->code)))
		set |= needs->record | needs->code(c->code);
	return set;
}
