/*
 * dtrace(1): the only place that prints messages and decides the exit status.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* The session that signal handlers interrupt. */
static struct session *running;

static void on_interrupt(int sig)
{
	(void)sig;
	session_interrupt(running);
}

static void on_pipe(int sig)
{
	(void)sig;
}

static void install_handlers(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction old;

		/* Ignored at start (nohup) stays ignored. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &sa, NULL);
	}
	/*
	 * A closed pipe is a write error to report, not a death.  A handler,
	 * not SIG_IGN: the command that we start must not inherit it.
	 */
	sa.sa_handler = on_pipe;
	sigaction(SIGPIPE, &sa, NULL);
}

static int print_version(const struct cli *cli)
{
	printf("%s: locked-down-linux-dtrace %s D 1.13\n", cli->progname, DTRACE_VERSION);
	if (cli->verbose)
		printf("This is dtrace %s: user space only, ptrace and seccomp\n", DTRACE_VERSION);
	return fflush(stdout) ? 1 : 0;
}

static int report(const struct cli *cli, struct error *err)
{
	int status = err->code == ERR_USAGE ? 2 : 1;

	/* Compile diagnostics were printed as they are: the message is empty. */
	if (err->code != ERR_COMPILE)
		fprintf(stderr, "%s: %s\n", cli->progname, err->message);
	error_destroy(err);
	return status;
}

static int usage(struct cli *cli, struct error *err)
{
	if (err && strcmp(err->message, "no arguments"))
		fprintf(stderr, "%s: %s\n", cli->progname, err->message);
	fputs(cli_usage(), stderr);
	error_destroy(err);
	cli_deinit(cli);
	return 2;
}

int main(int argc, char **argv)
{
	struct cli cli;
	bool show_usage;
	int status = 0;
	struct error *err = cli_parse(&cli, argc, argv, &show_usage);

	setlocale(LC_TIME, "");	/* %Y and %T; numbers stay as they are */

	if (err && show_usage)
		return usage(&cli, err);
	if (!err && cli.mode == CLI_VERSION) {
		status = print_version(&cli);
		cli_deinit(&cli);
		return status;
	}
	if (!err)
		err = session_create(&cli, &running);
	if (!err) {
		install_handlers();
		err = session_run(running, &status);
	}
	if (err)
		status = report(&cli, err);
	session_destroy(running);
	cli_deinit(&cli);
	return status;
}
