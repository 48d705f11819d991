#!/usr/bin/env python3
"""released.py DTRACE BUSY SIGNAL...: a -p target outlives a tracer that gets the signal.

For each signal the tracer is attached anew, has hits, gets the signal and ends; then the
target's text must be the file's, its threads be traced by nobody and have their CPUs, and it
must go on.
"""
import os
import re
import signal
import subprocess
import sys


def text_of(pid):
    """Bytes of all private executable file mappings, and those that have no file."""
    text, anonymous = {}, []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ (\d+) *(.*)", line)
            if not m:
                continue
            if m.group(3) == "0":
                if m.group(4) not in ("[vdso]", "[vsyscall]"):
                    anonymous.append(line.strip())
                continue
            lo, hi = int(m.group(1), 16), int(m.group(2), 16)
            mem.seek(lo)
            text[lo] = mem.read(hi - lo)
    return text, anonymous


def wait_tick(p):
    line = p.stdout.readline()
    if not line:
        raise SystemExit("the target ended early")
    return int(line.split()[1])


def threads(pid):
    """What of each thread a tracer might change."""
    seen = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as f:
            status = f.read()
        seen[tid] = tuple(re.search(key + r":\t(\S+)", status).group(1) for key in
                          ("TracerPid", "SigBlk", "SigIgn", "SigCgt", "Cpus_allowed"))
    return seen


def one(dtrace, p, name):
    sig = getattr(signal, "SIG" + name)
    before, were = text_of(p.pid)[0], threads(p.pid)
    d = subprocess.Popen(
        [dtrace, "-q", "-x", "switchrate=10ms", "-p", str(p.pid), "-n",
         "BEGIN { seen = 0; } pid$target:busy::entry,pid$target:libc.so.6:usleep:,pid$target:libc.so.6:*nanosleep*: "
         "{ @ = count(); } pid$target::work:return /!seen/ { seen = 1; trace(\"hit\\n\"); }"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = d.stdout.readline()
    if line.strip() != "hit":
        raise SystemExit(f"{name}: no hit: {line} {d.stderr.read()}")
    first = wait_tick(p)
    while wait_tick(p) < first + 2:
        pass
    d.send_signal(sig)
    err = d.communicate(timeout=60)[1]
    first = wait_tick(p)
    while wait_tick(p) < first + 3:
        pass
    after, left = text_of(p.pid)
    print(name, "status", d.returncode,
          "text", "identical" if before == after else "CHANGED",
          "threads", "identical" if were == threads(p.pid) else f"CHANGED {threads(p.pid)}",
          "annex", len(left), err.strip())


def main():
    dtrace, busy = sys.argv[1:3]
    p = subprocess.Popen([busy, "120", "4"], stdout=subprocess.PIPE, text=True)
    try:
        wait_tick(p)
        # A thread is born with all signals blocked.
        while [t[1] for t in threads(p.pid).values()] != ["0" * 16] * 5:
            wait_tick(p)
        for name in sys.argv[3:]:
            one(dtrace, p, name)
    finally:
        p.kill()
        p.wait()


main()
