/*
 * The record tier: what trampolines, the tracer and both processors agree on.
 *
 * A site of the record tier is a jump to its trampoline in the annex.  The
 * trampoline runs the near programs of the site's clauses as machine code over
 * the live registers, leaves their records in the thread's ring, runs the
 * displaced instructions and jumps back.  The tracer drains the rings.
 *
 *	plan.c side	arch_func_scan -> arch_patch_plan -> arch_patch_find_slot
 *	code side	arch_tramp_build at that place, arch_record_common once per region
 *	patch side	arch_patch_bytes, written with the world stopped
 *	at stops	arch_tramp_fixup, _trap, _arrival, _unwind
 *
 * Where the displaced instruction is a system call's, the trampoline can make
 * calls of some numbers itself, at addresses that our seccomp filter lets pass
 * (below: system calls).
 *
 * Everything here is pure: bytes and addresses in, bytes and tables out.
 * Addresses are the target's unless said otherwise.
 *
 * ---- rings ----
 *
 * Each thread that fires has a ring: struct arch_ring and, somewhere else,
 * size bytes of data mapped twice back to back, so that no record wraps.  The
 * thread finds its ring through the anchor (x86_64: the base of gs is the
 * address of its struct arch_ring).  Producers are the thread and its own
 * signal handlers; the consumer is the tracer.
 *
 *	head	bytes ever reserved; the producer's; data[head & mask] comes next
 *	limit	head may not go beyond this; the consumer's: tail + size
 *
 * To leave a record the thread
 *	1. takes head, stops if head + need > limit (ring full), and moves head
 *	   by need with one plain compare-and-exchange, which its own signal
 *	   handlers can't split; need is the most the record may become;
 *	2. writes the record (struct dl_record) with len 0 there;
 *	3. where it became shorter: moves head back by the rest, again by
 *	   compare-and-exchange; if a handler's record came behind it, covers the
 *	   rest with a filler instead: a record of which only len and epid = 0 are
 *	   written;
 *	4. stores len: the record is committed.
 *
 * All free space, from head to tail + size, is zero at all times: the consumer
 * sets what it took to zero before it publishes a new limit, and producers
 * leave no garbage where they give space back.  So the word at tail is 0 (not
 * committed, or tail == head) or the header of a complete record.  head goes
 * backwards too (3., and arch_ring_rewind), never to before what was committed.
 *
 * A record is byte for byte what dl_near_run() writes with the clause's cap,
 * but for time, which is the processor's raw counter (ARCH_NO_TIME where that
 * can't be read), when the record's place was taken.
 *
 * A ring that is full, or that is the null ring, or that has no cells where the
 * clause aggregates, is asked about the control word:
 *	ARCH_CONTROL_WAIT	the thread executes a breakpoint instruction at an address
 *		that arch_tramp_trap() knows; the tracer drains, or gives it a ring or
 *		a larger one (and moves its anchor), and continues it as it is: it
 *		tries again.  The ring's size must be at least the clause's need, or it
 *		would try for ever.
 *	ARCH_CONTROL_SLEEP	the thread sleeps for a moment, on the
 *		control word by futex(), and looks again.
 *	anything else		drops is counted and the clause left out.
 * The null ring is one struct arch_ring for all threads that have no ring yet:
 * head = limit = 0, cells_end = 0.  It is written to only to count drops.
 */
#ifndef ARCH_RECORD_H
#define ARCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dlang/bytecode.h"
#include "arch.h"

/* ---------------------------------------------------------------- ring -- */

#define ARCH_CONTROL_WAIT 1u /* the control word, 32 bits: a tracer is there and wants all */
#define ARCH_CONTROL_SLEEP 2u /* the same, and it may die: sleep, and look again */
#define ARCH_CONTROL_DROP 0u /* drops are asked for, or the tracer is gone */
#define ARCH_NO_TIME 1u

/*
 * What turns the counter into nanoseconds, for NTIME: ns + (counter - raw) * mult
 * / 2^32.  clock_use says which of the two is right: its low byte is 0, or
 * ARCH_CLOCK_STRIDE for clock1; the rest differs each time.  The consumer
 * changes the one that is not in use, then clock_use; who finds another
 * clock_use behind its calculation does it again.
 */
struct arch_clock {
	uint64_t raw, ns, mult;
};
#define ARCH_CLOCK_STRIDE 48u

