/*
 * Aggregating functions: their arguments, and the parameter words of
 * lquantize() and llquantize().
 *
 *	lquantize	step << 48 | levels << 32 | (uint32_t)base
 *	llquantize	factor << 48 | low << 32 | high << 16 | steps
 */
#include "sema_int.h"

static const struct {
	unsigned n; /* arguments, with the value */
	unsigned optional; /* further ones, before the increment */
	bool increment;
} shapes[] = {
	[DL_AGG_COUNT] = { 0, 0, false },     [DL_AGG_SUM] = { 1, 0, false },
	[DL_AGG_AVG] = { 1, 0, false },	      [DL_AGG_MIN] = { 1, 0, false },
	[DL_AGG_MAX] = { 1, 0, false },	      [DL_AGG_STDDEV] = { 1, 0, false },
	[DL_AGG_QUANTIZE] = { 1, 0, true },   [DL_AGG_LQUANTIZE] = { 3, 1, true },
	[DL_AGG_LLQUANTIZE] = { 5, 0, true },
};

static const struct dl_node *nth(const struct dl_node *list, unsigned i)
{
	while (list && i--)
		list = list->next;
	return list;
}

/* --- lquantize --- */

/* Argument i as 32-bit constant; false after reporting. */
static bool lq_bound(struct sema *s, const struct dl_node *arg, unsigned i, enum dl_tag type_tag,
		     enum dl_tag val_tag, int64_t *ret)
{
	struct dl_node *e = sema_expr(s, arg);

	if (!e)
		return false;
	if (e->kind != DL_N_INT || !sema_is_integer(e)) {
		dl_error(s->c, type_tag, arg->range,
			 "lquantize( ) argument #%u must be an integer constant", i);
		return false;
	}
	*ret = (int64_t)e->value;
	if (*ret >= INT32_MIN && *ret <= INT32_MAX)
		return true;
	dl_error(s->c, val_tag, arg->range, "lquantize( ) argument #%u must be a 32-bit quantity",
		 i);
	return false;
}

static bool lq_step(struct sema *s, const struct dl_node *arg, int64_t *ret)
{
	struct dl_node *e;

	*ret = 1;
	if (!arg)
		return true;
	e = sema_expr(s, arg);
	if (!e)
		return false;
	if (e->kind != DL_N_INT || !sema_is_integer(e) || (int64_t)e->value <= 0) {
		dl_error(s->c, D_LQUANT_STEPTYPE, arg->range,
			 "lquantize( ) argument #3 must be a non-zero positive integer constant");
		return false;
	}
	*ret = (int64_t)e->value;
	if (*ret <= UINT16_MAX)
		return true;
	dl_error(s->c, D_LQUANT_STEPVAL, arg->range,
		 "lquantize( ) argument #3 must be a 16-bit quantity");
	return false;
}

static bool lq_mismatch(struct sema *s, struct dl_range range, enum dl_tag tag, const char *what,
			int64_t expected, int64_t found)
{
	if (expected == found)
		return false;
	dl_error(s->c, tag, range,
		 "lquantize( ) %s doesn't match previous declaration: expected %lld, found %lld",
		 what, (long long)expected, (long long)found);
	return true;
}

static bool lq_same(struct sema *s, struct dl_range range, uint64_t old, int64_t base,
		    int64_t levels, int64_t step)
{
	int64_t obase = (int32_t)old, olevels = (int64_t)(old >> 32 & UINT16_MAX);
	int64_t ostep = (int64_t)(old >> 48);

	return !lq_mismatch(s, range, D_LQUANT_MATCHBASE, "base (argument #1)", obase, base) &&
	       !lq_mismatch(s, range, D_LQUANT_MATCHLIM, "limit (argument #2)",
			    obase + olevels * ostep, base + levels * step) &&
	       !lq_mismatch(s, range, D_LQUANT_MATCHSTEP, "step (argument #3)", ostep, step);
}

