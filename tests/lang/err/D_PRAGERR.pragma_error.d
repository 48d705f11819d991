#pragma error never mind
BEGIN { exit(0); }
