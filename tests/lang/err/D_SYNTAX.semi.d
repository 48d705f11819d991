BEGIN { exit(0); };;
;
