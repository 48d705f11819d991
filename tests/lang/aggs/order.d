/* At the end: in order of first appearance, each sorted by value, then key. */
BEGIN
{
	@z["b"] = sum(2);
	@y["k"] = sum(-1);
	@z["a"] = sum(2);
	@z["c"] = sum(-7);
	@y["j"] = sum(5);
	@x = count();
	exit(0);
}
