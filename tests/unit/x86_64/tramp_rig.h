/*
 * A thread with a ring, patched for real: for the tests of trampolines.
 *
 * One reservation of address space holds all:
 *
 *	... trampolines (where guards allow) ... | code | data | stack | ... trampolines
 *
 * The test is the target and its own tracer: signal handlers do what the tracer
 * does at stops (fix-ups, full rings, guards).  run_code.h runs the code.
 */
#ifndef TESTS_TRAMP_RIG_H
#define TESTS_TRAMP_RIG_H

#include "arch/record.h"
#include "dlang/agg.h"
#include "dlang/near.h"
#include "run_code.h"

#include <asm/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#define SPACE (1ull << 30)
#define MIDDLE (SPACE / 2)
#define CODE_LEN 0x4000 /* two functions and the common code */
#define COMMON_AT 0x3000
#define DATA_AT 0x10000 /* offsets from MIDDLE; unreadable pages around */
#define DATA_LEN 0x2000
#define STACK_AT 0x20000
#define STACK_LEN 0x4000
#define RING_SIZE 0x10000
#define TRAMP_ROOM 0x10000 /* no trampoline is larger here */
#define CELLS 0x2000 /* bytes of cells */

enum on_trap { TRAP_DRAIN, TRAP_GIVE_RING, TRAP_DROP };

struct rig {
	uint8_t *space, *code, *data, *stack;
	uint64_t common;
	struct arch_ring *ring, *null_ring;
	uint8_t *ring_data;
	uint32_t control;
	struct arch_func func;
	struct arch_patch_plan plan;
	struct arch_tramp tramp;
	bool is_patched;
	const struct arch_tramp_call *calls; /* of the next patch */
	uint32_t n_calls;
	uint8_t *open_lo; /* pages the last trampoline is in */
	unsigned n_fixups, n_traps, n_guards, n_stops;
	void (*at_stop)(ucontext_t *uc); /* a hit to be told; the thread goes on without */
	uint64_t guard_pc;
	enum on_trap on_trap;
	void (*at_trap)(void);
	void (*at_step)(ucontext_t *uc); /* the code runs with TF set */
	jmp_buf lost; /* a signal nobody expected */
	int lost_sig;
	uint64_t lost_pc;
};

static struct rig rig;

#define RIG_CONTROL (&rig.control)
#include "../tramp_ring.h"

/* ------------------------------------------------------------- signals -- */

static inline void lose(int sig, uint64_t pc)
{
	rig.lost_sig = sig;
	rig.lost_pc = pc;
	longjmp(rig.lost, 1);
}

static inline void use_ring(struct arch_ring *r)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, r);
}

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
	greg_t *pc = &((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP];
	uint64_t to, at = (uint64_t)*pc;

	if (sig == SIGTRAP && info->si_code == TRAP_TRACE) {
		if (rig.at_step)
			rig.at_step(ctx);
		/* The exits are not part of it. */
		if (at - (rig.func.addr + rig.func.len) < EXIT_LEN || at == u64(run_leave))
			((ucontext_t *)ctx)->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
		return;
	}
	if (sig == SIGTRAP && arch_tramp_trap(&rig.tramp, at - 1, &to)) {
		rig.n_traps++;
		if (rig.on_trap == TRAP_DRAIN)
			ring_drain();
		else if (rig.on_trap == TRAP_GIVE_RING)
			use_ring(rig.ring);
		else
			rig.control = ARCH_CONTROL_DROP;
		if (rig.at_trap)
			rig.at_trap();
		return;
	}
	if (sig == SIGTRAP && arch_tramp_is_stop(&rig.tramp, at - 1)) {
		rig.n_stops++;
		if (rig.at_stop)
			rig.at_stop(ctx);
		return;
	}
	if (sig == SIGSEGV || sig == SIGBUS) {
		to = arch_tramp_fixup(&rig.tramp, rig.common, at);
		if (to) {
			rig.n_fixups++;
			*pc = (greg_t)to;
			return;
		}
	}
	if (sig == SIGTRAP)
		at--;
	to = rig.is_patched ? arch_tramp_arrival(&rig.tramp, at) : 0;
	if (!to || at == rig.plan.addr)
		lose(sig, at);
	rig.n_guards++;
	rig.guard_pc = at;
	*pc = (greg_t)to;
}

/* --------------------------------------------------------------- world -- */

/* An empty ring, in use: what each test starts with. */
static inline void ring_reset(void)
{
	ring_clear();
	rig.at_trap = NULL;
	rig.at_step = NULL;
	rig.n_guards = rig.n_stops = 0;
	rig.at_stop = NULL;
	use_ring(rig.ring);
}

