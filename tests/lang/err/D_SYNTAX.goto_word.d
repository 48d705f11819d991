BEGIN { goto done; }
