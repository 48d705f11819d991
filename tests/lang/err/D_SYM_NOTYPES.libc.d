/* @@ flags: -c true */
BEGIN
{
	trace(libc`environ);
}
