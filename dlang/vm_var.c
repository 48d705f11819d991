/*
 * Variables: D's own (global, thread-local, clause-local, associative) and
 * the built-in ones that the host answers.
 *
 * The plain case, a scalar that is not an element, is done in the VM's loop
 * as well; what is here handles every case.  Zero (for strings and structs:
 * address 0) removes a thread-local or an element.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

#define ZEROS DL_DMEM_ADDR(DL_MEM_LITERAL, 0) /* where absent structs are read */

uint8_t *vm_tls(struct vm *vm)
{
	struct region *r = &vm->regions[DL_MEM_TLS];

	if (vm->tls_known)
		return vm->tls;
	vm->tls_known = true;
	vm->tls = dl_tls_find(vm->state->dyn, vm->thread->key);
	r->base = vm->tls;
	r->size = vm->tls ? vm->state->scope_size[DL_SCOPE_SELF] : 0;
	return vm->tls;
}

/* The thread's block, made if need be; NULL: dropped. */
static uint8_t *make_tls(struct vm *vm)
{
	struct region *r = &vm->regions[DL_MEM_TLS];

	if (vm_tls(vm))
		return vm->tls;
	vm->tls = dl_tls_make(vm->state->dyn, vm->thread->key);
	if (!vm->tls) {
		dl_count_drop(vm->state, DL_DROP_DYNVAR);
		return NULL;
	}
	r->base = vm->tls;
	r->size = vm->state->scope_size[DL_SCOPE_SELF];
	return vm->tls;
}

static void count_tls(struct vm *vm, bool was, bool is)
{
	if (was == is || !dl_tls_count(vm->state->dyn, vm->tls, is ? 1 : -1))
		return;
	vm->tls = NULL;
	vm->regions[DL_MEM_TLS].size = 0;
}

static const struct var_slot *slot_at(struct vm *vm, uint32_t index, bool is_assoc)
{
	const struct dl_state *s = vm->state;

	if (index < s->n_vars && s->vars[index].is_assoc == is_assoc)
		return &s->vars[index];
	vm_fault(vm, DL_FLT_ILLOP, 0);
	return NULL;
}

static unsigned region_of(const struct var_slot *v)
{
	switch (v->scope) {
	case DL_SCOPE_SELF: return DL_MEM_TLS;
	case DL_SCOPE_THIS: return DL_MEM_LOCAL;
	default: return DL_MEM_GLOBAL;
	}
}

/* The word in front of the variable; NULL: a thread-local the thread hasn't. */
static uint64_t *word_of(struct vm *vm, const struct var_slot *v)
{
	uint8_t *base;

	if (v->scope == DL_SCOPE_SELF)
		base = vm_tls(vm);
	else
		base = vm->regions[region_of(v)].base;
	return base ? (uint64_t *)(void *)(base + v->offset) : NULL;
}

static bool is_word(const struct var_slot *v)
{
	return v->kind == SLOT_WORD || v->kind == SLOT_NARROW;
}

static uint64_t narrow(const struct var_slot *v, uint64_t value)
{
	if (v->kind != SLOT_NARROW)
		return value;
	value <<= v->shift;
	return v->is_signed ? (uint64_t)((int64_t)value >> v->shift) : value >> v->shift;
}

/* The thread's own word that the variable is; NULL: it is none, or the thread has none. */
static uint64_t *shared_word(struct vm *vm, const struct var_slot *v)
{
	const struct dl_thread_ops *ops = vm->thread->ops;

	if (v->word < 0 || !ops || !ops->word)
		return NULL;
	return ops->word(vm->thread->ctx, (uint32_t)v->word);
}

/* --- plain variables --- */

bool vm_var_load(struct vm *vm, uint32_t index, uint64_t *ret)
{
	const struct var_slot *v = slot_at(vm, index, false);

	if (!v)
		return false;
	const uint64_t *word = shared_word(vm, v);

	if (!word)
		word = word_of(vm, v);
	if (is_word(v))
		*ret = word ? *word : 0;
	else if (word && (*word || v->kind == SLOT_BYTES))
		*ret = DL_DMEM_ADDR(region_of(v), v->offset + 8);
	else
		*ret = v->kind == SLOT_BYTES ? ZEROS : 0;
	return true;
}

