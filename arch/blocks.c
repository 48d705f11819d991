/*
 * Is all of a function's code reached from its start by what its instructions
 * say?  Two linear walks: all targets of direct branches, then what is neither
 * one nor fallen through to.
 */
#include "blocks.h"

#include <stdlib.h>

bool blocks_end(enum arch_flow flow)
{
	return flow == ARCH_FLOW_JUMP || flow == ARCH_FLOW_IJUMP || flow == ARCH_FLOW_RET ||
	       flow == ARCH_FLOW_TRAP;
}

/* The instruction at *off or the next one behind it; false: there is none. */
static bool see_insn(const struct blocks *b, uint64_t *off, struct arch_insn *ret)
{
	for (; *off < b->len; *off += b->skip) {
		if (arch_insn_length(b->code + *off, b->len - *off, b->addr + *off, ret))
			return true;
		if (!b->skip)
			return false;
	}
	return false;
}

/* One bit per byte of the function: a direct branch goes there. */
static void mark_targets(const struct blocks *b, uint8_t *seen)
{
	struct arch_insn insn;

	for (uint64_t off = 0; see_insn(b, &off, &insn); off += insn.len) {
		uint64_t to = insn.target - b->addr;

		if ((insn.flow == ARCH_FLOW_JUMP || insn.flow == ARCH_FLOW_COND) && to < b->len)
			seen[to / 8] |= (uint8_t)(1 << to % 8);
	}
}

static bool find_hidden(const struct blocks *b, const uint8_t *seen)
{
	struct arch_insn insn;
	bool reached = true;

	for (uint64_t off = 0; see_insn(b, &off, &insn); off += insn.len) {
		reached = reached || seen[off / 8] & 1 << off % 8;
		if (!reached && !b->is_padding(b->code + off, &insn))
			return true;
		if (blocks_end(insn.flow))
			reached = false;
	}
	return false;
}

bool blocks_are_hidden(struct blocks *b)
{
	if (b->hidden == BLOCKS_UNKNOWN) {
		uint8_t *seen = calloc(b->len / 8 + 1, 1);

		/* Without memory: the commoner case. */
		b->hidden = BLOCKS_HIDDEN;
		if (seen) {
			mark_targets(b, seen);
			b->hidden = find_hidden(b, seen) ? BLOCKS_HIDDEN : BLOCKS_SEEN;
		}
		free(seen);
	}
	return b->hidden == BLOCKS_HIDDEN;
}
