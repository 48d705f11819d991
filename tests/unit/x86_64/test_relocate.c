/*
 * Out-of-line copies (arch_relocate): every class of instruction run in its
 * place and from slots near and as far as they go, with random registers, and
 * compared in registers, flags, vector registers, data, stack and where it went.
 *
 * The world is one reservation of address space with the site in its middle:
 *
 *	LOW slot ... site page | exits | data | near slot | stack ... HIGH slot
 */
#include "arch/arch.h"
#include "run_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#define REACH 0x7ff00000ULL
#define SPACE (2 * REACH + 0x200000)
#define SITE 0x8000 /* offsets in the middle mapping */
#define DATA 0xa000 /* what corpus operands of 0x2000(%rip) and up meet */
#define DATA_LEN 0x2000
#define NEAR_SLOT 0x10000
#define STACK 0x14000
#define STACK_LEN 0x2000
#define MIDDLE_LEN 0x18000
#define ROUNDS 24

struct world {
	uint8_t *space;
	uint8_t *mid; /* site and all around it */
	uint8_t *slots[3];
	uint8_t *far; /* a page only the site reaches, for far targets */
	uint64_t saved_gs;
};

static struct world world;

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
	world.mid = open_page(REACH + 0x100000, MIDDLE_LEN);
	world.slots[0] = world.mid + NEAR_SLOT;
	world.slots[1] = open_page(0x110000, 0x1000);
	world.slots[2] = open_page(2 * REACH + 0x100000, 0x1000);
	world.far = open_page(2 * REACH + 0x108000, 0x1000);
	if (!world.mid || !world.slots[1] || !world.slots[2] || !world.far)
		return -1;
	/* glibc has no use for gs: our data, for segment operands. */
	if (syscall(SYS_arch_prctl, 0x1004, &world.saved_gs) != 0)
		return -1;
	return (int)syscall(SYS_arch_prctl, 0x1001, world.mid + DATA);
}

static int close_world(void **state)
{
	(void)state;
	syscall(SYS_arch_prctl, 0x1001, world.saved_gs);
	return munmap(world.space, SPACE);
}

/* -------------------------------------------------------------- corpus -- */

/* text, NUL, length, bytes; ends with an empty text. */
#define I(text) ".asciz \"" text "\"\n .byte 2f-1f\n1: " text "\n2:\n"
#define RAW(bytes) ".asciz \"" bytes "\"\n .byte 2f-1f\n1: .byte " bytes "\n2:\n"

extern const char corpus_plain[], corpus_branch[], corpus_avx2[], corpus_avx512[];

