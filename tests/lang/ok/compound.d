BEGIN
{
	x = 1; x += 2; x <<= 1; a["k"] = 1; a["k"] += 2; a["k"]++; self->n++; ++self->n; p = (int *)alloca(8); *p = 1; *p += 2; p[1] = 4; p++; (*p)--;
}
