/*
 * D variables: reading, assigning, and the tuples that index them.
 *
 * The VM has one tuple: all keys are computed into registers first, then the
 * tuple is built, then used at once.
 *
 * Strings and structs are values: assigning copies them.  A struct element of
 * an associative array, or a thread's struct, may not exist yet: LDV and LDVK
 * then give the address of zeroes to read; storing to a member makes it first.
 */
#include "codegen.h"

/* --- values for keys and fields --- */

static unsigned float_value(struct gen *g, const struct dl_node *n, uint64_t size)
{
	unsigned r, t;

	/* An object of the right size is taken as it is: no detour through double. */
	if ((n->kind == DL_N_DEREF || n->kind == DL_N_MEMBER) && cg_size_of(g, n->type) == size) {
		uint64_t off;

		if (cg_input_object(g, n, size, false, &r))
			return r;
		r = cg_addr(g, n, &off);
		cg_add_offset(g, r, off);
		if (!cg_lvalue_is_dmem(g, n))
			cg_far_read(g);
		return r;
	}
	r = cg_push(g);
	t = cg_double(g, n);
	cg_emit(g, DL_OP_SCRATCH, r, 0, 0, (int32_t)size);
	cg_emit(g, DL_OP_STF, r, t, 0, (int32_t)size);
	cg_pop(g, t);
	return r;
}

unsigned cg_value(struct gen *g, const struct dl_node *n, const struct dl_value_desc *d)
{
	unsigned r;

	switch (d->kind) {
	case DL_VK_INT:
		r = cg_expr(g, n);
		if (!cg_is_narrow(g, n, d->size, d->is_signed))
			cg_extend(g, r, d->size, d->is_signed);
		return r;
	case DL_VK_STRING: return cg_string(g, n);
	case DL_VK_BYTES: return cg_bytes(g, n, d->size);
	case DL_VK_FLOAT: return float_value(g, n, d->size);
	case DL_VK_SYM: return cg_expr(g, n);
	case DL_VK_USTACK: g->out->wants_stack = true; return cg_push(g);
	default: return cg_push(g);
	}
}

unsigned cg_keys(struct gen *g, const struct dl_node *keys, const struct dl_value_desc *descs,
		 uint32_t n_descs)
{
	unsigned first = g->cur->top;

	for (uint32_t i = 0; i < n_descs; i++, keys = keys->next) {
		if (!keys) {
			cg_fail(g, D_UNKNOWN, g->out->range, "internal error: too few keys");
			break;
		}
		cg_value(g, keys, &descs[i]);
	}
	return first;
}

void cg_tuple(struct gen *g, unsigned reg, const struct dl_value_desc *descs, uint32_t n_descs)
{
	cg_emit(g, DL_OP_TUP, 0, 0, 0, 0);
	for (uint32_t i = 0; i < n_descs; i++, reg++) {
		const struct dl_value_desc *d = &descs[i];

		switch (d->kind) {
		case DL_VK_INT: cg_emit(g, DL_OP_TUPI, reg, 0, 0, (int32_t)d->size); break;
		case DL_VK_STRING: cg_emit(g, DL_OP_TUPS, reg, 0, 0, 0); break;
		case DL_VK_BYTES:
		case DL_VK_FLOAT: cg_emit(g, DL_OP_TUPM, reg, 0, 0, (int32_t)d->size); break;
		case DL_VK_USTACK: cg_emit(g, DL_OP_TUPU, reg, 0, 0, (int32_t)d->size); break;
		case DL_VK_SYM: cg_emit(g, DL_OP_TUPY, reg, 0, 0, d->symkind); break;
		case DL_VK_STACK: /* always empty */ break;
		}
	}
}

static unsigned var_keys(struct gen *g, const struct dl_node *n)
{
	const struct dl_var *v = n->ident->var;

	if (v->n_keys > CG_MAX_TUPLE) {
		if (!g->failed)
			dl_error_plain(g->c, "Insufficient tuple registers to generate code");
		g->failed = true;
	}
	return cg_keys(g, n->args, v->keys, v->n_keys);
}

/* --- access, given the keys --- */

static void load(struct gen *g, const struct dl_var *v, unsigned keys, unsigned reg)
{
	uint32_t i = cg_var_index(g, v);

	if (v->is_assoc)
		cg_tuple(g, keys, v->keys, v->n_keys);
	cg_emit(g, v->is_assoc ? DL_OP_LDVK : DL_OP_LDV, reg, 0, 0, (int32_t)i);
}

