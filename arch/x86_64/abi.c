/*
 * Where parameters are at a function's first instruction: System V AMD64 ABI
 * 3.2.3.  Words on the stack are numbered on from the registers, as arch_arg()
 * counts them.
 */
#include "../arch.h"

#define GPRS 6u
#define XMMS 8u

struct state {
	unsigned gprs, xmms, words;
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

/* All of it in registers, or all of it on the stack. */
static void place_struct(struct state *s, const struct arch_param *p)
{
	unsigned n_words = p->size > 8 ? 2 : 1, floats = 0;

	if (p->size > 16) {
		to_stack(s, p->size, false);
		return;
	}
	for (unsigned i = 0; i < n_words; i++)
		floats += p->is_float[i];
	if (s->gprs + n_words - floats > GPRS || s->xmms + floats > XMMS) {
		to_stack(s, p->size, false);
		return;
	}
	s->gprs += n_words - floats;
	s->xmms += floats;
}

static int place(struct state *s, const struct arch_param *p)
{
	if (!p->size)
		return -1;
	switch (p->kind) {
	case ARCH_PARAM_INT:
		if (p->size <= 8)
			return place_int(s);
		if (s->gprs + 2 <= GPRS)
			s->gprs += 2;
		else
			to_stack(s, p->size, true);
		break;
	case ARCH_PARAM_FLOAT:
		if (s->xmms < XMMS)
			s->xmms++;
		else
			s->words++;
		break;
	case ARCH_PARAM_LONG_DOUBLE: to_stack(s, 16, true); break;
	case ARCH_PARAM_STRUCT: place_struct(s, p); break;
	case ARCH_PARAM_BY_REF: return place_int(s);
	}
	return -1;
}

void arch_place_params(const struct arch_param *result, const struct arch_param *params, unsigned n,
		       int *places)
{
	struct state s = { 0 };

	/* A result in memory: its address comes first. */
	if (result && (result->kind == ARCH_PARAM_BY_REF ||
		       (result->kind == ARCH_PARAM_STRUCT && result->size > 16)))
		s.gprs = 1;
	for (unsigned i = 0; i < n; i++)
		places[i] = place(&s, &params[i]);
}

int arch_arg_of_dwarf(unsigned reg)
{
	static const uint8_t order[GPRS] = { 5, 4, 1, 2, 8, 9 }; /* rdi rsi rdx rcx r8 r9 */

	for (unsigned i = 0; i < GPRS; i++)
		if (order[i] == reg)
			return (int)i;
	return -1;
}
