/*
 * Tests of dlang/parse*.c: trees, clauses, recovery from errors, $target,
 * types that only the target knows, and how diagnostics look.
 */
#include "parsed.h"

#include <stdio.h>

static void assert_tree(const char *text, const char *want)
{
	struct parsed p;

	parsed_file(&p, text);
	assert_string_equal(parsed_errors(&p), "");
	assert_string_equal(parsed_dump(&p), want);
	parsed_end(&p);
}

/* The tree of one expression statement. */
static void assert_expr(const char *text, const char *want)
{
	char program[512], tree[2048];

	snprintf(program, sizeof(program), "inline int ONE = 1; BEGIN { %s }", text);
	snprintf(tree, sizeof(tree), "CLAUSE BEGIN\n  EXPR\n%s", want);
	assert_tree(program, tree);
}

static void operators_bind_by_precedence(void **state)
{
	(void)state;
	assert_expr("a + b * c", "    BINARY +\n      IDENT a\n      BINARY *\n"
				 "        IDENT b\n        IDENT c\n");
	assert_expr("a - b - c", "    BINARY -\n      BINARY -\n        IDENT a\n"
				 "        IDENT b\n      IDENT c\n");
	assert_expr("a || b ^^ c && d",
		    "    BINARY ||\n      IDENT a\n      BINARY ^^\n"
		    "        IDENT b\n        BINARY &&\n          IDENT c\n          IDENT d\n");
	assert_expr("a & b == c", "    BINARY &\n      IDENT a\n      BINARY ==\n"
				  "        IDENT b\n        IDENT c\n");
	assert_expr("-a++", "    UNARY -\n      INCDEC ++ post\n        IDENT a\n");
	assert_expr("*p->q", "    UNARY *\n      ARROW q\n        IDENT p\n");
}

static void assignment_is_right_associative(void **state)
{
	(void)state;
	assert_expr("a = b += c", "    ASSIGN =\n      IDENT a\n      ASSIGN +\n"
				  "        IDENT b\n        IDENT c\n");
	assert_errors("BEGIN { a + b = c; }", "[D_SYNTAX] line 1: syntax error near \"=\"");
	assert_errors("BEGIN { a ? b : c = d; }", "[D_SYNTAX] line 1: syntax error near \"=\"");
}

static void casts_are_told_from_parentheses(void **state)
{
	(void)state;
	assert_expr("(int)a + 1", "    BINARY +\n      CAST : int\n        IDENT a\n"
				  "      INT 1 : int\n");
	assert_expr("(a) + 1", "    BINARY +\n      IDENT a\n      INT 1 : int\n");
	assert_expr("(uint8_t *)a", "    CAST : uint8_t *\n      IDENT a\n");
	assert_expr("(struct timeval *)arg0", "    CAST : struct timeval *\n      IDENT arg0\n");
	assert_expr("(int (*)(char *, ...))a", "    CAST : int (*)(char *, ...)\n      IDENT a\n");
	assert_expr("(string)a", "    CAST : string\n      IDENT a\n");
}

static void a_type_name_before_an_assignment_is_a_variable(void **state)
{
	(void)state;
	assert_expr("size_t = 1", "    ASSIGN =\n      IDENT size_t\n      INT 1 : int\n");
	assert_expr("size_t[1] = 1", "    ASSIGN =\n      INDEX\n        IDENT size_t\n"
				     "        INT 1 : int\n      INT 1 : int\n");
	assert_errors("BEGIN { x = size_t; }", "[D_SYNTAX] line 1: syntax error near \"size_t\"");
}

static void sizeof_takes_types_and_expressions(void **state)
{
	(void)state;
	assert_expr("sizeof (int *)", "    SIZEOF\n      TYPE : int *\n");
	assert_expr("sizeof (a)->b", "    SIZEOF\n      ARROW b\n        IDENT a\n");
	assert_expr("sizeof a", "    SIZEOF\n      IDENT a\n");
	assert_expr("offsetof(struct timeval, tv_usec)",
		    "    OFFSETOF tv_usec\n      TYPE : struct timeval\n");
	assert_expr("stringof a->b", "    STRINGOF\n      ARROW b\n        IDENT a\n");
	assert_expr("xlate <struct timeval *> (a)->tv_sec",
		    "    ARROW tv_sec\n      XLATE\n"
		    "        TYPE : struct timeval *\n        IDENT a\n");
}

