/*
 * Bump allocator and string interning: see arena.h.
 */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK ((size_t)64 * 1024)
#define ARENA_ALIGN ((size_t)16)

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used;
	_Alignas(16) char data[];
};

struct interned {
	struct interned *next;
	uint64_t hash;
	size_t len;
	char text[];
};

struct arena {
	struct chunk *chunks;
	size_t used;
	void (*nomem)(void *);
	void *nomem_ctx;
	struct interned **table;
	size_t table_size; /* power of two */
	size_t table_used;
};

struct arena *arena_create(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_destroy(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->chunks; c;) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
	free(a->table);
	free(a);
}

void arena_on_nomem(struct arena *a, void (*fn)(void *), void *ctx)
{
	a->nomem = fn;
	a->nomem_ctx = ctx;
}

static _Noreturn void out_of_memory(struct arena *a)
{
	if (a->nomem)
		a->nomem(a->nomem_ctx);
	abort();
}

static struct chunk *chunk_add(struct arena *a, size_t need)
{
	size_t size = need > ARENA_CHUNK / 4 ? need : ARENA_CHUNK;
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		out_of_memory(a);
	c->size = size;
	/* A big object gets a chunk of its own behind the current one. */
	if (a->chunks && size == need) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
	}
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;

	if (size > SIZE_MAX / 2)
		out_of_memory(a);
	size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (size == 0)
		size = ARENA_ALIGN;
	if (!c || c->size - c->used < size)
		c = chunk_add(a, size);
	void *p = c->data + c->used;

	c->used += size;
	a->used += size;
	return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory(a);
	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, const void *old, size_t old_n, size_t new_n, size_t size)
{
	void *p = arena_calloc(a, new_n, size);

	if (old_n)
		memcpy(p, old, (old_n < new_n ? old_n : new_n) * size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		n = 0;
	char *p = arena_alloc(a, (size_t)n + 1);

	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

static uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h;
}

static void table_grow(struct arena *a)
{
	size_t size = a->table_size ? a->table_size * 2 : 256;
	struct interned **table = calloc(size, sizeof(*table));

	if (!table)
		out_of_memory(a);
	for (size_t i = 0; i < a->table_size; i++) {
		for (struct interned *e = a->table[i]; e;) {
			struct interned *next = e->next;
			struct interned **slot = &table[e->hash & (size - 1)];

			e->next = *slot;
			*slot = e;
			e = next;
		}
	}
	free(a->table);
	a->table = table;
	a->table_size = size;
}

const char *arena_intern(struct arena *a, const char *s, size_t n)
{
	uint64_t h = hash_bytes(s, n);

	if (a->table_used >= a->table_size)
		table_grow(a);
	struct interned **slot = &a->table[h & (a->table_size - 1)];

	for (struct interned *e = *slot; e; e = e->next)
		if (e->hash == h && e->len == n && !memcmp(e->text, s, n))
			return e->text;
	struct interned *e = arena_alloc(a, sizeof(*e) + n + 1);

	e->hash = h;
	e->len = n;
	memcpy(e->text, s, n);
	e->next = *slot;
	*slot = e;
	a->table_used++;
	return e->text;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
