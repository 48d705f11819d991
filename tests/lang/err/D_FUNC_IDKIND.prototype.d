int foo(int);
BEGIN { trace(foo(3)); }