static void members_may_be_named_like_keywords(void **state)
{
	(void)state;
	assert_expr("a->self.string->probe", "    ARROW probe\n      DOT string\n"
					     "        ARROW self\n          IDENT a\n");
	assert_errors("BEGIN { a->1; }",
		      "[D_OP_IDENT] line 1: operator -> must be followed by an identifier");
}

static void self_and_this_are_names_before_an_arrow(void **state)
{
	(void)state;
	assert_expr("self->a[1]", "    INDEX\n      ARROW a\n        IDENT self\n"
				  "      INT 1 : int\n");
	assert_expr("this->b", "    ARROW b\n      IDENT this\n");
}

static void aggregations_have_keys(void **state)
{
	(void)state;
	assert_expr("@[a, 2] = count()", "    ASSIGN =\n      AGGREF _\n        IDENT a\n"
					 "        INT 2 : int\n      CALL count\n");
	assert_errors("BEGIN { @a[1][2] = count(); }", "[D_AGG_MDIM] line 1: improper attempt to "
						       "reference @a as a multi-dimensional array");
	assert_errors("BEGIN { (f)(1); }",
		      "[D_FUNC_IDENT] line 1: function designator is not of function type");
}

static void constant_conditions_are_decided_while_parsing(void **state)
{
	(void)state;
	assert_expr("1 ? a : b", "    IDENT a\n");
	assert_expr("ONE - 1 ? a : b", "    IDENT b\n");
	assert_expr("a ? b : ONE ? c : d", "    COND\n      IDENT a\n      IDENT b\n"
					   "      IDENT c\n");
	assert_expr("a ? b : c ? d : e", "    COND\n      IDENT a\n      IDENT b\n      COND\n"
					 "        IDENT c\n        IDENT d\n        IDENT e\n");
}

static void an_inline_parameter_hides_a_constant_of_its_name(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "inline int k = 1; inline string f[int k] = k ? \"a\" : \"b\";");
	assert_string_equal(parsed_errors(&p), "");
	struct dl_ident *id = dl_idents_lookup(p.ctx->globals, "f");

	assert_non_null(id);
	assert_int_equal(id->body->kind, DL_N_COND);
	parsed_end(&p);
}

static void statements_form_lists(void **state)
{
	(void)state;
	assert_tree("BEGIN { ; a; ; b }", "CLAUSE BEGIN\n  EXPR\n    IDENT a\n"
					  "  EXPR\n    IDENT b\n");
	assert_tree("BEGIN { if (a) b; else if (c) { d; } else { ; } e }",
		    "CLAUSE BEGIN\n  IF\n    IDENT a\n    EXPR\n      IDENT b\n  ELSE\n"
		    "    IF\n      IDENT c\n      EXPR\n        IDENT d\n"
		    "  EXPR\n    IDENT e\n");
	assert_errors("BEGIN { { a; } }", "[D_SYNTAX] line 1: syntax error near \"{\"");
	assert_errors("BEGIN { int x; }", "[D_SYNTAX] line 1: syntax error near \"int\"");
}

static void predicates_stand_between_slashes(void **state)
{
	(void)state;
	assert_tree("a:::, b::: /x / 2/ /* c */ { }",
		    "CLAUSE a:::, b:::\n  BINARY /\n    IDENT x\n    INT 2 : int\n");
	assert_errors("BEGIN /(a/ { }",
		      "[D_SYNTAX] line 1: closing ) expected in predicate before /");
	assert_errors("BEGIN /a[1/ { }",
		      "[D_SYNTAX] line 1: closing ] expected in predicate before /");
	assert_errors("BEGIN /a/ /b/ { }", "[D_SYNTAX] line 1: expected actions { } following "
					   "probe description and predicate");
	assert_errors("BEGIN /a/", "[D_SYNTAX] line 1: expected actions { } following "
				   "probe description and predicate");
}

static void a_lone_description_is_a_string_program(void **state)
{
	struct parsed p;

	(void)state;
	assert_errors("BEGIN", "[D_SYNTAX] line 1: expected predicate and/or actions following "
			       "probe description");
	parsed_string(&p, "syscall::read:entry", DL_LEVEL_NAME);
	assert_non_null(p.unit);
	assert_false(p.unit->clauses->has_body);
	parsed_end(&p);
	assert_errors("syscall:: read:entry { }",
		      "[D_SYNTAX] line 1: syntax error near \"read:entry\"");
}

