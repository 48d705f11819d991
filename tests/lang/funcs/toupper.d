/* toupper() and tolower(): ASCII only */
BEGIN
{
	printf("toupper(\"aBc xyz 019 @[`{\") = [%s]\n", toupper("aBc xyz 019 @[`{"));
	printf("tolower(\"aBc XYZ 019 @[`{\") = [%s]\n", tolower("aBc XYZ 019 @[`{"));
	printf("toupper(\"\") = [%s]\n", toupper(""));
	printf("tolower(\"\") = [%s]\n", tolower(""));
	printf("tolower(\"\\303\\211\") = [%s]\n", tolower("\303\211"));
	exit(0);
}
