/*
 * Flow, use of the program counter and function exits (arch/CPU/length.c,
 * returns.c): our tables against capstone over whole libraries and random
 * words, and hand-assembled functions.
 */
#include "arch/arch.h"

#include <capstone/capstone.h>
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define PC 0x40000000

/* ------------------------------------------------- against capstone -- */

struct text {
	const uint8_t *file;
	size_t file_len;
	const uint8_t *code;
	size_t len;
	uint64_t addr;
};

/* The .text section of an ELF file of ours; false if there is no such file. */
static bool text_open(const char *path, struct text *t)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	t->file_len = (size_t)st.st_size;
	t->file = mmap(NULL, t->file_len, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_ptr_not_equal(t->file, MAP_FAILED);

	const Elf64_Ehdr *eh = (const void *)t->file;
	const Elf64_Shdr *sh = (const void *)(t->file + eh->e_shoff);
	const char *names = (const char *)t->file + sh[eh->e_shstrndx].sh_offset;

	for (unsigned i = 0; i < eh->e_shnum; i++) {
		if (strcmp(names + sh[i].sh_name, ".text") == 0) {
			t->code = t->file + sh[i].sh_offset;
			t->len = sh[i].sh_size;
			t->addr = sh[i].sh_addr;
			return true;
		}
	}
	fail_msg("%s has no .text", path);
	return false;
}

/* In libcrypto tables of data lie between the functions. */
static const struct {
	const char *path;
	bool has_data;
} libraries[] = {
	{ "/lib/aarch64-linux-gnu/libc.so.6", false },
	{ "/lib/aarch64-linux-gnu/libm.so.6", false },
	{ "/usr/lib/aarch64-linux-gnu/libcrypto.so.3", true },
	{ "/usr/lib/aarch64-linux-gnu/libstdc++.so.6", false },
	{ "/usr/bin/python3", false },
};

static bool literal(const cs_insn *insn)
{
	const cs_arm64 *a = &insn->detail->arm64;

	return a->op_count == 2 && a->operands[1].type == ARM64_OP_IMM;
}

/* What capstone tells of an instruction, in our terms. */
static void capstone_view(const cs_insn *insn, struct arch_insn *ret)
{
	const cs_arm64 *a = &insn->detail->arm64;

	*ret = (struct arch_insn){ .len = 4, .flow = ARCH_FLOW_NEXT };
	switch (insn->id) {
	case ARM64_INS_B:
		ret->flow = a->cc == ARM64_CC_INVALID ? ARCH_FLOW_JUMP : ARCH_FLOW_COND;
		break;
	case ARM64_INS_BL: ret->flow = ARCH_FLOW_CALL; break;
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ: ret->flow = ARCH_FLOW_COND; break;
	case ARM64_INS_BR: ret->flow = ARCH_FLOW_IJUMP; break;
	case ARM64_INS_BLR: ret->flow = ARCH_FLOW_ICALL; break;
	case ARM64_INS_RET: ret->flow = ARCH_FLOW_RET; break;
	case ARM64_INS_SVC: ret->flow = ARCH_FLOW_SYSCALL; break;
	case ARM64_INS_BRK:
	case ARM64_INS_HLT:
	case ARM64_INS_HVC:
	case ARM64_INS_SMC:
	case ARM64_INS_ERET:
	case ARM64_INS_DRPS:
	case ARM64_INS_DCPS1:
	case ARM64_INS_DCPS2:
	case ARM64_INS_DCPS3: ret->flow = ARCH_FLOW_TRAP; break;
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP: ret->uses_pc = true; break;
	case ARM64_INS_LDR:
	case ARM64_INS_LDRSW:
	case ARM64_INS_PRFM: ret->uses_pc = literal(insn); break;
	default: break;
	}
	if (ret->flow == ARCH_FLOW_JUMP || ret->flow == ARCH_FLOW_COND ||
	    ret->flow == ARCH_FLOW_CALL) {
		ret->uses_pc = true;
		ret->target = (uint64_t)a->operands[a->op_count - 1].imm;
	}
}

