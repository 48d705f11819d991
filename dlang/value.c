/*
 * Values as trace data and aggregation keys hold them: the field encoding of
 * agg.h taken apart again.
 *
 * Nothing here trusts the bytes: dl_values_split() checks that the fields fill
 * the data exactly and that every length lies inside it, and the accessors
 * answer with 0 or "" for a value that is too short for its kind.  Fields need
 * not be aligned.
 */
#include "format.h"

#include <string.h>

#include "program.h"

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Bytes of the field at data, its padding left out; UINT64_MAX: malformed. */
static uint64_t field_len(const struct dl_value_desc *d, const uint8_t *data, uint32_t avail)
{
	switch (d->kind) {
	case DL_VK_INT: return 8;
	case DL_VK_STRING: return avail < 4 ? UINT64_MAX : 4 + (uint64_t)load32(data);
	case DL_VK_BYTES:
	case DL_VK_FLOAT: return d->size;
	case DL_VK_USTACK:
		if (avail < 16 || load64(data + 8) > (avail - 16) / 8)
			return UINT64_MAX;
		return 16 + 8 * load64(data + 8);
	case DL_VK_STACK: return 0;
	case DL_VK_SYM: return 16;
	}
	return UINT64_MAX;
}

bool dl_values_split(const struct dl_value_desc *descs, uint32_t n, const uint8_t *data,
		     uint32_t len, struct dl_value *ret)
{
	uint32_t pos = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t want = field_len(&descs[i], data + pos, len - pos);

		if (want > len - pos)
			return false;
		ret[i] = (struct dl_value){ &descs[i], data + pos, (uint32_t)want };
		want = (want + 7) & ~7ull;
		/* The last field's padding may be missing. */
		pos = want > len - pos ? len : pos + (uint32_t)want;
	}
	return pos == len;
}

uint64_t dl_value_word(const struct dl_value *v, uint32_t i)
{
	if (v->len / 8 <= i)
		return 0;
	return load64(v->data + 8 * (size_t)i);
}

int64_t dl_value_int(const struct dl_value *v)
{
	if (v->desc->kind == DL_VK_SYM)
		return (int64_t)dl_value_word(v, 1);
	if (v->desc->kind != DL_VK_INT)
		return 0;

	uint64_t word = dl_value_word(v, 0);

	switch (v->desc->size) {
	case 1: return v->desc->is_signed ? (int8_t)word : (int64_t)(uint8_t)word;
	case 2: return v->desc->is_signed ? (int16_t)word : (int64_t)(uint16_t)word;
	case 4: return v->desc->is_signed ? (int32_t)word : (int64_t)(uint32_t)word;
	default: return (int64_t)word;
	}
}

const char *dl_value_bytes(const struct dl_value *v, uint32_t *len_ret)
{
	*len_ret = 0;
	if (v->desc->kind == DL_VK_STRING && v->len >= 4) {
		*len_ret = v->len - 4;
		return (const char *)v->data + 4;
	}
	if (v->desc->kind == DL_VK_BYTES || v->desc->kind == DL_VK_FLOAT) {
		*len_ret = v->len;
		return (const char *)v->data;
	}
	return "";
}
