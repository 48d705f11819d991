/*
 * From D text to code: which clauses can run from a record alone, and how many
 * inputs they take.  This is what decides the tier, so it must not get worse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../dlang/ctx.h"
#include "../../dlang/strbuf.h"

static const char decls[] =
	"struct pt { int x, y; double d; char name[16]; struct pt *next; int a[4]; int f : 3; };\n"
	"struct pt gp; struct pt tab[int]; this int arr[10];\n";

static const struct {
	const char *clause;
	unsigned n_slots;
	const char *stop; /* begins so; NULL: runs from the record */
} cases[] = {
	{ "p:::e { trace(arg0 + arg1); }", 1, NULL },
	{ "p:::e { trace(arg0); trace(arg0); }", 1, NULL },
	{ "p:::e /arg0 == 3/ { trace(timestamp); }", 0, NULL },
	{ "p:::e /execname == \"a\" && arg0/ { trace(1); }", 1, NULL },
	{ "p:::e { trace(*(int *)arg0); }", 1, NULL },
	{ "p:::e { trace(((struct pt *)arg0)->next->next->y); }", 1, NULL },
	{ "p:::e { trace(((struct pt *)arg0)->a[arg1]); }", 2, NULL },
	{ "p:::e { trace(((struct pt *)arg0)->f); }", 1, NULL },
	{ "p:::e { trace(((struct pt *)arg0)->d * 2); }", 1, NULL },
	{ "p:::e { trace(*(struct pt *)arg0); }", 1, NULL },
	{ "p:::e { printf(\"%s\", ((struct pt *)arg0)->name); }", 1, NULL },
	{ "p:::e { trace(stringof(((struct pt *)arg0)->name) == \"x\"); }", 1, NULL },
	{ "p:::e { trace(copyinstr(arg0)); trace(copyinstr(arg0, 5)); }", 2, NULL },
	{ "p:::e { trace(strlen(stringof(arg0))); }", 1, NULL },
	{ "p:::e { @[stringof(arg0)] = sum(arg1); }", 2, NULL },
	{ "p:::e { tracemem(arg0, 32); }", 1, NULL },
	{ "p:::e { tracemem(arg0, 32, arg1); }", 2, NULL },
	{ "p:::e { tracemem(copyin(arg0, 32), 32); }", 1, NULL },
	{ "p:::e { this->p = (struct pt *)arg0; trace(this->p->x); }", 2, NULL },
	{ "p:::e { this->p = (struct pt *)arg0; this->p++; trace(this->p->x); }", 2, NULL },
	{ "p:::e { this->p = (struct pt *)copyin(arg0, sizeof (struct pt)); trace(this->p->x);"
	  " trace(this->p->a[1]); }",
	  1, NULL },
	{ "p:::e { this->b = (char *)alloca(8); copyinto(arg0, 4, this->b); trace(this->b[1]); }",
	  1, NULL },
	{ "p:::e { trace(uregs[3]); }", 1, NULL },
	{ "p:::e { gp.x = arg0; trace(gp.x); tab[arg1].y = 2; trace(tab[1]); }", 2, NULL },
	{ "p:::e { this->arr[pid % 10] = 1; trace(this->arr[2]); }", 0, NULL },
	{ "p:::e { trace(arg0 / arg1); }", 2, NULL },
	{ "p:::e { exit(0); }", 0, NULL },
	{ "p:::e { trace(inet_ntoa((ipaddr_t *)arg0)); }", 1, NULL },
	{ "p:::e { self->p = arg0; } p:::r { trace(copyinstr(self->p)); }", 0, "copyinstr()" },
	{ "p:::e { self->q = (struct pt *)arg0; } p:::r { trace(self->q->x); }", 0, "memory" },
	{ "p:::e { self->q = (struct pt *)arg0; } p:::r { trace(copyin((uintptr_t)self->q, 4)); }",
	  0, "copyin()" },
	{ "p:::e { ustack(); }", 0, NULL },
	{ "p:::e { @[ustack()] = count(); }", 0, NULL },
	{ "p:::e { trace(ucaller); }", 0, NULL },
	{ "p:::e { trace(uregs[arg0]); }", 1, "uregs[]" },
	{ "p:::e { stop(); }", 0, "stop()" },
	{ "p:::e { raise(9); }", 0, "raise()" },
	{ "p:::e { copyoutstr(\"x\", arg0, 2); trace(*(int *)arg0); }", 1, "copyoutstr()" },
	{ "p:::e { trace(vtimestamp); }", 0, "vtimestamp" },
};

static struct dl_program *compile(struct dl_ctx *c, const char *text)
{
	struct dl_source src = { .kind = DL_SRC_FILE, .name = "t.d", .text = text };
	struct dl_unit *u = dl_parse(c, &src);

	return u ? dl_compile(c, u) : NULL;
}

static void check_case(unsigned i)
{
	struct dl_options *o = dl_options_create();
	struct dl_ctx_config config = { .options = o };
	struct dl_ctx *c = dl_ctx_create(&config);
	struct strbuf text = { 0 };
	const struct dl_clause *cl;
	struct dl_program *p;

	assert_non_null(c);
	assert_true(dl_load_libraries(c));
	strbuf_printf(&text, "%s%s", decls, cases[i].clause);
	p = compile(c, strbuf_text(&text));
	if (!p)
		print_error("%s: %s\n", cases[i].clause, dl_ctx_diags(c)->list.items[0].text);
	assert_non_null(p);
	cl = &p->clauses[p->n_clauses - 1];
	if (cl->n_slots != cases[i].n_slots || !cl->needs_stop != !cases[i].stop)
		print_error("%s: %u slots, %s\n", cases[i].clause, cl->n_slots,
			    cl->needs_stop ? cl->needs_stop : "no stop");
	assert_int_equal(cl->n_slots, cases[i].n_slots);
	if (cases[i].stop)
		assert_memory_equal(cl->needs_stop, cases[i].stop, strlen(cases[i].stop));
	else
		assert_null(cl->needs_stop);
	strbuf_deinit(&text);
	dl_ctx_destroy(c);
	dl_options_destroy(o);
}

static void test_clauses_run_from_the_record_where_they_can(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clauses_run_from_the_record_where_they_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
