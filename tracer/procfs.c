/*
 * Readers of /proc: see procfs.h.
 *
 * Every file is read into memory as a whole before it is parsed, so that no
 * descriptor is held while callbacks run and a process that dies in between
 * yields "gone", not half an answer.  Values come from the kernel but names
 * in them come from programs: nothing of their length or bytes is trusted.
 */
#include "procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../arch/arch.h"
#include "../dlang/vec.h"

_Static_assert(sizeof(((struct procfs_status *)0)->name) >= 64, "kernel thread names fit");

static uint64_t page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool read_fd(int fd, struct strbuf *ret)
{
	for (;;) {
		char *room = strbuf_reserve(ret, 4096);
		ssize_t n;

		if (!room)
			return false;
		do {
			n = read(fd, room, 4096);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return false;
		if (n == 0)
			return !strbuf_failed(ret);
		strbuf_add_len(ret, (size_t)n);
	}
}

/* Appends the whole file; false if it can't be read. */
static bool read_path(const char *path, struct strbuf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read_fd(fd, ret);
}

static bool read_file(pid_t pid, const char *what, struct strbuf *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return read_path(path, ret);
}

/* The next line of *p, NUL-terminated in place; NULL at the end. */
static char *next_line(char **p)
{
	char *line = *p, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	*p = end;
	return line;
}

/* ---------------------------------------------------------------- status -- */

static void parse_ids(const char *value, unsigned ids[3])
{
	char *end;

	for (int i = 0; i < 3; i++) {
		ids[i] = (unsigned)strtoul(value, &end, 10);
		value = end;
	}
}

static void parse_status_line(struct procfs_status *st, const char *key, const char *value)
{
	unsigned ids[3];

	if (!strcmp(key, "Name"))
		snprintf(st->name, sizeof(st->name), "%s", value);
	else if (!strcmp(key, "State"))
		st->state = value[0];
	else if (!strcmp(key, "Tgid"))
		st->tgid = atoi(value);
	else if (!strcmp(key, "PPid"))
		st->ppid = atoi(value);
	else if (!strcmp(key, "TracerPid"))
		st->tracer_pid = atoi(value);
	else if (!strcmp(key, "Threads"))
		st->threads = atoi(value);
	else if (!strcmp(key, "Seccomp"))
		st->seccomp = atoi(value);
	else if (!strcmp(key, "Seccomp_filters"))
		st->seccomp_filters = atoi(value);
	else if (!strcmp(key, "SigPnd"))
		st->sig_pnd = strtoull(value, NULL, 16);
	else if (!strcmp(key, "SigBlk"))
		st->sig_blk = strtoull(value, NULL, 16);
	else if (!strcmp(key, "SigIgn"))
		st->sig_ign = strtoull(value, NULL, 16);
	else if (!strcmp(key, "SigCgt"))
		st->sig_cgt = strtoull(value, NULL, 16);
	else if (!strcmp(key, "Uid")) {
		parse_ids(value, ids);
		st->uid = ids[0];
		st->euid = ids[1];
		st->suid = ids[2];
	} else if (!strcmp(key, "Gid")) {
		parse_ids(value, ids);
		st->gid = ids[0];
		st->egid = ids[1];
		st->sgid = ids[2];
	}
}

bool procfs_status(pid_t tid, struct procfs_status *ret)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char *p, *line;

	memset(ret, 0, sizeof(*ret));
	ret->seccomp_filters = -1;
	if (!read_file(tid, "status", &sb) || !sb.len)
		return false;
	for (p = sb.text; (line = next_line(&p));) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		while (*value == '\t' || *value == ' ')
			value++;
		parse_status_line(ret, line, value);
	}
	return ret->tgid != 0;
}

/* ------------------------------------------------------------------ stat -- */

/* The text after "PID (comm) "; comm may hold anything, even parentheses. */
static char *split_stat(struct strbuf *sb, char *comm, size_t size)
{
	char *open, *close;

	if (!sb->text)
		return NULL;
	open = strchr(sb->text, '(');
	close = strrchr(sb->text, ')');
	if (!open || !close || close < open || close[1] != ' ')
		return NULL;
	*close = '\0';
	if (comm)
		snprintf(comm, size, "%s", open + 1);
	return close + 2;
}

bool procfs_stat(pid_t tid, struct procfs_stat *ret)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char *rest, *tok, *save = NULL;
	int field = 3;

	memset(ret, 0, sizeof(*ret));
	if (!read_file(tid, "stat", &sb))
		return false;
	rest = split_stat(&sb, ret->comm, sizeof(ret->comm));
	if (!rest)
		return false;
	for (tok = strtok_r(rest, " \n", &save); tok; tok = strtok_r(NULL, " \n", &save), field++) {
		switch (field) {
		case 3: ret->state = tok[0]; break;
		case 4: ret->ppid = atoi(tok); break;
		case 5: ret->pgrp = atoi(tok); break;
		case 6: ret->session = atoi(tok); break;
		case 7: ret->tty = atoi(tok); break;
		case 9: ret->flags = strtoul(tok, NULL, 10); break;
		case 14: ret->utime = strtoull(tok, NULL, 10); break;
		case 15: ret->stime = strtoull(tok, NULL, 10); break;
		case 18: ret->priority = atoi(tok); break;
		case 19: ret->nice = atoi(tok); break;
		case 22: ret->start = strtoull(tok, NULL, 10); break;
		case 28: ret->stack = strtoull(tok, NULL, 10); break;
		case 39: ret->processor = atoi(tok); break;
		default: break;
		}
	}
	return field > 39;
}

