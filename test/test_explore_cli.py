#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""irqfwd explore and irqfwd sim as a user runs them.  TAP.

  test_explore_cli.py IRQFWD
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
IRQFWD = sys.argv[1]

# The fault as the mails tell it (seeds 000 and 001): the EOI comes while the
# pin is masked, the host line is unmasked at once, fires again while the
# device still asserts, and is delivered after the thread has acked and
# unmasked.
ONESHOT_EOI = [
    ("device", "raise: a new cause"),
    ("host", "host interrupt: automask (DisINTx)"),
    ("irqfwd", "trigger"),
    ("irqfwd", "set the route for the EOI"),
    ("irqfwd", "deliver to the vCPU"),
    ("vcpu0", "takes the interrupt"),
    ("vcpu0", "handle_fasteoi_irq: mask"),
    ("vcpu0", "hard handler: wakes the thread"),
    ("vcpu0", "EOI, while masked"),
    ("irqfwd", "resample: VFIO unmask"),
    ("irqfwd", "trigger"),
    ("thread", "threaded handler: device ack"),
    ("thread", "irq_finalize_oneshot: unmask"),
    ("irqfwd", "deliver to the vCPU"),
    ("vcpu0", "takes the interrupt"),
    ("vcpu0", "handle_fasteoi_irq: mask"),
    ("vcpu0", "hard handler: wakes the thread"),
    ("vcpu0", "EOI, while masked"),
    ("thread", "threaded handler: device ack"),
]


def irqfwd(*args):
    return subprocess.run([IRQFWD, *map(str, args)], capture_output=True,
                          text=True, timeout=300)


def rows(*args):
    done = irqfwd(*args, "--json")
    return done.returncode, json.loads(done.stdout)


def test_oneshot_is_the_fault_of_the_mails():
    code, (row,) = rows("explore", "oneshot", "--variant", "eoi")
    assert code == 0, code
    assert row["verdict"] == row["expected"] == "no-spurious", row
    steps = [(s["actor"], s["step"]) for s in row["trace"]["steps"]]
    assert steps == ONESHOT_EOI, steps
    # The second trigger finds the device still asserting, the second
    # handler run finds nothing.
    states = row["trace"]["steps"]
    assert states[9]["line"] == "H" and "trig" in states[9]["host"]
    assert states[18]["line"] == "L"


def test_oneshot_holds_with_the_other_policies():
    for policy in ("unmask", "sample"):
        code, found = rows("explore", "oneshot", "--policy", policy)
        assert code == 0
        for row in found:
            assert row["verdict"] == "holds", row
            assert row["states"] > 50 and row["finished"]


def test_threads_do_not_change_what_is_found():
    keep = ("verdict", "states", "transitions", "depth", "trace")
    for scenario in ("two-pins", "shared", "hostile"):
        one = rows("explore", scenario, "--workers", 1)[1]
        two = rows("explore", scenario, "--workers", 4)[1]
        for a, b in zip(one, two):
            for key in keep:
                assert a.get(key) == b.get(key), (scenario, key)


def test_all_as_expected():
    code, found = rows("explore", "--all")
    bad = [(r["scenario"], r["variant"], r["verdict"]) for r in found
           if not r["as_expected"]]
    assert code == 0 and not bad, bad
    assert len({r["scenario"] for r in found}) >= 20


def test_unexpected_verdict_is_1():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "wrong.json"
        data = json.loads((ROOT / "scenarios/oneshot.json").read_text())
        data["variants"][0]["expect"] = "holds"
        file.write_text(json.dumps(data))
        done = irqfwd("explore", file, "--variant", "eoi")
        assert done.returncode == 1
        assert "EXPECTED: holds" in done.stdout


def test_limits_are_told():
    for limit in (("--max-states", 500), ("--max-memory", "64K")):
        code, (row,) = rows("explore", "two-pins", "--variant", "unmask",
                            *limit)
        assert code == 3, (limit, code)
        assert row["verdict"] == f"not finished: {limit[0]}", row["verdict"]
        assert not row["finished"] and not row["as_expected"]


def test_lossy_says_so():
    code, (row,) = rows("explore", "two-pins", "--variant", "unmask",
                        "--lossy", "--max-memory", "64M")
    exact = rows("explore", "two-pins", "--variant", "unmask")[1][0]
    assert code == 0 and row["lossy"]
    assert row["verdict"] == "holds (lossy)"
    assert row["not_looked_at"] == ["no-storm"] and exact["not_looked_at"] == []
    assert row["states"] == exact["states"]
    done = irqfwd("explore", "two-pins", "--variant", "unmask", "--lossy",
                  "--max-memory", "64M")
    assert "if no state was missed (lossy): no-spurious no-lost no-stuck" in \
        done.stdout, done.stdout
    assert "; not looked at: no-storm\n" in done.stdout, done.stdout
    # A fault is still shown as the shortest sequence.
    code, (row,) = rows("explore", "oneshot", "--variant", "eoi", "--lossy",
                        "--max-memory", "64M")
    assert row["steps"] == len(ONESHOT_EOI)


