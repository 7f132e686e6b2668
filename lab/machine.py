# SPDX-License-Identifier: Apache-2.0
"""The host under test: a stock kernel in an emulated machine, driven by lines."""
import atexit
import json
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time

from .common import WORK, LabError, say

# Slots of the two edu devices. Their INTA lines differ on the host, so that each
# can be had exclusively (nointxmask=1); the guest's slots decide what shares there.
EDU = ["0000:00:04.0", "0000:00:05.0"]
# On a host with two CPUs each has a double, which nobody uses (Host._cover()).
DOUBLES = ["0000:00:14.0", "0000:00:15.0"]
OTHER = "0000:00:09.0"     # the device of a cell that is not edu
# TCG repeats REP STOSB and MOVSB byte by byte: kernels that clear and copy pages by them,
# as they do where there is erms or fsrm, boot slowly.
CPU = "max,-erms,-fsrm"
LIFETIME = 5400
BOOT_SECONDS = 120      # 4 on a quiet machine
QUIET_SECONDS = 10      # without a word: then its CPUs are looked at
FOR_EVER = 3            # looks at a CPU that no key wakes
STOPPED_CLOCK = 6       # looks at a timer that is always set to the same time
FIRMWARE = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|c)")   # SeaBIOS draws a screen


_alive, _ending, _starting = set(), threading.Event(), threading.Lock()


@atexit.register
def _close_all():
    """However the lab ends. Threads that are left over start no other host then."""
    with _starting:
        _ending.set()
    for host in list(_alive):
        host.close()


class HostHung(LabError):
    pass


