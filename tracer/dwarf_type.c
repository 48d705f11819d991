/*
 * DIEs to D's types.
 *
 * A struct, union or enum is made empty, with its size; its members are read
 * when it is completed, so that a pointer costs nothing but itself.  What a
 * DIE was converted to is kept, so one DIE is one type.
 *
 * DWARF can be circular where C can't (a typedef of itself, a struct that
 * contains itself): a DIE that is being converted counts as void, and a member
 * whose type is being completed is left out.  So every type made here is a
 * finite tree but for pointers.
 */
#include "dwarf_type.h"

#include <dwarf.h>
#include <string.h>

#include "../dlang/arena.h"
#include "dwarf_type_int.h"

#define DEPTH_MAX 64
#define MEMBERS_MAX 65536u
#define DIMENSIONS_MAX 16

/* What is not known yet of a tagged type (dl_type.host_data). */
struct lazy {
	struct debuginfo *di;
	Dwarf_Die die;
	bool is_busy, is_done;
};

struct debug_type_slot {
	const void *key; /* DIE's address */
	struct dl_type *type;
};

struct conv {
	struct debuginfo *di;
	struct dl_types *ts;
	struct arena *arena;
	unsigned depth;
};

static struct dl_type *convert(struct conv *c, Dwarf_Die *die);

/* -------------------------------------------------------------- cache -- */

static struct debug_type_slot *find_slot(struct debuginfo *di, const void *key)
{
	size_t i = (size_t)(((uintptr_t)key * 0x9e3779b97f4a7c15u) >> 20);

	for (;; i++) {
		struct debug_type_slot *s = &di->slots[i & (di->n_slots - 1)];

		if (!s->key || s->key == key)
			return s;
	}
}

static bool make_room(struct debuginfo *di)
{
	size_t n_old = di->n_slots;
	struct debug_type_slot *old = di->slots;

	if (di->n_slots_used + 1 <= n_old / 2)
		return true;
	size_t n = n_old ? n_old * 2 : 256;
	struct debug_type_slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	di->slots = slots;
	di->n_slots = n;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].key)
			*find_slot(di, old[i].key) = old[i];
	free(old);
	return true;
}

static void remember(struct debuginfo *di, const void *key, struct dl_type *t)
{
	if (!make_room(di))
		return;
	struct debug_type_slot *s = find_slot(di, key);

	if (!s->key)
		di->n_slots_used++;
	*s = (struct debug_type_slot){ key, t };
}

/* The cache is of one set of types; another starts anew. */
static struct conv begin(struct debuginfo *di, struct dl_types *ts)
{
	if (di->types != ts) {
		free(di->slots);
		di->slots = NULL;
		di->n_slots = di->n_slots_used = 0;
		di->types = ts;
	}
	return (struct conv){ .di = di, .ts = ts, .arena = dl_types_arena(ts) };
}

/* --------------------------------------------------------- small parts -- */

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	const char *name = dwarf_attr_integrate(die, DW_AT_name, &a) ? dwarf_formstring(&a) : NULL;

	return name && *name ? name : NULL;
}

static struct dl_type *type_of(struct conv *c, Dwarf_Die *die)
{
	Dwarf_Die type;

	if (!debuginfo_ref(die, DW_AT_type, &type))
		return dl_types_basic(c->ts, DL_T_VOID);
	return convert(c, &type);
}

static uint64_t size_of(Dwarf_Die *die)
{
	uint64_t size;

	return debuginfo_number(die, DW_AT_byte_size, &size) && size <= UINT32_MAX ? size : 0;
}

static struct dl_type *named(struct conv *c, const char *name, struct dl_type *of)
{
	struct dl_type *t;

	if (!name)
		return of;
	t = dl_type_new(c->ts, DL_TYPEDEF, name);
	t->ref = of;
	t->size = of->size;
	t->align = of->align;
	return t;
}

/* --------------------------------------------------------- base types -- */

