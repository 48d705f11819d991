#!/usr/bin/env python3
"""bounded.py DTRACE FIXTURES: the tracer's memory does not grow with the length of a session.

Each load is run short and long; the larger may take one MiB more.
"""
import os
import sys

SLACK_KB = 1024


def peak(argv):
    """Largest resident size of the tracer in KiB."""
    pid = os.fork()
    if not pid:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execvp(argv[0], argv)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"status {status:#x}: {argv}")
    return usage.ru_maxrss


def main():
    dtrace, fixtures = sys.argv[1:3]
    processes = "bash -c 'for ((i = 0; i < %d; i++)); do (:); done'"
    loads = {
        "processes": ("syscall::exit_group:entry { @ = count(); } "
                      "pid$target:libc.so.6:malloc:entry { @m = count(); }", processes, 200, 2000),
        "keys": ("pid$target::hit:entry { @[arg0 % 1000] = count(); self->x = arg0; "
                 "t[tid, arg0 % 100] = timestamp; } pid$target::hit:return { self->x = 0; }",
                 f"{fixtures}/threads 2 %d", 5000, 50000),
        "strings": ("pid$target::hit:entry { printf(\"%d %s\\n\", arg0, execname); }",
                    f"{fixtures}/threads 2 %d", 5000, 50000),
        "objects": ("pid$target:libplug.so::entry,pid$target:libplug.so::return { @ = count(); }",
                    f"{fixtures}/dlloop {fixtures}/libplug.so %d", 50, 1000),
    }
    for name, (script, command, few, many) in loads.items():
        sizes = [peak([dtrace, "-qZ", "-b", "256k", "-n", script, "-c", command % n]) for n in (few, many)]
        print(name, "bounded" if sizes[1] <= sizes[0] + SLACK_KB else f"GREW {sizes}")


main()
