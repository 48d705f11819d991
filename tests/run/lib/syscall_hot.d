/* What fixtures/syscalls_hot says it makes, and as many returns as entries. */
syscall::getppid:entry { @entry["getppid"] = count(); }
syscall::getuid:entry { @entry["getuid"] = count(); }
syscall::getgid:entry { @entry["getgid"] = count(); }
syscall::read:entry /arg0 >= 100/ { @entry["read"] = count(); }
syscall::read:return /errno == EINTR/ { @entry["eintr"] = count(); }
syscall::write:entry /arg0 >= 100/ { @entry["write"] = count(); }
syscall::openat:return /errno == EFAULT/ { @entry["bad"] = count(); }

syscall::getppid:entry,
syscall::getuid:entry,
syscall::getgid:entry,
syscall::write:entry,
syscall::nanosleep:entry,
syscall::openat:entry { @all[probefunc] = count(); }

syscall::getppid:return,
syscall::getuid:return,
syscall::getgid:return,
syscall::write:return,
syscall::nanosleep:return,
syscall::openat:return { @back[probefunc] = count(); }

/* Of a thread's own: what was cancelled in read() does not return. */
syscall::read:entry { self->reads++; }
syscall::read:return { self->reads--; }
syscall::getppid:return /self->reads < 0/ { printf("more returns of read than entries\n"); }

END
{
	printa("entry %s %@d\n", @entry);
	printa("all %s %@d\n", @all);
	printa("return %s %@d\n", @back);
}