static struct dl_type *integer(struct conv *c, uint64_t size, bool is_signed)
{
	static const enum dl_basic by_size[2][4] = {
		{ DL_T_UCHAR, DL_T_USHORT, DL_T_UINT, DL_T_ULONG },
		{ DL_T_SCHAR, DL_T_SHORT, DL_T_INT, DL_T_LONG },
	};

	switch (size) {
	case 1: return dl_types_basic(c->ts, by_size[is_signed][0]);
	case 2: return dl_types_basic(c->ts, by_size[is_signed][1]);
	case 4: return dl_types_basic(c->ts, by_size[is_signed][2]);
	case 8: return dl_types_basic(c->ts, by_size[is_signed][3]);
	default: return NULL;
	}
}

static struct dl_type *bytes(struct conv *c, uint64_t size)
{
	if (size % 8 == 0)
		return dl_type_array(c->ts, dl_types_basic(c->ts, DL_T_ULONG), size / 8);
	return dl_type_array(c->ts, dl_types_basic(c->ts, DL_T_UCHAR), size);
}

static struct dl_type *by_encoding(struct conv *c, Dwarf_Die *die, uint64_t encoding, uint64_t size)
{
	struct dl_type *t = NULL;

	switch (encoding) {
	case DW_ATE_boolean:
		t = size == 1 ? dl_types_basic(c->ts, DL_T_BOOL) : integer(c, size, false);
		break;
	case DW_ATE_float:
		if (size == 4)
			t = dl_types_basic(c->ts, DL_T_FLOAT);
		else if (size == 8)
			t = dl_types_basic(c->ts, DL_T_DOUBLE);
		else if (name_of(die) && !strcmp(name_of(die), "long double") && size == 16)
			t = dl_types_basic(c->ts, DL_T_LDOUBLE);
		break;
	case DW_ATE_signed:
	case DW_ATE_signed_char: t = integer(c, size, true); break;
	case DW_ATE_complex_float:
		return dl_type_array(
			c->ts, dl_types_basic(c->ts, size == 8 ? DL_T_FLOAT : DL_T_DOUBLE), 2);
	default: t = integer(c, size, false); break;
	}
	return t ? t : bytes(c, size);
}

/* D's own type of the name if it is the same thing; else one that is called so. */
static struct dl_type *base_type(struct conv *c, Dwarf_Die *die)
{
	const char *name = name_of(die);
	struct dl_type *t, *own;
	uint64_t encoding;

	if (!debuginfo_number(die, DW_AT_encoding, &encoding))
		encoding = DW_ATE_unsigned;
	t = by_encoding(c, die, encoding, size_of(die));
	own = name ? dl_types_lookup(c->ts, name) : NULL;
	if (own && own->kind == t->kind && own->size == t->size && own->is_signed == t->is_signed &&
	    own->is_bool == t->is_bool && (t->kind == DL_INT || t->kind == DL_FLOAT))
		return own;
	return named(c, name, t);
}

/* ------------------------------------------------- arrays, functions -- */

/* Elements of one dimension; 0: not said. */
static uint64_t count_of(Dwarf_Die *range)
{
	uint64_t n, lower = 0;
	Dwarf_Attribute a;

	if (debuginfo_number(range, DW_AT_count, &n))
		return n <= UINT32_MAX ? n : 0;
	/* A bound that is a variable's is unknown here. */
	if (!dwarf_attr_integrate(range, DW_AT_upper_bound, &a) ||
	    dwarf_whatform(&a) == DW_FORM_exprloc || dwarf_formudata(&a, &n))
		return 0;
	(void)debuginfo_number(range, DW_AT_lower_bound, &lower);
	n = n - lower + 1;
	return n <= UINT32_MAX ? n : 0;
}

static struct dl_type *array_type(struct conv *c, Dwarf_Die *die)
{
	uint64_t counts[DIMENSIONS_MAX];
	struct dl_type *t = type_of(c, die);
	Dwarf_Die range;
	unsigned n = 0;

