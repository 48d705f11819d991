/* Types and functions from DWARF, of files that several compilers made and of damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dwarf.h>
#include <elf.h>

#include "dlang/arena.h"
#include "dlang/strbuf.h"
#include "tracer/debugfile.h"
#include "tracer/dwarf_line.h"
#include "tracer/dwarf_place.h"
#include "tracer/dwarf_type.h"
#include "tracer/image.h"

static const char *const variants[] = {
	"typed",	"typed_o2",	  "typed_dwarf4", "typed_units",    "typed_split",
	"typed_static", "typed_stripped", "typed_clang",  "typed_clang_o0",
};

struct rig {
	struct arena *arena;
	struct dl_types *types;
	struct image *image;
};

static bool open_rig(struct rig *r, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), FIXTURES "/%s", name);
	if (access(path, R_OK))
		return false; /* a compiler that isn't installed */
	r->arena = arena_create();
	r->types = dl_types_create(r->arena);
	assert_null(image_open(path, path, &r->image));
	return true;
}

static void close_rig(struct rig *r)
{
	image_put(r->image);
	arena_destroy(r->arena);
}

static bool keep(void *arg, const struct sym *s)
{
	*(const struct sym **)arg = s;
	return false;
}

static const struct sym *by_name(struct image *img, const char *name)
{
	const struct sym *s = NULL;

	image_symbol_by_name(img, name, keep, &s);
	return s;
}

static void assert_type(struct dl_type *t, const char *text)
{
	struct strbuf sb = { 0 };

	assert_non_null(t);
	dl_type_print(&sb, t);
	assert_string_equal(strbuf_text(&sb), text);
	strbuf_deinit(&sb);
}

static void assert_member(struct dl_type *t, const char *name, uint64_t bit, uint32_t bits,
			  const char *type)
{
	uint64_t offset;
	const struct dl_member *m = dl_type_member(t, name, &offset);

	assert_non_null(m);
	assert_int_equal(offset, bit);
	assert_int_equal(m->bits, bits);
	assert_type(m->type, type);
}

static void check_conn(struct rig *r)
{
	struct dl_type *t = dwarf_type_named(r->image, r->types, "struct conn");

	assert_non_null(t);
	assert_int_equal(t->kind, DL_STRUCT);
	assert_int_equal(t->n_members, 0); /* not read before it's asked for */
	assert_true(dwarf_type_complete(r->types, t));
	assert_int_equal(t->size, 80);
	assert_int_equal(t->n_members, 11);
	assert_member(t, "fd", 0, 0, "int");
	assert_member(t, "flags", 64, 3, "unsigned int");
	assert_member(t, "prio", 67, 5, "unsigned int");
	assert_member(t, "peer", 80, 0, "struct addr");
	assert_member(t, "as_double", 128, 0, "double");
	assert_member(t, "name", 192, 0, "char [16]");
	assert_member(t, "grid", 320, 0, "short [2][3]");
	assert_member(t, "next", 448, 0, "struct conn *");
	assert_member(t, "callback", 512, 0, "int (*)(struct conn *, int)");
	assert_member(t, "opaque", 576, 0, "struct opaque *");
}

static void structs_have_their_members_whoever_compiled_them(void **state)
{
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		if (!open_rig(&r, variants[i]))
			continue;
		check_conn(&r);
		close_rig(&r);
	}
}

