/*
 * Actions: statements that record data or act on the target, the session or
 * the consumer.  Those on aggregations are in sema_aggact.c, the printf family
 * in sema_printf.c.
 */
#include <string.h>

#include "sema_int.h"

struct dl_node *sema_action_node(struct sema *s, struct dl_range range, enum dl_action_kind kind,
				 struct sema_data *d)
{
	struct dl_node *n = sema_node(s, DL_N_ACTION, range, sema_basic(s, DL_T_VOID));
	struct dl_action *act = ARENA_NEW(s->a, struct dl_action);

	act->kind = kind;
	if (d) {
		act->fields = d->fields;
		act->n_fields = d->n;
		n->args = d->nodes.first;
	}
	n->act = act;
	return sema_seal(n);
}

bool sema_positive_const(struct sema *s, const struct dl_node *n, bool allow_zero, uint64_t *ret)
{
	struct dl_node *e = sema_expr(s, n);

	if (!e) { /* reported */
		*ret = 1;
		return true;
	}
	if (e->kind != DL_N_INT || !sema_is_integer(e) || (int64_t)e->value < 0 ||
	    (!e->value && !allow_zero))
		return false;
	*ret = e->value;
	return true;
}

static uint64_t option(struct sema *s, enum dl_opt which, uint64_t otherwise)
{
	const struct dl_options *o = s->c->config.options;
	uint64_t v = o ? dl_option(o, which) : otherwise;

	return v == DL_OPT_UNSET ? otherwise : v;
}

/* --- stacks and symbolic addresses --- */

#define FRAMES_MAX 65535 /* more than any print shows */

static struct dl_node *frames_node(struct sema *s, const struct dl_node *call, uint64_t frames,
				   enum dl_vkind kind, struct dl_value_desc *ret)
{
	struct dl_type *t = sema_basic(s, DL_T_STACK);

	if (frames > FRAMES_MAX)
		frames = FRAMES_MAX;
	*ret = (struct dl_value_desc){ .kind = kind, .size = (uint32_t)frames, .type = t };
	return sema_int(s, call->range, frames, t);
}

static struct dl_node *stack(struct sema *s, const struct dl_node *call, struct dl_value_desc *ret)
{
	uint64_t frames = option(s, DL_OPT_STACKFRAMES, 20);

	if (call->args && call->args->next) {
		dl_error(s->c, D_STACK_PROTO, call->range,
			 "stack( ) prototype mismatch: too many arguments");
		return NULL;
	}
	if (call->args && !sema_positive_const(s, call->args, false, &frames)) {
		dl_error(s->c, D_STACK_SIZE, call->range,
			 "stack( ) size must be a non-zero positive integral constant expression");
		return NULL;
	}
	return frames_node(s, call, frames, DL_VK_STACK, ret);
}

static struct dl_node *ustack(struct sema *s, const struct dl_node *call, bool is_jstack,
			      struct dl_value_desc *ret)
{
	uint64_t frames = is_jstack ? option(s, DL_OPT_JSTACKFRAMES, 50) :
				      option(s, DL_OPT_USTACKFRAMES, 100);
	const struct dl_node *size = call->args ? call->args->next : NULL;
	uint64_t strsize;

	if (size && size->next) {
		dl_error(s->c, D_USTACK_PROTO, call->range,
			 "%s( ) prototype mismatch: too many arguments", call->name);
		return NULL;
	}
	if (call->args && !sema_positive_const(s, call->args, false, &frames)) {
		dl_error(s->c, D_USTACK_FRAMES, call->range,
			 "%s( ) argument #1 must be a non-zero positive integer constant",
			 call->name);
		return NULL;
	}
	if (size && !sema_positive_const(s, size, true, &strsize)) {
		dl_error(s->c, D_USTACK_STRSIZE, call->range,
			 "%s( ) argument #2 must be a positive integer constant", call->name);
		return NULL;
	}
	return frames_node(s, call, frames, DL_VK_USTACK, ret);
}

