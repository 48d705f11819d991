/*
 * Tests of declarations (dlang/parse_decl.c, parse_sou.c, parse_item.c),
 * control lines (pragma.c) and D libraries (lib.c).
 */
#include "parsed.h"

#include <stdio.h>
#include <sys/stat.h>

/* --- declarations --- */

static void assert_declared(const char *text, const char *name, const char *type)
{
	struct parsed p;

	parsed_file(&p, text);
	assert_string_equal(parsed_errors(&p), "");
	struct dl_ident *id = dl_idents_lookup(p.ctx->globals, name);

	assert_non_null(id);
	assert_string_equal(dl_type_name(p.ctx->types, id->type), type);
	parsed_end(&p);
}

static void declarators_are_read_inside_out(void **state)
{
	(void)state;
	assert_declared("int x;", "x", "int");
	assert_declared("unsigned x, *y;", "y", "unsigned int *");
	assert_declared("char *x[4];", "x", "char *[4]");
	assert_declared("int (*x)[3];", "x", "int (*)[3]");
	assert_declared("int m[2][3];", "m", "int [2][3]");
	assert_declared("int (*x)(char *, ...);", "x", "int (*)(char *, ...)");
	assert_declared("int *(*(*x)[3])(void);", "x", "int *(*(*)[3])(void)");
	assert_declared("const char *const x;", "x", "const char *const");
	assert_declared("long unsigned int long x;", "x", "unsigned long long");
	assert_declared("struct s { int a; } *x;", "x", "struct s *");
	assert_declared("typedef int t; t x;", "x", "t");
	assert_declared("int x[sizeof (long) * 2 - 1];", "x", "int [15]");
	assert_declared("inline int N = 3; int x[N];", "x", "int [3]");
}

static void associative_arrays_have_key_types(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "string x[int, char *];");
	struct dl_ident *id = dl_idents_lookup(p.ctx->globals, "x");

	assert_non_null(id);
	assert_int_equal(id->n_keys, 2);
	assert_string_equal(dl_type_name(p.ctx->types, id->keys[1]), "char *");
	parsed_end(&p);
}

static uint64_t offset_of(struct parsed *p, const char *type, const char *member)
{
	uint64_t bits = UINT64_MAX;

	assert_non_null(dl_type_member(dl_types_lookup(p->ctx->types, type), member, &bits));
	return bits;
}

static void structs_are_laid_out_as_by_the_compiler(void **state)
{
	struct c_twin {
		char a;
		unsigned b : 3, : 4, c : 30;
		short d;
		struct {
			char x;
			long y;
		} e;
		union {
			int f;
			char g[9];
		};
		long h : 5;
	};
	struct parsed p;

	(void)state;
	parsed_file(&p,
		    "struct t { char a; unsigned b : 3, : 4, c : 30; short d;\n"
		    "struct { char x; long y; } e; union { int f; char g[9]; }; long h : 5; };\n"
		    "union u { char a[5]; short b; };");
	assert_string_equal(parsed_errors(&p), "");
	struct dl_type *t = dl_types_lookup(p.ctx->types, "struct t");

	assert_int_equal(t->size, sizeof(struct c_twin));
	assert_int_equal(t->align, _Alignof(struct c_twin));
	assert_int_equal(offset_of(&p, "struct t", "b"), 8);
	assert_int_equal(offset_of(&p, "struct t", "c"), 32);
	assert_int_equal(offset_of(&p, "struct t", "d"), 8 * offsetof(struct c_twin, d));
	assert_int_equal(offset_of(&p, "struct t", "e"), 8 * offsetof(struct c_twin, e));
	assert_int_equal(offset_of(&p, "struct t", "g"), 8 * offsetof(struct c_twin, g));
	assert_int_equal(dl_types_lookup(p.ctx->types, "union u")->size, 6);
	parsed_end(&p);
}

static void a_tag_may_be_used_before_it_is_defined(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "struct s *p; struct s { struct s *next; int x; };");
	assert_string_equal(parsed_errors(&p), "");
	struct dl_ident *id = dl_idents_lookup(p.ctx->globals, "p");

	assert_int_equal(id->type->ref->kind, DL_STRUCT);
	assert_ptr_equal(id->type->ref, dl_types_lookup(p.ctx->types, "struct s"));
	assert_ptr_equal(id->type->ref->members[0].type, id->type);
	parsed_end(&p);
}

