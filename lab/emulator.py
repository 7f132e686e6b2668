# SPDX-License-Identifier: Apache-2.0
"""./x lab --emulator N: what the emulated machine itself loses, with no VM on it."""
import os

from . import images
from .common import LAB, WORK, say
from .cpio import Image, join
from .machine import EDU, Host, HostHung

SECONDS = 300


def _initrd(host, base):
    image = Image()
    image.file("bin/lines", images.program(f"{LAB}/emulator/lines.c"))
    extra, path = os.path.join(WORK, "lines.cpio"), os.path.join(WORK, f"lines-{host}.cpio")
    image.write(extra)
    join(path, base, extra)
    return path


def _count(name, pair, map_is, setups):
    """Set-ups, silent lines, those that came back and changes; or what went wrong."""
    host = Host(pair, name="emulator", cpus=2, monitor=True)
    try:
        host.do("load_kvm; load_vfio 1", 60)     # for irqbypass; no VM
        host.do(f"bind {EDU[0]}", 30)
        lines, code = host.do(f"lines {EDU[0]} {EDU[1]} {setups} {map_is} 2>&1", SECONDS)
        say(f"{name}, the memory map {map_is}: {' '.join(lines)}")
        return (lines[-1], "", "", "") if code else lines[-1].split()
    except HostHung as e:
        say(f"{name}, the memory map {map_is}: {e}")
        return str(e).split(":")[0], "", "", ""
    finally:
        host.close()


def main(hosts, setups):
    rows = []
    for name, (kernel, base) in images.prepare(hosts).items():
        pair = kernel, _initrd(name, base)
        rows += [(name, map_is, _count(name, pair, map_is, setups))
                 for map_is in ("still", "changing")]
    print("| host | its memory map | changes | set-ups | silent lines | of them back after a mask |")
    print("|---|---|---|---|---|---|")
    for name, map_is, (n, silent, back, changes) in rows:
        print(f"| {name} | {map_is} | {changes} | {n} | {silent} | {back} |")
    return 0
