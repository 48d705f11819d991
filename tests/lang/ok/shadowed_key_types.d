BEGIN
{
	a[(char)1] = 1; a[300] = 2; a['x'] = 3; self->m[execname, tid] = timestamp; self->m["x", 1] = 0; trace(self->m[execname, tid] - timestamp); s[curpsinfo->pr_fname] = 1;
}
