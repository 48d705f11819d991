/*
 * Shared by usdt_patch.c and usdt_find.c: an object whose probes are calls.
 */
#ifndef USDT_PATCH_INT_H
#define USDT_PATCH_INT_H

#include <gelf.h>

#include "../arch/arch.h"
#include "usdt_patch.h"

/* A number that belongs to a section: a symbol's, an address, ... */
struct usdt_place {
	size_t section;
	uint64_t value;
};

/* Sorted by section, then value. */
struct usdt_places {
	VEC(struct usdt_place) list;
};

/* A call that was found. */
struct usdt_call {
	size_t section;
	struct arch_link_site at;
	const struct dl_declared_probe *probe;
};

/* A symbol that was asked for by its name. */
struct usdt_named {
	char *name;
	size_t index;
};

/* A section that grows again and again. */
struct usdt_table {
	size_t section;
	char *bytes; /* until elf_update() */
	size_t cap;
};

struct usdt_patch {
	const char *path;
	Elf *elf;
	Elf_Scn *symtab;
	size_t strtab, shstrtab;
	struct usdt_places symbols; /* of each section, by their numbers */
	struct usdt_places joins; /* places that other sections refer to, once they are asked for */
	struct usdt_places groups; /* that a section is in */
	bool has_joins;
	VEC(struct dl_declared_probe) probes;
	VEC(struct usdt_call) calls;
	VEC(struct usdt_named) named;
	struct usdt_table tables[3];
	size_t note_name, rela_name; /* where the sections' are in the table of names; 0 not yet */
	VEC(void *) owned; /* until elf_update() */
	VEC(size_t) kept; /* symbols of probes that are referred to still */
	struct usdt_needs *needs;
	struct error *err;
};

void usdt_patch_fail(struct usdt_patch *p, const char *what);
/* Symbol i and its name; false: there is none. */
bool usdt_patch_symbol(const struct usdt_patch *p, size_t i, GElf_Sym *sym, const char **name);

bool usdt_places_add(struct usdt_places *ps, size_t section, uint64_t value) must_check;
void usdt_places_sort(struct usdt_places *ps);
/* Where those of a section begin that are not below from; its number in the list. */
size_t usdt_places_from(const struct usdt_places *ps, size_t section, uint64_t from);

/* The probe whose function or variable has the name; NULL. */
const struct dl_declared_probe *usdt_find_probe(const struct usdt_patch *p, const char *symbol,
						enum usdt_name which);
bool usdt_find_is_kept(const struct usdt_patch *p, size_t symbol);
/* Fills calls, and turns them into nops or returns; kept, and what is needed. */
void usdt_find_calls(struct usdt_patch *p);

#endif