struct arch_ring {
	/* Set before the thread sees the ring. */
	uint64_t self; /* address of this struct: checks the anchor */
	uint64_t data; /* address of the data's first mapping */
	uint64_t mask; /* size of the data - 1; size: a power of two, 4 KiB .. 1 GiB */
	uint64_t control; /* address of the control word of the address space */
	uint32_t cells_end; /* cells exist from ARCH_RING_CELLS to this offset; 0: none */
	uint32_t left; /* bits (arch_call_left) of the calls that must be told of if an
			* rt_sigreturn leads to them */
	uint64_t owner; /* the tracer's */
	/* -(sp + low half of a site's address, sign-extended): the call that the thread
	 * comes to there with that sp was recorded before; 0: none.  The tracer sets it. */
	uint64_t again;
	uint64_t stack_end; /* stacks in records go up to here; 0: not known */
	/* The producer's. */
	uint64_t head;
	uint64_t drops;
	uint64_t unused3[2];
	struct arch_clock clock0; /* the consumer's, but for want of room there */
	uint32_t bell; /* not 0: the thread waits to be stopped (arch_bell_code) */
	uint32_t unused4;
	/* The consumer's. */
	uint64_t limit;
	uint64_t tail;
	struct arch_clock clock1;
	uint64_t clock_use;
	uint64_t unused5[2];
};

#define ARCH_RING_CELLS 192 /* offset of the aggregation cells: right behind the struct */

_Static_assert(offsetof(struct arch_ring, self) == 0 && offsetof(struct arch_ring, data) == 8 &&
		       offsetof(struct arch_ring, mask) == 16 &&
		       offsetof(struct arch_ring, control) == 24 &&
		       offsetof(struct arch_ring, cells_end) == 32 &&
		       offsetof(struct arch_ring, again) == 48 &&
		       offsetof(struct arch_ring, stack_end) == 56 &&
		       offsetof(struct arch_ring, head) == 64 &&
		       offsetof(struct arch_ring, drops) == 72 &&
		       offsetof(struct arch_ring, clock0) == 96 &&
		       offsetof(struct arch_ring, limit) == 128 &&
		       offsetof(struct arch_ring, clock1) ==
			       offsetof(struct arch_ring, clock0) + ARCH_CLOCK_STRIDE &&
		       offsetof(struct arch_ring, clock_use) == 168 &&
		       sizeof(struct arch_ring) == ARCH_RING_CELLS,
	       "machine code has these offsets in it");
_Static_assert(offsetof(struct dl_record, len) == 0 && offsetof(struct dl_record, epid) == 4 &&
		       offsetof(struct dl_record, flags) == 8 &&
		       offsetof(struct dl_record, n_slots) == 12 &&
		       offsetof(struct dl_record, time) == 16 &&
		       offsetof(struct dl_record, faults) == 24 &&
		       offsetof(struct dl_record, slots) == 32,
	       "and these");

/*
 * The committed record (or filler: epid 0, only len and epid are there) at
 * tail, NULL if there is none.  data: where the tracer has the ring's data
 * mapped (twice, or records across the end are cut).
 */
static inline struct dl_record *arch_ring_at(const struct arch_ring *r, uint8_t *data,
					     uint64_t tail)
{
	struct dl_record *rec = (struct dl_record *)(void *)(data + (tail & r->mask));
	uint32_t len;

	if (tail >= __atomic_load_n(&r->head, __ATOMIC_ACQUIRE))
		return NULL;
	len = __atomic_load_n(&rec->len, __ATOMIC_ACQUIRE);
	/* A target that writes into its own ring must not lead us astray. */
	if (len < 8 || len % 8 || len > r->mask + 1)
		return NULL;
	return rec;
}

/*
 * Takes back what a stopped thread has reserved and will not commit (its
 * trampoline was left: arch_tramp_unwind, death).  reserve as arch_tramp_unwind
 * gave it, or 0 for "whatever is open".  tail and size are the tracer's own:
 * of what is in the ring nothing is trusted, and other threads may change it.
 */
static inline void arch_ring_take_back(struct arch_ring *r, uint8_t *data, uint64_t tail,
				       uint64_t size, uint32_t reserve)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), at = tail;

	if (head - tail > size)
		return;
	while (at != head) {
		const struct dl_record *rec =
			(const struct dl_record *)(const void *)(data + (at & (size - 1)));
		uint32_t len = __atomic_load_n(&rec->len, __ATOMIC_ACQUIRE);

		if (len < 8 || len % 8 || len > head - at)
			break;
		at += len;
	}
	if (at == head)
		return;
	if (reserve == 0 || head - at <= reserve) {
		__builtin_memset(data + (at & (size - 1)), 0, head - at);
		__atomic_store_n(&r->head, at, __ATOMIC_RELEASE);
	} else {
		uint64_t filler = reserve;

		__builtin_memset(data + (at & (size - 1)), 0, reserve);
		__builtin_memcpy(data + (at & (size - 1)), &filler, sizeof(filler));
	}
}

/* The same of a ring that nobody else writes to. */
static inline void arch_ring_rewind(struct arch_ring *r, uint8_t *data, uint32_t reserve)
{
	arch_ring_take_back(r, data, r->tail, r->mask + 1, reserve);
}

/* -------------------------------------------------------------- stacks -- */

