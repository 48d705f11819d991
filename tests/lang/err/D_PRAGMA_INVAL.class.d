#pragma D depends_on thing nothing
BEGIN { exit(0); }