/* clang-format off */
__asm__(".pushsection .rodata\n"
	"corpus_plain:\n"
	I("nop") I("endbr64") I("nopw 0x0(%rax,%rax,1)") RAW("0x0f,0x1f,0x05,1,2,3,4")
	I("push %rbp") I("pop %r12") I("push %rsp") I("pop %rsp") I("pushq 0x10(%rsp)")
	I("popq 0x10(%rsp)") I("push $-5") I("push 0x2010(%rip)") I("popq 0x2018(%rip)")
	I("mov %rsp,%rbp") I("sub $0x88,%rsp") I("leave") I("enter $16,$0")
	I("xor %eax,%eax") I("add %rax,0x10(%rbx)") I("adc 0x2040(%rip),%rdx")
	I("lea 0x2345(%rip),%rax") I("lea -0x2345(%rip),%r15d") I("mov 0x2100(%rip),%rax")
	I("mov %r9,0x2108(%rip)") I("mov 0x2101(%rip),%al") I("mov 0x2102(%rip),%cx")
	I("movb $7,0x2103(%rip)") I("movw $0x1234,0x2104(%rip)")
	I("movl $0x12345678,0x2108(%rip)") I("movq $-2,0x2110(%rip)")
	I("addq $0x1234567,0x2118(%rip)") I("cmpq $5,0x2120(%rip)") I("subl $3,0x2124(%rip)")
	I("testb $0x80,0x2128(%rip)") I("testl $0x80000,0x2128(%rip)")
	I("imul $1000,0x2130(%rip),%r8") I("imul $100,0x2130(%rip),%r8") I("mulq 0x2138(%rip)")
	I("shlq $5,0x2140(%rip)") I("rorl %cl,0x2148(%rip)") I("shrd $4,%rdx,0x2150(%rip)")
	I("shld %cl,%rdx,0x2158(%rip)") I("btsq $9,0x2160(%rip)") I("bt %rcx,0x2168(%rip)")
	I("cmovle 0x2170(%rip),%r10") I("setg 0x2178(%rip)") I("movzbl 0x2179(%rip),%eax")
	I("movslq 0x217c(%rip),%rdx") I("lock incl 0x2180(%rip)")
	I("lock cmpxchg %r8,0x2188(%rip)") I("xchg %r11,0x2190(%rip)")
	I("lock xadd %rax,0x2198(%rip)") I("cmpxchg8b 0x21a0(%rip)") I("notq 0x21a8(%rip)")
	I("negb 0x21a9(%rip)") I("bswap %r14") I("popcnt 0x21b0(%rip),%rax")
	I("bsf 0x21b8(%rip),%rax") I("crc32q 0x21c0(%rip),%r8") I("movbe 0x21c8(%rip),%rax")
	I("prefetcht0 0x21d0(%rip)") I("clflush 0x2200(%rip)") I("movnti %rax,0x2200(%rip)")
	I("lea (%rip),%rax") RAW("0x67,0x48,0x8d,0x05,0x00,0x21,0x00,0x00")
	I("movups 0x2210(%rip),%xmm3") I("movups %xmm3,0x2220(%rip)")
	I("paddd 0x25f8(%rip),%xmm1") I("pshufd $0x1b,0x25f6(%rip),%xmm9")
	I("pcmpestri $3,0x2600(%rip),%xmm1") I("cvtsi2sdq 0x2230(%rip),%xmm0")
	I("fldl 0x2238(%rip)") I("fildll 0x2238(%rip)") I("fnstcw 0x2240(%rip)")
	I("movq %xmm2,%rax") I("aesenc %xmm1,%xmm2") I("cvttsd2si %xmm0,%eax")
	I("rep movsb") I("rep stosq") I("repne scasb") I("repe cmpsb") I("lodsq") I("xlat")
	I("pushfq") I("popfq") I("cld") I("std") I("stc") I("cmc") I("sahf") I("lahf")
	I("cqo") I("cltd") I("cwtl") I("mov %fs:0x28,%rax") I("mov %gs:0x40,%rax")
	I("mov %rdx,%gs:0x48") I("cmpxchg16b (%rbx)") I("bextr %rax,0x2248(%rip),%rdx")
	I("mulx 0x2250(%rip),%rax,%rdx") I("pdep 0x2258(%rip),%rax,%rdx")
	I("movabs $0x123456789abcdef0,%rax") I("mov $5,%r8d") I("sar $3,%rax") I("pause")
	I("mov %ds,%eax") I("mov (%rbx,%rcx,8),%rax") I("mov %al,-1(%rbp)") I("add %r8b,%sil")
	I("movabs %gs:0x40,%rax") I("data16 push %rax") I("push %fs") I("syscall")
	".byte 0\n"
	"corpus_branch:\n"
	RAW("0xeb,0x40") RAW("0xeb,0x80") RAW("0xe9,0x40,1,0,0") RAW("0xe9,0,0xff,0xff,0xff")
	RAW("0xf2,0xe9,0x40,1,0,0") RAW("0x67,0xe9,0x40,1,0,0")
	RAW("0x70,0x40") RAW("0x71,0x40") RAW("0x72,0x40") RAW("0x73,0x40") RAW("0x74,0x40")
	RAW("0x75,0x40") RAW("0x76,0x40") RAW("0x77,0x40") RAW("0x78,0x40") RAW("0x79,0x40")
	RAW("0x7a,0x40") RAW("0x7b,0x40") RAW("0x7c,0x40") RAW("0x7d,0x40") RAW("0x7e,0x40")
	RAW("0x7f,0x90") RAW("0x2e,0x74,0x40") RAW("0x3e,0x75,0x40")
	RAW("0x0f,0x84,0,2,0,0") RAW("0x0f,0x8c,0,0xff,0xff,0xff") RAW("0x3e,0x0f,0x87,0,2,0,0")
	RAW("0xe0,0x40") RAW("0xe1,0x40") RAW("0xe2,0x40") RAW("0xe3,0x40") RAW("0xe3,0x90")
	RAW("0x67,0xe0,0x40") RAW("0x67,0xe1,0x40") RAW("0x67,0xe2,0x40") RAW("0x67,0xe3,0x40")
	RAW("0xe8,0x40,1,0,0") RAW("0xe8,0,0xff,0xff,0xff") RAW("0xe8,0,0,0,0")
	RAW("0x67,0xe8,0x40,1,0,0") RAW("0x66,0x66,0x48,0xe8,0x40,1,0,0")
	RAW("0xf2,0xe8,0x40,1,0,0")
	I("call *%rax") I("call *%rdx") I("call *%r8") I("call *%r15") I("notrack call *%r11")
	I("call *%rsp") I("call *(%rbx)") I("call *0x10(%r12)") I("call *0x10(%r13)")
	I("call *(%rbx,%rcx,8)") I("call *(%rbx,%r9,8)") I("call *0x40(%rbp)")
	I("call *(%rsp)") I("call *0x10(%rsp)")
	I("call *0x1000(%rsp)") I("call *-8(%rsp)") I("call *-0x10(%rsp)")
	I("call *-0x18(%rsp)") I("call *(%rsp,%rcx,8)") I("call *0x2102(%rip)")
	I("call *%gs:0x40") RAW("0x66,0x48,0xff,0x15,0x00,0x21,0,0")
	RAW("0xf2,0xff,0x15,0x01,0x21,0,0") RAW("0x3e,0xff,0x53,0x10")
	RAW("0x65,0x2e,0x41,0xff,0x14,0x25,0x40,0,0,0")
	I("jmp *%rax") I("notrack jmp *%r10") I("jmp *(%rbx)") I("jmp *0x2102(%rip)")
	I("jmp *(%rsp)") I("jmp *8(%rbx,%rcx,8)") I("jmp *%gs:0x40") RAW("0xf2,0xff,0xe0")
	I("ret") I("repz ret") I("ret $0x20") RAW("0xf2,0xc3")
	".byte 0\n"
	"corpus_avx2:\n"
	I("vmovdqu 0x2300(%rip),%ymm4") I("vmovdqu %ymm4,0x2320(%rip)")
	I("vpaddd 0x2340(%rip),%ymm8,%ymm9") I("vinserti128 $1,0x2360(%rip),%ymm1,%ymm2")
	I("vpermq $0x1b,0x2380(%rip),%ymm3") I("vpbroadcastq 0x23a0(%rip),%ymm3")
	I("vfmadd231pd 0x23c0(%rip),%ymm1,%ymm2") I("vpcmpeqb 0x23e0(%rip),%xmm1,%xmm10")
	I("vextracti128 $1,%ymm3,0x2400(%rip)") I("vzeroupper")
	I("vblendvps %xmm1,0x2300(%rip),%xmm2,%xmm3")
	I("rorx $5,0x2410(%rip),%rax") I("shlx %rax,0x2418(%rip),%rdx")
	I("vpgatherdd %xmm1,(%rbx,%xmm15,1),%xmm2")
	".byte 0\n"
	"corpus_avx512:\n"
	I("vmovdqu64 0x2440(%rip),%zmm1") I("vmovdqu64 %zmm1,0x2480(%rip)")
	I("vpaddq 0x24c0(%rip){1to8},%zmm1,%zmm2") I("vpternlogd $0x96,0x2500(%rip),%zmm1,%zmm2")
	I("vpcmpud $1,0x2540(%rip),%zmm1,%k1") I("kmovw 0x2544(%rip),%k2")
	I("vmovups 0x40(%rbx),%zmm3") I("vpcmpeqd 0x2580(%rip),%zmm3,%k3")
	".byte 0\n"
	".popsection\n");
