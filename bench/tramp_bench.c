/*
 * What a probe of the record tier costs the traced program, without a tracer:
 * a function is patched in our own process and called in a loop; the ring is
 * emptied between the batches, off the clock.
 *
 * Usage: tramp [batches]
 */
#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../arch/record.h"
#include "../dlang/near.h"

#define RING_SIZE (1u << 20)
#define CALLS 8192 /* a batch; its records fit the ring */
#define SPACE 0x20000000ull
#define TRAMP_ROOM 0x1000

typedef long func_fn(long a, long b);

/* push %rbp; mov %rsp,%rbp; sub $16,%rsp; lea (%rdi,%rdi,2),%rax; add %rsi,%rax; leave; ret */
static const uint8_t entry_dead[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x48,
				      0x8d, 0x04, 0x7f, 0x48, 0x01, 0xf0, 0xc9, 0xc3 };
/* The same, but the flags might be wanted: jc to the ret first. */
static const uint8_t entry_live[] = { 0x55, 0x48, 0x89, 0xe5, 0x72, 0x08, 0x48, 0x8d,
				      0x04, 0x7f, 0x48, 0x01, 0xf0, 0x90, 0xc9, 0xc3 };

#define I(name, ra, k)                    \
	{                                 \
		DL_OP_##name, ra, 0, 0, k \
	}
static const struct dl_insn four_args_insns[] = {
	I(NARG, 0, 0),	I(NSLOT, 0, 0), I(NARG, 0, 1),	I(NSLOT, 0, 1), I(NARG, 0, 2),
	I(NSLOT, 0, 2), I(NREG, 0, 19), I(NSLOT, 0, 3), I(END, 0, 0),
};
static const struct dl_insn string_insns[] = {
	I(LDK, 0, 0),
	I(NCAPS, 0, 0),
	I(END, 0, 0),
};
static const struct dl_insn never_insns[] = {
	I(NARG, 0, 0), I(LDI, 1, -1), { DL_OP_EQ, 0, 0, 1, 0 }, I(JNZ, 0, 1),
	I(NREC, 0, 0), I(NARG, 0, 0), I(NSLOT, 0, 0),		I(END, 0, 0),
};
static const struct dl_insn arg_insns[] = { I(NARG, 0, 0), I(END, 0, 0) };

static uint64_t consts[1];

#define CODE(list)                                                                    \
	{                                                                             \
		.insns = list, .n = sizeof(list) / sizeof(list[0]), .consts = consts, \
		.n_consts = 1, .n_regs = NEAR_REGS                                    \
	}
static const struct dl_code four_args = CODE(four_args_insns), string = CODE(string_insns);
static const struct dl_code never = CODE(never_insns), arg = CODE(arg_insns);

static uint8_t *space, *ring_data;
static struct arch_ring *ring;
static uint32_t control = ARCH_CONTROL_DROP;
static unsigned batches = 300;

