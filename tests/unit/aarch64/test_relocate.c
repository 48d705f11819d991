/*
 * Out-of-line copies (arch_relocate): every class of instruction run in its
 * place and from slots near and as far as they go, with random registers, and
 * compared in registers, flags, vector registers, data, stack and where it went.
 *
 * The world is one reservation of address space with the site in its middle:
 *
 *	LOW far, slot ... site page | exits | data | near slot | stack ... HIGH slot, far
 */
#include "arch/arch.h"
#include "run_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <asm/hwcap.h>
#include <cmocka.h>

#define B_REACH 0x7ff0000ULL /* what only the site can branch to */
#define SLOT_REACH 0x7df8000ULL /* within arch_reach of the site */
#define SPACE (2 * B_REACH + 0x200000)
#define CENTER (B_REACH + 0x100000)
#define SITE 0x8000 /* offsets in the middle mapping */
#define DATA 0xa000 /* what literals of the corpus meet */
#define DATA_LEN 0x2000
#define NEAR_SLOT 0x10000
#define STACK 0x14000
#define STACK_LEN 0x2000
#define MIDDLE_LEN 0x18000
#define ROUNDS 24

static struct {
	uint8_t *space;
	uint8_t *mid; /* site and all around it */
	uint8_t *slots[3];
	uint8_t *far[2]; /* what the low slot, and the high, can't branch to */
} world;

