/*
 * profile:::tick-N and profile:::profile-N: timers in the tracer.
 *
 * A tick fires once per period in the tracer's own context; a late one is not
 * made up for by a burst (at most one missed tick is queued).  profile-N fires
 * in each thread of the targets that is on a CPU when the period ends, with
 * its pc in arg1; without a process to watch it is a tick.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define PERIOD_MIN 200000u /* ns: 5000 Hz */

static const struct {
	const char *unit;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "nsec", 1 },
	{ "us", 1000 },
	{ "usec", 1000 },
	{ "ms", 1000000 },
	{ "msec", 1000000 },
	{ "s", 1000000000 },
	{ "sec", 1000000000 },
	{ "m", 60000000000 },
	{ "min", 60000000000 },
	{ "h", 3600000000000 },
	{ "hour", 3600000000000 },
	{ "d", 86400000000000 },
	{ "day", 86400000000000 },
};

/* Period of "97", "97hz", "10ms", ...; 0 if there is no such probe. */
static uint64_t parse_period(const char *text)
{
	uint64_t n = 0, period = 0;

	if (!isdigit((unsigned char)*text))
		return 0;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return 0;
	if (n == 0)
		return 0;
	if (!*text || !strcasecmp(text, "hz"))
		period = 1000000000u / n;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcasecmp(text, units[i].unit) &&
		    __builtin_mul_overflow(n, units[i].ns, &period))
			return 0;
	return period >= PERIOD_MIN ? period : 0;
}

static bool is_profile(const char *name)
{
	return strncmp(name, "profile-", 8) == 0;
}

static struct error *add(struct provider *p, const char *name)
{
	uint64_t period = is_profile(name)	     ? parse_period(name + 8) :
			  !strncmp(name, "tick-", 5) ? parse_period(name + 5) :
						       0;

	if (!period || probe_find(p->session->probes, "profile", "", "", name))
		return NULL;
	struct probe *pr = probe_add(p->session->probes, p, "profile", "", "", name);

	if (!pr)
		return &error_nomem;
	pr->number = period;
	return NULL;
}

static struct error *init(struct provider *p)
{
	static const char *const standard[] = {
		"profile-97",	"profile-199",	"profile-499", "profile-997", "profile-1999",
		"profile-4001", "profile-4999", "tick-1",      "tick-10",     "tick-100",
		"tick-500",	"tick-1000",	"tick-5000",
	};
	struct error *err = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(standard) && !err; i++)
		err = add(p, standard[i]);
	return err;
}

static struct error *provide(struct provider *p, const struct dl_pdesc *d)
{
	if (dl_is_glob(d->name) || *d->mod || *d->func || !dl_glob_match(d->prov, "profile"))
		return NULL;
	return add(p, d->name);
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	struct timer t = { .probe = pr, .period = pr->number };

	t.samples = is_profile(pr->name) && p->session->cli->targets.n;

	if (p->session->is_started)
		t.next = now_ns() + t.period;
	return vec_push(&p->session->timers, t) ? NULL : &error_nomem;
}

void profile_start(struct session *s, uint64_t now)
{
	for (size_t i = 0; i < s->timers.n; i++)
		s->timers.items[i].next = now + s->timers.items[i].period;
}

/* A bit for each timer; the few that a script might have beyond that share the last. */
static uint64_t timer_bit(size_t i)
{
	return 1ull << (i < 63 ? i : 63);
}

void profile_sample(struct session *s, struct task *t, uint64_t which)
{
	struct arch_regs regs;
	uint64_t pc = site_original_regs(t, &regs) ? arch_pc(&regs) : 0;

	for (size_t i = 0; i < s->timers.n; i++) {
		struct timer *timer = &s->timers.items[i];
		struct firing f = {
			.probe = timer->probe, .task = t, .has_args = true, .args = { 0, pc }
		};

		if (timer->samples && (which & timer_bit(i)))
			session_fire(s, &f);
	}
}

uint64_t profile_run(struct session *s, uint64_t now)
{
	uint64_t deadline = UINT64_MAX;

	for (size_t i = 0; i < s->timers.n; i++) {
		struct timer *t = &s->timers.items[i];

		if (now >= t->next) {
			struct probe *pr = t->probe;

			/* The schedule is absolute; what was missed beyond one is skipped. */
			t->next += t->period;
			if (now >= t->next + t->period)
				t->next = now - (now - t->next) % t->period;
			if (t->samples)
				engine_sample(s->engine, timer_bit(i));
			else
				session_fire_simple(s, pr);
		}
		if (s->timers.items[i].next < deadline)
			deadline = s->timers.items[i].next;
	}
	return deadline;
}

const struct provider provider_profile = {
	.name = "profile",
	.attr = {
		.provider = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_COMMON },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_ISA },
		.name = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_COMMON },
		.args = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_ISA },
	},
	.init = init,
	.provide = provide,
	.enable = enable,
};
