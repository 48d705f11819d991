/*
 * The run-time state of a session: see state.h.
 *
 * This file makes and frees what the VM works on, decides which enablings may
 * fire in which activity, and keeps what a firing leaves for the tracer's loop
 * besides trace data: faults, drops and the exit status.
 *
 *	INACTIVE -> WARMUP -> ACTIVE -> DRAINING -> COOLDOWN -> STOPPED
 *	             BEGIN    others     nothing      END
 *	             ERROR    ERROR                  ERROR
 */
#include "state_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAD8(n) (((uint64_t)(n) + 7) & ~(uint64_t)7)
#define STRSIZE_MAX ((uint64_t)64 << 20)
#define SCRATCH_MIN ((uint64_t)64 * 1024)
#define TUPLE_MIN ((uint64_t)64 * 1024)
#define STACK_MAX (16 + 8 * (uint64_t)UINT16_MAX) /* a key of the deepest stack */
#define STORAGE_MAX ((uint64_t)1 << 31) /* one scope's variables */
#define SMALL_BUFFER ((uint64_t)256 * 1024)
#define SMALL_SLACK ((uint64_t)64 * 1024) /* one entry more than fits by the count */
#define BUFFER_MIN ((uint64_t)4096) /* bufresize=auto goes no lower */

/* --- options --- */

static uint64_t option_or(const struct dl_options *o, enum dl_opt which, uint64_t otherwise)
{
	uint64_t v = o ? dl_option(o, which) : DL_OPT_UNSET;

	return v == DL_OPT_UNSET ? otherwise : v;
}

static bool option_is(const struct dl_options *o, enum dl_opt which, const char *value)
{
	const char *text = o ? dl_option_text(o, which) : NULL;

	return text && strcmp(text, value) == 0;
}

static enum dl_bufpolicy buffer_policy(const struct dl_options *o)
{
	if (option_is(o, DL_OPT_BUFPOLICY, "switch"))
		return DL_BUF_SWITCH;
	if (option_is(o, DL_OPT_BUFPOLICY, "fill"))
		return DL_BUF_FILL;
	return option_is(o, DL_OPT_BUFPOLICY, "ring") ? DL_BUF_RING : DL_BUF_WAIT;
}

/*
 * A small buffer's size is chosen for a number of records, so it counts in
 * records of the classic layout; ours take up to some ten times as much.
 */
static uint64_t memory_for(uint64_t bufsize)
{
	return bufsize < SMALL_BUFFER ? bufsize * 16 + SMALL_SLACK : bufsize;
}

static uint32_t enabling_cost(void *ctx, uint32_t epid)
{
	const struct dl_state *s = ctx;

	return epid >= 1 && epid <= s->enablings.n ? s->enablings.items[epid - 1]->cost : 0;
}

static bool make_trace(struct dl_state *s)
{
	bool manual = option_is(s->options, DL_OPT_BUFRESIZE, "manual");

	s->bufsize = option_or(s->options, DL_OPT_BUFSIZE, 4u << 20);
	for (;;) {
		s->trace = dl_trace_create(buffer_policy(s->options), memory_for(s->bufsize));
		if (s->trace || manual || s->bufsize / 2 < BUFFER_MIN)
			break;
		s->bufsize /= 2;
	}
	if (s->trace && s->bufsize < SMALL_BUFFER)
		dl_trace_limit(s->trace, s->bufsize, enabling_cost, s);
	return s->trace != NULL;
}

/* --- tables made from the context --- */

static uint32_t string_room(const struct dl_state *s)
{
	return (uint32_t)PAD8(s->strsize);
}

static struct var_slot slot_for(const struct dl_state *s, const struct dl_var *v)
{
	struct var_slot slot = {
		.scope = (uint8_t)v->scope,
		.is_assoc = v->is_assoc,
		.is_signed = v->value.is_signed,
		.size = 8,
		.word = -1,
	};

