/*
 * The far interpreter.
 *
 * run() is one dispatch loop over ops.def, in its order.  Cases are short:
 * arithmetic is done in place, everything that touches memory, variables or
 * the host calls a function of the vm_*.c files, which returns false when the
 * clause faults.  vm_check() has looked at the code when it was enabled, so
 * that the loop need not bound the program counter: every jump lands inside
 * the code and the last instruction is END.  Register numbers can't be out of
 * range, being bytes; table indexes are checked where they are used.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

_Static_assert(VM_REGS > UINT8_MAX, "a register number is one byte");

static const uint8_t op_tiers[DL_OP_COUNT] = {
#define NF 1
#define F 1
#define R 0
#define OP(name, format, tier, effect) [DL_OP_##name] = tier,
#include "ops.def"
#undef OP
#undef NF
#undef F
#undef R
};

const char *vm_check(const struct dl_clause *clause)
{
	const struct dl_code *code = &clause->far;

	if (code->n == 0 || !code->insns || code->insns[code->n - 1].op != DL_OP_END)
		return "far program has no END";
	for (uint32_t i = 0; i < code->n; i++) {
		const struct dl_insn *in = &code->insns[i];
		bool is_jump = in->op == DL_OP_JMP || in->op == DL_OP_JZ || in->op == DL_OP_JNZ;

		if (in->op >= DL_OP_COUNT || !op_tiers[in->op])
			return "far program has an instruction it may not use";
		if (is_jump && (in->imm < 0 || (uint32_t)in->imm >= code->n - i - 1))
			return "far program jumps out of its code";
		if (in->op == DL_OP_LDK && (in->imm < 0 || (uint32_t)in->imm >= code->n_consts))
			return "far program uses a constant it does not have";
		if (in->op == DL_OP_CALL && in->b + in->c > (int)VM_REGS)
			return "far program passes more arguments than registers";
	}
	return NULL;
}

/* --- arithmetic --- */

