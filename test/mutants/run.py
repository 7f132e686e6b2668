#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutants: one-line faults in the shipped code that must not go unnoticed.

Each entry of mutants.json changes one place of one file.  The changed file is
compiled alone and linked with the objects of a finished build, once as the
explorer, and once as each unit test that the entry names; a mutant is killed
if a verdict that was as expected is not so any more, or if a test fails.  An
entry's "by" says who must notice: a property that some scenario then breaks, or
a test ("assert": the explorer stops at a broken invariant; "holds": a fault that
a scenario shows on purpose cannot be shown any more).  A mutant that its entry's
killer does not notice has survived.  An entry with "equivalent" instead says why
a guard that looks like one changes nothing when it is gone.

  run.py BUILD [--only NAME] [--json FILE] [--jobs N]
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT = 120
PROPERTIES = {"no-spurious", "no-lost", "no-stuck", "no-storm", "once",
              "progress", "balance"}
COMMON = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O2", "-w",
          "-I", str(ROOT / "src"), "-I", str(ROOT / "include")]
BOUNDS = ["-include", str(ROOT / "src/sim/bounds.h")]


class Build:
    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        self.cc = shlex.split(os.environ.get("CC", "cc"))

    def archive(self, name):
        return str(self.path / name)

    def explorer_parts(self):
        main = list((self.path / "src/explore/irqfwd-explore.p").glob("*.o"))
        return [str(o) for o in main] + [
            "-Wl,--start-group",
            self.archive("src/explore/libexplore_world.a"),
            self.archive("src/explore/libexplore.a"),
            self.archive("src/sim/libsim.a"), "-Wl,--end-group",
            "-ljson-c", "-lpthread"]

    def test_parts(self, test):
        objects = list((self.path / f"test/{test}.p").glob("*.o"))
        if not objects:
            sys.exit(f"mutants: no test program {test} in {self.path}")
        return [str(o) for o in objects] + [
            "-Wl,--start-group",
            self.archive("test/libeffects_text.a"),
            self.archive("src/forward/libforward.a"),
            self.archive("src/chip/libchip.a"), "-Wl,--end-group",
            "-lcmocka", "-lpthread"]


def check_call(command, where):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mutants: {where}: does not compile or link\n{done.stderr}")


def link(build, source, args, parts, program, where):
    """The changed file before the archives: their own copy is not taken."""
    obj = program + ".o"
    check_call(build.cc + COMMON + args + ["-c", source, "-o", obj], where)
    check_call(build.cc + [obj] + parts + ["-o", program], where)


def verdicts(program):
    """(scenario, variant) -> (verdict, as expected); None: crashed or hung."""
    try:
        done = subprocess.run(
            [program, "explore", "--all", "--json", "--quiet", "--workers", "1",
             "--max-states", "3000000"],
            capture_output=True, text=True, timeout=TIMEOUT,
            env={**os.environ, "IRQFWD_SCENARIOS": str(ROOT / "scenarios")})
        rows = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
    return {(r["scenario"], r["variant"]): (r["verdict"], r["as_expected"])
            for r in rows}


def noticed_by_explorer(before, after):
    """What broke that should not have, or held that should have broken."""
    if after is None:
        return {"assert": ["the explorer itself"]}
    found = {}
    for where, (verdict, good) in after.items():
        if before[where][1] and not good:
            found.setdefault(verdict, []).append("/".join(where))
    return found


def test_fails(program):
    try:
        done = subprocess.run([program], capture_output=True, timeout=TIMEOUT)
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True


def changed_copy(mutant, folder):
    text = (ROOT / mutant["file"]).read_text()
    nr = text.count(mutant["match"])
    if nr != 1:
        sys.exit(f"mutants: {mutant['name']}: stands {nr} times in "
                 f"{mutant['file']}, not once: {mutant['match']!r}")
    copy = os.path.join(folder, os.path.basename(mutant["file"]))
    with open(copy, "w") as f:
        f.write(text.replace(mutant["match"], mutant["replace"]))
    return copy


def run_mutant(build, mutant, before):
    """All that noticed the mutant, by name."""
    killers = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = changed_copy(mutant, folder)
        where = mutant["name"]
        by = mutant["by"]
        if by.startswith("test_"):
            program = os.path.join(folder, by)
            link(build, copy, [], build.test_parts(by), program, where)
            if test_fails(program):
                killers[by] = []
        else:
            program = os.path.join(folder, "explore")
            link(build, copy, BOUNDS, build.explorer_parts(), program, where)
            killers.update(noticed_by_explorer(before, verdicts(program)))
    return killers


def report(mutant, killers):
    good = mutant["by"] in killers
    row = {"name": mutant["name"], "file": mutant["file"],
           "by": mutant["by"], "killed": good,
           "noticed": {k: sorted(v) for k, v in killers.items()}}
    places = killers.get(mutant["by"], [])
    where = f" ({places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''})" if places else ""
    others = ", ".join(sorted(set(killers) - {mutant["by"]}))
    print(f"{'killed  ' if good else 'SURVIVED'} {mutant['name']:<34} "
          f"{mutant['by']}{where}"
          + (f"; only noticed by: {others}" if others and not good else ""),
          flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--only")
    parser.add_argument("--json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    build = Build(args.build)
    mutants = json.loads((HERE / "mutants.json").read_text())
    if args.only:
        mutants = [m for m in mutants if args.only in m["name"]]
    before = verdicts(str(build.path / "src/explore/irqfwd-explore"))
    if before is None:
        sys.exit("mutants: the explorer does not run without a mutant")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [(m, pool.submit(run_mutant, build, m, before))
                for m in mutants if "equivalent" not in m]
        rows = [report(m, r.result()) for m, r in runs]
    for m in mutants:
        if "equivalent" in m:
            print(f"no fault {m['name']:<34} {m['equivalent']}")
    killed = sum(r["killed"] for r in rows)
    print(f"{killed} of {len(rows)} mutants killed, "
          f"{len(rows) - killed} survived")
    missing = PROPERTIES - {m.get("by") for m in mutants}
    if missing and not args.only:
        sys.exit(f"mutants: no mutant for {', '.join(sorted(missing))}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if killed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