static uint8_t *open_page(uint64_t offset, size_t len)
{
	uint8_t *p = world.space + offset;

	return mprotect(p, len, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ? p : NULL;
}

static int open_world(void **state)
{
	(void)state;
	world.space =
		mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (world.space == MAP_FAILED)
		return -1;
	world.mid = open_page(CENTER, MIDDLE_LEN);
	world.slots[0] = world.mid + NEAR_SLOT;
	world.slots[1] = open_page(CENTER + SITE - SLOT_REACH, 0x1000) + 0x100;
	world.slots[2] = open_page(CENTER + SITE + SLOT_REACH - 0x1000, 0x1000) + 0x100;
	world.far[0] = open_page(CENTER + SITE + B_REACH, 0x1000);
	world.far[1] = open_page(CENTER + SITE - B_REACH, 0x1000);
	return world.mid && world.far[0] && world.far[1] ? 0 : -1;
}

static int close_world(void **state)
{
	(void)state;
	return munmap(world.space, SPACE);
}

/* -------------------------------------------------------------- corpus -- */

extern const char corpus_plain[], corpus_branch[], corpus_auth[];

/* The word, its text, NUL; ends with an empty text. */
#define I(text) ".balign 4\n" text "\n .asciz \"" text "\"\n"
#define END ".balign 4\n .word 0\n .byte 0\n"

/* clang-format off */
__asm__(".arch armv8.5-a+crypto+sve\n"
	".pushsection .text\n"
	".globl corpus_plain, corpus_branch, corpus_auth\n"
	"corpus_plain:\n"
	I("nop") I("bti c") I("bti jc") I("yield") I("hint #40") I("isb") I("dmb ish")
	I("mov x0, x1") I("mov w3, w4") I("mov x29, sp") I("add x5, sp, #0x20")
	I("sub sp, sp, #0x40") I("add sp, sp, #0x30") I("adds x1, x2, #0xfff")
	I("subs w1, w2, w3, lsl #4") I("cmp x5, x6") I("cmn w5, #1") I("tst x1, #0xff00ff00ff00ff")
	I("and sp, x28, #0xfffffffffffffff0") I("orr x1, x2, x3, ror #9") I("eon w7, w8, w9")
	I("movz x3, #0x1234, lsl #32") I("movk x3, #0x55, lsl #16") I("movn w3, #7")
	I("madd x0, x1, x2, x3") I("umulh x4, x5, x6") I("sdiv x7, x8, x9") I("ubfx x1, x2, #3, #9")
	I("extr x1, x2, x3, #13") I("csel x0, x1, x2, gt") I("csinc w4, w5, w6, ls")
	I("ccmp x1, x2, #5, ne") I("clz x1, x2") I("rbit w3, w4") I("crc32x w0, w1, x2")
	I("stp x29, x30, [sp, #-32]!") I("ldp x29, x30, [sp], #32") I("str x19, [sp, #-16]!")
	I("ldr x30, [sp], #16") I("ldr x0, [x20, #8]") I("str w1, [x21, #0x10]")
	I("ldrb w2, [x22, x27]") I("ldrsw x3, [x23, x27, lsl #2]") I("ldur x4, [x24, #-7]")
	I("ldp q1, q2, [x25]") I("str q3, [x26, #0x20]") I("ld1 {v1.16b, v2.16b}, [x20]")
	I("ldar x1, [x20]") I("stlr w1, [x21]") I("ldapr x2, [x22]")
	I("ldadd x1, x2, [x23]") I("casal x3, x4, [x24]") I("swp w5, w6, [x25]")
	I("caspal x0, x1, x2, x3, [x26]") I("ldrb w30, [x20]")
	I("fadd d0, d1, d2") I("fmov x0, d3") I("fcmp d1, d2") I("addv s1, v2.4s")
	I("tbl v0.16b, {v1.16b}, v2.16b") I("aese v1.16b, v2.16b") I("mrs x1, nzcv")
	I("msr nzcv, x2") I("mrs x3, tpidr_el0") I("prfm pldl1keep, [x20]") I("xpaclri")
	I("adr x0, .+0x1235") I("adr x30, .-0x543") I("adr xzr, .+0x40") I("adr x16, .+8")
	I(".inst 0x90000023") I(".inst 0xf0ffffd1") I(".inst 0xb000001e") I(".inst 0x9000001f")
	I("ldr x0, .+0x2008") I("ldr w1, .+0x200c") I("ldrsw x2, .+0x2010") I("ldr x30, .+0x2018")
	I("ldr x16, .+0x2020") I("ldr w17, .+0x2024") I("ldr xzr, .+0x2028") I("ldr wzr, .+0x202c")
	I("ldrsw xzr, .+0x2030") I("ldr s0, .+0x2034") I("ldr d31, .+0x2038")
	I("ldr q16, .+0x2040") I("ldr q0, .+0x2044") I("prfm pldl1keep, .+0x2050")
	I("svc #0")
	END
	"corpus_branch:\n"
	I("b .+0x40") I("b .-0x80") I("b .+4") I("bl .+0x140") I("bl .-0x100") I("bl .+4")
	I("b.eq .+0x40") I("b.ne .+0x40") I("b.hs .+0x40") I("b.lo .-0x70") I("b.mi .+0x40")
	I("b.pl .+0x40") I("b.vs .+0x40") I("b.vc .+0x40") I("b.hi .+0x40") I("b.ls .+0x44")
	I("b.ge .+0x40") I("b.lt .+0x40") I("b.gt .-0x6c") I("b.le .+0x40")
	I("cbz x1, .+0x40") I("cbnz x2, .+0x40") I("cbz w3, .-0x70") I("cbnz w30, .+0x44")
	I("tbz x4, #63, .+0x40") I("tbnz x5, #32, .+0x40") I("tbz w6, #0, .-0x68")
	I("tbnz w30, #31, .+0x44")
	I("br x0") I("br x16") I("br x30") I("blr x1") I("blr x16") I("blr x17") I("blr x30")
	I("ret") I("ret x7")
	END
	/* Signs and checks with what is then in registers, so that all succeeds. */
	"corpus_auth:\n"
	I("paciasp") I("pacibsp") I("pacia x1, x2") I("pacda x3, sp") I("xpaci x0")
	I("pacga x0, x1, x2")
	END
	".popsection\n");
/* clang-format on */

struct item {
	const char *text;
	const uint8_t *code;
	struct arch_insn insn;
};

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static uint64_t site_pc(void)
{
	return address(world.mid + SITE);
}

/* The item at *p; moves *p past it. */
static bool item_next(const char **p, struct item *it)
{
	*p = (const char *)(uintptr_t)((address(*p) + 3) & ~UINT64_C(3));
	it->code = (const uint8_t *)*p;
	it->text = *p + 4;
	if (!*it->text)
		return false;
	*p += 4 + strlen(it->text) + 1;
	if (!arch_insn_decode(it->code, 4, site_pc(), &it->insn) || it->insn.len != 4)
		fail_msg("%s is not decoded", it->text);
	return true;
}

/* ------------------------------------------------------------- running -- */

#define COPY_MIN 4
#include "../relocate_cases.h"

/* Memory and registers, from random_state only. */
static void set_up(const struct item *it, struct cpu *c)
{
	uint64_t *data = (void *)(world.mid + DATA), *stack = (void *)(world.mid + STACK);

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < DATA_LEN / 8; i++)
		data[i] = random_value();
	for (size_t i = 0; i < STACK_LEN / 8; i++)
		stack[i] = random_value();
	for (int i = 0; i < 31; i++)
		c->x[i] = some_value(it);
	for (int i = 20; i <= 26; i++) /* pointers, by convention of the corpus */
		c->x[i] = address(data) + 0x400 + (random_next() & 0x3f0);
	c->x[27] = random_next() & 15;
	c->x[28] = address(stack) + 0x800 + (random_next() & 0xff);
	if (!indirect(it) && random_next() & 1) /* cbz and its kind */
		c->x[1 + random_next() % 6] = 0;
	c->x[SP] = address(stack) + 0xa00 + (random_next() & 0x70);
	c->nzcv = random_nzcv();
	for (int i = 0; i < 32 * 16; i++)
		c->v[i] = (uint8_t)random_next();
	if (it->insn.flow == ARCH_FLOW_SYSCALL)
		c->x[8] = SYS_getpid;
}

