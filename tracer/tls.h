/*
 * Thread-local variables of the target.
 */
#ifndef TLS_H
#define TLS_H

#include "image.h"
#include "session.h"

/* A symbol whose address is asked for with a number, at each firing (dlang/host.h). */
struct error *tls_symbol(struct session *s, struct dl_types *ts, struct object *o, const char *name,
			 const struct image_thread_var *var, struct dl_symbol *ret) must_check;
/* Where variable n is in the thread that fired; 0: the thread has none yet, or none is known. */
uint64_t tls_address(struct firing *f, uint64_t n);
void tls_destroy(struct session *s);

#endif
