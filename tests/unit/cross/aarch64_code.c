/*
 * The machine code that arch/aarch64/ makes, looked at by capstone, on any
 * processor: each instruction is the one that is meant, and what trampolines of
 * random near programs change is what they have saved.
 *
 * Built with the sources of arch/aarch64/ that make code, beside those of the
 * processor at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <cmocka.h>

#include "arch/aarch64/near.h"
#include "dlang/codegen.h"
#include "dlang/near.h"

#define ROUNDS 12000
#define STRSIZE 64
#define SITE UINT64_C(0x10000000)
#define COMMON (SITE + 0x100000)
#define TRAMP (SITE + 0x200000)
#define ANCHOR UINT64_C(0xffff12345000)

/* What regs.c has; the kernel's headers there are those of the other processor. */
uint64_t arch_pc(const struct arch_regs *r)
{
	return r->w[A64_WORD_PC];
}

void arch_set_pc(struct arch_regs *r, uint64_t pc)
{
	r->w[A64_WORD_PC] = pc;
}

uint64_t arch_sp(const struct arch_regs *r)
{
	return r->w[A64_WORD_SP];
}

void arch_set_sp(struct arch_regs *r, uint64_t sp)
{
	r->w[A64_WORD_SP] = sp;
}

unsigned arch_reg_args(void)
{
	return 8;
}

/* anchor.c */
bool arch_anchor_key(pid_t tid, uint64_t *ret)
{
	(void)tid;
	*ret = 0;
	return false;
}

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint64_t random_value(void)
{
	return random_next() >> (random_next() & 63);
}

static uint64_t random_pointer(void)
{
	return 0xaaaa00000000 + random_next() % 0x2000;
}

#include "../near_random.h"

static csh handle;
static cs_insn *insn;

static int open_capstone(void **state)
{
	(void)state;
	if (cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &handle) != CS_ERR_OK)
		return -1;
	cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
	insn = cs_malloc(handle);
	return insn ? 0 : -1;
}

static int close_capstone(void **state)
{
	(void)state;
	cs_free(insn, 1);
	return cs_close(&handle) == CS_ERR_OK ? 0 : -1;
}

static void disassemble(const uint8_t *code, uint64_t at)
{
	size_t avail = 4;
	uint32_t w;

	memcpy(&w, code, 4);
	if (!cs_disasm_iter(handle, &code, &avail, &at, insn))
		fail_msg("%#x at %#lx is no instruction", w, (unsigned long)(at - TRAMP));
}

/* -------------------------------------------------------------- emitter -- */

static void expect(struct a64_asm *e, const char *const *texts)
{
	char got[256];
	size_t n = 0;

	assert_true(emit_finish(e));
	for (; texts[n]; n++) {
		assert_true(n < e->code.n);
		disassemble((const uint8_t *)&e->code.items[n], 4 * n);
		snprintf(got, sizeof(got), "%s%s%s", insn->mnemonic, *insn->op_str ? " " : "",
			 insn->op_str);
		assert_string_equal(got, texts[n]);
	}
	assert_int_equal(n, e->code.n);
	emit_deinit(e);
}

#define EXPECT(e, ...) expect(e, (const char *const[]){ __VA_ARGS__, NULL })

