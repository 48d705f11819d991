/*
 * Answers to the VM about the thread that fired: built-in variables, process
 * information, target memory and effects.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "procfs.h"
#include "psinfo.h"
#include "session.h"
#include "tls.h"

static struct aspace *aspace_of(const struct firing *f)
{
	if (f->task)
		return f->task->proc->as;
	struct target *t = f->session->first_target;

	return t && t->proc ? t->proc->as : NULL;
}

static size_t thread_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return firing_load(ctx, addr, buf, len);
}

static size_t thread_store(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	struct aspace *as = aspace_of(ctx);

	return as ? as_write(as, addr, buf, len) : 0;
}

static int thread_ustack(void *ctx, uint64_t *pcs, int max)
{
	struct firing *f = ctx;

	if (!f->task)
		return 0;
	if (f->is_record)
		return f->stack ? stack_walk(f->session, f->task, f->stack, pcs, max) : 0;
	struct target *t = target_of(f->session, f->task->proc);

	if (!t || !target_objects(t) || !t->unwinder)
		return 0;
	return unwind(t->unwinder, f->task, f->at_entry, pcs, max);
}

#define DEPTH_FIRST 512
#define DEPTH_MAX 65536

/* Deep stacks are rare: only then is there a second walk, with room from the heap. */
static uint64_t stack_depth(struct firing *f)
{
	uint64_t few[DEPTH_FIRST];
	int n = thread_ustack(f, few, DEPTH_FIRST);
	_cleanup_(freep) uint64_t *many =
		n == DEPTH_FIRST ? malloc(DEPTH_MAX * sizeof(*many)) : NULL;

	if (many)
		n = thread_ustack(f, many, DEPTH_MAX);
	return n > 0 ? (uint64_t)n : 0;
}

static uint64_t user_caller(struct firing *f)
{
	uint64_t pcs[2];

	return thread_ustack(f, pcs, 2) == 2 ? pcs[1] & ~DL_FRAME_GUESS : 0;
}

static uint64_t wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t own_cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t own_var(enum dl_bvar which)
{
	switch (which) {
	case DL_BV_PID:
	case DL_BV_TID:
	case DL_BV_CURPROC:
	case DL_BV_CURTHREAD: return (uint64_t)getpid();
	case DL_BV_PPID: return (uint64_t)getppid();
	case DL_BV_UID: return getuid();
	case DL_BV_GID: return getgid();
	case DL_BV_CPU: return (uint64_t)(sched_getcpu() < 0 ? 0 : sched_getcpu());
	case DL_BV_VTIMESTAMP: return own_cpu_time();
	default: return 0;
	}
}

static uint64_t task_var(struct firing *f, enum dl_bvar which)
{
	struct task *t = f->task;

	switch (which) {
	case DL_BV_PID:
	case DL_BV_CURPROC: return (uint64_t)t->proc->pid;
	case DL_BV_TID:
	case DL_BV_CURTHREAD: return (uint64_t)t->tid;
	case DL_BV_PPID: return (uint64_t)t->proc->ppid;
	case DL_BV_UID: return t->proc->uid;
	case DL_BV_GID: return t->proc->gid;
	case DL_BV_CPU: {
		int cpu = f->is_record ? task_cpu_recent(t) : task_cpu(t);

		return cpu < 0 ? 0 : (uint64_t)cpu;
	}
	case DL_BV_VTIMESTAMP: return task_cpu_time(t);
	case DL_BV_UCALLER: return user_caller(f);
	case DL_BV_USTACKDEPTH: return stack_depth(f);
	default: return 0;
	}
}

static uint64_t thread_var(void *ctx, enum dl_bvar which)
{
	struct firing *f = ctx;

	switch (which) {
	case DL_BV_TIMESTAMP: /* asked for only after chill() */ return now_ns();
	case DL_BV_WALLTIMESTAMP:
		return f->is_record ? wall_clock() - (now_ns() - f->time) : wall_clock();
	case DL_BV_ID: return f->probe->id;
	case DL_BV_ERRNO: return (uint64_t)f->error;
	default: return f->task ? task_var(f, which) : own_var(which);
	}
}

