/*
 * Classic DOF: the tables of probes that DTrace's own link step (-G) leaves
 * in a program (providers document 6.3).  Every offset and index is checked
 * against the blob before it is used.
 *
 * A probe's address is that of its function, as the static linker relocated
 * it; in a shared object it may still be waiting for the dynamic linker, so the
 * function's symbol, if there is one, decides.
 */
#include <string.h>

#include "../dlang/arena.h"
#include "usdt.h"

#define HEADER_BYTES 64
#define SECTION_BYTES 32
#define SECTIONS_MAX 65536
#define VERSION_POINTER_TESTS 3

enum {
	SECT_STRTAB = 8,
	SECT_PROVIDER = 15,
	SECT_PROBES,
	SECT_PRARGS,
	SECT_PROFFS,
	SECT_PRENOFFS = 26
};

struct dof_sect {
	uint32_t type, align, flags, entsize;
	uint64_t offset, size;
};

struct dof_provider {
	uint32_t strtab, probes, prargs, proffs, name;
	uint32_t attr[5];
	uint32_t prenoffs; /* from version 2 on */
};

struct dof_probe {
	uint64_t addr;
	uint32_t func, name, nargv, xargv, argidx, offidx;
	uint8_t nargc, xargc;
	uint16_t noffs;
	uint32_t enoffidx;
	uint16_t nenoffs, pad1;
	uint32_t pad2;
};

_Static_assert(sizeof(struct dof_sect) == SECTION_BYTES && sizeof(struct dof_probe) == 48 &&
		       sizeof(struct dof_provider) == 44,
	       "the layout of the file");

/* One blob, and one provider in it. */
struct dof {
	struct usdt_list *list;
	const uint8_t *data;
	size_t len;
	uint8_t version;
	uint32_t secnum, secsize;
	uint64_t secoff;
	struct dof_sect strings, args, offsets, tests;
	const char *provider;
};

/* The section with this index and type. */
static bool section(const struct dof *d, uint32_t i, uint32_t type, struct dof_sect *ret)
{
	if (i >= d->secnum)
		return false;
	memcpy(ret, d->data + d->secoff + (uint64_t)i * d->secsize, sizeof(*ret));
	return ret->type == type && ret->offset <= d->len && ret->size <= d->len - ret->offset;
}

static const char *text(const struct dof *d, uint64_t offset)
{
	const char *s;

	if (offset >= d->strings.size)
		return NULL;
	s = (const char *)d->data + d->strings.offset + offset;
	return memchr(s, '\0', d->strings.size - offset) ? s : NULL;
}

/* Consecutive type names. */
static void read_types(const struct dof *d, uint32_t offset, unsigned n, const char **ret)
{
	uint64_t at = offset;

	for (unsigned i = 0; i < n && i < USDT_ARGS; i++) {
		ret[i] = text(d, at);
		if (!ret[i])
			return;
		at += strlen(ret[i]) + 1;
	}
}

static bool take_function(void *arg, const struct sym *s)
{
	*(uint64_t *)arg = s->addr;
	return false;
}

static void add_sites(const struct dof *d, struct usdt_site *s, const struct dof_sect *offsets,
		      uint64_t func, uint64_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = (first + i) * sizeof(uint32_t);
		uint32_t off;

		if (at + sizeof(off) > offsets->size)
			return;
		memcpy(&off, d->data + offsets->offset + at, sizeof(off));
		s->addr = func + off;
		usdt_add(d->list, s);
	}
}

static void read_args(const struct dof *d, const struct dof_probe *p, struct usdt_site *s)
{
	const char *native[USDT_ARGS] = { NULL };

	s->n_args = p->xargc < USDT_ARGS ? p->xargc : USDT_ARGS;
	read_types(d, p->nargv, p->nargc, native);
	read_types(d, p->xargv, p->xargc, s->xlated);
	for (unsigned i = 0; i < s->n_args; i++) {
		uint64_t at = (uint64_t)p->argidx + i;

		s->map[i] = at < d->args.size ? d->data[d->args.offset + at] : (uint8_t)i;
		s->types[i] = s->map[i] < USDT_ARGS ? native[s->map[i]] : NULL;
	}
}