/*
 * The record of a clause that asks for the stack ends with the registers and a
 * copy of the stack, from the red zone below the stack pointer up to the ring's
 * stack_end.  If that is more than arch_tramp_clause's stack_max (or stack_end
 * is not of this stack), the thread executes a breakpoint instruction that
 * arch_tramp_is_stop() knows, before anything of the firing is left: the tracer
 * is to tell the hit as one of a breakpoint at the site.
 */
extern const bool arch_has_stacks;
#define ARCH_STACK_ROOM(max) (288 + (max)) /* by which the record becomes larger */
struct arch_stack {
	struct arch_regs regs; /* the general ones and the pc */
	bool at_entry;
	uint64_t lo; /* address of the first byte */
	const uint8_t *bytes; /* in the record */
	size_t len;
};
/* false: the record has none. */
bool arch_record_stack(const struct dl_record *rec, struct arch_stack *ret);
/* An address that is in no stack, but above the stopped thread's if in the same mapping:
 * where its thread-local storage is; 0 unknown. */
uint64_t arch_thread_pointer(pid_t tid, const struct arch_regs *r);

/* -------------------------------------------------------------- anchor -- */

/* The raw counter that records are stamped with, as the tracer reads it. */
uint64_t arch_counter(void);
/*
 * The anchor of a stopped thread: the address of its ring.  A thread starts
 * with that of its creator, exec clears it (0).  false: it can't be asked.
 */
bool arch_anchor_read(pid_t tid, uint64_t *ret);
bool arch_anchor_write(pid_t tid, uint64_t ring);
/*
 * true: threads have no anchor (0 is read, what is written means nothing) but
 * are found in a table (struct arch_anchors) by a key: of a stopped thread, 0
 * none.  false: it can't be asked.
 */
extern const bool arch_anchors_are_table;
bool arch_anchor_key(pid_t tid, uint64_t *ret);
/* Are the stopped thread's return addresses checked against a stack of their own? */
bool arch_shadow_stack(pid_t tid);

/* --------------------------------------------------------------- cells -- */

/*
 * An aggregation with a constant key that a clause does nothing else than
 * feed has a cell in every ring instead of records: word 0 counts the updates
 * (hits of dl_agg_merge), from word 1 on are the values as dl_agg_merge() wants
 * them; for count() word 0 is the value too.  New cells are zero, but word 1
 * of min() INT64_MAX, of max() INT64_MIN.  The consumer reads or resets cells
 * while the thread is stopped, or reads them at any time, one word at a time.
 */
enum arch_agg_kind {
	ARCH_AGG_COUNT, /* [hits = value] */
	ARCH_AGG_SUM, /* [hits] [sum] */
	ARCH_AGG_AVG, /* [hits = count] [sum]: values are both words */
	ARCH_AGG_MIN,
	ARCH_AGG_MAX, /* [hits] [value] */
	ARCH_AGG_QUANTIZE, /* [hits] [127 buckets] */
	ARCH_AGG_LQUANTIZE, /* [hits] [levels + 2 buckets] */
	ARCH_AGG_STDDEV, /* [hits = count] [sum] [sum of squares, 128 bits]: values are all */
	ARCH_AGG_LLQUANTIZE, /* [hits] [param buckets] */
};

/* Values from lower on, up to (not including) the next range's lower, are in bucket
 * first + (value - lower) / width; below the first range in bucket 0. */
struct arch_agg_range {
	int64_t lower;
	uint64_t width; /* 0: all in bucket first */
	uint32_t first;
};
#define ARCH_RANGES_MAX 24u

struct arch_agg {
	enum arch_agg_kind kind;
	uint32_t cell; /* offset from the start of struct arch_ring, 8-aligned */
	uint64_t param; /* lquantize: the parameter word (agg.h); llquantize: how many buckets */
	const struct arch_agg_range *ranges; /* llquantize */
	uint32_t n_ranges;
	int64_t increment; /* quantize, lquantize */
	/*
	 * A near program without slots that decides (NREC) and leaves the value in
	 * register value_reg at END; NULL: nothing to decide or compute (count).
	 */
	const struct dl_code *code;
	uint8_t value_reg;
	/*
	 * Not 0: a cell for each value of register key_reg, as long as there is room
	 * among 2^key_bits of them: then a record is left.  Only count, sum, avg, min
	 * and max.  What is at cell is a table of entries of
	 *	[key + 1; 0: free] [the cell's words]
	 * (arch_agg_entry words each); a key is in one of ARCH_KEY_WINDOW entries from
	 * key * ARCH_KEY_FACTOR >> (64 - key_bits) on.  Entries are never freed.
	 */
	uint8_t key_bits, key_reg;
};

#define ARCH_KEY_WINDOW 8u
#define ARCH_KEY_FACTOR 0x9e3779b97f4a7c15u

