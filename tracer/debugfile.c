/*
 * Separate debug files.
 *
 * The order is that of the table in debugfile_find(): by build-id, then by
 * debuglink beside the file and below /usr/lib/debug, each in the target's
 * root directory and then in ours; at last debuginfod, if the user named
 * servers.  A candidate must have the build-id of the image, or where that is
 * missing the checksum of the debuglink: a file of another build is worse than
 * none.  Failing to find one is no error.
 */
#include "debugfile.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_DEBUGINFOD
#include <elfutils/debuginfod.h>
#endif

#include "../dlang/strbuf.h"
#include "../dlang/vec.h"
#include "image.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define MINI_MAX ((size_t)256 << 20) /* an unpacked symbol table is not larger */
#define ID_MAX 64

void debugfile_close(struct debugfile *f)
{
	if (!f)
		return;
	if (f->elf)
		elf_end(f->elf);
	closep(&f->fd);
	free(f->bytes);
	free(f->path);
	free(f);
}

static void closefilep(struct debugfile **p)
{
	debugfile_close(*p);
}

bool debugfile_has_section(Elf *elf, const char *name)
{
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		const char *s = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (s && !strcmp(s, name) && sh.sh_type != SHT_NOBITS && sh.sh_size)
			return true;
	}
	return false;
}

uint32_t debugfile_crc(const uint8_t *p, size_t n)
{
	uint32_t table[256], crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
		table[i] = v;
	}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

/* ---------------------------------------------------------- candidates -- */

/* What a candidate must be. */
struct search {
	const struct image *img;
	const char *section; /* NULL: any */
	const uint8_t *id; /* must be its build-id, if id_len */
	size_t id_len;
	uint32_t crc; /* else its checksum */
	struct strbuf *tried; /* NULL: nobody asks */
	struct debugfile *found;
};

static bool is_wanted(const struct search *s, Elf *elf)
{
	const void *id;
	size_t n;

	if (elf_kind(elf) != ELF_K_ELF)
		return false;
	if (s->section && !debugfile_has_section(elf, s->section) &&
	    (strcmp(s->section, ".debug_info") || !debugfile_has_section(elf, ".zdebug_info")))
		return false;
	if (s->id_len) {
		ssize_t len = dwelf_elf_gnu_build_id(elf, &id);

		return len > 0 && (size_t)len == s->id_len && !memcmp(id, s->id, s->id_len);
	}
	const uint8_t *bytes = (const uint8_t *)elf_rawfile(elf, &n);

	return bytes && debugfile_crc(bytes, n) == s->crc;
}

static bool try_fd(struct search *s, int fd, const char *path)
{
	_cleanup_(closefilep) struct debugfile *f = calloc(1, sizeof(*f));
	struct stat st;

	if (!f) {
		close(fd);
		return false;
	}
	f->fd = fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || elf_version(EV_CURRENT) == EV_NONE)
		return false;
	/* The file itself under another name has nothing new. */
	if (s->img->ino && st.st_ino == s->img->ino && st.st_dev == s->img->dev)
		return false;
	f->path = strdup(path);
	f->elf = f->path ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;
	if (!f->elf || !is_wanted(s, f->elf))
		return false;
	s->found = take_ptr(f);
	return true;
}

static bool try_path(struct search *s, const struct strbuf *path)
{
	int fd = strbuf_failed(path) ?
			 -1 :
			 open(strbuf_text(path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && try_fd(s, fd, strbuf_text(path)))
		return true;
	if (s->tried)
		strbuf_printf(s->tried, "\n\t%s%s", strbuf_text(path),
			      fd >= 0 ? " (of another build)" : "");
	return false;
}

static bool try_build_id(struct search *s, const char *root)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

	if (s->id_len < 2 || s->id_len > ID_MAX)
		return false;
	strbuf_printf(&sb, "%s" DEBUG_ROOT "/.build-id/%02x/", root, s->id[0]);
	for (size_t i = 1; i < s->id_len; i++)
		strbuf_printf(&sb, "%02x", s->id[i]);
	strbuf_puts(&sb, ".debug");
	return try_path(s, &sb);
}

static bool try_debuglink(struct search *s, const char *root, const char *link)
{
	static const struct {
		const char *before, *after;
	} dirs[] = {
		{ "", "" },
		{ "", "/.debug" },
		{ DEBUG_ROOT, "" },
	};
	const char *slash = strrchr(s->img->label, '/');
	int len = slash ? (int)(slash - s->img->label) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

		strbuf_printf(&sb, "%s%s%.*s%s/%s", root, dirs[i].before, len, s->img->label,
			      dirs[i].after, link);
		if (try_path(s, &sb))
			return true;
	}
	return false;
}

