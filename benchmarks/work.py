"""What is measured, and with which load. Each work is a function of a running server that returns measures.

A measure is a name with a number; names end in their unit. A row is what one work measured on one server in one
round.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import time
from typing import Callable, Iterator

from peers import CASTLE, JARS
from server import BrokerServer, Ensemble, KeeperServer, Server

Measures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long everything takes."""

    seconds: float
    #: Before each work; before a server's first one, four times as long.
    warm_up: float
    idle_seconds: float
    rounds: int
    #: Records that one run of a stock load tool sends.
    tool_records: int
    #: Znodes of the large tree.
    znodes: int
    #: Partitions of the large cluster.
    partitions: int


FULL = Effort(seconds=4, warm_up=2, idle_seconds=10, rounds=3, tool_records=1_000_000, znodes=1_000_000, partitions=10_000)
QUICK = Effort(seconds=2, warm_up=1.5, idle_seconds=5, rounds=2, tool_records=300_000, znodes=200_000, partitions=1_000)


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    run: Callable[[Server, Effort], Measures]


def castle_bench(
    half: str, server: Server, effort: Effort, *options: str, warm_up: float | None = None, seconds: float | None = None,
) -> Measures:
    """Runs our load generator against a server and adds what the server paid for it."""
    def command(seconds: float) -> list[str]:
        return server.load(half, options, seconds)

    # Warming up is a run of its own, so that CPU and memory of the counted run are its own too.
    before = effort.warm_up if warm_up is None else warm_up
    if before > 0:
        subprocess.run(command(before), check=True, capture_output=True, timeout=600)
    server.forget_peak()
    cpu, written, flushes = server.cpu_seconds(), server.written_bytes(), server.flushes()
    report = json.loads(subprocess.run(command(seconds or effort.seconds), check=True, capture_output=True, timeout=600).stdout)
    if report["errors"]:
        raise RuntimeError(f"{server.name}: {report['errors']} errors, the first: {report['first_error']}")
    things = max(report["things"], 1)
    return {
        "per_second": report["per_second"],
        "MB_per_second": report["megabytes_per_second"],
        "p50_us": report["p50_us"],
        "p99_us": report["p99_us"],
        "p99.9_us": report["p999_us"],
        "max_us": report["max_us"],
        "server_cpu_us": (server.cpu_seconds() - cpu) / things * 1e6,
        "peak_MiB": server.peak_mib(),
        "written_per_byte": (server.written_bytes() - written) / max(report["bytes"], 1),
        "flushes_per_thing": (server.flushes() - flushes) / things,
        "distribution": report["distribution"],
    }


def keeper_load(operation: str, connections: int, in_flight: int, size: int) -> Work:
    shape = f"{connections} x {in_flight}"
    options = ("--operation", operation, "--connections", str(connections), "--in-flight", str(in_flight), "--size", str(size))
    return Work(
        f"{operation} {size} B, {shape}",
        lambda server, effort: castle_bench("keeper", server, effort, *options),
    )


def open_loop(operation: str, rate: int) -> Work:
    """A rate that each of the servers can bear: latency counts from when a request was due."""
    options = ("--operation", operation, "--connections", "10", "--rate", str(rate))
    return Work(
        f"{operation} 100 B at {rate} a second, open loop",
        lambda server, effort: castle_bench("keeper", server, effort, *options),
    )


def keeper_works() -> Iterator[Work]:
    for operation in ("create", "set", "get", "mixed"):
        yield keeper_load(operation, 1, 1, 100)
        yield keeper_load(operation, 1, 64, 100)
        yield keeper_load(operation, 10, 64, 100)
        yield keeper_load(operation, 100, 1, 100)
    for operation in ("create", "set", "get", "mixed"):
        yield keeper_load(operation, 10, 64, 1000)
    yield open_loop("mixed", 10_000)
    for watchers in (1_000, 10_000):
        yield fan_out(watchers)


