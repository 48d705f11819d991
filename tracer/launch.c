/*
 * -c: fork, filter, exec, hold.
 *
 * The child waits in a pipe read until the tracer has seized it (with
 * EXITKILL) and sends it the seccomp filter; then it installs the filter and
 * execs.  The filter must come after the seizing: without a tracer every
 * traced call fails.  A failed exec reports its errno through a second pipe,
 * which a successful one closes.
 *
 * Hold points after exec are reached by sites of our own: at the program's
 * entry point, and from there at main().
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_impl.h"
#include "procfs.h"

struct engine_launch {
	int go_fd; /* to the child: the filter, and that it may go */
	int result_fd; /* from the child: errno of a failed exec */
	char *name;
	enum hold hold;
	bool is_reached;
	char foreign[64];
	uint64_t (*main_addr)(void *ctx, struct process *p);
};

/* ------------------------------------------------------------ in the child -- */

static bool read_all(int fd, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Without NO_NEW_PRIVS first: it would switch off set-uid programs for good. */
static bool install_filter(struct sock_filter *code, unsigned n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0)
		return true;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

static bool is_program(const char *path)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The file that execvp() would run; "" with errno if there is none. */
static void search_path(const char *name, char *path, size_t size)
{
	const char *dirs = getenv("PATH"), *end;
	bool denied = false;

	if (strchr(name, '/')) {
		snprintf(path, size, "%s", name);
		return;
	}
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; *name; dirs = end + 1) {
		int len;

		end = strchrnul(dirs, ':');
		len = (int)(end - dirs);
		snprintf(path, size, "%.*s%s%s", len, dirs, len ? "/" : "", name);
		if (is_program(path))
			return;
		denied |= errno == EACCES && access(path, F_OK) == 0;
		if (!*end)
			break;
	}
	*path = '\0';
	errno = denied ? EACCES : ENOENT;
}

static int exec_program(const char *path, char *const argv[])
{
	size_t n = 0;

	execve(path, argv, environ);
	if (errno != ENOEXEC)
		return errno;
	while (argv[n])
		n++;
	/* A script without "#!": the shell's. */
	char **sh = calloc(n + 2, sizeof(*sh));

	if (!sh)
		return ENOMEM;
	sh[0] = (char *)"/bin/sh";
	sh[1] = (char *)path;
	for (size_t i = 1; i < n; i++)
		sh[i + 1] = argv[i];
	execve(sh[0], sh, environ);
	return errno;
}

static void change_environment(char *const changes[])
{
	for (; changes && *changes; changes++) {
		char *copy = strdup(*changes), *value = copy ? strchr(copy, '=') : NULL;

		if (value) {
			*value++ = '\0';
			setenv(copy, value, 1);
		} else if (copy) {
			unsetenv(copy);
		}
		free(copy);
	}
}

/* As exec will: until then a signal would be the tracer's, in the wrong process. */
static void drop_handlers(void)
{
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) < 0 || sa.sa_handler == SIG_IGN ||
		    sa.sa_handler == SIG_DFL)
			continue;
		sa = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(sig, &sa, NULL);
	}
}

static void child_main(struct engine *e, char *const argv[], char *const changes[], int go,
		       int result) __attribute__((noreturn));

static void child_main(struct engine *e, char *const argv[], char *const changes[], int go,
		       int result)
{
	static struct sock_filter code[FILTER_MAX];
	const char *base = strrchr(argv[0], '/');
	char path[4096];
	unsigned n;
	int err;

	drop_handlers();
	if (e->has_old_chld)
		sigaction(SIGCHLD, &e->old_chld, NULL);
	sigprocmask(SIG_SETMASK, &e->old_mask, NULL);
	change_environment(changes);
	if (!read_all(go, &n, sizeof(n)) || n > FILTER_MAX ||
	    !read_all(go, code, n * sizeof(*code)))
		_exit(127);
	search_path(argv[0], path, sizeof(path));
	err = *path ? 0 : errno;
	prctl(PR_SET_NAME, base ? base + 1 : argv[0], 0, 0, 0);
	if (!err && n && !install_filter(code, n))
		err = errno;
	if (!err)
		err = exec_program(path, argv);
	write_all(result, &err, sizeof(err));
	_exit(127);
}

/* -------------------------------------------------------------------- fork -- */

void launch_destroy(struct engine_launch *l)
{
	if (!l)
		return;
	if (l->go_fd >= 0)
		close(l->go_fd);
	if (l->result_fd >= 0)
		close(l->result_fd);
	free(l->name);
	free(l);
}

