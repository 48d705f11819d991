BEGIN { copyinstr("abc"); exit(0); }
