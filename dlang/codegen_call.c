/*
 * Subroutines.
 *
 * Those that read target memory (copyin(), copyinstr(), inet_ntoa(), ...) are
 * turned into captures where near can compute the address; what far then
 * calls, if anything, works on D memory.
 */
#include "codegen.h"

#include <string.h>

static const struct {
	const char *name, *proto;
} subrs[DL_SUBR_COUNT] = {
#define SUBR(id, sname, min, max, sproto, flags) { sname, sproto },
#include "subr.def"
#undef SUBR
};

/* Is parameter i a string by the prototype? */
static bool takes_string(enum dl_subr subr, unsigned i)
{
	const char *p = strchr(subrs[subr].proto, '(');

	for (; p && i > 0; i--)
		p = strchr(p + 1, ',');
	if (!p)
		return false;
	p += 1 + strspn(p + 1, " ");
	return !strncmp(p, "const char *", 12) || !strncmp(p, "char *", 6);
}

static void late_read(struct gen *g, enum dl_subr subr)
{
	if (g->writes_memory)
		cg_needs_stop(g, "memory is written by the clause that reads it");
	else
		cg_needs_stop(g, "%s() of an address that is not computed from arguments",
			      subrs[subr].name);
}

/* --- pointers that a subroutine reads through --- */

static bool const_arg(const struct dl_node *n, uint64_t *ret)
{
	if (n)
		*ret = n->value;
	return n && n->kind == DL_N_INT;
}

/* Bytes that parameter i's pointer is read for: in *size, or the node; false: it is not read. */
static bool reads_through(const struct dl_node *call, unsigned i, const struct dl_node **len,
			  uint64_t *size)
{
	const struct dl_node *first = call->args;
	uint64_t family = 0;

	*len = NULL;
	*size = 0;
	switch (call->ident->subr) {
	case DL_SUBR_INET_NTOA: *size = 4; return i == 0;
	case DL_SUBR_INET_NTOA6: *size = 16; return i == 0;
	case DL_SUBR_INET_NTOP: /* AF_INET, else AF_INET6 */
		if (const_arg(first, &family))
			*size = family == 2 ? 4 : 16;
		return i == 1;
	case DL_SUBR_LINK_NTOP: /* ARPHRD_ETHER, ARPHRD_INFINIBAND */
		if (const_arg(first, &family))
			*size = family == 1 ? 6 : family == 32 ? 20 : 0;
		return i == 1;
	case DL_SUBR_MEMSTR:
	case DL_SUBR_BCOPY: *len = first->next ? first->next->next : NULL; return i == 0;
	case DL_SUBR_COPYOUT: return i == 0;
	default: return false;
	}
}

static bool writes_through(enum dl_subr subr, unsigned i)
{
	return (subr == DL_SUBR_BCOPY && i == 1) || (subr == DL_SUBR_COPYINTO && i == 2);
}

static unsigned gen_arg(struct gen *g, const struct dl_node *call, unsigned i,
			const struct dl_node *arg)
{
	const struct dl_node *len;
	uint64_t size;
	unsigned r;

	if (takes_string(call->ident->subr, i))
		return cg_string(g, arg);
	if (writes_through(call->ident->subr, i))
		return cg_written(g, arg);
	if (!reads_through(call, i, &len, &size))
		return cg_expr(g, arg);
	if ((len || size) && arg->kind != DL_N_INT && cg_input_mem(g, arg, len, size, &r))
		return r;
	r = cg_expr(g, arg);
	if (!cg_is_dmem(g, arg))
		late_read(g, call->ident->subr);
	return r;
}

/* Arguments lie one after another: registers are a stack. */
static unsigned gen_call(struct gen *g, const struct dl_node *n)
{
	unsigned first = g->cur->top, count = 0;

	for (const struct dl_node *a = n->args; a; a = a->next)
		gen_arg(g, n, count++, a);
	if (count == 0)
		cg_push(g);
	cg_emit(g, DL_OP_CALL, first, first, count, n->ident->subr);
	cg_pop(g, first + 1);
	return first;
}

/* --- copyin() and relatives --- */

/* bcopy(captured bytes, dst, len); len as the program gives it: too much faults. */
static void copy_captured(struct gen *g, uint32_t slot, unsigned dst, const struct dl_node *len)
{
	unsigned args = cg_push(g), to = cg_push(g);

	cg_emit(g, DL_OP_INP, args, 0, 0, (int32_t)slot);
	cg_emit(g, DL_OP_MOV, to, dst, 0, 0);
	cg_expr(g, len);
	cg_emit(g, DL_OP_CALL, args, args, 3, DL_SUBR_BCOPY);
	cg_pop(g, args);
}

/* The buffer is the program's own, to write to and to keep until the firing ends. */
static unsigned gen_copyin(struct gen *g, const struct dl_node *n)
{
	const struct dl_node *addr = n->args, *len = addr->next;
	uint32_t slot;
	unsigned r;

	if (!cg_input_mem_slot(g, addr, len, 0, &slot)) {
		if (!cg_is_dmem(g, addr))
			late_read(g, DL_SUBR_COPYIN);
		return gen_call(g, n);
	}
	r = cg_expr(g, len);
	cg_emit(g, DL_OP_CALL, r, r, 1, DL_SUBR_ALLOCA);
	copy_captured(g, slot, r, len);
	return r;
}

static unsigned gen_copyinto(struct gen *g, const struct dl_node *n)
{
	const struct dl_node *addr = n->args, *len = addr->next, *dst = len->next;
	uint32_t slot;
	unsigned r;

	if (!cg_input_mem_slot(g, addr, len, 0, &slot)) {
		late_read(g, DL_SUBR_COPYINTO);
		return gen_call(g, n);
	}
	r = cg_written(g, dst);
	copy_captured(g, slot, r, len);
	return r;
}

static unsigned gen_copyinstr(struct gen *g, const struct dl_node *n)
{
	const struct dl_node *addr = n->args, *len = addr->next;
	unsigned r;

	if (len ? cg_input_string_n(g, addr, len, &r) : cg_input_string(g, addr, &r))
		return r;
	if (!cg_is_dmem(g, addr))
		late_read(g, DL_SUBR_COPYINSTR);
	return gen_call(g, n);
}

unsigned cg_call(struct gen *g, const struct dl_node *n)
{
	unsigned count = dl_node_count(n->args);

	if (!n->ident || (unsigned)n->ident->subr >= DL_SUBR_COUNT) {
		cg_fail(g, D_UNKNOWN, n->range, "internal error: call of what is no subroutine");
		return cg_push(g);
	}
	if (count > CG_MAX_TUPLE) {
		if (!g->failed)
			dl_error_plain(g->c, "Insufficient tuple registers to generate code");
		g->failed = true;
		return cg_push(g);
	}
	if (g->cur->is_near) /* copyin(a, n), seen as a */
		return cg_expr(g, n->args);
	switch (n->ident->subr) {
	case DL_SUBR_COPYIN: return count == 2 ? gen_copyin(g, n) : gen_call(g, n);
	case DL_SUBR_COPYINTO: return count == 3 ? gen_copyinto(g, n) : gen_call(g, n);
	case DL_SUBR_COPYINSTR: return count >= 1 ? gen_copyinstr(g, n) : gen_call(g, n);
	case DL_SUBR_COPYOUT:
	case DL_SUBR_COPYOUTSTR:
		cg_needs_stop(g, "%s() writes the thread's memory", subrs[n->ident->subr].name);
		return gen_call(g, n);
	default: return gen_call(g, n);
	}
}
