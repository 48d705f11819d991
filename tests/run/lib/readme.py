#!/usr/bin/env python3
"""readme.py DTRACE FILE: the examples of a README or of a man page are true.

```sh blocks (and .EX blocks of a man page) are run as they stand, in the current directory, with
`dtrace` on the PATH and PID replaced by a process that writes for a while; a command per line, as
bash sees them.  Each must succeed, print something and complain of nothing.
```console blocks say what is printed: each line must come in this order, "..." for any; numbers
and the length of bars don't count.
Blocks of the repository's own scripts are only checked for being there.
"""
import os
import re
import subprocess
import sys
import tempfile

TIMEOUT = 120
WRITER = "i=0; while [ $i -lt 40 ]; do echo line >/dev/null; sleep .05; i=$((i + 1)); done"
COMPLAINTS = re.compile(r"(?i)error|invalid|failed|syntax|drop|not found|usage")


def markdown_blocks(text):
    return re.findall(r"^```(sh|console)\n(.*?)^```$", text, re.M | re.S)


def man_blocks(text):
    roff = {r"\-": "-", r"\e": "\\", r"\(aq": "'", r"\(dq": '"', r"\&": ""}
    for block in re.findall(r"^\.EX\n(.*?)^\.EE$", text, re.M | re.S):
        yield "sh", re.sub(r"\\-|\\e|\\\(aq|\\\(dq|\\&", lambda m: roff[m.group()], block)


def commands(block):
    """The commands of a block: lines are joined until bash takes them as complete."""
    text = ""
    for line in block.splitlines():
        if not text and (not line.strip() or line.startswith("#")):
            continue
        text += line + "\n"
        if subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0:
            yield text.strip()
            text = ""
    if text:
        sys.exit(f"FAIL: incomplete command: {text}")


def run(command):
    writer = None
    if "PID" in command:
        writer = subprocess.Popen(["sh", "-c", WRITER])
        command = command.replace("PID", str(writer.pid))
    try:
        return subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=TIMEOUT)
    finally:
        if writer:
            writer.kill()
            writer.wait()


def check_command(command):
    p = run(command)
    complaint = COMPLAINTS.search(p.stderr)
    if p.returncode == 0 and not complaint and p.stdout.strip():
        print("ok:", command.splitlines()[0])
        return True
    print(f"FAIL: {command}\n--- status {p.returncode}\n{p.stdout}\n--- stderr\n{p.stderr}")
    return False


def shape(line):
    """Bars by being there, numbers by being numbers, blanks as one."""
    line = re.sub(r"\|[@ ]*(?=\d|$)", "| ", line.rstrip())
    return re.sub(r"\s+", " ", re.sub(r"0x[0-9a-f]+|\d+", "N", line)).strip()


def check_console(block):
    command, shown = None, []
    lines = block.splitlines()
    if lines and lines[0].startswith("$ "):
        command, shown = lines[0][2:], lines[1:]
    if not command:
        sys.exit(f"FAIL: no command in {block}")
    p = run(command)
    actual = iter([shape(line) for line in p.stdout.splitlines()])
    for line in shown:
        if line.strip() != "..." and shape(line) not in actual:
            print(f"FAIL: {command}\n--- no line like {line!r}, in order, in\n{p.stdout}{p.stderr}")
            return False
    print("ok:", command)
    return True


def check_script(block, root):
    missing = [w for w in re.findall(r"^(scripts/\S+)", block, re.M)
               if not os.access(os.path.join(root, w), os.X_OK)]
    for name in missing:
        print(f"FAIL: {name} is not there")
    return not missing


def main():
    dtrace, path = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(path, encoding="utf-8") as f:
        text = f.read()
    blocks = list(man_blocks(text) if path.endswith(".1") else markdown_blocks(text))
    good = bool(blocks)
    with tempfile.TemporaryDirectory() as d:
        os.symlink(dtrace, os.path.join(d, "dtrace"))
        os.environ["PATH"] = d + ":" + os.environ["PATH"]
        for kind, block in blocks:
            if block.startswith("scripts/"):
                good &= check_script(block, os.path.dirname(path))
            elif kind == "console":
                good &= check_console(block)
            else:
                for command in commands(block):
                    good &= check_command(command)
    print("all examples are true" if good else "FAIL: some example is not true")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
