/* @@ flags: -f 1 */
BEGIN { }
