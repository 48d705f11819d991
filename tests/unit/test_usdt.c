/* Static probes of an image, and that damaged tables do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/arena.h"
#include "dlang/strbuf.h"
#include "tracer/usdt.h"
#include "tracer/usdt_build.h"

static struct image *open_fixture(const char *name)
{
	struct image *img;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
	assert_null(image_open(path, path, &img));
	return img;
}

static unsigned count(struct image *img, const char *provider, const char *name, const char *func)
{
	size_t n;
	unsigned found = 0;
	const struct usdt_site *s = usdt_sites(img, &n);

	for (size_t i = 0; i < n; i++)
		found += !strcmp(s[i].provider, provider) && !strcmp(s[i].name, name) &&
			 (!func || !strcmp(s[i].func, func));
	return found;
}

static void notes_are_found_with_their_functions(void **state)
{
	struct image *img = open_fixture("usdt");

	(void)state;
	assert_int_equal(count(img, "fix", "many-sites", "first"), 1);
	assert_int_equal(count(img, "fix", "many-sites", "second"), 2);
	assert_int_equal(count(img, "fix", "many-sites", NULL), 3);
	assert_int_equal(count(img, "fix", "many__sites", NULL), 0);
	image_put(img);
}

static void an_image_without_probes_has_none(void **state)
{
	struct image *img = open_fixture("calls");
	size_t n;

	(void)state;
	usdt_sites(img, &n);
	assert_int_equal(n, 0);
	image_put(img);
}

static void semaphores_have_addresses_of_their_own(void **state)
{
	struct image *img = open_fixture("usdt");
	size_t n;
	const struct usdt_site *s = usdt_sites(img, &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(s[i].semaphore, 0);
		assert_false(image_is_code(img, s[i].semaphore));
		for (size_t j = 0; j < i; j++)
			assert_int_equal(s[i].semaphore == s[j].semaphore,
					 !strcmp(s[i].name, s[j].name));
	}
	image_put(img);
}

static void dof_has_sites_tests_types_and_a_map(void **state)
{
	struct image *img = open_fixture("dof");
	size_t n;
	const struct usdt_site *s = usdt_sites(img, &n);

	(void)state;
	assert_int_equal(n, 3);
	assert_string_equal(s[0].provider, "dofprov");
	assert_string_equal(s[0].name, "work-done");
	assert_string_equal(s[0].raw_name, "work__done");
	assert_string_equal(s[0].func, "work");
	assert_int_equal(s[0].kind, USDT_SITE);
	assert_int_equal(s[1].kind, USDT_TEST);
	assert_int_equal(s[0].map[0], 1);
	assert_string_equal(s[0].types[0], "short");
	assert_string_equal(s[0].xlated[1], "int");
	assert_string_equal(s[2].name, "end");
	image_put(img);
}

static size_t load(void *arg, uint64_t addr, void *buf, size_t len)
{
	const uint64_t *word = arg;

	if (addr != 0x1010)
		return 0;
	memcpy(buf, word, len);
	return len;
}

/* Texts that both processors read: constants. */
static void items_have_sizes_and_signs(void **state)
{
	struct usdt_arg args[USDT_ARGS];

	(void)state;
	assert_int_equal(usdt_args_parse("", args), 0);
	assert_int_equal(usdt_args_parse("   ", args), 0);
	assert_int_equal(usdt_args_parse("-4@?? 8f@!! 99@?", args), 3);
	assert_int_equal(args[0].size, 4);
	assert_true(args[0].is_signed);
	assert_false(args[0].is_known);
	assert_int_equal(args[1].size, 8);
	assert_true(args[1].is_float);
	assert_int_equal(usdt_args_parse("1@[a, b] 2@(c, d) 4@e", args), 3);
	assert_int_equal(args[2].size, 4);
	assert_int_equal(usdt_args_parse("1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a 1@a "
					 "1@a 1@a 1@a 1@a",
					 args),
			 USDT_ARGS);
}

static uint64_t value(enum arch_operand_kind kind, uint8_t size, bool is_signed, uint64_t word)
{
	static struct arch_regs regs;
	struct usdt_arg a = { .size = size, .is_signed = is_signed, .is_known = true };
	struct usdt_reader r = { .regs = &regs, .load = load, .arg = &word };
	uint64_t v = 1, at;

	regs.w[3] = kind == ARCH_OP_MEM ? 0x1000 : word;
	a.op = (struct arch_operand){ .kind = kind, .base = 3, .index = -1, .scale = 1 };
	a.op.value = kind == ARCH_OP_MEM ? 0x10 : (int64_t)word;
	assert_true(usdt_arg_value(&a, &r, &v, &at));
	return v;
}

static void values_are_cut_and_extended(void **state)
{
	static const enum arch_operand_kind kinds[] = { ARCH_OP_REG, ARCH_OP_MEM, ARCH_OP_CONST };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(value(kinds[i], 1, false, 0x1ff), 0xff);
		assert_int_equal(value(kinds[i], 1, true, 0x1ff), UINT64_MAX);
		assert_int_equal(value(kinds[i], 2, true, 0x8000), UINT64_C(0xffffffffffff8000));
		assert_int_equal(value(kinds[i], 4, false, UINT64_MAX), 0xffffffff);
		assert_int_equal(value(kinds[i], 8, true, UINT64_MAX), UINT64_MAX);
	}
}

