/* getmajor() and getminor(): Linux's encoding */
BEGIN
{
	printf("getmajor(0x801) = %d\n", getmajor(0x801));
	printf("getminor(0x801) = %d\n", getminor(0x801));
	printf("getmajor(0xfff00) = %d\n", getmajor(0xfff00));
	printf("getminor(0x123fff45) = %d\n", getminor(0x123fff45));
	printf("getmajor(0) = %d\n", getmajor(0));
	exit(0);
}
