/*
 * The table of objects of a process.
 *
 * /proc/PID/maps is the truth: every executable mapping of a file that is
 * ELF is an object; its bias comes from comparing the mapping with the
 * file's segments.  The link map of the dynamic linker is not read: it isn't
 * there yet when a program starts, and it belongs to the target.
 *
 * Files are opened through /proc/PID so that they are found in the target's
 * mount namespace and when they were deleted.  A file that was replaced since
 * it was mapped is noticed by its first bytes and not used.
 *
 * An object that goes is kept for naming addresses; if the same file comes
 * back to the same place, the same struct object is revived.
 */
#include "object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../arch/arch.h"
#include "jitmap.h"
#include "object_table.h"
#include "procfs.h"

#define DELETED " (deleted)"
#define VDSO_MAX (64u << 10)
#define REJECTS_MAX 4096

static void obj_destroy(struct obj *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->impls.n; i++)
		free(o->impls.items[i]);
	vec_deinit(&o->impls);
	image_put(o->pub.image);
	free(o->path);
	free(o);
}

static void obj_destroyp(struct obj **p)
{
	obj_destroy(*p);
}

struct objects *objects_create(pid_t pid)
{
	struct objects *os = calloc(1, sizeof(*os));

	if (os)
		os->pid = pid;
	return os;
}

void objects_destroy(struct objects *os)
{
	if (!os)
		return;
	for (size_t i = 0; i < os->live.n; i++)
		obj_destroy(os->live.items[i]);
	for (size_t i = 0; i < os->gone.n; i++)
		obj_destroy(os->gone.items[i]);
	obj_destroy(os->vdso);
	vec_deinit(&os->live);
	vec_deinit(&os->gone);
	vec_deinit(&os->code);
	vec_deinit(&os->rejects);
	jitmap_destroy(os->jit);
	free(os->exe);
	free(os);
}

void objects_set_reader(struct objects *os,
			size_t (*read)(void *arg, uint64_t addr, void *buf, size_t len), void *arg)
{
	os->read = read;
	os->read_arg = arg;
}

