/*
 * Help for a probe description that matches nothing: what to use instead of
 * a provider that only a kernel has, or the nearest probe there is.
 *
 * The host offers whole descriptions; they are compared field by field, and
 * the hint is the description as it was written, with the fields put right.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctx.h"
#include "suggest.h"

#define FIELDS 4
#define FIELD_MAX 256

/* What to say of providers that need a kernel. */
static const struct {
	const char *providers, *instead;
} kernel_only[] = {
	{ "fbt rawfbt kinst sdt rawtp",
	  "kernel code can't be traced from user space: syscall:::entry and syscall:::return "
	  "see what a program asks of the kernel, pid$target:::entry its own functions" },
	{ "io nfsv3 nfsv4 fsinfo iscsi fc",
	  "the kernel's I/O can't be traced from user space: use syscall::read:entry, "
	  "syscall::write:return, ..." },
	{ "sched lockstat",
	  "the kernel's scheduler and locks can't be traced from user space: use vtimestamp or "
	  "profile-97 for time on a processor, syscall::futex:entry for waiting" },
	{ "ip tcp udp udplite sctp mib",
	  "the kernel's network stack can't be traced from user space: use "
	  "syscall::connect:entry, syscall::sendto:entry, syscall::recvfrom:return, ..." },
	{ "vminfo sysinfo xpv",
	  "the kernel's statistics can't be traced from user space: use syscall::mmap:entry, "
	  "syscall::brk:entry, syscall:::entry" },
	{ "cpc", "processor counters can't be had from user space: use profile-97 to sample" },
	{ "plockstat",
	  "there is no plockstat provider: use pid$target:libc:pthread_mutex_lock:entry and its "
	  "return probe" },
};

static bool is_word_of(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = list; n && (s = strstr(s, word)); s += n)
		if ((s == list || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
			return true;
	return false;
}

const char *dl_suggest_instead(const char *provider)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel_only); i++)
		if (is_word_of(kernel_only[i].providers, provider))
			return kernel_only[i].instead;
	return NULL;
}

/* --- the nearest probe --- */

struct search {
	const char *want[FIELDS];
	char best[FIELDS][FIELD_MAX]; /* right texts of the fields that are wrong, or "" */
	unsigned distance; /* of best; 0: there is none */
};

/* The fields of "prov:mod:func:name"; false: not of that form or too long. */
static bool split(const char *text, char fields[FIELDS][FIELD_MAX])
{
	for (int i = 0; i < FIELDS; i++) {
		/* A function's name may hold colons: it is all but the other three. */
		const char *end = i == 2 ? strrchr(text, ':') :
				  i == 3 ? text + strlen(text) :
					   strchr(text, ':');
		size_t n = end ? (size_t)(end - text) : FIELD_MAX;

		if (n >= FIELD_MAX)
			return false;
		memcpy(fields[i], text, n);
		fields[i][n] = '\0';
		text = end + 1;
	}
	return true;
}

/* Distance of one field: 0 if it matches, UINT_MAX if it is not near at all. */
static unsigned field_distance(const char *want, const char *have)
{
	struct dl_nearest n = { .word = want };

	if (dl_glob_match(want, have))
		return 0;
	if (dl_is_glob(want))
		return UINT32_MAX;
	dl_nearest_consider(&n, have);
	return n.best ? n.best_distance : UINT32_MAX;
}

static void consider(void *arg, const char *text)
{
	struct search *s = arg;
	char have[FIELDS][FIELD_MAX];
	unsigned total = 0, d[FIELDS];

	if (!split(text, have))
		return;
	for (int i = 0; i < FIELDS; i++) {
		d[i] = field_distance(s->want[i], have[i]);
		if (d[i] == UINT32_MAX)
			return;
		total += d[i];
	}
	if (total == 0 || (s->distance && total >= s->distance))
		return;
	s->distance = total;
	for (int i = 0; i < FIELDS; i++) {
		if (!d[i])
			*have[i] = '\0';
		memcpy(s->best[i], have[i], FIELD_MAX);
	}
}

/*
 * The description with the right texts in it; the other fields, and how many
 * there are, as they were written (pid$target stays pid$target).
 */
static const char *corrected(struct dl_ctx *c, const struct search *s, const char *text,
			     enum dl_level level)
{
	unsigned n = 1, first = 0, fields = (unsigned)level + 1;
	const char *out = "";