/* clang-format on */

struct item {
	const char *text;
	const uint8_t *code;
	size_t len;
	struct arch_insn insn;
};

static uint64_t site_pc(void)
{
	return (uint64_t)(uintptr_t)(world.mid + SITE);
}

/* The item at *p; moves *p past it. */
static bool item_next(const char **p, struct item *it)
{
	if (!**p)
		return false;
	it->text = *p;
	*p += strlen(*p) + 1;
	it->len = (uint8_t) * (*p)++;
	it->code = (const uint8_t *)*p;
	*p += it->len;
	if (!arch_insn_decode(it->code, it->len, site_pc(), &it->insn) || it->insn.len != it->len)
		fail_msg("%s is not decoded", it->text);
	return true;
}

/* ------------------------------------------------------------- running -- */

#define COPY_MIN 1
#include "../relocate_cases.h"

static bool is_call_sp(const struct item *it)
{
	return it->len == 2 && it->code[0] == 0xff && it->code[1] == 0xd4;
}

/* Memory and registers, from random_state only. */
static void set_up(const struct item *it, struct cpu *c)
{
	uint64_t *data = (void *)(world.mid + DATA), *stack = (void *)(world.mid + STACK);
	uint64_t base = (uint64_t)(uintptr_t)data;
	static const int pointers[] = { RBX, RSI, RDI, RBP, R12, R13 };

	memset(world.mid, 0xcc, MIDDLE_LEN);
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < DATA_LEN / 8; i++)
		data[i] = some_value(it);
	for (size_t i = 0; i < STACK_LEN / 8; i++)
		stack[i] = some_value(it);
	for (int i = 0; i < 16; i++)
		c->gpr[i] = some_value(it);
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		c->gpr[pointers[i]] = base + 0x400 + (random_next() & 0x3f0);
	c->gpr[RCX] = random_next() & 3;
	c->gpr[R9] = random_next() & 3;
	c->gpr[RSP] = (uintptr_t)stack + 0xa00 + (random_next() & 0x78);
	c->flags = random_flags() | (random_next() & 0x400);
	for (int i = 32; i < 416; i++)
		c->fx[i] = i < 160 ? 0 : (uint8_t)random_next();
	c->fx[0] = 0x7f;
	c->fx[1] = 0x03;
	c->fx[24] = 0x80;
	c->fx[25] = 0x1f;
	if (it->code[0] == 0x9d) /* popf: no flag that traps */
		*(uint64_t *)(uintptr_t)c->gpr[RSP] = random_flags();
	if (it->insn.flow == ARCH_FLOW_SYSCALL)
		c->gpr[RAX] = SYS_getpid;
	/* Index of the gather. */
	memset(c->fx + 160 + 15 * 16, 0, 16);
}