static bool lquantize(struct sema *s, const struct dl_node *call, struct dl_aggdesc *agg)
{
	const struct dl_node *a = call->args;
	int64_t base, limit, step, levels;

	if (!lq_bound(s, nth(a, 1), 1, D_LQUANT_BASETYPE, D_LQUANT_BASEVAL, &base) ||
	    !lq_bound(s, nth(a, 2), 2, D_LQUANT_LIMTYPE, D_LQUANT_LIMVAL, &limit))
		return false;
	if (base >= limit) {
		dl_error(s->c, D_LQUANT_MISMATCH, call->range,
			 "lquantize( ) base (argument #1) must be less than limit (argument #2)");
		return false;
	}
	if (!lq_step(s, nth(a, 3), &step))
		return false;
	levels = (limit - base) / step;
	if (levels == 0) {
		dl_error(s->c, D_LQUANT_STEPLARGE, call->range,
			 "lquantize( ) step (argument #3) too large: must have at least one "
			 "quantization level");
		return false;
	}
	if (levels > UINT16_MAX) {
		dl_error(s->c, D_LQUANT_STEPSMALL, call->range,
			 "lquantize( ) step (argument #3) too small (number of quantization "
			 "levels must be a 16-bit quantity)");
		return false;
	}
	if (agg->func_known && !lq_same(s, call->range, agg->param, base, levels, step))
		return false;
	if (!agg->func_known)
		agg->param = (uint64_t)step << 48 | (uint64_t)levels << 32 | (uint32_t)base;
	return true;
}

/* --- llquantize --- */

enum { FACTOR, LOW, HIGH, NSTEP, N_LLQ };

static const struct {
	const char *name;
	enum dl_tag type_tag, val_tag, match_tag;
	unsigned shift;
} llq[N_LLQ] = {
	{ "factor", D_LLQUANT_FACTORTYPE, D_LLQUANT_FACTORVAL, D_LLQUANT_FACTORMATCH, 48 },
	{ "low magnitude", D_LLQUANT_LOWTYPE, D_LLQUANT_LOWVAL, D_LLQUANT_LOWMATCH, 32 },
	{ "high magnitude", D_LLQUANT_HIGHTYPE, D_LLQUANT_HIGHVAL, D_LLQUANT_HIGHMATCH, 16 },
	{ "linear steps per magnitude", D_LLQUANT_NSTEPTYPE, D_LLQUANT_NSTEPVAL,
	  D_LLQUANT_NSTEPMATCH, 0 },
};

static bool llq_arg(struct sema *s, const struct dl_node *arg, unsigned i,
		    const struct dl_aggdesc *agg, uint64_t *ret)
{
	struct dl_node *e = sema_expr(s, arg);
	uint64_t old = agg->param >> llq[i].shift & UINT16_MAX;

	if (!e)
		return false;
	if (e->kind != DL_N_INT || !sema_is_integer(e)) {
		dl_error(s->c, llq[i].type_tag, arg->range,
			 "llquantize( ) argument #%u (%s) must be an integer constant", i + 1,
			 llq[i].name);
		return false;
	}
	if (e->value > UINT16_MAX) {
		dl_error(s->c, llq[i].val_tag, arg->range,
			 "llquantize( ) argument #%u (%s) must be an unsigned 16-bit quantity",
			 i + 1, llq[i].name);
		return false;
	}
	*ret = e->value;
	if (!agg->func_known || old == *ret)
		return true;
	dl_error(s->c, llq[i].match_tag, arg->range,
		 "llquantize( ) argument #%u (%s) doesn't match previous declaration: "
		 "expected %llu, found %llu",
		 i + 1, llq[i].name, (unsigned long long)old, (unsigned long long)*ret);
	return false;
}

static bool steps_divide(uint64_t factor, uint64_t steps)
{
	uint64_t v = factor;

	while (v < steps)
		v *= factor;
	return steps % factor == 0 && v % steps == 0;
}

static bool power_fits(uint64_t factor, uint64_t n)
{
	uint64_t v = 1;

	for (uint64_t i = 0; i < n; i++) {
		if (__builtin_mul_overflow(v, factor, &v))
			return false;
	}
	return true;
}

