"""A PostgreSQL server of our own, attached while pgbench runs: no query is missed, and it goes on.

Usage: postgres.py DTRACE [TOOL]; prints what the trace counted and pgbench did, or what the
tool said of a few statements.
"""
import glob
import os
import re
import signal
import subprocess
import sys
import time

dtrace = sys.argv[1]
bindir = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
work = os.getcwd()
as_user = []
if os.geteuid() == 0:  # the server refuses to run as root
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    os.chmod(work, 0o777)
os.environ.update(PGHOST=work, PGUSER="bench", LC_ALL="C")


def run(*args, **kw):
    return subprocess.run([*as_user, *args], check=True, capture_output=True, text=True, **kw).stdout


def program(name):
    return os.path.join(bindir, name)


def bench(*args):
    out = run(program("pgbench"), "-n", *args, "postgres")
    return int(re.search(r"transactions actually processed: (\d+)", out).group(1))


def await_line(path, text):
    for _ in range(3000):
        if os.path.exists(path) and text in open(path, errors="replace").read():
            return
        time.sleep(0.02)
    sys.exit(f"no '{text}' in {path}")


SCRIPT = """
BEGIN { printf("ready\\n"); }
postgresql*:::query-start /strstr(copyinstr(arg0), "SELECT abalance") == copyinstr(arg0)/
	{ @["select"] = count(); }
postgresql*:::query-start /copyinstr(arg0) == "END;"/ { @["end"] = count(); }
postgresql*:::query-start { @["query-start"] = count(); }
postgresql*:::query-done { @["query-done"] = count(); }
postgresql*:::transaction-start { @["transaction-start"] = count(); }
postgresql*:::transaction-commit { @["transaction-commit"] = count(); }
postgresql*:::transaction-abort { @["transaction-abort"] = count(); }
END { printa("%s %@d\\n", @); }
"""



def attach(*args):
    tracer = subprocess.Popen([dtrace, "-x", "switchrate=10ms", "-o", "trace", *args,
                               "-p", str(server.pid)])
    return tracer


def trace_bench():
    tracer = attach("-qn", SCRIPT)
    await_line("trace", "ready")
    print("select-only", bench("-S", "-c", "4", "-j", "2", "-t", "250"))
    print("tpc-b", bench("-c", "4", "-j", "2", "-t", "50"))
    tracer.send_signal(signal.SIGINT)
    print("tracer", tracer.wait(60))
    counts = {k: int(v) for k, v in re.findall(r"^(\S+) (\d+)$", open("trace").read(), re.M)}
    print("counted select", counts["select"], "of which tpc-b's", counts["select"] - 1000)
    print("counted end", counts["end"])
    print("all queries done", counts["query-start"] == counts["query-done"])
    print("all transactions ended", counts["transaction-start"] ==
          counts["transaction-commit"] + counts.get("transaction-abort", 0))
    print("enough commits", counts["transaction-commit"] >= 1200)
    print("after", bench("-S", "-c", "2", "-t", "50"))


def trace_tool(tool):
    tracer = attach("-s", tool)
    await_line("trace", "STATEMENT")
    run(program("psql"), "-c", "select 40 + 2", "-c", "select count(*) from pgbench_branches",
        "postgres")
    tracer.send_signal(signal.SIGINT)
    print("tracer", tracer.wait(60))
    print(re.sub(r"^\d+ +\d+", "N N", open("trace").read(), flags=re.M).strip())


run(program("initdb"), "-D", "data", "-A", "trust", "-U", "bench", "-N")
server = subprocess.Popen(
    [*as_user, program("postgres"), "-D", "data", "-k", work, "-c", "listen_addresses=",
     "-c", "fsync=off", "-c", "autovacuum=off"], stderr=open("server.log", "w"))
try:
    await_line("server.log", "ready to accept connections")
    run(program("pgbench"), "-i", "-q", "-s", "1", "postgres")
    if len(sys.argv) > 2:
        trace_tool(sys.argv[2])
    else:
        trace_bench()
finally:
    server.send_signal(signal.SIGINT)
print("server", server.wait(60))
