/*
 * The far VM's inside: private to vm*.c and state.c.
 *
 * Rules for everything declared here (probe context): no I/O, no allocation,
 * every access to memory that a program names is checked, and what can fault
 * returns false after vm_fault(), which ends the clause.
 *
 * Variables in memory: a scalar (integer or float: the bits of a double) is
 * one word.  A string, struct or array is a word that is non-zero while the
 * variable has a value, and then its bytes.
 */
#ifndef DL_VM_H
#define DL_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"
#include "state.h"

#define VM_REGS 256u
#define VM_REGIONS (DL_MEM_HOST + 1)
#define VM_TEMPS 3u
#define DMEM_OFFSET(addr) ((uint64_t)(addr) & (((uint64_t)1 << 40) - 1))
#define DMEM_REGION(addr) ((unsigned)((uint64_t)(addr) >> 40) & 0xff)
/* Host strings: which built-in variable, and the offset in its text. */
#define HOST_SHIFT 32

enum slot_kind { SLOT_WORD, SLOT_NARROW, SLOT_STRING, SLOT_BYTES };

/* A variable as the VM sees it. */
struct var_slot {
	uint8_t kind; /* enum slot_kind */
	uint8_t scope; /* enum dl_scope */
	uint8_t shift; /* NARROW: 64 - bits */
	bool is_signed;
	bool is_assoc;
	uint32_t offset; /* in the scope's storage */
	uint32_t size; /* of the value in bytes */
	int32_t word; /* the thread's own word that it is (near_self.h); -1: none */
};

struct region {
	uint8_t *base;
	uint64_t size;
	bool is_writable;
};

/* What outlives a clause but not its firing. */
struct frame {
	uint8_t *scratch;
	uint64_t scratch_used, scratch_size;
	uint8_t *locals;
	bool locals_dirty;
	uint8_t *token; /* strtok(): the text being split, strsize + 1 bytes */
	uint32_t token_at, token_len;
	bool has_token;
};

struct vm {
	struct dl_state *state;

	/* This clause. */
	const struct dl_record *rec;
	const struct dl_thread *thread;
	const struct dl_enabling *enabling;
	const struct dl_clause *clause;
	struct frame *frame;
	bool in_error;
	enum dl_fault fault;
	uint64_t fault_addr;
	uint32_t fault_pc;
	uint32_t stmt;
	unsigned fired; /* DL_FIRED_* */
	uint32_t spec; /* speculating into; 0 = not */
	uint32_t cost; /* what the clause's record takes in the classic layout */
	bool is_silent; /* speculate() of an inactive id */
	bool is_resampled; /* chill() ran: timestamp is not the record's */

	/* One AGG merges these values and the others do nothing; NULL: as ever. */
	const int64_t *cell;
	uint32_t n_cell, cell_index; /* values; which AGG of the clause */
	uint32_t aggs_seen;
	uint64_t cell_hits;

	/* The entry being staged (trace.h). */
	uint8_t *out;
	size_t out_cap, out_used, item_at;
	uint32_t n_items, item_exact;
	bool in_item; /* between TRB and TRE */
	bool out_lost; /* does not fit: dropped at the end */
	bool out_consume;

	/* The tuple; VM_KEY_PREFIX bytes in front are for the variable's identity. */
	uint8_t *tuple;
	uint32_t tuple_used, tuple_cap;

	/* Thread-locals of the firing thread. */
	uint8_t *tls;
	bool tls_known;

	/* Built-in variables asked for already: constant within a clause. */
	uint64_t cached, hosted; /* bit sets by enum dl_bvar */
	uint64_t cache[DL_BV_COUNT];
	const char *host[DL_BV_COUNT];

	/* For the whole run. */
	struct region regions[VM_REGIONS];
	struct frame frames[2]; /* [1]: ERROR, which fires between clauses */
	uint8_t *temps[VM_TEMPS]; /* strings of the target, strsize + 1 bytes */
	uint8_t *spill; /* where a thread-local goes when there is no room */
	uint64_t regs[VM_REGS];
};
_Static_assert(DL_BV_COUNT <= 64, "bit sets of built-in variables");

#define VM_KEY_PREFIX 16u

static inline bool vm_fault(struct vm *vm, enum dl_fault fault, uint64_t addr)
{
	vm->fault = fault;
	vm->fault_addr = addr;
	return false;
}

static inline bool vm_bad_address(struct vm *vm, uint64_t addr)
{
	return vm_fault(vm, DL_FLT_BADADDR, addr);
}

/* --- vm.c --- */

/* Why the code cannot run here, or NULL: opcodes, jumps, the END. */
const char *vm_check(const struct dl_clause *clause);
bool vm_run(struct vm *vm); /* false: faulted */

