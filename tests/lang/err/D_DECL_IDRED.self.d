self int v;
self long v;
BEGIN { exit(0); }