static struct dl_node *symbolic(struct sema *s, const struct dl_node *call, enum dl_symkind kind,
				struct dl_value_desc *ret)
{
	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 1,
			      1))
		return NULL;
	*ret = (struct dl_value_desc){
		.kind = DL_VK_SYM, .size = 16, .symkind = kind, .type = sema_basic(s, DL_T_USYMADDR)
	};
	return sema_arg(s, call->name, 1, call->args, sema_basic(s, DL_T_UINTPTR));
}

struct dl_node *sema_stack_data(struct sema *s, const struct dl_node *call, struct dl_ident *id,
				struct dl_value_desc *ret)
{
	struct dl_node *n;

	switch (id->action) {
	case DL_A_STACK: return stack(s, call, ret);
	case DL_A_USTACK:
	case DL_A_JSTACK: return ustack(s, call, id->action == DL_A_JSTACK, ret);
	case DL_A_UADDR: return symbolic(s, call, DL_SYM_UADDR, ret);
	case DL_A_UMOD: return symbolic(s, call, DL_SYM_UMOD, ret);
	default: n = symbolic(s, call, DL_SYM_USYM, ret); return n;
	}
}

static struct dl_node *stack_action(struct sema *s, const struct dl_node *call, struct dl_ident *id)
{
	struct sema_data d;
	struct dl_value_desc v;
	struct dl_node *n = sema_stack_data(s, call, id, &v);

	if (!n)
		return NULL;
	sema_data_init(s, &d, 1);
	sema_data_add(&d, n, &v);
	return sema_action_node(s, call->range,
				v.kind == DL_VK_STACK  ? DL_ACT_STACK :
				v.kind == DL_VK_USTACK ? DL_ACT_USTACK :
							 DL_ACT_SYM,
				&d);
}

/* --- trace(), print() --- */

static const struct {
	enum dl_tag void_tag, dyn_tag, agg_tag;
} value_tags[] = {
	{ D_TRACE_VOID, D_TRACE_DYN, D_TRACE_AGG },
	{ D_PRINT_VOID, D_PRINT_DYN, D_PRINT_AGG },
};

static bool recordable(struct sema *s, const struct dl_node *call, const struct dl_node *e,
		       bool is_print)
{
	if (e->kind == DL_N_AGGREF)
		dl_error(s->c, value_tags[is_print].agg_tag, call->range,
			 "%s( ) may not be applied to an aggregation -- did you mean printa()?",
			 call->name);
	else if (e->kind == DL_N_TRANSLATED || sema_is_dynamic(e))
		dl_error(s->c, value_tags[is_print].dyn_tag, call->range,
			 "%s( ) may not be applied to a translated pointer", call->name);
	else if (sema_is_void(e))
		dl_error(s->c, value_tags[is_print].void_tag, call->range,
			 "%s( ) may not be applied to a void expression", call->name);
	else
		return true;
	return false;
}

/* May it be computed twice? */
static bool is_repeatable(const struct dl_node *n)
{
	if (!n)
		return true;
	switch (n->kind) {
	case DL_N_ASSIGN:
	case DL_N_INCDEC:
	case DL_N_CALL:
	case DL_N_LET: return false;
	default: break;
	}
	for (const struct dl_node *arg = n->args; arg; arg = arg->next)
		if (!is_repeatable(arg))
			return false;
	return is_repeatable(n->left) && is_repeatable(n->right) && is_repeatable(n->third);
}

static bool points_to_struct(struct sema *s, struct dl_node *e)
{
	struct dl_type *b = dl_type_base(e->type);

	return b->kind == DL_PTR && dl_type_is_sou(b->ref) && sema_size(s, b->ref);
}

/* --- tracemem(), printm() --- */

/* An address: pointer or integer; else reports tag for argument i. */
static struct dl_node *address(struct sema *s, const struct dl_node *call,
			       const struct dl_node *arg, unsigned i, enum dl_tag tag)
{
	struct dl_node *e = sema_expr(s, arg);

	if (!e)
		return NULL;
	if (e->kind != DL_N_TRANSLATED &&
	    (sema_is_integer(e) || dl_type_is_pointer(e->type))) /* a string is a value */
		return sema_convert(s, e, sema_basic(s, DL_T_VOIDPTR));
	sema_arg_mismatch(s, tag, call->range, call->name, i, "pointer or integer",
			  sema_type_text(s, e));
	return NULL;
}

