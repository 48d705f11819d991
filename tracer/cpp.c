/*
 * -C: runs a script through the system's C preprocessor.
 *
 * cpp reads the text from its standard input.  Input and output are memory
 * files, hence no deadlock however large they are.  The text starts with lines
 * of our own, marked as a system header's so that cpp does not warn about
 * them; a marker then says where the script begins.  The parser takes a marker
 * with the script's own name for the script: messages then carry no file.
 */
#include "cpp.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../dlang/strbuf.h"
#include "../dlang/vec.h"

#define OUTPUT_MAX (64u << 20) /* no D program is that large */
#define LANGUAGE_VERSION 0x0100d000 /* 1.13: major 8, minor 12, micro 12 bits */

struct args {
	VEC(char *) list; /* owned texts */
	bool failed;
};

static void args_deinit(struct args *a)
{
	for (size_t i = 0; i < a->list.n; i++)
		free(a->list.items[i]);
	vec_deinit(&a->list);
}

static void add_arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_arg(struct args *a, const char *fmt, ...)
{
	struct strbuf sb = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&sb, fmt, ap);
	va_end(ap);
	char *text = strbuf_failed(&sb) ? NULL : strbuf_take(&sb);

	strbuf_deinit(&sb);
	if (!text || !vec_push(&a->list, text)) {
		free(text);
		a->failed = true;
	}
}

/* "Linux" and "Linux_6_1_0": what uname(2) says, as macro names. */
static void add_system(struct args *a)
{
	struct utsname u;

	if (uname(&u))
		return;
	for (char *s = u.release; *s; s++)
		if (!isalnum((unsigned char)*s))
			*s = '_';
	add_arg(a, "-D__%s=1", u.sysname);
	add_arg(a, "-D__%s_%s=1", u.sysname, u.release);
}

/* -D, -U and -I in the order in which they were given: the last word on a name counts. */
static void add_given(struct args *a, const struct dl_options *o)
{
	static const struct {
		enum dl_opt which;
		const char *flag;
	} lists[] = { { DL_OPT_DEFINE, "-D" }, { DL_OPT_UNDEF, "-U" }, { DL_OPT_INCDIR, "-I" } };
	unsigned next[ARRAY_SIZE(lists)] = { 0 };

	for (;;) {
		unsigned first = UINT_MAX, from = 0;

		for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
			unsigned order = dl_option_order_at(o, lists[i].which, next[i]);

			if (order < first) {
				first = order;
				from = i;
			}
		}
		if (first == UINT_MAX)
			return;
		add_arg(a, "%s%s", lists[from].flag,
			dl_option_text_at(o, lists[from].which, next[from]++));
	}
}

/* -x cppargs='-P -w': words at blanks. */
static void add_words(struct args *a, const char *text)
{
	while (text && *text) {
		size_t n = strcspn(text, " \t");

		if (n)
			add_arg(a, "%.*s", (int)n, text);
		text += n + strspn(text + n, " \t");
	}
}

static void build_args(struct args *a, const struct dl_options *o, const char *path)
{
	const char *cpp = dl_option_text(o, DL_OPT_CPPPATH);
	const char *slash = strrchr(path, '/');

	add_arg(a, "%s", cpp ? cpp : "cpp");
	add_arg(a, "-D__SUNW_D=1");
	add_arg(a, "-D__SUNW_D_VERSION=0x%08x", LANGUAGE_VERSION);
	add_arg(a, "-D__SUNW_D_64=1");
	add_arg(a, "-D__unix=1");
	add_arg(a, "-D__SVR4=1");
	add_system(a);
	add_given(a, o);
	/* #include "x.h" is looked for beside the script too. */
	if (slash)
		add_arg(a, "-iquote%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (dl_option(o, DL_OPT_CPPHDRS) == 1)
		add_arg(a, "-H");
	add_words(a, dl_option_text(o, DL_OPT_CPPARGS));
	if (!vec_push(&a->list, NULL))
		a->failed = true;
}

/* What -X says of __STDC__; without -X it is as the preprocessor has it. */
static const char *conformance(const struct dl_options *o)
{
	const char *mode = dl_option_text(o, DL_OPT_STDC);

	if (!dl_option_is_set(o, DL_OPT_STDC) || !mode || *mode == 'c')
		return "";
	return *mode == 's' ? "#undef __STDC__\n" : "#undef __STDC__\n#define __STDC__ 0\n";
}

static struct error *write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_os(errno, "failed to pass the program to the preprocessor");
		text += n;
		len -= (size_t)n;
	}
	return NULL;
}

