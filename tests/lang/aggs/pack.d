/* @@ flags: -x aggpack -x encoding=ascii */
/* A line for each key. */
BEGIN { @["one"] = quantize(1); @["one"] = quantize(2); @["one"] = quantize(2); @["two"] = quantize(8); @["neg"] = quantize(4, -2); @l[1] = lquantize(3, 0, 10); @l[1] = lquantize(5, 0, 10); @l[2] = lquantize(-1, 0, 10); @q = quantize(5); exit(0); }