static bool byte_count(struct sema *s, const struct dl_node *call, const struct dl_node *arg,
		       unsigned i, enum dl_tag tag, uint64_t *ret)
{
	if (sema_positive_const(s, arg, false, ret) && *ret <= INT32_MAX)
		return true;
	dl_error(s->c, tag, call->range,
		 "%s( ) argument #%u must be a non-zero positive integral constant expression",
		 call->name, i);
	return false;
}

static struct dl_node *memory_action(struct sema *s, const struct dl_node *call,
				     enum dl_action_kind kind, struct dl_node *addr,
				     struct dl_node *dynamic, uint64_t size)
{
	struct dl_value_desc v = { .kind = DL_VK_BYTES, .size = (uint32_t)size };
	struct dl_node *out;
	struct sema_data d;

	sema_data_init(s, &d, 1);
	sema_data_add(&d, addr, &v);
	if (dynamic)
		sema_list_add(&d.nodes, dynamic);
	out = sema_action_node(s, call->range, kind, &d);
	out->act->has_arg = dynamic != NULL;
	return out;
}

/*
 * print() of a pointer to a known struct prints the struct, of a null pointer
 * the pointer: then no bytes are recorded.
 */
static struct dl_node *print_struct(struct sema *s, const struct dl_node *call, struct dl_node *e)
{
	struct dl_type *b = dl_type_base(e->type), *t = b->ref;
	struct dl_node *out, *size;
	struct dl_value_desc v;
	struct sema_data d;

	if (is_repeatable(e)) {
		size = dl_node_new(s->a, DL_N_COND, e->range);
		size->type = sema_basic(s, DL_T_UINT64);
		size->left = e;
		size->right = sema_int(s, e->range, sema_size(s, t), size->type);
		size->third = sema_int(s, e->range, 0, size->type);
		out = memory_action(s, call, DL_ACT_PRINT, e, size, sema_size(s, t));
	} else {
		e = sema_deref_node(s, e->range, e, t);
		sema_value_desc(s, e->type, &v);
		sema_data_init(s, &d, 1);
		sema_data_add(&d, e, &v);
		out = sema_action_node(s, call->range, DL_ACT_PRINT, &d);
	}
	out->act->type = t;
	return out;
}

static struct dl_node *trace_action(struct sema *s, const struct dl_node *call, bool is_print)
{
	struct dl_node *e, *out;
	struct dl_value_desc v;
	struct sema_data d;

	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 1,
			      1))
		return NULL;
	e = sema_traced(s, call->args, &v);
	if (!e || !recordable(s, call, e, is_print))
		return NULL;
	if (is_print && v.kind == DL_VK_INT && points_to_struct(s, e))
		return print_struct(s, call, e);
	if (v.kind == DL_VK_BYTES && !v.size) {
		dl_error(s->c, is_print ? D_PRINT_SIZE : D_TRACE_VOID, call->range,
			 "%s( ) may not be applied to a value of unknown size", call->name);
		return NULL;
	}
	sema_data_init(s, &d, 1);
	sema_data_add(&d, e, &v);
	out = sema_action_node(s, call->range, is_print ? DL_ACT_PRINT : DL_ACT_TRACE, &d);
	if (is_print)
		out->act->type = v.type;
	return out;
}

static struct dl_node *tracemem(struct sema *s, const struct dl_node *call)
{
	unsigned given = dl_node_count(call->args);
	struct dl_node *addr, *dynamic = NULL;
	uint64_t size;

	if (given > 3) {
		dl_error(s->c, D_TRACEMEM_ARGS, call->range,
			 "tracemem( ) prototype mismatch: %u args passed, at most 3 expected",
			 given);
		return NULL;
	}
	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, given, 2, 3))
		return NULL;
	addr = address(s, call, call->args, 1, D_TRACEMEM_ADDR);
	if (!addr || !byte_count(s, call, call->args->next, 2, D_TRACEMEM_SIZE, &size))
		return NULL;
	if (given == 3) {
		dynamic = sema_expr(s, call->args->next->next);
		if (!dynamic)
			return NULL;
		if (!sema_is_scalar(dynamic)) {
			dl_error(s->c, D_TRACEMEM_DYNSIZE, call->range,
				 "tracemem( ) argument #3 must be of scalar type");
			return NULL;
		}
		dynamic = sema_decay(s, dynamic);
	}
	return memory_action(s, call, DL_ACT_TRACEMEM, addr, dynamic, size);
}

