#!/usr/bin/env python3
"""Runs one declarative test case; see tests/README.md for the directives.

usage: runner.py --kind run|lang|err --dtrace PATH --fixtures DIR [--unprivileged] CASE

Exit status: 0 passed, 1 failed, 77 skipped (a REQUIRES is missing; says which).
"""
import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

SKIP = 77
UNPRIVILEGED_ID = 65534
DIRECTIVES = {
    "NAME", "RUN", "STATUS", "EXPECT", "EXPECT_REGEX", "REJECT_REGEX", "STDERR",
    "STDERR_REGEX", "STDERR_REJECT", "REQUIRES", "TIMEOUT", "USERS", "OUTPUT", "NATIVE",
}


class CaseError(Exception):
    pass


def parse_case(path):
    """Directives in order as (name, value); OUTPUT takes the lines up to END."""
    items = []
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if not line.strip() or line.startswith("#"):
            continue
        name, _, value = line.partition(" ")
        value = value.strip()
        if name not in DIRECTIVES:
            raise CaseError(f"{path}:{i}: unknown directive {name}")
        if name == "OUTPUT":
            block = []
            while i < len(lines) and lines[i] != "END":
                block.append(lines[i])
                i += 1
            if i == len(lines):
                raise CaseError(f"{path}: OUTPUT without END")
            i += 1
            value = "\n".join(block)
        elif name == "RUN":
            # Indented lines go on with the command.
            while i < len(lines) and lines[i][:1] in (" ", "\t"):
                value += "\n" + lines[i].strip()
                i += 1
        items.append((name, value))
    return items


def drop_privileges():
    """In the child: a uid without any capability, as an ordinary user is."""
    os.setgroups([])
    os.setresgid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    os.setresuid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def setpriv_prefix():
    return ["setpriv", f"--reuid={UNPRIVILEGED_ID}", f"--regid={UNPRIVILEGED_ID}",
            "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def run_command(command, args, timeout, env):
    """Runs a shell command in a session of its own; kills all of it at the timeout."""
    argv = ["bash", "-c", command]
    if args.unprivileged:
        argv = setpriv_prefix() + argv
    workdir = tempfile.mkdtemp(prefix="dtrace-case-")
    os.chmod(workdir, 0o777)
    env = dict(env, WORK=workdir, HOME=workdir)
    try:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, cwd=workdir, env=env,
                             start_new_session=True)
        try:
            out, err = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            return None, out, err
        return p.returncode, out, err
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


class Checker:
    def __init__(self, status, out, err):
        self.status = status
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        self.failures = []

    def check(self, ok, what):
        if not ok:
            self.failures.append(what)

    def apply(self, name, value):
        lines = [line.rstrip() for line in self.out.split("\n")]
        elines = [line.rstrip() for line in self.err.split("\n")]
        if name == "EXPECT":
            self.check(value.rstrip() in [line.strip() for line in lines] or value in lines,
                       f"no output line is {value!r}")
        elif name == "EXPECT_REGEX":
            self.check(re.search(value, self.out, re.M), f"output does not match {value!r}")
        elif name == "REJECT_REGEX":
            self.check(not re.search(value, self.out, re.M), f"output matches {value!r}")
        elif name == "STDERR":
            self.check(value in elines, f"no line of stderr is {value!r}")
        elif name == "STDERR_REGEX":
            self.check(re.search(value, self.err, re.M), f"stderr does not match {value!r}")
        elif name == "STDERR_REJECT":
            self.check(not re.search(value, self.err, re.M), f"stderr matches {value!r}")
        elif name == "OUTPUT":
            self.check(self.out.rstrip("\n") == value.rstrip("\n"),
                       "output differs from\n" + value)

    def report(self):
        for failure in self.failures:
            print("FAIL:", failure)
        if self.failures:
            print(f"--- status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}")
        return 1 if self.failures else 0


