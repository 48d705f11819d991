/*
 * The far VM: every opcode's effect, faults, variables, tuples, trace data,
 * activities.  Programs are assembled by hand (far_rig.h).
 */
#include "far_rig.h"

static int setup(void **state)
{
	*state = rig_create();
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static uint64_t eval2(struct rig *r, uint8_t op, uint64_t b, uint64_t c)
{
	struct dl_insn code[] = {
		{ DL_OP_IN, 1, 0, 0, 0 },  { DL_OP_IN, 2, 0, 0, 1 },
		{ op, 0, 1, 2, 0 },	   TRACE_INT(0),
		{ DL_OP_END, 0, 0, 0, 0 },
	};

	r->rec.n_slots = 2;
	r->rec.len = sizeof(r->rec) + 16;
	r->rec.slots[0] = b;
	r->rec.slots[1] = c;
	rig_run(r, code, ARRAY_SIZE(code));
	return r->fired & DL_FIRED_FAULT ? 0xfa017 : rig_take_int(r);
}

static void arithmetic_wraps_and_masks(void **state)
{
	static const struct {
		uint8_t op;
		uint64_t b, c, want;
	} t[] = {
		{ DL_OP_ADD, INT64_MAX, 1, (uint64_t)INT64_MIN },
		{ DL_OP_SUB, 0, 1, UINT64_MAX },
		{ DL_OP_MUL, (uint64_t)INT64_MIN, UINT64_MAX, (uint64_t)INT64_MIN },
		{ DL_OP_AND, 12, 10, 8 },
		{ DL_OP_OR, 12, 10, 14 },
		{ DL_OP_XOR, 12, 10, 6 },
		{ DL_OP_SHL, 1, 65, 2 },
		{ DL_OP_SHR, UINT64_MAX, 63, 1 },
		{ DL_OP_SRA, (uint64_t)INT64_MIN, 63, UINT64_MAX },
		{ DL_OP_NEG, (uint64_t)INT64_MIN, 0, (uint64_t)INT64_MIN },
		{ DL_OP_COM, 0, 0, UINT64_MAX },
		{ DL_OP_LNOT, 7, 0, 0 },
		{ DL_OP_LNOT, 0, 0, 1 },
		{ DL_OP_BOOL, 7, 0, 1 },
		{ DL_OP_EQ, 3, 3, 1 },
		{ DL_OP_NE, 3, 3, 0 },
		{ DL_OP_LTS, UINT64_MAX, 0, 1 },
		{ DL_OP_LTU, UINT64_MAX, 0, 0 },
		{ DL_OP_LES, 5, 5, 1 },
		{ DL_OP_LEU, 6, 5, 0 },
	};
	struct rig *r = *state;

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(eval2(r, t[i].op, t[i].b, t[i].c), t[i].want);
}

static void division_neither_traps_nor_lies(void **state)
{
	struct rig *r = *state;
	uint64_t min = (uint64_t)INT64_MIN;

	rig_start(r);
	assert_int_equal(eval2(r, DL_OP_DIVS, min, UINT64_MAX), min);
	assert_int_equal(eval2(r, DL_OP_MODS, min, UINT64_MAX), 0);
	assert_int_equal(eval2(r, DL_OP_DIVS, -(uint64_t)7, 2), -(uint64_t)3);
	assert_int_equal(eval2(r, DL_OP_MODS, -(uint64_t)7, 2), UINT64_MAX);
	assert_int_equal(eval2(r, DL_OP_DIVU, UINT64_MAX, 2), INT64_MAX);
	assert_int_equal(eval2(r, DL_OP_MODU, UINT64_MAX, 16), 15);
	for (uint8_t op = DL_OP_DIVS; op <= DL_OP_MODU; op++) {
		assert_int_equal(eval2(r, op, 1, 0), 0xfa017);
		struct dl_fault_info f = rig_take_fault(r);

		assert_int_equal(f.fault, DL_FLT_DIVZERO);
		assert_int_equal(f.offset, 2);
		assert_int_equal(f.addr, 0);
	}
	assert_false(rig_has_entry(r));
}

static void extension_jumps_and_constants_work(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 0x1ff), INSN(SX, 0, 1, 0, 8)), UINT64_MAX);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 0x1fe), INSN(ZX, 0, 1, 0, 8)), 0xfe);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, -5), INSN(SX, 0, 1, 0, 64)), -(uint64_t)5);
	assert_int_equal(EVAL_INT(r, INSN(LDK, 0, 0, 0, K_INT64_MAX)), INT64_MAX);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 1), INSN(JMP, 0, 0, 0, 1),
				  INSN(LDI, 0, 0, 0, 2), INSN(ADDI, 0, 0, 0, 10)),
			 11);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 1), INSN(JZ, 0, 0, 0, 1),
				  INSN(LDI, 0, 0, 0, 2), INSN(NOP, 0, 0, 0, 0)),
			 2);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 1), INSN(JNZ, 0, 0, 0, 1),
				  INSN(LDI, 0, 0, 0, 2), INSN(MOV, 3, 0, 0, 0)),
			 1);
}

static uint64_t bits(double d)
{
	uint64_t b;

	memcpy(&b, &d, 8);
	return b;
}

