# SPDX-License-Identifier: Apache-2.0
"""Debian packages that are unpacked into the cache and never installed."""
import glob
import os
import re
import shutil
import subprocess

from .common import CACHE, LabError, Missing, run, say

DEBS = os.path.join(CACHE, "debs")
TREES = os.path.join(CACHE, "trees")


def _natural(text):
    return [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", text)]


def _cached(pattern):
    """Names of cached packages that match, newest last."""
    names = {os.path.basename(p).split("_")[0] for p in glob.glob(DEBS + "/*.deb")}
    return sorted((n for n in names if re.fullmatch(pattern, n)), key=_natural)


def _known(pattern):
    """Names of packages that apt knows and that match, newest last."""
    # apt's regular expressions are POSIX's, which have no \d.
    posix = pattern.replace(r"\d", "[0-9]")
    out = subprocess.run(["apt-cache", "search", "--names-only", f"^{posix}$"],
                         capture_output=True, text=True, check=False).stdout
    names = [line.split(" - ")[0].strip() for line in out.splitlines()]
    return sorted((n for n in names if re.fullmatch(pattern, n)), key=_natural)


def newest(pattern):
    """The newest package that matches: of the cached ones, or else of all."""
    names = _cached(pattern) or _known(pattern)
    if not names:
        raise Missing(f"no package matches {pattern}: run 'apt-get update' as root first")
    return names[-1]


def fetch(names):
    """Downloads the packages that the cache lacks."""
    missing = [n for n in names if not glob.glob(f"{DEBS}/{n}_*.deb")]
    if not missing:
        return
    os.makedirs(DEBS, exist_ok=True)
    say("downloading " + ", ".join(missing))
    argv = ["apt-get", "-q"]
    if os.geteuid() == 0:
        argv += ["-o", "APT::Sandbox::User=root"]
    part = os.path.join(CACHE, f"part-{os.getpid()}")
    os.makedirs(part, exist_ok=True)
    try:
        run(argv + ["download"] + missing, cwd=part)
    except LabError as e:
        raise Missing(str(e)) from None
    for path in glob.glob(part + "/*.deb"):
        os.replace(path, os.path.join(DEBS, os.path.basename(path)))
    shutil.rmtree(part)


def tree(name):
    """The folder in which the package is unpacked."""
    fetch([name])
    deb = sorted(glob.glob(f"{DEBS}/{name}_*.deb"), key=_natural)[-1]
    to = os.path.join(TREES, os.path.basename(deb)[:-len(".deb")])
    if not os.path.isdir(to):
        say(f"unpacking {name}")
        part = f"{to}.part-{os.getpid()}"
        os.makedirs(part)
        run(["dpkg", "-x", deb, part])
        try:
            os.rename(part, to)
        except OSError:     # another run was faster
            shutil.rmtree(part)
    return to
