/*
 * Wait statuses, decoded once.
 *
 * Nothing outside event.c looks at a raw status.  Each kind says what the
 * dispatcher owes the task.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <sys/types.h>

enum event_kind {
	EV_CANCELLED, /* cancelled: nothing is owed */
	EV_TRAP, /* SIGTRAP about to be delivered: a site's, or the program's own */
	EV_SIGNAL, /* sig about to be delivered: continue with it */
	EV_SYSCALL, /* system-call entry or exit (PTRACE_SYSCALL): pair, continue */
	EV_SECCOMP, /* our filter asked for this call's entry: report, continue */
	EV_STOP, /* we asked (INTERRUPT), a task's first stop, or the end of a
			 * group stop: note it, continue */
	EV_GROUP_STOP, /* stopped by job control: listen, never continue */
	EV_FORK, /* child = msg: adopt it, continue both */
	EV_VFORK, /* the same; the parent will sleep in the kernel till VFORK_DONE */
	EV_CLONE, /* the same; a thread, or a process with an odd exit signal */
	EV_VFORK_DONE, /* the child has left our address space: continue */
	EV_EXEC, /* new image; msg is the task's former tid: forget the old one */
	EV_EXIT, /* about to die, registers still there: tell, let go */
	EV_GONE, /* dead and reaped, raw status kept: drop the record */
	EV_UNKNOWN, /* a stop of a kind we did not ask for: continue */
};

struct task;

struct event {
	enum event_kind kind;
	pid_t tid;
	struct task *task; /* filled by the engine; NULL while unknown */
	int sig; /* TRAP, SIGNAL, GROUP_STOP */
	int status; /* as waitpid gave it */
	unsigned long msg; /* FORK, VFORK, CLONE, EXEC, EXIT: filled by the engine */
};

struct event event_decode(pid_t tid, int status);
/* Does the kernel have a message (PTRACE_GETEVENTMSG) for this kind? */
bool event_has_message(enum event_kind kind);
/* A stop from which the task's next move is to return to its own code, so
 * that its registers may be exchanged for a remote call's. */
bool event_is_clean(enum event_kind kind);
const char *event_name(enum event_kind kind);

#endif
