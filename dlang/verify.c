/*
 * The verifier: is a program sound?  It must hold against arbitrary bytes,
 * so that the VM, the near interpreter and the machine code generators need
 * no checks of their own for what is checked here:
 *
 *  - every opcode exists and belongs to its tier; registers are below n_regs;
 *  - jumps go forward and stay inside; the last instruction, and no other, is END;
 *  - slots, actions, variables, aggregations, strings, constants, enumerators
 *    and sizes are in range;
 *  - far: on every path TRB and TRE alternate, TR* lie between them and END
 *    does not;
 *  - near: each slot is closed exactly once on every path that ends in END:
 *    no jump crosses the instruction that closes a slot.
 *
 * Registers start at zero, so that use before assignment is harmless.
 */
#include "codegen.h"

#include <string.h>

#define FRAMES_MAX 65535 /* of one stack */
#define FAR_INSNS_MAX (1u << 24)

struct check {
	const struct dl_code *code;
	bool is_near;
	uint32_t n_slots, n_actions, n_vars, n_aggs, n_strings;
};

static const char *check_regs(const struct check *k, const struct dl_insn *i)
{
	unsigned n = k->code->n_regs;
	bool a = true, b = false, c = false;

	switch (cg_ops[i->op].format) {
	case CG_F_N:
	case CG_F_I:
	case CG_F_J: a = false; break;
	case CG_F_A:
	case CG_F_AI:
	case CG_F_S:
	case CG_F_SI:
	case CG_F_SJ: break;
	case CG_F_AB:
	case CG_F_ABI:
	case CG_F_SSI: b = true; break;
	case CG_F_SSCI: /* c is a size or a count */ b = i->op != DL_OP_CALL || i->c > 0; break;
	case CG_F_ABC: b = c = true; break;
	}
	if ((a && i->a >= n) || (b && i->b >= n) || (c && i->c >= n))
		return "register out of range";
	return NULL;
}

static bool is_word(int64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static const char *check_call(const struct check *k, const struct dl_insn *i)
{
	static const struct {
		uint8_t min, max;
	} subrs[] = {
#define SUBR(id, name, min_args, max_args, proto, flags) { min_args, max_args },
#include "subr.def"
#undef SUBR
	};

	if (i->imm < 0 || i->imm >= DL_SUBR_COUNT)
		return "no such subroutine";
	if (i->c < subrs[i->imm].min || i->c > subrs[i->imm].max)
		return "wrong number of arguments";
	if (i->b + (unsigned)i->c > k->code->n_regs)
		return "register out of range";
	return NULL;
}

static const char *check_index(int32_t imm, uint32_t n, const char *what)
{
	return imm < 0 || (uint32_t)imm >= n ? what : NULL;
}

/* Numbers that index a table of the clause, the context or a language list. */
static const char *check_imm_index(const struct check *k, const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_LDK: return check_index(i->imm, k->code->n_consts, "constant out of range");
	case DL_OP_IN:
	case DL_OP_INP:
	case DL_OP_INLEN:
	case DL_OP_NSLOT:
	case DL_OP_NCAPS:
	case DL_OP_NCAPSN:
	case DL_OP_NCAPM:
	case DL_OP_NIN: return check_index(i->imm, k->n_slots, "slot out of range");
	case DL_OP_TRB: return check_index(i->imm, k->n_actions, "action out of range");
	case DL_OP_LDV:
	case DL_OP_STV:
	case DL_OP_VADDR:
	case DL_OP_LDVK:
	case DL_OP_STVK: return check_index(i->imm, k->n_vars, "variable out of range");
	case DL_OP_AGG: return check_index(i->imm, k->n_aggs, "aggregation out of range");
	case DL_OP_STR: return check_index(i->imm, k->n_strings, "string out of range");
	case DL_OP_BVAR:
	case DL_OP_BVARX: return check_index(i->imm, DL_BV_COUNT, "no such built-in variable");
	case DL_OP_TUPY:
	case DL_OP_TRY: return check_index(i->imm, DL_SYM_UMOD + 1, "no such kind of symbol");
	case DL_OP_ACT: return check_index(i->imm, DL_EF_COUNT, "no such effect");
	case DL_OP_NARG:
	case DL_OP_NREG:
	case DL_OP_NSELF:
	case DL_OP_NSELFS:
	case DL_OP_NAGG:
	case DL_OP_STMT: return check_index(i->imm, INT32_MAX, "number out of range");
	case DL_OP_CALL: return check_call(k, i);
	default: return NULL;
	}
}

/* Sizes in bytes, bits or frames. */
static const char *check_size(const struct dl_insn *i)
{
	bool ok = true;

	switch (i->op) {
	case DL_OP_SX:
	case DL_OP_ZX: ok = i->imm >= 1 && i->imm <= 64; break;
	case DL_OP_NLD:
	case DL_OP_LD: ok = is_word(i->c & ~NLD_SIGNED); break;
	case DL_OP_ST: ok = is_word(i->c); break;
	case DL_OP_NDIVS:
	case DL_OP_NDIVU: ok = i->imm > 0; break;
	case DL_OP_LDF:
	case DL_OP_STF: ok = i->imm == 4 || i->imm == 8 || i->imm == 16; break;
	case DL_OP_TUPI:
	case DL_OP_TRI: ok = is_word(i->imm); break;
	case DL_OP_TUPU:
	case DL_OP_TRU: ok = i->imm >= 0 && i->imm <= FRAMES_MAX; break;
	case DL_OP_COPY:
	case DL_OP_SCOPY:
	case DL_OP_SCRATCH:
	case DL_OP_BOUNDS:
	case DL_OP_TUPM:
	case DL_OP_TRM:
	case DL_OP_TRMD: ok = i->imm >= 0; break;
	default: break;
	}
	return ok ? NULL : "bad size";
}