long procfs_syscall(pid_t tid)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char *end;

	if (!read_file(tid, "syscall", &sb))
		return -1;
	long n = strtol(strbuf_text(&sb), &end, 10);

	return end == strbuf_text(&sb) ? -1 : n; /* "running" */
}

/* Where the heap starts (field 47); 0 unknown. */
static uint64_t heap_start(pid_t pid)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char *rest, *tok, *save = NULL;
	int field = 3;

	if (!read_file(pid, "stat", &sb))
		return 0;
	rest = split_stat(&sb, NULL, 0);
	if (!rest)
		return 0;
	for (tok = strtok_r(rest, " \n", &save); tok; tok = strtok_r(NULL, " \n", &save), field++)
		if (field == 47)
			return strtoull(tok, NULL, 10);
	return 0;
}

bool procfs_comm(pid_t tid, char buf[16])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, buf, 15);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	if (buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return true;
}

bool procfs_cmdline(pid_t pid, struct strbuf *ret)
{
	size_t start = ret->len;

	if (!read_file(pid, "cmdline", ret))
		return false;
	while (ret->len > start && ret->text[ret->len - 1] == '\0')
		ret->len--;
	for (size_t i = start; i < ret->len; i++)
		if (ret->text[i] == '\0')
			ret->text[i] = ' ';
	return true;
}

bool procfs_link(pid_t pid, const char *what, struct strbuf *ret)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	n = readlink(path, target, sizeof(target));
	if (n < 0)
		return false;
	strbuf_add(ret, target, (size_t)n);
	return !strbuf_failed(ret);
}

bool procfs_each_task(pid_t pid, void (*fn)(void *arg, pid_t tid), void *arg)
{
	VEC(pid_t) tids = { 0 };
	struct dirent *de;
	char path[64];
	DIR *dir;
	bool ok = true;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (ok && (de = readdir(dir)))
		if (isdigit((unsigned char)de->d_name[0]))
			ok = vec_push(&tids, (pid_t)atoi(de->d_name));
	closedir(dir);
	ok = ok && tids.n;
	for (size_t i = 0; ok && i < tids.n; i++)
		fn(arg, tids.items[i]);
	vec_deinit(&tids);
	return ok;
}

/* ------------------------------------------------------------------ maps -- */

/* The kernel writes newline, backslash-free otherwise, as \012. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (!strncmp(s, "\\012", 4)) {
			*out++ = '\n';
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool parse_map(char *line, struct procfs_map *m)
{
	unsigned long long lo, hi, offset, inode;
	char perms[8];
	int used = 0;

	memset(m, 0, sizeof(*m));
	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &lo, &hi, perms, &offset,
		   &m->dev_major, &m->dev_minor, &inode, &used) < 7 ||
	    lo >= hi)
		return false;
	m->lo = lo;
	m->hi = hi;
	m->offset = offset;
	m->inode = inode;
	m->r = perms[0] == 'r';
	m->w = perms[1] == 'w';
	m->x = perms[2] == 'x';
	m->is_private = perms[3] == 'p';
	m->path = line + used;
	unescape(line + used);
	return true;
}

bool procfs_each_map(pid_t pid, void (*fn)(void *arg, const struct procfs_map *m), void *arg)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	struct procfs_map m;
	char *p, *line;

	if (!read_file(pid, "maps", &sb) || !sb.len)
		return false;
	for (p = sb.text; (line = next_line(&p));)
		if (parse_map(line, &m))
			fn(arg, &m);
	return true;
}

bool procfs_fdinfo(pid_t pid, int fd, int64_t *pos, unsigned *flags)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char what[32], *p, *line;
	bool has_pos = false, has_flags = false;

	snprintf(what, sizeof(what), "fdinfo/%d", fd);
	if (!read_file(pid, what, &sb))
		return false;
	for (p = sb.text; (line = next_line(&p));) {
		if (!strncmp(line, "pos:", 4)) {
			*pos = strtoll(line + 4, NULL, 10);
			has_pos = true;
		} else if (!strncmp(line, "flags:", 6)) {
			*flags = (unsigned)strtoul(line + 6, NULL, 8);
			has_flags = true;
		}
	}
	return has_pos && has_flags;
}

pid_t procfs_pidfd(pid_t pid, int fd)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	char what[32], *p, *line;
	pid_t to = 0;

	snprintf(what, sizeof(what), "fdinfo/%d", fd);
	if (!read_file(pid, what, &sb))
		return 0;
	for (p = sb.text; (line = next_line(&p));)
		if (!strncmp(line, "Pid:", 4))
			to = (pid_t)strtol(line + 4, NULL, 10);
	return to > 0 ? to : 0;
}

/* "36 35 98:0 / /mnt rw shared:1 - ext4 /dev/sda1 rw": fields 5 and the first behind "-". */
static bool parse_mount(char *line, long id, struct strbuf *fs, struct strbuf *mount)
{
	char *save = NULL, *tok = strtok_r(line, " ", &save);

	if (!tok || strtol(tok, NULL, 10) != id)
		return false;
	for (int field = 1; tok && strcmp(tok, "-"); field++, tok = strtok_r(NULL, " ", &save))
		if (field == 5)
			strbuf_puts(mount, tok);
	tok = tok ? strtok_r(NULL, " ", &save) : NULL;
	strbuf_puts(fs, tok ? tok : "");
	return tok != NULL;
}

