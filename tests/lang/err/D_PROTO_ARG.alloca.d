BEGIN { alloca("abc"); exit(0); }
