/*
 * USDT: the static probes that an image carries.
 *
 * Two formats are read.  SystemTap's notes (section .note.stapsdt) are what
 * distributions' binaries have: a site is a nop, an argument is an operand in
 * the assembler's syntax, a probe may have a semaphore that says whether
 * somebody watches.  Classic DOF (section .SUNW_dof): a site stands where a
 * call was, arguments are where the call would have them, and a site may be
 * an is-enabled test, which wants an answer.
 */
#ifndef USDT_H
#define USDT_H

#include <stdbool.h>
#include <stdint.h>

#include "../arch/arch.h"
#include "../dlang/attr.h"
#include "image.h"

#define USDT_ARGS 16

/* One argument: an operand and how many of its bytes mean what. */
struct usdt_arg {
	struct arch_operand op;
	uint8_t size; /* 1, 2, 4, 8 */
	bool is_signed, is_float;
	bool is_known; /* false: the text was not understood, the value is 0 */
	uint64_t symbol_addr; /* link-time; of op.symbol */
};

enum usdt_kind {
	USDT_SITE, /* fires */
	USDT_TEST, /* answers an is-enabled test with 1 in the result register */
	USDT_TEST_POINTER, /* the same by storing an int 1 where argument 0 points */
};

/* What the provider's declaration says of a probe (usdt_decl.c). */
struct usdt_decl {
	struct dl_prov_attr attr;
	uint8_t n_args;
	uint8_t map[USDT_ARGS]; /* which raw argument */
	const char *types[USDT_ARGS]; /* of that one */
	const char *xlated[USDT_ARGS]; /* of args[]; NULL: the same */
};

struct usdt_site {
	const char *provider; /* without the pid */
	const char *name; /* "function-return" */
	const char *raw_name; /* "function__return" */
	const char *func; /* containing function, "" unknown */
	uint64_t addr; /* link-time */
	uint64_t semaphore; /* link-time, 0 none */
	enum usdt_kind kind;
	bool is_dof; /* arguments by the calling convention, in the order of map */
	uint8_t n_args;
	struct usdt_arg args[USDT_ARGS]; /* notes */
	uint8_t map[USDT_ARGS]; /* DOF */
	const struct usdt_decl *decl; /* notes; NULL: there is none */
	const char *types[USDT_ARGS]; /* DOF: native C types; NULL unknown */
	const char *xlated[USDT_ARGS]; /* DOF: types of args[], NULL the same */
};

struct usdt_sites;

/*
 * The sites of an image, read at the first call and kept with it.  Never
 * fails: what is malformed is left out.
 */
const struct usdt_site *usdt_sites(struct image *img, size_t *n_ret);
void usdt_sites_destroy(struct usdt_sites *sites); /* image.c */

/* usdt_dof.c: adds what the section holds (bytes are bounds-checked). */
struct arena;
struct usdt_list {
	struct image *img;
	struct arena *arena;
	VEC(struct usdt_site) items;
};
bool usdt_add(struct usdt_list *l, const struct usdt_site *s);
void usdt_dof_read(struct usdt_list *l, const uint8_t *data, size_t len);
const char *usdt_fold(struct arena *a, const char *name); /* "__" -> "-" */

/* usdt_decl.c: gives the sites so far the declarations in the section. */
void usdt_decl_read(struct usdt_list *l, const uint8_t *data, size_t len);

/* usdt_arg.c */
/* "8@%rax -4@$5": how many; unknown ones are there with is_known false. */
unsigned usdt_args_parse(const char *text, struct usdt_arg args[USDT_ARGS]);

struct usdt_reader {
	const struct arch_regs *regs;
	size_t (*load)(void *arg, uint64_t addr, void *buf, size_t len);
	bool (*vector)(void *arg, unsigned n, uint64_t *ret);
	void *arg;
	uint64_t bias;
};
/* The value; false: its memory can't be read (*ret is 0, *addr_ret says where). */
bool usdt_arg_value(const struct usdt_arg *a, const struct usdt_reader *r, uint64_t *ret,
		    uint64_t *addr_ret);

#endif
