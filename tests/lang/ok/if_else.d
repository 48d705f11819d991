BEGIN
{
	if (pid > 1) { trace(1); } else if (tid == 3) trace(2); else { x = 1; @a = count(); }
	if (arg0) ; else trace(4);
}
