/*
 * The checker over a fake host: D text to error tag, type, or lowered tree.
 * One error per tag is in lang/err; here is what needs a target or looks
 * inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../dlang/format.h"
#include "../../dlang/sema.h"
#include "../../dlang/strbuf.h"

/* --- the fake host --- */

static const struct dl_attr private_attr = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN };
static const struct dl_attr stable_attr = { DL_ST_STABLE, DL_ST_STABLE, DL_CL_COMMON };

static const struct dl_probe_arg typed_args[] = {
	{ .name = "n", .native = "int", .map = 0 },
	{ .name = "path", .native = "char *", .xlated = "string", .map = 2 },
	{ .name = "proc", .native = "struct __proc *", .xlated = "psinfo_t *", .map = 1 },
	{ .name = "odd", .native = "char *", .xlated = "psinfo_t *", .map = 3 },
	{ .name = "lost", .native = "struct nowhere_t", .map = 4 },
};

static struct error *match(void *ctx, const struct dl_pdesc *d, struct dl_probe_info *ret)
{
	(void)ctx;
	*ret = (struct dl_probe_info){ .n_matches = 1,
				       .id = 1,
				       .prov = d->prov,
				       .mod = d->mod,
				       .func = d->func,
				       .name = d->name };
	ret->attr = (struct dl_prov_attr){ stable_attr, private_attr, private_attr, stable_attr,
					   stable_attr };
	if (!strncmp(d->name, "typed", 5) || dl_is_glob(d->name)) {
		ret->args = typed_args;
		ret->n_args = ARRAY_SIZE(typed_args);
	}
	if (dl_is_glob(d->name) || !strcmp(d->mod, "many"))
		ret->n_matches = 2;
	if (!strcmp(d->prov, "private"))
		ret->attr.args = private_attr;
	return NULL;
}

static struct dl_type *switch_type(struct dl_types *ts)
{
	static struct dl_enumerator tags[] = { { "OFF", 0 }, { "ON", 1 }, { "both", 2 } };
	struct dl_type *t = dl_type_new(ts, DL_ENUM, "toggle");

	t->size = t->align = 4;
	t->is_signed = true;
	t->enums = tags;
	t->n_enums = ARRAY_SIZE(tags);
	return t;
}

static struct error *symbol(void *ctx, struct dl_types *ts, const char *object, const char *name,
			    struct dl_symbol *ret)
{
	(void)ctx;
	*ret = (struct dl_symbol){
		.object = *object ? object : "a.out", .name = name, .addr = 0x1000, .size = 24
	};
	if (!strcmp(name, "counter"))
		ret->type = dl_types_basic(ts, DL_T_INT);
	else if (!strcmp(name, "lever"))
		ret->type = switch_type(ts);
	else if (!strcmp(name, "work"))
		ret->is_func = true;
	else if (strcmp(name, "untyped") != 0)
		return error_format(ERR_NOTFOUND, "no symbol %s", name);
	return NULL;
}

static const struct dl_host host = { .probe_match = match, .symbol_lookup = symbol };

/* --- compiling --- */

struct fixture {
	struct dl_options *options;
	struct dl_ctx *c;
	struct dl_source src;
	struct dl_node *lowered; /* of the last clause checked */
	struct dl_attr attr;
};

static void open_ctx(struct fixture *f, const char *option, const char *value)
{
	struct dl_ctx_config config = { .host = &host };

	*f = (struct fixture){ .options = dl_options_create() };
	if (option)
		assert_null(dl_options_set(f->options, option, value, DL_OPT_FROM_CMDLINE, false));
	config.options = f->options;
	f->c = dl_ctx_create(&config);
	assert_non_null(f->c);
	assert_true(dl_load_libraries(f->c));
}

static void close_ctx(struct fixture *f)
{
	dl_ctx_destroy(f->c);
	dl_options_destroy(f->options);
}

