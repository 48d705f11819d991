#!/bin/bash
# openssl speed under probes of all of libc: it must end well and print its table.
"$1" -q -n 'pid$target:libc.so.6::entry { @e = count(); } pid$target:libc.so.6::return { @r = count(); }' \
  -c 'openssl speed -seconds 1 sha256' > traced.out 2> traced.err
echo "status $?"
grep -c '^sha256' traced.out