size_t objects_read(struct objects *os, uint64_t addr, void *buf, size_t len)
{
	struct iovec to = { buf, len };
	struct iovec from = { (void *)(uintptr_t)addr, len };

	if (os->read)
		return os->read(os->read_arg, addr, buf, len);
	ssize_t n = process_vm_readv(os->pid, &to, 1, &from, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* ------------------------------------------------------------ opening -- */

/* The path without the mark of a deleted file; is_deleted says whether it had one. */
static char *clean_path(const char *path, bool *is_deleted)
{
	size_t n = strlen(path), mark = strlen(DELETED);

	*is_deleted = n > mark && !strcmp(path + n - mark, DELETED);
	return strndup(path, *is_deleted ? n - mark : n);
}

static struct error *open_mapping(struct objects *os, const struct procfs_map *m, const char *path,
				  bool is_deleted, struct image **ret)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	struct error *err;

	if (os->exe && !strcmp(m->path, os->exe)) {
		strbuf_printf(&sb, "/proc/%d/exe", os->pid);
	} else {
		strbuf_printf(&sb, "/proc/%d/map_files/%llx-%llx", os->pid,
			      (unsigned long long)m->lo, (unsigned long long)m->hi);
	}
	err = image_open(strbuf_text(&sb), path, ret);
	if (!err || is_deleted)
		return err;
	error_destroy(err);
	strbuf_reset(&sb);
	strbuf_printf(&sb, "/proc/%d/root%s", os->pid, path);
	return image_open(strbuf_text(&sb), path, ret);
}

/*
 * Does memory begin as the file does?  ELF header, program headers and mostly
 * the build-id stand there.  Unreadable memory can't contradict.
 */
static bool is_as_mapped(struct objects *os, const struct image *img, uint64_t bias)
{
	const struct image_segment *seg;
	uint8_t have[1024];
	const uint8_t *want;

	if (!image_segments(img, &seg) || seg->w)
		return true;
	size_t n = image_data(img, seg->addr, &want);

	if (n > sizeof(have))
		n = sizeof(have);
	n = objects_read(os, seg->addr + bias, have, n);
	return !memcmp(have, want, n);
}

static struct error *obj_create(struct objects *os, const struct procfs_map *m, struct obj **ret)
{
	_cleanup_(obj_destroyp) struct obj *o = calloc(1, sizeof(*o));
	bool is_deleted;
	struct error *err;

	if (!o || !(o->path = clean_path(m->path, &is_deleted)))
		return &error_nomem;
	err = open_mapping(os, m, o->path, is_deleted, &o->pub.image);
	if (err)
		return err;
	if (!image_bias(o->pub.image, m->lo, m->offset, &o->pub.bias) ||
	    !is_as_mapped(os, o->pub.image, o->pub.bias))
		return error_format(ERR_FORMAT, "%s: not the file that is mapped", o->path);
	image_range(o->pub.image, &o->pub.lo, &o->pub.hi);
	o->pub.lo += o->pub.bias;
	o->pub.hi += o->pub.bias;
	const char *slash = strrchr(o->path, '/');

	o->pub.name = slash ? slash + 1 : o->path;
	o->pub.path = o->path;
	o->pub.is_main = os->exe && !strcmp(m->path, os->exe);
	o->table = os;
	*ret = take_ptr(o);
	return NULL;
}

/* ------------------------------------------------------------ refresh -- */

struct refresh {
	struct objects *os;
	bool is_any; /* a mapping was seen: the process lives */
	bool is_changed;
	struct error *err;
};

/* Takes o; keeps the list in order of address. */
static bool insert(struct objects *os, struct obj *o)
{
	size_t i;

	if (!vec_push(&os->live, o)) {
		obj_destroy(o);
		return false;
	}
	for (i = os->live.n - 1; i && os->live.items[i - 1]->pub.lo > o->pub.lo; i--)
		os->live.items[i] = os->live.items[i - 1];
	os->live.items[i] = o;
	return true;
}

/* Takes o; returns the same object if it was there before, else o. */
static struct obj *revive(struct objects *os, struct obj *o)
{
	for (size_t i = os->gone.n; i-- > 0;) {
		struct obj *old = os->gone.items[i];

		if (old->pub.image != o->pub.image || old->pub.bias != o->pub.bias ||
		    strcmp(old->path, o->path))
			continue;
		memmove(&os->gone.items[i], &os->gone.items[i + 1],
			(os->gone.n - i - 1) * sizeof(os->gone.items[0]));
		os->gone.n--;
		old->map_lo = o->map_lo;
		obj_destroy(o);
		return old;
	}
	return o;
}

static bool is_known(struct objects *os, const struct procfs_map *m, uint64_t dev)
{
	for (size_t i = 0; i < os->live.n; i++) {
		struct obj *o = os->live.items[i];

		if (o->dev != dev || o->ino != m->inode || m->lo < o->pub.lo || m->hi > o->pub.hi)
			continue;
		/* A part of it that was split off doesn't keep it alive: the bias does. */
		uint64_t bias;

		if (image_bias(o->pub.image, m->lo, m->offset, &bias) && bias == o->pub.bias) {
			o->is_seen = true;
			return true;
		}
	}
	for (size_t i = 0; i < os->rejects.n; i++) {
		const struct reject *r = &os->rejects.items[i];

		if (r->dev == dev && r->ino == m->inode && r->map_lo == m->lo)
			return true;
	}
	return false;
}

static void see_file(struct refresh *r, const struct procfs_map *m)
{
	struct objects *os = r->os;
	uint64_t dev = (uint64_t)m->dev_major << 32 | m->dev_minor;
	struct obj *o = NULL;

	if (is_known(os, m, dev))
		return;
	struct error *err = obj_create(os, m, &o);

	if (err) {
		if (err->code == ERR_NOMEM)
			r->err = err;
		else
			error_destroy(err);
		if (os->rejects.n == REJECTS_MAX)
			os->rejects.n = 0;
		(void)vec_push(&os->rejects, ((struct reject){ dev, m->inode, m->lo }));
		return;
	}
	o->dev = dev;
	o->ino = m->inode;
	o->map_lo = m->lo;
	o = revive(os, o);
	o->is_seen = true;
	o->pub.generation = os->generation;
	r->is_changed = true;
	if (!insert(os, o))
		r->err = &error_nomem;
}

static void see_vdso(struct refresh *r, const struct procfs_map *m)
{
	struct objects *os = r->os;
	_cleanup_(freep) uint8_t *bytes = NULL;
	_cleanup_(obj_destroyp) struct obj *o = NULL;
	size_t len = m->hi - m->lo;

	if ((os->vdso && os->vdso->pub.lo == m->lo) || len > VDSO_MAX)
		return;
	bytes = malloc(len);
	o = calloc(1, sizeof(*o));
	if (!bytes || !o || !(o->path = strdup("[vdso]")))
		return;
	len = objects_read(os, m->lo, bytes, len);
	struct error *err = image_from_memory(bytes, len, "[vdso]", &o->pub.image);

	if (err || !image_bias(o->pub.image, m->lo, 0, &o->pub.bias)) {
		error_destroy(err);
		return;
	}
	o->pub.name = o->pub.path = o->path;
	o->pub.lo = m->lo;
	o->pub.hi = m->hi;
	o->table = os;
	obj_destroy(os->vdso);
	os->vdso = take_ptr(o);
}

static void see_map(void *arg, const struct procfs_map *m)
{
	struct refresh *r = arg;

	r->is_any = true;
	if (!m->x || r->err)
		return;
	if (m->path[0] == '/')
		see_file(r, m);
	else if (!strcmp(m->path, "[vdso]"))
		see_vdso(r, m);
	if (!objects_find_code(r->os, m->lo))
		(void)vec_push(&r->os->code, ((struct range){ m->lo, m->hi }));
}

/* A leader that exited before its threads has no memory any more; they do. */
static void see_task(void *arg, pid_t tid)
{
	struct refresh *r = arg;

	if (!r->is_any && tid != r->os->pid)
		(void)procfs_each_map(tid, see_map, r);
}

static bool drop_unseen(struct objects *os, void (*gone)(void *arg, struct object *o), void *arg)
{
	bool is_dropped = false;
	size_t out = 0;

	for (size_t i = 0; i < os->live.n; i++) {
		struct obj *o = os->live.items[i];

		if (o->is_seen) {
			os->live.items[out++] = o;
			continue;
		}
		is_dropped = true;
		if (gone)
			gone(arg, &o->pub);
		if (!vec_push(&os->gone, o))
			obj_destroy(o);
	}
	os->live.n = out;
	return is_dropped;
}

static void read_exe(struct objects *os)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

	if (!procfs_link(os->pid, "exe", &sb))
		return;
	free(os->exe);
	os->exe = strbuf_take(&sb);
}

