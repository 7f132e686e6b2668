# SPDX-License-Identifier: Apache-2.0
"""Runs cells: as many as can be in one boot of the guest, and of the host."""
import os
import shutil
import threading
import time
from collections import Counter
from itertools import groupby

from . import images
from .cells import row
from .common import WORK, LabError, say
from .machine import EDU, OTHER, Host, HostHung

GUEST_APPEND = ("console=ttyS0 quiet panic=-1 mitigations=off pci=nomsi "
                "no_timer_check tsc=reliable random.trust_cpu=on")
BOOT_SECONDS = 60       # a guest that has not begun its first cell by then hangs
GRACE_SECONDS = 20      # beyond what the guest allows a cell itself
TRACING = "/sys/kernel/tracing"
# KVM keeps nothing of a vCPU after a triple fault: these tell what came before it.
LAST_WORDS = ["kvm_exit", "kvm_msr", "kvm_page_fault", "kvm_inj_exception"]
GUEST_CRASHED = " stopped at rip "  # irqfwd of a vCPU that KVM cannot run any further
ECAM = 0xb0000000       # where SeaBIOS puts the q35's configuration space
# Slots of the guest: these two have the same INTA line, on QEMU's q35, which
# deals the slots to 4 lines, and on irqfwd's machine, which has 8.
SLOTS = [4, 12]


def host_devices(device):
    """What the host has beside its edu devices: options of its machine."""
    at = f"addr={OTHER[8:10]}"
    if device == "nvme":
        return ["-drive", f"file={images.disk()[0]},if=none,id=disk,format=raw,readonly=on",
                "-device", f"nvme,drive=disk,serial=lab,{at}"]
    if device == "e1000":
        # Its network is QEMU's own, whose gateway answers pings itself.
        return ["-netdev", "user,id=net,restrict=on", "-device", f"e1000,netdev=net,romfile=,{at}"]
    return []


def passed_through(cell):
    if cell.device != "edu":
        return [OTHER]
    return EDU if cell.driver == "shared" else EDU[:1]


def vmm_command(cell, devices=None):
    """The VMM's command line on the host; devices: others than the cell's."""
    devices = devices or passed_through(cell)
    append = GUEST_APPEND
    if cell.driver == "nvme-threaded":
        append += " nvme.use_threaded_interrupts=1"
    elif cell.driver == "e1000-threaded":
        append += " threadirqs"
    kernel = "/guest/vmlinuz" + ("-full" if cell.device == "e1000" else "")
    if cell.vmm == "irqfwd":
        argv = ["irqfwd", "run", "--kernel", kernel, "--initrd", "/tmp/initrd",
                "--append", f"'{append}'", "--cpus", str(cell.vcpus),
                "--mem", "384M", "--no-reboot", "--stats", "json"]
        for d, slot in zip(devices, SLOTS):
            argv += ["--device", f"vfio-pci,host={d},slot={slot},irq=intx,"
                     f"policy={cell.policy}"]
        return argv
    chip = {"kernel": "on", "split": "split", "userspace": "off"}[cell.irqchip]
    cpu = "host,-kvm-asyncpf-int" if chip == "off" else "host"
    argv = ["qemu-system-x86_64", "-M", f"q35,accel=kvm,kernel-irqchip={chip}",
            "-cpu", cpu, "-smp", str(cell.vcpus), "-m", "384", "-nodefaults",
            "-no-user-config", "-nographic", "-serial", "stdio", "-monitor", "none",
            "-no-reboot", "-kernel", kernel, "-initrd", "/tmp/initrd",
            "-append", f"'{append}'"]
    for d, slot in zip(devices, SLOTS):
        argv += ["-device", f"vfio-pci,host={d},addr={slot:#x}"]
    return argv


def fields(line):
    """The key=value words of a line."""
    pairs = (w.split("=", 1) for w in line.split() if "=" in w)
    out = {}
    for k, v in pairs:
        try:
            out[k] = float(v) if "." in v else int(v)
        except ValueError:
            out[k] = v
    return out