static void floating_point_follows_ieee(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(eval2(r, DL_OP_FADD, bits(1.5), bits(2)), bits(3.5));
	assert_int_equal(eval2(r, DL_OP_FSUB, bits(1.5), bits(2)), bits(-0.5));
	assert_int_equal(eval2(r, DL_OP_FMUL, bits(1.5), bits(2)), bits(3));
	assert_int_equal(eval2(r, DL_OP_FDIV, bits(1), bits(0)), bits(__builtin_inf()));
	assert_int_equal(eval2(r, DL_OP_FNEG, bits(1), 0), bits(-1));
	assert_int_equal(eval2(r, DL_OP_FEQ, bits(__builtin_nan("")), bits(1)), 0);
	assert_int_equal(eval2(r, DL_OP_FLT, bits(1), bits(2)), 1);
	assert_int_equal(eval2(r, DL_OP_FLE, bits(2), bits(2)), 1);
	assert_int_equal(eval2(r, DL_OP_I2F, UINT64_MAX, 0), bits(-1));
	assert_int_equal(eval2(r, DL_OP_U2F, UINT64_MAX, 0), bits(18446744073709551616.0));
	assert_int_equal(eval2(r, DL_OP_F2I, bits(1e30), 0), INT64_MAX);
	assert_int_equal(eval2(r, DL_OP_F2I, bits(-1e30), 0), (uint64_t)INT64_MIN);
	assert_int_equal(eval2(r, DL_OP_F2I, bits(__builtin_nan("")), 0), 0);
	assert_int_equal(eval2(r, DL_OP_F2I, bits(-2.9), 0), -(uint64_t)2);
	for (int32_t size = 4; size <= 16; size *= 2)
		assert_int_equal(EVAL_INT(r, INSN(SCRATCH, 1, 0, 0, 16), INSN(LDI, 2, 0, 0, 7),
					  INSN(I2F, 2, 2, 0, 0), INSN(STF, 1, 2, 0, size),
					  INSN(LDF, 0, 1, 0, size)),
				 bits(7));
}

static void loads_reach_d_memory_and_the_target(void **state)
{
	struct rig *r = *state;
	uint32_t word = 0x80818283;

	rig_start(r);
	memcpy(r->memory + 100, &word, 4);
	assert_int_equal(EVAL_INT(r, INSN(LDK, 1, 0, 0, K_TARGET), INSN(LD, 0, 1, 4, 100)), word);
	assert_int_equal(
		EVAL_INT(r, INSN(LDK, 1, 0, 0, K_TARGET), INSN(LD, 0, 1, 4 | NLD_SIGNED, 100)),
		(uint64_t)(int32_t)word);
	assert_int_equal(
		EVAL_INT(r, INSN(LDK, 1, 0, 0, K_TARGET), INSN(LD, 0, 1, 1 | NLD_SIGNED, 100)),
		(uint64_t)(int8_t)0x83);
	assert_int_equal(EVAL_INT(r, INSN(SCRATCH, 1, 0, 0, 8), INSN(LDI, 2, 0, 0, -2),
				  INSN(ST, 2, 1, 2, 4), INSN(LD, 0, 1, 8, 0)),
			 0xfffe00000000);
	assert_int_equal(EVAL_INT(r, INSN(SCRATCH, 1, 0, 0, 16), INSN(LDK, 2, 0, 0, K_TARGET),
				  INSN(ADDI, 2, 2, 0, 100), INSN(COPY, 1, 2, 0, 4),
				  INSN(LD, 0, 1, 4, 0)),
			 word);
}

static void assert_bad_address(struct rig *r, uint64_t addr, const struct dl_insn *code, size_t n)
{
	rig_run(r, code, n);
	struct dl_fault_info f = rig_take_fault(r);

	assert_int_equal(f.fault, DL_FLT_BADADDR);
	assert_int_equal(f.addr, addr);
	assert_false(rig_has_entry(r));
}

