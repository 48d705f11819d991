/*
 * dtrace -G on objects that call probes as headers of other systems have it.
 */
#ifndef USDT_PATCH_H
#define USDT_PATCH_H

#include <libelf.h>
#include <stdbool.h>

#include "../dlang/compile.h"
#include "../dlang/error.h"
#include "../dlang/vec.h"

/* What a probe is called in objects. */
enum usdt_name {
	USDT_NAME_CALL, /* __dtrace_prov___my__probe */
	USDT_NAME_ENABLED, /* __dtraceenabled_prov___my__probe */
	USDT_NAME_SEMAPHORE, /* prov_my__probe_semaphore */
};
struct strbuf;
void usdt_name(struct strbuf *sb, const struct dl_declared_probe *p, enum usdt_name which);

/* What objects do with a probe. */
enum usdt_seen {
	USDT_SEEN_FIRED = 1,
	USDT_SEEN_ASKED = 2, /* whether it is enabled */
	USDT_SEEN_LOADED = 4, /* it is called by its address */
};

/* What the object made by -G needs besides the semaphores. */
struct usdt_needs {
	bool is_foreign; /* the objects are for another machine than ours */
	bool base; /* notes were added */
	bool enabled; /* is-enabled functions are called */
	VEC(uint8_t) seen; /* set of enum usdt_seen for each declared probe, in their order */
	bool sites; /* there are some, or can be: code that isn't made yet has no sections */
};

/*
 * Appends the note of a site whose code has no address yet: those words are still 0.
 * at_function: the arguments are where a function finds them.
 */
#define USDT_NOTE_WORDS 20 /* where the three are: site, base, semaphore */
void usdt_note_write(struct strbuf *sb, const struct dl_declared_probe *probe, bool at_function);

/* Makes the calls in the object sites with notes of SystemTap's kind. */
struct error *usdt_patch_object(const char *path, Elf *elf, const struct dl_ctx *c,
				struct usdt_needs *needs) must_check;

#endif
