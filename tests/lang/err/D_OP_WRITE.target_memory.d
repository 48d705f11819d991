BEGIN
{
	x = curpsinfo->pr_pid; *((const char *)alloca(4)) = 1;
}
