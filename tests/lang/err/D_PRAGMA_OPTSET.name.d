#pragma D option nothing
BEGIN { exit(0); }