struct tally {
	unsigned long insns, unknown_to_us, unknown_to_capstone, disagreed;
};

struct opinion {
	csh handle;
	cs_insn *insn;
};

static void opinion_open(struct opinion *o)
{
	assert_int_equal(cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &o->handle), CS_ERR_OK);
	cs_option(o->handle, CS_OPT_DETAIL, CS_OPT_ON);
	o->insn = cs_malloc(o->handle);
}

static void opinion_close(struct opinion *o)
{
	cs_free(o->insn, 1);
	cs_close(&o->handle);
}

static void compare_at(struct opinion *o, const uint8_t *at, uint64_t pc, struct tally *t)
{
	const uint8_t *p = at;
	size_t n = 4;
	uint64_t next = pc;
	struct arch_insn own, view;
	bool theirs = cs_disasm_iter(o->handle, &p, &n, &next, o->insn);
	bool ours = arch_insn_length(at, 4, pc, &own);
	uint32_t w;

	t->insns++;
	if (!theirs || !ours) {
		t->unknown_to_us += theirs;
		t->unknown_to_capstone += ours;
		return;
	}
	capstone_view(o->insn, &view);
	view.is_nop = own.is_nop;
	if (view.flow == own.flow && view.target == own.target && view.uses_pc == own.uses_pc)
		return;
	memcpy(&w, at, 4);
	if (t->disagreed++ < 10)
		print_message("%lx: %08x capstone '%s %s', we flow %d target %lx\n",
			      (unsigned long)pc, w, o->insn->mnemonic, o->insn->op_str,
			      (int)own.flow, (unsigned long)own.target);
}

static void compare_library(const char *path, bool has_data)
{
	struct tally t = { 0 };
	struct opinion o;
	struct text text;

	if (!text_open(path, &text)) {
		print_message("%s: not here, skipped\n", path);
		return;
	}
	opinion_open(&o);
	for (size_t off = 0; off + 4 <= text.len; off += 4)
		compare_at(&o, text.code + off, text.addr + off, &t);
	print_message("%s: %lu instructions, capstone alone %lu, we alone %lu, disagreed %lu\n",
		      path, t.insns, t.unknown_to_us, t.unknown_to_capstone, t.disagreed);
	opinion_close(&o);
	munmap((void *)(uintptr_t)text.file, text.file_len);
	assert_int_equal(t.disagreed, 0);
	if (!has_data)
		assert_int_equal(t.unknown_to_us, 0);
}

static void test_flow_agrees_with_capstone_over_whole_libraries(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		compare_library(libraries[i].path, libraries[i].has_data);
}

/* Random words, most of them in the groups where every bit counts. */
static void test_flow_agrees_with_capstone_over_random_words(void **state)
{
	static const uint32_t groups[] = { 0x14000000, 0x34000000, 0x54000000, 0x94000000,
					   0xb4000000, 0xd4000000, 0xd6000000, 0x18000000,
					   0x58000000, 0x10000000, 0x08000000, 0 };
	struct tally t = { 0 };
	struct opinion o;
	unsigned seed = 7;

	(void)state;
	opinion_open(&o);
	for (int i = 0; i < 300000 / SLOW; i++) {
		uint32_t group = groups[(unsigned)i % (sizeof(groups) / sizeof(groups[0]))];
		uint32_t w = (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);

		if (group)
			w = group | (w & 0x03ffffff);
		compare_at(&o, (const void *)&w, PC, &t);
	}
	print_message("%lu words, capstone alone %lu, we alone %lu, disagreed %lu\n", t.insns,
		      t.unknown_to_us, t.unknown_to_capstone, t.disagreed);
	opinion_close(&o);
	assert_int_equal(t.disagreed, 0);
	assert_int_equal(t.unknown_to_us, 0);
}

/* ---------------------------------------------------- decode, relocate -- */

