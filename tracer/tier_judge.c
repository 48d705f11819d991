/*
 * Which clauses can do without the stopped thread, and why others can't.
 *
 * Rule: what depends on the site (where its arguments are, what can be patched) is
 * judged elsewhere; here only what the clause asks for.
 */
#include "tier.h"

#include <string.h>

#define CAP_MAX ((uint64_t)NEAR_CAP_MAX)

/* What far asks of the thread must be known without it. */
static const char *check_bvar(int32_t which, bool is_call)
{
	switch (which) {
	case DL_BV_TIMESTAMP:
	case DL_BV_WALLTIMESTAMP:
	case DL_BV_PID:
	case DL_BV_TID:
	case DL_BV_PPID:
	case DL_BV_UID:
	case DL_BV_GID:
	case DL_BV_EXECNAME:
	case DL_BV_PROBEPROV:
	case DL_BV_PROBEMOD:
	case DL_BV_PROBEFUNC:
	case DL_BV_PROBENAME:
	case DL_BV_ID:
	case DL_BV_EPID:
	case DL_BV_CALLER:
	case DL_BV_UCALLER: /* these by a copy of the stack */
	case DL_BV_USTACKDEPTH:
	case DL_BV_STACKDEPTH:
	case DL_BV_IPL:
	case DL_BV_ZONENAME: return NULL;
	case DL_BV_ERRNO: return is_call ? NULL : "errno is the stopped thread's";
	case DL_BV_CPU: return "cpu is asked for";
	default: return "a variable of the stopped thread is asked for";
	}
}

static const char *check_call(int32_t subr)
{
	switch (subr) {
	case DL_SUBR_PROGENYOF:
	case DL_SUBR_PROC_INT:
	case DL_SUBR_PROC_STR:
	case DL_SUBR_FD_INT:
	case DL_SUBR_FD_STR: return "the process is looked at as it is when it fires";
	default: return NULL;
	}
}

static const char *check_far(const struct dl_code *far, bool is_call)
{
	for (uint32_t pc = 0; pc < far->n; pc++) {
		const struct dl_insn *i = &far->insns[pc];
		const char *why = NULL;

		if (i->op == DL_OP_BVAR)
			why = check_bvar(i->imm, is_call);
		else if (i->op == DL_OP_CALL)
			why = check_call(i->imm);
		else if (i->op == DL_OP_BVARX)
			why = "a variable of the stopped thread is asked for";
		else if (i->op == DL_OP_ACT)
			why = i->imm == DL_EF_EXIT ? "it may end the tracing" :
						     "it acts on the thread";
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_actions(const struct dl_clause *c)
{
	for (uint32_t i = 0; i < c->n_actions; i++)
		if (c->actions[i].kind == DL_ACT_SYSTEM || c->actions[i].kind == DL_ACT_SETOPT ||
		    c->actions[i].kind == DL_ACT_EXIT)
			return "its action is to happen before the thread goes on";
	return NULL;
}

static const char *check_near(const struct dl_code *near, bool is_call)
{
	for (uint32_t pc = 0; pc < near->n; pc++) {
		if (near->insns[pc].op == DL_OP_NARG && near->insns[pc].imm >= DL_ARG_ADDRESS &&
		    is_call)
			return "a system call has no such argument";
		if (near->insns[pc].op == DL_OP_NREG && is_call)
			return "registers are asked for as they are in the kernel";
	}
	return NULL;
}

bool tier_is_of_calls(const struct dl_clause *c)
{
	return c->probe.prov && !strcmp(c->probe.prov, provider_syscall.name);
}

const char *tier_judge_clause(struct session *s, const struct dl_clause *c, uint32_t *cap)
{
	bool is_call = tier_is_of_calls(c);
	uint64_t bound = dl_near_bound(&c->near, c->n_slots, s->strsize);
	const char *why = c->needs_stop;

	if (!why)
		why = check_near(&c->near, is_call);
	if (!why)
		why = check_far(&c->far, is_call);
	if (!why)
		why = check_actions(c);
	if (!why && stack_is_wanted(s, c) && (is_call || !arch_has_stacks))
		why = "user stack";
	if (!why && bound > CAP_MAX)
		why = "it captures more memory than a ring holds";
	*cap = (uint32_t)bound;
	return why;
}