static uint64_t thread_var_at(void *ctx, enum dl_bvar which, uint64_t index)
{
	struct firing *f = ctx;
	uint64_t v = 0, fault = 0;

	if (which == DL_BV_ARG && index >= DL_ARG_ADDRESS && f->object && f->task)
		return f->object(f, (unsigned)index - DL_ARG_ADDRESS, &v, &fault) ?
			       v :
			       DL_ADDR_NO_VALUE;
	if (which == DL_BV_ARG)
		return index < FIRING_ARGS ? f->args[index] : 0;
	if (which == DL_BV_THREAD_LOCAL)
		return tls_address(f, index);
	if (which == DL_BV_UREGS && f->task && index < 256) {
		struct arch_regs *r = task_regs(f->task);

		if (r)
			arch_ureg(r, (unsigned)index, &v);
	}
	return v;
}

/* The firing's scratch text; one string variable at a time is borrowed. */
static struct strbuf *scratch(struct firing *f)
{
	struct strbuf *sb = &f->session->text;

	strbuf_reset(sb);
	return sb;
}

static pid_t firing_pid(const struct firing *f)
{
	return f->task ? f->task->proc->pid : getpid();
}

static const char *link_text(struct firing *f, const char *what)
{
	struct strbuf *sb = scratch(f);

	return procfs_link(firing_pid(f), what, sb) ? strbuf_text(sb) : "";
}

static const char *thread_var_str(void *ctx, enum dl_bvar which)
{
	struct firing *f = ctx;

	switch (which) {
	case DL_BV_EXECNAME: return f->task ? task_comm(f->task) : f->session->cli->progname;
	case DL_BV_EXECARGS: {
		struct strbuf *sb = scratch(f);

		return procfs_cmdline(firing_pid(f), sb) ? strbuf_text(sb) : "";
	}
	case DL_BV_PROBEPROV: return f->probe->prov;
	case DL_BV_PROBEMOD: return f->probe->mod;
	case DL_BV_PROBEFUNC: return f->probe->func;
	case DL_BV_PROBENAME: return f->probe->name;
	case DL_BV_CWD: return link_text(f, "cwd");
	case DL_BV_ROOT: return link_text(f, "root");
	case DL_BV_ZONENAME: return "global";
	default: return "";
	}
}

/* ------------------------------------------------ process information -- */

/* What is stopped by us was running: that a tracer looks is not the program's state. */
static char state_letter(char state)
{
	return state == 't' ? 'R' : state == 'D' ? 'S' : state;
}

static int64_t proc_state(char state)
{
	static const char letters[] = "?SRZTIOW"; /* SSLEEP 1, SRUN 2, ... */
	const char *p = strchr(letters, state_letter(state));

	return p && *p ? p - letters : 1;
}

/* The words on the stack as the program found it: argc, argv[], NULL, envp[]. */
static int64_t initial_stack(pid_t pid, uint64_t stack, enum dl_proc_field field)
{
	uint64_t argc = 0;
	struct iovec here = { &argc, sizeof(argc) };
	struct iovec there = { (void *)(uintptr_t)stack, sizeof(argc) };

	if (!stack || process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)sizeof(argc))
		return 0;
	if (field == DL_PF_ARGC)
		return (int64_t)argc;
	return (int64_t)(stack + 8 + (field == DL_PF_ENVP ? 8 * (argc + 1) : 0));
}

/* Solaris' names for what schedules a thread. */
static const char *class_name(pid_t tid)
{
	switch (sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK) {
	case SCHED_FIFO:
	case SCHED_RR: return "RT";
	case SCHED_IDLE: return "IDL";
	case SCHED_BATCH: return "FX";
	default: return "TS";
	}
}

