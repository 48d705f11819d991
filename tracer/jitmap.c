/*
 * Perf map files: a line for each piece of code, "START SIZE NAME", numbers in
 * hexadecimal.  The file is the target's: in its mount namespace, under its
 * own idea of its pid.  What doesn't parse is skipped, and sizes are bounded;
 * of pieces that overlap (code is freed and made anew) the later line counts.
 */
#include "jitmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dlang/strbuf.h"
#include "../dlang/vec.h"

#define FILE_MAX ((size_t)128 << 20)
#define NAME_MAX_LEN 1024

struct piece {
	uint64_t start, size;
	uint32_t order;
	const char *name; /* in text */
};

struct jitmap {
	char *text;
	VEC(struct piece) pieces; /* by start, then the later first */
	uint64_t size, mtime_ns; /* of the file that was read */
};

void jitmap_destroy(struct jitmap *m)
{
	if (!m)
		return;
	vec_deinit(&m->pieces);
	free(m->text);
	free(m);
}

/* The innermost number of NSpid, which the target names its files by. */
static pid_t own_pid(pid_t pid)
{
	char path[64], line[512];
	pid_t own = pid;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		char *last = strrchr(line, '\t');

		own = last ? (pid_t)strtol(last, NULL, 10) : pid;
	}
	if (f)
		fclose(f);
	return own > 0 ? own : pid;
}

static int open_map(pid_t pid, struct stat *st)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", (int)pid, (int)own_pid(pid));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0) { /* the process is gone, its file is not */
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	}
	if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static char *read_all(int fd, size_t size)
{
	char *text = size < FILE_MAX ? malloc(size + 1) : NULL;
	size_t n = 0;

	while (text && n < size) {
		ssize_t r = read(fd, text + n, size - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	if (text)
		text[n] = '\0';
	return text;
}

static int compare(const void *pa, const void *pb)
{
	const struct piece *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->order > b->order ? -1 : a->order < b->order;
}

static bool parse_line(char *line, struct piece *ret)
{
	char *end;

	ret->start = strtoull(line, &end, 16);
	if (end == line || *end != ' ')
		return false;
	line = end + 1;
	ret->size = strtoull(line, &end, 16);
	if (end == line || *end != ' ' || !end[1] || !ret->size ||
	    ret->start + ret->size < ret->start)
		return false;
	ret->name = end + 1;
	if (strlen(end + 1) > NAME_MAX_LEN)
		end[1 + NAME_MAX_LEN] = '\0';
	for (char *c = end + 1; *c; c++) /* it goes to terminals */
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return true;
}

static void parse(struct jitmap *m)
{
	uint32_t order = 0;
	char *next;

	m->pieces.n = 0;
	for (char *line = m->text; line; line = next) {
		struct piece p = { .order = order++ };

		next = strchr(line, '\n');
		if (!next)
			break; /* still being written */
		*next++ = '\0';
		if (parse_line(line, &p))
			(void)vec_push(&m->pieces, p);
	}
	if (m->pieces.n)
		qsort(m->pieces.items, m->pieces.n, sizeof(m->pieces.items[0]), compare);
}

/* false: nothing new. */
static bool read_again(struct jitmap *m, pid_t pid)
{
	struct stat st;
	_cleanup_(closep) int fd = open_map(pid, &st);

	if (fd < 0)
		return false;
	uint64_t mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;

	if (m->text && m->size == (uint64_t)st.st_size && m->mtime_ns == mtime_ns)
		return false;
	char *text = read_all(fd, (size_t)st.st_size);

	if (!text)
		return false;
	free(m->text);
	m->text = text;
	m->size = (uint64_t)st.st_size;
	m->mtime_ns = mtime_ns;
	parse(m);
	return true;
}

static const struct piece *find(const struct jitmap *m, uint64_t addr)
{
	const struct piece *best = NULL;
	size_t lo = 0, hi = m->pieces.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->pieces.items[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Pieces that begin earlier may reach this far; the latest that does counts. */
	for (unsigned step = 0; lo-- > 0 && step < 64; step++) {
		const struct piece *p = &m->pieces.items[lo];

		if (addr - p->start < p->size && (!best || p->order > best->order))
			best = p;
	}
	return best;
}

const char *jitmap_find(struct jitmap **m, pid_t pid, uint64_t addr, uint64_t *start)
{
	const struct piece *p;

	if (!*m)
		*m = calloc(1, sizeof(**m));
	if (!*m)
		return NULL;
	p = find(*m, addr);
	if (!p && read_again(*m, pid))
		p = find(*m, addr);
	if (!p)
		return NULL;
	*start = p->start;
	return p->name;
}
