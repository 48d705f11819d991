/*
 * Straight runs of a function's code, whatever the processor.  Private to arch/.
 */
#ifndef ARCH_BLOCKS_H
#define ARCH_BLOCKS_H

#include "arch.h"

struct blocks {
	const uint8_t *code;
	size_t len;
	uint64_t addr;
	unsigned skip; /* bytes to go on behind what is no instruction; 0: that ends all */
	/* Need nothing lead to the instruction? */
	bool (*is_padding)(const uint8_t *code, const struct arch_insn *insn);
	enum { BLOCKS_UNKNOWN, BLOCKS_SEEN, BLOCKS_HIDDEN } hidden;
};

/* Does nothing fall through to what follows? */
bool blocks_end(enum arch_flow flow);
/*
 * Is there code that neither falls through from above nor is the target of a
 * direct branch?  A switch has its cases there.  (Landing pads of exceptions
 * look the same.)  Looked for once.
 */
bool blocks_are_hidden(struct blocks *b);

#endif
