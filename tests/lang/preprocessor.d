/* @@ flags: -C -DTHREE=3 */
#define PASTE(a, b) a##b
#define NAME_OF(x) #x
#define LIMIT 10
#if LIMIT > 5 && defined(THREE)
# define BIG 1
#else
# error "the other branch"
#endif
struct point { int x; int y; };
inline int INL = LIMIT * 2;

BEGIN
/BIG && __SUNW_D/
{
	printf("%d\n", PASTE(1, 2));
	printf("%s\n", NAME_OF(name));
	printf("%d %d\n", THREE, INL);
	printf("line %d\n", __LINE__);
#ifdef UNDEFINED
	printf("never\n");
#endif
	printf("%d // no comment in a string /* nor this */\n", sizeof (struct point));
	exit(0);
}
