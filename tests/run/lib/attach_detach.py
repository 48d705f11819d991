#!/usr/bin/env python3
"""attach_detach.py DTRACE COMMAND...: a running program is probed, released, and is as before.

The program must print a line "tick N" now and then.  Its text is compared with the file's
before, while and after; it must go on ticking; no mapping of ours may be left writable.
"""
import os
import re
import signal
import subprocess
import sys


def text_of(pid):
    """Bytes of all private executable file mappings."""
    text = {}
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* +(/\S+)", line)
            if not m:
                continue
            lo, hi = int(m.group(1), 16), int(m.group(2), 16)
            mem.seek(lo)
            text[lo, m.group(3)] = mem.read(hi - lo)
    return text


def wait_tick(p):
    while True:
        line = p.stdout.readline()
        if not line:
            raise SystemExit("the program ended early")
        if line.startswith("tick"):
            return int(line.split()[1])


def main():
    dtrace, command = sys.argv[1], sys.argv[2:]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_tick(p)
        before = text_of(p.pid)
        d = subprocess.run(
            [dtrace, "-q", "-p", str(p.pid), "-n",
             "pid$target:libc.so.6::entry { @ = count(); } tick-5s { exit(0); }"
             "END { printa(\"hits %@d\\n\", @); }"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        print(d.stdout.strip())
        print("status", d.returncode)
        first = wait_tick(p)
        while wait_tick(p) < first + 3:
            pass
        after = text_of(p.pid)
        common = set(before) & set(after)
        print("text", "identical" if common and all(before[k] == after[k] for k in common)
              else "CHANGED")
        with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
            print("tracer", re.search(r"TracerPid:\t(\d+)", f.read()).group(1))
    finally:
        p.send_signal(signal.SIGKILL)
        p.wait()


main()
