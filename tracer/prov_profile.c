/*
 * profile:::tick-N and profile:::profile-N: timers in the tracer.
 *
 * A tick fires once per period in the tracer's own context.  The schedule is
 * absolute, and ticks that we were late for fire as soon as we can, in the
 * order of their times, as Solaris's cyclics have it: in the end there have
 * been as many as periods have passed.  Only what is ten seconds late is skipped.
 * profile-N fires in each thread of the targets once in a period of its run
 * time, with its pc in arg1; without a process to watch it is a tick.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define PERIOD_MIN 200000u /* ns: 5000 Hz */
#define LATE_MAX 10000000000u /* ns */
#define BURST_MAX 64u /* ticks */

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
	else if (__builtin_mul_overflow(n, dl_time_unit(text), &period))
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

static uint64_t after(uint64_t now, uint64_t period)
{
	return period > UINT64_MAX - now ? UINT64_MAX : now + period;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	struct timer t = { .probe = pr, .period = pr->number };

	t.samples = is_profile(pr->name) && p->session->cli->targets.n;

	if (p->session->is_started)
		t.next = after(now_ns(), t.period);
	return vec_push(&p->session->timers, t) ? NULL : &error_nomem;
}

void profile_start(struct session *s, uint64_t now)
{
	bool samples = false;

	for (size_t i = 0; i < s->timers.n; i++) {
		s->timers.items[i].next = after(now, s->timers.items[i].period);
		samples |= s->timers.items[i].samples;
	}
	if (samples)
		engine_sample_start(s->engine);
}

void profile_sample(struct session *s, struct task *t, unsigned timer)
{
	struct arch_regs regs;
	struct firing f = {
		.probe = s->timers.items[timer].probe,
		.task = t,
		.has_args = true,
	};

	f.args[1] = site_original_regs(t, &regs) ? arch_pc(&regs) : 0;
	session_fire(s, &f);
}

/* The timer whose time comes first; of equals the one that was made first. */
static size_t first_timer(const struct session *s)
{
	size_t first = 0;

	for (size_t i = 1; i < s->timers.n; i++)
		if (s->timers.items[i].next < s->timers.items[first].next)
			first = i;
	return first;
}

static void skip_late(struct timer *t, uint64_t now)
{
	if (now > t->next && now - t->next > LATE_MAX)
		t->next += ((now - t->next) / t->period + 1) * t->period;
}

uint64_t profile_run(struct session *s, uint64_t now)
{
	/* No more at a time: what the targets do has its turn, too. */
	for (unsigned n = 0; n < BURST_MAX; n++) {
		size_t i = first_timer(s);
		struct timer *t = &s->timers.items[i];

		if (now < t->next)
			return t->next;
		t->next = after(t->next, t->period);
		if (t->samples) {
			/* The run time of the threads says what was missed. */
			if (now >= t->next)
				t->next += (now - t->next) / t->period * t->period;
			engine_sample(s->engine, (unsigned)i, t->period);
		} else {
			skip_late(t, now);
			session_fire_simple(s, t->probe);
		}
	}
	return now;
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