/* --- vm_mem.c --- */

/* Host address of D memory and how much follows; NULL: no such memory. */
const uint8_t *vm_readable(struct vm *vm, uint64_t addr, uint64_t *avail_ret);
uint8_t *vm_writable(struct vm *vm, uint64_t addr, uint64_t len); /* NULL: fault set */
bool vm_read(struct vm *vm, uint64_t addr, void *buf, uint64_t len);
bool vm_write(struct vm *vm, uint64_t addr, const void *buf, uint64_t len);
bool vm_copy(struct vm *vm, uint64_t dst, uint64_t src, uint64_t len);
bool vm_load_word(struct vm *vm, uint64_t addr, unsigned size_flags, uint64_t *ret);
bool vm_load_float(struct vm *vm, uint64_t addr, int32_t size, uint64_t *ret);
bool vm_store_float(struct vm *vm, uint64_t addr, int32_t size, uint64_t value);
/* Zeroed scratch with one more zero byte behind it. */
uint8_t *vm_scratch(struct vm *vm, uint64_t size, uint64_t *addr_ret);

/* A string where it is; not necessarily ended by NUL. */
struct view {
	const uint8_t *s;
	uint32_t len;
	uint64_t addr; /* D address if the string is D memory, else 0 */
};

/* The string at addr, at most max bytes; temp: buffer for target strings. */
bool vm_string(struct vm *vm, uint64_t addr, uint32_t max, unsigned temp, struct view *ret);
/* The same, NULL being "". */
bool vm_string_or_empty(struct vm *vm, uint64_t addr, uint32_t max, unsigned temp,
			struct view *ret);
/* A scratch string: s cut to strsize - 1. */
bool vm_string_make(struct vm *vm, const void *s, uint64_t len, uint64_t *ret);
bool vm_string_copy(struct vm *vm, uint64_t addr, int32_t max, uint64_t *ret);
bool vm_string_compare(struct vm *vm, uint64_t a, uint64_t b, uint64_t *ret);

/* --- vm_var.c --- */

bool vm_var_load(struct vm *vm, uint32_t index, uint64_t *ret);
bool vm_var_store(struct vm *vm, uint32_t index, uint64_t value);
bool vm_var_addr(struct vm *vm, uint32_t index, uint64_t *ret);
bool vm_elem_load(struct vm *vm, uint32_t index, uint64_t *ret);
bool vm_elem_store(struct vm *vm, uint32_t index, uint64_t value);
/* Thread-locals of the firing thread, or NULL. */
uint8_t *vm_tls(struct vm *vm);
bool vm_builtin(struct vm *vm, uint32_t which, uint64_t *ret);
bool vm_builtin_at(struct vm *vm, uint32_t which, uint64_t index, uint64_t *ret);

/* --- vm_out.c: tuples and trace data --- */

bool vm_tuple_int(struct vm *vm, uint64_t value);
bool vm_tuple_string(struct vm *vm, uint64_t addr);
bool vm_tuple_bytes(struct vm *vm, uint64_t addr, uint32_t len);
bool vm_tuple_ustack(struct vm *vm, int32_t frames);
bool vm_tuple_sym(struct vm *vm, uint64_t addr, enum dl_symkind kind);
bool vm_item_begin(struct vm *vm, uint32_t action);
void vm_item_end(struct vm *vm);
void vm_out_int(struct vm *vm, uint64_t value);
bool vm_out_string(struct vm *vm, uint64_t addr);
bool vm_out_bytes(struct vm *vm, uint64_t addr, uint32_t len, bool is_dynamic);
bool vm_out_ustack(struct vm *vm, int32_t frames);
void vm_out_sym(struct vm *vm, uint64_t addr);
/* The clause is over: its entry goes to the trace or the speculation. */
void vm_out_finish(struct vm *vm);
uint32_t vm_cpu(const struct vm *vm); /* where the thread is */

/* --- vm_subr.c, vm_string.c, vm_net.c, vm_json.c --- */

bool vm_call(struct vm *vm, uint32_t subr, const uint64_t *arg, unsigned n, uint64_t *ret);

typedef bool subr_fn(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret);

subr_fn subr_basename, subr_dirname, subr_cleanpath, subr_index, subr_rindex, subr_memstr,
	subr_strchr, subr_strrchr, subr_strjoin, subr_strlen, subr_strstr, subr_strtok, subr_substr,
	subr_tolower, subr_toupper, subr_lltostr, subr_strtoll;
subr_fn subr_getmajor, subr_getminor, subr_swap16, subr_swap32, subr_swap64, subr_inet_ntoa,
	subr_inet_ntoa6, subr_inet_ntop, subr_link_ntop;
subr_fn subr_json;

#endif
