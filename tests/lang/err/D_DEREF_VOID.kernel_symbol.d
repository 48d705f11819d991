BEGIN
{
	p = (void *)&`max_pfn;
	trace(*p);
}
