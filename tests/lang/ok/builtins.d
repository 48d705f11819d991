BEGIN
{
	trace(arg0 + arg9); trace(caller); trace(epid); trace(errno); trace(execargs); trace(execname); trace(gid); trace(uid); trace(id); trace(ipl); trace(pid); trace(ppid); trace(probeprov); trace(probemod); trace(probefunc); trace(probename); trace(stackdepth); trace(tid); trace(timestamp); trace(ucaller); trace(ustackdepth); trace(vtimestamp); trace(walltimestamp); trace(zonename); trace(cwd); trace(root); trace(uregs[0]); trace(uregs[pid % 4]);
}