/* A memref is the address of two words: address and length. */
static struct dl_node *memref_word(struct sema *s, const struct dl_node *call,
				   const struct dl_node *arg, uint64_t offset)
{
	struct dl_type *word = sema_basic(s, DL_T_UINTPTR);
	struct dl_node *at = address(s, call, arg, 2, D_PRINTM_ADDR);

	if (!at)
		return NULL;
	if (offset)
		at = sema_binary_node(s, arg->range, DL_O_ADD, at,
				      sema_int(s, arg->range, offset, sema_basic(s, DL_T_LONG)),
				      at->type);
	return sema_deref_node(s, arg->range, at, word);
}

static struct dl_node *printm(struct sema *s, const struct dl_node *call)
{
	const struct dl_node *ref;
	struct dl_node *addr, *len;
	uint64_t size;

	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 2,
			      2))
		return NULL;
	if (!byte_count(s, call, call->args, 1, D_PRINTM_SIZE, &size))
		return NULL;
	ref = call->args->next;
	if (ref->kind == DL_N_CALL && ref->name && !strcmp(ref->name, "memref") &&
	    dl_node_count(ref->args) == 2) { /* no need to make the pair */
		addr = address(s, call, ref->args, 2, D_PRINTM_ADDR);
		len = sema_arg(s, "memref", 2, ref->args->next, sema_basic(s, DL_T_SIZE));
	} else {
		addr = memref_word(s, call, ref, 0);
		len = addr ? memref_word(s, call, ref, 8) : NULL;
	}
	if (!addr || !len)
		return NULL;
	return memory_action(s, call, DL_ACT_PRINTM, addr, len, size);
}

/* --- speculations, effects, exit() --- */

static struct dl_node *one_int(struct sema *s, const struct dl_node *call)
{
	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 1,
			      1))
		return NULL;
	return sema_arg(s, call->name, 1, call->args, sema_basic(s, DL_T_INT));
}

static struct dl_node *operand_node(struct sema *s, const struct dl_node *call,
				    enum dl_node_kind kind, struct dl_node *operand)
{
	struct dl_node *n;

	if (!operand)
		return NULL;
	n = sema_node(s, kind, call->range, sema_basic(s, DL_T_VOID));
	n->left = operand;
	return sema_seal(n);
}

static struct dl_node *commit(struct sema *s, const struct dl_node *call)
{
	if (s->order.commit)
		dl_error(s->c, D_COMM_COMM, call->range, "commit( ) may not follow commit( )");
	else if (s->order.datarec)
		dl_error(s->c, D_COMM_DREC, call->range,
			 "commit( ) may not follow data-recording action(s)");
	s->order.commit = true;
	return operand_node(s, call, DL_N_COMMIT, one_int(s, call));
}

static struct dl_node *speculate(struct sema *s, const struct dl_node *call)
{
	if (s->order.speculate)
		dl_error(s->c, D_SPEC_SPEC, call->range,
			 "speculate( ) may not follow speculate( )");
	else if (s->order.commit)
		dl_error(s->c, D_SPEC_COMM, call->range, "speculate( ) may not follow commit( )");
	else if (s->order.datarec)
		dl_error(s->c, D_SPEC_DREC, call->range,
			 "speculate( ) may not follow data-recording action(s)");
	s->order.speculate = true;
	return operand_node(s, call, DL_N_SPECULATE, one_int(s, call));
}

static struct dl_node *effect(struct sema *s, const struct dl_node *call, enum dl_effect which)
{
	struct dl_node *arg = NULL, *n;

	sema_order_destructive(s, call->range);
	if (which == DL_EF_STOP) {
		if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name,
				      dl_node_count(call->args), 0, 0))
			return NULL;
	} else {
		arg = one_int(s, call);
		if (!arg)
			return NULL;
	}
	n = sema_node(s, DL_N_EFFECT, call->range, sema_basic(s, DL_T_VOID));
	n->effect = which;
	n->left = arg;
	return sema_seal(n);
}