	if (v->is_array || v->value.kind == DL_VK_BYTES) {
		slot.kind = SLOT_BYTES;
		slot.size = v->value.size;
	} else if (v->value.kind == DL_VK_STRING) {
		slot.kind = SLOT_STRING;
		slot.size = s->strsize;
	} else if (v->value.kind == DL_VK_INT && v->value.size > 0 && v->value.size < 8) {
		slot.kind = SLOT_NARROW;
		slot.shift = (uint8_t)(64 - 8 * v->value.size);
	}
	return slot;
}

static uint64_t slot_room(const struct var_slot *v)
{
	bool is_word = v->kind == SLOT_WORD || v->kind == SLOT_NARROW;

	return is_word ? 8 : 8 + PAD8(v->size);
}

/* Grows *p from old to size bytes, the new ones zero. */
static bool grow_zeroed(uint8_t **p, uint64_t old, uint64_t size)
{
	uint8_t *bigger = realloc(*p, (size_t)size);

	if (!bigger)
		return false;
	memset(bigger + old, 0, (size_t)(size - old));
	*p = bigger;
	return true;
}

static bool grow_scopes(struct dl_state *s, const uint64_t *size)
{
	uint32_t *now = s->scope_size;
	uint64_t local = size[DL_SCOPE_THIS], self = size[DL_SCOPE_SELF];

	if (!grow_zeroed(&s->globals, now[DL_SCOPE_GLOBAL], size[DL_SCOPE_GLOBAL] + 8) ||
	    !grow_zeroed(&s->vm.frames[0].locals, now[DL_SCOPE_THIS], local + 8) ||
	    !grow_zeroed(&s->vm.frames[1].locals, now[DL_SCOPE_THIS], local + 8) ||
	    !dl_tls_resize(s->dyn, (uint32_t)self))
		return false;
	for (int i = 0; i < 3; i++)
		now[i] = (uint32_t)size[i];
	s->vm.regions[DL_MEM_GLOBAL] = (struct region){ s->globals, size[DL_SCOPE_GLOBAL], true };
	s->vm.regions[DL_MEM_TLS].is_writable = true;
	return true;
}

/* Slots for the variables that are new since the last time. */
static bool sync_vars(struct dl_state *s, uint32_t *zeros)
{
	uint64_t size[3] = { s->scope_size[0], s->scope_size[1], s->scope_size[2] };
	uint32_t n, old = s->n_vars;
	const struct dl_var *const *vars = dl_ctx_vars(s->ctx, &n);

	if (n < old || n > UINT32_MAX / sizeof(*s->vars))
		return false;
	struct var_slot *slots = realloc(s->vars, ((size_t)n + 1) * sizeof(*slots));

	if (!slots)
		return false;
	s->vars = slots;
	for (uint32_t i = old; i < n; i++) {
		slots[i] = slot_for(s, vars[i]);
		/* Only these can be absent, and then read as zeros. */
		if (slots[i].kind == SLOT_BYTES && slots[i].size > *zeros &&
		    (slots[i].is_assoc || slots[i].scope == DL_SCOPE_SELF))
			*zeros = slots[i].size;
		if (slots[i].is_assoc || slots[i].scope > DL_SCOPE_THIS)
			continue;
		slots[i].offset = (uint32_t)size[slots[i].scope];
		size[slots[i].scope] += slot_room(&slots[i]);
		if (size[slots[i].scope] > STORAGE_MAX)
			return false;
	}
	if (!grow_scopes(s, size))
		return false;
	s->n_vars = n;
	return true;
}

/* One read-only region: zeros for absent structs, then the literals. */
static bool sync_literals(struct dl_state *s, uint32_t zeros)
{
	const uint32_t *lens;
	uint32_t n;
	const char *const *strings = dl_ctx_strings(s->ctx, &lens, &n);
	uint64_t at = PAD8(zeros) + 8, size = at;

	for (uint32_t i = 0; i < n; i++)
		size += (uint64_t)lens[i] + 1;
	uint8_t *bytes = calloc(1, (size_t)size);
	uint64_t *addrs = calloc((size_t)n + 1, sizeof(*addrs));
	uint8_t *spill = calloc(1, (size_t)(PAD8(zeros) + s->scope_size[DL_SCOPE_SELF] + 8));

	if (!bytes || !addrs || !spill) {
		free(bytes);
		free(addrs);
		free(spill);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		memcpy(bytes + at, strings[i], lens[i]);
		addrs[i] = DL_DMEM_ADDR(DL_MEM_LITERAL, at);
		at += (uint64_t)lens[i] + 1;
	}
	free(s->literal_bytes);
	free(s->literals);
	free(s->vm.spill);
	s->literal_bytes = bytes;
	s->literals = addrs;
	s->vm.spill = spill;
	s->n_literals = n;
	s->zeros_size = zeros;
	s->vm.regions[DL_MEM_LITERAL] = (struct region){ bytes, size, false };
	return true;
}

