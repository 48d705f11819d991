enum f { A };
int A;
BEGIN { exit(0); }
