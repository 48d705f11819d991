/*
 * Bump allocator.  Everything made while compiling a session's programs lives
 * in one arena and is freed as a whole; there is no per-object free.
 * Memory is zeroed and aligned to 16 bytes.  Running out of memory ends the
 * compilation through the arena's out-of-memory hook (see arena_on_nomem), so
 * callers need no NULL checks.
 */
#ifndef DL_ARENA_H
#define DL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_create(void); /* NULL when out of memory */
void arena_destroy(struct arena *a); /* NULL is fine */

/* Called instead of returning NULL; must not return.  Default: abort(). */
void arena_on_nomem(struct arena *a, void (*fn)(void *), void *ctx);

void *arena_alloc(struct arena *a, size_t size);
/* n * size with overflow checked. */
void *arena_calloc(struct arena *a, size_t n, size_t size);
/* A copy of old (old_n elements) with room for new_n. */
void *arena_grow(struct arena *a, const void *old, size_t old_n, size_t new_n, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);
/* One copy per distinct string; compare results by address. */
const char *arena_intern(struct arena *a, const char *s, size_t n);
/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_calloc((a), (n), sizeof(type)))

#endif
