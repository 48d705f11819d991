/*
 * dtrace(1): the only place that prints messages and decides the exit status.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* The session that signal handlers act on; NULL before and after it. */
static struct session *volatile running;
/* The signal that ends this program after the targets were let go. */
static volatile sig_atomic_t deadly;

static void on_interrupt(int sig)
{
	(void)sig;
	session_interrupt(running);
}

/*
 * What would end us by default while targets have our breakpoints in them.
 * The first one ends the session in order but without output; a second one,
 * when we don't get to that, is handled as a crash.
 */
static void on_deadly(int sig)
{
	struct session *s = running;

	if (deadly || !s) {
		session_emergency(s);
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	deadly = sig;
	session_interrupt(s);
	session_interrupt(s);
}

static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS };
static struct sigaction before_crash[ARRAY_SIZE(crashes)];

/* Lets the targets go as well as that can be done, then goes on dying. */
static void on_crash(int sig, siginfo_t *info, void *context)
{
	static volatile sig_atomic_t is_crashing;
	bool is_first = !is_crashing;

	(void)context;
	is_crashing = 1;
	if (is_first)
		session_emergency(running);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (crashes[i] == sig)
			sigaction(sig, &before_crash[i], NULL);
	/* A fault comes again when the instruction is tried again. */
	if (info->si_code <= 0)
		raise(sig);
}

/* Signals that are ignored at the start (nohup) stay ignored. */
static void install(int sig, const struct sigaction *sa)
{
	struct sigaction old;

	if (sigaction(sig, NULL, &old) || old.sa_handler == SIG_IGN)
		return;
	sigaction(sig, sa, NULL);
}

static void on_pipe(int sig)
{
	(void)sig;
}

/* A stack of its own: the fault may be that the other one is full. */
static void install_crash_handlers(void)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	const stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&sa.sa_mask);
	if (sigaltstack(&ss, NULL))
		sa.sa_flags &= ~SA_ONSTACK;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &sa, &before_crash[i]);
}

static void install_handlers(void)
{
	static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP };
	static const int deaths[] = { SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM,
				      SIGPROF, SIGXCPU, SIGIO,	 SIGPWR,  SIGSTKFLT };
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
		install(interrupts[i], &sa);
	sa.sa_handler = on_deadly;
	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++)
		install(deaths[i], &sa);
	/*
	 * A closed pipe is a write error to report, not a death.  A handler, not
	 * SIG_IGN, which the command that we start would inherit.
	 */
	sa.sa_handler = on_pipe;
	install(SIGPIPE, &sa);
	/* So is a file that grew too large. */
	install(SIGXFSZ, &sa);
	install_crash_handlers();
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

/* Ends as the signal would have ended us. */
static void die_of(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}

static int run(struct cli *cli)
{
	struct session *s = NULL;
	int status = 0;
	struct error *err = session_create(cli, &s);

	running = s;
	if (!err) {
		install_handlers();
		err = session_run(s, &status);
	}
	if (err)
		status = report(cli, err);
	if (s)
		session_let_go(s);
	running = NULL;
	session_destroy(s);
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli;
	bool show_usage;
	int status;
	struct error *err = cli_parse(&cli, argc, argv, &show_usage);

	setlocale(LC_TIME, ""); /* %Y and %T; numbers stay as they are */

	if (err && show_usage)
		return usage(&cli, err);
	if (err)
		status = report(&cli, err);
	else if (cli.mode == CLI_VERSION)
		status = print_version(&cli);
	else if (cli.mode == CLI_HELP)
		status = fputs(cli_usage(), stdout) < 0;
	else
		status = run(&cli);
	cli_deinit(&cli);
	if (deadly)
		die_of(deadly);
	return status;
}
