"""Three nodes, keeper and broker each, that are killed, frozen, cut off and cut from each other while clients write:
`python cluster_chaos.py [--minutes N] [--seed S]`; CASTLE names the binary.

Three clients write numbered records to topics of their own: librdkafka and Java's, idempotent, and kafka-python, which may
repeat itself. In the end every acknowledged record must be where it was acknowledged, idempotent ones once and in order,
and the logs of all replicas must be equal, byte for byte."""

from __future__ import annotations

import argparse
import logging
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from typing import Dict, List, Tuple

from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer
from kafka.errors import KafkaError

from castle import ROOT, Nodes
from test_cluster import Writer, known, partitions, read_all, until

TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))
JAVA = pathlib.Path(__file__).parent / "java"
PARTITIONS = 3
PATIENCE = 180


class Address:
    """What `Writer` and `read_all` need to know of a cluster."""

    def __init__(self, nodes: Nodes) -> None:
        self.addresses = nodes.broker


class PythonWriter(threading.Thread):
    """kafka-python with acks=all: what it is told of is there, and what it tries again may be there twice."""

    def __init__(self, nodes: Nodes, topic: str) -> None:
        super().__init__(daemon=True)
        self.topic, self.ended, self.failed = topic, threading.Event(), 0
        self.acknowledged: Dict[int, Dict[int, int]] = {partition: {} for partition in range(PARTITIONS)}
        self.producer = KafkaProducer(
            bootstrap_servers=nodes.broker.split(","), acks="all", enable_idempotence=False, request_timeout_ms=15_000,
            delivery_timeout_ms=240_000, max_in_flight_requests_per_connection=1, max_block_ms=240_000)

    def total(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def run(self) -> None:
        number = 0
        while not self.ended.is_set():
            sent = []
            for _ in range(10):
                for partition in range(PARTITIONS):
                    sent.append((number, partition, self.producer.send(self.topic, b"%d" % number, partition=partition)))
                    number += 1
            for number_sent, partition, future in sent:
                try:
                    self.acknowledged[partition][number_sent] = future.get(250).offset
                except KafkaError:
                    self.failed += 1
        self.producer.close(60)

    def end(self) -> None:
        self.ended.set()
        self.join(300)
        assert not self.is_alive(), "kafka-python does not end"


class JavaWriter:
    """Kafka 3.9's client; see ChaosWriter.java."""

    def __init__(self, nodes: Nodes, topic: str, directory: pathlib.Path) -> None:
        self.topic, self.output = topic, directory / "java.txt"
        self.errors = directory / "java.log"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-cp", f"{TOOLS}/jars/kafka-3.9/*", str(JAVA / "ChaosWriter.java"), nodes.broker, topic,
                 str(PARTITIONS)], stdin=subprocess.PIPE, stdout=output, stderr=errors)
        self.acknowledged: Dict[int, Dict[int, int]] = {partition: {} for partition in range(PARTITIONS)}
        self.failed = 0

    def total(self) -> int:
        return self.output.read_bytes().count(b"\n")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(300)
        assert code == 0, self.errors.read_text()[-2000:]
        for line in self.output.read_text().splitlines():
            kind, *numbers = line.split()
            if kind == "failed":
                self.failed += 1
            else:
                partition, value, offset = map(int, numbers)
                self.acknowledged[partition][value] = offset


def check(name: str, acknowledged: Dict[int, Dict[int, int]], found: Dict[int, List[Tuple[int, int]]], *, once: bool) -> None:
    """Every acknowledged record is where it was acknowledged; once and in order if that was promised."""
    for partition, records in acknowledged.items():
        offsets = {offset: value for value, offset in found[partition]}
        lost = [value for value, offset in known(records).items() if offsets.get(offset) != value]
        lost += sorted(records.keys() - set(offsets.values()))
        assert not lost, f"{name}-{partition} lost {len(lost)} of {len(records)}: {sorted(lost)[:5]}"
        if once:
            values = [value for value, _ in found[partition]]
            assert values == sorted(set(values)), f"{name}-{partition} repeats itself or is out of order"


def check_replicas(nodes: Nodes, topics: List[str]) -> int:
    """The bytes of all logs, compared; the nodes must have been stopped. Returns how many bytes one copy has."""
    total = 0
    for topic in topics:
        for partition in range(PARTITIONS):
            logs = {}
            for node in range(1, nodes.COUNT + 1):
                directory = nodes.data / f"node-{node}" / "broker" / f"{topic}-{partition}"
                logs[node] = b"".join(segment.read_bytes() for segment in sorted(directory.glob("*.log")))
            first = logs[1]
            total += len(first)
            for node, log in logs.items():
                same = next((at for at, (a, b) in enumerate(zip(first, log)) if a != b), min(len(first), len(log)))
                assert first == log, f"{topic}-{partition}: nodes 1 and {node} differ at byte {same} of {len(first)}, {len(log)}"
    return total


FAULTS = ["kill leader", "kill controller", "kill any", "pause leader", "pause controller", "pause keeper", "isolate leader",
          "isolate keeper", "partition", "stop any"]


def victim(nodes: Nodes, client: AdminClient, what: str, rng: random.Random) -> int:
    """The node that a fault is for."""
    if what.endswith("keeper"):
        return nodes.node_leading()
    if what.endswith("any"):
        return rng.randint(1, nodes.COUNT)
    metadata = client.list_topics(timeout=60)
    if what.endswith("controller"):
        return metadata.controller_id
    return metadata.topics["librdkafka"].partitions[rng.randrange(PARTITIONS)].leader


def trouble(nodes: Nodes, client: AdminClient, rng: random.Random) -> str:
    """One fault from beginning to end."""
    what = rng.choice(FAULTS)
    seconds = rng.uniform(0.5, 12)
    if what == "partition":
        one, other = rng.sample(range(1, nodes.COUNT + 1), 2)
        nodes.order("partition", one, other)
        time.sleep(seconds)
        nodes.order("heal")
        return f"{what} {one} {other} for {seconds:.1f} s"
    node = victim(nodes, client, what, rng)
    verb = what.split()[0]
    nodes.order(verb, node)
    time.sleep(seconds)
    nodes.order(*{"kill": ["start", node], "stop": ["start", node], "pause": ["resume", node], "isolate": ["heal"]}[verb])
    return f"{what}: {node} for {seconds:.1f} s"


def in_sync(client: AdminClient, topics: List[str]) -> None:
    until("every replica in sync", lambda: all(
        len(one.isrs) == 3 and one.leader >= 0 for topic in topics for one in partitions(client, topic).values()), PATIENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rng = random.Random(arguments.seed)
    print(f"seed {arguments.seed}", flush=True)
    topics = ["librdkafka", "python", "java"]
    with tempfile.TemporaryDirectory(prefix="castle-chaos-") as name:
        directory = pathlib.Path(name)
        nodes = Nodes(directory)
        nodes.start()
        try:
            client = AdminClient({"bootstrap.servers": nodes.broker, "log_level": 0})
            for topic, made in client.create_topics([NewTopic(topic, PARTITIONS, 3) for topic in topics]).items():
                made.result(60)
            in_sync(client, topics)
            writers = [Writer(Address(nodes), "librdkafka", PARTITIONS), PythonWriter(nodes, "python")]
            for writer in writers:
                writer.start()
            writers.append(JavaWriter(nodes, "java", directory))
            until("first records", lambda: all(writer.total() > 50 for writer in writers), PATIENCE)
            until_when, rounds = time.monotonic() + arguments.minutes * 60, 0
            while time.monotonic() < until_when:
                before = [writer.total() for writer in writers]
                began = time.monotonic()
                said = trouble(nodes, client, rng)
                in_sync(client, topics)
                until("everybody writes again", lambda: all(
                    writer.total() > count + 30 for writer, count in zip(writers, before)), PATIENCE)
                rounds += 1
                print(f"{rounds:3} {said}; whole again after {time.monotonic() - began:.1f} s", flush=True)
            for writer in writers:
                writer.end()
            in_sync(client, topics)
            for topic, writer in zip(topics, writers):
                found = read_all(Address(nodes), topic, PARTITIONS, writer.acknowledged)
                check(topic, writer.acknowledged, found, once=topic != "python")
                print(f"{topic}: {sum(map(len, writer.acknowledged.values()))} acknowledged and there, "
                      f"{len(writer.failed) if isinstance(writer.failed, list) else writer.failed} given up", flush=True)
        except BaseException:
            print(nodes.tails(60), file=sys.stderr)
            raise
        finally:
            nodes.stop()
        print(f"{rounds} faults; replicas are equal in {check_replicas(nodes, topics)} bytes", flush=True)


if __name__ == "__main__":
    main()
