# SPDX-License-Identifier: Apache-2.0
"""Tables and files of results."""
import json
import os

from .cells import CELL_KEYS, ROW_KEYS
from .common import LabError

NAMES = {"host_irqs": "host interrupts", "host": "host kernel", "vmm": "VMM"}


def table(rows, keys, markdown=False):
    """An aligned table; numbers to the right."""
    head = [NAMES.get(k, k) for k in keys]
    body = [[_cell(r[k]) for k in keys] for r in rows]
    widths = [max(len(line[n]) for line in [head] + body) for n in range(len(keys))]
    right = [bool(rows) and all(isinstance(r[k], (int, float)) for r in rows) for k in keys]

    def line(values):
        out = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right)]
        return "| " + " | ".join(out) + " |" if markdown else "  ".join(out).rstrip()

    rule = ["-" * (w - 1) + ":" if r and markdown else "-" * w
            for w, r in zip(widths, right)]
    return "\n".join([line(head), line(rule)] + [line(b) for b in body])


def _cell(value):
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def measured(r):
    """Not so where no guest came so far: that row is a stall, and tells nothing else."""
    return r["asserted"] > 0


def right(r):
    """
    Whether a row shows what bare hardware would have given. There QEMU's NVMe gives
    several CPUs interrupts without a cause: ./x lab --bare.
    """
    by_itself = r["device"] == "nvme" and r["vcpus"] > 1
    return r["stalls"] == 0 and (r["spurious"] == 0 or by_itself) \
        and r["real"] == r["expected"] > -1 and measured(r)


def cheap(r):
    """Whether the host took at most one interrupt for each assertion, if they are known."""
    return r["device"] != "edu" or r["host_irqs"] <= r["asserted"]


def summary(rows, markdown=True):
    """One line for each setting of host and VMM: its cells added up."""
    keys = ["host", "vmm", "irqchip", "policy", "nointxmask", "host_cpus"]
    sums = ["cells", "right", "cheap", "asserted", "expected", "real", "spurious", "stalls",
            "host_irqs"]
    groups = {}
    for r in rows:
        g = groups.setdefault(tuple(r[k] for k in keys), dict.fromkeys(sums, 0))
        g["cells"] += 1
        g["right"] += right(r)
        g["cheap"] += cheap(r)
        for k in sums[3:]:
            g[k] += r[k]
    lines = [dict(zip(keys, k)) | g for k, g in groups.items()]
    return table(lines, keys + sums, markdown)


def tap(path, names, points, reason=None):
    """
    TAP with a line for each name: `points` says whether it holds, and in a few
    words what was seen; one that is missing failed. With a reason all are skipped.
    Returns how many failed.
    """
    bad = 0
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(f"TAP version 13\n1..{len(names)}\n")
        for n, name in enumerate(names, 1):
            if reason:
                f.write(f"ok {n} {name} # SKIP {reason}\n")
                continue
            good, seen = points.get(name, (False, "did not run"))
            bad += not good
            # A '#' would begin a directive.
            f.write(f"{'ok' if good else 'not ok'} {n} {name}"
                    + f": {seen}".replace("#", "") * bool(seen) + "\n")
    return bad


def key(r):
    return tuple(r[k] for k in CELL_KEYS)


def load(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return json.load(f)


def text(rows):
    """The rows as JSON, a line each."""
    return "[\n" + ",\n".join(json.dumps({k: r[k] for k in ROW_KEYS}) for r in rows) + "\n]\n"


def save(path, rows):
    """A file of build/, whole at any time."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    with open(part, "w") as f:
        f.write(text(rows))
    os.replace(part, path)


def check_writable(path):
    """Told before the run, not after it."""
    try:
        with open(path, "a"):
            pass
    except OSError as e:
        raise LabError(f"cannot write {path}: {e.strerror}") from None


def export(path, rows):
    """The user's own file. If it cannot be written, the rows are not lost."""
    try:
        with open(path, "w") as f:
            f.write(text(rows))
    except OSError as e:
        print(text(rows), end="", flush=True)
        raise LabError(f"cannot write {path}: {e.strerror}; its rows are above") from None
