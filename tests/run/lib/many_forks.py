#!/usr/bin/env python3
"""many_forks.py N: N children at a time, each of which allocates memory; prints how many failed."""
import os
import sys

pids = []
r, w = os.pipe()
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if not pid:
        os.close(w)
        os.read(r, 1)           # all are born when the pipe is closed
        blocks = [bytearray(100000) for _ in range(10)]
        os._exit(len(blocks) - 10)
    pids.append(pid)
os.close(w)
print("failed", sum(os.waitpid(pid, 0)[1] != 0 for pid in pids))
