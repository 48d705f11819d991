/*
 * The command line.  Flags may stand anywhere; every word that is no flag is
 * an operand ($1, $2, ...).  All option-setting flags take effect for all
 * programs wherever they stand; programs and targets are only queued here.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dlang/strbuf.h"

static const char flags[] = "3:6:aAb:Bc:CdD:ef:FGhHi:I:lL:m:n:o:Op:P:qs:SU:vVwW:x:X:Z";

static const char usage_text[] =
	"Usage: dtrace [-CdeFGhHlqSvVwZ] [-b bufsz] [-c cmd] [-D name[=def]] [-I path]\n"
	"\t[-L path] [-o output] [-p pid] [-s script] [-U name] [-W name]\n"
	"\t[-x opt[=val]] [-X a|c|s|t]\n\n"
	"\t[-P provider [[ predicate ] action ]]\n"
	"\t[-m [ provider: ] module [[ predicate ] action ]]\n"
	"\t[-f [[ provider: ] module: ] func [[ predicate ] action ]]\n"
	"\t[-n [[[ provider: ] module: ] func: ] name [[ predicate ] action ]]\n"
	"\t[-i probe-id [[ predicate ] action ]] [ args ... ]\n\n"
	"\tpredicate -> '/' D-expression '/'\n"
	"\t   action -> '{' D-statements '}'\n\n"
	"\t-b  set trace buffer size\n"
	"\t-c  run specified command and exit upon its completion\n"
	"\t-C  run cpp(1) preprocessor on script files\n"
	"\t-d  print the program with if and else made predicates\n"
	"\t-D  define symbol when invoking preprocessor\n"
	"\t-e  exit after compiling request but prior to enabling probes\n"
	"\t-f  enable or list probes matching the specified function name\n"
	"\t-F  coalesce trace output by function\n"
	"\t-G  generate an ELF object that holds probe definitions\n"
	"\t-h  generate a header file with definitions for static probes\n"
	"\t-H  print included files when invoking preprocessor\n"
	"\t-i  enable or list probes matching the specified probe id\n"
	"\t-I  add include directory to preprocessor search path\n"
	"\t-l  list probes matching specified criteria\n"
	"\t-L  add library directory to library search path\n"
	"\t-m  enable or list probes matching the specified module name\n"
	"\t-n  enable or list probes matching the specified probe name\n"
	"\t-o  set output file\n"
	"\t-p  grab specified process-ID and cache its symbol tables\n"
	"\t-P  enable or list probes matching the specified provider name\n"
	"\t-q  set quiet mode (only output explicitly traced data)\n"
	"\t-s  enable or list probes according to the specified D script\n"
	"\t-S  print D compiler intermediate code\n"
	"\t-U  undefine symbol when invoking preprocessor\n"
	"\t-v  set verbose mode (report stability attributes, arguments)\n"
	"\t-V  report DTrace version\n"
	"\t-w  permit destructive actions\n"
	"\t-W  wait for a process of this name to start, and trace it\n"
	"\t-x  enable or modify compiler and tracing options\n"
	"\t-X  specify ISO C conformance settings for preprocessor\n"
	"\t-Z  permit probe descriptions that match zero probes\n\n"
	"Examples (more in dtrace(1)):\n"
	"\tdtrace -n 'syscall:::entry { @[probefunc] = count(); }' -c 'ls -l'\n"
	"\tdtrace -n 'pid$target::malloc:entry { @ = quantize(arg0); }' -p PID\n";

const char *cli_usage(void)
{
	return usage_text;
}

static void consider_option(void *arg, const char *name)
{
	dl_nearest_consider(arg, name);
}

/* A name that is near to what was given, and is not it. */
static struct error *hint_option(struct error *err, const char *name)
{
	struct dl_nearest n = { .word = name };

	if (!err || err == &error_nomem)
		return err;
	dl_options_each(consider_option, &n);
	if (!n.best || !strstr(err->message, "Invalid option name"))
		return err;
	struct error *longer =
		error_format(err->code, "%s\nhint: did you mean %s?", err->message, n.best);

	error_destroy(err);
	return longer;
}

static struct error *set_option(struct cli *cli, const char *arg)
{
	_cleanup_(freep) char *name = strdup(arg);

	if (!name)
		return &error_nomem;
	char *value = strchr(name, '=');

