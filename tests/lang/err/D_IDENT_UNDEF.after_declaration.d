int x;
BEGIN { trace(y); exit(0); }
