/*
 * Subroutines: the table, and those that move memory or ask the host.
 * Strings are in vm_string.c, addresses and byte order in vm_net.c, json() in
 * vm_json.c.
 *
 * A subroutine gets its arguments as registers, already converted to its
 * prototype (subr.def); n says how many were given.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

static bool subr_alloca(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	return vm_scratch(vm, arg[0], ret) != NULL;
}

static bool subr_bcopy(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	*ret = 0;
	return vm_copy(vm, arg[1], arg[0], arg[2]);
}

static bool subr_copyin(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t *p = vm_scratch(vm, arg[1], ret);

	(void)n;
	return p && vm_read(vm, arg[0], p, arg[1]);
}

static bool subr_copyinstr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint32_t max = vm->state->strsize - 1;
	struct view v;

	if (n > 1 && arg[1] < max)
		max = (uint32_t)arg[1];
	return vm_string(vm, arg[0], max, 0, &v) && vm_string_make(vm, v.s, v.len, ret);
}

static bool subr_copyinto(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)n;
	*ret = 0;
	return vm_copy(vm, arg[2], arg[0], arg[1]);
}

/* Stores in the target; D memory is not the target's to write this way. */
static bool store_target(struct vm *vm, uint64_t addr, const void *buf, uint64_t len)
{
	const struct dl_thread *t = vm->thread;

	if (len == 0)
		return true;
	if (DL_IS_DMEM(addr) || !t->ops || !t->ops->store ||
	    t->ops->store(t->ctx, addr, buf, len) != len)
		return vm_bad_address(vm, addr);
	return true;
}

static bool subr_copyout(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t piece[256];

	(void)n;
	*ret = 0;
	/* More than there is D memory cannot be meant. */
	if (arg[2] > INT32_MAX)
		return vm_bad_address(vm, arg[0]);
	for (uint64_t at = 0; at < arg[2]; at += sizeof(piece)) {
		uint64_t len = arg[2] - at < sizeof(piece) ? arg[2] - at : sizeof(piece);

		if (!vm_read(vm, arg[0] + at, piece, len) ||
		    !store_target(vm, arg[1] + at, piece, len))
			return false;
	}
	return true;
}

static bool subr_copyoutstr(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	static const char nul = 0;
	uint32_t max = vm->state->strsize;
	struct view v;

	*ret = 0;
	if (n > 2 && arg[2] < max)
		max = (uint32_t)arg[2];
	if (!vm_string(vm, arg[0], max, 0, &v) || !store_target(vm, arg[1], v.s, v.len))
		return false;
	return v.len >= max || store_target(vm, arg[1] + v.len, &nul, 1);
}

static bool subr_memref(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint8_t *p = vm_scratch(vm, 16, ret);

	(void)n;
	if (p)
		memcpy(p, arg, 16);
	return p != NULL;
}

static bool subr_progenyof(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	const struct dl_thread *t = vm->thread;

	(void)n;
	*ret = t->ops && t->ops->progenyof && t->ops->progenyof(t->ctx, (int64_t)arg[0]);
	return true;
}

static bool subr_rand(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	uint64_t x = vm->state->random;

	(void)arg;
	(void)n;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	vm->state->random = x;
	*ret = (x >> 32) & INT32_MAX;
	return true;
}

static bool subr_speculation(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	(void)arg;
	(void)n;
	*ret = dl_spec_new(vm->state->spec);
	if (*ret == 0)
		dl_count_drop(vm->state, DL_DROP_SPECUNAVAIL);
	return true;
}

/* --- the libraries' translators --- */

static bool make_or_null(struct vm *vm, const char *text, uint64_t *ret)
{
	*ret = 0;
	return !text || vm_string_make(vm, text, strnlen(text, vm->state->strsize), ret);
}

