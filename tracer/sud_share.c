/*
 * The memory that the tracer shares with all targets whose calls are dispatched:
 * the selector's word and the table of numbers that must stop.
 *
 * The selector is a dead man's switch.  A tracer that is killed can't disarm its
 * targets, whose next call at a place that is not patched would end them.  So the
 * word is what the tracer's thread gave to set_tid_address(2): when the thread
 * dies, however, the kernel writes 0 to it ("allow") before it lets the tracees
 * go.  It does so only if another task has the memory, too: that is the keeper,
 * a process made with CLONE_VM that does nothing but wait for our end.
 *
 * Rules:
 *  - the keeper shares thread-local storage with us: it makes no call that fails but
 *    by arch_raw_call();
 *  - it listens at the bell (record.h) while calls are dispatched, and wakes us; it is
 *    gone before what it looks at is;
 *  - the file goes to each target over a socket that the target makes, as a target
 *    may not be allowed to open ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_impl.h"

#define STACK_BYTES (64u << 10)
#define SELECTOR_BLOCK 1u
#define SELECTOR_ALLOW 0u
#define BELL_BYTES (ARCH_CALLS_WORD + ARCH_CALLS_SHARED - ARCH_CALLS_BELL_WORD)
#define SCRATCH 3072u /* in the null ring's page: behind all that is used of it */

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif

struct sud_share {
	_Atomic bool is_rung; /* somebody waits at the bell */
	struct keeper *keeper; /* at the low end of its stacks */
	int fd;
	uint8_t *local;
	int pipe[2]; /* the keeper reads; its end is our end */
	int *old_tid_address;
};

static _Atomic uint32_t *word_of(const struct sud_share *s)
{
	return (_Atomic uint32_t *)(void *)s->local;
}

/* ---------------------------------------------------------------- keeper -- */

struct keeper {
	_Atomic uint32_t is_alive; /* the kernel clears it and wakes who waits there */
	int pipe;
	uint8_t *stack;
	struct sud_share *share;
	struct engine *engine;
};

#define LISTEN_S 1
#define LEAVE_MS 20
#define LEAVES_MAX 100

static _Atomic uint32_t *bell_of(const struct sud_share *s)
{
	return (_Atomic uint32_t *)(void *)(s->local + (ARCH_CALLS_BELL_WORD - ARCH_CALLS_WORD));
}

static int64_t futex(_Atomic uint32_t *word, int op, uint32_t val, const struct timespec *ts)
{
	return arch_raw_call(SYS_futex, (uint64_t)(uintptr_t)word, (uint64_t)op, val,
			     (uint64_t)(uintptr_t)ts);
}

/* Did anybody ring, or does so in the next second?  Who does between the two is not missed. */
static bool is_rung(const struct sud_share *s)
{
	const struct timespec ts = { .tv_sec = LISTEN_S };

	if (atomic_exchange(bell_of(s), 0))
		return true;
	futex(bell_of(s), FUTEX_WAIT, 0, &ts);
	return atomic_exchange(bell_of(s), 0) != 0;
}

/* As long as calls are dispatched. */
static void listen_to(const struct keeper *k)
{
	const struct engine *e = k->engine;

	while (atomic_load(word_of(k->share)) == SELECTOR_BLOCK) {
		if (!is_rung(k->share))
			continue;
		atomic_store(&k->share->is_rung, true);
		atomic_store(&k->engine->woken, true);
		arch_raw_call(SYS_tgkill, (uint64_t)e->pid, (uint64_t)e->tid, SIGCHLD, 0);
	}
}

static int keep(void *arg)
{
	const struct keeper *k = arg;
	char c;

	while (read(k->pipe, &c, 1) > 0)
		listen_to(k);
	_exit(0);
}

/* Our memory, while we sleep: what the keeper is to inherit. */
static int start_keeper(void *arg)
{
	struct keeper *k = arg;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "dtrace-keeper");
	prctl(PR_SET_PDEATHSIG, 0);
	if (dup2(k->pipe, 0) < 0 || syscall(SYS_close_range, 1U, ~0U, 0U) || chdir("/"))
		_exit(1);
	k->pipe = 0;
	_exit(clone(keep, k->stack + STACK_BYTES, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, k,
		    NULL, NULL, &k->is_alive) < 0);
}