static void test_each_instruction_is_the_one_that_is_meant(void **state)
{
	struct a64_asm e = { .failed = false };

	(void)state;
	emit_rrr(&e, OP_ADD, X(1), X(2), X(3));
	emit_rrr(&e, OP_SUB, X(1), X(2), X(3));
	emit_rrr(&e, OP_SUB, X(1), XZR, X(3));
	emit_rrr(&e, OP_AND, X(1), X(2), X(3));
	emit_rrr(&e, OP_BIC, X(1), X(2), X(3));
	emit_rrr(&e, OP_ORR, X(1), X(2), X(3));
	emit_rrr(&e, OP_ORN, X(1), XZR, X(3));
	emit_rrr(&e, OP_EOR, X(1), X(2), X(3));
	emit_rrr(&e, OP_LSL, X(1), X(2), X(3));
	emit_rrr(&e, OP_LSR, X(1), X(2), X(3));
	emit_rrr(&e, OP_ASR, X(1), X(2), X(3));
	emit_rrr(&e, OP_MUL, X(1), X(2), X(3));
	emit_rrr(&e, OP_UDIVW, X(1), X(2), X(3));
	emit_shifted(&e, OP_ADD, X(1), X(2), X(3), 4);
	emit_shifted(&e, OP_ORR, X(1), X(2), X(3), 32);
	emit_mov(&e, X(9), X(10));
	emit_mov(&e, X(9), X(9));
	emit_cmp(&e, X(2), X(3));
	EXPECT(&e, "add x1, x2, x3", "sub x1, x2, x3", "neg x1, x3", "and x1, x2, x3",
	       "bic x1, x2, x3", "orr x1, x2, x3", "mvn x1, x3", "eor x1, x2, x3", "lsl x1, x2, x3",
	       "lsr x1, x2, x3", "asr x1, x2, x3", "mul x1, x2, x3", "udiv w1, w2, w3",
	       "add x1, x2, x3, lsl #4", "orr x1, x2, x3, lsl #32", "mov x9, x10", "cmp x2, x3");
	emit_addi(&e, X(1), SP, 0x123);
	emit_addi(&e, X(1), X(2), -4095);
	emit_add(&e, X(1), X(2), 0x12345);
	emit_const(&e, X(3), 0);
	emit_const(&e, X(3), UINT64_MAX);
	emit_const(&e, X(3), 0x1234000056780000);
	emit_const(&e, X(3), (uint64_t)-2);
	emit_const(&e, X(3), 0xffff1234ffff5678);
	EXPECT(&e, "add x1, sp, #0x123", "sub x1, x2, #0xfff", "movz x1, #0x2345",
	       "movk x1, #0x1, lsl #16", "add x1, x1, x2", "movz x3, #0", "movn x3, #0",
	       "movz x3, #0x5678, lsl #16", "movk x3, #0x1234, lsl #48", "movn x3, #0x1",
	       "movn x3, #0xa987", "movk x3, #0x1234, lsl #32");
	emit_mem(&e, LDRB, X(1), X(2), 5);
	emit_mem(&e, LDRH, X(1), X(2), 6);
	emit_mem(&e, LDRW, X(1), X(2), 8);
	emit_mem(&e, LDRX, X(1), SP, 8);
	emit_mem(&e, LDRSB, X(1), X(2), 0);
	emit_mem(&e, LDRSH, X(1), X(2), 0);
	emit_mem(&e, LDRSW, X(1), X(2), 0);
	emit_mem(&e, STRB, X(1), X(2), 1);
	emit_mem(&e, STRW, X(1), X(2), 4);
	emit_mem(&e, STRX, XZR, X(2), 544);
	emit_pair(&e, STP_PRE, X(0), X(1), SP, -160);
	emit_pair(&e, STP, X(2), X(3), SP, 16);
	emit_pair(&e, LDP, X(2), X(3), SP, 144);
	emit_pair(&e, LDP_POST, X(0), X(1), SP, 160);
	emit_pair(&e, STP_POST, X(4), X(5), X(2), 16);
	EXPECT(&e, "ldrb w1, [x2, #5]", "ldrh w1, [x2, #6]", "ldr w1, [x2, #8]", "ldr x1, [sp, #8]",
	       "ldrsb x1, [x2]", "ldrsh x1, [x2]", "ldrsw x1, [x2]", "strb w1, [x2, #1]",
	       "str w1, [x2, #4]", "str xzr, [x2, #0x220]", "stp x0, x1, [sp, #-0xa0]!",
	       "stp x2, x3, [sp, #0x10]", "ldp x2, x3, [sp, #0x90]", "ldp x0, x1, [sp], #0xa0",
	       "stp x4, x5, [x2], #0x10");
	emit_sys(&e, MRS_NZCV, X(1));
	emit_sys(&e, MSR_NZCV, X(2));
	emit_sys(&e, MRS_TPIDR, X(3));
	emit_sys(&e, MRS_CNTVCT, X(4));
	emit(&e, INS_BRK);
	emit(&e, INS_ISB);
	emit(&e, INS_NOP);
	emit(&e, INS_RET);
	EXPECT(&e, "mrs x1, nzcv", "msr nzcv, x2", "mrs x3, tpidr_el0", "mrs x4, cntvct_el0",
	       "brk #0", "isb", "nop", "ret");
	emit_lsr(&e, X(1), X(2), 63);
	emit_extend(&e, true, X(1), X(2), 32);
	emit_extend(&e, true, X(1), X(2), 13);
	emit_extend(&e, false, X(1), X(2), 63);
	emit_clz(&e, X(1), X(2));
	emit_rbit(&e, X(1), X(2));
	emit_csel(&e, X(1), X(2), X(3), CC_HI);
	emit_cset(&e, X(1), CC_LE);
	emit_add_extended(&e, X(1), X(2), X(3), EXTEND_UXTX, 4);
	emit_add_extended(&e, X(1), X(2), X(3), EXTEND_UXTW, 0);
	emit_add_extended(&e, X(1), X(2), X(3), EXTEND_SXTW, 3);
	emit_from_vector(&e, X(1), 17);
	emit_ldxr(&e, X(1), X(2));
	emit_stlxr(&e, X(3), X(1), X(2));
	emit_ldar(&e, X(1), X(2));
	emit_stlrw(&e, X(1), X(2));
	EXPECT(&e, "lsr x1, x2, #0x3f", "sxtw x1, w2", "sbfx x1, x2, #0, #0xd",
	       "ubfx x1, x2, #0, #0x3f", "clz x1, x2", "rbit x1, x2", "csel x1, x2, x3, hi",
	       "cset x1, le", "add x1, x2, x3, uxtx #4", "add x1, x2, w3, uxtw",
	       "add x1, x2, w3, sxtw #3", "fmov x1, d17", "ldxr x1, [x2]", "stlxr w3, x1, [x2]",
	       "ldar x1, [x2]", "stlr w1, [x2]");
}