static int rig_open(void **state)
{
	size_t len;
	const uint8_t *common = arch_record_common(&len);
	int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;

	(void)state;
	rig.space =
		mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rig.space == MAP_FAILED)
		return -1;
	rig.code = open_part(MIDDLE, CODE_LEN, rwx);
	rig.data = open_part(MIDDLE + DATA_AT, DATA_LEN, PROT_READ | PROT_WRITE);
	rig.stack = open_part(MIDDLE + STACK_AT, STACK_LEN, PROT_READ | PROT_WRITE);
	rig.ring = calloc(1, ARCH_RING_CELLS + CELLS);
	rig.null_ring = calloc(1, ARCH_RING_CELLS + CELLS);
	if (!rig.code || !rig.data || !rig.stack || !rig.ring || !rig.null_ring || !map_ring())
		return -1;
	rig.common = u64(rig.code + COMMON_AT);
	memcpy(rig.code + COMMON_AT, common, len);
	return 0;
}

static int rig_close(void **state)
{
	(void)state;
	use_ring(NULL);
	munmap(rig.space, SPACE);
	munmap(rig.ring_data, 2 * RING_SIZE);
	free(rig.ring);
	free(rig.null_ring);
	return 0;
}

/* ------------------------------------------------------------ patching -- */

/* The function under test at code + 0x100; what it runs into are exits. */
#define FUNC_AT 0x100

static inline void func_put(const uint8_t *bytes, size_t len)
{
	uint8_t *at = rig.code + FUNC_AT;

	arch_func_deinit(&rig.func);
	memset(rig.code, 0x90, COMMON_AT);
	memcpy(at, bytes, len);
	exit_put(at + len);
	rig.func = (struct arch_func){ .code = at, .addr = u64(at), .len = len };
	assert_true(arch_func_scan(&rig.func));
}

static inline void func_restore(void)
{
	struct arch_patch_write w[2];
	unsigned n;

	if (!rig.is_patched)
		return;
	n = arch_patch_bytes(&rig.plan, rig.tramp.base, w);
	for (unsigned i = n; i-- > 0;)
		memcpy(ptr(w[i].addr), w[i].orig, w[i].len);
	arch_tramp_deinit(&rig.tramp);
	rig.is_patched = false;
	mprotect(rig.open_lo, TRAMP_ROOM + 0x1000, PROT_NONE);
}

/* Builds the trampoline of the firings and writes the patch. */
static inline const char *func_patch(const struct arch_tramp_firing *firings, uint32_t n)
{
	struct arch_tramp_job job = { .plan = &rig.plan,
				      .firings = firings,
				      .n_firings = n,
				      .common = rig.common,
				      .calls = rig.calls,
				      .n_calls = rig.n_calls };
	struct arch_patch_write w[2];
	struct arch_tramp t;
	uint64_t at;
	const char *why;

	if (!arch_patch_find_slot(&rig.plan, u64(rig.space) + MIDDLE + 0x100000,
				  u64(rig.space) + SPACE, TRAMP_ROOM, &at) &&
	    !arch_patch_find_slot(&rig.plan, u64(rig.space), u64(rig.space) + MIDDLE - 0x100000,
				  TRAMP_ROOM, &at))
		return "no place for the trampoline";
	why = arch_tramp_build(&job, at, NULL, 0, &t);
	if (why != arch_tramp_no_room)
		return why;
	assert_true(t.len < TRAMP_ROOM);
	rig.open_lo = ptr(at & ~0xfffull);
	mprotect(rig.open_lo, TRAMP_ROOM + 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC);
	why = arch_tramp_build(&job, at, ptr(at), TRAMP_ROOM, &rig.tramp);
	if (why)
		return why;
	assert_int_equal(t.len, rig.tramp.len);
	n = arch_patch_bytes(&rig.plan, at, w);
	assert_true(n >= 1);
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(ptr(w[i].addr), w[i].orig, w[i].len);
		memcpy(ptr(w[i].addr), w[i].bytes, w[i].len);
	}
	rig.is_patched = true;
	return NULL;
}

/* The memory is as it will be when the code at pc runs with *cpu: it always is. */
static inline void func_ready(const struct cpu *cpu, uint64_t pc)
{
	(void)cpu;
	(void)pc;
}