class Monitor:
    """QEMU's side of a machine: plugs and unplugs its devices (QMP)."""

    def __init__(self):
        self._ours, theirs = socket.socketpair()
        self.descriptor = theirs.detach()
        self._lines = self._ours.makefile("r")
        self._ours.settimeout(60)

    def options(self):
        return ["-chardev", f"socket,id=qmp,fd={self.descriptor}",
                "-mon", "chardev=qmp,mode=control"]

    def started(self):
        os.close(self.descriptor)
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        try:
            self._ours.sendall(json.dumps(request).encode() + b"\n")
        except OSError as e:
            raise HostHung(f"QEMU does not take {command}: {e.strerror}") from None
        while True:
            try:
                line = self._lines.readline()
            except OSError:
                raise HostHung(f"QEMU does not answer {command}") from None
            if not line:
                raise HostHung(f"QEMU ended amid {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU's {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]


def asleep(lapic, registers):
    """
    Whether a CPU halts with interrupts enabled while its local APIC has one for it. No
    CPU does that: the emulator has forgotten to wake it. From the words of QEMU's
    monitor, `info lapic` and a CPU's part of `info registers -a`.
    """
    flags = int(re.search(r"[RE]FL=([0-9a-f]+)", registers)[1], 16)
    requested = re.search(r"^IRR(.*)$", lapic, re.MULTILINE)[1]
    vectors = [int(v) for v in re.findall(r"\d+", requested)]
    priority = int(re.search(r"PPR 0x([0-9a-f]+)", lapic)[1], 16)
    return "HLT=1" in registers and flags & 0x200 != 0 \
        and max(vectors, default=0) >> 4 > priority >> 4


def stopped(timers):
    """
    Whether a CPU's timer was looked at often, ran off in between, and was always set to
    the same time: Linux sets it to what is left, so no clock goes on. Each: set to, left.
    """
    return len(timers) >= STOPPED_CLOCK and len({to for to, _ in timers}) == 1 \
        and any(now > then for (_, then), (_, now) in zip(timers, timers[1:]))


class Host:
    def __init__(self, images, cpus=1, name="host", extra=(), iommu=True, svm=True,
                 append="", monitor=False, cover=True):
        kernel, initrd = images
        self.monitor = Monitor() if monitor else None
        self.name, self.cpus = name, cpus
        self._timers = {}       # of each CPU's: (set to, left), while the host is silent
        self._sleepers = 0      # looks, while it is, that found a CPU that no key wakes
        argv = ["timeout", "-k", "5", str(LIFETIME), "qemu-system-x86_64"]
        argv += ["-accel", "tcg,thread=multi" if cpus > 1 else "tcg"]
        argv += ["-M", "q35,kernel-irqchip=split", "-cpu", CPU + (",+svm" if svm else ",-svm")]
        argv += ["-smp", str(cpus), "-m", "2048"]
        if iommu:
            argv += ["-device", "intel-iommu,intremap=off,caching-mode=on"]
        for n, address in enumerate(EDU):
            argv += ["-device", f"edu,id=edu{n},addr={address[8:10]}"]
        if cpus > 1:
            argv += [a for d in DOUBLES for a in ("-device", f"edu,addr={d[8:10]}")]
        argv += list(extra) + (self.monitor.options() if monitor else [])
        argv += ["-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"]
        argv += ["-monitor", "none", "-kernel", kernel, "-initrd", initrd]
        argv += ["-append", "console=ttyS0 panic=1 mitigations=off intel_iommu=on quiet iomem=relaxed "
                 + append]
        self.log = open(os.path.join(WORK, f"{name}.log"), "w")
        self._lines = queue.Queue()
        with _starting:
            if _ending.is_set():
                raise LabError("the lab has been ended")
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT,
                                            pass_fds=[self.monitor.descriptor] if monitor else [])
            _alive.add(self)
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            if monitor:
                self.monitor.started()
            self.kernel = self._until("@host", BOOT_SECONDS)[-1].split()[1]
            if cpus > 1 and cover:
                self._cover()
        except LabError:
            self.close()
            raise

    def _listen(self):
        for raw in self.process.stdout:
            line = FIRMWARE.sub("", raw.decode(errors="replace")).rstrip("\r\n")
            self.log.write(line + "\n")
            self.log.flush()
            self._lines.put(line)
        self._lines.put(None)

    def _until(self, mark, seconds, hear=None):
        """Lines up to the first that starts with `mark`."""
        end = time.monotonic() + seconds
        lines = []
        self._timers, self._sleepers = {}, 0
        while True:
            left = end - time.monotonic()
            try:
                line = self._lines.get(timeout=max(0.0, min(left, QUIET_SECONDS)))
            except queue.Empty:
                if left > QUIET_SECONDS:
                    if self.monitor:
                        self._look()
                    continue
                raise HostHung(f"no {mark} from the host within {seconds} s; "
                               f"see {self.log.name}") from None
            if line is None:
                raise HostHung(f"the host ended; see {self.log.name}")
            lines.append(line)
            if hear:
                hear(line)
            if line.startswith(mark):
                return lines

    def tell(self, command):
        """What QEMU's monitor says to a line of its own."""
        return self.monitor.do("human-monitor-command", **{"command-line": command})

    def _asleep(self):
        """The CPUs that are; what all of them do goes into the log."""
        out = []
        for n, registers in enumerate(self.tell("info registers -a").split("CPU#")[1:]):
            lapic = self.tell(f"info lapic {n}")
            self._timers.setdefault(n, []).append(tuple(
                int(v) for v in re.findall(r"_count = (\d+)", lapic)))
            state = re.findall(r"[RE]IP=.*|^ISR.*|^IRR.*|^Timer.*|PPR.*", registers + lapic,
                               re.MULTILINE)
            self.log.write(f"# CPU {n}: " + " ".join(w for line in state for w in line.split())
                           + "\n")
            if asleep(lapic, registers):
                out.append(n)
        return out

    def _look(self):
        """The host is silent: are its CPUs asleep for ever, or does its clock stand still?"""
        self._wake()
        if all(stopped(seen) for seen in self._timers.values()):
            raise HostHung("the clock of the emulated host stands still: its timers are set to "
                           f"the same time again and again; see {self.log.name}")

    def _wake(self):
        """
        QEMU can lose the wake-up of an interrupt that comes as a guest leaves, and with it
        the host's timer, for ever (docs/lab.md). Any other interrupt helps: that of a key.
        """
        lost = set(self._asleep())
        for _ in range(3):      # one that is just being woken is no longer so then
            if not lost:
                return
            time.sleep(0.3)
            lost &= set(self._asleep())
        self.monitor.do("send-key", keys=[{"type": "qcode", "data": "shift"}])
        time.sleep(0.5)
        left = lost & set(self._asleep())
        say(f"{self.name}: CPUs {lost} of the emulated host slept with an interrupt pending; a "
            f"key woke {lost - left or 'none'}")
        self._sleepers += bool(left)
        if self._sleepers == FOR_EVER:
            raise HostHung(f"CPUs {left} of the emulated host sleep for ever, with interrupts "
                           f"enabled and pending; see {self.log.name}")

    def do(self, command, seconds=30, hear=None):
        """Runs a line of shell on the host; its output and its exit code."""
        self.log.write(f"> {command}\n")
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as e:
            raise HostHung(f"the host has ended ({e.strerror}); see {self.log.name}") from None
        lines = self._until("@ok", seconds, hear)
        return lines[:-1], int(lines[-1].split()[1])

    def _cover(self):
        """
        Puts the doubles where the devices are. QEMU can mistake one register for another's
        on one CPU, while the other one changes what its memory map consists of
        (docs/lab.md); when a device's memory goes, now its double's is there. Of two at
        one place the one that was switched on last is reached.
        """
        for device, double in zip(EDU, DOUBLES):
            ours, its = (f"/sys/bus/pci/devices/{d}/config" for d in (device, double))
            self.do(f"dd if={ours} of={its} bs=4 skip=4 seek=4 count=1 conv=notrunc; "
                    f"switch() {{ printf $2 | dd of=$1 bs=1 seek=4 conv=notrunc; }}; "
                    f"switch {its} '\\002'; switch {ours} '\\000'; switch {ours} '\\002'")

    def load_kvm(self):
        """
        On more than one CPU with a VM that never runs, so that no other one is the first
        or the last: as one begins or ends, the host's kernel rewrites code of its own, and
        the emulator may go on running what it read in between (docs/lab.md).
        """
        self.do("load_kvm", 60)
        if self.cpus > 1:
            self.do("qemu-system-x86_64 -M q35,accel=kvm -S -m 16 -nodefaults "
                    "-no-user-config -display none -daemonize", 60)

    def close(self):
        """Ends the machine, whatever state it is in."""
        _alive.discard(self)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)     # timeout(1) leads a group
        except ProcessLookupError:
            pass
        self.process.wait()
