/*
 * A thread with a ring, patched for real: for the tests of trampolines.
 *
 * One reservation of address space holds all:
 *
 *	code | data | stack ... trampolines
 *
 * The test is the target and its own tracer: signal handlers do what the tracer
 * does at stops (fix-ups, full rings).  run_code.h runs the code.  The memory is
 * shared, so that a child may run it and be stepped.
 */
#ifndef TESTS_TRAMP_RIG_H
#define TESTS_TRAMP_RIG_H

#include "arch/record.h"
#include "dlang/agg.h"
#include "dlang/near.h"
#include "run_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#define SPACE 0x200000
#define CODE_LEN 0x4000 /* a function and the common code */
#define COMMON_AT 0x3000
#define DATA_AT 0x10000 /* offsets; unreadable pages around */
#define DATA_LEN 0x2000
#define STACK_AT 0x20000
#define STACK_LEN 0x4000
#define TRAMP_AT 0x100000
#define TRAMP_ROOM 0x10000 /* no trampoline is larger here */
#define RING_SIZE 0x10000
#define CELLS 0x2000 /* bytes of cells */
#define PC 32 /* words of struct arch_regs */
#define PSTATE 33

enum on_trap { TRAP_DRAIN, TRAP_GIVE_RING, TRAP_DROP };

struct rig {
	uint8_t *space, *code, *data, *stack, *tramps;
	uint64_t common;
	struct arch_anchors *anchors;
	struct arch_ring *ring, *null_ring;
	uint8_t *ring_data;
	uint32_t *control;
	struct arch_func func;
	struct arch_patch_plan plan;
	struct arch_tramp tramp;
	bool is_patched;
	const struct arch_tramp_call *calls; /* of the next patch */
	uint32_t n_calls;
	unsigned n_fixups, n_traps, n_stops;
	void (*at_stop)(ucontext_t *uc); /* a hit to be told; the thread goes on without */
	enum on_trap on_trap;
	jmp_buf lost; /* a signal nobody expected */
	int lost_sig;
	uint64_t lost_pc;
};

static struct rig rig;

#define RIG_CONTROL rig.control
#include "../tramp_ring.h"

/* ------------------------------------------------------------- signals -- */

static inline uint64_t thread_key(void)
{
	return u64(__builtin_thread_pointer());
}

static inline void use_ring(const struct arch_ring *r)
{
	assert_true(
		arch_anchors_set(rig.anchors, thread_key(), r && r != rig.null_ring ? u64(r) : 0));
}

/* What the tracer does at a stop with that signal; false: it is not ours. */
static inline bool tracer_stop(int sig, uint64_t *pc)
{
	uint64_t to;

	if (sig == SIGTRAP && arch_tramp_trap(&rig.tramp, *pc, &to)) {
		rig.n_traps++;
		if (rig.on_trap == TRAP_DRAIN)
			ring_drain();
		else if (rig.on_trap == TRAP_GIVE_RING)
			use_ring(rig.ring);
		else
			*rig.control = ARCH_CONTROL_DROP;
		*pc = to;
		return true;
	}
	if (sig != SIGSEGV && sig != SIGBUS)
		return false;
	to = arch_tramp_fixup(&rig.tramp, rig.common, *pc);
	if (!to)
		return false;
	rig.n_fixups++;
	*pc = to;
	return true;
}

static void on_signal(int sig, siginfo_t *info, void *ctx)
{
	mcontext_t *m = &((ucontext_t *)ctx)->uc_mcontext;
	uint64_t pc = m->pc;

	(void)info;
	if (sig == SIGTRAP && arch_tramp_is_stop(&rig.tramp, pc)) {
		rig.n_stops++;
		if (rig.at_stop)
			rig.at_stop(ctx);
		m->pc = pc + arch_bp_len;
		return;
	}
	if (!tracer_stop(sig, &pc)) {
		rig.lost_sig = sig;
		rig.lost_pc = pc;
		longjmp(rig.lost, 1);
	}
	m->pc = pc;
}

/* --------------------------------------------------------------- world -- */

