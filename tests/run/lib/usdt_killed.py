"""A tracer that is killed: the semaphore it raised in a running program is lowered all the same.

Usage: usdt_killed.py DTRACE PROGRAM PROVIDER SIGNAL
"""
import subprocess
import sys
import time

dtrace, program, provider, signal = sys.argv[1:5]
target = subprocess.Popen([program, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(text):
    target.stdin.write(text + "\n")
    target.stdin.flush()
    return target.stdout.readline().strip()


pid = target.stdout.readline().split()[1]
script = 'BEGIN { printf("ready\\n"); } PROV:::guarded { @ = count(); }'.replace("PROV", provider)
tracer = subprocess.Popen([dtrace, "-x", "switchrate=1ms", "-qn", script, "-p", pid],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
tracer.stdout.readline()
print("traced:", say("1"))
tracer.send_signal(int(signal))
print("tracer", tracer.wait(60))
for _ in range(3000):
    after = say("2")
    if after.endswith("semaphore 0"):
        break
    time.sleep(0.01)
print("after:", after)
target.stdin.close()
print("status", target.wait(60))
