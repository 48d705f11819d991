BEGIN
{
	pcap((void *)1, "x");
}
