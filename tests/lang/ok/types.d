BEGIN
{
	x = 1; y = 2UL; s = "a"; p = (char *)8; c = (char)300; trace(x + y); trace(p + 1); trace(s == "a"); trace(c);
}
