struct in { char c; uint8_t u; short s[2]; };
struct s { int a; long b; char name[8]; struct in in; struct in *p; int arr[3]; struct in two[2]; enum { A, B = 3 } e; union { int i; char b[4]; } u; unsigned x:3, y:5; void *v; int (*fn)(int); };
struct s v;
BEGIN
{
	v.a = 1; v.b = -2; v.in.c = 'x'; v.in.s[1] = 3; v.arr[2] = 9; v.e = B; v.u.i = 0x41424344; v.v = (void *)16;
	v.name[0] = 'h'; v.name[1] = 'i'; v.two[1].u = 7;
	print(v);
	print(v.in);
	print(v.name);
	print(v.arr);
	print(v.u);
	exit(0);
}
