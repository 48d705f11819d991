#!/usr/bin/env python3
"""torture.py DTRACE FIXTURES SECONDS: threads, signals, longjmp, forks, libraries that come and go;
traced, attached to again and again, and with the tracer killed; on both tiers.  Counts are exact, of
sessions that see a part of it, too, and the program never sees any of it.  Takes about SECONDS."""
import collections
import os
import random
import re
import subprocess
import sys
import time

CALLS = ("syscall::getppid:entry /pid == $target/ { @c = count(); } "
         "syscall::getuid:return /pid == $target/ { @u = count(); } "
         "pid$target:libplug.so:plug_work:entry { @p = count(); } ")
CALLS_END = "printa(\"c %@d\\n\", @c); printa(\"u %@d\\n\", @u); printa(\"p %@d\\n\", @p); "
COUNTS = (CALLS + "pid$target::work:entry { @w = count(); } pid$target::handled:entry { @h = count(); } "
          "pid$target::work:return { @r = count(); } END { " + CALLS_END +
          "printa(\"w %@d\\n\", @w); printa(\"h %@d\\n\", @h); printa(\"r %@d\\n\", @r); }")
RECORDS = ("pid$target::work:entry { w++; } pid$target::work:return { r++; } "
           "pid$target::handled:entry { h++; } pid$target:libplug.so:plug_work:return { p++; } "
           "syscall::getppid:return /pid == $target/ { c++; } "
           "syscall::getuid:entry /pid == $target/ { u++; } "
           "END { printf(\"w %d\\nh %d\\nr %d\\np %d\\nc %d\\nu %d\\n\", w, h, r, p, c, u); }")
STACKS = (CALLS + "pid$target::work:entry /ustackdepth > 2/ { @w[ustack(4)] = count(); } "
          "pid$target::work:return /ustackdepth > 2/ { r++; } "
          "pid$target::handled:entry /ustackdepth > 3/ { h++; } END { normalize(@w, 1); " + CALLS_END +
          "printa(\"%kw %@d\\n\", @w); printf(\"h %d\\nr %d\\n\", h, r); }")

# Each thread's arguments count up by one: the hits of a session have no gap and no double.  By records,
# for several aggregations are not collected at the same moment; of work(), one hit in 64.
HITS = ("pid$target::work:entry /!(arg0 & 63)/ { printf(\"hit work %d %d 64\\n\", tid, arg0); } "
        "pid$target::handled:entry { printf(\"hit handled %d %d 1\\n\", tid, arg0); } "
        "pid$target:libplug.so:plug_work:entry { printf(\"hit plug_work %d %d 1\\n\", tid, arg0); } "
        "syscall::getppid:entry /pid == $target/ { printf(\"hit getppid %d %d 1\\n\", tid, arg0); } "
        "syscall::getuid:entry /pid == $target/ { printf(\"hit getuid %d %d 1\\n\", tid, arg0); }")
ATTACHED = ["pid$target::work:entry,pid$target::handled:entry { @ = count(); }",
            "pid$target::work:entry { x = arg0; } pid$target::work:return { y = arg1; }",
            "pid$target:libc::entry { @ = count(); }",
            "pid$target::work:entry,pid$target::work:return { printf(\"%d\\n\", arg1); }",
            "pid$target::work:entry,pid$target::handled:return { @[ustack(5)] = count(); }"]
KILLED = [ATTACHED[0], ATTACHED[1], ATTACHED[3]]
FRAMES = ["pid$target::count:entry { @ = count(); }",
          "pid$target::count:entry { x = arg0; } pid$target::count:return { y = arg1; }"]


