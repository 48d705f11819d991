/* @@ flags: -x specsize=39 */
/* Without room the rest of the clause does not run. */
long long x;
BEGIN { x = 123456789; s = speculation(); }
BEGIN { speculate(s); printf("%lld a\n", x); printf("%lld b\n", x); printf("%lld c\n", x); printf("%lld d\n", x); ok = 1; }
BEGIN { commit(s); }
BEGIN { printf("%d\n", ok); exit(0); }
