/*
 * Which function a register holds, at each call and jump through one.
 *
 * Compilers load an address once and call it again and again, in loops and
 * behind branches, so this is an analysis of the function's flow: a register
 * holds something at an instruction if it does so at the end of all that may
 * come before it.  Rules: a jump that could lead anywhere (a switch) makes the
 * whole function unknown; code that nothing is seen to lead to (landing pads)
 * begins with nothing known; bytes that are no instruction end all.
 */
#include "usdt_flow.h"

#include <stdlib.h>
#include <string.h>

#include "../arch/arch.h"
#include "../dlang/vec.h"

#define ROUNDS_MAX 100
#define CODE_MAX (4u << 20)

struct place {
	struct arch_link_step step; /* insn.len is 0: no instruction begins here */
	bool is_reached, is_target;
	const struct usdt_load *load;
	uint8_t holds[ARCH_LINK_REGS]; /* before it */
};

struct flow {
	struct place *places;
	uint64_t len;
	bool changed;
};

static bool falls_through(const struct place *p)
{
	enum arch_flow flow = p->step.insn.flow;

	return flow != ARCH_FLOW_JUMP && flow != ARCH_FLOW_IJUMP && flow != ARCH_FLOW_RET &&
	       flow != ARCH_FLOW_TRAP;
}

/* What it has on the way there is all that it can have there. */
static void merge(struct flow *f, uint64_t to, const uint8_t *holds)
{
	struct place *p = to < f->len ? &f->places[to] : NULL;

	if (!p || !p->step.insn.len)
		return;
	if (!p->is_reached) {
		p->is_reached = true;
		memcpy(p->holds, holds, sizeof(p->holds));
		f->changed = true;
		return;
	}
	for (size_t i = 0; i < sizeof(p->holds); i++)
		if (p->holds[i] && p->holds[i] != holds[i]) {
			p->holds[i] = 0;
			f->changed = true;
		}
}

static void run_one(struct flow *f, uint64_t at)
{
	struct place *p = &f->places[at];
	const struct arch_link_step *s = &p->step;
	uint8_t holds[ARCH_LINK_REGS];

	memcpy(holds, p->holds, sizeof(holds));
	for (unsigned i = 0; i < ARCH_LINK_REGS; i++)
		if (s->written >> i & 1)
			holds[i] = 0;
	if (s->to >= 0)
		holds[s->to] = p->holds[s->from];
	if (p->load && p->load->reg >= 0)
		holds[p->load->reg] = p->load->what;
	if (falls_through(p))
		merge(f, at + s->insn.len, holds);
	if (s->insn.flow == ARCH_FLOW_JUMP || s->insn.flow == ARCH_FLOW_COND)
		merge(f, s->insn.target, holds);
}

/* Decodes all; false: some of it is not understood. */
static bool lay_out(struct flow *f, const uint8_t *code)
{
	for (uint64_t at = 0; at < f->len; at += f->places[at].step.insn.len)
		if (!arch_link_step(code + at, f->len - at, at, &f->places[at].step) ||
		    !f->places[at].step.insn.len)
			return false;
	for (uint64_t at = 0; at < f->len; at += f->places[at].step.insn.len) {
		const struct arch_insn *insn = &f->places[at].step.insn;

		/* To itself or what follows: still to be relocated. */
		if ((insn->flow == ARCH_FLOW_JUMP || insn->flow == ARCH_FLOW_COND) &&
		    insn->target < f->len && insn->target != at && insn->target != at + insn->len)
			f->places[insn->target].is_target = true;
	}
	return true;
}

static void begin(struct flow *f, uint64_t start, const uint64_t *joins, size_t n_joins)
{
	static const uint8_t nothing[ARCH_LINK_REGS];
	bool is_led_to = false;

	for (uint64_t at = 0; at < f->len; at += f->places[at].step.insn.len) {
		const struct place *p = &f->places[at];

		/* Nops that nothing leads to are there for alignment: they lead nowhere either. */
		if (at && !is_led_to && !p->is_target && p->step.insn.is_nop)
			continue;
		if (!at || (!is_led_to && !p->is_target))
			merge(f, at, nothing);
		is_led_to = falls_through(p);
	}
	for (size_t i = 0; i < n_joins; i++)
		if (joins[i] >= start)
			merge(f, joins[i] - start, nothing);
}

/* Is each jump through a register or memory to somewhere we know? */
static bool knows_jumps(const struct flow *f)
{
	for (uint64_t at = 0; at < f->len; at += f->places[at].step.insn.len) {
		const struct place *p = &f->places[at];

		if (p->step.insn.flow != ARCH_FLOW_IJUMP || !p->is_reached || p->load)
			continue;
		if (p->step.through < 0 || !p->holds[p->step.through])
			return false;
	}
	return true;
}

void usdt_flow(const uint8_t *code, uint64_t start, uint64_t end, const struct usdt_load *loads,
	       size_t n_loads, const uint64_t *joins, size_t n_joins,
	       void (*found)(void *arg, uint64_t at, uint8_t what), void *arg)
{
	struct flow f = { .len = end > start ? end - start : 0, .changed = true };

	if (f.len > CODE_MAX || !(f.places = calloc(f.len + 1, sizeof(*f.places))))
		return;
	if (!lay_out(&f, code + start))
		goto out;
	for (size_t i = 0; i < n_loads; i++)
		if (loads[i].at >= start && loads[i].at < end)
			f.places[loads[i].at - start].load = &loads[i];
	begin(&f, start, joins, n_joins);
	for (unsigned i = 0; f.changed && i < ROUNDS_MAX; i++) {
		f.changed = false;
		for (uint64_t at = 0; at < f.len; at += f.places[at].step.insn.len)
			if (f.places[at].is_reached)
				run_one(&f, at);
	}
	for (uint64_t at = 0; !f.changed && knows_jumps(&f) && at < f.len;
	     at += f.places[at].step.insn.len) {
		const struct place *p = &f.places[at];
		const struct arch_link_step *s = &p->step;

		if (p->is_reached && s->through >= 0 && p->holds[s->through])
			found(arg, start + at, p->holds[s->through]);
	}
out:
	free(f.places);
}
