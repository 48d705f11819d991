#!/usr/bin/env python3
"""malloc_total.py DTRACE PRELOAD: malloc() calls seen with stacks and sizes, and by a counter."""
import os
import re
import subprocess
import sys

dtrace, preload = sys.argv[1:]
out = subprocess.run(
    [dtrace, "-q", "-xsetenv=LD_PRELOAD=" + preload, "-xsetenv=MALLOC_COUNT=count.txt",
     "-xaggsize=64m", "-n",
     "pid$target:libc.so.6:malloc:entry { @[ustack(8)] = quantize(arg0); @total = count(); }",
     "-c", "/usr/bin/python3 -S -c 'import json,decimal'"],
    check=True, stdout=subprocess.PIPE, text=True).stdout
rows = sum(int(m) for m in re.findall(r"\|[@ ]{40} (\d+)", out))
frames = len(re.findall(r"^ +\S+`\S+", out, re.M))
total = int(re.findall(r"^ +(\d+)$", out, re.M)[-1])
with open("count.txt", encoding="ascii") as f:
    counted = int(f.read().split()[1])
print("histograms", rows, "count", total, "counter", counted, "frames", frames)
print("equal" if rows == total == counted and frames > 100 else "different")