/* The preprocessor's input, read from its start.  A #! line becomes an empty one. */
static struct error *make_input(const struct dl_options *o, const char *path, const char *text,
				int *ret)
{
	_cleanup_(closep) int fd = memfd_create("cpp-input", MFD_CLOEXEC);
	struct strbuf sb = { 0 };
	struct error *err;

	if (fd < 0)
		return error_os(errno, "failed to make room for the preprocessor's input");
	if (!strncmp(text, "#!", 2))
		text += strcspn(text, "\n");
	strbuf_printf(&sb, "# 1 \"<dtrace>\" 3\n%s# 1 \"%s\"\n", conformance(o),
		      strpbrk(path, "\"\\\n") ? "<stdin>" : path);
	strbuf_puts(&sb, text);
	err = strbuf_failed(&sb) ? &error_nomem : write_all(fd, sb.text, sb.len);
	strbuf_deinit(&sb);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = error_os(errno, "failed to rewind the preprocessor's input");
	if (err)
		return err;
	*ret = take_fd(&fd);
	return NULL;
}

static struct error *spawn(char **argv, int in, int out, int *status)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int e = posix_spawn_file_actions_init(&fa);

	if (e)
		return error_os(e, "failed to start the preprocessor");
	e = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	if (!e)
		e = posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (!e)
		e = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (e == ENOENT)
		return error_format(ERR_OTHER,
				    "Preprocessor not found: %s (install a C compiler, "
				    "or name one with -x cpppath=PATH)",
				    argv[0]);
	if (e)
		return error_os(e, "Failed to exec preprocessor %s", argv[0]);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return error_os(errno, "failed to wait for the preprocessor");
	return NULL;
}

static struct error *read_output(int fd, char **ret)
{
	struct strbuf sb = { 0 };
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st))
		return error_os(errno, "failed to read the preprocessor's output");
	if (st.st_size > OUTPUT_MAX)
		return error_format(ERR_OTHER, "the preprocessed program is too large");
	char *room = strbuf_reserve(&sb, (size_t)st.st_size + 1);

	while (room && st.st_size > (off_t)sb.len &&
	       (n = pread(fd, room + sb.len, (size_t)st.st_size - sb.len, (off_t)sb.len)) > 0)
		strbuf_add_len(&sb, (size_t)n);
	bool binary = sb.len && memchr(sb.text, '\0', sb.len);

	*ret = room && !binary ? strbuf_take(&sb) : NULL;
	strbuf_deinit(&sb);
	if (n < 0)
		return error_os(errno, "failed to read the preprocessor's output");
	if (binary)
		return error_format(ERR_OTHER, "the preprocessor's output is not a text");
	return *ret ? NULL : &error_nomem;
}

static struct error *preprocess(const struct dl_options *o, char **argv, const char *path,
				const char *text, char **ret)
{
	_cleanup_(closep) int in = -1;
	_cleanup_(closep) int out = memfd_create("cpp-output", MFD_CLOEXEC);
	struct error *err;
	int status = 0;

	if (out < 0)
		return error_os(errno, "failed to make room for the preprocessor's output");
	err = make_input(o, path, text, &in);
	if (!err)
		err = spawn(argv, in, out, &status);
	if (err)
		return err;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_format(ERR_OTHER, "Preprocessor not found");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_format(ERR_OTHER, "Preprocessor failed to process input program");
	return read_output(out, ret);
}

struct error *cpp_run(const struct dl_options *options, const char *path, const char *text,
		      char **ret)
{
	struct args a = { 0 };
	struct error *err;

	build_args(&a, options, path);
	err = a.failed ? &error_nomem : preprocess(options, a.list.items, path, text, ret);
	args_deinit(&a);
	return error_context(err, "failed to compile script %s", path);
}
