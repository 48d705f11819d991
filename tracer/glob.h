/*
 * Patterns of probe descriptions: * ? [..] [!..] \c.  Matching is iterative
 * and takes at most length(pattern) * length(text) steps.
 */
#ifndef GLOB_H
#define GLOB_H

#include <stdbool.h>

/* Has the pattern any character that is special? */
bool glob_is(const char *pattern);
bool glob_match(const char *pattern, const char *text);

#endif
