/*
 * The system-call instructions of a process, found before they are come to.
 *
 * Where calls are dispatched each place stops at its first call, and a tracer that
 * is killed at that moment takes the program with it.  So what can be known of them
 * is patched at once: the functions that unwind tables tell of are decoded from
 * their start, and one that is no sequence of instructions to its very end is left.
 */
#include <string.h>

#include "image.h"
#include "object.h"
#include "session.h"

struct search {
	struct session *s;
	struct process *proc;
	const struct object *object;
};

static const uint8_t *find_call(const uint8_t *code, size_t len)
{
	return memmem(code, len, arch_syscall_stub, arch_syscall_stub_trap);
}

/*
 * Plants the calls (check: only looks); false: it can't be decoded.  A call that new
 * threads return from has no unwind table: it is right behind what does.
 */
static bool walk(const struct search *f, const uint8_t *code, size_t len, size_t room,
		 uint64_t addr, bool is_check)
{
	struct arch_insn insn = { .flow = ARCH_FLOW_RET };

	for (size_t at = 0; at < len; at += insn.len) {
		if (!arch_insn_length(code + at, len - at, addr + at, &insn) || !insn.len)
			return false;
		if (!is_check && insn.flow == ARCH_FLOW_SYSCALL &&
		    insn.len == arch_syscall_stub_trap)
			engine_call_plant(f->s->engine, f->proc->as, addr + at);
	}
	if (!is_check && insn.flow == ARCH_FLOW_NEXT && room - len >= arch_syscall_stub_trap &&
	    find_call(code + len, arch_syscall_stub_trap))
		engine_call_plant(f->s->engine, f->proc->as, addr + len);
	return true;
}

static void look_at(const struct search *f, uint64_t start, uint64_t size)
{
	const uint8_t *code;
	uint64_t addr = start + f->object->bias;
	size_t room = object_text(f->object, addr, &code), end;

	if (room < size)
		return;
	end = room - size < arch_syscall_stub_trap ? size : size + arch_syscall_stub_trap;
	if (find_call(code, end) && walk(f, code, size, room, addr, true))
		walk(f, code, size, room, addr, false);
}

void tier_plant_calls(struct session *s, struct process *proc)
{
	struct target *t = target_of(s, proc);
	struct objects *os = t ? target_objects(t) : NULL;
	struct search f = { .s = s, .proc = proc };

	if (os)
		error_destroy(target_refresh(s, t));
	for (size_t i = 0; os && i < objects_count(os); i++) {
		uint64_t start, at, size;

		f.object = objects_at(os, i);
		if (!f.object->image)
			continue;
		for (size_t k = 0; image_fde_start(f.object->image, k, &start); k++)
			if (image_fde_at(f.object->image, start, &at, &size) && at == start)
				look_at(&f, start, size);
	}
}
