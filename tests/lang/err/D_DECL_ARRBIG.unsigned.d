int table[0xf000000000000000];

BEGIN
{
}