/* Capstone understands what was written, but for literals after the code. */
static void check_slot(struct opinion *o, const uint8_t *out, size_t n, uint64_t pc,
		       const struct arch_insn *own)
{
	uint64_t last = 0, at = pc;
	const uint8_t *p = out;
	size_t left = n;
	struct arch_insn in;

	while (left && cs_disasm_iter(o->handle, &p, &left, &at, o->insn)) {
		capstone_view(o->insn, &in);
		last = in.target;
		if (in.flow != ARCH_FLOW_NEXT && in.flow != ARCH_FLOW_COND &&
		    in.flow != ARCH_FLOW_SYSCALL)
			break;
		/* The jump back of a conditional branch comes before that to its target. */
		if (in.flow == ARCH_FLOW_COND)
			assert_int_equal(in.target, at + 4);
	}
	if (own->flow == ARCH_FLOW_JUMP || (own->flow == ARCH_FLOW_CALL && last))
		assert_int_equal(last, own->target);
}

/* Every instruction of libc gets a slot that ends in the right place, or a reason. */
static void test_all_of_libc_decodes_and_relocates(void **state)
{
	static const int64_t distances[] = { 0x100000, -0x6000000, 0x7000000 };
	unsigned long moved = 0, refused = 0;
	uint8_t out[ARCH_SLOT_MAX];
	struct arch_insn insn, own;
	struct opinion o;
	struct text t;

	(void)state;
	if (!text_open(libraries[0].path, &t))
		skip();
	opinion_open(&o);
	for (size_t off = 0; off + 4 <= t.len; off += 4) {
		const uint8_t *at = t.code + off;
		uint64_t pc = PC + t.addr + off, to = pc + (uint64_t)distances[off / 4 % 3];
		const char *why = NULL;

		arch_insn_length(at, 4, pc, &own);
		arch_insn_decode(at, 4, pc, &insn);
		assert_memory_equal(&insn, &own, sizeof(insn));
		size_t n = arch_relocate(at, 4, pc, to, out, &why);

		assert_true(n <= sizeof(out));
		assert_true((n == 0) == (why != NULL));
		if (n == 0) {
			refused++;
			continue;
		}
		moved++;
		check_slot(&o, out, n, to, &own);
		assert_int_equal(arch_slot_to_orig(out, n, 4, 0), 0);
	}
	print_message("%lu moved, %lu refused\n", moved, refused);
	opinion_close(&o);
	munmap((void *)(uintptr_t)t.file, t.file_len);
	assert_true(moved > 100000);
	assert_true(refused < moved / 200);
}

static void test_decoding_takes_any_bytes_and_never_reads_past_them(void **state)
{
	struct arch_insn insn, own;
	uint8_t out[ARCH_SLOT_MAX];
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 100000 / SLOW; i++) {
		size_t len = (size_t)rand_r(&seed) % 6;
		uint8_t *code = malloc(len ? len : 1); /* ASan watches its end */

		assert_non_null(code);
		for (size_t k = 0; k < len; k++)
			code[k] = (uint8_t)(rand_r(&seed) >> 5);
		bool a = arch_insn_length(code, len, PC, &own);

		assert_int_equal(a, own.len != 0);
		assert_true(own.len <= len && own.len <= 4);
		/* Two opinions may know less than one, never something else. */
		if (arch_insn_decode(code, len, PC, &insn))
			assert_memory_equal(&insn, &own, sizeof(insn));
		assert_true(arch_relocate(code, len, PC, PC + 0x1000, out, NULL) <= sizeof(out));
		free(code);
	}
	assert_false(arch_insn_length(NULL, 0, PC, &own));
}