static void enums_typedefs_and_forward_declarations_are_read(void **state)
{
	struct rig r;
	uint64_t off;

	(void)state;
	assert_true(open_rig(&r, "typed_o2"));
	struct dl_type *e = dwarf_type_named(r.image, r.types, "enum state");

	assert_true(dwarf_type_complete(r.types, e));
	assert_int_equal(e->n_enums, 3);
	assert_true(e->is_signed);
	assert_string_equal(e->enums[2].name, "ST_CLOSED");
	assert_int_equal(e->enums[2].value, -1);
	struct dl_type *td = dwarf_type_named(r.image, r.types, "conn_t");

	assert_int_equal(td->kind, DL_TYPEDEF);
	assert_type(dwarf_type_named(r.image, r.types, "conn_t *"), "conn_t *");
	struct dl_type *conn = dl_type_base(td);

	assert_true(dwarf_type_complete(r.types, conn));
	const struct dl_member *m = dl_type_member(conn, "opaque", &off);
	struct dl_type *opaque = m->type->ref;

	assert_int_equal(opaque->kind, DL_FORWARD);
	assert_false(dwarf_type_complete(r.types, opaque));
	assert_null(dwarf_type_named(r.image, r.types, "struct nowhere"));
	assert_null(dwarf_type_named(r.image, r.types, "union conn"));
	assert_null(dwarf_type_named(r.image, r.types, ""));
	close_rig(&r);
}

static void variables_have_types(void **state)
{
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		if (!open_rig(&r, variants[i]))
			continue;
		const struct sym *s = by_name(r.image, "table");

		assert_type(dwarf_variable_type(r.image, r.types, "table", s->addr),
			    "struct conn [2]");
		assert_null(dwarf_variable_type(r.image, r.types, "table", s->addr + 1));
		assert_null(dwarf_variable_type(r.image, r.types, "tabel", 0));
		close_rig(&r);
	}
}

static void check_handle(struct rig *r)
{
	static const char *const names[] = { "c", "what", "n", "weight", "last" };
	static const int args[] = { 0, 1, 2, 0, 3 };
	struct dwarf_func f;

	assert_true(dwarf_func_at(r->image, r->types, by_name(r->image, "handle")->addr, &f));
	assert_int_equal(f.n_params, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_string_equal(f.params[i].name, names[i]);
		assert_null(f.params[i].why);
		assert_int_equal(dwarf_param_is_object(&f.params[i]), i == 3);
		if (i == 3) {
			assert_int_equal(f.params[i].where.how, ARCH_IN_PIECES);
			assert_int_equal(f.params[i].where.pieces[0].kind, ARCH_PIECE_VECTOR);
			assert_int_equal(f.params[i].where.pieces[0].n, args[i]);
			continue;
		}
		assert_int_equal(f.params[i].where.how, ARCH_IN_WORD);
		assert_int_equal(f.params[i].where.n, args[i]);
	}
	assert_type(f.params[0].type, "conn_t *");
	assert_type(f.results[0].type, "int");
	assert_true(dwarf_func_at(r->image, r->types, by_name(r->image, "many")->addr, &f));
	assert_int_equal(f.n_params, 9);
	assert_int_equal(f.params[6].where.n, 6); /* on the stack or not: one number on */
	assert_true(dwarf_param_is_object(&f.params[7]));
	assert_int_equal(f.params[8].where.n, 7);
	assert_false(dwarf_func_at(r->image, r->types, 1, &f));
}

static void parameters_are_raw_arguments(void **state)
{
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		if (!open_rig(&r, variants[i]))
			continue;
		check_handle(&r);
		close_rig(&r);
	}
}

static void a_stripped_file_has_the_symbols_of_its_debug_file(void **state)
{
	struct rig r;

	(void)state;
	assert_true(open_rig(&r, "typed_stripped"));
	assert_non_null(r.image->symfile);
	assert_non_null(by_name(r.image, "on_event"));
	assert_non_null(by_name(r.image, "main"));
	close_rig(&r);
}

static void packed_symbols_are_read(void **state)
{
	struct rig r;

	(void)state;
	if (!open_rig(&r, "typed_mini"))
		skip();
	const struct sym *s = by_name(r.image, "on_event");

	if (s) { /* else built without liblzma */
		assert_int_equal(s->bind, STB_LOCAL);
		assert_ptr_equal(image_symbol_covering(r.image, s->addr + s->size - 1), s);
		assert_null(by_name(r.image, "many"));
	}
	close_rig(&r);
}

static void the_checksum_is_zlibs(void **state)
{
	(void)state;
	assert_int_equal(debugfile_crc((const uint8_t *)"123456789", 9), 0xcbf43926);
	assert_int_equal(debugfile_crc((const uint8_t *)"", 0), 0);
}