static void enumerators_count_on(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "enum e { A, B = A + 5, C, D = -1, };");
	assert_string_equal(parsed_errors(&p), "");
	assert_int_equal(dl_idents_lookup(p.ctx->globals, "C")->value, 6);
	assert_int_equal(dl_idents_lookup(p.ctx->globals, "D")->value, -1);
	assert_int_equal(dl_types_lookup(p.ctx->types, "enum e")->n_enums, 4);
	parsed_end(&p);
}

struct bad {
	const char *text, *tag;
};

static void every_declaration_rule_has_its_tag(void **state)
{
	static const struct bad bad[] = {
		{ "short char x;", "D_DECL_CHARATTR" },
		{ "long void x;", "D_DECL_VOIDATTR" },
		{ "unsigned float x;", "D_DECL_SIGNINT" },
		{ "long string x;", "D_DECL_LONGINT" },
		{ "signed unsigned x;", "D_DECL_COMBO" },
		{ "self this x;", "D_DECL_CLASS" },
		{ "static int x;", "D_DECL_BADCLASS" },
		{ "auto int x;", "D_DECL_BADCLASS" },
		{ "int f(static int);", "D_DECL_PARMCLASS" },
		{ "int f(a, b);", "D_DECL_IDENT" },
		{ "self foo_t x;", "D_DECL_IDENT" },
		{ "int x; string x;", "D_DECL_IDRED" },
		{ "enum { execname };", "D_DECL_IDRED" },
		{ "int execname;", "D_DECL_IDRED" },
		{ "struct s { int a; }; struct s { int b; };", "D_DECL_TYPERED" },
		{ "typedef int t; typedef long t;", "D_DECL_TYPERED" },
		{ "int;", "D_DECL_USELESS" },
		{ "inline int = 1;", "D_DECL_USELESS" },
		{ "struct s { int; };", "D_DECL_MNAME" },
		{ "int m`x;", "D_DECL_SCOPE" },
		{ "struct s { int m`x; };", "D_DECL_SCOPE" },
		{ "enum { m`x };", "D_DECL_SCOPE" },
		{ "int x[0];", "D_DECL_ARRSUB" },
		{ "int x[pid];", "D_DECL_ARRSUB" },
		{ "int x[];", "D_DECL_ARRNULL" },
		{ "inline int x[3] = 1;", "D_DECL_ARRNULL" },
		{ "int x[0x100000000];", "D_DECL_ARRBIG" },
		{ "long x[0xffffffff];", "D_DECL_ARRBIG" },
		{ "struct s { int x:0; };", "D_DECL_BFCONST" },
		{ "struct s { int x:pid; };", "D_DECL_BFCONST" },
		{ "struct s { int *x:1; };", "D_DECL_BFTYPE" },
		{ "struct s { char x:9; };", "D_DECL_BFSIZE" },
		{ "enum { A = pid };", "D_DECL_ENCONST" },
		{ "enum { A = 0x7fffffff, B };", "D_DECL_ENOFLOW" },
		{ "this int x[int];", "D_DECL_LOCASSC" },
		{ "void x;", "D_DECL_VOIDOBJ" },
		{ "void x[2];", "D_DECL_VOIDOBJ" },
		{ "inline void x = 1;", "D_DECL_VOIDOBJ" },
		{ "int x[2][int];", "D_DECL_DYNOBJ" },
		{ "int *(*x)[int];", "D_DECL_DYNOBJ" },
		{ "struct s { struct t x; };", "D_DECL_INCOMPLETE" },
		{ "struct s { struct s x; };", "D_DECL_INCOMPLETE" },
		{ "int x[int, ...];", "D_DECL_PROTO_VARARGS" },
		{ "int f(int, void);", "D_DECL_PROTO_VOID" },
		{ "int f(void x);", "D_DECL_PROTO_NAME" },
		{ "inline int f[int] = 1;", "D_DECL_PROTO_NAME" },
		{ "provider p { probe x(int a) : (int b); };", "D_DECL_PROTO_FORM" },
		{ "provider p { probe x(int a, int a) : (int a); };", "D_DECL_PROTO_FORM" },
		{ "provider p1 { };", "D_PROV_BADNAME" },
		{ "provider p { probe x`y(); };", "D_PROV_BADNAME" },
		{ "provider p { probe x(); probe x(); };", "D_PROV_PRDUP" },
		{ "translator int < int i > { };", "D_XLATE_SOU" },
		{ "int x = 1;", "D_SYNTAX" },
		{ "import int x;", "D_SYNTAX" },
		{ "struct s { };", "D_SYNTAX" },
		{ "provider p { }", "D_SYNTAX" },
	};
	char want[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct parsed p;

		parsed_file(&p, bad[i].text);
		snprintf(want, sizeof(want), "[%s] line 1: ", bad[i].tag);
		if (strncmp(parsed_errors(&p), want, strlen(want)) != 0)
			print_error("%s: %s\n", bad[i].text, parsed_errors(&p));
		assert_memory_equal(parsed_errors(&p), want, strlen(want));
		assert_int_equal(dl_ctx_diags(p.ctx)->n_errors, 1);
		parsed_end(&p);
	}
}

