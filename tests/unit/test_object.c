/* The object table of real processes: fixtures names, loader and friends. */
#include "seized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "dlang/strbuf.h"
#include "tracer/image.h"
#include "tracer/object.h"

struct target {
	pid_t pid;
	struct objects *os;
};

static void open_target(struct target *t, const char *name)
{
	bool changed;

	t->pid = seized_start(name, NULL);
	assert_true(t->pid > 0);
	assert_int_equal(seized_wait(t->pid), SIGSTOP);
	t->os = objects_create(t->pid);
	assert_non_null(t->os);
	assert_null(objects_refresh(t->os, &changed, NULL, NULL));
	assert_true(changed);
}

static void close_target(struct target *t)
{
	objects_destroy(t->os);
	seized_kill(t->pid);
}

static struct object *by_module(struct objects *os, const char *pattern)
{
	for (size_t i = 0; i < objects_count(os); i++)
		if (object_matches(objects_at(os, i), pattern))
			return objects_at(os, i);
	return NULL;
}

static void assert_symbolized(struct objects *os, uint64_t addr, enum symbolize_kind kind,
			      const char *want)
{
	struct strbuf sb = { 0 };

	objects_symbolize(os, addr, kind, &sb);
	assert_string_equal(strbuf_text(&sb), want);
	strbuf_deinit(&sb);
}

static uint64_t address(struct object *o, const char *name)
{
	const struct sym *s = object_symbol(o, name);

	assert_non_null(s);
	return s->addr + o->bias;
}

static void the_program_and_its_libraries_are_objects(void **state)
{
	struct target t;
	bool changed = true;

	(void)state;
	open_target(&t, "names");
	struct object *o = objects_main(t.os);

	assert_non_null(o);
	assert_string_equal(o->name, "names");
	assert_string_equal(o->path, FIXTURES "/names");
	assert_ptr_equal(objects_find(t.os, object_entry(o)), o);
	assert_null(objects_find(t.os, 0));
	assert_int_equal(object_main(t.os, o), address(o, "main"));
	assert_non_null(by_module(t.os, "libc.so.6"));
	assert_non_null(by_module(t.os, "ld-linux*"));
	assert_null(objects_refresh(t.os, &changed, NULL, NULL));
	assert_false(changed);
	close_target(&t);
}

static void modules_match_by_all_their_names(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "names");
	struct object *m = objects_main(t.os), *c = by_module(t.os, "libc.so.6");

	assert_true(object_matches(m, "") && object_matches(c, ""));
	assert_true(object_matches(m, "a.out") && !object_matches(c, "a.out"));
	assert_true(object_matches(m, "names") && object_matches(m, "LM0`names"));
	assert_true(object_matches(m, FIXTURES "/names"));
	assert_true(object_matches(c, "libc") && object_matches(c, "libc.so"));
	assert_true(object_matches(c, "libc*") && object_matches(c, "*/libc.so.?"));
	assert_true(object_matches(c, c->path));
	assert_false(object_matches(c, "lib") || object_matches(c, "libc.so.5"));
	assert_false(object_matches(c, "libc.s") || object_matches(m, "name"));
	/* libm.so.6 may be libm-2.31.so, libdw.so.1 is libdw-0.188.so: sonames. */
	assert_string_equal(image_soname(c->image), "libc.so.6");
	assert_null(image_soname(m->image));
	close_target(&t);
}

static void addresses_get_names(void **state)
{
	struct target t;
	char text[64];

	(void)state;
	open_target(&t, "names");
	struct object *o = objects_main(t.os);
	uint64_t plain = address(o, "plain");

	assert_symbolized(t.os, plain, SYMBOLIZE_ADDR, "names`plain");
	assert_symbolized(t.os, plain + 1, SYMBOLIZE_ADDR, "names`plain+0x1");
	assert_symbolized(t.os, plain + 1, SYMBOLIZE_SYM, "names`plain");
	assert_symbolized(t.os, plain + 1, SYMBOLIZE_MOD, "names");
	assert_symbolized(t.os, address(o, "hidden_one"), SYMBOLIZE_ADDR, "names`hidden_one");
	assert_symbolized(t.os, address(o, "__twice"), SYMBOLIZE_ADDR, "names`twice");
	assert_symbolized(t.os, address(o, "a_variable"), SYMBOLIZE_ADDR, "names`a_variable");
	assert_symbolized(t.os, address(o, "sizeless"), SYMBOLIZE_ADDR, "names`sizeless");
	assert_symbolized(t.os, 0x10, SYMBOLIZE_ADDR, "0x10");
	assert_symbolized(t.os, 0x10, SYMBOLIZE_MOD, "0x10");
	snprintf(text, sizeof(text), "names`0x%llx", (unsigned long long)o->bias + 8);
	assert_symbolized(t.os, o->bias + 8, SYMBOLIZE_ADDR, text);
	close_target(&t);
}

static void names_outlive_the_process(void **state)
{
	struct target t;
	struct error *err;
	bool changed;

	(void)state;
	open_target(&t, "names");
	uint64_t plain = address(objects_main(t.os), "plain");

	seized_kill(t.pid);
	t.pid = 0;
	err = objects_refresh(t.os, &changed, NULL, NULL);
	assert_non_null(err);
	assert_int_equal(err->code, ERR_GONE);
	error_destroy(err);
	assert_symbolized(t.os, plain + 2, SYMBOLIZE_ADDR, "names`plain+0x2");
	objects_destroy(t.os);
}

static void remember_gone(void *arg, struct object *o)
{
	*(struct object **)arg = o;
}