def keeper_curve() -> Iterator[Work]:
    """With what `keeper_works` has at 10 x 64: how the rate grows with what is in flight."""
    for operation in ("create", "get"):
        for in_flight in (1, 4, 16, 256):
            yield keeper_load(operation, 10, in_flight, 100)


def fan_out(watchers: int) -> Work:
    return Work(
        f"watch events, {watchers:,} watchers of one znode",
        lambda server, effort: castle_bench(
            "keeper", server, effort, "--operation", "fan-out", "--connections", str(watchers)
        ),
    )


def idle(server: Server, effort: Effort) -> Measures:
    time.sleep(effort.idle_seconds)
    cpu = server.cpu_seconds()
    time.sleep(1)
    return {"resident_MiB": server.resident_mib(), "server_cpu_us_per_second": (server.cpu_seconds() - cpu) * 1e6}


def large_tree(server: KeeperServer, effort: Effort) -> Measures:
    """Memory with many znodes, the latency of writes while they are snapshotted, and how long a restart takes."""
    before = server.resident_mib()
    subprocess.run(
        [str(CASTLE), "bench", "keeper", "--server", server.address, "--root", "/large", "--seconds", "600",
         "--warm-up", "0", "--requests", str(effort.znodes), "-o", "json"],
        check=True, capture_output=True, timeout=700,
    )
    settle(server)
    resident = server.resident_mib()
    server.kill()
    restart = server.start()
    return {
        "znodes": effort.znodes, "resident_MiB": resident, "above_before_MiB": resident - before,
        "bytes_per_znode": (resident - before) * 2**20 / effort.znodes, "restart_after_kill_ms": restart * 1e3,
    }


def settle(server: Server) -> None:
    """Waits until the server has done what it does in the background: two looks without CPU time between them."""
    for _ in range(60):
        before = server.cpu_seconds()
        time.sleep(1)
        if server.cpu_seconds() - before < 0.05:
            return


def set_while_snapshotting(server: KeeperServer, effort: Effort) -> Measures:
    """Writes at a fixed rate over the large tree. The servers take a snapshot about every 75,000 transactions
    (`snapCount`), so some fall into the run; how many is counted."""
    def snapshots() -> set[str]:
        return {path.name for path in (server.directory / "data").rglob("snapshot.*")}

    before = snapshots()
    options = ("--operation", "set", "--connections", "10", "--rate", str(SNAPSHOT_RATE), "--root", "/steady")
    measures = castle_bench("keeper", server, effort, *options, seconds=SNAPSHOT_SECONDS)
    return {**measures, "snapshots": len(snapshots() - before)}


#: Half of what Apache ZooKeeper bears on two cores, load generator included.
SNAPSHOT_RATE = 10_000
#: Long enough for two snapshots at that rate.
SNAPSHOT_SECONDS = 20.0


#: A hundredth of a second's work.
WATCHED_AT_ONCE = 1_000


def watches(server: KeeperServer, effort: Effort) -> Measures:
    """Memory of watches: ten sessions that each watch a tenth of the large tree's znodes."""
    before = server.resident_mib()
    sessions = [server.session() for _ in range(10)]
    try:
        paths = [f"/large/{name}" for name in sessions[0].children("/large")]
        # In turn, so that no session is silent until it expires.
        for turn, start in enumerate(range(0, len(paths), WATCHED_AT_ONCE)):
            sessions[turn % len(sessions)].watch(paths[start:start + WATCHED_AT_ONCE])
        after = server.resident_mib()
    finally:
        for session in sessions:
            session.close()
    return {"watches": len(paths), "above_before_MiB": after - before, "bytes_per_watch": (after - before) * 2**20 / len(paths)}


def large_keeper_works() -> Iterator[Work]:
    yield Work("large tree", large_tree)
    yield Work("a watch on each znode of the large tree", watches)
    yield Work(f"set 100 B at {SNAPSHOT_RATE} a second over the large tree, open loop, snapshots included", set_while_snapshotting)