static void string_programs_may_hold_several_clauses(void **state)
{
	struct parsed p;

	(void)state;
	parsed_string(&p, "syscall /1/ { a; } io { b; }", DL_LEVEL_PROVIDER);
	assert_string_equal(parsed_errors(&p), "");
	assert_int_equal(p.unit->n_descs, 2);
	assert_string_equal(p.unit->descs[0].prov, "syscall");
	assert_string_equal(p.unit->descs[1].prov, "io");
	parsed_end(&p);
}

static void places_in_string_programs_are_regions(void **state)
{
	(void)state;
	assert_string_errors("BEGIN /a +/ { }", DL_LEVEL_NAME,
			     "[D_SYNTAX] in predicate: syntax error near \"/\"");
	assert_string_errors("BEGIN { a + ; }", DL_LEVEL_NAME,
			     "[D_SYNTAX] in action list: syntax error near \";\"");
	assert_string_errors("BEGIN { a", DL_LEVEL_NAME,
			     "[D_SYNTAX] in action list: syntax error near end of input");
	assert_string_errors("BEGIN END { }", DL_LEVEL_NAME,
			     "[D_SYNTAX] syntax error near \"END\"");
}

static void every_broken_item_is_reported_once(void **state)
{
	(void)state;
	assert_errors("BEGIN { x = ; y = ; { } }\n"
		      "int a[;\n"
		      "END { trace(\"{);\n} ERROR { a->b.c(9d); }\n"
		      "struct s { int x; ; };\n"
		      "BEGIN { ok; }",
		      "[D_SYNTAX] line 1: syntax error near \";\"\n"
		      "[D_SYNTAX] line 2: syntax error near \";\"\n"
		      "[D_STR_NL] line 3: newline encountered in string literal\n"
		      "[D_FUNC_IDENT] line 4: function designator is not of function type\n"
		      "[D_SYNTAX] line 5: syntax error near \";\"");
}

static void deep_nesting_is_an_error_not_a_crash(void **state)
{
	enum { N = 10000 };
	char *text = malloc(3 * N + 64);

	(void)state;
	assert_non_null(text);
	strcpy(text, "BEGIN { x = ");
	memset(text + 12, '(', N);
	strcpy(text + 12 + N, "; }");
	assert_errors(text, "[D_SYNTAX] line 1: syntax error: nested too deeply");
	memset(text + 12, '~', N);
	assert_errors(text, "[D_SYNTAX] line 1: syntax error: nested too deeply");
	for (int i = 0; i < N; i++)
		memcpy(text + 12 + 2 * i, "1+", 2);
	strcpy(text + 12 + 2 * N, "1; }");
	assert_errors(text, "[D_SYNTAX] line 1: syntax error: expression is too complex");
	for (int i = 0; i < N; i++)
		memcpy(text + 12 + 2 * i, "a?", 2);
	assert_errors(text, "[D_SYNTAX] line 1: syntax error: nested too deeply");
	free(text);
}

static void reserved_words_are_refused_with_a_hint(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "BEGIN { switch (1) ; }");
	assert_string_equal(parsed_errors(&p), "[D_SYNTAX] line 1: syntax error near \"switch\"");
	assert_non_null(strstr(dl_ctx_diags(p.ctx)->list.items[0].hint, "reserved"));
	parsed_end(&p);
}

static void a_diagnostic_shows_its_place_in_the_source(void **state)
{
	struct parsed p;
	struct strbuf sb = { 0 };

	(void)state;
	parsed_file(&p, "BEGIN\n{\n\tx = 1;\ty = break;\n}\n");
	dl_diag_format(&sb, &p.source, &dl_ctx_diags(p.ctx)->list.items[0], false, true);
	assert_string_equal(strbuf_text(&sb),
			    "line 3: syntax error near \"break\"\n"
			    "\tx = 1;\ty = break;\n"
			    "\t      \t    ^~~~~\n"
			    "hint: break is a reserved word without a meaning in D");
	strbuf_deinit(&sb);
	parsed_end(&p);
}