/* -------------------------------------------------- lines and inlines -- */

struct addresses {
	uint64_t list[16];
	const char *name;
	unsigned n;
};

static bool see_line(void *arg, uint64_t addr)
{
	struct addresses *a = arg;

	if (a->n < ARRAY_SIZE(a->list))
		a->list[a->n++] = addr;
	return true;
}

static bool see_inline(void *arg, const char *name, uint64_t addr)
{
	((struct addresses *)arg)->name = name;
	return see_line(arg, addr);
}

static void a_line_has_an_address_in_every_function_it_is_in(void **state)
{
	struct addresses a = { 0 }, b = { 0 }, c = { 0 };
	struct dwarf_lines lines = { 0 };
	struct rig r;

	(void)state;
	assert_true(open_rig(&r, "inlines"));
	dwarf_lines_each(r.image, "inlines.c", 17, see_line, &a, &lines);
	assert_int_equal(a.n, 2);
	assert_true(lines.has_file);
	dwarf_lines_each(r.image, "fixtures/inlines.c", 50, see_line, &b, NULL);
	assert_int_equal(b.n, 1);
	lines = (struct dwarf_lines){ 0 };
	dwarf_lines_each(r.image, "inlines.c", 3, see_line, &c, &lines);
	assert_int_equal(c.n, 0);
	assert_int_equal(lines.before, 0);
	assert_true(lines.after >= 15 && lines.after <= 17);
	lines = (struct dwarf_lines){ 0 };
	dwarf_lines_each(r.image, "nlines.c", 17, see_line, &c, &lines);
	assert_false(lines.has_file);
	close_rig(&r);
}

static void inlined_instances_are_found_by_name(void **state)
{
	struct addresses a = { 0 }, none = { 0 };
	struct dwarf_frame frames[DWARF_FRAMES_MAX];
	struct dwarf_func f;
	struct rig r;

	(void)state;
	assert_true(open_rig(&r, "inlines_o0"));
	dwarf_inlines_each(r.image, "area", see_inline, &a);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.name, "area");
	for (unsigned i = 0; i < 2; i++) {
		assert_true(dwarf_scope_at(r.image, r.types, a.list[i], "area", &f));
		assert_int_equal(f.n_params, 2);
		assert_string_equal(f.params[1].name, "scale");
		assert_int_equal(f.params[1].where.n, 1);
		assert_true(dwarf_frames_at(r.image, a.list[i], frames) >= 2);
		assert_string_equal(frames[0].func, "area");
		assert_string_equal(frames[0].file, "inlines.c");
	}
	dwarf_inlines_each(r.image, "one", see_inline, &none);
	assert_int_equal(none.n, 0);
	close_rig(&r);
}

/* ------------------------------------------------------------ damaged -- */

static uint8_t *load(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(1 << 20);

	assert_non_null(f);
	*n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

static void ask_everything(struct image *img)
{
	struct arena *a = arena_create();
	struct dl_types *ts = dl_types_create(a);
	static const char *const names[] = { "struct conn", "conn_t", "enum state", "nothing" };
	struct dwarf_func f;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct dl_type *t = dwarf_type_named(img, ts, names[i]);

		if (t)
			dwarf_type_complete(ts, dl_type_base(t));
	}
	dwarf_variable_type(img, ts, "table", 0);
	for (size_t i = 0; i < image_symbols(img); i++)
		if (image_symbol_at_index(img, i)->type == STT_FUNC)
			dwarf_func_at(img, ts, image_symbol_at_index(img, i)->addr, &f);
	struct addresses at = { 0 };

	dwarf_lines_each(img, "typed.c", 36, see_line, &at, NULL);
	dwarf_inlines_each(img, "fill", see_inline, &at);
	arena_destroy(a);
}

