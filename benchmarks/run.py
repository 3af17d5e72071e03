"""Runs Castle and the originals on the same work in the same run, turn by turn, and writes what was measured.

    run.py [--quick] [--only keeper,ensemble,broker,synced,large-keeper,large-broker] [--rounds N] [--check]

Rounds are interleaved (A B A B): each round starts every server afresh, warms it up, measures all works, and
ends it. Medians and ranges are over the rounds. Run as root on a virtual machine, it changes two settings of the kernel
until its end (`like_a_machine`). `--check` compares Castle with itself (the ratio must be 1
within noise) and with its own unoptimised build (which must show).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import mmap
import pathlib
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import Iterator

import peers
import report
import work
from server import TICK, Server, Unsuitable

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; compares with the last full run too")
    parser.add_argument("--only", default="keeper,ensemble,broker,synced,large-keeper,large-broker", help="which parts")
    parser.add_argument("--rounds", type=int, help="how often each server has its turn")
    parser.add_argument("--check", action="store_true", help="hold the harness against itself")
    parser.add_argument("--directory", type=pathlib.Path, help="where the servers keep their data (default: a temporary one)")
    arguments = parser.parse_args()
    effort = work.QUICK if arguments.quick else work.FULL
    rounds = arguments.rounds or effort.rounds
    parts = set(arguments.only.split(","))

    allow_many_files()
    # Termination unwinds like an interruption: servers are ended, settings put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with like_a_machine(), tempfile.TemporaryDirectory(prefix="castle-bench-", dir=arguments.directory) as scratch:
        if not arguments.quick:
            touch_memory()
        home = pathlib.Path(scratch)
        result = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "quick": arguments.quick,
            "rounds": rounds,
            "machine": machine(home),
            "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip(),
            "peers": {},
            "parts": {},
            "rows": [],
        }
        if arguments.check:
            keepers = [peers.CastleKeeper, type("Again", (peers.CastleKeeper,), {"name": AGAIN}), peers.SlowCastleKeeper]
            compare(result, home, keepers, list(work.keeper_works())[:6], effort, rounds, "keeper")
        else:
            few = 1 if arguments.quick else min(rounds, 3)
            if "keeper" in parts:
                works = list(work.keeper_works()) + ([] if arguments.quick else list(work.keeper_curve()))
                compare(result, home, [peers.CastleKeeper, peers.ZooKeeper, *peers.etcd()], works, effort, rounds, "keeper")
            if "ensemble" in parts:
                compare(result, home, [peers.CastleEnsemble, peers.ZooKeeperEnsemble], list(work.ensemble_works()), effort, rounds, "keeper, 3 members")
            if "broker" in parts:
                brokers = [peers.CastleBroker, peers.Kafka] + ([] if arguments.quick else [peers.Kafka39])
                compare(result, home, brokers, list(work.broker_works()), effort, rounds, "broker")
            if "synced" in parts:
                compare(result, home, [peers.CastleBrokerSynced, peers.KafkaSynced], list(work.synced_works()), effort, rounds, "broker, synced")
            if "large-keeper" in parts:
                compare(result, home, [peers.CastleKeeper, peers.ZooKeeper], list(work.large_keeper_works()), effort, few, "keeper, large")
            if "large-broker" in parts:
                compare(result, home, [peers.CastleBroker, peers.Kafka], [work.Work("many partitions", work.many_partitions)], effort, few, "broker, large")
    print(report.terminal(result))
    if arguments.check:
        return verdict(result)
    kept = ROOT / "benchmarks" / "last.json"
    last = json.loads(kept.read_text()) if kept.exists() else None
    if arguments.quick:
        target = ROOT / "target" / "bench-quick.json"
        target.write_text(json.dumps(result, indent=1))
        if last:
            print(report.since(last, result))
        print(f"kept in {target}; a full run writes docs/benchmarks.md")
        return 0
    if last:
        print(report.since(last, result))
        result = merged(last, result)
    kept.write_text(json.dumps(result, indent=1))
    report.write(result, ROOT / "docs")
    print("wrote docs/benchmarks.md and benchmarks/last.json")
    return 0


AGAIN = "Castle again"
#: How far two medians of the same server's CPU may lie apart; a reader of a ratio must reckon with it.
NOISE = 1.25
#: What an unoptimised build costs at the least.
SLOWER = 1.5


def verdict(result: dict) -> int:
    """Holds the harness against itself: 0 when it shows the same as the same and the slow as slow."""
    wrong = []
    for name in dict.fromkeys(row["work"] for row in result["rows"]):
        again, slow = (report.ratio(result, "keeper", name, "server_cpu_us", rival) for rival in (AGAIN, peers.SlowCastleKeeper.name))
        if again is None or slow is None:
            continue
        same, slower = 1 / NOISE <= again <= NOISE, slow <= 1 / SLOWER
        print(f"{name}: Castle to itself {again:.2f} ({'noise' if same else 'NOT EQUAL'}), to its unoptimised build {slow:.2f} ({'shown' if slower else 'NOT SHOWN'})")
        wrong += [] if same and slower else [name]
    return 1 if wrong else 0


def merged(last: dict, now: dict) -> dict:
    """The last full run with the parts that were measured now in place of its own."""
    def measured(part: str) -> bool:
        return part in now["parts"]

    return {
        **now,
        "parts": {**last["parts"], **now["parts"]},
        "peers": {**{name: text for name, text in last["peers"].items() if not measured(name.split(": ")[0])}, **now["peers"]},
        "rows": [row for row in last["rows"] if not measured(row["part"])] + now["rows"],
    }


def allow_many_files() -> None:
    """Ten thousand connections need as many files, in the servers as well, which inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


