int a["four"];
BEGIN { exit(0); }
