#pragma D option define=FOO
BEGIN { exit(0); }
