/*
 * Objects: the ELF files of a process, their symbols, and functions by name.
 *
 * An image (one ELF file: symbols, sections, unwind tables) is read once per
 * build-id or inode and shared by all processes; an object is an image mapped
 * somewhere.  Malformed files give an error or fewer symbols, never a crash.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../dlang/error.h"
#include "../dlang/vec.h"
#include "../dlang/strbuf.h"
#include "../dlang/vec.h"

struct image;
struct objects;

/* A function or object symbol of an image.  Addresses are link-time. */
struct sym {
	const char *name; /* owned by the image */
	uint64_t addr;
	uint64_t size;
	uint8_t type; /* STT_* */
	uint8_t bind; /* STB_* */
};

struct object {
	struct image *image;
	const char *name; /* basename shown as module: "libc.so.6" */
	const char *path; /* as mapped */
	uint64_t bias; /* run-time address = link-time + bias */
	uint64_t lo, hi; /* mapped range */
	bool is_main; /* the executable: a.out */
	unsigned generation; /* for dlclose/dlopen comparison */
};

/* The objects of one process.  root: prefix to open paths ("/proc/PID/root"). */
struct objects *objects_create(pid_t pid);
void objects_destroy(struct objects *os);
/* Reads target memory in place of process_vm_readv() (task.h's as_read()). */
void objects_set_reader(struct objects *os,
			size_t (*read)(void *arg, uint64_t addr, void *buf, size_t len), void *arg);
/*
 * Re-reads /proc/PID/maps.  *changed says whether objects came or went;
 * objects that went are passed to gone first.  Names of gone objects stay
 * known for symbolizing.
 */
struct error *objects_refresh(struct objects *os, bool *changed,
			      void (*gone)(void *arg, struct object *o), void *arg) must_check;
size_t objects_count(const struct objects *os);
struct object *objects_at(const struct objects *os, size_t i);
struct object *objects_main(const struct objects *os);
/* The object holding addr, also in objects gone; NULL. */
struct object *objects_find(const struct objects *os, uint64_t addr);
/*
 * D's module matching: "" all, "a.out" the executable, basename, full path,
 * glob of either, name without version suffix (libc, libc.so).
 */
bool object_matches(const struct object *o, const char *pattern);

/*
 * Functions whose name matches the pattern (exact or glob), canonical names,
 * aliases folded (providers document 5.2), .symtab or else .dynsym; ifunc
 * resolvers are given as their implementations if *resolve finds them.
 * fn gets the symbol under its canonical name; for an exact alias too.
 */
void object_each_function(struct object *o, const char *pattern,
			  void (*fn)(void *arg, struct object *o, const struct sym *s), void *arg);
/* Shows names of C++ and Rust as the symbol tables have them (-x nodemangle). */
void objects_set_raw_names(struct objects *os, bool is_raw);
/* A symbol's name to be shown; the same of any name out of o's file. */
const char *object_symbol_name(struct object *o, const struct sym *s);
const char *object_shown_name(struct object *o, const char *name);
/* Is s one that the pattern means, by its own name or by an alias? */
bool object_function_matches(struct object *o, const struct sym *s, const char *pattern);
/* Nearest symbol at or below a run-time address, within its size; NULL. */
const struct sym *object_symbol_at(struct object *o, uint64_t addr);
/* A symbol of any type by exact name; NULL. */
const struct sym *object_symbol(struct object *o, const char *name);
/*
 * A static variable of a function, by its name in the source; *other_ret: another
 * function has one, too.
 */
const struct sym *object_local_variable(struct object *o, const char *name,
					const struct sym **other_ret);
/* Original bytes from the file at a run-time address; how many there are. */
size_t object_text(const struct object *o, uint64_t addr, const uint8_t **ret);
/* The ELF entry point and main(), run-time addresses; 0 unknown. */
uint64_t object_entry(const struct object *o);
uint64_t object_main(struct objects *os, struct object *o);
/* r_debug.r_brk: where the dynamic linker reports changes; 0 = static or unknown. */
uint64_t objects_link_brk(struct objects *os);
/* Names near to a misspelt function. */
void object_suggest(struct object *o, void (*fn)(void *arg, const char *name), void *arg);

/* "obj`sym+0x1", "obj`0x1234", "0x1234" appended (symbolic output, 3.1). */
enum symbolize_kind { SYMBOLIZE_ADDR, SYMBOLIZE_SYM, SYMBOLIZE_MOD };
void objects_symbolize(struct objects *os, uint64_t addr, enum symbolize_kind kind,
		       struct strbuf *out);
/* Start of the symbol (SYM) or object (MOD) that addr lies in; addr if there is none. */
uint64_t objects_start_of(struct objects *os, uint64_t addr, enum symbolize_kind kind);
/*
 * The same for a frame of a stack, with source lines and a line for each
 * function that was inlined there.  is_call: addr is a return address.
 */
void objects_put_frame(struct objects *os, uint64_t addr, bool is_call, bool with_lines,
		       struct strbuf *out);
/* e_machine and class of a process's program, for arch_foreign(). */
struct error *object_elf_ident(pid_t pid, unsigned *machine, unsigned *class) must_check;

#endif