/* Checks every clause for its first description. */
static void check(struct fixture *f, const char *text)
{
	struct dl_unit *u;

	f->src = (struct dl_source){
		.kind = DL_SRC_FILE, .name = "t.d", .text = text, .level = DL_LEVEL_NAME
	};
	u = dl_parse(f->c, &f->src);
	f->lowered = NULL;
	for (const struct dl_node *n = u ? u->clauses : NULL; n; n = n->next) {
		struct dl_probe_info probe;

		assert_null(match(NULL, &n->descs[0], &probe));
		f->lowered = dl_sema_clause(f->c, u, n, 0, &probe, &f->attr);
	}
}

static const struct dl_diag *only_error(const struct fixture *f)
{
	const struct dl_diags *d = dl_ctx_diags(f->c);

	assert_int_equal(d->n_errors, 1);
	for (size_t i = 0; i < d->list.n; i++) {
		if (d->list.items[i].severity == DL_SEV_ERROR)
			return &d->list.items[i];
	}
	return NULL;
}

static void expect_error(const char *text, enum dl_tag tag, const char *message)
{
	const struct dl_diag *d;
	struct fixture f;

	open_ctx(&f, NULL, NULL);
	check(&f, text);
	d = only_error(&f);
	assert_string_equal(dl_tag_name(d->tag), dl_tag_name(tag));
	if (message)
		assert_string_equal(d->text, message);
	assert_null(f.lowered);
	close_ctx(&f);
}

static void no_errors(const struct fixture *f)
{
	const struct dl_diags *d = dl_ctx_diags(f->c);

	if (d->list.n)
		print_message("%s\n", d->list.items[0].text);
	assert_int_equal(d->n_errors, 0);
	assert_non_null(f->lowered);
}

/* The lowered tree of a program with one statement. */
static void expect_tree(const char *text, const char *tree)
{
	struct strbuf sb = { 0 };
	struct fixture f;

	open_ctx(&f, NULL, NULL);
	check(&f, text);
	no_errors(&f);
	assert_non_null(f.lowered->body);
	dl_node_dump(&sb, f.lowered->body);
	assert_string_equal(strbuf_text(&sb), tree);
	strbuf_deinit(&sb);
	close_ctx(&f);
}

/* Checks trace(expr) and returns the traced node; f stays open. */
static struct dl_node *traced(struct fixture *f, const char *expr)
{
	static char text[512];

	snprintf(text, sizeof(text), "BEGIN { trace(%s); }", expr);
	open_ctx(f, NULL, NULL);
	check(f, text);
	no_errors(f);
	assert_int_equal(f->lowered->body->kind, DL_N_ACTION);
	return f->lowered->body->args;
}

static void expect_type(const char *expr, const char *type)
{
	struct fixture f;
	struct dl_node *n = traced(&f, expr);

	assert_string_equal(dl_type_name(f.c->types, n->type), type);
	close_ctx(&f);
}

static void expect_const(const char *expr, int64_t value)
{
	struct fixture f;
	struct dl_node *n = traced(&f, expr);

	assert_int_equal(n->kind, DL_N_INT);
	assert_int_equal((int64_t)n->value, value);
	close_ctx(&f);
}

/* --- types --- */

static void the_wider_then_the_unsigned_type_wins(void **state)
{
	(void)state;
	expect_type("(char)arg0 + (char)arg1", "char");
	expect_type("(int)arg0 + (unsigned int)arg1", "unsigned int");
	expect_type("(long)arg0 + (unsigned int)arg1", "long");
	expect_type("(long)arg0 * (long long)arg1", "long long");
	expect_type("(long)arg0 | (unsigned long)arg1", "unsigned long");
	expect_type("(short)arg0 << (long)arg1", "short");
	expect_type("(char)arg0 < (char)arg1", "int");
	expect_type("!arg0", "int");
	expect_type("~(char)arg0", "char");
}

static void a_condition_has_the_type_of_its_branches(void **state)
{
	(void)state;
	expect_type("pid ? 1 : 2L", "long");
	expect_type("pid ? \"a\" : execname", "string");
	expect_type("pid ? execname : NULL", "string");
	expect_type("pid ? (int *)arg0 : NULL", "int *");
	expect_type("pid ? (char *)arg0 : \"x\"", "string");
}