static bool sync_aggs(struct dl_state *s)
{
	uint32_t n;
	const struct dl_aggdesc *const *aggs = dl_ctx_aggs(s->ctx, &n);

	for (uint32_t i = 0; i < n; i++)
		if (!dl_agg_set_add(s->aggs, aggs[i]))
			return false;
	s->n_aggs = n;
	return true;
}

/*
 * Takes over what the context has learned since the last time: programs may
 * be compiled after the state was created, while nothing fires.
 */
static bool state_sync(struct dl_state *s)
{
	uint32_t zeros = s->zeros_size;

	return sync_vars(s, &zeros) && sync_literals(s, zeros) && sync_aggs(s);
}

/* --- life cycle --- */

static bool make_frame(struct frame *f, uint64_t scratch, uint32_t strsize)
{
	f->scratch = calloc(1, (size_t)scratch);
	f->scratch_size = scratch;
	f->token = calloc(1, (size_t)strsize + 1);
	return f->scratch && f->token;
}

static bool make_vm(struct dl_state *s)
{
	struct vm *vm = &s->vm;
	uint64_t scratch = option_or(s->options, DL_OPT_SCRATCHSIZE, 0);
	uint64_t tuple =
		VM_KEY_PREFIX + TUPLE_MIN + STACK_MAX + 16 * ((uint64_t)string_room(s) + 8);
	uint64_t size;

	if (scratch < SCRATCH_MIN)
		scratch = SCRATCH_MIN;
	scratch = PAD8(scratch) + 8 * (uint64_t)string_room(s);
	vm->state = s;
	for (unsigned i = 0; i < VM_TEMPS; i++) {
		vm->temps[i] = calloc(1, (size_t)s->strsize + 1);
		if (!vm->temps[i])
			return false;
	}
	uint8_t *block = calloc(1, (size_t)tuple);

	if (!block)
		return false;
	vm->tuple = block + VM_KEY_PREFIX;
	vm->tuple_cap = (uint32_t)((tuple - VM_KEY_PREFIX) & ~(uint64_t)7);
	vm->regions[DL_MEM_DYNVAR].base = dl_dyn_arena(s->dyn, &size);
	vm->regions[DL_MEM_DYNVAR].size = size;
	vm->regions[DL_MEM_DYNVAR].is_writable = true;
	return make_frame(&vm->frames[0], scratch, s->strsize) &&
	       make_frame(&vm->frames[1], scratch, s->strsize);
}

/* As the buffer: halved until there is memory. */
static bool make_dynamic(struct dl_state *s)
{
	bool manual = option_is(s->options, DL_OPT_BUFRESIZE, "manual");

	s->dynvarsize = option_or(s->options, DL_OPT_DYNVARSIZE, 1u << 20);
	while (!(s->dyn = dl_dyn_create(s->dynvarsize)) && !manual &&
	       s->dynvarsize / 2 >= BUFFER_MIN)
		s->dynvarsize /= 2;
	return s->dyn != NULL;
}

static bool make_parts(struct dl_state *s)
{
	const struct dl_options *o = s->options;

	s->aggs = dl_agg_set_create(option_or(o, DL_OPT_AGGSIZE, 4u << 20));
	s->spec = dl_spec_create(option_or(o, DL_OPT_NSPEC, 1),
				 option_or(o, DL_OPT_SPECSIZE, 32u << 10));
	return s->aggs && s->spec && make_dynamic(s) && make_trace(s) && make_vm(s) &&
	       state_sync(s);
}