static bool llq_check(struct sema *s, struct dl_range range, const uint64_t *p)
{
	if (p[FACTOR] < 2)
		dl_error(s->c, D_LLQUANT_FACTORSMALL, range,
			 "llquantize( ) factor (argument #1) must be two or more");
	else if (p[LOW] >= p[HIGH])
		dl_error(s->c, D_LLQUANT_MAGRANGE, range,
			 "llquantize( ) high magnitude (argument #3) must be greater than low "
			 "magnitude (argument #2)");
	else if (p[NSTEP] < p[FACTOR])
		dl_error(s->c, D_LLQUANT_FACTORNSTEPS, range,
			 "llquantize( ) factor (argument #1) must be less than or equal to the "
			 "number of linear steps per magnitude (argument #4)");
	else if (!steps_divide(p[FACTOR], p[NSTEP]))
		dl_error(s->c, D_LLQUANT_FACTOREVEN, range,
			 "llquantize( ) factor (argument #1) must evenly divide the number of "
			 "steps per magnitude (argument #4), and the number of steps per "
			 "magnitude must evenly divide a power of the factor");
	else if (!power_fits(p[FACTOR], p[HIGH] + 1))
		dl_error(s->c, D_LLQUANT_MAGTOOBIG, range,
			 "llquantize( ) factor (%llu) raised to power of high magnitude (%llu) "
			 "overflows 64-bits",
			 (unsigned long long)p[FACTOR], (unsigned long long)p[HIGH]);
	else
		return true;
	return false;
}

static bool llquantize(struct sema *s, const struct dl_node *call, struct dl_aggdesc *agg)
{
	uint64_t p[N_LLQ], word = 0;

	for (unsigned i = 0; i < N_LLQ; i++) {
		if (!llq_arg(s, nth(call->args, i + 1), i, agg, &p[i]))
			return false;
		word |= p[i] << llq[i].shift;
	}
	if (!llq_check(s, call->range, p))
		return false;
	agg->param = word;
	return true;
}

/* --- all --- */

static bool increment(struct sema *s, const struct dl_node *arg, const char *name, unsigned i,
		      struct dl_node *out)
{
	struct dl_node *e = sema_expr(s, arg);

	if (!e)
		return false;
	if (!sema_is_scalar(e)) {
		dl_error(s->c, D_PROTO_ARG, arg->range,
			 "%s( ) increment value (argument #%u) must be of scalar type", name, i);
		return false;
	}
	out->right = sema_decay(s, e);
	return true;
}

static bool value(struct sema *s, const struct dl_node *arg, const char *name, struct dl_node *out)
{
	struct dl_node *e = sema_expr(s, arg);

	if (!e)
		return false;
	if (!sema_is_scalar(e)) {
		struct dl_diag *d = dl_error(s->c, D_AGG_SCALAR, arg->range,
					     "%s( ) argument #1 must be of scalar type", name);

		if (sema_is_float(e))
			dl_hint(s->c, d, "cast it: (int64_t)");
		return false;
	}
	out->left = sema_decay(s, e);
	return true;
}

bool sema_aggfunc(struct sema *s, const struct dl_node *call, enum dl_aggfunc func,
		  struct dl_aggdesc *agg, struct dl_node *out)
{
	unsigned given = dl_node_count(call->args), params = shapes[func].n + shapes[func].optional;
	bool ok = true;

	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, given, shapes[func].n,
			      params + shapes[func].increment))
		return false;
	if (given)
		ok = value(s, call->args, call->name, out);
	else
		out->left = sema_int(s, call->range, 1, sema_basic(s, DL_T_INT64));
	if (func == DL_AGG_LQUANTIZE)
		ok = lquantize(s, call, agg) && ok;
	else if (func == DL_AGG_LLQUANTIZE)
		ok = llquantize(s, call, agg) && ok;
	if (given > params)
		ok = increment(s, nth(call->args, params), call->name, params + 1, out) && ok;
	return ok;
}
