/* @@ flags: -x dynvarsize=0 */
BEGIN { a[1] = 1; self->x = 1; printf("%d %d\n", a[1], self->x); exit(0); }
