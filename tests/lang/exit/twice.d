/* @@ status: 3 */
/* The first one decides. */
BEGIN { exit(3); exit(4); }
