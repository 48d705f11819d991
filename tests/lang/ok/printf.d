BEGIN
{
	printf("%d %i %o %u %x %X %c %C %s %p %a %% %5d %-5d %05d %+d %*d %.3s %?x %'d %hd %hx %ld %llx %Y %T %P %I\n", 1, 2, 3, 4, 5, 6, 'a', 'b', "s", arg0, arg0, 1, 1, 1, 1, 5, 1, "abc", 1, 1, (short)1, (ushort_t)1, 1L, 1ULL, walltimestamp, timestamp, (uint16_t)80, "1.2.3.4");
}
