/*
 * Pointers into scratch memory (alloca(), copyin()) and other pointers in one
 * variable, or as the two values of a conditional.
 *
 * Here both work.  Some implementations tell the two kinds of memory apart at
 * compile time and refuse the mix with D_ALLOCA_INCOMPAT: so do we where the
 * classic errors are asked for (-x errtags), that a script can be checked.
 */
#include "sema_int.h"

static bool wants_classic(const struct sema *s)
{
	const struct dl_options *o = s->c->config.options;

	return o && dl_option(o, DL_OPT_ERRTAGS) == 1;
}

static bool is_scratch(const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_CALL:
		return n->ident && n->ident->kind == DL_ID_SUBR &&
		       (n->ident->subr == DL_SUBR_ALLOCA || n->ident->subr == DL_SUBR_COPYIN);
	case DL_N_VAR: return n->ident && n->ident->holds_scratch;
	case DL_N_CAST:
	case DL_N_INCDEC: return is_scratch(n->left);
	case DL_N_ASSIGN:
	case DL_N_COMMA:
	case DL_N_LET: return is_scratch(n->right);
	case DL_N_BINARY: return is_scratch(n->left) || is_scratch(n->right);
	case DL_N_COND: return is_scratch(n->right) || is_scratch(n->third);
	default: return false;
	}
}

static bool is_pointer(const struct dl_node *n)
{
	return dl_type_base(n->type)->kind == DL_PTR;
}

bool sema_check_scratch_mix(struct sema *s, struct dl_range range, const struct dl_node *l,
			    const struct dl_node *r)
{
	if (!wants_classic(s) || !is_pointer(l) || !is_pointer(r) || is_scratch(l) == is_scratch(r))
		return true;
	if (sema_is_null(l) || sema_is_null(r))
		return true;
	dl_error(s->c, D_ALLOCA_INCOMPAT, range,
		 "operator ?: operands cannot be both alloca and non-alloca pointers");
	return false;
}

bool sema_check_scratch_store(struct sema *s, struct dl_range range, const struct dl_node *l,
			      const struct dl_node *r)
{
	struct dl_ident *id = l->kind == DL_N_VAR ? l->ident : NULL;

	if (!id || !is_pointer(l) || sema_is_null(r) || !wants_classic(s))
		return true;
	if (is_scratch(r))
		id->holds_scratch = true;
	else
		id->holds_other = true;
	if (!id->holds_scratch || !id->holds_other)
		return true;
	dl_error(s->c, D_ALLOCA_INCOMPAT, range,
		 "%s: cannot reuse the same identifier for both "
		 "alloca and non-alloca allocations",
		 id->name);
	return false;
}