static inline uint32_t arch_agg_words(enum arch_agg_kind kind, uint64_t param)
{
	switch (kind) {
	case ARCH_AGG_COUNT: return 1;
	case ARCH_AGG_QUANTIZE: return 1 + 127;
	case ARCH_AGG_LQUANTIZE: return 1 + ((uint32_t)(param >> 32) & 0xffff) + 2;
	case ARCH_AGG_LLQUANTIZE: return 1 + (uint32_t)param;
	case ARCH_AGG_STDDEV: return 4;
	default: return 2;
	}
}

/* Words of an entry of a table: 2 or 4. */
static inline uint32_t arch_agg_entry(enum arch_agg_kind kind)
{
	return kind == ARCH_AGG_COUNT ? 2 : 4;
}

/* Words at the cell. */
static inline uint32_t arch_agg_room(const struct arch_agg *a)
{
	if (!a->key_bits)
		return arch_agg_words(a->kind, a->param);
	return arch_agg_entry(a->kind) * ((1u << a->key_bits) + ARCH_KEY_WINDOW);
}

/* ------------------------------------------------------------ patching -- */

/* Addresses [lo, hi). */
struct arch_span {
	uint64_t lo, hi;
};

/*
 * A function as the planner sees it, looked at once for all its sites.  The
 * bytes are those of the ELF file and are borrowed, those after it included.
 */
struct arch_func {
	const uint8_t *code;
	uint64_t addr;
	size_t len;
	size_t after; /* bytes behind it that belong to no symbol */
	/*
	 * Sorted addresses that code elsewhere goes to: other symbols inside,
	 * targets of branches of the function's other parts (f.cold), landing pads.
	 */
	const uint64_t *targets;
	size_t n_targets;
	/* Code that is run though nothing else tells, sorted: it is no padding. */
	const uint64_t *live;
	size_t n_live;
	/* No byte of these may change: rseq sections, patches of other sites. */
	const struct arch_span *keep;
	size_t n_keep;
	/* Made by arch_func_scan(). */
	size_t decoded; /* bytes from the start that could be decoded */
	uint8_t *marks; /* one per byte, those after it included */
};

/* Fills in the last part; false: out of memory. */
bool arch_func_scan(struct arch_func *f);
void arch_func_deinit(struct arch_func *f);

enum arch_tactic {
	ARCH_TACTIC_ONE, /* the jump replaces one instruction */
	ARCH_TACTIC_PADDING, /* one that never falls through, and padding behind it */
	ARCH_TACTIC_FORWARD, /* several instructions from the site on */
	ARCH_TACTIC_BACKWARD, /* several, some of them before the site */
	ARCH_TACTIC_SHORT, /* a short jump to padding nearby that holds the jump */
	ARCH_TACTIC_HOP, /* a system call alone: arch_hop_plan() */
};

#define ARCH_PATCH_MAX 48 /* bytes one patch changes in one place */
#define ARCH_DISPLACED_MAX 16 /* instructions displaced by one patch */

/* How one site is patched. */
struct arch_patch_plan {
	uint64_t site; /* as asked for */
	uint64_t addr; /* first byte changed; behind the site if an endbr64 is kept */
	uint8_t len; /* bytes changed */
	uint8_t orig[ARCH_PATCH_MAX]; /* the len bytes there now, and some behind them */
	uint8_t n_insns; /* displaced instructions */
	uint8_t insn[ARCH_DISPLACED_MAX + 1]; /* their offsets from addr; [n_insns]: the end */
	uint8_t site_insn; /* which of them is the site (0 also if an endbr64 is kept) */
	enum arch_tactic tactic;
	uint64_t jump; /* where the long jump is: addr, or in padding (SHORT), or the hop */
	uint8_t jump_orig[8]; /* SHORT, HOP: the bytes there now */
	/*
	 * Bit n: byte n of the jump starts a displaced instruction and must be one
	 * that faults; it narrows where the trampoline can be.
	 */
	uint8_t guards;
	uint32_t flags_dead; /* bit k: the flags are not looked at from instruction k on */
	bool calls; /* a call is displaced: not for threads with shadow stacks */
	bool is_targeted; /* known branches go to an instruction before the site: each costs
				 * a stop, as the site did before */
};

/*
 * Plans the patch of the site at f->addr + off.  NULL, or static text why it
 * must stay on the stop tier.
 *
 * All interior instructions of a patch start with a byte that faults: who gets
 * there unforeseen (a jump, a saved context) stops with a signal, and continues
 * at arch_tramp_arrival().  Threads that stand inside [addr, addr + len) while
 * the patch is written are moved there too.  Only a thread at addr itself need
 * not be.  Another site whose address is one of the displaced instructions
 * (arch_patch_insn) can't be patched on its own: it becomes one more firing of
 * this trampoline.
 */
