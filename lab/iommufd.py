# SPDX-License-Identifier: Apache-2.0
"""
A host with VFIO's cdevs and iommufd. Debian builds its kernels without them, so this
one is Debian's kernel with VFIO's modules built again, from the same version of
Debian's linux-source, with both turned on; and irqfwd is built against that kernel's
headers, since Debian 12's know no iommufd.
"""
import glob
import os
import re
import shutil

from . import debs
from .common import ROOT, WORK, read, run, say

MODULES = WORK + "/iommufd-modules"
HEADERS = WORK + "/uapi"
BUILD = os.path.join(ROOT, "build-iommufd")
IRQFWD = os.path.join(BUILD, "irqfwd")
TEST = os.path.join(BUILD, "test", "test_vfio")

SOURCES = ["drivers/vfio/*", "drivers/iommu/iommufd/*", "drivers/iommu/iommu-priv.h",
           "lib/interval_tree.c"]
# What the configuration would say: to make, and to the compiler.
OPTIONS = ["CONFIG_IOMMUFD=m", "CONFIG_VFIO_DEVICE_CDEV=y", "CONFIG_VFIO_MDEV=",
           "CONFIG_DEBUG_INFO_BTF_MODULES="]
KBUILD = """\
obj-m += drivers/iommu/iommufd/ drivers/vfio/
subdir-ccflags-y += -DCONFIG_IOMMUFD_MODULE=1 -DCONFIG_VFIO_DEVICE_CDEV=1
"""
# A part of the kernel itself that only iommufd needs, so Debian's lacks it.
SPANS = """
iommufd-m += interval_tree.o
CFLAGS_interval_tree.o := -D__DISABLE_EXPORTS -DCONFIG_INTERVAL_TREE_SPAN_ITER=1
"""


def packages(image):
    """What building takes besides the headers, for the kernel of this package."""
    return [f"linux-source-{_version(image)[1]}"]


def _version(image):
    """"6.12.117+deb12" and "6.12" of its package's name."""
    base = re.fullmatch(r"linux-image-(.+)-amd64", image).group(1)
    return base, ".".join(base.split(".")[:2])


def _unpack(image, to):
    """VFIO's and iommufd's sources."""
    series = _version(image)[1]
    tar = f"{debs.tree('linux-source-' + series)}/usr/src/linux-source-{series}.tar.xz"
    run(["tar", "-xJf", tar, "-C", to, "--strip-components=1", "--wildcards"]
        + [f"linux-source-{series}/{s}" for s in SOURCES])
    iommufd = to + "/drivers/iommu/iommufd"
    shutil.move(to + "/lib/interval_tree.c", iommufd)
    with open(iommufd + "/Makefile", "a") as f:
        f.write(SPANS)
    with open(to + "/Kbuild", "w") as f:
        f.write(KBUILD)


def modules(image, headers):
    """Paths of the modules, built once for each kernel; headers: its build tree."""
    to = f"{MODULES}-{_version(image)[0]}"
    if not os.path.isdir(to):
        place, part = f"{WORK}/iommufd-build", to + ".part"
        for folder in (place, part):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        say("unpacking VFIO's sources")
        _unpack(image, place)
        say("building VFIO's modules with iommufd")
        run(["make", "-s", f"-j{os.cpu_count()}", "-C", headers, f"M={place}"] + OPTIONS
            + ["modules"])
        for path in glob.glob(place + "/drivers/**/*.ko", recursive=True):
            run(["strip", "--strip-debug", "-o", os.path.join(part, os.path.basename(path)),
                 path])
        os.rename(part, to)
        shutil.rmtree(place)
    return sorted(glob.glob(to + "/*.ko"))


def _uapi(image):
    """The kernel's two headers, as `make headers_install` gives them to programs."""
    base = _version(image)[0]
    source = (f"{debs.tree(f'linux-headers-{base}-common')}/usr/src/"
              f"linux-headers-{base}-common/include/uapi/linux")
    os.makedirs(HEADERS + "/linux", exist_ok=True)
    for name in ("iommufd.h", "vfio.h"):
        text = re.sub(r"\b__user\s*", "", read(f"{source}/{name}", "r"))
        path = f"{HEADERS}/linux/{name}"
        if not os.path.exists(path) or read(path, "r") != text:
            with open(path, "w") as f:
                f.write(text)


def binaries(image):
    """irqfwd and the library's test on real devices, with cdevs."""
    _uapi(image)
    if not os.path.exists(BUILD + "/build.ninja"):
        run(["meson", "setup", BUILD, ROOT, f"-Dc_args=-I{HEADERS}"])
    say("building irqfwd with iommufd")
    run(["ninja", "-C", BUILD, "--quiet", "irqfwd", "test/test_vfio"])
    return IRQFWD, TEST
