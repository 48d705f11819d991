/*
 * record.h for a processor whose half of the record tier is not there: every
 * plan is refused, and so nothing else is ever asked.
 */
#include "record.h"

const bool arch_has_record = false;
const bool arch_tramp_sleeps = false;
const char arch_tramp_no_room[] = "the trampoline does not fit";

static const char why_not[] = "this processor has no record tier";

uint64_t arch_counter(void)
{
	return 0;
}

bool arch_anchor_read(pid_t tid, uint64_t *ret)
{
	(void)tid;
	*ret = 0;
	return false;
}

bool arch_anchor_write(pid_t tid, uint64_t ring)
{
	(void)tid;
	(void)ring;
	return false;
}

const bool arch_anchors_are_table = false;

bool arch_anchor_key(pid_t tid, uint64_t *ret)
{
	(void)tid;
	*ret = 0;
	return false;
}

bool arch_shadow_stack(pid_t tid)
{
	(void)tid;
	return false;
}

bool arch_func_scan(struct arch_func *f)
{
	f->decoded = 0;
	f->marks = NULL;
	return true;
}

void arch_func_deinit(struct arch_func *f)
{
	(void)f;
}

const char *arch_patch_plan(const struct arch_func *f, uint64_t off, struct arch_patch_plan *ret)
{
	*ret = (struct arch_patch_plan){ .site = f->addr + off };
	return why_not;
}

int arch_patch_insn(const struct arch_patch_plan *p, uint64_t addr)
{
	(void)p;
	(void)addr;
	return -1;
}

bool arch_patch_find_slot(const struct arch_patch_plan *p, uint64_t lo, uint64_t hi, size_t size,
			  uint64_t *ret)
{
	(void)p;
	(void)lo;
	(void)hi;
	(void)size;
	(void)ret;
	return false;
}

unsigned arch_patch_bytes(const struct arch_patch_plan *p, uint64_t tramp,
			  struct arch_patch_write out[2])
{
	(void)p;
	(void)tramp;
	(void)out;
	return 0;
}

const char *arch_tramp_build(const struct arch_tramp_job *job, uint64_t base, uint8_t *out,
			     size_t cap, struct arch_tramp *ret)
{
	(void)job;
	(void)out;
	(void)cap;
	*ret = (struct arch_tramp){ .base = base };
	return why_not;
}

void arch_tramp_deinit(struct arch_tramp *t)
{
	(void)t;
}

const uint8_t *arch_record_common(size_t *len_ret)
{
	*len_ret = 0;
	return (const uint8_t *)"";
}

uint64_t arch_tramp_fixup(const struct arch_tramp *t, uint64_t common, uint64_t pc)
{
	(void)t;
	(void)common;
	(void)pc;
	return 0;
}

bool arch_tramp_trap(const struct arch_tramp *t, uint64_t pc, uint64_t *ret)
{
	(void)t;
	(void)pc;
	(void)ret;
	return false;
}

uint64_t arch_tramp_arrival(const struct arch_tramp *t, uint64_t pc)
{
	(void)t;
	(void)pc;
	return 0;
}

uint64_t arch_tramp_syscall(const struct arch_tramp *t, uint64_t pc)
{
	(void)t;
	(void)pc;
	return 0;
}

uint64_t arch_tramp_caller(uint64_t common, const struct arch_regs *r, arch_read_fn *read,
			   void *arg)
{
	(void)common;
	(void)read;
	(void)arg;
	return arch_pc(r);
}

bool arch_tramp_unwind(const struct arch_tramp *t, struct arch_regs *r, arch_read_fn *read,
		       void *arg, struct arch_tramp_place *ret)
{
	(void)t;
	(void)r;
	(void)read;
	(void)arg;
	(void)ret;
	return false;
}

const bool arch_has_calls = false;

bool arch_call_stays(unsigned nr)
{
	(void)nr;
	return true;
}

void arch_call_slot(const struct arch_tramp *t, uint32_t i, uint8_t out[ARCH_SLOT_CALL])
{
	(void)t;
	(void)i;
	__builtin_memset(out, 0, ARCH_SLOT_CALL);
}

int arch_call_at(const struct arch_tramp *t, uint64_t pc)
{
	(void)t;
	(void)pc;
	return -1;
}

const char *arch_place_refuse(const struct arch_place *p)
{
	(void)p;
	return "this processor's trampolines don't take arguments of static probes";
}

const bool arch_has_stacks = false;

bool arch_record_stack(const struct dl_record *rec, struct arch_stack *ret)
{
	(void)rec;
	(void)ret;
	return false;
}

bool arch_tramp_is_stop(const struct arch_tramp *t, uint64_t pc)
{
	(void)t;
	(void)pc;
	return false;
}

uint64_t arch_thread_pointer(const struct arch_regs *r)
{
	(void)r;
	return 0;
}
