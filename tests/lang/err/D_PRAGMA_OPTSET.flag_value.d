#pragma D option zdefs=3
BEGIN { exit(0); }
