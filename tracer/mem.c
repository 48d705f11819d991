/*
 * Target memory through /proc/PID/mem, which reads and writes whatever the
 * page's protection says.  The descriptor names an address space, not a task:
 * it is opened once per aspace, and anew when the task it was opened through
 * no longer counts as ours.  PTRACE_POKETEXT is the fallback for writes where
 * the descriptor isn't allowed to override protections.  Descriptors that are
 * kept take at most half of what we may open, however many processes there are.
 *
 * Everybody but the patcher sees the target as it would be without us: reads
 * show original bytes, writes over a patch change the original and keep the
 * patch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine_impl.h"

#define MAX_FDS 16384u

/* ----------------------------------------------------------- descriptors -- */

/* All that can be opened again when they are needed. */
static void drop_fds(struct engine *e)
{
	for (struct aspace *as = e->aspaces; as; as = as->next)
		fd_close(e, &as->mem_fd);
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		fd_close(e, &t->schedstat_fd);
		sample_drop_fd(e, t);
	}
}

int fd_open(struct engine *e, const char *path, int flags)
{
	int fd;

	if (e->n_fds >= e->max_fds)
		drop_fds(e);
	fd = open(path, flags | O_CLOEXEC);
	e->n_fds += fd >= 0;
	return fd;
}

void fd_close(struct engine *e, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	e->n_fds--;
}

unsigned fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur > MAX_FDS * 2)
		return MAX_FDS;
	return r.rlim_cur < 8 ? 1 : (unsigned)r.rlim_cur / 2;
}

/* ---------------------------------------------------------------- memory -- */

bool aspace_mem_open(struct aspace *as)
{
	struct engine_task *t;
	char path[64];

	fd_close(as->engine, &as->mem_fd);
	for (t = as->engine->tasks; t && as->mem_fd < 0; t = t->next) {
		if (!task_is_of(t, as) || !t->in_hash || t->pub.state == TASK_GONE)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/mem", (int)t->pub.tid);
		as->mem_fd = fd_open(as->engine, path, O_RDWR);
	}
	return as->mem_fd >= 0;
}

/* One pread or pwrite with the retry a stale descriptor needs. */
static ssize_t transfer(struct aspace *as, uint64_t addr, void *buf, size_t len, bool is_read)
{
	ssize_t n = -1;

	if (addr > INT64_MAX) /* kernel half: no such offset */
		return -1;
	for (int attempt = 0; attempt < 2; attempt++) {
		if (as->mem_fd < 0 || attempt) {
			if (!aspace_mem_open(as))
				return -1;
		}
		do {
			n = is_read ? pread(as->mem_fd, buf, len, (off_t)addr) :
				      pwrite(as->mem_fd, buf, len, (off_t)addr);
		} while (n < 0 && errno == EINTR);
		if (n > 0)
			return n;
		if (n < 0 && errno != EIO && errno != EACCES && errno != EPERM)
			return n;
		/* EIO: a bad address, or not ours any more.  0: that task's mm is gone. */
		if (n < 0 && errno == EIO && is_read)
			return n;
	}
	return n;
}

size_t mem_read_raw(struct aspace *as, uint64_t addr, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = transfer(as, addr + done, (char *)buf + done, len - done, true);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* Word-wise through ptrace; the first and last words are merged. */
static size_t poke(struct aspace *as, uint64_t addr, const uint8_t *buf, size_t len)
{
	struct engine_task *t = aspace_task(as, true);
	size_t done = 0;

	while (t && done < len) {
		uint64_t at = (addr + done) & ~(uint64_t)(sizeof(long) - 1);
		size_t off = (size_t)(addr + done - at), n = sizeof(long) - off;
		long word;

		if (n > len - done)
			n = len - done;
		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, t->pub.tid, (void *)at, NULL);
		if (errno)
			break;
		memcpy((char *)&word + off, buf + done, n);
		if (ptrace(PTRACE_POKETEXT, t->pub.tid, (void *)at, (void *)word) < 0)
			break;
		done += n;
	}
	return done;
}

size_t mem_write_raw(struct aspace *as, uint64_t addr, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
			transfer(as, addr + done, (char *)(uintptr_t)buf + done, len - done, false);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done < len)
		done += poke(as, addr + done, (const uint8_t *)buf + done, len - done);
	return done;
}

/* ------------------------------------------------------- original bytes -- */

