# SPDX-License-Identifier: Apache-2.0
"""./x demo: the same host, guest and driver under five VMMs side by side."""
import argparse
import os

from . import images, report, runs
from .cells import Cell
from .common import BUILD, alone, say

SHOWN = ["host", "vmm", "irqchip", "real", "spurious", "host_irqs", "stalls", "deliveries"]
COUNT = 200


def cells():
    common = dict(host="6.1", driver="thread", pattern="single", sleep_us=3000, count=COUNT)
    out = [Cell(vmm="qemu", irqchip="kernel", policy="-", **common),
           # A storm: it would take hours, so the guest ends it early.
           Cell(vmm="qemu", irqchip="split", policy="-", seconds=12, **common)]
    if os.path.exists(images.IRQFWD):
        out += [Cell(vmm="irqfwd", policy=p, **common) for p in ("eoi", "unmask", "sample")]
    return out


def main(argv):
    argparse.ArgumentParser(prog="./x demo", description="The same host, guest and driver under "
                            f"five VMMs side by side, {COUNT} assertions each. Writes "
                            "build/demo.json. Exit code 0 if irqfwd with unmask and sample was "
                            "exact.").parse_args(argv)
    with alone("demo"):
        return _run()


def _run():
    wanted, rows = cells(), {}

    def done(r, cell):
        rows[cell.key()] = r
        say(f"{cell.vmm} {cell.irqchip} {cell.policy}: real {r['real']}, spurious "
            f"{r['spurious']}, stalls {r['stalls']}")

    say(f"demo: {len(wanted)} guests on two hosts, {COUNT} assertions each")
    runs.run(wanted, done, spread=True)
    ordered = [rows[c.key()] for c in wanted]
    report.save(os.path.join(BUILD, "demo.json"), ordered)
    shown = [dict(r, vmm=r["vmm"] + ("" if r["policy"] == "-" else f" {r['policy']}"))
             for r in ordered]
    print(report.table(shown, SHOWN))
    ours = [r for r in ordered if r["policy"] in ("unmask", "sample")]
    if len(ours) < 2:
        say("irqfwd is not built: only QEMU's rows")
        return 1
    return 0 if all(report.right(r) and r["asserted"] == COUNT for r in ours) else 1
