/*
 * Processes that the command line does not name by number: -W name waits for
 * one to start, -x scope=all takes all there are.
 *
 * Left out of scope=all: ourselves, our ancestors, and our own process group,
 * for whoever reads our output there must not be stopped while we write it.
 * What can't be attached (other users', kernel threads, other tracers') is
 * passed over.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"
#include "session.h"

#define LOOK_NS 200000u /* between looks for a new pid */
#define FULL_SCAN_EVERY 500u /* looks; for those that were there and exec */
#define RECENT 256u
#define RECENT_LOOKS 10000u
#define YOUNG_LOOKS 100u /* most exec soon, the others are looked at less often */
#define OLD_EVERY 32u

static bool each_pid(bool (*fn)(void *arg, pid_t pid), void *arg)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	bool more = true;

	while (d && more && (de = readdir(d)))
		if (isdigit((unsigned char)de->d_name[0]))
			more = fn(arg, (pid_t)atoi(de->d_name));
	if (d)
		closedir(d);
	return d != NULL;
}

/* ----------------------------------------------------------- -W name -- */

struct wait {
	char name[16]; /* as the kernel cuts it */
	pid_t found;
	VEC(pid_t) old; /* had the name when we started */
	bool is_first;
	/* Pids seen lately: they may still be about to exec. */
	struct {
		pid_t pid;
		unsigned since;
	} recent[RECENT];
	unsigned n_recent, looks;
	pid_t last; /* newest pid of the system */
	int load_fd;
};

static bool has_name(const struct wait *w, pid_t pid)
{
	char comm[16];

	return procfs_comm(pid, comm) && !strcmp(comm, w->name);
}

static bool is_old(const struct wait *w, pid_t pid)
{
	for (size_t i = 0; i < w->old.n; i++)
		if (w->old.items[i] == pid)
			return true;
	return false;
}

static bool look_at(void *arg, pid_t pid)
{
	struct wait *w = arg;

	if (pid == getpid() || !has_name(w, pid))
		return true;
	if (w->is_first)
		return vec_push(&w->old, pid);
	if (!is_old(w, pid))
		w->found = pid;
	return !w->found;
}

/* The last pid given out: the fifth word of /proc/loadavg. */
static pid_t last_pid(const struct wait *w)
{
	char buf[128], *word;
	ssize_t n = pread(w->load_fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	word = strrchr(buf, ' ');
	return word ? (pid_t)atoi(word) : 0;
}

static void note_new(struct wait *w)
{
	pid_t now = last_pid(w), first = w->last + 1;

	if (now == w->last)
		return;
	if (now < w->last || now - w->last > (pid_t)RECENT) { /* wrapped, or a storm */
		each_pid(look_at, w);
		first = now;
	}
	for (pid_t p = first; p <= now; p++) {
		w->recent[w->n_recent % RECENT].pid = p;
		w->recent[w->n_recent++ % RECENT].since = w->looks;
	}
	w->last = now;
}

/* Of those seen lately; false: this one needs no look any more. */
static bool look_recent(struct wait *w, pid_t pid, unsigned age)
{
	char comm[16];

	if (age < YOUNG_LOOKS)
		return look_at(w, pid), true; /* it may not be in /proc yet */
	if (age % OLD_EVERY)
		return true;
	if (age > RECENT_LOOKS || !procfs_comm(pid, comm))
		return false;
	look_at(w, pid);
	return true;
}

static void look_once(struct wait *w)
{
	w->looks++;
	note_new(w);
	for (unsigned i = 0; i < RECENT && i < w->n_recent && !w->found; i++)
		if (w->recent[i].pid &&
		    !look_recent(w, w->recent[i].pid, w->looks - w->recent[i].since))
			w->recent[i].pid = 0;
	if (!w->found && w->looks % FULL_SCAN_EVERY == 0)
		each_pid(look_at, w);
}

struct error *scope_wait(struct session *s, const char *name, pid_t *ret)
{
	struct wait w = { .is_first = true,
			  .load_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC) };
	struct timespec pause = { 0, LOOK_NS };

	w.last = last_pid(&w);
	snprintf(w.name, sizeof(w.name), "%s", name);
	each_pid(look_at, &w);
	w.is_first = false;
	if (dl_option(s->options, DL_OPT_QUIET) != 1)
		session_message(s, "waiting for process '%s' to start", name);
	while (!w.found && !s->interrupts) {
		look_once(&w);
		if (!w.found)
			nanosleep(&pause, NULL);
	}
	if (w.load_fd >= 0)
		close(w.load_fd);
	vec_deinit(&w.old);
	if (!w.found)
		return error_format(ERR_OTHER, "interrupted while waiting for process '%s'", name);
	*ret = w.found;
	return NULL;
}

/* --------------------------------------------------------- scope=all -- */

struct all {
	struct session *s;
	VEC(pid_t) ancestors;
	pid_t group;
	struct error *err;
};

static bool is_spared(const struct all *a, pid_t pid)
{
	struct procfs_stat st;

	for (size_t i = 0; i < a->ancestors.n; i++)
		if (a->ancestors.items[i] == pid)
			return true;
	return !procfs_stat(pid, &st) || st.pgrp == a->group || st.state == 'Z' ||
	       target_by_pid(a->s, pid);
}

static bool take(void *arg, pid_t pid)
{
	struct all *a = arg;
	struct process *p;
	struct error *err;

	if (is_spared(a, pid))
		return true;
	err = engine_attach(a->s->engine, pid, &p);
	if (err && err->code == ERR_NOMEM) {
		a->err = err;
	} else if (err) {
		if (a->s->cli->verbose)
			session_message(a->s, "%s", err->message);
		error_destroy(err);
	} else if (!target_of(a->s, p)) {
		a->err = &error_nomem;
	}
	return !a->err;
}

struct error *scope_attach_all(struct session *s)
{
	struct all a = { .s = s, .group = getpgrp() };
	struct procfs_stat st;

	for (pid_t pid = getpid(); pid > 0; pid = st.ppid)
		if (!vec_push(&a.ancestors, pid) || !procfs_stat(pid, &st) || st.ppid == pid)
			break;
	each_pid(take, &a);
	vec_deinit(&a.ancestors);
	if (!a.err && !s->targets)
		return error_format(ERR_PERM, "scope=all: there is no process that may be traced");
	return a.err;
}