#define EXITS (2 + AWAYS) /* next, target, the aways */

static void put_exits(const struct item *it, uint8_t *exits[EXITS])
{
	uint64_t target = it->insn.target;

	exits[0] = world.mid + SITE + 4;
	exits[1] = target && target != site_pc() + 4 ? (uint8_t *)(uintptr_t)target : NULL;
	for (unsigned i = 0; i < AWAYS; i++)
		exits[2 + i] = away(i);
	for (int i = 0; i < EXITS; i++) {
		if (exits[i])
			exit_put(exits[i]);
	}
}

static void run_item(const struct item *it, uint64_t seed, const uint8_t *copy, size_t copy_len,
		     uint8_t *slot, struct outcome *o)
{
	uint8_t *exits[EXITS];
	struct cpu c;

	random_state = seed;
	set_up(it, &c);
	put_exits(it, exits);
	if (slot)
		code_put(slot, copy, copy_len);
	else
		code_put(world.mid + SITE, it->code, 4);
	run_cpu = c;
	run_at(slot ? address(slot) : site_pc());
	o->cpu = run_cpu;
	o->where = -1;
	for (int i = 0; i < EXITS; i++) {
		if (exits[i] && address(exits[i]) == run_cpu.exit)
			o->where = i;
	}
	memcpy(o->data, world.mid + DATA, DATA_LEN);
	memcpy(o->stack, world.mid + STACK, STACK_LEN);
	/* Below sp is nobody's. */
	memset(o->stack, 0, run_cpu.x[SP] - address(world.mid + STACK));
}

/* What a veneer of a call may change. */
static void forget(const struct item *it, struct outcome *o)
{
	if (it->insn.flow == ARCH_FLOW_CALL || it->insn.flow == ARCH_FLOW_ICALL)
		o->cpu.x[16] = o->cpu.x[17] = 0;
}

