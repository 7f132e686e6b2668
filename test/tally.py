#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Adds test results up: meson's testlog.json files (every case of a TAP program
counts) and plain TAP files. A file that is missing is a failure: what should have
written it did not come so far. The last line is "N passed, N failed, N skipped".
"""
import json
import os
import re
import sys

POINT = re.compile(r"^\s*(not )?ok\b(.*)$")


def tap(text):
    """(passed, failed, skipped) of the test points in a TAP stream."""
    count = [0, 0, 0]
    for line in text.splitlines():
        point = POINT.match(line)
        if point:
            skip = re.search(r"#\s*skip", point.group(2), re.IGNORECASE)
            count[2 if skip else 1 if point.group(1) else 0] += 1
    return count


def reason(test):
    """What a program that was skipped said it lacks, in its plan or in a remark."""
    out = test.get("stdout") or ""
    said = re.findall(r"^1\.\.0 *# *skip\w*:? *(.+)", out, re.IGNORECASE | re.MULTILINE)
    said = said or re.findall(r"^# *(?! |(?:not )?ok\b)(.+)", out, re.MULTILINE)
    said = said or (test.get("stderr") or "").strip().splitlines() or ["it does not say why"]
    return said[-1]


def meson(path):
    """The same for meson's log: one JSON object a line, one for each program."""
    total = [0, 0, 0]
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            test = json.loads(line)
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            count = tap(test.get("stdout") or "")
            if test["result"] == "SKIP":
                print(f"skipped: {test['name']}: {reason(test)}")
            if test["result"] == "SKIP" and not any(count):
                count = [0, 0, 1]
            elif not any(count):
                count = [1, 0, 0] if good else [0, 1, 0]
            elif not good and test["result"] != "SKIP" and not count[1]:
                count[1] += 1       # it crashed or timed out after its cases
            if count[1]:
                print(f"failed: {test['name']} ({test['result']}) in {path}")
            total = [a + b for a, b in zip(total, count)]
    return total


def main(paths):
    total = [0, 0, 0]
    for path in paths:
        if not os.path.exists(path):
            print(f"failed: there is no {path}")
            total[1] += 1
            continue
        if path.endswith(".json"):
            count = meson(path)
        else:
            with open(path, encoding="utf-8", errors="replace") as f:
                count = tap(f.read())
        total = [a + b for a, b in zip(total, count)]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
