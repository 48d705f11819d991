/*
 * Memory as programs see it.
 *
 * An address is D memory (DL_IS_DMEM: a region and an offset) or the target's.
 * D memory is looked up in the region table and checked; the target is asked
 * through the thread's load callback, page by page for strings, so that a
 * string that ends before an unmapped page can be read.  Writing is possible
 * only to writable D memory; everything else faults with BADADDR.
 */
#include "vm.h"

#include <string.h>

#include "state_impl.h"

#define PAGE ((uint64_t)4096) /* or a fraction of one: only bounds the pieces */

/* --- D memory --- */

static const uint8_t *host_text(struct vm *vm, uint64_t offset, uint64_t *avail_ret)
{
	uint64_t which = offset >> HOST_SHIFT, at = offset & UINT32_MAX;

	if (which >= DL_BV_COUNT || !(vm->hosted >> which & 1))
		return NULL;
	const char *text = vm->host[which];
	size_t len = strnlen(text, at + vm->state->strsize);

	if (at > len)
		return NULL;
	*avail_ret = len - at + 1;
	/* Cut at strsize: then there is no NUL to count. */
	if (len == at + vm->state->strsize)
		*avail_ret = len - at;
	return (const uint8_t *)text + at;
}

const uint8_t *vm_readable(struct vm *vm, uint64_t addr, uint64_t *avail_ret)
{
	unsigned id = DMEM_REGION(addr);
	uint64_t offset = DMEM_OFFSET(addr);

	if (!DL_IS_DMEM(addr) || id >= VM_REGIONS)
		return NULL;
	if (id == DL_MEM_HOST)
		return host_text(vm, offset, avail_ret);
	if (id == DL_MEM_TLS)
		vm_tls(vm);
	const struct region *r = &vm->regions[id];

	if (offset >= r->size)
		return NULL;
	*avail_ret = r->size - offset;
	return r->base + offset;
}

uint8_t *vm_writable(struct vm *vm, uint64_t addr, uint64_t len)
{
	unsigned id = DMEM_REGION(addr);
	uint64_t avail, offset = DMEM_OFFSET(addr);

	if (vm_readable(vm, addr, &avail) && id < DL_MEM_HOST && len <= avail &&
	    vm->regions[id].is_writable) {
		if (id == DL_MEM_LOCAL)
			vm->frame->locals_dirty = true;
		return vm->regions[id].base + offset;
	}
	vm_bad_address(vm, addr);
	return NULL;
}

/* --- loads and stores --- */

static size_t target_load(struct vm *vm, uint64_t addr, void *buf, size_t len)
{
	const struct dl_thread_ops *ops = vm->thread->ops;

	return ops && ops->load ? ops->load(vm->thread->ctx, addr, buf, len) : 0;
}

bool vm_read(struct vm *vm, uint64_t addr, void *buf, uint64_t len)
{
	uint64_t avail;

	if (len == 0)
		return true;
	if (!DL_IS_DMEM(addr)) {
		if (addr && target_load(vm, addr, buf, len) == len)
			return true;
		return vm_bad_address(vm, addr);
	}
	const uint8_t *p = vm_readable(vm, addr, &avail);

	if (!p || len > avail)
		return vm_bad_address(vm, addr);
	memmove(buf, p, len);
	return true;
}

bool vm_write(struct vm *vm, uint64_t addr, const void *buf, uint64_t len)
{
	if (len == 0)
		return true;
	uint8_t *p = vm_writable(vm, addr, len);

	if (!p)
		return false;
	memmove(p, buf, len);
	return true;
}

bool vm_copy(struct vm *vm, uint64_t dst, uint64_t src, uint64_t len)
{
	if (len == 0)
		return true;
	uint8_t *p = vm_writable(vm, dst, len);

	return p && vm_read(vm, src, p, len);
}

bool vm_load_word(struct vm *vm, uint64_t addr, unsigned size_flags, uint64_t *ret)
{
	unsigned size = size_flags & ~NLD_SIGNED;
	bool is_signed = size_flags & NLD_SIGNED;
	union {
		uint8_t b;
		uint16_t h;
		uint32_t w;
		uint64_t x;
	} v = { .x = 0 };

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (!vm_read(vm, addr, &v, size))
		return false;
	switch (size) {
	case 1: *ret = is_signed ? (uint64_t)(int8_t)v.b : v.b; return true;
	case 2: *ret = is_signed ? (uint64_t)(int16_t)v.h : v.h; return true;
	case 4: *ret = is_signed ? (uint64_t)(int32_t)v.w : v.w; return true;
	default: *ret = v.x; return true;
	}
}

