/*
 * The life of a session:
 *
 *	fork the commands (held before exec), seize the processes of -p
 *	parse the programs; look at their probe descriptions
 *	if something of a target's libraries is asked for: exec, and run to the
 *	  program's entry point (evaltime); then compile
 *	else: compile, so that nothing of the command goes unseen; then exec
 *	enable and plant; BEGIN; let the targets run
 *	loop: events, timers, consumer
 *	exit(), ^C or the last target's end: END, output, detach
 */
#include "session.h"
#include "tls.h"
#include "usdt_build.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

void session_message(struct session *s, const char *fmt, ...)
{
	va_list ap;

	fflush(s->out);
	fprintf(stderr, "%s: ", s->cli->progname);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Async-signal-safe. */
void session_interrupt(struct session *s)
{
	if (!s)
		return;
	s->interrupts++;
	if (s->engine)
		engine_wake(s->engine);
}

/* Async-signal-safe. */
void session_emergency(struct session *s)
{
	if (s && s->engine)
		engine_emergency_detach(s->engine);
}

/* ------------------------------------------------------------ create -- */

/* ORDER PROVIDERS */
static const struct provider *const provider_list[N_PROVIDERS] = {
	&provider_dtrace, &provider_profile, &provider_syscall,
	&provider_proc,	  &provider_pid,     &provider_usdt,
};

static struct error *create_providers(struct session *s)
{
	struct error *err = NULL;

	for (int i = 0; i < N_PROVIDERS && !err; i++) {
		s->providers[i] = *provider_list[i];
		s->providers[i].session = s;
		if (s->providers[i].init)
			err = s->providers[i].init(&s->providers[i]);
	}
	return err;
}

static const struct dl_const *ureg_consts(void)
{
	static struct dl_const consts[128];
	size_t i;

	for (i = 0; arch_ureg_names[i].name && i < ARRAY_SIZE(consts) - 1; i++)
		consts[i] = (struct dl_const){ arch_ureg_names[i].name, arch_ureg_names[i].n };
	return consts;
}

/* Where cmake --install has put the *.d files, seen from where the program is; NULL: nowhere. */
static const char *installed_libraries(void)
{
	static char dir[2 * PATH_MAX];
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	for (int up = 0; up < 2; up++) { /* the program's name, then bin */
		char *slash = strrchr(exe, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	snprintf(dir, sizeof(dir), "%s%s%s", *D_LIBDIR == '/' ? "" : exe,
		 *D_LIBDIR == '/' ? "" : "/", D_LIBDIR);
	return access(dir, R_OK | X_OK) ? NULL : dir;
}

static struct error *create_ctx(struct session *s)
{
	struct dl_ctx_config config = {
		.host = &s->host,
		.options = s->options,
		.macros = {
			.pid = getpid(), .ppid = getppid(), .pgid = getpgrp(), .sid = getsid(0),
			.uid = getuid(), .euid = geteuid(), .gid = getgid(), .egid = getegid(),
			.script_name = s->cli->progname,
			.args = s->cli->operands.items,
			/* The operands of -G are object files. */
			.n_args = s->cli->mode == CLI_LINK ? 0 : (unsigned)s->cli->operands.n,
		},
		.uregs = ureg_consts(),
		.builds = s->cli->mode == CLI_HEADER || s->cli->mode == CLI_LINK,
		.lib_dir = installed_libraries(),
	};

	for (size_t i = 0; i < s->cli->programs.n; i++) {
		if (s->cli->programs.items[i].kind == DL_SRC_FILE) {
			config.macros.script_name = s->cli->programs.items[i].text;
			break;
		}
	}
	session_host_init(s);
	s->ctx = dl_ctx_create(&config);
	return s->ctx ? NULL : &error_nomem;
}

static struct error *open_output(struct session *s)
{
	s->out = stdout;
	/* -h and -G write files of their own. */
	if (!s->cli->output || s->cli->mode == CLI_HEADER || s->cli->mode == CLI_LINK)
		return NULL;
	s->out = fopen(s->cli->output, "ae");
	if (s->out)
		return NULL;
	s->out = stdout;
	return error_os(errno, "failed to open output file '%s'", s->cli->output);
}

struct error *session_create(struct cli *cli, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	struct error *err;

	if (!s)
		return &error_nomem;
	*ret = s;
	s->cli = cli;
	s->options = cli->options;
	s->out = stdout;
	s->only_cpu = -1;
	s->test_mode = getenv("_DTRACE_TESTING") != NULL;
	s->probes = probe_table_create();
	if (!s->probes)
		return &error_nomem;
	err = create_providers(s);
	if (!err)
		err = create_ctx(s);
	if (!err)
		err = open_output(s);
	return err;
}

void session_let_go(struct session *s)
{
	struct engine *e = s->engine;

	usdt_release(s);
	targets_let_go(s);
	s->engine = NULL; /* before it is freed: signal handlers look here */
	engine_destroy(e);
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	session_let_go(s);
	dl_consumer_destroy(s->consumer);
	dl_state_destroy(s->state);
	dl_ctx_destroy(s->ctx);
	while (s->targets) {
		struct target *next = s->targets->next;

		target_destroy(s->targets);
		s->targets = next;
	}
	pid_provider_destroy(s);
	usdt_provider_destroy(s);
	tier_destroy(s);
	probe_table_destroy(s->probes);
	vec_deinit(&s->programs);
	vec_deinit(&s->timers);
	vec_deinit(&s->to_plant);
	strbuf_deinit(&s->text);
	free(s->syscall_probes);
	free(s->psinfo);
	tls_destroy(s);
	free(s->record);
	error_destroy(s->failure);
	error_destroy(s->limit);
	if (s->out && s->out != stdout)
		fclose(s->out);
	free(s);
}

/* ----------------------------------------------------------- targets -- */

static struct error *create_engine(struct session *s)
{
	struct engine_config config = {
		.ops = &session_engine_ops,
		.ctx = s,
		.cpupin = dl_option(s->options, DL_OPT_CPUPIN) != 0,
		.verbose = s->cli->verbose,
	};

	s->engine = engine_create(&config);
	return s->engine ? NULL : &error_nomem;
}

/* -x setenv=NAME=VALUE and -x unsetenv=NAME, NULL-terminated. */
static struct error *env_changes(struct session *s, char ***ret)
{
	static const enum dl_opt which[] = { DL_OPT_SETENV, DL_OPT_UNSETENV };
	VEC(char *) list = { 0 };

	for (size_t w = 0; w < ARRAY_SIZE(which); w++) {
		const char *text;

		for (unsigned i = 0; (text = dl_option_text_at(s->options, which[w], i)); i++) {
			char *copy = strdup(text);

			if (!copy || !vec_push(&list, copy)) {
				free(copy);
				return &error_nomem;
			}
		}
	}
	if (!vec_push(&list, NULL))
		return &error_nomem;
	*ret = list.items;
	return NULL;
}

static struct error *start_target(struct session *s, const struct cli_target *ct, char **env)
{
	struct process *p = NULL;
	pid_t pid = ct->pid;
	struct error *err = ct->wait_name ? scope_wait(s, ct->wait_name, &pid) : NULL;

	if (err)
		return err;
	if (ct->is_command)
		session_notice_command(s, ct->argv);
	err = ct->is_command ? engine_fork(s->engine, ct->argv, env, &p) :
			       error_context(engine_attach(s->engine, pid, &p),
					     "failed to grab pid %d", (int)pid);
	if (err)
		return err;
	struct target *t = target_of(s, p);

	if (!t)
		return &error_nomem;
	t->is_command = ct->is_command;
	if (ct->is_command && !s->first_command)
		s->first_command = t;
	t->is_named = true;
	t->name = strdup(ct->is_command ? ct->argv[0] : "");
	s->n_roots_alive++;
	if (!s->first_target) {
		s->first_target = t;
		dl_ctx_set_target(s->ctx, p->pid);
	}
	return NULL;
}

struct error *session_attach(struct session *s, pid_t pid)
{
	struct cli_target ct = { .pid = pid };

	return start_target(s, &ct, NULL);
}

static struct error *start_targets(struct session *s)
{
	_cleanup_(freep) char **env = NULL;
	struct error *err = create_engine(s);

	if (!err)
		err = env_changes(s, &env);
	for (size_t i = 0; i < s->cli->targets.n && !err; i++)
		err = start_target(s, &s->cli->targets.items[i], env);
	s->scope_all = dl_option_text(s->options, DL_OPT_SCOPE) &&
		       !strcmp(dl_option_text(s->options, DL_OPT_SCOPE), "all");
	if (!err && s->scope_all)
		err = scope_attach_all(s);
	for (char **e = env; e && *e; e++)
		free(*e);
	return err;
}

static uint64_t main_addr(void *ctx, struct process *p)
{
	struct target *t = target_of(ctx, p);
	struct objects *os = t ? target_objects(t) : NULL;

	return os && objects_main(os) ? object_main(os, objects_main(os)) : 0;
}

static enum hold hold_point(const struct session *s)
{
	const char *evaltime = dl_option_text(s->options, DL_OPT_EVALTIME);

	if (!evaltime)
		return s->wants_objects ? HOLD_PREINIT : HOLD_EXEC;
	if (!strcmp(evaltime, "exec"))
		return HOLD_EXEC;
	return !strcmp(evaltime, "preinit") ? HOLD_PREINIT : HOLD_MAIN;
}

static struct error *exec_targets(struct session *s, enum hold hold)
{
	for (struct target *t = s->targets; t; t = t->next) {
		if (!t->is_command || !t->proc)
			continue;
		struct error *err = engine_exec(s->engine, t->proc, hold, main_addr);

		if (err)
			return err;
	}
	return NULL;
}

/* ----------------------------------------------------------- checks -- */

/* Messages may have a second line that helps people (not where tools compare them). */
static bool hints(const struct session *s)
{
	return dl_option(s->options, DL_OPT_ERRTAGS) != 1;
}

static bool is_destructive(const struct dl_program *p)
{
	for (uint32_t i = 0; i < p->n_clauses; i++)
		if (p->clauses[i].is_destructive)
			return true;
	return false;
}

static void stop_if_unpermitted(struct session *s, struct error **err)
{
	if (dl_option(s->options, DL_OPT_DESTRUCTIVE) == 1)
		return;
	for (size_t i = 0; i < s->programs.n && !*err; i++)
		if (is_destructive(s->programs.items[i].program))
			*err = error_format(ERR_OTHER,
					    "could not enable tracing: "
					    "Destructive actions not allowed%s",
					    hints(s) ? "\nhint: -w permits them" : "");
}

/* Does any clause show stacks or symbols of the target? */
static bool uses_symbols(const struct session *s)
{
	for (size_t i = 0; i < s->programs.n; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; j < p->n_clauses; j++) {
			const struct dl_code *far = &p->clauses[j].far;

			for (uint32_t k = 0; k < far->n; k++) {
				uint8_t op = far->insns[k].op;

				if (op == DL_OP_TRU || op == DL_OP_TUPU || op == DL_OP_TRY ||
				    op == DL_OP_TUPY ||
				    (op == DL_OP_BVAR && (far->insns[k].imm == DL_BV_UCALLER ||
							  far->insns[k].imm == DL_BV_USTACKDEPTH)))
					return true;
			}
		}
	}
	return false;
}

/* ---------------------------------------------------------- the loop -- */

static struct error *take_failure(struct session *s)
{
	struct error *err = s->failure;

	s->failure = NULL;
	return err;
}

static void fire_own(struct session *s, uint32_t id, enum dl_activity activity)
{
	struct probe *p = probe_by_id(s->probes, id);

	dl_state_set_activity(s->state, activity);
	if (p->epids.n)
		session_fire_simple(s, p);
}

static bool exit_called(const struct session *s)
{
	return dl_state_activity(s->state) == DL_DRAINING;
}

/* Processes that run on with our filter can't be left: their calls would fail. */
static bool must_stay(const struct session *s)
{
	if (!s->engine || s->interrupts)
		return false;
	for (struct process *p = engine_processes(s->engine); p; p = p->next)
		if (p->has_filter && !p->is_dead)
			return true;
	return false;
}

static bool is_over(struct session *s)
{
	if (s->interrupts || s->failure || exit_called(s) ||
	    dl_trace_full(dl_state_trace(s->state)))
		return true;
	return s->cli->targets.n && !s->n_roots_alive && !must_stay(s);
}

/* No process to wait for: sleeps until the deadline or a signal. */
static void idle_until(struct session *s, uint64_t deadline)
{
	sigset_t block, old;
	struct timespec ts;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &old);
	uint64_t now = now_ns();

	if (!s->interrupts && deadline > now) {
		uint64_t left = deadline - now;

		ts.tv_sec = (time_t)(left / 1000000000u);
		ts.tv_nsec = (long)(left % 1000000000u);
		ppoll(NULL, 0, deadline == UINT64_MAX ? NULL : &ts, &old);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Has a period, that of an option, passed since *last?  Then it starts anew. */
static bool is_due(const struct session *s, enum dl_opt rate, uint64_t now, uint64_t *last,
		   uint64_t *deadline)
{
	uint64_t period = dl_option(s->options, rate);
	bool due;

	if (period == 0 || period == DL_OPT_UNSET)
		period = 1000000; /* "as soon as there is something" */
	due = now - *last >= period;
	if (due)
		*last = now;
	if (*last + period < *deadline)
		*deadline = *last + period;
	return due;
}

/* Consumes what is there (switchrate) and reports what was lost (statusrate). */
static struct error *consume_if_due(struct session *s, uint64_t now, uint64_t *deadline)
{
	struct error *err = NULL;

	if (is_due(s, DL_OPT_SWITCHRATE, now, &s->last_consume, deadline)) {
		if (!s->reads_at_end) {
			engine_collect_cells(s->engine);
			err = dl_consumer_run(s->consumer);
		}
		if (!err)
			err = dl_consumer_flush(s->consumer);
	}
	if (is_due(s, DL_OPT_STATUSRATE, now, &s->last_status, deadline))
		dl_consumer_drops(s->consumer);
	return err;
}

static struct error *loop(struct session *s)
{
	struct error *err = NULL;

	s->last_consume = s->last_status = now_ns();
	profile_start(s, s->last_consume);
	while (!err && !is_over(s)) {
		uint64_t now = now_ns();

		/* Before what fires now comes what has fired. */
		if (s->timers.n)
			engine_drain(s->engine);
		uint64_t deadline = s->timers.n ? profile_run(s, now) : UINT64_MAX;
		bool done = false;
		unsigned n;

		if (is_over(s))
			break;
		err = consume_if_due(s, now, &deadline);
		if (err)
			break;
		if (s->targets)
			err = engine_poll(s->engine, deadline, &n, &done);
		else
			idle_until(s, deadline);
		if (done)
			break;
	}
	return err ? err : take_failure(s);
}

/* --------------------------------------------------------- start, end -- */

/* ustack() and symbols need the objects of what is there and of what comes. */
static struct error *watch_objects(struct session *s)
{
	for (struct target *t = s->targets; t; t = t->next) {
		struct error *err = t->proc ? target_watch_linker(s, t) : NULL;

		if (err)
			return err;
	}
	return session_plant(s);
}

/*
 * -x cpu: as if the other CPUs were not traced.  BEGIN, END and the timers fire
 * where we run, so that must be there.
 */
static struct error *confine(struct session *s)
{
	const char *text = dl_option_text(s->options, DL_OPT_CPU);
	unsigned long cpu = text && strcmp(text, "all") ? strtoul(text, NULL, 0) : CPU_SETSIZE;
	cpu_set_t one;

	if (!text || !strcmp(text, "all"))
		return NULL;
	CPU_ZERO(&one);
	if (cpu < CPU_SETSIZE)
		CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return error_format(ERR_OTHER,
				    "could not enable tracing: CPU %s is not one of those that "
				    "may be used",
				    text);
	s->only_cpu = (int)cpu;
	return NULL;
}

static struct error *prepare(struct session *s)
{
	struct error *err = confine(s);

	if (!err)
		err = session_create_state(s);
	if (!err)
		err = session_create_record(s);
	if (!err) {
		tier_begin(s);
		err = session_enable(s);
	}
	if (!err && s->limit)
		err = error_context(take_ptr(s->limit), "could not enable tracing");
	if (!err)
		stop_if_unpermitted(s, &err);
	if (err)
		return err;
	session_notices(s);
	if (dl_option(s->options, DL_OPT_DESTRUCTIVE) == 1 &&
	    dl_option(s->options, DL_OPT_QUIET) != 1)
		session_message(s, "allowing destructive actions");
	return NULL;
}

static struct error *begin(struct session *s)
{
	fire_own(s, 1, DL_WARMUP);
	if (!exit_called(s))
		dl_state_set_activity(s->state, DL_ACTIVE);
	return take_failure(s);
}

static bool has_attached(const struct session *s)
{
	for (size_t i = 0; i < s->cli->targets.n; i++)
		if (!s->cli->targets.items[i].is_command)
			return true;
	return s->scope_all;
}

static struct error *finish(struct session *s)
{
	struct error *err;

	engine_drain(s->engine);
	engine_collect_cells(s->engine);
	s->is_ending = true;
	if (s->interrupts)
		fputc('\n', s->out);
	fire_own(s, 2, DL_COOLDOWN);
	dl_state_set_activity(s->state, DL_STOPPED);
	usdt_release(s);
	/* Let go of other people's processes before the output takes its time. */
	if (has_attached(s))
		targets_let_go(s);
	err = take_failure(s);
	if (s->interrupts > 1)
		return err;
	if (!err)
		err = dl_consumer_run(s->consumer);
	dl_consumer_drops(s->consumer);
	if (!err)
		err = dl_consumer_finish(s->consumer);
	if (!err)
		err = dl_consumer_flush(s->consumer);
	return err;
}

/* exit(n) wins; else the command's own status; else 0. */
static int exit_status(const struct session *s)
{
	int status;

	if (dl_exit_status(s->state, &status))
		return status & 0xff;
	if (dl_option(s->options, DL_OPT_NOCHILDSTATUS) == 1 || !s->command_ended)
		return 0;
	if (WIFEXITED(s->command_status))
		return WEXITSTATUS(s->command_status);
	return WIFSIGNALED(s->command_status) ? 128 + WTERMSIG(s->command_status) : 0;
}

static void report_refusals(const struct session *s)
{
	if (s->cli->verbose && s->n_refused)
		fprintf(stderr, "%s: %lu probe site%s not planted: %s\n", s->cli->progname,
			(unsigned long)s->n_refused, s->n_refused == 1 ? "" : "s",
			s->refused_why ? s->refused_why : "unknown reason");
	if (s->cli->verbose)
		tier_report(s);
}

/* The commands begin; an interrupt meanwhile ends the tracing in order, as any does. */
static struct error *start_late(struct session *s, enum hold hold)
{
	struct error *err;

	s->is_started = true;
	err = exec_targets(s, hold);
	if (err && err->code == ERR_GONE && s->interrupts) {
		error_destroy(err);
		return NULL;
	}
	return !err && s->wants_objects ? watch_objects(s) : err;
}

static struct error *trace(struct session *s, enum hold hold, int *status)
{
	bool exec_late = hold == HOLD_EXEC;
	struct error *err = prepare(s);

	if (err)
		return err;
	if (s->cli->verbose) {
		for (size_t i = 0; i < s->programs.n; i++)
			report_stability(s, &s->programs.items[i], false);
		fflush(s->out); /* before what the target prints */
	}
	s->wants_objects = s->wants_objects || uses_symbols(s);
	if (!exec_late && s->wants_objects)
		err = watch_objects(s);
	if (!err)
		err = session_plant(s);
	if (err)
		return err;
	report_refusals(s);
	session_debug(s, "tracing starts: %u probes known", probe_count(s->probes));
	err = begin(s);
	if (!err && !exit_called(s)) {
		if (exec_late)
			err = start_late(s, hold);
		s->is_started = true;
		if (!err) {
			engine_start(s->engine);
			err = loop(s);
		}
	}
	if (err)
		return err;
	if (s->cli->verbose)
		tier_report_end(s);
	err = finish(s);
	if (s->cli->verbose) {
		tier_report_calls(s);
		syscall_report_silent(s);
	}
	*status = exit_status(s);
	return err;
}

static const char *output_name(const struct session *s)
{
	return s->cli->output ? s->cli->output : "<stdout>";
}

static struct error *flush_report(struct session *s)
{
	errno = 0;
	if (fflush(s->out) || ferror(s->out))
		return error_os(errno ? errno : EIO, "failed to write to %s", output_name(s));
	return NULL;
}

static struct error *compile_only(struct session *s)
{
	if (s->cli->verbose)
		for (size_t i = 0; i < s->programs.n; i++)
			report_stability(s, &s->programs.items[i], true);
	return flush_report(s);
}

static struct error *check_mode(const struct session *s)
{
	enum cli_mode mode = s->cli->mode;

	if (s->cli->programs.n == 0 && mode != CLI_LIST && mode != CLI_HEADER && mode != CLI_LINK)
		return error_format(ERR_OTHER, "no probes specified%s",
				    hints(s) ?
					    "\nhint: -n or -s says what to trace, -c or -p whom: "
					    "dtrace -n 'syscall:::entry' -c 'ls -l'" :
					    "");
	return NULL;
}

struct error *session_run(struct session *s, int *status)
{
	struct error *err = check_mode(s);
	struct syscall_set syscalls;

	/* Listing implies -Z: what isn't there is simply not listed. */
	if (!err && s->cli->mode == CLI_LIST)
		err = dl_options_set(s->options, "zdefs", NULL, DL_OPT_FROM_CMDLINE, false);
	if (!err)
		err = session_preprocess(s);
	if (!err && (s->cli->mode == CLI_HEADER || s->cli->mode == CLI_LINK)) {
		err = session_load_programs(s);
		return err ? err : usdt_build(s);
	}
	if (!err)
		err = start_targets(s);
	if (!err)
		err = session_load_programs(s);
	if (err)
		return err;
	session_debug_options(s);
	s->wants_objects = session_wants_objects(s);
	engine_follow_forks(s->engine, session_wants_children(s));
	session_wanted_syscalls(s, &syscalls);
	engine_watch_syscalls(s->engine, &syscalls);
	enum hold hold = hold_point(s);

	if (hold != HOLD_EXEC || s->cli->mode != CLI_EXEC || s->wants_objects) {
		err = exec_targets(s, hold);
		if (hold == HOLD_EXEC)
			hold = HOLD_PREINIT; /* done */
	}
	if (!err)
		err = session_compile(s);
	if (err)
		return err;
	if (s->cli->mode == CLI_LIST) {
		err = s->programs.n ? NULL : usdt_provide_everything(s);
		if (err)
			return err;
		report_list(s);
		return flush_report(s);
	}
	return s->cli->mode == CLI_COMPILE ? compile_only(s) : trace(s, hold, status);
}