struct error *objects_refresh(struct objects *os, bool *changed,
			      void (*gone)(void *arg, struct object *o), void *arg)
{
	struct refresh r = { .os = os };

	read_exe(os);
	os->generation++;
	os->code.n = 0;
	for (size_t i = 0; i < os->live.n; i++)
		os->live.items[i]->is_seen = false;
	(void)procfs_each_map(os->pid, see_map, &r);
	if (!r.is_any)
		(void)procfs_each_task(os->pid, see_task, &r);
	if (changed)
		*changed = false;
	if (r.err)
		return r.err;
	if (!r.is_any)
		return error_format(ERR_GONE, "process %d is gone", os->pid);
	if (drop_unseen(os, gone, arg))
		r.is_changed = true;
	if (changed)
		*changed = r.is_changed;
	return NULL;
}

/* ------------------------------------------------------------ queries -- */

size_t objects_count(const struct objects *os)
{
	return os->live.n;
}

struct object *objects_at(const struct objects *os, size_t i)
{
	return i < os->live.n ? &os->live.items[i]->pub : NULL;
}

struct object *objects_main(const struct objects *os)
{
	for (size_t i = 0; i < os->live.n; i++)
		if (os->live.items[i]->pub.is_main)
			return &os->live.items[i]->pub;
	return NULL;
}

/* Files made for large pages have gaps between segments: anything may be mapped there. */
static bool covers(const struct obj *o, uint64_t addr)
{
	const struct image *img = o->pub.image;
	uint64_t at = addr - o->pub.bias, page = at & ~UINT64_C(4095);

	return image_segment_at(img, at) || image_segment_at(img, page) ||
	       image_segment_at(img, page + 4095);
}

