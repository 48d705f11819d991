BEGIN
{
	pcap("x", 1);
}
