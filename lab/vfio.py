# SPDX-License-Identifier: Apache-2.0
"""Runs test_vfio on the lab's hosts: our library on a real VFIO device, with the
test in the guest's place.

  python3 -m lab.vfio [6.1] [6.12]
"""
import os
import shutil
import sys

from . import images
from .common import BUILD, WORK, LabError, say
from .cpio import Image
from .machine import EDU, Host, HostHung

TEST = os.path.join(BUILD, "test", "test_vfio")
SECONDS = 120


def initrd(host, base):
    """The host's initramfs with the test behind it: archives may be joined."""
    extra, path = f"{WORK}/vfio.cpio", f"{WORK}/vfio-{host}.cpio"
    image = Image()
    image.file("bin/test_vfio", TEST)
    for lib in images.libraries(TEST):
        image.file(lib, os.path.realpath(lib))
    image.write(extra)
    with open(path, "wb") as to:
        for part in (base, extra):
            with open(part, "rb") as f:
                shutil.copyfileobj(f, to)
    return path


def run(host, kernel, base):
    """Number of failed tests."""
    machine = Host((kernel, initrd(host, base)), name=f"vfio-{host}")
    failed = 0
    try:
        machine.do("load_kvm", 60)
        for nointxmask in (0, 1):
            machine.do(f"load_vfio {nointxmask}", 60)
            machine.do("bind " + " ".join(EDU), 30)
            lines, code = machine.do(
                os.environ.get("IRQFWD_LAB_ENV", "") + f" CMOCKA_MESSAGE_OUTPUT=TAP timeout {SECONDS} test_vfio 2>&1",
                SECONDS + 30)
            wrong = [line for line in lines
                     if line.startswith("not ok") and "# SKIP" not in line]
            failed += len(wrong) or bool(code)
            for line in lines:
                print(f"{host} nointxmask={nointxmask}: {line}", flush=True)
    finally:
        machine.close()
    return failed


def main():
    hosts = sys.argv[1:] or list(images.HOSTS)
    try:
        failed = sum(run(h, *pair) for h, pair in images.prepare(hosts).items())
    except (LabError, HostHung) as e:
        say(str(e))
        return 1
    say(f"vfio: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