static bool subr_proc_int(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	const struct dl_thread *t = vm->thread;

	(void)n;
	if (arg[1] >= DL_PF_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	*ret = t->ops && t->ops->proc_int ?
		       (uint64_t)t->ops->proc_int(t->ctx, arg[0], (enum dl_proc_field)arg[1]) :
		       0;
	return true;
}

static bool subr_proc_str(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	const struct dl_thread *t = vm->thread;

	(void)n;
	if (arg[1] >= DL_PF_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	return make_or_null(vm,
			    t->ops && t->ops->proc_str ?
				    t->ops->proc_str(t->ctx, arg[0], (enum dl_proc_field)arg[1]) :
				    NULL,
			    ret);
}

static bool subr_fd_int(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	const struct dl_thread *t = vm->thread;

	(void)n;
	if (arg[1] >= DL_FF_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	*ret = t->ops && t->ops->fd_int ?
		       (uint64_t)t->ops->fd_int(t->ctx, (int)arg[0], (enum dl_fd_field)arg[1]) :
		       0;
	return true;
}

static bool subr_fd_str(struct vm *vm, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	const struct dl_thread *t = vm->thread;

	(void)n;
	if (arg[1] >= DL_FF_COUNT)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	return make_or_null(vm,
			    t->ops && t->ops->fd_str ?
				    t->ops->fd_str(t->ctx, (int)arg[0], (enum dl_fd_field)arg[1]) :
				    NULL,
			    ret);
}

/* --- the table --- */

static subr_fn *const subrs[DL_SUBR_COUNT] = {
	[DL_SUBR_ALLOCA] = subr_alloca,
	[DL_SUBR_BASENAME] = subr_basename,
	[DL_SUBR_DIRNAME] = subr_dirname,
	[DL_SUBR_CLEANPATH] = subr_cleanpath,
	[DL_SUBR_BCOPY] = subr_bcopy,
	[DL_SUBR_COPYIN] = subr_copyin,
	[DL_SUBR_COPYINSTR] = subr_copyinstr,
	[DL_SUBR_COPYINTO] = subr_copyinto,
	[DL_SUBR_COPYOUT] = subr_copyout,
	[DL_SUBR_COPYOUTSTR] = subr_copyoutstr,
	[DL_SUBR_GETMAJOR] = subr_getmajor,
	[DL_SUBR_GETMINOR] = subr_getminor,
	[DL_SUBR_HTONS] = subr_swap16,
	[DL_SUBR_HTONL] = subr_swap32,
	[DL_SUBR_HTONLL] = subr_swap64,
	[DL_SUBR_NTOHS] = subr_swap16,
	[DL_SUBR_NTOHL] = subr_swap32,
	[DL_SUBR_NTOHLL] = subr_swap64,
	[DL_SUBR_INDEX] = subr_index,
	[DL_SUBR_RINDEX] = subr_rindex,
	[DL_SUBR_INET_NTOA] = subr_inet_ntoa,
	[DL_SUBR_INET_NTOA6] = subr_inet_ntoa6,
	[DL_SUBR_INET_NTOP] = subr_inet_ntop,
	[DL_SUBR_JSON] = subr_json,
	[DL_SUBR_LINK_NTOP] = subr_link_ntop,
	[DL_SUBR_LLTOSTR] = subr_lltostr,
	[DL_SUBR_MEMREF] = subr_memref,
	[DL_SUBR_MEMSTR] = subr_memstr,
	[DL_SUBR_PROGENYOF] = subr_progenyof,
	[DL_SUBR_RAND] = subr_rand,
	[DL_SUBR_SPECULATION] = subr_speculation,
	[DL_SUBR_STRCHR] = subr_strchr,
	[DL_SUBR_STRRCHR] = subr_strrchr,
	[DL_SUBR_STRJOIN] = subr_strjoin,
	[DL_SUBR_STRLEN] = subr_strlen,
	[DL_SUBR_STRSTR] = subr_strstr,
	[DL_SUBR_STRTOK] = subr_strtok,
	[DL_SUBR_STRTOLL] = subr_strtoll,
	[DL_SUBR_SUBSTR] = subr_substr,
	[DL_SUBR_TOLOWER] = subr_tolower,
	[DL_SUBR_TOUPPER] = subr_toupper,
	[DL_SUBR_PROC_INT] = subr_proc_int,
	[DL_SUBR_PROC_STR] = subr_proc_str,
	[DL_SUBR_FD_INT] = subr_fd_int,
	[DL_SUBR_FD_STR] = subr_fd_str,
};

static const struct {
	uint8_t min, max;
} arity[DL_SUBR_COUNT] = {
#define SUBR(id, name, min, max, proto, flags) [DL_SUBR_##id] = { min, max },
#include "subr.def"
#undef SUBR
};

bool vm_call(struct vm *vm, uint32_t subr, const uint64_t *arg, unsigned n, uint64_t *ret)
{
	if (subr >= DL_SUBR_COUNT || !subrs[subr] || n < arity[subr].min || n > arity[subr].max)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	/* The result's register may be one of the arguments'. */
	uint64_t result = 0;

	if (!subrs[subr](vm, arg, n, &result))
		return false;
	*ret = result;
	return true;
}
