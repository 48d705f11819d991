/* @@ flags: -c /bin/true */
pid$target:a.out:no_such_function:entry { exit(0); }
