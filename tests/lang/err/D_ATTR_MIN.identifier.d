/* @@ flags: -xamin=Stable/Stable/Common */
BEGIN
{
	trace(htons(1));
}
