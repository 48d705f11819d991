/*
 * Function starts from .eh_frame.
 *
 * Compilers write a frame description entry for each function, which stays in
 * stripped programs.  The search table of .eh_frame_hdr lists them in order of
 * address; where a linker left it out, .eh_frame itself is walked.  Entries of
 * the PLT are not functions.
 */
#include "ehfunc.h"

#include <stdlib.h>
#include <string.h>

#include "../dlang/vec.h"
#include "image.h"

#define FUNCS_MAX (1u << 22)
#define ENC_PCREL_SDATA4 0x1b /* what all compilers write */

struct func {
	uint64_t start, size;
};

struct funcs {
	VEC(struct func) list;
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t skip_leb(const uint8_t *p, const uint8_t *end)
{
	uint64_t n = 0;

	while (p + n < end && n < 10 && p[n] & 0x80)
		n++;
	return n + 1;
}

/* Does the CIE say that addresses are relative to their place, in four bytes? */
static bool is_plain_cie(const uint8_t *p, const uint8_t *end)
{
	const char *aug = (const char *)p + 1; /* behind the version */
	size_t n;

	if (end - p < 4 || !memchr(aug, '\0', (size_t)(end - p) - 1) || *aug != 'z')
		return false;
	n = strlen(aug);
	p += 1 + n + 1;
	for (int i = 0; i < 4 && p < end; i++) /* alignments, return register, length */
		p += skip_leb(p, end);
	for (const char *a = aug + 1; *a && p < end; a++, p++) {
		if (*a == 'R')
			return *p == ENC_PCREL_SDATA4;
		if (*a == 'P') {
			uint8_t format = *p & 0x0f;

			/* The personality routine's address stands in between. */
			p += format == 0x0b || format == 0x03 ? 4 :
			     format == 0x0a || format == 0x02 ? 2 :
								8;
		} else if (*a == 'S' || *a == 'B') {
			p--; /* has no data */
		}
	}
	return false;
}

/* One record at p (its length at hand in len): an FDE of a plain CIE is a function. */
static void see_record(const struct image_section *sec, uint64_t at, uint32_t len,
		       struct funcs *out)
{
	const uint8_t *p = sec->data + at;
	uint32_t back = get32(p + 4);
	uint64_t cie = at + 4 - back;
	uint32_t cie_len;
	struct func f;

	if (!back || back > at + 4 || len < 12 || cie + 8 > sec->size)
		return;
	cie_len = get32(sec->data + cie);
	if (cie_len < 8 || cie_len > sec->size - cie - 4 || get32(sec->data + cie + 4) ||
	    !is_plain_cie(sec->data + cie + 8, sec->data + cie + 4 + cie_len))
		return;
	f.start = sec->addr + at + 8 + (uint64_t)(int64_t)(int32_t)get32(p + 8);
	f.size = get32(p + 12);
	if (out->list.n < FUNCS_MAX)
		(void)vec_push(&out->list, f);
}

static void walk_section(const struct image *img, struct funcs *out)
{
	struct image_section sec;

	if (!image_section(img, ".eh_frame", &sec) || !sec.data)
		return;
	for (uint64_t at = 0; sec.size >= 16 && at <= sec.size - 16;) {
		uint32_t len = get32(sec.data + at);

		if (!len) { /* static programs have ends in between */
			at += 4;
			continue;
		}
		if (len < 4 || len > sec.size - at - 4)
			break;
		see_record(&sec, at, len, out);
		at += 4 + (uint64_t)len;
	}
}

static void walk_header(const struct image *img, struct funcs *out)
{
	uint64_t last = 0, start, size;

	for (size_t i = 0; image_fde_start(img, i, &start); i++) {
		if (start < last || out->list.n >= FUNCS_MAX)
			break;
		last = start;
		if (image_fde_at(img, start, &start, &size))
			(void)vec_push(&out->list, ((struct func){ start, size }));
	}
}

static int compare(const void *pa, const void *pb)
{
	const struct func *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

void ehfunc_each(const struct image *img, bool (*fn)(void *arg, uint64_t start, uint64_t size),
		 void *arg)
{
	struct funcs funcs = { 0 };

	walk_header(img, &funcs);
	if (!funcs.list.n)
		walk_section(img, &funcs);
	if (funcs.list.n)
		qsort(funcs.list.items, funcs.list.n, sizeof(funcs.list.items[0]), compare);
	for (size_t i = 0; i < funcs.list.n; i++) {
		const struct func *f = &funcs.list.items[i];

		if (f->size && image_is_code(img, f->start) && !image_is_plt(img, f->start) &&
		    !fn(arg, f->start, f->size))
			break;
	}
	vec_deinit(&funcs.list);
}
