/*
 * Lengths, flow and function exits (arch/CPU/length.c, returns.c): our tables
 * against capstone over whole libraries, and hand-assembled functions.
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

#define PC 0x400000

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
	{ "/lib/x86_64-linux-gnu/libc.so.6", false },
	{ "/lib/x86_64-linux-gnu/libm.so.6", false },
	{ "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", true },
	{ "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", false },
	{ "/usr/bin/python3", false },
};

static void print_bytes(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print_message("%02x ", p[i]);
}

static bool groups_hold(const cs_insn *insn, unsigned group)
{
	for (unsigned i = 0; i < insn->detail->groups_count; i++) {
		if (insn->detail->groups[i] == group)
			return true;
	}
	return false;
}

static enum arch_flow capstone_indirect(const cs_insn *insn, enum arch_flow direct,
					enum arch_flow indirect)
{
	const cs_x86 *x = &insn->detail->x86;

	return x->op_count && x->operands[0].type == X86_OP_IMM ? direct : indirect;
}

/* Flow and target as capstone tells them. */
static enum arch_flow capstone_flow(const cs_insn *insn, uint64_t *target)
{
	const cs_x86 *x = &insn->detail->x86;
	unsigned id = insn->id;

	*target = x->op_count ? (uint64_t)x->operands[0].imm : 0;
	if (id == X86_INS_RET || id == X86_INS_RETF || id == X86_INS_RETFQ ||
	    groups_hold(insn, X86_GRP_IRET))
		return ARCH_FLOW_RET;
	if (id == X86_INS_CALL || id == X86_INS_LCALL)
		return capstone_indirect(insn, ARCH_FLOW_CALL, ARCH_FLOW_ICALL);
	if (id == X86_INS_JMP || id == X86_INS_LJMP)
		return capstone_indirect(insn, ARCH_FLOW_JUMP, ARCH_FLOW_IJUMP);
	if (groups_hold(insn, X86_GRP_JUMP) || id == X86_INS_LOOP || id == X86_INS_LOOPE ||
	    id == X86_INS_LOOPNE || id == X86_INS_XBEGIN)
		return ARCH_FLOW_COND;
	if (id == X86_INS_SYSCALL)
		return ARCH_FLOW_SYSCALL;
	if (id == X86_INS_INT || id == X86_INS_INT3 || id == X86_INS_INT1 || id == X86_INS_HLT ||
	    id == X86_INS_UD2 || id == X86_INS_UD2B || id == X86_INS_UD0 ||
	    id == X86_INS_SYSENTER || id == X86_INS_SYSEXIT || id == X86_INS_SYSRET)
		return ARCH_FLOW_TRAP;
	return ARCH_FLOW_NEXT;
}

static bool is_direct(enum arch_flow flow)
{
	return flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_COND || flow == ARCH_FLOW_CALL;
}

/* Capstone knows the bytes: do we agree? */
static bool agrees(const cs_insn *insn, const struct arch_insn *own)
{
	uint64_t target;
	enum arch_flow flow = capstone_flow(insn, &target);

	return own->len == insn->size && own->flow == flow &&
	       (!is_direct(flow) || own->target == target);
}

/* Capstone 4 does not know that ud0 and ud1 have a modrm byte. */
static bool capstone_errs(const cs_insn *insn)
{
	return insn->id == X86_INS_UD0 || insn->id == X86_INS_UD2B;
}

struct tally {
	unsigned long insns, unknown_to_us, unknown_to_capstone, disagreed;
};

static void compare_at(csh handle, cs_insn *insn, const uint8_t *at, size_t left, uint64_t pc,
		       struct tally *t, size_t *step)
{
	const uint8_t *p = at;
	size_t n = left > 16 ? 16 : left;
	uint64_t next = pc;
	struct arch_insn own;
	bool theirs = cs_disasm_iter(handle, &p, &n, &next, insn);
	bool ours = arch_insn_length(at, left > 16 ? 16 : left, pc, &own);

