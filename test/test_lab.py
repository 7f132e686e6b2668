#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What of the lab needs no machine: that only one run has a checkout's files, that what
does not build fails and what cannot be had is skipped, that a run ends when it is told
to, that a cell has its two tries and only a VMM that refuses twice ends the run, what
--redo runs anew, that a row is known by its sources, wherever they stand, that the flood
of pings counts what is lost or wrong, and that a CPU which QEMU forgot to wake is told
from those that only sleep.  TAP.
"""
import ast
import collections
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
HOLD = """
import sys, time
from lab.common import alone
with alone("lab", "--matrix"):
    print("held", flush=True)
    time.sleep(60)
"""

# The lab with cells that never end, where no machine is needed.
ENDLESS = """
import sys, time
from lab import runs
def run_cells(session, group, finish):
    print("running", flush=True)
    time.sleep(600)
runs.images.prepare = dict.fromkeys
runs.Session.run_cells = run_cells
sys.argv[1:] = ["lab"]
import lab.__main__
"""


# A matrix of two cells: no guest of the first comes to assert, in the second a call is missing.
REDO = """
import json, sys
from lab import cells, matrix, report, runs
wanted = cells.product(pattern=["single", "partial"])
def run(todo, done, parallel, again):
    print("ran", *(c.pattern for c in todo), flush=True)
    for c in todo:
        asserted = 0 if c.pattern == "single" and sys.argv[1] == "hangs" else 4
        done(cells.row(c, {"asserted": asserted, "stalls": 1}), c)
runs.run = run
matrix.main(wanted, *json.loads(sys.argv[2]))
print("again", json.dumps(list(json.load(open(matrix.AGAIN)).values())))
print("asserted", *sorted(r["asserted"] for r in report.load(matrix.ROWS)))
"""


# A lab whose machines cannot be made.
UNPREPARED = """
import sys
from lab import common, images
def prepare(hosts):
    raise common.ERROR("no machine")