const char *arch_patch_plan(const struct arch_func *f, uint64_t off, struct arch_patch_plan *ret);
/* Which displaced instruction starts at addr (or is the site); -1: none. */
int arch_patch_insn(const struct arch_patch_plan *p, uint64_t addr);
/* The first address in [lo, hi) at which a trampoline of size bytes can be for
 * this plan (reach and guards); false: there is none. */
bool arch_patch_find_slot(const struct arch_patch_plan *p, uint64_t lo, uint64_t hi, size_t size,
			  uint64_t *ret);

/*
 * A system-call instruction alone is changed: to the start of a jump whose other
 * bytes are those that follow it, so that whoever comes back to behind the call
 * finds the code as it was.  That leaves few places that it can lead to: there a
 * hop is put, memory of ARCH_HOP_BYTES zeros that gets the jump to the trampoline.
 * The i-th range of addresses that a hop may have, from 0; false: no more.
 */
extern const bool arch_has_hops; /* has this processor such jumps? */
#define ARCH_HOP_CODE 6 /* bytes to be read at the instruction */
#define ARCH_HOP_BYTES 5
bool arch_hop_range(const uint8_t code[ARCH_HOP_CODE], uint64_t site, unsigned i,
		    struct arch_span *ret);
/* The plan with the hop at such an address. */
bool arch_hop_plan(const uint8_t code[ARCH_HOP_CODE], uint64_t site, uint64_t hop,
		   struct arch_patch_plan *ret);

struct arch_patch_write {
	uint64_t addr;
	uint8_t len;
	uint8_t bytes[ARCH_PATCH_MAX], orig[ARCH_PATCH_MAX];
};

/* What to write, in this order, for a trampoline at tramp; 1 or 2 places, 0 if
 * the address does not suit the plan.  Undoing: orig, in the opposite order. */
unsigned arch_patch_bytes(const struct arch_patch_plan *p, uint64_t tramp,
			  struct arch_patch_write out[2]);

/* ------------------------------------------------------ table of rings -- */

/*
 * aarch64 has no register to spare for a thread's ring.  The code looks it up in
 * a table by tpidr_el0, which differs between threads that have a TLS block.
 * Open addressing: a key is in one of the ARCH_ANCHOR_WINDOW slots from its hash
 * on.  A thread that is not in the table, or whose tpidr_el0 is 0, has the null
 * ring.  The tracer changes a thread's slot only while that thread is stopped,
 * and takes it out before its memory can be another thread's (at its exit stop).
 */
#define ARCH_ANCHOR_BITS 12
#define ARCH_ANCHOR_WINDOW 32
#define ARCH_ANCHOR_FACTOR 0x9e3779b97f4a7c15u
struct arch_anchors {
	uint64_t null_ring;
	uint64_t unused;
	struct {
		uint64_t key, ring; /* key 0: free */
	} slots[(1 << ARCH_ANCHOR_BITS) + ARCH_ANCHOR_WINDOW];
};

/*
 * Gives the thread with that key its ring, or none (0); false: no slot is free.
 * A slot that its thread may be reading keeps its key; ring must be one it may have.
 */
static inline bool arch_anchors_set(struct arch_anchors *a, uint64_t key, uint64_t ring)
{
	uint64_t first = key * ARCH_ANCHOR_FACTOR >> (64 - ARCH_ANCHOR_BITS);
	unsigned at = ARCH_ANCHOR_WINDOW;

	for (unsigned i = ARCH_ANCHOR_WINDOW; i-- > 0;)
		if (a->slots[first + i].key == 0)
			at = i;
	for (unsigned i = 0; i < ARCH_ANCHOR_WINDOW; i++)
		if (key && a->slots[first + i].key == key)
			at = i;
	if (key == 0 || at == ARCH_ANCHOR_WINDOW)
		return ring == 0;
	if (ring)
		__atomic_store_n(&a->slots[first + at].ring, ring, __ATOMIC_RELAXED);
	__atomic_store_n(&a->slots[first + at].key, ring ? key : 0, __ATOMIC_RELEASE);
	return true;
}

/* --------------------------------------------------------- trampolines -- */

enum arch_probe_kind { /* what NARG n is */
		       ARCH_PROBE_ENTRY, /* as arch_arg(); also offset probes */
		       ARCH_PROBE_RETURN, /* 0: offset, 1 and 2: result registers, others 0 */
		       ARCH_PROBE_CALL, /* as arch_call_arg(): no return address on the stack (USDT) */
		       ARCH_PROBE_SYSCALL, /* as arch_syscall_arg() */
		       /* 0 and 1: the result, -1 if it is an error, whose number is in the
			* record's flags (DL_REC_ERRNO) */
		       ARCH_PROBE_SYSRET,
		       ARCH_PROBE_PLACES, /* as places[] say, others 0 */
};