static void target_may_become_known_after_parsing(void **state)
{
	const struct dl_pdesc *descs;
	struct parsed p;
	uint32_t n;

	(void)state;
	parsed_file(&p, "pid$target:::entry { $target; $$target; }");
	descs = dl_unit_descs(p.unit, &n);
	assert_int_equal(n, 1);
	assert_string_equal(descs[0].prov, "pid0");
	dl_ctx_set_target(p.ctx, 4321);
	descs = dl_unit_descs(p.unit, &n);
	assert_string_equal(descs[0].prov, "pid4321");
	assert_string_equal(p.unit->clauses->descs[0].prov, "pid4321");
	assert_string_equal(parsed_dump(&p),
			    "CLAUSE pid$target:::entry\n  EXPR\n"
			    "    INT 4321 : int\n  EXPR\n    STR \"4321\" : string\n");
	parsed_end(&p);
}

/* A host that learns of conn_t when the target is there. */
static bool target_is_there;

static struct dl_type *late_lookup(void *ctx, struct dl_types *ts, const char *object,
				   const char *name)
{
	(void)ctx;
	(void)object;
	if (!target_is_there || strcmp(name, "conn_t") != 0)
		return NULL;
	return dl_types_lookup(ts, "struct timeval");
}

static void types_of_the_target_are_resolved_when_it_is_there(void **state)
{
	const struct dl_host host = { .type_lookup = late_lookup };
	const struct dl_source source = {
		.kind = DL_SRC_FILE,
		.text = "self conn_t *c; BEGIN { self->c = (conn_t *)1; self->c->tv_sec;"
			" x = sizeof (conn_t); z = 2; y = (z) - 1; }",
	};
	struct parsed p;

	(void)state;
	target_is_there = false;
	parsed_start(&p, &host, NULL);
	parsed_run(&p, &source);
	assert_string_equal(parsed_errors(&p), "");
	target_is_there = true;
	assert_non_null(dl_compile(p.ctx, p.unit));
	parsed_end(&p);
}

static void types_nobody_knows_are_reported(void **state)
{
	const struct dl_host host = { .type_lookup = late_lookup };
	const struct dl_source source = {
		.kind = DL_SRC_FILE,
		.text = "BEGIN { trace((nope_t *)1 == 0); }",
	};
	struct parsed p;

	(void)state;
	target_is_there = true;
	parsed_start(&p, &host, NULL);
	parsed_run(&p, &source);
	assert_non_null(p.unit);
	assert_null(dl_compile(p.ctx, p.unit));
	assert_non_null(
		strstr(parsed_errors(&p), "[D_SYNTAX] line 1: syntax error near \"nope_t\""));
	parsed_end(&p);
}

static void an_empty_program_is_an_error_unless_allowed(void **state)
{
	struct parsed p;

	(void)state;
	parsed_file(&p, "/* nothing */\n");
	assert_non_null(p.unit);
	assert_null(dl_compile(p.ctx, p.unit));
	assert_string_equal(parsed_errors(&p), "[D_EMPTY] empty D program translation unit");
	parsed_end(&p);
	parsed_file(&p, "#pragma D option empty\n");
	assert_non_null(dl_compile(p.ctx, p.unit));
	parsed_end(&p);
}

static void the_last_operand_must_be_referenced(void **state)
{
	static const char *const operands[] = { "a", "b", NULL };
	struct parsed p;

	(void)state;
	parsed_start(&p, NULL, operands);
	parsed_run(&p, &(struct dl_source){ .kind = DL_SRC_FILE, .text = "BEGIN { $$1; }" });
	assert_null(dl_compile(p.ctx, p.unit));
	assert_string_equal(parsed_errors(&p), "[D_MACRO_UNUSED] extraneous argument 'b' "
					       "($2 is not referenced)");
	parsed_end(&p);
	parsed_start(&p, NULL, operands);
	parsed_run(&p, &(struct dl_source){ .kind = DL_SRC_FILE, .text = "BEGIN { $$2; }" });
	assert_non_null(dl_compile(p.ctx, p.unit));
	parsed_end(&p);
	parsed_start(&p, NULL, operands);
	parsed_run(&p, &(struct dl_source){ .kind = DL_SRC_FILE,
					    .text = "#pragma D option argref\nBEGIN { }" });
	assert_non_null(dl_compile(p.ctx, p.unit));
	/* The pragma held for that program only. */
	assert_int_equal(dl_option(p.options, DL_OPT_ARGREF), 0);
	parsed_end(&p);
}

