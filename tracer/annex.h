/*
 * The annex: memory the target lends us, near its text.
 *
 * Regions are mapped read-execute by remote mmap and written through
 * /proc/PID/mem, so no page is ever writable and executable.  What is in them
 * is kept here as a shadow and flushed in one write per region.  A region
 * starts with the stub for remote system calls.
 */
#ifndef ANNEX_H
#define ANNEX_H

#include <stdbool.h>
#include <stdint.h>

#include "../dlang/error.h"
#include "../dlang/vec.h"

struct aspace;
struct engine;
struct site;

/* One out-of-line copy. */
struct annex_slot {
	uint32_t off; /* from the region's start */
	uint8_t room, len; /* bytes owned, bytes of code */
	struct site *site; /* NULL: free */
};

struct annex_region {
	uint64_t lo;
	uint32_t size, used;
	uint32_t dirty_lo, dirty_hi; /* not flushed yet */
	uint8_t *shadow; /* size bytes */
	VEC(struct annex_slot) slots; /* by offset */
	VEC(uint32_t) free; /* indices of free slots */
};

/* A region with room for bytes more, all of which is within reach of near;
 * made if there is none.  The address space must be stopped. */
struct error *annex_region_get(struct engine *e, struct aspace *as, uint64_t near, uint32_t bytes,
			       struct annex_region **ret) must_check;
/* Maps len bytes, read-execute, at addr; the same conditions. */
struct error *annex_map_at(struct engine *e, struct aspace *as, uint64_t addr, uint64_t len)
	must_check;
/* Where the next slot may be (fresh: not one used before) and how large. */
uint64_t annex_next(struct annex_region *r, bool fresh, uint32_t *room);
/* Places code for site at the address annex_next() gave, within its room;
 * false: out of memory. */
bool annex_slot_add(struct annex_region *r, uint64_t at, const uint8_t *code, uint8_t len,
		    struct site *site);
bool annex_flush(struct aspace *as);
/* The slot holding pc, NULL if none. */
struct annex_slot *annex_find(struct aspace *as, uint64_t pc, struct annex_region **ret);
bool annex_contains(struct aspace *as, uint64_t pc);
/* The site's text is gone: its slot may be used again. */
void annex_slot_free(struct aspace *as, struct site *site);
/* Copies the records of a forked address space (the memory came along). */
bool annex_copy(struct aspace *to, const struct aspace *from);
/* Remote munmap of everything; the address space must be stopped and no pc inside. */
void annex_unmap(struct engine *e, struct aspace *as);
/* One mapping of ours in the target; what can't be unmapped stays. */
void annex_unmap_range(struct engine *e, struct aspace *as, uint64_t lo, uint64_t len);
void annex_deinit(struct aspace *as);

#endif
