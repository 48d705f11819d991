/*
 * Tasks, processes and address spaces: the engine's tables.
 *
 * A task is one kernel thread.  A process is a thread group.  An address
 * space is what sites belong to; vfork children and clone(CLONE_VM) share it
 * until they exec.  All are owned by the engine; other modules borrow the
 * pointers and may keep them only until the upcall that ends them
 * (thread_exit, process_exit, exec).
 */
#ifndef TASK_H
#define TASK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../arch/arch.h"

struct engine;
struct aspace;
struct process;

enum task_state {
	TASK_RUNNING, /* resumed; we know nothing of it */
	TASK_STOPPED, /* in a ptrace stop: requests work */
	TASK_LISTENING, /* group-stopped with PTRACE_LISTEN */
	TASK_GONE, /* exited or vanished: only its wait status is missing */
};

struct task {
	pid_t tid;
	struct process *proc;
	struct engine *engine;
	enum task_state state; /* changed only by task_set_state() */
	struct arch_regs regs; /* valid if regs_valid; flushed on resume if regs_dirty */
	bool regs_valid, regs_dirty;
	uint64_t key; /* unique among all tasks of the session: self-> identity */
	char comm[16]; /* execname; see task_comm() */
	bool comm_valid;
	int64_t syscall_nr; /* call in progress that we watch, -1 none */
	bool in_syscall; /* between entry and exit of it */
	int resume_sig; /* signal to deliver on resume */
	bool is_ours_first; /* initial stop seen */
	int exit_status; /* in thread_exit: as waitpid will give it */
	struct task *creator; /* in thread_new: who made it, NULL if that is gone */
	void *session_data; /* the session's own per-thread state; freed by it in thread_exit */
	struct engine_task *priv; /* engine's */
};

struct process {
	pid_t pid;
	struct engine *engine;
	struct aspace *as;
	struct process *parent; /* NULL for -c and -p processes */
	bool is_root; /* named by -c or -p */
	bool is_child_of_ours; /* -c: we may kill it; -p: never */
	bool has_filter; /* our seccomp filter is in force */
	bool is_dead;
	int wait_status; /* once dead */
	bool has_wait_status;
	unsigned n_tasks;
	char exe[4096]; /* path of the program, "" unknown */
	pid_t ppid;
	uid_t uid;
	gid_t gid;
	void *session_data; /* the session's: object table etc. */
	struct process *next; /* all processes of the engine */
};

/* Registers of a stopped task, read once per stop; NULL: the task is gone. */
struct arch_regs *task_regs(struct task *t);
/* Says that task_regs() were changed: written back before it runs. */
void task_regs_changed(struct task *t);
/* execname: comm of the thread, cached until exec or prctl(PR_SET_NAME). */
const char *task_comm(struct task *t);
/* CPU the thread last ran on (rseq area, else /proc). */
int task_cpu(struct task *t);
/* The same as of the last drain: for records. */
int task_cpu_recent(struct task *t);
/* CPU time of the thread in ns. */
uint64_t task_cpu_time(struct task *t);

/*
 * Target memory.  Reads show the original bytes under our patches.  Both
 * return the number of bytes transferred (short at the first bad page).
 * Usable while any task of the address space exists; writes need no stop.
 */
size_t as_read(struct aspace *as, uint64_t addr, void *buf, size_t len);
size_t as_write(struct aspace *as, uint64_t addr, const void *buf, size_t len);
/* NUL-terminated string, at most max bytes with NUL; -1 if addr is bad. */
ssize_t as_read_str(struct aspace *as, uint64_t addr, char *buf, size_t max);

struct task *engine_task(struct engine *e, pid_t tid); /* NULL: not ours */
struct process *engine_process(struct engine *e, pid_t pid); /* alive or kept; NULL */
struct process *engine_processes(struct engine *e); /* list head */
/* Calls fn for each live task of p (p NULL: of all); fn must not end tasks. */
void engine_each_task(struct engine *e, struct process *p, void (*fn)(void *arg, struct task *t),
		      void *arg);

#endif