static void die(const char *what)
{
	fprintf(stderr, "tramp: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void empty_ring(void)
{
	memset(ring_data, 0, ring->head - ring->tail);
	ring->head = ring->tail = 0;
	ring->limit = RING_SIZE;
}

/* Nanoseconds of a call of fn in the best batch. */
static double measure(func_fn *fn)
{
	volatile long sum = 0;
	double best = 1e9;

	for (unsigned i = 0; i < batches; i++) {
		double t;

		empty_ring();
		t = now();
		for (long k = 0; k < CALLS; k++)
			sum += fn(k, sum);
		t = (now() - t) / CALLS;
		best = t < best ? t : best;
	}
	if (ring->drops)
		die("records were dropped");
	return best;
}

static uint64_t stamps[CALLS];

static double measure_stamp(void)
{
	double best = 1e9;

	for (unsigned i = 0; i < batches; i++) {
		double t = now();

		for (long k = 0; k < CALLS; k++)
			stamps[k] = __builtin_ia32_rdtsc();
		t = (now() - t) / CALLS;
		best = t < best ? t : best;
	}
	return best;
}

/* The function, patched; its trampoline is where the guards want it. */
static func_fn *patch(const uint8_t *code, size_t len, const struct arch_tramp_clause *clause)
{
	struct arch_tramp_firing firing = { .clauses = clause, .n_clauses = 1 };
	uint8_t *at = space + SPACE / 2;
	struct arch_func f = { .code = code, .addr = (uint64_t)(uintptr_t)at, .len = len };
	struct arch_patch_plan plan;
	struct arch_tramp_job job = {
		.plan = &plan, .firings = &firing, .n_firings = 1, .common = f.addr + 0x800
	};
	struct arch_patch_write w[2];
	struct arch_tramp tramp;
	size_t common_len;
	const uint8_t *common = arch_record_common(&common_len);
	uint64_t to;
	const char *why;

	memcpy(at, code, len);
	memcpy(at + 0x800, common, common_len);
	if (!clause)
		return (func_fn *)(uintptr_t)at;
	if (!arch_func_scan(&f))
		die("out of memory");
	why = arch_patch_plan(&f, 0, &plan);
	if (why || !arch_patch_find_slot(&plan, f.addr + 0x1000, (uint64_t)(uintptr_t)space + SPACE,
					 TRAMP_ROOM, &to))
		die(why ? why : "no place for the trampoline");
	firing.pc = plan.site;
	if (mprotect((void *)(uintptr_t)(to & ~0xfffull), 2 * TRAMP_ROOM,
		     PROT_READ | PROT_WRITE | PROT_EXEC))
		die("mprotect");
	why = arch_tramp_build(&job, to, (uint8_t *)(uintptr_t)to, TRAMP_ROOM, &tramp);
	if (why)
		die(why);
	if (!arch_patch_bytes(&plan, to, w))
		die("no patch");
	memcpy(at, w[0].bytes, w[0].len);
	arch_tramp_deinit(&tramp);
	arch_func_deinit(&f);
	return (func_fn *)(uintptr_t)at;
}

static void setup(void)
{
	int fd = memfd_create("ring", 0);

	space = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ring_data = mmap(NULL, 2 * RING_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ring = calloc(1, ARCH_RING_CELLS + 4096);
	if (fd < 0 || ftruncate(fd, RING_SIZE) || space == MAP_FAILED || ring_data == MAP_FAILED ||
	    !ring)
		die("no memory");
	for (unsigned i = 0; i < 2; i++)
		if (mmap(ring_data + i * RING_SIZE, RING_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			die("no memory for the ring");
	close(fd);
	if (mprotect(space + SPACE / 2, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC))
		die("mprotect");
	*ring = (struct arch_ring){
		.self = (uint64_t)(uintptr_t)ring,
		.data = (uint64_t)(uintptr_t)ring_data,
		.mask = RING_SIZE - 1,
		.control = (uint64_t)(uintptr_t)&control,
		.cells_end = ARCH_RING_CELLS + 4096,
		.limit = RING_SIZE,
	};
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, ring))
		die("arch_prctl");
}

static void report(const char *what, const struct arch_tramp_clause *c)
{
	double dead = measure(patch(entry_dead, sizeof(entry_dead), c));
	double live = measure(patch(entry_live, sizeof(entry_live), c));

	printf("%-44s %6.2f %6.2f\n", what, dead, live);
}

static struct arch_tramp_clause record(const struct dl_code *code, unsigned n_slots)
{
	return (struct arch_tramp_clause){
		.code = code,
		.epid = 1,
		.n_slots = n_slots,
		.strsize = 64,
		.cap = (uint32_t)dl_near_bound(code, n_slots, 64),
	};
}

int main(int argc, char **argv)
{
	struct arch_agg agg = { .kind = ARCH_AGG_COUNT, .cell = ARCH_RING_CELLS };
	struct arch_tramp_clause c;

	if (argc > 1)
		batches = (unsigned)atoi(argv[1]);
	if (batches < 1 || batches > 100000)
		die("1 to 100000 batches");
	setup();
	printf("%-44s %6s %6s\n", "ns per call", "dead", "live flags");
	report("bare call", NULL);
	printf("%-44s %6.2f\n", "rdtsc and a store", measure_stamp());
	c = record(&four_args, 4);
	report("record of 64 bytes", &c);
	c = record(&never, 1);
	report("predicate that is false", &c);
	consts[0] = (uint64_t)(uintptr_t) "a string of 24 characters";
	c = record(&string, 1);
	report("record with a string of 24 characters", &c);
	c = record(&four_args, 4);
	c.agg = &agg;
	report("count()", &c);
	agg.code = &arg;
	agg.kind = ARCH_AGG_SUM;
	report("sum(arg0)", &c);
	agg.kind = ARCH_AGG_QUANTIZE;
	agg.increment = 1;
	report("quantize(arg0)", &c);
	return 0;
}