# The broker.


def broker_load(records: int, size: int, in_flight: int, connections: int = 1, acks: str = "1") -> Work:
    options = (
        "--records", str(records), "--size", str(size), "--connections", str(connections), "--in-flight",
        str(in_flight), "--acks", acks, "--topic", f"load-{records}-{size}-{connections}",
    )
    return Work(
        f"produce {records} x {size} B a batch, acks={acks}, {connections} x {in_flight}",
        lambda server, effort: castle_bench("broker", server, effort, *options),
    )


def fetch(connections: int) -> Work:
    """Readers of what was just written, each with one request at a time. A single one waits while the server reads and
    the server waits while it asks; several keep both busy."""
    def run(server: Server, effort: Effort) -> Measures:
        topic = ("--topic", "to-fetch", "--size", "1000", "--records", "100")
        castle_bench("broker", server, effort, *topic, "--connections", "1", "--in-flight", "5", "--requests", "5000", warm_up=0)
        return castle_bench("broker", server, effort, *topic, "--operation", "fetch", "--connections", str(connections), "--in-flight", "1")

    return Work(f"fetch 1 MiB at a time, {connections} connection{'s' if connections > 1 else ''}", run)


def produce_open_loop(server: Server, effort: Effort) -> Measures:
    return castle_bench(
        "broker", server, effort, "--records", "1", "--size", "100", "--connections", "10", "--rate", "2000",
        "--topic", "open-loop", "--acks", "1",
    )


