this struct fwd v;
BEGIN { exit(0); }
