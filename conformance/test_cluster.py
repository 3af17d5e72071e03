"""Three brokers on one keeper: replication, elections, and what clients and admin tools see of them."""

import threading
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cluster import Cluster

PATIENCE = 60


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as running:
        yield running


def until(what, test, seconds=PATIENCE):
    """Waits until `test` is true, and fails with what it last said otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        seen = test()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)


def admin(cluster):
    return AdminClient({"bootstrap.servers": cluster.addresses, "log_level": 0})


def partitions(client, topic):
    return client.list_topics(topic, timeout=20).topics[topic].partitions


def make_topic(client, topic, count=3, factor=3, **config):
    client.create_topics([NewTopic(topic, count, factor, config=config)])[topic].result(30)
    until("every replica in sync", lambda: all(
        len(one.isrs) == factor and one.leader >= 0 for one in partitions(client, topic).values()))


class Writer(threading.Thread):
    """Produces numbered records with acks=all to every partition until told to end."""

    def __init__(self, cluster, topic, count):
        super().__init__(daemon=True)
        self.producer = Producer({
            "bootstrap.servers": cluster.addresses, "acks": "all", "enable.idempotence": True, "linger.ms": 2,
            "message.timeout.ms": 120_000, "reconnect.backoff.max.ms": 200, "log_level": 0,
        })
        self.topic, self.count, self.ended = topic, count, threading.Event()
        self.acknowledged = {partition: {} for partition in range(count)}
        self.failed = []

    def delivered(self, error, message):
        if error is None:
            self.acknowledged[message.partition()][int(message.value())] = message.offset()
        else:
            self.failed.append(error)

    def total(self):
        return sum(map(len, self.acknowledged.values()))

    def run(self):
        number = 0
        while not self.ended.is_set():
            for partition in range(self.count):
                self.producer.produce(self.topic, b"%d" % number, partition=partition, on_delivery=self.delivered)
                number += 1
            self.producer.poll(0.005)
        self.producer.flush(120)

    def end(self):
        self.ended.set()
        self.join(150)
        assert not self.is_alive()


def read_all(cluster, topic, count):
    """Every record of the topic: by partition, the values in order with their offsets."""
    consumer = Consumer({
        "bootstrap.servers": cluster.addresses, "group.id": "reader", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0,
    })
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
    found, ends = {partition: [] for partition in range(count)}, set()
    deadline = time.monotonic() + PATIENCE
    while len(ends) < count:
        assert time.monotonic() < deadline, f"reading {topic} takes too long"
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            ends.add(message.partition())
        else:
            found[message.partition()].append((int(message.value()), message.offset()))
    consumer.close()
    return found


def check_history(writer, found):
    """Nothing acknowledged is lost or elsewhere, nothing is there twice, and order is kept."""
    assert not writer.failed, writer.failed[:3]
    for partition, acknowledged in writer.acknowledged.items():
        values = [value for value, _ in found[partition]]
        assert values == sorted(set(values)), f"partition {partition} is out of order or repeats itself"
        offsets = dict(found[partition])
        lost = [value for value, offset in acknowledged.items() if offsets.get(value) != offset]
        assert not lost, f"partition {partition} lost {len(lost)} of {len(acknowledged)}: {lost[:5]}"


def test_a_topic_with_three_replicas_is_written_and_read(cluster):
    client = admin(cluster)
    make_topic(client, "orders")
    leaders = {one.leader for one in partitions(client, "orders").values()}
    assert leaders == {1, 2, 3}, "leaders go round the brokers"
    writer = Writer(cluster, "orders", 3)
    writer.start()
    until("records", lambda: writer.total() > 1000)
    writer.end()
    check_history(writer, read_all(cluster, "orders", 3))


def test_nothing_acknowledged_is_lost_when_leader_and_controller_are_killed(cluster):
    client = admin(cluster)
    make_topic(client, "precious", **{"min.insync.replicas": "2"})
    writer = Writer(cluster, "precious", 3)
    writer.start()
    until("records", lambda: writer.total() > 500)
    took = []
    for round_number in range(3):
        metadata = client.list_topics(timeout=20)
        leader = metadata.topics["precious"].partitions[0].leader
        victim = metadata.controller_id if round_number % 2 else leader
        cluster.brokers[victim].kill()
        began, before = time.monotonic(), {p: len(done) for p, done in writer.acknowledged.items()}
        until("records in every partition after a kill", lambda: all(
            len(done) > before[p] + 20 for p, done in writer.acknowledged.items()))
        took.append(time.monotonic() - began)
        cluster.brokers[victim].start()
        until("every replica in sync again", lambda: all(
            len(one.isrs) == 3 for one in partitions(client, "precious").values()))
    writer.end()
    print("seconds without one of the partitions:", [round(one, 2) for one in took])
    check_history(writer, read_all(cluster, "precious", 3))
