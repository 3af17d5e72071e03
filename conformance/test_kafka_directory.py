"""Log directories go to and fro between Apache Kafka 3.9 and Castle, on one keeper.

Kafka writes, Castle opens the same directory and goes on, Kafka opens it again. Whoever opens finds every record of
the one before, the bytes of segments below the high watermark stay as they are, and kafka-dump-log has nothing to
complain of in what Castle wrote. `CASTLE_ROUNDS` makes it longer; from the second round on servers are killed.
"""

from __future__ import annotations

import os
import pathlib
import re
import time
from typing import Dict, List, Tuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from apache import kafka, kafka_tool
from castle import BINARY
from cluster import Process, castle_keeper, free_port, wait_for_port
from kafkawire import Api, Connection

ROUNDS = int(os.environ.get("CASTLE_ROUNDS", "1"))

#: Small segments; nothing may be deleted while two servers are compared. Magic 0 and 1 are written by a Kafka whose
#: protocol between brokers is older than 3.0 and whose topic says so.
KEPT = {"retention.ms": "-1"}
TOPICS: Dict[str, Dict[str, str]] = {
    "plain": {"segment.bytes": "20000", **KEPT},
    "packed": {"segment.bytes": "20000", **KEPT},
    "compacted": {
        "cleanup.policy": "compact", "segment.bytes": "12000", "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "86400000", "segment.ms": "1000",
    },
    "transactions": {"segment.bytes": "20000", **KEPT},
    "magic-0": {"message.format.version": "0.9.0", "segment.bytes": "20000", **KEPT},
    "magic-1": {"message.format.version": "0.10.2", "segment.bytes": "20000", **KEPT},
}
SETTINGS = {
    "inter.broker.protocol.version": "2.8", "log.cleaner.backoff.ms": "200", "transaction.state.log.min.isr": "1",
    "transaction.state.log.replication.factor": "1", "transaction.state.log.num.partitions": "7",
    "auto.create.topics.enable": "false", "log.message.timestamp.after.max.ms": str(2**63 - 1),
    "offsets.topic.num.partitions": "7",
}
#: The Java hash of the first is positive, that of the others and of `WRITER` negative: it decides, among several partitions,
#: where their records lie.
GROUPS = ("kept", "simple", "static0")
WRITER = "writer"

DESCRIBE_TRANSACTIONS = Api("describe_transactions")
#: Errors of a coordinator that has just come: loading, not available, not yet here.
LOADING = (14, 15, 16)

Kept = List[Tuple[int, object, object, object, Tuple[int, int]]]


def read(address: str, topic: str, isolation: str = "read_uncommitted") -> Kept:
    """Every record of partition 0 that a reader sees."""
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True,
        "isolation.level": isolation, "log_level": 0,
    })
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    found: Kept = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = consumer.poll(5)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            consumer.close()
            return found
        headers = tuple(message.headers() or ())
        found.append((message.offset(), message.key(), message.value(), headers, message.timestamp()))
    raise AssertionError(f"{topic} has no end: {len(found)} records so far")


def read_all(address: str) -> Dict[str, Kept]:
    everything = {topic: read(address, topic) for topic in TOPICS}
    everything["committed"] = read(address, "transactions", "read_committed")
    return everything


