:::BEGIN::: { exit(0); }