int launch_own_filters(void)
{
	struct procfs_status st;

	return procfs_status(getpid(), &st) && st.seccomp_filters > 0 ? st.seccomp_filters : 0;
}

static struct error *seize_child(struct engine *e, pid_t pid, struct process **ret)
{
	struct aspace *as;
	struct process *p;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, (long)(PTRACE_OPTIONS | PTRACE_O_EXITKILL)) < 0) {
		struct error *err = attach_diagnose(pid, errno);

		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return err;
	}
	as = aspace_create(e);
	p = as ? process_create(e, pid, as) : NULL;
	if (!p || !task_create(e, pid, p)) {
		kill(pid, SIGKILL);
		return &error_nomem;
	}
	p->is_root = p->is_child_of_ours = true;
	process_impl(p)->is_launching = true;
	process_impl(p)->inherited_filters = launch_own_filters();
	*ret = p;
	return NULL;
}

static int file_errno(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	return S_ISDIR(st.st_mode) || access(path, X_OK) < 0 ? EACCES : 0;
}

/*
 * Why a command can't be executed, as far as one can tell before it is tried;
 * 0 if nothing speaks against it.  Better to know before probes are enabled.
 */
static int command_errno(const char *name, char *const env_changes[])
{
	const char *dirs = getenv("PATH");
	int why = ENOENT;
	char path[4096];

	for (; env_changes && *env_changes; env_changes++)
		if (!strncmp(*env_changes, "PATH", 4))
			return 0;
	if (!*name)
		return ENOENT;
	if (strchr(name, '/') || !*name)
		return file_errno(name);
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		int n = snprintf(path, sizeof(path), "%.*s/%s", len ? (int)len : 1,
				 len ? dirs : ".", name);
		int err = n < (int)sizeof(path) ? file_errno(path) : ENAMETOOLONG;

		if (!err)
			return 0;
		if (err == EACCES)
			why = err;
		dirs += len + (dirs[len] == ':');
	}
	return dirs ? why : 0;
}

struct error *engine_fork(struct engine *e, char *const argv[], char *const env_changes[],
			  struct process **ret)
{
	struct engine_launch *l = calloc(1, sizeof(*l));
	int go[2] = { -1, -1 }, result[2] = { -1, -1 };
	bool may_check = !env_changes || !env_changes[0];
	int why = may_check ? command_errno(argv[0], env_changes) : 0;
	struct error *err;
	pid_t pid;

	if (!l)
		return &error_nomem;
	if (why) {
		free(l);
		if (strchr(argv[0], '='))
			return error_format(ERR_OTHER,
					    "failed to execute %s: %s\n"
					    "hint: env sets variables: -c 'env %s ...'",
					    argv[0], strerror(why), argv[0]);
		return error_os(why, "failed to execute %s", argv[0]);
	}
	l->go_fd = l->result_fd = -1;
	l->name = strdup(argv[0]);
	if (!l->name || pipe2(go, O_CLOEXEC) < 0 || pipe2(result, O_CLOEXEC) < 0) {
		err = error_os(errno, "failed to execute %s", argv[0]);
		goto fail;
	}
	l->go_fd = go[1];
	l->result_fd = result[0];
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(result[0]);
		child_main(e, argv, env_changes, go[0], result[1]);
	}
	err = pid < 0 ? error_os(errno, "failed to execute %s", argv[0]) : seize_child(e, pid, ret);
	if (!err)
		process_impl(*ret)->launch = take_ptr(l);
fail:
	if (go[0] >= 0)
		close(go[0]);
	if (result[1] >= 0)
		close(result[1]);
	launch_destroy(l);
	return err;
}

/* ------------------------------------------------------------- hold points -- */

const char *launch_foreign(pid_t pid)
{
	char path[64];
	Elf64_Ehdr eh;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* The start of the header is the same in both classes. */
	if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) < (ssize_t)sizeof(Elf32_Ehdr) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return NULL;
	return arch_foreign(eh.e_machine, eh.e_ident[EI_CLASS]);
}

bool launch_is_pending(const struct engine_process *p)
{
	return p->launch && !p->launch->is_reached;
}

/* The program's entry point at run time; 0 unknown. */
static uint64_t entry_point(pid_t pid)
{
	char path[64];
	Elf64_auxv_t av;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, &av, sizeof(av)) == (ssize_t)sizeof(av) && av.a_type != AT_NULL)
		if (av.a_type == AT_ENTRY)
			return av.a_un.a_val;
	return 0;
}

