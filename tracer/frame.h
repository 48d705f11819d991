/*
 * Walking a stack: registers and a memory reader in, return addresses out.
 * Knows nothing of tasks, so it can be tested on any memory.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arch/arch.h"
#include "object.h"

#define FRAME_WINDOW 4096

/* A piece of stack that was read in one go, or that somebody has. */
struct frame_window {
	uint64_t addr;
	size_t len;
	const uint8_t *bytes;
	uint8_t room[FRAME_WINDOW];
};

/* Stack memory; two windows, so that a signal stack doesn't evict the other. */
struct frame_memory {
	size_t (*read)(void *arg, uint64_t addr, void *buf, size_t len);
	void *arg;
	struct frame_window windows[2];
	unsigned last;
	bool is_short; /* something was asked for that could not be read */
};

/* Why a walk ended. */
enum frame_end {
	FRAME_OUTERMOST, /* the tables say there is no caller */
	FRAME_FULL, /* max reached */
	FRAME_LOST, /* no tables and no frame pointer to go on with, or garbage */
	FRAME_COMPLEX, /* a rule that isn't understood here */
};

/*
 * pcs[0] = pc (which stands for the one in regs), then return addresses, at
 * most max.  Returns how many (at least 1 if max is).  at_entry: see unwind().
 * The memory's windows must be dropped (frame_memory_reset) when the target
 * has run.
 */
int frame_walk(struct objects *os, struct frame_memory *m, const struct arch_regs *regs,
	       uint64_t pc, bool at_entry, uint64_t *pcs, int max, enum frame_end *end_ret);
void frame_memory_reset(struct frame_memory *m);
/* After a reset: memory that need not be read.  It must stay until the next one. */
void frame_memory_give(struct frame_memory *m, uint64_t addr, const uint8_t *bytes, size_t len);

#endif
