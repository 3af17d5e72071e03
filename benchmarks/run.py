"""Runs Castle and the originals on the same work in the same run, turn by turn, and writes what was measured.

    run.py [--quick] [--only keeper,ensemble,broker,synced,large] [--rounds N] [--check]

Rounds are interleaved (A B A B): each round starts every server afresh, warms it up, measures all works, and
ends it. Medians and ranges are over the rounds. `--check` compares Castle with itself (the ratio must be 1
within noise) and with its own unoptimised build (which must show).
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import peers
import report
import work
from server import Server

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; compares with the last full run too")
    parser.add_argument("--only", default="keeper,ensemble,broker,synced,large", help="which parts")
    parser.add_argument("--rounds", type=int, help="how often each server has its turn")
    parser.add_argument("--check", action="store_true", help="hold the harness against itself")
    parser.add_argument("--directory", type=pathlib.Path, help="where the servers keep their data (default: a temporary one)")
    arguments = parser.parse_args()
    effort = work.QUICK if arguments.quick else work.FULL
    rounds = arguments.rounds or effort.rounds
    parts = set(arguments.only.split(","))

    with tempfile.TemporaryDirectory(prefix="castle-bench-", dir=arguments.directory) as scratch:
        home = pathlib.Path(scratch)
        result = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "quick": arguments.quick,
            "rounds": rounds,
            "machine": machine(home),
            "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip(),
            "peers": {},
            "rows": [],
        }
        if arguments.check:
            keepers = [peers.CastleKeeper, type("Again", (peers.CastleKeeper,), {"name": "Castle again"}), peers.SlowCastleKeeper]
            compare(result, home, keepers, list(work.keeper_works())[:6], effort, rounds, "keeper")
        else:
            if "keeper" in parts:
                compare(result, home, [peers.CastleKeeper, peers.ZooKeeper], list(work.keeper_works()), effort, rounds, "keeper")
            if "ensemble" in parts:
                compare(result, home, [peers.CastleEnsemble, peers.ZooKeeperEnsemble], list(work.ensemble_works()), effort, rounds, "keeper, 3 members")
            if "broker" in parts:
                brokers = [peers.CastleBroker, peers.Kafka] + ([] if arguments.quick else [peers.Kafka39])
                compare(result, home, brokers, list(work.broker_works()), effort, rounds, "broker")
            if "synced" in parts:
                compare(result, home, [peers.CastleBrokerSynced, peers.KafkaSynced], list(work.synced_works()), effort, rounds, "broker, synced")
            if "large" in parts:
                few = 1 if arguments.quick else min(rounds, 3)
                compare(result, home, [peers.CastleKeeper, peers.ZooKeeper], [work.Work("large tree", work.large_tree)], effort, few, "keeper, large")
                compare(result, home, [peers.CastleBroker, peers.Kafka], [work.Work("many partitions", work.many_partitions)], effort, few, "broker, large")
    print(report.terminal(result))
    if arguments.check:
        return 0
    name = "quick" if arguments.quick else "full"
    target = ROOT / "target" / f"bench-{name}.json"
    target.write_text(json.dumps(result, indent=1))
    if arguments.quick:
        last = ROOT / "benchmarks" / "last.json"
        if last.exists():
            print(report.since(json.loads(last.read_text()), result))
        print(f"kept in {target}; a full run writes docs/benchmarks.md")
    else:
        (ROOT / "benchmarks" / "last.json").write_text(json.dumps(result, indent=1))
        report.write(result, ROOT / "docs")
        print("wrote docs/benchmarks.md and benchmarks/last.json")
    return 0


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
                for task in works:
                    say(f"{part}: round {turn + 1} of {rounds}, {kind.name}: {task.name}")
                    try:
                        row(result, part, task.name, kind, turn, task.run(server, effort))
                    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                        # A work that fails is a result; the others go on.
                        failed(result, part, task.name, kind, turn, error)
                        if server.process is None or server.process.poll() is not None:
                            server.process = None
                            server.start()
                say(f"{part}: {kind.name} took {time.monotonic() - began:.0f} s; before it others used {foreign:.0%} of a core")
            finally:
                server.remove()


def busy() -> float:
    """How much of a core others use at this moment: a run on a busy machine is worth little."""
    def used() -> float:
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        return sum(int(field) for at, field in enumerate(fields) if at not in (3, 4))
    before = used()
    time.sleep(0.5)
    return (used() - before) / 50.0


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
