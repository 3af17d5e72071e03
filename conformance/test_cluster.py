"""Three brokers on one keeper: replication, elections, and what clients and admin tools see of them."""

import json
import threading
import time

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cluster import Cluster

PATIENCE = 60
OUTSTANDING = 20_000
"""Records that a writer leaves unacknowledged at most: a fifth of what its client would queue before it refuses one."""


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
            # A leader that is cut off is given up after 15 seconds, not after the default's 60.
            "message.timeout.ms": 120_000, "request.timeout.ms": 10_000, "socket.timeout.ms": 15_000,
            "reconnect.backoff.max.ms": 200, "log_level": 0,
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
            if len(self.producer) > OUTSTANDING:
                # A partition without a leader takes nothing; the client's queue must not fill up meanwhile.
                self.producer.poll(0.1)
                continue
            for partition in range(self.count):
                self.producer.produce(self.topic, b"%d" % number, partition=partition, on_delivery=self.delivered)
                number += 1
            self.producer.poll(0.005)
        self.producer.flush(120)

    def end(self):
        self.ended.set()
        self.join(150)
        assert not self.is_alive()


def known(acknowledged):
    """Those whose offset was told. librdkafka acknowledges without one what the broker took before the connection with its
    answer was lost, once a later batch of the same producer is answered."""
    return {value: offset for value, offset in acknowledged.items() if offset is not None}


def read_all(cluster, topic, count, acknowledged=None):
    """Every record of the topic: by partition, the values in order with their offsets.

    A partition ends where its leader says so. A leader new in office knows at first only what it knew to be replicated
    before, so that its end may be short of what a writer's `acknowledged` holds until its followers have asked it (KIP-207);
    with them given, a partition is read on until they are there or time is out. What is missing then is lost.
    """
    consumer = Consumer({
        "bootstrap.servers": cluster.addresses, "group.id": "reader", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0,
    })
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
    found, ends = {partition: [] for partition in range(count)}, set()
    last = {partition: max(known(done).values(), default=-1) for partition, done in (acknowledged or {}).items()}

    def whole(partition):
        return partition in ends and (found[partition] or [(0, -1)])[-1][1] >= last.get(partition, -1)

    deadline = time.monotonic() + PATIENCE
    while not all(map(whole, range(count))):
        if time.monotonic() > deadline:
            assert len(ends) == count, f"not in time: all of {topic}"
            break
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            ends.add(message.partition())
        else:
            value = message.value()
            found[message.partition()].append((int(value) if len(value) < 20 else -1, message.offset()))
    consumer.close()
    return found


def check_history(writer, found):
    """Nothing acknowledged is lost or elsewhere, nothing is there twice, and order is kept."""
    assert not writer.failed, writer.failed[:3]
    for partition, acknowledged in writer.acknowledged.items():
        values = [value for value, _ in found[partition]]
        assert values == sorted(set(values)), f"partition {partition} is out of order or repeats itself"
        offsets = dict(found[partition])
        lost = [value for value in acknowledged if value not in offsets]
        lost += [value for value, offset in known(acknowledged).items() if offsets.get(value) != offset]
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
    check_history(writer, read_all(cluster, "orders", 3, writer.acknowledged))


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
    check_history(writer, read_all(cluster, "precious", 3, writer.acknowledged))


def test_consumers_read_from_followers_in_their_rack(tmp_path):
    """KIP-392: the leader names a follower, which serves what is committed, and wakes those who wait there."""
    selector = {"replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector"}
    with Cluster(tmp_path / "racks", racks=True, settings=selector) as cluster:
        client = admin(cluster)
        make_topic(client, "near", 1)
        leader = partitions(client, "near")[0].leader
        follower = next(number for number in cluster.brokers if number != leader)
        producer = Producer({"bootstrap.servers": cluster.addresses, "acks": "all", "log_level": 0})
        statistics = []
        consumer = Consumer({
            "bootstrap.servers": cluster.addresses, "group.id": "near", "auto.offset.reset": "earliest",
            "client.rack": f"rack-{follower}", "fetch.wait.max.ms": 10_000, "statistics.interval.ms": 200,
            "stats_cb": statistics.append, "log_level": 0,
        })
        consumer.assign([TopicPartition("near", 0, 0)])
        found = []

        def read(count):
            deadline = time.monotonic() + PATIENCE
            while len(found) < count:
                assert time.monotonic() < deadline, f"not in time: {len(found)} of {count} records"
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    found.append(int(message.value()))

        for number in range(100):
            producer.produce("near", b"%d" % number)
        producer.flush(60)
        read(100)
        # It waits at the follower now; a record wakes it long before its ten seconds are over.
        began = time.monotonic()
        for number in range(100, 110):
            producer.produce("near", b"%d" % number)
            producer.flush(60)
            read(number + 1)
        assert time.monotonic() - began < 10
        assert found == list(range(110))

        def fetches(number):
            consumer.poll(0.1)
            if not statistics:
                return 0
            brokers = json.loads(statistics[-1])["brokers"].values()
            return sum(broker["req"].get("Fetch", 0) for broker in brokers if broker["nodeid"] == number)

        until("fetches of the follower", lambda: fetches(follower) >= 10)
        assert fetches(leader) <= 5, "the leader only names the follower"
        consumer.close()