static void test_branches_lead_to_their_labels(void **state)
{
	struct a64_asm e = { .failed = false };
	uint32_t back = emit_label(&e), ahead = emit_label(&e);

	(void)state;
	emit_place(&e, back);
	emit_b(&e, ahead);
	emit_cbz(&e, X(1), back);
	emit_cbnz(&e, X(2), ahead);
	emit_bcc(&e, CC_LO, back);
	emit_place(&e, ahead);
	emit(&e, INS_NOP);
	EXPECT(&e, "b #0x10", "cbz x1, #0", "cbnz x2, #0x10", "b.lo #0", "nop");
	emit_b(&e, emit_label(&e));
	assert_false(emit_finish(&e));
	emit_deinit(&e);
}

/* --------------------------------------------------------------- whole -- */

/* Number of a general register; 31 sp, 32 the flags, -1 zero, -2 anything else. */
static int register_number(unsigned reg)
{
	const char *name = cs_reg_name(handle, reg);
	char *end;
	long n;

	if (strcmp(name, "xzr") == 0 || strcmp(name, "wzr") == 0)
		return -1;
	if (strcmp(name, "sp") == 0 || strcmp(name, "wsp") == 0)
		return 31;
	if (strcmp(name, "nzcv") == 0)
		return 32;
	if (strcmp(name, "lr") == 0)
		return 30;
	if (strcmp(name, "fp") == 0)
		return 29;
	n = strtol(name + 1, &end, 10);
	return (*name == 'x' || *name == 'w') && *end == '\0' && end > name + 1 ? (int)n : -2;
}

/* The instruction at hand changes only registers of the set. */
static void assert_changes(uint64_t set)
{
	cs_regs read, written;
	uint8_t n_read, n_written;

	assert_int_equal(cs_regs_access(handle, insn, read, &n_read, written, &n_written), 0);
	for (unsigned i = 0; i < n_written; i++) {
		int n = register_number(written[i]);

		if (n == -2 || (n >= 0 && !(set >> n & 1)))
			fail_msg("%s %s changes %s", insn->mnemonic, insn->op_str,
				 cs_reg_name(handle, written[i]));
	}
	/* An argument of a static probe may be in a vector register. */
	for (unsigned i = 0; i < n_read && insn->id != ARM64_INS_FMOV; i++)
		assert_int_not_equal(register_number(read[i]), -2);
}

static bool leads_elsewhere(uint64_t *to)
{
	const cs_arm64 *a = &insn->detail->arm64;

	if (insn->id != ARM64_INS_B && insn->id != ARM64_INS_BL && insn->id != ARM64_INS_CBZ &&
	    insn->id != ARM64_INS_CBNZ)
		return false;
	*to = (uint64_t)a->operands[a->op_count - 1].imm;
	return true;
}

