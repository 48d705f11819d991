/* @@ flags: -c /bin/true */
BEGIN
{
	printf("%d %d %d %d\n", progenyof($pid), progenyof($ppid), progenyof(1), progenyof($target));
}

syscall::exit_group:entry
{
	printf("%d %d\n", progenyof($target), progenyof($pid));
}