/* Where a static probe has an argument.  What can't be read is 0. */
struct arch_place {
	struct arch_operand op; /* without symbol: its address is part of the value */
	uint8_t size; /* 1, 2, 4, 8 bytes of it count */
	bool is_signed;
};
/* Why a trampoline can't take a value from there, NULL if it can. */
const char *arch_place_refuse(const struct arch_place *p);

struct arch_tramp_clause {
	const struct dl_code *code; /* verified near program */
	uint32_t epid; /* not 0 */
	uint32_t n_slots;
	uint32_t strsize;
	/* The record's largest size (cap of dl_near_run), a multiple of 8 from
	 * 32 + 8 * n_slots on, at most the ring's size - 8: dl_near_bound(). */
	uint32_t cap;
	uint32_t stack_max; /* not 0: with the stack, if it has no more bytes; a multiple of 8 */
	/* NULL, or: feed this cell; the record is left only if the value's
	 * computation faults, so that far can raise the error. */
	const struct arch_agg *agg;
	/*
	 * What code's NSELF and NSELFS (offsets from the start of struct arch_ring,
	 * 8-aligned) and NAGG (whose code is not used) mean.  is_bare: it leaves no
	 * record, has no slots and nothing in it can fault.
	 */
	const uint32_t *words;
	const struct arch_agg *aggs;
	uint32_t n_words, n_aggs;
	bool is_bare;
};

/* One probe that fires at one of the displaced instructions. */
struct arch_tramp_firing {
	uint8_t insn; /* before which displaced instruction */
	enum arch_probe_kind kind;
	bool taken_only; /* the instruction is a conditional jump: only when it is taken */
	bool at_entry; /* of a function: for the stack */
	uint64_t pc; /* the probe's address, for NREG */
	uint64_t offset; /* ARCH_PROBE_RETURN: argument 0 */
	const struct arch_place *places; /* ARCH_PROBE_PLACES */
	uint32_t n_places;
	/* ARCH_PROBE_ENTRY, ARCH_PROBE_RETURN: NARG DL_ARG_ADDRESS + i is the address of objects[i]. */
	const struct arch_where *objects;
	uint32_t n_objects;
	const struct arch_tramp_clause *clauses;
	uint32_t n_clauses;
};

/* Why a trampoline can't have the objects that this near program asks for, NULL if it can.
 * Of the firing only kind and objects are looked at. */
const char *arch_objects_refuse(const struct arch_tramp_firing *f, const struct dl_code *code);

/*
 * System calls.  A site that is a system-call instruction can have a patch that
 * starts there, whose trampoline does this for each of some numbers:
 *
 *	its clauses at the entry -> the call's slot -> its clauses at the return
 *
 * A slot is ARCH_SLOT_CALL bytes in [ARCH_CALLS, ARCH_CALLS + ARCH_CALLS_BYTES),
 * the addresses that the filter allows to make calls that it else stops: the
 * instruction, and a jump back to the trampoline.  At the instruction all registers
 * but those that the call overwrites are the program's, and nothing of ours is on the
 * stack, so the kernel may restart it there.
 * All other numbers go to the instruction's plain copy.
 *
 * Where the kernel dispatches calls (Syscall User Dispatch), which stops all that
 * are not made there, a trampoline has a plain slot: calls whose byte of the table
 * at ARCH_CALLS_TABLE says so (by the low 16 bits of their number) are made in it.  The
 * others ring the bell: they wait there to be stopped, without a signal.
 */
/* Above what programs linked to fixed addresses use, below what AddressSanitizer (2 GiB)
 * and small Java heaps (4 GiB downwards) take. */
#define ARCH_CALLS UINT64_C(0x6dac0000)
#define ARCH_CALLS_BYTES UINT64_C(0x20000)
#define ARCH_SLOT_CALL 32
/* Behind them what the tracer shares with all its targets: a page with the selector's
 * word, then the table. */
#define ARCH_CALLS_WORD (ARCH_CALLS + ARCH_CALLS_BYTES)
#define ARCH_CALLS_TABLE (ARCH_CALLS_WORD + 0x1000)
/* Bytes of it: the call is made; or told of; or (rt_sigreturn) told of if the ring's word left
 * has the bit of the sp that it goes back to. */
#define ARCH_CALL_GO 0
#define ARCH_CALL_TELL 1
#define ARCH_CALL_LEFT 2
/* Behind the last slot is the code, in a page behind the table the word, the only one of all
 * this that targets write: who rings stores 1, who listens takes it and waits while it is 0. */
