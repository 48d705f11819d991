/*
 * Growing text buffer: see strbuf.h.
 */
#include "strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_deinit(struct strbuf *sb)
{
	free(sb->text);
	*sb = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->text)
		sb->text[0] = '\0';
}

char *strbuf_reserve(struct strbuf *sb, size_t n)
{
	size_t need;

	if (sb->failed || __builtin_add_overflow(sb->len, n + 1, &need) || n + 1 == 0) {
		sb->failed = true;
		return NULL;
	}
	if (need > sb->cap) {
		size_t cap = sb->cap ? sb->cap : 64;

		while (cap < need)
			cap = cap > need / 2 ? need : cap * 2;
		char *text = realloc(sb->text, cap);

		if (!text) {
			sb->failed = true;
			return NULL;
		}
		sb->text = text;
		sb->cap = cap;
	}
	return sb->text + sb->len;
}

void strbuf_add_len(struct strbuf *sb, size_t n)
{
	sb->len += n;
	sb->text[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const void *bytes, size_t n)
{
	char *p = strbuf_reserve(sb, n);

	if (!p)
		return;
	if (n)
		memcpy(p, bytes, n);
	strbuf_add_len(sb, n);
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_fill(struct strbuf *sb, char c, size_t n)
{
	char *p = strbuf_reserve(sb, n);

	if (!p)
		return;
	memset(p, c, n);
	strbuf_add_len(sb, n);
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	char small[128];

	va_copy(again, ap);
	int n = vsnprintf(small, sizeof(small), fmt, ap);

	if (n >= 0 && (size_t)n < sizeof(small)) {
		strbuf_add(sb, small, (size_t)n);
	} else if (n >= 0) {
		char *p = strbuf_reserve(sb, (size_t)n);

		if (p) {
			vsnprintf(p, (size_t)n + 1, fmt, again);
			strbuf_add_len(sb, (size_t)n);
		}
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

char *strbuf_take(struct strbuf *sb)
{
	if (!strbuf_reserve(sb, 0))
		return NULL;
	sb->text[sb->len] = '\0';
	char *text = sb->text;

	*sb = (struct strbuf){ 0 };
	return text;
}
