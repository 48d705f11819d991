/*
 * Names of x86_64 system calls.  syscalls.def is made by scripts/gen-syscalls.
 */
#include "../arch.h"

#include <string.h>

struct arch_syscall_row {
	const char *name; /* as the kernel's tracepoint: "newfstat" */
	const char *alias; /* as the call table: "fstat"; NULL if the same */
};

#define SYSCALL(nr, name, alias) [nr] = { name, alias },

static const struct arch_syscall_row arch_syscall_rows[] = {
#include "syscalls.def"
};

#include "../syscall_table.h"
