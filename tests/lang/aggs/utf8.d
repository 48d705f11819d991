/* @@ flags: -x encoding=utf8 */
BEGIN { @ = quantize(1); @ = quantize(1); @ = quantize(5); exit(0); }
