#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./x check looks at besides the compilers: one line for each finding.

  functions   none is longer than 70 lines
  headers     each compiles alone, and its .c includes it first
  licences    a C file names its licence in its first line
  hosts       no file names a server that is not on the list below
  paths       no file names a folder of somebody's own machine
  shell       every shell script parses
  python      every Python file parses
  man         the manual pages are formatted without a warning, and libirqfwd's
              names every function
  places      a document's `file.c:function` is there
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTION_LINES = 70
# Packages come from where apt is told to look, so a host has no place here.
HOSTS = r"www\.apache\.org|docs\.kernel\.org|www\.kernel\.org|lore\.kernel\.org|example\.(?:com|org)"
URL = re.compile(r"(?:https?|ftp|git)://([\w.-]+)")
PRIVATE = re.compile(r"(?<![\w.~$}/-])/(?:home|root|Users|work)(?:/|\b(?![\w-]))")
PLACE = re.compile(r"`([\w./-]+\.[ch]):(\w+)`")
MAN = ["man", "--warnings", "--encoding=UTF-8", "--local-file", "--ditroff", "-Tutf8"]


def tracked():
    """The files of the repository; of a copy without git, those below the root."""
    done = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        return [f for f in done.stdout.splitlines() if os.path.isfile(os.path.join(ROOT, f))]
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [b for b in below if not b.startswith((".git", "build", "__pycache__"))]
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return found


def lines_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def functions(name, lines):
    """A body begins with a brace of its own in column 0; its head is above it."""
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start and lines[start - 1].strip() and not re.match(r"[}#/ ]", lines[start - 1]):
                start -= 1
        elif line.startswith("}") and start is not None:
            if number - start + 1 > FUNCTION_LINES:
                yield f"{name}:{start + 1}: a function of {number - start + 1} lines"
            start = None


def first_include(name, lines):
    header = name[:-2] + ".h"
    if not os.path.exists(os.path.join(ROOT, header)):
        return
    included = next((line for line in lines if line.startswith("#include")), "")
    if os.path.basename(header) not in included:
        yield f"{name}: its first include is not {os.path.basename(header)}"


def header_alone(name):
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow",
         "-Wconversion", "-Wno-unused-parameter", "-Wno-unused-function", "-Werror", "-Iinclude",
         "-Isrc", "-Itest", "-Itest/conformance", "-x", "c", "-include", name, "/dev/null"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{name}: does not compile alone\n{done.stderr.rstrip()}"


def licence(name, lines):
    if not lines or "SPDX-License-Identifier" not in lines[0]:
        yield f"{name}:1: no SPDX-License-Identifier"


def text(name, lines):
    for number, line in enumerate(lines, 1):
        for host in URL.findall(line):
            if not re.fullmatch(HOSTS, host):
                yield f"{name}:{number}: names the host {host}"
        if PRIVATE.search(line) and name != "test/check.py":
            yield f"{name}:{number}: names a folder of somebody's own machine: {line.strip()}"


def shell(name, lines):
    done = subprocess.run(["bash" if "bash" in lines[0] or name.endswith(".bash") else "sh", "-n",
                           name], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{name}: {done.stderr.rstrip()}"


def python(name, lines):
    try:
        compile("\n".join(lines), name, "exec")
    except SyntaxError as error:
        yield f"{name}:{error.lineno}: {error.msg}"


def man_functions(name, lines):
    declared = re.findall(r"\b(irqfwd_[a-z_]+)\(", "\n".join(lines_of("include/irqfwd.h")))
    for function in sorted(set(declared)):
        if not re.search(rf"\b{function}\b", "\n".join(lines)):
            yield f"{name}: does not name {function}()"


def man(name):
    done = subprocess.run(MAN + [name], cwd=ROOT, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False,
                          env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80"))
    if done.returncode or done.stderr.strip():
        yield f"{name}: {done.stderr.strip() or 'cannot be formatted'}"


def places(name, lines, files):
    """A file is named by its path, or by as much of its end as tells it apart."""
    for number, line in enumerate(lines, 1):
        for path, function in PLACE.findall(line):
            found = [f for f in files if f == path or f.endswith("/" + path)]
            body = "\n".join("\n".join(lines_of(f)) for f in found)
            if not re.search(rf"\b{function}\(", body):
                yield f"{name}:{number}: there is no {function} in {path}"


def findings(name, files):
    lines = lines_of(name)
    first = lines[0] if lines else ""
    if name == "LICENSE":
        return
    yield from text(name, lines)
    if name.endswith((".c", ".h")):
        yield from licence(name, lines)
        yield from functions(name, lines)
    kernel = name.startswith(("lab/guest/", "lab/host/"))
    if name.endswith(".c") and not kernel:
        yield from first_include(name, lines)
    if name.endswith(".h") and not kernel:
        yield from header_alone(name)
    if re.match(r"#!.*\b(ba)?sh\b", first) or name.endswith(".bash"):
        yield from shell(name, lines)
    if name.endswith(".py") or re.match(r"#!.*python", first):
        yield from python(name, lines)
    if name.endswith(".md"):
        yield from places(name, lines, files)
    if name.startswith("docs/man/"):
        yield from man(name)
    if name.endswith("libirqfwd.3"):
        yield from man_functions(name, lines)


def main():
    count = 0
    files = tracked()
    for name in sorted(files):
        for finding in findings(name, files):
            print(finding)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
