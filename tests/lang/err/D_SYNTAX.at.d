BEGIN { @3 = count(); }
