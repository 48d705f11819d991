/* strtoll(): stops at what is no digit, 0x only in base 16 */
BEGIN
{
	printf("strtoll(\"0\") = %d\n", strtoll("0"));
	printf("strtoll(\"123\") = %d\n", strtoll("123"));
	printf("strtoll(\"-123\") = %d\n", strtoll("-123"));
	printf("strtoll(\"+123\") = %d\n", strtoll("+123"));
	printf("strtoll(\"  \\t42\") = %d\n", strtoll("  \t42"));
	printf("strtoll(\"\\n42\") = %d\n", strtoll("\n42"));
	printf("strtoll(\"12abc\") = %d\n", strtoll("12abc"));
	printf("strtoll(\"abc\") = %d\n", strtoll("abc"));
	printf("strtoll(\"\") = %d\n", strtoll(""));
	printf("strtoll(\"-\") = %d\n", strtoll("-"));
	printf("strtoll(\"- 1\") = %d\n", strtoll("- 1"));
	printf("strtoll(\"0x1f\", 16) = %d\n", strtoll("0x1f", 16));
	printf("strtoll(\"0X1f\", 16) = %d\n", strtoll("0X1f", 16));
	printf("strtoll(\"-0x1F\", 16) = %d\n", strtoll("-0x1F", 16));
	printf("strtoll(\"ff\", 16) = %d\n", strtoll("ff", 16));
	printf("strtoll(\"0x1f\") = %d\n", strtoll("0x1f"));
	printf("strtoll(\"0777\", 8) = %d\n", strtoll("0777", 8));
	printf("strtoll(\"0777\") = %d\n", strtoll("0777"));
	printf("strtoll(\"108\", 8) = %d\n", strtoll("108", 8));
	printf("strtoll(\"101\", 2) = %d\n", strtoll("101", 2));
	printf("strtoll(\"z\", 36) = %d\n", strtoll("z", 36));
	printf("strtoll(\"Z\", 36) = %d\n", strtoll("Z", 36));
	printf("strtoll(\"9223372036854775807\") = %d\n", strtoll("9223372036854775807"));
	printf("strtoll(\"-9223372036854775808\") = %d\n", strtoll("-9223372036854775808"));
	printf("strtoll(\"9223372036854775808\") = %d\n", strtoll("9223372036854775808"));
	exit(0);
}
