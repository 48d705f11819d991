#!/bin/bash
# same_output.sh DTRACE COMMAND...: the command's output and status are the same with every
# function of libc probed at entry and return.
dtrace=$1
shift
"$@" > plain.out 2> plain.err < /dev/null
plain=$?
"$dtrace" -q -x nodemangle -o trace.out \
  -n 'pid$target:libc.so.6::entry { @e = count(); } pid$target:libc.so.6::return { @r = count(); }' \
  -n 'END { printa("entries %@d\n", @e); printa("returns %@d\n", @r); }' \
  -c "$*" > traced.out 2> traced.err < /dev/null
traced=$?
echo "status $plain $traced"
cmp plain.out traced.out && cmp plain.err traced.err && [ $plain = $traced ] && echo identical
cat trace.out
