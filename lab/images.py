# SPDX-License-Identifier: Apache-2.0
"""Builds what the two machines boot: the host under test and its guest."""
import glob
import hashlib
import lzma
import os
import random
import re
import shutil

from . import debs, iommufd
from .cells import IOMMUFD
from .common import BUILD, LAB, WORK, LabError, Missing, read, run, say
from .cpio import Image

HOSTS = {
    "6.1": r"linux-image-6\.1\.0-\d+-amd64",
    "6.12": r"linux-image-6\.12\.\d+\+deb12-amd64",
}
GUEST = r"linux-image-6\.1\.0-\d+-cloud-amd64"
FULL_GUEST = HOSTS["6.1"]   # with the drivers of real devices, which the cloud's lacks
FULL_MODULES = ["e1000"]

HOST_MODULES = ["irqbypass", "ccp", "kvm", "kvm-amd", "vfio_virqfd", "iommufd", "vfio",
                "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"]
NVME_MIB = 64

BUSYBOX = "/bin/busybox"
QEMU = "/usr/bin/qemu-system-x86_64"
QEMU_DATA = ["/usr/share/seabios/bios-256k.bin", "/usr/share/seabios/bios.bin",
             "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/kvmvapic.bin",
             "/usr/share/qemu/pvh.bin"]
IRQFWD = os.path.join(BUILD, "irqfwd")
TEST = os.path.join(BUILD, "test", "test_vfio")


def _stamp(path, sources):
    """True if `path` was made from exactly these sources; else notes them."""
    h = hashlib.sha256()
    for s in sources:
        h.update(s.encode())
        if os.path.isfile(s):
            h.update(hashlib.sha256(read(s)).digest())
    stamp = path + ".stamp"
    if os.path.exists(path) and os.path.exists(stamp) and read(stamp, "r") == h.hexdigest():
        return True, None
    return False, (stamp, h.hexdigest())


def _made(note):
    with open(note[0], "w") as f:
        f.write(note[1])


def libraries(binary):
    """The shared libraries of a binary, and its loader."""
    out = run(["ldd", binary])
    if "not a dynamic executable" in out or "statically linked" in out:
        return []
    missing = re.findall(r"(\S+) => not found", out)
    if missing:
        raise LabError(f"{binary} lacks {', '.join(missing)}")
    return sorted(set(re.findall(r"(/\S+) \(0x", out)))


def host_package(host):
    return debs.newest(HOSTS[host.removesuffix("-iommufd")])


def host_kernel(host):
    tree = debs.tree(host_package(host))
    return glob.glob(tree + "/boot/vmlinuz-*")[0], tree


def guest_kernel(package=GUEST):
    tree = debs.tree(debs.newest(package))
    return glob.glob(tree + "/boot/vmlinuz-*")[0], tree


def _module(tree, name):
    """A module's contents, unpacked, or None if this kernel has none."""
    found = glob.glob(f"{tree}/lib/modules/*/kernel/**/{name}.ko*", recursive=True)
    if not found:
        return None
    data = read(found[0])
    if found[0].endswith(".xz"):
        return lzma.decompress(data)
    return data


def program(source):
    """One of ours, static."""
    path = os.path.join(WORK, os.path.basename(source)[:-len(".c")])
    same, note = _stamp(path, [source])
    if not same:
        say(f"building {os.path.basename(path)}")
        run(["gcc", "-O2", "-static", "-Wall", "-Wextra", "-Wshadow", "-Wconversion",
             "-D_GNU_SOURCE", "-o", path, source])
        _made(note)
    return path


def _header_packages(image):
    """Flavour, common part and build tools of a kernel's package."""
    version = re.sub("^linux-image-", "", image)
    base = re.sub("(-cloud)?-amd64$", "", version)
    # Of 6.1 the tools' package has the series' name alone.
    series = ".".join(base.split(".")[:2])
    tools = series if series == "6.1" else base
    return f"linux-headers-{version}", f"linux-headers-{base}-common", f"linux-kbuild-{tools}"


def _headers(image):
    """A build tree for modules of a kernel, out of three packages."""
    names = _header_packages(image)
    flavour, common, kbuild = (debs.tree(n) for n in names)
    to = os.path.join(debs.TREES, "kbuild-" + os.path.basename(flavour))
    if os.path.isdir(to):
        return to
    part = f"{to}.part-{os.getpid()}"
    shutil.copytree(f"{flavour}/usr/src/{names[0]}", part, symlinks=True)
    for name in ("scripts", "tools"):
        os.unlink(f"{part}/{name}")
        os.symlink(glob.glob(f"{kbuild}/usr/lib/linux-kbuild-*/{name}")[0], f"{part}/{name}")
    source = f"{common}/usr/src/{names[1]}"
    for name in ("scripts", "tools"):
        if os.path.islink(f"{source}/{name}"):
            os.unlink(f"{source}/{name}")
            os.symlink(os.readlink(f"{part}/{name}"), f"{source}/{name}")
    with open(part + "/Makefile", "w") as f:
        f.write(f"include {source}/Makefile\n")
    os.rename(part, to)
    return to


