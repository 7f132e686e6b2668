# SPDX-License-Identifier: Apache-2.0
"""What a cell is: one driver and pattern on one setting of host and VMM."""
from dataclasses import asdict, dataclass, replace

HOSTS = ["6.1", "6.12"]
IOMMUFD = "6.12-iommufd"    # 6.12 with other modules, and an irqfwd that uses them
OTHER_HOSTS = [IOMMUFD]     # run when they are named
VMMS = ["irqfwd", "qemu"]
IRQCHIPS = {"irqfwd": ["split"], "qemu": ["kernel", "split", "userspace"]}
POLICIES = ["eoi", "unmask", "sample"]
DEVICES = ["edu", "nvme", "e1000"]
DRIVERS = ["thread", "hard+thread", "plain", "shared"]
# Devices with drivers of their own, and the one pattern that they have.
OTHER_DRIVERS = {"nvme": ["nvme", "nvme-threaded"], "e1000": ["e1000", "e1000-threaded"]}
OTHER_PATTERNS = {"nvme": "read", "e1000": "flood"}
ALL_DRIVERS = DRIVERS + sum(OTHER_DRIVERS.values(), [])
FLOOD = 50      # pings for each round asked for
PATTERNS = ["boot", "single", "reassert", "partial", "between", "disabled-acked",
            "disabled", "burst", "suspend"]
SLEEPS = [0, 300, 1000, 3000]

ROW_KEYS = ["host", "vmm", "irqchip", "policy", "nointxmask", "host_cpus", "vcpus",
            "device", "driver", "pattern", "sleep_us", "asserted", "expected", "real",
            "spurious", "stalls", "host_irqs", "deliveries", "exits", "seconds"]
CELL_KEYS = ROW_KEYS[:11]
COUNT_KEYS = ROW_KEYS[11:]


@dataclass(frozen=True)
class Cell:
    host: str = "6.1"
    vmm: str = "irqfwd"
    irqchip: str = "split"
    policy: str = "unmask"      # "-" for VMMs that have no choice
    nointxmask: int = 0
    host_cpus: int = 1
    vcpus: int = 1
    device: str = "edu"
    driver: str = "thread"
    pattern: str = "single"
    sleep_us: int = 3000
    count: int = 50
    seconds: int = 30           # the guest ends the cell early after these

    def key(self):
        """What tells rows apart."""
        return tuple(asdict(self)[k] for k in CELL_KEYS)

    def key_text(self):
        return "-".join(map(str, self.key()))

    def storms(self):
        """QEMU's split irqchip: a oneshot driver's cell is one storm, and hangs."""
        return self.vmm == "qemu" and self.irqchip == "split"

    def rounds(self):
        """Suspends take most of a second each, and a guest boots once."""
        if self.pattern in ("boot", "read"):
            return 1
        if self.pattern == "flood":
            return self.count * FLOOD
        return min(self.count, 10) if self.pattern == "suspend" else self.count

    def machine(self):
        """Cells with the same can run on one boot of the host."""
        return (self.host, self.host_cpus, self.device)

    def guest(self):
        """Cells with the same can run in one boot of the guest."""
        return (self.nointxmask, self.vmm, self.irqchip, self.policy, self.vcpus,
                self.device, self.driver in ("shared", "nvme-threaded", "e1000-threaded"))


def sensible(cell):
    """False for cells that would say nothing of their own."""
    if cell.irqchip not in IRQCHIPS[cell.vmm]:
        return False
    if (cell.vmm == "irqfwd") != (cell.policy != "-"):
        return False
    if cell.driver not in OTHER_DRIVERS.get(cell.device, DRIVERS):
        return False
    # No thread: nothing sleeps, and nothing is between it and the hard handler.
    if cell.driver == "plain" and (cell.sleep_us or cell.pattern == "between"):
        return False
    return True


def product(**choices):
    """Every sensible cell of the given choices, each a list."""
    cells = [Cell()]
    for name, values in choices.items():
        cells = [replace(c, **{name: v}) for c in cells for v in values]
    if "policy" not in choices:
        cells = [replace(c, policy=c.policy if c.vmm == "irqfwd" else "-") for c in cells]
    seen, out = set(), []
    for c in cells:
        if c.vmm != "irqfwd":
            c = replace(c, policy="-")
        if c.device in OTHER_DRIVERS:
            drivers = OTHER_DRIVERS[c.device]
            c = replace(c, driver=c.driver if c.driver in drivers else drivers[0],
                        pattern=OTHER_PATTERNS[c.device], sleep_us=0, seconds=60)
        if c.driver == "plain":
            c = replace(c, sleep_us=0)
        if sensible(c) and c.key() not in seen:
            seen.add(c.key())
            out.append(c)
    return out


def row(cell, counts):
    """A result with exactly ROW_KEYS."""
    fields = asdict(cell)
    fields.update({k: counts.get(k, 0) for k in COUNT_KEYS})
    return {k: fields[k] for k in ROW_KEYS}
