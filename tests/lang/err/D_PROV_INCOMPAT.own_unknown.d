provider profile {
	probe gone(int);
};

BEGIN
{
	exit(0);
}
