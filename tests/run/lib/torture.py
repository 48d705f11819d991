#!/usr/bin/env python3
"""torture.py DTRACE TORTURE SECONDS: threads, signals, longjmp, forks; traced, attached to again
and again, and with the tracer killed.  Counts are exact, and the program never sees any of it."""
import collections
import os
import random
import re
import subprocess
import sys
import time

COUNTS = ("pid$target::work:entry { @w = count(); } pid$target::handled:entry { @h = count(); } "
          "pid$target::work:return { @r = count(); } "
          "END { printa(\"w %@d\\n\", @w); printa(\"h %@d\\n\", @h); printa(\"r %@d\\n\", @r); }")
RECORDS = ("pid$target::work:entry { w++; } pid$target::work:return { r++; } "
           "pid$target::handled:entry { h++; } "
           "END { printf(\"w %d\\nh %d\\nr %d\\n\", w, h, r); }")
STACKS = ("pid$target::work:entry /ustackdepth > 2/ { @w[ustack(4)] = count(); } "
          "pid$target::work:return /ustackdepth > 2/ { r++; } "
          "pid$target::handled:entry /ustackdepth > 3/ { h++; } END { normalize(@w, 1); "
          "printa(\"%kw %@d\\n\", @w); printf(\"h %d\\nr %d\\n\", h, r); }")
ATTACHED = ["pid$target::work:entry,pid$target::handled:entry { @ = count(); }",
            "pid$target::work:entry { x = arg0; } pid$target::work:return { y = arg1; }",
            "pid$target:libc::entry { @ = count(); }",
            "pid$target::work:entry,pid$target::work:return { printf(\"%d\\n\", arg1); }",
            "pid$target::work:entry,pid$target::handled:return { @[ustack(5)] = count(); }"]
KILLED = [ATTACHED[0], ATTACHED[1], ATTACHED[3]]


def numbers(text):
    """An aggregation that nothing was added to prints nothing; one of several keys is their sum."""
    sums = collections.Counter()
    for k, v in re.findall(r"^(\w+) (\d+)$", text, re.M):
        sums[k] += int(v)
    return sums


def exact(dtrace, torture, seconds):
    for name, script in (("counts", COUNTS), ("records", RECORDS), ("stacks", STACKS)):
        p = subprocess.run([dtrace, "-qn", script, "-c", f"{torture} {seconds}"],
                           stdout=subprocess.PIPE, text=True, timeout=600)
        n = numbers(p.stdout)
        good = (p.returncode == 0 and "status" not in p.stdout and n["wrong"] == 0 and n["work"] and
                n["w"] == n["work"] == n["r"] and n["h"] == n["handled"])
        print(name, "exact" if good else f"differ: {p.returncode} {p.stdout}")


def is_unharmed(t):
    out = t.communicate()[0]
    n = numbers(out)
    good = t.returncode == 0 and "status" not in out and n["work"] and n["wrong"] == 0
    return good, f"{t.returncode} {out}"


def attach(dtrace, torture, seconds):
    t = subprocess.Popen([torture, str(seconds)], stdout=subprocess.PIPE, text=True)
    rounds = 0
    while t.poll() is None:
        end = f" tick-{random.randrange(1, 300)}ms {{ exit(0); }}"
        subprocess.run([dtrace, "-qo", "/dev/null", "-p", str(t.pid), "-n",
                        random.choice(ATTACHED) + end], stderr=subprocess.DEVNULL)
        rounds += 1
    good, what = is_unharmed(t)
    if good and rounds < 2:
        attach(dtrace, torture, 4 * seconds)    # a slow machine
        return
    print("attached", "unharmed" if good else f"harmed after {rounds}: {what}")


def kill(dtrace, torture, seconds):
    """One killed tracer a process: what it leaves keeps the next one from the record tier."""
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end or not rounds:
        t = subprocess.Popen([torture, "2"], stdout=subprocess.PIPE, text=True)
        ready = f"ready{rounds}"
        script = random.choice(KILLED)
        d = subprocess.Popen([dtrace, "-wqo", "/dev/null", "-p", str(t.pid), "-n",
                              f"BEGIN {{ system(\"touch {ready}\"); }} {script}"],
                             stderr=subprocess.DEVNULL)
        while not os.path.exists(ready) and d.poll() is None:
            time.sleep(0.01)
        time.sleep(random.random() / 5)
        d.kill()
        d.wait()
        rounds += 1
        good, what = is_unharmed(t)
        if not good:
            print(f"killed harmed in round {rounds} by {script}: {what}")
            return
    print("killed unharmed")


def main():
    dtrace, torture, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    exact(dtrace, torture, max(1, seconds // 4))
    attach(dtrace, torture, max(2, seconds // 4))
    kill(dtrace, torture, max(2, seconds // 4))


main()
