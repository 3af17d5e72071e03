"""How long partitions have no leader when a broker of three is killed, beside how long its session lasts:
`python cluster_failover.py [--partitions 100 10000] [--runs N] [--session MS]`; CASTLE names the binary.

A leader that is not the controller is killed, then one that is. Told are the seconds from the kill to the first record that
is accepted in a partition that the broker led, and to the moment at which all of its partitions have other leaders; the
keeper misses the broker only when its session is over, which is most of it."""

from __future__ import annotations

import argparse
import logging
import pathlib
import statistics
import tempfile
import time
from typing import List, Tuple

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from cluster import Cluster
from test_cluster import until

TOPIC_PARTITIONS = 1000
PATIENCE = 600


def leaders(client: AdminClient) -> List[Tuple[str, int, int, int]]:
    """Topic, partition, leader and the size of the in-sync set, of everything but the brokers' own."""
    topics = client.list_topics(timeout=60).topics
    return [(name, number, one.leader, len(one.isrs)) for name, topic in topics.items() if not name.startswith("__")
            for number, one in topic.partitions.items()]


def first_accepted(cluster: Cluster, topic: str, partition: int, began: float) -> float:
    """Seconds since `began` until a record is accepted there."""
    producer = Producer({
        "bootstrap.servers": cluster.addresses, "acks": "all", "message.timeout.ms": PATIENCE * 1000, "linger.ms": 0,
        "retry.backoff.ms": 20, "retry.backoff.max.ms": 50, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100,
        "topic.metadata.refresh.fast.interval.ms": 50, "log_level": 0,
    })
    done: List[float] = []
    producer.produce(topic, b"after", partition=partition, on_delivery=lambda error, _: done.append(time.monotonic()))
    while not done:
        producer.poll(0.01)
    return done[0] - began


def run(cluster: Cluster, client: AdminClient, count: int, controller: bool) -> Tuple[float, float]:
    """Kills one broker, and starts it again when all is told."""
    until("all in sync", lambda: sum(size == 3 for *_, size in leaders(client)) == count, PATIENCE)
    now = client.list_topics(timeout=60).controller_id
    victim = now if controller else next(number for number in cluster.brokers if number != now)
    # Leaders are where they began, or where the last kill left them.
    led = [(topic, partition) for topic, partition, leader, _ in leaders(client) if leader == victim]
    if not led:
        topic, partition = leaders(client)[0][:2]
        led = [(topic, partition)]
    cluster.brokers[victim].kill()
    began = time.monotonic()
    accepted = first_accepted(cluster, *led[0], began)
    until("other leaders", lambda: all(leader not in (victim, -1) for _, _, leader, _ in leaders(client)), PATIENCE)
    moved = time.monotonic() - began
    cluster.brokers[victim].start()
    until("all in sync", lambda: sum(size == 3 for *_, size in leaders(client)) == count, PATIENCE)
    return accepted, moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--session", type=int, default=3000, help="zookeeper.session.timeout.ms")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    for count in arguments.partitions:
        settings = {"auto.leader.rebalance.enable": "true", "leader.imbalance.check.interval.seconds": "5"}
        with tempfile.TemporaryDirectory(prefix="castle-failover-") as name:
            with Cluster(pathlib.Path(name), session_ms=arguments.session, settings=settings) as cluster:
                client = AdminClient({"bootstrap.servers": cluster.addresses, "log_level": 0})
                sizes = [min(TOPIC_PARTITIONS, count - made) for made in range(0, count, TOPIC_PARTITIONS)]
                for number, size in enumerate(sizes):
                    client.create_topics([NewTopic(f"many-{number}", size, 3)], operation_timeout=60)[
                        f"many-{number}"].result(120)
                for what in ("leader", "controller"):
                    found = [run(cluster, client, count, what == "controller") for _ in range(arguments.runs)]
                    accepted, moved = ([one[which] for one in found] for which in (0, 1))
                    print(f"{count:6} partitions, {what:10} killed, session {arguments.session} ms: first record after "
                          f"{statistics.median(accepted):.2f} s ({' '.join(f'{one:.2f}' for one in accepted)}), all led after "
                          f"{statistics.median(moved):.2f} s ({' '.join(f'{one:.2f}' for one in moved)})", flush=True)


if __name__ == "__main__":
    main()
