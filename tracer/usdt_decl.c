/*
 * What a provider's declaration says of its probes, in the program itself: the
 * types of their arguments, what args[] is made of, and stability.  dtrace -G
 * writes it into the object it makes; it is read with the sites.
 *
 * Section .note.dtrace, a note for each probe, after its header texts that
 * each end with NUL:
 *
 *	provider, probe as declared,
 *	attributes: 15 digits, name data class of provider module function name args,
 *	number of arguments; for each the index and the type of the raw argument
 *	it is made of, and its own type (empty: the same)
 *
 * Nothing in a file is believed: a note that is cut or odd is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "../dlang/arena.h"
#include "../dlang/strbuf.h"
#include "usdt.h"
#include "usdt_build.h"

#define NOTE_TYPE 1
#define NOTE_NAME "dtrace" /* 7 bytes with its NUL: one of padding follows */
#define ATTRS (sizeof(struct dl_prov_attr))

_Static_assert(sizeof(struct dl_prov_attr) == 15, "five times name, data, class");

struct note_header {
	uint32_t namesz, descsz, type;
};

/* ------------------------------------------------------------- writing -- */

static void put_text(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, text, strlen(text) + 1);
}

static void put_number(struct strbuf *sb, unsigned n)
{
	strbuf_printf(sb, "%u", n);
	strbuf_putc(sb, '\0');
}

static void put_desc(struct strbuf *sb, const struct dl_declared_probe *p)
{
	uint8_t attrs[ATTRS];

	put_text(sb, p->provider);
	put_text(sb, p->c_name);
	memcpy(attrs, p->attr, ATTRS);
	for (size_t i = 0; i < ATTRS; i++)
		strbuf_putc(sb, (char)('0' + attrs[i]));
	strbuf_putc(sb, '\0');
	unsigned n = p->xlated ? p->n_xlated : p->n_args;

	put_number(sb, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned from = p->xlated ? p->map[i] : i;

		put_number(sb, from);
		put_text(sb, p->types[from]);
		put_text(sb, p->xlated ? p->xlated[i] : "");
	}
}

void usdt_decl_write(struct strbuf *sb, const struct dl_declared_probe *p)
{
	struct note_header h = { sizeof(NOTE_NAME), 0, NOTE_TYPE };
	struct strbuf desc = { 0 };

	put_desc(&desc, p);
	h.descsz = (uint32_t)desc.len;
	strbuf_add(sb, (const char *)&h, sizeof(h));
	strbuf_add(sb, NOTE_NAME "\0", sizeof(NOTE_NAME) + 1);
	strbuf_add(sb, strbuf_text(&desc), desc.len);
	while (sb->len % 4)
		strbuf_putc(sb, '\0');
	strbuf_deinit(&desc);
}

/* ------------------------------------------------------------- reading -- */

struct texts {
	const char *p;
	size_t len;
	bool failed;
};

static const char *next_text(struct texts *t)
{
	const char *text = t->p, *end = memchr(t->p, '\0', t->len);

	if (!end) {
		t->failed = true;
		return "";
	}
	t->len -= (size_t)(end + 1 - t->p);
	t->p = end + 1;
	return text;
}

static unsigned next_number(struct texts *t)
{
	const char *text = next_text(t);
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n > UINT8_MAX)
		t->failed = true;
	return t->failed ? 0 : (unsigned)n;
}

static void read_attrs(struct texts *t, struct dl_prov_attr *ret)
{
	const char *text = next_text(t);
	uint8_t attrs[ATTRS];

	if (strlen(text) != ATTRS) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < ATTRS; i++) {
		uint8_t max = i % 3 == 2 ? DL_CL_COMMON : DL_ST_STANDARD;

		attrs[i] = (uint8_t)(text[i] - '0');
		if (attrs[i] > max)
			t->failed = true;
	}
	memcpy(ret, attrs, ATTRS);
}

static void read_args(struct texts *t, struct usdt_decl *d)
{
	unsigned n = next_number(t);

	d->n_args = (uint8_t)(n < USDT_ARGS ? n : USDT_ARGS);
	for (unsigned i = 0; i < d->n_args && !t->failed; i++) {
		d->map[i] = (uint8_t)next_number(t);
		d->types[i] = next_text(t);
		d->xlated[i] = next_text(t);
		if (!*d->xlated[i])
			d->xlated[i] = NULL;
	}
}

/* The first declaration that a site has is the one that counts. */
static void read_decl(struct usdt_list *l, const char *desc, size_t len)
{
	struct usdt_decl *d = ARENA_NEW(l->arena, struct usdt_decl);
	struct texts t = { desc, len, false };
	const char *provider = next_text(&t), *probe = next_text(&t);

	read_attrs(&t, &d->attr);
	read_args(&t, d);
	for (size_t i = 0; !t.failed && i < l->items.n; i++) {
		struct usdt_site *s = &l->items.items[i];

		if (!s->decl && !s->is_dof && !strcmp(s->provider, provider) &&
		    !strcmp(s->raw_name, probe))
			s->decl = d;
	}
}

void usdt_decl_read(struct usdt_list *l, const uint8_t *p, size_t len)
{
	const size_t name = (sizeof(NOTE_NAME) + 3) & ~(size_t)3;
	struct note_header h;

	while (len >= sizeof(h) + name) {
		memcpy(&h, p, sizeof(h));
		size_t desc = ((size_t)h.descsz + 3) & ~(size_t)3;

		p += sizeof(h);
		len -= sizeof(h);
		if (h.namesz != sizeof(NOTE_NAME) || memcmp(p, NOTE_NAME, sizeof(NOTE_NAME)) ||
		    h.descsz > len - name)
			return;
		if (h.type == NOTE_TYPE)
			read_decl(l, (const char *)p + name, h.descsz);
		if (desc > len - name)
			return;
		p += name + desc;
		len -= name + desc;
	}
}
