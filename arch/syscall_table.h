/*
 * The lookups of system-call names, the same for every processor.  Included
 * once, by arch/CPU/syscalls.c, after its table:
 *
 *	static const struct arch_syscall_row arch_syscall_rows[] = { [nr] = ... };
 *
 * Numbers nobody uses are rows with a NULL name.
 */
#ifndef ARCH_SYSCALL_TABLE_H
#define ARCH_SYSCALL_TABLE_H

#define ARCH_SYSCALLS (sizeof(arch_syscall_rows) / sizeof(arch_syscall_rows[0]))

unsigned arch_syscall_max(void)
{
	return ARCH_SYSCALLS;
}

const char *arch_syscall_name(unsigned nr)
{
	return nr < ARCH_SYSCALLS ? arch_syscall_rows[nr].name : NULL;
}

const char *arch_syscall_alias(unsigned nr)
{
	return nr < ARCH_SYSCALLS ? arch_syscall_rows[nr].alias : NULL;
}

/* A name goes before an alias: "umount" may be both, of different calls. */
int arch_syscall_by_name(const char *name)
{
	int by_alias = -1;

	if (!name)
		return -1;
	for (unsigned nr = 0; nr < ARCH_SYSCALLS; nr++) {
		const struct arch_syscall_row *row = &arch_syscall_rows[nr];

		if (row->name && strcmp(row->name, name) == 0)
			return (int)nr;
		if (row->alias && strcmp(row->alias, name) == 0)
			by_alias = (int)nr;
	}
	return by_alias;
}

#endif
