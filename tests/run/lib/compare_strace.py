#!/usr/bin/env python3
"""compare_strace.py [--but NAMES] DTRACE COMMAND...: counts of dtrace and strace -f -c agree.

Calls that never return (exit, exit_group) are not in strace's table and are left out.
"""
import collections
import os
import subprocess
import sys

NAMES = {"newstat": "stat", "newfstat": "fstat", "newlstat": "lstat", "newuname": "uname",
         "sendfile64": "sendfile", "umount": "umount2", "arm64_personality": "personality"}
UNRETURNING = {"exit", "exit_group"}


def strace_counts(command):
    subprocess.run(["strace", "-f", "-c", "-U", "name,calls", "-o", "strace.out", *command],
                   check=True, stdout=subprocess.DEVNULL)
    counts = {}
    with open("strace.out", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if len(words) == 2 and words[1].isdigit() and words[0] != "total":
                counts[words[0]] = int(words[1])
    return counts


def dtrace_counts(dtrace, command):
    p = subprocess.run([dtrace, "-qn", "syscall:::entry { @[execname, probefunc] = count(); } "
                        "END { printa(\"%s %s %@d\\n\", @); }", "-c", " ".join(command)],
                       check=True, stdout=subprocess.PIPE, text=True)
    counts, programs = collections.Counter(), set()
    for line in p.stdout.splitlines():
        words = line.split()
        if len(words) == 3:
            programs.add(words[0])
            counts[NAMES.get(words[1], words[1])] += int(words[2])
    return counts, programs


def main():
    args = sys.argv[1:]
    but = args[1].split(",") if args[0] == "--but" else []
    dtrace, command = args[2 if but else 0], args[3 if but else 1:]
    before = set(os.listdir("."))
    want = strace_counts(command)
    for name in set(os.listdir(".")) - before:
        os.remove(name)     # both runs start from the same directory
    got, programs = dtrace_counts(dtrace, command)
    for name in UNRETURNING.union(but):
        want.pop(name, None)
        got.pop(name, None)
    print("programs", " ".join(sorted(programs)))
    print("calls", sum(want.values()), sum(got.values()))
    bad = [(n, want.get(n, 0), got.get(n, 0)) for n in sorted(set(want) | set(got))
           if want.get(n, 0) != got.get(n, 0)]
    for row in bad:
        print("DIFFERS", *row)
    print("equal" if not bad else "different")
    return 1 if bad else 0


sys.exit(main())
