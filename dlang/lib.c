/*
 * The D libraries: which files there are, in what order they are compiled,
 * and which of them may be left out.
 *
 * Those of -L come first, then the installed ones, then those built into the
 * binary; a file found earlier masks later ones of the same base name.  A first look
 * at each file takes only its depends_on lines; the files are then compiled
 * depth first, so that a library comes after those it depends on.  A file
 * whose dependency is not met is dropped without a word; any other error in a
 * library is the user's to see.
 */
#include "parse.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "strbuf.h"

#define LIBRARY_MAX ((size_t)4 << 20) /* bytes of one file */
#define DEPTH_MAX 200 /* of dependencies */

struct dl_library {
	const char *name; /* base name */
	struct dl_source source;
	enum { LIB_NEW, LIB_VISITING, LIB_DONE, LIB_FAILED } state;
	struct dl_library *next;
};

struct dl_libraries {
	struct dl_library *first, **tail;
};

static struct dl_library *find_library(const struct dl_ctx *c, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct dl_library *l = c->libraries ? c->libraries->first : NULL;

	name = slash ? slash + 1 : name;
	while (l && strcmp(l->name, name) != 0)
		l = l->next;
	return l;
}

enum dl_lib_state dl_library_state(const struct dl_ctx *c, const char *name)
{
	const struct dl_library *l = find_library(c, name);

	if (!l)
		return DL_LIB_UNKNOWN;
	return l->state == LIB_DONE ? DL_LIB_LOADED : DL_LIB_FAILED;
}

bool dl_dependency_met(struct dl_ctx *c, const char *class, const char *name)
{
	const struct dl_host *h = c->config.host;
	struct dl_pdesc d = { .prov = "", .mod = "", .func = "", .name = "" };
	struct dl_probe_info info = { 0 };

	if (!strcmp(class, "library"))
		return dl_library_state(c, name) == DL_LIB_LOADED;
	if (!h || !h->probe_match)
		return true;
	if (!strcmp(class, "provider"))
		d.prov = name;
	else
		d.mod = name;
	struct error *err = h->probe_match(h->ctx, &d, &info);

	error_destroy(err);
	return !err && info.n_matches > 0;
}

/* --- finding the files --- */

static void add_library(struct dl_ctx *c, const char *name, const char *path, const char *text)
{
	if (find_library(c, name))
		return;
	struct dl_library *l = ARENA_NEW(c->arena, struct dl_library);

	l->name = arena_strdup(c->arena, name);
	l->source = (struct dl_source){
		.kind = DL_SRC_LIBRARY,
		.name = arena_strdup(c->arena, path),
		.text = text,
		.level = DL_LEVEL_NAME,
	};
	*c->libraries->tail = l;
	c->libraries->tail = &l->next;
}

static void closep_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static void closep_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The file's text in the arena; NULL if it can't be read. */
static const char *read_file(struct dl_ctx *c, const char *path)
{
	_cleanup_(closep_file) FILE *f = fopen(path, "re");
	struct strbuf sb = { 0 };
	const char *text = NULL;

	if (!f)
		return NULL;
	for (;;) {
		char *room = strbuf_reserve(&sb, 4096);
		size_t n = room ? fread(room, 1, 4096, f) : 0;

		if (n == 0 || sb.len > LIBRARY_MAX)
			break;
		strbuf_add_len(&sb, n);
	}
	if (!ferror(f) && !strbuf_failed(&sb))
		text = arena_strndup(c->arena, strbuf_text(&sb), sb.len);
	strbuf_deinit(&sb);
	return text;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files of a directory in the order of their names: the same on every system. */
static void scan_directory(struct dl_ctx *c, const char *dir)
{
	_cleanup_(closep_dir) DIR *d = opendir(dir);
	VEC(const char *) names = { 0 };
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > 2 && !strcmp(e->d_name + n - 2, ".d") && e->d_name[0] != '.' &&
		    !vec_push(&names, arena_strdup(c->arena, e->d_name)))
			break;
	}
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items), by_name);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(c->arena, "%s/%s", dir, names.items[i]);
		const char *text = read_file(c, path);

		if (text)
			add_library(c, names.items[i], path, text);
	}
	vec_deinit(&names);
}

