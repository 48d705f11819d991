/*
 * C++ and Rust names: what mangled symbols are called in the source.
 */
#ifndef NAMES_DEMANGLE_H
#define NAMES_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/* Demangled names of an image, made when asked for. */
struct demangler;

void demangler_destroy(struct demangler *d); /* NULL is fine */
/*
 * "ns::f(int)" for "_ZN2ns1fEi"; the name itself if it isn't mangled.  Texts
 * live as long as *d, which is made on first use; name must outlive it.
 */
const char *demangler_name(struct demangler **d, const char *name);
/* Does it begin as mangled names do? */
bool demangle_is_mangled(const char *name);
/* One name; owned; NULL: it isn't mangled. */
char *demangle(const char *name);
/*
 * Does the pattern, as people write it, mean the function?  With parameters
 * or without (all overloads), with template arguments or without; blanks don't
 * count.
 */
bool demangle_matches(const char *pattern, const char *demangled);
/* A cheap test first: can name demangle to what pattern matches? */
bool demangle_may_match(const char *pattern, const char *name);
/* Length of a demangled name without its parameters. */
size_t demangle_base(const char *demangled);

#endif
