/* What BEGIN sees: the tracer itself. */
BEGIN
{
	printf("%d %d %d %d %d\n", pid == $pid, ppid == $ppid, tid == $pid, uid == $uid, gid == $gid);
	printf("%s|%s|%s|%s|%s\n", probeprov, probemod, probefunc, probename, execname);
	printf("%d %d %d %d %d %d %d\n", id, epid, ipl, stackdepth, ustackdepth, caller, errno);
	printf("%d %d %d\n", arg0, arg9, uregs[R_PC] == 0);
	printf("%d %d %d\n", timestamp > 0, vtimestamp > 0, walltimestamp > 1600000000000000000);
	printf("%d %s %s\n", curcpu->cpu_id == cpu, root, zonename);
	printf("%d %d %s %d\n", curpsinfo->pr_pid == pid, curpsinfo->pr_ppid == ppid, curpsinfo->pr_fname, curlwpsinfo->pr_lwpid == tid);
	printf("%s %s %d\n", fds[99].fi_name, fds[-1].fi_pathname, fds[99].fi_oflags);
}
BEGIN { printf("%d %d\n", id, epid); exit(0); }
END { printf("%s %d %d\n", probename, id, epid); }
