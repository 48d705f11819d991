/* @@ status: 255 */
BEGIN { exit(-1); }
