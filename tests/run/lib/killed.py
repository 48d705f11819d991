#!/usr/bin/env python3
"""killed.py DTRACE ROUNDS SECONDS PROGRAM ...: attaches to the program and kills the tracer with
SIGKILL at a random moment, ROUNDS times, each with a new program.  It must end as if nothing was."""
import os
import random
import subprocess
import sys
import time

SCRIPTS = ["pid$target::count:entry { @ = count(); }",
           "pid$target::count:entry { x = arg0; } pid$target::count:return { y = arg1; }"]


def kill_one(dtrace, program):
    t = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    time.sleep(0.05 + random.random() / 20)
    d = subprocess.Popen([dtrace, "-qo", "/dev/null", "-p", str(t.pid), "-n", SCRIPTS[int(os.environ.get("S","0"))]],
                         stderr=subprocess.DEVNULL)
    time.sleep(random.random() * 0.25)
    d.kill()
    d.wait()
    out = t.communicate()[0]
    return t.returncode == 0 and " wrong 0\n" in out, f"{t.returncode} {out}"


def main():
    dtrace, rounds, program = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    harmed = 0
    for i in range(rounds):
        good, what = kill_one(dtrace, program)
        if not good:
            print(f"harmed in round {i}: {what}", flush=True)
            harmed += 1
    print("harmed", harmed)


main()