static int64_t proc_int(void *ctx, uint64_t handle, enum dl_proc_field field)
{
	struct session *s = ((struct firing *)ctx)->session;
	pid_t id = (pid_t)handle;
	struct procfs_status st;
	struct procfs_stat stat;

	switch (field) {
	case DL_PF_TTY:
	case DL_PF_START:
	case DL_PF_PGID:
	case DL_PF_SID:
	case DL_PF_STATE:
	case DL_PF_PRI:
	case DL_PF_NICE:
	case DL_PF_CPU:
	case DL_PF_FLAGS:
	case DL_PF_ARGC:
	case DL_PF_ARGV:
	case DL_PF_ENVP:
		if (!psinfo_stat(s, id, &stat))
			return 0;
		break;
	default:
		if (!psinfo_status(s, id, &st))
			return field == DL_PF_PID || field == DL_PF_TID ? (int64_t)id : 0;
		break;
	}
	switch (field) {
	case DL_PF_PID: return st.tgid;
	case DL_PF_TID: return id;
	case DL_PF_PPID: return st.ppid;
	case DL_PF_UID: return st.uid;
	case DL_PF_EUID: return st.euid;
	case DL_PF_GID: return st.gid;
	case DL_PF_EGID: return st.egid;
	case DL_PF_NLWP: return st.threads;
	case DL_PF_DMODEL: return 2; /* PR_MODEL_LP64 */
	case DL_PF_PGID: return stat.pgrp;
	case DL_PF_SID: return stat.session;
	case DL_PF_TTY: return stat.tty ? stat.tty : -1;
	case DL_PF_START: return (int64_t)stat.start;
	case DL_PF_STATE: return proc_state(stat.state);
	case DL_PF_PRI: return stat.priority;
	case DL_PF_NICE: return stat.nice;
	case DL_PF_CPU: return stat.processor;
	case DL_PF_FLAGS: return stat.state == 'T';
	case DL_PF_ARGC:
	case DL_PF_ARGV:
	case DL_PF_ENVP: return initial_stack(id, stat.stack, field);
	case DL_PF_SYSCALL: return procfs_syscall(id);
	default: return 0;
	}
}

static const char *proc_str(void *ctx, uint64_t handle, enum dl_proc_field field)
{
	struct firing *f = ctx;
	struct strbuf *sb = scratch(f);
	struct procfs_stat stat;
	char comm[16];

	switch (field) {
	case DL_PF_PSARGS:
		if (!psinfo_args(f->session, (pid_t)handle, sb))
			return "";
		if (sb->len > 79)
			sb->text[79] = '\0'; /* PRARGSZ */
		return strbuf_text(sb);
	case DL_PF_FNAME:
	case DL_PF_LWPNAME:
		if (procfs_comm((pid_t)handle, comm))
			strbuf_puts(sb, comm);
		else if (psinfo_stat(f->session, (pid_t)handle, &stat))
			strbuf_puts(sb, stat.comm);
		return strbuf_text(sb);
	case DL_PF_CLNAME: return class_name((pid_t)handle);
	case DL_PF_SNAME:
		if (psinfo_stat(f->session, (pid_t)handle, &stat))
			strbuf_putc(sb, state_letter(stat.state));
		return strbuf_text(sb);
	default: return "";
	}
}

static int64_t fd_int(void *ctx, int fd, enum dl_fd_field field)
{
	struct firing *f = ctx;
	unsigned flags;
	int64_t pos;

	if (fd < 0 || !procfs_fdinfo(firing_pid(f), fd, &pos, &flags))
		return 0;
	return field == DL_FF_OFFSET ? pos : (int64_t)flags;
}

static const char *fd_mount(struct firing *f, int fd, enum dl_fd_field field)
{
	_cleanup_(strbuf_deinit) struct strbuf fs = { 0 }, mount = { 0 };

	if (!procfs_fd_mount(firing_pid(f), fd, &fs, &mount))
		return "<unknown>";
	struct strbuf *sb = scratch(f);

	strbuf_puts(sb, strbuf_text(field == DL_FF_FS ? &fs : &mount));
	return strbuf_text(sb);
}

