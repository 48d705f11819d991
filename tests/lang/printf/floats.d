/* extension */
BEGIN
{
	printf("%f %e %g", 1.5, 1.5, 1.5);
	printf("|\n");
	printf("%.2f %8.3f|%-8.1f|%+f", 3.14159, 3.14159, 3.14159, 1.0);
	printf("|\n");
	printf("%E %G", 1e10, 1e-10);
	printf("|\n");
	exit(0);
}
