# SPDX-License-Identifier: Apache-2.0
"""
./x lab --faults: what must not leave a host line masked or a host in trouble.
After each fault a second run on the same host must be exact.
"""
import json
import os
import re
import time

from . import images, report, runs
from .cells import Cell
from .common import BUILD, LabError, say
from .machine import EDU, Host, HostHung

ROWS = os.path.join(BUILD, "lab-faults.json")
TAP = os.path.join(BUILD, "lab-faults.tap")
KEYS = ["fault", "what", "host", "policy", "left", "asserted", "expected", "real",
        "spurious", "stalls", "ok"]


class Bench:
    """A host with VFIO, and one irqfwd on it that can be watched while it runs."""

    def __init__(self, host, kernel_and_initrd, policy):
        self.host = Host(kernel_and_initrd, name=f"faults-{host}")
        self.policy = policy
        self.heard = []
        self.do("load_kvm")
        self.do("load_vfio 0")
        self.do("bind " + " ".join(EDU))

    def do(self, command, seconds=60):
        return self.host.do(command, seconds, self.heard.append)

    def until(self, mark, seconds=90):
        """Waits for a line; heard already or not."""
        end = time.monotonic() + seconds
        pattern = re.compile(mark)
        while not any(pattern.search(line) for line in self.heard):
            self.do("usleep 200000")
            if time.monotonic() > end:
                raise HostHung(f"no '{mark}' within {seconds} s; see {self.host.log.name}")

    def start(self, cell, options="", reboot=False):
        self.heard.clear()
        self.do("quiet " + EDU[0])
        self.do("start_job")
        self.do(f"cell {cell.driver} {cell.pattern} {cell.sleep_us} {cell.count} 60")
        self.do("end_job")
        argv = [a for a in runs.vmm_command(cell) if not (reboot and a == "--no-reboot")]
        self.do(f"labhost run --seconds 150 --quiet 90 {options} -- {' '.join(argv)} &")

    def left(self):
        """Host lines that VFIO still has though nobody runs."""
        lines, _ = self.do("grep -c vfio-intx /proc/interrupts")
        numbers = [line for line in lines if line.isdigit()]
        return int(numbers[-1]) if numbers else -1

    def row(self, cell):
        """A whole run; its counts."""
        self.start(cell)
        self.until(r"^@exit ", 120)
        return self.counts()

    def counts(self):
        rows = [line for line in self.heard if line.startswith("@row 0 ")]
        return runs.fields(rows[-1]) if rows else {}

    def exit_code(self):
        ends = [line for line in self.heard if line.startswith("@exit ")]
        return int(ends[-1].split()[1]) if ends else None


def kill(bench, cell):
    """SIGKILL in the midst of traffic."""
    bench.start(cell)
    bench.until(r"@begin 0")
    bench.do("sleep 1; kill -9 $(pidof irqfwd)")
    bench.until(r"^@exit ")
    return bench.exit_code() == 128 + 9, "the VMM killed"


def unplug(bench, cell):
    """The host takes the device back in the midst of traffic."""
    bench.start(cell)
    bench.until(r"@begin 0")
    at = f"/sys/bus/pci/devices/{EDU[0]}"
    bench.do(f"sleep 1; echo 1 >{at}/remove; [ -e {at} ] || echo @removed", 60)
    gone = any(line.startswith("@removed") for line in bench.heard)
    bench.until(r"^@exit ", 120)
    code = bench.exit_code()
    bench.do("echo 1 >/sys/bus/pci/rescan; sleep 1")
    bench.do("bind " + EDU[0])
    return gone and code == 0, f"device {'gone' if gone else 'STILL THERE'}, guest went on, " \
        f"exit {code}"


def reset(bench, _):
    """The guest resets while its thread sleeps: pin masked, ack deferred."""
    cell = Cell(policy=bench.policy, sleep_us=1000000, count=3)
    bench.start(cell, "--reset", reboot=True)
    bench.until(r"^@exit ", 150)
    boots = sum("@begin 0" in line for line in bench.heard)
    counts = bench.counts()
    good = boots == 2 and counts.get("real") == 3 and not counts.get("stalls") \
        and not counts.get("spurious")
    return good, f"{boots} boots, after the reset real {counts.get('real')} of 3"


FAULTS = {"kill": kill, "unplug": unplug, "reset": reset}


def _one(bench, name, host):
    traffic = Cell(policy=bench.policy, count=3000)
    good, what = FAULTS[name](bench, traffic)
    bench.do("sleep 1")
    left = bench.left()
    second = bench.row(Cell(policy=bench.policy, count=20))
    r = {k: second.get(k, 0) for k in ("asserted", "expected", "real", "spurious", "stalls")}
    exact = report.right(r) and r["asserted"] == 20
    return dict(r, fault=name, what=what, host=host, policy=bench.policy, left=left,
                ok=good and exact and left == 0)


def main(hosts, policies):
    ready = images.prepare(hosts)
    rows = []
    for host in hosts:
        for policy in policies:
            bench = Bench(host, ready[host], policy)
            try:
                for name in FAULTS:
                    rows.append(_one(bench, name, host))
                    say(" ".join(f"{k}={rows[-1][k]}" for k in KEYS))
            except LabError as e:
                say(f"{name}: {e}")
                rows.append(dict.fromkeys(KEYS, 0) | dict(
                    fault=name, what=str(e), host=host, policy=policy, ok=False))
            finally:
                bench.host.close()
    with open(ROWS, "w") as f:
        json.dump(rows, f, indent=1)
    with open(TAP, "w") as f:
        f.write(f"TAP version 13\n1..{len(rows)}\n")
        for n, r in enumerate(rows, 1):
            f.write(f"{'ok' if r['ok'] else 'not ok'} {n} lab fault {r['fault']} "
                    f"{r['host']} {r['policy']}: {r['what']}\n")
    print(report.table(rows, KEYS))
    return 0 if all(r["ok"] for r in rows) else 1