images.prepare = prepare
sys.argv[1:] = ["lab", "--smoke", "--faults"]
import lab.__main__
"""


def lab(at):
    """A run that the lock lets by is refused for its file: no host is started."""
    done = subprocess.run([sys.executable, "-m", "lab", "lab", "--json", "/nowhere/rows"],
                          capture_output=True, text=True, check=False, timeout=60, cwd=at)
    return done.returncode, done.stderr


def lock():
    """Refused while another process has it, and not after that was killed."""
    with tempfile.TemporaryDirectory() as at:
        os.symlink(ROOT / "lab", at + "/lab")      # its build/ is beside it
        with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE,
                              cwd=at) as holder:
            assert holder.stdout.readline() == b"held\n"
            code, said = lab(at)
            holder.kill()
        yield "a second run is refused", code == 2 and "build/lab.lock" in said, said
        yield "and told by whom", f"process {holder.pid}, './x lab --matrix'" in said, said
        code, said = lab(at)
        yield "a killed run leaves no lock", code == 2 and "cannot write /nowhere" in said, said


def what_does_not_build():
    """Our own fault is no reason to skip; what cannot be had is one."""
    with tempfile.TemporaryDirectory() as at:
        os.symlink(ROOT / "lab", at + "/lab")
        for error, owed in (("LabError", 2), ("Missing", 0)):
            done = subprocess.run([sys.executable, "-c", UNPREPARED.replace("ERROR", error)],
                                  capture_output=True, text=True, check=False, timeout=60, cwd=at)
            yield f"{error} as the lab is prepared", done.returncode == owed, done.stderr


def ended():
    """A run that is told to end does not wait for its cells."""
    with tempfile.TemporaryDirectory() as at:
        os.symlink(ROOT / "lab", at + "/lab")
        for name, number, owed in (("SIGTERM", signal.SIGTERM, 143), ("Ctrl-C", signal.SIGINT, 130)):
            with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE,
                                  cwd=at) as run:
                while run.stdout.readline() not in (b"running\n", b""):
                    pass
                run.send_signal(number)
                try:
                    code = run.wait(60)
                except subprocess.TimeoutExpired:
                    code = "not ended after a minute"
                run.kill()
            yield f"{name} ends a run amid its cells", code == owed, str(code)


def tries():
    """
    A cell that two guests do not get beyond is a row with a stall, and the next has two,
    too. A guest is the cells that it finished; if none, T is one that crashed as it
    booted, R a VMM that refused, of which two end the run: shown as !.
    """
    sys.path.insert(0, str(ROOT))
    from lab.common import LabError
    from lab.runs import Session
    words = {"T": "! irqfwd run: vCPU 2 stopped at rip 0xfff0: triple fault: the guest …",
             "R": "! irqfwd run: 0000:00:03.0 is not bound to vfio-pci"}
    vmm = collections.namedtuple("cell", "name vmm", defaults=["irqfwd"])
    for name, guests, owed in (
            ("none hangs", ["abc"], "abc"),
            ("two hang once", ["", "a", "bc"], "abc"),
            ("the first hangs, the next hangs once", ["", "", "", "bc"], "Abc"),
            ("it hangs amid the others, and at once", ["a", "", "c"], "aBc"),
            ("the VMM refuses once", ["R", "abc"], "abc"),
            ("it refuses twice", ["R", "R"], "!"),
            ("it hangs amid the others, and the VMM refuses", ["a", "R", "c"], "aBc"),
            ("it hangs, and the VMM refuses", ["", "R", "bc"], "Abc"),
            ("it hangs, and crashes", ["", "T", "bc"], "Abc"),
            ("it crashes once", ["T", "abc"], "abc"),
            ("it crashes twice", ["T", "T", "bc"], "Abc")):
        session, left, rows = Session(("6.1", 1, "edu"), None, "host0"), list(guests), []

        def run_guest(cells, done, session=session, left=left):
            ended = words.get(left[0])
            session.refused, session.notes = int(bool(ended)), [ended] * bool(ended)
            finished = [] if ended else [c for c in cells if c.name in left[0]]
            for c in finished:
                done(c, None)
            left.pop(0)
            return finished
        session.run_guest = run_guest
        try:
            session.run_cells([vmm(n) for n in "abc"], lambda cell, counts, rows=rows: rows.append(
                cell.name.upper() if counts else cell.name))
        except LabError:
            rows.append("!")
        yield f"tries: {name}", "".join(rows) == owed and not left, f"{rows}, left {left}"


def host_ends():
    """A host that ends or hangs before the guest is started is one that hung amid it."""
    from lab import runs
    from lab.cells import Cell
    from lab.machine import Host, HostHung
    with tempfile.TemporaryDirectory() as at:
        runs.WORK = at
        for name in ("ended", "silent"):
            session = runs.Session(("6.1", 1, "edu"), None, "host0")
            host = session.host = Host.__new__(Host)
            host.name, host.log, host.monitor = "host0", open(at + "/host0.log", "w"), None
            host.process = subprocess.Popen(["true"], stdin=subprocess.PIPE)
            host.process.wait()
            if name == "silent":
                def do(command, seconds=30, hear=None):
                    raise HostHung("no @ok from the host")
                host.do = do
            host.close = lambda: None
            session._keep_hung = lambda cell: None
            cell, finished = Cell(policy="unmask"), None
            try:
                finished = session.run_guest([cell], None)
            except HostHung as e:
                finished = str(e)
            yield f"a host that is {name} as a guest is to start", \
                finished == [] and not session.host and cell in session.again, str(finished)


def redo():
    """--redo runs what came to nothing; a call that was missing stays on record."""
    with tempfile.TemporaryDirectory() as at:
        os.symlink(ROOT / "lab", at + "/lab")
        os.mkdir(at + "/build")
        for name, how, options, owed in (
                ("the first run", "hangs", "[false, 1]", ["ran single partial", "asserted 0 4"]),
                ("--resume alone", "goes", "[true, 1]", ["ran", "asserted 0 4"]),
                ("--redo", "goes", "[true, 1, true]", ["ran single", "asserted 4 4", "(--redo)"])):
            done = subprocess.run([sys.executable, "-c", REDO, how, options], cwd=at, check=False,
                                  capture_output=True, text=True, timeout=60)
            said = done.stdout.splitlines() + done.stdout.split('"')
            yield name, not done.returncode and all(
                any(line.strip().endswith(o) for line in said) for o in owed), \
                done.stdout + done.stderr


def moved():
    """A checkout that stands elsewhere keeps its rows; one with other sources does not."""
    def prints(*sources):
        """The fingerprints of a checkout with these files, in a place of its own."""
        with tempfile.TemporaryDirectory() as at:
            os.symlink(ROOT / "lab", at + "/lab")
            for source in sources:
                path = pathlib.Path(at, source)
                path.parent.mkdir(parents=True)
                path.write_text("1", encoding="ascii")
            done = subprocess.run(
                [sys.executable, "-c", "from lab.matrix import fingerprints as f; print(f())"],
                capture_output=True, text=True, check=True, timeout=60, cwd=at)
        return ast.literal_eval(done.stdout)

    here = prints("include/first.h")
    yield "a checkout that was moved", prints("include/first.h") == here, str(here)
    for room in ("sim", "explore"):
        there = prints("include/first.h", f"src/{room}/first.c")
        yield f"other sources in src/{room}", there == here, f"{here} {there}"
    rooms = ("backend", "chip", "cli", "forward", "lib", "source", "trace", "vmm")
    for sources in (["include/second.h"],
                    *(["include/first.h", f"src/{room}/run.c"] for room in rooms)):
        there = prints(*sources)
        yield f"other sources in {sources[-1]}", (
            there["irqfwd"] != here["irqfwd"] and there["qemu"] == here["qemu"]), f"{here} {there}"


def answer(wrong, silent):
    """Answers the pings of 127.0.0.1 in the kernel's place, some of them badly."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    seen = 0
    print("ready", flush=True)
    while True:
        packet = bytearray(s.recv(4096)[20:])
        if packet[0] != 8:
            continue
        packet[0] = 0
        seen += 1
        if seen == wrong:
            packet[-1] ^= 1     # its checksum is nobody's business but the kernel's
        if seen != silent:
            s.sendto(packet, ("127.0.0.1", 0))