	if (value)
		*value++ = '\0';
	struct error *err = dl_options_set(cli->options, name, value, DL_OPT_FROM_CMDLINE, false);

	return error_context(hint_option(err, name), "failed to set -x %s", name);
}

static struct error *set_flag(struct cli *cli, const char *option, const char *value, int flag)
{
	struct error *err = dl_options_set(cli->options, option, value, DL_OPT_FROM_CMDLINE, false);

	return value ? error_context(err, "failed to set -%c %s", flag, value) :
		       error_context(err, "failed to set -%c", flag);
}

static struct error *set_mode(struct cli *cli, enum cli_mode mode, bool *show_usage)
{
	if (cli->mode != CLI_EXEC && cli->mode != mode && cli->mode != CLI_COMPILE &&
	    mode != CLI_COMPILE) {
		*show_usage = true;
		return error_format(ERR_USAGE, "only one of the [-AGhlV] options can be "
					       "specified at a time");
	}
	if (mode != CLI_COMPILE || cli->mode == CLI_EXEC)
		cli->mode = mode;
	return NULL;
}

static struct error *add_program(struct cli *cli, enum dl_source_kind kind, enum dl_level level,
				 const char *text)
{
	struct cli_program p = { .kind = kind, .level = level, .text = text };

	return vec_push(&cli->programs, p) ? NULL : &error_nomem;
}

static struct error *add_command(struct cli *cli, const char *text)
{
	struct cli_target t = { .is_command = true, .command = text };
	struct error *err = cli_split_words(text, &t.argv);

	if (err)
		return error_context(err, "invalid command \"%s\"", text);
	if (!vec_push(&cli->targets, t)) {
		cli_free_words(t.argv);
		return &error_nomem;
	}
	return NULL;
}

static struct error *add_pid(struct cli *cli, const char *text)
{
	struct cli_target t = { .is_command = false };
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || errno || pid <= 0 || pid > 0x7fffffff)
		return error_format(ERR_OTHER, "invalid pid: %s", text);
	t.pid = (pid_t)pid;
	return vec_push(&cli->targets, t) ? NULL : &error_nomem;
}

/* What the process will have is not known yet: -Z. */
static struct error *add_wait(struct cli *cli, const char *name)
{
	struct cli_target t = { .wait_name = name };

	if (!*name)
		return error_format(ERR_OTHER, "-W needs the name of a process");
	if (!vec_push(&cli->targets, t))
		return &error_nomem;
	return dl_options_set(cli->options, "zdefs", NULL, DL_OPT_FROM_CMDLINE, false);
}

/* Flags that set an option and nothing else. */
static const struct {
	char flag;
	const char *option;
} option_flags[] = {
	{ 'b', "bufsize" }, { 'C', "cpp" },    { 'D', "define" },      { 'F', "flowindent" },
	{ 'H', "cpphdrs" }, { 'I', "incdir" }, { 'L', "libdir" },      { 'q', "quiet" },
	{ 'U', "undef" },   { 'X', "stdc" },   { 'w', "destructive" }, { 'Z', "zdefs" },
};

/* There is one data model; scripts for others say -32 and mean nothing by it (Oracle's, macOS's). */
static struct error *check_model(int flag, const char *arg, bool *show_usage)
{
	*show_usage = strcmp(arg, flag == '3' ? "2" : "4") != 0;
	return *show_usage ?
		       error_format(ERR_USAGE, "-%c%s: data models are -32 and -64", flag, arg) :
		       NULL;
}