static void bad_addresses_fault_with_the_address(void **state)
{
	struct rig *r = *state;
	uint64_t end = TARGET_BASE + TARGET_SIZE - 4;

	int32_t s = rig_add_string(r, "literal");

	rig_start(r);
	assert_bad_address(r, 0, CODE(INSN(LD, 0, 1, 8, 0)));
	assert_bad_address(r, end, CODE(INSN(LDK, 1, 0, 0, K_TARGET_END), INSN(LD, 0, 1, 8, 0)));
	assert_bad_address(r, TARGET_BASE,
			   CODE(INSN(LDK, 1, 0, 0, K_TARGET), INSN(ST, 0, 1, 8, 0)));
	assert_bad_address(r, DL_DMEM_ADDR(DL_MEM_SCRATCH, 1 << 30),
			   CODE(INSN(SCRATCH, 1, 0, 0, 8), INSN(LDI, 2, 0, 0, 1 << 30),
				INSN(ADD, 1, 1, 2, 0), INSN(LD, 0, 1, 1, 0)));
	/* Literals and the record are read-only. */
	rig_run(r, CODE(INSN(STR, 1, 0, 0, s), INSN(ST, 0, 1, 1, 0)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_BADADDR);
	/* Region numbers that do not exist. */
	assert_bad_address(r, DL_DMEM_ADDR(200, 0),
			   CODE(INSN(LDI, 1, 0, 0, -2), INSN(LDI, 2, 0, 0, 48),
				INSN(SHL, 1, 1, 2, 0), INSN(LDI, 3, 0, 0, 200),
				INSN(LDI, 2, 0, 0, 40), INSN(SHL, 3, 3, 2, 0), INSN(OR, 1, 1, 3, 0),
				INSN(LD, 0, 1, 1, 0)));
}

static void inputs_come_from_the_record(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	r->rec.n_slots = 3;
	r->rec.faults = 2;
	r->rec.slots[0] = 42;
	r->rec.slots[1] = 0xbad;
	r->rec.len = (uint32_t)(sizeof(r->rec) + 24 + 8);
	r->rec.slots[2] = (sizeof(r->rec) + 24) | (uint64_t)5 << 32;
	memcpy((uint8_t *)&r->rec + sizeof(r->rec) + 24, "hello\0\0", 8);
	assert_int_equal(EVAL_INT(r, INSN(IN, 0, 0, 0, 0)), 42);
	assert_string_equal(EVAL_TEXT(r, INSN(INP, 0, 0, 0, 2)), "hello");
	assert_int_equal(EVAL_INT(r, INSN(INLEN, 0, 0, 0, 2)), 5);
	assert_bad_address(r, 0xbad, CODE(INSN(IN, 0, 0, 0, 1)));
	assert_bad_address(r, 0xbad, CODE(INSN(INP, 0, 0, 0, 1)));
	rig_run(r, CODE(INSN(IN, 0, 0, 0, 3)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
	/* A tail that leaves the record is refused, and so are too many slots. */
	r->rec.slots[2] = (sizeof(r->rec) + 24) | (uint64_t)500 << 32;
	rig_run(r, CODE(INSN(INP, 0, 0, 0, 2)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
	r->rec.n_slots = 60;
	assert_int_equal(rig_run(r, CODE(TRACE_INT(0))), 0);
	assert_false(rig_has_entry(r));
}

static void built_in_variables_are_asked_once_per_clause(void **state)
{
	struct rig *r = *state;

	rig_option(r, "quiet", "1");
	rig_start(r);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_TIMESTAMP)), 123456);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_PID)), 12);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_TID)), 34);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_ID)), 5);
	uint64_t epid = EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_EPID));

	assert_int_equal(epid, r->n_clauses);
	assert_int_equal(r->n_var_calls, 0);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 1, 0, 0, DL_BV_WALLTIMESTAMP),
				  INSN(BVAR, 0, 0, 0, DL_BV_WALLTIMESTAMP)),
			 1000 + DL_BV_WALLTIMESTAMP);
	assert_int_equal(r->n_var_calls, 1);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 3), INSN(BVARX, 0, 1, 0, DL_BV_UREGS)),
			 2003 + 100 * DL_BV_UREGS);
	assert_string_equal(EVAL_TEXT(r, INSN(BVAR, 0, 0, 0, DL_BV_EXECNAME)), "a.out");
	assert_string_equal(EVAL_TEXT(r, INSN(BVAR, 0, 0, 0, DL_BV_PROBEPROV)), "pid12");
	assert_string_equal(EVAL_TEXT(r, INSN(BVAR, 0, 0, 0, DL_BV_PROBENAME)), "entry");
	assert_string_equal(EVAL_TEXT(r, INSN(BVAR, 0, 0, 0, DL_BV_CWD)), "");
}

static void chill_resamples_the_timestamp(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(EVAL_INT(r, INSN(BVAR, 0, 0, 0, DL_BV_TIMESTAMP),
				  INSN(ACT, 1, 0, 0, DL_EF_CHILL),
				  INSN(BVAR, 0, 0, 0, DL_BV_TIMESTAMP)),
			 999999);
	assert_int_equal(r->effect, DL_EF_CHILL);
	rig_run(r, CODE(INSN(LDI, 1, 0, 0, 666), INSN(ACT, 1, 0, 0, DL_EF_RAISE)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
}

/* --- variables --- */

static void scalars_live_in_their_scopes(void **state)
{
	struct rig *r = *state;
	int32_t g = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, false, DL_VK_INT, 8);
	int32_t s = (int32_t)rig_add_var(r, DL_SCOPE_SELF, false, DL_VK_INT, 8);
	int32_t l = (int32_t)rig_add_var(r, DL_SCOPE_THIS, false, DL_VK_INT, 8);
	int32_t narrow = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, false, DL_VK_INT, 1);

	rig_start(r);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 1), INSN(STV, 0, 0, 0, g),
				  INSN(LDI, 0, 0, 0, 2), INSN(STV, 0, 0, 0, s),
				  INSN(LDI, 0, 0, 0, 3), INSN(STV, 0, 0, 0, l),
				  INSN(LDV, 0, 0, 0, l)),
			 3);
	/* The next clause of the firing sees this->, the next firing does not. */
	uint32_t epid = rig_enable(r, CODE(INSN(LDV, 0, 0, 0, l), TRACE_INT(0)));

	rig_fire_next(r, epid);
	assert_int_equal(rig_take_int(r), 3);
	rig_fire(r, epid);
	assert_int_equal(rig_take_int(r), 0);
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, g)), 1);
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, s)), 2);
	r->thread.key = 78;
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, s)), 0);
	r->thread.key = 77;
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, s)), 2);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 0x1ff), INSN(STV, 0, 0, 0, narrow),
				  INSN(LDV, 0, 0, 0, narrow)),
			 UINT64_MAX);
}

