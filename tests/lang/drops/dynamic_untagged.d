/* @@ flags: -x dynvarsize=0 */
BEGIN { self->a = 1; self->b = 2; x[1] = 3; exit(0); }