static inline double as_double(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static inline uint64_t as_bits(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static uint64_t truncate_double(double d)
{
	if (d != d)
		return 0;
	if (d >= 9223372036854775808.0)
		return INT64_MAX;
	if (d < -9223372036854775808.0)
		return (uint64_t)INT64_MIN;
	return (uint64_t)(int64_t)d;
}

/* IEEE: x / 0 is infinite or NaN, which C leaves open and UBSan may refuse. */
__attribute__((no_sanitize("float-divide-by-zero"))) static double divide_double(double a, double b)
{
	return a / b;
}

static inline uint64_t sign_extend(uint64_t v, int32_t bits)
{
	unsigned shift = (unsigned)(64 - bits) & 63;

	return (uint64_t)((int64_t)(v << shift) >> shift);
}

static inline uint64_t zero_extend(uint64_t v, int32_t bits)
{
	unsigned shift = (unsigned)(64 - bits) & 63;

	return v << shift >> shift;
}

static inline uint64_t divide_signed(uint64_t a, uint64_t b)
{
	return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}

static inline uint64_t modulo_signed(uint64_t a, uint64_t b)
{
	return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

/* --- inputs --- */

static inline bool input_slot(struct vm *vm, int32_t imm, uint64_t *ret)
{
	const struct dl_record *rec = vm->rec;
	uint32_t slot = (uint32_t)imm;

	if (slot >= rec->n_slots || slot >= NEAR_SLOTS_MAX)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (rec->faults >> slot & 1)
		return vm_bad_address(vm, rec->slots[slot]);
	*ret = rec->slots[slot];
	return true;
}

static bool input_bytes(struct vm *vm, int32_t imm, uint64_t *addr_ret, uint64_t *len_ret)
{
	uint64_t word;

	if (!input_slot(vm, imm, &word))
		return false;
	uint64_t offset = word & UINT32_MAX, len = word >> 32;

	if (offset + len > vm->rec->len)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	*addr_ret = DL_DMEM_ADDR(DL_MEM_RECORD, offset);
	*len_ret = len;
	return true;
}

/* --- effects --- */

static void set_exit(struct vm *vm, int status)
{
	struct dl_state *s = vm->state;
	bool in_end = s->activity == DL_COOLDOWN;

	/* The first exit() decides, but one in END overrides it. */
	if (!s->exited || (in_end && !s->exited_in_end)) {
		s->exited = true;
		s->exited_in_end = in_end;
		s->exit_status = status;
	}
	if (!in_end)
		s->activity = DL_DRAINING;
	vm->fired |= DL_FIRED_EXIT;
}

static bool act(struct vm *vm, int32_t effect, uint64_t arg)
{
	const struct dl_thread *t = vm->thread;

	if (effect == DL_EF_EXIT) {
		set_exit(vm, (int)(uint32_t)arg);
		return true;
	}
	if (effect < 0 || effect >= DL_EF_COUNT || !t->ops || !t->ops->effect ||
	    !t->ops->effect(t->ctx, (enum dl_effect)effect, arg))
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (effect == DL_EF_CHILL) {
		vm->is_resampled = true;
		vm->cached &= ~((uint64_t)1 << DL_BV_TIMESTAMP);
	}
	return true;
}

static inline bool aggregate(struct vm *vm, uint32_t id, uint64_t value, uint64_t increment)
{
	struct dl_state *s = vm->state;

	if (id >= s->n_aggs)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (vm->cell && vm->aggs_seen++ != vm->cell_index)
		return true;
	if (vm->cell ? !dl_agg_merge(s->aggs, id, vm->tuple, vm->tuple_used, vm->cell, vm->n_cell,
				     vm->cell_hits) :
		       !dl_agg_update(s->aggs, id, vm->tuple, vm->tuple_used, (int64_t)value,
				      (int64_t)increment))
		dl_count_cpu_drop(s, DL_DROP_AGG, vm_cpu(vm));
	return true;
}

/* 0 names no speculation; false: ILLOP. */
static bool spec_known(struct vm *vm, uint64_t id)
{
	if (id == 0 || dl_spec_exists(vm->state->spec, id))
		return true;
	return vm_fault(vm, DL_FLT_ILLOP, 0);
}

static bool commit(struct vm *vm, uint64_t id)
{
	if (!spec_known(vm, id))
		return false;
	if (id && dl_spec_commit(vm->state->spec, (uint32_t)id, vm->state->trace))
		vm->fired |= DL_FIRED_CONSUME;
	return true;
}

static bool discard(struct vm *vm, uint64_t id)
{
	if (!spec_known(vm, id))
		return false;
	if (id)
		dl_spec_discard(vm->state->spec, (uint32_t)id);
	return true;
}

static bool string_literal(struct vm *vm, int32_t imm, uint64_t *ret)
{
	const struct dl_state *s = vm->state;

	if ((uint32_t)imm >= s->n_literals)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	*ret = s->literals[imm];
	return true;
}

/* A plain scalar's word, or NULL: the general case, in vm_var.c. */
static inline uint64_t *scalar_word(struct vm *vm, uint32_t index, bool is_store)
{
	const struct dl_state *s = vm->state;

	if (index >= s->n_vars)
		return NULL;
	const struct var_slot *v = &s->vars[index];

	if (v->is_assoc || (is_store ? v->kind != SLOT_WORD : v->kind > SLOT_NARROW))
		return NULL;
	if (v->scope == DL_SCOPE_GLOBAL)
		return (uint64_t *)(void *)(s->globals + v->offset);
	if (v->scope == DL_SCOPE_SELF || is_store)
		return NULL;
	return (uint64_t *)(void *)(vm->frame->locals + v->offset);
}

static bool store_word(struct vm *vm, uint64_t addr, unsigned size, uint64_t value)
{
	uint8_t bytes[8];
	uint16_t half = (uint16_t)value;
	uint32_t word = (uint32_t)value;

	switch (size & ~NLD_SIGNED) {
	case 1: bytes[0] = (uint8_t)value; return vm_write(vm, addr, bytes, 1);
	case 2: return vm_write(vm, addr, &half, 2);
	case 4: return vm_write(vm, addr, &word, 4);
	case 8: return vm_write(vm, addr, &value, 8);
	default: return vm_fault(vm, DL_FLT_ILLOP, 0);
	}
}

static uint64_t dynamic_length(uint64_t asked, int32_t max)
{
	return asked > (uint32_t)max ? (uint32_t)max : asked;
}

/* --- the loop --- */

#define CASE(name) op_##name
#define A r[pc->a]
#define B r[pc->b]
#define C r[pc->c]
#define IMM pc->imm
#define NEXT                                \
	do {                                \
		pc++;                       \
		goto *const_labels[pc->op]; \
	} while (0)
#define TRY(call)                   \
	do {                        \
		if (!(call))        \
			goto fault; \
		NEXT;               \
	} while (0)

/* ORDER OPCODES */
static bool run(struct vm *vm, const struct dl_code *code)
{
	static const void *const const_labels[DL_OP_COUNT] = {
#define OP(name, format, tier, effect) [DL_OP_##name] = &&CASE(name),
#include "ops.def"
#undef OP
	};
	uint64_t *const r = vm->regs;
	const struct dl_insn *pc = code->insns, *landed = NULL;
	uint64_t spare, *word;

	goto *const_labels[pc->op];
	/* clang-format off */
CASE(NOP):
	NEXT;
CASE(MOV):
	A = B;
	NEXT;
CASE(LDI):
	A = (uint64_t)(int64_t)IMM;
	NEXT;
CASE(LDK):
	A = code->consts[IMM];
	NEXT;
CASE(ADD):
	A = B + C;
	NEXT;
CASE(SUB):
	A = B - C;
	NEXT;
CASE(MUL):
	A = B * C;
	NEXT;
CASE(AND):
	A = B & C;
	NEXT;
CASE(OR):
	A = B | C;
	NEXT;
CASE(XOR):
	A = B ^ C;
	NEXT;
CASE(SHL):
	A = B << (C & 63);
	NEXT;
CASE(SHR):
	A = B >> (C & 63);
	NEXT;
CASE(SRA):
	A = (uint64_t)((int64_t)B >> (C & 63));
	NEXT;
CASE(ADDI):
	A = B + (uint64_t)(int64_t)IMM;
	NEXT;
CASE(NEG):
	A = 0 - B;
	NEXT;
CASE(COM):
	A = ~B;
	NEXT;
CASE(LNOT):
	A = B == 0;
	NEXT;
CASE(BOOL):
	A = B != 0;
	NEXT;
CASE(EQ):
	A = B == C;
	NEXT;
CASE(NE):
	A = B != C;
	NEXT;
CASE(LTS):
	A = (int64_t)B < (int64_t)C;
	NEXT;
CASE(LES):
	A = (int64_t)B <= (int64_t)C;
	NEXT;
CASE(LTU):
	A = B < C;
	NEXT;
CASE(LEU):
	A = B <= C;
	NEXT;
CASE(SX):
	A = sign_extend(B, IMM);
	NEXT;
CASE(ZX):
	A = zero_extend(B, IMM);
	NEXT;
CASE(JMP):
	landed = pc += IMM;
	NEXT;
CASE(JZ):
	if (A == 0)
		landed = pc += IMM;
	NEXT;
CASE(JNZ):
	if (A != 0)
		landed = pc += IMM;
	NEXT;
CASE(END):
	/* The predicate was false, if it jumped here: not even an empty entry. */
	if (vm->stmt == 0 && landed && landed + 1 == pc)
		vm->is_silent = vm->n_items == 0;
	return true;
CASE(NARG):
CASE(NREG):
CASE(NLD):
CASE(NSLOT):
CASE(NCAPS):
CASE(NCAPSN):
CASE(NCAPM):
CASE(NREC):
CASE(NIN):
CASE(NTIME):
CASE(NDIVS):
CASE(NDIVU):
CASE(NSELF):
CASE(NSELFS):
CASE(NAGG):
	vm_fault(vm, DL_FLT_ILLOP, 0);
	goto fault;
CASE(IN):
	TRY(input_slot(vm, IMM, &A));
CASE(INP):
	TRY(input_bytes(vm, IMM, &A, &spare));
CASE(INLEN):
	TRY(input_bytes(vm, IMM, &spare, &A));
CASE(BVAR):
	TRY(vm_builtin(vm, (uint32_t)IMM, &A));
CASE(BVARX):
	TRY(vm_builtin_at(vm, (uint32_t)IMM, B, &A));
CASE(DIVS):
	if (C == 0)
		goto divide_by_zero;
	A = divide_signed(B, C);
	NEXT;
CASE(DIVU):
	if (C == 0)
		goto divide_by_zero;
	A = B / C;
	NEXT;
CASE(MODS):
	if (C == 0)
		goto divide_by_zero;
	A = modulo_signed(B, C);
	NEXT;
CASE(MODU):
	if (C == 0)
		goto divide_by_zero;
	A = B % C;
	NEXT;
CASE(FADD):
	A = as_bits(as_double(B) + as_double(C));
	NEXT;
CASE(FSUB):
	A = as_bits(as_double(B) - as_double(C));
	NEXT;
CASE(FMUL):
	A = as_bits(as_double(B) * as_double(C));
	NEXT;
CASE(FDIV):
	A = as_bits(divide_double(as_double(B), as_double(C)));
	NEXT;
CASE(FNEG):
	A = as_bits(-as_double(B));
	NEXT;
CASE(FEQ):
	A = as_double(B) == as_double(C);
	NEXT;
CASE(FLT):
	A = as_double(B) < as_double(C);
	NEXT;
CASE(FLE):
	A = as_double(B) <= as_double(C);
	NEXT;
CASE(I2F):
	A = as_bits((double)(int64_t)B);
	NEXT;
CASE(U2F):
	A = as_bits((double)B);
	NEXT;
CASE(F2I):
	A = truncate_double(as_double(B));
	NEXT;
CASE(LDF):
	TRY(vm_load_float(vm, B, IMM, &A));
CASE(STF):
	TRY(vm_store_float(vm, A, IMM, B));
CASE(LD):
	TRY(vm_load_word(vm, B + (uint64_t)(int64_t)IMM, pc->c, &A));
CASE(ST):
	TRY(store_word(vm, B + (uint64_t)(int64_t)IMM, pc->c, A));
CASE(COPY):
	TRY(vm_copy(vm, A, B, (uint32_t)IMM));
CASE(STR):
	TRY(string_literal(vm, IMM, &A));
CASE(SCMP):
	TRY(vm_string_compare(vm, B, C, &A));
CASE(SCOPY):
	TRY(vm_string_copy(vm, B, IMM, &A));
CASE(SCRATCH):
	TRY(vm_scratch(vm, (uint32_t)IMM, &A));
CASE(BOUNDS):
	if (A < (uint32_t)IMM)
		NEXT;
	vm_fault(vm, DL_FLT_BADINDEX, 0);
	goto fault;
CASE(LDV):
	word = scalar_word(vm, (uint32_t)IMM, false);
	if (word) {
		A = *word;
		NEXT;
	}
	TRY(vm_var_load(vm, (uint32_t)IMM, &A));
CASE(STV):
	word = scalar_word(vm, (uint32_t)IMM, true);
	if (word) {
		*word = A;
		NEXT;
	}
	TRY(vm_var_store(vm, (uint32_t)IMM, A));
CASE(VADDR):
	TRY(vm_var_addr(vm, (uint32_t)IMM, &A));
CASE(LDVK):
	TRY(vm_elem_load(vm, (uint32_t)IMM, &A));
CASE(STVK):
	TRY(vm_elem_store(vm, (uint32_t)IMM, A));
CASE(TUP):
	vm->tuple_used = 0;
	NEXT;
CASE(TUPI):
	TRY(vm_tuple_int(vm, A));
CASE(TUPS):
	TRY(vm_tuple_string(vm, A));
CASE(TUPM):
	TRY(vm_tuple_bytes(vm, A, (uint32_t)IMM));
CASE(TUPU):
	TRY(vm_tuple_ustack(vm, IMM));
CASE(TUPY):
	TRY(vm_tuple_sym(vm, A, (enum dl_symkind)IMM));
CASE(CALL):
	TRY(vm_call(vm, (uint32_t)IMM, &B, pc->c, &A));
CASE(TRB):
	TRY(vm_item_begin(vm, (uint32_t)IMM));
CASE(TRI):
	vm_out_int(vm, A);
	NEXT;
CASE(TRS):
	TRY(vm_out_string(vm, A));
CASE(TRM):
	TRY(vm_out_bytes(vm, A, (uint32_t)IMM, false));
CASE(TRMD):
	TRY(vm_out_bytes(vm, A, (uint32_t)dynamic_length(B, IMM), true));
CASE(TRU):
	TRY(vm_out_ustack(vm, IMM));
CASE(TRY):
	vm_out_sym(vm, A);
	NEXT;
CASE(TRE):
	vm_item_end(vm);
	NEXT;
CASE(AGG):
	TRY(aggregate(vm, (uint32_t)IMM, A, B));
CASE(SPEC):
	if (!spec_known(vm, A))
		goto fault;
	if (!dl_spec_is_active(vm->state->spec, A)) {
		vm->is_silent = true;
		return true;
	}
	/* No room: the rest of the clause does not run. */
	if (!dl_spec_has_room(vm->state->spec, A, vm->cost)) {
		dl_count_drop(vm->state, DL_DROP_SPEC);
		vm->is_silent = true;
		return true;
	}
	vm->spec = (uint32_t)A;
	NEXT;
CASE(COMMIT):
	TRY(commit(vm, A));
CASE(DISCARD):
	TRY(discard(vm, A));
CASE(ACT):
	TRY(act(vm, IMM, A));
CASE(STMT):
	vm->stmt = (uint32_t)IMM;
	NEXT;
divide_by_zero:
	vm_fault(vm, DL_FLT_DIVZERO, 0);
fault:
	vm->fault_pc = (uint32_t)(pc - code->insns);
	return false;
	/* clang-format on */
}

bool vm_run(struct vm *vm)
{
	const struct dl_code *code = &vm->clause->far;
	uint32_t n = code->n_regs < VM_REGS ? code->n_regs : VM_REGS;

	memset(vm->regs, 0, n * sizeof(vm->regs[0]));
	return run(vm, code);
}
