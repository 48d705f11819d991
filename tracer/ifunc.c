/*
 * Which function an indirect function (STT_GNU_IFUNC) stands for.
 *
 * The symbol is that of a resolver, which the dynamic linker calls; what it
 * returns ends up in slots: those of IRELATIVE relocations, which name the
 * resolver by address and are filled when the object is loaded, and those of
 * any object that refers to the function by name, filled when it is bound.
 * So the choice is read from the slots of the running process.  A slot that
 * isn't bound yet holds the address of a PLT entry, and is ignored, as is
 * anything that is not the start of a function of the same object (time() of
 * the C library may end up in the vDSO).
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../arch/arch.h"
#include "object_table.h"

/* Size of the function that starts at a link-time address; 0: none does. */
static uint64_t function_size(const struct image *img, uint64_t addr)
{
	const struct sym *s = image_symbol_covering(img, addr);
	uint64_t start, size;

	if (s && s->addr == addr && s->type == STT_FUNC && s->size)
		return s->size;
	return image_fde_at(img, addr, &start, &size) && start == addr ? size : 0;
}

static const struct sym *known(const struct obj *o, const struct sym *ifunc)
{
	for (size_t i = 0; i < o->impls.n; i++)
		if (o->impls.items[i]->ifunc->addr == ifunc->addr)
			return &o->impls.items[i]->sym;
	return NULL;
}

static void add(struct obj *o, const struct sym *ifunc, uint64_t value)
{
	const struct image *img = o->pub.image;
	uint64_t addr = value - o->pub.bias, size;

	if (value < o->pub.lo || value >= o->pub.hi || addr == ifunc->addr ||
	    !image_is_code(img, addr) || image_is_plt(img, addr) ||
	    !(size = function_size(img, addr)))
		return;
	struct impl *impl = malloc(sizeof(*impl));

	if (!impl)
		return;
	ifunc = image_symbol_canonical(img, ifunc);
	*impl = (struct impl){
		.sym = { .name = ifunc->name,
			 .addr = addr,
			 .size = size,
			 .type = STT_FUNC,
			 .bind = ifunc->bind },
		.ifunc = ifunc,
	};
	if (!vec_push(&o->impls, impl))
		free(impl);
}

struct search {
	struct obj *o; /* has the ifuncs */
	struct obj *owner; /* whose relocations are looked at */
	const struct sym *wanted; /* NULL: all */
};

/* The ifunc whose resolver is at a link-time address. */
static const struct sym *by_resolver(const struct image *img, uint64_t addr)
{
	const struct sym *s = image_symbol_covering(img, addr);

	return s && s->addr == addr && s->type == STT_GNU_IFUNC ? s : NULL;
}

static bool keep_ifunc(void *arg, const struct sym *s)
{
	const struct sym **ret = arg;

	if (s->type != STT_GNU_IFUNC)
		return true;
	*ret = s;
	return false;
}

static bool see_reloc(void *arg, const struct image_reloc *r)
{
	struct search *q = arg;
	const struct sym *s = NULL;
	uint64_t value;

	if (r->kind == ARCH_RELOC_IRELATIVE && q->owner == q->o)
		s = by_resolver(q->o->pub.image, (uint64_t)r->addend);
	else if (r->kind == ARCH_RELOC_SLOT && *r->symbol)
		image_symbol_by_name(q->o->pub.image, r->symbol, keep_ifunc, &s);
	if (!s || (q->wanted && s->addr != q->wanted->addr) || known(q->o, s))
		return true;
	if (objects_read(q->o->table, r->slot + q->owner->pub.bias, &value, sizeof(value)) ==
	    sizeof(value))
		add(q->o, s, value);
	return !q->wanted || !known(q->o, s);
}

static void search(struct obj *o, const struct sym *wanted)
{
	struct search q = { .o = o, .owner = o, .wanted = wanted };
	struct objects *os = o->table;

	image_relocs(o->pub.image, see_reloc, &q);
	for (size_t i = 0; i < os->live.n && !(wanted && known(o, wanted)); i++) {
		q.owner = os->live.items[i];
		if (q.owner != o)
			image_relocs(q.owner->pub.image, see_reloc, &q);
	}
}

const struct sym *ifunc_resolve(struct obj *o, const struct sym *ifunc)
{
	const struct sym *s = known(o, ifunc);

	if (s)
		return s;
	search(o, ifunc);
	return known(o, ifunc);
}

void ifunc_resolve_all(struct obj *o)
{
	search(o, NULL);
}
