/* A pointer to a struct prints the struct; NULL is a bad address. */
struct p { int x, y; };
BEGIN { print((struct p *)0); }
BEGIN { this->p = (struct p *)alloca(8); this->p->y = 5; print(this->p); print(*this->p); exit(0); }
