/*
 * Functions and near programs for the tests of trampolines.
 */
#ifndef TESTS_TRAMP_PROGRAMS_H
#define TESTS_TRAMP_PROGRAMS_H

#include "tramp_rig.h"
#include "../tramp_clauses.h"

#define FUNC(name, text)                                   \
	extern const uint8_t f_##name[], f_##name##_end[]; \
	__asm__(".pushsection .rodata\n"                   \
		"f_" #name ":\n" text "\n"                 \
		"f_" #name "_end:\n"                       \
		".popsection\n")

/* All general registers, rsp, rip, flags. */
CODE(all_registers, I(NREG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), I(NREG, 1, 0, 0, 1),
     I(NSLOT, 1, 0, 0, 1), I(NREG, 2, 0, 0, 2), I(NSLOT, 2, 0, 0, 2), I(NREG, 3, 0, 0, 3),
     I(NSLOT, 3, 0, 0, 3), I(NREG, 4, 0, 0, 4), I(NSLOT, 4, 0, 0, 4), I(NREG, 5, 0, 0, 5),
     I(NSLOT, 5, 0, 0, 5), I(NREG, 0, 0, 0, 6), I(NSLOT, 0, 0, 0, 6), I(NREG, 0, 0, 0, 7),
     I(NSLOT, 0, 0, 0, 7), I(NREG, 0, 0, 0, 8), I(NSLOT, 0, 0, 0, 8), I(NREG, 0, 0, 0, 9),
     I(NSLOT, 0, 0, 0, 9), I(NREG, 0, 0, 0, 10), I(NSLOT, 0, 0, 0, 10), I(NREG, 0, 0, 0, 11),
     I(NSLOT, 0, 0, 0, 11), I(NREG, 0, 0, 0, 12), I(NSLOT, 0, 0, 0, 12), I(NREG, 0, 0, 0, 13),
     I(NSLOT, 0, 0, 0, 13), I(NREG, 0, 0, 0, 14), I(NSLOT, 0, 0, 0, 14), I(NREG, 0, 0, 0, 16),
     I(NSLOT, 0, 0, 0, 15), I(NREG, 0, 0, 0, 18), I(NSLOT, 0, 0, 0, 16), I(NREG, 0, 0, 0, 19),
     I(NSLOT, 0, 0, 0, 17), I(END, 0, 0, 0, 0));
#define ALL_REGISTERS 18

#endif