static void store(struct gen *g, const struct dl_var *v, unsigned keys, unsigned reg)
{
	uint32_t i = cg_var_index(g, v);

	if (v->is_assoc)
		cg_tuple(g, keys, v->keys, v->n_keys);
	cg_emit(g, v->is_assoc ? DL_OP_STVK : DL_OP_STV, reg, 0, 0, (int32_t)i);
}

unsigned cg_var(struct gen *g, const struct dl_node *n)
{
	const struct dl_var *v = cg_is_var(n) ? n->ident->var : NULL;
	unsigned keys, r;

	if (!v) {
		cg_fail(g, D_UNKNOWN, n->range, "internal error: variable without storage");
		return cg_push(g);
	}
	if (v->is_array) {
		r = cg_push(g);
		cg_emit(g, DL_OP_VADDR, r, 0, 0, (int32_t)cg_var_index(g, v));
		return r;
	}
	keys = v->is_assoc ? var_keys(g, n) : g->cur->top;
	cg_pop(g, keys);
	r = cg_push(g); /* takes the place of the first key */
	load(g, v, keys, r);
	return r;
}

/* Address of a struct variable for a store to a member. */
static unsigned make_struct(struct gen *g, const struct dl_node *n)
{
	const struct dl_var *v = n->ident->var;
	unsigned r = cg_push(g), keys;

	if (!v->is_assoc) {
		cg_emit(g, DL_OP_VADDR, r, 0, 0, (int32_t)cg_var_index(g, v));
		return r;
	}
	/* Stored to itself, a present element stays; an absent one becomes zeroes. */
	keys = var_keys(g, n);
	load(g, v, keys, r);
	store(g, v, keys, r);
	load(g, v, keys, r);
	cg_pop(g, r + 1);
	return r;
}

unsigned cg_store_addr(struct gen *g, const struct dl_node *n, uint64_t *off_ret)
{
	unsigned r;

	n = cg_resolve(g, n);
	if (n->kind == DL_N_MEMBER) {
		r = cg_store_addr(g, n->left, off_ret);
		*off_ret += n->value;
		return r;
	}
	*off_ret = 0;
	if (cg_is_var(n) && n->ident->var->value.kind == DL_VK_BYTES)
		return make_struct(g, n);
	return cg_written(g, n->kind == DL_N_DEREF ? n->left : n);
}

unsigned cg_written(struct gen *g, const struct dl_node *n)
{
	bool outer = g->is_store;
	unsigned r;

	g->is_store = true;
	r = cg_expr(g, n);
	g->is_store = outer;
	return r;
}

/* --- assignment --- */

/* What is known after v = value (NULL: v changed).  Under a condition only the "no" counts. */
static void note_assignment(struct gen *g, const struct dl_var *v, const struct dl_node *value)
{
	uint32_t i = cg_var_index(g, v);
	struct cg_known k = { .var = i };
	struct cg_near f;

	if (v->is_assoc)
		return;
	if (value && v->value.kind == DL_VK_INT) {
		k.is_dmem = cg_is_dmem(g, value);
		/* Storing it must not change it. */
		if (cg_near_ok(g, value, &f) &&
		    cg_is_narrow(g, value, v->value.size, v->value.is_signed))
			k.near = cg_snapshot(g, value);
	}
	if (g->cond_depth) {
		k.is_dmem &= cg_known_of(g, i).is_dmem;
		k.near = NULL;
	}
	cg_know(g, k);
}

static unsigned assign_var(struct gen *g, const struct dl_node *n)
{
	const struct dl_var *v = n->left->ident->var;
	unsigned r, keys;

	if (v->value.kind == DL_VK_FLOAT)
		r = cg_double(g, n->right);
	else
		r = cg_value(g, n->right, &v->value);
	keys = v->is_assoc ? var_keys(g, n->left) : g->cur->top;
	store(g, v, keys, r);
	cg_pop(g, r + 1);
	note_assignment(g, v, n->right);
	return r;
}

