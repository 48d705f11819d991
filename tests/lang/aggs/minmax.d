BEGIN { @a = min(5); @a = min(-8); @a = min(3); @b = max(-5); @b = max(-8); @c = min(0); @d = max(0x7fffffffffffffff); @e = min(-0x7fffffffffffffff - 1); exit(0); }
