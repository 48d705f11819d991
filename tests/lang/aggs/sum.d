/* sum() wraps. */
BEGIN { @a = sum(5); @a = sum(-8); @b = sum(0x7fffffffffffffff); @b = sum(1); @c = sum((char)-1); @d = sum(0); @e = sum((uint32_t)-1); @f = sum(timestamp - timestamp); exit(0); }
