BEGIN { int = 3; }
