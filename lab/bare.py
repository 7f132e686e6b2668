# SPDX-License-Identifier: Apache-2.0
"""./x lab --bare N: the guest's kernel and driver with no VMM, right on the machine."""
import os
import re
import subprocess

from . import images
from .common import WORK, LabError, say
from .cpio import Image, join
from .machine import CPU
from .runs import GUEST_APPEND, host_devices

PASS_SECONDS = 20
BOOT_SECONDS = 60
# In the guest's init, in place of its cells. Two queues have a handler each on the line,
# so a call of both that found nothing counts two of them.
SCRIPT = """\
/bin/busybox mount -t tracefs none /sys/kernel/tracing
hist=/sys/kernel/tracing/events/irq/irq_handler_exit
irq=$(/bin/busybox cat /sys/class/nvme/nvme0/device/irq)
echo "hist:keys=ret if irq==$irq" >$hist/trigger
calls() {
	/bin/busybox sed -n "s/^{ ret: *$1 } hitcount: *//p" $hist/hist | /bin/busybox grep . || echo 0
}
n=0
while [ $n -lt %d ]; do
	echo 3 >/proc/sys/vm/drop_caches
	/bin/busybox dd if=/dev/nvme0n1 bs=1M of=/dev/null 2>/dev/null
	n=$((n + 1))
	echo "@pass $n none=$(calls 0) handled=$(calls 1) woken=$(calls 2)"
done
/bin/busybox poweroff -f
"""
PASS = re.compile(r"@pass (\d+) none=(\d+) handled=(\d+) woken=(\d+)")


def _initrd(passes):
    extra, path = os.path.join(WORK, "bare.part.cpio"), os.path.join(WORK, "bare.cpio")
    image = Image()
    image.data("also", (SCRIPT % passes).encode())
    image.write(extra)
    join(path, images.guest_initrd(), extra)
    return path


def _run(cell, passes):
    """(passes, calls of both queues' handlers that found nothing, calls that found something)"""
    append = GUEST_APPEND
    if cell.driver == "nvme-threaded":
        append += " nvme.use_threaded_interrupts=1"
    argv = ["timeout", "-k", "5", str(BOOT_SECONDS + PASS_SECONDS * passes),
            "qemu-system-x86_64", "-M", "q35", "-cpu", CPU, "-m", "512",
            "-accel", "tcg" + (",thread=multi" if cell.vcpus > 1 else ""),
            "-smp", str(cell.vcpus), "-nodefaults", "-nographic", "-serial", "stdio",
            "-monitor", "none", "-no-reboot", "-kernel", images.guest_kernel()[0],
            "-initrd", _initrd(passes), "-append", append] + host_devices(cell.device)
    seen, log = (0, 0, 0), os.path.join(WORK, "bare.log")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as p:
        with open(log, "w") as f:
            for line in p.stdout:
                f.write(line)
                found = PASS.search(line)
                if found:
                    n, none, handled, woken = map(int, found.groups())
                    some = handled + woken
                    seen = (n, max(0, none - some) // 2, some)
                    say(f"{cell.vcpus} CPUs, {cell.driver}: pass {n} of {passes}, "
                        f"without a cause {seen[1]}, with one {some}")
    if seen[0] != passes:
        raise LabError(f"{seen[0]} of {passes} passes; the console is in {log}")
    return seen


def main(wanted, passes):
    if any(c.device != "nvme" for c in wanted):
        raise LabError("--bare is for --device nvme: what its interrupts are with no VMM")
    cells = list({(c.vcpus, c.driver): c for c in wanted}.values())
    rows = [(c, _run(c, passes)) for c in cells]
    print("| CPUs | driver | passes of 64 MiB | interrupts with a cause | without |")
    print("|---|---|---|---|---|")
    for c, (n, none, some) in rows:
        print(f"| {c.vcpus} | {c.driver} | {n} | {some} | {none} |")
    return 0
