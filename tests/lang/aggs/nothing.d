/* The newline at the end is there without aggregations. */
BEGIN { exit(0); }
