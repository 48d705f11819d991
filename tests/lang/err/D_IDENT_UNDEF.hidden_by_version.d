/* @@ flags: -xversion=1.0 */
BEGIN
{
	trace(ucaller);
}
