/* json(): a path into a text. */
BEGIN
{
	j = "{\"a\": 1, \"b\": \"two\", \"c\": [10, 20, {\"d\": true}], \"e\": {\"f\": null, \"g\": -1.5e3}, \"h\": \"\", \"i\": [] }";
	printf("[%s]\n", json(j, "a"));
	printf("[%s]\n", json(j, "b"));
	printf("[%s]\n", json(j, "c"));
	printf("[%s]\n", json(j, "c[0]"));
	printf("[%s]\n", json(j, "c[1]"));
	printf("[%s]\n", json(j, "c[2]"));
	printf("[%s]\n", json(j, "c[2].d"));
	printf("[%s]\n", json(j, "e"));
	printf("[%s]\n", json(j, "e.f"));
	printf("[%s]\n", json(j, "e.g"));
	printf("[%s] %d\n", json(j, "h"), json(j, "h") == NULL);
	printf("[%s]\n", json(j, "i"));
	printf("%d%d%d%d%d%d\n", json(j, "z") == NULL, json(j, "c[3]") == NULL,
	    json(j, "c[-1]") == NULL, json(j, "a.b") == NULL, json(j, "e[0]") == NULL,
	    json(j, "c.d") == NULL);
	exit(0);
}
