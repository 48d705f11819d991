/* @@ flags: -xversion=1.0 */
BEGIN { @ = llquantize(1, 2, 1, 2, 4); }