/* Stores to a bit-field: the rest of its unit stays. */
static void store_bits(struct gen *g, unsigned value, unsigned base, uint64_t off,
		       const struct cg_field *f)
{
	uint64_t mask = f->bits >= 64 ? ~0ull : (1ull << f->bits) - 1;
	unsigned old = cg_push(g), v = cg_push(g), m = cg_push(g);

	cg_emit_load(g, old, base, off, f->size, false);
	cg_load_const(g, m, ~(mask << f->shift));
	cg_emit(g, DL_OP_AND, old, old, m, 0);
	cg_load_const(g, m, mask);
	cg_emit(g, DL_OP_AND, v, value, m, 0);
	cg_shift(g, DL_OP_SHL, v, f->shift);
	cg_emit(g, DL_OP_OR, v, v, old, 0);
	cg_add_offset(g, base, off);
	cg_emit(g, DL_OP_ST, v, base, f->size, 0);
	cg_pop(g, old);
}

static void store_scalar(struct gen *g, const struct dl_node *n, unsigned value, unsigned base,
			 uint64_t off)
{
	struct cg_field f = cg_field_of(g, n);

	if (f.is_split)
		cg_fail(g, D_UNKNOWN, n->range,
			"assignment to a packed bit-field that spans more than 8 bytes");
	off += f.off;
	if (f.bits) {
		store_bits(g, value, base, off, &f);
		return;
	}
	cg_add_offset(g, base, off);
	cg_emit(g, DL_OP_ST, value, base, f.size, 0);
}

/*
 * A string into a char array: what fits of it, the rest zero.  size = the
 * array's; the copy is made in scratch, then moved as a whole.
 */
static void store_string(struct gen *g, unsigned src, unsigned dst, uint64_t size)
{
	unsigned buf = cg_push(g), args = cg_push(g), n, t;
	uint32_t null, fits;

	cg_emit(g, DL_OP_SCRATCH, buf, 0, 0, (int32_t)size);
	null = cg_jump(g, DL_OP_JZ, src);
	cg_emit(g, DL_OP_MOV, args, src, 0, 0);
	cg_push(g); /* bcopy()'s second argument */
	n = cg_push(g); /* its third */
	t = cg_push(g);
	cg_emit(g, DL_OP_MOV, n, src, 0, 0);
	cg_emit(g, DL_OP_CALL, n, n, 1, DL_SUBR_STRLEN);
	cg_load_const(g, t, size - 1);
	cg_emit(g, DL_OP_LEU, t, n, t, 0);
	fits = cg_jump(g, DL_OP_JNZ, t);
	cg_load_const(g, n, size - 1);
	cg_patch(g, fits);
	cg_emit(g, DL_OP_MOV, args + 1, buf, 0, 0);
	cg_emit(g, DL_OP_CALL, args, args, 3, DL_SUBR_BCOPY);
	cg_patch(g, null);
	cg_emit(g, DL_OP_COPY, dst, buf, 0, (int32_t)size);
	cg_pop(g, buf);
}

static bool is_stringlike(struct dl_type *t)
{
	t = dl_type_base(t);
	return t->kind == DL_STRING ||
	       (t->kind == DL_ARRAY && t->ref && dl_type_base(t->ref)->is_char);
}

static unsigned assign_object(struct gen *g, const struct dl_node *n)
{
	const struct dl_node *to = cg_resolve(g, n->left);
	uint64_t off, size = cg_size_of(g, to->type);
	enum cg_class class = cg_class_of(to->type);
	bool is_string = class == CG_ADDRESS && is_stringlike(to->type);
	unsigned r, base;

	if (class == CG_DOUBLE)
		r = cg_double(g, n->right);
	else if (class == CG_ADDRESS)
		r = is_string ? cg_string(g, n->right) : cg_bytes(g, n->right, size);
	else
		r = cg_expr(g, n->right);
	base = cg_store_addr(g, to, &off);
	if (class == CG_SCALAR) {
		store_scalar(g, to, r, base, off);
	} else {
		cg_add_offset(g, base, off);
		if (class == CG_DOUBLE)
			cg_emit(g, DL_OP_STF, base, r, 0, (int32_t)size);
		else if (is_string && size > 0 && size <= INT32_MAX)
			store_string(g, r, base, size);
		else
			cg_emit(g, DL_OP_COPY, base, r, 0, (int32_t)size);
	}
	cg_pop(g, r + 1);
	return r;
}

unsigned cg_assign(struct gen *g, const struct dl_node *n)
{
	if (cg_is_var(n->left) && !n->left->ident->var->is_array)
		return assign_var(g, n);
	return assign_object(g, n);
}

/* --- ++ and -- --- */

