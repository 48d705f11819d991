/*
 * dtrace -h: the header with a probe's macros, PROVIDER_PROBE(args) and
 * PROVIDER_PROBE_ENABLED().
 *
 * The header needs no other one: it holds a copy of sys/dtrace_sdt.h.  It
 * defines the semaphores itself, as weak symbols, so that a program links with
 * or without what -G makes.  Build systems edit such headers with sed: the
 * lines that define _SDT_HAS_SEMAPHORES and STAP_HAS_SEMAPHORES may be turned
 * into #undef, and then there are none.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "../dlang/strbuf.h"
#include "session.h"
#include "usdt_build.h"

#define HEADER_ARGS_MAX 12

struct writer {
	FILE *out;
	struct error *err;
};

/* The name in C: dashes become a double underscore. */
static void c_name(struct strbuf *sb, const struct dl_declared_probe *p)
{
	for (const char *s = p->c_name; *s; s++)
		strbuf_puts(sb, *s == '-' ? "__" : (char[]){ *s, '\0' });
}

void usdt_semaphore_name(struct strbuf *sb, const struct dl_declared_probe *p)
{
	strbuf_printf(sb, "%s_", p->provider);
	c_name(sb, p);
	strbuf_puts(sb, "_semaphore");
}

/* PROV_MY_PROBE */
static void macro_name(struct strbuf *sb, const struct dl_declared_probe *p)
{
	size_t start = sb->len;

	strbuf_printf(sb, "%s_%s", p->provider, p->name);
	for (size_t i = start; i < sb->len; i++)
		sb->text[i] = sb->text[i] == '-' ? '_' : (char)toupper((unsigned char)sb->text[i]);
}

static void write_params(FILE *out, unsigned n, bool follows)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%sarg%u", i || follows ? ", " : "", i);
}

static void write_prototype(FILE *out, const struct dl_declared_probe *p)
{
	fprintf(out, "\n/* %s:::%s(", p->provider, p->name);
	for (unsigned i = 0; i < p->n_args; i++)
		fprintf(out, "%s%s", i ? ", " : "", p->types[i]);
	fprintf(out, ") */\n");
}

static void write_probe(void *arg, const struct dl_declared_probe *p)
{
	struct writer *w = arg;
	struct strbuf name = { 0 }, semaphore = { 0 }, raw = { 0 };
	unsigned n = p->n_args;

	if (w->err)
		return;
	if (n > HEADER_ARGS_MAX) {
		w->err = error_format(ERR_OTHER,
				      "probe %s:::%s has %u arguments; the limit of a "
				      "static probe is %d",
				      p->provider, p->name, n, HEADER_ARGS_MAX);
		return;
	}
	macro_name(&name, p);
	usdt_semaphore_name(&semaphore, p);
	c_name(&raw, p);
	write_prototype(w->out, p);
	fprintf(w->out,
		"#ifdef _SDT_HAS_SEMAPHORES\n"
		"extern unsigned short %s;\n"
		"unsigned short %s _DT_SDT_SEMAPHORE_HERE;\n"
		"#define %s_ENABLED() __builtin_expect(*(volatile unsigned short *)&%s, 0)\n",
		strbuf_text(&semaphore), strbuf_text(&semaphore), strbuf_text(&name),
		strbuf_text(&semaphore));
	fprintf(w->out, "#define %s(", strbuf_text(&name));
	write_params(w->out, n, false);
	fprintf(w->out, ") \\\n\t_DT_SDT_PROBE%u(\"%s\", \"%s\", \"%s\"", n, p->provider,
		strbuf_text(&raw), strbuf_text(&semaphore));
	write_params(w->out, n, true);
	fprintf(w->out, ")\n#else\n#define %s_ENABLED() (1)\n#define %s(", strbuf_text(&name),
		strbuf_text(&name));
	write_params(w->out, n, false);
	fprintf(w->out, ") \\\n\t_DT_SDT_PROBE%u(\"%s\", \"%s\", \"0\"", n, p->provider,
		strbuf_text(&raw));
	write_params(w->out, n, true);
	fprintf(w->out, ")\n#endif\n");
	strbuf_deinit(&name);
	strbuf_deinit(&semaphore);
	strbuf_deinit(&raw);
}

/* What the macros are where _DTRACE_VERSION is defined as 0. */
static void write_stub(void *arg, const struct dl_declared_probe *p)
{
	struct writer *w = arg;
	struct strbuf name = { 0 };

	macro_name(&name, p);
	fprintf(w->out, "#define %s_ENABLED() (0)\n#define %s(", strbuf_text(&name),
		strbuf_text(&name));
	write_params(w->out, p->n_args, false);
	fprintf(w->out, ") do { } while (0)\n");
	strbuf_deinit(&name);
}

