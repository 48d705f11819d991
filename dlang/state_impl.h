/*
 * The inside of a run-time state: private to state.c, dynvar.c, spec.c and
 * the VM (vm*.c).
 *
 * Everything a firing needs is allocated here when the state is created or an
 * enabling is added; a firing itself allocates only for new dynamic variables
 * and aggregation keys (state.h).
 */
#ifndef DL_STATE_IMPL_H
#define DL_STATE_IMPL_H

#include "option.h"
#include "state.h"
#include "vec.h"
#include "vm.h"

/* --- dynamic variables: dynvar.c --- */

struct dl_dyn;

/* The value of an element: at most cap bytes. */
struct dl_dyn_value {
	uint8_t *data; /* borrowed until the element is deleted */
	uint64_t offset; /* of data in the arena: D address */
	uint32_t cap;
};

/* limit: dynvarsize, which elements and thread-locals share. */
struct dl_dyn *dl_dyn_create(uint64_t limit);
void dl_dyn_destroy(struct dl_dyn *d);
/* All memory that elements' keys and values live in. */
uint8_t *dl_dyn_arena(struct dl_dyn *d, uint64_t *size_ret);
bool dl_dyn_find(struct dl_dyn *d, const uint8_t *key, uint32_t key_len, struct dl_dyn_value *ret);
/* Finds or makes room for size bytes (new: all zero); false: over the limit. */
bool dl_dyn_put(struct dl_dyn *d, const uint8_t *key, uint32_t key_len, uint32_t size,
		struct dl_dyn_value *ret);
void dl_dyn_delete(struct dl_dyn *d, const uint8_t *key, uint32_t key_len);

/*
 * Thread-locals that are not arrays: one zeroed block per thread, which lives
 * while any of its variables is in use.  Growing the size keeps the blocks.
 */
bool dl_tls_resize(struct dl_dyn *d, uint32_t size);
uint8_t *dl_tls_find(struct dl_dyn *d, uint64_t thread);
uint8_t *dl_tls_make(struct dl_dyn *d, uint64_t thread); /* NULL: over the limit */
/* One more or one less variable in use; true: the block is gone. */
bool dl_tls_count(struct dl_dyn *d, uint8_t *block, int by);

/* --- speculations: spec.c --- */

struct dl_spec;

struct dl_spec *dl_spec_create(uint64_t nspec, uint64_t specsize);
void dl_spec_destroy(struct dl_spec *sp);
uint32_t dl_spec_new(struct dl_spec *sp); /* 0: none is free */
bool dl_spec_exists(const struct dl_spec *sp, uint64_t id); /* 1..nspec */
bool dl_spec_is_active(const struct dl_spec *sp, uint64_t id);
/* Sizes count by the classic layout (cost), whatever the entries really take. */
bool dl_spec_has_room(const struct dl_spec *sp, uint64_t id, uint32_t cost);
/* Adds a finished entry; false: no room.  consume: see DL_FIRED_CONSUME. */
bool dl_spec_append(struct dl_spec *sp, uint32_t id, const struct dl_entry *e, uint32_t cost,
		    bool consume);
/* Moves the entries into the trace; true: one of them asks to be consumed. */
bool dl_spec_commit(struct dl_spec *sp, uint32_t id, struct dl_trace *t);
void dl_spec_discard(struct dl_spec *sp, uint32_t id);

/* --- the state --- */

enum enabling_kind { EN_OTHER, EN_BEGIN, EN_END, EN_ERROR };

struct enabling {
	struct dl_enabling pub;
	enum enabling_kind kind;
	const struct dl_clause *near; /* see dl_state_set_near(); NULL */
	uint32_t cost; /* of its record in the classic layout; 0: it leaves none */
};

#define FAULT_QUEUE 64u

struct dl_state {
	struct dl_ctx *ctx; /* borrowed */
	const struct dl_options *options; /* borrowed */
	enum dl_activity activity;
	uint32_t strsize;
	uint32_t ustackframes, maxframes;
	uint64_t bufsize;
	uint64_t dynvarsize;
	uint64_t end_room; /* policy fill: what END may leave */
	bool always_cpu; /* the output format or a drop shows it even if quiet */

	VEC(struct enabling *) enablings; /* [epid - 1] */
	struct dl_agg_set *aggs;
	struct dl_trace *trace;
	struct dl_dyn *dyn;
	struct dl_spec *spec;

	struct dl_fault_info faults[FAULT_QUEUE];
	unsigned fault_first, n_faults;
	uint64_t drops[DL_DROP_COUNT];
	struct dl_cpu_drops agg_drops;
	bool exited, exited_in_end;
	int exit_status;
	uint64_t random;

	/* What programs' numbers mean: made by state_sync() from the context. */
	struct var_slot *vars;
	uint32_t n_vars, n_aggs;
	uint64_t *literals; /* D addresses */
	uint32_t n_literals;
	uint8_t *literal_bytes;
	uint64_t literal_size;
	uint8_t *globals;
	uint32_t scope_size[3]; /* by enum dl_scope */
	uint32_t zeros_size; /* bytes at the start of literal_bytes */

	struct vm vm;
};

#endif
