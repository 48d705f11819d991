/*
 * Names of code that a JIT compiler made: perf map files, /tmp/perf-PID.map.
 */
#ifndef JITMAP_H
#define JITMAP_H

#include <stdint.h>
#include <sys/types.h>

struct jitmap;

/*
 * The name of the code at addr, and where it starts; NULL: none.  *m is made
 * on first use; the file is read (again) when a name is missing and the file
 * has changed.  The text is good until the next call.
 */
const char *jitmap_find(struct jitmap **m, pid_t pid, uint64_t addr, uint64_t *start);
void jitmap_destroy(struct jitmap *m); /* NULL is fine */

#endif