/* Twice, so that it is nobody's child: the tracer waits for all its own. */
static const char *make_keeper(struct engine *e, struct sud_share *s)
{
	uint8_t *stacks = mmap(NULL, 2 * (size_t)STACK_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	struct keeper *k = (struct keeper *)(void *)stacks; /* at the far end of a stack */
	int status = -1;
	pid_t pid;

	if (stacks == MAP_FAILED)
		return "out of memory";
	if (pipe2(s->pipe, O_CLOEXEC)) {
		munmap(stacks, 2 * (size_t)STACK_BYTES);
		return "there are no more descriptors";
	}
	k->stack = stacks;
	k->pipe = s->pipe[0];
	k->share = s;
	k->engine = e;
	k->is_alive = 1;
	s->keeper = k;
	pid = clone(start_keeper, stacks + 2 * (size_t)STACK_BYTES,
		    CLONE_VM | CLONE_VFORK | SIGCHLD, k);
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	close(s->pipe[0]);
	s->pipe[0] = -1;
	if (pid > 0 && !status)
		return NULL;
	s->keeper->is_alive = 0;
	return "a process that shares the tracer's memory can't be made";
}

/* The memory it looks at is about to go.  false: it is stopped, say, and keeps it all. */
static bool send_away(struct sud_share *s)
{
	const struct timespec ts = { .tv_nsec = LEAVE_MS * 1000000L };

	for (int i = 0; i < LEAVES_MAX && s->keeper->is_alive; i++) {
		atomic_store(bell_of(s), 1);
		futex(bell_of(s), FUTEX_WAKE, 1, NULL);
		futex(&s->keeper->is_alive, FUTEX_WAIT, 1, &ts);
	}
	if (s->keeper->is_alive)
		return false;
	munmap(s->keeper, 2 * (size_t)STACK_BYTES);
	s->keeper = NULL;
	return true;
}

/* ----------------------------------------------------------------- memory -- */

static void share_free(struct sud_share *s)
{
	for (unsigned i = 0; i < 2; i++)
		if (s->pipe[i] >= 0)
			close(s->pipe[i]);
	if (s->keeper && !send_away(s))
		return;
	if (s->local)
		munmap(s->local, ARCH_CALLS_SHARED);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static const char *fill(struct engine *e, struct sud_share *s)
{
	void *local;

	s->fd = memfd_create("dtrace-calls", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)ARCH_CALLS_SHARED))
		return "there is no memory to share";
	local = mmap(NULL, ARCH_CALLS_SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (local == MAP_FAILED)
		return "there is no memory to share";
	s->local = local;
	if (prctl(PR_GET_TID_ADDRESS, &s->old_tid_address))
		s->old_tid_address = NULL;
	return make_keeper(e, s);
}

const char *sud_share_open(struct engine *e)
{
	struct sud_share *s;
	const char *why;

	if (e->share)
		return NULL;
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return "the selector is the wrong byte";
	s = calloc(1, sizeof(*s));
	if (!s)
		return "out of memory";
	s->fd = s->pipe[0] = s->pipe[1] = -1;
	why = fill(e, s);
	if (why) {
		share_free(s);
		return why;
	}
	syscall(SYS_set_tid_address, s->local);
	e->share = s;
	return NULL;
}

void sud_share_block(struct engine *e, bool on)
{
	struct sud_share *s = e->share;
	uint32_t word = on ? SELECTOR_BLOCK : SELECTOR_ALLOW;

	/* Whoever comes to the bell before the keeper listens rings again. */
	if (s && atomic_exchange(word_of(s), word) != word && on && write(s->pipe[1], "", 1) < 1)
		atomic_store(word_of(s), SELECTOR_ALLOW); /* nobody listens */
}

bool sud_share_is_rung(struct engine *e)
{
	return e->share && atomic_exchange(&e->share->is_rung, false);
}

uint8_t *sud_share_table(struct engine *e)
{
	return e->share ? e->share->local + (ARCH_CALLS_TABLE - ARCH_CALLS_WORD) : NULL;
}

void sud_share_close(struct engine *e)
{
	if (!e->share)
		return;
	sud_share_block(e, false);
	syscall(SYS_set_tid_address, e->share->old_tid_address);
	share_free(e->share);
	e->share = NULL;
}

/* ------------------------------------------------------- into the targets -- */

struct mapping {
	struct engine *e;
	struct aspace *as;
	uint64_t scratch; /* in the target ... */
	uint8_t *local; /* ... and here */
};

static int64_t call(struct mapping *m, unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		    uint64_t fd, uint64_t f)
{
	uint64_t args[6] = { a, b, c, d, fd, f };
	struct engine_task *t = inject_choose(m->e, m->as);
	int64_t result = -ESRCH;
	struct error *err = t ? inject_syscall(m->e, t, nr, args, &result) : NULL;

	if (err)
		result = -EIO;
	error_destroy(err);
	return result;
}

/* The remote thread's own descriptor, here. */
static int fetch(struct mapping *m, int remote)
{
	struct engine_task *t = inject_choose(m->e, m->as);
	int pidfd = t ? (int)syscall(SYS_pidfd_open, t->pub.proc->pid, 0) : -1, fd;

	if (pidfd < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote, 0);
	close(pidfd);
	return fd;
}

static bool send_file(int to, int file)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .hdr = { .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS,
			 .cmsg_len = CMSG_LEN(sizeof(int)) } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &c,
			      .msg_controllen = sizeof(c.room) };

	memcpy(CMSG_DATA(&c.hdr), &file, sizeof(file));
	return sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* What recvmsg() is given, and leaves, in the scratch memory. */
