/*
 * Static probes for programs that are being built: dtrace -h and -G.
 */
#ifndef USDT_BUILD_H
#define USDT_BUILD_H

#include <stdio.h>

#include "../dlang/compile.h"

struct session;

/* The text of arch/include/sys/dtrace_sdt.h, built in. */
extern const char usdt_sdt_text[];

/* Mode -h or -G of the command line, programs parsed: writes the file. */
struct error *usdt_build(struct session *s) must_check;

/* The header for the declared providers; guard names its include guard. */
struct error *usdt_header_write(FILE *out, const struct dl_ctx *c, const char *source,
				const char *guard) must_check;

/*
 * The object file for the declared providers at path: their semaphores.
 * objects are looked at: it is made for their machine.
 */
struct error *usdt_object_write(const char *path, const struct dl_ctx *c,
				const char *const *objects, size_t n_objects) must_check;

/* usdt_target.c: e_machine of what $CC makes, 0: nobody says. */
unsigned usdt_machine_of_compiler(void);
/* Removes the file that could not be written. */
void usdt_discard(const char *path);

struct strbuf;
/* usdt_decl.c: appends what the object made says of the probe. */
void usdt_decl_write(struct strbuf *sb, const struct dl_declared_probe *p);
/* "prov_my__probe_semaphore", appended. */
void usdt_semaphore_name(struct strbuf *sb, const struct dl_declared_probe *p);

#endif