static void libraries_come_and_go(void **state)
{
	struct object *gone = NULL;
	struct target t;
	bool changed;

	(void)state;
	open_target(&t, "loader");
	assert_null(by_module(t.os, "libplug"));
	assert_int_equal(seized_cont(t.pid), SIGSTOP);
	assert_null(objects_refresh(t.os, &changed, remember_gone, &gone));
	assert_true(changed);
	struct object *plug = by_module(t.os, "libplug");

	assert_non_null(plug);
	assert_null(gone);
	uint64_t work = address(plug, "plug_work");
	unsigned generation = plug->generation;

	assert_int_equal(seized_cont(t.pid), SIGSTOP);
	assert_null(objects_refresh(t.os, &changed, remember_gone, &gone));
	assert_true(changed);
	assert_ptr_equal(gone, plug);
	assert_null(by_module(t.os, "libplug"));
	assert_symbolized(t.os, work + 1, SYMBOLIZE_ADDR, "libplug.so`plug_work+0x1");
	assert_int_equal(seized_cont(t.pid), SIGSTOP);
	assert_null(objects_refresh(t.os, &changed, remember_gone, &gone));
	assert_true(changed);
	plug = by_module(t.os, "libplug");
	assert_non_null(plug);
	assert_int_not_equal(plug->generation, generation);
	close_target(&t);
}

static void the_linker_hook_is_the_same_before_and_after_it_ran(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "loader");
	uint64_t brk = objects_link_brk(t.os);
	struct object *ld = objects_find(t.os, brk);

	assert_non_null(ld);
	assert_memory_equal(ld->name, "ld-", 3);
	assert_int_equal(brk, address(ld, "_dl_debug_state"));
	close_target(&t);
}

static void text_is_that_of_the_file(void **state)
{
	uint8_t memory[16];
	const uint8_t *text;
	struct target t;

	(void)state;
	open_target(&t, "names");
	uint64_t plain = address(objects_main(t.os), "plain");

	assert_true(object_text(objects_main(t.os), plain, &text) >= 16);
	assert_int_equal(seized_read(&t.pid, plain, memory, 16), 16);
	assert_memory_equal(text, memory, 16);
	assert_int_equal(object_text(objects_main(t.os), 1, &text), 0);
	close_target(&t);
}

static void processes_share_images(void **state)
{
	struct target a, b;

	(void)state;
	open_target(&a, "names");
	open_target(&b, "loader");
	assert_ptr_equal(by_module(a.os, "libc")->image, by_module(b.os, "libc")->image);
	close_target(&a);
	assert_non_null(object_symbol(by_module(b.os, "libc"), "malloc"));
	close_target(&b);
}

static void a_program_that_was_deleted_is_still_read(void **state)
{
	char from[] = "/tmp/dtrace-test-XXXXXX", cmd[4352];
	struct target t = { 0 };
	bool changed;
	int fd = mkstemp(from);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(cmd, sizeof(cmd), "cp %s/names %s && chmod 700 %s", FIXTURES, from, from);
	assert_int_equal(system(cmd), 0);
	t.pid = fork();
	if (!t.pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execl(from, from, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(seized_wait(t.pid), SIGTRAP);
	assert_int_equal(seized_cont(t.pid), SIGSTOP);
	unlink(from);
	t.os = objects_create(t.pid);
	assert_null(objects_refresh(t.os, &changed, NULL, NULL));
	assert_non_null(objects_main(t.os));
	assert_string_equal(objects_main(t.os)->path, from);
	assert_non_null(object_symbol(objects_main(t.os), "plain"));
	close_target(&t);
}

static void a_static_program_is_its_only_object(void **state)
{
	struct target t = { 0 };
	bool changed;

	(void)state;
	t.pid = seized_start("calls_static", NULL);
	assert_true(seized_wait_exec(t.pid));
	t.os = objects_create(t.pid);
	assert_null(objects_refresh(t.os, &changed, NULL, NULL));
	assert_int_equal(objects_count(t.os), 1);
	assert_true(objects_main(t.os)->is_main);
	assert_int_equal(object_main(t.os, objects_main(t.os)),
			 address(objects_main(t.os), "main"));
	close_target(&t);
}

static void the_elf_identity_is_told(void **state)
{
	unsigned machine = 0, class = 0;
	struct error *err;

	(void)state;
	assert_null(object_elf_ident(getpid(), &machine, &class));
	assert_int_equal(class, ELFCLASS64);
	assert_int_not_equal(machine, EM_NONE);
	err = object_elf_ident(0x7ffffff0, &machine, &class);
	assert_non_null(err);
	error_destroy(err);
}

static void functions_match_by_their_aliases(void **state)
{
	struct target t;

	(void)state;
	open_target(&t, "names");
	struct object *o = objects_main(t.os);
	const struct sym *twice = object_symbol(o, "twice");

	assert_true(object_function_matches(o, twice, "twice"));
	assert_true(object_function_matches(o, twice, ""));
	assert_true(object_function_matches(o, twice, "__twice"));
	assert_true(object_function_matches(o, twice, "_o*"));
	assert_false(object_function_matches(o, twice, "plain"));
	assert_false(object_function_matches(o, twice, "p*"));
	close_target(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_and_its_libraries_are_objects),
		cmocka_unit_test(modules_match_by_all_their_names),
		cmocka_unit_test(addresses_get_names),
		cmocka_unit_test(functions_match_by_their_aliases),
		cmocka_unit_test(names_outlive_the_process),
		cmocka_unit_test(libraries_come_and_go),
		cmocka_unit_test(the_linker_hook_is_the_same_before_and_after_it_ran),
		cmocka_unit_test(text_is_that_of_the_file),
		cmocka_unit_test(processes_share_images),
		cmocka_unit_test(a_program_that_was_deleted_is_still_read),
		cmocka_unit_test(a_static_program_is_its_only_object),
		cmocka_unit_test(the_elf_identity_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
