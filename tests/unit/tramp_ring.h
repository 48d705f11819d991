/*
 * What the rigs of both processors (CPU/tramp_rig.h) share: the ring, random
 * memory, the record that the near interpreter would leave.  Included by them
 * behind struct rig; RIG_CONTROL points to the control word.
 */
#ifndef TESTS_TRAMP_RING_H
#define TESTS_TRAMP_RING_H

#include "tracer/usdt.h"

static void on_signal(int sig, siginfo_t *info, void *ctx);

static inline uint64_t u64(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline void *ptr(uint64_t a)
{
	return (void *)(uintptr_t)a;
}

/* Takes what is committed out of the ring, as the tracer does. */
static inline void ring_drain(void)
{
	const struct dl_record *rec;

	while ((rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail)) != NULL) {
		uint32_t len = rec->len;

		memset(rig.ring_data + (rig.ring->tail & rig.ring->mask), 0, len);
		rig.ring->tail += len;
	}
	__atomic_store_n(&rig.ring->limit, rig.ring->tail + RING_SIZE, __ATOMIC_RELEASE);
}

static inline void catch_signals(void)
{
	static uint8_t alt[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
}

static inline uint8_t *open_part(uint64_t off, size_t len, int prot)
{
	uint8_t *p = rig.space + off;

	return mprotect(p, len, prot) == 0 ? p : NULL;
}

static inline bool map_ring(void)
{
	int fd = memfd_create("ring", 0);
	uint8_t *p = mmap(NULL, 2 * RING_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || p == MAP_FAILED || ftruncate(fd, RING_SIZE) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (mmap(p + i * RING_SIZE, RING_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			return false;
	close(fd);
	rig.ring_data = p;
	return true;
}

/* An empty ring. */
static inline void ring_clear(void)
{
	memset(rig.ring, 0, ARCH_RING_CELLS + CELLS);
	memset(rig.ring_data, 0, RING_SIZE);
	*rig.ring = (struct arch_ring){
		.self = u64(rig.ring),
		.data = u64(rig.ring_data),
		.mask = RING_SIZE - 1,
		.control = u64(RIG_CONTROL),
		.cells_end = ARCH_RING_CELLS + CELLS,
		.limit = RING_SIZE,
	};
	*rig.null_ring = (struct arch_ring){
		.self = u64(rig.null_ring),
		.control = u64(RIG_CONTROL),
	};
	*RIG_CONTROL = ARCH_CONTROL_WAIT;
	rig.on_trap = TRAP_DRAIN;
	rig.n_fixups = rig.n_traps = 0;
	catch_signals(); /* cmocka has its own around each test */
}

static inline const char *func_plan(uint64_t site)
{
	return arch_patch_plan(&rig.func, site, &rig.plan);
}

static inline void must_plan(uint64_t site)
{
	const char *why = func_plan(site);

	if (why)
		fail_msg("+%#lx: %s", (unsigned long)site, why);
}

#define STACK_TOP (STACK_LEN - 0x800) /* the stack pointer at the site, offset in the stack */

static inline uint64_t random_pointer(void)
{
	uint64_t v = random_next(), at;

	switch (v & 3) {
	case 0: /* near the end of a readable page */
		at = 0x1000 * (1 + (v >> 2 & 1)) - (v >> 8) % 24;
		break;
	case 1: /* before the first */ at = 0 - (v >> 8) % 16; break;
	default: at = (v >> 8) % DATA_LEN;
	}
	return u64(rig.data) + at;
}

static inline void random_memory(void)
{
	for (unsigned i = 0; i < DATA_LEN; i++) {
		uint64_t v = random_next();

		rig.data[i] = v % 24 ? (uint8_t)(v >> 8) : 0;
	}
	for (unsigned i = 0; i < STACK_LEN; i++)
		rig.stack[i] = (uint8_t)random_next();
}

/* ----------------------------------------------------------- reference -- */

/* What the near interpreter sees of the same thread. */
struct seen {
	const struct cpu *cpu;
	const struct arch_tramp_firing *firing;
};

static const struct dl_near_ops seen_ops;
static size_t seen_load(void *ctx, uint64_t addr, void *buf, size_t len);
static bool seen_vector(void *ctx, unsigned n, uint64_t *ret);

static size_t seen_load_at(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return seen_load(ctx, addr, buf, len);
}

/* What a stop makes of the note. */
static uint64_t seen_place(const struct seen *s, const struct arch_regs *r, unsigned n)
{
	struct usdt_reader reader = {
		.regs = r, .load = seen_load_at, .vector = seen_vector, .arg = (void *)s
	};
	const struct arch_place *p = &s->firing->places[n];
	struct usdt_arg a = {
		.op = p->op, .size = p->size, .is_signed = p->is_signed, .is_known = true
	};
	uint64_t v, bad;

	return usdt_arg_value(&a, &reader, &v, &bad) ? v : 0;
}

static union {
	struct dl_record rec;
	uint8_t bytes[RING_SIZE];
} expected;

/* The record the clause leaves of that thread; its length, 0 for none. */
static inline size_t expect_record(const struct cpu *cpu, const struct arch_tramp_firing *f,
				   const struct arch_tramp_clause *c, uint32_t flags)
{
	struct seen s = { cpu, f };

	memset(&expected, 0x5a, sizeof(expected));
	expected.rec.epid = c->epid;
	expected.rec.flags = flags;
	expected.rec.time = 0;
	return dl_near_run(c->code, c->n_slots, c->strsize, &seen_ops, &s, &expected.rec, c->cap);
}

/* The next record of the ring is the expected one; it is consumed. */
static inline uint64_t assert_record(size_t len)
{
	struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	uint64_t time;

	assert_non_null(rec);
	time = rec->time;
	assert_int_not_equal(time, 0);
	rec->time = 0;
	assert_int_equal(rec->len, len);
	assert_memory_equal(rec, &expected, len);
	memset(rec, 0, len);
	rig.ring->tail += len;
	rig.ring->limit = rig.ring->tail + RING_SIZE;
	return time;
}

/* Nothing is left in the ring, and its free space is zero. */
static inline void assert_ring_empty(void)
{
	static const uint8_t zero[RING_SIZE];

	assert_int_equal(rig.ring->tail, rig.ring->head);
	assert_memory_equal(rig.ring_data, zero, RING_SIZE);
}

#endif
