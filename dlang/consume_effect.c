/*
 * Actions that take effect in record order: see consume_effect.h.
 *
 * What goes wrong here is the script's business and not a failure of the
 * output: it is reported like a fault of the probe and the run goes on.
 */
#include "consume_effect.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool dl_effect_is(enum dl_action_kind kind)
{
	switch (kind) {
	case DL_ACT_SYSTEM:
	case DL_ACT_FREOPEN:
	case DL_ACT_FTRUNCATE:
	case DL_ACT_SETOPT:
	case DL_ACT_CLEAR:
	case DL_ACT_TRUNC:
	case DL_ACT_NORMALIZE:
	case DL_ACT_DENORMALIZE: return true;
	default: return false;
	}
}

static FILE *stream_of(const struct dl_consumer *c)
{
	return c->redirect ? c->redirect : c->config.out;
}

static void format_text(struct dl_consumer *c, const struct dl_firing *f, const struct dl_action *a,
			struct strbuf *ret)
{
	struct dl_format_env env;

	dl_consumer_env(c, f, &env);
	if (a->format)
		dl_format_exec(ret, a->format, c->values.items, a->n_fields, &env);
}

/* --- system() --- */

/* The command gets default signal handling, whatever the tracer has set up. */
static int spawn_shell(const char *command, pid_t *pid_ret)
{
	char sh[] = "sh", dash_c[] = "-c";
	char *argv[] = { sh, dash_c, (char *)(uintptr_t)command, NULL };
	posix_spawnattr_t attr;
	sigset_t all, none;
	int err = posix_spawnattr_init(&attr);

	if (err)
		return err;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(pid_ret, "/bin/sh", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return err;
}

static struct error *run_system(struct dl_consumer *c, const struct dl_firing *f,
				const struct dl_action *a)
{
	struct strbuf command = { 0 };
	struct error *err = dl_consumer_flush(c);
	pid_t pid;
	int status;

	if (err)
		return err;
	format_text(c, f, a, &command);
	if (c->config.ops && c->config.ops->before_system)
		c->config.ops->before_system(c->config.ctx);

	int why = spawn_shell(strbuf_text(&command), &pid);

	if (why)
		dl_consumer_complain(c, f, "couldn't run \"%s\": %s", strbuf_text(&command),
				     strerror(why));
	else
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	strbuf_deinit(&command);
	return NULL;
}

/* --- freopen() and ftruncate() --- */

static void restore_output(struct dl_consumer *c)
{
	if (c->redirect)
		fclose(c->redirect);
	free(c->redirect_name);
	c->redirect = NULL;
	c->redirect_name = NULL;
}

static struct error *run_freopen(struct dl_consumer *c, const struct dl_firing *f,
				 const struct dl_action *a)
{
	struct error *err = dl_consumer_flush(c);
	struct strbuf name = { 0 };
	FILE *to;

	if (err)
		return err;
	format_text(c, f, a, &name);
	/* freopen("") has no format, or the one that is kept for it. */
	if (!name.len || (a->format_text && strcmp(a->format_text, ".") == 0)) {
		strbuf_deinit(&name);
		restore_output(c);
		return NULL;
	}
	to = fopen(strbuf_text(&name), "ae");
	if (!to) {
		dl_consumer_complain(c, f, "couldn't freopen() \"%s\": %s", strbuf_text(&name),
				     strerror(errno));
		strbuf_deinit(&name);
		return NULL;
	}
	restore_output(c);
	c->redirect = to;
	c->redirect_name = strbuf_take(&name);
	return NULL;
}

static struct error *run_ftruncate(struct dl_consumer *c, const struct dl_firing *f)
{
	struct error *err = dl_consumer_flush(c);
	FILE *out = stream_of(c);
	struct stat st;

	if (err)
		return err;
	if (fstat(fileno(out), &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (ftruncate(fileno(out), 0) != 0)
		dl_consumer_complain(c, f, "couldn't ftruncate() the output: %s", strerror(errno));
	else
		rewind(out);
	return NULL;
}

/* --- setopt() --- */

static char *copy_string(const struct dl_value *v)
{
	uint32_t len;
	const char *s = dl_value_bytes(v, &len);

	return strndup(s, len);
}

static struct error *set_option(struct dl_consumer *c, const char *name, const char *value)
{
	if (c->config.ops && c->config.ops->setopt)
		return c->config.ops->setopt(c->config.ctx, name, value);
	return dl_options_set(c->config.options, name, value, DL_OPT_FROM_SETOPT, true);
}

static struct error *run_setopt(struct dl_consumer *c, const struct dl_firing *f,
				const struct dl_action *a)
{
	_cleanup_(freep) char *name = NULL, *value = NULL;
	struct error *err;

	if (!a->n_fields)
		return NULL;
	name = copy_string(&c->values.items[0]);
	value = a->n_fields > 1 ? copy_string(&c->values.items[1]) : NULL;
	if (!name || (a->n_fields > 1 && !value))
		return &error_nomem;
	err = set_option(c, name, value);
	if (err && value)
		dl_consumer_complain(c, f, "couldn't set option \"%s\" to \"%s\": %s", name, value,
				     err->message);
	else if (err)
		dl_consumer_complain(c, f, "couldn't set option \"%s\": %s", name, err->message);
	error_destroy(err);
	return NULL;
}

/* --- aggregations --- */

static void run_on_agg(struct dl_consumer *c, const struct dl_firing *f, const struct dl_action *a,
		       uint32_t id)
{
	struct dl_agg_set *set = dl_state_aggs(c->config.state);
	int64_t arg = a->n_fields ? dl_value_int(&c->values.items[0]) : 0;

	switch (a->kind) {
	case DL_ACT_CLEAR: dl_agg_clear(set, id); break;
	case DL_ACT_TRUNC: dl_agg_trunc(set, id, arg); break;
	case DL_ACT_NORMALIZE:
		if (arg)
			dl_agg_normalize(set, id, arg);
		else
			dl_consumer_complain(c, f, "normalize() by 0 is ignored");
		break;
	default: dl_agg_normalize(set, id, 1); break;
	}
}

struct error *dl_effect_run(struct dl_consumer *c, const struct dl_firing *f,
			    const struct dl_action *a)
{
	switch (a->kind) {
	case DL_ACT_SYSTEM: return run_system(c, f, a);
	case DL_ACT_FREOPEN: return run_freopen(c, f, a);
	case DL_ACT_FTRUNCATE: return run_ftruncate(c, f);
	case DL_ACT_SETOPT: return run_setopt(c, f, a);
	default:
		for (uint32_t i = 0; i < a->n_aggs; i++)
			run_on_agg(c, f, a, a->aggs[i]->id);
		return NULL;
	}
}
