/*
 * Hash tables of identifiers.  Names are interned, so a slot is found by the
 * text's hash and compared by address.
 */
#include "ident.h"

#include <string.h>

#include "arena.h"

struct dl_idents {
	struct arena *arena;
	struct dl_idents *parent;
	const void *owner;
	unsigned unit;
	struct dl_ident **slots;
	size_t size; /* power of two */
	size_t used;
};

static size_t hash_name(const char *interned)
{
	return (size_t)(((uintptr_t)interned >> 4) * 0x9e3779b97f4a7c15ull >> 24);
}

struct dl_idents *dl_idents_create(struct arena *a, struct dl_idents *parent)
{
	struct dl_idents *t = ARENA_NEW(a, struct dl_idents);

	t->arena = a;
	t->parent = parent;
	t->size = 64;
	t->slots = ARENA_ARRAY(a, t->size, struct dl_ident *);
	return t;
}

void dl_idents_set_owner(struct dl_idents *t, const void *owner, unsigned unit)
{
	t->owner = owner;
	t->unit = unit;
}

struct dl_ident *dl_idents_lookup(const struct dl_idents *t, const char *name)
{
	if (!t)
		return NULL;
	name = arena_intern(t->arena, name, strlen(name));
	for (; t; t = t->parent) {
		struct dl_ident *id = t->slots[hash_name(name) & (t->size - 1)];

		while (id && id->name != name)
			id = id->next;
		if (id)
			return id;
	}
	return NULL;
}

static void grow(struct dl_idents *t)
{
	size_t size = t->size * 2;
	struct dl_ident **slots = ARENA_ARRAY(t->arena, size, struct dl_ident *);

	for (size_t i = 0; i < t->size; i++) {
		for (struct dl_ident *id = t->slots[i]; id;) {
			struct dl_ident *next = id->next;
			struct dl_ident **slot = &slots[hash_name(id->name) & (size - 1)];

			id->next = *slot;
			*slot = id;
			id = next;
		}
	}
	t->slots = slots;
	t->size = size;
}

struct dl_ident *dl_idents_add(struct dl_idents *t, const char *name, enum dl_ident_kind kind)
{
	if (t->used >= t->size)
		grow(t);
	struct dl_ident *id = ARENA_NEW(t->arena, struct dl_ident);

	id->name = arena_intern(t->arena, name, strlen(name));
	id->kind = kind;
	id->attr = DL_ATTR_STABLE;
	id->owner = t->owner;
	id->unit = t->unit;
	struct dl_ident **slot = &t->slots[hash_name(id->name) & (t->size - 1)];

	id->next = *slot;
	*slot = id;
	t->used++;
	return id;
}

void dl_idents_each(const struct dl_idents *t, void (*fn)(void *arg, const struct dl_ident *id),
		    void *arg)
{
	for (; t; t = t->parent)
		for (size_t i = 0; i < t->size; i++)
			for (const struct dl_ident *id = t->slots[i]; id; id = id->next)
				fn(arg, id);
}
