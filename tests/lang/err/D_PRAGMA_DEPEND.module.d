#pragma D depends_on module nothing
BEGIN { exit(0); }
