"""Brokers of Castle and of Apache Kafka 3.9 in one cluster in ZooKeeper mode, as far as that goes:
`python mixed_brokers.py [--controller castle|kafka]`; CASTLE names the binary.

Two brokers are of one kind and one is of the other. Each step is told with what came of it; the first one that fails ends
the run. It is a trial, not a promise: docs/compatibility.md says what to expect."""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

from confluent_kafka.admin import AdminClient, NewTopic
from kazoo.client import KazooClient

import apache
import cluster as clusters
from cluster import Process, castle_keeper, free_port, wait_for_port
from cluster_chaos import TOOLS
from castle import BINARY
from test_cluster import Writer, check_history, partitions, read_all, until

PATIENCE = 180
# A JVM on a busy machine.
clusters.READY_SECONDS = 300
SETTINGS = {
    "zookeeper.session.timeout.ms": "6000", "replica.lag.time.max.ms": "10000", "offsets.topic.num.partitions": "3",
    "offsets.topic.replication.factor": "3", "transaction.state.log.replication.factor": "3",
    "inter.broker.protocol.version": "3.9", "group.initial.rebalance.delay.ms": "0", "default.replication.factor": "3",
    "min.insync.replicas": "2", "controlled.shutdown.enable": "true",
}


def tool(relative: str) -> pathlib.Path:
    return TOOLS / relative


def castle_broker(directory: pathlib.Path, keeper: str, number: int) -> Process:
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = directory / "server.properties"
    settings = {"broker.id": str(number), "listeners": f"PLAINTEXT://127.0.0.1:{port}", "log.dirs": str(directory / "logs"),
                "zookeeper.connect": keeper, **SETTINGS}
    config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return Process([str(BINARY), "broker", str(config)], directory / "broker.log", port)


class Mixed:
    """Brokers by number; the address of all."""

    def __init__(self, brokers: dict[int, Process]) -> None:
        self.brokers = brokers

    @property
    def addresses(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers.values())


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--controller", choices=["castle", "kafka"], default="kafka")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="castle-mixed-") as name:
        directory = pathlib.Path(name)
        port = free_port()
        keeper = castle_keeper(directory / "keeper", port)
        at = f"127.0.0.1:{port}"
        kinds = {1: arguments.controller, 2: "kafka", 3: "castle"}
        brokers = {
            number: castle_broker(directory / f"{number}", at, number) if kind == "castle"
            else apache.kafka(tool, directory / f"{number}", at, number, **SETTINGS)
            for number, kind in kinds.items()
        }
        cluster = Mixed(brokers)
        try:
            trial(keeper, at, cluster, kinds)
        except BaseException:
            for number, broker in brokers.items():
                print(f"--- {number} {kinds[number]}\n{broker.tail(25)}", file=sys.stderr)
            raise
        finally:
            for broker in brokers.values():
                try:
                    broker.stop()
                except Exception as error:
                    print(f"a broker does not stop: {error!r}", file=sys.stderr)
            keeper.stop()


def trial(keeper: Process, at: str, cluster: Mixed, kinds: dict[int, str]) -> None:
    keeper.start()
    zk = KazooClient(at)
    zk.start(60)
    # The first one there is the controller.
    cluster.brokers[1].start()
    first = AdminClient({"bootstrap.servers": f"127.0.0.1:{cluster.brokers[1].port}", "log_level": 0})
    until("a controller", lambda: first.list_topics(timeout=20).controller_id == 1, PATIENCE)
    for number in (2, 3):
        cluster.brokers[number].start(wait=False)
    for number in (2, 3):
        wait_for_port(cluster.brokers[number].port, cluster.brokers[number])
    until("all registered", lambda: len(first.list_topics(timeout=20).brokers) == 3, PATIENCE)
    say(f"one cluster: {kinds}, controller 1 ({kinds[1]})")
    client = AdminClient({"bootstrap.servers": cluster.addresses, "log_level": 0})
    client.create_topics([NewTopic("mixed", 3, replica_assignment=[[1, 2, 3], [2, 3, 1], [3, 1, 2]])])["mixed"].result(60)

    def in_sync() -> bool:
        return all(len(one.isrs) == 3 and one.leader >= 0 for one in partitions(client, "mixed").values())

    until("all in sync", in_sync, PATIENCE)
    say("a topic is led by each of them, all replicas in sync")
    writer = Writer(cluster, "mixed", 3)
    writer.start()
    until("records in all partitions", lambda: all(len(done) > 100 for done in writer.acknowledged.values()), PATIENCE)
    say("an idempotent producer writes to all of them")
    for number in (3, 2, 1):
        cluster.brokers[number].kill()
        before = {partition: len(done) for partition, done in writer.acknowledged.items()}
        until(f"records without {number}", lambda: all(
            len(done) > before[partition] + 50 for partition, done in writer.acknowledged.items()), PATIENCE)
        # Apache's broker does not wait for the session that it had before.
        until("its session is over", lambda: zk.exists(f"/brokers/ids/{number}") is None, PATIENCE)
        cluster.brokers[number].start()
        until("all in sync", in_sync, PATIENCE)
        say(f"{number} ({kinds[number]}) was killed, and came back into sync")
    for number in (3, 2, 1):
        cluster.brokers[number].stop()
        before = {partition: len(done) for partition, done in writer.acknowledged.items()}
        until(f"records without {number}", lambda: all(
            len(done) > before[partition] + 50 for partition, done in writer.acknowledged.items()), PATIENCE)
        cluster.brokers[number].start()
        until("all in sync", in_sync, PATIENCE)
        say(f"{number} ({kinds[number]}) was stopped in order, and came back into sync")
    writer.end()
    check_history(writer, read_all(cluster, "mixed", 3, writer.acknowledged))
    say("nothing acknowledged is lost, repeated or out of order")
    client.delete_topics(["mixed"])["mixed"].result(60)
    until("deleted", lambda: "mixed" not in client.list_topics(timeout=20).topics, PATIENCE)
    say("the topic is deleted")
    zk.stop()
    zk.close()


if __name__ == "__main__":
    main()
