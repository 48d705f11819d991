/* A NULL string is a bad address for each subroutine. */
BEGIN { strlen(NULL); }
BEGIN { strchr(NULL, 'a'); }
BEGIN { strrchr(NULL, 'a'); }
BEGIN { strstr(NULL, "a"); }
BEGIN { strstr("a", NULL); }
BEGIN { strjoin(NULL, "a"); }
BEGIN { strjoin("a", NULL); }
BEGIN { index(NULL, "a"); }
BEGIN { rindex("a", NULL); }
BEGIN { substr(NULL, 0); }
BEGIN { basename(NULL); }
BEGIN { dirname(NULL); }
BEGIN { cleanpath(NULL); }
BEGIN { toupper(NULL); }
BEGIN { strtoll(NULL); }
BEGIN { strtok("a", NULL); }
BEGIN { copyinstr(0); }
BEGIN { exit(0); }

ERROR
{
	@[arg4, arg5] = count();
}