static void hold_here(struct engine_task *t)
{
	struct engine_process *p = process_impl(t->pub.proc);

	t->is_held = true;
	p->is_quiet = false;
	p->launch->is_reached = true;
}

static bool plant_hold(struct engine *e, struct process *p, uint64_t addr,
		       void (*hook)(void *arg, struct task *t, struct site *s))
{
	struct site_user user = { .hook = hook, .arg = p };
	const char *why = NULL;
	unsigned refused = 0;
	struct site *s;
	struct error *err;

	err = site_add(e, p->as, addr, NULL, 0, user, &s);
	if (!err)
		err = site_plant(e, p->as, &refused, &why);
	error_destroy(err);
	return !err && !refused;
}

static void on_main(void *arg, struct task *t, struct site *s)
{
	site_remove(t->engine, s, arg);
	hold_here(task_impl(t));
}

static void on_entry(void *arg, struct task *t, struct site *s)
{
	struct engine_process *p = arg;
	struct engine_launch *l = p->launch;
	uint64_t addr = 0;

	site_remove(t->engine, s, arg);
	if (l->hold == HOLD_MAIN && l->main_addr)
		addr = l->main_addr(t->engine->config.ctx, &p->pub);
	if (!addr || addr == s->addr || !plant_hold(t->engine, &p->pub, addr, on_main))
		hold_here(task_impl(t));
}

void launch_exec_done(struct engine *e, struct engine_task *t)
{
	struct engine_process *p = process_impl(t->pub.proc);
	struct engine_launch *l = p->launch;
	uint64_t entry;

	p->is_launching = false;
	if (p->pub.as->foreign[0]) {
		snprintf(l->foreign, sizeof(l->foreign), "%s", p->pub.as->foreign);
		hold_here(t);
		return;
	}
	signal_learn(e, t);
	signal_learn_mask(t);
	entry = l->hold == HOLD_EXEC ? 0 : entry_point(p->pub.pid);
	if (!entry || !plant_hold(e, &p->pub, entry, on_entry))
		hold_here(t);
}

/* -------------------------------------------------------------------- exec -- */

static struct error *send_go(struct engine *e, struct process *p)
{
	struct engine_launch *l = process_impl(p)->launch;
	struct sock_filter *code = calloc(FILTER_MAX, sizeof(*code));
	unsigned n;
	bool ok;

	if (!code)
		return &error_nomem;
	n = filter_build(&e->watched, code);
	p->has_filter = n > 0;
	ok = write_all(l->go_fd, &n, sizeof(n)) && write_all(l->go_fd, code, n * sizeof(*code));
	free(code);
	close(l->go_fd);
	l->go_fd = -1;
	return ok ? NULL : error_os(errno, "failed to execute %s", l->name);
}

/* The child died before it ran the program, or while on its way. */
static struct error *result_of(struct process *p)
{
	struct engine_launch *l = process_impl(p)->launch;
	int err;

	if (read_all(l->result_fd, &err, sizeof(err)))
		return error_os(err, "failed to execute %s", l->name);
	if (process_impl(p)->is_launching)
		return error_format(ERR_GONE, "failed to execute %s: it was killed", l->name);
	return NULL;
}

static bool is_interrupted(const struct engine *e)
{
	return e->config.ops->interrupted && e->config.ops->interrupted(e->config.ctx);
}

struct error *engine_exec(struct engine *e, struct process *p, enum hold hold,
			  uint64_t (*main_addr)(void *ctx, struct process *p))
{
	struct engine_launch *l = process_impl(p)->launch;
	struct error *err;
	unsigned n;
	bool done;

	if (!l || l->go_fd < 0)
		return error_format(ERR_OTHER, "process %d is not waiting to exec", (int)p->pid);
	l->hold = hold;
	l->main_addr = main_addr;
	process_impl(p)->is_quiet = hold != HOLD_EXEC;
	err = send_go(e, p);
	while (!err && !l->is_reached && !p->is_dead && !is_interrupted(e))
		err = engine_poll(e, UINT64_MAX, &n, &done);
	if (err)
		return err;
	if (!l->is_reached && !p->is_dead)
		return error_format(ERR_GONE, "interrupted before %s began", l->name);
	if (p->is_dead)
		return result_of(p);
	if (l->foreign[0])
		return error_format(ERR_OTHER,
				    "failed to execute %s: it is %s, which this "
				    "program can't trace",
				    l->name, l->foreign);
	return NULL;
}
