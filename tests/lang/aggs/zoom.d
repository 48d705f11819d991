/* @@ flags: -x aggzoom */
BEGIN { @ = quantize(1); @ = quantize(1); @ = quantize(5); @ = quantize(9); @b = quantize(1, -4); @b = quantize(9, 2); exit(0); }
