"""The same requests to a Castle broker and to an Apache Kafka broker, and what differs in their answers.

    python differential_broker.py [--line 3.9|4.3] [--requests N] [--seed S] [--newest]

Both brokers are new, and both get the same random requests of the data plane over raw sockets, in every version
that both serve: valid ones, borderline ones, invalid ones, and bodies that are spoiled or cut. Error codes, offsets,
timestamps and fetched bytes must be equal, and a connection must be closed by both or by neither. What may differ is
in `explain`, with the reason. The first difference ends the run, with the seed and the number of the request.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

import batches
from batches import Batch, Record
from castle import ROOT, Castle
from cluster import free_port
from kafkawire import Api, Closed, Connection, encode

TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))
# How long an answer may take: a busy machine is no difference.
PATIENCE_SECONDS = 60.0
NOW = int(time.time() * 1000)

API = {
    name: Api(name)
    for name in (
        "produce", "fetch", "list_offsets", "metadata", "delete_records", "describe_log_dirs", "describe_producers",
        "offset_for_leader_epoch", "create_topics", "api_versions",
    )
}

# Kafka checks more of its own logs than a difference could tell: no cleaning, no retention while we look.
STILL = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1), "min.cleanable.dirty.ratio": "0.99", "min.compaction.lag.ms": "9000000000"}
TOPICS: Dict[str, Tuple[int, Dict[str, str]]] = {
    "plain": (3, {"segment.bytes": "3000"}),
    "compacted": (1, {"cleanup.policy": "compact"}),
    "both": (1, {"cleanup.policy": "compact,delete"}),
    "stamped": (2, {"message.timestamp.type": "LogAppendTime"}),
    "small": (1, {"max.message.bytes": "300"}),
    "tiny-segments": (1, {"segment.bytes": "400"}),
    "gzip": (1, {"compression.type": "gzip"}),
    "zstd": (1, {"compression.type": "zstd"}),
    "lz4": (1, {"compression.type": "lz4"}),
    "unpacked": (1, {"compression.type": "uncompressed"}),
    "bounded": (1, {"message.timestamp.before.max.ms": "60000", "message.timestamp.after.max.ms": "60000"}),
}

# Fields that say nothing of the data: where the servers are, how they word things, their own ids.
IGNORED = {
    "throttle_time_ms", "error_message", "batch_index_error_message", "host", "port", "node_endpoints", "brokers",
    "cluster_id", "controller_id", "log_dir", "total_bytes", "usable_bytes", "is_cordoned", "broker_epoch",
    "last_timestamp",
}

# Lists whose order is the server's own.
UNORDERED = {"topics", "partitions", "active_producers", "responses", "partition_responses"}

# Topics whose logs have several segments.
ROLLING = ("plain", "tiny-segments")

# Topics whose rules make a broker look at each record. Of the others Castle trusts the checksum for what is inside
# of a batch, as do other brokers that leave records packed; Kafka unpacks all.
LOOKED_INTO = ("compacted", "both", "bounded")


# From where on the versions are that Kafka 3.9 does not serve.
NEWEST = {"produce": 12, "fetch": 17, "list_offsets": 10, "metadata": 13}


class Apache:
    """An Apache Kafka broker: 3.9 with its znodes below /apache of a keeper, 4.3 with a controller of its own."""

    def __init__(self, directory: pathlib.Path, keeper: str, line: str) -> None:
        self.directory, self.keeper, self.line = directory, keeper, line
        self.process: Optional[subprocess.Popen[bytes]] = None

    def java(self, main: str, *arguments: str) -> List[str]:
        jars = TOOLS / "jars" / f"kafka-server-{self.line}"
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{jars}/*", main, *arguments]

    def settings(self) -> str:
        if self.line == "3.9":
            return f"broker.id=0\nlisteners=PLAINTEXT://{self.address}\nzookeeper.connect={self.keeper}/apache\n"
        controller = f"127.0.0.1:{free_port()}"
        return (
            "process.roles=broker,controller\nnode.id=0\ncontroller.listener.names=CONTROLLER\n"
            f"controller.quorum.voters=0@{controller}\n"
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://{controller}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        )

    def __enter__(self) -> "Apache":
        self.address = f"127.0.0.1:{free_port()}"
        self.directory.mkdir(parents=True)
        properties = self.directory / "server.properties"
        properties.write_text(
            f"{self.settings()}log.dirs={self.directory / 'data'}\nauto.create.topics.enable=false\n"
            "offsets.topic.replication.factor=1\ngroup.initial.rebalance.delay.ms=0\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
        )
        with open(self.directory / "kafka.log", "wb") as log:
            if self.line != "3.9":
                cluster = ("format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(properties))
                subprocess.run(self.java("kafka.tools.StorageTool", *cluster), stdout=log, stderr=log, check=True)
            self.process = subprocess.Popen(self.java("kafka.Kafka", str(properties)), stdout=log, stderr=log)
        deadline = time.monotonic() + 180
        while True:
            try:
                Connection(self.address).call(API["api_versions"], 0, {})
                return self
            except (OSError, Closed):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.__exit__()
                    raise RuntimeError((self.directory / "kafka.log").read_text()[-3000:]) from None
                time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait()


class Broker:
    """One of the two: its connection, and its own names for what both have."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.connection = Connection(address, PATIENCE_SECONDS)
        self.topic_ids: Dict[str, uuid.UUID] = {}
        self.topic_names: Dict[uuid.UUID, str] = {}
        # Fetch sessions, by the number that the test gave them.
        self.sessions: Dict[int, int] = {}
        answer = self.connection.call(API["api_versions"], 0, {})
        self.versions = {api["api_key"]: (api["min_version"], api["max_version"]) for api in answer["api_keys"]}

    def create_topics(self, line: str) -> None:
        topics = [
            {
                "name": name,
                "num_partitions": partitions,
                "replication_factor": 1,
                # Kafka 4 allows no segments that small.
                "configs": [
                    {"name": key, "value": value}
                    for key, value in {**STILL, **configs}.items()
                    if key != "segment.bytes" or line == "3.9"
                ],
            }
            for name, (partitions, configs) in TOPICS.items()
        ]
        answer = self.connection.call(API["create_topics"], 5, {"topics": topics, "timeout_ms": 60000})
        failed = [topic for topic in answer["topics"] if topic["error_code"] != 0]
        assert not failed, failed
        deadline = time.monotonic() + 60
        while True:
            asked = {"topics": [{"name": name} for name in TOPICS], "allow_auto_topic_creation": False}
            answer = self.connection.call(API["metadata"], 10, asked)
            partitions = [partition for topic in answer["topics"] for partition in topic["partitions"]]
            if len(partitions) == sum(count for count, _ in TOPICS.values()) and all(
                partition["error_code"] == 0 for partition in partitions
            ):
                break
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        self.wait_for_leaders(deadline)
        for topic in answer["topics"]:
            self.topic_ids[topic["name"]] = topic["topic_id"]
            self.topic_names[topic["topic_id"]] = topic["name"]

    def wait_for_leaders(self, deadline: float) -> None:
        """Metadata tells of leaders before they know it themselves."""
        partitions = {name: range(count) for name, (count, _) in TOPICS.items()}
        topics = [
            {"name": name, "partitions": [{"partition_index": number, "timestamp": -1} for number in numbers]}
            for name, numbers in partitions.items()
        ]
        while True:
            answer = self.connection.call(API["list_offsets"], 1, {"replica_id": -1, "topics": topics})
            errors = [partition["error_code"] for topic in answer["topics"] for partition in topic["partitions"]]
            if not any(errors):
                return
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)

    def localized(self, value: Any) -> Any:
        """A request in this broker's own names."""
        if isinstance(value, dict):
            return {key: self.localized(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.localized(item) for item in value]
        if isinstance(value, TopicId):
            return self.topic_ids.get(value.topic, uuid.uuid5(uuid.NAMESPACE_DNS, value.topic))
        if isinstance(value, Session):
            return self.sessions.get(value.number, 0)
        return value

    def ask(self, request: "Request") -> Any:
        api = API[request.api]
        try:
            values = self.localized(request.values)
            body = encode(api.request, values, request.version, request.version >= api.flexible)
            if request.spoil is not None:
                body = request.spoil(body)
            self.connection.send(api, request.version, body)
            if request.is_silent:
                # Nothing comes; what comes next tells whether the connection still stands.
                return self.connection.call(API["api_versions"], 0, {}) and "silence"
            answer = self.connection.receive(api, request.version)
        except Closed:
            return "closed"
        except TimeoutError:
            self.connection.close()
            return "no answer"
        if request.opens is not None:
            self.sessions[request.opens] = answer.get("session_id", 0)
        return self.normal(answer)

    def normal(self, value: Any, key: str = "", topic: str = "") -> Any:
        """An answer without what is this broker's own."""
        if isinstance(value, dict):
            topic = value.get("name") or value.get("topic") or self.topic_names.get(value.get("topic_id"), topic)
            masks_time = topic == "stamped"
            return {
                name: (
                    [
                        batches.meaning(batch, masks_time, topic in ("gzip", "zstd", "lz4"))
                        for batch in batches.split(item or b"")
                    ]
                    if name == "records"
                    else "now" if masks_time and name in ("timestamp", "log_append_time_ms") and item > 0
                    else self.normal(item, name, topic)
                )
                for name, item in value.items()
                if name not in IGNORED and not (name == "partition_size" and topic in (*ROLLING, "gzip", "zstd", "lz4"))
            }
        if isinstance(value, list):
            items = [self.normal(item, key, topic) for item in value]
            if key == "responses" and value and "partitions" in value[0]:
                # By partition: which topics stand together is the server's own.
                items = [
                    {**item, "partitions": partition} for item in items for partition in item["partitions"]
                ]
            return sorted(items, key=repr) if key in UNORDERED else items
        if isinstance(value, uuid.UUID):
            return self.topic_names.get(value, "no id" if value.int == 0 else "another id")
        if key == "session_id":
            return value != 0
        return value


class TopicId:
    def __init__(self, topic: str) -> None:
        self.topic = topic

    def __repr__(self) -> str:
        return f"id({self.topic})"


class Session:
    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"session({self.number})"


class Request:
    """One request for both brokers."""

    def __init__(self, api: str, version: int, values: Dict[str, Any]) -> None:
        self.api, self.version, self.values = api, version, values
        self.spoil: Optional[Callable[[bytes], bytes]] = None
        self.is_silent = False
        self.opens: Optional[int] = None

    def __repr__(self) -> str:
        spoiled = " spoiled" if self.spoil else ""
        return f"{self.api} v{self.version}{spoiled} {self.values}"


class Requests:
    """Random requests from a seed; it keeps track of what the logs should hold."""

    def __init__(self, seed: int, served: Dict[str, Tuple[int, int]], newest: bool) -> None:
        self.random = random.Random(seed)
        self.newest = newest
        self.served = served
        self.ends: Dict[Tuple[str, int], int] = {}
        self.sequences: Dict[Tuple[str, int, int, int], int] = {}
        self.sent: List[Tuple[str, int, bytes]] = []
        self.next_session = 0
        self.topics = list(TOPICS)
        self.session: Optional[Tuple[int, int, bool]] = None

    def next(self) -> Request:
        make = self.random.choices(
            [
                self.produce, self.fetch, self.list_offsets, self.metadata, self.delete_records,
                self.describe_log_dirs, self.describe_producers, self.offset_for_leader_epoch,
            ],
            [40, 30, 12, 4, 4, 3, 4, 5],
        )[0]
        request = make()
        if self.random.random() < 0.03 and request.opens is None and not request.is_silent:
            self.session = None
            cut = self.random.random()
            request.spoil = lambda body: body[: int(len(body) * cut)]
        return request

    def version(self, api: str) -> int:
        first, last = self.served[api]
        if self.newest and api in NEWEST:
            first = min(max(first, NEWEST[api]), last)
        return self.random.randint(first, last)

    def partition(self) -> Tuple[str, int]:
        dice = self.random.random()
        if dice < 0.02:
            return "unknown", 0
        topic = self.random.choice(self.topics)
        count = TOPICS.get(topic, (1,))[0]
        return topic, count + self.random.randint(0, 3) if dice < 0.04 else self.random.randrange(count)

    def offset(self, partition: Tuple[str, int]) -> int:
        end = self.ends.get(partition, 0)
        return self.random.choice([0, end, max(end - 1, 0), self.random.randint(-2, end + 3)])

    def record(self, topic: str) -> Record:
        pick = self.random.choice
        has_key = topic in ("compacted", "both") or pick([True, False])
        if self.random.random() < 0.03:
            has_key = not has_key
        headers = tuple((b"h%d" % n, pick([None, b"", b"header"])) for n in range(pick([0, 0, 0, 1, 2])))
        value = pick([None, b"", b"v" * self.random.randint(1, 60), self.random.randbytes(20)])
        return Record(pick([b"", b"key", b"key2"]) if has_key else None, value, pick([0, 0, 0, 5, -3]), None, headers)

    def batch(self, topic: str, partition: int) -> bytes:
        rng = self.random
        if self.sent and rng.random() < 0.06:
            # An old one again: a duplicate if it was of an idempotent producer.
            same = [data for name, number, data in self.sent[-40:] if (name, number) == (topic, partition)]
            if same:
                return rng.choice(same)
        records = [self.record(topic) for _ in range(rng.choice([1, 1, 2, 3, 7]))]
        base = NOW + rng.choice([0, 0, 0, -1, 1, -1000, -59000, 59500])
        if rng.random() < 0.05:
            base = rng.choice([-1, 10, NOW - 86_400_000, NOW + 1_200_000, NOW + 30 * 86_400_000, 1 << 62])
        batch = Batch(records, codec=rng.choice([0, 0, 0, 1, 2, 3, 4]), base_timestamp=base)
        if rng.random() < 0.3:
            producer, epoch = rng.choice([7001, 7002]), rng.choice([0, 0, 0, 1])
            place = (topic, partition, producer, epoch)
            batch.producer_id, batch.producer_epoch = producer, epoch
            batch.base_sequence = self.sequences.get(place, 0)
            self.sequences[place] = batch.base_sequence + len(records)
            if rng.random() < 0.1:
                batch.base_sequence += rng.choice([-1, 1, 5, -batch.base_sequence, -batch.base_sequence - 1])
        if rng.random() < 0.25:
            self.spoil(batch, topic)
        data = batch.build()
        dice = rng.random()
        if dice < 0.02:
            data = data[: rng.randrange(len(data))]
        elif dice < 0.03:
            data += data
        elif dice < 0.04:
            data += b"\0" * rng.randint(1, 70)
        elif dice < 0.05:
            data = rng.randbytes(rng.randint(0, 90))
        return data

    def spoil(self, batch: Batch, topic: str) -> None:
        """Makes one thing wrong, or at least unusual."""
        rng, records = self.random, batch.records
        record = rng.choice(records)
        spoilers: List[Callable[[], None]] = [
            lambda: setattr(batch, "wrong_crc", True),
            lambda: setattr(batch, "count", len(records) + rng.choice([-1, 1, 100, -len(records), -len(records) - 1])),
            lambda: setattr(batch, "last_offset_delta", len(records) - 1 + rng.choice([-1, 1, 9])),
            lambda: setattr(batch, "magic", rng.choice([0, 1, 3, -1, 127])),
            lambda: setattr(batch, "base_offset", rng.choice([1, 42, -1, 1 << 40])),
            lambda: setattr(batch, "leader_epoch", rng.choice([0, 7, -5])),
            lambda: setattr(batch, "attributes", rng.choice([0x20, 0x08, 0x10, 0x30, 0x40, 0x80, 0x100])),
            lambda: setattr(batch, "length_error", rng.choice([-1, 1, 50, 1 << 20, -(1 << 20)])),
            lambda: batch.records.clear(),
        ]
        if batch.producer_id >= 0:
            spoilers += [
                lambda: setattr(batch, "producer_epoch", rng.choice([-1, 3])),
                lambda: setattr(batch, "producer_id", 7003),
                lambda: setattr(batch, "base_sequence", rng.choice([-1, 0, 2**31 - 1, -9])),
            ]
        if topic in LOOKED_INTO:
            spoilers += [
                lambda: setattr(record, "timestamp_delta", rng.choice([1 << 40, 1 << 20])),
                lambda: setattr(record, "attributes", rng.choice([1, 8, 255])),
                lambda: setattr(record, "trailing", b"\0\0"),
                lambda: setattr(batch, "body", rng.choice([b"", b"\0", b"\1", rng.randbytes(30)])),
            ]
        rng.choice(spoilers)()

    def produce(self) -> Request:
        rng = self.random
        version = self.version("produce")
        acks = rng.choice([1, 1, -1, -1, -1, 0]) if rng.random() < 0.97 else rng.choice([2, -2, 5])
        topics: Dict[str, List[Dict[str, Any]]] = {}
        places = list(dict.fromkeys(self.partition() for _ in range(rng.choice([1, 1, 1, 2, 3]))))
        if rng.random() < 0.04:
            places.append(places[0])
        for topic, partition in places:
            data = self.batch(topic, partition)
            self.sent.append((topic, partition, data))
            topics.setdefault(topic, []).append({"index": partition, "records": data})
        values = {
            "acks": acks,
            "timeout_ms": rng.choice([0, 1000, 30000]) if acks != -1 else 30000,
            "topic_data": [
                {"name": name, "topic_id": TopicId(name), "partition_data": data} for name, data in topics.items()
            ],
        }
        request = Request("produce", version, values)
        request.is_silent = acks == 0
        return request

    def fetch(self) -> Request:
        rng = self.random
        version = self.version("fetch")
        topics: Dict[str, List[Dict[str, Any]]] = {}
        for place in dict.fromkeys(self.partition() for _ in range(rng.choice([1, 1, 2, 4]))):
            topics.setdefault(place[0], []).append(
                {
                    "partition": place[1],
                    "fetch_offset": self.offset(place),
                    "current_leader_epoch": rng.choice([-1, -1, -1, 0, 1, -2]),
                    "last_fetched_epoch": rng.choice([-1, -1, -1, 0]),
                    "log_start_offset": -1,
                    "partition_max_bytes": rng.choice([1 << 20, 1 << 20, 1, 0, 150, 1000]),
                }
            )
        rolls = any(name in ROLLING for name in topics)
        if rolls:
            # Kafka reads one segment at a time, Castle goes on with the next: no budget may tell them apart.
            for partition in (partition for data in topics.values() for partition in data):
                partition["partition_max_bytes"] = 1 << 20
        values: Dict[str, Any] = {
            "max_wait_ms": rng.choice([0, 0, 1, 20]),
            "min_bytes": rng.choice([0, 1, 1, 100]),
            "max_bytes": 1 << 20 if rolls else rng.choice([1 << 20, 1 << 20, 1, 300, 0]),
            "isolation_level": rng.choice([0, 0, 1]),
            "topics": [{"topic": name, "topic_id": TopicId(name), "partitions": data} for name, data in topics.items()],
        }
        request = Request("fetch", version, values)
        self.in_session(request)
        return request

    def in_session(self, request: Request) -> None:
        """Opens a session, goes on with one, or does neither; sometimes wrongly."""
        rng, values = self.random, request.values
        if request.version < 7:
            return
        if self.session is not None and rng.random() < 0.6:
            number, epoch, by_id = self.session
            if by_id != (request.version >= 13) and rng.random() < 0.9:
                values["session_epoch"] = -1
                return
            values["session_id"], values["session_epoch"] = Session(number), epoch + rng.choice([0] * 12 + [1, -1])
            if values["session_epoch"] != epoch or by_id != (request.version >= 13):
                self.session = None
                return
            if rng.random() < 0.2 and values["topics"]:
                gone = values["topics"].pop()
                partitions = [partition["partition"] for partition in gone["partitions"]]
                values["forgotten_topics_data"] = [{**gone, "partitions": partitions}]
            self.session = (number, epoch + 1, by_id)
            widen(values)
        elif rng.random() < 0.3:
            values["session_epoch"] = 0
            request.opens = self.next_session
            widen(values)
            self.session = (self.next_session, 1, request.version >= 13)
            self.next_session += 1
        else:
            values["session_epoch"] = -1
            if rng.random() < 0.05:
                values["session_epoch"] = rng.choice([1, 5, -2])

    def list_offsets(self) -> Request:
        rng = self.random
        version = self.version("list_offsets")
        topics: Dict[str, List[Dict[str, Any]]] = {}
        for topic, partition in dict.fromkeys(self.partition() for _ in range(rng.choice([1, 2, 4]))):
            topics.setdefault(topic, []).append(
                {
                    "partition_index": partition,
                    "current_leader_epoch": rng.choice([-1, -1, -1, 0, 1]),
                    "timestamp": rng.choice(
                        [-1, -1, -2, -2, -3, -4, -5, -6, -7, 0, NOW, NOW + 1, NOW - 1000, NOW + 59500, 1 << 61]
                    ),
                    "max_num_offsets": 1,
                }
            )
        values = {
            "replica_id": -1,
            "isolation_level": rng.choice([0, 1]),
            "topics": [{"name": name, "partitions": data} for name, data in topics.items()],
        }
        return Request("list_offsets", version, values)

    def metadata(self) -> Request:
        version = self.version("metadata")
        names = list(dict.fromkeys(self.partition()[0] for _ in range(3)))
        if self.random.random() < 0.1:
            names.append(self.random.choice(["", ".", "a" * 250, "a b", "é"]))
        topics: List[Dict[str, Any]] = [{"name": name} for name in names]
        if version >= 12 and self.random.random() < 0.4:
            topics = [{"name": None, "topic_id": TopicId(name)} for name in names]
        return Request("metadata", version, {"topics": topics, "allow_auto_topic_creation": False})

    def by_name(self, inner: Callable[[Tuple[str, int]], Any], key: str) -> List[Dict[str, Any]]:
        topics: Dict[str, List[Any]] = {}
        for place in dict.fromkeys(self.partition() for _ in range(2)):
            topics.setdefault(place[0], []).append(inner(place))
        return [{"name": name, "topic": name, key: data} for name, data in topics.items()]

    def delete_records(self) -> Request:
        def inner(place: Tuple[str, int]) -> Dict[str, Any]:
            end = self.ends.get(place, 0)
            offset = self.random.choice([0, 1, end // 3, -1 if end < 30 else 0, -2, end + 50])
            return {"partition_index": place[1], "offset": offset}

        values = {"topics": self.by_name(inner, "partitions"), "timeout_ms": 10000}
        return Request("delete_records", self.version("delete_records"), values)

    def describe_log_dirs(self) -> Request:
        values = {"topics": self.by_name(lambda place: place[1], "partitions")}
        return Request("describe_log_dirs", self.version("describe_log_dirs"), values)

    def describe_producers(self) -> Request:
        values = {"topics": self.by_name(lambda place: place[1], "partition_indexes")}
        return Request("describe_producers", self.version("describe_producers"), values)

    def offset_for_leader_epoch(self) -> Request:
        def inner(place: Tuple[str, int]) -> Dict[str, Any]:
            epoch = self.random.choice([-1, 0, 0, 1, 5, -3])
            current = self.random.choice([-1, -1, 0, 1])
            return {"partition": place[1], "current_leader_epoch": current, "leader_epoch": epoch}

        values = {"replica_id": -1, "topics": self.by_name(inner, "partitions")}
        return Request("offset_for_leader_epoch", self.version("offset_for_leader_epoch"), values)

    def distrust(self, request: Request, different: List[str]) -> None:
        """Leaves topics alone in which the logs are not the same any more."""
        if request.api in ("produce", "delete_records"):
            gone = [topic for topic in self.topics if any(f"[{topic}]" in line for line in different)]
            self.topics = [topic for topic in self.topics if topic not in gone] or ["unknown"]

    def learn(self, request: Request, answer: Any) -> None:
        """Takes note of where the logs end by now."""
        if request.api != "produce" or not isinstance(answer, dict):
            return
        for topic in answer["responses"]:
            name = topic.get("name") or topic.get("topic_id")
            for partition in topic["partition_responses"]:
                if partition["error_code"] == 0:
                    place = (name, partition["index"])
                    self.ends[place] = max(self.ends.get(place, 0), partition["base_offset"] + 1)


def widen(values: Dict[str, Any]) -> None:
    """Lets everything fit: who is served first when it does not is the server's own."""
    values["max_bytes"] = 1 << 20
    for partition in (partition for topic in values["topics"] for partition in topic["partitions"]):
        partition["partition_max_bytes"] = 1 << 20


def explain(path: str, ours: Any, theirs: Any) -> List[str]:
    """Where two answers differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(set(ours) | set(theirs))
        if theirs.get("error_code") == -1 and ours.get("error_code") not in (0, None):
            # Which also decides whether the start of the log is told, and the records that are at fault.
            keys = [key for key in keys if key not in ("log_start_offset", "record_errors")]
        lines = [line for key in keys for line in explain(f"{path}.{key}", ours.get(key), theirs.get(key))]
        name = ours.get("name") or ours.get("topic") or ours.get("topic_id") or ours.get("error_code")
        return [f"{line} [{name}]" for line in lines]
    if path.endswith(".error_code") and theirs == -1 and ours not in (0, None):
        # Where Kafka's code throws what it did not expect to, Castle has a name for what is wrong.
        return []
    if path.endswith(".records") and ours and theirs and len(theirs) < len(ours):
        # Castle read on in the next segment.
        ours = ours[: len(theirs)]
    if path.startswith("list_offsets.") and theirs == -1 and path.rsplit(".", 1)[1] != "error_code":
        # Kafka looks no further than the first segment with such a time, though its records may be deleted.
        return []
    if path.endswith(".aborted_transactions") and not ours and not theirs:
        return []
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs))
        return [line for number, (a, b) in pairs for line in explain(f"{path}[{number}]", a, b)]
    return [] if ours == theirs else [f"{path}: Castle {ours!r}, Kafka {theirs!r}"]


def generous(request: Request, theirs: Any, line: str) -> bool:
    """Whether the difference is a batch that Kafka holds back and Castle does not, since they count differently what the
    request may still have: Kafka also counts the part of a batch that it cuts off, which no reader can use, and what it
    refuses for its zstd, so that an old reader of both topics never gets on."""
    if ".records: Castle [" not in line or "], Kafka []" not in line:
        return False
    return request.values["max_bytes"] < 1 << 20 or "'error_code': 76" in str(theirs)


def run(requests: int, seed: int, keep_going: bool, line: str = "3.9", newest: bool = False) -> int:
    work = pathlib.Path(tempfile.mkdtemp(prefix="differential-"))
    found = 0
    try:
        with Castle(work / "castle") as castle, Apache(work / "apache", castle.keeper, line) as apache:
            ours, theirs = Broker("Castle", castle.broker), Broker("Kafka", apache.address)
            for broker in (ours, theirs):
                broker.create_topics(line)
            served = {}
            for name, api in API.items():
                (a, b), (c, d) = ours.versions[api.key], theirs.versions[api.key]
                served[name] = (max(a, c, {"produce": 3, "fetch": 4, "list_offsets": 1, "metadata": 4}.get(name, 0)), min(b, d))
            source = Requests(seed, served, newest)
            began = time.monotonic()
            for number in range(requests):
                request = source.next()
                one, other = ours.ask(request), theirs.ask(request)
                source.learn(request, other)
                different = [line for line in explain(request.api, one, other) if not generous(request, other, line)]
                if different:
                    found += 1
                    source.distrust(request, different)
                    print(f"request {number} of seed {seed}: {str(request)[:1500]}")
                    print("\n".join("  " + line[:600] for line in different))
                    if not keep_going:
                        return 1
            elapsed = time.monotonic() - began
            versions = ", ".join(f"{name} {first}-{last}" for name, (first, last) in served.items())
            print(f"{requests} requests of seed {seed} in {elapsed:.0f} s, {found} answered differently ({versions})")
            return 1 if found else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    parser.add_argument("--line", default="3.9", choices=["3.9", "4.3"], help="which Kafka")
    parser.add_argument("--newest", action="store_true", help="only the newest versions, which Kafka 3.9 does not serve")
    options = parser.parse_args()
    return run(options.requests, options.seed, options.keep_going, options.line, options.newest)


if __name__ == "__main__":
    sys.exit(main())
