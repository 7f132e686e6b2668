# SPDX-License-Identifier: Apache-2.0
"""./x lab --faults and --errors: what is no cell, several hosts at a time."""
import threading
import traceback

from . import images
from .common import say


def _work(jobs, slot, lock):
    while True:
        with lock:
            if not jobs:
                return
            job = jobs.pop(0)
        try:
            job(slot)
        except Exception as e:  # its checks count as failed; the others still run
            say(f"a job ended early: {e!r}\n" + traceback.format_exc())


def main(hosts, parts, parallel):
    """
    Runs the parts, which give jobs and finish with how many of their checks failed.
    Where the lab cannot run they are skipped, which is no failure.
    """
    ready, reason = images.prepare_if_possible(sorted(hosts))
    if not reason:
        jobs = [job for part in parts for job in part.jobs(ready)]
        lock = threading.Lock()
        threads = [threading.Thread(target=_work, args=(jobs, slot, lock), daemon=True)
                   for slot in range(parallel)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    return 1 if sum([part.finish(reason) for part in parts]) else 0
