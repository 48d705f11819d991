/* @@ flags: -x specsize=128 */
BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("first\n"); }
BEGIN { speculate(s); printf("%s\n", "a text that is too long for the buffer together with what is in there already, whatever the layout of records may be"); }
BEGIN { commit(s); }
BEGIN { exit(0); }
