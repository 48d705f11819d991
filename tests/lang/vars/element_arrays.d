/* Arrays in structs that are elements or thread-locals come into being when written to. */
struct inner {
	short n[3];
	char text[8];
};
struct rec {
	int id;
	struct inner in;
	struct inner list[2];
};
struct rec by_key[int];
self struct rec mine;
self struct rec kept[string];

BEGIN
{
	i = 2;
	by_key[1].in.n[i] = 7;
	by_key[2].list[1].text[0] = 'x';
	by_key[i + 1].list[1].n[0]++;
	self->mine.in.text[1] = 'b';
	self->mine.in.text[0] = 'a';
	self->kept["k"].list[i - 1].n[i] -= 4;
	printf("%d %c %d\n", by_key[1].in.n[2], by_key[2].list[1].text[0],
	    by_key[3].list[1].n[0]);
	printf("%s %d\n", self->mine.in.text, self->kept["k"].list[1].n[2]);
}

BEGIN
{
	k = 5;
	by_key[k++].in.n[0] = k;
	printf("%d %d\n", k, by_key[5].in.n[0] + by_key[6].in.n[0]);
	bcopy("hello", by_key[9].in.text, 6);
	bcopy("self", self->kept["x"].in.text, 5);
	printf("%s %s\n", by_key[9].in.text, self->kept["x"].in.text);
	printf("%d %d\n", by_key[78].in.n[1], by_key[79].id);
	exit(0);
}
