/*
 * Error objects: see error.h.  Nothing here can fail except for want of
 * memory, which yields the static error_nomem.
 */
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct error error_nomem = {
	.code = ERR_NOMEM,
	.message = (char *)"out of memory",
};

static struct error *error_make(enum error_code code, int err, const char *tag, const char *fmt,
				va_list ap)
{
	struct error *e = calloc(1, sizeof(*e));

	if (!e)
		return &error_nomem;
	e->code = code;
	e->err = err;
	e->tag = tag;
	if (vasprintf(&e->message, fmt, ap) < 0) {
		free(e);
		return &error_nomem;
	}
	return e;
}

struct error *error_format(enum error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct error *e = error_make(code, 0, NULL, fmt, ap);
	va_end(ap);
	return e;
}

struct error *error_tagged(const char *tag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct error *e = error_make(ERR_OTHER, 0, tag, fmt, ap);
	va_end(ap);
	return e;
}

struct error *error_os(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct error *e = error_make(ERR_OS, err, NULL, fmt, ap);
	va_end(ap);
	if (e == &error_nomem)
		return e;
	char *text;

	if (asprintf(&text, "%s: %s", e->message, strerror(err)) < 0) {
		error_destroy(e);
		return &error_nomem;
	}
	free(e->message);
	e->message = text;
	return e;
}

struct error *error_context(struct error *e, const char *fmt, ...)
{
	char *head, *text;
	va_list ap;
	int n;

	if (!e || e == &error_nomem)
		return e;
	va_start(ap, fmt);
	n = vasprintf(&head, fmt, ap);
	va_end(ap);
	if (n < 0)
		return e;
	n = asprintf(&text, "%s: %s", head, e->message);
	free(head);
	if (n < 0)
		return e;
	free(e->message);
	e->message = text;
	return e;
}

void error_destroy(struct error *e)
{
	if (!e || e == &error_nomem)
		return;
	free(e->message);
	free(e);
}

void error_destroyp(struct error **e)
{
	error_destroy(*e);
	*e = NULL;
}
