/*
 * The seccomp filter of -c processes.
 *
 * It tells the kernel which system calls to stop at (RET_TRACE) and lets all
 * others pass.  The kernel keeps a bitmap of the numbers that are allowed
 * whatever their arguments, but only if the program looks at nothing but
 * architecture and number before it allows: so does ours, as a balanced tree
 * over ranges of numbers.  Calls of another architecture's convention pass.
 *
 * Watched calls pass, too, if they are made at the addresses where trampolines
 * make those that they have recorded (ARCH_CALLS).
 *
 * FILTER_DATA tells our stops from those that a filter of the program's asks for.
 */
#include <endian.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "engine_impl.h"

struct range {
	unsigned lo, hi; /* inclusive */
};

#define MAX_RANGES (ENGINE_SYSCALL_WORDS * 64 / 2 + 1)

#define TO_END UINT32_MAX /* a jump to what stands behind the tree */

struct builder {
	struct sock_filter *out;
	unsigned n;
};

static void emit(struct builder *b, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (b->n < FILTER_MAX)
		b->out[b->n] = (struct sock_filter){ code, jt, jf, k };
	b->n++;
}

/* One range: its own returns, so that no jump is ever long. */
static void emit_leaf(struct builder *b, const struct range *r)
{
	emit(b, BPF_JMP | BPF_JGE | BPF_K, r->lo, 0, 2);
	emit(b, BPF_JMP | BPF_JGT | BPF_K, r->hi, 1, 0);
	emit(b, BPF_JMP | BPF_JA, TO_END, 0, 0);
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* A watched call: where is it made? */
static void emit_end(struct builder *b)
{
	const unsigned ip = offsetof(struct seccomp_data, instruction_pointer);
	const bool is_big = __BYTE_ORDER == __BIG_ENDIAN;

	for (unsigned i = 0; i < b->n && i < FILTER_MAX; i++)
		if (b->out[i].code == (BPF_JMP | BPF_JA) && b->out[i].k == TO_END)
			b->out[i].k = b->n - i - 1;
	if (arch_has_calls) {
		emit(b, BPF_LD | BPF_W | BPF_ABS, ip + (is_big ? 0 : 4), 0, 0);
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(ARCH_CALLS >> 32), 0, 4);
		emit(b, BPF_LD | BPF_W | BPF_ABS, ip + (is_big ? 4 : 0), 0, 0);
		emit(b, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)ARCH_CALLS, 0, 2);
		emit(b, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(ARCH_CALLS + ARCH_CALLS_BYTES), 1, 0);
		emit(b, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_TRACE | FILTER_DATA, 0, 0);
}

static void emit_tree(struct builder *b, const struct range *r, unsigned n)
{
	unsigned half = n / 2, jump;

	if (n == 1) {
		emit_leaf(b, r);
		return;
	}
	emit(b, BPF_JMP | BPF_JGE | BPF_K, r[half].lo, 0, 1);
	jump = b->n;
	emit(b, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(b, r, half);
	if (jump < FILTER_MAX)
		b->out[jump].k = b->n - jump - 1;
	emit_tree(b, r + half, n - half);
}

static bool is_named(const struct syscall_set *set, unsigned nr)
{
	return syscall_wants(set->entry, nr) || syscall_wants(set->exit, nr);
}

/*
 * What the engine wants to know of: interrupted sleeps come back as the one, handlers to
 * calls by the other; and the program's own rules for its calls.
 */
static bool is_ours(unsigned nr)
{
	return nr == SYS_restart_syscall || nr == SYS_rt_sigreturn || nr == SYS_prctl ||
	       nr == SYS_seccomp;
}

unsigned filter_build(const struct syscall_set *set, struct sock_filter *out)
{
	struct builder b = { .out = out };
	struct range ranges[MAX_RANGES];
	bool any = false;
	unsigned n = 0;

	for (unsigned nr = 0; nr < ENGINE_SYSCALL_WORDS * 64; nr++)
		any |= is_named(set, nr);
	if (!any)
		return 0;
	for (unsigned nr = 0; nr < ENGINE_SYSCALL_WORDS * 64; nr++) {
		if (!is_named(set, nr) && !is_ours(nr))
			continue;
		if (n && ranges[n - 1].hi == nr - 1)
			ranges[n - 1].hi = nr;
		else
			ranges[n++] = (struct range){ nr, nr };
	}
	emit(&b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(&b, BPF_JMP | BPF_JEQ | BPF_K, arch_audit(), 1, 0);
	emit(&b, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	emit(&b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit_tree(&b, ranges, n);
	emit_end(&b);
	return b.n;
}