static void strings_are_copied_and_null_stays_null(void **state)
{
	struct rig *r = *state;
	int32_t hello = rig_add_string(r, "hello"), empty = rig_add_string(r, "");
	static const enum dl_scope scopes[] = { DL_SCOPE_GLOBAL, DL_SCOPE_SELF, DL_SCOPE_THIS };
	int32_t v[3];

	for (int i = 0; i < 3; i++)
		v[i] = (int32_t)rig_add_var(r, scopes[i], false, DL_VK_STRING, 256);
	rig_start(r);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, v[i])), 0);
		assert_string_equal(EVAL_TEXT(r, INSN(STR, 0, 0, 0, hello),
					      INSN(STV, 0, 0, 0, v[i]), INSN(LDV, 0, 0, 0, v[i])),
				    "hello");
		assert_string_equal(EVAL_TEXT(r, INSN(STR, 0, 0, 0, empty),
					      INSN(STV, 0, 0, 0, v[i]), INSN(LDV, 0, 0, 0, v[i])),
				    "");
		assert_int_not_equal(EVAL_INT(r, INSN(STR, 0, 0, 0, empty),
					      INSN(STV, 0, 0, 0, v[i]), INSN(LDV, 0, 0, 0, v[i])),
				     0);
		assert_int_equal(EVAL_INT(r, INSN(STV, 9, 0, 0, v[i]), INSN(LDV, 0, 0, 0, v[i])),
				 0);
	}
}

static void structs_are_copied_by_value(void **state)
{
	struct rig *r = *state;
	static const enum dl_scope scopes[] = { DL_SCOPE_GLOBAL, DL_SCOPE_SELF, DL_SCOPE_THIS };
	int32_t v[3], a = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, true, DL_VK_BYTES, 12);

	for (int i = 0; i < 3; i++)
		v[i] = (int32_t)rig_add_var(r, scopes[i], false, DL_VK_BYTES, 12);
	rig_start(r);
	r->memory[8] = 9;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(EVAL_INT(r, INSN(LDV, 1, 0, 0, v[i]), INSN(LD, 0, 1, 4, 8)), 0);
		assert_int_equal(EVAL_INT(r, INSN(LDK, 1, 0, 0, K_TARGET), INSN(STV, 1, 0, 0, v[i]),
					  INSN(LDV, 1, 0, 0, v[i]), INSN(LD, 0, 1, 4, 8)),
				 9);
		/* A member is stored through the variable's address. */
		assert_int_equal(EVAL_INT(r, INSN(VADDR, 1, 0, 0, v[i]), INSN(LDI, 2, 0, 0, 5),
					  INSN(ST, 2, 1, 4, 4), INSN(LDV, 1, 0, 0, v[i]),
					  INSN(LD, 0, 1, 4, 4)),
				 5);
	}
	assert_int_equal(
		EVAL_INT(r, INSN(TUP, 0, 0, 0, 0), INSN(LDVK, 1, 0, 0, a), INSN(LD, 0, 1, 4, 8)),
		0);
	assert_int_equal(EVAL_INT(r, INSN(TUP, 0, 0, 0, 0), INSN(LDK, 1, 0, 0, K_TARGET),
				  INSN(STVK, 1, 0, 0, a), INSN(LDVK, 1, 0, 0, a),
				  INSN(LD, 0, 1, 4, 8)),
			 9);
	rig_run(r,
		CODE(INSN(TUP, 0, 0, 0, 0), INSN(LDK, 1, 0, 0, K_NOWHERE), INSN(STVK, 1, 0, 0, a)));
	assert_int_equal(rig_take_fault(r).addr, 0xdead0000);
}

static void associative_arrays_keep_keys_apart(void **state)
{
	struct rig *r = *state;
	int32_t g = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, true, DL_VK_INT, 8);
	int32_t s = (int32_t)rig_add_var(r, DL_SCOPE_SELF, true, DL_VK_INT, 8);
	int32_t t = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, true, DL_VK_STRING, 256);
	int32_t key = rig_add_string(r, "key"),
		longer = rig_add_string(r, "a much longer value than before");

	rig_start(r);
	rig_run(r, CODE(INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0), INSN(TUPI, 1, 0, 0, 4),
			INSN(STVK, 1, 0, 0, g), INSN(ADDI, 2, 1, 0, 1), INSN(STVK, 2, 0, 0, s)));
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0),
				  INSN(TUPI, 1, 0, 0, 4), INSN(LDVK, 0, 0, 0, g)),
			 7);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0),
				  INSN(TUPI, 1, 0, 0, 4), INSN(LDVK, 0, 0, 0, s)),
			 8);
	r->thread.key = 1;
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0),
				  INSN(TUPI, 1, 0, 0, 4), INSN(LDVK, 0, 0, 0, s)),
			 0);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0),
				  INSN(TUPI, 1, 0, 0, 4), INSN(STVK, 9, 0, 0, g),
				  INSN(LDVK, 0, 0, 0, g)),
			 0);
	assert_string_equal(EVAL_TEXT(r, INSN(STR, 1, 0, 0, key), INSN(TUP, 0, 0, 0, 0),
				      INSN(TUPS, 1, 0, 0, 0), INSN(STVK, 1, 0, 0, t),
				      INSN(LDVK, 0, 0, 0, t)),
			    "key");
	assert_string_equal(EVAL_TEXT(r, INSN(STR, 1, 0, 0, key), INSN(STR, 2, 0, 0, longer),
				      INSN(TUP, 0, 0, 0, 0), INSN(TUPS, 1, 0, 0, 0),
				      INSN(STVK, 2, 0, 0, t), INSN(LDVK, 0, 0, 0, t)),
			    "a much longer value than before");
}

