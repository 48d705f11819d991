int x;
int x;
self string a[int, string];
self string a[int, string];
extern int nosuch_sym;
extern int nosuch_sym;
inline int K = 3;
inline int K = 3;

BEGIN
{
	x = 1; self->a[1, "b"] = "c"; trace(K);
}