	if (debuginfo_child(die, &range)) {
		do {
			int tag = dwarf_tag(&range);

			if ((tag == DW_TAG_subrange_type || tag == DW_TAG_enumeration_type) &&
			    n < DIMENSIONS_MAX)
				counts[n++] = count_of(&range);
		} while (debuginfo_next(&range));
	}
	if (!n)
		counts[n++] = 0;
	while (n)
		t = dl_type_array(c->ts, t, counts[--n]);
	return t;
}

static void add_params(struct conv *c, struct dl_type *t, Dwarf_Die *die)
{
	struct dl_type *params[64];
	Dwarf_Die child;

	if (!debuginfo_child(die, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_formal_parameter:
			if (t->n_params < ARRAY_SIZE(params))
				params[t->n_params++] = type_of(c, &child);
			break;
		case DW_TAG_unspecified_parameters: t->is_variadic = true; break;
		default: break;
		}
	} while (debuginfo_next(&child));
	t->params = ARENA_ARRAY(c->arena, t->n_params + 1, struct dl_type *);
	memcpy(t->params, params, t->n_params * sizeof(params[0]));
}

static struct dl_type *func_type(struct conv *c, Dwarf_Die *die)
{
	struct dl_type *t = dl_type_new(c->ts, DL_FUNC, NULL);

	t->ref = type_of(c, die);
	add_params(c, t, die);
	return t;
}

/* -------------------------------------------------------- tagged types -- */

enum dl_kind dwarf_tag_kind(int tag)
{
	return tag == DW_TAG_union_type	      ? DL_UNION :
	       tag == DW_TAG_enumeration_type ? DL_ENUM :
						DL_STRUCT;
}