def send(address: str, topic: str, prefix: str, count: int, **settings: object) -> None:
    producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": 2, "log_level": 0, **settings})
    old = topic.startswith("magic")
    failed: List[object] = []
    for number in range(count):
        headers = None if old or number % 3 else [("number", str(number).encode()), ("nothing", None)]
        value = None if topic == "compacted" and number % 11 == 0 else f"{prefix}-{number}-{'x' * (number % 90)}"
        producer.produce(
            topic, value=value, key=f"key-{number % 7}", partition=0, headers=headers,
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
        if number % 50 == 49:
            producer.flush()
    assert producer.flush(60) == 0 and not failed, failed


def write(address: str, prefix: str) -> None:
    """Something in every topic: all codecs, headers, tombstones, transactions of both ends, a group's offsets."""
    send(address, "plain", prefix, 400)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        send(address, "packed", f"{prefix}-{codec}", 150, **{"compression.type": codec})
    send(address, "compacted", prefix, 300)
    for old in ("magic-0", "magic-1"):
        send(address, old, prefix, 150)
        send(address, old, f"{prefix}-packed", 100, **{"compression.type": "gzip"})
    producer = Producer({"bootstrap.servers": address, "transactional.id": WRITER, "log_level": 0})
    producer.init_transactions(60)
    for number in range(6):
        producer.begin_transaction()
        for record in range(20):
            producer.produce("transactions", f"{prefix}-{number}-{record}", partition=0)
        producer.flush(60)
        (producer.abort_transaction if number % 2 else producer.commit_transaction)(60)
    send(address, "transactions", f"{prefix}-alone", 50, **{"enable.idempotence": True})
    last = len(read(address, "plain"))
    for number, group in enumerate(GROUPS):
        consumer = Consumer({"bootstrap.servers": address, "group.id": group, "log_level": 0})
        consumer.commit(offsets=[TopicPartition("plain", 0, last - number)], asynchronous=False)
        consumer.close()


def known_producer(address: str) -> Tuple[int, int]:
    """What the coordinator of transactions knows of the writer: id and epoch of its producer."""
    connection = Connection(address)
    deadline = time.monotonic() + 60
    while True:
        state = connection.call(DESCRIBE_TRANSACTIONS, 0, {"transactional_ids": [WRITER]})["transaction_states"][0]
        if state["error_code"] == 0:
            connection.close()
            return state["producer_id"], state["producer_epoch"]
        assert state["error_code"] in LOADING and time.monotonic() < deadline, state
        time.sleep(0.1)


def committed(address: str) -> List[int]:
    """The committed offset of each group."""
    offsets = []
    for group in GROUPS:
        consumer = Consumer({"bootstrap.servers": address, "group.id": group, "log_level": 0})
        offsets.append(consumer.committed([TopicPartition("plain", 0)], timeout=60)[0].offset)
        consumer.close()
    assert min(offsets) > 0, offsets
    return offsets


def segments(logs: pathlib.Path) -> Dict[str, bytes]:
    """The segments of topics that nobody compacts."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in sorted(logs.glob("*/*.log"))
        if not path.parent.name.startswith(("compacted-", "__"))
    }


def kept(before: Dict[str, bytes], after: Dict[str, bytes]) -> None:
    """What was there is there byte for byte; only the last segment of each log may have grown."""
    for name, data in before.items():
        assert name in after, f"{name} is gone"
        assert after[name][: len(data)] == data, f"{name} changed within its {len(data)} bytes"


def without_compacted(records: Dict[str, Kept]) -> Dict[str, Kept]:
    return {topic: found for topic, found in records.items() if topic != "compacted"}


def newest(records: Kept) -> Dict[object, Tuple[int, object]]:
    """What compaction must keep: the newest value of each key."""
    return {key: (offset, value) for offset, key, value, *_ in records}


def same(before: Dict[str, Kept], after: Dict[str, Kept]) -> None:
    assert without_compacted(after) == without_compacted(before)
    assert newest(after["compacted"]) == newest(before["compacted"])


COMPLAINTS = re.compile(r"mismatch|corrupt|invalid|not consecutive|non-consecutive|exception|does not|isValid: false", re.IGNORECASE)


def dumped(tool, logs: pathlib.Path) -> None:
    """kafka-dump-log reads every file and complains of none."""
    files = [str(path) for ending in ("log", "index", "timeindex", "txnindex", "snapshot") for path in sorted(logs.glob(f"*/*.{ending}"))]
    assert files
    shown = kafka_tool(tool, "kafka.tools.DumpLogSegments", "--deep-iteration", "--files", ",".join(files))
    complaints = [line for line in shown.splitlines() if COMPLAINTS.search(line)]
    assert not complaints, complaints[:20]
    for topic, decoder, names in (
        ("__consumer_offsets", "--offsets-decoder", GROUPS), ("__transaction_state", "--transaction-log-decoder", (WRITER,)),
    ):
        of_it = ",".join(str(path) for path in sorted(logs.glob(f"{topic}-*/*.log")))
        shown = kafka_tool(tool, "kafka.tools.DumpLogSegments", decoder, "--files", of_it)
        payloads = [line for line in shown.splitlines() if "payload" in line]
        assert all(any(name in line for line in payloads) for name in names), shown[:3000]


def restarted(process: Process, kill: bool) -> None:
    if kill:
        process.kill()
    else:
        process.stop()


def test_a_log_directory_goes_to_and_fro(tmp_path: pathlib.Path, tool) -> None:
    keeper_port = free_port()
    keeper = castle_keeper(tmp_path / "keeper", keeper_port)
    keeper.start()
    address = f"127.0.0.1:{keeper_port}"
    apache = kafka(tool, tmp_path / "broker", address, 1, **SETTINGS)
    logs = tmp_path / "broker" / "logs"
    broker = f"127.0.0.1:{apache.port}"
    castle = Process([str(BINARY), "broker", str(tmp_path / "broker" / "server.properties")], tmp_path / "castle.log", apache.port)
    running = []

    def start(process: Process) -> None:
        running.append(process)
        process.start()
        wait_for_port(process.port, process)
        admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        deadline = time.monotonic() + 60
        while True:
            try:
                if admin.list_topics(timeout=10).brokers:
                    return
            except KafkaException:
                pass
            assert time.monotonic() < deadline, f"not in time: {process.tail()}"
            time.sleep(0.1)

    try:
        start(apache)
        admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        made = admin.create_topics([NewTopic(topic, 1, 1, config=config) for topic, config in TOPICS.items()])
        for future in made.values():
            future.result(60)
        write(broker, "kafka-first")
        before = read_all(broker)
        offset, writer = committed(broker), known_producer(broker)
        assert before["magic-0"] and len(before["committed"]) < len(before["transactions"])
        restarted(apache, kill=False)
        for number in range(ROUNDS):
            kill = number > 0
            bytes_before = segments(logs)
            magics = {name: data[16] for name, data in bytes_before.items() if data}
            assert magics["magic-0-0/00000000000000000000.log"] == 0, magics
            assert magics["magic-1-0/00000000000000000000.log"] == 1, magics

            start(castle)
            found = read_all(broker)
            same(before, found)
            assert (committed(broker), known_producer(broker)) == (offset, writer)
            write(broker, f"castle-{number}")
            before, offset, writer = read_all(broker), committed(broker), known_producer(broker)
            restarted(castle, kill=kill)
            bytes_after = segments(logs)
            kept(bytes_before, bytes_after)
            if not kill:
                dumped(tool, logs)

            start(apache)
            same(before, read_all(broker))
            assert (committed(broker), known_producer(broker)) == (offset, writer)
            write(broker, f"kafka-{number}")
            before, offset, writer = read_all(broker), committed(broker), known_producer(broker)
            restarted(apache, kill=kill)
            kept(bytes_after, segments(logs))
    except BaseException:
        print(castle.tail(40))
        raise
    finally:
        for process in reversed(running):
            process.stop()
        keeper.stop()
