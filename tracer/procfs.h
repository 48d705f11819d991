/*
 * What /proc says of a process or thread.  All answer "gone" by false or -1:
 * a vanished task is not an error.
 */
#ifndef PROCFS_H
#define PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../dlang/strbuf.h"

struct procfs_status {
	char name[64];
	pid_t tgid, ppid, tracer_pid;
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;
	int threads;
	int seccomp; /* 0 none, 1 strict, 2 filter */
	int seccomp_filters; /* how many; -1 the kernel doesn't say (before 5.9) */
	char state;
	uint64_t sig_blk, sig_ign, sig_cgt, sig_pnd;
};
bool procfs_status(pid_t tid, struct procfs_status *ret);

struct procfs_stat {
	char comm[64];
	char state;
	pid_t ppid, pgrp, session;
	int tty, priority, nice, processor;
	unsigned long long utime, stime, start; /* clock ticks */
	unsigned long flags;
	unsigned long long stack; /* where the program found argc; 0 unknown */
};
/* The number of the system call that the thread is in, -1 none or unknown. */
long procfs_syscall(pid_t tid);
bool procfs_stat(pid_t tid, struct procfs_stat *ret);

bool procfs_comm(pid_t tid, char buf[16]);
/* Arguments joined by single spaces. */
bool procfs_cmdline(pid_t pid, struct strbuf *ret);
bool procfs_link(pid_t pid, const char *what,
		 struct strbuf *ret); /* "cwd", "exe", "root", "fd/3" */
/* Calls fn for each thread id; false: the process is gone. */
bool procfs_each_task(pid_t pid, void (*fn)(void *arg, pid_t tid), void *arg);

struct procfs_map {
	uint64_t lo, hi, offset, inode;
	unsigned dev_major, dev_minor;
	bool r, w, x, is_private;
	const char *path; /* "" anonymous; valid during the call */
};
bool procfs_each_map(pid_t pid, void (*fn)(void *arg, const struct procfs_map *m), void *arg);
/* fd's offset and flags from fdinfo. */
bool procfs_fdinfo(pid_t pid, int fd, int64_t *pos, unsigned *flags);
/* The process that a pidfd of pid's is for; 0 none. */
pid_t procfs_pidfd(pid_t pid, int fd);
/* Type and place of the file system that an open file is on; false for pipes and the like. */
bool procfs_fd_mount(pid_t pid, int fd, struct strbuf *fs, struct strbuf *mount);
/* A lowest free range of size bytes in [lo, hi), page aligned, nearest to near; 0 none. */
uint64_t procfs_find_gap(pid_t pid, uint64_t near, uint64_t lo, uint64_t hi, uint64_t size);
/* Yama's ptrace_scope, -1 if there is no Yama. */
int procfs_yama(void);

#endif