static void pointers_step_by_what_they_point_to(void **state)
{
	(void)state;
	expect_type("(int *)arg0 + 1", "int *");
	expect_type("(int *)arg0 - (int *)arg1", "long");
	expect_type("((int *)arg0)[2]", "int");
	expect_type("&((int *)arg0)[2]", "int *");
	expect_type("\"abc\"[1]", "char");
	expect_tree("BEGIN { trace(((short *)arg0)[arg1]); }", "ACTION : void\n"
							       "  DEREF : short\n"
							       "    BINARY + : short *\n"
							       "      CAST : short *\n"
							       "        ARG arg0 : int64_t\n"
							       "      BINARY * : long\n"
							       "        ARG arg1 : int64_t\n"
							       "        INT 2 : long\n");
}

static void constants_are_folded_by_their_type(void **state)
{
	(void)state;
	expect_const("1 + 2 * 3", 7);
	expect_const("-7 / 2", -3);
	expect_const("-1 >> 1", -1);
	expect_const("0xffffffffffffffff >> 1", INT64_MAX);
	expect_const("-1 < 1", 1);
	expect_const("-1L < 1UL", 0);
	expect_const("(char)300", 44);
	expect_const("(unsigned char)-1", 255);
	expect_const("1 ? 2 : nosuch", 2);
	expect_const("sizeof (int) + sizeof (string)", 260);
	expect_const("offsetof(lwpsinfo_t, pr_stype)", 24);
	expect_const("O_CREAT | O_EXCL", 0300);
	expect_const("(-0x7fffffffffffffff - 1) / -1", INT64_MIN);
	expect_const("3 ^^ 4", 0);
}

/* --- variables --- */

static void the_first_assignment_types_a_variable(void **state)
{
	struct fixture f;
	const struct dl_var *v;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { x = 1; self->s = \"a\"; a[execname, 1] = (char *)8; n++; }");
	no_errors(&f);
	assert_int_equal(f.c->vars.n, 4);
	v = f.c->vars.items[0];
	assert_string_equal(v->name, "x");
	assert_int_equal(v->value.kind, DL_VK_INT);
	assert_int_equal(v->value.size, 8); /* undeclared: keeps 64 bits */
	assert_int_equal(dl_type_base(v->value.type)->size, 4);
	v = f.c->vars.items[1];
	assert_int_equal(v->scope, DL_SCOPE_SELF);
	assert_int_equal(v->value.kind, DL_VK_STRING);
	v = f.c->vars.items[2];
	assert_true(v->is_assoc);
	assert_int_equal(v->n_keys, 2);
	assert_int_equal(v->keys[0].kind, DL_VK_STRING);
	assert_int_equal(v->keys[1].size, 4);
	assert_string_equal(dl_type_name(f.c->types, f.c->vars.items[3]->value.type), "int64_t");
	close_ctx(&f);
}

static void storage_is_handed_out_in_multiples_of_eight(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "int8_t a; struct s { char c[11]; }; struct s b; int c[3]; int8_t d;\n"
		  "this int e; BEGIN { this->f = 1; }");
	no_errors(&f);
	assert_int_equal(f.c->vars.items[0]->offset, 0);
	assert_int_equal(f.c->vars.items[1]->offset, 8);
	assert_int_equal(f.c->vars.items[2]->offset, 24);
	assert_true(f.c->vars.items[2]->is_array);
	assert_int_equal(f.c->vars.items[3]->offset, 40);
	assert_int_equal(f.c->global_size, 48);
	assert_int_equal(f.c->local_size, 16);
	close_ctx(&f);
}

static void a_declared_narrow_variable_cuts(void **state)
{
	(void)state;
	expect_tree("int8_t x; BEGIN { x = arg0; }", "EXPR : void\n"
						     "  ASSIGN = : int8_t\n"
						     "    VAR x : int8_t\n"
						     "    CAST : int8_t\n"
						     "      ARG arg0 : int64_t\n");
	expect_tree("BEGIN { x = (int8_t)1; } END { x = arg0; }", "EXPR : void\n"
								  "  ASSIGN = : int8_t\n"
								  "    VAR x : int8_t\n"
								  "    ARG arg0 : int64_t\n");
}