	*step = ours ? own.len : theirs ? insn->size : 1;
	t->insns++;
	if (theirs && !ours)
		t->unknown_to_us++;
	if (ours && !theirs)
		t->unknown_to_capstone++;
	if (theirs && ours && !agrees(insn, &own) && !capstone_errs(insn)) {
		t->disagreed++;
		if (t->disagreed > 10)
			return;
		print_message("%lx: ", (unsigned long)pc);
		print_bytes(at, insn->size);
		print_message(" capstone %u '%s %s', we %u flow %d\n", insn->size, insn->mnemonic,
			      insn->op_str, ours ? own.len : 0, ours ? (int)own.flow : -1);
	}
}

static void compare_library(const char *path, bool has_data)
{
	struct tally t = { 0 };
	struct text text;
	csh handle;
	size_t step;

	if (!text_open(path, &text)) {
		print_message("%s: not here, skipped\n", path);
		return;
	}
	assert_int_equal(cs_open(CS_ARCH_X86, CS_MODE_64, &handle), CS_ERR_OK);
	cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
	cs_insn *insn = cs_malloc(handle);

	for (size_t off = 0; off < text.len; off += step)
		compare_at(handle, insn, text.code + off, text.len - off, text.addr + off, &t,
			   &step);
	print_message("%s: %lu instructions, capstone alone %lu, we alone %lu, disagreed %lu\n",
		      path, t.insns, t.unknown_to_us, t.unknown_to_capstone, t.disagreed);
	cs_free(insn, 1);
	cs_close(&handle);
	munmap((void *)(uintptr_t)text.file, text.file_len);
	assert_int_equal(t.disagreed, 0);
	if (!has_data)
		assert_int_equal(t.unknown_to_us, 0);
}

static void test_lengths_and_flow_agree_with_capstone_over_whole_libraries(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		compare_library(libraries[i].path, libraries[i].has_data);
}

/* ---------------------------------------------------- decode, relocate -- */

/* Every instruction of libc gets a slot that ends in the right place, or a reason. */
static void test_all_of_libc_decodes_and_relocates(void **state)
{
	unsigned long moved = 0, refused = 0;
	uint8_t out[ARCH_SLOT_MAX];
	struct arch_insn insn, own;
	struct text t;

	(void)state;
	if (!text_open(libraries[0].path, &t))
		skip();
	for (size_t off = 0; off < t.len; off += own.len ? own.len : 1) {
		const uint8_t *at = t.code + off;
		uint64_t pc = t.addr + off;
		const char *why = NULL;

		arch_insn_length(at, t.len - off, pc, &own);
		arch_insn_decode(at, t.len - off, pc, &insn);
		assert_memory_equal(&insn, &own, sizeof(insn));
		size_t n = arch_relocate(at, t.len - off, pc, pc + 0x10000000, out, &why);

		assert_true(n <= sizeof(out));
		assert_true((n == 0) == (why != NULL));
		if (n == 0) {
			refused++;
			continue;
		}
		moved++;
		/* The copy itself decodes, and begins with the same kind of thing. */
		assert_true(arch_insn_length(out, n, pc + 0x10000000, &insn));
		if (own.flow == ARCH_FLOW_JUMP || own.flow == ARCH_FLOW_COND)
			assert_int_equal(insn.flow, own.flow);
		if (own.flow == ARCH_FLOW_JUMP)
			assert_int_equal(insn.target, own.target);
	}
	print_message("%lu moved, %lu refused\n", moved, refused);
	assert_true(moved > 100000);
	assert_true(refused < moved / 500);
	munmap((void *)(uintptr_t)t.file, t.file_len);
}

static void test_decoding_takes_any_bytes_and_never_reads_past_them(void **state)
{
	struct arch_insn insn, own;
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t len = (size_t)rand_r(&seed) % 20;
		uint8_t *code = malloc(len ? len : 1); /* ASan watches its end */

		assert_non_null(code);
		for (size_t k = 0; k < len; k++)
			code[k] = (uint8_t)(rand_r(&seed) >> 5);
		bool a = arch_insn_length(code, len, PC, &own);

		assert_int_equal(a, own.len != 0);
		assert_true(own.len <= len && own.len <= 15);
		/* Two opinions may know less than one, never something else. */
		if (arch_insn_decode(code, len, PC, &insn))
			assert_memory_equal(&insn, &own, sizeof(insn));
		free(code);
	}
	assert_false(arch_insn_length(NULL, 0, PC, &own));
}

