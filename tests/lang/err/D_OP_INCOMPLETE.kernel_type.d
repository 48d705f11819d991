BEGIN
{
	trace(((proc_t *)arg0)->p_pidp);
}
