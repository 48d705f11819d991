/*
 * The command line: flags to a plain description of what to do.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <sys/types.h>

#include "../dlang/compile.h"
#include "../dlang/option.h"
#include "../dlang/vec.h"

enum cli_mode {
	CLI_EXEC, /* trace */
	CLI_LIST, /* -l */
	CLI_COMPILE, /* -e */
	CLI_VERSION, /* -V */
	CLI_HELP, /* --help */
	CLI_HEADER, /* -h */
	CLI_LINK, /* -G */
};

struct cli_program {
	enum dl_source_kind kind;
	enum dl_level level;
	const char *text; /* the argument: D text or file name */
	char *contents; /* of the file; owned */
};

struct cli_target {
	bool is_command; /* -c, else -p */
	const char *command;
	char **argv; /* owned */
	pid_t pid;
	const char *wait_name; /* -W: attach when it starts */
};

struct cli {
	const char *progname; /* basename of argv[0] */
	enum cli_mode mode;
	struct dl_options *options; /* owned */
	VEC(struct cli_program) programs;
	VEC(struct cli_target) targets;
	VEC(const char *) operands;
	const char *output; /* -o */
	bool verbose; /* -v */
	bool show_code; /* -S */
	bool show_desugared; /* -d */
	bool run_cpp; /* -C */
	bool dumps_output; /* -B */
};

/*
 * Parses argv.  On failure the error's code says the exit status (ERR_USAGE:
 * 2, with the usage text if show_usage is set).
 */
struct error *cli_parse(struct cli *cli, int argc, char **argv, bool *show_usage);
void cli_deinit(struct cli *cli);
const char *cli_usage(void);
/* Splits a -c command into words: white space, quotes, backslashes.  NULL-terminated. */
struct error *cli_split_words(const char *text, char ***ret);
void cli_free_words(char **words);

#endif