#ifdef HAVE_DEBUGINFOD
/* Asks the servers that the user named in DEBUGINFOD_URLS, and nobody else. */
static void try_debuginfod(struct search *s)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	debuginfod_client *client;
	char *path = NULL;

	if (s->tried)
		strbuf_printf(s->tried, "\n\tDEBUGINFOD_URLS=%s", urls ? urls : " (not set)");
	if (!urls || !*urls || s->id_len < 2 || s->id_len > ID_MAX)
		return;
	client = debuginfod_begin();
	if (!client)
		return;
	int fd = debuginfod_find_debuginfo(client, s->id, (int)s->id_len, &path);

	if (fd >= 0)
		(void)try_fd(s, fd, path ? path : "debuginfod");
	free(path);
	debuginfod_end(client);
}
#else
static void try_debuginfod(struct search *s)
{
	(void)s;
}
#endif

/* A link that names a directory leads out of those that are searched. */
static const char *link_of(const struct image *img, uint32_t *crc)
{
	GElf_Word sum;
	const char *link = dwelf_elf_gnu_debuglink(img->elf, &sum);

	if (!link || !*link || strchr(link, '/'))
		return NULL;
	*crc = sum;
	return link;
}

struct debugfile *debugfile_find(const struct image *img, const char *section, struct strbuf *tried)
{
	struct search s = { .img = img, .section = section, .tried = tried };
	const char *const roots[] = { img->root ? img->root : "", "" };
	const char *link = link_of(img, &s.crc);

	if (!img->ino)
		return NULL;
	s.id_len = image_build_id(img, &s.id);
	for (size_t i = img->root && *img->root ? 0 : 1; i < ARRAY_SIZE(roots); i++) {
		if (try_build_id(&s, roots[i]))
			return s.found;
		if (link && try_debuglink(&s, roots[i], link))
			return s.found;
	}
	try_debuginfod(&s);
	return s.found;
}

static bool try_beside(struct search *s, const char *root, const char *file, const char *path)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	const char *slash = strrchr(file, '/');

	strbuf_printf(&sb, "%s%.*s/%s", root, slash ? (int)(slash - file) : 0, file, path);
	return slash && try_path(s, &sb);
}

struct debugfile *debugfile_by_id(const struct image *img, const uint8_t *id, size_t len,
				  const char *path, const char *beside)
{
	struct search s = { .img = img, .id = id, .id_len = len };
	const char *const roots[] = { img->root ? img->root : "", "" };

	for (size_t i = 0; len >= 2 && i < ARRAY_SIZE(roots); i++) {
		_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

		if (try_build_id(&s, roots[i]))
			return s.found;
		if (!path || !*path)
			continue;
		strbuf_printf(&sb, "%s%s", roots[i], path);
		if (*path == '/' && try_path(&s, &sb))
			return s.found;
		if (*path != '/' && !beside && try_beside(&s, roots[i], img->label, path))
			return s.found;
	}
	/* The path of a debug file has its root already. */
	if (len >= 2 && path && *path && *path != '/' && beside)
		(void)try_beside(&s, "", beside, path);
	return s.found;
}

/* ------------------------------------------------------- mini symbols -- */

#ifdef HAVE_LZMA
static bool unpack(const uint8_t *in, size_t n, struct strbuf *out)
{
	lzma_stream st = LZMA_STREAM_INIT;
	lzma_ret r = lzma_stream_decoder(&st, (uint64_t)256 << 20, 0);

	st.next_in = in;
	st.avail_in = n;
	while (r == LZMA_OK && out->len < MINI_MAX) {
		size_t room = 256u << 10;
		char *p = strbuf_reserve(out, room);

		if (!p)
			break;
		st.next_out = (uint8_t *)p;
		st.avail_out = room;
		r = lzma_code(&st, LZMA_FINISH);
		strbuf_add_len(out, room - st.avail_out);
	}
	lzma_end(&st);
	return r == LZMA_STREAM_END && out->len;
}
#else
static bool unpack(const uint8_t *in, size_t n, struct strbuf *out)
{
	(void)in, (void)n, (void)out;
	return false;
}
#endif

struct debugfile *debugfile_mini(const struct image *img)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };
	struct image_section sec;

	if (!image_section(img, ".gnu_debugdata", &sec) || !sec.data ||
	    !unpack(sec.data, sec.size, &sb))
		return NULL;
	_cleanup_(closefilep) struct debugfile *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	size_t n = sb.len;

	f->fd = -1;
	f->path = strdup(".gnu_debugdata");
	f->bytes = (uint8_t *)strbuf_take(&sb);
	f->elf = elf_memory((char *)f->bytes, n);
	if (!f->path || !f->elf || elf_kind(f->elf) != ELF_K_ELF)
		return NULL;
	return take_ptr(f);
}
