long long long a;
BEGIN { exit(0); }
