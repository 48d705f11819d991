int tag;
# 1 "some.h" 1
enum e { tag = 5 };
struct s { enum e m; };
# 5 "x.d" 2
struct s v;
BEGIN { trace(v.m == tag); }
