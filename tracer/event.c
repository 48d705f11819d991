/*
 * The wait-status decoder.
 *
 * A seized task's stop has the signal in bits 8-15 and the ptrace event in
 * bits 16-23.  PTRACE_EVENT_STOP tells by its signal whether it is our own
 * doing (SIGTRAP) or job control's (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU).
 */
#include "event.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Bit that TRACESYSGOOD sets in the signal number. */
#define SYSGOOD 0x80

static enum event_kind decode_event_stop(int sig)
{
	switch (sig) {
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU: return EV_GROUP_STOP;
	default: return EV_STOP;
	}
}

static enum event_kind decode_stop(int sig, int ptrace_event)
{
	switch (ptrace_event) {
	case 0:
		if (sig == (SIGTRAP | SYSGOOD))
			return EV_SYSCALL;
		return sig == SIGTRAP ? EV_TRAP : EV_SIGNAL;
	case PTRACE_EVENT_STOP: return decode_event_stop(sig);
	case PTRACE_EVENT_FORK: return EV_FORK;
	case PTRACE_EVENT_VFORK: return EV_VFORK;
	case PTRACE_EVENT_CLONE: return EV_CLONE;
	case PTRACE_EVENT_VFORK_DONE: return EV_VFORK_DONE;
	case PTRACE_EVENT_EXEC: return EV_EXEC;
	case PTRACE_EVENT_EXIT: return EV_EXIT;
	case PTRACE_EVENT_SECCOMP: return EV_SECCOMP;
	default: return EV_UNKNOWN;
	}
}

struct event event_decode(pid_t tid, int status)
{
	struct event ev = { .kind = EV_UNKNOWN, .tid = tid, .status = status };

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		ev.kind = EV_GONE;
	} else if (WIFSTOPPED(status)) {
		ev.sig = WSTOPSIG(status);
		ev.kind = decode_stop(ev.sig, (status >> 16) & 0xff);
	}
	return ev;
}

bool event_has_message(enum event_kind kind)
{
	switch (kind) {
	case EV_FORK:
	case EV_VFORK:
	case EV_CLONE:
	case EV_EXEC:
	case EV_EXIT: return true;
	default: return false;
	}
}

bool event_is_clean(enum event_kind kind)
{
	switch (kind) {
	case EV_TRAP:
	case EV_SIGNAL:
	case EV_STOP:
	case EV_GROUP_STOP: return true;
	default: return false;
	}
}

const char *event_name(enum event_kind kind)
{
	static const char *const names[] = {
		[EV_CANCELLED] = "cancelled",
		[EV_TRAP] = "trap",
		[EV_SIGNAL] = "signal",
		[EV_SYSCALL] = "syscall",
		[EV_SECCOMP] = "seccomp",
		[EV_STOP] = "stop",
		[EV_GROUP_STOP] = "group-stop",
		[EV_FORK] = "fork",
		[EV_VFORK] = "vfork",
		[EV_CLONE] = "clone",
		[EV_VFORK_DONE] = "vfork-done",
		[EV_EXEC] = "exec",
		[EV_EXIT] = "exit",
		[EV_GONE] = "gone",
		[EV_UNKNOWN] = "unknown",
	};

	return names[kind];
}
