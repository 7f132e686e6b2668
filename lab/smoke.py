# SPDX-License-Identifier: Apache-2.0
"""./x lab --smoke: the lab's part of ./x test, a bounded number of cells as TAP."""
import os

from . import cells, images, report, runs
from .cells import Cell
from .common import BUILD, say

TAP = os.path.join(BUILD, "lab-smoke.tap")


def _exact(r):
    return report.right(r) and r["host_irqs"] <= r["asserted"]


def _right_data(r):
    return r["real"] == r["expected"] > 0 and not r["stalls"]


def _faulty(r):
    """As a rule: on a busy machine one trigger may come late, when the thread is done."""
    return r["spurious"] > r["asserted"] // 2 > 0


def _stalled(r):
    return r["stalls"] > 0


def checks():
    """(cell, what must hold, its name)."""
    out = []
    for policy in ("unmask", "sample"):
        for pattern in cells.PATTERNS:
            out.append((Cell(policy=policy, pattern=pattern, count=10 if pattern != "suspend"
                             else 2), _exact, "is exact"))
    out += [(Cell(policy="unmask", driver="shared", pattern=p, count=10), _exact, "is exact")
            for p in ("single", "between", "reassert")]
    out += [(Cell(policy="unmask", driver=d, nointxmask=1, sleep_us=s, count=20), _exact,
             "is exact") for d, s in (("thread", 0), ("thread", 3000), ("hard+thread", 1000),
                                      ("plain", 0))]
    out += [(Cell(policy="unmask", pattern=p, nointxmask=1, count=10 if p == "disabled" else 2),
             _exact, "is exact") for p in ("boot", "disabled", "suspend")]
    out += [(Cell(policy="unmask", device="nvme", driver=d, pattern="read", sleep_us=0,
                  seconds=60), _right_data, "has the right data")
            for d in ("nvme", "nvme-threaded")]
    out.append((Cell(policy="unmask", device="e1000", driver="e1000-threaded",
                     pattern="flood", sleep_us=0, count=20), report.right,
                "has the right data"))
    out += [(Cell(host="6.12", policy="unmask", host_cpus=2, vcpus=2, sleep_us=s, count=20),
             _exact, "is exact") for s in (0, 300)]
    out += [(Cell(host=cells.IOMMUFD, policy="unmask", driver=d, count=20), _exact, "is exact")
            for d in ("thread", "shared")]
    out.append((Cell(host=cells.IOMMUFD, policy="unmask", device="nvme", driver="nvme",
                     pattern="read", sleep_us=0, seconds=60), _right_data, "has the right data"))
    # Interrupts that have come, with threads that sleep longer than a call is waited for.
    out.append((Cell(policy="unmask", sleep_us=2000000, count=1), _exact, "is late, and exact"))
    out.append((Cell(policy="unmask", sleep_us=5000000, count=1), _stalled, "is a stall"))
    out.append((Cell(policy="eoi", count=20), _faulty, "shows the fault"))
    out.append((Cell(vmm="qemu", irqchip="kernel", policy="-", count=20), _faulty,
                "shows the fault"))
    return out


def main(parallel):
    wanted = checks()
    rows = {}
    why = {c.key(): (good, text) for c, good, text in wanted}

    def done(r, cell):
        rows[cell.key()] = r
        good, text = why[cell.key()]
        say(f"{len(rows)}/{len(wanted)} {'ok' if good(r) else 'NOT OK'}: "
            + " ".join(map(str, cell.key())) + f" {text}: real {r['real']}/{r['expected']} "
            f"spurious {r['spurious']} stalls {r['stalls']} host {r['host_irqs']}")

    _, reason = images.prepare_if_possible(sorted({c.host for c, _, _ in wanted}))
    if not reason:
        runs.run([c for c, _, _ in wanted], done, parallel=parallel)
    name = {c.key(): "lab " + " ".join(map(str, c.key())) + f" {text}"
            for c, _, text in wanted}
    points = {name[k]: (why[k][0](r), "") for k, r in rows.items()}
    return 1 if report.tap(TAP, list(name.values()), points, reason) else 0
