"""Turns measurements into tables, ratios and pictures. Losses are shown like wins."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import statistics
from typing import Iterable, Optional

#: Measures that a table shows, with their headings, in this order.
COLUMNS = [
    ("per_second", "a second"), ("MB_per_second", "MB/s"), ("p50_us", "p50 µs"), ("p99_us", "p99 µs"),
    ("p99.9_us", "p99.9 µs"), ("max_us", "max µs"), ("server_cpu_us", "server CPU µs each"), ("peak_MiB", "peak MiB"),
    ("written_per_byte", "written / byte"), ("flushes_per_thing", "flushes each"), ("start_ms", "start ms"),
    ("resident_MiB", "resident MiB"), ("above_before_MiB", "more MiB"), ("bytes_per_znode", "B / znode"), ("bytes_per_watch", "B / watch"),
    ("snapshots", "snapshots"), ("restart_after_kill_ms", "restart ms"), ("failover_ms", "failover ms"),
    ("stolen_percent", "stolen %"),
]
#: Says something of the machine, not of the server.
WITHOUT_RATIO = {"stolen_percent"}
#: More is better for these; less for all others.
MORE_IS_BETTER = {"per_second", "MB_per_second"}


@dataclasses.dataclass(frozen=True)
class Goal:
    """A ratio that Castle must show: its median over another's. `gate` must hold, `stretch` is worth work."""

    part: str
    work: str
    measure: str
    rival: str
    gate: float
    stretch: float
    #: Where the other's figure stands, if it is of another part.
    other_part: Optional[str] = None
    other_work: Optional[str] = None


#: Castle is compared with what the machine can do: the limit of this name, a rate in GB/s.
LIMIT = "limit: "

