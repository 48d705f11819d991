/* @@ testing */
/* @@ loud */
/* An empty string has its columns too. */
BEGIN { trace(probefunc); trace(probename); }
BEGIN { s = ""; trace(s); trace(s == NULL); }
BEGIN { trace(never_set_string = (string)NULL); }
BEGIN { exit(0); }
