/*
 * Declarations of variables and external symbols, as the parser meets them.
 *
 * A variable may be declared again with the same type; anything else with a
 * known name is a redeclaration error that shows both.
 */
#include <string.h>

#include "sema_int.h"

static struct dl_idents *table_of(struct dl_ctx *c, enum dl_scope scope)
{
	return scope == DL_SCOPE_SELF ? c->tls : scope == DL_SCOPE_THIS ? c->locals : c->globals;
}

static bool same_keys(const struct dl_ident *id, struct dl_type **keys, uint32_t n_keys)
{
	if (!id->keys_known || id->n_keys != n_keys)
		return false;
	for (uint32_t i = 0; i < n_keys; i++) {
		if (!dl_type_equal(id->keys[i], keys[i]))
			return false;
	}
	return true;
}

static const char *signature(struct dl_ctx *c, struct dl_type *t, const char *name,
			     struct dl_type **keys, uint32_t n_keys, bool is_assoc)
{
	const char *text =
		arena_printf(c->arena, "%s %s", t ? dl_type_name(c->types, t) : "?", name);

	if (!is_assoc)
		return text;
	for (uint32_t i = 0; i < n_keys; i++)
		text = arena_printf(c->arena, "%s%s%s", text, i ? ", " : "[",
				    dl_type_name(c->types, keys[i]));
	return arena_printf(c->arena, "%s]", text);
}

static void redeclared(struct dl_ctx *c, struct dl_range range, const struct dl_ident *id,
		       const char *current)
{
	const char *previous =
		signature(c, id->type, id->name, id->keys, id->n_keys, id->kind == DL_ID_ARRAY);

	if (id->kind == DL_ID_SCALAR && !id->is_builtin && id->line)
		previous = arena_printf(c->arena, "%s (line %u)", previous, id->line);
	else if (id->kind != DL_ID_ARRAY && id->kind != DL_ID_SCALAR)
		previous = arena_printf(c->arena, "%s %s", sema_kind_word(id), id->name);
	dl_error(c, D_DECL_IDRED, range,
		 "identifier redeclared: %s\n\t current: %s\n\tprevious: %s", id->name, current,
		 previous);
}

static bool object_ok(struct dl_ctx *c, struct sema *s, struct dl_type *type, struct dl_range range)
{
	struct dl_type *b = sema_complete(s, type);

	if (b->kind == DL_VOID) {
		dl_error(c, D_DECL_VOIDOBJ, range, "cannot declare void object");
		return false;
	}
	if (b->kind == DL_FORWARD || (b->kind == DL_ARRAY && !sema_size(s, type))) {
		dl_error(c, D_DECL_INCOMPLETE, range, "incomplete type: %s",
			 dl_type_name(c->types, type));
		return false;
	}
	return true;
}

void dl_sema_declare_var(struct dl_ctx *c, enum dl_scope scope, const char *name,
			 struct dl_type *type, struct dl_type **keys, uint32_t n_keys,
			 bool is_assoc, struct dl_range range)
{
	struct dl_idents *table = table_of(c, scope);
	enum dl_ident_kind kind = is_assoc ? DL_ID_ARRAY : DL_ID_SCALAR;
	struct dl_ident *id = sema_find(c, table, name);
	struct sema s;

	sema_init(&s, c);
	if (scope == DL_SCOPE_THIS && is_assoc) {
		dl_error(c, D_DECL_LOCASSC, range,
			 "clause-local variables may not be associative arrays: %s", name);
		return;
	}
	if (id && !id->is_builtin && id->kind == kind && id->type &&
	    dl_type_equal(id->type, type) && (!is_assoc || same_keys(id, keys, n_keys)))
		return;
	if (id && (id->type || id->is_builtin || id->kind != kind)) {
		redeclared(c, range, id, signature(c, type, name, keys, n_keys, is_assoc));
		return;
	}
	if (!object_ok(c, &s, type, range))
		return;
	if (!id)
		id = dl_idents_add(table, name, kind);
	id->type = type;
	id->is_declared = true;
	id->keys = keys;
	id->n_keys = n_keys;
	id->keys_known = true;
	sema_var_place(&s, id, scope, range);
}

void dl_sema_check_late(struct dl_ctx *c, unsigned unit)
{
	for (size_t i = 0; i < c->shadowing.n; i++) {
		const struct dl_ident *id = c->shadowing.items[i], *later = id->shadows;
		struct dl_range range = { .line = later->line, .source = c->source };
		const char *current;

		if (later->unit != unit || !id->type)
			continue;
		if (id->kind == later->kind && later->type &&
		    dl_type_equal(id->type, later->type) &&
		    (id->kind != DL_ID_ARRAY || same_keys(id, later->keys, later->n_keys)))
			continue;
		if (later->kind == DL_ID_SCALAR || later->kind == DL_ID_ARRAY)
			current = signature(c, later->type, later->name, later->keys, later->n_keys,
					    later->kind == DL_ID_ARRAY);
		else
			current =
				arena_printf(c->arena, "%s %s", sema_kind_word(later), later->name);
		redeclared(c, range, id, current);
	}
}

void dl_sema_declare_extern(struct dl_ctx *c, const char *name, struct dl_type *type,
			    struct dl_range range)
{
	struct dl_ident *id = sema_find(c, c->globals, name);

	if (id && id->kind == DL_ID_SYMBOL && id->type && dl_type_equal(id->type, type))
		return;
	if (id) {
		redeclared(c, range, id, signature(c, type, name, NULL, 0, false));
		return;
	}
	id = dl_idents_add(c->globals, name, DL_ID_SYMBOL);
	id->type = type;
	id->attr = DL_ATTR_STABLE;
	id->is_declared = true;
	id->line = range.line;
}
