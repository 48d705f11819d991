BEGIN
{
	trace(ENOENT); trace(SIGKILL); trace(O_RDONLY); trace(DTRACEFLT_BADADDR); trace(CLD_EXITED); trace(SONPROC); trace(PR_MODEL_LP64); trace(AF_INET6); trace(S_IFREG); trace(uregs[R_PC]); trace(uregs[R_SP]); trace(NULL);
}