static struct error *handle_flag(struct cli *cli, int flag, const char *arg, bool *show_usage)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_flags); i++)
		if (option_flags[i].flag == flag)
			return set_flag(cli, option_flags[i].option, arg, flag);
	switch (flag) {
	case '3':
	case '6': return check_model(flag, arg, show_usage);
	case 'a':
	case 'A':
		return error_format(ERR_USAGE,
				    "-%c: anonymous tracing requires a kernel; "
				    "use -c or -p",
				    flag);
	case 'B': cli->dumps_output = true; return NULL;
	case 'O': return NULL; /* FreeBSD's: print aggregations at the end; always so */
	case 'W': return add_wait(cli, arg);
	case 'c': return add_command(cli, arg);
	case 'd': cli->show_desugared = true; return NULL;
	case 'e': return set_mode(cli, CLI_COMPILE, show_usage);
	case 'f': return add_program(cli, DL_SRC_STRING, DL_LEVEL_FUNCTION, arg);
	case 'G': return set_mode(cli, CLI_LINK, show_usage);
	case 'h': return set_mode(cli, CLI_HEADER, show_usage);
	case 'i':
	case 'n': return add_program(cli, DL_SRC_STRING, DL_LEVEL_NAME, arg);
	case 'l': return set_mode(cli, CLI_LIST, show_usage);
	case 'm': return add_program(cli, DL_SRC_STRING, DL_LEVEL_MODULE, arg);
	case 'o': cli->output = arg; return NULL;
	case 'p': return add_pid(cli, arg);
	case 'P': return add_program(cli, DL_SRC_STRING, DL_LEVEL_PROVIDER, arg);
	case 's': return add_program(cli, DL_SRC_FILE, DL_LEVEL_NAME, arg);
	case 'S': cli->show_code = true; return NULL;
	case 'v': cli->verbose = true; return NULL;
	case 'V': return set_mode(cli, CLI_VERSION, show_usage);
	case 'x': return set_option(cli, arg);
	}
	*show_usage = true;
	return error_format(ERR_USAGE, "unknown flag");
}

/* DTRACE_OPT_NAME=value presets option "name". */
static struct error *options_from_environment(struct cli *cli)
{
	static const char prefix[] = "DTRACE_OPT_";

	if (getenv("DTRACE_DEBUG"))
		error_destroy(dl_options_set(cli->options, "debug", NULL, DL_OPT_FROM_ENV, false));

	for (char **e = environ; *e; e++) {
		if (strncmp(*e, prefix, sizeof(prefix) - 1))
			continue;
		_cleanup_(freep) char *name = strdup(*e + sizeof(prefix) - 1);

		if (!name)
			return &error_nomem;
		char *value = strchr(name, '=');

		if (value)
			*value++ = '\0';
		for (char *c = name; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		struct error *err = dl_options_set(
			cli->options, name, value && *value ? value : NULL, DL_OPT_FROM_ENV, false);

		if (err)
			return error_context(err, "failed to set option %s from the environment",
					     name);
	}
	return NULL;
}

/* A stream of its own: there may be no /dev/stdin, and standard input stays open. */
static FILE *open_stdin(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

static struct error *read_file(const char *path, char **ret)
{
	FILE *f = fopen(path, "re");
	struct strbuf sb = { 0 };
	struct error *err = NULL;
	char buf[8192];
	size_t n;

	if (!f && errno == ENOENT && !strcmp(path, "-"))
		f = open_stdin();
	if (!f)
		return error_os(errno, "failed to open %s", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(&sb, buf, n);
	if (ferror(f))
		err = error_os(errno, "failed to read %s", path);
	else if (sb.len && memchr(sb.text, '\0', sb.len))
		err = error_format(ERR_OTHER,
				   "failed to compile script %s: it is not a text file "
				   "(it contains a NUL byte)",
				   path);
	fclose(f);
	if (!err && !(*ret = strbuf_take(&sb)))
		err = &error_nomem;
	strbuf_deinit(&sb);
	return err;
}

static struct error *load_scripts(struct cli *cli)
{
	for (size_t i = 0; i < cli->programs.n; i++) {
		struct cli_program *p = &cli->programs.items[i];

		if (p->kind != DL_SRC_FILE)
			continue;
		struct error *err = read_file(p->text, &p->contents);

		if (err)
			return err;
	}
	return NULL;
}

/* Libtool takes -h and -G for a compiler and adds -fPIC, which isn't a function of that name. */
static void drop_compiler_flags(struct cli *cli)
{
	size_t kept = 0;

	for (size_t i = 0; i < cli->programs.n; i++)
		if (cli->programs.items[i].level != DL_LEVEL_FUNCTION)
			cli->programs.items[kept++] = cli->programs.items[i];
	cli->programs.n = kept;
}

/* There are no long options but the two that everybody tries. */
static bool is_long(struct cli *cli, const char *word)
{
	if (word && !strcmp(word, "--help"))
		cli->mode = CLI_HELP;
	else if (word && !strcmp(word, "--version"))
		cli->mode = CLI_VERSION;
	else
		return false;
	return true;
}

/* -h or -G, alone or among other flags in one word? */
static bool is_building(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *flag = argv[i] + 1;

		if (argv[i][0] == '-' && !flag[strspn(flag, "CGHhkqvwZ")] && strpbrk(flag, "hG"))
			return true;
	}
	return false;
}

/* What build systems give SystemTap's command of our name besides -h and -G. */
static bool is_builders_flag(const char *word)
{
	return !strcmp(word, "-k") || !strcmp(word, "--keep-src") || !strcmp(word, "--types") ||
	       !strcmp(word, "-m64");
}

/*
 * FreeBSD's --libxo json and --libxo=json mean -x oformat=json.  The words are
 * taken out, since getopt() knows no long options; so are those that mean
 * nothing to -h and -G.
 */
static struct error *take_libxo(struct cli *cli, int *argc, char **argv)
{
	static const char name[] = "--libxo";
	bool is_over = false, builds = is_building(*argc, argv);
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		size_t len = sizeof(name) - 1;

		is_over = is_over || !strcmp(argv[i], "--");
		if (builds && !is_over && is_builders_flag(argv[i]))
			continue;
		if (is_over || strncmp(argv[i], name, len) ||
		    (argv[i][len] && argv[i][len] != '=')) {
			argv[n++] = argv[i];
			continue;
		}
		const char *value = argv[i][len] ? argv[i] + len + 1 : argv[++i];

		if (!value)
			return error_format(ERR_USAGE, "option requires an argument -- libxo");
		struct error *err =
			dl_options_set(cli->options, "oformat", value, DL_OPT_FROM_CMDLINE, false);

		if (err)
			return error_context(err, "failed to set %s", name);
	}
	argv[n] = NULL;
	*argc = n;
	return NULL;
}

struct error *cli_parse(struct cli *cli, int argc, char **argv, bool *show_usage)
{
	const char *slash = strrchr(argv[0] ? argv[0] : "dtrace", '/');
	struct error *err;
	int flag;