static void a_clock_in_a_narrow_variable_gets_a_warning(void **state)
{
	const struct dl_diags *d;
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "self int last; BEGIN { self->last = timestamp; x = timestamp; "
		  "self->last = x - 1; self->last = arg0; }");
	no_errors(&f);
	d = dl_ctx_diags(f.c);
	assert_int_equal(d->list.n, 1);
	assert_int_equal(d->list.items[0].severity, DL_SEV_WARNING);
	assert_string_equal(d->list.items[0].hint, "declare it uint64_t last");
	close_ctx(&f);
}

static void compound_assignment_evaluates_its_target_once(void **state)
{
	(void)state;
	expect_tree("BEGIN { *(int *)(n++) += 2; }", "EXPR : void\n"
						     "  LET : int\n"
						     "    CAST : int *\n"
						     "      INCDEC ++ post : int64_t\n"
						     "        VAR n : int64_t\n"
						     "    ASSIGN = : int\n"
						     "      DEREF : int\n"
						     "        LETVAR : int *\n"
						     "      CAST : int\n"
						     "        BINARY + : int\n"
						     "          DEREF : int\n"
						     "            LETVAR : int *\n"
						     "          INT 2 : int\n");
}

static void one_mistake_is_reported_once(void **state)
{
	(void)state;
	expect_error("BEGIN { x = nosuch + 1; y = x * 2; trace(x); trace(y); @a[x] = sum(y); }",
		     D_IDENT_UNDEF, "failed to resolve nosuch: Unknown variable name");
	expect_error("BEGIN { self->x = nosuch; } END { trace(self->x); self->x++; }",
		     D_IDENT_UNDEF, NULL);
	expect_error("BEGIN { trace(nosuch); trace(nosuch); } END { trace(nosuch); }",
		     D_IDENT_UNDEF, NULL);
}

