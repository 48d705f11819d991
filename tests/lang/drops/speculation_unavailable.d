/* @@ flags: -x nspec=2 -x droptags */
BEGIN { printf("%d %d %d %d\n", speculation(), speculation(), speculation(), speculation()); exit(0); }