static const char *fd_str(void *ctx, int fd, enum dl_fd_field field)
{
	struct firing *f = ctx;
	struct strbuf *sb = scratch(f);
	char what[32];

	snprintf(what, sizeof(what), "fd/%d", fd);
	if (fd < 0 || !procfs_link(firing_pid(f), what, sb))
		return "<none>";
	if (field == DL_FF_FS || field == DL_FF_MOUNT)
		return fd_mount(f, fd, field);
	char *slash = strrchr(sb->text, '/');

	/* "pipe:[123]" is in no folder. */
	if (sb->text[0] != '/')
		return field == DL_FF_DIRNAME ? "<unknown>" : sb->text;
	if (field == DL_FF_PATHNAME || !slash)
		return sb->text;
	if (field == DL_FF_NAME)
		return slash[1] ? slash + 1 : sb->text;
	if (slash == sb->text)
		slash++;
	*slash = '\0';
	return sb->text;
}

static bool progenyof(void *ctx, int64_t pid)
{
	struct firing *f = ctx;
	pid_t p = firing_pid(f);
	struct procfs_stat stat;

	for (int depth = 0; p > 0 && depth < 4096; depth++) {
		if (p == pid)
			return true;
		if (!procfs_stat(p, &stat) || stat.ppid == p)
			return false;
		p = stat.ppid;
	}
	return false;
}

/* chill() stops the thread for at most 500 ms in each second. */
static bool chill(struct session *s, uint64_t ns)
{
	uint64_t now = now_ns();
	struct timespec ts = { 0, (long)ns };

	if (now - s->chill_window >= 1000000000u) {
		s->chill_window = now;
		s->chill_spent = 0;
	}
	if (ns > 500000000u || s->chill_spent + ns > 500000000u)
		return false;
	s->chill_spent += ns;
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
	return true;
}

/* BEGIN, END and timers fire in dtrace itself: it is the process that is meant. */
static bool raise_own(uint64_t sig)
{
	return sig < NSIG && kill(getpid(), (int)sig) == 0;
}

static bool effect(void *ctx, enum dl_effect e, uint64_t arg)
{
	struct firing *f = ctx;

	if (!f->task && e != DL_EF_CHILL)
		return raise_own(e == DL_EF_STOP ? SIGSTOP : arg);
	switch (e) {
	case DL_EF_CHILL: return chill(f->session, arg);
	case DL_EF_STOP: return engine_stop_task(f->session->engine, f->task);
	case DL_EF_RAISE: return arg < NSIG && engine_raise(f->session->engine, f->task, (int)arg);
	default: return true;
	}
}

static uint64_t sym_start(void *ctx, uint64_t addr, enum dl_symkind kind)
{
	struct session *s = ((struct firing *)ctx)->session;
	struct target *t = target_by_pid(s, firing_pid(ctx));
	struct objects *os = t ? target_objects(t) : NULL;

	if (!os)
		return addr;
	return objects_start_of(os, addr, kind == DL_SYM_UMOD ? SYMBOLIZE_MOD : SYMBOLIZE_SYM);
}

static uint64_t *thread_word(void *ctx, uint32_t n)
{
	const struct firing *f = ctx;

	return f->task ? engine_word(f->task, n) : NULL;
}

const struct dl_thread_ops session_thread_ops = {
	.word = thread_word,
	.load = thread_load,
	.store = thread_store,
	.var = thread_var,
	.var_at = thread_var_at,
	.var_str = thread_var_str,
	.ustack = thread_ustack,
	.sym_start = sym_start,
	.proc_int = proc_int,
	.proc_str = proc_str,
	.fd_int = fd_int,
	.fd_str = fd_str,
	.progenyof = progenyof,
	.effect = effect,
};
