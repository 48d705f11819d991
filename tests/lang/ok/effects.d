BEGIN
{
	stop(); raise(SIGUSR1); chill(500); x = alloca(8); copyout(x, arg0, 8); copyoutstr("abc", arg0, 3); bcopy(x, x, 4); copyinto(arg0, 8, x);
}