static void test_flow_target_nops_and_use_of_pc_are_told(void **state)
{
	static const struct {
		uint32_t w;
		enum arch_flow flow;
		uint64_t target;
		bool is_nop, uses_pc;
	} cases[] = {
		{ 0xd503201f, ARCH_FLOW_NEXT, 0, true, false }, /* nop */
		{ 0xd503203f, ARCH_FLOW_NEXT, 0, true, false }, /* yield */
		{ 0xd503245f, ARCH_FLOW_NEXT, 0, true, false }, /* bti c */
		{ 0xd50324df, ARCH_FLOW_NEXT, 0, true, false }, /* bti jc */
		{ 0xd503233f, ARCH_FLOW_NEXT, 0, false, false }, /* paciasp */
		{ 0xd503205f, ARCH_FLOW_NEXT, 0, false, false }, /* wfe */
		{ 0xa9bf7bfd, ARCH_FLOW_NEXT, 0, false, false },
		{ 0x14000004, ARCH_FLOW_JUMP, PC + 16, false, true },
		{ 0x17ffffff, ARCH_FLOW_JUMP, PC - 4, false, true },
		{ 0x16000000, ARCH_FLOW_JUMP, PC - 0x8000000, false, true },
		{ 0x95ffffff, ARCH_FLOW_CALL, PC + 0x7fffffc, false, true },
		{ 0x54000041, ARCH_FLOW_COND, PC + 8, false, true },
		{ 0x54000051, ARCH_FLOW_COND, PC + 8, false, true }, /* bc.ne */
		{ 0x54800000, ARCH_FLOW_COND, PC - 0x100000, false, true },
		{ 0xb4ffffe3, ARCH_FLOW_COND, PC - 4, false, true },
		{ 0x35000041, ARCH_FLOW_COND, PC + 8, false, true },
		{ 0x36040000, ARCH_FLOW_COND, PC - 0x8000, false, true },
		{ 0xb7f80041, ARCH_FLOW_COND, PC + 8, false, true },
		{ 0xd61f0200, ARCH_FLOW_IJUMP, 0, false, false },
		{ 0xd71f0822, ARCH_FLOW_IJUMP, 0, false, false }, /* braa */
		{ 0xd61f0c3f, ARCH_FLOW_IJUMP, 0, false, false }, /* brabz */
		{ 0xd63f0020, ARCH_FLOW_ICALL, 0, false, false },
		{ 0xd73f0c22, ARCH_FLOW_ICALL, 0, false, false }, /* blrab */
		{ 0xd65f03c0, ARCH_FLOW_RET, 0, false, false },
		{ 0xd65f0bff, ARCH_FLOW_RET, 0, false, false }, /* retaa */
		{ 0xd65f0fff, ARCH_FLOW_RET, 0, false, false }, /* retab */
		{ 0xd4000001, ARCH_FLOW_SYSCALL, 0, false, false },
		{ 0xd4200000, ARCH_FLOW_TRAP, 0, false, false },
		{ 0xd4400000, ARCH_FLOW_TRAP, 0, false, false },
		{ 0x00000000, ARCH_FLOW_TRAP, 0, false, false },
		{ 0x10000000, ARCH_FLOW_NEXT, 0, false, true },
		{ 0x90000000, ARCH_FLOW_NEXT, 0, false, true },
		{ 0x58000040, ARCH_FLOW_NEXT, 0, false, true },
		{ 0x98000040, ARCH_FLOW_NEXT, 0, false, true },
		{ 0x9c000040, ARCH_FLOW_NEXT, 0, false, true },
		{ 0xd8000040, ARCH_FLOW_NEXT, 0, false, true },
		{ 0x5500001f, ARCH_FLOW_RET, 0, false, true }, /* retaasppc */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *code = (const void *)&cases[i].w;
		struct arch_insn insn;

		assert_true(arch_insn_length(code, 4, PC, &insn));
		if (insn.flow != cases[i].flow || insn.target != cases[i].target ||
		    insn.is_nop != cases[i].is_nop || insn.uses_pc != cases[i].uses_pc)
			fail_msg("%08x: flow %d, target %lx, nop %d, uses pc %d", cases[i].w,
				 (int)insn.flow, (unsigned long)insn.target, insn.is_nop,
				 insn.uses_pc);
		assert_true(arch_insn_decode(code, 4, PC, &insn));
		assert_int_equal(insn.flow, cases[i].flow);
		assert_false(arch_insn_length(code, 3, PC, &insn));
	}
}