#define EXITS (3 + AWAYS) /* next, target, on the stack, the aways */

static void put_exits(const struct item *it, uint8_t *exits[EXITS], const struct cpu *c)
{
	uint64_t target = it->insn.target;

	exits[0] = world.mid + SITE + it->len;
	exits[1] = target && target != site_pc() + it->len ? (uint8_t *)(uintptr_t)target : NULL;
	exits[2] = is_call_sp(it) ? (uint8_t *)(uintptr_t)c->gpr[RSP] : NULL;
	for (unsigned i = 0; i < AWAYS; i++)
		exits[3 + i] = away(i);
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
	put_exits(it, exits, &c);
	if (slot)
		memcpy(slot, copy, copy_len);
	else
		memcpy(world.mid + SITE, it->code, it->len);
	run_cpu = c;
	run_at(slot ? (uint64_t)(uintptr_t)slot : site_pc());
	o->cpu = run_cpu;
	o->where = -1;
	for (int i = 0; i < EXITS; i++) {
		if (exits[i] && exit_taken(exits[i]))
			o->where = i;
	}
	if (exits[2]) /* its mark is in the stack */
		memset(exits[2] + 24, 0, 4);
	memcpy(o->data, world.mid + DATA, DATA_LEN);
	memcpy(o->stack, world.mid + STACK, STACK_LEN);
}

/* Calls through memory keep their target in the word below the return address. */
static void forget(const struct item *it, struct outcome *o)
{
	uint64_t sp = o->cpu.gpr[RSP] - (uint64_t)(uintptr_t)(world.mid + STACK);

	if (it->insn.flow == ARCH_FLOW_ICALL && sp >= 8 && sp < STACK_LEN)
		memset(o->stack + sp - 8, 0, 8);
}

static void expect_same_cpu(const struct item *it, const struct cpu *a, const struct cpu *b,
			    int slot)
{
	for (int i = 0; i < 16; i++) {
		if (a->gpr[i] != b->gpr[i])
			fail_msg("%s, slot %d: register %d is %lx in place, %lx in the slot",
				 it->text, slot, i, (unsigned long)a->gpr[i],
				 (unsigned long)b->gpr[i]);
	}
	if (a->flags != b->flags)
		fail_msg("%s, slot %d: flags %lx in place, %lx in the slot", it->text, slot,
			 (unsigned long)a->flags, (unsigned long)b->flags);
	if (memcmp(a->fx + 32, b->fx + 32, 384) != 0)
		fail_msg("%s, slot %d: vector or x87 registers differ", it->text, slot);
}