struct error *usdt_header_write(FILE *out, const struct dl_ctx *c, const char *source,
				const char *guard)
{
	struct writer w = { .out = out };

	fprintf(out,
		"/* Made by dtrace -h from %s: edit that. */\n"
		"#ifndef %s\n#define %s\n\n"
		"#if !defined(_DTRACE_VERSION) || _DTRACE_VERSION\n\n"
		"#define _SDT_HAS_SEMAPHORES 1\n#define STAP_HAS_SEMAPHORES 1\n\n"
		"%s\n"
		"#ifndef _DT_SDT_SEMAPHORE_HERE\n"
		"#define _DT_SDT_SEMAPHORE_HERE __attribute__((__weak__, __used__, \\\n"
		"\t__section__(\".probes\"), __visibility__(\"hidden\")))\n#endif\n\n"
		"#ifdef __cplusplus\nextern \"C\" {\n#endif\n",
		source, guard, guard, usdt_sdt_text);
	dl_ctx_each_declared(c, write_probe, &w);
	fprintf(out, "\n#ifdef __cplusplus\n}\n#endif\n\n"
		     "#undef _SDT_HAS_SEMAPHORES\n#undef STAP_HAS_SEMAPHORES\n\n#else\n\n");
	dl_ctx_each_declared(c, write_stub, &w);
	fprintf(out, "\n#endif\n\n#endif /* %s */\n", guard);
	return w.err;
}

/* ------------------------------------------------------- the command -- */

/* "dir/prov.d" -> "prov.h", in the current directory. */
static struct error *default_name(struct session *s, const char *suffix, struct strbuf *sb)
{
	const char *script = s->cli->programs.items[0].text, *slash = strrchr(script, '/');
	const char *base = slash ? slash + 1 : script;
	size_t len = strlen(base);

	if (len < 3 || strcmp(base + len - 2, ".d"))
		return error_format(ERR_USAGE,
				    "failed to derive the name of the output from '%s', "
				    "which does not end in .d: use -o",
				    script);
	strbuf_printf(sb, "%.*s%s", (int)len - 2, base, suffix);
	return NULL;
}

/* "_PROV_H" */
static void guard_name(struct strbuf *sb, const char *path)
{
	const char *slash = strrchr(path, '/');

	strbuf_putc(sb, '_');
	for (const char *p = slash ? slash + 1 : path; *p; p++)
		strbuf_putc(sb,
			    isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_');
}

static struct error *write_header_file(struct session *s, const char *path)
{
	struct strbuf guard = { 0 };
	FILE *out = fopen(path, "we");
	struct error *err;

	if (!out)
		return error_os(errno, "failed to open output file '%s'", path);
	guard_name(&guard, path);
	err = usdt_header_write(out, s->ctx, s->cli->programs.items[0].text, strbuf_text(&guard));
	strbuf_deinit(&guard);
	if ((fflush(out) || ferror(out)) && !err)
		err = error_os(errno, "failed to write '%s'", path);
	fclose(out);
	if (err)
		usdt_discard(path);
	return err;
}

static struct error *check_scripts(const struct session *s, char flag)
{
	if (!s->cli->programs.n)
		return error_format(ERR_USAGE,
				    "-%c requires one or more scripts or enabling "
				    "options",
				    flag);
	for (size_t i = 0; i < s->cli->programs.n; i++)
		if (!s->programs.items[i].unit)
			return error_format(ERR_OTHER, "-%c: no provider", flag);
	if (!s->cli->output && s->cli->programs.n > 1)
		return error_format(ERR_USAGE,
				    "-%c requires an output file (-o) when more than one "
				    "script is given",
				    flag);
	return NULL;
}

struct error *usdt_build(struct session *s)
{
	bool is_header = s->cli->mode == CLI_HEADER;
	struct strbuf name = { 0 };
	struct error *err = check_scripts(s, is_header ? 'h' : 'G');

	if (!err && s->cli->output)
		strbuf_puts(&name, s->cli->output);
	else if (!err)
		err = default_name(s, is_header ? ".h" : ".o", &name);
	if (!err && is_header)
		err = write_header_file(s, strbuf_text(&name));
	else if (!err)
		err = usdt_object_write(strbuf_text(&name), s->ctx, s->cli->operands.items,
					s->cli->operands.n);
	strbuf_deinit(&name);
	return err;
}
