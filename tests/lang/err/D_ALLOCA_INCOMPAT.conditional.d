BEGIN { c = 1; p = c ? (char *)alloca(8) : (char *)arg0; }
