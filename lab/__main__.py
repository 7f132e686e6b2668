# SPDX-License-Identifier: Apache-2.0
"""The command line of ./x lab and ./x demo."""
import argparse
import os
import signal
import sys

from . import (bare, boots, cells, checks, demo, emulator, errors, faults, matrix, report, runs,
               smoke)
from .common import LabError, alone, say

EPILOG = """\
Options take comma lists and may be repeated; every combination that makes
sense is a cell. Without an option its first value is used.

  ./x lab                                     irqfwd on 6.1, thread, single
  ./x lab --vmm irqfwd,qemu --host 6.1,6.12   compared on two kernels
  ./x lab --driver thread --pattern all --sleep-us 0,3000

docs/lab.md says what each driver and pattern does and how each column is counted.
"""


def _list(allowed, kind=str, more=()):
    """more: allowed, too, but no part of all."""
    def parse(text):
        values = allowed if text == "all" else [kind(v) for v in text.split(",")]
        for v in values:
            if v not in [*allowed, *more]:
                raise argparse.ArgumentTypeError(
                    f"'{v}' is none of {', '.join(map(str, [*allowed, *more]))}")
        return values
    return parse


def _numbers(text):
    try:
        values = [int(v) for v in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
    if min(values) < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is negative")
    return values


def parser():
    p = argparse.ArgumentParser(prog="./x lab", epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                description="Runs cells of the nested lab: stock Debian "
                                "host kernels, real KVM and VFIO, a real device.")
    chips = ["split", "kernel", "userspace"]
    p.add_argument("--host", action="extend", metavar="LIST",
                   type=_list(cells.HOSTS, more=cells.OTHER_HOSTS),
                   help=f"{', '.join(cells.HOSTS)}, or all; and {', '.join(cells.OTHER_HOSTS)}")
    for name, allowed in (("vmm", cells.VMMS), ("irqchip", chips),
                          ("policy", cells.POLICIES), ("device", cells.DEVICES),
                          ("driver", cells.ALL_DRIVERS), ("pattern", cells.PATTERNS)):
        p.add_argument(f"--{name}", action="extend", type=_list(allowed), metavar="LIST",
                       help=", ".join(allowed) + ", or all")
    p.add_argument("--nointxmask", nargs="?", const=[1], action="extend", metavar="LIST",
                   type=_list([0, 1], int), help="load vfio-pci with nointxmask=1 "
                   "(or a list out of 0,1)")
    p.add_argument("--host-cpus", action="extend", type=_list([1, 2], int), metavar="LIST",
                   help="CPUs of the host under test: 1, 2")
    p.add_argument("--vcpus", action="extend", type=_numbers, metavar="LIST",
                   help="CPUs of the guest")
    p.add_argument("--sleep-us", action="extend", type=_numbers, metavar="LIST",
                   help="sleep of the handler's thread before its device ack")
    p.add_argument("--count", type=int, help="rounds per cell (50; 20 with --matrix)")
    p.add_argument("--parallel", type=int, default=2, help="hosts at a time "
                   "(%(default)s); --matrix starts no more than there are CPUs for")
    p.add_argument("--matrix", action="store_true", help="run every cell (or every one of "
                   "the given options) into build/lab.json and build/lab.md")
    p.add_argument("--resume", action="store_true", help="with --matrix: keep the rows in "
                   "build/lab.json that came from the same sources")
    p.add_argument("--redo", action="store_true", help="with --resume: run the cells anew "
                   "whose guest came to assert nothing; they are counted and told")
    p.add_argument("--whole", action="store_true", help="with --matrix: leave no cell of QEMU "
                   "and policy eoi out (docs/lab.md); most of a day")
    p.add_argument("--smoke", action="store_true", help="the few cells of ./x test, with "
                   "their verdicts in build/lab-smoke.tap")
    p.add_argument("--faults", action="store_true", help="unplug, SIGKILL, resets and "
                   "a PCIe error in the midst of traffic, and a second run after each")
    p.add_argument("--errors", action="store_true", help="what irqfwd refuses, and its words "
                   "(with --smoke and --faults: what ./x test runs)")
    p.add_argument("--boots", type=int, metavar="N", help="no cells: boot each guest N times, "
                   "in turn, and count those that do not come up")
    p.add_argument("--bare", type=int, metavar="N", help="no VMM: the guest's kernel reads "
                   "the disk of --device nvme N times, right on the emulated machine")
    p.add_argument("--emulator", type=int, metavar="N", help="no VM at all: set up N lines on "
                   "a host with two CPUs, its memory map still and changing, and count "
                   "those that QEMU loses")
    p.add_argument("--disturb", action="store_true", help="with --boots: change the host's "
                   "memory map all the while (docs/lab.md says why)")
    p.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    return p


def chosen(args):
    """The cells that the options name; with --matrix an option not given is all."""
    def take(name, values, default):
        return getattr(args, name) or (values if args.matrix else default)

    out = []
    for vmm in take("vmm", cells.VMMS, ["irqfwd"]):
        # Without --irqchip each VMM runs with what it is run with commonly.
        out += cells.product(
            vmm=[vmm], host=take("host", cells.HOSTS, ["6.1"]),
            irqchip=take("irqchip", cells.IRQCHIPS[vmm], cells.IRQCHIPS[vmm][:1]),
            policy=take("policy", cells.POLICIES, ["unmask"]),
            nointxmask=take("nointxmask", [0, 1], [0]),
            host_cpus=take("host_cpus", [1, 2], [1]), vcpus=take("vcpus", [1, 4], [1]),
            device=take("device", cells.DEVICES, ["edu"]),
            driver=take("driver", cells.DRIVERS + ["e1000-threaded"], ["thread"]),
            pattern=take("pattern", cells.PATTERNS, ["single"]),
            sleep_us=take("sleep_us", cells.SLEEPS, [3000]),
            count=[args.count or (20 if args.matrix else 50)])
    return matrix.planned(out, args.count or 20, args.whole) if args.matrix else out


def check(args):
    """What ./x test runs, in part or all of it."""
    failed = smoke.main(args.parallel) if args.smoke else 0
    hosts, parts = set(), []
    if args.faults:
        settings = [(h, p) for h in args.host or ["6.1"] for p in args.policy or ["unmask"]]
        parts.append(faults.Faults(settings))
        hosts |= {h for h, _ in settings}
    if args.errors:
        parts.append(errors.Errors())
        hosts.add(errors.Errors.HOST)
    if parts:
        failed |= checks.main(hosts, parts, args.parallel)
    return failed


def lab(argv):
    args = parser().parse_args(argv)
    if args.smoke or args.faults or args.errors:
        if args.json:
            raise LabError("--json writes the rows of cells; --smoke, --faults and --errors "
                           "write build/lab-*.tap")
        with alone("lab", *argv):
            return check(args)
    if (args.disturb and not args.boots) or (
            (args.boots or args.bare or args.emulator) and args.json):
        raise LabError("--disturb goes with --boots; --boots, --bare and --emulator print "
                       "their counts and have no --json")
    if (args.whole or args.resume) and not args.matrix:
        raise LabError("--whole and --resume go with --matrix")
    if args.redo and not args.resume:
        raise LabError("--redo goes with --matrix --resume")
    wanted = chosen(args)
    if not wanted:
        raise LabError("no such cell: " + "; ".join(
            f"{v} has irqchip {', '.join(c)}" for v, c in cells.IRQCHIPS.items())
            + "; a plain driver has no thread to be between")
    with alone("lab", *argv):
        return measure(args, wanted)


def measure(args, wanted):
    """Runs the cells; their rows."""
    if args.json:
        report.check_writable(args.json)
    if args.emulator:
        return emulator.main(args.host or ["6.1"], args.emulator)
    if args.bare:
        return bare.main(wanted, args.bare)
    if args.boots:
        return 0 if boots.main(wanted, args.boots, args.disturb) else 1
    if args.matrix:
        code = matrix.main(wanted, args.resume, args.parallel, args.redo)
        if args.json:
            report.export(args.json, report.load(matrix.ROWS))
        return code
    rows = {}

    def done(r, cell):
        rows[cell.key()] = r
        say(f"{len(rows)}/{len(wanted)} " + " ".join(str(v) for v in cell.key())
            + f": real {r['real']}/{r['expected']} spurious {r['spurious']} "
            f"stalls {r['stalls']}")

    runs.run(wanted, done, parallel=args.parallel)
    ordered = [rows[c.key()] for c in wanted]
    print(report.table(ordered, cells.ROW_KEYS))
    if args.json:
        report.export(args.json, ordered)
    return 0


def main():
    word, argv = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    # Hosts must not outlive us: leave in the orderly way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if word == "demo":
            return demo.main(argv)
        return lab(argv)
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


sys.exit(main())
