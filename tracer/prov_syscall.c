/*
 * syscall:vmlinux:NAME:entry and :return, for every call of this machine.
 *
 * All probes are made at the start, so their IDs are the same in every
 * session.  Which calls the engine reports is decided from the probe
 * descriptions before the target runs (session_wanted_syscalls).
 *
 * Conventions at return: arg0 and arg1 are the result, or -1 with errno set
 * if the call failed, as the program itself sees it.
 */
#include <stdlib.h>

#include "session.h"

static struct error *add(struct provider *p, unsigned nr, const char *name)
{
	struct probe *pr =
		probe_add(p->session->probes, p, "syscall", "vmlinux", arch_syscall_name(nr), name);

	if (!pr)
		return &error_nomem;
	pr->alias = arch_syscall_alias(nr);
	pr->number = nr;
	return NULL;
}

static struct error *init(struct provider *p)
{
	unsigned max = arch_syscall_max();
	struct error *err = NULL;

	p->session->syscall_probes = calloc(max, sizeof(p->session->syscall_probes[0]));
	if (!p->session->syscall_probes)
		return &error_nomem;
	for (unsigned nr = 0; nr < max && !err; nr++) {
		if (!arch_syscall_name(nr))
			continue;
		uint32_t id = probe_count(p->session->probes) + 1;

		err = add(p, nr, "entry");
		if (!err)
			err = add(p, nr, "return");
		if (!err)
			p->session->syscall_probes[nr] = id;
	}
	return err;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	(void)p;
	(void)pr;
	return NULL;
}

/* data of a probe that has fired */
static char fired;

void syscall_fire(struct session *s, struct task *t, unsigned nr, bool is_return, int64_t result)
{
	struct firing f = { .task = t, .has_args = true };

	if (nr >= arch_syscall_max() || !s->syscall_probes[nr])
		return;
	f.probe = probe_by_id(s->probes, s->syscall_probes[nr] + (is_return ? 1 : 0));
	if (!f.probe || !f.probe->epids.n)
		return;
	f.probe->data = &fired; /* a place that is recorded without a stop has stopped before */
	if (is_return) {
		if (result < 0 && result >= -4095) {
			f.error = (int)-result;
			result = -1;
		}
		f.args[0] = f.args[1] = (uint64_t)result;
	} else {
		struct arch_regs *r = task_regs(t);

		for (unsigned i = 0; r && i < 6; i++)
			f.args[i] = arch_syscall_arg(r, i);
	}
	session_fire(s, &f);
}

/* Calls that books name, and what libraries make in their place. */
static const struct {
	const char *old, *now;
} replaced[] = {
	{ "open", "openat" },
	{ "creat", "openat" },
	{ "newstat", "newfstatat" },
	{ "newlstat", "newfstatat" },
	{ "newfstat", "newfstatat" },
	{ "getdents", "getdents64" },
	{ "fork", "clone" },
	{ "pipe", "pipe2" },
	{ "select", "pselect6" },
	{ "nanosleep", "clock_nanosleep" },
	{ "time", NULL },
	{ "gettimeofday", NULL },
	{ "clock_gettime", NULL },
};

static const struct probe *entry_of(struct session *s, const char *func)
{
	return probe_find(s->probes, "syscall", "vmlinux", func, "entry");
}

void syscall_report_silent(struct session *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(replaced); i++) {
		const struct probe *old = entry_of(s, replaced[i].old);
		const struct probe *now = replaced[i].now ? entry_of(s, replaced[i].now) : NULL;

		if (!old || !old->epids.n || old->data || (now && now->epids.n))
			continue;
		if (now)
			session_message(s,
					"syscall::%s:entry did not fire; look at syscall::%s:entry",
					replaced[i].old, replaced[i].now);
		else
			session_message(
				s,
				"syscall::%s:entry did not fire; programs get the time without "
				"a system call",
				replaced[i].old);
	}
}

static const struct dl_probe_arg entry_args[] = {
	{ .name = "arg0", .native = "int64_t", .map = 0 },
	{ .name = "arg1", .native = "int64_t", .map = 1 },
	{ .name = "arg2", .native = "int64_t", .map = 2 },
	{ .name = "arg3", .native = "int64_t", .map = 3 },
	{ .name = "arg4", .native = "int64_t", .map = 4 },
	{ .name = "arg5", .native = "int64_t", .map = 5 },
};

static void args(struct provider *p, const struct probe *pr, struct dl_probe_info *ret)
{
	(void)p;
	ret->args = entry_args;
	ret->n_args = *pr->name == 'e' ? 6 : 2;
}

const struct provider provider_syscall = {
	.name = "syscall",
	.attr = {
		.provider = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_COMMON },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_ISA },
		.name = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_COMMON },
		.args = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_ISA },
	},
	.init = init,
	.enable = enable,
	.args = args,
	.needs_target = true,
};
