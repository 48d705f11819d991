/*
 * Growing arrays and scope guards.
 *
 * A vector is three named members, declared with VEC(type): items, n, cap.
 * vec_push() doubles; it is an expression that is false when memory is out.
 */
#ifndef DL_VEC_H
#define DL_VEC_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define VEC(type)            \
	struct {             \
		type *items; \
		size_t n;    \
		size_t cap;  \
	}

/* Grows *items to hold need elements of size; false when out of memory. */
static inline bool vec_grow(void **items, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8, bytes;

	if (need <= *cap)
		return true;
	if (want < need)
		want = need;
	if (__builtin_mul_overflow(want, size, &bytes))
		return false;
	void *p = realloc(*items, bytes);

	if (!p)
		return false;
	*items = p;
	*cap = want;
	return true;
}

#define vec_reserve(v, need) vec_grow((void **)&(v)->items, &(v)->cap, (need), sizeof(*(v)->items))
#define vec_push(v, x) (vec_reserve(v, (v)->n + 1) ? ((v)->items[(v)->n++] = (x), true) : false)
#define vec_deinit(v) (free((v)->items), (v)->items = NULL, (v)->n = (v)->cap = 0)

/* Scope guards: _cleanup_(freep) char *p = ...; return take_ptr(p); */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
static inline void freep(void *p)
{
	free(*(void **)p);
}
static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

/* The same for a file descriptor of closep(). */
#define take_fd(p)              \
	({                      \
		int _fd = *(p); \
		*(p) = -1;      \
		_fd;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define must_check __attribute__((warn_unused_result))

#endif
