BEGIN { p = (char *)arg0; p = (char *)alloca(8); }
