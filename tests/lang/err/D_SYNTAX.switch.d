BEGIN { switch (1) { } exit(0); }
