/* @@ flags: -- foo 12 "two words" +7x +5 bar */
/* Operands as identifiers, integers and strings. */
int foo;
string bar;

BEGIN
{
	$1 = $2; $6 = $$6;
	printf("%d %d %s %s\n", foo, $2 + 1, $$1, $$2);
	printf("[%s] [%s]\n", $$3, $3);
	printf("[%s] %d %s\n", $$4, $5, bar);
	printf("%d %d %d %d\n", $pid == pid, $uid == uid, $gid == gid, $target);
	printf("%d\n", $$ppid == strjoin("", lltostr(ppid)));
	exit(0);
}
