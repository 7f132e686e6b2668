# SPDX-License-Identifier: Apache-2.0
"""
./x lab --errors: what irqfwd refuses on a host, each with its exit code and a
message that says what is wrong.
"""
import os
import re

from . import report
from .common import BUILD, LabError, say
from .machine import EDU, Host

TAP = os.path.join(BUILD, "lab-errors.tap")

RUN = "irqfwd run --kernel /guest/vmlinuz --initrd /guest/initrd"
# On the host under test: a bridge makes one IOMMU group of what is behind it;
# pci-serial has a driver that is built into the kernel; pci-testdev has no pin;
# slots 4 and 8 of q35 have the same line.
GROUPED = "0000:01:01.0"
NO_INTX = "0000:00:07.0"
SAME_LINE = "0000:00:08.0"
EXTRA = ["-device", "pcie-pci-bridge,id=br,addr=06", "-device", "edu,bus=br,addr=1",
         "-device", "pci-serial,bus=br,addr=2", "-device", "pci-testdev,addr=07",
         "-device", "edu,addr=08"]


def device(address):
    return f"{RUN} --device vfio-pci,host={address}"


# (name, lines that prepare, the command, what its message must say, lines after)
WITH_IOMMU = [
    ("not bound to vfio-pci", f"echo {EDU[0]} >/sys/bus/pci/drivers/vfio-pci/unbind",
     device(EDU[0]), "vfio-pci", f"bind {EDU[0]}"),
    ("no such device", "", device("0000:00:1e.0"), "0000:00:1e.0", ""),
    ("group not viable", f"bind {GROUPED}", device(GROUPED), "viable", ""),
    ("device without INTx", f"bind {NO_INTX}", device(NO_INTX) + ",irq=intx", "INTx", ""),
    ("irq shared and not maskable", f"load_vfio 1; bind {EDU[0]} {SAME_LINE}",
     device(EDU[0]) + f" --device vfio-pci,host={SAME_LINE}", "shared", "load_vfio 0"),
    ("in use by another VMM", f"bind {EDU[0]}; (sleep 100 | {device(EDU[0])} >/dev/null 2>&1 &); "
     "sleep 5", device(EDU[0]), "use", "kill $(pidof irqfwd)"),
    ("no permission", "echo lab:x:1000:1000::/:/bin/sh >/etc/passwd; "
     "echo root:x:0:0::/:/bin/sh >>/etc/passwd; chmod 666 /dev/kvm; "
     f"bind {EDU[0]}", f"su lab -c '{device(EDU[0])}'", "permission", ""),
    ("no permission for /dev/kvm", "chmod 600 /dev/kvm", f"su lab -c '{RUN}'",
     "/dev/kvm.*permission|permission.*/dev/kvm|/dev/kvm.*denied", ""),
    ("no /dev/kvm", "mv /dev/kvm /dev/kvm.away", RUN, "/dev/kvm", "mv /dev/kvm.away /dev/kvm"),
    ("kernel not a kernel", "", "irqfwd run --kernel /etc/passwd", "/etc/passwd", ""),
    ("memory too small", "", RUN + " --mem 1M", "mem", ""),
]
WITHOUT_IOMMU = [
    ("IOMMU missing", f"bind {EDU[0]}", device(EDU[0]), "IOMMU", ""),
]


def _check(host, case):
    """One refusal: what it said, and whether that is right."""
    name, before, command, says, after = case
    if before:
        host.do(before, 60)
    quoted = command.replace("'", "'\\''")
    lines, _ = host.do(f"timeout 30 sh -c '{quoted}' </dev/null >/tmp/out 2>&1; echo @code $?; "
                       "head -c 1500 /tmp/out; echo", 60)
    if after:
        host.do(after, 60)
    code = next(int(line.split()[1]) for line in lines if line.startswith("@code"))
    text = " ".join(line.strip() for line in lines if not line.startswith("@"))
    good = code in (1, 2) and re.search(says, text, re.IGNORECASE) is not None
    return {"case": name, "exit": code, "message": text[:150], "ok": good}


MACHINES = [("with an IOMMU", WITH_IOMMU, {"extra": EXTRA}),
            ("without an IOMMU", WITHOUT_IOMMU, {"iommu": False})]


class Errors:
    """Jobs for a pool, one boot of a host each; and what they found."""

    HOST = "6.1"

    def __init__(self):
        self.rows = {}

    def jobs(self, ready):
        return [lambda slot, m=m: self._boot(ready[self.HOST], slot, *m) for m in MACHINES]

    def _boot(self, images, slot, name, cases, options):
        host = None
        try:
            host = Host(images, name=f"errors{slot}", **options)
            host.do("load_kvm; load_vfio 0; mkdir -p /etc; touch /etc/passwd", 60)
            for case in cases:
                row = self.rows[case[0]] = _check(host, case)
                say("{case}: exit {exit}, {ok}: {message}".format(**row))
        except LabError as e:
            say(f"refusals {name}: {e}")
        finally:
            if host:
                host.close()

    def finish(self, reason=None):
        names = [case[0] for _, cases, _ in MACHINES for case in cases]
        rows = [self.rows[n] for n in names if n in self.rows]
        if rows:
            print(report.table(rows, ["case", "exit", "ok", "message"]))
        points = {f"lab error {n}": (r["ok"], f"exit {r['exit']}") for n, r in self.rows.items()}
        return report.tap(TAP, [f"lab error {n}" for n in names], points, reason)