static void unreadable_memory_is_told(void **state)
{
	struct arch_regs regs = { { 0 } };
	struct usdt_arg a = {
		.size = 8,
		.is_known = true,
		.op = { .kind = ARCH_OP_MEM, .base = -1, .index = -1, .scale = 1, .value = 0x2000 }
	};
	struct usdt_reader r = { .regs = &regs, .load = load };
	uint64_t v = 1, at = 0;

	(void)state;
	assert_false(usdt_arg_value(&a, &r, &v, &at));
	assert_int_equal(v, 0);
	assert_int_equal(at, 0x2000);
}

/* Every byte of the tables in turn is made 0, 0xff or something else. */
static void damage(const char *fixture, const char *section)
{
	struct image *img = open_fixture(fixture);
	struct image_section sect;
	size_t offset;

	assert_true(image_section(img, section, &sect));
	assert_non_null(sect.data);
	offset = (size_t)(sect.data - img->bytes);
	for (size_t i = 0; i < sect.size; i++) {
		uint8_t *copy = malloc(img->n_bytes), *tight;
		struct image *bad;
		size_t n;

		assert_non_null(copy);
		memcpy(copy, img->bytes, img->n_bytes);
		copy[offset + i] = i % 3 == 0 ? 0xff :
				   i % 3 == 1 ? 0 :
						(uint8_t)(copy[offset + i] ^ 0x55);
		if (!image_from_memory(copy, img->n_bytes, "damaged", &bad)) {
			usdt_sites(bad, &n);
			image_put(bad);
		}
		free(copy);
		/* Cut short, at the end of its allocation: a read beyond it shows. */
		tight = malloc(i + 1);
		assert_non_null(tight);
		memcpy(tight, sect.data, i);

		struct usdt_list l = { .img = img, .arena = arena_create() };

		usdt_dof_read(&l, tight, i);
		vec_deinit(&l.items);
		arena_destroy(l.arena);
		free(tight);
	}
	image_put(img);
}

static void damaged_notes_do_no_harm(void **state)
{
	(void)state;
	damage("usdt", ".note.stapsdt");
}

static void damaged_dof_does_no_harm(void **state)
{
	(void)state;
	damage("dof", ".SUNW_dof");
}

/* A declaration written, damaged by change at at, cut to len, and read for one site. */
static const struct usdt_decl *reread(struct usdt_list *l, size_t at, uint8_t change, size_t len)
{
	static const char *const types[] = { "int", "struct x *" }, *const xlated[] = { "y_t *" };
	static const uint8_t map[] = { 1 };
	struct dl_prov_attr attr = { .args = { DL_ST_STABLE, DL_ST_EVOLVING, DL_CL_ISA } };
	struct dl_declared_probe p = { "prov", "a-b", "a__b", 2, types, 1, xlated, map, &attr };
	struct strbuf sb = { 0 };

	l->items.n = 1;
	l->items.items[0].decl = NULL;
	usdt_decl_write(&sb, &p);
	assert_false(strbuf_failed(&sb));
	if (len > sb.len)
		len = sb.len;
	uint8_t *copy = malloc(len + 1); /* no byte more: the sanitizer sees what is read */

	memcpy(copy, strbuf_text(&sb), len);
	if (at < len)
		copy[at] ^= change;
	usdt_decl_read(l, copy, len);

	const struct usdt_decl *d = l->items.items[0].decl; /* its texts are the copy's */

	if (d && len == sb.len && !change) {
		assert_int_equal(d->n_args, 1);
		assert_int_equal(d->map[0], 1);
		assert_string_equal(d->types[0], "struct x *");
		assert_string_equal(d->xlated[0], "y_t *");
		assert_int_equal(d->attr.args.data, DL_ST_EVOLVING);
		assert_int_equal(d->attr.args.class, DL_CL_ISA);
	}
	strbuf_deinit(&sb);
	free(copy);
	return d;
}

static void declarations_are_read_as_written(void **state)
{
	struct usdt_site site = { .provider = "prov", .raw_name = "a__b", .name = "a-b" };
	struct usdt_list l = { .arena = arena_create() };

	(void)state;
	assert_true(vec_push(&l.items, site));
	assert_non_null(reread(&l, SIZE_MAX, 0, SIZE_MAX));
	for (size_t len = 0; len < 40; len++)
		assert_null(reread(&l, SIZE_MAX, 0, len));
	for (size_t at = 0; at < 100; at++)
		for (unsigned bit = 0; bit < 8; bit++)
			(void)reread(&l, at, (uint8_t)(1u << bit), SIZE_MAX);
	l.items.items[0].raw_name = "other";
	assert_null(reread(&l, SIZE_MAX, 0, SIZE_MAX));
	vec_deinit(&l.items);
	arena_destroy(l.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_are_found_with_their_functions),
		cmocka_unit_test(an_image_without_probes_has_none),
		cmocka_unit_test(semaphores_have_addresses_of_their_own),
		cmocka_unit_test(dof_has_sites_tests_types_and_a_map),
		cmocka_unit_test(items_have_sizes_and_signs),
		cmocka_unit_test(values_are_cut_and_extended),
		cmocka_unit_test(unreadable_memory_is_told),
		cmocka_unit_test(damaged_notes_do_no_harm),
		cmocka_unit_test(damaged_dof_does_no_harm),
		cmocka_unit_test(declarations_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
