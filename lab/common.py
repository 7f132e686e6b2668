# SPDX-License-Identifier: Apache-2.0
"""Where things are, and how the lab speaks to its user."""
import fcntl
import os
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.path.join(ROOT, "lab")
BUILD = os.path.join(ROOT, "build")
WORK = os.path.join(BUILD, "lab")
LOCK = os.path.join(BUILD, "lab.lock")
CACHE = os.environ.get("IRQFWD_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "irqfwd")

_start = time.monotonic()


class LabError(Exception):
    """Something the user can put right; the message says how."""


class Missing(LabError):
    """What is not ours and cannot be had here: tests skip, where others fail."""


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


@contextmanager
def alone(*words):
    """
    This checkout's lab for one run, `./x` with these words: two would write each
    other's images, consoles and rows. The lock goes with the process, however it ends.
    """
    os.makedirs(BUILD, exist_ok=True)
    with open(LOCK, "a+") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            f.seek(0)
            raise LabError(f"{LOCK}: {f.read().strip() or 'another run'} has it; let that end, "
                           "or run in a checkout of its own") from None
        f.truncate(0)
        f.write(f"process {os.getpid()}, './x {shlex.join(words)}', "
                f"since {time.strftime('%H:%M:%S')}\n")
        f.flush()
        yield