static void expect_same_cpu(const struct item *it, const struct cpu *a, const struct cpu *b,
			    int slot)
{
	for (int i = 0; i < 32; i++) {
		if (a->x[i] != b->x[i])
			fail_msg("%s, slot %d: register %d is %lx in place, %lx in the slot",
				 it->text, slot, i, (unsigned long)a->x[i], (unsigned long)b->x[i]);
	}
	if (a->nzcv != b->nzcv)
		fail_msg("%s, slot %d: flags %lx in place, %lx in the slot", it->text, slot,
			 (unsigned long)a->nzcv, (unsigned long)b->nzcv);
	if (memcmp(a->v, b->v, sizeof(a->v)) != 0)
		fail_msg("%s, slot %d: vector registers differ", it->text, slot);
}

static void test_plain_and_pc_relative_instructions_do_the_same_in_a_slot(void **state)
{
	(void)state;
	if (!(getauxval(AT_HWCAP) & HWCAP_ATOMICS)) {
		print_message("no large-system atomics here\n");
		skip();
	}
	assert_in_range(check_corpus(corpus_plain), 80, 200);
}

static void test_branches_calls_and_returns_do_the_same_in_a_slot(void **state)
{
	(void)state;
	assert_in_range(check_corpus(corpus_branch), 30, 100);
}

static void test_pointer_authentication_does_the_same_in_a_slot(void **state)
{
	(void)state;
	if (!(getauxval(AT_HWCAP) & HWCAP_PACG)) {
		print_message("no pointer authentication here\n");
		skip();
	}
	check_corpus(corpus_auth);
}

/* --------------------------------------- authenticated branches, chained -- */

/*
 * Signs an address with pacia (or the zero modifier), then jumps by the signed
 * branch, in place or from a slot; the other register is the modifier.
 */
static void check_signed(uint32_t sign, uint32_t branch, int slot)
{
	struct item it = { .text = "signed branch", .code = (void *)&branch };
	uint8_t copy[ARCH_SLOT_MAX], *at = slot < 0 ? world.mid + SITE : world.slots[slot];
	uint32_t pair[2] = { sign, branch };
	const char *why = "";
	struct cpu c;

	assert_true(arch_insn_decode(it.code, 4, site_pc(), &it.insn));
	set_up(&it, &c);
	exit_put(away(3));
	c.x[1] = address(away(3));
	if (slot < 0) {
		code_put(at, pair, 8);
	} else {
		size_t n = arch_relocate(it.code, 4, site_pc() + 4, address(at) + 4, copy, &why);

		assert_true(n > 0);
		code_put(at, &sign, 4);
		code_put(at + 4, copy, n);
	}
	run_cpu = c;
	run_at(address(at));
	assert_int_equal(run_cpu.exit, address(away(3)));
	if (it.insn.flow == ARCH_FLOW_ICALL)
		assert_int_equal(run_cpu.x[LR], site_pc() + 8);
}

static void test_signed_branches_go_where_they_go_in_place(void **state)
{
	(void)state;
	if (!(getauxval(AT_HWCAP) & HWCAP_PACG)) {
		print_message("no pointer authentication here\n");
		skip();
	}
	for (int slot = -1; slot < 3; slot++) {
		check_signed(0xdac10041, 0xd71f0822, slot); /* pacia x1, x2; braa x1, x2 */
		check_signed(0xdac10041, 0xd73f0822, slot); /* blraa x1, x2 */
		check_signed(0xdac10441, 0xd73f0c22, slot); /* pacib; blrab x1, x2 */
		check_signed(0xdac123e1, 0xd61f083f, slot); /* paciza x1; braaz x1 */
		check_signed(0xdac123e1, 0xd63f083f, slot); /* blraaz x1 */
	}
}

/* --------------------------------------------------------- far targets -- */