static inline void *map_shared(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* An empty ring, in use: what each test starts with. */
static inline void ring_reset(void)
{
	ring_clear();
	rig.anchors->null_ring = u64(rig.null_ring);
	rig.n_stops = 0;
	rig.at_stop = NULL;
	use_ring(rig.ring);
}

static int rig_open(void **state)
{
	int rw = PROT_READ | PROT_WRITE, rwx = rw | PROT_EXEC;
	size_t len;
	const uint8_t *common = arch_record_common(&len);

	(void)state;
	rig.space = map_shared(SPACE, PROT_NONE);
	if (!rig.space || !len)
		return -1;
	rig.code = open_part(0, CODE_LEN, rwx);
	rig.data = open_part(DATA_AT, DATA_LEN, rw);
	rig.stack = open_part(STACK_AT, STACK_LEN, rw);
	rig.tramps = open_part(TRAMP_AT, TRAMP_ROOM, rwx);
	rig.ring = map_shared(ARCH_RING_CELLS + CELLS, rw);
	rig.null_ring = map_shared(ARCH_RING_CELLS + CELLS, rw);
	rig.anchors = map_shared(sizeof(*rig.anchors), rw);
	rig.control = map_shared(sizeof(*rig.control), rw);
	if (!rig.code || !rig.data || !rig.stack || !rig.tramps || !rig.ring || !rig.null_ring ||
	    !rig.anchors || !rig.control || !map_ring())
		return -1;
	rig.common = u64(rig.code + COMMON_AT);
	code_put(rig.code + COMMON_AT, common, len);
	return 0;
}

static int rig_close(void **state)
{
	(void)state;
	munmap(rig.space, SPACE);
	munmap(rig.ring_data, 2 * RING_SIZE);
	munmap(rig.ring, ARCH_RING_CELLS + CELLS);
	munmap(rig.null_ring, ARCH_RING_CELLS + CELLS);
	munmap(rig.anchors, sizeof(*rig.anchors));
	munmap(rig.control, sizeof(*rig.control));
	return 0;
}

/* ------------------------------------------------------------ patching -- */

/* The function under test at code + 0x100; what it runs into are exits. */
#define FUNC_AT 0x100

static inline void func_put(const void *words, size_t len)
{
	uint8_t *at = rig.code + FUNC_AT;

	arch_func_deinit(&rig.func);
	code_put(at, words, len);
	exit_put(at + len);
	rig.func = (struct arch_func){ .code = at, .addr = u64(at), .len = len };
	assert_true(arch_func_scan(&rig.func));
}

static inline void func_restore(void)
{
	struct arch_patch_write w[2];

	if (!rig.is_patched)
		return;
	assert_int_equal(arch_patch_bytes(&rig.plan, rig.tramp.base, w), 1);
	code_put(ptr(w[0].addr), w[0].orig, w[0].len);
	arch_tramp_deinit(&rig.tramp);
	rig.is_patched = false;
}

/* Builds the trampoline of the firings and writes the patch. */
static inline const char *func_patch(const struct arch_tramp_firing *firings, uint32_t n)
{
	static uint8_t bytes[TRAMP_ROOM];
	struct arch_tramp_job job = { .plan = &rig.plan,
				      .firings = firings,
				      .n_firings = n,
				      .common = rig.common,
				      .anchor = u64(rig.anchors),
				      .calls = rig.calls,
				      .n_calls = rig.n_calls };
	struct arch_patch_write w[2];
	struct arch_tramp t;
	uint64_t at;
	const char *why;

	if (!arch_patch_find_slot(&rig.plan, u64(rig.tramps), u64(rig.tramps) + TRAMP_ROOM,
				  TRAMP_ROOM, &at))
		return "no place for the trampoline";
	why = arch_tramp_build(&job, at, NULL, 0, &t);
	if (why != arch_tramp_no_room)
		return why;
	assert_true(t.len < TRAMP_ROOM);
	why = arch_tramp_build(&job, at, bytes, TRAMP_ROOM, &rig.tramp);
	if (why)
		return why;
	assert_int_equal(t.len, rig.tramp.len);
	code_put(ptr(at), bytes, t.len);
	assert_int_equal(arch_patch_bytes(&rig.plan, at, w), 1);
	assert_memory_equal(ptr(w[0].addr), w[0].orig, w[0].len);
	code_put(ptr(w[0].addr), w[0].bytes, w[0].len);
	rig.is_patched = true;
	return NULL;
}

/* The memory is as it will be when the code at pc runs with *cpu. */
static inline void func_ready(const struct cpu *cpu, uint64_t pc)
{
	pad_put(pc, cpu->x[LR]);
}

/* Runs the code at pc with *cpu; *cpu is what came out. */
static inline void func_run(struct cpu *cpu, uint64_t pc)
{
	if (setjmp(rig.lost))
		fail_msg("signal %d at %#lx (trampoline %#lx + %#lx, patch %#lx, common %#lx)",
			 rig.lost_sig, (unsigned long)rig.lost_pc, (unsigned long)rig.tramp.base,
			 (unsigned long)(rig.lost_pc - rig.tramp.base),
			 (unsigned long)rig.plan.addr, (unsigned long)rig.common);
	memcpy(&run_cpu, cpu, sizeof(run_cpu));
	run_at(pc);
	memcpy(cpu, &run_cpu, sizeof(run_cpu));
}

/* ------------------------------------------------------------ registers -- */

static inline void set_argument_0(struct cpu *cpu, uint64_t value)
{
	cpu->x[0] = value;
}

static inline void random_cpu(struct cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	for (unsigned i = 0; i < 31; i++)
		cpu->x[i] = random_next() % 3 ? random_pointer() : random_value();
	cpu->x[SP] = u64(rig.stack) + STACK_TOP;
	cpu->nzcv = random_nzcv();
	for (unsigned i = 0; i < sizeof(cpu->v); i++)
		cpu->v[i] = (uint8_t)random_next();
}

static inline void assert_same_cpu(const struct cpu *a, const struct cpu *b)
{
	for (unsigned i = 0; i < 32; i++)
		if (a->x[i] != b->x[i])
			fail_msg("x%u is %#lx instead of %#lx", i, (unsigned long)b->x[i],
				 (unsigned long)a->x[i]);
	assert_int_equal(a->nzcv, b->nzcv);
	assert_memory_equal(a->v, b->v, sizeof(a->v));
}

/* ----------------------------------------------------------- reference -- */

/* The processor takes no notice of a user address's top byte. */
static inline uint64_t untagged(uint64_t addr)
{
	return addr >> 55 & 1 ? addr : addr & ~(UINT64_C(0xff) << 56);
}

static size_t seen_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { ptr(untagged(addr)), len };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	(void)ctx;
	return n < 0 ? 0 : (size_t)n;
}

