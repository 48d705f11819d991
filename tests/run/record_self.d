self char small; self int n;
pid$target::enter:entry { self->in = arg0 + 1; self->n++; self->small = arg0; self->t = timestamp; }
pid$target::leave:entry /self->in/ { @paired = sum(self->in - arg0);
	@long = sum(timestamp - self->t >> 36); @most = max(self->n); }
pid$target::leave:entry /!self->in/ { @alone = count(); }
pid$target::leave:entry /!self->in || (self->in > 3 && arg0 < 8)/ { @some = count(); }
pid$target::leave:entry { self->in = 0; }
pid$target::mark:entry /self->n > 100/ { printf("%d %d %d\n", arg0, self->n, self->small);
	self->n = 0; }
pid$target::stopped:entry /ucaller && self->small/ { self->n += 100; self->small += 30; }
syscall::getppid:entry /self->small/ { @calls = sum(self->small); @n = sum(self->n); }
END { printa("paired %@d\n", @paired); printa("long %@d\n", @long); printa("most %@d\n", @most);
	printa("alone %@d\n", @alone); printa("some %@d\n", @some); printa("calls %@d\n", @calls);
	printa("n %@d\n", @n); }
