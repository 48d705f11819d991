/*
 * Plans of patches: which tactic, what is refused and why, where the trampoline
 * may be; and how much of real libraries can be patched.
 */
#include "arch/record.h"

#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#define ADDR 0x7f0000001000ull

static struct arch_func func;
static struct arch_patch_plan plan;

static uint8_t bytes[64]; /* the function under test */

static void scan_at(uint64_t addr, const uint8_t *code, size_t len, size_t after)
{
	arch_func_deinit(&func);
	assert_true(len <= sizeof(bytes));
	memcpy(bytes, code, len);
	func = (struct arch_func){
		.code = bytes, .addr = addr, .len = len - after, .after = after
	};
	assert_true(arch_func_scan(&func));
}

static int forget(void **state)
{
	(void)state;
	arch_func_deinit(&func);
	return 0;
}

#define SCAN_AT(addr, after, ...)                                                                 \
	scan_at(addr, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), \
		(after))
#define SCAN(...) SCAN_AT(ADDR, 0, __VA_ARGS__)

#define NOP5 0x0f, 0x1f, 0x44, 0, 0
#define NOP1 0x90
#define RET 0xc3
#define PUSH_RBP 0x55
#define MOV_RSP_RBP 0x48, 0x89, 0xe5
#define POP_RBP 0x5d
#define ENDBR 0xf3, 0x0f, 0x1e, 0xfa
#define MOV_EAX 0xb8, 1, 0, 0, 0

/* -------------------------------------------------------------- tactics -- */

static void test_a_long_first_instruction_is_replaced_alone(void **state)
{
	(void)state;
	SCAN(NOP5, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_ONE);
	assert_int_equal(plan.len, 5);
	assert_int_equal(plan.n_insns, 1);
	assert_int_equal(plan.guards, 0);
	assert_int_equal(plan.addr, ADDR);
}

static void test_short_first_instructions_move_together_with_guards(void **state)
{
	(void)state;
	SCAN(PUSH_RBP, MOV_RSP_RBP, 0x53, 0x48, 0x83, 0xec, 8, MOV_EAX, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_FORWARD);
	assert_int_equal(plan.len, 5);
	assert_int_equal(plan.n_insns, 3);
	assert_int_equal(plan.guards, 1 << 1 | 1 << 4);
	assert_int_equal(plan.flags_dead, 7);
	assert_int_equal(arch_patch_insn(&plan, ADDR + 4), 2);
	assert_int_equal(arch_patch_insn(&plan, ADDR + 5), -1);
	assert_int_equal(arch_patch_insn(&plan, ADDR + 2), -1);
}

