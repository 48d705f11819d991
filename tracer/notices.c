/*
 * Notices of dtrace(1) about options: buffers that had to be made smaller and
 * rates out of their limits; commands that seem meant for a shell.  The tracing
 * itself goes on.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "session.h"

#define NSEC_PER_SEC 1000000000ull

/* A size that had to be lowered; whole multiples of k, m, ... are shown as such. */
static void report_size(struct session *s, const char *what, enum dl_opt option, uint64_t got)
{
	static const char units[] = " kmgtpe";
	uint64_t asked = dl_option(s->options, option);
	unsigned unit = 0;

	if (asked == DL_OPT_UNSET || got >= asked)
		return;
	while (unit < 6 && got && !(got % 1024)) {
		got /= 1024;
		unit++;
	}
	if (unit)
		session_message(s, "%s lowered to %llu%c", what, (unsigned long long)got,
				units[unit]);
	else
		session_message(s, "%s lowered to %llu bytes", what, (unsigned long long)got);
}

static uint64_t clamped(uint64_t period, uint64_t min, uint64_t max)
{
	if (period == 0 || period > max)
		return max;
	return period < min ? min : period;
}

static void report_rate(struct session *s, const char *what, uint64_t asked, uint64_t period)
{
	const char *how = period > asked ? "reduced" : "increased";

	if (asked == period || asked == 0)
		return;
	if (period <= NSEC_PER_SEC && NSEC_PER_SEC % period == 0)
		session_message(s, "%s %s to %llu hz", what, how, NSEC_PER_SEC / period);
	else if (period % NSEC_PER_SEC == 0)
		session_message(s, "%s %s to once every %llu seconds", what, how,
				(unsigned long long)period / NSEC_PER_SEC);
	else
		session_message(s, "%s %s to once every %llu nanoseconds", what, how,
				(unsigned long long)period);
}

void session_debug(struct session *s, const char *fmt, ...)
{
	va_list ap;

	if (dl_option(s->options, DL_OPT_DEBUG) != 1)
		return;
	fflush(s->out);
	fputs("libdtrace DEBUG: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Options that other systems have, and that mean nothing here. */
void session_debug_options(struct session *s)
{
	for (int i = 0; i < DL_OPT_COUNT; i++)
		if (dl_option_is_set(s->options, (enum dl_opt)i) &&
		    dl_option_is_ignored((enum dl_opt)i))
			session_debug(s, "option %s has no meaning here",
				      dl_option_name((enum dl_opt)i));
}

/* Words that only a shell gives a meaning to; these programs have a use for them. */
static bool is_for_shell(char *const *argv)
{
	static const char *const operators[] = { "|", "||", "&&", ">", ">>", "<", "2>", "2>&1" };
	static const char *const users[] = { "expr", "test", "[" };
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		if (!strcmp(name, users[i]))
			return false;
	for (char *const *w = argv + 1; *w; w++)
		for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
			if (!strcmp(*w, operators[i]))
				return true;
	return false;
}

void session_notice_command(struct session *s, char *const *argv)
{
	if (is_for_shell(argv))
		session_message(s, "-c runs its command without a shell; a pipeline or a "
				   "redirection needs one: -c 'sh -c \"...\"'");
}

/* A process has one tracer: those who want to be one fail under us, and say only EPERM. */
void session_notice_tracer(struct session *s, const struct process *p)
{
	static const char *const tracers[] = { "strace", "ltrace", "gdb",    "gdbserver",
					       "lldb",	 "rr",	   "dtrace", "lldb-server" };
	const char *slash = strrchr(p->exe, '/');
	const char *name = slash ? slash + 1 : p->exe;

	if (s->told_tracer || !p->has_wait_status || !WIFEXITED(p->wait_status) ||
	    !WEXITSTATUS(p->wait_status))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(tracers); i++) {
		if (strcmp(name, tracers[i]))
			continue;
		s->told_tracer = true;
		session_message(s,
				"%s failed (pid %d): it traces programs itself, and a process can "
				"have but one tracer, which here is dtrace; run %s without dtrace",
				name, p->pid, name);
	}
}

void session_notices(struct session *s)
{
	uint64_t clean = dl_option(s->options, DL_OPT_CLEANRATE);
	uint64_t status = dl_option(s->options, DL_OPT_STATUSRATE);

	if (dl_option(s->options, DL_OPT_QUIETRESIZE) != 1) {
		report_size(s, "buffer size", DL_OPT_BUFSIZE, dl_state_bufsize(s->state));
		report_size(s, "dynamic variable size", DL_OPT_DYNVARSIZE,
			    dl_state_dynvarsize(s->state));
	}
	report_rate(s, "cleaning rate", clean,
		    clamped(clean, NSEC_PER_SEC / 5000, 60 * NSEC_PER_SEC));
	report_rate(s, "status rate", status, clamped(status, 0, 10 * NSEC_PER_SEC));
}
