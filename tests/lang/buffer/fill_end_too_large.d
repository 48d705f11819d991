/* @@ flags: -x bufpolicy=fill -b 300 */
/* @@ status: 1 */
BEGIN { exit(0); }
END { trace("a string takes strsize"); }
END { trace("a string takes strsize"); }