static void every_mistake_is_reported(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { trace(one); strlen(); } END { printf(\"%d\"); trace(\"a\" + \"b\"); }");
	assert_int_equal(dl_ctx_diags(f.c)->n_errors, 4);
	close_ctx(&f);
}

static void a_trial_leaves_no_names_behind(void **state)
{
	(void)state;
	expect_error("BEGIN { nosuch ? 1 : 2; }", D_IDENT_UNDEF, NULL);
	expect_error("BEGIN { nosuch == 3 ? 1 : 2; }", D_IDENT_UNDEF, NULL);
}

static void near_misses_are_suggested(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { trace(execnam); }");
	assert_string_equal(only_error(&f)->hint, "did you mean execname?");
	close_ctx(&f);
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { prntf(\"x\"); }");
	assert_string_equal(only_error(&f)->hint, "did you mean printf?");
	close_ctx(&f);
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { trace(curpsinfo->pr_sid + fds[0].fi_offsets); }");
	assert_string_equal(only_error(&f)->hint, "did you mean fi_offset?");
	close_ctx(&f);
}

/* --- probes --- */

static void args_have_the_types_of_the_probe(void **state)
{
	(void)state;
	expect_tree("t:::typed { trace(args[0]); }", "ACTION : void\n"
						     "  CAST : int\n"
						     "    ARG arg0 : int64_t\n");
	expect_tree("t:::typed { trace(args[1]); }", "ACTION : void\n"
						     "  STRINGOF : string\n"
						     "    ARG arg2 : char *\n");
	expect_tree("t:::typed { trace(args[2]->pr_pid); }", "ACTION : void\n"
							     "  CAST : pid_t\n"
							     "    CALL __proc_int : int64_t\n"
							     "      CAST : uint64_t\n"
							     "        CAST : struct __proc *\n"
							     "          ARG arg1 : int64_t\n"
							     "      INT 0 : int\n");
}

static void args_are_refused_where_they_mean_nothing(void **state)
{
	(void)state;
	expect_error("t:::typed { trace(args[3]); }", D_ARGS_XLATOR,
		     "translator for args[3] from char * to psinfo_t * is not defined");
	expect_error("t:::typed { trace(args[4]); }", D_ARGS_TYPE,
		     "failed to resolve native type for args[4]");
	expect_error("t:::typed { trace(args[5]); }", D_ARGS_IDX,
		     "index 5 is out of range for t:::typed args[ ]");
	expect_error("t:::typed* { trace(args[0]); }", D_ARGS_MULTI, NULL);
	expect_error("private:many::typed { trace(args[0]); }", D_ARGS_MULTI, NULL);
}

static void a_stable_set_of_probes_has_args(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "t:many::typed { trace(args[0]); }");
	no_errors(&f);
	close_ctx(&f);
}

static void symbols_are_objects_at_their_address(void **state)
{
	(void)state;
	expect_tree("BEGIN { trace(a.out`counter + 1); }", "ACTION : void\n"
							   "  CAST : int\n"
							   "    BINARY + : int\n"
							   "      DEREF a.out`counter : int\n"
							   "        INT 4096 : int *\n"
							   "      INT 1 : int\n");
	expect_const("sizeof (`work)", 24);
	expect_const("(long)&`counter", 0x1000);
	expect_const("(long)`work", 0x1000);
	expect_type("&``counter", "int *");
	expect_error("BEGIN { trace(`untyped); }", D_SYM_NOTYPES, NULL);
	expect_error("BEGIN { trace(`missing); }", D_IDENT_UNDEF,
		     "failed to resolve `missing: Unknown symbol name");
	expect_error("BEGIN { `counter = 3; }", D_OP_WRITE, NULL);
}

static void extern_gives_a_symbol_its_type(void **state)
{
	(void)state;
	expect_tree("extern short untyped; BEGIN { trace(untyped); }", "ACTION : void\n"
								       "  DEREF untyped : short\n"
								       "    INT 4096 : short *\n");
}

static void enum_tags_are_found_by_the_other_side(void **state)
{
	(void)state;
	expect_tree("BEGIN { trace(`lever == ON); }", "ACTION : void\n"
						      "  BINARY == : int\n"
						      "    DEREF `lever : enum toggle\n"
						      "      INT 4096 : enum toggle *\n"
						      "    INT 1 : enum toggle\n");
	expect_error("BEGIN { trace(ON); }", D_IDENT_UNDEF, NULL);
	expect_error("int both; BEGIN { trace(`lever == both); }", D_IDENT_AMBIG,
		     "ambiguous use of operator ==: both is both a enum toggle enum tag and a "
		     "global scalar");
	expect_error("int both; BEGIN { trace(both != `lever); }", D_IDENT_AMBIG, NULL);
}

/* --- translators, inlines --- */

static void only_the_named_member_of_a_translation_is_computed(void **state)
{
	(void)state;
	expect_tree("BEGIN { trace(fds[arg0].fi_name); }", "ACTION : void\n"
							   "  CALL __fd_str : string\n"
							   "    CAST : int\n"
							   "      ARG arg0 : int64_t\n"
							   "    INT 2 : int\n");
}

static void inline_parameters_are_computed_once(void **state)
{
	(void)state;
	expect_tree("inline long f[long a] = a * a; BEGIN { trace(f[n++]); }",
		    "ACTION : void\n"
		    "  LET : long\n"
		    "    INCDEC ++ post : int64_t\n"
		    "      VAR n : int64_t\n"
		    "    BINARY * : long\n"
		    "      LETVAR : long\n"
		    "      LETVAR : long\n");
}

static void an_inline_does_not_see_where_it_is_used(void **state)
{
	(void)state;
	expect_error("inline int f[int a] = a; inline int g[int b] = f[b] + a; BEGIN { trace(1); }",
		     D_IDENT_UNDEF, NULL);
}

static void expansion_is_bounded(void **state)
{
	struct strbuf sb = { 0 };
	struct fixture f;

	(void)state;
	strbuf_puts(&sb, "inline int i0 = pid;\n");
	for (int i = 1; i < 40; i++)
		strbuf_printf(&sb, "inline int i%d = i%d + i%d;\n", i, i - 1, i - 1);
	strbuf_puts(&sb, "BEGIN { trace(i39); }");
	open_ctx(&f, NULL, NULL);
	check(&f, strbuf_text(&sb));
	assert_true(dl_ctx_diags(f.c)->n_errors > 0);
	assert_null(f.lowered);
	close_ctx(&f);
	strbuf_deinit(&sb);
}

/* --- aggregations and actions --- */

static void quantizers_have_their_parameter_word(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { @a = lquantize(1, -10, 90, 10); @b = llquantize(1, 10, 1, 6, 20); "
		  "@c[execname, ustack(7), usym(ucaller), (char)1] = count(); }");
	no_errors(&f);
	assert_int_equal(f.c->agg_table.items[0]->param, 10ull << 48 | 10ull << 32 | (uint32_t)-10);
	assert_int_equal(f.c->agg_table.items[1]->param,
			 10ull << 48 | 1ull << 32 | 6ull << 16 | 20);
	assert_int_equal(f.c->agg_table.items[2]->n_keys, 4);
	assert_int_equal(f.c->agg_table.items[2]->keys[1].kind, DL_VK_USTACK);
	assert_int_equal(f.c->agg_table.items[2]->keys[1].size, 7);
	assert_int_equal(f.c->agg_table.items[2]->keys[2].symkind, DL_SYM_USYM);
	assert_int_equal(f.c->agg_table.items[2]->keys[3].size, 1);
	close_ctx(&f);
}

static void actions_describe_their_fields(void **state)
{
	const struct dl_action *a;
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "struct s { char name[12]; };\n"
		  "BEGIN { printf(\"%d %s %*d\", (short)arg0, ((struct s *)arg0)->name, 5, 6L); }");
	no_errors(&f);
	a = f.lowered->body->act;
	assert_int_equal(a->kind, DL_ACT_PRINTF);
	assert_int_equal(a->n_fields, 4);
	assert_int_equal(a->fields[0].size, 2);
	assert_true(a->fields[0].is_signed);
	assert_int_equal(a->fields[1].kind, DL_VK_BYTES);
	assert_int_equal(a->fields[1].size, 12);
	assert_int_equal(a->fields[3].size, 8);
	assert_int_equal(dl_node_count(f.lowered->body->args), 4);
	close_ctx(&f);
}