def environment(args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DTRACE_")}
    if args.tier:
        env["DTRACE_OPT_TIER"] = args.tier
    env.update(DTRACE=args.dtrace, FIX=args.fixtures, LC_ALL="C", TZ="UTC", SLOW=str(args.slow),
               CASES=os.path.dirname(os.path.abspath(args.case)),
               PATH=env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin")
    return env


def run_case(args):
    items = parse_case(args.case)
    values = dict(items)
    for need in [v for n, v in items if n == "REQUIRES"]:
        for program in need.split():
            if not (os.path.exists(program) or shutil.which(program)):
                print(f"SKIP: this case needs {program}")
                return SKIP
    command = values["RUN"]
    timeout = int(values.get("TIMEOUT", "240")) * args.slow
    status, out, err = run_command(command, args, timeout, environment(args))
    if status == SKIP:
        print("SKIP:", (out + err).decode("utf-8", "replace"))
        return SKIP
    c = Checker(status, out, err)
    c.check(status is not None, f"timed out after {timeout} s")
    wanted = int(values.get("STATUS", "0"))
    if status is not None and status < 0:
        status = 128 - status
    c.check(status is None or status == wanted, f"status {status}, expected {wanted}")
    for name, value in items:
        c.apply(name, value)
    return c.report()


def script_flags(path):
    """Flags from a first line of the form: /* @@ flags: ... */"""
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = re.search(r"@@\s*flags:\s*(.*?)\s*\*/", line)
            if m:
                return shlex.split(m.group(1))
    return []


def run_script(args, extra):
    flags = script_flags(args.case)
    operands = []
    if "--" in flags:
        at = flags.index("--")
        flags, operands = flags[:at], flags[at + 1:]
    command = " ".join(shlex.quote(w) for w in
                       [args.dtrace, *extra, *flags, "-s", args.case, *operands])
    return run_command(command, args, 30 * args.slow, environment(args))


def directives(path):
    """The @@ directives of a D file: flags and status are read elsewhere."""
    with open(path, encoding="utf-8", errors="replace") as f:
        return re.findall(r"/\*\s*@@\s*(\w+)", f.read())


def read_expected(path):
    """A file's text, or None where there is no such file."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def without_notices(text):
    """stderr without the notice that names the script's path, without code offsets and IDs."""
    text = re.sub(r"^dtrace: script '.*' matched \d+ probes?\n", "", text, flags=re.M)
    return re.sub(r" at DIF offset \d+", "", re.sub(r"\(ID \d+: ", "(ID N: ", text))


def run_lang(args):
    """NAME.d must print exactly NAME.out and exit 0 (or what @@ status says)."""
    said = directives(args.case)
    if "testing" in said:
        os.environ["_DTRACE_TESTING"] = "1"
    status, out, err = run_script(args, [] if "loud" in said else ["-q"])
    c = Checker(status, out, err)
    with open(args.case, encoding="utf-8", errors="replace") as f:
        m = re.search(r"@@\s*status:\s*(\d+)", f.read())
    c.check(status == (int(m.group(1)) if m else 0), f"status {status}")
    expected = read_expected(args.case[:-2] + ".out")
    if expected is not None:
        c.check(c.out == expected, "output differs from\n" + expected)
    expected = read_expected(args.case[:-2] + ".err")
    if expected is not None:
        c.check(without_notices(c.err) == expected, "stderr differs from\n" + expected)
    return c.report()


def run_err(args):
    """D_TAG.name.d must fail to compile, with exactly this tag first, at the line of lines."""
    name = os.path.basename(args.case)[:-2]
    tag = name.split(".")[0]
    status, out, err = run_script(args, ["-xerrtags", "-e"])
    c = Checker(status, out, err)
    c.check(status == 1, f"status {status}, expected 1")
    m = re.search(r"\[(D_\w+)\] (?:\"[^\"]*\", )?(?:line (\d+): )?", c.err)
    c.check(m and m.group(1) == tag, f"no [{tag}] in the message")
    line = m.group(2) or "-" if m else "?"
    wanted = expected_line(os.path.join(os.path.dirname(args.case), "lines"), name)
    c.check(line == wanted, f"reported at line {line}, expected {wanted}")
    return c.report()


def expected_line(table, name):
    """What the table says of a case: a line number, or - for a message without one."""
    with open(table, encoding="utf-8") as f:
        for words in map(str.split, f):
            if words[:1] == [name]:
                return words[1]
    return "missing in lines"


def run_ok(args):
    """Must compile."""
    status, out, err = run_script(args, ["-e"])
    c = Checker(status, out, err)
    c.check(status == 0, f"status {status}, expected 0")
    return c.report()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kind", choices=["run", "lang", "err", "ok"], required=True)
    p.add_argument("--dtrace", required=True)
    p.add_argument("--fixtures", required=True)
    p.add_argument("--tier", help="as by -x tier, for all that the case runs")
    p.add_argument("--unprivileged", action="store_true")
    p.add_argument("--slow", type=int, default=1, help="factor on every timeout")
    p.add_argument("case")
    args = p.parse_args()
    os.environ.pop("_DTRACE_TESTING", None)
    if args.unprivileged and os.geteuid() != 0:
        args.unprivileged = False       # already an ordinary user
    try:
        return {"run": run_case, "lang": run_lang, "err": run_err, "ok": run_ok}[args.kind](args)
    except CaseError as e:
        print(e)
        return 1


if __name__ == "__main__":
    sys.exit(main())
