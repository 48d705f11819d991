/* @@ flags: -xversion=1.0 */
BEGIN
{
	ucaller = 5; trace(ucaller);
}
