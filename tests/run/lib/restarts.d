/* The calls of fixtures/restarts: those of the process itself, after its start. */
syscall::read:entry /pid == $target && arg0 == 100/ { started = 1; }
syscall::nanosleep:entry /pid == $target/ { started = 1; }
syscall::read:entry,
syscall::nanosleep:entry /pid == $target && started/ { @e = sum(1); }
syscall::read:return,
syscall::nanosleep:return /pid == $target && started/ { @r = sum(1); }
END { printa("%@d ", @e); printa("%@d\n", @r); }