static void test_plain_and_pc_relative_instructions_do_the_same_in_a_slot(void **state)
{
	(void)state;
	assert_true(check_corpus(corpus_plain) > 100);
}

static void test_branches_calls_and_returns_do_the_same_in_a_slot(void **state)
{
	(void)state;
	assert_true(check_corpus(corpus_branch) > 70);
}

static void test_vector_instructions_do_the_same_in_a_slot(void **state)
{
	(void)state;
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
	    !__builtin_cpu_supports("bmi2")) {
		print_message("no AVX2, FMA and BMI2 here\n");
		skip();
	}
	check_corpus(corpus_avx2);
	if (__builtin_cpu_supports("avx512f"))
		check_corpus(corpus_avx512);
	else
		print_message("no AVX-512 here: left out\n");
}

/* --------------------------------------------------------- far targets -- */

/* A branch of the site to a page that the low slot can't reach directly. */
static void check_far(uint8_t *code, size_t rel_at, size_t len, struct outcome *o, bool *taken)
{
	struct item it = { .text = "far branch", .code = code, .len = len };
	int32_t rel = (int32_t)((uintptr_t)world.far - (site_pc() + len));
	uint8_t copy[ARCH_SLOT_MAX];
	const char *why = "";
	struct cpu c;

	memcpy(code + rel_at, &rel, 4);
	assert_true(arch_insn_decode(code, len, site_pc(), &it.insn));
	assert_int_equal(it.insn.target, (uintptr_t)world.far);
	size_t n = arch_relocate(code, len, site_pc(), (uint64_t)(uintptr_t)world.slots[1], copy,
				 &why);

	assert_true(n > 0);
	set_up(&it, &c);
	exit_put(world.mid + SITE + len);
	exit_put(world.far);
	memcpy(world.slots[1], copy, n);
	run_cpu = c;
	run_at((uint64_t)(uintptr_t)world.slots[1]);
	o->cpu = run_cpu;
	*taken = exit_taken(world.far);
	assert_true(*taken != exit_taken(world.mid + SITE + len));
	/* All but rsp and what it points at is as it was. */
	run_cpu.gpr[RSP] = c.gpr[RSP];
	assert_memory_equal(run_cpu.gpr, c.gpr, sizeof(c.gpr));
	assert_int_equal(run_cpu.flags, c.flags);
	if (code[0] == 0xe8) {
		assert_int_equal(o->cpu.gpr[RSP], c.gpr[RSP] - 8);
		assert_int_equal(*(uint64_t *)(uintptr_t)o->cpu.gpr[RSP], site_pc() + len);
	} else {
		assert_int_equal(o->cpu.gpr[RSP], c.gpr[RSP]);
	}
}

static void test_branches_reach_targets_that_only_the_site_is_near_to(void **state)
{
	uint8_t jmp[5] = { 0xe9 }, call[5] = { 0xe8 }, je[6] = { 0x0f, 0x84 };
	static struct outcome o;
	int count[2] = { 0, 0 };
	bool taken;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		check_far(jmp, 1, 5, &o, &taken);
		assert_true(taken);
		check_far(call, 1, 5, &o, &taken);
		assert_true(taken);
		check_far(je, 2, 6, &o, &taken);
		assert_int_equal(taken, (o.cpu.flags & 0x40) != 0);
		count[taken]++;
	}
	assert_true(count[0] && count[1]);
}

static void test_an_operand_out_of_reach_of_the_slot_is_refused(void **state)
{
	/* mov 0x7fff0000(%rip), %rax; the slot lies as far the other way */
	const uint8_t code[] = { 0x48, 0x8b, 0x05, 0x00, 0x00, 0xff, 0x7f };
	uint8_t out[ARCH_SLOT_MAX];
	const char *why = NULL;

	(void)state;
	assert_int_equal(arch_relocate(code, 7, 0x100000000, 0x90000000, out, &why), 0);
	assert_string_equal(why, "its operand is out of reach of the slot");
	assert_true(arch_relocate(code, 7, 0x100000000, 0x110000000, out, &why) > 0);
}

static void test_a_slot_past_the_reach_is_refused(void **state)
{
	const uint8_t nop = 0x90;
	uint8_t out[ARCH_SLOT_MAX];
	const char *why = NULL;

	(void)state;
	assert_true(arch_relocate(&nop, 1, 0x200000000, 0x200000000 + arch_reach, out, &why) > 0);
	assert_true(arch_relocate(&nop, 1, 0x200000000, 0x200000000 - arch_reach, out, &why) > 0);
	assert_int_equal(arch_relocate(&nop, 1, 0x200000000, 0x200000001 + arch_reach, out, &why),
			 0);
	assert_string_equal(why, "the slot is out of reach of the site");
	assert_int_equal(arch_relocate(&nop, 1, 0x200000000, 0x1ffffffff - arch_reach, out, &why),
			 0);
}

