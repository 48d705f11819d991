/*
 * Sites: patched addresses, one table per address space.
 *
 * On a hit the probes run, then the thread continues in the site's
 * out-of-line copy (a slot in the annex); the breakpoint never leaves the
 * text, so no other thread slips past it.  Several users (probes, the
 * engine's own hooks) may share a site; the patch goes when the last leaves.
 */
#ifndef SITE_H
#define SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "../arch/arch.h"
#include "../dlang/error.h"
#include "../dlang/vec.h"

struct aspace;
struct engine;
struct task;
struct site;

enum site_tier { SITE_STOP, SITE_RECORD };

/* One reason to stop at a site. */
struct site_user {
	/* NULL: told through engine_ops.site_hit with arg found in site->users. */
	void (*hook)(void *arg, struct task *t, struct site *s);
	void *arg;
	bool is_probe; /* hook fires a probe */
};

struct site {
	uint64_t addr;
	struct aspace *as;
	enum site_tier tier;
	uint8_t orig[ARCH_INSN_MAX]; /* original bytes, insn_len of them */
	uint8_t insn_len;
	bool is_planted;
	bool can_emulate; /* arch_emulate() does the instruction */
	bool only_pc; /* ... which only makes the thread go on at next_pc */
	uint64_t next_pc;
	bool hit_pending; /* queued hits may still refer to it (tombstone) */
	uint64_t slot; /* address of the out-of-line copy, 0 if emulated only */
	uint8_t slot_len;
	uint64_t hits;
	VEC(struct site_user) users;
};

/*
 * Batches: sites are added, then planted together with the world stopped
 * once.  code (len bytes) are the original bytes at addr from the ELF file,
 * compared with memory before writing (a mismatch is refused); NULL: taken
 * from memory.  *ret is the (possibly shared) site.
 * Refusals carry the reason: "a breakpoint instruction of the program's own", "no annex within
 * reach", ...
 */
struct error *site_add(struct engine *e, struct aspace *as, uint64_t addr, const uint8_t *code,
		       size_t len, struct site_user user, struct site **ret) must_check;
/* Plants everything added since the last call.  Sites that fail are dropped
 * from the table and counted in *n_refused with the last reason. */
struct error *site_plant(struct engine *e, struct aspace *as, unsigned *n_refused,
			 const char **why_ret) must_check;
/* Removes one user; unpatches when it was the last. */
void site_remove(struct engine *e, struct site *s, void *arg);
/*
 * All of an address space's sites in [lo, hi) are gone (dlclose): forget, write
 * nothing.  Their struct site must not be used any more.
 */
void site_forget_range(struct engine *e, struct aspace *as, uint64_t lo, uint64_t hi);
struct site *site_find(struct aspace *as, uint64_t addr);
/* The planted sites that the record tier has not been tried for, by address; they
 * count as tried then, until their users or neighbours change. */
void site_each_untried(struct aspace *as, void (*fn)(void *arg, struct site *s), void *arg);
/* The first planted site at or above addr; NULL. */
struct site *site_next(struct aspace *as, uint64_t addr);
unsigned site_count(struct aspace *as);
/* pc in a slot -> original pc; other pcs unchanged. */
uint64_t site_original_pc(struct aspace *as, uint64_t pc);
/* The stopped task's registers as they would be in the original code; false: it is gone. */
bool site_original_regs(struct task *t, struct arch_regs *ret);

#endif
