/* @@ flags: -- a b */
BEGIN { trace($$1); }