class Torture:
    def __init__(self, dtrace, fixtures):
        self.dtrace = dtrace
        self.plug = os.path.join(fixtures, "libplug.so")
        self.torture = os.path.join(fixtures, "torture")
        self.frames = os.path.join(fixtures, "frames")

    def start(self, seconds, *args):
        return subprocess.Popen([self.torture, str(seconds), *args],
                                stdout=subprocess.PIPE, text=True)

    def exact(self, tier, name, script, seconds):
        p = subprocess.run([self.dtrace, "-x", "tier=" + tier, "-Zqn", script, "-c",
                            f"{self.torture} {seconds} {self.plug}"],
                           stdout=subprocess.PIPE, text=True, timeout=60 * seconds + 600)
        n = numbers(p.stdout)
        good = (p.returncode == 0 and "status" not in p.stdout and n["wrong"] == 0 and n["work"] and
                n["loaded"] and n["w"] == n["work"] == n["r"] and n["h"] == n["handled"] == n["u"] and
                n["c"] == n["calls"] and n["p"] == n["loaded"])
        print(tier, name, "exact" if good else f"differ: {p.returncode} {p.stdout}", flush=True)

    def session(self, tier, pid, script):
        end = f" tick-{random.randrange(1, 300)}ms {{ exit(0); }}"
        # Asked for, "record" would have system calls of attached processes recorded, too.
        flags = ["-x", "tier=stop"] if tier == "stop" else []
        p = subprocess.run([self.dtrace, *flags, "-Zqp", str(pid), "-n", script + end],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return wrong_hits(p.stdout)

    def attach(self, tier, seconds):
        t = self.start(seconds, self.plug)
        rounds, wrong = 0, []
        while t.poll() is None:
            wrong += self.session(tier, t.pid, HITS if rounds % 2 == 0 else random.choice(ATTACHED))
            rounds += 1
        good, what = is_unharmed(t)
        if good and rounds < 2 and not wrong:
            self.attach(tier, 4 * seconds)    # a slow machine
            return
        if wrong:
            print(f"{tier} attached: wrong hits", *wrong[:20], sep="\n")
        print(tier, "attached", "unharmed" if good else f"harmed after {rounds}: {what}", flush=True)

    def start_victim(self, i):
        """A program, and what to ask of it; one killed tracer each: what it leaves keeps the next one
        from the record tier."""
        if i % 2 == 0:
            return self.start(2), random.choice(KILLED)
        t = subprocess.Popen([self.frames, "1"], stdout=subprocess.PIPE, text=True)
        time.sleep(random.random() / 20)
        return t, random.choice(FRAMES)

    def kill(self, seconds):
        """At any moment: while it attaches, too."""
        end = time.monotonic() + seconds
        rounds = 0
        while time.monotonic() < end or rounds < 2:
            t, script = self.start_victim(rounds)
            ready = f"ready{rounds}"
            d = subprocess.Popen([self.dtrace, "-wqo", "/dev/null", "-p", str(t.pid), "-n",
                                  f"BEGIN {{ system(\"touch {ready}\"); }} {script}"],
                                 stderr=subprocess.DEVNULL)
            while rounds % 4 < 2 and not os.path.exists(ready) and d.poll() is None:
                time.sleep(0.01)
            time.sleep(random.random() / 4)
            d.kill()
            d.wait()
            rounds += 1
            good, what = is_unharmed(t)
            if not good:
                print(f"killed harmed in round {rounds} by {script}: {what}")
                return
        print("killed unharmed")


def numbers(text):
    """An aggregation that nothing was added to prints nothing; one of several keys is their sum."""
    sums = collections.Counter()
    for k, v in re.findall(r"^(\w+) (\d+)$", text, re.M):
        sums[k] += int(v)
    return sums


def wrong_hits(text):
    last, wrong = {}, []
    for name, tid, n, step in re.findall(r"^hit (\w+) (\d+) (\d+) (\d+)$", text, re.M):
        if last.setdefault((name, tid), int(n) - int(step)) != int(n) - int(step):
            wrong.append(f"{name} of {tid}: {n} after {last[name, tid]}")
        last[name, tid] = int(n)
    return wrong


def is_unharmed(t):
    out = t.communicate()[0]
    n = numbers(out)
    good = t.returncode == 0 and "status" not in out and n["work"] and n["wrong"] == 0
    return good, f"{t.returncode} {out}"


def main():
    t = Torture(sys.argv[1], sys.argv[2])
    seconds = int(sys.argv[3])
    eighth, sixteenth = max(2, seconds // 8), max(2, seconds // 16)
    t.exact("record", "counts", COUNTS, eighth)
    t.exact("record", "records", RECORDS, eighth)
    t.exact("record", "stacks", STACKS, eighth)
    t.exact("stop", "counts", COUNTS, sixteenth)
    t.exact("stop", "stacks", STACKS, sixteenth)
    t.attach("record", eighth)
    t.attach("stop", eighth)
    t.kill(eighth)


main()
