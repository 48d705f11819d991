/* json(): escapes stay as they are; what is no JSON gives NULL. */
BEGIN
{
	printf("[%s]\n", json("{\"a\":\"q\\\"x\\n\\u0041\"}", "a"));
	printf("[%s]\n", json("[1,[2,[3]]]", "[1][1][0]"));
	printf("[%s]\n", json("[{\"n\":\"x\"}]", "[0].n"));
	printf("[%s]\n", json("  { \"k\" : [ 1 , 2 ] } ", "k"));
	printf("%d%d%d%d%d%d\n", json("", "a") == NULL, json("{", "a") == NULL,
	    json("{\"a\" 1}", "a") == NULL, json("{'a': 1}", "a") == NULL,
	    json("[1,2", "[5]") == NULL, json("nope", "a") == NULL);
	exit(0);
}