#: What is left alone when memory is touched, for the system and this program.
LEFT_ALONE = 1 << 30


def touch_memory() -> None:
    """Writes to all free memory once. On a virtual machine the first use of a page costs ten times what copying it
    costs, since the host has to find it; whoever ran first would pay for everybody."""
    wanted = available_bytes() - LEFT_ALONE
    if wanted <= 0:
        return
    say(f"memory: touching {wanted / 2**30:.0f} GiB")
    with mmap.mmap(-1, wanted) as memory:
        for at in range(0, wanted, mmap.PAGESIZE):
            memory[at] = 1


#: The size of the smallest run of free pages that a guest tells its host of, as a power of two.
REPORTED_ORDER = pathlib.Path("/sys/module/page_reporting/parameters/page_reporting_order")
#: More than the largest run of pages that Linux keeps (MAX_PAGE_ORDER is 10): nothing is told.
NOTHING_REPORTED = "11"
#: For how many nanoseconds an idle processor looks for work before it is given back to the host.
HALT_POLL = pathlib.Path("/sys/module/haltpoll/parameters/guest_halt_poll_ns")
#: Linux's default.
HALT_POLL_NS = "200000"


@contextlib.contextmanager
def like_a_machine() -> Iterator[None]:
    """Makes a virtual machine behave like a machine until the end, for every server alike.

    Some give back to their host what memory was free for seconds, the page cache of a deleted log too, and pay for
    its first use once more: whoever runs after a pause would pay for everybody (0.35 GB a second into the page cache
    instead of 3 was seen). And some give back their processor whenever it is idle for a moment: then a wake-up costs
    more than the work (154 us for a request instead of 28), most of all for a program that sleeps when it has nothing
    to do."""
    with set_to(REPORTED_ORDER, NOTHING_REPORTED), set_to(HALT_POLL, HALT_POLL_NS):
        yield


