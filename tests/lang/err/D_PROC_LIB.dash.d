/* @@ flags: -c /bin/true */
pid$target:libc.so.6:-:123 { exit(0); }