/* The part of [addr, addr + len) that a site's breakpoint covers. */
static bool overlap(const struct site *s, uint64_t addr, size_t len, size_t *buf_off,
		    size_t *site_off, size_t *n)
{
	uint64_t lo = s->addr > addr ? s->addr : addr;
	uint64_t site_end = s->addr + arch_bp_len, end = addr + len;
	uint64_t hi = site_end < end ? site_end : end;

	if (lo >= hi)
		return false;
	*buf_off = (size_t)(lo - addr);
	*site_off = (size_t)(lo - s->addr);
	*n = (size_t)(hi - lo);
	return true;
}

static size_t first_planted(const struct aspace *as, uint64_t addr)
{
	return site_planted_from(as, addr > arch_bp_len ? addr - arch_bp_len + 1 : 0);
}

static void show_patched(const struct aspace *as, uint64_t addr, uint8_t *buf, size_t len)
{
	const struct patch_span *s;

	for (size_t i = 0; (s = patch_span_at(as, addr, addr + len, i)) != NULL; i++) {
		const struct arch_patch_write *w = &s->patch->w[s->i];
		uint64_t lo = s->lo > addr ? s->lo : addr;
		uint64_t hi = s->hi < addr + len ? s->hi : addr + len;

		/* Other code may have come there since. */
		if (!memcmp(buf + (lo - addr), w->bytes + (lo - s->lo), hi - lo))
			memcpy(buf + (lo - addr), w->orig + (lo - s->lo), hi - lo);
	}
}

static void show_originals(struct aspace *as, uint64_t addr, uint8_t *buf, size_t len)
{
	size_t bo, so, n;

	for (size_t i = first_planted(as, addr); i < as->planted.n; i++) {
		const struct site *s = &as->planted.items[i]->pub;

		if (s->addr >= addr + len)
			break;
		if (as->planted.items[i]->in_text && overlap(s, addr, len, &bo, &so, &n))
			memcpy(buf + bo, s->orig + so, n);
	}
	show_patched(as, addr, buf, len);
}

size_t as_read(struct aspace *as, uint64_t addr, void *buf, size_t len)
{
	size_t n = mem_read_raw(as, addr, buf, len);

	if ((as->planted.n || as->spans.n) && n)
		show_originals(as, addr, buf, n);
	return n;
}

/* Who writes into patched text gets his breakpoints back, and then the write. */
static void make_writable(struct aspace *as, uint64_t addr, size_t len)
{
	const struct patch_span *s;
	struct error *err;

	while ((s = patch_span_at(as, addr, addr + len, 0)) != NULL) {
		err = engine_stop_world(as->engine, as);
		patch_undo(as->engine, as, s->patch);
		if (!err)
			engine_resume_world(as->engine, as);
		error_destroy(err);
	}
}

/* A write between patches: pieces of plain memory, patches skipped. */
size_t as_write(struct aspace *as, uint64_t addr, const void *buf, size_t len)
{
	size_t done = 0, bo, so, n;

	if (as->spans.n)
		make_writable(as, addr, len);
	for (size_t i = first_planted(as, addr); i < as->planted.n; i++) {
		struct site *s = &as->planted.items[i]->pub;

		if (s->addr >= addr + len)
			break;
		if (!overlap(s, addr, len, &bo, &so, &n))
			continue;
		if (bo > done) {
			size_t put =
				mem_write_raw(as, addr + done, (const char *)buf + done, bo - done);

			if (put < bo - done)
				return done + put;
		}
		memcpy(s->orig + so, (const char *)buf + bo, n);
		done = bo + n;
	}
	if (done < len)
		done += mem_write_raw(as, addr + done, (const char *)buf + done, len - done);
	return done;
}

#define STR_CHUNK 256u

ssize_t as_read_str(struct aspace *as, uint64_t addr, char *buf, size_t max)
{
	size_t done = 0;

	if (!max)
		return -1;
	while (done < max) {
		/* Up to a chunk's boundary, which no page boundary cuts. */
		size_t want = STR_CHUNK - (size_t)((addr + done) % STR_CHUNK), n;
		char *nul;

		if (want > max - done)
			want = max - done;
		n = as_read(as, addr + done, buf + done, want);
		if (!n)
			break;
		nul = memchr(buf + done, '\0', n);
		if (nul)
			return nul - buf;
		done += n;
		if (n < want)
			break;
	}
	if (!done)
		return -1;
	if (done == max)
		done--;
	buf[done] = '\0';
	return (ssize_t)done;
}
