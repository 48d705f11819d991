/*
 * The near interpreter: runs a near program over a stopped thread and writes
 * the record (bytecode.h).  The record tier's machine code does the same in
 * the target; both must yield the same bytes.
 *
 * Probe context: no allocation, no unbounded loop; every load goes through
 * the callbacks and a failure marks the slot.
 */
#ifndef DL_NEAR_H
#define DL_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytecode.h"

struct dl_near_ops {
	/* Probe argument n; false: it could not be read, *fault_addr says where. */
	bool (*arg)(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr);
	/* Machine register, uregs[] numbering; 0 if there is none such. */
	uint64_t (*reg)(void *ctx, unsigned n);
	/* Reads len bytes of target memory; returns how many could be read. */
	size_t (*load)(void *ctx, uint64_t addr, void *buf, size_t len);
	/* For programs of the record tier (near_self.h): the thread's word, the time, a cell. */
	uint64_t *(*self)(void *ctx, unsigned n);
	uint64_t (*time)(void *ctx);
	void (*agg)(void *ctx, unsigned cell, uint64_t value);
};

/*
 * Runs code; rec is buf (cap bytes, 8-aligned, at least
 * sizeof(struct dl_record) + 8 * n_slots).  The caller has set epid, flags and
 * time.  Returns the record's length, or 0 for "no record" (NREC).  Captures
 * that do not fit in cap are cut short.
 */
size_t dl_near_run(const struct dl_code *code, unsigned n_slots, uint32_t strsize,
		   const struct dl_near_ops *ops, void *ctx, struct dl_record *rec, size_t cap);

/*
 * The largest record a verified near program can make: with a cap of that
 * much (or more) no capture is cut short.  A multiple of 8.
 */
size_t dl_near_bound(const struct dl_code *code, unsigned n_slots, uint32_t strsize);

#endif