/* -------------------------------------------------------------- faults -- */

static volatile uint64_t fault_pc, fault_sp;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	fault_pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	fault_sp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)run_leave;
}

/* A call through a bad pointer faults at the slot's start, nothing done yet. */
static void test_a_fault_in_a_relocated_call_is_at_the_slots_start(void **state)
{
	const uint8_t code[] = { 0xff, 0x53, 0x10 }; /* call *0x10(%rbx) */
	static uint8_t signal_stack[65536];
	stack_t alt = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) }, old_alt;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction old;
	struct item it = { .text = "call", .code = code, .len = 3 };
	uint8_t copy[ARCH_SLOT_MAX];
	const char *why;
	struct cpu c;

	(void)state;
	set_up(&it, &c);
	c.gpr[RBX] = 8;
	size_t n =
		arch_relocate(code, 3, site_pc(), (uint64_t)(uintptr_t)world.slots[0], copy, &why);

	memcpy(world.slots[0], copy, n);
	assert_int_equal(sigaltstack(&alt, &old_alt), 0);
	assert_int_equal(sigaction(SIGSEGV, &sa, &old), 0);
	run_cpu = c;
	run_at((uint64_t)(uintptr_t)world.slots[0]);
	sigaction(SIGSEGV, &old, NULL);
	sigaltstack(&old_alt, NULL);
	assert_int_equal(fault_pc, (uintptr_t)world.slots[0]);
	assert_int_equal(fault_sp, c.gpr[RSP]);
}

/* ------------------------------------------------------------- refusal -- */

static void test_what_cannot_run_elsewhere_is_refused_with_its_reason(void **state)
{
	static const struct {
		uint8_t code[8];
		size_t len;
		const char *why;
	} cases[] = {
		{ { 0xcc }, 1, "a breakpoint instruction of the program's own" },
		{ { 0xf1 }, 1, "a breakpoint instruction of the program's own" },
		{ { 0xcd, 0x80 }, 2, "a software interrupt" },
		{ { 0xf4 }, 1, "hlt" },
		{ { 0xec }, 1, "port input or output" },
		{ { 0xe6, 0x80 }, 2, "port input or output" },
		{ { 0xf3, 0x6c }, 2, "port input or output" },
		{ { 0xfa }, 1, "cli or sti" },
		{ { 0xcf }, 1, "an interrupt return" },
		{ { 0x48, 0xcf }, 2, "an interrupt return" },
		{ { 0xcb }, 1, "a far return" },
		{ { 0xff, 0x18 }, 2, "a far call or jump" },
		{ { 0xff, 0x2f }, 2, "a far call or jump" },
		{ { 0x8e, 0xd0 }, 2, "mov to ss, which masks traps" },
		{ { 0xc7, 0xf8, 1, 0, 0, 0 }, 6, "the start of a hardware transaction" },
		{ { 0x0f, 0x0b }, 2, "an instruction that is undefined on purpose" },
		{ { 0x0f, 0xb9, 0xc0 }, 3, "an instruction that is undefined on purpose" },
		{ { 0x0f, 0x34 }, 2, "sysenter, sysexit or sysret" },
		{ { 0x66, 0xeb, 4 },
		  3,
		  "a branch with an operand-size prefix, on which processors differ" },
		{ { 0x66, 0xc3 },
		  2,
		  "a branch with an operand-size prefix, on which processors differ" },
		{ { 0x66, 0xe8, 1, 0, 0, 0 },
		  6,
		  "not an instruction that can be decoded with certainty" },
		{ { 0x06 }, 1, "not an instruction that can be decoded with certainty" },
		{ { 0x48, 0x8b }, 2, "not an instruction that can be decoded with certainty" },
	};
	uint8_t out[ARCH_SLOT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = NULL;

		assert_int_equal(
			arch_relocate(cases[i].code, cases[i].len, 0x10000, 0x20000, out, &why), 0);
		assert_string_equal(why, cases[i].why);
	}
	assert_int_equal(arch_relocate(cases[0].code, 1, 0x10000, 0x20000, out, NULL), 0);
}

