struct s { double d; float f; };
struct s v;

BEGIN
{
	p = (struct s *)arg0; trace(p->d); printf("%f %g", p->d, p->f); x = p->d * 2 + 1; trace(x > 3.5); trace((int)x); trace(-x); x += 1; x++; v.d = 1; y = pid ? x : 2; @ = sum((int64_t)x);
}
