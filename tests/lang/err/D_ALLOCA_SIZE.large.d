/* @@ flags: -xscratchsize=4096 */
BEGIN
{
	x = alloca(100000);
}
