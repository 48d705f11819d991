/* @@ flags: -x nolibs -c true */
proc:::create
{
	trace(args[0]->pr_pid);
}
