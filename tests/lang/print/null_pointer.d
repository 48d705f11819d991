/* A pointer to a struct prints the struct; NULL prints as the pointer it is, a bad address faults. */
struct p { int x, y; };
BEGIN { print((struct p *)0); }
BEGIN { this->p = (struct p *)alloca(8); this->p->y = 5; print(this->p); print(*this->p); }
ERROR { printf("fault %d\n", arg4); }
BEGIN { print((struct p *)8); }
BEGIN { exit(0); }
