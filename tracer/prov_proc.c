/*
 * The proc provider: processes, threads and signals, told by the engine's
 * upcalls and by the system calls that make them.
 *
 *	create, lwp-create		in the parent, both stopped
 *	start, lwp-start		in the child, before it runs
 *	exec, exec-success, exec-failure, signal-send, signal-clear
 *					at system calls, which are watched when
 *					such a probe is asked for; signal-send
 *					at the entry if that it will be sent is
 *					certain, so that it comes before what
 *					the signal does
 *	fault, signal-handle, signal-discard
 *					before a signal is delivered
 *	lwp-exit, exit			the last thread's lwp-exit comes before exit
 *
 * What the kernel sends by itself has no signal-send.  A process in an
 * argument is its pid, a thread its tid: the libraries' translators ask for the
 * rest (psinfo.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procfs.h"
#include "session.h"

/* ORDER PROC (kinds) */
enum proc_kind {
	PROC_CREATE,
	PROC_START,
	PROC_EXIT,
	PROC_EXEC,
	PROC_EXEC_SUCCESS,
	PROC_EXEC_FAILURE,
	PROC_LWP_CREATE,
	PROC_LWP_START,
	PROC_LWP_EXIT,
	PROC_SIGNAL_SEND,
	PROC_SIGNAL_HANDLE,
	PROC_SIGNAL_DISCARD,
	PROC_SIGNAL_CLEAR,
	PROC_FAULT,
	N_PROC,
};

static const struct dl_probe_arg process_arg[] = {
	{ .name = "process", .native = "struct __proc *", .xlated = "psinfo_t *", .map = 0 },
};
static const struct dl_probe_arg thread_args[] = {
	{ .name = "thread", .native = "struct __thread *", .xlated = "lwpsinfo_t *", .map = 0 },
	{ .name = "process", .native = "struct __proc *", .xlated = "psinfo_t *", .map = 1 },
	{ .name = "signal", .native = "int", .map = 2 },
};
static const struct dl_probe_arg path_arg[] = {
	{ .name = "path", .native = "char *", .xlated = "string", .map = 0 },
};
static const struct dl_probe_arg error_arg[] = {
	{ .name = "error", .native = "int", .map = 0 },
};
static const struct dl_probe_arg signal_args[] = {
	{ .name = "signal", .native = "int", .map = 0 },
	{ .name = "info", .native = "siginfo_t *", .map = 1 },
	{ .name = "handler", .native = "void *", .map = 2 },
};

/* ORDER PROC */
static const struct {
	const char *name;
	const struct dl_probe_arg *args;
	unsigned n_args;
} kinds[N_PROC] = {
	{ "create", process_arg, 1 },
	{ "start", NULL, 0 },
	{ "exit", error_arg, 1 },
	{ "exec", path_arg, 1 },
	{ "exec-success", NULL, 0 },
	{ "exec-failure", error_arg, 1 },
	{ "lwp-create", thread_args, 2 },
	{ "lwp-start", NULL, 0 },
	{ "lwp-exit", NULL, 0 },
	{ "signal-send", thread_args, 3 },
	{ "signal-handle", signal_args, 3 },
	{ "signal-discard", thread_args, 3 },
	{ "signal-clear", signal_args, 1 },
	{ "fault", signal_args, 2 },
};

/* Calls that send a signal, and where their arguments are. */
static const struct {
	int nr;
	int8_t pid, tid, sig; /* -1: there is none */
} senders[] = {
	{ SYS_kill, 0, -1, 1 },
	{ SYS_tkill, -1, 0, 1 },
	{ SYS_tgkill, 0, 1, 2 },
	{ SYS_rt_sigqueueinfo, 0, -1, 1 },
	{ SYS_rt_tgsigqueueinfo, 0, 1, 2 },
	{ SYS_pidfd_send_signal, 0, -1, 1 }, /* a descriptor of the process */
};

/* Of a thread between entry and return of such a call. */
struct sending {
	pid_t pid, tid;
	int sig;
	bool is_told;
};

/* session_data of a thread whose end was told. */
static char ended;

static struct error *init(struct provider *p)
{
	for (unsigned i = 0; i < N_PROC; i++) {
		struct probe *pr =
			probe_add(p->session->probes, p, "proc", "vmlinux", "", kinds[i].name);

		if (!pr)
			return &error_nomem;
		pr->number = i;
		if (!i)
			p->session->proc_probes = pr->id;
	}
	return NULL;
}

