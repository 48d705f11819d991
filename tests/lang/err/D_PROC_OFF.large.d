/* @@ flags: -c /bin/true */
pid$target:libc.so.6:malloc:fffffff { exit(0); }