struct receiving {
	struct msghdr msg;
	struct iovec iov;
	uint64_t byte;
	union {
		struct cmsghdr hdr;
		uint8_t room[CMSG_SPACE(sizeof(int))];
	} c;
};

static int64_t receive(struct mapping *m, int remote)
{
	struct receiving r = { .msg = { 0 } };
	uint64_t at = m->scratch;
	int fd;

	r.iov.iov_base = (void *)(at + offsetof(struct receiving, byte));
	r.iov.iov_len = 1;
	r.msg.msg_iov = (void *)(at + offsetof(struct receiving, iov));
	r.msg.msg_iovlen = 1;
	r.msg.msg_control = (void *)(at + offsetof(struct receiving, c));
	r.msg.msg_controllen = sizeof(r.c);
	memcpy(m->local, &r, sizeof(r));
	if (call(m, SYS_recvmsg, (uint64_t)remote, at, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, 0, 0, 0) !=
	    1)
		return -1;
	memcpy(&r, m->local, sizeof(r));
	memcpy(&fd, CMSG_DATA(&r.c.hdr), sizeof(fd));
	return r.c.hdr.cmsg_type == SCM_RIGHTS ? fd : -1;
}

static int64_t give_file(struct mapping *m)
{
	int remote[2], local;
	int64_t fd = -1;

	if (call(m, SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, m->scratch, 0, 0))
		return -1;
	memcpy(remote, m->local, sizeof(remote));
	local = fetch(m, remote[0]);
	if (local >= 0 && send_file(local, m->e->share->fd))
		fd = receive(m, remote[1]);
	if (local >= 0)
		close(local);
	for (unsigned i = 0; i < 2; i++)
		call(m, SYS_close, (uint64_t)remote[i], 0, 0, 0, 0, 0);
	return fd;
}

const char *sud_share_map(struct engine *e, struct aspace *as)
{
	struct mapping m = { .e = e, .as = as };
	uint8_t saved[sizeof(struct receiving)];
	int64_t fd, at;

	if (as->sud->is_shared)
		return NULL;
	m.scratch = as->rings->null_ring + SCRATCH;
	m.local = as->rings->page + SCRATCH;
	memcpy(saved, m.local, sizeof(saved));
	fd = give_file(&m);
	memcpy(m.local, saved, sizeof(saved));
	if (fd < 0)
		return "the process can't be given memory to share";
	at = call(&m, SYS_mmap, ARCH_CALLS_WORD, ARCH_CALLS_SHARED, PROT_READ,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, (uint64_t)fd, 0);
	if ((uint64_t)at == ARCH_CALLS_WORD && call(&m, SYS_mprotect, ARCH_CALLS_BELL_WORD,
						    BELL_BYTES, PROT_READ | PROT_WRITE, 0, 0, 0)) {
		annex_unmap_range(e, as, ARCH_CALLS_WORD, ARCH_CALLS_SHARED);
		at = -1;
	}
	call(&m, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	if ((uint64_t)at != ARCH_CALLS_WORD)
		return "the addresses that calls are made at are not free";
	as->sud->is_shared = true;
	return NULL;
}