static uint64_t seed(const void *p)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t x = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32 ^ (uint64_t)(uintptr_t)p;

	return x * 0x9e3779b97f4a7c15u | 1;
}

struct dl_state *dl_state_create(struct dl_ctx *c, const struct dl_options *o)
{
	struct dl_state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctx = c;
	s->options = o;
	s->random = seed(s);
	uint64_t strsize = option_or(o, DL_OPT_STRSIZE, 256);

	s->strsize = (uint32_t)(strsize < 1 ? 1 : strsize > STRSIZE_MAX ? STRSIZE_MAX : strsize);
	uint64_t frames = option_or(o, DL_OPT_USTACKFRAMES, 100);

	s->ustackframes = frames > UINT16_MAX ? UINT16_MAX : (uint32_t)frames;
	/* The default is another system's limit. */
	frames = o && dl_option_is_set(o, DL_OPT_MAXFRAMES) ? dl_option(o, DL_OPT_MAXFRAMES) :
							      UINT16_MAX;
	s->maxframes = frames > UINT16_MAX ? UINT16_MAX : frames ? (uint32_t)frames : 1;
	s->always_cpu =
		o &&
		((dl_option_text(o, DL_OPT_OFORMAT) && !option_is(o, DL_OPT_OFORMAT, "text")) ||
		 !option_is(o, DL_OPT_BUFPOLICY, "wait")); /* or else in a drop's message */
	if (!make_parts(s)) {
		dl_state_destroy(s);
		return NULL;
	}
	return s;
}

static void destroy_vm(struct vm *vm)
{
	for (unsigned i = 0; i < 2; i++) {
		free(vm->frames[i].scratch);
		free(vm->frames[i].locals);
		free(vm->frames[i].token);
	}
	for (unsigned i = 0; i < VM_TEMPS; i++)
		free(vm->temps[i]);
	if (vm->tuple)
		free(vm->tuple - VM_KEY_PREFIX);
	free(vm->spill);
}

void dl_state_destroy(struct dl_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->enablings.n; i++)
		free(s->enablings.items[i]);
	vec_deinit(&s->enablings);
	dl_agg_set_destroy(s->aggs);
	dl_trace_destroy(s->trace);
	dl_dyn_destroy(s->dyn);
	dl_spec_destroy(s->spec);
	destroy_vm(&s->vm);
	free(s->vars);
	free(s->literals);
	free(s->literal_bytes);
	free(s->globals);
	free(s);
}

/* --- enablings --- */

static uint64_t field_room(const struct dl_state *s, const struct dl_value_desc *f)
{
	switch (f->kind) {
	case DL_VK_STRING: return PAD8((uint64_t)s->strsize + 4);
	case DL_VK_BYTES:
	case DL_VK_FLOAT: return PAD8(f->size);
	case DL_VK_USTACK: return 16 + 8 * (uint64_t)(f->size ? f->size : s->ustackframes);
	case DL_VK_STACK: return 0;
	case DL_VK_SYM: return 16;
	default: return 8;
	}
}

/* The largest entry a clause can leave: each of its actions runs at most once. */
static uint64_t entry_room(const struct dl_state *s, const struct dl_clause *c)
{
	uint64_t size = sizeof(struct dl_entry);

	for (uint32_t i = 0; i < c->n_actions; i++) {
		size += sizeof(struct dl_item);
		for (uint32_t j = 0; j < c->actions[i].n_fields; j++)
			size += field_room(s, &c->actions[i].fields[j]);
	}
	return size;
}

/* A field of the classic record: its bytes, each integer at a multiple of its size. */
static uint64_t classic_field(const struct dl_state *s, const struct dl_value_desc *f, uint64_t at)
{
	uint32_t size = f->size ? f->size : 8;

	switch (f->kind) {
	case DL_VK_STRING: return at + s->strsize;
	case DL_VK_INT: return (at + size - 1) / size * size + size;
	case DL_VK_USTACK:
		return PAD8(at) + 8 + 8 * (uint64_t)(f->size ? f->size : s->ustackframes);
	case DL_VK_STACK: return PAD8(at);
	case DL_VK_SYM: return PAD8(at) + 16;
	default: return at + f->size;
	}
}

