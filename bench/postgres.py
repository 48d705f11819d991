"""What probes cost a PostgreSQL server: pgbench on it with and without dtrace, in turn.

Usage: bench/postgres.py DTRACE [ROUNDS [SECONDS]]; prints a Markdown table of medians.
The idle probes are enabled but not hit by the load: checkpoints, deadlocks, sorts, statement
parsing of other kinds; the busy ones are hit some twenty times a transaction, and counted by
name, also on breakpoints alone.  Everything happens in a temporary directory.
"""
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

dtrace = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 4
bindir = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
as_user = []
if os.geteuid() == 0:
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
IDLE = ",".join("postgresql*:::" + p for p in (
    "checkpoint-start", "checkpoint-done", "deadlock-found", "sort-start", "sort-done",
    "buffer-sync-start", "twophase-checkpoint-start", "lock-wait-start"))
BUSY = ",".join("postgresql*:::" + p for p in (
    "query-*", "transaction-*", "lwlock-acquire", "lwlock-release", "buffer-read-*"))


def run(*args):
    return subprocess.run([*as_user, *args], check=True, capture_output=True, text=True).stdout


def bench():
    out = run(bindir + "/pgbench", "-n", "-S", "-c", "2", "-j", "1", "-T", str(seconds), "postgres")
    return float(re.search(r"tps = ([\d.]+)", out).group(1))


def traced(server, probes, *flags):
    tracer = subprocess.Popen([dtrace, *flags, "-qn", probes + " { @[probename] = count(); }",
                               "-p", str(server.pid)], stdout=subprocess.DEVNULL)
    while f"TracerPid:\t{tracer.pid}" not in open(f"/proc/{server.pid}/status").read():
        time.sleep(0.02)
    time.sleep(1)
    tps = bench()
    tracer.send_signal(signal.SIGINT)
    tracer.wait(60)
    return tps


work = tempfile.mkdtemp(prefix="dtrace-bench-")
os.chmod(work, 0o777)
os.environ.update(PGHOST=work, PGUSER="bench", LC_ALL="C")
os.chdir(work)
run(bindir + "/initdb", "-D", "data", "-A", "trust", "-U", "bench", "-N")
server = subprocess.Popen(
    [*as_user, bindir + "/postgres", "-D", "data", "-k", work, "-c", "listen_addresses=",
     "-c", "autovacuum=off"], stderr=open("server.log", "w"))
try:
    while "ready to accept connections" not in open("server.log").read():
        time.sleep(0.05)
    run(bindir + "/pgbench", "-i", "-q", "-s", "2", "postgres")
    bench()
    kinds = {
        "alone": lambda: bench(),
        "idle probes enabled": lambda: traced(server, IDLE),
        "busy probes counted": lambda: traced(server, BUSY),
        "the same, -x tier=stop": lambda: traced(server, BUSY, "-x", "tier=stop"),
    }
    got = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, measure in kinds.items():
            got[kind].append(measure())
finally:
    server.send_signal(signal.SIGINT)
    server.wait(60)
    shutil.rmtree(work, ignore_errors=True)
print("| pgbench -S | transactions/s | slower by |\n|---|---|---|")
for kind, tps in got.items():
    ratio = statistics.median(p / q for p, q in zip(got["alone"], tps))
    print(f"| {kind} | {statistics.median(tps):.0f} | {ratio:.2f} × |")
