inline int LIMIT = 10;
inline string name[int k] = k == 0 ? "zero" : "more";
inline int twice[int a, int b] = a * 2 + b;
inline char *NOTHING = NULL;
int table[LIMIT + 2];

BEGIN
{
	trace(name[0]); trace(name[pid]); trace(twice[pid + 1, 3]); table[LIMIT] = 1; trace(table[pid % 3]); trace(NOTHING); n = 0; trace(twice[n++, 1]); tracemem(arg0, LIMIT);
}
