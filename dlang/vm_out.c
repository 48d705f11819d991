/*
 * What a clause leaves behind: tuples (keys) and the entry of trace data.
 * Both use the key encoding of agg.h.
 *
 * The entry is staged in the trace's staging area and committed when the
 * clause ends without a fault.  It is started by the first item, and an entry
 * that outgrows the trace buffer is given up and counted as a drop; the
 * clause still runs on for its other effects.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

#define PAD8(n) (((uint64_t)(n) + 7) & ~(uint64_t)7)

/* --- tuples --- */

/* Room for a field of n bytes, its last word zeroed for the padding. */
static uint8_t *tuple_room(struct vm *vm, uint64_t n)
{
	uint64_t need = PAD8(n);

	if (need > vm->tuple_cap - vm->tuple_used) {
		vm_fault(vm, DL_FLT_TUPOFLOW, 0);
		return NULL;
	}
	uint8_t *p = vm->tuple + vm->tuple_used;

	if (need)
		memset(p + need - 8, 0, 8);
	vm->tuple_used += (uint32_t)need;
	return p;
}

bool vm_tuple_int(struct vm *vm, uint64_t value)
{
	uint8_t *p = tuple_room(vm, 8);

	if (p)
		memcpy(p, &value, 8);
	return p != NULL;
}

static void put_string(uint8_t *p, const struct view *v)
{
	memcpy(p, &v->len, 4);
	if (v->len)
		memcpy(p + 4, v->s, v->len);
}

bool vm_tuple_string(struct vm *vm, uint64_t addr)
{
	struct view v;

	if (!vm_string_or_empty(vm, addr, vm->state->strsize - 1, 0, &v))
		return false;
	uint8_t *p = tuple_room(vm, 4 + (uint64_t)v.len);

	if (p)
		put_string(p, &v);
	return p != NULL;
}

bool vm_tuple_bytes(struct vm *vm, uint64_t addr, uint32_t len)
{
	uint8_t *p = tuple_room(vm, len);

	return p && vm_read(vm, addr, p, len);
}

/* Fills in { pid, n, pcs }; returns the bytes used, 0 after a fault. */
static uint64_t put_ustack(struct vm *vm, uint8_t *p, uint32_t max)
{
	const struct dl_thread_ops *ops = vm->thread->ops;
	uint64_t pid = vm->thread->pid, count = 0;

	if (ops && ops->ustack) {
		int n = ops->ustack(vm->thread->ctx, (uint64_t *)(void *)(p + 16), (int)max);

		if (n < 0) {
			vm_fault(vm, DL_FLT_BADSTACK, 0);
			return 0;
		}
		count = (uint32_t)n < max ? (uint32_t)n : max;
	}
	memcpy(p, &pid, 8);
	memcpy(p + 8, &count, 8);
	return 16 + 8 * count;
}

static uint32_t frame_limit(const struct vm *vm, int32_t frames)
{
	uint32_t n = frames > 0 ? (uint32_t)frames : vm->state->ustackframes;

	return n < vm->state->maxframes ? n : vm->state->maxframes;
}

bool vm_tuple_ustack(struct vm *vm, int32_t frames)
{
	uint32_t max = frame_limit(vm, frames), at = vm->tuple_used;
	uint8_t *p = tuple_room(vm, 16 + 8 * (uint64_t)max);
	uint64_t used = p ? put_ustack(vm, p, max) : 0;

	vm->tuple_used = at + (uint32_t)used;
	return used != 0;
}

static void put_sym(const struct vm *vm, uint8_t *p, uint64_t addr)
{
	uint64_t pid = vm->thread->pid;

	memcpy(p, &pid, 8);
	memcpy(p + 8, &addr, 8);
}

bool vm_tuple_sym(struct vm *vm, uint64_t addr, enum dl_symkind kind)
{
	const struct dl_thread *t = vm->thread;
	uint8_t *p = tuple_room(vm, 16);

	if (kind != DL_SYM_UADDR && t->ops && t->ops->sym_start)
		addr = t->ops->sym_start(t->ctx, addr, kind);
	if (p)
		put_sym(vm, p, addr);
	return p != NULL;
}

/* --- trace data --- */

static void give_up(struct vm *vm)
{
	vm->out_lost = true;
}

/* Room for n bytes, padded to 8 with zeros; NULL: the entry is given up. */
static uint8_t *out_room(struct vm *vm, uint64_t n)
{
	uint64_t need = PAD8(n), end = vm->out_used + need;

	if (vm->out_lost)
		return NULL;
	if (end > vm->out_cap) {
		uint64_t want = vm->out_cap * 2 > end ? vm->out_cap * 2 : end;
		uint8_t *p = dl_trace_begin(vm->state->trace, want);

		if (!p && want > end)
			p = dl_trace_begin(vm->state->trace, want = end);
		if (!p) {
			give_up(vm);
			return NULL;
		}
		vm->out = p;
		vm->out_cap = want;
	}
	uint8_t *p = vm->out + vm->out_used;

	if (need)
		memset(p + need - 8, 0, 8);
	vm->out_used = end;
	return p;
}

static void start_entry(struct vm *vm)
{
	if (vm->out_used == 0)
		out_room(vm, sizeof(struct dl_entry));
}

