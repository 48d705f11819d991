#!/bin/bash
# In a pid namespace of its own: two processes of other groups are traced with their children, and go
# on unharmed; our own group is left alone.
set -u
DTRACE=$1 FIX=$2
[ "$(ps -e | wc -l)" -lt 10 ] || { echo "not alone"; exit 1; }
mkfifo in in2
setsid "$FIX/usdt" wait < in > out &
setsid sh -c 'while read -r l; do "$0" guard 3; done' "$FIX/usdt" < in2 > out2 &
exec 3> in 4> in2
await() {	# file, text, times
	while [ "$(grep -c "$2" "$1" 2> /dev/null)" != "$3" ]; do read -r -t 0.02 <> <(:) || :; done
}
echo 1 >&3
await out on 1
"$DTRACE" -x scope=all -x switchrate=1ms -o trace -qn 'BEGIN { printf("ready\n"); }
	fix*:::guarded { printf("%s %s %d\n", execname, probename, arg0); }
	proc:::exec-success { printf("exec %s\n", execname); }
	proc:::exit { printf("exit %s\n", execname); exit(0); }' &
tracer=$!
await trace ready 1
echo 2 >&3
await out on 2
await trace guarded 1
echo go >&4
await out2 semaphore 1
wait $tracer
echo tracer $?
echo 3 >&3
echo go >&4
exec 3>&- 4>&-
wait
grep on out
cat out2 trace