static void read_probe(const struct dof *d, const struct dof_probe *p)
{
	struct usdt_site s = { .provider = d->provider, .is_dof = true };
	struct arena *a = d->list->arena;
	uint64_t func = p->addr, named = 0;
	const char *name = text(d, p->name), *fn = text(d, p->func);

	if (!name || !fn)
		return;
	s.raw_name = arena_strdup(a, name);
	s.name = usdt_fold(a, name);
	s.func = fn;
	image_symbol_by_name(d->list->img, fn, take_function, &named);
	if (named && (!image_is_code(d->list->img, func) || named != func))
		func = named;
	read_args(d, p, &s);
	add_sites(d, &s, &d->offsets, func, p->offidx, p->noffs);
	s.kind = d->version >= VERSION_POINTER_TESTS ? USDT_TEST_POINTER : USDT_TEST;
	add_sites(d, &s, &d->tests, func, p->enoffidx, p->nenoffs);
}

static void read_provider(struct dof *d, const struct dof_sect *sect)
{
	struct dof_provider pv = { 0 };
	struct dof_sect probes;
	size_t n = sect->size < sizeof(pv) ? sect->size : sizeof(pv);

	memcpy(&pv, d->data + sect->offset, n);
	if (n < sizeof(pv) - sizeof(pv.prenoffs) ||
	    !section(d, pv.strtab, SECT_STRTAB, &d->strings) ||
	    !section(d, pv.probes, SECT_PROBES, &probes) || !(d->provider = text(d, pv.name)))
		return;
	memset(&d->args, 0, sizeof(d->args));
	memset(&d->tests, 0, sizeof(d->tests));
	if (!section(d, pv.proffs, SECT_PROFFS, &d->offsets))
		memset(&d->offsets, 0, sizeof(d->offsets));
	if (!section(d, pv.prargs, SECT_PRARGS, &d->args))
		memset(&d->args, 0, sizeof(d->args));
	if (d->version < 2 || !pv.prenoffs || !section(d, pv.prenoffs, SECT_PRENOFFS, &d->tests))
		memset(&d->tests, 0, sizeof(d->tests));
	for (uint64_t at = 0; at + sizeof(struct dof_probe) <= probes.size;
	     at += sizeof(struct dof_probe)) {
		struct dof_probe p;

		memcpy(&p, d->data + probes.offset + at, sizeof(p));
		read_probe(d, &p);
	}
}

/* One blob; its length, 0: it is none. */
static size_t read_blob(struct usdt_list *l, const uint8_t *data, size_t len)
{
	static const uint8_t magic[] = { 0x7f, 'D', 'O', 'F' };
	struct dof d = { .list = l, .data = data };
	uint64_t loadsz;

	if (len < HEADER_BYTES || memcmp(data, magic, sizeof(magic)))
		return 0;
	if (data[4] != 2 || data[5] != 1) /* LP64, little-endian */
		return 0;
	d.version = data[6];
	memcpy(&d.secsize, data + 24, sizeof(d.secsize));
	memcpy(&d.secnum, data + 28, sizeof(d.secnum));
	memcpy(&d.secoff, data + 32, sizeof(d.secoff));
	memcpy(&loadsz, data + 40, sizeof(loadsz));
	if (loadsz < HEADER_BYTES || loadsz > len)
		return 0;
	d.len = loadsz;
	if (d.secsize < SECTION_BYTES || d.secnum > SECTIONS_MAX || d.secoff > d.len ||
	    (uint64_t)d.secnum * d.secsize > d.len - d.secoff)
		return 0;
	for (uint32_t i = 0; i < d.secnum; i++) {
		struct dof_sect sect;

		if (section(&d, i, SECT_PROVIDER, &sect))
			read_provider(&d, &sect);
	}
	return (d.len + 7) & ~(size_t)7;
}

void usdt_dof_read(struct usdt_list *l, const uint8_t *data, size_t len)
{
	size_t n;

	while ((n = read_blob(l, data, len)) && n < len) {
		data += n;
		len -= n;
	}
}
