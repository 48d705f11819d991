BEGIN { @a = quantize(1, 0x7fffffffffffffff); @a = quantize(1, 1); exit(0); }
