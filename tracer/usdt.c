/*
 * The static probes of an image: SystemTap notes, and the list that they and
 * DOF (usdt_dof.c) end up in.
 *
 * A note holds link-time addresses, and that of .stapsdt.base at the time the
 * note was made: what has moved since (prelink, objcopy) moved as much as the
 * base did.  Everything in a note is checked against its length; a site that
 * is not in the image's code is left out.
 */
#include "usdt.h"

#include <stdlib.h>
#include <string.h>

#include "../dlang/arena.h"

#define SITES_MAX 65536
#define NOTE_TYPE 3
#define NOTE_NAME "stapsdt"
#define ADDRESSES (3 * sizeof(uint64_t)) /* pc, base, semaphore */

struct usdt_sites {
	struct usdt_list list;
};

const char *usdt_fold(struct arena *a, const char *name)
{
	char *folded = arena_strdup(a, name), *out = folded;

	for (const char *s = name; *s; s++) {
		if (s[0] == '_' && s[1] == '_') {
			*out++ = '-';
			s++;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return folded;
}

/* The function an address is in, or "". */
static const char *function_at(const struct image *img, uint64_t addr)
{
	const struct sym *s = image_symbol_covering(img, addr);

	return s ? image_symbol_canonical(img, s)->name : "";
}

static bool take_address(void *arg, const struct sym *s)
{
	*(uint64_t *)arg = s->addr;
	return false;
}

/* Addresses of the symbols that operands name; what is unknown has no value. */
static void resolve_symbols(const struct image *img, struct usdt_site *s)
{
	for (unsigned i = 0; i < s->n_args; i++) {
		struct usdt_arg *a = &s->args[i];
		char name[512];

		if (!a->is_known || !a->op.symbol)
			continue;
		a->is_known = a->op.symbol_len < sizeof(name);
		if (!a->is_known)
			continue;
		memcpy(name, a->op.symbol, a->op.symbol_len);
		name[a->op.symbol_len] = '\0';
		a->symbol_addr = 0;
		image_symbol_by_name(img, name, take_address, &a->symbol_addr);
		a->is_known = a->symbol_addr != 0;
	}
}

bool usdt_add(struct usdt_list *l, const struct usdt_site *s)
{
	if (l->items.n >= SITES_MAX || !*s->provider || !*s->name ||
	    !image_is_code(l->img, s->addr))
		return true;
	return vec_push(&l->items, *s);
}

/* The next of the NUL-terminated texts at the note's end; NULL: there is none. */
static const char *next_text(const uint8_t **p, size_t *len)
{
	const char *text = (const char *)*p;
	const uint8_t *end = memchr(*p, '\0', *len);

	if (!end)
		return NULL;
	*len -= (size_t)(end + 1 - *p);
	*p = end + 1;
	return text;
}

static void add_note(struct usdt_list *l, const uint8_t *desc, size_t len, uint64_t base)
{
	struct usdt_site s = { .kind = USDT_SITE };
	uint64_t addr[3], shift = 0;

	if (len < ADDRESSES)
		return;
	memcpy(addr, desc, ADDRESSES);
	desc += ADDRESSES;
	len -= ADDRESSES;
	s.provider = next_text(&desc, &len);
	s.raw_name = s.provider ? next_text(&desc, &len) : NULL;
	const char *args = s.raw_name ? next_text(&desc, &len) : NULL;

	if (!args)
		return;
	if (base && addr[1])
		shift = base - addr[1];
	s.addr = addr[0] + shift;
	s.semaphore = addr[2] ? addr[2] + shift : 0;
	s.name = usdt_fold(l->arena, s.raw_name);
	s.func = function_at(l->img, s.addr);
	s.n_args = (uint8_t)usdt_args_parse(args, s.args);
	resolve_symbols(l->img, &s);
	usdt_add(l, &s);
}

static void read_notes(struct usdt_list *l, const uint8_t *p, size_t len, uint64_t base)
{
	struct {
		uint32_t namesz, descsz, type;
	} h;

	while (len >= sizeof(h)) {
		memcpy(&h, p, sizeof(h));
		size_t name = ((size_t)h.namesz + 3) & ~(size_t)3;
		size_t desc = ((size_t)h.descsz + 3) & ~(size_t)3;

		p += sizeof(h);
		len -= sizeof(h);
		if (name > len || h.descsz > len - name)
			return;
		if (h.type == NOTE_TYPE && h.namesz == sizeof(NOTE_NAME) &&
		    !memcmp(p, NOTE_NAME, sizeof(NOTE_NAME)))
			add_note(l, p + name, h.descsz, base);
		if (desc > len - name)
			return;
		p += name + desc;
		len -= name + desc;
	}
}

static struct usdt_sites *read_sites(struct image *img)
{
	struct usdt_sites *sites = calloc(1, sizeof(*sites));
	struct image_section notes, base, dof, decls;

	if (!sites)
		return NULL;
	sites->list.img = img;
	sites->list.arena = arena_create();
	if (!sites->list.arena) {
		free(sites);
		return NULL;
	}
	if (!image_section(img, ".stapsdt.base", &base))
		base.addr = 0;
	if (image_section(img, ".note.stapsdt", &notes) && notes.data)
		read_notes(&sites->list, notes.data, notes.size, base.addr);
	if (image_section(img, ".note.dtrace", &decls) && decls.data)
		usdt_decl_read(&sites->list, decls.data, decls.size);
	if (image_section(img, ".SUNW_dof", &dof) && dof.data)
		usdt_dof_read(&sites->list, dof.data, dof.size);
	return sites;
}

const struct usdt_site *usdt_sites(struct image *img, size_t *n_ret)
{
	*n_ret = 0;
	if (!img->usdt)
		img->usdt = read_sites(img);
	if (!img->usdt)
		return NULL;
	*n_ret = img->usdt->list.items.n;
	return img->usdt->list.items.items;
}

void usdt_sites_destroy(struct usdt_sites *sites)
{
	if (!sites)
		return;
	arena_destroy(sites->list.arena);
	vec_deinit(&sites->list.items);
	free(sites);
}