static struct error *enable(struct provider *p, struct probe *pr)
{
	(void)pr;
	p->session->uses_proc = true;
	return NULL;
}

static void args(struct provider *p, const struct probe *pr, struct dl_probe_info *ret)
{
	(void)p;
	ret->args = kinds[pr->number].args;
	ret->n_args = kinds[pr->number].n_args;
}

static void want(struct syscall_set *set, int nr, bool entry, bool exit)
{
	uint64_t bit = 1ull << ((unsigned)nr % 64);

	if (entry)
		set->entry[(unsigned)nr / 64] |= bit;
	if (exit)
		set->exit[(unsigned)nr / 64] |= bit;
}

void proc_wanted_syscalls(const struct probe *pr, struct syscall_set *set)
{
	switch ((enum proc_kind)pr->number) {
	case PROC_EXEC:
		want(set, SYS_execve, true, false);
		want(set, SYS_execveat, true, false);
		break;
	case PROC_EXEC_SUCCESS:
	case PROC_EXEC_FAILURE:
		want(set, SYS_execve, false, true);
		want(set, SYS_execveat, false, true);
		break;
	case PROC_SIGNAL_SEND:
		for (size_t i = 0; i < ARRAY_SIZE(senders); i++)
			want(set, senders[i].nr, true, true);
		break;
	case PROC_SIGNAL_CLEAR: want(set, SYS_rt_sigtimedwait, false, true); break;
	default: break;
	}
}

/* ------------------------------------------------------------- firing -- */

static struct probe *probe_of(struct session *s, enum proc_kind kind)
{
	struct probe *pr = probe_by_id(s->probes, s->proc_probes + kind);

	return s->uses_proc && pr && pr->epids.n ? pr : NULL;
}

static void fire(struct session *s, struct task *t, enum proc_kind kind, uint64_t arg0,
		 uint64_t arg1, uint64_t arg2)
{
	struct firing f = { .task = t,
			    .has_args = true,
			    .probe = probe_of(s, kind),
			    .args = { arg0, arg1, arg2 } };

	if (f.probe && t)
		session_fire(s, &f);
}

void proc_process_new(struct session *s, struct process *p, struct task *parent)
{
	struct task *child = engine_task(s->engine, p->pid);
	uint64_t pid = (uint64_t)p->pid;

	if (!s->uses_proc)
		return;
	psinfo_remember(s, p->pid);
	fire(s, parent, PROC_CREATE, pid, 0, 0);
	fire(s, parent, PROC_LWP_CREATE, pid, pid, 0);
	fire(s, child, PROC_START, 0, 0, 0);
	fire(s, child, PROC_LWP_START, 0, 0, 0);
}

void proc_thread_new(struct session *s, struct task *t)
{
	fire(s, t->creator, PROC_LWP_CREATE, (uint64_t)t->tid, (uint64_t)t->proc->pid, 0);
	fire(s, t, PROC_LWP_START, 0, 0, 0);
}

static void count_alive(void *arg, struct task *t)
{
	if (t->session_data != &ended)
		(*(unsigned *)arg)++;
}

static uint64_t exit_reason(int status)
{
	if (!WIFSIGNALED(status))
		return CLD_EXITED;
	return WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
}

void proc_thread_exit(struct session *s, struct task *t)
{
	unsigned alive = 0;

	if (t->session_data != &ended)
		free(t->session_data);
	t->session_data = &ended;
	if (!s->uses_proc)
		return;
	fire(s, t, PROC_LWP_EXIT, 0, 0, 0);
	engine_each_task(s->engine, t->proc, count_alive, &alive);
	if (alive)
		return;
	psinfo_remember(s, t->proc->pid);
	fire(s, t, PROC_EXIT, exit_reason(t->exit_status), 0, 0);
}

/* ------------------------------------------------------- system calls -- */

static void send_one(struct session *s, struct task *t, pid_t pid, const struct sending *g)
{
	fire(s, t, PROC_SIGNAL_SEND, (uint64_t)(g->tid > 0 ? g->tid : pid), (uint64_t)pid,
	     (uint64_t)g->sig);
}