def fields(text):
    return {k: int(v) for k, v in (w.split("=") for w in text.split())}


def flood():
    """In a network of its own, in which this program answers."""
    if not shutil.which("unshare") or subprocess.run(
            ["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        yield "flood # SKIP no network namespaces here", True, ""
        return
    with tempfile.TemporaryDirectory() as at:
        subprocess.run(["cc", "-D_GNU_SOURCE", "-o", at + "/flood",
                        ROOT / "lab/guest/flood.c"], check=True)
        for wrong, silent in ((0, 0), (17, 0), (0, 23)):
            done = subprocess.run(["unshare", "-rn", sys.executable, __file__, at + "/flood",
                                   str(wrong), str(silent)], capture_output=True, text=True,
                                  check=False, timeout=60)
            counts = fields(done.stdout) if not done.returncode else {}
            counts.pop("slowest_ms", None)
            owed = {"asserted": 100, "expected": 100, "real": 100 - bool(wrong) - bool(silent),
                    "unanswered": int(bool(silent)), "late": 0, "wrong": int(bool(wrong))}
            yield f"flood, wrong answer {wrong}, none {silent}", counts == owed, \
                done.stdout + done.stderr


def wakes():
    """A CPU that halts with something to do, and all those that do not."""
    sys.path.insert(0, str(ROOT))
    from lab.machine import asleep, stopped     # its room is no package of this test's
    for name, lapic, registers, owed in (
            ("pending", "ISR\t (none)\nIRR\t 36 236 \n PPR 0x10", "RFL=00000246 HLT=1", True),
            ("by its level", "ISR\t (none)\nIRR\t 34(level) \n PPR 0x10",
             "RFL=00000246 HLT=1", True),
            ("nothing pending", "ISR\t (none)\nIRR\t (none)\n PPR 0x10",
             "RFL=00000246 HLT=1", False),
            ("one of its class in service", "ISR\t 236 \nIRR\t 236 \n PPR 0xe0",
             "RFL=00000246 HLT=1", False),
            ("interrupts disabled", "ISR\t (none)\nIRR\t 236 \n PPR 0x10",
             "RFL=00000046 HLT=1", False),
            ("in the firmware, of 32 bits", "ISR\t (none)\nIRR\t 36 \n PPR 0x10",
             "EFL=00000246 HLT=1", True),
            ("it runs", "ISR\t (none)\nIRR\t 236 \n PPR 0x10", "RFL=00000246 HLT=0", False)):
        yield f"asleep: {name}", asleep(lapic, registers) == owed, lapic + registers
    for name, timers, owed in (
            ("set to the same time", [(171509, c) for c in (9, 5, 7, 0, 3, 8)], True),
            ("to others", [(171509, 9), (88, 5), (171509, 7), (9, 0), (5, 3), (171509, 8)], False),
            ("one long timer", [(171509, c) for c in (9, 8, 6, 4, 2, 1)], False),
            ("seldom looked at", [(171509, c) for c in (9, 5, 7)], False)):
        yield f"a stopped clock: {name}", stopped(timers) == owed, str(timers)


def inner(program, wrong, silent):
    """The far end and the flood, both in the network that this process was given."""
    pathlib.Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1\n", encoding="ascii")
    # ifconfig lo up, without a tool that may not be there.
    fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    with subprocess.Popen([sys.executable, __file__, "answer", wrong, silent],
                          stdout=subprocess.PIPE) as far:
        assert far.stdout.readline() == b"ready\n"
        code = subprocess.run([program, "127.0.0.1", "100", "30"], check=False).returncode
        far.kill()
    return code


def main():
    if len(sys.argv) == 4:
        first, wrong, silent = sys.argv[1:]
        if first == "answer":
            return answer(int(wrong), int(silent))
        return inner(first, wrong, silent)
    n = 0
    for part in (lock, what_does_not_build, ended, tries, host_ends, redo, moved, flood, wakes):
        for name, good, said in part():
            n += 1
            print(f"{'ok' if good else 'not ok'} {n} - {name}")
            if not good:
                print("# " + said.replace("\n", "\n# "))
    print(f"1..{n}")
    return 0


sys.exit(main())
