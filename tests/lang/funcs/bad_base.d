/* Bases from 2 to 36. */
BEGIN { lltostr(1, 1); }
BEGIN { lltostr(1, 37); }
BEGIN { lltostr(1, 0); }
BEGIN { strtoll("1", 1); }
BEGIN { strtoll("1", 37); }
BEGIN { printf("%s %d\n", lltostr(1, 2), strtoll("1", 36)); exit(0); }

ERROR
{
	printf("fault %d\n", arg4);
}
