/*
 * -p: seizing a running process, and saying why not.
 *
 * The list of threads is read again until a pass finds no new one: threads
 * made by a seized thread are attached by the kernel, but one made by a
 * thread not yet seized is not.  Nothing of the process is changed here, so a
 * failure has nothing to undo but the seizing, which detaching does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "engine_impl.h"
#include "procfs.h"

#define PF_KTHREAD 0x00200000u
#define PF_IO_WORKER 0x00000010u
#define PF_USER_WORKER 0x00004000u
#define CAP_SYS_PTRACE_BIT 19

/* --------------------------------------------------------------- diagnosis -- */

static bool has_ptrace_capability(void)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> CAP_SYS_PTRACE_BIT & 1;
}

static struct error *diagnose_tracer(pid_t pid, pid_t tracer)
{
	char comm[16] = "?";

	procfs_comm(tracer, comm);
	return error_format(ERR_PERM,
			    "ptrace is not permitted: process %d is already traced by "
			    "process %d (%s); end that one first",
			    (int)pid, (int)tracer, comm);
}

static struct error *diagnose_yama(pid_t pid, int scope)
{
	switch (scope) {
	case 1:
		return error_format(ERR_PERM,
				    "ptrace is not permitted: Yama's ptrace_scope is 1, so "
				    "only descendants may be traced and process %d is none; start "
				    "the program with -c, run as root, or set "
				    "kernel.yama.ptrace_scope=0",
				    (int)pid);
	case 2:
		return error_format(ERR_PERM,
				    "ptrace is not permitted: Yama's ptrace_scope is 2, so "
				    "tracing needs CAP_SYS_PTRACE; run as root, or set "
				    "kernel.yama.ptrace_scope=0");
	case 3:
		return error_format(ERR_PERM, "ptrace is not permitted: Yama's ptrace_scope is 3, "
					      "which forbids all tracing until the next boot");
	default: return NULL;
	}
}

static struct error *diagnose_denied(pid_t pid)
{
	struct procfs_status st;
	struct error *err;

	if (!procfs_status(pid, &st))
		return error_format(ERR_GONE, "process %d is gone", (int)pid);
	if (st.tracer_pid)
		return diagnose_tracer(pid, st.tracer_pid);
	if (st.state == 'Z')
		return error_format(ERR_GONE, "process %d has ended already (a zombie)", (int)pid);
	if (!has_ptrace_capability() &&
	    (st.uid != geteuid() || st.euid != geteuid() || st.suid != geteuid()))
		return error_format(ERR_PERM,
				    "ptrace is not permitted: process %d belongs to user "
				    "%u and this is user %u; run as that user or as root",
				    (int)pid, (unsigned)st.euid, (unsigned)geteuid());
	err = diagnose_yama(pid, has_ptrace_capability() ? 0 : procfs_yama());
	if (err)
		return err;
	return error_format(ERR_PERM,
			    "ptrace is not permitted: process %d is protected (not "
			    "dumpable, in another user namespace, or by a security module)",
			    (int)pid);
}

struct error *attach_diagnose(pid_t pid, int err)
{
	switch (err) {
	case EPERM:
	case EACCES: return diagnose_denied(pid);
	case ESRCH: return error_format(ERR_NOTFOUND, "there is no process %d", (int)pid);
	case ENOSYS:
	case EIO:
		return error_format(ERR_PERM,
				    "ptrace is not permitted: the kernel or sandbox has no "
				    "PTRACE_SEIZE (%s)",
				    strerror(err));
	default: return error_os(err, "ptrace of process %d", (int)pid);
	}
}

/* What rules the process out before any request; pid becomes the leader's. */
static struct error *check_target(struct engine *e, pid_t *pid)
{
	struct procfs_status st;
	struct procfs_stat stat;
	const char *foreign;

	if (!procfs_status(*pid, &st) || !procfs_stat(*pid, &stat))
		return error_format(ERR_NOTFOUND, "there is no process %d", (int)*pid);
	*pid = st.tgid;
	if (*pid == getpid())
		return error_format(ERR_USAGE, "process %d is this program itself", (int)*pid);
	if (stat.flags & PF_KTHREAD)
		return error_format(ERR_PERM, "process %d is a kernel thread", (int)*pid);
	struct process *known = engine_process(e, *pid);

