/*
 * Growing text buffer.  On want of memory the buffer goes into a sticky
 * failed state, keeps what it had and strbuf_failed() says so; text is always
 * NUL-terminated.  Zero-initialise to start: struct strbuf sb = {0};
 */
#ifndef DL_STRBUF_H
#define DL_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *text; /* owned; NULL until the first append */
	size_t len; /* without the NUL */
	size_t cap;
	bool failed;
};

void strbuf_deinit(struct strbuf *sb);
void strbuf_reset(struct strbuf *sb); /* length 0, memory kept */
void strbuf_add(struct strbuf *sb, const void *bytes, size_t n);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_fill(struct strbuf *sb, char c, size_t n);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap);
/* Room for n more bytes, or NULL; strbuf_add_len() then says how many were used. */
char *strbuf_reserve(struct strbuf *sb, size_t n);
void strbuf_add_len(struct strbuf *sb, size_t n);
static inline bool strbuf_failed(const struct strbuf *sb)
{
	return sb->failed;
}
/* The text, never NULL; borrowed until the next change. */
static inline const char *strbuf_text(const struct strbuf *sb)
{
	return sb->text ? sb->text : "";
}
/* Hands the text over (owned by the caller); the buffer is empty after it. */
char *strbuf_take(struct strbuf *sb);

#endif