static bool asks_consumer(enum dl_action_kind kind)
{
	switch (kind) {
	case DL_ACT_PRINTA:
	case DL_ACT_CLEAR:
	case DL_ACT_TRUNC:
	case DL_ACT_NORMALIZE:
	case DL_ACT_DENORMALIZE:
	case DL_ACT_FTRUNCATE:
	case DL_ACT_FREOPEN:
	case DL_ACT_SETOPT:
	case DL_ACT_SYSTEM:
	case DL_ACT_EXIT: return true;
	default: return false;
	}
}

bool vm_item_begin(struct vm *vm, uint32_t action)
{
	struct dl_item item = { .action = action };

	if (action >= vm->clause->n_actions)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	vm_item_end(vm);
	start_entry(vm);
	vm->in_item = true;
	vm->item_at = vm->out_used;
	vm->item_exact = 0;
	uint8_t *p = out_room(vm, sizeof(item));

	if (p)
		memcpy(p, &item, sizeof(item));
	vm->out_consume |= asks_consumer(vm->clause->actions[action].kind);
	return true;
}

void vm_item_end(struct vm *vm)
{
	if (!vm->in_item)
		return;
	vm->in_item = false;
	if (vm->out_lost)
		return;
	uint32_t len = (uint32_t)(vm->out_used - vm->item_at - sizeof(struct dl_item));

	/* The length of dynamically sized bytes at the end is not rounded up. */
	len -= vm->item_exact;
	memcpy(vm->out + vm->item_at + offsetof(struct dl_item, len), &len, sizeof(len));
	vm->n_items++;
}

/* Room for a field of the open item; data outside of items goes nowhere. */
static uint8_t *field_room(struct vm *vm, uint64_t n)
{
	return vm->in_item ? out_room(vm, n) : NULL;
}

void vm_out_int(struct vm *vm, uint64_t value)
{
	uint8_t *p = field_room(vm, 8);

	if (p)
		memcpy(p, &value, 8);
	vm->item_exact = 0;
}

bool vm_out_string(struct vm *vm, uint64_t addr)
{
	struct view v;

	if (!vm_string_or_empty(vm, addr, vm->state->strsize - 1, 0, &v))
		return false;
	uint8_t *p = field_room(vm, 4 + (uint64_t)v.len);

	if (p)
		put_string(p, &v);
	vm->item_exact = 0;
	return true;
}

bool vm_out_bytes(struct vm *vm, uint64_t addr, uint32_t len, bool is_dynamic)
{
	uint8_t *p = field_room(vm, len);

	vm->item_exact = is_dynamic ? (uint32_t)(PAD8(len) - len) : 0;
	return !p || vm_read(vm, addr, p, len);
}

bool vm_out_ustack(struct vm *vm, int32_t frames)
{
	uint32_t max = frame_limit(vm, frames);
	size_t at = vm->out_used;
	uint8_t *p = field_room(vm, 16 + 8 * (uint64_t)max);

	vm->item_exact = 0;
	if (!p)
		return true;
	uint64_t used = put_ustack(vm, p, max);

	vm->out_used = at + used;
	return used != 0;
}

void vm_out_sym(struct vm *vm, uint64_t addr)
{
	uint8_t *p = field_room(vm, 16);

	if (p)
		put_sym(vm, p, addr);
	vm->item_exact = 0;
}

uint32_t vm_cpu(const struct vm *vm)
{
	const struct dl_thread *t = vm->thread;

	return t->ops && t->ops->var ? (uint32_t)t->ops->var(t->ctx, DL_BV_CPU) : 0;
}

/* The CPU column: asked for only if somebody will see it. */
static uint32_t column_cpu(const struct vm *vm)
{
	const struct dl_state *s = vm->state;
	/* Flow indentation keeps its columns even if quiet. */
	bool quiet = s->options && dl_option(s->options, DL_OPT_QUIET) == 1 &&
		     dl_option(s->options, DL_OPT_FLOWINDENT) != 1;

	return quiet && !s->always_cpu ? 0 : vm_cpu(vm);
}

void vm_out_finish(struct vm *vm)
{
	struct dl_state *s = vm->state;

	vm_item_end(vm);
	if (vm->is_silent || (vm->n_items == 0 && !vm->clause->records && !vm->out_lost))
		return;
	start_entry(vm);
	if (vm->out_lost) {
		dl_count_cpu_drop(s, vm->spec ? DL_DROP_SPEC : DL_DROP_PRINCIPAL, vm_cpu(vm));
		return;
	}
	struct dl_entry e = {
		.size = (uint32_t)vm->out_used,
		.epid = vm->enabling->epid,
		.time = vm->rec->time,
		.cpu = column_cpu(vm),
		.tid = vm->thread->tid,
		.pid = vm->thread->pid,
		.n_items = vm->n_items,
	};

	memcpy(vm->out, &e, sizeof(e));
	if (vm->spec) {
		if (!dl_spec_append(s->spec, vm->spec, (const struct dl_entry *)(void *)vm->out,
				    vm->cost, vm->out_consume))
			dl_count_drop(s, DL_DROP_SPEC);
	} else if (dl_trace_commit(s->trace, vm->out_used) && vm->out_consume) {
		vm->fired |= DL_FIRED_CONSUME;
	}
}
