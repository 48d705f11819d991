/* @@ flags: -x aggpack -x encoding=utf8 */
BEGIN { @["one"] = quantize(1); @["one"] = quantize(2); @["one"] = quantize(2); @["two"] = quantize(8); exit(0); }
