/*
 * Debug sections that are compressed with zstd, which the libelf of many
 * systems can't unpack (zlib's it can): a copy of the file in memory, with
 * them unpacked behind its end and its section headers set to that.
 *
 * Everything in headers is checked against the file's size; what is not sound
 * stays as it is.
 */
#include "debugzstd.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "../dlang/vec.h"

#define COMPRESS_ZSTD 2 /* ELFCOMPRESS_ZSTD, which older elf.h doesn't have */
#define UNPACKED_MAX ((uint64_t)2 << 30)

static Elf64_Ehdr file_header(const uint8_t *p)
{
	Elf64_Ehdr eh;

	memcpy(&eh, p, sizeof(eh));
	return eh;
}

/* The table of sections; 0: none that is sound. */
static size_t sections(const uint8_t *file, size_t len, uint64_t *at_ret)
{
	if (len < sizeof(Elf64_Ehdr) || file[EI_CLASS] != ELFCLASS64)
		return 0;
	Elf64_Ehdr eh = file_header(file);

	*at_ret = eh.e_shoff;
	if (eh.e_shentsize != sizeof(Elf64_Shdr) || eh.e_shoff > len ||
	    eh.e_shnum > (len - eh.e_shoff) / sizeof(Elf64_Shdr))
		return 0;
	return eh.e_shnum;
}

/* Is section i compressed with zstd, its bytes in the file? */
static bool is_zstd(const uint8_t *file, size_t len, uint64_t table, size_t i, Elf64_Shdr *sh,
		    Elf64_Chdr *ch)
{
	memcpy(sh, file + table + i * sizeof(*sh), sizeof(*sh));
	if (!(sh->sh_flags & SHF_COMPRESSED) || sh->sh_type == SHT_NOBITS ||
	    sh->sh_size < sizeof(*ch) || sh->sh_offset > len || sh->sh_size > len - sh->sh_offset)
		return false;
	memcpy(ch, file + sh->sh_offset, sizeof(*ch));
	return ch->ch_type == COMPRESS_ZSTD;
}

bool debugzstd_is_used(Elf *elf)
{
	size_t len;
	const uint8_t *file = (const uint8_t *)elf_rawfile(elf, &len);
	uint64_t table;
	Elf64_Shdr sh;
	Elf64_Chdr ch;

	for (size_t i = 0, n = file ? sections(file, len, &table) : 0; i < n; i++)
		if (is_zstd(file, len, table, i, &sh, &ch))
			return true;
	return false;
}

#ifdef HAVE_ZSTD
static uint64_t room_for(const uint8_t *file, size_t len, uint64_t table, size_t n)
{
	uint64_t room = len + 8;
	Elf64_Shdr sh;
	Elf64_Chdr ch;

	for (size_t i = 0; i < n; i++)
		if (is_zstd(file, len, table, i, &sh, &ch) && ch.ch_size <= UNPACKED_MAX)
			room += ch.ch_size + 8;
	return room;
}

uint8_t *debugzstd_unpack(Elf *elf, size_t *len_ret)
{
	size_t len;
	const uint8_t *file = (const uint8_t *)elf_rawfile(elf, &len);
	uint64_t table, room, at;
	size_t n = file ? sections(file, len, &table) : 0;
	uint8_t *copy;

	room = n ? room_for(file, len, table, n) : 0;
	if (!room || room > UNPACKED_MAX + len || !(copy = calloc(1, room)))
		return NULL;
	memcpy(copy, file, len);
	at = (len + 7) & ~UINT64_C(7);
	for (size_t i = 0; i < n; i++) {
		Elf64_Shdr sh;
		Elf64_Chdr ch;

		if (!is_zstd(file, len, table, i, &sh, &ch) || ch.ch_size > room - at)
			continue;
		if (ZSTD_decompress(copy + at, ch.ch_size, file + sh.sh_offset + sizeof(ch),
				    sh.sh_size - sizeof(ch)) != ch.ch_size)
			continue;
		sh.sh_offset = at;
		sh.sh_size = ch.ch_size;
		sh.sh_addralign = ch.ch_addralign;
		sh.sh_flags &= ~(uint64_t)SHF_COMPRESSED;
		memcpy(copy + table + i * sizeof(sh), &sh, sizeof(sh));
		at += (ch.ch_size + 7) & ~UINT64_C(7);
	}
	*len_ret = at < room ? at : room;
	return copy;
}
bool debugzstd_is_unreadable(Elf *elf)
{
	(void)elf;
	return false;
}
#else
bool debugzstd_is_unreadable(Elf *elf)
{
	return debugzstd_is_used(elf);
}

uint8_t *debugzstd_unpack(Elf *elf, size_t *len_ret)
{
	(void)elf;
	(void)len_ret;
	return NULL;
}
#endif
