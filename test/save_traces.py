#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the counterexample of every variant that is expected to break.

  save_traces.py IRQFWD        after scenarios or models have changed
"""
import json
import pathlib
import subprocess
import sys

TRACES = pathlib.Path(__file__).resolve().parent / "traces"


def main():
    irqfwd = sys.argv[1]
    rows = json.loads(subprocess.run(
        [irqfwd, "explore", "--all", "--json", "--quiet"],
        capture_output=True, text=True).stdout)
    for old in TRACES.glob("*.json"):
        old.unlink()
    for row in rows:
        if row["verdict"] != row["expected"] or row["expected"] == "holds":
            continue
        name = f"{row['scenario']}-{row['variant']}"
        if name.endswith("-"):
            name += "minus"
        subprocess.run([irqfwd, "explore", row["scenario"], "--variant",
                        row["variant"], "--save", TRACES / f"{name}.json"],
                       stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