#define CLASSIC_HEADER 8 /* enabling, speculation */

static uint64_t classic_room(const struct dl_state *s, const struct dl_clause *c)
{
	uint64_t at = CLASSIC_HEADER;

	for (uint32_t i = 0; i < c->n_actions; i++) {
		const struct dl_action *a = &c->actions[i];

		if (a->kind != DL_ACT_NOTHING && !a->n_fields)
			at = (at + 3) / 4 * 4 + 4;
		for (uint32_t j = 0; j < a->n_fields; j++)
			at = classic_field(s, &a->fields[j], at);
	}
	return at == CLASSIC_HEADER && !c->records ? 0 : PAD8(at);
}

static enum enabling_kind kind_of(const struct dl_probe_id *p)
{
	if (!p->prov || !p->name || strcmp(p->prov, "dtrace") != 0)
		return EN_OTHER;
	if (strcmp(p->name, "BEGIN") == 0)
		return EN_BEGIN;
	if (strcmp(p->name, "END") == 0)
		return EN_END;
	return strcmp(p->name, "ERROR") == 0 ? EN_ERROR : EN_OTHER;
}

/* Policy fill: END's data must find room in a buffer that is full. */
static bool reserve_for_end(struct dl_state *s, const struct dl_probe_id *probe, uint64_t room)
{
	if (buffer_policy(s->options) != DL_BUF_FILL || kind_of(probe) != EN_END)
		return true;
	s->end_room += room;
	if (s->end_room > s->bufsize)
		return false;
	dl_trace_reserve(s->trace, room);
	return true;
}

static uint32_t refuse(struct error **err_ret, struct error *e)
{
	if (err_ret)
		*err_ret = e;
	else
		error_destroy(e);
	return 0;
}

uint32_t dl_state_enable(struct dl_state *s, const struct dl_clause *clause,
			 const struct dl_probe_id *probe, struct error **err_ret)
{
	const char *why = vm_check(clause);
	uint64_t room = entry_room(s, clause), cost = classic_room(s, clause);
	bool is_small = s->bufsize < SMALL_BUFFER;

	if (why)
		return refuse(err_ret, error_format(ERR_OTHER, "%s", why));
	/* Also makes the staging area large enough, so that firing need not. */
	if ((is_small ? cost : room) > s->bufsize || !dl_trace_begin(s->trace, room))
		return refuse(err_ret, error_format(ERR_LIMIT, "Enabling exceeds size of buffer"));
	if (!reserve_for_end(s, probe, is_small ? cost : room))
		return refuse(err_ret, error_format(ERR_LIMIT, "END enablings exceed size of "
							       "principal buffer"));
	struct enabling *e = calloc(1, sizeof(*e));

	if (!e || s->enablings.n >= INT32_MAX || !state_sync(s) || !vec_push(&s->enablings, e)) {
		free(e);
		return refuse(err_ret, &error_nomem);
	}
	e->pub.epid = (uint32_t)s->enablings.n;
	e->pub.clause = clause;
	e->pub.probe = *probe;
	e->kind = kind_of(probe);
	e->cost = (uint32_t)(cost < UINT32_MAX ? cost : UINT32_MAX);
	return e->pub.epid;
}

const struct dl_enabling *dl_state_enabling(const struct dl_state *s, uint32_t epid)
{
	return epid >= 1 && epid <= s->enablings.n ? &s->enablings.items[epid - 1]->pub : NULL;
}

struct dl_agg_set *dl_state_aggs(struct dl_state *s)
{
	return s->aggs;
}

struct dl_trace *dl_state_trace(struct dl_state *s)
{
	return s->trace;
}

struct dl_ctx *dl_state_ctx(struct dl_state *s)
{
	return s->ctx;
}

enum dl_activity dl_state_activity(const struct dl_state *s)
{
	return s->activity;
}

