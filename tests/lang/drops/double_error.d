/* @@ flags: -x droptags */
BEGIN { trace(*(int *)0); }
BEGIN { trace(*(int *)0); }
ERROR { trace(*(int *)8); }
BEGIN { exit(0); }
