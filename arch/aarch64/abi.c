/*
 * Where parameters are at a function's first instruction: AAPCS64 6.8.2.
 * Words on the stack are numbered on from the registers, as arch_arg() counts
 * them.  The address of a result in memory is in x8 and shifts nothing.
 */
#include "../arch.h"

#define GPRS 8u
#define VREGS 8u

struct state {
	unsigned gprs, vregs, words;
};

static void to_stack(struct state *s, uint64_t size, bool is_aligned)
{
	if (is_aligned)
		s->words += s->words % 2;
	s->words += (unsigned)((size + 7) / 8);
}

static int place_int(struct state *s)
{
	return s->gprs < GPRS ? (int)s->gprs++ : (int)(GPRS + s->words++);
}

/* Words in general registers; once something did not fit, nothing else does. */
static void place_words(struct state *s, uint64_t size, bool is_aligned)
{
	unsigned n = (unsigned)((size + 7) / 8);

	if (is_aligned)
		s->gprs += s->gprs % 2;
	if (s->gprs + n <= GPRS) {
		s->gprs += n;
		return;
	}
	s->gprs = GPRS;
	to_stack(s, size, is_aligned);
}

static void place_floats(struct state *s, unsigned n, uint64_t size)
{
	if (s->vregs + n <= VREGS) {
		s->vregs += n;
		return;
	}
	s->vregs = VREGS;
	to_stack(s, size, size / n == 16);
}

static int place(struct state *s, const struct arch_param *p)
{
	if (!p->size)
		return -1;
	switch (p->kind) {
	case ARCH_PARAM_INT:
		if (p->size <= 8)
			return place_int(s);
		place_words(s, p->size, true);
		break;
	case ARCH_PARAM_FLOAT:
	case ARCH_PARAM_LONG_DOUBLE: place_floats(s, 1, p->size); break;
	case ARCH_PARAM_STRUCT:
		if (p->n_same_floats)
			place_floats(s, p->n_same_floats, p->size);
		else if (p->size > 16)
			(void)place_int(s); /* the address of a copy */
		else
			place_words(s, p->size, false);
		break;
	case ARCH_PARAM_BY_REF: return place_int(s);
	}
	return -1;
}

void arch_place_params(const struct arch_param *result, const struct arch_param *params, unsigned n,
		       int *places)
{
	struct state s = { 0 };

	(void)result;
	for (unsigned i = 0; i < n; i++)
		places[i] = place(&s, &params[i]);
}

int arch_arg_of_dwarf(unsigned reg)
{
	return reg < GPRS ? (int)reg : -1;
}