void dl_state_set_activity(struct dl_state *s, enum dl_activity a)
{
	s->activity = a;
	if (a == DL_COOLDOWN)
		dl_trace_release(s->trace);
}

uint64_t dl_state_bufsize(const struct dl_state *s)
{
	return s->bufsize;
}

uint64_t dl_state_dynvarsize(const struct dl_state *s)
{
	return s->dynvarsize;
}

/* --- firing: probe context --- */

static inline bool may_fire(const struct dl_state *s, const struct enabling *e)
{
	switch (s->activity) {
	case DL_ACTIVE: return e->kind == EN_OTHER || e->kind == EN_ERROR;
	case DL_WARMUP: return e->kind == EN_BEGIN || e->kind == EN_ERROR;
	case DL_COOLDOWN: return e->kind == EN_END || e->kind == EN_ERROR;
	default: return false;
	}
}

static void start_frame(struct vm *vm, bool is_first)
{
	struct frame *f = &vm->frames[vm->in_error];

	vm->frame = f;
	vm->regions[DL_MEM_SCRATCH] = (struct region){ f->scratch, f->scratch_size, true };
	vm->regions[DL_MEM_LOCAL] =
		(struct region){ f->locals, vm->state->scope_size[DL_SCOPE_THIS], true };
	if (!is_first)
		return;
	f->scratch_used = 0;
	f->has_token = false;
	if (f->locals_dirty) {
		memset(f->locals, 0, vm->state->scope_size[DL_SCOPE_THIS]);
		f->locals_dirty = false;
	}
}

static void start_clause(struct vm *vm, const struct enabling *e, const struct dl_record *rec,
			 const struct dl_thread *t)
{
	vm->rec = rec;
	vm->thread = t;
	vm->enabling = &e->pub;
	vm->clause = rec->flags & DL_REC_NEAR ? e->near : e->pub.clause;
	vm->in_error = e->kind == EN_ERROR;
	vm->fault = DL_FLT_NONE;
	vm->fault_addr = 0;
	vm->stmt = 0;
	vm->fired = 0;
	vm->spec = 0;
	vm->cost = e->cost;
	vm->is_silent = vm->is_resampled = false;
	vm->out = NULL;
	vm->out_cap = vm->out_used = vm->item_at = 0;
	vm->n_items = vm->item_exact = 0;
	vm->in_item = vm->out_lost = vm->out_consume = false;
	vm->tuple_used = 0;
	vm->tls = NULL;
	vm->tls_known = false;
	vm->regions[DL_MEM_TLS].size = 0;
	vm->cached = vm->hosted = 0;
	/* Read-only: the const goes only because regions have one type. */
	vm->regions[DL_MEM_RECORD] = (struct region){ (uint8_t *)(uintptr_t)rec, rec->len, false };
	start_frame(vm, rec->flags & DL_REC_FIRST);
}

/* A fault becomes an ERROR firing; one in ERROR itself is only counted. */
static void queue_fault(struct dl_state *s)
{
	struct vm *vm = &s->vm;

	if (vm->in_error || s->n_faults == FAULT_QUEUE) {
		dl_count_drop(s, DL_DROP_DBLERROR);
		return;
	}
	s->faults[(s->fault_first + s->n_faults++) % FAULT_QUEUE] = (struct dl_fault_info){
		.epid = vm->enabling->epid,
		.action = vm->stmt,
		.offset = vm->fault_pc,
		.fault = vm->fault,
		.addr = vm->fault_addr,
	};
	vm->fired |= DL_FIRED_FAULT;
}

unsigned dl_fire(struct dl_state *s, const struct dl_record *rec, const struct dl_thread *t)
{
	struct vm *vm = &s->vm;

	if (rec->epid < 1 || rec->epid > s->enablings.n)
		return 0;
	const struct enabling *e = s->enablings.items[rec->epid - 1];

	if (!may_fire(s, e) || (rec->flags & DL_REC_NEAR && !e->near))
		return 0;
	/* The slots that the record claims must lie inside it. */
	if (rec->len < sizeof(*rec) || (rec->len - sizeof(*rec)) / 8 < rec->n_slots)
		return 0;
	start_clause(vm, e, rec, t);
	if (vm_run(vm))
		vm_out_finish(vm);
	else
		queue_fault(s);
	return vm->fired;
}