/* ------------------------------------------------------------ slot map -- */

struct map_case {
	uint8_t code[8];
	size_t len;
	int places; /* offsets past 0 that map to the next instruction */
};

static void check_map(const struct map_case *m, uint64_t new_pc)
{
	uint8_t slot[ARCH_SLOT_MAX];
	const char *why = NULL;
	int places = 0;
	size_t n = arch_relocate(m->code, m->len, 0x90000000, new_pc, slot, &why);

	assert_true(n > 0);
	assert_int_equal(arch_slot_to_orig(slot, n, m->len, 0), 0);
	for (size_t off = 1; off < n; off++) {
		int64_t at = arch_slot_to_orig(slot, n, m->len, off);

		if (at == -1)
			continue;
		assert_int_equal(at, m->len);
		/* Only jumps back, and the repair of rcx, stand for the next one. */
		assert_true(slot[off] == 0xe9 || slot[off] == 0xeb || slot[off] == 0x48);
		places++;
	}
	if (places != m->places)
		fail_msg("%02x %02x: %d places map to the next instruction", m->code[0], m->code[1],
			 places);
	assert_int_equal(arch_slot_to_orig(slot, n, m->len, n), -1);
	assert_int_equal(arch_slot_to_orig(slot, n, m->len, UINT64_MAX), -1);
	/* A slot of fixed size, filled up with traps, gives the same. */
	memset(slot + n, 0xcc, sizeof(slot) - n);
	for (size_t off = n; off < sizeof(slot); off++)
		assert_int_equal(arch_slot_to_orig(slot, sizeof(slot), m->len, off), -1);
}

static void test_places_in_a_slot_map_to_places_at_the_site(void **state)
{
	static const struct map_case cases[] = {
		{ { 0x55 }, 1, 1 }, /* push: only the jump back */
		{ { 0xff, 0x35, 0, 0x20, 0, 0 }, 6, 1 }, /* push [rip]: not a call */
		{ { 0xff, 0x33 }, 2, 1 }, /* push (%rbx) */
		{ { 0x0f, 0x05 }, 2, 2 }, /* syscall; lea; jmp */
		{ { 0xeb, 0x10 }, 2, 0 },
		{ { 0x74, 0x10 }, 2, 1 },
		{ { 0xe2, 0x10 }, 2, 2 }, /* both jumps back */
		{ { 0x67, 0xe3, 0x10 }, 3, 2 },
		{ { 0xe8, 0, 1, 0, 0 }, 5, 0 },
		{ { 0xe8, 0, 0, 0, 0x7f }, 5, 0 }, /* far from the low slot */
		{ { 0xff, 0xd0 }, 2, 0 },
		{ { 0x41, 0xff, 0xd3 }, 3, 0 },
		{ { 0x3e, 0xff, 0xd0 }, 3, 0 },
		{ { 0xff, 0x53, 0x10 }, 3, 0 },
		{ { 0xff, 0x15, 0, 1, 0, 0 }, 6, 0 },
		{ { 0xff, 0xd4 }, 2, 0 },
		{ { 0xff, 0xe0 }, 2, 0 },
		{ { 0xc3 }, 1, 0 },
		{ { 0x0f, 0x84, 0, 0, 0, 0x7f }, 6, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_map(&cases[i], 0x90010000);
		check_map(&cases[i], 0x20000000);
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
			int64_t at = arch_slot_to_orig(slot, len, 3, off);

			assert_true(at == -1 || at == 0 || at == 3);
		}
		free(slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_and_pc_relative_instructions_do_the_same_in_a_slot),
		cmocka_unit_test(test_branches_calls_and_returns_do_the_same_in_a_slot),
		cmocka_unit_test(test_vector_instructions_do_the_same_in_a_slot),
		cmocka_unit_test(test_branches_reach_targets_that_only_the_site_is_near_to),
		cmocka_unit_test(test_an_operand_out_of_reach_of_the_slot_is_refused),
		cmocka_unit_test(test_a_slot_past_the_reach_is_refused),
		cmocka_unit_test(test_a_fault_in_a_relocated_call_is_at_the_slots_start),
		cmocka_unit_test(test_what_cannot_run_elsewhere_is_refused_with_its_reason),
		cmocka_unit_test(test_places_in_a_slot_map_to_places_at_the_site),
		cmocka_unit_test(test_the_slot_map_takes_any_bytes),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