static void providers_map_translated_arguments(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "provider p { probe my__probe(int a, char *b) : (char *b, int a);\n"
			"probe return(void); };");
	assert_string_equal(parsed_errors(&p), "");
	const struct dl_provider_decl *prov = p.ctx->providers;

	assert_non_null(prov);
	assert_string_equal(prov->probes->name, "my-probe");
	assert_string_equal(prov->probes->c_name, "my__probe");
	assert_int_equal(prov->probes->n_native, 2);
	assert_int_equal(prov->probes->map[0], 1);
	assert_int_equal(prov->probes->map[1], 0);
	assert_string_equal(prov->probes->next->name, "return");
	assert_int_equal(prov->probes->next->n_native, 0);
	parsed_end(&p);
}

static void type_names_of_hosts_are_parsed(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "struct s { int x; };");
	assert_string_equal(dl_type_name(p.ctx->types, dl_type_parse(p.ctx, "struct s *")),
			    "struct s *");
	assert_string_equal(dl_type_name(p.ctx->types, dl_type_parse(p.ctx, "char [16]")),
			    "char [16]");
	assert_string_equal(dl_type_name(p.ctx->types, dl_type_parse(p.ctx, "int (*)(void)")),
			    "int (*)(void)");
	assert_null(dl_type_parse(p.ctx, "nope_t"));
	assert_null(dl_type_parse(p.ctx, "int; int"));
	assert_null(dl_type_parse(p.ctx, "\""));
	assert_string_equal(parsed_errors(&p), "");
	parsed_end(&p);
}

/* --- control lines --- */

static void line_markers_name_files_and_lines(void **state)
{
	(void)state;
	assert_errors("# 7 \"inc.h\"\nint x[;\n#line 40\nint x[;\n# 3 \"/dev/fd/4\"\nint x[;\n",
		      "[D_SYNTAX] \"inc.h\", line 7: syntax error near \";\"\n"
		      "[D_SYNTAX] \"inc.h\", line 40: syntax error near \";\"\n"
		      "[D_SYNTAX] line 3: syntax error near \";\"");
	assert_errors("# 7 inc.h\n#line\n",
		      "[D_PRAGMA_MALFORM] line 1: malformed #line <line> [\"file\"] [flag]\n"
		      "[D_PRAGMA_MALFORM] line 2: malformed #line <line> [\"file\"] [flag]");
}

static void included_text_is_c(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p,
		    "# 1 \"a.h\" 1\n"
		    "typedef int size_t; extern int printf(const char *, ...);\n"
		    "static inline int f(int string) { if (string) { return 1; } return '}'; }\n"
		    "struct packed { char a; int b; } __attribute__((packed));\n"
		    "__extension__ typedef long long big; enum { X = 0x80000000, Y = X };\n"
		    "# 1 \"/usr/include/odd.h\" 1 3 4\n"
		    "typedef _Complex double nobody_reads; int a[__builtin_odd(1)];\n"
		    "# 8 \"a.h\" 2\n"
		    "# 2 \"script.d\" 2\n"
		    "big x; BEGIN { x = sizeof (C`size_t); x = sizeof (D`size_t); }\n");
	assert_string_equal(parsed_errors(&p), "");
	assert_int_equal(dl_types_lookup(p.ctx->types, "struct packed")->size, 5);
	assert_int_equal(dl_types_lookup_in(p.ctx->types, "C", "size_t")->size, 4);
	assert_int_equal(dl_idents_lookup(p.ctx->globals, "Y")->value, 0x80000000);
	parsed_end(&p);
	assert_errors("# 1 \"a.h\" 1\nint a[;\n",
		      "[D_SYNTAX] \"a.h\", line 1: syntax error near \";\"");
}

