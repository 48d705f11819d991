BEGIN
{
	trace(pid ? curpsinfo : curpsinfo);
}