static void test_the_common_code_changes_scratch_registers_only(void **state)
{
	const uint64_t scratch = 0xff | 1u << A64_RING | UINT64_C(1) << 32;
	unsigned n_loads = 0;
	uint64_t to;
	size_t len;
	const uint8_t *code = arch_record_common(&len);

	(void)state;
	assert_true(len > 100 && len < 0x1000);
	len -= 16; /* the time it sleeps */
	for (size_t off = 0; off < len; off += 4) {
		disassemble(code + off, COMMON + off);
		if (insn->id !=
		    ARM64_INS_SVC) /* which changes x0, but not x30 as capstone has it */
			assert_changes(scratch);
		if (leads_elsewhere(&to))
			assert_true(to - COMMON < len && insn->id != ARM64_INS_BL);
		n_loads += tramp_common_fixup(off) != 0;
		if (tramp_common_fixup(off))
			assert_int_equal(strncmp(insn->mnemonic, "ld", 2), 0);
	}
	assert_int_equal(n_loads, 6);
	for (unsigned i = A64_FIND_RING; i <= A64_SLEEP; i++)
		assert_true(a64_common_entry(i) < len);
}

static uint64_t saved_set(const struct arch_tramp *t)
{
	uint64_t set = UINT64_C(1) << 31;

	for (uint32_t i = 0; i < t->n_frames; i++)
		for (unsigned k = 0; k < t->frames[i].n; k++)
			if (t->frames[i].word[k] <= WORD_NZCV)
				set |= UINT64_C(1) << (t->frames[i].word[k] == WORD_NZCV ?
							       32 :
							       t->frames[i].word[k]);
	return set;
}

static bool is_entry(uint64_t to)
{
	for (unsigned i = A64_FIND_RING; i <= A64_SLEEP; i++)
		if (to == COMMON + a64_common_entry(i))
			return true;
	return false;
}

static void look_at_trampoline(const struct arch_tramp *t, const uint8_t *code)
{
	uint64_t saved = saved_set(t), to;

	for (uint32_t off = 0; off < t->len; off += 4) {
		if (off == t->copy[0])
			off += 32; /* the copy: relocation has tests of its own */
		if (off >= t->len)
			break;
		disassemble(code + off, TRAMP + off);
		/* A call's way puts both back itself. */
		assert_changes(saved | (t->n_calls ? 1u << 8 | 1u << 16 : 0));
		if (!leads_elsewhere(&to))
			continue;
		if (insn->id == ARM64_INS_BL)
			assert_true(is_entry(to));
		else
			assert_true(to - TRAMP < t->len && to % 4 == 0);
	}
	for (uint32_t i = 0; i < t->n_fixups; i++) {
		disassemble(code + t->fixups[i].off, TRAMP);
		assert_int_equal(strncmp(insn->mnemonic, "ldr", 3), 0);
		assert_true(t->fixups[i].to < t->len);
	}
	for (uint32_t i = 0; i < t->n_traps; i++) {
		disassemble(code + t->traps[i].off, TRAMP);
		assert_string_equal(insn->mnemonic, "brk");
	}
	for (uint32_t i = 0; i < t->n_stops; i++) {
		disassemble(code + t->stops[i], TRAMP);
		assert_string_equal(insn->mnemonic, "brk");
	}
}

static void random_place(struct arch_place *p)
{
	*p = (struct arch_place){
		.op = { .kind = (enum arch_operand_kind)below(4),
			.base = (int16_t)below(32),
			.index = below(2) ? (int16_t)below(32) : -1,
			.scale = (uint8_t)(1u << below(5)),
			.extend = (uint8_t)below(3),
			.value = (int64_t)random_value() },
		.size = (uint8_t)(1u << below(4)),
		.is_signed = below(2),
	};
	assert_null(arch_place_refuse(p));
}

static void random_agg(struct arch_agg *a)
{
	static const struct dl_insn value[] = { { DL_OP_NARG, 2, 0, 0, 1 },
						{ DL_OP_END, 0, 0, 0, 0 } };
	static const struct dl_code code = { .insns = value, .n = 2, .n_regs = 3 };

	*a = (struct arch_agg){ .kind = below(7),
				.cell = ARCH_RING_CELLS + 8 * below(1000),
				.param = random_value() % 50 << 48 | 100ull << 32 | below(99),
				.increment = (int64_t)random_value(),
				.code = &code,
				.value_reg = 2 };
}

