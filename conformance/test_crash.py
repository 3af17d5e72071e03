"""`kill -9` at random moments under load from both kinds of client, again and again.

After each restart: every acknowledged znode write and record is there, offsets and zxids never go back,
sessions survive. The number of rounds is CASTLE_CRASH_ROUNDS (50), the seed CASTLE_CRASH_SEED.
"""

import os
import random
import threading
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import ConnectionLoss, KazooException, NodeExistsError, OperationTimeoutError

ROUNDS = int(os.environ.get("CASTLE_CRASH_ROUNDS", "50"))
SEED = int(os.environ.get("CASTLE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


class ZnodeWriter(threading.Thread):
    """Creates sequential znodes and counts one up, and remembers what was acknowledged."""

    def __init__(self, address, stop):
        super().__init__(daemon=True)
        self.zk = KazooClient(address, timeout=20)
        self.zk.start(timeout=15)
        self.session = self.zk.client_id
        self.lost = False
        self.zk.add_listener(self.listen)
        self.zk.create("/counter", b"0")
        self.zk.create("/mine", ephemeral=True)
        self.ended = stop
        self.created = []
        self.counter = 0
        self.highest_zxid = 0

    def listen(self, state):
        self.lost |= state == KazooState.LOST

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            try:
                path = f"/node-{number:08}"
                self.zk.create(path, b"%d" % number)
                self.created.append(number)
                stat = self.zk.set("/counter", b"%d" % number)
                self.counter = number
                assert stat.mzxid > self.highest_zxid
                self.highest_zxid = stat.mzxid
            except (ConnectionLoss, OperationTimeoutError, NodeExistsError):
                # In doubt: it may or may not be there. The next number starts afresh.
                continue
            except KazooException:
                if not self.ended.is_set():
                    raise


class RecordWriter(threading.Thread):
    """Produces numbered records with acks=all and remembers what was acknowledged, and where."""

    def __init__(self, address, stop, idempotent):
        super().__init__(daemon=True)
        self.topic = "idempotent" if idempotent else "plain"
        self.producer = Producer({
            "bootstrap.servers": address, "acks": "all", "enable.idempotence": idempotent, "linger.ms": 1,
            "message.timeout.ms": 60_000, "reconnect.backoff.max.ms": 200, "log_level": 0,
        })
        self.ended = stop
        self.acknowledged = {}

    def delivered(self, error, message):
        if error is None:
            self.acknowledged[int(message.value())] = message.offset()

    def run(self):
        number = 0
        while not self.ended.is_set():
            try:
                self.producer.produce(self.topic, b"%d" % number, on_delivery=self.delivered)
                number += 1
            except BufferError:
                pass
            self.producer.poll(0.0005)
        self.producer.flush(60)


def log_of(address, topic):
    """All records of a topic's only partition: offset -> value."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "checker", "enable.auto.commit": False,
                         "check.crcs": True, "auto.offset.reset": "error"})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=60)
    assert low == 0
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = {}
    while len(found) < high:
        for message in consumer.consume(10_000, timeout=30):
            assert message.error() is None, message.error()
            found[message.offset()] = int(message.value())
    consumer.close()
    assert sorted(found) == list(range(high)), "offsets have a gap"
    return found


@pytest.mark.timeout(3000)
def test_nothing_acknowledged_is_lost(own_castle):
    print(f"CASTLE_CRASH_SEED={SEED} CASTLE_CRASH_ROUNDS={ROUNDS}")
    dice = random.Random(SEED)
    stop = threading.Event()
    znodes = ZnodeWriter(own_castle.keeper, stop)
    writers = [RecordWriter(own_castle.broker, stop, idempotent) for idempotent in (False, True)]
    for writer in writers:
        writer.start()
    znodes.start()
    ends = {"plain": 0, "idempotent": 0}
    committed = 0
    for _ in range(ROUNDS):
        # The moment of the kill is what is random here; the load goes on all the time.
        time.sleep(dice.uniform(0.05, 0.8))
        own_castle.kill()
        own_castle.start()
        if dice.random() < 0.3:
            continue  # killed again at once, perhaps while recovering
        committed = commit_further(own_castle.broker, ends, committed)
    stop.set()
    for thread in [*writers, znodes]:
        thread.join(90)
        assert not thread.is_alive()

    zk = KazooClient(own_castle.keeper)
    zk.start(timeout=30)
    children = set(zk.get_children("/"))
    missing = [n for n in znodes.created if f"node-{n:08}" not in children]
    assert missing == [], f"{len(missing)} acknowledged znodes are gone, the first is {missing[0]}"
    data, stat = zk.get("/counter")
    assert int(data) >= znodes.counter
    assert stat.mzxid >= znodes.highest_zxid
    assert not znodes.lost and znodes.zk.client_id == znodes.session
    assert zk.exists("/mine").ephemeralOwner == znodes.session[0]
    znodes.zk.stop()
    znodes.zk.close()
    zk.stop()
    zk.close()
    assert len(znodes.created) > ROUNDS, "there was hardly any load"

    for writer in writers:
        found = log_of(own_castle.broker, writer.topic)
        # librdkafka acknowledges without an offset what a later answer implies.
        values = set(found.values())
        wrong = [(n, o) for n, o in writer.acknowledged.items() if (n not in values if o is None else found.get(o) != n)]
        assert wrong == [], f"{len(wrong)} acknowledged records are gone or changed, the first is {wrong[0]}"
        assert len(writer.acknowledged) > ROUNDS * 10, "there was hardly any load"
        if writer.topic == "idempotent":
            assert len(set(found.values())) == len(found), "an idempotent record stands twice"
    assert commit_further(own_castle.broker, ends, committed) >= committed


def commit_further(address, ends, committed):
    """The log's ends never go back, and neither does a committed offset; commits a further one."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "progress", "enable.auto.commit": False,
                         "log_level": 0})
    try:
        for topic, before in ends.items():
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=60)
            assert high >= before, f"{topic} went back from {before} to {high}"
            ends[topic] = high
        [found] = consumer.committed([TopicPartition("plain", 0)], timeout=60)
        assert max(found.offset, 0) >= committed, f"the commit of {committed} went back to {found.offset}"
        consumer.commit(offsets=[TopicPartition("plain", 0, ends["plain"])], asynchronous=False)
        return ends["plain"]
    finally:
        consumer.close()
