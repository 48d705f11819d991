inline int OPT_verbose = 1;

BEGIN
{
	OPT_verbose ? printf("v\n") : 1; OPT_verbose ? trace(1) : nosuch(2); x = OPT_verbose ? 1 : nosuch;
}
