/* @@ flags: -x nolibs -c true */
struct __proc;

typedef struct psinfo {
	int pr_pid;
} psinfo_t;

proc:::create
{
	trace(args[0]->pr_pid);
}
