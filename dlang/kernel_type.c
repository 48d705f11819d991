/*
 * Names of kernel types that scripts mention.  Nothing is known of them but
 * the name: pointers to them may be passed around; looking into one is the
 * error of a forward declaration, with the reason.  Types of the program and
 * of its target go before.
 */
#include "parse.h"

#include <string.h>

/* The typedef and the tag of the struct behind it. */
static const char *const types[][2] = {
	{ "as_t", "struct as" },
	{ "buf_t", "struct buf" },
	{ "conn_t", "struct conn_s" },
	{ "cpu_t", "struct cpu" },
	{ "cred_t", "struct cred" },
	{ "dev_info_t", "struct dev_info" },
	{ "file_t", "struct file" },
	{ "ill_t", "struct ill_s" },
	{ "ip_stack_t", "struct ip_stack" },
	{ "kcondvar_t", "struct _kcondvar" },
	{ "klwp_t", "struct _klwp" },
	{ "kmutex_t", "struct mutex" },
	{ "krwlock_t", "struct _krwlock" },
	{ "kthread_t", "struct _kthread" },
	{ "mblk_t", "struct msgb" },
	{ "page_t", "struct page" },
	{ "proc_t", "struct proc" },
	{ "queue_t", "struct queue" },
	{ "sess_t", "struct sess" },
	{ "tcp_t", "struct tcp_s" },
	{ "uio_t", "struct uio" },
	{ "user_t", "struct user" },
	{ "vfs_t", "struct vfs" },
	{ "vnode_t", "struct vnode" },
	{ "zio_t", "struct zio" },
	{ "znode_t", "struct znode" },
	{ "zone_t", "struct zone" },
};

/* What scripts write before the mark for the kernel itself. */
static const char *const objects[] = { "genunix`", "unix`", "vmlinux`", "kernel`", "mach_kernel`" };

static const char *tag_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i][0], name))
			return types[i][1];
	return NULL;
}

bool dl_kernel_type_known(const char *name)
{
	return tag_of(name) != NULL;
}

struct dl_type *dl_kernel_type(struct dl_types *ts, const char *name)
{
	const char *tag;
	struct dl_type *t;

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (!strncmp(name, objects[i], strlen(objects[i]))) {
			name += strlen(objects[i]);
			break;
		}
	}
	tag = tag_of(name);
	if (!tag)
		return NULL;
	t = dl_types_lookup(ts, tag);
	if (!t) {
		t = dl_type_new(ts, DL_FORWARD, tag + strlen("struct "));
		t->forward_of = DL_STRUCT;
		dl_types_define(ts, tag, t);
	}
	return t;
}

bool dl_kernel_symbol(const char *name)
{
	if (*name == '`')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (!strncmp(name, objects[i], strlen(objects[i])))
			return true;
	return false;
}

bool dl_kernel_type_is_struct(const char *tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i][1], tag))
			return true;
	return !strcmp(tag, "struct task_struct") || !strcmp(tag, "struct inode") ||
	       !strcmp(tag, "struct dentry") || !strcmp(tag, "struct sk_buff") ||
	       !strcmp(tag, "struct bio") || !strcmp(tag, "struct thread");
}
