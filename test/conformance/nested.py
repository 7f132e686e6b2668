#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conformance tests on stock Debian kernels whose KVM is KVM's own SVM code.

The /dev/kvm of the machine at hand may be a software backend that EOIs as it
injects, or missing.  So the same binaries run once more as the init of an
emulated machine (QEMU's TCG gives it AMD SVM with nested paging): there the
EOI exits, and KVM's IOAPIC as the reference, are the real thing.

    test/conformance/nested.py [--host 6.1,6.12] [--bench] [--build DIR] [--only PATTERN]
"""
import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
from lab import debs, images                                    # noqa: E402
from lab.common import LabError, say                            # noqa: E402
from lab.cpio import Image                                      # noqa: E402

SECONDS = 300
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /bin
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t devtmpfs none /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox --install -s /bin
for m in irqbypass ccp kvm kvm-amd; do insmod /modules/$m.ko; done
uname -sr
export CMOCKA_MESSAGE_OUTPUT=TAP
{commands}
echo "@end"
poweroff -f
"""


def initramfs(host, build, commands, path):
    """Tools, KVM's modules, and the binaries with their libraries."""
    _, tree = images.host_kernel(host)
    image = Image()
    for name in ("proc", "sys", "dev", "bin", "modules"):
        image.folder(name)
    image.device("dev/console", 5, 1)
    image.file("bin/busybox", images.BUSYBOX)
    image.data("init", INIT.replace("{commands}", commands).encode(), 0o755)
    for name in ("irqbypass", "ccp", "kvm", "kvm-amd"):
        module = images._module(tree, name)
        if module:
            image.data(f"modules/{name}.ko", module)
    libs = set()
    for name, source in binaries(build).items():
        if not os.path.exists(source):
            continue
        image.file(f"bin/{name}", source)
        libs |= set(images.libraries(source))
    for lib in sorted(libs):
        image.file(lib, os.path.realpath(lib))
    image.write(path)


def binaries(build):
    return {
        "test_conformance": f"{build}/test/conformance/test_conformance",
        "test_conformance_msi": f"{build}/test/conformance/test_conformance_msi",
        "bench_interrupt": f"{build}/bench/bench_interrupt",
    }


def boot(host, path):
    """Yields the lines of the machine's console, up to its end."""
    kernel, _ = images.host_kernel(host)
    argv = ["timeout", "-k", "5", str(SECONDS), "qemu-system-x86_64", "-accel", "tcg",
            "-M", "q35", "-cpu", "max,+svm", "-smp", "1", "-m", "1024", "-nodefaults",
            "-nographic", "-serial", "stdio", "-monitor", "none", "-no-reboot",
            "-kernel", kernel, "-initrd", path,
            "-append", "console=ttyS0 panic=1 mitigations=off quiet"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        for raw in process.stdout:
            line = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|c)", "", raw.decode(errors="replace"))
            yield line.strip("\r\n")


def run(host, build, commands, groups):
    """Runs the commands on a host; the number of tests that failed there."""
    path = f"{build}/nested-{host}.cpio"
    initramfs(host, build, commands, path)
    say(f"conformance on {host}")
    failed = plans = passed = 0
    ended = False
    for line in boot(host, path):
        print(f"{host:5} {line}", flush=True)
        failed += line.startswith("not ok")
        passed += line.startswith("ok")
        plans += bool(re.match(r"1\.\.[1-9]", line))
        ended |= line.startswith("@end")
    if not ended or plans < groups:
        say(f"{host}: {plans} of {groups} groups ran, and the machine "
            f"{'ended well' if ended else 'did not end by itself'}")
        return failed + 1
    say(f"{host}: {passed} passed, {failed} failed")
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--host", default="6.1", help="6.1, 6.12, or both with a comma")
    p.add_argument("--build", default=f"{ROOT}/build", help="meson build directory")
    p.add_argument("--bench", action="store_true", help="bench_interrupt there, too")
    p.add_argument("--only", default="*", help="pattern of scenarios")
    args = p.parse_args()
    commands = "".join(f"test_conformance {irqchip} '{args.only}'\n"
                       for irqchip in ("kernel", "split", "coalesced"))
    groups = 3
    if args.only == "*":
        commands += "test_conformance_msi\n"
        groups = 4
    if args.bench:
        commands += "bench_interrupt --runs 3 --count 300"
    try:
        hosts = args.host.split(",")
        debs.fetch([debs.newest(images.HOSTS[h]) for h in hosts])
        return 1 if sum(run(h, args.build, commands, groups) for h in hosts) else 0
    except (LabError, OSError) as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 77


if __name__ == "__main__":
    sys.exit(main())