#define ARCH_BELL_BYTES 256
#define ARCH_CALLS_BELL (ARCH_CALLS_WORD - ARCH_BELL_BYTES)
#define ARCH_CALLS_BELL_WORD (ARCH_CALLS_TABLE + 0x10000)
#define ARCH_CALLS_SHARED UINT64_C(0x12000) /* bytes of all three */
#define ARCH_TRAMP_CALLS 8 /* numbers at one site */
struct arch_tramp_call {
	uint32_t nr;
	uint64_t slot;
	struct arch_tramp_firing entry, exit; /* insn, pc, offset are not looked at */
};
/* Has this processor such slots? */
extern const bool arch_has_calls;
/* Calls that must not go that way: they return elsewhere, twice, never, or change what
 * threads' rings are found by. */
bool arch_call_stays(unsigned nr);

struct arch_tramp_job {
	const struct arch_patch_plan *plan;
	/* Of the system call at plan->site, which plan->addr must be. */
	const struct arch_tramp_call *calls;
	uint32_t n_calls;
	uint64_t plain_slot; /* for other numbers; 0: they go to the copy */
	const struct arch_tramp_firing *firings; /* in order of insn */
	uint32_t n_firings;
	uint64_t common; /* where arch_record_common()'s code is, within reach */
	uint64_t anchor; /* aarch64: the struct arch_anchors; x86_64: unused */
};

enum arch_tramp_phase {
	ARCH_TRAMP_BEFORE, /* firing: nothing is left yet */
	ARCH_TRAMP_PARTIAL, /* some clauses are done, others are not */
	ARCH_TRAMP_AFTER, /* all is left; the displaced instruction is next */
	ARCH_TRAMP_COPY, /* in the displaced instruction, or at its start */
	ARCH_TRAMP_LEAVING, /* past them all, on the way back */
};

/* From off on: how to look out of the trampoline.  Private to arch/. */
struct arch_tramp_range {
	uint32_t off;
	uint32_t reserve; /* bytes that may be reserved in the ring */
	uint16_t depth; /* sp at the displaced instruction - sp now */
	uint8_t words; /* saved words of the frame that are on the stack */
	uint8_t phase; /* enum arch_tramp_phase */
	uint8_t insn;
	uint8_t frame; /* index into frames */
	uint8_t call; /* number in calls + 1: on the way to its slot, 0 none; */
	bool is_back; /* on the way back from it */
	bool is_asking; /* aarch64: the number was taken off x8 */
};

#define ARCH_FRAME_WORDS 32
struct arch_tramp_frame { /* what is saved, first pushed first; private */
	uint8_t n;
	uint8_t word[ARCH_FRAME_WORDS];
};

struct arch_tramp_pair {
	uint32_t off, to; /* offsets in the trampoline */
};

/* The map of a trampoline; arrays are owned. */
struct arch_tramp {
	uint64_t base;
	uint32_t len;
	uint64_t common;
	struct arch_patch_plan plan;
	struct arch_tramp_range *ranges;
	struct arch_tramp_frame *frames;
	struct arch_tramp_pair *fixups; /* faulting instruction -> where to go on */
	struct arch_tramp_pair *traps; /* breakpoint of a full ring -> the check */
	uint32_t *stops; /* breakpoints of hits that must be told by the tracer */
	uint32_t n_ranges, n_frames, n_fixups, n_traps, n_stops;
	uint32_t n_calls;
	struct {
		uint32_t nr;
		uint64_t slot;
		uint32_t back; /* where it leads to */
	} calls[ARCH_TRAMP_CALLS];
	uint32_t behind_calls; /* where they go on when all is recorded */
	uint64_t plain_slot;
	uint32_t arrival[ARCH_DISPLACED_MAX]; /* where instruction k starts, firings first */
	uint32_t copy[ARCH_DISPLACED_MAX]; /* instruction k without its firings */
};

/*
 * Makes the trampoline to be put at base.  NULL, or static text why not.  With
 * too little room (cap; out may be NULL) the text is arch_tramp_no_room and
 * ret->len, the only thing set then, the bytes needed; the length does not
 * depend on base.
 */
const char *arch_tramp_build(const struct arch_tramp_job *job, uint64_t base, uint8_t *out,
			     size_t cap, struct arch_tramp *ret);
extern const char arch_tramp_no_room[];
void arch_tramp_deinit(struct arch_tramp *t);

/*
 * Code that all trampolines of a region share: position-independent, to be
 * placed anywhere, 16-aligned.  Returns the bytes; *len_ret how many.
 */
const uint8_t *arch_record_common(size_t *len_ret);

/* A SIGSEGV or SIGBUS at pc is a load of ours that failed: where to continue
 * the thread (without the signal), 0 if it is not.  t: the trampoline pc is in;
 * NULL with pc in the common code at common. */
uint64_t arch_tramp_fixup(const struct arch_tramp *t, uint64_t common, uint64_t pc);
/* Is the breakpoint instruction at pc one of a full ring?  *ret: the check,
 * where the thread is to go on (on x86_64 it comes next anyway). */
