/* Globals and thread-locals last, clause-locals for one firing. */
BEGIN { self->x = 1; this->y = 2; z = 3; a[1] = 4; self->b[1, "k"] = 5; }
BEGIN { printf("%d %d %d %d %d\n", self->x, this->y, z, a[1], self->b[1, "k"]); }
tick-1ms { printf("%d %d %d %d %d\n", self->x, this->y, z, a[1], self->b[1, "k"]); exit(0); }
END { printf("%d %d %d\n", z, a[1], a[2]); }