/* ------------------------------------------------------------- returns -- */

/* Each function: its length in bytes as a word, then its code; 0 ends. */
#define F(code) ".word 2f-1f\n1:\n" code "\n2:\n"

extern const uint32_t returns_code[];

__asm__(".arch armv8.5-a\n"
	".pushsection .rodata\n"
	".balign 4\n"
	".globl returns_code\n"
	"returns_code:\n"
	/* 0: plain returns, one conditional jump inside */
	F("cbz x0, 3f\n ret\n 3: mov x0, x1\n retaa\n retab")
	/* 1: tail calls, direct and conditional */
	F("b.eq .+0x400\n cbz x0, .-0x400\n tbz w1, #0, .+8\n b .+0x400\n b .-4")
	/* 2: a switch by offsets: ldrb, adr, add, br */
	F(".inst 0x90000001\n ldrb w0, [x1, w0, uxtw]\n adr x1, 3f\n add x0, x1, w0, sxtb #2\n"
	  " br x0\n 3: mov x0, x1\n ret")
	/* 3: a switch by 32-bit offsets, as clang has it */
	F("ldrsw x10, [x8, x9, lsl #2]\n add x10, x10, x8\n br x10\n ret")
	/* 4: a function pointer at the end */
	F("ldr x1, [x0, #16]\n ldp x29, x30, [sp], #32\n br x1")
	/* 5: a PLT stub */
	F(".inst 0x90000010\n ldr x17, [x16, #8]\n add x16, x16, #8\n br x17")
	/* 6: computed goto: cases that nothing else reaches */
	F("ldr x1, [x2, x0, lsl #3]\n br x1\n mov x0, #1\n ret\n mov x0, #2\n ret")
	/* 7: the same load, but all is reached without it: an array of functions */
	F("cbz x0, 3f\n ldr x1, [x2, x0, lsl #3]\n br x1\n 3: ret")
	/* 8: the same with cases, but the frame is gone */
	F("ldr x1, [x2, x0, lsl #3]\n ldr x30, [sp], #16\n br x1\n mov x0, #2\n ret")
	/* 9: signed */
	F("braa x1, x2\n brabz x3")
	/* 10: unoptimized: the table's address by an add, then a load */
	F("add x0, x1, x0, lsl #3\n ldr x0, [x0]\n br x0\n mov x0, #2\n ret")
	/* 11: cases with landing pads */
	F("ldr x1, [x2, w0, uxtw #3]\n br x1\n bti j\n mov x0, #2\n ret")
	/* 12: by way of another register */
	F("ldrsw x10, [x8, x9, lsl #2]\n add x10, x10, x8\n mov x11, x10\n br x11\n ret") ".word "
											  "0\n"
											  ".popsect"
											  "ion\n");

struct exits {
	struct {
		uint64_t off;
		enum arch_flow flow;
	} at[8];
	unsigned n;
};

static void note_exit(void *arg, uint64_t off, enum arch_flow flow)
{
	struct exits *e = arg;

	if (e->n < 8) {
		e->at[e->n].off = off;
		e->at[e->n].flow = flow;
	}
	e->n++;
}