bool dwarf_tag_is_type(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static struct dl_type *tagged_type(struct conv *c, Dwarf_Die *die)
{
	Dwarf_Die unit;

	/* -fdebug-types-section: what stands here only refers to the type's own unit. */
	if (debuginfo_ref(die, DW_AT_signature, &unit) && unit.addr != die->addr &&
	    dwarf_tag_is_type(dwarf_tag(&unit)))
		return convert(c, &unit);
	enum dl_kind kind = dwarf_tag_kind(dwarf_tag(die));
	struct lazy *lazy = ARENA_NEW(c->arena, struct lazy);
	bool is_forward = debuginfo_flag(die, DW_AT_declaration);
	struct dl_type *t = dl_type_new(c->ts, is_forward ? DL_FORWARD : kind, name_of(die));

	t->forward_of = is_forward ? kind : 0;
	t->size = is_forward ? 0 : size_of(die);
	lazy->di = c->di;
	lazy->die = *die;
	t->host_data = lazy;
	return t;
}

struct definition {
	enum dl_kind kind;
	Dwarf_Die die;
	bool is_found;
};

static bool see_definition(void *arg, Dwarf_Die *die)
{
	struct definition *d = arg;
	int tag = dwarf_tag(die);

	if (!dwarf_tag_is_type(tag) || dwarf_tag_kind(tag) != d->kind)
		return true;
	d->die = *die;
	d->is_found = true;
	return false;
}

/* ------------------------------------------------------------ members -- */

struct members {
	struct conv *c;
	struct dl_type *of;
	VEC(struct dl_member) list;
	VEC(struct dl_presence) presence;
	struct dl_presence now; /* of the variant that is being read */
	unsigned depth; /* of variant parts */
};

static bool complete(struct conv *c, struct dl_type *t);

/* Byte offset of a member; false: it depends on the object (virtual base). */
static bool member_offset(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Word v;
	Dwarf_Op *ops;
	size_t n;

	*ret = 0;
	if (!dwarf_attr_integrate(die, DW_AT_data_member_location, &a))
		return true;
	if (!dwarf_formudata(&a, &v)) {
		*ret = v;
		return v <= UINT32_MAX;
	}
	if (dwarf_getlocation(&a, &ops, &n) || n != 1 || ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = ops[0].number;
	return *ret <= UINT32_MAX;
}

/* Where a bit-field is, of the four ways to say it. */
static void bit_place(Dwarf_Die *die, struct dl_type *type, uint64_t offset, struct dl_member *m)
{
	uint64_t bits, at, storage;

	m->bit_offset = offset * 8;
	if (!debuginfo_number(die, DW_AT_bit_size, &bits) || !bits || bits > 64)
		return;
	m->bits = (uint32_t)bits;
	if (debuginfo_number(die, DW_AT_data_bit_offset, &at)) {
		if (at <= (uint64_t)UINT32_MAX * 8)
			m->bit_offset = at;
		return;
	}
	if (!debuginfo_number(die, DW_AT_bit_offset, &at))
		return;
	if (!debuginfo_number(die, DW_AT_byte_size, &storage) || storage > 16)
		storage = dl_type_base(type)->size;
	/* Counted from the most significant bit of the storage unit. */
	m->bit_offset += storage * 8 - at - bits;
}

/* Structs inside are read at once: print() shows them.  false: it contains itself. */
static bool complete_value(struct conv *c, struct dl_type *t)
{
	struct lazy *lazy;

	t = dl_type_base(t);
	while (t->kind == DL_ARRAY && t->ref)
		t = dl_type_base(t->ref);
	lazy = t->host_data;
	if (!lazy || lazy->is_done)
		return true;
	if (lazy->is_busy)
		return false;
	(void)complete(c, t);
	return true;
}

static void add_member(struct members *ms, Dwarf_Die *die, bool is_base)
{
	struct dl_member m = { .name = is_base ? NULL : name_of(die) };
	uint64_t offset;

	if (ms->list.n >= MEMBERS_MAX || !member_offset(die, &offset))
		return;
	if (!is_base &&
	    (debuginfo_flag(die, DW_AT_external) || debuginfo_flag(die, DW_AT_declaration)))
		return; /* static: a variable */
	m.type = type_of(ms->c, die);
	if (m.name)
		m.name = arena_intern(ms->c->arena, m.name, strlen(m.name));
	bit_place(die, m.type, offset, &m);
	if (!complete_value(ms->c, m.type))
		return;
	uint32_t align = dl_type_base(m.type)->align;

	if (align > ms->of->align)
		ms->of->align = align;
	if (vec_push(&ms->presence, ms->now))
		(void)vec_push(&ms->list, m);
}

/* The discriminant of a variant part; NULL: it has none that is understood. */
static struct dl_variants *read_discriminant(struct conv *c, Dwarf_Die *part)
{
	Dwarf_Die discr, type;
	uint64_t at, size;

	if (!debuginfo_ref(part, DW_AT_discr, &discr) || !member_offset(&discr, &at) ||
	    !debuginfo_ref(&discr, DW_AT_type, &type) ||
	    !debuginfo_number(&type, DW_AT_byte_size, &size) || !size || size > 8)
		return NULL;
	struct dl_variants *vs = ARENA_ARRAY(c->arena, 1, struct dl_variants);
	Dwarf_Die die;
	size_t n = 0;

	*vs = (struct dl_variants){ .at = at, .size = (uint32_t)size };
	if (debuginfo_child(part, &die))
		do
			n++;
		while (n < MEMBERS_MAX && debuginfo_next(&die));
	vs->values = ARENA_ARRAY(c->arena, n + 1, uint64_t);
	return vs;
}

static void add_members(struct members *ms, Dwarf_Die *parent);

/* Rust: which of the variants a member is of, and what tells which is there. */
static void add_variants(struct members *ms, Dwarf_Die *part)
{
	const struct dl_presence before = ms->now;
	struct dl_variants *vs = read_discriminant(ms->c, part);
	uint64_t value;
	Dwarf_Die die;

	if (!debuginfo_child(part, &die))
		return;
	ms->now.variants = vs;
	for (unsigned i = 0; i < MEMBERS_MAX; i++) {
		bool is_variant = dwarf_tag(&die) == DW_TAG_variant;

		ms->now.which = UINT64_MAX; /* the one without a value */
		if (is_variant && vs && debuginfo_number(&die, DW_AT_discr_value, &value)) {
			if (vs->size < 8)
				value &= (UINT64_C(1) << 8 * vs->size) - 1;
			ms->now.which = vs->n;
			vs->values[vs->n++] = value;
		}
		if (is_variant)
			add_members(ms, &die);
		if (!debuginfo_next(&die))
			break;
	}
	ms->now = before;
}

static void add_members(struct members *ms, Dwarf_Die *parent)
{
	Dwarf_Die die;

	if (ms->depth > 8 || !debuginfo_child(parent, &die))
		return;
	ms->depth++;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_member: add_member(ms, &die, false); break;
		case DW_TAG_inheritance: add_member(ms, &die, true); break;
		case DW_TAG_variant_part: add_variants(ms, &die); break;
		default: break;
		}
	} while (debuginfo_next(&die));
	ms->depth--;
}

