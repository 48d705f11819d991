/*
 * Processes as psinfo_t shows them, also those that are gone: see psinfo.c.
 * Like procfs.h, false means that nothing is known.
 */
#ifndef PSINFO_H
#define PSINFO_H

#include "procfs.h"

struct session;

bool psinfo_status(struct session *s, pid_t id, struct procfs_status *ret);
bool psinfo_stat(struct session *s, pid_t id, struct procfs_stat *ret);
bool psinfo_args(struct session *s, pid_t id, struct strbuf *ret);

#endif