def guest_module():
    """Our guest driver for the guest's kernel; built when a source changed."""
    guest = debs.newest(GUEST)
    sources = sorted(glob.glob(LAB + "/guest/*.[ch]")) + [LAB + "/guest/Kbuild"]
    path = WORK + "/irqfwd_lab.ko"
    same, note = _stamp(path, sources + [guest])
    if same:
        return path
    headers = _headers(guest)
    say("building the guest driver")
    place = WORK + "/module"
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for s in sources:
        shutil.copy(s, place)
    run(["make", "-s", "-C", headers, f"M={place}", "modules"])
    shutil.copy(place + "/irqfwd_lab.ko", path)
    _made(note)
    return path


def disk():
    """An image of NVME_MIB random MiB, and the checksum of each of them."""
    path, sums = WORK + "/nvme.img", WORK + "/nvme.sums"
    same, note = _stamp(path, [__file__])
    if not same:
        source = random.Random("irqfwd lab")
        with open(path, "wb") as f, open(sums, "w") as g:
            for _ in range(NVME_MIB):
                chunk = source.randbytes(1 << 20)
                f.write(chunk)
                g.write(hashlib.sha256(chunk).hexdigest() + "\n")
        _made(note)
    return path, sums


def guest_initrd():
    path, module, (_, sums) = WORK + "/guest.cpio", guest_module(), disk()
    flood, full = program(LAB + "/guest/flood.c"), guest_kernel(FULL_GUEST)[1]
    same, note = _stamp(path, [__file__, BUSYBOX, module, sums, flood, full,
                               LAB + "/guest/init"])
    if not same:
        image = Image()
        for name in ("proc", "sys", "dev", "tmp", "bin"):
            image.folder(name)
        image.device("dev/console", 5, 1)
        image.file("bin/busybox", BUSYBOX)
        image.file("init", LAB + "/guest/init")
        image.file("irqfwd_lab.ko", module)
        image.file("nvme.sums", sums)
        image.file("bin/flood", flood)
        for name in FULL_MODULES:
            image.data(f"{name}.ko", _module(full, name))
        image.write(path)
        _made(note)
    return path


def host_binaries(host):
    """irqfwd and the library's test on real devices, as this host wants them built."""
    return iommufd.binaries(host_package(host)) if host == IOMMUFD else (IRQFWD, TEST)


def _host_modules(host, tree):
    """Name to contents; a module that this kernel lacks is not needed there."""
    found = {name: _module(tree, name) for name in HOST_MODULES}
    if host == IOMMUFD:
        package = host_package(host)
        for path in iommufd.modules(package, _headers(package)):
            found[os.path.basename(path)[:-len(".ko")]] = read(path)
    return {name: data for name, data in found.items() if data}


def host_initrd(host):
    """The host's initramfs: tools, modules, both VMMs and the guest."""
    path = f"{WORK}/host-{host}.cpio"
    guest, full = guest_kernel()[0], guest_kernel(FULL_GUEST)[0]
    initrd, tool = guest_initrd(), program(LAB + "/host/labhost.c")
    _, tree = host_kernel(host)
    irqfwd = host_binaries(host)[0]
    programs = [p for p in (QEMU, irqfwd) if os.path.exists(p)]
    libs = sorted({lib for p in programs for lib in libraries(p)})
    data = [d for d in QEMU_DATA if os.path.exists(d)]
    same, note = _stamp(path, [__file__, BUSYBOX, LAB + "/host/init", guest, full, initrd, tool,
                               tree]
                        + programs + libs + data)
    if same:
        return path
    say(f"building the initramfs of host {host}")
    image = Image()
    for name in ("proc", "sys", "dev", "tmp", "bin", "modules", "jobs"):
        image.folder(name)
    image.device("dev/console", 5, 1)
    image.file("bin/busybox", BUSYBOX)
    image.file("init", LAB + "/host/init")
    image.file("bin/labhost", tool)
    for name, module in _host_modules(host, tree).items():
        image.data(f"modules/{name}.ko", module)
    for p in programs:
        # QEMU finds its firmware relative to itself.
        image.file("usr/bin/" + os.path.basename(p), p)
    for p in libs + data:
        image.file(p, os.path.realpath(p))
    image.file("guest/vmlinuz", guest)
    image.file("guest/vmlinuz-full", full)
    image.file("guest/initrd", initrd)
    image.write(path)
    _made(note)
    return path


def prepare(hosts):
    """Everything that the hosts need, before any of them starts."""
    os.makedirs(WORK, exist_ok=True)
    wanted = [host_package(h) for h in hosts]
    if IOMMUFD in hosts:
        wanted += iommufd.packages(host_package(IOMMUFD))
    guest = debs.newest(GUEST)
    debs.fetch(wanted + [guest, debs.newest(FULL_GUEST), *_header_packages(guest)])
    return {h: (host_kernel(h)[0], host_initrd(h)) for h in hosts}


def prepare_if_possible(hosts):
    """The same and None, or None and why the lab cannot run here."""
    try:
        return prepare(hosts), None
    except Missing as e:
        reason = str(e).splitlines()[0]
        say(f"the lab cannot run here: {reason}")
        return None, reason
