BEGIN
{
	@ = count(); @a[pid, execname] = sum(arg0); @b = avg(1); @c = min(1); @d = max(1); @e = stddev(1); @f = quantize(1); @g = quantize(1, 2); @h = lquantize(pid, 0, 100); @i = lquantize(pid, -100, 100, 10, 2); @j = llquantize(pid, 10, 0, 6, 20); @k[ustack()] = count(); @l[usym(arg1), ustack(5), stack()] = count(); @m[umod(ucaller), uaddr(ucaller)] = count(); @_ = count();
}

END
{
	printa(@a); printa("%d %s %@d\n", @a); printa("%@d %@u\n", @b, @c); printa(@k); printa("%k %@d\n", @k); clear(@a); trunc(@a); trunc(@a, 5); trunc(@a, -pid); normalize(@a, 1000); denormalize(@a);
}