static void control_lines_are_checked(void **state)
{
	static const struct bad bad[] = {
		{ "#include <x.h>", "[D_PRAGCTL_INVAL] line 1: invalid control directive: "
				    "#include" },
		{ "#error out of luck", "[D_PRAGERR] line 1: #error: out of luck" },
		{ "#pragma D error no", "[D_PRAGERR] line 1: #error: no" },
		{ "#pragma D foo", "[D_PRAGMA_INVAL] line 1: invalid D pragma: foo" },
		{ "#pragma D option", "[D_PRAGMA_MALFORM] line 1: malformed #pragma option "
				      "<option>=<val>" },
		{ "#pragma D option quiet x", "[D_PRAGMA_MALFORM] line 1: superfluous arguments "
					      "specified for #pragma option" },
		{ "#pragma D option bufsize=x",
		  "[D_PRAGMA_OPTSET] line 1: failed to set option "
		  "'bufsize' to 'x': Invalid value for specified option" },
		{ "#pragma D option cpp", "[D_PRAGMA_OPTSET] line 1: failed to set option 'cpp': "
					  "Option cannot be used from within a D program" },
		{ "#pragma D attributes A/B/C x", "[D_PRAGMA_INVAL] line 1: invalid attributes "
						  "specified by #pragma attributes" },
		{ "#pragma D attributes Stable/Stable/Common nope",
		  "[D_PRAGMA_UNUSED] line 1: unused #pragma attributes" },
		{ "#pragma D attributes Stable/Stable/Common execname",
		  "[D_PRAGMA_SCOPE] line 1: "
		  "#pragma attributes cannot modify entity defined outside program scope" },
		{ "#pragma D binding \"x\" y", "[D_PRAGMA_INVAL] line 1: invalid version string x "
					       "specified by #pragma binding" },
		{ "#pragma D depends_on planet mars", "[D_PRAGMA_INVAL] line 1: invalid class "
						      "planet specified by #pragma depends_on" },
		{ "#pragma D depends_on library x.d", "[D_PRAGMA_DEPEND] line 1: main program may "
						      "not explicitly depend on a library" },
		{ "#\n # \n#ident \"x\"\n#pragma ident x\n#pragma once\n#!shebang\nint x;", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_errors(bad[i].text, bad[i].tag);
}

static void pragmas_set_options_and_attributes(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "#pragma D option quiet\n#pragma D option strsize=64\n"
			"#pragma D attributes Private/Unstable/ISA x\n"
			"int x; int y;\n#pragma D attributes Evolving/Evolving/Common y\n"
			"#pragma D binding \"1.2\" y\n"
			"provider pp { probe a(); };\n"
			"#pragma D attributes Stable/Evolving/ISA provider pp args\n");
	assert_string_equal(parsed_errors(&p), "");
	assert_int_equal(dl_option(p.options, DL_OPT_QUIET), 1);
	assert_int_equal(dl_types_strsize(p.ctx->types), 64);
	struct dl_ident *x = dl_idents_lookup(p.ctx->globals, "x");
	struct dl_ident *y = dl_idents_lookup(p.ctx->globals, "y");

	assert_int_equal(x->attr.name, DL_ST_PRIVATE);
	assert_int_equal(x->attr.class, DL_CL_ISA);
	assert_int_equal(y->attr.data, DL_ST_EVOLVING);
	assert_int_equal(y->version, 0x01002000);
	assert_int_equal(p.ctx->providers->attr.args.name, DL_ST_STABLE);
	assert_int_equal(p.ctx->providers->attr.args.data, DL_ST_EVOLVING);
	parsed_end(&p);
}

/* --- libraries --- */

static char library_dir[] = "/tmp/dlang-lib-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	strcpy(library_dir + sizeof(library_dir) - 7, "XXXXXX");
	return mkdtemp(library_dir) ? 0 : -1;
}

static const char *const library_names[] = { "a.d", "b.d", "c.d", "ignored.txt" };

static int remove_dir(void **state)
{
	char path[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(library_names); i++) {
		snprintf(path, sizeof(path), "%s/%s", library_dir, library_names[i]);
		remove(path);
	}
	return rmdir(library_dir);
}

