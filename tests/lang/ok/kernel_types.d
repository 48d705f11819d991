/* Pointers to what only a kernel has may be passed around. */
kmutex_t *m;
self vnode_t *v;
struct s {
	proc_t *p;
	int x;
};
typedef struct {
	int own;
} file_t;
file_t f;

BEGIN
{
	self->v = (vnode_t *)arg0;
	m = NULL;
	printf("%p %d", self->v, sizeof (struct s));
	held[(struct task_struct *)arg1] = 1;
	f.own = 3;
}
