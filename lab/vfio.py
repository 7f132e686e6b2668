# SPDX-License-Identifier: Apache-2.0
"""Our library on a real VFIO device, with the test in the guest's place, and what
irqfwd says when a host is not set up for it. Each point also goes to
build/lab-vfio.tap, for ./x test.
"""
import argparse
import os
import re
import sys

from . import images
from .common import BUILD, WORK, LabError, alone, say
from .cpio import Image, join
from .machine import EDU, Host, HostHung

HOSTS = list(images.HOSTS) + [images.IOMMUFD]
TAP = os.path.join(BUILD, "lab-vfio.tap")
SECONDS = 120

# Beside the lab's own two: a device that shares the first one's host line (slot
# 8), and a bridge with a device and a serial port behind it: one IOMMU group.
SHARED = "0000:00:08.0"
BRIDGE = "0000:00:1e.0"
BEHIND, SERIAL = "0000:{bus}:01.0", "0000:{bus}:02.0"
NIC = "0000:00:09.0"     # for MSI-X
PORT = "0000:00:0a.0"    # behind it a device that can be reset: alone on its bus
EXTRA = ["-device", "edu,addr=08",
         "-device", "e1000e,addr=09",
         "-device", "pcie-root-port,id=plug,chassis=1,slot=1,addr=0a", "-device", "edu,bus=plug",
         "-device", "i82801b11-bridge,id=bridge,addr=1e",
         "-device", "edu,bus=bridge,addr=01",
         "-device", "pci-serial,bus=bridge,addr=02"]


def initrd(host, base):
    """The host's initramfs with the test behind it."""
    extra, path = f"{WORK}/vfio.cpio", f"{WORK}/vfio-{host}.cpio"
    image = Image()
    test = images.host_binaries(host)[1]
    image.file("bin/test_vfio", test)
    for lib in images.libraries(test):
        image.file(lib, os.path.realpath(lib))
    image.write(extra)
    join(path, base, extra)
    return path


class Points:
    """The test points of all hosts, as they come."""

    def __init__(self):
        self.lines, self.failed = [], 0

    def add(self, good, text):
        self.failed += not good
        self.lines.append(f"{'ok' if good else 'not ok'} {len(self.lines) + 1} {text}\n")

    def hear(self, name, line):
        """A line of a test's own TAP."""
        point = re.match(r"(not )?ok\b[ \d-]*(.*)", line)
        if point:
            skipped = "# SKIP" in line
            self.add(skipped or not point.group(1), f"vfio {name} {point.group(2)}")

    def write(self):
        with open(TAP, "w") as f:
            f.write(f"TAP version 13\n1..{len(self.lines)}\n" + "".join(self.lines))


class Run:
    """One host; prints TAP-like lines as they come."""

    def __init__(self, name, pair, points, cdev=False, **machine):
        self.name, self.points = name, points
        self.env = "IRQFWD_TEST_CDEV=1" if cdev else ""
        self.host = Host(pair, name=f"vfio-{name}", **machine)

    def tell(self, line):
        print(f"{self.name}: {line}", flush=True)

    def tests(self, env):
        lines, code = self.host.do(
            f"CMOCKA_MESSAGE_OUTPUT=TAP {self.env} {env} timeout {SECONDS} test_vfio 2>&1", SECONDS + 30)
        before = self.points.failed
        for line in lines:
            self.tell(line)
            self.points.hear(self.name, line)
        if code and self.points.failed == before:
            self.points.add(False, f"vfio {self.name} test_vfio {env}: exit code {code}")

    def refuses(self, what, devices, words, kernel="/guest/vmlinuz"):
        """irqfwd run ends with 1 and a sentence that has the words."""
        argv = " ".join(f"--device vfio-pci,host={d}" for d in devices)
        lines, code = self.host.do(
            f"timeout 20 irqfwd run --kernel {kernel} --mem 256M {argv} </dev/null 2>&1", 40)
        text = "\n".join(lines)
        good = code == 1 and all(w in text for w in words)
        self.points.add(good, f"vfio {self.name} {what}")
        self.tell(f"{'ok' if good else 'not ok'} - {what}")
        for line in lines:
            self.tell(f"# {line}")
        if not good:
            self.tell(f"# exit code {code}; expected 1 and: {', '.join(words)}")


def behind(run, bridge):
    """The bus behind a bridge, which the host's kernel has numbered."""
    lines, _ = run.host.do(f"ls -d /sys/bus/pci/devices/{bridge}/0000:??:??.?")
    return lines[0].rsplit("/", 1)[1].split(":")[1]


