/*
 * Where functions are called through registers: for dtrace -G on objects made
 * with -fno-plt.
 */
#ifndef USDT_FLOW_H
#define USDT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The instruction at at puts what (not 0) into a register, -1: jumps or calls there itself. */
struct usdt_load {
	uint64_t at;
	int reg;
	uint8_t what;
};

/*
 * Calls found() for each call and jump through a register that holds one and the same
 * what on every way there, in the function code[start, end).  joins: places in the code
 * that are come to from outside.  Where not everything is understood nothing is found.
 */
void usdt_flow(const uint8_t *code, uint64_t start, uint64_t end, const struct usdt_load *loads,
	       size_t n_loads, const uint64_t *joins, size_t n_joins,
	       void (*found)(void *arg, uint64_t at, uint8_t what), void *arg);

#endif