class Session:
    """One boot of the host, and the guests that run on it."""

    def __init__(self, machine, kernel_and_initrd, name, again=None):
        """again: to this are added the cells that ran a second time, and why."""
        self.machine, self.images, self.name = machine, kernel_and_initrd, name
        self.host = None
        self.nointxmask = None
        self.notes, self.refused = [], 0
        self.again = {} if again is None else again

    def _boot(self):
        """Boots the host; on a busy machine it may take more than one try."""
        for left in (2, 1, 0):
            try:
                self.host = Host(self.images, cpus=self.machine[1], name=self.name,
                                 extra=host_devices(self.machine[2]), monitor=True)
                self.host.load_kvm()
                if self.host.cpus > 1:
                    self.host.do(f"for event in {' '.join(LAST_WORDS)}; do "
                                 f"echo 1 >{TRACING}/events/kvm/$event/enable; done")
                return
            except HostHung as e:
                self.close()
                if not left:
                    raise
                say(f"{self.name}: {e}; once more")

    def prepare(self, nointxmask):
        if self.host is None:
            self._boot()
            self.nointxmask = None
        if self.nointxmask != nointxmask:
            self.host.do(f"load_vfio {nointxmask}", 60)
            devices = EDU + ([OTHER] if self.machine[2] != "edu" else [])
            self.host.do("bind " + " ".join(devices), 30)
            self.nointxmask = nointxmask

    def close(self):
        if self.host:
            self.host.close()
        self.host = None

    def _start(self, cells):
        self.host.do("quiet " + " ".join(EDU))
        self.host.do("start_job")
        for c in cells:
            self.host.do(f"cell {c.driver} {c.pattern} {c.sleep_us} {c.rounds()} {c.seconds}")
        self.host.do("end_job")

    def _once_more(self, cell, why):
        """
        Whether a cell is to run a second time, on a fresh host: the emulated ones lose
        interrupts of their own (docs/lab.md). Told, and never twice.
        """
        if cell in self.again:
            return False
        self.again[cell] = why
        say(f"{self.name}: {cell.key_text()}: {why}; once more on a fresh host")
        return True

    def _keep_machine(self, cell, what, times=1):
        """
        What the emulated host holds as a call is missing, or an answer: is it the
        host's loss? If it hung, more than once: do its CPUs go on?
        """
        keep = os.path.join(WORK, f"{what}-{cell.key_text()}.txt")
        if os.path.exists(keep):
            return
        commands = ["info pic", "info pci", *(f"info lapic {n}" for n in range(cell.host_cpus)),
                    "info registers -a"]
        # Command (DisINTx: 0x400) and Status (Interrupt Status: 0x80000) of the devices
        commands += [f"xp /1wx {ECAM + (int(address[8:10], 16) << 15) + 4:#x}" for address in EDU]
        said = []
        for n in range(times):
            time.sleep(min(n, 1))
            said += [self.host.tell(c) for c in commands]
        with open(keep, "w") as f:
            f.write("\n".join(said))
        say(f"{self.name}: what the emulated host holds is in {keep}")

    def _keep_console(self, what, cell, said):
        """Before the next host of this name writes over it."""
        keep = os.path.join(WORK, f"{what}-{cell.key_text()}.log")
        self.host.log.flush()
        shutil.copy(self.host.log.name, keep)
        say(f"{self.name}: {said} (the console is in {keep})")

    def _keep_hung(self, cell):
        try:
            self._keep_machine(cell, "hung", times=3)
        except LabError as e:
            say(f"{self.name}: {e}")

    def run_guest(self, cells, done):
        """One boot of the guest; calls done(cell, counts) as the rows come."""
        finished, killed, cut_off, dead = [], [], [], []

        def hear(line):
            if line.startswith("@row ") and not dead:
                counts = fields(line)
                cell = cells[int(line.split()[1])]
                if counts.get("ended"):
                    cut_off.append(cell)
                    if self._once_more(cell, "the VMM ended"):
                        return
                if counts.get("hung") and not cell.storms() \
                        and self._once_more(cell, "the guest hung"):
                    return
                if counts.get("late"):
                    self._keep_console("late", cell, "a call was late, its interrupt taken")
                if counts.get("stalls"):
                    self._keep_machine(cell, "stall")
                    self._keep_console("stall", cell, "a call is missing")
                    if not counts.get("host_irqs", 1) and self._once_more(
                            cell, "the device asserted, and the host took no interrupt"):
                        dead.append(cell)   # the VMM's own counts come at its end
                        return
                if counts.get("hung") or counts.get("ended"):
                    # The call that the guest was waiting for, or more.
                    counts["stalls"] = max(1, counts.get("stalls", 0))
                finished.append(cell)
                done(cell, counts)
            elif line.startswith("@exit "):
                _, code, why = line.split()[:3]
                killed.append(why != "ended")
                if why == "ended" and not finished:
                    # It went by itself before the guest came to a cell.
                    self.refused = int(code)
            elif line.startswith(("!", "@note")):
                self.notes.append(line)

        boot = BOOT_SECONDS * (1 + cells[0].vcpus // 2)
        longest = GRACE_SECONDS + max(c.seconds for c in cells)
        limit = boot + longest * len(cells)
        flag = "--userspace " if cells[0].irqchip == "userspace" else ""
        flag += f"--boot {EDU[0]} " if cells[0].pattern == "boot" else ""
        command = (f"labhost run --seconds {limit} --quiet {max(boot, longest)} "
                   f"--cell-seconds {longest} {flag}-- "
                   + " ".join(vmm_command(cells[0])))
        self.notes, self.refused = [], 0
        try:
            self.prepare(cells[0].nointxmask)
            self._start(cells)
            self.host.do(command, limit + 30, hear)
            if cut_off or self.refused:
                self.host.do(f"tail -n 100 {TRACING}/trace", 60)    # into the log
        except HostHung as e:
            if not self.host:   # it would not even boot
                raise
            self.notes.append(str(e))
            say(f"{self.name}: {e}")
            killed.append(True)
            self._keep_hung(cells[0])
        for c in set(cut_off) - set(finished):
            self._keep_console("ended", c, " ".join(self.notes[:1]))
        for c in dead:
            self._keep_console("dead", c, "its line is dead")
        if any(killed):
            self._keep_console("hung", cells[0], "a guest was ended")
        if any(killed) or dead:
            # A storm may have made the host's kernel give the line up.
            self.close()
            for c in [c for c in cells if c not in finished][:1]:
                self.again.setdefault(c, "the host hung, or the guest as it booted")
        elif cut_off:
            # The device may assert still. With nointxmask=1 the emulated IOAPIC
            # does not see a line fall that nobody has, and fires without it.
            self.close()
        return finished

    def run_cells(self, cells, done):
        """All cells of one guest; those that a hang cut off run in another boot."""
        tries, refusals = Counter(), Counter()  # by the cell that a guest did not get beyond
        while cells:
            finished = self.run_guest(cells, done)
            cells = [c for c in cells if c not in finished]
            if not cells:
                return
            first = cells[0]
            tries[first] += 1
            if not finished and self.refused:
                self._vmm_ended(first, refusals)
            if tries[first] == 2:
                # Twice: a row with a stall. The next one has its own two tries.
                for n in self.notes[-12:]:
                    say(f"{self.name}: {n}")
                done(first, {"stalls": 1})
                cells = cells[1:]

    def _vmm_ended(self, cell, refusals):
        """
        The VMM ended with an error as the guest booted. If it refuses to run the cell at
        all, a second time ends the lab's run: the others would fare no better. With 4 vCPUs
        on 2 emulated CPUs a guest may also come to a triple fault: tried afresh, as a hang.
        """
        words = [n for n in self.notes if n.startswith(f"! {cell.vmm}")]
        said = (f"{cell.vmm} ended with exit code {self.refused}:\n"
                + "\n".join(words or self.notes[-12:]))
        if not any(GUEST_CRASHED in n for n in words):
            refusals[cell] += 1
            if refusals[cell] == 2:
                raise LabError(said)
        if self.host:   # else it was kept as the guest's cell ended
            self._keep_console("ended", cell, said)
        self.again.setdefault(cell, "the VMM ended as the guest booted")
        self.close()


def guests(cells):
    """Splits the cells of one machine into guests: a list of lists."""
    order = sorted(cells, key=lambda c: (c.guest(), c.pattern != "boot"))
    out = []
    for _, group in groupby(order, key=lambda c: c.guest()):
        group = list(group)
        boots = [c for c in group if c.pattern == "boot"]
        rest = [c for c in group if c.pattern != "boot"]
        if not boots:
            out.append(rest)
        # A guest boots once: each boot cell begins a guest of its own, and the
        # other cells are dealt out between them, so that a hang costs few.
        for n, boot in enumerate(boots):
            out.append([boot] + rest[n::len(boots)])
    return out


def run(cells, done, parallel=2, spread=False, per_host=10, again=None):
    """
    Runs cells; calls done(row, cell) for each, from several threads but one at a
    time. With `spread`, the guests of one machine are dealt to several hosts. To `again`
    are added the cells that ran a second time, and why.
    """
    if not cells:
        return
    hosts = sorted({c.host for c in cells})
    ready = images.prepare(hosts)
    work = []
    for machine, group in groupby(sorted(cells, key=lambda c: c.machine()),
                                  key=lambda c: c.machine()):
        todo = guests(list(group))
        if spread:
            work += [(machine, todo[n::parallel]) for n in range(min(parallel, len(todo)))]
        else:
            work += [(machine, todo[n:n + per_host]) for n in range(0, len(todo), per_host)]
    lock, errors = threading.Lock(), []

    def finish(cell, counts):
        with lock:
            done(row(cell, counts), cell)

    def worker(slot):
        while True:
            with lock:
                if not work or errors:
                    return
                machine, todo = work.pop(0)
            session = Session(machine, ready[machine[0]], f"host{slot}", again)
            try:
                for group in todo:
                    session.run_cells(group, finish)
            except Exception as e:      # raised again where the others have ended
                errors.append(e)
            finally:
                session.close()

    threads = [threading.Thread(target=worker, args=(n,), daemon=True) for n in range(parallel)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