bool procfs_fd_mount(pid_t pid, int fd, struct strbuf *fs, struct strbuf *mount)
{
	_cleanup_(strbuf_deinit) struct strbuf info = { 0 }, mounts = { 0 };
	char what[32], *p, *line;
	long id = -1;

	snprintf(what, sizeof(what), "fdinfo/%d", fd);
	if (!read_file(pid, what, &info) || !info.len)
		return false;
	for (p = info.text; (line = next_line(&p));)
		if (!strncmp(line, "mnt_id:", 7))
			id = strtol(line + 7, NULL, 10);
	if (id < 0 || !read_file(pid, "mountinfo", &mounts) || !mounts.len)
		return false;
	for (p = mounts.text; (line = next_line(&p));)
		if (parse_mount(line, id, fs, mount))
			return true;
	return false;
}

/* ------------------------------------------------------------------ gaps -- */

/*
 * The search treats two stretches as taken although nothing is mapped there
 * yet: the heap's room to grow (else malloc silently changes its behaviour)
 * and the stack's.
 */
#define HEAP_ROOM (UINT64_C(1) << 30)
#define STACK_ROOM (UINT64_C(256) << 20)

struct gap_search {
	uint64_t near, lo, hi, size;
	uint64_t cursor; /* end of what is taken so far */
	uint64_t heap_lo, heap_hi;
	uint64_t best, best_distance;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void offer(struct gap_search *g, uint64_t addr)
{
	uint64_t d = distance(addr, g->near);

	if (!addr || (g->best && d >= g->best_distance))
		return;
	g->best = addr;
	g->best_distance = d;
}

static void offer_gap(struct gap_search *g, uint64_t lo, uint64_t hi)
{
	uint64_t mask = page() - 1;

	lo = lo < g->lo ? g->lo : lo;
	hi = hi > g->hi ? g->hi : hi;
	if (lo > UINT64_MAX - mask)
		return;
	lo = (lo + mask) & ~mask;
	hi &= ~mask;
	if (hi <= lo || hi - lo < g->size)
		return;
	offer(g, lo);
	offer(g, (hi - g->size) & ~mask);
	if (g->near >= lo && g->near <= hi - g->size)
		offer(g, g->near & ~mask);
}

/* [lo, hi) is free; without the heap's room. */
static void consider_gap(struct gap_search *g, uint64_t lo, uint64_t hi)
{
	if (hi <= lo)
		return;
	if (g->heap_hi <= lo || g->heap_lo >= hi) {
		offer_gap(g, lo, hi);
		return;
	}
	if (g->heap_lo > lo)
		offer_gap(g, lo, g->heap_lo);
	if (g->heap_hi < hi)
		offer_gap(g, g->heap_hi, hi);
}

static void walk_gap(void *arg, const struct procfs_map *m)
{
	struct gap_search *g = arg;
	uint64_t end = m->lo;

	if (!strcmp(m->path, "[stack]"))
		end = end > STACK_ROOM ? end - STACK_ROOM : 0;
	if (end > g->cursor)
		consider_gap(g, g->cursor, end);
	if (m->hi > g->cursor)
		g->cursor = m->hi;
}

uint64_t procfs_find_gap(pid_t pid, uint64_t near, uint64_t lo, uint64_t hi, uint64_t size)
{
	struct gap_search g = { .near = near, .lo = lo, .hi = hi };
	uint64_t floor = UINT64_C(0x10000);

	if (!size || size > UINT64_MAX - page() || lo >= hi)
		return 0;
	g.size = (size + page() - 1) & ~(page() - 1);
	if (g.lo < floor)
		g.lo = floor; /* vm.mmap_min_addr */
	if (g.hi > arch_user_end)
		g.hi = arch_user_end;
	g.heap_lo = heap_start(pid);
	g.heap_hi = g.heap_lo ? g.heap_lo + HEAP_ROOM : 0;
	g.cursor = g.lo;
	if (!procfs_each_map(pid, walk_gap, &g))
		return 0;
	consider_gap(&g, g.cursor, g.hi);
	return g.best;
}

int procfs_yama(void)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

	if (!read_path("/proc/sys/kernel/yama/ptrace_scope", &sb) || !sb.len)
		return -1;
	return atoi(sb.text);
}
