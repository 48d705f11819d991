dtrace:::nothing { exit(0); }
