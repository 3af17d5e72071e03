"""Groups of the consumer protocol (KIP-848): librdkafka and the Java client."""

import pathlib
import subprocess
import threading
import time

import pytest
from confluent_kafka import ConsumerGroupType, Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from castle import Castle

JAVA = pathlib.Path(__file__).parent / "java"

# Kafka tells members to beat every five seconds; a test need not wait that long for each step.
OPTIONS = ["--set", "group.consumer.heartbeat.interval.ms=500"]


@pytest.fixture(scope="module")
def castle(tmp_path_factory):
    with Castle(tmp_path_factory.mktemp("consumer-protocol"), options=OPTIONS) as server:
        yield server


def create(castle, name, partitions):
    admin = AdminClient({"bootstrap.servers": castle.broker})
    for done in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        done.result()
    return admin


def produce(castle, name, count, start=0):
    producer = Producer({"bootstrap.servers": castle.broker})
    for i in range(start, start + count):
        producer.produce(name, b"%d" % i, key=b"%d" % i)
    assert producer.flush(60) == 0


class Member:
    """A consumer on a thread of its own, so that several of one group make progress together."""

    def __init__(self, castle, group, topics, **settings):
        self.values, self.stopping, self.assigned = [], threading.Event(), 0
        self.consumer = Consumer({
            "bootstrap.servers": castle.broker, "group.id": group, "auto.offset.reset": "earliest",
            "group.protocol": "consumer", "enable.auto.commit": False, **settings,
        })
        self.consumer.subscribe(topics)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.1)
            # Asked on this thread only: the client is not made for two.
            self.assigned = len(self.consumer.assignment())
            if message is not None and message.error() is None:
                self.values.append(int(message.value()))
                self.consumer.commit(message=message, asynchronous=False)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.consumer.close()


def wait_until(holds, what, seconds=90):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in time: {what() if callable(what) else what}"
        time.sleep(0.1)


def test_members_share_the_partitions_and_no_record_is_lost(castle, name):
    admin = create(castle, name, 6)
    produce(castle, name, 300)
    first = Member(castle, name, [name])
    members = [first]
    try:
        wait_until(lambda: first.assigned == 6, "the first member has all")
        members += [Member(castle, name, [name], **{"group.instance.id": f"i{n}"}) for n in range(2)]
        wait_until(lambda: [m.assigned for m in members] == [2, 2, 2], "all have their share")
        described = admin.describe_consumer_groups([name])[name].result()
        assert described.type == ConsumerGroupType.CONSUMER
        assert len(described.members) == 3
        listed = admin.list_consumer_groups(types={ConsumerGroupType.CONSUMER}).result()
        assert name in [group.group_id for group in listed.valid]
        produce(castle, name, 300, start=300)
        members.pop().stop()
        wait_until(lambda: sum(m.assigned for m in members) in (4, 6), "the others go on")
        members.pop(0).stop()
        wait_until(lambda: len(set(first.values) | set(members[0].values)) > 0, "somebody reads")
    finally:
        for member in members:
            member.stop()
    # Whoever comes last reads what is left.
    last = Member(castle, name, [name])
    produce(castle, name, 10, start=600)
    try:
        wait_until(lambda: {v for v in last.values if v >= 600} == set(range(600, 610)), "the last member reads on")
    finally:
        last.stop()


def test_a_group_survives_the_broker(castle, name):
    create(castle, name, 4)
    member = Member(castle, name, [name])
    try:
        produce(castle, name, 100)
        wait_until(lambda: len(member.values) == 100, "all is read")
        castle.kill()
        castle.start()
        produce(castle, name, 100, start=100)
        wait_until(lambda: len(set(member.values)) == 200, lambda: f"{len(set(member.values))} of 200")
        assert sorted(member.values) == list(range(200)), "nothing is read twice"
    finally:
        member.stop()


def test_patterns_are_the_servers(castle, name):
    create(castle, f"{name}-a", 1)
    member = Member(castle, name, [f"^{name}-.*"], **{"topic.metadata.refresh.interval.ms": 1000})
    try:
        wait_until(lambda: member.assigned == 1, "the topic is found")
        create(castle, f"{name}-b", 2)
        wait_until(lambda: member.assigned == 3, "the new topic is found")
    finally:
        member.stop()


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_the_java_client(castle, name, tool, assignor):
    done = subprocess.run(
        ["java", "-Xmx256m", "-cp", f"{tool('jars/kafka-4.3')}/*", str(JAVA / "KafkaConsumerProtocol.java"),
         castle.broker, name, assignor],
        capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and done.stdout.strip().endswith("passed"), done.stdout + done.stderr