static const char *check_insn(const struct check *k, uint32_t pc)
{
	const struct dl_insn *i = &k->code->insns[pc];
	uint32_t left = k->code->n - 1 - pc;
	const char *why;

	if (i->op >= DL_OP_COUNT)
		return "no such opcode";
	if (cg_ops[i->op].tier != CG_T_NF && (cg_ops[i->op].tier == CG_T_R) != k->is_near)
		return "opcode of the other tier";
	if ((i->op == DL_OP_END) != (left == 0))
		return "END is not the last instruction";
	/* The target is an instruction: at most END. */
	if (dl_op_jumps(i->op) && (i->imm < 0 || (uint32_t)i->imm >= left))
		return "jump out of range";
	why = check_regs(k, i);
	if (!why)
		why = check_imm_index(k, i);
	return why ? why : check_size(i);
}

static bool is_trace_field(uint8_t op)
{
	return op == DL_OP_TRI || op == DL_OP_TRS || op == DL_OP_TRM || op == DL_OP_TRMD ||
	       op == DL_OP_TRU || op == DL_OP_TRY;
}

enum { AT_NONE, AT_OUTSIDE, AT_INSIDE };

/* The state behind the instruction, or an error text. */
static const char *step_trace(uint8_t op, uint8_t *at)
{
	if (op == DL_OP_TRB) {
		if (*at != AT_OUTSIDE)
			return "TRB inside an action's data";
		*at = AT_INSIDE;
	} else if (op == DL_OP_TRE) {
		if (*at != AT_INSIDE)
			return "TRE without TRB";
		*at = AT_OUTSIDE;
	} else if (is_trace_field(op) && *at != AT_INSIDE) {
		return "trace data outside an action";
	} else if (op == DL_OP_END && *at != AT_OUTSIDE) {
		return "END inside an action's data";
	} else if (op == DL_OP_SPEC && *at != AT_OUTSIDE) {
		return "SPEC inside an action's data";
	}
	return NULL;
}

static const char *flow_to(uint8_t *state, uint32_t pc, uint8_t at)
{
	if (state[pc] != AT_NONE && state[pc] != at)
		return "TRB and TRE depend on the path";
	state[pc] = at;
	return NULL;
}

/* One pass suffices: all jumps go forward.  Code that nothing reaches stays AT_NONE. */
static const char *check_trace(const struct check *k, uint8_t *state)
{
	state[0] = AT_OUTSIDE;
	for (uint32_t pc = 0; pc < k->code->n; pc++) {
		const struct dl_insn *i = &k->code->insns[pc];
		const char *why = NULL;
		uint8_t at = state[pc];

		if (at == AT_NONE)
			continue;
		why = step_trace(i->op, &at);
		if (!why && dl_op_jumps(i->op))
			why = flow_to(state, pc + 1 + (uint32_t)i->imm, at);
		if (!why && i->op != DL_OP_JMP && i->op != DL_OP_END)
			why = flow_to(state, pc + 1, at);
		if (why)
			return why;
	}
	return NULL;
}

/* Near: each slot once, none jumped over, none before NREC. */
static const char *check_slots(const struct check *k)
{
	uint64_t closed = 0;
	uint32_t reach = 0; /* farthest target of the jumps so far */
	uint32_t n = 0;

	for (uint32_t pc = 0; pc < k->code->n; pc++) {
		const struct dl_insn *i = &k->code->insns[pc];

		if (dl_op_jumps(i->op) && pc + 1 + (uint32_t)i->imm > reach)
			reach = pc + 1 + (uint32_t)i->imm;
		if (i->op == DL_OP_NREC && closed)
			return "NREC behind a slot";
		if (!dl_op_closes_slot(i->op))
			continue;
		if (reach > pc)
			return "jump over a slot";
		if (closed & 1ull << i->imm)
			return "slot is set twice";
		closed |= 1ull << i->imm;
		n++;
	}
	return n == k->n_slots ? NULL : "slot is never set";
}

const char *dl_verify(const struct dl_code *code, bool is_near, uint32_t n_slots,
		      uint32_t n_actions, uint32_t n_vars, uint32_t n_aggs, uint32_t n_strings)
{
	struct check k = { code, is_near, n_slots, n_actions, n_vars, n_aggs, n_strings };
	_cleanup_(freep) uint8_t *state = NULL;
	const char *why;

	if (!code || !code->insns || code->n == 0)
		return "empty program";
	if (code->n > FAR_INSNS_MAX)
		return "program too long";
	if (code->n_regs > (is_near ? NEAR_REGS : CG_FAR_REGS))
		return "too many registers";
	if (code->n_consts && !code->consts)
		return "no constants";
	if (n_slots > NEAR_SLOTS_MAX)
		return "too many slots";
	for (uint32_t pc = 0; pc < code->n; pc++) {
		why = check_insn(&k, pc);
		if (why)
			return why;
	}
	if (is_near)
		return check_slots(&k);
	state = calloc(code->n, 1);
	if (!state)
		return "out of memory";
	return check_trace(&k, state);
}
