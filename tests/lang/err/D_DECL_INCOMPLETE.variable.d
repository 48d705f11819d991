struct fwd;
struct fwd v;
BEGIN { exit(0); }
