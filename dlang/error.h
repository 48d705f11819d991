/*
 * The one error type of the project.
 *
 * NULL means success.  The message is made where the facts are known (file,
 * section, pid, option) and context is added on the way up.  An error is owned
 * by whoever holds it and is freed with error_destroy(); error_nomem is static
 * so that reporting it can't fail.
 */
#ifndef DL_ERROR_H
#define DL_ERROR_H

#include <stdarg.h>

enum error_code {
	ERR_NOMEM,
	ERR_USAGE, /* the command line: exit status 2 */
	ERR_COMPILE, /* a D program: the diagnostics were reported */
	ERR_OS, /* a system call said no: err holds errno */
	ERR_PERM, /* not permitted: the message names fact and remedy */
	ERR_GONE, /* the task or process died; rarely worth a message */
	ERR_FORMAT, /* malformed ELF, DWARF, maps, ... */
	ERR_NOTFOUND,
	ERR_LIMIT, /* more than an option's size allows */
	ERR_OTHER,
};

struct error {
	enum error_code code;
	int err; /* errno, or 0 */
	const char *tag; /* D_ tag (static string) or NULL */
	char *message; /* owned, no trailing newline */
};

extern struct error error_nomem;

/* All return an owned error, or &error_nomem. */
struct error *error_format(enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct error *error_tagged(const char *tag, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Appends ": strerror(err)" to the message. */
struct error *error_os(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes e; returns it with "context: " put in front.  NULL stays NULL. */
struct error *error_context(struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void error_destroy(struct error *e);
void error_destroyp(struct error **e);

#endif