GOALS = [
    Goal("keeper", "start", "start_ms", "ZooKeeper", 1 / 40, 1 / 100),
    Goal("keeper", "idle", "resident_MiB", "ZooKeeper", 1 / 6, 1 / 10),
    Goal("keeper", "create 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    Goal("keeper", "create 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 8, 1 / 15),
    Goal("keeper", "set 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    Goal("keeper", "set 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 8, 1 / 15),
    Goal("keeper", "get 100 B, 10 x 64", "per_second", "ZooKeeper", 10, 20),
    Goal("keeper", "get 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 10, 1 / 30),
    Goal("keeper", "mixed 100 B, 10 x 64", "per_second", "ZooKeeper", 6, 10),
    Goal("keeper", "create 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.5, 0.42),
    Goal("keeper", "get 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.55, 0.5),
    Goal("keeper, large", "large tree", "resident_MiB", "ZooKeeper", 1 / 4, 1 / 6),
    Goal("keeper, large", "large tree", "restart_after_kill_ms", "ZooKeeper", 1 / 10, 1 / 20),
    Goal("keeper", "mixed 100 B at 10000 a second, open loop", "p99.9_us", "ZooKeeper", 1 / 5, 1 / 10),
    Goal("keeper, large", "set 100 B at 10000 a second over the large tree, open loop, snapshots included", "p99.9_us", "ZooKeeper", 1 / 5, 1 / 10),
    Goal("keeper, 3 members", "create 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    Goal("keeper, 3 members", "create 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.65, 0.55),
    Goal("broker", "start", "start_ms", "Kafka 4", 1 / 40, 1 / 100),
    Goal("broker", "idle", "resident_MiB", "Kafka 4", 1 / 15, 1 / 30),
    Goal("broker", "produce 100 x 1000 B a batch, acks=1, 1 x 5", "peak_MiB", "Kafka 4", 1 / 8, 1 / 15),
    Goal("broker", "produce 1000 x 100 B a batch, acks=1, 1 x 5", "server_cpu_us", "Kafka 4", 1 / 3, 1 / 5),
    Goal("broker", "produce 100 x 1000 B a batch, acks=1, 1 x 5", "server_cpu_us", "Kafka 4", 1 / 1.5, 1 / 2.5),
    Goal("broker", "produce 1 x 100 B a batch, acks=1, 1 x 1", "server_cpu_us", "Kafka 4", 1 / 5, 1 / 10),
    Goal("broker", "produce 10 x 100 B a batch, acks=1, 1 x 5", "server_cpu_us", "Kafka 4", 1 / 5, 1 / 10),
    Goal("broker", "kafka-producer-perf-test 1000 B, linger 5, acks=1, none", "per_second", "Kafka 4", 1.3, 1.7),
    Goal("broker, synced", "kafka-producer-perf-test 1000 B, linger 5, acks=all, none", "per_second", "Kafka 4", 3, 5),
    Goal("broker, synced", "kafka-producer-perf-test 1000 B, linger 5, acks=all, none", "per_second", "Castle", 0.75, 0.9, "broker"),
    Goal("broker, synced", "franz-go produce 1000 B, linger 5, 10 partitions", "per_second", "Castle", 0.75, 0.9, "broker"),
    Goal("broker", "produce to consume 100 B at 20000 a second, open loop", "p99_us", "Kafka 4", 1 / 5, 1 / 8),
    Goal("broker", "fetch 1 MiB at a time, 1 connection", "server_cpu_us", "Kafka 4", 1 / 1.7, 1 / 2.5),
    Goal("broker", "fetch 1 MiB at a time, 4 connections", "MB_per_second", LIMIT + "loopback_gigabytes_per_second", 0.8, 0.9),
    Goal("broker, large", "many partitions", "resident_MiB", "Kafka 4", 1 / 5, 1 / 10),
    Goal("broker, large", "many partitions", "restart_after_kill_ms", "Kafka 4", 1 / 10, 1 / 30),
]


def values(result: dict, part: str, work: str, server: str, measure: str) -> list[float]:
    return [
        row["measures"][measure]
        for row in result["rows"]
        if (row["part"], row["work"], row["server"]) == (part, work, server)
        and measure in row.get("measures", {})
    ]


def ratio(
    result: dict, part: str, work: str, measure: str, rival: str, other_part: Optional[str] = None, other_work: Optional[str] = None,
) -> Optional[float]:
    ours = values(result, part, work, "Castle", measure)
    if rival.startswith(LIMIT):
        # The limits are in GB/s, the works in MB/s.
        theirs = [result["machine"]["limits"][rival.removeprefix(LIMIT)] * 1000]
    else:
        theirs = values(result, other_part or part, other_work or work, rival, measure)
    if not ours or not theirs or statistics.median(theirs) == 0:
        return None
    return statistics.median(ours) / statistics.median(theirs)


def number(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(found: list[float]) -> str:
    if not found:
        return ""
    middle = number(statistics.median(found))
    return middle if len(found) == 1 else f"{middle} ({number(min(found))}-{number(max(found))})"


def parts(result: dict) -> Iterable[tuple[str, list[str], list[str]]]:
    """Each part with its works and servers, in the order they were measured."""
    for part in dict.fromkeys(row["part"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["part"] == part]
        yield part, list(dict.fromkeys(row["work"] for row in rows)), list(dict.fromkeys(row["server"] for row in rows))


def table(result: dict, part: str, work: str, servers: list[str]) -> str:
    columns = [(key, heading) for key, heading in COLUMNS if any(values(result, part, work, server, key) for server in servers)]
    lines = ["| | " + " | ".join(heading for _, heading in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for server in servers:
        failed = [row["failed"] for row in result["rows"] if (row["part"], row["work"], row["server"]) == (part, work, server) and "failed" in row]
        cells = [cell(values(result, part, work, server, key)) for key, _ in columns]
        if failed and not any(cells):
            cells = ["failed"] + [""] * (len(columns) - 1) if columns else []
        lines.append(f"| {server} | " + " | ".join(cells) + " |")
    for rival in servers:
        if rival == "Castle":
            continue
        ratios = [None if key in WITHOUT_RATIO else ratio(result, part, work, key, rival) for key, _ in columns]
        lines.append(f"| **ratio to {rival}** | " + " | ".join("" if value is None else f"**{value:.3g}**" for value in ratios) + " |")
    return "\n".join(lines)


def goals(result: dict) -> str:
    lines = ["| Part | Work | Measure | Beside | Ratio | Gate | Stretch | |", "|---|---|---|---|---|---|---|---|"]
    for goal in GOALS:
        found = ratio(result, goal.part, goal.work, goal.measure, goal.rival, goal.other_part, goal.other_work)
        if found is None:
            verdict, shown = "not measured", "-"
        else:
            better = (lambda limit: found >= limit) if goal.measure in MORE_IS_BETTER else (lambda limit: found <= limit)
            verdict = "stretch" if better(goal.stretch) else "gate" if better(goal.gate) else "**missed**"
            shown = f"{found:.3g}"
        heading = dict(COLUMNS).get(goal.measure, goal.measure)
        beside = goal.rival.removeprefix(LIMIT).replace("_gigabytes_per_second", "")
        beside += f" ({goal.other_part})" if goal.other_part else ""
        lines.append(f"| {goal.part} | {goal.work} | {heading} | {beside} | {shown} | {goal.gate:.3g} | {goal.stretch:.3g} | {verdict} |")
    return "\n".join(lines)


def limits(result: dict) -> str:
    machine = result["machine"]
    lines = [f"{machine['processor']}, {machine['cores']} cores, {machine['memory_GiB']} GiB, Linux {machine['kernel']}, {machine['java']}.", "", "| Limit | |", "|---|---|"]
    lines += [f"| {key.replace('_', ' ')} | {number(value)} |" for key, value in machine["limits"].items()]
    return "\n".join(lines)


def terminal(result: dict) -> str:
    text = [f"{result['date']}, commit {result['commit']}, {result['rounds']} rounds", limits(result)]
    for part, works, servers in parts(result):
        text.append(f"\n== {part}")
        for work in works:
            text.append(f"\n{work}\n{table(result, part, work, servers)}")
    text.append("\n== goals\n" + goals(result))
    return "\n".join(text)


def since(before: dict, now: dict) -> str:
    """Castle now against Castle in the last full run, CPU per unit alone: rates of short runs mean little."""
    lines = ["", f"Castle's server CPU since {before['commit']} ({before['date']}):"]
    for part, works, _ in parts(now):
        for work in works:
            old, new = (values(result, part, work, "Castle", "server_cpu_us") for result in (before, now))
            if old and new:
                lines.append(f"  {work:<60} {number(statistics.median(old))} -> {number(statistics.median(new))} µs each")
    return "\n".join(lines)


def write(result: dict, docs: pathlib.Path) -> None:
    """docs/benchmarks.md and its pictures."""
    pictures = docs / "benchmarks"
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    text = [
        "# Side by side", "",
        "<!-- written by `cargo xtask bench`; do not edit -->", "",
        "Castle and the originals on the same work in the same run, in interleaved rounds. Numbers are medians with the "
        "range over the rounds; ratios are Castle's median over the other's. Server CPU is what the server alone used, since "
        "load generators share the machine; where the load generator is the slower one, rates say little and CPU says all. "
        "Castle is the build that is shipped (profile `dist`, ten minutes to build); `cargo build --release` differs by link-time "
        "optimisation. All memory of the machine was touched once before the first round and stays the machine's, and an idle "
        "processor polls 0.2 ms for work before it is given back, as Linux has it by default (where the system lets the harness "
        "see to both): on a virtual machine the first "
        "use of a page is dear and would be paid by whoever runs first, and so is a wake-up, for whoever sleeps (parts of an older "
        "date were run before that was so, see [performance.md](performance.md)). *Stolen* is the share of the processors' time that the "
        "host gave to others while somebody here was ready to run: latencies of a work with much of it say more of the host. "
        "Run it yourself: `cargo xtask bench` (about two hours), a part of it with `--only keeper`, or `cargo xtask bench --quick` "
        "(minutes). What bounds what is missed stands in [performance.md](performance.md).", "",
        "## Goals", "", goals(result), "", "## The machine", "", limits(result), "", "## How each was run", "",
        *(f"- {name}: {settings}" for name, settings in result["peers"].items()), "",
        "Not measured: Redpanda, of which no server was found in the registries that the harness installs from, and ClickHouse "
        "Keeper, since Debian's ClickHouse (18.16) is older than it.", "",
    ]
    for part, works, servers in parts(result):
        run = result["parts"][part]
        text += [f"## {part.capitalize()}", "", f"{run['date']}, commit {run['commit']}, {run['rounds']} rounds.", ""]
        for name, sample, points in curves(works):
            picture = curve(result, part, name, sample, points, servers, pictures)
            text += [f"![{name}](benchmarks/{picture})", ""]
        for work in works:
            text += [f"### {work}", "", table(result, part, work, servers), ""]
            picture = distribution(result, part, work, servers, pictures)
            if picture:
                text += [f"![latency of {work}](benchmarks/{picture})", ""]
    (docs / "benchmarks.md").write_text("\n".join(text))


COLOURS = ("#1b6ca8", "#c8553d", "#6b8f71")


def curves(works: list[str]) -> Iterable[tuple[str, str, list[tuple[int, str]]]]:
    """Works that differ in how much is in flight alone: a name, its unit, and the works by that number."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for work in works:
        found = re.fullmatch(r"(.*), 10 x (\d+)", work) or re.fullmatch(r"(produce .*), (\d+) x 5", work)
        if found:
            groups.setdefault(found[1], []).append((int(found[2]), work))
    for name, points in groups.items():
        if len(points) >= 3:
            yield name, "connections, 5 in flight each" if name.startswith("produce") else "in flight on each of 10 connections", sorted(points)


def curve(
    result: dict, part: str, name: str, unit: str, points: list[tuple[int, str]], servers: list[str], pictures: pathlib.Path,
) -> str:
    """Rate over what is in flight."""
    plot = pyplot()
    figure, axes = plot.subplots(figsize=(7, 3.5))
    for server, colour in zip(servers, COLOURS):
        line = [(at, statistics.median(found)) for at, work in points if (found := values(result, part, work, server, "per_second"))]
        if line:
            axes.plot(*zip(*line), color=colour, marker="o", label=server)
    axes.set(xscale="log", yscale="log", xlabel=unit, ylabel="a second", title=f"{part}: {name}")
    axes.set_xticks([at for at, _ in points], [str(at) for at, _ in points])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    return kept(plot, figure, f"{part} {name} rate", pictures)


def distribution(result: dict, part: str, work: str, servers: list[str], pictures: pathlib.Path) -> Optional[str]:
    """Latency over percentile, one curve a round; only for works whose latency is not mere queueing."""
    if not ("open loop" in work or "1 x 1" in work) or not any(values(result, part, work, server, "distribution") for server in servers):
        return None
    plot = pyplot()
    figure, axes = plot.subplots(figsize=(7, 3.5))
    for server, colour in zip(servers, COLOURS):
        label: Optional[str] = server
        for one in values(result, part, work, server, "distribution"):
            # 99.9 is as far from 99 as 99 is from 90.
            points = [(1 / (1 - percentile / 100), latency) for percentile, latency in one if percentile < 100]
            axes.plot(*zip(*points), color=colour, alpha=0.7, label=label)
            label = None
    axes.set(xscale="log", yscale="log", xlabel="percentile", ylabel="latency, µs", title=f"{part}: {work}")
    ticks = [(1, "0"), (10, "90"), (100, "99"), (1000, "99.9"), (10_000, "99.99")]
    axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    return kept(plot, figure, f"{part} {work}", pictures)


def pyplot():  # type: ignore[no-untyped-def]
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "castle"
    import matplotlib.pyplot

    return matplotlib.pyplot


def kept(plot, figure, title: str, pictures: pathlib.Path) -> str:  # type: ignore[no-untyped-def]
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower()).strip("-") + ".svg"
    figure.tight_layout()
    figure.savefig(pictures / name, metadata={"Date": None})
    plot.close(figure)
    return name
