/*
 * Where parameters are at a function's first instruction: System V AMD64 ABI
 * 3.2.3.  Words on the stack are numbered on from the registers, as arch_arg()
 * counts them.
 */
#include "../place_pair.h"

#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define GPRS 6u
#define XMMS 8u
#define X64_ST0 64u /* our number for the top of the x87 stack */

struct state {
	unsigned gprs, xmms, words;
};

static void to_stack(struct state *s, uint64_t size, bool is_aligned, struct arch_where *ret)
{
	if (is_aligned)
		s->words += s->words % 2;
	ret->how = ARCH_ON_STACK;
	ret->n = s->words < UINT8_MAX - GPRS ? (uint8_t)(GPRS + s->words) : UINT8_MAX;
	s->words += (unsigned)((size + 7) / 8);
	if (s->words >= UINT8_MAX - GPRS)
		ret->how = ARCH_NOWHERE;
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

/* The one or two words of a value of up to 16 bytes, from these registers on. */
static void in_registers(struct state *s, const bool is_float[2], uint64_t size,
			 struct arch_where *ret)
{
	for (unsigned at = 0; at < size; at += 8) {
		bool is_vector = is_float[at / 8];

		place_piece(ret, is_vector, is_vector ? s->xmms++ : s->gprs++, at,
			    size - at < 8 ? (unsigned)size - at : 8);
	}
}

/* All of it in registers, or all of it on the stack. */
static void place_struct(struct state *s, const struct arch_param *p, struct arch_where *ret)
{
	unsigned n_words = p->size > 8 ? 2 : 1, floats = 0;

	for (unsigned i = 0; i < n_words; i++)
		floats += p->is_float[i];
	if (p->size > 16 || p->has_long_double || s->gprs + n_words - floats > GPRS ||
	    s->xmms + floats > XMMS)
		to_stack(s, p->size, p->has_long_double, ret);
	else
		in_registers(s, p->is_float, p->size, ret);
}

static void place_vector(struct state *s, const struct arch_param *p, struct arch_where *ret)
{
	if (s->xmms >= XMMS)
		to_stack(s, p->size, p->size > 8, ret);
	else if (p->size <= 16)
		place_piece(ret, true, s->xmms++, 0, (unsigned)p->size);
	else
		s->xmms++; /* wider registers are not read */
}

static void place(void *state, const struct arch_param *p, struct arch_where *ret)
{
	struct state *s = state;
	static const bool ints[2];

	if (!p->size)
		return;
	switch (p->kind) {
	case ARCH_PARAM_INT:
		if (p->size <= 8)
			place_int(s, ret);
		else if (p->size <= 16 && s->gprs + 2 <= GPRS) /* files may say anything */
			in_registers(s, ints, p->size, ret);
		else
			to_stack(s, p->size, true, ret);
		break;
	case ARCH_PARAM_FLOAT:
	case ARCH_PARAM_VECTOR: place_vector(s, p, ret); break;
	case ARCH_PARAM_LONG_DOUBLE: to_stack(s, 16, true, ret); break;
	case ARCH_PARAM_STRUCT: place_struct(s, p, ret); break;
	case ARCH_PARAM_PAIR: place_pair(place, s, p, ret); break;
	case ARCH_PARAM_BY_REF:
		place_int(s, ret);
		if (ret->how == ARCH_IN_WORD)
			ret->how = ARCH_AT_ADDRESS;
		break;
	}
}

/* Is the result left where the caller said, its address first of the arguments? */
static bool is_in_memory(const struct arch_param *p)
{
	return p->kind == ARCH_PARAM_BY_REF || (p->kind == ARCH_PARAM_STRUCT && p->size > 16);
}

void arch_place_params(const struct arch_param *result, const struct arch_param *params, unsigned n,
		       struct arch_where *places)
{
	struct state s = { .gprs = result && is_in_memory(result) };

	for (unsigned i = 0; i < n; i++) {
		places[i] = (struct arch_where){ 0 };
		place(&s, &params[i], &places[i]);
	}
}

void arch_place_result(const struct arch_param *result, struct arch_where *ret)
{
	struct state s = { 0 };

	*ret = (struct arch_where){ 0 };
	if (is_in_memory(result))
		ret->how = ARCH_AT_ADDRESS;
	else if (result->kind == ARCH_PARAM_LONG_DOUBLE || result->has_long_double)
		place_piece(ret, true, X64_ST0, 0, 16);
	else
		place(&s, result, ret);
}

int arch_arg_of_dwarf(unsigned reg)
{
	static const uint8_t order[GPRS] = { 5, 4, 1, 2, 8, 9 }; /* rdi rsi rdx rcx r8 r9 */

	for (unsigned i = 0; i < GPRS; i++)
		if (order[i] == reg)
			return (int)i;
	return -1;
}

int arch_vector_of_dwarf(unsigned reg)
{
	return reg >= 17 && reg <= 32 ? (int)reg - 17 : -1;
}

bool arch_vector_bytes(pid_t tid, unsigned n, uint8_t ret[16])
{
	struct user_fpregs_struct fp;

	_Static_assert(sizeof(fp.xmm_space) == 16 * 16, "sixteen registers");
	if ((n > 15 && n != X64_ST0) || ptrace(PTRACE_GETFPREGS, tid, NULL, &fp) < 0)
		return false;
	memcpy(ret, n == X64_ST0 ? (const char *)fp.st_space : (const char *)fp.xmm_space + n * 16,
	       16);
	return true;
}

/* rax rbx rcx rdi rsi r8 r9 r10 r11 */
const struct arch_go arch_go = {
	.ints = { 0, 3, 2, 5, 4, 8, 9, 10, 11 },
	.n_ints = 9,
	.n_vectors = 15,
	.stack_word = GPRS,
};
