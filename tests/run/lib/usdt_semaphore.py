"""Attaches to a program that waits: its semaphore is raised once while traced, 0 after.

The third argument is the provider: fix$target leaves children alone, fix* does not.
"""
import subprocess
import sys

dtrace, program, provider = sys.argv[1:4]
target = subprocess.Popen([program, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(text):
    target.stdin.write(text + "\n")
    target.stdin.flush()
    return target.stdout.readline().strip()


pid = target.stdout.readline().split()[1]
print("before:", say("1"))
script = ('BEGIN { printf("ready\\n"); } PROV:::guarded { printf("hit %d\\n", arg0); } '
          "PROV:::guarded, fix$target::guarded:guarded /arg0 == 9/ { exit(0); }").replace("PROV", provider)
tracer = subprocess.Popen([dtrace, "-x", "switchrate=1ms", "-qn", script, "-p", pid],
                          stdout=subprocess.PIPE, text=True)
print(tracer.stdout.readline().strip())
print("traced:", say("2"))
print("forked:", say("f"), "/", target.stdout.readline().strip())
say("9")
print(sorted(set(tracer.stdout.read().split("\n")) - {""}))
print("tracer", tracer.wait(60))
print("after:", say("3"))
print("forked:", say("f"), "/", target.stdout.readline().strip())
target.stdin.close()
print("status", target.wait(60))
