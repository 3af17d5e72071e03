"""Turns measurements into tables, ratios and pictures. Losses are shown like wins."""

from __future__ import annotations

import pathlib
import statistics
from typing import Iterable, Optional

#: Measures that a table shows, with their headings, in this order.
COLUMNS = [
    ("per_second", "a second"), ("MB_per_second", "MB/s"), ("p50_us", "p50 µs"), ("p99_us", "p99 µs"),
    ("p99.9_us", "p99.9 µs"), ("max_us", "max µs"), ("server_cpu_us", "server CPU µs each"), ("peak_MiB", "peak MiB"),
    ("written_per_byte", "written / byte"), ("flushes_per_thing", "flushes each"), ("start_ms", "start ms"),
    ("resident_MiB", "resident MiB"), ("bytes_per_znode", "B / znode"), ("restart_after_kill_ms", "restart ms"), ("failover_ms", "failover ms"),
]
#: More is better for these; less for all others.
MORE_IS_BETTER = {"per_second", "MB_per_second"}

#: The goals: (part, work, measure, rival, gate, stretch) as ratios of Castle to the rival.
GOALS = [
    ("keeper", "start", "start_ms", "ZooKeeper", 1 / 40, 1 / 100),
    ("keeper", "idle", "resident_MiB", "ZooKeeper", 1 / 6, 1 / 10),
    ("keeper", "create 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    ("keeper", "create 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 8, 1 / 15),
    ("keeper", "set 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    ("keeper", "set 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 8, 1 / 15),
    ("keeper", "get 100 B, 10 x 64", "per_second", "ZooKeeper", 10, 20),
    ("keeper", "get 100 B, 10 x 64", "server_cpu_us", "ZooKeeper", 1 / 10, 1 / 30),
    ("keeper", "mixed 100 B, 10 x 64", "per_second", "ZooKeeper", 6, 10),
    ("keeper", "create 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.5, 0.42),
    ("keeper", "get 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.55, 0.5),
    ("keeper, large", "large tree", "resident_MiB", "ZooKeeper", 1 / 4, 1 / 6),
    ("keeper, large", "large tree", "restart_after_kill_ms", "ZooKeeper", 1 / 10, 1 / 20),
    ("keeper", "mixed 100 B at 10000 a second, open loop", "p99.9_us", "ZooKeeper", 1 / 5, 1 / 10),
    ("keeper, 3 members", "create 100 B, 10 x 64", "per_second", "ZooKeeper", 5, 8),
    ("keeper, 3 members", "create 100 B, 1 x 1", "p50_us", "ZooKeeper", 0.65, 0.55),
    ("broker", "start", "start_ms", "Kafka 4", 1 / 40, 1 / 100),
    ("broker", "idle", "resident_MiB", "Kafka 4", 1 / 15, 1 / 30),
    ("broker", "produce 100 x 1000 B a batch, acks=1, 1 x 5", "peak_MiB", "Kafka 4", 1 / 8, 1 / 15),
    ("broker", "produce 1000 x 100 B a batch, acks=1, 1 x 5", "server_cpu_us", "Kafka 4", 1 / 3, 1 / 5),
    ("broker", "produce 100 x 1000 B a batch, acks=1, 1 x 5", "server_cpu_us", "Kafka 4", 1 / 1.5, 1 / 2.5),
    ("broker", "produce 1 x 100 B a batch, acks=1, 1 x 1", "server_cpu_us", "Kafka 4", 1 / 5, 1 / 10),
    ("broker", "kafka-producer-perf-test 1000 B, linger 5, acks=1, none", "per_second", "Kafka 4", 1.3, 1.7),
    ("broker, synced", "produce 100 x 1000 B a batch, acks=-1, 1 x 5", "per_second", "Kafka 4", 3, 5),
    ("broker", "kafka-e2e-latency, 100 B, acks=1", "p99_us", "Kafka 4", 1 / 5, 1 / 8),
    ("broker", "fetch 1 MiB at a time, 1 connection", "server_cpu_us", "Kafka 4", 1 / 1.7, 1 / 2.5),
    ("broker, large", "many partitions", "resident_MiB", "Kafka 4", 1 / 5, 1 / 10),
    ("broker, large", "many partitions", "restart_after_kill_ms", "Kafka 4", 1 / 10, 1 / 30),
]


def values(result: dict, part: str, work: str, server: str, measure: str) -> list[float]:
    return [
        row["measures"][measure]
        for row in result["rows"]
        if (row["part"], row["work"], row["server"]) == (part, work, server)
        and measure in row.get("measures", {})
    ]


def ratio(result: dict, part: str, work: str, measure: str, rival: str) -> Optional[float]:
    ours, theirs = (values(result, part, work, server, measure) for server in ("Castle", rival))
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
        ratios = [ratio(result, part, work, key, rival) for key, _ in columns]
        lines.append(f"| **ratio to {rival}** | " + " | ".join("" if value is None else f"**{value:.3g}**" for value in ratios) + " |")
    return "\n".join(lines)


def goals(result: dict) -> str:
    lines = ["| Part | Work | Measure | Beside | Ratio | Gate | Stretch | |", "|---|---|---|---|---|---|---|---|"]
    for part, work, measure, rival, gate, stretch in GOALS:
        found = ratio(result, part, work, measure, rival)
        if found is None:
            verdict, shown = "not measured", "-"
        else:
            better = (lambda limit: found >= limit) if measure in MORE_IS_BETTER else (lambda limit: found <= limit)
            verdict = "stretch" if better(stretch) else "gate" if better(gate) else "**missed**"
            shown = f"{found:.3g}"
        heading = dict(COLUMNS).get(measure, measure)
        lines.append(f"| {part} | {work} | {heading} | {rival} | {shown} | {gate:.3g} | {stretch:.3g} | {verdict} |")
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
    text = [
        "# Side by side", "",
        "<!-- written by `cargo xtask bench`; do not edit -->", "",
        f"Castle (commit {result['commit']}) and the originals on the same work in the same run, {result['date']}, "
        f"{result['rounds']} interleaved rounds. Numbers are medians with the range over the rounds; ratios are Castle's median "
        "over the other's. Server CPU is what the server alone used, since load generators share the machine. "
        "Run it yourself: `cargo xtask bench` (hours) or `cargo xtask bench --quick` (minutes).", "",
        "## Goals", "", goals(result), "", "## The machine", "", limits(result), "", "## How each was run", "",
        *(f"- {name}: {settings}" for name, settings in result["peers"].items()), "",
    ]
    for part, works, servers in parts(result):
        text += [f"## {part.capitalize()}", ""]
        for work in works:
            text += [f"### {work}", "", table(result, part, work, servers), ""]
            picture = distribution(result, part, work, servers, pictures)
            if picture:
                text += [f"![latency of {work}](benchmarks/{picture})", ""]
    (docs / "benchmarks.md").write_text("\n".join(text))


def distribution(result: dict, part: str, work: str, servers: list[str], pictures: pathlib.Path) -> Optional[str]:
    """Latency over percentile, one curve a round; only for works whose latency is not mere queueing."""
    if "open loop" not in work and "1 x 1" not in work:
        return None
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "castle"
    import matplotlib.pyplot as plot

    figure, axes = plot.subplots(figsize=(7, 3.5))
    for server, colour in zip(servers, ("#1b6ca8", "#c8553d", "#6b8f71")):
        label: Optional[str] = server
        for curve in values(result, part, work, server, "distribution"):
            # 99.9 is as far from 99 as 99 is from 90.
            points = [(1 / (1 - percentile / 100), latency) for percentile, latency in curve if percentile < 100]
            axes.plot(*zip(*points), color=colour, alpha=0.7, label=label)
            label = None
    axes.set(xscale="log", yscale="log", xlabel="percentile", ylabel="latency, µs", title=f"{part}: {work}")
    ticks = [(1, "0"), (10, "90"), (100, "99"), (1000, "99.9"), (10_000, "99.99")]
    axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{part} {work}".lower()).strip("-") + ".svg"
    figure.tight_layout()
    figure.savefig(pictures / name, metadata={"Date": None})
    plot.close(figure)
    return name
