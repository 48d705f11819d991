/*
 * What is known of processes and threads for psinfo_t and lwpsinfo_t: what
 * /proc says now, or for those that are gone what it said last.
 *
 * Remembered are processes that proc probes tell of (their birth, exec and
 * end), at most as many as the table has room for; the oldest go first.
 */
#include <stdlib.h>
#include <string.h>

#include "psinfo.h"
#include "session.h"

#define REMEMBERED 1024u

struct psinfo {
	pid_t id; /* 0: free */
	struct procfs_status status;
	struct procfs_stat stat;
	char args[80]; /* PRARGSZ */
};

struct psinfo_table {
	struct psinfo items[REMEMBERED];
	unsigned next;
};

static struct psinfo *find(struct session *s, pid_t id)
{
	struct psinfo_table *t = s->psinfo;

	for (unsigned i = 0; t && id > 0 && i < REMEMBERED; i++)
		if (t->items[i].id == id)
			return &t->items[i];
	return NULL;
}

/* What is there now, into the table. */
void psinfo_remember(struct session *s, pid_t id)
{
	struct psinfo *p, now = { .id = id };
	struct strbuf sb = { 0 };

	if (!s->psinfo)
		s->psinfo = calloc(1, sizeof(struct psinfo_table));
	if (!s->psinfo || !procfs_status(id, &now.status) || !procfs_stat(id, &now.stat))
		return;
	p = find(s, id);
	if (procfs_cmdline(id, &sb) && sb.len)
		snprintf(now.args, sizeof(now.args), "%s", strbuf_text(&sb));
	else if (p)
		memcpy(now.args, p->args, sizeof(now.args));
	strbuf_deinit(&sb);
	if (!p)
		p = &s->psinfo->items[s->psinfo->next++ % REMEMBERED];
	*p = now;
}

bool psinfo_status(struct session *s, pid_t id, struct procfs_status *ret)
{
	const struct psinfo *p;

	if (procfs_status(id, ret))
		return true;
	p = find(s, id);
	if (p)
		*ret = p->status;
	return p != NULL;
}

bool psinfo_stat(struct session *s, pid_t id, struct procfs_stat *ret)
{
	const struct psinfo *p;

	if (procfs_stat(id, ret))
		return true;
	p = find(s, id);
	if (p)
		*ret = p->stat;
	return p != NULL;
}

bool psinfo_args(struct session *s, pid_t id, struct strbuf *ret)
{
	const struct psinfo *p;

	if (procfs_cmdline(id, ret) && ret->len)
		return true;
	p = find(s, id);
	if (p)
		strbuf_puts(ret, p->args);
	return p != NULL;
}
