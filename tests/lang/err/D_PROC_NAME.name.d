/* @@ flags: -c /bin/true */
pid$target:libc.so.6:malloc:nonsense { exit(0); }