static struct dl_node *exit_action(struct sema *s, const struct dl_node *call)
{
	struct dl_value_desc v;
	struct dl_node *arg;
	struct sema_data d;

	if (s->order.speculate)
		dl_error(s->c, D_EXIT_SPEC, call->range, "exit( ) may not follow speculate( )");
	sema_order_data(s, call->range);
	arg = one_int(s, call);
	if (!arg)
		return NULL;
	sema_value_desc(s, sema_basic(s, DL_T_INT), &v);
	sema_data_init(s, &d, 1);
	sema_data_add(&d, arg, &v);
	return sema_action_node(s, call->range, DL_ACT_EXIT, &d);
}

/* --- setopt(), ftruncate() --- */

static struct dl_node *setopt(struct sema *s, const struct dl_node *call)
{
	struct dl_value_desc v;
	struct sema_data d;
	unsigned i = 0;

	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 1,
			      2))
		return NULL;
	sema_data_init(s, &d, 2);
	sema_value_desc(s, sema_basic(s, DL_T_STRING), &v);
	for (const struct dl_node *a = call->args; a; a = a->next) {
		struct dl_type *proto =
			dl_type_ptr(s->ts, dl_type_qual(s->ts, DL_CONST, sema_basic(s, DL_T_CHAR)));
		struct dl_node *e = sema_arg(s, call->name, ++i, a, proto);

		if (!e)
			return NULL;
		sema_data_add(&d, sema_to_string(s, e), &v);
	}
	return sema_action_node(s, call->range, DL_ACT_SETOPT, &d);
}

static struct dl_node *ftruncate_action(struct sema *s, const struct dl_node *call)
{
	if (!sema_check_count(s, call->range, D_PROTO_LEN, call->name, dl_node_count(call->args), 0,
			      0))
		return NULL;
	return sema_action_node(s, call->range, DL_ACT_FTRUNCATE, NULL);
}

/* --- all --- */

static struct dl_node *recording(struct sema *s, const struct dl_node *call, struct dl_ident *id)
{
	switch (id->action) {
	case DL_A_TRACE:
	case DL_A_PRINT: return trace_action(s, call, id->action == DL_A_PRINT);
	case DL_A_PRINTF: return sema_printf(s, call, DL_ACT_PRINTF);
	case DL_A_SYSTEM: return sema_printf(s, call, DL_ACT_SYSTEM);
	case DL_A_FREOPEN: return sema_printf(s, call, DL_ACT_FREOPEN);
	case DL_A_PRINTA: return sema_printa(s, call);
	case DL_A_TRACEMEM: return tracemem(s, call);
	case DL_A_PRINTM: return printm(s, call);
	case DL_A_SETOPT: return setopt(s, call);
	case DL_A_FTRUNCATE: return ftruncate_action(s, call);
	case DL_A_CLEAR:
	case DL_A_TRUNC:
	case DL_A_NORMALIZE:
	case DL_A_DENORMALIZE: return sema_agg_action(s, call, id);
	default: return stack_action(s, call, id);
	}
}

struct dl_node *sema_action(struct sema *s, const struct dl_node *call, struct dl_ident *id)
{
	struct dl_attr attr = sema_ident_attr(id);
	struct dl_node *n;

	sema_check_attr(s, call->range, arena_printf(s->a, "function %s( )", id->name), attr);
	switch (id->action) {
	case DL_A_COMMIT: return commit(s, call);
	case DL_A_SPECULATE: return speculate(s, call);
	case DL_A_DISCARD: return operand_node(s, call, DL_N_DISCARD, one_int(s, call));
	case DL_A_STOP: return effect(s, call, DL_EF_STOP);
	case DL_A_RAISE: return effect(s, call, DL_EF_RAISE);
	case DL_A_CHILL: return effect(s, call, DL_EF_CHILL);
	case DL_A_EXIT: return exit_action(s, call);
	default: break;
	}
	if (dl_action_flags(id->action) & AF_DESTRUCTIVE)
		sema_order_destructive(s, call->range);
	sema_order_data(s, call->range);
	n = recording(s, call, id);
	if (n)
		n->attr = dl_attr_min(n->attr, attr);
	return n;
}
