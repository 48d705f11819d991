/* @@ flags: -x aggsize=200 -x droptags -x cpu=0 */
BEGIN { @["a"] = count(); @["b"] = count(); @["c"] = count(); @["d"] = count(); @["e"] = count(); }
BEGIN { @["a"] = count(); exit(0); }
