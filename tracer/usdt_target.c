/*
 * dtrace -G without objects: whose machine is the object for?
 *
 * Build systems made for SystemTap's command, which runs the compiler, call it
 * with CC and CFLAGS in the environment and no objects; when they build for
 * another machine only these tell.  So the compiler is asked for an empty
 * object, in a file where it has its own: in $TMPDIR, or else in /tmp.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../dlang/vec.h"
#include "usdt_build.h"

/* Makes an empty object at path; false: the compiler can't. */
static bool compile_nothing(const char *path)
{
	static const char command[] = "$CC $CFLAGS -x c -c /dev/null -o \"$0\" >/dev/null 2>&1";
	const char *const argv[] = { "sh", "-c", command, path, NULL };
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, (char *const *)argv, environ))
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* A new file for a while; its path is to be freed. */
static int make_temporary(char **path)
{
	const char *const dirs[] = { getenv("TMPDIR"), "/tmp" };
	int fd = -1;

	*path = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && fd < 0; i++) {
		free(take_ptr(*path));
		if (!dirs[i] || !*dirs[i] ||
		    asprintf(path, "%s/dtrace-machine-XXXXXX", dirs[i]) < 0)
			*path = NULL;
		else
			fd = mkostemp(*path, O_CLOEXEC);
	}
	return fd;
}

unsigned usdt_machine_of_compiler(void)
{
	_cleanup_(freep) char *path = NULL;
	const char *cc = getenv("CC");
	Elf64_Ehdr eh = { 0 };
	unsigned machine = 0;
	int fd;

	if (!cc || !*cc || (fd = make_temporary(&path)) < 0)
		return 0;
	close(fd);
	if (compile_nothing(path) && (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		if (read(fd, &eh, sizeof(eh)) == sizeof(eh) &&
		    !memcmp(eh.e_ident, ELFMAG, SELFMAG) && eh.e_ident[EI_CLASS] == ELFCLASS64 &&
		    eh.e_ident[EI_DATA] == ELFDATA2LSB && eh.e_type == ET_REL)
			machine = eh.e_machine;
		close(fd);
	}
	unlink(path);
	return machine;
}

/* What could not be written is not left there; devices and links are not ours. */
void usdt_discard(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}
