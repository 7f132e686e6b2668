# SPDX-License-Identifier: Apache-2.0
"""./x lab --boots N: boots guests that do nothing, and counts those that do not come up."""
import os
import shutil
from itertools import product

from . import images
from .common import WORK, say
from .machine import EDU, HostHung
from .runs import GRACE_SECONDS, Session, vmm_command

# The memory decoder of the device that no guest has goes on and off: at each change
# QEMU rebuilds the host's memory map while its other CPU runs.
DISTURB = ("(while :; do for v in '\\002' '\\000'; do printf \"$v\\000\" | "
           "dd of=/sys/bus/pci/devices/%s/config bs=2 seek=2 conv=notrunc 2>/dev/null; "
           "sleep 0.1; done; done >/dev/null 2>&1 &)" % EDU[1])


class Boots:
    def __init__(self, cells, disturb, seconds):
        self.cells, self.disturb, self.seconds = cells, disturb, seconds
        self.session, self.serial = None, 0
        self.counts = {c: {"ok": 0, "guest": 0, "host": 0} for c in cells}

    def _host(self, ready, cell):
        if self.session and (self.session.host is None or
                             self.session.machine != cell.machine()):
            self.close()
        if self.session:
            return self.session.host
        self.session = Session(cell.machine(), ready[cell.host], "boots")
        self.session.prepare(cell.nointxmask)
        if self.disturb:
            self.session.host.do(DISTURB)
        return self.session.host

    def close(self):
        if self.session:
            self.session.close()
        self.session = None

    def _boot(self, ready, cell):
        """What came of one boot: ok, or what did not come through it, guest or host."""
        try:
            host = self._host(ready, cell)
            # Without a cell the guest's init says @done and powers off.
            host.do("start_job")
            host.do("end_job")
            # No input, and the guest's last words before the host's answer.
            lines, _ = host.do(f"timeout -s KILL {self.seconds} "
                               + " ".join(vmm_command(cell)) + " </dev/null 2>&1; echo",
                               self.seconds + GRACE_SECONDS)
        except HostHung as e:
            return "host", [str(e)]
        return ("ok" if "@done" in lines else "guest"), lines

    def one(self, ready, cell):
        end, lines = self._boot(ready, cell)
        self.counts[cell][end] += 1
        self.serial += 1
        say(f"{self.serial} {cell.vmm} {cell.irqchip}: "
            + {"ok": "up", "guest": "the guest did not come up",
               "host": "the host under test hangs"}[end])
        if end == "ok":
            return
        for line in lines[-6:]:
            say("   " + line)
        if self.session and self.session.host:
            shutil.copy(self.session.host.log.name,
                        os.path.join(WORK, f"boots-{self.serial}.log"))
        if end == "host":
            self.close()


def main(cells, rounds, disturb, seconds=60):
    """cells: what differs only in driver, pattern and sleep is one. True: all came up."""
    cells = list({(c.machine(), c.guest()): c for c in cells}.values())
    ready = images.prepare(sorted({c.host for c in cells}))
    boots = Boots(cells, disturb, seconds)
    try:
        # In turn, so that what else the machine does falls on all alike.
        for machine in sorted({c.machine() for c in cells}):
            for _, cell in product(range(rounds), [c for c in cells if c.machine() == machine]):
                boots.one(ready, cell)
    finally:
        boots.close()
    print("| host | host CPUs | VMM | irqchip | vCPUs | boots | guest not up | host hung |")
    print("|---|---|---|---|---|---|---|---|")
    for c, n in boots.counts.items():
        print(f"| {c.host} | {c.host_cpus} | {c.vmm} | {c.irqchip} | {c.vcpus} "
              f"| {sum(n.values())} | {n['guest']} | {n['host']} |")
    return not any(n["guest"] or n["host"] for n in boots.counts.values())
