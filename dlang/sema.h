/*
 * What later passes may ask of the checker: flags of actions and subroutines.
 *
 * How the lowered tree says things that ast.h leaves open:
 *
 *  - DL_N_VAR: value is the variable's index in the context's table.
 *  - Values of type string and of struct types are addresses of their bytes.
 *    A pointer, integer or char array used as a string is a STRINGOF node of
 *    it; a string used as a pointer is a CAST, but stands as it is where a
 *    subroutine takes a const char *.  The null string is INT 0 of type string.
 *  - String comparison: a BINARY relational whose operands are both strings.
 *  - A data expression stands beside its dl_value_desc (action fields,
 *    aggregation and tuple keys).  USTACK, STACK: the node is an INT, its
 *    value the number of frames.  SYM: the node is the address.
 *  - tracemem(), printm(): one field of BYTES; the args are the address and,
 *    when has_arg is set, the run-time size.
 *  - COMMIT, SPECULATE, DISCARD, EFFECT carry their operand in left.
 *  - A count() has INT 1 as its value.
 */
#ifndef DL_SEMA_H
#define DL_SEMA_H

#include "ctx.h"

#define AF_DATA 1u /* records data */
#define AF_DESTRUCTIVE 2u /* needs -w */
#define AF_COMMIT 4u /* orders like commit() */
#define AF_AGG 8u /* takes aggregations */
#define AF_KERNEL 16u /* refused: it needs a kernel */

#define SF_DESTRUCTIVE 1u /* needs -w */
#define SF_STOP 2u /* needs the stopped thread unless near captured its input */
#define SF_HIDDEN 4u /* for the libraries */

unsigned dl_action_flags(enum dl_action_id id);
unsigned dl_subr_flags(enum dl_subr subr);
/* Flags of what a DL_N_ACTION node of this kind came from. */
unsigned dl_action_kind_flags(enum dl_action_kind kind);
const char *dl_action_name(enum dl_action_id id);
const char *dl_subr_name(enum dl_subr subr);

#endif