def on_host(name, pair, points):
    """The tests with and without nointxmask, and the refusals in between."""
    cdev = name == images.IOMMUFD
    run = Run(name, pair, points, cdev, extra=EXTRA)
    try:
        run.refuses("no /dev/kvm", EDU[:1], ["/dev/kvm"])
        run.host.load_kvm()
        run.refuses("not bound", EDU[:1], [EDU[0], "not to vfio-pci", "drivers_probe"])
        run.host.do("load_vfio 0", 60)
        run.host.do("bind " + " ".join(EDU + [SHARED, NIC]), 30)
        run.tests(f"IRQFWD_TEST_MSIX={NIC}")
        alone = f"0000:{behind(run, PORT)}:00.0"
        run.host.do(f"bind {alone}", 30)
        run.tests(f"IRQFWD_TEST_DEVICE={alone}")
        bus = behind(run, BRIDGE)
        inner, serial = BEHIND.format(bus=bus), SERIAL.format(bus=bus)
        run.host.do(f"bind {inner}", 30)
        run.refuses("group not viable", [inner], ["not viable", serial, "serial"])
        run.host.do(f"bind {serial}", 30)
        run.tests(f"IRQFWD_TEST_DEVICE={inner} IRQFWD_TEST_BRIDGE={BRIDGE} "
                  f"IRQFWD_TEST_SIBLING={serial}")
        run.host.do("load_vfio 1", 60)
        run.host.do("bind " + " ".join(EDU + [SHARED]), 30)
        run.tests("")
        run.refuses("shared and not maskable", [EDU[0], SHARED],
                    ["shared", "nointxmask=1"])
        parameter = ("/sys/module/" + ("iommufd" if cdev else "vfio_iommu_type1")
                     + "/parameters/allow_unsafe_interrupts")
        run.host.do(f"echo 0 > {parameter}")
        run.refuses("interrupts not remapped", EDU[:1], ["remap", parameter])
        if not cdev:
            run.host.do("rmmod vfio_iommu_type1", 30)
            run.refuses("no IOMMU driver", EDU[:1], ["vfio_iommu_type1"])
    finally:
        run.host.close()


def with_two_cpus(name, pair, points):
    """
    What needs one CPU to set INTx up while another one takes an interrupt. An emulated
    host with two can fail by itself (docs/lab.md): then once more on a fresh one.
    """
    for left in (1, 0):
        run = Run(f"{name} two CPUs", pair, points, name == images.IOMMUFD, cpus=2,
                  monitor=True)
        try:
            run.host.load_kvm()
            for nointxmask in (0, 1):
                run.host.do(f"load_vfio {nointxmask}", 60)
                run.host.do("bind " + " ".join(EDU), 30)
                run.tests("IRQFWD_TEST_ONLY=an_interrupt_amid_the_set_up")
            return
        except HostHung as e:
            if not left:
                raise
            say(f"{e}; once more")
        finally:
            run.host.close()


def without_iommu(name, pair, points):
    run = Run(f"{name} no IOMMU", pair, points, iommu=False)
    try:
        run.host.load_kvm()
        run.host.do("load_vfio 0", 60)
        run.host.do("bind " + " ".join(EDU), 30)
        run.refuses("no IOMMU", EDU[:1], ["IOMMU"])
    finally:
        run.host.close()


def main():
    p = argparse.ArgumentParser(prog="./x vfio", description="Runs the library's tests on real "
                                "VFIO devices, in the nested lab, without a VMM.")
    p.add_argument("host", nargs="*", metavar="HOST",
                   help=f"kernels of the host: {', '.join(HOSTS)} (all)")
    hosts = p.parse_args().host or HOSTS
    for host in set(hosts) - set(HOSTS):
        p.error(f"there is no host {host}; there are {', '.join(HOSTS)}")
    try:
        with alone("vfio", *sys.argv[1:]):
            return _run(hosts)
    except LabError as e:
        print(f"vfio: {e}", file=sys.stderr)
        return 2


def _run(hosts):
    ready, reason = images.prepare_if_possible(hosts)
    if reason:
        with open(TAP, "w") as f:
            f.write(f"1..1\nok 1 vfio # SKIP {reason}\n")
        return 0
    points = Points()
    for name, (kernel, base) in ready.items():
        pair = kernel, initrd(name, base)
        for part in (on_host, with_two_cpus, without_iommu):
            try:
                part(name, pair, points)
            except (LabError, HostHung) as e:
                say(str(e))
                points.add(False, f"vfio {name} {part.__name__} ended early")
    points.write()
    say(f"vfio: {len(points.lines)} points, {points.failed} failed")
    return 1 if points.failed else 0


if __name__ == "__main__":
    sys.exit(main())
