/* @@ flags: -b 64 */
/* @@ status: 1 */
BEGIN { trace("a string takes strsize"); exit(0); }