static void arrays_have_an_address_in_every_scope(void **state)
{
	struct rig *r = *state;
	static const enum dl_scope scopes[] = { DL_SCOPE_GLOBAL, DL_SCOPE_SELF, DL_SCOPE_THIS };
	int32_t v[3];

	for (int i = 0; i < 3; i++) {
		v[i] = (int32_t)rig_add_var(r, scopes[i], false, DL_VK_INT, 40);
		r->ctx.vars.items[v[i]]->is_array = true;
	}
	rig_start(r);
	for (int i = 0; i < 3; i++)
		assert_int_equal(EVAL_INT(r, INSN(VADDR, 1, 0, 0, v[i]), INSN(LDI, 2, 0, 0, i + 1),
					  INSN(ST, 2, 1, 8, 32), INSN(VADDR, 3, 0, 0, v[i]),
					  INSN(LD, 0, 3, 8, 32)),
				 i + 1);
	rig_run(r, CODE(INSN(LDI, 1, 0, 0, 5), INSN(BOUNDS, 1, 0, 0, 5)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_BADINDEX);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 0, 0, 0, 4), INSN(BOUNDS, 0, 0, 0, 5)), 4);
}

static void dynamic_variables_that_do_not_fit_are_counted(void **state)
{
	struct rig *r = *state;

	rig_option(r, "dynvarsize", "0");
	int32_t s = (int32_t)rig_add_var(r, DL_SCOPE_SELF, false, DL_VK_INT, 8);
	int32_t b = (int32_t)rig_add_var(r, DL_SCOPE_SELF, false, DL_VK_BYTES, 16);
	int32_t g = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, true, DL_VK_INT, 8);

	rig_start(r);
	assert_int_equal(
		EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(STV, 1, 0, 0, s), INSN(LDV, 0, 0, 0, s)),
		0);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_DYNVAR), 1);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(TUP, 0, 0, 0, 0),
				  INSN(STVK, 1, 0, 0, g), INSN(LDVK, 0, 0, 0, g)),
			 0);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_DYNVAR), 1);
	assert_int_equal(EVAL_INT(r, INSN(LDI, 1, 0, 0, 7), INSN(VADDR, 2, 0, 0, b),
				  INSN(ST, 1, 2, 8, 8), INSN(LD, 0, 2, 8, 8)),
			 7);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_DYNVAR), 1);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_DYNVAR), 0);
}

/* --- strings, scratch, tuples --- */

static void strings_compare_and_copy(void **state)
{
	struct rig *r = *state;
	int32_t ab = rig_add_string(r, "ab"), abc = rig_add_string(r, "abc");

	rig_start(r);
	memcpy(r->memory + 5, "ab", 3);
	assert_int_equal(EVAL_INT(r, INSN(STR, 1, 0, 0, ab), INSN(STR, 2, 0, 0, abc),
				  INSN(SCMP, 0, 1, 2, 0)),
			 UINT64_MAX);
	assert_int_equal(EVAL_INT(r, INSN(STR, 1, 0, 0, abc), INSN(STR, 2, 0, 0, ab),
				  INSN(SCMP, 0, 1, 2, 0)),
			 1);
	assert_int_equal(EVAL_INT(r, INSN(STR, 1, 0, 0, ab), INSN(LDK, 2, 0, 0, K_TARGET),
				  INSN(ADDI, 2, 2, 0, 5), INSN(SCMP, 0, 1, 2, 0)),
			 0);
	assert_int_equal(EVAL_INT(r, INSN(STR, 1, 0, 0, ab), INSN(SCMP, 0, 9, 1, 0)), UINT64_MAX);
	assert_int_equal(EVAL_INT(r, INSN(SCMP, 0, 9, 9, 0)), 0);
	assert_string_equal(EVAL_TEXT(r, INSN(STR, 1, 0, 0, abc), INSN(SCOPY, 0, 1, 0, 3)), "ab");
	assert_int_equal(EVAL_INT(r, INSN(SCOPY, 0, 9, 0, 0)), 0);
	/* A string that ends before an unmapped page is read; one that does not faults. */
	memcpy(r->memory + TARGET_SIZE - 4, "end", 4);
	assert_string_equal(EVAL_TEXT(r, INSN(LDK, 1, 0, 0, K_TARGET_END), INSN(SCOPY, 0, 1, 0, 0)),
			    "end");
	r->memory[TARGET_SIZE - 1] = '!';
	assert_bad_address(r, TARGET_BASE + TARGET_SIZE,
			   CODE(INSN(LDK, 1, 0, 0, K_TARGET_END), INSN(SCOPY, 0, 1, 0, 0)));
}

