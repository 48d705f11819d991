/* width and precision, also from arguments */
BEGIN
{
	printf("%.3d|%8.3d|%-8.3d|%08.3d", 5, 5, 5, 5);
	printf("|\n");
	printf("%.3x|%.5o|%.1d", 1, 8, 123);
	printf("|\n");
	printf("%.0d|%.0s|%.s", 0, "abc", "abc");
	printf("|\n");
	printf("%*d|%-*d|%*d", 5, 42, 5, 42, -5, 42);
	printf("|\n");
	printf("%.*d|%.*s", 4, 42, 2, "abc");
	printf("|\n");
	printf("%*.*d|%-*.*s|", 8, 4, 42, 6, 2, "abc");
	printf("|\n");
	printf("%10s|%-10s|%.2s|%5.1s", "abc", "abc", "abc", "abc");
	printf("|\n");
	printf("%200d", 1);
	printf("|\n");
	exit(0);
}