static struct obj *find_live(const struct objects *os, uint64_t addr)
{
	size_t lo = 0, hi = os->live.n;
	struct obj *o;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (os->live.items[mid]->pub.lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	o = lo ? os->live.items[lo - 1] : NULL;
	return o && addr < o->pub.hi && covers(o, addr) ? o : NULL;
}

struct object *objects_find(const struct objects *os, uint64_t addr)
{
	struct obj *o = find_live(os, addr);

	for (size_t i = os->gone.n; !o && i-- > 0;)
		if (addr >= os->gone.items[i]->pub.lo && addr < os->gone.items[i]->pub.hi)
			o = os->gone.items[i];
	return o ? &o->pub : NULL;
}

struct obj *objects_find_code(const struct objects *os, uint64_t addr)
{
	/* First, since it may lie in the gap between two segments of a file. */
	if (os->vdso && addr >= os->vdso->pub.lo && addr < os->vdso->pub.hi)
		return os->vdso;
	return find_live(os, addr);
}

bool objects_is_code(const struct objects *os, uint64_t addr)
{
	const struct obj *o = objects_find_code(os, addr);

	if (o) {
		const struct image_segment *seg =
			image_segment_at(o->pub.image, addr - o->pub.bias);

		return seg && seg->x;
	}
	for (size_t i = 0; i < os->code.n; i++)
		if (addr >= os->code.items[i].lo && addr < os->code.items[i].hi)
			return true;
	return false;
}

static void see_code(void *arg, const struct procfs_map *m)
{
	struct objects *os = arg;

	if (m->x && !objects_find_code(os, m->lo))
		(void)vec_push(&os->code, ((struct range){ m->lo, m->hi }));
}

void objects_rescan_code(struct objects *os)
{
	os->code.n = 0;
	(void)procfs_each_map(os->pid, see_code, os);
}

size_t object_text(const struct object *o, uint64_t addr, const uint8_t **ret)
{
	return image_data(o->image, addr - o->bias, ret);
}

uint64_t object_entry(const struct object *o)
{
	uint64_t entry = image_entry(o->image);

	return entry ? entry + o->bias : 0;
}

uint64_t object_main(struct objects *os, struct object *o)
{
	const struct sym *s = object_symbol(o, "main");
	uint64_t entry = object_entry(o), addr;
	const uint8_t *code;
	bool is_slot;

	if (s && s->type == STT_FUNC)
		return s->addr + o->bias;
	size_t n = entry ? object_text(o, entry, &code) : 0;

	addr = n ? arch_main_from_entry(code, n, entry, &is_slot) : 0;
	if (addr && is_slot && objects_read(os, addr, &addr, sizeof(addr)) != sizeof(addr))
		return 0;
	return addr && image_is_code(o->image, addr - o->bias) ? addr : 0;
}

/* r_brk by way of DT_DEBUG, which the dynamic linker fills in when it starts. */
static uint64_t debug_brk(struct objects *os, struct object *o)
{
	uint64_t val, at, debug = 0;
	struct {
		int version;
		uint64_t map, brk;
	} r;

	if (!image_dynamic(o->image, DT_DEBUG, &val, &at) ||
	    objects_read(os, at + o->bias, &debug, sizeof(debug)) != sizeof(debug) || !debug ||
	    objects_read(os, debug, &r, sizeof(r)) != sizeof(r))
		return 0;
	return r.version > 0 && objects_is_code(os, r.brk) ? r.brk : 0;
}

uint64_t objects_link_brk(struct objects *os)
{
	struct object *o = objects_main(os);
	uint64_t brk = o ? debug_brk(os, o) : 0;

	for (size_t i = 0; !brk && i < os->live.n; i++) {
		struct object *l = &os->live.items[i]->pub;
		const struct sym *s = l->is_main ? NULL : object_symbol(l, "_dl_debug_state");

		if (s && image_is_code(l->image, s->addr))
			brk = s->addr + l->bias;
	}
	return brk;
}

struct error *object_elf_ident(pid_t pid, unsigned *machine, unsigned *class)
{
	char path[64];
	Elf64_Ehdr eh;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_os(errno, "cannot read the program of process %d", pid);
	ssize_t n = pread(fd, &eh, sizeof(eh), 0);

	/* e_machine has the same place in both classes. */
	if (n < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return error_format(ERR_FORMAT, "the program of process %d is not ELF", pid);
	*machine = eh.e_machine;
	*class = eh.e_ident[EI_CLASS];
	return NULL;
}