static void scratch_is_bounded_and_lasts_for_the_firing(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	rig_run(r, CODE(INSN(SCRATCH, 1, 0, 0, 1 << 20), TRACE_INT(1)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_NOSCRATCH);
	uint32_t epid = rig_enable(r, CODE(INSN(SCRATCH, 1, 0, 0, 30000)));

	rig_fire(r, epid);
	rig_fire_next(r, epid);
	assert_int_equal(r->fired, 0);
	rig_fire_next(r, epid);
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_NOSCRATCH);
	assert_int_equal(rig_fire(r, epid), 0);
}

static void tuples_have_a_limit(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	rig_run(r, CODE(INSN(SCRATCH, 1, 0, 0, 60000), INSN(TUP, 0, 0, 0, 0),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000),
			INSN(TUPM, 1, 0, 0, 60000), INSN(TUPM, 1, 0, 0, 60000)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_TUPOFLOW);
}

static void aggregation_keys_use_the_documented_encoding(void **state)
{
	struct rig *r = *state;
	int32_t a = (int32_t)rig_add_agg(r, DL_AGG_SUM, 0);
	int32_t text = rig_add_string(r, "hello");
	uint8_t want[8 + 16 + 8 + 16 + 40] = { 0 };
	uint64_t w[] = { -(uint64_t)3, 12, 0x77, 12, 3, 0x400, 0x401, 0x402 };

	rig_start(r);
	r->memory[0] = 1;
	rig_run(r, CODE(INSN(LDI, 1, 0, 0, -3), INSN(STR, 2, 0, 0, text),
			INSN(LDK, 3, 0, 0, K_TARGET), INSN(LDI, 4, 0, 0, 0x77),
			INSN(TUP, 0, 0, 0, 0), INSN(TUPI, 1, 0, 0, 4), INSN(TUPS, 2, 0, 0, 0),
			INSN(TUPM, 3, 0, 0, 3), INSN(TUPY, 4, 0, 0, DL_SYM_USYM),
			INSN(TUPU, 5, 0, 0, 10), INSN(LDI, 6, 0, 0, 5), INSN(AGG, 6, 7, 0, a)));
	memcpy(want, &w[0], 8);
	memcpy(want + 8, "\5\0\0\0hello", 9);
	want[24] = 1;
	memcpy(want + 32, &w[1], 16);
	memcpy(want + 48, &w[3], 40);
	const struct dl_agg_entry *e = dl_agg_find(dl_state_aggs(r->state), 0, want, sizeof(want));

	assert_non_null(e);
	assert_int_equal(e->values[0], 5);
	r->memory[0] = 0xbd;
	rig_run(r, CODE(INSN(TUP, 0, 0, 0, 0), INSN(TUPU, 5, 0, 0, 10)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_BADSTACK);
}

static void aggregations_that_do_not_fit_are_counted(void **state)
{
	struct rig *r = *state;

	rig_option(r, "aggsize", "16");
	int32_t a = (int32_t)rig_add_agg(r, DL_AGG_COUNT, 0);

	rig_start(r);
	assert_int_equal(rig_run(r, CODE(INSN(TUP, 0, 0, 0, 0), INSN(AGG, 1, 1, 0, a))), 0);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_AGG), 1);
	rig_run(r, CODE(INSN(AGG, 1, 1, 0, 1)));
	assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
}

/* --- trace data --- */

static void entries_hold_the_items_in_order(void **state)
{
	struct rig *r = *state;
	int32_t text = rig_add_string(r, "hi");

	rig_start(r);
	rig_run(r,
		CODE(INSN(LDI, 1, 0, 0, 5), TRACE_INT(1), INSN(STR, 2, 0, 0, text), TRACE_TEXT(2),
		     INSN(LDK, 3, 0, 0, K_TARGET), INSN(LDI, 4, 0, 0, 3),
		     INSN(TRB, 0, 0, 0, RIG_BYTES), INSN(TRMD, 3, 4, 0, 16), INSN(TRE, 0, 0, 0, 0),
		     INSN(LDI, 4, 0, 0, -1), INSN(TRB, 0, 0, 0, RIG_BYTES), INSN(TRMD, 3, 4, 0, 16),
		     INSN(TRE, 0, 0, 0, 0), INSN(TRB, 0, 0, 0, RIG_STACK), INSN(TRU, 0, 0, 0, 2),
		     INSN(TRE, 0, 0, 0, 0), INSN(TRB, 0, 0, 0, RIG_BYTES), INSN(TRY, 1, 0, 0, 0),
		     INSN(TRE, 0, 0, 0, 0)));
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));

	assert_non_null(e);
	assert_int_equal(e->epid, 1);
	assert_int_equal(e->n_items, 6);
	assert_int_equal(e->pid, 12);
	assert_int_equal(e->tid, 34);
	assert_int_equal(e->time, 123456);
	assert_int_equal(e->cpu, 1000 + DL_BV_CPU);
	assert_int_equal(rig_word(rig_item(e, 0), 0), 5);
	assert_int_equal(rig_item(e, 1)->action, RIG_TEXT);
	assert_memory_equal(rig_item(e, 1)->data, "\2\0\0\0hi\0\0", 8);
	assert_int_equal(rig_item(e, 2)->len, 3);
	assert_int_equal(rig_item(e, 3)->len, 16);
	assert_int_equal(rig_item(e, 4)->len, 32);
	assert_int_equal(rig_word(rig_item(e, 4), 1), 2);
	assert_int_equal(rig_word(rig_item(e, 4), 3), 0x401);
	assert_int_equal(rig_word(rig_item(e, 5), 1), 5);
}

