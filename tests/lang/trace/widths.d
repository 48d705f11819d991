/* @@ testing */
/* @@ loud */
/* trace() of integers: a column by size; the sign is the type's. */
BEGIN { trace(1); }
BEGIN { trace(-1); }
BEGIN { trace(123456789012); }
BEGIN { trace((char)'a'); }
BEGIN { trace((char)-1); }
BEGIN { trace((uint8_t)255); }
BEGIN { trace((short)-2); }
BEGIN { trace((uint16_t)65534); }
BEGIN { trace((uint32_t)4294967295); }
BEGIN { trace((int64_t)-1); }
BEGIN { trace((uint64_t)-1); }
BEGIN { trace((void *)4096); }
BEGIN { trace(1); trace(2); trace((long)3); }
BEGIN { trace("abc"); }
BEGIN { trace(""); }
BEGIN { trace("a string that is longer than the thirty-three columns"); }
BEGIN { trace("x"); trace(1); trace("y"); }
BEGIN { exit(0); }