/* Copies a string or struct to p, which has room for the value. */
static bool copy_value(struct vm *vm, const struct var_slot *v, uint64_t addr, uint8_t *p)
{
	struct view s;

	if (v->kind == SLOT_BYTES)
		return vm_read(vm, addr, p, v->size);
	if (!vm_string(vm, addr, v->size - 1, 0, &s))
		return false;
	memmove(p, s.s, s.len);
	p[s.len] = 0;
	return true;
}

static bool store_bytes(struct vm *vm, const struct var_slot *v, uint64_t *word, uint64_t addr)
{
	if (addr == 0) {
		memset(word + 1, 0, v->kind == SLOT_BYTES ? v->size : 1);
		*word = 0;
		return true;
	}
	if (!copy_value(vm, v, addr, (uint8_t *)(word + 1)))
		return false;
	*word = 1;
	return true;
}

static bool store_self(struct vm *vm, const struct var_slot *v, uint64_t value)
{
	uint64_t *shared = shared_word(vm, v);

	if (shared) {
		*shared = value;
		return true;
	}
	if (!vm_tls(vm) && value == 0)
		return true;
	if (!make_tls(vm))
		return true;
	uint64_t *word = (uint64_t *)(void *)(vm->tls + v->offset);
	bool was = *word != 0, ok = true;

	if (is_word(v))
		*word = value;
	else
		ok = store_bytes(vm, v, word, value);
	/* A block made in vain goes, too. */
	if (!was && !*word)
		count_tls(vm, false, true);
	count_tls(vm, was || !*word, *word != 0);
	return ok;
}

bool vm_var_store(struct vm *vm, uint32_t index, uint64_t value)
{
	const struct var_slot *v = slot_at(vm, index, false);

	if (!v)
		return false;
	value = narrow(v, value);
	if (v->scope == DL_SCOPE_SELF)
		return store_self(vm, v, value);
	if (v->scope == DL_SCOPE_THIS)
		vm->frame->locals_dirty = true;
	uint64_t *word = word_of(vm, v);

	if (!is_word(v))
		return store_bytes(vm, v, word, value);
	*word = value;
	return true;
}

bool vm_var_addr(struct vm *vm, uint32_t index, uint64_t *ret)
{
	const struct var_slot *v = slot_at(vm, index, false);

	if (!v)
		return false;
	uint32_t offset = v->offset + (is_word(v) ? 0 : 8);

	if (v->scope == DL_SCOPE_THIS)
		vm->frame->locals_dirty = true;
	if (v->scope == DL_SCOPE_SELF) {
		uint8_t *tls = make_tls(vm);

		if (!tls) {
			/* No room: what is written through the address is lost. */
			memset(vm->spill, 0, vm->state->scope_size[DL_SCOPE_SELF]);
			vm->regions[DL_MEM_TLS].base = vm->spill;
			vm->regions[DL_MEM_TLS].size = vm->state->scope_size[DL_SCOPE_SELF];
		} else if (!is_word(v)) {
			uint64_t *word = (uint64_t *)(void *)(tls + v->offset);
			bool was = *word != 0;

			*word = 1;
			count_tls(vm, was, true);
		}
	}
	*ret = DL_DMEM_ADDR(region_of(v), offset);
	return true;
}

/* --- elements of associative arrays --- */

/* Puts the variable's identity in front of the tuple: that is the key. */
static const uint8_t *element_key(struct vm *vm, uint32_t index, const struct var_slot *v,
				  uint32_t *len_ret)
{
	uint64_t id = index | (uint64_t)v->scope << 32;
	uint8_t *key = vm->tuple - 8;

	if (v->scope == DL_SCOPE_SELF) {
		memcpy(key, &vm->thread->key, 8);
		key -= 8;
	}
	memcpy(key, &id, 8);
	*len_ret = (uint32_t)(vm->tuple + vm->tuple_used - key);
	return key;
}

bool vm_elem_load(struct vm *vm, uint32_t index, uint64_t *ret)
{
	const struct var_slot *v = slot_at(vm, index, true);
	struct dl_dyn_value value;
	uint32_t len;

	if (!v)
		return false;
	const uint8_t *key = element_key(vm, index, v, &len);

	if (!dl_dyn_find(vm->state->dyn, key, len, &value))
		*ret = v->kind == SLOT_BYTES ? ZEROS : 0;
	else if (is_word(v))
		memcpy(ret, value.data, 8);
	else
		*ret = DL_DMEM_ADDR(DL_MEM_DYNVAR, value.offset);
	return true;
}