	for (const char *p = text; (p = strchr(p, ':')); p++)
		n++;
	while (first + 1 < fields && first + n < fields && !*s->best[first])
		first++;
	for (unsigned i = first; i < fields; i++) {
		const char *field = *s->best[i] ? s->best[i] : s->want[i];
		size_t len = strlen(field);

		if (n <= fields && i >= fields - n) {
			size_t written = strcspn(text, ":");

			if (!*s->best[i]) {
				field = text;
				len = written;
			}
			text += written + (text[written] == ':');
		}
		out = arena_printf(c->arena, "%s%.*s%s", out, (int)len, field,
				   i < fields - 1 ? ":" : "");
	}
	return out;
}

/* For the name of a pid probe; true if that is what is wrong with it. */
static bool suggest_pid_name(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d)
{
	struct dl_nearest n = { .word = d->name };

	if (diag->tag != D_PROC_NAME || !strcmp(d->func, "-"))
		return false;
	dl_nearest_consider(&n, "entry");
	dl_nearest_consider(&n, "return");
	if (n.best)
		dl_hint(c, diag, "did you mean %s?", n.best);
	else
		dl_hint(c, diag,
			"the name of a pid probe is entry, return or the offset of an "
			"instruction in hexadecimal");
	return true;
}

static bool is_provider(const char *word)
{
	return is_word_of("dtrace syscall proc profile", word) ||
	       (!strncmp(word, "pid", 3) && isdigit((unsigned char)word[3])) ||
	       dl_suggest_instead(word);
}

/* syscall::read: the provider is where the module or the function belongs. */
static bool suggest_fields(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d,
			   const char *text, enum dl_level level)
{
	const char *first = *d->mod ? d->mod : d->func;

	if (*d->prov || level != DL_LEVEL_NAME || !strchr(text, ':') || !is_provider(first))
		return false;
	dl_hint(c, diag,
		"%s is a provider: a description has its four fields from the right, "
		"provider:module:function:name, of which any may be empty",
		first);
	return true;
}

/* malloc:entry, malloc: the function of a process, it seems. */
static void suggest_provider(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d)
{
	const char *func = *d->func ? d->func : d->name;
	const char *name = *d->func && *d->name ? d->name : "entry";

	if (!*d->prov && !*d->mod && *func && !dl_is_glob(func) && !strchr(func, '-'))
		dl_hint(c, diag,
			"functions of a process are probes of the pid provider, as in "
			"pid$target::%s:%s",
			func, name);
}

/* tick-5parsec: true if the name is one of a timer's. */
static bool suggest_period(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d)
{
	if (strncmp(d->name, "tick-", 5) != 0 && strncmp(d->name, "profile-", 8) != 0)
		return false;
	dl_hint(c, diag,
		"after %s- stands a rate in hz or a period in ns, us, ms, s, m, h or d, "
		"of 200 us at least, as in tick-100ms or profile-97hz",
		*d->name == 't' ? "tick" : "profile");
	return true;
}

void dl_suggest_probe(struct dl_ctx *c, struct dl_diag *diag, const struct dl_pdesc *d,
		      const char *text, enum dl_level level)
{
	const struct dl_host *h = c->config.host;
	const char *instead = dl_suggest_instead(d->prov);
	struct search *s;

	if (instead) {
		dl_hint(c, diag, "%s", instead);
		return;
	}
	if (!strcmp(d->prov, "pid")) {
		dl_hint(c, diag,
			"the provider is pid$target, with -c or -p, or pid and a "
			"process ID; put the program in single quotes, in double "
			"quotes the shell takes $target away");
		return;
	}
	if (suggest_period(c, diag, d) || suggest_pid_name(c, diag, d) ||
	    suggest_fields(c, diag, d, text, level) || !h || !h->probe_suggest)
		return;
	s = ARENA_NEW(c->arena, struct search);
	s->want[0] = d->prov;
	s->want[1] = d->mod;
	s->want[2] = d->func;
	s->want[3] = d->name;
	h->probe_suggest(h->ctx, d, consider, s);
	if (s->distance) {
		dl_hint(c, diag, "did you mean %s?", corrected(c, s, text, level));
		return;
	}
	char why[512] = "";

	if (h->probe_absent)
		h->probe_absent(h->ctx, d, why, sizeof(why));
	if (*why)
		dl_hint(c, diag, "%s", why);
	else
		suggest_provider(c, diag, d);
}

const char *dl_ctx_suggestion(struct dl_ctx *c, const struct dl_pdesc *d)
{
	struct dl_diag diag = { 0 };

	if (d->id)
		return NULL;
	dl_suggest_probe(c, &diag, d,
			 arena_printf(c->arena, "%s:%s:%s:%s", d->prov, d->mod, d->func, d->name),
			 DL_LEVEL_NAME);
	return diag.hint;
}
