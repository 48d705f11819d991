#pragma D attributes Stable/Stable/Common provider p thing
provider p { probe a(); };
BEGIN { exit(0); }
