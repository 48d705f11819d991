#!/usr/sbin/dtrace -s
/* Comments and white space anywhere. */ /**/ /* / * // */
BEGIN/* a */,/* b */
END /* c */
/* d */ /1 /* e */ == /* f */ 1/ /* g */ { /* h */
	printf("%d" /* i */, /* j */ 10 / 2 / /* k */ 1); ; ;
	printf("\n")
	/* l */ } /* m */
BEGIN{exit(0)}
