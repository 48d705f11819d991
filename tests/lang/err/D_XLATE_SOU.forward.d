struct fwd;
translator struct fwd < int p > { y = p; };
BEGIN { exit(0); }
