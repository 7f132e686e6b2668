#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The explorer against SPIN on one world, in one run.

  bench_explore.py IRQFWD [--runs N] [--small] [--json FILE]

The world is two devices on two pins (spin/), 10,890,727 states; --small takes
a smaller one.  Both search it exactly, for the same safety properties; SPIN is
compiled as it is fastest here (-O2; -O3 is slower), for safety only.  The
explorer then searches it for no-storm too, which is about cycles and which this
SPIN does not look for.  Rates are states for a second of processor time, so that
other work on the machine does not count.  The gain of the second thread is of
elapsed time, of the fastest search with one to the fastest with two, and needs a
quiet machine; its bound is what the processor time of both allows.  The rest are
medians.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import pathlib
import resource
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGE = {"assertions": 15, "causes": 3, "bounces": 3}
SMALL = {"assertions": 6, "causes": 3, "bounces": 3}
LARGE_BITS, SMALL_BITS = 24, 21
SAFETY = {"properties": ["no-spurious", "no-lost", "no-stuck"]}


def load_check():
    loader = importlib.machinery.SourceFileLoader("check",
                                                  str(ROOT / "spin/check"))
    spec = importlib.util.spec_from_loader("check", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def timed(call, *args):
    """Result, processor seconds of what it started, elapsed seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    result = call(*args)
    elapsed = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (result, after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime, elapsed)


def run_pan(check, pan, folder, bits):
    """A hash table with a slot for each state: smaller is slower."""
    text = check.run([pan, "-E", "-n", "-m2000000", f"-w{bits}"],
                     cwd=folder).stdout
    states = int(check.number(r"(\d+) states, stored", text))
    used = check.number(r"([\d.]+)\s+actual memory usage for states", text)
    return states, (used * 2**20 + 8 * 2**bits) / states


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("irqfwd")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    if not shutil.which("spin") or not shutil.which("gcc"):
        print("bench_explore: skipped: spin and gcc are needed")
        return 77
    check = load_check()
    world = SMALL if args.small else LARGE
    macros = {"DEVICES": 2, **{k.upper(): v for k, v in world.items()}}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scenario = check.changed(ROOT / "spin/two-pins-large.json",
                                 {**world, **SAFETY}, folder)
        (pathlib.Path(folder) / "cycles").mkdir()
        cycles = check.changed(ROOT / "spin/two-pins-large.json", world,
                               pathlib.Path(folder) / "cycles")
        pan = check.build_pan(macros, folder)
        for _ in range(args.runs):
            (states, spin_bytes), spin_cpu, spin_wall = timed(
                run_pan, check, pan, folder,
                SMALL_BITS if args.small else LARGE_BITS)
            one, one_cpu, one_wall = timed(
                check.explore, args.irqfwd, scenario, "unmask",
                "--workers", "1")
            two, two_cpu, _ = timed(
                check.explore, args.irqfwd, scenario, "unmask",
                "--workers", "2")
            all_of_it, all_cpu, _ = timed(
                check.explore, args.irqfwd, cycles, "unmask",
                "--workers", "1")
            if not (states == one["states"] == two["states"] ==
                    all_of_it["states"]):
                sys.exit("bench_explore: the numbers of states differ")
            rows.append({
                "states": states,
                "spin_states_per_cpu_s": states / spin_cpu,
                "explorer_states_per_cpu_s": states / one_cpu,
                "speed_ratio": spin_cpu / one_cpu,
                "elapsed_ratio": spin_wall / one_wall,
                "with_cycles_ratio": spin_cpu / all_cpu,
                "one_thread_s": one["search_seconds"],
                "two_threads_s": two["search_seconds"],
                "two_threads_bound": 2 * one_cpu / two_cpu,
                "spin_bytes": spin_bytes,
                "explorer_bytes": one["bytes_per_state"],
                "bytes_ratio": one["bytes_per_state"] / spin_bytes,
            })
    median = {k: statistics.median(r[k] for r in rows) for k in rows[0]}
    fastest = {k: min(r[k] for r in rows)
               for k in ("one_thread_s", "two_threads_s")}
    median["two_threads"] = fastest["one_thread_s"] / fastest["two_threads_s"]
    print(f"{median['states']:.0f} states, medians of {args.runs}, "
          "SPIN: pan -O2 -DSAFETY, exact")
    for key, aim in (("spin_states_per_cpu_s", ""),
                     ("explorer_states_per_cpu_s", ""),
                     ("speed_ratio", "aim 5"), ("elapsed_ratio", "aim 5"),
                     ("with_cycles_ratio", "SPIN without"),
                     ("two_threads", "aim 1.8"), ("two_threads_bound", ""),
                     ("spin_bytes", ""),
                     ("explorer_bytes", ""), ("bytes_ratio", "aim 0.33")):
        print(f"  {key:<28} {median[key]:14.2f}  {aim}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(
            {"median": median, "runs": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
