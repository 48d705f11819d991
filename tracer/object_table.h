/*
 * Inside of the object table: shared by object.c, object_match.c, ifunc.c and
 * unwind.c only.
 */
#ifndef OBJECT_TABLE_H
#define OBJECT_TABLE_H

#include "image.h"
#include "object.h"

/* What an ifunc was resolved to: sym has its name and the implementation's address. */
struct impl {
	struct sym sym;
	const struct sym *ifunc; /* borrowed from the image */
};

struct obj {
	struct object pub; /* first: struct object * and struct obj * are the same address */
	struct objects *table;
	char *path;
	uint64_t dev, ino;
	uint64_t map_lo; /* of the executable mapping it was found by */
	bool is_seen; /* in the refresh that runs */
	VEC(struct impl *) impls;
};

struct range {
	uint64_t lo, hi;
};

/* An executable mapping that isn't (usable) ELF; not opened again. */
struct reject {
	uint64_t dev, ino, map_lo;
};

struct jitmap;

struct objects {
	pid_t pid;
	unsigned generation;
	char *exe; /* what /proc/PID/exe says; "" unknown */
	struct obj *vdso; /* NULL if there is none; not in the lists */
	VEC(struct obj *) live; /* by address */
	VEC(struct obj *) gone; /* oldest first */
	VEC(struct range) code; /* executable mappings that are in no object */
	VEC(struct reject) rejects;
	size_t (*read)(void *arg, uint64_t addr, void *buf, size_t len);
	void *read_arg;
	bool raw_names; /* not demangled */
	struct jitmap *jit; /* made on first use */
};

static inline struct obj *obj_of(struct object *o)
{
	return (struct obj *)(void *)o;
}

/* Target memory; how much was read. */
size_t objects_read(struct objects *os, uint64_t addr, void *buf, size_t len);
/* As objects_find(), live ones only, and the vDSO. */
struct obj *objects_find_code(const struct objects *os, uint64_t addr);
/* Could code be executed at addr, as far as the last refresh knows? */
bool objects_is_code(const struct objects *os, uint64_t addr);
/* Reads anew what executable mappings there are besides the objects. */
void objects_rescan_code(struct objects *os);

/* ifunc.c: the implementation of an ifunc, once it has been chosen; NULL. */
const struct sym *ifunc_resolve(struct obj *o, const struct sym *ifunc);
/* Resolves all of them at once. */
void ifunc_resolve_all(struct obj *o);

#endif