def java_tool(server: Server, tool: str, *options: str) -> str:
    command = ["java", "-Xmx512m", "-cp", f"{JARS / 'kafka-server-4.3'}/*", f"org.apache.kafka.tools.{tool}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{tool}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


_PRODUCED = re.compile(
    r"(\d+) records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\), ([\d.]+) ms avg latency, ([\d.]+) ms max latency, "
    r"(\d+) ms 50th, (\d+) ms 95th, (\d+) ms 99th, (\d+) ms 99.9th"
)


def perf_producer(size: int, linger: int, acks: str, compression: str) -> Work:
    """kafka-producer-perf-test, as it ships with Kafka."""

    def run(server: Server, effort: Effort) -> Measures:
        records = effort.tool_records if size <= 1000 else effort.tool_records // 50
        topic = f"perf-{size}-{linger}-{acks}-{compression}"
        settings = [
            f"bootstrap.servers={server.address}", f"acks={acks}", f"linger.ms={linger}", "batch.size=131072",
            f"compression.type={compression}",
        ]
        arguments = ["--topic", topic, "--throughput", "-1", "--record-size", str(size), "--producer-props", *settings]
        java_tool(server, "ProducerPerformance", *arguments, "--num-records", str(max(records // 10, 1000)))
        server.forget_peak()
        cpu = server.cpu_seconds()
        output = java_tool(server, "ProducerPerformance", *arguments, "--num-records", str(records))
        found = _PRODUCED.findall(output)
        if not found:
            raise RuntimeError(f"kafka-producer-perf-test said: {output[-500:]}")
        last = [float(field) for field in found[-1]]
        return {
            "per_second": last[1], "MB_per_second": last[2] * 1.048576, "p50_us": last[5] * 1e3, "p99_us": last[7] * 1e3,
            "p99.9_us": last[8] * 1e3, "max_us": last[4] * 1e3,
            "server_cpu_us": (server.cpu_seconds() - cpu) / records * 1e6, "peak_MiB": server.peak_mib(),
        }

    return Work(f"kafka-producer-perf-test {size} B, linger {linger}, acks={acks}, {compression}", run)


def perf_consumer(server: Server, effort: Effort) -> Measures:
    """kafka-consumer-perf-test over what the producer test left."""
    topic = "perf-1000-5-1-none"
    records = effort.tool_records
    cpu = server.cpu_seconds()
    output = java_tool(
        server, "ConsumerPerformance", "--bootstrap-server", server.address, "--topic", topic, "--messages",
        str(records), "--timeout", "60000",
    )
    values = [field.strip() for field in output.strip().splitlines()[-1].split(",")]
    return {
        "per_second": float(values[5]), "MB_per_second": float(values[3]) * 1.048576,
        "server_cpu_us": (server.cpu_seconds() - cpu) / records * 1e6,
    }


def end_to_end(server: Server, effort: Effort) -> Measures:
    """kafka-e2e-latency: one record at a time, from produce to consume."""
    records = 2000 if effort.rounds <= 2 else 10_000
    output = java_tool(
        server, "EndToEndLatency", "--bootstrap-server", server.address, "--topic", "end-to-end", "--num-records",
        str(records), "--producer-acks", "1", "--record-size", "100",
    )
    numbers = re.search(r"50th = (\d+), 99th = (\d+), 99.9th = (\d+)", output)
    if not numbers:
        raise RuntimeError(f"kafka-e2e-latency said: {output[-500:]}")
    p50, p99, p999 = (float(number) * 1e3 for number in numbers.groups())
    return {"p50_us": p50, "p99_us": p99, "p99.9_us": p999}


TOOLS = JARS.parent


def franz(server: Server, mode: str, *options: str) -> dict:
    """Our load through franz-go, a client that batches in its own way."""
    command = [str(TOOLS / "franz"), mode, "-server", server.address, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)


def paid(server: Server, records: int, load: Callable[[], Measures]) -> Measures:
    """Runs a load and adds what the server paid for each record."""
    server.forget_peak()
    cpu = server.cpu_seconds()
    measures = load()
    return {**measures, "server_cpu_us": (server.cpu_seconds() - cpu) / records * 1e6, "peak_MiB": server.peak_mib()}


def franz_produce(partitions: int) -> Work:
    def run(server: Server, effort: Effort) -> Measures:
        options = ("-topic", f"franz-{partitions}", "-partitions", str(partitions), "-size", "1000", "-linger", "5ms")
        franz(server, "produce", *options, "-records", str(effort.tool_records // 10))
        return paid(server, effort.tool_records, lambda: franz(server, "produce", *options, "-records", str(effort.tool_records)))

    return Work(f"franz-go produce 1000 B, linger 5, {partitions} partitions", run)


def franz_latency(rate: int) -> Work:
    def run(server: Server, effort: Effort) -> Measures:
        seconds = max(int(effort.seconds), 4)
        options = ("-topic", f"latency-{rate}", "-rate", str(rate), "-seconds", str(seconds))
        franz(server, "latency", *options)
        return paid(server, rate * seconds, lambda: franz(server, "latency", *options))

    return Work(f"produce to consume 100 B at {rate} a second, open loop", run)


def latency_with_backfill(server: Server, effort: Effort) -> Measures:
    """The same while another consumer reads an old topic from its beginning, again and again."""
    castle_bench("broker", server, effort, "--topic", "old", "--size", "1000", "--records", "100", "--connections", "1",
                 "--in-flight", "5", "--requests", "5000", warm_up=0)
    reader = subprocess.Popen(
        [str(CASTLE), "bench", "broker", "--server", server.address, "--topic", "old", "--operation", "fetch",
         "--connections", "1", "--in-flight", "1", "--seconds", "600", "--warm-up", "0", "-o", "json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        return franz_latency(1000).run(server, effort)
    finally:
        reader.kill()
        reader.wait()


_RDKAFKA = re.compile(r"in \d+ms: (\d+) msgs/s (?:and )?\(?([\d.]+) MB/s")


def rdkafka(size: int) -> Work:
    """librdkafka's own rdkafka_performance."""

    def run(server: Server, effort: Effort) -> Measures:
        def load(records: int) -> Measures:
            done = subprocess.run(
                [str(TOOLS / "rdkafka_performance"), "-P", "-b", server.address, "-t", f"rdkafka-{size}", "-p", "0",
                 "-s", str(size), "-c", str(records), "-a", "1", "-X", "linger.ms=5"],
                capture_output=True, text=True, timeout=900,
            )
            found = _RDKAFKA.findall(done.stdout + done.stderr)
            if done.returncode != 0 or not found:
                raise RuntimeError(f"rdkafka_performance: {done.stdout[-500:]}{done.stderr[-500:]}")
            return {"per_second": float(found[-1][0]), "MB_per_second": float(found[-1][1])}

        franz(server, "produce", "-topic", f"rdkafka-{size}", "-records", "1")
        load(effort.tool_records // 10)
        return paid(server, effort.tool_records, lambda: load(effort.tool_records))

    return Work(f"rdkafka_performance {size} B, linger 5, acks=1", run)


# Three members.


def failover(name: str, frozen: bool) -> Work:
    """Time from the leader's end until another member accepts a write."""
    def run(server: Server, effort: Effort) -> Measures:
        assert isinstance(server, Ensemble)
        return {"failover_ms": server.failover(frozen) * 1e3}

    return Work(name, run)


def ensemble_works() -> Iterator[Work]:
    yield keeper_load("create", 1, 1, 100)
    yield keeper_load("create", 10, 64, 100)
    yield keeper_load("set", 10, 64, 100)
    yield keeper_load("get", 10, 64, 100)
    yield keeper_load("mixed", 10, 64, 100)
    yield failover("leader killed", frozen=False)
    yield failover("leader frozen", frozen=True)


def many_partitions(server: BrokerServer, effort: Effort) -> Measures:
    """Memory with many partitions, and how long an unclean start with them takes."""
    before = server.resident_mib()
    each = 1000
    for number in range(max(effort.partitions // each, 1)):
        java_tool(
            server, "TopicCommand", "--bootstrap-server", server.address, "--create", "--topic", f"wide-{number}",
            "--partitions", str(min(each, effort.partitions)), "--replication-factor", "1",
        )
    time.sleep(3)
    resident = server.resident_mib()
    server.kill()
    restart = server.start()
    return {
        "partitions": effort.partitions, "resident_MiB": resident, "above_before_MiB": resident - before,
        "restart_after_kill_ms": restart * 1e3,
    }


def broker_works() -> Iterator[Work]:
    yield broker_load(1, 100, 1)
    yield broker_load(1, 100, 1, connections=100)
    yield broker_load(10, 100, 5)
    yield broker_load(1000, 100, 5)
    yield broker_load(100, 1000, 5)
    for connections in (4, 16):
        yield broker_load(100, 1000, 5, connections=connections)
    yield Work("produce 1 x 100 B at 2000 a second, open loop", produce_open_loop)
    for connections in (1, 4):
        yield fetch(connections)
    yield perf_producer(100, 0, "1", "none")
    yield perf_producer(1000, 5, "1", "none")
    yield perf_producer(1000, 5, "all", "none")
    yield perf_producer(1000, 5, "1", "lz4")
    yield perf_producer(100_000, 5, "1", "none")
    yield Work("kafka-consumer-perf-test 1000 B", perf_consumer)
    yield Work("kafka-e2e-latency, 100 B, acks=1", end_to_end)
    yield rdkafka(100)
    yield rdkafka(1000)
    for partitions in (1, 10, 100, 1000):
        yield franz_produce(partitions)
    yield franz_latency(1000)
    yield franz_latency(20_000)
    yield Work("produce to consume 100 B at 1000 a second, open loop, with a backfill reader", latency_with_backfill)


def synced_works() -> Iterator[Work]:
    """The same durability on both sides: fsynced before the acknowledgement."""
    yield perf_producer(1000, 5, "all", "none")
    for partitions in (10, 100):
        yield franz_produce(partitions)
    yield broker_load(100, 1000, 5, acks="-1")
    yield broker_load(1, 100, 1, connections=100, acks="-1")