/* to = from +- step, in the type of what is stepped; a variable may be wider than its type */
static void step_value(struct gen *g, const struct dl_node *n, unsigned to, unsigned from)
{
	bool down = n->op == DL_O_PREDEC || n->op == DL_O_POSTDEC;
	uint64_t step = down ? -n->value : n->value;
	struct dl_type *type = n->left->type;

	if (cg_class_of(type) == CG_DOUBLE) {
		cg_load_const(g, to, step);
		cg_emit(g, DL_OP_I2F, to, to, 0, 0);
		cg_emit(g, DL_OP_FADD, to, from, to, 0);
		return;
	}
	if ((int64_t)step == (int32_t)step) {
		cg_emit(g, DL_OP_ADDI, to, from, 0, (int32_t)step);
	} else {
		cg_load_const(g, to, step);
		cg_emit(g, DL_OP_ADD, to, from, to, 0);
	}
	if (cg_is_var(n->left)) {
		const struct dl_value_desc *d = &n->left->ident->var->value;

		cg_extend(g, to, d->size, d->is_signed);
	} else {
		cg_extend(g, to, cg_size_of(g, type), cg_is_signed(type));
	}
}

static void step_object(struct gen *g, const struct dl_node *n, unsigned old)
{
	uint64_t off, size = cg_size_of(g, n->left->type);
	unsigned base = cg_store_addr(g, n->left, &off), at = cg_push(g), new = cg_push(g);
	struct cg_field f = cg_field_of(g, n->left);

	cg_emit(g, DL_OP_MOV, at, base, 0, 0);
	if (!cg_lvalue_is_dmem(g, n->left))
		cg_far_read(g);
	if (cg_class_of(n->left->type) == CG_DOUBLE) {
		cg_add_offset(g, base, off);
		cg_emit(g, DL_OP_LDF, old, base, 0, (int32_t)size);
		step_value(g, n, new, old);
		cg_emit(g, DL_OP_STF, base, new, 0, (int32_t)size);
	} else {
		cg_emit_load(g, old, base, off + f.off, f.size, f.is_signed);
		if (f.bits) {
			cg_shift(g, DL_OP_SHR, old, f.shift);
			cg_emit(g, f.is_signed ? DL_OP_SX : DL_OP_ZX, old, old, 0, (int32_t)f.bits);
		}
		step_value(g, n, new, old);
		store_scalar(g, n->left, new, at, off);
	}
	if (n->op == DL_O_PREINC || n->op == DL_O_PREDEC)
		cg_emit(g, DL_OP_MOV, old, new, 0, 0);
}

/* What leads to D memory still does; what near can compute becomes a sum. */
static void note_step(struct gen *g, const struct dl_node *n, uint32_t i)
{
	bool down = n->op == DL_O_PREDEC || n->op == DL_O_POSTDEC;
	const struct dl_var *v = n->left->ident->var;
	struct dl_node *sum, *step;
	struct cg_near f;

	struct cg_known k = cg_known_of(g, i);

	if (!k.near)
		return;
	sum = dl_node_new(g->c->arena, DL_N_BINARY, n->range);
	step = dl_node_new(g->c->arena, DL_N_INT, n->range);
	step->value = n->value;
	sum->op = down ? DL_O_SUB : DL_O_ADD;
	sum->left = (struct dl_node *)(uintptr_t)k.near;
	sum->right = step;
	step->type = sum->type = n->left->type;
	if (g->cond_depth || v->value.size != 8 || !cg_near_ok(g, sum, &f))
		sum = NULL;
	k.near = sum;
	cg_know(g, k);
}

static void step_var(struct gen *g, const struct dl_node *n, unsigned old)
{
	const struct dl_var *v = n->left->ident->var;
	unsigned keys = v->is_assoc ? var_keys(g, n->left) : g->cur->top;
	unsigned new = cg_push(g);

	uint32_t i = cg_var_index(g, v);

	load(g, v, keys, old);
	step_value(g, n, new, old);
	store(g, v, keys, new);
	note_step(g, n, i);
	if (n->op == DL_O_PREINC || n->op == DL_O_PREDEC)
		cg_emit(g, DL_OP_MOV, old, new, 0, 0);
}

unsigned cg_incdec(struct gen *g, const struct dl_node *n)
{
	unsigned old = cg_push(g);

	if (cg_is_var(n->left))
		step_var(g, n, old);
	else
		step_object(g, n, old);
	cg_pop(g, old + 1);
	return old;
}
