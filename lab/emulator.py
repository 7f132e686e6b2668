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


def _count(name, pair, map_is, cover, setups):
    """Set-ups, silent lines, those that came back and changes; or what went wrong."""
    host = Host(pair, name="emulator", cpus=2, monitor=True, cover=cover)
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
        for map_is, cover in (("still", False), ("changing", False), ("changing", True)):
            rows.append((name, map_is, "yes" if cover else "no",
                         *_count(name, pair, map_is, cover, setups)))
    print("| host | its memory map | with doubles | set-ups | silent lines "
          "| of them back after a mask | changes |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    return 0