static void expect_insn(const uint8_t *code, size_t len, enum arch_flow flow, uint64_t target,
			bool is_nop, bool uses_pc)
{
	struct arch_insn insn;

	assert_true(arch_insn_length(code, len, PC, &insn));
	assert_int_equal(insn.len, len);
	assert_int_equal(insn.flow, flow);
	assert_int_equal(insn.target, target);
	assert_int_equal(insn.is_nop, is_nop);
	assert_int_equal(insn.uses_pc, uses_pc);
	assert_true(arch_insn_decode(code, len, PC, &insn));
	assert_int_equal(insn.len, len);
	assert_false(arch_insn_length(code, len - 1, PC, &insn));
}

#define INSN(flow, target, is_nop, uses_pc, ...)                                        \
	do {                                                                            \
		const uint8_t _c[] = { __VA_ARGS__ };                                   \
		expect_insn(_c, sizeof(_c), ARCH_FLOW_##flow, target, is_nop, uses_pc); \
	} while (0)

static void test_flow_target_nops_and_use_of_pc_are_told(void **state)
{
	(void)state;
	INSN(NEXT, 0, true, false, 0x90);
	INSN(NEXT, 0, true, false, 0x66, 0x90);
	INSN(NEXT, 0, true, false, 0xf3, 0x0f, 0x1e, 0xfa);
	INSN(NEXT, 0, true, false, 0x0f, 0x1f, 0x44, 0, 8);
	INSN(NEXT, 0, false, false, 0xf3, 0x90);
	INSN(NEXT, 0, false, false, 0x41, 0x90);
	INSN(NEXT, 0, false, false, 0x55);
	INSN(NEXT, 0, false, true, 0x48, 0x8b, 0x05, 1, 2, 3, 4);
	INSN(NEXT, 0, false, true, 0xc5, 0xfd, 0x6f, 0x05, 1, 2, 3, 4);
	INSN(NEXT, 0, false, true, 0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x0d, 1, 2, 3, 4);
	INSN(NEXT, 0, false, false, 0x48, 0x8b, 0x04, 0x25, 1, 2, 3, 4);
	INSN(JUMP, PC + 0x12, false, true, 0xeb, 0x10);
	INSN(JUMP, PC - 0xfb, false, true, 0xe9, 0, 0xff, 0xff, 0xff);
	INSN(COND, PC + 0x12, false, true, 0x74, 0x10);
	INSN(COND, PC + 0x106, false, true, 0x0f, 0x84, 0, 1, 0, 0);
	INSN(COND, PC - 3, false, true, 0x67, 0xe3, 0xfa);
	INSN(CALL, PC + 0x105, false, true, 0xe8, 0, 1, 0, 0);
	INSN(ICALL, 0, false, false, 0xff, 0xd0);
	INSN(ICALL, 0, false, true, 0xff, 0x15, 0, 1, 0, 0);
	INSN(IJUMP, 0, false, false, 0x3e, 0xff, 0xe0);
	INSN(RET, 0, false, false, 0xc3);
	INSN(RET, 0, false, false, 0xf3, 0xc3);
	INSN(RET, 0, false, false, 0xc2, 8, 0);
	INSN(SYSCALL, 0, false, false, 0x0f, 0x05);
	INSN(TRAP, 0, false, false, 0xcc);
	INSN(TRAP, 0, false, false, 0x0f, 0x0b);
	INSN(TRAP, 0, false, false, 0x67, 0x0f, 0xb9, 0x40, 0x16); /* ud1: UBSan */
	INSN(TRAP, 0, false, false, 0xf4);
}

/* ------------------------------------------------------ function exits -- */

struct exits {
	struct {
		uint64_t off;
		enum arch_flow flow;
	} at[16];
	unsigned n;
};

static void note_exit(void *arg, uint64_t off, enum arch_flow flow)
{
	struct exits *e = arg;

	assert_true(e->n < 16);
	e->at[e->n].off = off;
	e->at[e->n++].flow = flow;
}

extern const uint8_t returns_code[];

/* Each function: its length, its code.  Symbols outside it are at return_away. */
__asm__(".pushsection .rodata\n"
	"returns_code:\n"
#define FUNCTION(body) ".byte 2f-1f\n1: " body "\n2:\n"
	/* 0: two plain returns, and one with a prefix */
	FUNCTION("push %rbx; test %edi,%edi; je 3f; pop %rbx; ret; 3: pop %rbx; repz ret; ret $8")
	/* 1: jumps inside stay inside, to the own start too */
	FUNCTION("4: nop; jmp 3f; nop; 3: jne 4b; ret")
	/* 2: tail call, conditional tail call, just past the end */
	FUNCTION("test %edi,%edi; .byte 0x74,0x70; .byte 0x0f,0x85,0,1,0,0; .byte 0xe9,0,0,0,0")
	/* 3: position-independent switch, then a return */
	FUNCTION("cmp $5,%edi; ja 3f; lea 0x1000(%rip),%rdx; movslq (%rdx,%rdi,4),%rax;"
		 "add %rdx,%rax; jmp *%rax; 3: ret")
	/* 4: the sum in the other register, as clang likes it */
	FUNCTION("lea 0x1000(%rip),%rcx; movslq (%rcx,%rax,4),%rax; add %rcx,%rax;"
		 "mov %esi,%edx; jmp *%rax; ret")
	/* 5: switch marked by notrack */
	FUNCTION("mov (%rdi),%rax; notrack jmp *%rax; ret")
	/* 6: tail call through a pointer, and through an object's table */
	FUNCTION("test %edi,%edi; je 3f; jmp *%rsi; 3: mov (%rdi),%rax; jmp *0x18(%rax)")
	/* 7: a switch of absolute addresses */
	FUNCTION("cmp $9,%rdi; ja 3f; jmp *0x1000(,%rdi,8); nopl (%rax); ret; 3: ret")
	/* 8: a tail call through an array, after the frame is gone */
	FUNCTION("push %rbx; nop; lea 0x100(%rip),%rax; pop %rbx; jmp *(%rax,%rdi,8); nop; ret")
	/* 9: nothing but a dispatch */
	FUNCTION("jmp *0x1000(,%rdi,8)")
	/* 10: computed goto, its table loaded into the register */
	FUNCTION("push %rbx; 3: movzbl (%rbx),%eax; mov (%rdx,%rax,8),%rax; jmp *%rax; pop %rbx; "
		 "ret")
	/* 11: rsp raised after a call only drops its arguments */
	FUNCTION("push %rax; .byte 0xe8,0,2,0,0; add $8,%rsp; jmp *0x1000(,%rdi,8); ret")
	/* 12: a jump through the PLT's table is a tail call */
	FUNCTION("endbr64; .byte 0xf2; jmp *0x2000(%rip)")
	/* 13: never left */
	FUNCTION("3: jmp 3b")
	/* 14: an unoptimized switch */
	FUNCTION("lea 0x0(,%rax,4),%rdx; lea 0x1000(%rip),%rax; mov (%rdx,%rax,1),%eax; cltq;"
		 "lea 0x1000(%rip),%rdx; add %rdx,%rax; jmp *%rax; ret")
	/* 15: unoptimized computed goto */
	FUNCTION("lea 0x0(,%rax,8),%rdx; lea 0x1000(%rip),%rax; mov (%rdx,%rax,1),%rax;"
		 "nop; jmp *%rax; ret")
	/* 16: a switch on a value the compiler knows */
	FUNCTION("movslq 0x1000(%rip),%rax; lea 0x1000(%rip),%rsi; add %rsi,%rax; jmp *%rax; ret")
	/* 17: a call through an array after a check: all blocks are reached without it */
	FUNCTION(
		"cmp $7,%edi; ja 3f; jmp *0x1000(,%rdi,8); nopl (%rax); 3: or $-1,%eax; ret") ".pop"
											      "sect"
											      "ion"
											      "\n");

static const uint8_t *function(unsigned n, size_t *len)
{
	const uint8_t *p = returns_code;

	while (n--)
		p += 1 + *p;
	*len = *p;
	return p + 1;
}

static void test_exits_of_functions_are_found(void **state)
{
	static const struct exits want[] = {
		{ { { 6, ARCH_FLOW_RET }, { 8, ARCH_FLOW_RET }, { 10, ARCH_FLOW_RET } }, 3 },
		{ { { 6, ARCH_FLOW_RET } }, 1 },
		{ { { 2, ARCH_FLOW_COND }, { 4, ARCH_FLOW_COND }, { 10, ARCH_FLOW_JUMP } }, 3 },
		{ { { 21, ARCH_FLOW_RET } }, 1 },
		{ { { 18, ARCH_FLOW_RET } }, 1 },
		{ { { 6, ARCH_FLOW_RET } }, 1 },
		{ { { 4, ARCH_FLOW_IJUMP }, { 9, ARCH_FLOW_IJUMP } }, 2 },
		{ { { 16, ARCH_FLOW_RET }, { 17, ARCH_FLOW_RET } }, 2 },
		{ { { 10, ARCH_FLOW_IJUMP }, { 14, ARCH_FLOW_RET } }, 2 },
		{ { { 0, ARCH_FLOW_IJUMP } }, 1 },
		{ { { 11, ARCH_FLOW_RET } }, 1 },
		{ { { 17, ARCH_FLOW_RET } }, 1 },
		{ { { 4, ARCH_FLOW_IJUMP } }, 1 },
		{ { { 0, 0 } }, 0 },
		{ { { 32, ARCH_FLOW_RET } }, 1 },
		{ { { 22, ARCH_FLOW_RET } }, 1 },
		{ { { 19, ARCH_FLOW_RET } }, 1 },
		{ { { 5, ARCH_FLOW_IJUMP }, { 18, ARCH_FLOW_RET } }, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct exits got = { .n = 0 };
		uint64_t bad = 77;
		size_t len;
		const uint8_t *code = function(i, &len);

		assert_true(arch_find_returns(code, len, PC, note_exit, &got, &bad));
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
}

static void test_a_byte_that_is_no_instruction_is_reported_with_its_place(void **state)
{
	const uint8_t code[] = { 0x90, 0xc3, 0x06, 0xc3 }, cut[] = { 0xc3, 0xe8, 0, 0 };
	struct exits got = { .n = 0 };
	uint64_t bad = 0;

	(void)state;
	assert_false(arch_find_returns(code, sizeof(code), PC, note_exit, &got, &bad));
	assert_int_equal(bad, 2);
	assert_int_equal(got.n, 1);
	assert_false(arch_find_returns(cut, sizeof(cut), PC, note_exit, &got, &bad));
	assert_int_equal(bad, 1);
	assert_int_equal(got.n, 2);
	assert_true(arch_find_returns(code, 0, PC, note_exit, &got, NULL));
	assert_int_equal(got.n, 2);
}

static void test_boundaries_are_the_starts_of_instructions(void **state)
{
	/* push %rbp; mov %rsp,%rbp; lea 8(%rip),%rax; ret; a bad byte; nop */
	const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x8d, 0x05,
				 8,    0,    0,	   0,	 0xc3, 0x06, 0x90 };
	static const bool want[] = { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0 };

	(void)state;
	for (uint64_t off = 0; off < sizeof(want); off++)
		assert_int_equal(arch_is_boundary(code, sizeof(code), PC, off), want[off]);
	assert_false(arch_is_boundary(code, sizeof(code), PC, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_and_flow_agree_with_capstone_over_whole_libraries),
		cmocka_unit_test(test_all_of_libc_decodes_and_relocates),
		cmocka_unit_test(test_decoding_takes_any_bytes_and_never_reads_past_them),
		cmocka_unit_test(test_flow_target_nops_and_use_of_pc_are_told),
		cmocka_unit_test(test_exits_of_functions_are_found),
		cmocka_unit_test(test_a_byte_that_is_no_instruction_is_reported_with_its_place),
		cmocka_unit_test(test_boundaries_are_the_starts_of_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