static void test_exits_of_functions_are_found(void **state)
{
	static const struct exits want[] = {
		{ { { 4, ARCH_FLOW_RET }, { 12, ARCH_FLOW_RET }, { 16, ARCH_FLOW_RET } }, 3 },
		{ { { 0, ARCH_FLOW_COND }, { 4, ARCH_FLOW_COND }, { 12, ARCH_FLOW_JUMP } }, 3 },
		{ { { 24, ARCH_FLOW_RET } }, 1 },
		{ { { 12, ARCH_FLOW_RET } }, 1 },
		{ { { 8, ARCH_FLOW_IJUMP } }, 1 },
		{ { { 12, ARCH_FLOW_IJUMP } }, 1 },
		{ { { 12, ARCH_FLOW_RET }, { 20, ARCH_FLOW_RET } }, 2 },
		{ { { 8, ARCH_FLOW_IJUMP }, { 12, ARCH_FLOW_RET } }, 2 },
		{ { { 8, ARCH_FLOW_IJUMP }, { 16, ARCH_FLOW_RET } }, 2 },
		{ { { 0, ARCH_FLOW_IJUMP }, { 4, ARCH_FLOW_IJUMP } }, 2 },
		{ { { 16, ARCH_FLOW_RET } }, 1 },
		{ { { 16, ARCH_FLOW_RET } }, 1 },
		{ { { 16, ARCH_FLOW_RET } }, 1 },
	};
	const uint32_t *p = returns_code;

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++, p += 1 + *p / 4) {
		struct exits got = { .n = 0 };
		uint64_t bad = 77;

		assert_true(
			arch_find_returns((const void *)(p + 1), *p, PC, note_exit, &got, &bad));
		assert_int_equal(bad, 77);
		for (unsigned k = 0; k < got.n && k < want[i].n; k++) {
			if (got.at[k].off != want[i].at[k].off ||
			    got.at[k].flow != want[i].at[k].flow)
				fail_msg("function %u: exit %u is at %lu", i, k,
					 (unsigned long)got.at[k].off);
		}
		if (got.n != want[i].n)
			fail_msg("function %u: %u exits", i, got.n);
	}
	assert_int_equal(*p, 0);
}

/* A literal pool doesn't hide what comes after it. */
static void test_a_word_that_is_no_instruction_is_reported_with_its_place(void **state)
{
	static const uint32_t code[] = { 0xd503201f, 0xd65f03c0, 0x12345678 & 0x01ffffff,
					 0xd65f03c0 };
	struct exits got = { .n = 0 };
	uint64_t bad = 0;

	(void)state;
	assert_false(
		arch_find_returns((const void *)code, sizeof(code), PC, note_exit, &got, &bad));
	assert_int_equal(bad, 8);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.at[1].off, 12);
	assert_false(arch_find_returns((const void *)code, 7, PC, note_exit, &got, &bad));
	assert_int_equal(bad, 4);
	assert_true(arch_find_returns((const void *)code, 0, PC, note_exit, &got, NULL));
	assert_int_equal(got.n, 2);
}

static void test_boundaries_are_multiples_of_four(void **state)
{
	const uint8_t code[14] = { 0 };

	(void)state;
	for (uint64_t off = 0; off < 20; off++)
		assert_int_equal(arch_is_boundary(code, sizeof(code), PC, off),
				 off % 4 == 0 && off < 12);
	assert_false(arch_is_boundary(code, sizeof(code), PC, UINT64_MAX));
}

/* ---------------------------------------------------------- start code -- */

static void test_main_is_found_in_start_code(void **state)
{
	/* As glibc's: PIE, static PIE with its wrapper, fixed address. */
	static const uint32_t pie[] = { 0xd503201f, 0xd280001d, 0xd280001e, 0xaa0003e5,
					0xf94003e1, 0x910023e2, 0x910003e6, 0x90000080,
					0xf947f000, 0xd2800003, 0xd2800004, 0x97ffff00 };
	static const uint32_t wrapped[] = { 0xd280001d, 0x90000000, 0x91006000, 0xd2800003,
					    0x97ffff00, 0x97ffff00, 0xd503245f, 0x14000100 };
	static const uint32_t fixed[] = { 0xd280001d, 0xd28acf00, 0xf2a00200, 0xf2c00000,
					  0x97ffff00 };
	static const uint32_t none[] = { 0xd280001d, 0xaa0003e5, 0x97ffff00 };
	bool is_slot = false;

	(void)state;
	assert_int_equal(arch_main_from_entry((const void *)pie, sizeof(pie), PC, &is_slot),
			 PC + 0x10000 + 0xfe0);
	assert_true(is_slot);
	assert_int_equal(arch_main_from_entry((const void *)wrapped, sizeof(wrapped), PC, &is_slot),
			 PC + 0x1c + 0x400);
	assert_false(is_slot);
	assert_int_equal(arch_main_from_entry((const void *)fixed, sizeof(fixed), PC, &is_slot),
			 0x105678);
	assert_false(is_slot);
	assert_int_equal(arch_main_from_entry((const void *)none, sizeof(none), PC, &is_slot), 0);
	assert_int_equal(arch_main_from_entry((const void *)pie, 40, PC, &is_slot), 0);
	assert_int_equal(arch_reloc_kind(R_AARCH64_IRELATIVE), ARCH_RELOC_IRELATIVE);
	assert_int_equal(arch_reloc_kind(R_AARCH64_JUMP_SLOT), ARCH_RELOC_SLOT);
	assert_int_equal(arch_reloc_kind(R_AARCH64_GLOB_DAT), ARCH_RELOC_SLOT);
	assert_int_equal(arch_reloc_kind(R_AARCH64_RELATIVE), ARCH_RELOC_OTHER);
}