static void test_trampolines_of_random_programs_change_what_they_saved(void **state)
{
	static uint8_t code[65536];
	struct arch_patch_plan plan = { .site = SITE, .addr = SITE, .len = 4, .n_insns = 1 };
	static const enum arch_probe_kind kinds[] = { ARCH_PROBE_ENTRY, ARCH_PROBE_RETURN,
						      ARCH_PROBE_CALL, ARCH_PROBE_PLACES };
	struct prog p;

	(void)state;
	memcpy(plan.orig, (const uint32_t[]){ INS_NOP }, 4);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arch_agg agg;
		struct arch_tramp_clause c[2];
		struct arch_place places[4];
		struct arch_tramp_firing f = { .kind = kinds[round % ARRAY_SIZE(kinds)],
					       .pc = SITE,
					       .places = places,
					       .n_places = 4,
					       .clauses = c };
		struct arch_tramp_job job = { .plan = &plan,
					      .firings = &f,
					      .n_firings = 1,
					      .common = COMMON,
					      .anchor = ANCHOR };
		struct arch_tramp t;
		struct dl_code near;

		for (unsigned i = 0; i < 4; i++)
			random_place(&places[i]);
		make_program(&p);
		near = code_of(&p);
		c[0] = c[1] = (struct arch_tramp_clause){
			.code = &near,
			.epid = 1 + round,
			.n_slots = p.n_slots,
			.strsize = STRSIZE,
			.cap = (uint32_t)dl_near_bound(&near, p.n_slots, STRSIZE),
		};
		random_agg(&agg);
		c[1].agg = &agg;
		c[0].stack_max = round % 5 ? 0 : 8 * below(4096);
		f.n_clauses = 1 + round % 2;
		assert_null(arch_tramp_build(&job, TRAMP, code, sizeof(code), &t));
		look_at_trampoline(&t, code);
		arch_tramp_deinit(&t);
	}
}

static void test_calls_go_to_their_slots_and_back(void **state)
{
	static uint8_t code[65536];
	struct arch_patch_plan plan = { .site = SITE, .addr = SITE, .len = 4, .n_insns = 1 };
	struct arch_tramp_call calls[ARCH_TRAMP_CALLS];
	static const char *const slot[] = { "ldr x16, [sp], #0x10", "svc #0",
					    "str x16, [sp, #-0x10]!", NULL };
	struct prog p;

	(void)state;
	memcpy(plan.orig, (const uint32_t[]){ INS_SVC }, 4);
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		struct arch_tramp_clause c;
		uint32_t words[ARCH_SLOT_CALL / 4];
		struct arch_tramp_job job = { .plan = &plan,
					      .calls = calls,
					      .n_calls = 1 + round % ARCH_TRAMP_CALLS,
					      .common = COMMON,
					      .anchor = ANCHOR };
		struct arch_tramp t;
		struct dl_code near;
		uint64_t back;

		make_program(&p);
		near = code_of(&p);
		c = (struct arch_tramp_clause){
			.code = &near,
			.epid = 1 + round,
			.n_slots = p.n_slots,
			.strsize = STRSIZE,
			.cap = (uint32_t)dl_near_bound(&near, p.n_slots, STRSIZE),
		};
		for (uint32_t i = 0; i < job.n_calls; i++)
			calls[i] = (struct arch_tramp_call){
				.nr = below(500),
				.slot = ARCH_CALLS + ARCH_SLOT_CALL * (uint64_t)below(4096),
				.entry = { .kind = ARCH_PROBE_SYSCALL,
					   .clauses = &c,
					   .n_clauses = below(2) },
				.exit = { .kind = ARCH_PROBE_SYSRET,
					  .clauses = &c,
					  .n_clauses = below(2) },
			};
		assert_null(arch_tramp_build(&job, TRAMP, code, sizeof(code), &t));
		look_at_trampoline(&t, code);
		for (uint32_t i = 0; i < job.n_calls; i++) {
			struct a64_asm e = { .failed = false };

			arch_call_slot(&t, i, (uint8_t *)words);
			for (unsigned k = 0; k < 3; k++)
				emit(&e, words[k]);
			expect(&e, slot);
			memcpy(&back, words + 6, sizeof(back));
			assert_int_equal(back, TRAMP + t.calls[i].back);
			memcpy(&back, code + t.calls[i].back, 4);
			assert_int_equal((uint32_t)back, INS_POP | 16);
		}
		arch_tramp_deinit(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_instruction_is_the_one_that_is_meant),
		cmocka_unit_test(test_branches_lead_to_their_labels),
		cmocka_unit_test(test_the_common_code_changes_scratch_registers_only),
		cmocka_unit_test(test_trampolines_of_random_programs_change_what_they_saved),
		cmocka_unit_test(test_calls_go_to_their_slots_and_back),
	};

	return cmocka_run_group_tests(tests, open_capstone, close_capstone);
}