static uint64_t double_bits(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

bool vm_load_float(struct vm *vm, uint64_t addr, int32_t size, uint64_t *ret)
{
	union {
		float f;
		double d;
		long double l;
	} v;

	memset(&v, 0, sizeof(v));
	if (size != sizeof(v.f) && size != sizeof(v.d) && size != sizeof(v.l))
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	if (!vm_read(vm, addr, &v, (uint64_t)size))
		return false;
	*ret = double_bits(size == sizeof(v.f) ? (double)v.f :
			   size == sizeof(v.d) ? v.d :
						 (double)v.l);
	return true;
}

bool vm_store_float(struct vm *vm, uint64_t addr, int32_t size, uint64_t value)
{
	union {
		float f;
		double d;
		long double l;
	} v;
	double d;

	memset(&v, 0, sizeof(v));
	memcpy(&d, &value, sizeof(d));
	if (size == sizeof(v.f))
		v.f = (float)d;
	else if (size == sizeof(v.d))
		v.d = d;
	else if (size == sizeof(v.l))
		v.l = (long double)d;
	else
		return vm_fault(vm, DL_FLT_ILLOP, 0);
	return vm_write(vm, addr, &v, (uint64_t)size);
}

uint8_t *vm_scratch(struct vm *vm, uint64_t size, uint64_t *addr_ret)
{
	struct frame *f = vm->frame;
	uint64_t left = f->scratch_size - f->scratch_used;

	if (size >= left || ((size + 8) & ~(uint64_t)7) > left) {
		vm_fault(vm, DL_FLT_NOSCRATCH, 0);
		return NULL;
	}
	uint8_t *p = f->scratch + f->scratch_used;

	*addr_ret = DL_DMEM_ADDR(DL_MEM_SCRATCH, f->scratch_used);
	size = (size + 8) & ~(uint64_t)7;
	memset(p, 0, size);
	f->scratch_used += size;
	return p;
}

/* --- strings --- */

/* Reads a string of the target into a buffer of strsize + 1 bytes. */
static bool target_string(struct vm *vm, uint64_t addr, uint32_t max, uint8_t *buf,
			  struct view *ret)
{
	uint32_t got = 0;

	while (got < max) {
		uint64_t at = addr + got, piece = PAGE - at % PAGE;

		if (piece > max - got)
			piece = max - got;
		size_t n = target_load(vm, at, buf + got, piece);
		const uint8_t *nul = n ? memchr(buf + got, 0, n <= piece ? n : piece) : NULL;

		if (nul) {
			got = (uint32_t)(nul - buf);
			break;
		}
		if (n < piece)
			return vm_bad_address(vm, at + n);
		got += (uint32_t)piece;
	}
	*ret = (struct view){ .s = buf, .len = got };
	return true;
}

bool vm_string(struct vm *vm, uint64_t addr, uint32_t max, unsigned temp, struct view *ret)
{
	uint64_t avail;

	if (max > vm->state->strsize)
		max = vm->state->strsize;
	if (!DL_IS_DMEM(addr))
		return addr ? target_string(vm, addr, max, vm->temps[temp], ret) :
			      vm_bad_address(vm, 0);
	const uint8_t *p = vm_readable(vm, addr, &avail);

	if (!p)
		return vm_bad_address(vm, addr);
	ret->s = p;
	ret->len = (uint32_t)strnlen((const char *)p, avail < max ? avail : max);
	ret->addr = addr;
	return true;
}

bool vm_string_or_empty(struct vm *vm, uint64_t addr, uint32_t max, unsigned temp, struct view *ret)
{
	if (addr)
		return vm_string(vm, addr, max, temp, ret);
	*ret = (struct view){ .s = (const uint8_t *)"" };
	return true;
}

bool vm_string_make(struct vm *vm, const void *s, uint64_t len, uint64_t *ret)
{
	uint32_t max = vm->state->strsize - 1;

	if (len > max)
		len = max;
	uint8_t *p = vm_scratch(vm, len, ret);

	if (!p)
		return false;
	if (len)
		memcpy(p, s, len);
	return true;
}

bool vm_string_copy(struct vm *vm, uint64_t addr, int32_t max, uint64_t *ret)
{
	uint32_t strsize = vm->state->strsize;
	uint32_t with_nul = max <= 0 || (uint32_t)max > strsize ? strsize : (uint32_t)max;
	struct view v;

	if (!addr) {
		*ret = 0;
		return true;
	}
	return vm_string(vm, addr, with_nul - 1, 0, &v) && vm_string_make(vm, v.s, v.len, ret);
}

bool vm_string_compare(struct vm *vm, uint64_t a, uint64_t b, uint64_t *ret)
{
	uint32_t max = vm->state->strsize;
	struct view x, y;

	if (!vm_string_or_empty(vm, a, max, 0, &x) || !vm_string_or_empty(vm, b, max, 1, &y))
		return false;
	uint32_t common = x.len < y.len ? x.len : y.len;
	int order = common ? memcmp(x.s, y.s, common) : 0;

	if (order == 0)
		order = (x.len > y.len) - (x.len < y.len);
	*ret = order < 0 ? UINT64_MAX : order > 0;
	return true;
}