static void check_far_call(int slot, uint8_t *far)
{
	uint32_t w = 0x94000000 | ((address(far) - site_pc()) >> 2 & 0x3ffffff);
	struct item it = { .text = "far bl", .code = (void *)&w };
	uint8_t copy[ARCH_SLOT_MAX];
	const char *why = "";
	struct cpu c;

	assert_true(arch_insn_decode(it.code, 4, site_pc(), &it.insn));
	assert_int_equal(it.insn.target, address(far));
	size_t n = arch_relocate(it.code, 4, site_pc(), address(world.slots[slot]), copy, &why);

	assert_int_equal(n, 28);
	set_up(&it, &c);
	exit_put(far);
	code_put(world.slots[slot], copy, n);
	run_cpu = c;
	run_at(address(world.slots[slot]));
	assert_int_equal(run_cpu.exit, address(far));
	assert_int_equal(run_cpu.x[LR], site_pc() + 4);
	run_cpu.x[LR] = c.x[LR];
	run_cpu.x[16] = c.x[16];
	assert_memory_equal(run_cpu.x, c.x, sizeof(c.x));
	assert_int_equal(run_cpu.nzcv, c.nzcv);
	/* A jump has no register to spare. */
	w &= 0x7fffffff;
	assert_int_equal(
		arch_relocate(it.code, 4, site_pc(), address(world.slots[slot]), copy, &why), 0);
	assert_string_equal(why, "its target is out of reach of the slot");
}

static void test_calls_reach_targets_that_only_the_site_is_near_to(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		check_far_call(1, world.far[0]);
		check_far_call(2, world.far[1]);
	}
}

static void test_a_slot_past_the_reach_is_refused(void **state)
{
	const uint32_t nop = 0xd503201f;
	const uint8_t *code = (const void *)&nop;
	const uint64_t at = 0x200000000;
	uint8_t out[ARCH_SLOT_MAX];
	const char *why = NULL;

	(void)state;
	assert_true(arch_relocate(code, 4, at, at + arch_reach, out, &why) > 0);
	assert_true(arch_relocate(code, 4, at, at - arch_reach, out, &why) > 0);
	assert_int_equal(arch_relocate(code, 4, at, at + arch_reach + 4, out, &why), 0);
	assert_string_equal(why, "the slot is out of reach of the site");
	assert_int_equal(arch_relocate(code, 4, at, at - arch_reach - 4, out, &why), 0);
	assert_int_equal(arch_relocate(code, 4, at + 2, at + 8, out, &why), 0);
}

/* Conditional branches and their whole range stay in reach of any slot. */
static void test_conditional_branches_are_never_out_of_reach(void **state)
{
	static const uint32_t words[] = { 0x547fffe0, 0x54800000, 0xb47fffe0,
					  0xb5800000, 0x3603ffe0, 0x37040000 };
	const uint64_t at = 0x200000000;
	uint8_t out[ARCH_SLOT_MAX];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const uint8_t *code = (const void *)&words[i];

		assert_int_equal(arch_relocate(code, 4, at, at + arch_reach, out, &why), 12);
		assert_int_equal(arch_relocate(code, 4, at, at - arch_reach, out, &why), 12);
	}
}

/* ------------------------------------------------------------- refusal -- */