def test_lossy_has_no_opinion_on_cycles():
    """What only a cycle can show is left open, whatever is expected of it."""
    for scenario, variant, only in (("window", "old", "progress"),
                                    ("hostile", "throttle", "no-storm")):
        args = (scenario, "--variant", variant, "--lossy", "--max-memory", "64M")
        code, (row,) = rows("explore", *args)
        assert code == 3 and row["verdict"] == "not finished: --lossy (cycles)", row
        assert not row["finished"] and not row["as_expected"]
        assert row["not_looked_at"] == [only]
        done = irqfwd("explore", *args)
        assert f"; not looked at: {only}\n" in done.stdout, done.stdout


def test_save_and_replay():
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace.json"
        irqfwd("explore", "oneshot", "--variant", "eoi", "--save", trace)
        done = irqfwd("explore", "--replay", trace)
        assert done.returncode == 0, done.stderr
        assert "no-spurious broken by step 19" in done.stdout
        # The right policy takes another way at some step, and says which.
        done = irqfwd("explore", "--replay", trace, "--variant", "unmask")
        assert done.returncode == 1
        assert "step 10 is not possible there" in done.stderr, done.stderr
        # A trace without its last step shows nothing.
        data = json.loads(trace.read_text())
        data["steps"].pop()
        trace.write_text(json.dumps(data))
        done = irqfwd("explore", "--replay", trace)
        assert done.returncode == 1 and "nothing broke" in done.stdout


def test_saved_traces_still_break():
    traces = sorted((ROOT / "test/traces").glob("*.json"))
    assert traces
    for trace in traces:
        done = irqfwd("explore", "--replay", trace)
        assert done.returncode == 0, (trace.name, done.stdout, done.stderr)


def test_cycle_is_a_lasso():
    code, (row,) = rows("explore", "hostile", "--variant", "no-throttle")
    trace = row["trace"]
    assert row["verdict"] == "no-storm"
    loop = trace["steps"][trace["loop"]:]
    assert len(loop) > 1
    # It ends in the state in which it began.
    before = trace["steps"][trace["loop"] - 1]
    for key in ("line", "host", "pin", "driver"):
        assert loop[-1][key] == before[key], key


def test_sim_is_reproducible():
    args = ("sim", "two-pins", "--variant", "unmask", "--runs", 5, "--steps",
            500)
    a, b = irqfwd(*args, "--seed", 7), irqfwd(*args, "--seed", 7)
    other = irqfwd(*args, "--seed", 8000)
    assert a.returncode == 0 and a.stdout == b.stdout
    assert a.stdout != other.stdout


def test_sim_says_what_it_does_not_look_at():
    args = ("sim", "oneshot", "--variant", "unmask", "--runs", 1)
    code, (row,) = rows(*args)
    assert code == 0 and row["not_looked_at"] == ["no-storm"]
    done = irqfwd(*args)
    assert "nothing broke; not looked at: no-storm\n" in done.stdout, done.stdout


def test_sim_seed_replays():
    code, (row,) = rows("sim", "oneshot", "--variant", "eoi", "--runs", 200)
    assert code == 0 and row["broken"] == "no-spurious"
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace.json"
        again = irqfwd("sim", "oneshot", "--variant", "eoi", "--seed",
                       row["seed"], "--runs", 1, "--save", trace)
        assert "breaks no-spurious" in again.stdout
        assert irqfwd("explore", "--replay", trace).returncode == 0
        # Shortened, but never below the shortest one.
        assert len(json.loads(trace.read_text())["steps"]) >= \
            len(ONESHOT_EOI)


def test_bad_usage_is_2():
    cases = [
        (("explore",), "usage:"),
        (("explore", "no-such"), "--list"),
        (("explore", "oneshot", "--policy", "never"), "eoi, unmask or sample"),
        (("explore", "oneshot", "--variant", "never"), "eoi"),
        (("explore", "oneshot", "--property", "luck"), "no-spurious"),
        (("explore", "oneshot", "--max-states", "many"), "many"),
        (("explore", "oneshot", "--time", "0"), "seconds"),
        (("explore", "--replay", ROOT / "README.md"), "README.md: not JSON"),
        (("explore", "--replay", ROOT / "no-such"), "no-such: No such file"),
        (("explore", "--bogus"), "--help"),
        (("sim",), "usage:"),
        (("sim", "oneshot", "--seed", "x"), "x"),
        (("sim", "oneshot", "--variant", "never"), "--list"),
    ]
    for args, says in cases:
        done = irqfwd(*args)
        assert done.returncode == 2, (args, done.returncode)
        assert says in done.stderr and done.stderr, (args, done.stderr)


def test_help():
    for command in ("explore", "sim"):
        done = irqfwd(command, "--help")
        assert done.returncode == 0 and "usage:" in done.stdout


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")]
    print(f"1..{len(tests)}")
    failed = 0
    for nr, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {nr} - {name[5:]}", flush=True)
        except Exception as e:
            failed += 1
            print(f"not ok {nr} - {name[5:]}\n# {type(e).__name__}: {e}",
                  flush=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