static void find_libraries(struct dl_ctx *c)
{
	const struct dl_options *o = c->config.options;
	const char *dir;

	for (unsigned i = 0; o && (dir = dl_option_text_at(o, DL_OPT_LIBDIR, i)); i++)
		scan_directory(c, dir);
	dir = o ? dl_option_text(o, DL_OPT_SYSLIBDIR) : NULL;
	if (dir && *dir) {
		scan_directory(c, dir);
		return;
	}
	if (c->config.lib_dir)
		scan_directory(c, c->config.lib_dir);
	for (const struct dl_embedded_lib *l = dl_embedded_libs; l->name; l++)
		add_library(c, l->name, arena_printf(c->arena, "<built-in>/%s", l->name), l->text);
}

/* --- dependencies --- */

/* One depends_on line of a library; text is the line behind its #. */
static bool read_depends_on(const char *text, size_t len, char class[32], char name[256])
{
	char line[512], word[3][32];

	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	if (sscanf(line, " %31s %31s %31s %31s %255s", word[0], word[1], word[2], class, name) != 5)
		return false;
	size_t n = strlen(name);

	if (n >= 2 && name[0] == '"' && name[n - 1] == '"') {
		memmove(name, name + 1, n - 2);
		name[n - 2] = '\0';
	}
	return !strcmp(word[0], "pragma") && !strcmp(word[1], "D") &&
	       !strcmp(word[2], "depends_on");
}

static bool compile_library(struct dl_ctx *c, struct dl_library *l)
{
	bool ok;

	c->loading_library = true;
	ok = dl_parse(c, &l->source) != NULL;
	c->loading_library = false;
	l->state = ok ? LIB_DONE : LIB_FAILED;
	return ok;
}

enum visit { VISIT_OK, VISIT_DROPPED, VISIT_ERROR };

static enum visit visit_library(struct dl_ctx *c, struct dl_library *l, unsigned depth);

static enum visit visit_dependency(struct dl_ctx *c, struct dl_library *l, const char *class,
				   const char *name, struct dl_range range, unsigned depth)
{
	struct dl_library *dep;
	enum visit v;

	if (strcmp(class, "library") != 0)
		return dl_dependency_met(c, class, name) ? VISIT_OK : VISIT_DROPPED;
	dep = find_library(c, name);
	if (!dep) {
		c->source = &l->source;
		dl_error(c, D_PRAGMA_DEPEND, range,
			 "program requires library \"%s\" which failed "
			 "to load: there is no such file",
			 name);
		c->source = NULL;
		return VISIT_ERROR;
	}
	if (dep->state == LIB_VISITING || depth > DEPTH_MAX) {
		c->source = &l->source;
		dl_error(c, D_PRAGMA_DEPEND, range, "library %s depends on itself through %s",
			 l->name, dep->name);
		c->source = NULL;
		return VISIT_ERROR;
	}
	v = visit_library(c, dep, depth + 1);
	return v;
}

/* Visits what the file's depends_on lines name. */
static enum visit visit_dependencies(struct dl_ctx *c, struct dl_library *l, unsigned depth)
{
	const char *p = l->source.text;
	unsigned line = 1;

	for (; *p; line++) {
		const char *end = strchrnul(p, '\n'), *s = p;
		char class[32], name[256];

		s += strspn(s, " \t");
		if (*s == '#' && read_depends_on(s + 1, (size_t)(end - s - 1), class, name)) {
			struct dl_range r = {
				.file = l->source.name,
				.line = line,
				.source = &l->source,
				.offset = (unsigned)(s - l->source.text),
				.len = (unsigned)(end - s),
			};
			enum visit v = visit_dependency(c, l, class, name, r, depth);

			if (v != VISIT_OK)
				return v;
		}
		p = *end ? end + 1 : end;
	}
	return VISIT_OK;
}

static enum visit visit_library(struct dl_ctx *c, struct dl_library *l, unsigned depth)
{
	if (l->state == LIB_DONE)
		return VISIT_OK;
	if (l->state == LIB_FAILED)
		return VISIT_DROPPED;
	l->state = LIB_VISITING;
	enum visit v = visit_dependencies(c, l, depth);

	l->state = LIB_FAILED;
	if (v == VISIT_OK && !compile_library(c, l))
		v = VISIT_ERROR;
	return v;
}

bool dl_load_libraries(struct dl_ctx *c)
{
	bool ok = true;

	if (c->libraries || dl_option(c->config.options, DL_OPT_NOLIBS) == 1)
		return true;
	c->libraries = ARENA_NEW(c->arena, struct dl_libraries);
	c->libraries->tail = &c->libraries->first;
	find_libraries(c);
	for (struct dl_library *l = c->libraries->first; l; l = l->next)
		if (l->state == LIB_NEW && visit_library(c, l, 0) == VISIT_ERROR)
			ok = false;
	return ok;
}