static void a_clause_without_data_leaves_an_entry_only_if_it_records(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	uint32_t epid = rig_enable(r, CODE(INSN(NOP, 0, 0, 0, 0)));

	rig_fire(r, epid);
	assert_false(rig_has_entry(r));
	r->clauses[0]->records = true;
	rig_fire(r, epid);
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));

	assert_non_null(e);
	assert_int_equal(e->size, sizeof(*e));
	assert_int_equal(e->n_items, 0);
}

static void a_false_predicate_leaves_nothing(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	/* IN; JZ to END, with an empty body: taken and not taken. */
	uint32_t epid = rig_enable(
		r, CODE(INSN(STMT, 0, 0, 0, 0), INSN(IN, 1, 0, 0, 0), INSN(JZ, 1, 0, 0, 0)));

	r->clauses[0]->records = true;
	r->rec.n_slots = 1;
	r->rec.len = sizeof(r->rec) + 8;
	rig_fire(r, epid);
	assert_false(rig_has_entry(r));
	r->rec.slots[0] = 1;
	rig_fire(r, epid);
	assert_true(rig_has_entry(r));
}

static void a_fault_discards_data_and_keeps_effects(void **state)
{
	struct rig *r = *state;
	int32_t g = (int32_t)rig_add_var(r, DL_SCOPE_GLOBAL, false, DL_VK_INT, 8);

	rig_start(r);
	rig_run(r, CODE(INSN(STMT, 0, 0, 0, 1), TRACE_INT(0), INSN(LDI, 1, 0, 0, 8),
			INSN(STV, 1, 0, 0, g), INSN(STMT, 0, 0, 0, 2), INSN(LD, 0, 2, 8, 0)));
	struct dl_fault_info f = rig_take_fault(r), none;

	assert_int_equal(f.epid, 1);
	assert_int_equal(f.action, 2);
	assert_int_equal(f.offset, 7);
	assert_false(dl_take_fault(r->state, &none));
	assert_false(rig_has_entry(r));
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, g)), 8);
}

static void a_fault_in_error_is_only_counted(void **state)
{
	struct rig *r = *state;
	struct dl_fault_info f;

	rig_start(r);
	uint32_t epid = rig_enable_at(r, "dtrace", "ERROR", CODE(INSN(LD, 0, 2, 8, 0)));

	assert_int_equal(rig_fire(r, epid), 0);
	assert_false(dl_take_fault(r->state, &f));
	assert_int_equal(dl_take_drops(r->state, DL_DROP_DBLERROR), 1);
}

static void enablings_larger_than_the_buffer_are_refused(void **state)
{
	struct rig *r = *state;

	rig_option(r, "bufsize", "1k");
	rig_option(r, "bufresize", "manual");
	rig_start(r);
	rig_run(r, CODE(INSN(TRB, 0, 0, 0, RIG_BYTES), INSN(TRE, 0, 0, 0, 0)));
	struct dl_value_desc big = { .kind = DL_VK_BYTES, .size = 2000 };
	struct dl_action action = { .kind = DL_ACT_TRACEMEM, .fields = &big, .n_fields = 1 };
	struct dl_clause c = *r->clauses[0];
	struct dl_probe_id id = { .prov = "p" };
	struct error *err = NULL;

	c.actions = &action;
	c.n_actions = 1;
	assert_int_equal(dl_state_enable(r->state, &c, &id, &err), 0);
	assert_string_equal(err->message, "Enabling exceeds size of buffer");
	error_destroy(err);
}

static void code_that_leaves_itself_is_refused(void **state)
{
	static const struct dl_insn bad[][2] = {
		{ INSN(JMP, 0, 0, 0, 1), INSN(END, 0, 0, 0, 0) },
		{ INSN(JZ, 0, 0, 0, -1), INSN(END, 0, 0, 0, 0) },
		{ INSN(NOP, 0, 0, 0, 0), INSN(NOP, 0, 0, 0, 0) },
		{ INSN(NREC, 0, 0, 0, 0), INSN(END, 0, 0, 0, 0) },
		{ { 255, 0, 0, 0, 0 }, INSN(END, 0, 0, 0, 0) },
		{ INSN(LDK, 0, 0, 0, 5), INSN(END, 0, 0, 0, 0) },
		{ INSN(CALL, 0, 250, 20, 0), INSN(END, 0, 0, 0, 0) },
	};
	struct rig *r = *state;

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(rig_enable(r, bad[i], 2), 0);
}

/* --- activity --- */

