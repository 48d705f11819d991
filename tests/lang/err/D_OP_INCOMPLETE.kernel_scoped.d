/* @@ flags: -c true */
BEGIN
{
	trace(((genunix`kthread_t *)arg0)->t_procp);
}