	*show_usage = false;
	*cli = (struct cli){ .progname = slash ? slash + 1 : argv[0] ? argv[0] : "dtrace" };
	cli->options = dl_options_create();
	if (!cli->options)
		return &error_nomem;
	err = options_from_environment(cli);
	if (!err)
		err = take_libxo(cli, &argc, argv);
	if (err)
		return err;
	if (argc <= 1) {
		*show_usage = true;
		return error_format(ERR_USAGE, "no arguments");
	}
	opterr = 0;
	while ((flag = getopt(argc, argv, flags)) != -1) {
		if (flag == '?' && optopt == '-' && is_long(cli, argv[optind]))
			return NULL;
		if (flag == '?') {
			*show_usage = true;
			return strchr(flags, optopt) && optopt != ':' ?
				       error_format(ERR_USAGE, "option requires an argument -- %c",
						    optopt) :
				       error_format(ERR_USAGE, "illegal option -- %c", optopt);
		}
		err = handle_flag(cli, flag, optarg, show_usage);
		if (err)
			return err;
	}
	for (int i = optind; i < argc; i++)
		if (!vec_push(&cli->operands, argv[i]))
			return &error_nomem;
	if (cli->mode == CLI_HEADER || cli->mode == CLI_LINK)
		drop_compiler_flags(cli);
	if (cli->dumps_output && (cli->mode == CLI_LIST || cli->mode == CLI_LINK || cli->output))
		return error_format(ERR_USAGE, "-B not valid in combination with [-AGl] and -o "
					       "options");
	cli->run_cpp = dl_option(cli->options, DL_OPT_CPP);
	if (dl_option(cli->options, DL_OPT_VERBOSE) == 1)
		cli->show_code = true;
	return cli->mode == CLI_VERSION ? NULL : load_scripts(cli);
}

void cli_deinit(struct cli *cli)
{
	for (size_t i = 0; i < cli->targets.n; i++)
		cli_free_words(cli->targets.items[i].argv);
	for (size_t i = 0; i < cli->programs.n; i++)
		free(cli->programs.items[i].contents);
	vec_deinit(&cli->targets);
	vec_deinit(&cli->programs);
	vec_deinit(&cli->operands);
	dl_options_destroy(cli->options);
	*cli = (struct cli){ 0 };
}
