/*
 * Call frame information of an image, as rows that can be evaluated quickly.
 *
 * A row says for a link-time address how to find the canonical
 * frame address (CFA) and the caller's registers.  Rows are made by libdw
 * from .eh_frame (or .debug_frame) when first asked for, and kept.
 */
#ifndef CFI_H
#define CFI_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct image;
struct cfi;

enum cfi_how {
	CFI_UNDEFINED, /* no value; for the return address: outermost frame */
	CFI_OFFSET, /* saved at CFA + offset */
	CFI_VAL_OFFSET, /* is CFA + offset */
	CFI_REGISTER, /* is in register offset */
	CFI_EXPR, /* saved at what ops say (they start with the CFA) */
	CFI_VAL_EXPR, /* is what ops say */
};

/* A register that isn't the same in the caller. */
struct cfi_rule {
	uint8_t reg, how;
	uint32_t n_ops;
	int64_t offset;
	const Dwarf_Op *ops;
};

struct cfi_row {
	bool is_signal; /* of a signal frame: the caller's pc is not a return address */
	uint8_t ra; /* column of the return address */
	uint8_t n_rules;
	bool cfa_is_expr;
	uint8_t cfa_reg; /* CFA = register + offset, if it is not an expression */
	int64_t cfa_offset;
	const Dwarf_Op *cfa_ops;
	uint32_t n_cfa_ops;
	struct cfi_rule rules[];
};

/* The row for a link-time address, owned by the image; NULL: there is none. */
const struct cfi_row *cfi_row(struct image *img, uint64_t addr);
void cfi_destroy(struct cfi *cfi);

#endif
