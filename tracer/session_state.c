/*
 * What a session runs clauses with: the language's state and buffers, the
 * consumer and what it asks of us, room for a record.
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SLACK ((size_t)4096)

/* What addresses of a process are named by; NULL: they are not (-x noresolve). */
static struct objects *names_of(struct session *s, uint32_t pid)
{
	struct target *t = target_by_pid(s, (pid_t)pid);

	return t && dl_option(s->options, DL_OPT_NORESOLVE) != 1 ? target_objects(t) : NULL;
}

static void symbolize(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
		      struct strbuf *out)
{
	static const enum symbolize_kind kinds[] = {
		[DL_SYM_UADDR] = SYMBOLIZE_ADDR,
		[DL_SYM_USYM] = SYMBOLIZE_SYM,
		[DL_SYM_UMOD] = SYMBOLIZE_MOD,
	};
	struct objects *os = names_of(ctx, pid);

	if (os)
		objects_symbolize(os, addr, kinds[kind], out);
	else
		strbuf_printf(out, "0x%lx", (unsigned long)addr);
}

static void put_frame(void *ctx, uint32_t pid, uint64_t addr, uint32_t index, struct strbuf *out)
{
	const struct session *s = ctx;
	struct objects *os = names_of(ctx, pid);

	if (os)
		objects_put_frame(os, addr, index > 0,
				  dl_option(s->options, DL_OPT_USTACKLINE) == 1, out);
	else
		strbuf_printf(out, "0x%lx", (unsigned long)addr);
}

static void consumer_message(void *ctx, const char *text)
{
	session_message(ctx, "%s", text);
}

static struct error *consumer_setopt(void *ctx, const char *name, const char *value)
{
	struct session *s = ctx;

	return dl_options_set(s->options, name, value, DL_OPT_FROM_SETOPT, true);
}

static const struct dl_consumer_ops consumer_ops = {
	.symbolize = symbolize,
	.frame = put_frame,
	.message = consumer_message,
	.setopt = consumer_setopt,
};

struct error *session_create_state(struct session *s)
{
	struct error *err = dl_consumer_check_format(dl_option_text(s->options, DL_OPT_OFORMAT));

	if (err) {
		err->code = ERR_OTHER; /* an option's value: status 1 */
		return error_context(err, "failed to set -x oformat");
	}
	/* Who asks for tags of drops, or compares with a classic run, wants the classic drops. */
	if ((s->test_mode || dl_option(s->options, DL_OPT_DROPTAGS) == 1) &&
	    !dl_option_is_set(s->options, DL_OPT_BUFPOLICY))
		err = dl_options_set(s->options, "bufpolicy", "switch", DL_OPT_FROM_ENV, false);
	if (err)
		return err;
	s->strsize = (uint32_t)dl_option(s->options, DL_OPT_STRSIZE);
	s->state = dl_state_create(s->ctx, s->options);
	if (!s->state)
		return error_os(ENOMEM, "could not enable tracing");
	if (dl_option_is_set(s->options, DL_OPT_BUFSIZE))
		engine_set_ring_bytes(s->engine, dl_state_bufsize(s->state));
	const char *policy = dl_option_text(s->options, DL_OPT_BUFPOLICY);

	s->reads_at_end = policy && (!strcmp(policy, "ring") || !strcmp(policy, "fill"));
	dl_trace_on_full(dl_state_trace(s->state), session_consume, s);
	struct dl_consumer_config config = {
		.state = s->state,
		.options = s->options,
		.ops = &consumer_ops,
		.ctx = s,
		.out = s->out,
		.out_name = s->cli->output ? s->cli->output : "<stdout>",
		.dumps = s->cli->dumps_output,
		.test_mode = s->test_mode,
	};

	s->consumer = dl_consumer_create(&config);
	if (!s->consumer)
		return &error_nomem;
	if (s->first_target && s->first_target->proc)
		dl_consumer_set_target(s->consumer, (uint32_t)s->first_target->proc->pid);
	return NULL;
}

/* Room for the largest record any clause can make. */
struct error *session_create_record(struct session *s)
{
	size_t need = sizeof(struct dl_record) + RECORD_SLACK;

	need += (size_t)NEAR_SLOTS_MAX * (8 + 8 + s->strsize);
	for (size_t i = 0; i < s->programs.n; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; j < p->n_clauses; j++)
			for (uint32_t k = 0; k < p->clauses[j].near.n; k++)
				if (p->clauses[j].near.insns[k].op == DL_OP_NCAPM)
					s->has_captures = true;
	}
	if (s->has_captures)
		need += NEAR_CAP_MAX;
	s->record_size = need;
	s->record = malloc(need);
	return s->record ? NULL : &error_nomem;
}
