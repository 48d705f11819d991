/* Stacks as keys; BEGIN has none. */
BEGIN
{
	@s[stack()] = count();
	@u[ustack(), 5] = count();
	printa(@s);
	printa("%k %@d\n", @s);
	printa("%k %d %@d\n", @u);
	printa("%-4k|%@d\n", @s);
	exit(0);
}