bool arch_tramp_trap(const struct arch_tramp *t, uint64_t pc, uint64_t *ret);
/* Is the breakpoint instruction at pc one of a hit that the tracer must tell?  (The thread's
 * registers are by arch_tramp_unwind(), phase BEFORE.)  If it goes on as it is, the hit is lost. */
bool arch_tramp_is_stop(const struct arch_tramp *t, uint64_t pc);
/* A thread that got to pc inside the patch: where it goes on; 0 if pc is no
 * displaced instruction's address.  (Of the patch's first byte too: as the jump.) */
uint64_t arch_tramp_arrival(const struct arch_tramp *t, uint64_t pc);
/*
 * A thread stopped in a system call that a displaced instruction made, so with
 * pc right behind it (which may be behind the patch): where it goes on, so that
 * the kernel's restart of the call works there too; 0 if pc is no such address.
 */
uint64_t arch_tramp_syscall(const struct arch_tramp *t, uint64_t pc);
/* If pc is in the common code: the address in the trampoline it returns to;
 * else pc.  0: the stack can't be read. */
typedef bool arch_read_fn(void *arg, uint64_t addr, uint64_t *ret);
uint64_t arch_tramp_caller(uint64_t common, const struct arch_regs *r, arch_read_fn *read,
			   void *arg);

enum arch_call_stage {
	ARCH_CALL_NONE,
	ARCH_CALL_AHEAD, /* its entry is left, it was not made yet */
	ARCH_CALL_MADE, /* it was, or is being made; nothing of its return is left */
	ARCH_CALL_OVER,
	ARCH_CALL_PLAIN, /* nothing of it is recorded; pc is orig */
	/* At the instruction, where it was not made yet, or where the kernel has wound it
	 * back to before a signal's handler (aarch64): what the kernel makes of it shows once
	 * the handler's frame is there. */
	ARCH_CALL_UNDECIDED,
};

struct arch_tramp_place {
	enum arch_tramp_phase phase;
	/* Address in the original code that the registers belong to; 0: none near
	 * (inside a rewritten call, on the way to another place). */
	uint64_t orig;
	uint32_t reserve; /* for arch_ring_rewind(), if the thread is made to leave; 0: nothing */
	enum arch_call_stage stage; /* of a call of the trampoline's, and its number */
	uint32_t nr;
};
/* The bytes of the slot of t's call i. */
void arch_call_slot(const struct arch_tramp *t, uint32_t i, uint8_t out[ARCH_SLOT_CALL]);
/* Those of a slot that makes the call of the instruction code, and goes on at back. */
void arch_plain_slot(const uint8_t *code, uint64_t back, uint8_t out[ARCH_SLOT_CALL]);
/* What is at ARCH_CALLS_BELL. */
void arch_bell_code(uint8_t out[ARCH_BELL_BYTES]);
/* pc is there: r becomes what it is at the copy of the call.  false: it is elsewhere. */
bool arch_bell_unwind(struct arch_regs *r, arch_read_fn *read, void *arg);
/* Registers about to make a call: as they are while it is being made. */
void arch_bell_rung(struct arch_regs *r);
/* A system call that leaves errno alone. */
int64_t arch_raw_call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
/* Where the frame of a signal's handler has the interrupted pc, and the result of a call: of a
 * thread at the handler's first instruction.  false: nothing is ever ARCH_CALL_UNDECIDED. */
bool arch_call_frame(const struct arch_regs *r, uint64_t *pc_at, uint64_t *result_at);
/* Which call of t has the slot that pc is in; -1: none. */
int arch_call_at(const struct arch_tramp *t, uint64_t pc);
/* The word again of the ring of a thread that comes to the site with sp. */
static inline uint64_t arch_call_again(uint64_t site, uint64_t sp)
{
	return -(sp + (uint64_t)(int64_t)(int32_t)(uint32_t)site);
}

/* The bit of the ring's word left of a call that is made with sp. */
static inline uint32_t arch_call_left(uint64_t sp)
{
	return UINT32_C(1) << (sp >> 4 & 31);
}

/*
 * A thread stopped in the trampoline (or in common code called from it) ->
 * registers as if it had never been there, for unwinding, for signal frames:
 *
 *	BEFORE	as at the displaced instruction, pc there: if the thread is to
 *		continue so (after arch_ring_rewind()), it fires anew
 *	AFTER, COPY, LEAVING	pc stays in the trampoline, at the instruction's copy (or in
 *		it, or behind it); writing the registers is safe.  place->orig is
 *		what to show; a thread sent there would fire again
 *	PARTIAL	registers and orig are to look at only; step the thread until
 *		its phase is another
 *	in a call	as the phase says, but BEFORE its return's firings pc is their
 *		start, and in the slot or on the way to it pc is there
 * false: pc is not in it, or the stack can't be read.
 */
bool arch_tramp_unwind(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read,
		       void *arg, struct arch_tramp_place *ret);

#endif