static void damaged_dwarf_does_no_harm(void **state)
{
	static const char *const sections[] = { ".debug_info", ".debug_abbrev", ".debug_str",
						".debug_loclists", ".debug_rnglists" };
	struct image_section sec;
	struct image *img;
	size_t n;
	uint8_t *good = load(FIXTURES "/typed_o2", &n), *bad = malloc(n);
	unsigned seed = 1;

	(void)state;
	assert_null(image_open(FIXTURES "/typed_o2", "typed_o2", &img));
	for (size_t i = 0; i < 400; i++) {
		struct image *hurt;

		if (!image_section(img, sections[i % ARRAY_SIZE(sections)], &sec) || !sec.data)
			continue;
		memcpy(bad, good, n);
		for (unsigned k = 0; k < 1 + i % 8; k++) {
			size_t at =
				(size_t)(sec.data - img->bytes) + (size_t)rand_r(&seed) % sec.size;

			bad[at] = (uint8_t)rand_r(&seed);
		}
		if (image_from_memory(bad, n, "damaged", &hurt))
			continue;
		ask_everything(hurt);
		image_put(hurt);
	}
	image_put(img);
	free(good);
	free(bad);
}

static bool no_reg(void *arg, unsigned n, uint64_t *ret)
{
	(void)arg;
	*ret = 0x1122334455667700 + n;
	return n < 20;
}

static bool no_vector(void *arg, unsigned n, uint8_t ret[16])
{
	(void)arg;
	(void)n;
	(void)ret;
	return false;
}

static bool no_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	(void)arg;
	(void)addr;
	memset(buf, 0, len);
	return false;
}

/* Bits of a register, a piece that is nowhere, one that can't be read, a whole register. */
static void what_is_known_of_a_value_in_pieces_is_told_by_bytes(void **state)
{
	static const Dwarf_Op ops[] = {
		{ .atom = DW_OP_reg2 },
		{ .atom = DW_OP_bit_piece, .number = 16, .number2 = 8 },
		{ .atom = DW_OP_piece, .number = 2 },
		{ .atom = DW_OP_breg3 },
		{ .atom = DW_OP_deref },
		{ .atom = DW_OP_stack_value },
		{ .atom = DW_OP_piece, .number = 4 },
		{ .atom = DW_OP_breg3 },
		{ .atom = DW_OP_lit16 },
		{ .atom = DW_OP_shr },
		{ .atom = DW_OP_stack_value },
		{ .atom = DW_OP_piece, .number = 4 },
	};
	const struct dwarf_thread thread = { NULL, no_reg, no_vector, no_memory };
	struct dwarf_place p = { .ops = ops, .n_ops = ARRAY_SIZE(ops), .size = 16 };
	struct dwarf_places places = { .n = 1 };
	struct dwarf_value v;
	uint64_t word;

	(void)state;
	assert_true(dwarf_place_is_known(&places, &p));
	assert_true(dwarf_place_object(&places, &p, &thread, &v));
	assert_false(v.is_memory);
	assert_int_equal(v.known & 0xffff, 0x0f03);
	assert_memory_equal(v.bytes, "\x77\x66", 2);
	assert_memory_equal(v.bytes + 8, "\x66\x55\x44\x33", 4);
	p.size = 8;
	assert_false(dwarf_place_value(&places, &p, &thread, &word));
	p.n_ops = 2; /* a value that is all there */
	p.size = 2;
	assert_true(dwarf_place_value(&places, &p, &thread, &word));
	assert_int_equal(word, 0x6677);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structs_have_their_members_whoever_compiled_them),
		cmocka_unit_test(enums_typedefs_and_forward_declarations_are_read),
		cmocka_unit_test(variables_have_types),
		cmocka_unit_test(parameters_are_raw_arguments),
		cmocka_unit_test(a_stripped_file_has_the_symbols_of_its_debug_file),
		cmocka_unit_test(packed_symbols_are_read),
		cmocka_unit_test(the_checksum_is_zlibs),
		cmocka_unit_test(a_line_has_an_address_in_every_function_it_is_in),
		cmocka_unit_test(inlined_instances_are_found_by_name),
		cmocka_unit_test(damaged_dwarf_does_no_harm),
		cmocka_unit_test(what_is_known_of_a_value_in_pieces_is_told_by_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
