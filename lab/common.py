# SPDX-License-Identifier: Apache-2.0
"""Where things are, and how the lab speaks to its user."""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.path.join(ROOT, "lab")
BUILD = os.path.join(ROOT, "build")
WORK = os.path.join(BUILD, "lab")
CACHE = os.environ.get("IRQFWD_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "irqfwd")

_start = time.monotonic()


class LabError(Exception):
    """Something the user can put right; the message says how."""


def say(text):
    """A progress line."""
    print(f"[{time.monotonic() - _start:6.1f}] {text}", file=sys.stderr, flush=True)


def run(argv, **kwargs):
    """Runs a command; its output is shown only when it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **kwargs)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def read(path, mode="rb"):
    with open(path, mode) as f:
        return f.read()