static struct dl_presence *presence_of(const struct members *ms)
{
	struct dl_presence *ps = NULL;
	bool is_any = false;

	for (size_t i = 0; i < ms->list.n; i++)
		is_any |= ms->presence.items[i].variants != NULL;
	if (!is_any)
		return NULL;
	ps = ARENA_ARRAY(ms->c->arena, ms->list.n, struct dl_presence);
	for (size_t i = 0; i < ms->list.n; i++) {
		ps[i] = ms->presence.items[i];
		if (ps[i].variants && ps[i].which == UINT64_MAX)
			ps[i].which = ps[i].variants->n;
	}
	return ps;
}

static void read_members(struct conv *c, struct dl_type *t, Dwarf_Die *die)
{
	struct members ms = { .c = c, .of = t };

	add_members(&ms, die);
	t->members = ARENA_ARRAY(c->arena, ms.list.n + 1, struct dl_member);
	if (ms.list.n)
		memcpy(t->members, ms.list.items, ms.list.n * sizeof(ms.list.items[0]));
	t->n_members = ms.list.n;
	t->presence = presence_of(&ms);
	vec_deinit(&ms.list);
	vec_deinit(&ms.presence);
}

static int64_t enum_value(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Sword s = 0;
	Dwarf_Word u = 0;

	if (!dwarf_attr(die, DW_AT_const_value, &a))
		return 0;
	if (dwarf_whatform(&a) == DW_FORM_sdata || dwarf_whatform(&a) == DW_FORM_implicit_const)
		return dwarf_formsdata(&a, &s) ? 0 : s;
	return dwarf_formudata(&a, &u) ? 0 : (int64_t)u;
}

static void read_enumerators(struct conv *c, struct dl_type *t, Dwarf_Die *die)
{
	VEC(struct dl_enumerator) list = { 0 };
	struct dl_type *under = dl_type_base(type_of(c, die));
	Dwarf_Die child;

	t->is_signed = under->kind == DL_INT && under->is_signed;
	if (debuginfo_child(die, &child)) {
		do {
			const char *name =
				dwarf_tag(&child) == DW_TAG_enumerator ? name_of(&child) : NULL;
			struct dl_enumerator e = { .value = name ? enum_value(&child) : 0 };

			if (!name || list.n >= MEMBERS_MAX)
				continue;
			e.name = arena_intern(c->arena, name, strlen(name));
			t->is_signed = t->is_signed || e.value < 0;
			(void)vec_push(&list, e);
		} while (debuginfo_next(&child));
	}
	t->enums = ARENA_ARRAY(c->arena, list.n + 1, struct dl_enumerator);
	if (list.n)
		memcpy(t->enums, list.items, list.n * sizeof(list.items[0]));
	t->n_enums = list.n;
	vec_deinit(&list);
}

