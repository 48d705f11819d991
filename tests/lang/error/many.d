/* Each of many faults is reported once. */
BEGIN { i = 0; }
tick-5000hz /i < 50/ { i++; *(char *)0; }
tick-5000hz /i == 50/ { exit(0); }
ERROR { @ = count(); }
