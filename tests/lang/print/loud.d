/* @@ testing */
/* @@ loud */
struct p { int x, y; };
struct p v;
BEGIN { v.x = 1; print(v); }
BEGIN { print(5); print("s"); }
BEGIN { exit(0); }