void dwarf_type_become(struct dl_type *t, const struct dl_type *full)
{
	t->kind = full->kind;
	t->size = full->size;
	t->align = full->align;
	t->is_signed = full->is_signed;
	t->members = full->members;
	t->n_members = full->n_members;
	t->enums = full->enums;
	t->n_enums = full->n_enums;
}

/* A tag without a definition here becomes what its definition elsewhere is. */
static bool complete_forward(struct conv *c, struct dl_type *t)
{
	struct definition d = { .kind = t->forward_of };
	const char *name = t->name;

	if (!name)
		return false;
	debuginfo_each(c->di, DEBUG_TYPE, name, see_definition, &d);
	if (!d.is_found)
		return false;
	struct dl_type *full = convert(c, &d.die);

	if (full == t || full->kind != t->forward_of || !full->host_data || !complete(c, full))
		return false;
	dwarf_type_become(t, full);
	return true;
}

static bool complete(struct conv *c, struct dl_type *t)
{
	struct lazy *lazy = t->host_data;

	if (lazy->is_done)
		return t->kind != DL_FORWARD;
	if (lazy->is_busy || c->depth > DEPTH_MAX)
		return false;
	lazy->is_busy = true;
	c->depth++;
	if (t->kind == DL_FORWARD)
		lazy->is_done = complete_forward(c, t);
	else if (t->kind == DL_ENUM)
		read_enumerators(c, t, &lazy->die);
	else
		read_members(c, t, &lazy->die);
	c->depth--;
	lazy->is_busy = false;
	lazy->is_done = true;
	return t->kind != DL_FORWARD;
}

bool dwarf_type_complete(struct dl_types *ts, struct dl_type *t)
{
	struct lazy *lazy = t->host_data;

	if (!lazy)
		return false;
	struct conv c = begin(lazy->di, ts);

	return complete(&c, t);
}

/* ----------------------------------------------------------- all kinds -- */

static struct dl_type *make(struct conv *c, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type: return base_type(c, die);
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type: return dl_type_ptr(c->ts, type_of(c, die));
	case DW_TAG_ptr_to_member_type: return dl_types_basic(c->ts, DL_T_LONG);
	case DW_TAG_const_type: return dl_type_qual(c->ts, DL_CONST, type_of(c, die));
	case DW_TAG_volatile_type: return dl_type_qual(c->ts, DL_VOLATILE, type_of(c, die));
	case DW_TAG_restrict_type: return dl_type_qual(c->ts, DL_RESTRICT, type_of(c, die));
	case DW_TAG_atomic_type:
	case DW_TAG_shared_type:
	case DW_TAG_immutable_type:
	case DW_TAG_subrange_type: return type_of(c, die);
	case DW_TAG_typedef:
	case DW_TAG_template_alias: return named(c, name_of(die), type_of(c, die));
	case DW_TAG_array_type: return array_type(c, die);
	case DW_TAG_subroutine_type: return func_type(c, die);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: return tagged_type(c, die);
	default: return dl_types_basic(c->ts, DL_T_VOID);
	}
}

static struct dl_type *convert(struct conv *c, Dwarf_Die *die)
{
	const void *key = die->addr;
	struct dl_type *t;

	if (c->di->n_slots && find_slot(c->di, key)->key)
		return find_slot(c->di, key)->type;
	if (c->depth > DEPTH_MAX)
		return dl_types_basic(c->ts, DL_T_VOID);
	remember(c->di, key, dl_types_basic(c->ts, DL_T_VOID));
	c->depth++;
	t = make(c, die);
	c->depth--;
	remember(c->di, key, t);
	return t;
}

struct dl_type *dwarf_type_of(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die)
{
	struct conv c = begin(di, ts);

	return type_of(&c, die);
}

struct dl_type *dwarf_type_convert(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die)
{
	struct conv c = begin(di, ts);

	return convert(&c, die);
}

struct dl_type *dwarf_func_type(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die)
{
	struct conv c = begin(di, ts);

	return func_type(&c, die);
}