/* To a process group, or to everybody: those of them that are traced. */
static void send_group(struct session *s, struct task *t, const struct sending *g)
{
	struct procfs_stat st;
	pid_t group = -g->pid;
	bool told = false;

	if (!g->pid && procfs_stat(t->tid, &st))
		group = st.pgrp;
	for (struct target *to = s->targets; to; to = to->next) {
		if (!to->proc || to->proc->is_dead)
			continue;
		if (group != 1 && (!procfs_stat(to->pid, &st) || st.pgrp != group))
			continue;
		told = true;
		send_one(s, t, to->pid, g);
	}
	if (!told && group > 1)
		send_one(s, t, group, g);
}

static void tell_send(struct session *s, struct task *t, struct sending *g)
{
	struct procfs_status st;

	if (!g->sig || g->is_told)
		return;
	g->is_told = true;
	if (g->tid > 0 && g->pid <= 0)
		send_one(s, t, procfs_status(g->tid, &st) ? st.tgid : g->tid, g);
	else if (g->pid > 0)
		send_one(s, t, g->pid, g);
	else
		send_group(s, t, g);
}

/* May the sender do what we may? */
static bool is_permitted(pid_t sender, pid_t to)
{
	struct procfs_status from, st;

	if (!procfs_status(sender, &from))
		return false;
	if (!from.euid || (from.euid == geteuid() && from.uid == getuid()))
		return true;
	if (to <= 0 || !procfs_status(to, &st))
		return false;
	return from.euid == st.suid || from.euid == st.uid || from.uid == st.suid ||
	       from.uid == st.uid;
}

/*
 * Will it come to pass?  If that is certain it is told at once: who gets the
 * signal may act on it before the sender's call returns.
 */
static bool is_certain(const struct task *t, const struct sending *g)
{
	long rc;

	if (g->sig < 1 || g->sig > SIGRTMAX)
		return false;
	if (g->tid > 0 && g->pid > 0)
		rc = syscall(SYS_tgkill, g->pid, g->tid, 0);
	else
		rc = kill(g->tid > 0 ? g->tid : g->pid, 0);
	/* pid 0 is the sender's group, not ours; -1 is everybody but the sender. */
	if (rc || (!g->tid && (g->pid == 0 || g->pid == -1)))
		return false;
	return is_permitted(t->tid, g->tid > 0 ? g->tid : g->pid);
}

/* The arguments are kept: where the result is, one of them was. */
static void send_entry(struct session *s, struct task *t, unsigned i)
{
	struct arch_regs *r = task_regs(t);
	struct sending *g = t->session_data;

	if (!r || t->session_data == &ended || !probe_of(s, PROC_SIGNAL_SEND))
		return;
	if (!g)
		g = t->session_data = calloc(1, sizeof(*g));
	if (!g)
		return;
	*g = (struct sending){ 0 };
	if (senders[i].pid >= 0)
		g->pid = (pid_t)arch_syscall_arg(r, (unsigned)senders[i].pid);
	if (senders[i].tid >= 0)
		g->tid = (pid_t)arch_syscall_arg(r, (unsigned)senders[i].tid);
	g->sig = (int)arch_syscall_arg(r, (unsigned)senders[i].sig);
	if (senders[i].nr == SYS_pidfd_send_signal) {
		g->pid = procfs_pidfd(t->proc->pid, (int)g->pid);
		if (!g->pid)
			g->sig = 0;
	}
	/* From its own death no thread returns. */
	if ((g->sig == SIGKILL && (g->pid == t->proc->pid || g->tid == t->tid)) || is_certain(t, g))
		tell_send(s, t, g);
}

static void sender_call(struct session *s, struct task *t, unsigned nr, bool is_return,
			int64_t result)
{
	for (unsigned i = 0; i < ARRAY_SIZE(senders); i++) {
		if ((int)nr != senders[i].nr)
			continue;
		if (!is_return)
			send_entry(s, t, i);
		else if (!result && t->session_data && t->session_data != &ended)
			tell_send(s, t, t->session_data);
		return;
	}
}

static void exec_entry(struct session *s, struct task *t, unsigned nr)
{
	struct arch_regs *r = task_regs(t);

	fire(s, t, PROC_EXEC, r ? arch_syscall_arg(r, nr == SYS_execveat) : 0, 0, 0);
}