@contextlib.contextmanager
def set_to(setting: pathlib.Path, value: str) -> Iterator[None]:
    """Gives a setting of the kernel a value for a while, if there is such a setting; says so, also if that is not allowed.
    A run that is killed outright leaves the value; one that is interrupted or terminated does not."""
    before = None
    try:
        before = setting.read_text().strip()
        setting.write_text(value)
        say(f"{setting}: {before}, until the end {value}")
    except FileNotFoundError:
        pass
    except OSError as error:
        before = None
        say(f"{setting} stays as it is ({error.strerror}): results will vary more")
    try:
        yield
    finally:
        if before is not None:
            setting.write_text(before)


def available_bytes() -> int:
    """Memory that programs can still have."""
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))


def machine(directory: pathlib.Path) -> dict[str, object]:
    """What was measured on, limits included."""
    limits = subprocess.run(
        [str(peers.CASTLE), "bench", "machine", "--directory", str(directory), "-o", "json"],
        check=True, capture_output=True,
    ).stdout
    model = next(
        (line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    memory = next(int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()
    cores = len(__import__("os").sched_getaffinity(0))
    return {
        "processor": model, "cores": cores, "memory_GiB": round(memory / 2**20, 1),
        "kernel": platform.release(), "java": java[0] if java else "none", "limits": json.loads(limits),
    }


def compare(
    result: dict, home: pathlib.Path, kinds: list[type[Server]], works: list[work.Work], effort: work.Effort,
    rounds: int, part: str,
) -> None:
    result["parts"][part] = {key: result[key] for key in ("date", "commit")} | {"rounds": rounds}
    for kind in kinds:
        result["peers"][f"{part}: {kind.name}"] = kind.settings
    for turn in range(rounds):
        for kind in kinds:
            server = kind(home / "server")
            foreign = busy()
            try:
                began = time.monotonic()
                try:
                    row(result, part, "start", kind, turn, {"start_ms": server.start() * 1e3})
                except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                    failed(result, part, "start", kind, turn, error)
                    continue
                row(result, part, "idle", kind, turn, work.idle(server, effort))
                for number, task in enumerate(works):
                    # The first one warms up longer: a JVM compiles what is used.
                    now = effort if number else dataclasses.replace(effort, warm_up=effort.warm_up * 4)
                    say(f"{part}: round {turn + 1} of {rounds}, {kind.name}: {task.name}")
                    try:
                        before = processor_times()
                        measures = task.run(server, now)
                        row(result, part, task.name, kind, turn, {**measures, "stolen_percent": stolen(before)})
                    except Unsuitable:
                        continue
                    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                        # A work that fails is a result; the others go on.
                        failed(result, part, task.name, kind, turn, error)
                        if server.process is None or server.process.poll() is not None:
                            server.process = None
                            server.start()
                say(f"{part}: {kind.name} took {time.monotonic() - began:.0f} s; before it others used {foreign:.0%} of a core")
            finally:
                server.remove()


def processor_times() -> list[int]:
    """What all processors did since the start, in ticks; the eighth is what the host kept from them."""
    return [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def stolen(before: list[int]) -> float:
    """The share of time since then in which a processor was wanted and the host gave it to others, in percent."""
    spent = [now - then for now, then in zip(processor_times(), before)]
    return 100 * spent[7] / max(sum(spent), 1)


def busy() -> float:
    """How much of a core others use at this moment: a run on a busy machine is worth little."""
    def used() -> float:
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        return sum(int(field) for at, field in enumerate(fields) if at not in (3, 4))
    before = used()
    time.sleep(0.5)
    return (used() - before) / (0.5 * TICK)


def row(result: dict, part: str, name: str, kind: type[Server], turn: int, measures: work.Measures) -> None:
    result["rows"].append({"part": part, "work": name, "server": kind.name, "round": turn, "measures": measures})


def failed(result: dict, part: str, name: str, kind: type[Server], turn: int, error: Exception) -> None:
    note = str(getattr(error, "stderr", b"") or error)[-400:]
    result["rows"].append({"part": part, "work": name, "server": kind.name, "round": turn, "failed": note})
    say(f"   failed: {note}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