/* Runs the code at pc with *cpu; *cpu is what came out. */
static inline void func_run(struct cpu *cpu, uint64_t pc)
{
	if (setjmp(rig.lost))
		fail_msg("signal %d at %#lx (trampoline %#lx + %#lx, patch %#lx)", rig.lost_sig,
			 (unsigned long)rig.lost_pc, (unsigned long)rig.tramp.base,
			 (unsigned long)(rig.lost_pc - rig.tramp.base),
			 (unsigned long)rig.plan.addr);
	memcpy(&run_cpu, cpu, sizeof(run_cpu));
	run_at(pc);
	memcpy(cpu, &run_cpu, sizeof(run_cpu));
}

/* ------------------------------------------------------------ registers -- */

static inline void set_argument_0(struct cpu *cpu, uint64_t value)
{
	cpu->gpr[RDI] = value;
}

static inline void random_cpu(struct cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	for (unsigned i = 0; i < 16; i++)
		cpu->gpr[i] = random_next() % 3 ? random_pointer() : random_value();
	cpu->gpr[RSP] = u64(rig.stack) + STACK_TOP;
	cpu->flags = random_flags();
	for (unsigned i = 160; i < 416; i++)
		cpu->fx[i] = (uint8_t)random_next();
	cpu->fx[0] = 0x7f; /* x87 control word, MXCSR: as at the start */
	cpu->fx[1] = 3;
	cpu->fx[24] = 0x80;
	cpu->fx[25] = 0x1f;
}

static inline void assert_same_cpu(const struct cpu *a, const struct cpu *b)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};

	for (unsigned i = 0; i < 16; i++)
		if (a->gpr[i] != b->gpr[i])
			fail_msg("%s is %#lx instead of %#lx", names[i], (unsigned long)b->gpr[i],
				 (unsigned long)a->gpr[i]);
	assert_int_equal(a->flags, b->flags);
	assert_memory_equal(a->fx + 160, b->fx + 160, 256);
}

/* ----------------------------------------------------------- reference -- */

static size_t seen_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { ptr(addr), len };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	(void)ctx;
	return n < 0 ? 0 : (size_t)n;
}

static inline void regs_of_cpu(const struct cpu *cpu, uint64_t pc, struct arch_regs *r)
{
	struct user_regs_struct u = { 0 };
	const uint64_t *g = cpu->gpr;

	u.rax = g[RAX], u.rbx = g[RBX], u.rcx = g[RCX], u.rdx = g[RDX], u.rsi = g[RSI];
	u.rdi = g[RDI], u.rbp = g[RBP], u.rsp = g[RSP], u.r8 = g[R8], u.r9 = g[R9];
	u.r10 = g[R10], u.r11 = g[R11], u.r12 = g[R12], u.r13 = g[R13], u.r14 = g[R14];
	u.r15 = g[R15], u.eflags = cpu->flags, u.rip = pc;
	u.cs = 0x33, u.ss = 0x2b, u.orig_rax = UINT64_MAX;
	*r = (struct arch_regs){ .w = { 0 } };
	memcpy(r, &u, sizeof(u));
}

static void seen_regs(const struct seen *s, struct arch_regs *r)
{
	regs_of_cpu(s->cpu, s->firing->pc, r);
}

static bool seen_vector(void *ctx, unsigned n, uint64_t *ret)
{
	const struct seen *s = ctx;

	memcpy(ret, s->cpu->fx + 160 + 16 * n, sizeof(*ret));
	return true;
}

static bool seen_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	const struct seen *s = ctx;
	struct arch_regs r;

	seen_regs(s, &r);
	*value = 0;
	if (s->firing->kind == ARCH_PROBE_PLACES) {
		if (n < s->firing->n_places)
			*value = seen_place(s, &r, n);
		return true;
	}
	if (s->firing->kind == ARCH_PROBE_RETURN) {
		if (n < 3)
			*value = n == 0 ? s->firing->offset : s->cpu->gpr[n == 1 ? RAX : RDX];
		return true;
	}
	if (s->firing->kind == ARCH_PROBE_ENTRY ? arch_arg(&r, n, value) :
						  arch_call_arg(&r, n, value))
		return true;
	*fault_addr = *value;
	return seen_load(NULL, *fault_addr, value, 8) == 8;
}

static uint64_t seen_reg(void *ctx, unsigned n)
{
	struct arch_regs r;
	uint64_t v = 0;

	seen_regs(ctx, &r);
	arch_ureg(&r, n, &v);
	return v;
}

static const struct dl_near_ops seen_ops = { .arg = seen_arg, .reg = seen_reg, .load = seen_load };

#endif