static void write_library(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", library_dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void load_with(struct parsed *p, const struct dl_host *host, bool ok)
{
	parsed_start(p, host, NULL);
	assert_null(
		dl_options_set(p->options, "syslibdir", library_dir, DL_OPT_FROM_CMDLINE, false));
	assert_int_equal(dl_load_libraries(p->ctx), ok);
}

static void load(struct parsed *p, bool ok)
{
	load_with(p, NULL, ok);
}

static void libraries_are_loaded_after_those_they_depend_on(void **state)
{
	struct parsed p;

	(void)state;
	write_library("a.d", "#pragma D depends_on library b.d\ninline int A = B + 1;\nint a[A];");
	write_library("b.d", "#pragma D depends_on library c.d\ninline int B = C + 1;\nint b[B];");
	write_library("c.d", "inline int C = 1;");
	write_library("ignored.txt", "not D");
	load(&p, true);
	assert_string_equal(parsed_errors(&p), "");
	assert_int_equal(dl_idents_lookup(p.ctx->globals, "a")->type->n_elems, 3);
	parsed_end(&p);
}

static void a_library_that_another_needs_must_be_there(void **state)
{
	struct parsed p;

	(void)state;
	write_library("a.d", "#pragma D depends_on library nope.d\ninline int A = 1;");
	load(&p, false);
	assert_non_null(strstr(parsed_errors(&p), "/a.d\", line 1: program requires library "
						  "\"nope.d\" which failed to load"));
	parsed_end(&p);
}

static struct error *match_nothing(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	(void)ctx;
	(void)d;
	*ret = (struct dl_probe_info){ .n_matches = 0 };
	return NULL;
}

static void a_library_with_an_unmet_dependency_is_dropped(void **state)
{
	const struct dl_host host = { .probe_match = match_nothing };
	struct parsed p;

	(void)state;
	write_library("a.d", "#pragma D depends_on provider nope\ninline int A = 1;");
	write_library("b.d", "#pragma D depends_on library a.d\ninline int B = 1;");
	write_library("c.d", "inline int C = 1;");
	load_with(&p, &host, true);
	assert_string_equal(parsed_errors(&p), "");
	assert_null(dl_idents_lookup(p.ctx->globals, "A"));
	assert_null(dl_idents_lookup(p.ctx->globals, "B"));
	assert_non_null(dl_idents_lookup(p.ctx->globals, "C"));
	parsed_end(&p);
}

static void circular_dependencies_are_errors(void **state)
{
	struct parsed p;

	(void)state;
	write_library("a.d", "#pragma D depends_on library b.d\n");
	write_library("b.d", "\n#pragma D depends_on library a.d\n");
	load(&p, false);
	assert_non_null(strstr(parsed_errors(&p), "[D_PRAGMA_DEPEND] \""));
	assert_non_null(strstr(parsed_errors(&p), "/b.d\", line 2: library b.d depends on itself "
						  "through a.d"));
	parsed_end(&p);
}

static void errors_in_libraries_name_the_file(void **state)
{
	struct parsed p;

	(void)state;
	write_library("a.d", "\nint x[;");
	load(&p, false);
	assert_non_null(strstr(parsed_errors(&p), "/a.d\", line 2: syntax error near \";\""));
	parsed_end(&p);
	write_library("a.d", "BEGIN { }");
	load(&p, false);
	assert_non_null(strstr(parsed_errors(&p), "probe clauses are not permitted"));
	parsed_end(&p);
}

static void the_built_in_libraries_compile(void **state)
{
	struct parsed p;

	(void)state;
	parsed_start(&p, NULL, NULL);
	assert_true(dl_load_libraries(p.ctx));
	assert_string_equal(parsed_errors(&p), "");
	parsed_end(&p);
	parsed_start(&p, NULL, NULL);
	assert_null(dl_options_set(p.options, "nolibs", NULL, DL_OPT_FROM_CMDLINE, false));
	assert_true(dl_load_libraries(p.ctx));
	parsed_end(&p);
}

#define LIBRARY_TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declarators_are_read_inside_out),
		cmocka_unit_test(associative_arrays_have_key_types),
		cmocka_unit_test(structs_are_laid_out_as_by_the_compiler),
		cmocka_unit_test(a_tag_may_be_used_before_it_is_defined),
		cmocka_unit_test(enumerators_count_on),
		cmocka_unit_test(every_declaration_rule_has_its_tag),
		cmocka_unit_test(providers_map_translated_arguments),
		cmocka_unit_test(type_names_of_hosts_are_parsed),
		cmocka_unit_test(line_markers_name_files_and_lines),
		cmocka_unit_test(included_text_is_c),
		cmocka_unit_test(control_lines_are_checked),
		cmocka_unit_test(pragmas_set_options_and_attributes),
		LIBRARY_TEST(libraries_are_loaded_after_those_they_depend_on),
		LIBRARY_TEST(a_library_that_another_needs_must_be_there),
		LIBRARY_TEST(a_library_with_an_unmet_dependency_is_dropped),
		LIBRARY_TEST(circular_dependencies_are_errors),
		LIBRARY_TEST(errors_in_libraries_name_the_file),
		cmocka_unit_test(the_built_in_libraries_compile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