static bool in_stub(const uint32_t *code, size_t at, size_t n, unsigned *sp_off)
{
	return arch_linkage_stub((const uint8_t *)(code + at), at * 4, (n - at) * 4, sp_off);
}

static void test_linkage_stubs_are_known_at_each_instruction(void **state)
{
	static const uint32_t first[] = { 0xa9bf7bf0, 0xf00000f0, 0xf947fe11,
					  0x913fe210, 0xd61f0220, 0xd503201f };
	static const uint32_t entry[] = { 0xd503201f, 0xd503245f, 0x90000110,
					  0xf9400211, 0x91000210, 0xd61f0220 };
	static const uint32_t resolver[] = { 0xa8cd27e8, 0xa8c17bf1, 0xd61f0200 };
	static const uint32_t other[] = { 0xf9400211, 0xd61f0200, 0xd65f03c0 };
	unsigned off;

	(void)state;
	for (size_t at = 0; at < 5; at++) {
		assert_true(in_stub(first, at, 6, &off));
		assert_int_equal(off, at ? 16 : 0);
		assert_true(in_stub(entry, at + 1, 6, &off));
		assert_int_equal(off, 0);
	}
	assert_true(in_stub(resolver, 2, 3, &off));
	assert_int_equal(off, 0);
	assert_false(in_stub(resolver, 1, 3, &off));
	for (size_t at = 0; at < 3; at++)
		assert_false(in_stub(other, at, 3, &off));
	assert_false(in_stub(entry, 2, 5, &off)); /* cut off */
	assert_false(arch_linkage_stub(NULL, 0, 0, &off));
}

static void test_the_kernels_signal_trampoline_is_known(void **state)
{
	static const uint32_t code[] = { 0xd2801168, 0xd4000001 };
	unsigned off = 0;

	(void)state;
	assert_int_equal(arch_sigframe((const void *)code, 8, &off), 33);
	assert_int_equal(off, 312);
	assert_int_equal(arch_sigframe((const void *)code, 7, &off), 0);
	assert_int_equal(arch_sigframe((const void *)(code + 1), 4, &off), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_agrees_with_capstone_over_whole_libraries),
		cmocka_unit_test(test_flow_agrees_with_capstone_over_random_words),
		cmocka_unit_test(test_all_of_libc_decodes_and_relocates),
		cmocka_unit_test(test_decoding_takes_any_bytes_and_never_reads_past_them),
		cmocka_unit_test(test_flow_target_nops_and_use_of_pc_are_told),
		cmocka_unit_test(test_exits_of_functions_are_found),
		cmocka_unit_test(test_a_word_that_is_no_instruction_is_reported_with_its_place),
		cmocka_unit_test(test_boundaries_are_multiples_of_four),
		cmocka_unit_test(test_main_is_found_in_start_code),
		cmocka_unit_test(test_linkage_stubs_are_known_at_each_instruction),
		cmocka_unit_test(test_the_kernels_signal_trampoline_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
