BEGIN
{
	x[1] = 2;
	y[usym(1)] = 3;
}
