#!/usr/bin/env python3
"""sigtrap.py DTRACE SIGTRAP: programs with a use of their own for SIGTRAP see no difference."""
import signal
import subprocess
import sys

SCRIPTS = {
    "work": "pid$target::work: { @ = count(); }",
    "libc": "pid$target::work:entry,pid$target:libc.so.6::entry,pid$target:libc.so.6::return "
            "{ @ = count(); }",
    "none": "syscall::rt_sigprocmask: { @ = count(); }",
}


def inherit(mode):
    """What the program is born with."""
    if mode == "waited":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTRAP])
    if mode in ("ignored", "changed"):
        signal.signal(signal.SIGTRAP, signal.SIG_IGN)


def run(argv, mode):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       preexec_fn=lambda: inherit(mode), timeout=60)
    return p.returncode, p.stdout, p.stderr


def main():
    dtrace, program = sys.argv[1:3]
    for mode in ("handler", "blocked", "waited", "ignored", "changed"):
        plain = run([program, mode], mode)
        for name, script in SCRIPTS.items():
            traced = run([dtrace, "-q", "-o", "/dev/null", "-n", script, "-c",
                          f"{program} {mode}"], mode)
            print(mode, name, "same" if plain == traced else f"DIFFERS {plain} {traced}")


main()
