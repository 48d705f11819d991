provider syscall {
	probe entry(char *);
};

BEGIN
{
	exit(0);
}
