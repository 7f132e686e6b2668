# SPDX-License-Identifier: Apache-2.0
"""./x lab --matrix: every cell, resumable, written every few seconds."""
import glob
import hashlib
import json
import os
import time
from collections import Counter

from . import cells, report, runs
from .common import BUILD, LAB, ROOT, read, say

ROWS = os.path.join(BUILD, "lab.json")
TABLE = os.path.join(BUILD, "lab.md")
STATE = os.path.join(BUILD, "lab.state.json")
AGAIN = os.path.join(BUILD, "lab.again.json")   # cells that ran twice, and why
NOT_RUN = {"sim", "explore", "cli"}  # rooms of src/ with no part in a row, but cli/run.c
WRITE_SECONDS = 5   # all files are written anew: thousands of rows


def _hash(patterns):
    h = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(glob.glob(pattern, recursive=True)):
            if os.path.isfile(path):
                name = os.path.relpath(path, ROOT)    # the same in every checkout
                h.update(name.encode() + b"\0" + read(path))
    return h.hexdigest()[:16]


def fingerprints():
    """What a row depends on besides its cell: the machines, and for ours the product."""
    machines = [f"{LAB}/guest/*", f"{LAB}/host/*"]
    rooms = {os.path.basename(d) for d in glob.glob(f"{ROOT}/src/*")} - NOT_RUN
    product = [f"{ROOT}/include/**", *(f"{ROOT}/src/{r}/**" for r in sorted(rooms)),
               f"{ROOT}/src/cli/run.c"]
    return {"qemu": _hash(machines), "irqfwd": _hash(machines + product)}


def _tells_more(c):
    """
    Whether a cell is run without --whole: all of what is claimed, and of QEMU's
    irqchip in the kernel, which stands beside it. Of the others those are left out
    that cost hours and tell nothing more: boot with every sleep (each is a boot of
    its own), e1000, and of QEMU's split irqchip all beyond `single`, where each
    oneshot cell is a storm that ends by a time limit only.
    """
    if (c.vmm == "irqfwd" and c.policy != "eoi") or c.irqchip == "kernel":
        return True
    if c.device != "edu":
        return c.device == "nvme"
    if c.pattern == "boot" and c.driver != "plain" and c.sleep_us != 3000:
        return False
    return not c.storms() or (c.pattern == "single" and c.driver in ("thread", "plain")
                                and c.sleep_us in (0, 3000))


def _bounded(c, count):
    if c.device != "edu":
        return c
    return cells.replace(c, count=min(count, 3) if c.pattern == "suspend" else count,
                         seconds=8 if c.storms() else 20)


def planned(wanted, count, whole):
    """The cells of the matrix that are run, with their rounds and time limits."""
    return [_bounded(c, count) for c in wanted if whole or _tells_more(c)]


def _replace(path, value):
    with open(path + ".part", "w") as f:
        json.dump(value, f, indent=1)
    os.replace(path + ".part", path)


def _twice(again):
    """What a reader has to know of the rows."""
    whys = Counter(again.values())
    return f"{len(again)} cells ran a second time, on a fresh host" + (
        ", since at the first: " if whys else "") + "; ".join(
        f"{why} ({n})" for why, n in whys.most_common()) + "."


def _write(rows, order, prints, again):
    _replace(STATE, {repr(k): prints[v["vmm"]] for k, v in rows.items()})
    _replace(AGAIN, again)
    ordered = [rows[k] for k in order if k in rows]
    report.save(ROWS, ordered)
    good = [r for r in ordered if r["vmm"] == "irqfwd" and r["policy"] != "eoi"]
    with open(TABLE, "w") as f:
        f.write("# The lab's matrix\n\nWritten by `./x lab --matrix`; docs/lab.md says "
                "what the columns mean.\n\n")
        f.write(f"{len(ordered)} cells. irqfwd with `unmask` and `sample`: "
                f"{sum(map(report.right, good))} of {len(good)} cells right "
                "(real = expected, spurious 0, stalls 0), "
                f"{sum(map(report.cheap, good))} cheap (host interrupts <= asserted).\n\n"
                f"{_twice(again)}\n\n")
        f.write(report.summary(ordered) + "\n\n")
        f.write(report.table(ordered, cells.ROW_KEYS, markdown=True) + "\n")


def _kept(prints):
    """The rows of an earlier run that came from the same sources."""
    state = json.loads(read(STATE, "r")) if os.path.exists(STATE) else {}
    return {report.key(r): r for r in report.load(ROWS)
            if state.get(repr(report.key(r))) == prints[r["vmm"]]}


def main(wanted, resume, parallel, redo=False):
    """resume: keep the rows there are; redo: but not of cells that came to nothing."""
    prints = fingerprints()
    order = [c.key() for c in wanted]
    rows = _kept(prints) if resume else {}
    order += [k for k in rows if k not in set(order)]
    empty = {k for k, r in rows.items() if redo and not report.measured(r)}
    again = {k: why for k, why in (json.loads(read(AGAIN, "r")) if os.path.exists(AGAIN)
                                   else {}).items() if k in {repr(key) for key in rows}}
    of_this_run = {}
    todo = [c for c in wanted if c.key() not in rows or c.key() in empty]
    say(f"matrix: {len(wanted)} cells, {len(wanted) - len(todo)} kept, {len(todo)} to run")
    total = len(todo)
    count = 0
    written = time.monotonic()

    def done(r, cell):
        nonlocal count, written
        count += 1
        rows[cell.key()] = r
        again.update({repr(c.key()): why for c, why in of_this_run.items()})
        if cell.key() in empty:
            again[repr(cell.key())] = "its guest asserted nothing, twice (--redo)"
        if time.monotonic() - written > WRITE_SECONDS:
            _write(rows, order, prints, again)
            written = time.monotonic()
        mark = "" if report.right(r) else "  <- not as on bare hardware"
        say(f"{count}/{total} " + " ".join(str(v) for v in cell.key())
            + f": real {r['real']}/{r['expected']} spurious {r['spurious']} "
            f"stalls {r['stalls']}{mark}")

    # What is claimed first, so that an interrupted run shows it.
    first = [c for c in todo if c.vmm == "irqfwd" and c.policy != "eoi"]
    rest = [c for c in todo if c not in set(first)]
    try:
        for part in (first, rest):
            for cpus in (1, 2):
                # Each of a host's CPUs needs one of the machine's.
                fit = max(1, len(os.sched_getaffinity(0)) // cpus)
                runs.run([c for c in part if c.host_cpus == cpus], done,
                         parallel=min(parallel, fit), again=of_this_run)
    finally:
        _write(rows, order, prints, again)
    print(report.summary([rows[k] for k in order if k in rows]))
    ours = [rows[c.key()] for c in wanted if c.key() in rows and c in set(wanted)
            and c.vmm == "irqfwd" and c.policy != "eoi"]
    print(f"irqfwd, unmask and sample: {len(ours)} cells, {sum(map(report.right, ours))} "
          f"right, {sum(map(report.cheap, ours))} cheap\n{_twice(again)}")
    if not all(c.key() in rows for c in wanted):
        return 1
    return 0 if all(report.right(r) and report.cheap(r) for r in ours) else 1