static void test_what_cannot_run_elsewhere_is_refused_with_its_reason(void **state)
{
	static const char exclusive[] =
		"an exclusive load or store, which a stop would make fail for ever";
	static const char trap[] = "an instruction that traps on purpose";
	static const char unknown[] = "not an instruction that can be decoded with certainty";
	static const char mops[] = "a step of a memory copy or set, which the kernel may wind back";
	static const char prefix[] = "movprfx, which must stand right before its instruction";
	static const char auth[] = "pointer authentication that depends on the program counter";
	static const struct {
		uint32_t w;
		const char *why;
	} cases[] = {
		{ 0xd4200000, "a breakpoint instruction of the program's own" },
		{ 0xd4207d00, "a breakpoint instruction of the program's own" },
		{ 0xd4400000, trap },
		{ 0x00000000, trap },
		{ 0x0000ffff, trap },
		{ 0xd4000002, trap },
		{ 0xd4000003, trap },
		{ 0xd4a00001, trap },
		{ 0xd69f03e0, trap },
		{ 0xd6bf03e0, trap },
		{ 0x885f7c00, exclusive },
		{ 0xc85ffc20, exclusive },
		{ 0x88007c20, exclusive },
		{ 0xc8005c20, exclusive },
		{ 0x085f7c00, exclusive },
		{ 0x48dffc00 & 0xff7fffff, exclusive },
		{ 0xc87f0440, exclusive },
		{ 0xc8230440, exclusive },
		{ 0x19010440, mops },
		{ 0x1d010440, mops },
		{ 0x19c10440, mops },
		{ 0x0420bc20, prefix },
		{ 0x04912020 & 0xff3effff, prefix },
		{ 0x04112020, prefix },
		{ 0xd50324ff, auth },
		{ 0xdac1a3fe, auth },
		{ 0xf380001f, auth },
		{ 0x5500001f, auth },
		{ 0x5520005f, auth },
		{ 0xd5233060, "the start of a hardware transaction" },
		{ 0xd73f0bde, "a call that authenticates with the register it changes" },
		{ 0xd73f083e, "a call that authenticates with the register it changes" },
		{ 0x00010000, unknown },
		{ 0x56000000, unknown },
		{ 0xd4e00000, unknown },
		{ 0xd61f0001, unknown },
		{ 0xdc000000, unknown },
		{ 0x02000000, unknown },
		{ 0x06000000, unknown },
	};
	uint8_t out[ARCH_SLOT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *code = (const void *)&cases[i].w;
		const char *why = "moved";

		if (arch_relocate(code, 4, 0x10000, 0x20000, out, &why) || why != cases[i].why)
			if (strcmp(why, cases[i].why))
				fail_msg("%08x: %s, not %s", cases[i].w, why, cases[i].why);
	}
	assert_int_equal(arch_relocate((const void *)&cases[0].w, 4, 0x10000, 0x20000, out, NULL),
			 0);
	assert_int_equal(arch_relocate(out, 3, 0x10000, 0x20000, out, NULL), 0);
}

/* ------------------------------------------------ exclusive sequences -- */

static const char *refused_at(const uint32_t *code, size_t i)
{
	return arch_site_refuse((const void *)code, i * 4);
}

static void test_no_breakpoint_goes_between_an_exclusive_load_and_its_store(void **state)
{
	static const uint32_t code[] = {
		0xaa0003e1, /* mov x1, x0 */
		0xc85ffc20, /* ldaxr x0, [x1] */
		0x91000400, /* add x0, x0, #1 */
		0xb4000060, /* cbz x0, out */
		0xc802fc20, /* stlxr w2, x0, [x1] */
		0x35ffff82, /* cbnz w2, ldaxr */
		0xd65f03c0, /* ret */
	};
	uint32_t much[64];

	(void)state;
	assert_null(refused_at(code, 0));
	assert_null(refused_at(code, 1)); /* the instruction itself is refused elsewhere */
	assert_non_null(refused_at(code, 2));
	assert_non_null(refused_at(code, 3));
	assert_non_null(refused_at(code, 4));
	assert_null(refused_at(code, 5));
	assert_null(refused_at(code, 6));
	/* Past a branch that always goes away other code begins. */
	memcpy(much, code, 8);
	much[2] = 0xd65f03c0;
	much[3] = much[4] = 0xd503201f;
	assert_null(refused_at(much, 4));
	/* What is more than arch_lookback before does not count. */
	for (int i = 0; i < 64; i++)
		much[i] = 0xd503201f;
	much[0] = code[1];
	assert_non_null(refused_at(much, arch_lookback / 4));
	assert_null(refused_at(much, arch_lookback / 4 + 1));
	/* pacm changes what the next instruction signs with. */
	much[9] = 0xd50324ff;
	assert_non_null(refused_at(much, 10));
}

/* ------------------------------------------------------------ slot map -- */

