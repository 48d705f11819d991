/*
 * Stacks of stopped threads: frame.c fed with a task's registers and memory.
 *
 * Should a file hold unwind rules that frame.c doesn't understand, libunwind
 * is asked for the whole stack.  It maps every ELF file anew and reads memory
 * a word at a time, some hundred times slower, so it is not the first choice.
 */
#include "unwind.h"

#include <libunwind-ptrace.h>
#include <stdlib.h>

#include "frame.h"
#include "site.h"

struct unwinder {
	struct process *proc;
	struct objects *objects;
	struct frame_memory memory;
};

static size_t read_target(void *arg, uint64_t addr, void *buf, size_t len)
{
	const struct unwinder *u = arg;

	return as_read(u->proc->as, addr, buf, len);
}

struct unwinder *unwinder_create(struct process *p, struct objects *os)
{
	struct unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->proc = p;
	u->objects = os;
	u->memory.read = read_target;
	u->memory.arg = u;
	return u;
}

void unwinder_destroy(struct unwinder *u)
{
	free(u);
}

/* Rows are cached with the images, which the object table counts: nothing of
 * the process is kept here but the last pieces of stack. */
void unwinder_invalidate(struct unwinder *u)
{
	frame_memory_reset(&u->memory);
}

/* The whole stack by libunwind; returns how many, 0 if it knows nothing. */
static int walk_remote(pid_t tid, uint64_t *pcs, int max)
{
	unw_addr_space_t space = unw_create_addr_space(&_UPT_accessors, 0);
	void *target = space ? _UPT_create(tid) : NULL;
	unw_cursor_t cursor;
	unw_word_t ip;
	int n = 0;

	if (target && !unw_init_remote(&cursor, space, target)) {
		do {
			if (unw_get_reg(&cursor, UNW_REG_IP, &ip) || !ip)
				break;
			pcs[n++] = ip;
		} while (n < max && unw_step(&cursor) > 0);
	}
	if (target)
		_UPT_destroy(target);
	if (space)
		unw_destroy_addr_space(space);
	return n;
}

/*
 * Takes libunwind's answer in place of the n frames at hand if it goes
 * further; the frames at hand stay as they are, they are right.
 */
static int extend(struct task *t, uint64_t *pcs, int n, int max)
{
	uint64_t *more = calloc((size_t)max, sizeof(*more));
	int m = more ? walk_remote(t->tid, more, max) : 0;

	for (int i = n; i < m; i++)
		pcs[i] = more[i];
	free(more);
	return m > n ? m : n;
}

int unwind(struct unwinder *u, struct task *t, bool at_entry, uint64_t *pcs, int max)
{
	const struct arch_regs *now = task_regs(t);
	struct arch_regs regs;
	enum frame_end end;

	if (max < 1 || !site_original_regs(t, &regs))
		return -1;
	uint64_t pc = arch_pc(&regs);

	/* The thread has run since; what is in the windows is old. */
	frame_memory_reset(&u->memory);
	int n = frame_walk(u->objects, &u->memory, &regs, pc, at_entry, pcs, max, &end);

	if (end == FRAME_COMPLEX && pc == arch_pc(now))
		n = extend(t, pcs, n, max);
	return n;
}

/* There is nothing but what was given. */
static size_t read_nothing(void *arg, uint64_t addr, void *buf, size_t len)
{
	(void)arg;
	(void)addr;
	(void)buf;
	(void)len;
	return 0;
}

int unwind_copy(struct unwinder *u, const struct arch_stack *s, uint64_t *pcs, int max,
		bool *is_whole_ret)
{
	enum frame_end end;
	int n;

	if (max < 1)
		return -1;
	frame_memory_reset(&u->memory);
	frame_memory_give(&u->memory, s->lo, s->bytes, s->len);
	u->memory.read = read_nothing;
	n = frame_walk(u->objects, &u->memory, &s->regs, arch_pc(&s->regs), s->at_entry, pcs, max,
		       &end);
	*is_whole_ret = end != FRAME_COMPLEX && !u->memory.is_short;
	u->memory.read = read_target;
	frame_memory_reset(&u->memory);
	return n;
}
