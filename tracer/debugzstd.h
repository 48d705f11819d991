/*
 * Debug sections compressed with zstd.
 */
#ifndef DEBUGZSTD_H
#define DEBUGZSTD_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has the file such sections? */
bool debugzstd_is_used(Elf *elf);
/* And can't they be unpacked, as libzstd was missing when this was built? */
bool debugzstd_is_unreadable(Elf *elf);
/* A copy of the file with them unpacked (to be freed); NULL: it can't be made. */
uint8_t *debugzstd_unpack(Elf *elf, size_t *len_ret);

#endif