static void test_places_in_a_slot_map_to_places_at_the_site(void **state)
{
	static const struct {
		uint32_t w;
		uint64_t at;
		int8_t places[8]; /* by word; 0 and 4, or -1; 9: past the end */
	} cases[] = {
		{ 0xa9be7bfd, 0x10000000, { 0, 4, 9 } }, /* stp */
		{ 0x90000001, 0x10000000, { 0, 4, -1, -1, 9 } },
		{ 0x9000001e, 0x10000000, { 0, 4, -1, -1, 9 } }, /* adrp x30: no call */
		{ 0x58000040, 0x8f000000, { 0, 4, 9 } }, /* the literal in reach */
		{ 0x58000040, 0x8a000000, { 0, 0, 4, -1, -1, 9 } },
		{ 0x5800005e, 0x8a000000, { 0, 0, 4, -1, -1, 9 } }, /* ldr x30: no call */
		{ 0x9c000040, 0x8a000000, { 0, -1, -1, -1, 4, -1, -1, 9 } },
		{ 0xd8000040, 0x8a000000, { 0, 9 } },
		{ 0x54000040, 0x8a000000, { 0, 4, -1, 9 } },
		{ 0x94000010, 0x8a000000, { 0, 0, -1, -1, -1, 9 } },
		{ 0x96000000, 0x96000000, { 0, 0, 0, -1, -1, -1, -1, 9 } }, /* far */
		{ 0xd63f0000, 0x8a000000, { 0, 0, -1, -1, -1, 9 } },
		{ 0xd63f03c0, 0x8a000000, { 0, 0, -1, -1, -1, -1, 9 } },
		{ 0xd65f03c0, 0x8a000000, { 0, 9 } },
		{ 0x14000010, 0x8a000000, { 0, 9 } },
		{ 0xd4000001, 0x8a000000, { 0, 4, 9 } },
		{ 0xaa1e03f0, 0x8a000000, { 0, 4, 9 } }, /* mov x16, x30: no call */
		{ 0xf81f0ff0, 0x8a000000, { 0, 4, 9 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t slot[ARCH_SLOT_MAX];
		const char *why = "";
		uint64_t site = cases[i].at < 0x20000000 ? 0x11000000 : 0x90000000;
		size_t n, k;

		if (cases[i].at == 0x8f000000)
			site = 0x8f010000;
		n = arch_relocate((const void *)&cases[i].w, 4, site, cases[i].at, slot, &why);
		for (k = 0; cases[i].places[k] != 9; k++) {
			int64_t at = arch_slot_to_orig(slot, n, 4, k * 4);

			if (at != cases[i].places[k])
				fail_msg("%08x: word %zu maps to %ld", cases[i].w, k, (long)at);
		}
		assert_int_equal(n, k * 4);
		assert_int_equal(arch_slot_to_orig(slot, n, 4, n), -1);
		assert_int_equal(arch_slot_to_orig(slot, n, 4, UINT64_MAX), -1);
	}
}

static void test_the_slot_map_takes_any_bytes(void **state)
{
	uint8_t bytes[ARCH_SLOT_MAX];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = random_next() % (sizeof(bytes) + 1);
		uint8_t *slot = malloc(len ? len : 1);

		assert_non_null(slot);
		for (size_t k = 0; k < len; k++)
			slot[k] = (uint8_t)random_next();
		for (uint64_t off = 0; off < sizeof(bytes) + 2; off++) {
			int64_t at = arch_slot_to_orig(slot, len, 4, off);

			assert_true(at == -1 || at == 0 || at == 4);
		}
		free(slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_and_pc_relative_instructions_do_the_same_in_a_slot),
		cmocka_unit_test(test_branches_calls_and_returns_do_the_same_in_a_slot),
		cmocka_unit_test(test_pointer_authentication_does_the_same_in_a_slot),
		cmocka_unit_test(test_signed_branches_go_where_they_go_in_place),
		cmocka_unit_test(test_calls_reach_targets_that_only_the_site_is_near_to),
		cmocka_unit_test(test_a_slot_past_the_reach_is_refused),
		cmocka_unit_test(test_conditional_branches_are_never_out_of_reach),
		cmocka_unit_test(test_what_cannot_run_elsewhere_is_refused_with_its_reason),
		cmocka_unit_test(test_no_breakpoint_goes_between_an_exclusive_load_and_its_store),
		cmocka_unit_test(test_places_in_a_slot_map_to_places_at_the_site),
		cmocka_unit_test(test_the_slot_map_takes_any_bytes),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