static void test_a_return_takes_the_padding_behind_it(void **state)
{
	(void)state;
	SCAN_AT(ADDR + 6, 4, MOV_EAX, RET, 0x66, 0x0f, 0x1f, 0);
	assert_null(arch_patch_plan(&func, 5, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_PADDING);
	assert_int_equal(plan.n_insns, 1);
	assert_int_equal(plan.len, 5);
}

static void test_padding_is_not_looked_for_where_a_function_may_start(void **state)
{
	(void)state;
	SCAN_AT(ADDR + 8, 4, MOV_EAX, RET, NOP1, NOP1, NOP1, NOP1);
	assert_null(arch_patch_plan(&func, 5, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_BACKWARD);
	assert_int_equal(plan.addr, ADDR + 8);
	assert_int_equal(plan.site, ADDR + 13);
	assert_int_equal(plan.site_insn, 1);
	assert_int_equal(plan.guards, 0); /* the return is behind the jump */
}

static void test_an_endbr64_stays_and_what_follows_is_patched(void **state)
{
	(void)state;
	SCAN(ENDBR, MOV_EAX, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_int_equal(plan.addr, ADDR + 4);
	assert_int_equal(plan.site, ADDR);
	assert_int_equal(plan.site_insn, 0);
	assert_int_equal(arch_patch_insn(&plan, ADDR), 0);
	assert_int_equal(arch_patch_insn(&plan, ADDR + 4), 0);
}

/* jmp; a static probe that only a table of jumps leads to; ret */
static void test_a_static_probes_site_is_no_padding(void **state)
{
	static const uint8_t code[] = { 0xeb, 5, NOP1, NOP1, NOP1, NOP1, NOP1, RET };
	const uint64_t live = ADDR + 2;

	(void)state;
	SCAN_AT(ADDR, 0, 0xeb, 5, NOP1, NOP1, NOP1, NOP1, NOP1, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_PADDING);
	arch_func_deinit(&func);
	func = (struct arch_func){
		.code = code, .addr = ADDR, .len = sizeof(code), .live = &live, .n_live = 1
	};
	assert_true(arch_func_scan(&func));
	assert_non_null(arch_patch_plan(&func, 0, &plan));
	assert_null(arch_patch_plan(&func, 2, &plan));
}

static void test_a_short_jump_goes_to_padding_nearby(void **state)
{
	struct arch_patch_write w[2];

	(void)state;
	/* xor; ret; seven nops; test %eax,%eax; jne 1f; inc %eax; 1: jne the inc; ret */
	SCAN(0x31, 0xc0, RET, NOP1, NOP1, NOP1, NOP1, NOP1, NOP1, NOP1, 0x85, 0xc0, 0x75, 2, 0xff,
	     0xc0, 0x75, 0xfc, RET);
	assert_null(arch_patch_plan(&func, 10, &plan));
	assert_int_equal(plan.tactic, ARCH_TACTIC_SHORT);
	assert_int_equal(plan.len, 2);
	assert_int_equal(plan.jump, ADDR + 3);
	assert_int_equal(arch_patch_bytes(&plan, ADDR + 0x10000, w), 2);
	assert_int_equal(w[0].addr, ADDR + 3);
	assert_int_equal(w[0].bytes[0], 0xe9);
	assert_memory_equal(w[0].orig, bytes + 3, 5);
	assert_int_equal(w[1].addr, ADDR + 10);
	assert_int_equal(w[1].bytes[0], 0xeb);
	assert_int_equal((int8_t)w[1].bytes[1], 3 - 12);
}

/* -------------------------------------------------------------- refusals -- */

static void assert_refused(uint64_t off, const char *part)
{
	const char *why = arch_patch_plan(&func, off, &plan);

	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("refused for another reason: %s", why);
}

static void test_a_known_branch_to_the_bytes_behind_the_site_is_refused(void **state)
{
	(void)state;
	SCAN(PUSH_RBP, MOV_RSP_RBP, 0xff, 0xc9, 0x75, 0xf9, RET); /* jne to the mov */
	assert_refused(0, "a branch goes to the bytes behind it");
}

static void test_a_branch_into_an_instruction_is_refused(void **state)
{
	(void)state;
	/* je over the lock prefix; lock cmpxchg %ecx,(%rdx) */
	SCAN(0x74, 1, 0xf0, 0x0f, 0xb1, 0x0a, RET);
	assert_refused(2, "middle of an instruction");
}

static void test_a_call_is_the_last_that_moves(void **state)
{
	(void)state;
	SCAN(0xff, 0xd0, 0x31, 0xc0, MOV_EAX, RET); /* call *%rax; xor; mov */
	assert_refused(0, "a call returns to the bytes behind it");
	assert_null(arch_patch_plan(&func, 2, &plan));
	SCAN(0x31, 0xc0, 0x90, 0xff, 0xd0, MOV_EAX, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_true(plan.calls);
}

static void test_other_symbols_and_kept_bytes_stop_a_patch(void **state)
{
	static const uint8_t code[] = { PUSH_RBP, MOV_RSP_RBP, 0x53, MOV_EAX, RET };
	const uint64_t symbol = ADDR + 4;
	const struct arch_span kept = { ADDR + 3, ADDR + 20 };

	(void)state;
	arch_func_deinit(&func);
	func = (struct arch_func){
		.code = code, .addr = ADDR, .len = sizeof(code), .targets = &symbol, .n_targets = 1
	};
	assert_true(arch_func_scan(&func));
	assert_refused(0, "a branch goes to the bytes behind it");
	arch_func_deinit(&func);
	func = (struct arch_func){
		.code = code, .addr = ADDR, .len = sizeof(code), .keep = &kept, .n_keep = 1
	};
	assert_true(arch_func_scan(&func));
	assert_refused(0, "must not change");
}

static void test_what_can_not_be_read_or_moved_is_refused(void **state)
{
	(void)state;
	SCAN(PUSH_RBP, 0x06, 0x06, NOP5, RET);
	assert_refused(0, "can't be decoded");
	assert_refused(1, "not the start of an instruction");
	assert_refused(0x1000, "not the start of an instruction");
	SCAN(PUSH_RBP, RET);
	assert_refused(0, "before code that others reach");
	SCAN(PUSH_RBP, MOV_RSP_RBP, 0xcd, 0x80, RET);
	assert_refused(0, "software interrupt");
	SCAN(PUSH_RBP, 0xe2, 0xfd, MOV_EAX, RET); /* loop to the push: fine */
	assert_null(arch_patch_plan(&func, 0, &plan));
}

/* ---------------------------------------------------------------- place -- */

static bool suits(const struct arch_patch_plan *p, uint64_t at)
{
	struct arch_patch_write w[2];

	return arch_patch_bytes(p, at, w) > 0;
}

static void test_the_place_found_is_the_first_that_suits_the_guards(void **state)
{
	uint64_t seed = 12345, at, lo;

	(void)state;
	SCAN(PUSH_RBP, MOV_RSP_RBP, 0x53, MOV_EAX, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	for (unsigned guards = 0; guards < 32; guards += 2) {
		plan.guards = (uint8_t)guards;
		for (unsigned round = 0; round < 40; round++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			lo = ADDR + (uint64_t)(int64_t)(int32_t)(seed >> 32) / 2;
			if (!arch_patch_find_slot(&plan, lo, ADDR + (1ull << 31), 64, &at))
				continue;
			assert_true(suits(&plan, at) && at >= lo);
			for (uint64_t before = lo; before < at && before < lo + 3000; before++)
				assert_false(suits(&plan, before));
		}
	}
}

static void test_places_out_of_reach_are_not_given(void **state)
{
	uint64_t at;

	(void)state;
	SCAN(NOP5, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_false(arch_patch_find_slot(&plan, ADDR + (1ull << 31), UINT64_MAX, 64, &at));
	assert_false(arch_patch_find_slot(&plan, 0x1000, ADDR - (1ull << 31), 64, &at));
	assert_false(arch_patch_find_slot(&plan, ADDR, ADDR + 63, 64, &at));
	assert_true(arch_patch_find_slot(&plan, 0, ADDR + 64, 64, &at));
	assert_true(at < ADDR && suits(&plan, at));
	assert_false(suits(&plan, ADDR + (1ull << 32)));
	/* Near the bottom of memory nothing is below. */
	SCAN_AT(0x401000, 0, NOP5, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_true(arch_patch_find_slot(&plan, 0x10000, UINT64_MAX, 64, &at));
	assert_int_equal(at, 0x10000);
	plan.guards = 1 << 4;
	assert_true(arch_patch_find_slot(&plan, 0x10000, UINT64_MAX, 64, &at));
	assert_int_equal(at, 0x401005 + 0x06000000);
}

static void test_the_bytes_written_are_a_jump_and_breakpoints(void **state)
{
	struct arch_patch_write w[2];
	int32_t rel = 0x1000 - 5;

	(void)state;
	SCAN(0x48, 0x81, 0xec, 0, 1, 0, 0, RET); /* sub $256,%rsp */
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_int_equal(arch_patch_bytes(&plan, ADDR + 0x1000, w), 1);
	assert_int_equal(w[0].len, 7);
	assert_int_equal(w[0].bytes[0], 0xe9);
	assert_memory_equal(w[0].bytes + 1, &rel, 4);
	assert_int_equal(w[0].bytes[5], 0xcc);
	assert_int_equal(w[0].bytes[6], 0xcc);
	assert_memory_equal(w[0].orig, bytes, 7);
}

/* --------------------------------------------------------------- guards -- */

static volatile uint64_t fault_pc;
static uint8_t *page;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)info;
	fault_pc = (uint64_t)g[REG_RIP] - (sig == SIGTRAP);
	g[REG_RIP] = (greg_t)(uintptr_t)(page + 64);
}

/* Whatever bytes follow, a guard faults with the pc on itself. */
static void test_every_guard_byte_faults_in_place(void **state)
{
	static const uint8_t tails[][8] = {
		{ 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 },
		{ 0 },
		{ 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0 },
		{ 0x0f, 0x05, 0x0f, 0x05, 0x0f, 0x05 },
		{ 0x24, 0x48, 0x8b, 0x05, 1, 2, 3, 4 },
	};
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct arch_patch_write w[2];
	unsigned n = 0;

	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	assert_true(page != MAP_FAILED);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	SCAN(PUSH_RBP, MOV_RSP_RBP, 0x53, MOV_EAX, RET);
	assert_null(arch_patch_plan(&func, 0, &plan));
	plan.guards = 1 << 1;
	for (unsigned b = 0; b < 256; b++) {
		/* The jump's second byte is the low one of the distance. */
		if (!arch_patch_bytes(&plan, ADDR + 5 + b, w))
			continue;
		n++;
		for (unsigned t = 0; t < 5; t++) {
			page[0] = w[0].bytes[1];
			memcpy(page + 1, tails[t], 8);
			page[64] = RET;
			fault_pc = 0;
			((void (*)(void))(uintptr_t)page)();
			assert_int_equal(fault_pc, (uintptr_t)page);
		}
	}
	assert_true(n >= 20);
	munmap(page, 4096);
}

/* ------------------------------------------------------------- libraries -- */

struct symbol {
	uint64_t addr, size;
};

struct coverage {
	unsigned n_entries, entries, n_returns, returns;
	unsigned n_both, both; /* returns, with the patch of the entry in place */
	struct arch_patch_plan entry;
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

static const struct dl_insn arg0_insns[] = {
	{ DL_OP_NARG, 0, 0, 0, 0 },
	{ DL_OP_NSLOT, 0, 0, 0, 0 },
	{ DL_OP_END, 0, 0, 0, 0 },
};
static const struct dl_code arg0 = { .insns = arg0_insns, .n = 3, .n_regs = 1 };

/* The plan holds what it promises: a place, a trampoline, bytes. */
static void assert_buildable(const struct arch_patch_plan *p)
{
	struct arch_tramp_clause c = {
		.code = &arg0, .epid = 1, .n_slots = 1, .strsize = 8, .cap = 40
	};
	struct arch_tramp_firing f = {
		.insn = p->site_insn, .pc = p->site, .clauses = &c, .n_clauses = 1
	};
	struct arch_tramp_job job = { .plan = p, .firings = &f, .n_firings = 1 };
	static uint8_t code[4096];
	struct arch_patch_write w[2];
	struct arch_tramp t;
	uint64_t at;
	const char *why;

	assert_true(arch_patch_find_slot(p, p->addr + 0x1000000, UINT64_MAX, 2048, &at));
	job.common = at + 0x10000;
	why = arch_tramp_build(&job, at, code, sizeof(code), &t);
	if (why)
		fail_msg("0x%lx: %s", (unsigned long)p->site, why);
	assert_true(t.len < 2048);
	assert_true(arch_patch_bytes(p, at, w) > 0);
	for (unsigned k = 0; k < p->n_insns; k++)
		assert_int_equal(arch_tramp_arrival(&t, p->addr + p->insn[k]), at + t.arrival[k]);
	arch_tramp_deinit(&t);
}

static void see_return(void *arg, uint64_t off, enum arch_flow flow)
{
	struct coverage *c = arg;
	struct arch_span kept = { c->entry.addr, c->entry.addr + c->entry.len };

	if (flow != ARCH_FLOW_RET)
		return;
	c->n_returns++;
	if (!arch_patch_plan(&func, off, &plan)) {
		c->returns++;
		if (c->n_returns % 16 == 0)
			assert_buildable(&plan);
	}
	if (c->entry.n_insns == 0)
		return;
	c->n_both++;
	if (arch_patch_insn(&c->entry, func.addr + off) >= 0) {
		c->both++;
		return;
	}
	func.keep = &kept;
	func.n_keep = 1;
	if (!arch_patch_plan(&func, off, &plan)) {
		assert_true(plan.addr + plan.len <= kept.lo || plan.addr >= kept.hi);
		c->both++;
	}
	func.n_keep = 0;
}

static void see_function(struct coverage *c, const struct symbol *s, uint64_t next,
			 const uint8_t *code, const uint64_t *inside, size_t n_inside)
{
	arch_func_deinit(&func);
	func = (struct arch_func){
		.code = code,
		.addr = s->addr,
		.len = s->size,
		.after = next - (s->addr + s->size),
		.targets = inside,
		.n_targets = n_inside,
	};
	assert_true(arch_func_scan(&func));
	c->n_entries++;
	if (arch_patch_plan(&func, 0, &c->entry)) {
		c->entry.n_insns = 0;
	} else {
		c->entries++;
		if (c->n_entries % 16 == 0)
			assert_buildable(&c->entry);
	}
	arch_find_returns(code, s->size, s->addr, see_return, c, NULL);
}

static void see_symbols(struct coverage *c, struct symbol *s, size_t n, const GElf_Shdr *text,
			const uint8_t *code)
{
	uint64_t *addrs = calloc(n + 1, sizeof(*addrs)), end = text->sh_addr + text->sh_size;

	assert_non_null(addrs);
	qsort(s, n, sizeof(*s), by_address);
	for (size_t i = 0; i < n; i++)
		addrs[i] = s[i].addr;
	for (size_t i = 0; i < n; i++) {
		size_t first = i + 1, last;

		while (first < n && addrs[first] == addrs[i])
			first++;
		for (last = first; last < n && addrs[last] < addrs[i] + s[i].size;)
			last++;
		if (addrs[i] >= text->sh_addr && addrs[i] + s[i].size <= end)
			see_function(c, &s[i], last < n && addrs[last] < end ? addrs[last] : end,
				     code + (addrs[i] - text->sh_addr), addrs + first,
				     last - first);
		i = first - 1;
	}
	free(addrs);
}

static struct symbol *read_symbols(Elf *elf, Elf_Scn *scn, size_t *n_ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr sh;
	struct symbol *s;
	GElf_Sym sym;

	(void)elf;
	gelf_getshdr(scn, &sh);
	s = calloc(sh.sh_size / sh.sh_entsize + 1, sizeof(*s));
	*n_ret = 0;
	for (int i = 0; s && gelf_getsym(data, i, &sym); i++) {
		unsigned type = GELF_ST_TYPE(sym.st_info);

		if ((type == STT_FUNC || type == STT_GNU_IFUNC) && sym.st_size && sym.st_shndx)
			s[(*n_ret)++] = (struct symbol){ sym.st_value, sym.st_size };
	}
	return s;
}

static bool see_library(const char *path, struct coverage *c)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	Elf_Scn *scn = NULL, *syms = NULL, *text_scn = NULL;
	GElf_Shdr sh, text = { 0 };
	size_t strings, n;

	if (!elf)
		return false;
	elf_getshdrstrndx(elf, &strings);
	while ((scn = elf_nextscn(elf, scn))) {
		gelf_getshdr(scn, &sh);
		if (sh.sh_type == SHT_DYNSYM)
			syms = scn;
		if (!strcmp(elf_strptr(elf, strings, sh.sh_name), ".text")) {
			text_scn = scn;
			text = sh;
		}
	}
	if (syms && text_scn) {
		struct symbol *s = read_symbols(elf, syms, &n);

		see_symbols(c, s, n, &text, elf_rawdata(text_scn, NULL)->d_buf);
		free(s);
	}
	elf_end(elf);
	close(fd);
	return c->n_entries > 0;
}

static void test_nearly_all_of_real_libraries_can_be_patched(void **state)
{
	static const char *const patterns[] = {
		"/lib*/x86_64-linux-gnu/libc.so.6",
		"/usr/lib64/libc.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/bin/python3",
		"/usr/lib/x86_64-linux-gnu/libpython3.*.so.1.0",
	};
	glob_t g = { 0 };
	unsigned n = 0;

	(void)state;
	elf_version(EV_CURRENT);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct coverage c = { 0 };

		if (!see_library(g.gl_pathv[i], &c))
			continue;
		n++;
		print_message("%s: %u entries, %.2f %% patchable; %u returns, %.2f %%, with their "
			      "entry patched %.2f %%\n",
			      g.gl_pathv[i], c.n_entries, 100.0 * c.entries / c.n_entries,
			      c.n_returns, 100.0 * c.returns / c.n_returns,
			      100.0 * c.both / c.n_both);
		assert_true(c.entries >= 0.98 * c.n_entries);
		assert_true(c.returns >= 0.90 * c.n_returns);
		assert_true(c.both >= 0.90 * c.n_both);
	}
	globfree(&g);
	assert_true(n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_first_instruction_is_replaced_alone),
		cmocka_unit_test(test_short_first_instructions_move_together_with_guards),
		cmocka_unit_test(test_a_return_takes_the_padding_behind_it),
		cmocka_unit_test(test_padding_is_not_looked_for_where_a_function_may_start),
		cmocka_unit_test(test_an_endbr64_stays_and_what_follows_is_patched),
		cmocka_unit_test(test_a_static_probes_site_is_no_padding),
		cmocka_unit_test(test_a_short_jump_goes_to_padding_nearby),
		cmocka_unit_test(test_a_known_branch_to_the_bytes_behind_the_site_is_refused),
		cmocka_unit_test(test_a_branch_into_an_instruction_is_refused),
		cmocka_unit_test(test_a_call_is_the_last_that_moves),
		cmocka_unit_test(test_other_symbols_and_kept_bytes_stop_a_patch),
		cmocka_unit_test(test_what_can_not_be_read_or_moved_is_refused),
		cmocka_unit_test(test_the_place_found_is_the_first_that_suits_the_guards),
		cmocka_unit_test(test_places_out_of_reach_are_not_given),
		cmocka_unit_test(test_the_bytes_written_are_a_jump_and_breakpoints),
		cmocka_unit_test(test_every_guard_byte_faults_in_place),
		cmocka_unit_test(test_nearly_all_of_real_libraries_can_be_patched),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