bool vm_elem_store(struct vm *vm, uint32_t index, uint64_t value)
{
	const struct var_slot *v = slot_at(vm, index, true);
	struct dl_dyn_value to;
	struct view s = { .s = NULL };
	uint32_t len, size;

	if (!v)
		return false;
	const uint8_t *key = element_key(vm, index, v, &len);

	value = narrow(v, value);
	if (value == 0) {
		dl_dyn_delete(vm->state->dyn, key, len);
		return true;
	}
	/* Looked at before there is an element: a fault must not leave one. */
	if (v->kind == SLOT_STRING && !vm_string(vm, value, v->size - 1, 0, &s))
		return false;
	size = v->kind == SLOT_STRING ? s.len + 1 : is_word(v) ? 8 : v->size;
	if (v->kind == SLOT_BYTES) {
		uint64_t avail;

		if (DL_IS_DMEM(value) ? !vm_readable(vm, value, &avail) || avail < size :
					!vm_read(vm, value, vm->spill, size))
			return vm_bad_address(vm, value);
	}
	if (!dl_dyn_put(vm->state->dyn, key, len, size, &to)) {
		dl_count_drop(vm->state, DL_DROP_DYNVAR);
		return true;
	}
	if (is_word(v))
		memcpy(to.data, &value, 8);
	else if (v->kind == SLOT_BYTES)
		return vm_read(vm, value, to.data, size);
	else {
		memmove(to.data, s.s, s.len);
		to.data[s.len] = 0;
	}
	return true;
}

/* --- built-in variables --- */

static const char *probe_text(const struct dl_probe_id *p, enum dl_bvar which)
{
	switch (which) {
	case DL_BV_PROBEPROV: return p->prov;
	case DL_BV_PROBEMOD: return p->mod;
	case DL_BV_PROBEFUNC: return p->func;
	case DL_BV_PROBENAME: return p->name;
	default: return NULL;
	}
}

/* A string of the host: lent for the clause, named by its variable. */
static uint64_t lend(struct vm *vm, enum dl_bvar which, const char *text)
{
	if (!text)
		return 0;
	vm->host[which] = text;
	vm->hosted |= (uint64_t)1 << which;
	return DL_DMEM_ADDR(DL_MEM_HOST, (uint64_t)which << HOST_SHIFT);
}

static uint64_t ask(struct vm *vm, enum dl_bvar which)
{
	const struct dl_thread *t = vm->thread;
	const struct dl_thread_ops *ops = t->ops;

	switch (which) {
	case DL_BV_TIMESTAMP:
		return vm->is_resampled && ops && ops->var ? ops->var(t->ctx, which) :
							     vm->rec->time;
	case DL_BV_PID: return t->pid;
	case DL_BV_TID: return t->tid;
	case DL_BV_ID: return vm->enabling->probe.id;
	case DL_BV_EPID: return vm->enabling->epid;
	case DL_BV_CALLER:
	case DL_BV_STACKDEPTH:
	case DL_BV_IPL: return 0;
	case DL_BV_PROBEPROV:
	case DL_BV_PROBEMOD:
	case DL_BV_PROBEFUNC:
	case DL_BV_PROBENAME: return lend(vm, which, probe_text(&vm->enabling->probe, which));
	case DL_BV_EXECNAME:
	case DL_BV_EXECARGS:
	case DL_BV_CWD:
	case DL_BV_ROOT:
	case DL_BV_ZONENAME:
		return lend(vm, which, ops && ops->var_str ? ops->var_str(t->ctx, which) : NULL);
	default: return ops && ops->var ? ops->var(t->ctx, which) : 0;
	}
}

bool vm_builtin(struct vm *vm, uint32_t which, uint64_t *ret)
{
	if (which >= DL_BV_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	uint64_t bit = (uint64_t)1 << which;

	if (!(vm->cached & bit)) {
		vm->cache[which] = ask(vm, (enum dl_bvar)which);
		vm->cached |= bit;
	}
	*ret = vm->cache[which];
	return true;
}

bool vm_builtin_at(struct vm *vm, uint32_t which, uint64_t index, uint64_t *ret)
{
	const struct dl_thread_ops *ops = vm->thread->ops;

	if (which >= DL_BV_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	*ret = ops && ops->var_at ? ops->var_at(vm->thread->ctx, (enum dl_bvar)which, index) : 0;
	return true;
}