static void an_empty_body_leaves_a_record(void **state)
{
	struct parsed p;
	struct dl_program *program;

	(void)state;
	parsed_file(&p, "BEGIN { } END { x = 1; }");
	program = dl_compile(p.ctx, p.unit);
	assert_non_null(program);
	assert_int_equal(program->n_clauses, 2);
	assert_true(program->clauses[0].records);
	assert_string_equal(program->clauses[1].text, "END { x = 1; }");
	assert_string_equal(program->clauses[1].desc_text, "END");
	parsed_end(&p);
}

/* A host with one provider, "known". */
static struct error *match_known(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	(void)ctx;
	*ret = (struct dl_probe_info){ .prov = "known", .mod = "", .func = "", .name = "x" };
	ret->n_matches = !strcmp(d->prov, "known");
	if (!strcmp(d->prov, "broken"))
		return error_tagged("D_PROC_GRAB", "failed to grab process 1");
	return NULL;
}

static void suggest_known(void *ctx, const struct dl_pdesc *d,
			  void (*fn)(void *arg, const char *text), void *arg)
{
	(void)ctx;
	(void)d;
	fn(arg, "known:::x");
}

static void descriptions_that_match_nothing_are_errors(void **state)
{
	const struct dl_host host = { .probe_match = match_known, .probe_suggest = suggest_known };
	struct parsed p;

	(void)state;
	parsed_start(&p, &host, NULL);
	parsed_run(&p, &(struct dl_source){ .kind = DL_SRC_FILE,
					    .text = "known:::x, knwon:::x, broken:::\n{ }" });
	assert_null(dl_compile(p.ctx, p.unit));
	assert_string_equal(parsed_errors(&p),
			    "[D_PDESC_ZERO] line 1: probe description knwon:::x does not match "
			    "any probes\n[D_PROC_GRAB] line 1: failed to grab process 1");
	assert_string_equal(dl_ctx_diags(p.ctx)->list.items[0].hint, "did you mean known:::x?");
	parsed_end(&p);
	parsed_start(&p, &host, NULL);
	parsed_run(&p, &(struct dl_source){ .kind = DL_SRC_FILE,
					    .text = "#pragma D option zdefs\nnope:::x { }" });
	assert_non_null(dl_compile(p.ctx, p.unit));
	parsed_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_bind_by_precedence),
		cmocka_unit_test(assignment_is_right_associative),
		cmocka_unit_test(casts_are_told_from_parentheses),
		cmocka_unit_test(a_type_name_before_an_assignment_is_a_variable),
		cmocka_unit_test(sizeof_takes_types_and_expressions),
		cmocka_unit_test(members_may_be_named_like_keywords),
		cmocka_unit_test(self_and_this_are_names_before_an_arrow),
		cmocka_unit_test(aggregations_have_keys),
		cmocka_unit_test(constant_conditions_are_decided_while_parsing),
		cmocka_unit_test(an_inline_parameter_hides_a_constant_of_its_name),
		cmocka_unit_test(statements_form_lists),
		cmocka_unit_test(predicates_stand_between_slashes),
		cmocka_unit_test(a_lone_description_is_a_string_program),
		cmocka_unit_test(string_programs_may_hold_several_clauses),
		cmocka_unit_test(places_in_string_programs_are_regions),
		cmocka_unit_test(every_broken_item_is_reported_once),
		cmocka_unit_test(deep_nesting_is_an_error_not_a_crash),
		cmocka_unit_test(reserved_words_are_refused_with_a_hint),
		cmocka_unit_test(a_diagnostic_shows_its_place_in_the_source),
		cmocka_unit_test(target_may_become_known_after_parsing),
		cmocka_unit_test(types_of_the_target_are_resolved_when_it_is_there),
		cmocka_unit_test(types_nobody_knows_are_reported),
		cmocka_unit_test(an_empty_program_is_an_error_unless_allowed),
		cmocka_unit_test(the_last_operand_must_be_referenced),
		cmocka_unit_test(an_empty_body_leaves_a_record),
		cmocka_unit_test(descriptions_that_match_nothing_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