void dl_state_set_near(struct dl_state *s, uint32_t epid, const struct dl_clause *clause)
{
	if (epid >= 1 && epid <= s->enablings.n)
		s->enablings.items[epid - 1]->near = clause;
}

const struct dl_clause *dl_state_near(const struct dl_state *s, uint32_t epid)
{
	return epid >= 1 && epid <= s->enablings.n ? s->enablings.items[epid - 1]->near : NULL;
}

void dl_state_share_var(struct dl_state *s, uint32_t var, uint32_t word)
{
	if (var < s->n_vars)
		s->vars[var].word = (int32_t)word;
}

/* far makes the key as ever; only what its AGG does is another. */
void dl_fire_cell(struct dl_state *s, const struct dl_thread *t, const struct dl_cell *c)
{
	union {
		struct dl_record rec;
		uint64_t words[sizeof(struct dl_record) / 8 + NEAR_SLOTS_MAX];
	} r = { .rec = { .epid = c->epid, .flags = DL_REC_FIRST } };
	struct vm *vm = &s->vm;

	if (c->epid < 1 || c->epid > s->enablings.n || !c->hits)
		return;
	const struct enabling *e = s->enablings.items[c->epid - 1];

	if (e->near)
		r.rec.flags |= DL_REC_NEAR;
	r.rec.n_slots = e->near ? e->near->n_slots : e->pub.clause->n_slots;
	r.rec.len = (uint32_t)(sizeof(r.rec) + 8 * r.rec.n_slots);
	if (c->key_slot >= 0 && (uint32_t)c->key_slot < r.rec.n_slots)
		r.rec.slots[c->key_slot] = c->key;
	start_clause(vm, e, &r.rec, t);
	vm->cell = c->values;
	vm->n_cell = c->n_values;
	vm->cell_hits = c->hits;
	vm->cell_index = c->index;
	vm->aggs_seen = 0;
	vm_run(vm);
	vm->cell = NULL;
}

/* --- what is left for the tracer's loop --- */

bool dl_take_fault(struct dl_state *s, struct dl_fault_info *ret)
{
	if (s->n_faults == 0)
		return false;
	*ret = s->faults[s->fault_first];
	s->fault_first = (s->fault_first + 1) % FAULT_QUEUE;
	s->n_faults--;
	return true;
}

bool dl_exit_status(const struct dl_state *s, int *ret)
{
	if (s->exited)
		*ret = s->exit_status;
	return s->exited;
}

uint64_t dl_take_drops(struct dl_state *s, enum dl_drop which)
{
	if (which >= DL_DROP_COUNT)
		return 0;
	uint64_t total = s->drops[which], n;
	uint32_t cpu;

	s->drops[which] = 0;
	while ((n = dl_take_cpu_drops(s, which, &cpu)))
		total += n;
	return total;
}

static struct dl_cpu_drops *cpu_drops(struct dl_state *s, enum dl_drop which)
{
	if (which == DL_DROP_PRINCIPAL)
		return dl_trace_drops(s->trace);
	return which == DL_DROP_AGG ? &s->agg_drops : NULL;
}

uint64_t dl_take_cpu_drops(struct dl_state *s, enum dl_drop which, uint32_t *cpu_ret)
{
	struct dl_cpu_drops *d = cpu_drops(s, which);

	return d ? dl_cpu_drops_take(d, cpu_ret) : 0;
}

void dl_count_cpu_drop(struct dl_state *s, enum dl_drop which, uint32_t cpu)
{
	struct dl_cpu_drops *d = cpu_drops(s, which);

	if (d)
		dl_cpu_drops_add(d, cpu);
	else
		dl_count_drop(s, which);
}

void dl_count_drop(struct dl_state *s, enum dl_drop which)
{
	if (which < DL_DROP_COUNT)
		s->drops[which]++;
}