	if (known && !known->is_dead)
		return error_format(ERR_USAGE, "process %d is traced already", (int)*pid);
	if (st.tracer_pid)
		return diagnose_tracer(*pid, st.tracer_pid);
	foreign = launch_foreign(*pid);
	if (foreign)
		return error_format(ERR_OTHER, "process %d is %s, which this program can't trace",
				    (int)*pid, foreign);
	return NULL;
}

/* ----------------------------------------------------------------- seizing -- */

struct scan {
	struct engine *e;
	struct process *p;
	unsigned n_new;
	int err; /* errno of the first refusal */
};

/* Workers of the kernel that wear a thread's coat: they run no user code. */
static bool is_worker(pid_t tid)
{
	struct procfs_stat st;

	return procfs_stat(tid, &st) && (st.flags & (PF_IO_WORKER | PF_USER_WORKER));
}

static bool is_ending(pid_t tid)
{
	struct procfs_stat st;

	return !procfs_stat(tid, &st) || st.state == 'Z' || st.state == 'X';
}

/* Made by a thread already seized: the kernel has attached it for us. */
static bool is_ours_already(const struct scan *s, pid_t tid)
{
	struct procfs_status st;

	return procfs_status(tid, &st) && st.tracer_pid == s->e->pid;
}

static void seize(void *arg, pid_t tid)
{
	struct scan *s = arg;
	struct engine_task *t;
	int err;

	if (task_find(s->e, tid) || is_worker(tid))
		return;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (long)(PTRACE_OPTIONS & ~PTRACE_O_TRACESECCOMP)) < 0) {
		err = errno;
		if (err == ESRCH || is_ending(tid))
			return;
		if (!is_ours_already(s, tid)) {
			s->err = s->err ? s->err : err;
			return;
		}
	}
	t = task_create(s->e, tid, s->p);
	if (!t) {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		s->err = ENOMEM;
		return;
	}
	t->is_held = true;
	s->n_new++;
	task_interrupt(t);
}

/* Threads whose creation raced with the seizing were attached by the kernel:
 * their first stop has come before anybody knew them. */
static void adopt_early(struct scan *s)
{
	for (size_t i = 0; i < s->e->orphans.n;) {
		struct event ev = s->e->orphans.items[i].ev;
		struct engine_task *t = task_find(s->e, ev.tid);

		if (!t) {
			i++;
			continue;
		}
		s->e->orphans.items[i] = s->e->orphans.items[--s->e->orphans.n];
		engine_ingest(s->e, ev.tid, ev.status);
	}
}

static void drop_process(struct engine *e, struct process *p)
{
	struct error *err = engine_stop_world(e, p->as);

	error_destroy(err);
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		if (t->pub.proc != p)
			continue;
		if (t->pub.state == TASK_STOPPED)
			detach_task(e, t, t->stop == EV_SIGNAL ? t->stop_sig : 0);
		task_destroy(e, t);
	}
	process_destroy(e, p);
}

static struct error *seize_all(struct engine *e, struct process *p)
{
	struct scan s = { .e = e, .p = p };
	unsigned passes = 0;

	do {
		s.n_new = 0;
		if (!procfs_each_task(p->pid, seize, &s))
			break;
		adopt_early(&s);
	} while (s.n_new && !s.err && ++passes < 1000);
	if (s.err)
		return attach_diagnose(p->pid, s.err);
	if (!p->n_tasks)
		return diagnose_denied(p->pid);
	return NULL;
}

struct error *engine_attach(struct engine *e, pid_t pid, struct process **ret)
{
	struct engine_task *t;
	struct aspace *as;
	struct process *p;
	struct error *err;

	err = check_target(e, &pid);
	if (err)
		return err;
	if (!e->guardian)
		e->guardian = guardian_start(); /* without it all works but a SIGKILL */
	as = aspace_create(e);
	p = as ? process_create(e, pid, as) : NULL;
	if (!p)
		return &error_nomem;
	p->is_root = true;
	process_impl(p)->inherited_filters = launch_own_filters();
	err = seize_all(e, p);
	if (!err) {
		err = engine_stop_world(e, as);
		if (!err)
			engine_resume_world(e, as); /* each is held by itself */
	}
	if (!err && !aspace_task(as, true))
		err = error_format(ERR_GONE, "process %d ended while it was being attached",
				   (int)pid);
	if (err) {
		drop_process(e, p);
		return err;
	}
	for (t = e->tasks; t; t = t->next)
		if (t->pub.proc == p && t->pub.state == TASK_STOPPED)
			signal_learn_mask(t);
	t = inject_choose(e, as);
	if (t)
		signal_learn(e, t);
	*ret = p;
	return NULL;
}
