#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are the system calls that bench_interrupt counts all that there are?

Runs it twice under strace with different numbers of interrupts: the difference
is what the interrupts cost, without beginning and end.  strace knows more calls
than the bench counts, so it would show one that was forgotten.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

FEW, MANY = 200, 700
# The driver's own (readv, writev, poll) are not the interrupt's.  strace makes
# threads stumble over each other's locks: a futex call now and then.
IGNORED = {"readv", "writev", "poll", "sched_yield", "futex", "restart_syscall"}
SLACK = 0.03


def run(bench, mode, count, folder):
    """Calls by name as strace has them, and the bench's own row."""
    table = os.path.join(folder, f"{mode}-{count}")
    rows = table + ".json"
    done = subprocess.run(["strace", "-f", "-c", "-o", table, bench, "--irqchip", "split",
                           "--mode", mode, "--runs", "1", "--count", str(count), "--json", rows],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        print(f"skipped: {(done.stderr or done.stdout).strip()}", file=sys.stderr)
        sys.exit(77 if done.returncode == 77 or "ptrace" in done.stderr else 1)
    calls = {}
    with open(table, encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    with open(rows, encoding="utf-8") as f:
        return calls, json.load(f)[0]


def compare(mode, seen, counted):
    """Prints both, and says whether they agree."""
    good = True
    for name in sorted(set(seen) | set(counted)):
        a, b = seen.get(name, 0.0), counted.get(name, 0.0)
        agree = abs(a - b) <= SLACK or name in IGNORED
        good &= agree
        if max(a, b) >= SLACK:
            print(f"{mode:8} {name:16} strace {a:6.2f}  counted {b:6.2f}  "
                  f"{'' if agree else 'DIFFER'}")
    return good


def main():
    bench = sys.argv[1]
    if not shutil.which("strace"):
        print("skipped: no strace here", file=sys.stderr)
        return 77
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("plain", "oneshot"):
            few, _ = run(bench, mode, FEW, folder)
            many, row = run(bench, mode, MANY, folder)
            seen = {n: (many[n] - few.get(n, 0)) / (MANY - FEW) for n in many}
            counted = {}
            for name, value in row["calls"].items():
                name = "ioctl" if name.startswith("KVM_") else name
                counted[name] = counted.get(name, 0.0) + value
            good &= compare(mode, seen, counted)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
