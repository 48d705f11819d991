/*
 * Where parameters are at a function's first instruction: AAPCS64 6.8.2.
 * Words on the stack are numbered on from the registers, as arch_arg() counts
 * them.  The address of a result in memory is in x8 and shifts nothing.
 */
#include "../place_pair.h"

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <asm/ptrace.h>

#define GPRS 8u
#define VREGS 8u

struct state {
	unsigned gprs, vregs, words;
};

static void to_stack(struct state *s, uint64_t size, bool is_aligned, struct arch_where *ret)
{
	if (is_aligned)
		s->words += s->words % 2;
	ret->how = s->words < UINT8_MAX - GPRS ? ARCH_ON_STACK : ARCH_NOWHERE;
	ret->n = (uint8_t)(GPRS + s->words);
	s->words += (unsigned)((size + 7) / 8);
}

static void place_int(struct state *s, struct arch_where *ret)
{
	if (s->gprs < GPRS) {
		ret->how = ARCH_IN_WORD;
		ret->n = (uint8_t)s->gprs++;
		return;
	}
	to_stack(s, 8, false, ret);
	if (ret->how == ARCH_ON_STACK)
		ret->how = ARCH_IN_WORD;
}

static void place_address(struct state *s, struct arch_where *ret)
{
	place_int(s, ret);
	if (ret->how == ARCH_IN_WORD)
		ret->how = ARCH_AT_ADDRESS;
}

/* Words in general registers; once something did not fit, nothing else does. */
static void place_words(struct state *s, uint64_t size, bool is_aligned, struct arch_where *ret)
{
	uint64_t n = size / 8 + (size % 8 != 0);

	if (is_aligned)
		s->gprs += s->gprs % 2;
	if (s->gprs + n > GPRS) {
		s->gprs = GPRS;
		to_stack(s, size, is_aligned, ret);
		return;
	}
	for (uint64_t at = 0; at < size; at += 8)
		place_piece(ret, false, s->gprs++, at, size - at < 8 ? size - at : 8);
}

/* n of them, each in a register of its own. */
static void place_floats(struct state *s, unsigned n, uint64_t size, struct arch_where *ret)
{
	uint64_t each = size / n;

	if (s->vregs + n > VREGS) {
		s->vregs = VREGS;
		to_stack(s, size, each == 16, ret);
		return;
	}
	for (unsigned i = 0; i < n && each <= 16; i++)
		place_piece(ret, true, s->vregs++, i * each, each);
}

static void place(void *state, const struct arch_param *p, struct arch_where *ret)
{
	struct state *s = state;

	if (!p->size)
		return;
	switch (p->kind) {
	case ARCH_PARAM_INT:
		if (p->size <= 8)
			place_int(s, ret);
		else
			place_words(s, p->size, true, ret);
		break;
	case ARCH_PARAM_FLOAT:
	case ARCH_PARAM_LONG_DOUBLE:
	case ARCH_PARAM_VECTOR: place_floats(s, 1, p->size, ret); break;
	case ARCH_PARAM_STRUCT:
		if (p->n_same_floats && p->n_same_floats <= 4)
			place_floats(s, p->n_same_floats, p->size, ret);
		else if (p->size > 16)
			place_address(s, ret);
		else
			place_words(s, p->size, false, ret);
		break;
	case ARCH_PARAM_PAIR: place_pair(place, s, p, ret); break;
	case ARCH_PARAM_BY_REF: place_address(s, ret); break;
	}
}

void arch_place_params(const struct arch_param *result, const struct arch_param *params, unsigned n,
		       struct arch_where *places)
{
	struct state s = { 0 };

	(void)result;
	for (unsigned i = 0; i < n; i++) {
		places[i] = (struct arch_where){ 0 };
		place(&s, &params[i], &places[i]);
	}
}

void arch_place_result(const struct arch_param *result, struct arch_where *ret)
{
	struct state s = { 0 };

	*ret = (struct arch_where){ 0 };
	place(&s, result, ret);
	/* The address of one in memory came in x8, which is gone at the return. */
	if (ret->how == ARCH_AT_ADDRESS)
		ret->how = ARCH_NOWHERE;
}

int arch_arg_of_dwarf(unsigned reg)
{
	return reg < GPRS ? (int)reg : -1;
}

int arch_vector_of_dwarf(unsigned reg)
{
	return reg >= 64 && reg <= 95 ? (int)reg - 64 : -1;
}

bool arch_vector_bytes(pid_t tid, unsigned n, uint8_t ret[16])
{
	struct user_fpsimd_state fp;
	struct iovec v = { &fp, sizeof(fp) };

	if (n >= sizeof(fp.vregs) / sizeof(fp.vregs[0]) ||
	    ptrace(PTRACE_GETREGSET, tid, NT_PRFPREG, &v) < 0)
		return false;
	memcpy(ret, &fp.vregs[n], 16);
	return true;
}

/* The word at sp is the callee's to save the link register in. */
const struct arch_go arch_go = {
	.ints = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	.n_ints = 16,
	.n_vectors = 16,
	.stack_word = GPRS + 1,
};
