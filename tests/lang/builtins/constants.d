/* Constants of the libraries. */
BEGIN
{
	printf("%d %d %d %d\n", NULL, EPERM, ENOENT, ERANGE);
	printf("%d %d %d %d\n", SIGHUP, SIGKILL, SIGUSR1, SIGTERM);
	printf("%d %d %d %d\n", O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE);
	printf("%d %d %d %d\n", CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED);
	printf("%d %d %d %d %d %d\n", SSLEEP, SRUN, SZOMB, SSTOP, SIDL, SONPROC);
	printf("%d %d %d %d\n", PR_STOPPED, PR_ISTOP, PR_MODEL_ILP32, PR_MODEL_LP64);
	printf("%d %d\n", AF_INET, AF_INET6);
	exit(0);
}
