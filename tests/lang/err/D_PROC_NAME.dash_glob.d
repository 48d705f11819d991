/* @@ flags: -c /bin/true */
pid$target:a.out:-:* { exit(0); }