static inline void regs_of_cpu(const struct cpu *cpu, uint64_t pc, struct arch_regs *r)
{
	memcpy(r->w, cpu->x, sizeof(cpu->x));
	r->w[PC] = pc;
	r->w[PSTATE] = cpu->nzcv;
}

static bool seen_vector(void *ctx, unsigned n, uint64_t *ret)
{
	const struct seen *s = ctx;

	memcpy(ret, s->cpu->v + 16 * n, sizeof(*ret));
	return true;
}

static bool seen_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	const struct seen *s = ctx;
	struct arch_regs r;

	regs_of_cpu(s->cpu, s->firing->pc, &r);
	*value = 0;
	if (s->firing->kind == ARCH_PROBE_PLACES) {
		if (n < s->firing->n_places)
			*value = seen_place(s, &r, n);
		return true;
	}
	if (s->firing->kind == ARCH_PROBE_RETURN) {
		if (n < 3)
			*value = n == 0 ? s->firing->offset : s->cpu->x[n - 1];
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
	const struct seen *s = ctx;
	struct arch_regs r;
	uint64_t v = 0;

	regs_of_cpu(s->cpu, s->firing->pc, &r);
	arch_ureg(&r, n, &v);
	return v;
}

static const struct dl_near_ops seen_ops = { .arg = seen_arg, .reg = seen_reg, .load = seen_load };

#endif
