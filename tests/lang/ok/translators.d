BEGIN
{
	trace(curpsinfo->pr_pid); trace(curpsinfo->pr_fname); trace(curpsinfo->pr_psargs); trace(curlwpsinfo->pr_lwpid); trace(curlwpsinfo->pr_sname); trace(fds[0].fi_name); trace(fds[arg0].fi_oflags & O_RDWR); trace(cpu); trace(curcpu->cpu_id); trace((*curpsinfo).pr_uid); @[curpsinfo->pr_psargs] = count(); printf("%s %S", curpsinfo->pr_fname, curpsinfo->pr_psargs); x = xlate <fileinfo_t> (3).fi_pathname; trace(threadname); trace(sizeof (psinfo_t));
}