static void exec_return(struct session *s, struct task *t, int64_t result)
{
	if (result < 0) {
		fire(s, t, PROC_EXEC_FAILURE, (uint64_t)-result, 0, 0);
		return;
	}
	psinfo_remember(s, t->proc->pid);
	fire(s, t, PROC_EXEC_SUCCESS, 0, 0, 0);
}

void proc_syscall(struct session *s, struct task *t, unsigned nr, bool is_return, int64_t result)
{
	if (!s->uses_proc)
		return;
	if (nr == SYS_execve || nr == SYS_execveat) {
		if (is_return)
			exec_return(s, t, result);
		else
			exec_entry(s, t, nr);
	} else if (nr == SYS_rt_sigtimedwait) {
		if (is_return && result > 0)
			fire(s, t, PROC_SIGNAL_CLEAR, (uint64_t)result, 0, 0);
	} else {
		sender_call(s, t, nr, is_return, result);
	}
}

/* ------------------------------------------------------------ signals -- */

/* The fault numbers of Solaris (signal.d). */
enum { FLTILL = 1, FLTPRIV, FLTBPT, FLTTRACE, FLTACCESS, FLTBOUNDS, FLTIOVF, FLTIZDIV, FLTFPE };

static uint64_t fault_code(const siginfo_t *si)
{
	switch (si->si_signo) {
	case SIGILL: return si->si_code == ILL_PRVOPC ? FLTPRIV : FLTILL;
	case SIGTRAP: return si->si_code == TRAP_TRACE ? FLTTRACE : FLTBPT;
	case SIGFPE:
		return si->si_code == FPE_INTDIV ? FLTIZDIV :
		       si->si_code == FPE_INTOVF ? FLTIOVF :
						   FLTFPE;
	case SIGSEGV: return si->si_code == SEGV_ACCERR ? FLTACCESS : FLTBOUNDS;
	case SIGBUS: return FLTACCESS;
	default: return 0;
	}
}

/* siginfo_t is in no memory of the target: the firing lends it an address. */
static void fire_info(struct session *s, struct task *t, enum proc_kind kind, uint64_t arg0,
		      const siginfo_t *si, uint64_t arg2)
{
	struct firing f = { .task = t,
			    .has_args = true,
			    .probe = probe_of(s, kind),
			    .args = { arg0, FIRING_BLOB, arg2 },
			    .blob = si,
			    .blob_len = sizeof(*si) };

	if (f.probe)
		session_fire(s, &f);
}

static bool is_ignored(const struct procfs_status *st, int sig)
{
	uint64_t bit = UINT64_C(1) << (sig - 1);

	if (st->sig_cgt & bit)
		return false;
	return (st->sig_ign & bit) || sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH;
}

static bool is_job_control(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU ||
	       sig == SIGCONT;
}

void proc_signal(struct session *s, struct task *t, int sig)
{
	struct procfs_status st;
	siginfo_t si = { .si_signo = sig };
	uint64_t handler = 0;

	if (!s->uses_proc || sig < 1 || sig > 64 || !procfs_status(t->tid, &st))
		return;
	ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &si);
	if (fault_code(&si) && si.si_code > 0)
		fire_info(s, t, PROC_FAULT, fault_code(&si), &si, 0);
	if (is_ignored(&st, sig)) {
		fire(s, t, PROC_SIGNAL_DISCARD, (uint64_t)t->tid, (uint64_t)t->proc->pid,
		     (uint64_t)sig);
		return;
	}
	bool caught = st.sig_cgt >> (sig - 1) & 1;

	if ((!caught && is_job_control(sig)) || !probe_of(s, PROC_SIGNAL_HANDLE))
		return;
	if (caught && session_uses_arg(s, probe_of(s, PROC_SIGNAL_HANDLE), 2))
		engine_signal_handler(s->engine, t, sig, &handler);
	fire_info(s, t, PROC_SIGNAL_HANDLE, (uint64_t)sig, &si, handler);
}

const struct provider provider_proc = {
	.name = "proc",
	.attr = {
		.provider = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
		.module = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.function = { DL_ST_PRIVATE, DL_ST_PRIVATE, DL_CL_UNKNOWN },
		.name = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
		.args = { DL_ST_EVOLVING, DL_ST_EVOLVING, DL_CL_ISA },
	},
	.init = init,
	.enable = enable,
	.args = args,
	.needs_target = true,
};
