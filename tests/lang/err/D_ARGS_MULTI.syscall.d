/* @@ flags: -c /bin/true */
syscall::r*:entry
{
	trace(args[0]);
}