static void exit_drains_and_end_may_override_it(void **state)
{
	struct rig *r = *state;
	int status;

	rig_start(r);
	uint32_t begin =
		rig_enable_at(r, "dtrace", "BEGIN", CODE(INSN(NOP, 0, 0, 0, 0), TRACE_INT(0)));
	uint32_t leave = rig_enable(r, CODE(INSN(LDI, 1, 0, 0, 3), INSN(ACT, 1, 0, 0, DL_EF_EXIT),
					    INSN(TRB, 0, 0, 0, RIG_EXIT), INSN(TRI, 1, 0, 0, 4),
					    INSN(TRE, 0, 0, 0, 0), TRACE_INT(1)));
	uint32_t end = rig_enable_at(r, "dtrace", "END",
				     CODE(INSN(LDI, 1, 0, 0, 4), INSN(ACT, 1, 0, 0, DL_EF_EXIT)));

	assert_false(dl_exit_status(r->state, &status));
	dl_state_set_activity(r->state, DL_WARMUP);
	rig_fire(r, leave);
	assert_false(rig_has_entry(r));
	rig_fire(r, begin);
	assert_int_equal(rig_take_int(r), 0);
	dl_state_set_activity(r->state, DL_ACTIVE);
	rig_fire(r, begin);
	rig_fire(r, end);
	assert_false(rig_has_entry(r));
	assert_int_equal(rig_fire(r, leave), DL_FIRED_EXIT | DL_FIRED_CONSUME);
	assert_int_equal(dl_trace_peek(dl_state_trace(r->state))->n_items, 2);
	assert_int_equal(dl_state_activity(r->state), DL_DRAINING);
	assert_int_equal(rig_fire(r, leave), 0);
	assert_int_equal(rig_fire(r, end), 0);
	assert_true(dl_exit_status(r->state, &status));
	assert_int_equal(status, 3);
	dl_state_set_activity(r->state, DL_COOLDOWN);
	assert_int_equal(rig_fire(r, end), DL_FIRED_EXIT);
	assert_true(dl_exit_status(r->state, &status));
	assert_int_equal(status, 4);
	assert_int_equal(dl_state_activity(r->state), DL_COOLDOWN);
}

static void printa_asks_for_the_consumer(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(rig_run(r, CODE(INSN(TRB, 0, 0, 0, RIG_PRINTA), INSN(TRE, 0, 0, 0, 0))),
			 DL_FIRED_CONSUME);
}

static void error_firings_do_not_disturb_the_clauses_around_them(void **state)
{
	struct rig *r = *state;
	int32_t l = (int32_t)rig_add_var(r, DL_SCOPE_THIS, false, DL_VK_INT, 8);

	rig_start(r);
	uint32_t set = rig_enable(r, CODE(INSN(LDI, 1, 0, 0, 3), INSN(STV, 1, 0, 0, l)));
	uint32_t error = rig_enable_at(r, "dtrace", "ERROR", CODE(INSN(STV, 9, 0, 0, l)));
	uint32_t get = rig_enable(r, CODE(INSN(LDV, 0, 0, 0, l), TRACE_INT(0)));

	rig_fire(r, set);
	rig_fire(r, error);
	rig_fire_next(r, get);
	assert_int_equal(rig_take_int(r), 3);
}

static void variables_that_come_later_are_taken_over(void **state)
{
	struct rig *r = *state;
	int32_t s = (int32_t)rig_add_var(r, DL_SCOPE_SELF, false, DL_VK_INT, 8);

	rig_start(r);
	rig_run(r, CODE(INSN(LDI, 1, 0, 0, 6), INSN(STV, 1, 0, 0, s)));
	int32_t t = (int32_t)rig_add_var(r, DL_SCOPE_SELF, false, DL_VK_STRING, 256);
	int32_t text = rig_add_string(r, "late");

	assert_string_equal(EVAL_TEXT(r, INSN(STR, 1, 0, 0, text), INSN(STV, 1, 0, 0, t),
				      INSN(LDV, 0, 0, 0, t)),
			    "late");
	assert_int_equal(EVAL_INT(r, INSN(LDV, 0, 0, 0, s)), 6);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(arithmetic_wraps_and_masks),
		T(division_neither_traps_nor_lies),
		T(extension_jumps_and_constants_work),
		T(floating_point_follows_ieee),
		T(loads_reach_d_memory_and_the_target),
		T(bad_addresses_fault_with_the_address),
		T(inputs_come_from_the_record),
		T(built_in_variables_are_asked_once_per_clause),
		T(chill_resamples_the_timestamp),
		T(scalars_live_in_their_scopes),
		T(strings_are_copied_and_null_stays_null),
		T(structs_are_copied_by_value),
		T(associative_arrays_keep_keys_apart),
		T(arrays_have_an_address_in_every_scope),
		T(dynamic_variables_that_do_not_fit_are_counted),
		T(strings_compare_and_copy),
		T(scratch_is_bounded_and_lasts_for_the_firing),
		T(tuples_have_a_limit),
		T(aggregation_keys_use_the_documented_encoding),
		T(aggregations_that_do_not_fit_are_counted),
		T(entries_hold_the_items_in_order),
		T(a_clause_without_data_leaves_an_entry_only_if_it_records),
		T(a_false_predicate_leaves_nothing),
		T(a_fault_discards_data_and_keeps_effects),
		T(a_fault_in_error_is_only_counted),
		T(enablings_larger_than_the_buffer_are_refused),
		T(code_that_leaves_itself_is_refused),
		T(exit_drains_and_end_may_override_it),
		T(printa_asks_for_the_consumer),
		T(error_firings_do_not_disturb_the_clauses_around_them),
		T(variables_that_come_later_are_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