static void ordering_is_checked_per_branch(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { if (pid) commit(1); else trace(1); }");
	no_errors(&f);
	close_ctx(&f);
	expect_error("BEGIN { if (pid) trace(1); commit(1); }", D_COMM_DREC, NULL);
	expect_error("BEGIN { if (pid) ; else commit(1); trace(1); }", D_DREC_COMM, NULL);
}

static void statement_attributes_are_the_least_stable(void **state)
{
	char text[32];
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { trace(1); }");
	assert_string_equal(dl_attr_text(f.attr, text), "Stable/Stable/Common");
	close_ctx(&f);
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN /htons(1)/ { trace(1); }");
	assert_string_equal(dl_attr_text(f.attr, text), "Evolving/Evolving/Common");
	close_ctx(&f);
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { if (pid) { trace(`counter); } }");
	assert_string_equal(dl_attr_text(f.attr, text), "Private/Private/Unknown");
	close_ctx(&f);
}

static void amin_refuses_less_stable_names(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, "amin", "Stable/Stable/Common");
	check(&f, "BEGIN { trace(htons(1)); }");
	assert_int_equal(only_error(&f)->tag, D_ATTR_MIN);
	close_ctx(&f);
}

static void floats_compute_unless_strict(void **state)
{
	static const char text[] = "struct s { double d; }; struct s v; BEGIN { x = v.d * 2; }";
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, text);
	no_errors(&f);
	close_ctx(&f);
	open_ctx(&f, "strict", NULL);
	check(&f, text);
	assert_int_equal(only_error(&f)->tag, D_OP_ARITH);
	close_ctx(&f);
	open_ctx(&f, "errtags", NULL);
	check(&f, text);
	assert_int_equal(only_error(&f)->tag, D_OP_ARITH);
	close_ctx(&f);
}

static void kernel_names_say_what_to_use_instead(void **state)
{
	struct fixture f;

	(void)state;
	open_ctx(&f, NULL, NULL);
	check(&f, "BEGIN { trace(curthread); }");
	assert_string_equal(only_error(&f)->text,
			    "curthread is not supported: it requires kernel tracing");
	assert_string_equal(only_error(&f)->hint, "use curpsinfo, curlwpsinfo or tid");
	close_ctx(&f);
}

static void wording_is_the_classic_one(void **state)
{
	(void)state;
	expect_error("BEGIN { trace(); }", D_PROTO_LEN,
		     "trace( ) prototype mismatch: 0 args passed, 1 expected");
	expect_error("BEGIN { x = 1; x = \"a\"; }", D_OP_INCOMPAT,
		     "operands have incompatible types: \"int\" = \"string\"");
	expect_error("BEGIN { trace(strlen(5)); }", D_PROTO_ARG,
		     "strlen( ) argument #1 is incompatible with prototype:\n"
		     "\tprototype: const char *\n\t argument: int");
	expect_error("BEGIN { printf(\"%d\", \"a\"); }", D_PRINTF_ARG_TYPE,
		     "printf( ) argument #2 is incompatible with conversion #1 prototype:\n"
		     "\tconversion: %d\n"
		     "\t prototype: char, short, int, long, or long long\n"
		     "\t  argument: string");
	expect_error("BEGIN { @a = count(); @a = sum(1); }", D_AGG_REDEF,
		     "aggregation redefined: @a\n\t current: @a = sum( )\n"
		     "\tprevious: @a = count( ) : line 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wider_then_the_unsigned_type_wins),
		cmocka_unit_test(a_condition_has_the_type_of_its_branches),
		cmocka_unit_test(pointers_step_by_what_they_point_to),
		cmocka_unit_test(constants_are_folded_by_their_type),
		cmocka_unit_test(the_first_assignment_types_a_variable),
		cmocka_unit_test(storage_is_handed_out_in_multiples_of_eight),
		cmocka_unit_test(a_declared_narrow_variable_cuts),
		cmocka_unit_test(a_clock_in_a_narrow_variable_gets_a_warning),
		cmocka_unit_test(compound_assignment_evaluates_its_target_once),
		cmocka_unit_test(one_mistake_is_reported_once),
		cmocka_unit_test(every_mistake_is_reported),
		cmocka_unit_test(a_trial_leaves_no_names_behind),
		cmocka_unit_test(near_misses_are_suggested),
		cmocka_unit_test(args_have_the_types_of_the_probe),
		cmocka_unit_test(args_are_refused_where_they_mean_nothing),
		cmocka_unit_test(a_stable_set_of_probes_has_args),
		cmocka_unit_test(symbols_are_objects_at_their_address),
		cmocka_unit_test(extern_gives_a_symbol_its_type),
		cmocka_unit_test(enum_tags_are_found_by_the_other_side),
		cmocka_unit_test(only_the_named_member_of_a_translation_is_computed),
		cmocka_unit_test(inline_parameters_are_computed_once),
		cmocka_unit_test(an_inline_does_not_see_where_it_is_used),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(quantizers_have_their_parameter_word),
		cmocka_unit_test(actions_describe_their_fields),
		cmocka_unit_test(ordering_is_checked_per_branch),
		cmocka_unit_test(statement_attributes_are_the_least_stable),
		cmocka_unit_test(amin_refuses_less_stable_names),
		cmocka_unit_test(floats_compute_unless_strict),
		cmocka_unit_test(kernel_names_say_what_to_use_instead),
		cmocka_unit_test(wording_is_the_classic_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