def test_deleted_records_are_gone_from_every_replica_before_it_is_said(cluster):
    client = admin(cluster)
    make_topic(client, "short", 1)
    producer = Producer({"bootstrap.servers": cluster.addresses, "acks": "all", "log_level": 0})
    for number in range(100):
        producer.produce("short", b"%d" % number, partition=0)
    producer.flush(60)
    place = TopicPartition("short", 0, 70)
    assert client.delete_records([place], request_timeout=30, operation_timeout=30)[place].result(60).low_watermark == 70
    # Whoever leads next has forgotten them too.
    cluster.brokers[partitions(client, "short")[0].leader].kill()
    found = until("the rest", lambda: read_rest(cluster, "short"))
    assert found == list(range(70, 100))


def read_rest(cluster, topic):
    try:
        return [value for value, _ in read_all(cluster, topic, 1)[0]]
    except KafkaException:
        return None


def two_disks(cluster, directory):
    """Starts every broker of a running cluster again with two log directories, `one` and `two`."""
    for number, broker in cluster.brokers.items():
        broker.stop()
        logs = directory / f"broker-{number}"
        config = logs / "server.properties"
        config.write_text("".join(
            f"log.dirs={logs / 'one'},{logs / 'two'}\n" if line.startswith("log.dirs=") else line
            for line in config.read_text().splitlines(keepends=True)))
    for broker in cluster.brokers.values():
        broker.start(wait=False)
    cluster.wait_for_all()


def test_replicas_on_a_failed_disk_are_led_by_others(tmp_path):
    """A log directory fails while its broker lives on: others lead what was in it, and nothing is lost."""
    directories = {"log.segment.bytes": "1048576"}
    with Cluster(tmp_path / "disks", settings=directories) as cluster:
        two_disks(cluster, tmp_path / "disks")
        client = admin(cluster)
        make_topic(client, "spread", 6)
        victim = 1
        lost = tmp_path / "disks" / "broker-1" / "two"
        concerned = [p for p in range(6) if (lost / f"spread-{p}").exists()]
        others = [p for p in range(6) if p not in concerned]
        assert concerned and others, "both directories are used"
        writer = Writer(cluster, "spread", 6)
        writer.start()
        until("records", lambda: writer.total() > 500)
        # As a disk that is gone: no new file can be made there.
        lost.rename(lost.with_name("gone"))
        lost.touch()
        filler = Producer({"bootstrap.servers": cluster.addresses, "log_level": 0})

        def moved():
            for partition in concerned:
                filler.produce("spread", b"-1" * 50_000, partition=partition)
            filler.poll(0.1)
            now = partitions(client, "spread")
            return all(now[p].leader != victim and victim not in now[p].isrs for p in concerned)

        until("others lead", moved, 90)
        filler.flush(60)
        cluster.brokers[victim].check()
        # A slow machine may have left its replicas behind for a while; they are in sync again, or this fails.
        until("what is on the other disk in sync",
              lambda: all(victim in partitions(client, "spread")[p].isrs for p in others), 90)
        before = writer.total()
        until("more records", lambda: writer.total() > before + 500)
        writer.end()
        found = read_all(cluster, "spread", 6, writer.acknowledged)
        for partition in found:
            found[partition] = [one for one in found[partition] if one[0] >= 0]
        check_history(writer, found)


def test_a_broker_starts_without_one_of_its_disks_and_has_all_when_it_is_back(tmp_path):
    """What only the missing disk holds has no leader meanwhile; it is not made anew, empty, on the other disk."""
    settings = {"default.replication.factor": "1", "min.insync.replicas": "1", "offsets.topic.replication.factor": "1"}
    with Cluster(tmp_path / "disks", brokers=1, settings=settings) as cluster:
        two_disks(cluster, tmp_path / "disks")
        broker, logs = cluster.brokers[1], tmp_path / "disks" / "broker-1"
        client = admin(cluster)
        make_topic(client, "spread", 4, 1)
        producer = Producer({"bootstrap.servers": cluster.addresses, "acks": "all", "log_level": 0})
        for number in range(400):
            producer.produce("spread", b"%d" % number, partition=number % 4)
        assert producer.flush(60) == 0
        concerned = [p for p in range(4) if (logs / "two" / f"spread-{p}").exists()]
        others = [p for p in range(4) if p not in concerned]
        assert concerned and others, "both directories are used"
        for end in (broker.stop, broker.kill):
            end()
            (logs / "two").rename(logs / "gone")
            (logs / "two").touch()
            broker.start(wait=False)
            cluster.wait_for_all()

            def left():
                now = partitions(client, "spread")
                return all(now[p].leader == -1 for p in concerned) and all(now[p].leader == 1 for p in others)

            until("only what is there is led", left)
            assert not [p for p in concerned if (logs / "one" / f"spread-{p}").exists()]
            make_topic(client, f"new-{end.__name__}", 2, 1)
            broker.stop()
            (logs / "two").unlink()
            (logs / "gone").rename(logs / "two")
            broker.start(wait=False)
            cluster.wait_for_all()
            until("all are led", lambda: all(one.leader == 1 for one in partitions(client, "spread").values()))
            found = read_all(cluster, "spread", 4)
            assert {p: [value for value, _ in found[p]] for p in found} == {p: list(range(p, 400, 4)) for p in range(4)}
