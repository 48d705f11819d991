/* strlen() */
BEGIN
{
	printf("strlen(\"\") = %d\n", strlen(""));
	printf("strlen(\"a\") = %d\n", strlen("a"));
	printf("strlen(\"hello world\") = %d\n", strlen("hello world"));
	printf("strlen(\"with\\ttab\\n\") = %d\n", strlen("with\ttab\n"));
	printf("strlen(\"cut\\0off\") = %d\n", strlen("cut\0off"));
	printf("strlen(probename) = %d\n", strlen(probename));
	printf("strlen(strjoin(\"ab\", \"cd\")) = %d\n", strlen(strjoin("ab", "cd")));
	exit(0);
}
