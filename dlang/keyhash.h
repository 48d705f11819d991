/*
 * Hash and equality of encoded keys (agg.h): always a multiple of 8 bytes, and
 * mostly one or two words, so both work by the word and are inlined.
 */
#ifndef DL_KEYHASH_H
#define DL_KEYHASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t key_word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

static inline uint32_t key_hash(const uint8_t *key, uint32_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ len;

	for (uint32_t i = 0; i + 8 <= len; i += 8) {
		h = (h ^ key_word(key + i)) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static inline bool key_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	for (uint32_t i = 0; i + 8 <= len; i += 8)
		if (key_word(a + i) != key_word(b + i))
			return false;
	return true;
}

#endif
