/* @@ testing */
/* @@ loud */
/* Bytes that look like text are text, others a dump. */
struct s { char c[5]; };
struct t { int a; short b; };
struct u { char c[4]; };
this struct s x;
struct s g;
struct t h;
struct u v;

BEGIN { g.c[0] = 'a'; g.c[1] = 'b'; trace(g); }
BEGIN { g.c[2] = 'c'; g.c[3] = 'd'; g.c[4] = 'e'; trace(g); }
BEGIN { g.c[1] = 0; trace(g); }
BEGIN { trace(g.c); }
BEGIN { h.a = 1; h.b = 2; trace(h); }
BEGIN { v.c[0] = 'w'; trace(v.c); }
BEGIN { exit(0); }
