typedef char huge[4294967296];
BEGIN { exit(0); }
