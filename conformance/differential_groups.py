"""The same requests about groups and transactions to a Castle broker and to an Apache Kafka 3.9 broker, and what differs.

    python differential_groups.py [--requests N] [--seed S] [--keep-going]

Both brokers are new, and both get the same random requests over raw sockets, in every version that both serve: groups
of the classic protocol with one member each (so that no answer waits for another client), offsets, transactions of
the first protocol, and what is read back of them. Most are right, some are stale, wrong or addressed to nobody. Error
codes, states, offsets and records must be equal; ids that a broker makes up itself are compared by whom they belong to.
`record_groups.py` is about groups with several members.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import batches
from batches import Batch, Record
from castle import Castle
from differential_broker import NOW, PATIENCE_SECONDS, Apache
from kafkawire import Api, Closed, Connection, encode

API = {
    name: Api(name)
    for name in (
        "api_versions", "create_topics", "find_coordinator", "join_group", "sync_group", "heartbeat", "leave_group",
        "offset_commit", "offset_fetch", "offset_delete", "delete_groups", "list_groups", "describe_groups",
        "init_producer_id", "add_partitions_to_txn", "add_offsets_to_txn", "txn_offset_commit", "end_txn",
        "list_transactions", "describe_transactions", "produce", "fetch", "list_offsets", "describe_producers",
    )
}

# The newest version of each in which both speak of the first protocol of transactions.
CLASSIC = {"produce": 11, "end_txn": 4, "txn_offset_commit": 4, "add_offsets_to_txn": 4, "fetch": 12, "offset_commit": 9, "offset_fetch": 9}
# Older ones have batches of other formats.
OLDEST = {"produce": 3, "fetch": 4, "list_offsets": 1}

TOPICS = {"orders": 3, "payments": 1}
GROUPS = ["g0", "g1", "g2", "static0", "static1", "simple"]
TRANSACTIONS = ["t0", "t1", "t2"]

# Errors that ask for patience: a transaction is being ended, which a producer is told as too few replicas, or a
# coordinator loads.
FOR_NOW = {14, 15, 16, 19, 51}
CONCURRENT_SECONDS = 20.0
# Nobody may expire while we look.
SESSION_MS = 1_800_000
TRANSACTION_MS = 900_000

IGNORED = {"throttle_time_ms", "error_message", "host", "port", "client_host", "node_id", "last_timestamp", "log_append_time_ms", "authorized_operations"}
TIMES = {"transaction_start_time_ms"}
# What only looks: asked again when it differs, since markers reach the logs a moment after their transaction's end.
READING = {
    "find_coordinator", "offset_fetch", "list_groups", "describe_groups", "list_transactions", "describe_transactions",
    "fetch", "list_offsets", "describe_producers",
}
LOOKS, BETWEEN_LOOKS_SECONDS = 10, 0.2


class Own:
    """Something that each broker has its own value for."""

    def __init__(self, kind: str, owner: str, plus: int = 0) -> None:
        self.kind, self.owner, self.plus = kind, owner, plus

    def __repr__(self) -> str:
        return f"{self.kind}({self.owner}{f' {self.plus:+}' if self.plus else ''})"


class Records:
    """A batch of a transaction, with the producer as each broker knows it."""

    def __init__(self, transaction: str, epoch_plus: int, sequence: int, count: int, transactional: bool) -> None:
        self.transaction, self.epoch_plus, self.sequence = transaction, epoch_plus, sequence
        self.count, self.transactional = count, transactional

    def __repr__(self) -> str:
        kind = "transactional" if self.transactional else "idempotent"
        return f"{self.count} {kind} records of {self.transaction} from {self.sequence}, epoch {self.epoch_plus:+}"

    def build(self, producer: int, epoch: int) -> bytes:
        records = [Record(b"%d" % number, b"value") for number in range(self.count)]
        batch = Batch(records, base_timestamp=NOW)
        batch.producer_id, batch.producer_epoch, batch.base_sequence = producer, epoch + self.epoch_plus, self.sequence
        batch.attributes = 0x10 if self.transactional else 0
        return batch.build()


class Request:
    def __init__(self, api: str, version: int, values: Dict[str, Any], actor: str = "") -> None:
        self.api, self.version, self.values, self.actor = api, version, values, actor

    def __repr__(self) -> str:
        return f"{self.api} v{self.version} {self.values}"


class Side:
    """One of the two brokers, and its own names for what both have."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.connection = Connection(address, PATIENCE_SECONDS)
        self.members: Dict[str, str] = {}
        self.producers: Dict[str, Tuple[int, int]] = {}
        self.names: Dict[Any, str] = {}
        answer = self.connection.call(API["api_versions"], 0, {})
        self.versions = {api["api_key"]: (api["min_version"], api["max_version"]) for api in answer["api_keys"]}

    def prepare(self) -> None:
        topics = [{"name": name, "num_partitions": count, "replication_factor": 1} for name, count in TOPICS.items()]
        answer = self.connection.call(API["create_topics"], 5, {"topics": topics, "timeout_ms": 60000})
        assert all(topic["error_code"] == 0 for topic in answer["topics"]), answer
        # The topics of the coordinators are made when somebody asks for one.
        asked: List[Tuple[str, int, Dict[str, Any]]] = [
            ("find_coordinator", 1, {"key": "warm", "key_type": 0}),
            ("find_coordinator", 1, {"key": "warm", "key_type": 1}),
            ("init_producer_id", 0, {"transactional_id": "warm", "transaction_timeout_ms": 60000}),
            ("offset_commit", 2, {"group_id": "warm", "member_id": "", "generation_id_or_member_epoch": -1, "topics": []}),
        ]
        for group in [*GROUPS, *TRANSACTIONS]:
            asked += [("offset_fetch", 5, {"group_id": group, "topics": None})]
            asked += [("describe_transactions", 0, {"transactional_ids": [group]})]
        for name, count in TOPICS.items():
            partitions = [{"partition_index": number, "timestamp": -1} for number in range(count)]
            asked += [("list_offsets", 1, {"replica_id": -1, "topics": [{"name": name, "partitions": partitions}]})]
        for api, version, values in asked:
            deadline = time.monotonic() + 60
            while errors(self.connection.call(API[api], version, values)) & {5, 6, *FOR_NOW}:
                assert time.monotonic() < deadline, (self.name, api)
                time.sleep(0.1)

    def localized(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.localized(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.localized(item) for item in value]
        if isinstance(value, Own):
            if value.kind == "member":
                return self.members.get(value.owner, "")
            producer, epoch = self.producers.get(value.owner, (4242, 0))
            return producer + value.plus if value.kind == "producer" else epoch + value.plus
        if isinstance(value, Records):
            return value.build(*self.producers.get(value.transaction, (4242, 0)))
        return value

    def ask(self, request: Request) -> Any:
        """The answer, when it is no longer one that asks for patience, in names that both share."""
        api = API[request.api]
        deadline = time.monotonic() + CONCURRENT_SECONDS
        while True:
            try:
                values = self.localized(request.values)
                self.connection.send(api, request.version, encode(api.request, values, request.version, request.version >= api.flexible))
                answer = self.connection.receive(api, request.version)
            except Closed:
                return "closed"
            except TimeoutError:
                self.connection.close()
                return "no answer"
            if not errors(answer) & FOR_NOW or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        self.learn(request, answer)
        if request.api == "end_txn" and answer["error_code"] == 0:
            self.wait_for_end(request.values["transactional_id"])
        return self.normal(answer)

    def wait_for_end(self, transaction: str) -> None:
        """Waits for the markers: what is produced before they are written may still count as the old transaction's."""
        deadline = time.monotonic() + CONCURRENT_SECONDS
        while time.monotonic() < deadline:
            answer = self.connection.call(API["describe_transactions"], 0, {"transactional_ids": [transaction]})
            if not answer["transaction_states"][0]["transaction_state"].startswith("Prepare"):
                return
            time.sleep(0.02)

    def learn(self, request: Request, answer: Dict[str, Any]) -> None:
        if request.api == "join_group" and answer["member_id"] and answer["error_code"] in (0, 79):
            self.members[request.actor] = answer["member_id"]
            self.names[answer["member_id"]] = f"member({request.actor})"
        if request.api == "leave_group" and errors(answer) == {0}:
            self.members.pop(request.actor, None)
        if request.api == "init_producer_id" and answer["error_code"] == 0 and request.actor:
            self.producers[request.actor] = (answer["producer_id"], answer["producer_epoch"])
            self.names[answer["producer_id"]] = f"producer({request.actor})"

    def normal(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            # Kafka still knows when the last transaction began, until it starts again: its log does not say.
            gone = TIMES if value.get("transaction_state") == "Empty" else set()
            return {name: self.normal(item, name) for name, item in value.items() if name not in IGNORED | gone}
        if isinstance(value, list):
            items = [self.normal(item, key) for item in value]
            return sorted(items, key=repr)
        if key == "records":
            return [self.batch(batch) for batch in batches.split(value or b"")]
        if key == "producer_id":
            return self.names.get(value, "none" if value == -1 else "unknown")
        if key in ("member_id", "leader"):
            return self.names.get(value, value and "somebody")
        if key in TIMES:
            return value > 0
        return value

    def batch(self, batch: bytes) -> Tuple[Any, ...]:
        """All of a batch but what a broker makes up: when it wrote a marker, and the producer's number."""
        if len(batch) < 61:
            return (batch.hex(),)
        attributes, last_delta = struct.unpack_from(">hi", batch, 21)
        producer, *rest = struct.unpack_from(">qhii", batch, 43)
        offset = struct.unpack_from(">q", batch, 0)[0]
        return offset, attributes, last_delta, self.names.get(producer, "unknown"), *rest, batch[61:].hex()


def errors(value: Any) -> set[int]:
    """All error codes in an answer."""
    if isinstance(value, dict):
        here = {item for key, item in value.items() if key.endswith("error_code")}
        return here.union(*(errors(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(errors(item) for item in value))
    return set()


class Requests:
    """Random requests from a seed. It knows of the brokers what their answers told, as long as those are equal."""

    def __init__(self, seed: int, served: Dict[str, Tuple[int, int]]) -> None:
        self.random = random.Random(seed)
        self.served = served
        self.generations: Dict[str, int] = {}
        self.sequences: Dict[Tuple[str, str, int], int] = {}
        # Groups with a member that has its id and has not come back with it.
        self.pending: set[str] = set()

    def next(self) -> Request:
        makers: Dict[Callable[[], Request], int] = {
            self.find_coordinator: 2, self.join_group: 12, self.sync_group: 10, self.heartbeat: 6, self.leave_group: 4,
            self.offset_commit: 14, self.offset_fetch: 10, self.offset_delete: 3, self.delete_groups: 3,
            self.list_groups: 2, self.describe_groups: 4, self.init_producer_id: 8, self.add_partitions: 14,
            self.add_offsets: 8, self.txn_offset_commit: 10, self.end_txn: 12, self.produce: 18,
            self.list_transactions: 2, self.describe_transactions: 4, self.fetch: 8, self.list_offsets: 4,
            self.describe_producers: 3,
        }
        return self.random.choices(list(makers), list(makers.values()))[0]()

    def request(self, api: str, values: Dict[str, Any], actor: str = "") -> Request:
        return Request(api, self.random.randint(*self.served[api]), values, actor)

    def rarely(self) -> bool:
        return self.random.random() < 0.06

    def group(self) -> str:
        return self.random.choice(["", "nobody's"]) if self.rarely() else self.random.choice(GROUPS)

    def member(self, group: str) -> Any:
        return self.random.choice(["", "a-stranger"]) if self.rarely() else Own("member", group)

    def generation(self, group: str) -> int:
        known = self.generations.get(group, -1)
        return self.random.choice([known - 1, known + 1, -1, 0, -5]) if self.rarely() else known

    def instance(self, group: str) -> Optional[str]:
        if self.rarely():
            return self.random.choice([None, f"instance-{group}", "another-instance"])
        return f"instance-{group}" if group.startswith("static") else None

    def transaction(self) -> str:
        return self.random.choice(["", "unknown"]) if self.rarely() else self.random.choice(TRANSACTIONS)

    def producer(self, transaction: str) -> Dict[str, Any]:
        rarely = self.random.random()
        return {
            "transactional_id": transaction,
            "producer_id": Own("producer", transaction, 77_000 if rarely < 0.02 else 0),
            "producer_epoch": Own("epoch", transaction, self.random.choice([-1, 1]) if 0.02 < rarely < 0.06 else 0),
        }

    def place(self) -> Tuple[str, int]:
        if self.random.random() < 0.03:
            return "missing", 0
        topic = self.random.choice(list(TOPICS))
        return topic, self.random.randrange(TOPICS[topic] + (1 if self.rarely() else 0))

    def places(self, inner: Callable[[int], Any], key: str, name: str = "name") -> List[Dict[str, Any]]:
        topics: Dict[str, List[int]] = {}
        for topic, partition in dict.fromkeys(self.place() for _ in range(self.random.choice([1, 1, 2]))):
            topics.setdefault(topic, []).append(partition)
        return [{name: topic, key: [inner(partition) for partition in partitions]} for topic, partitions in topics.items()]

    def find_coordinator(self) -> Request:
        key, kind = self.random.choice([self.group(), self.transaction()]), self.random.choice([0, 0, 1, 1, 5])
        return self.request("find_coordinator", {"key": key, "key_type": kind, "coordinator_keys": [key]})

    def join_group(self) -> Request:
        group = self.random.choice(GROUPS[:-1])
        # A second member would make the first one's join wait: whoever was there comes again.
        protocols = [{"name": name, "metadata": b"\0\1\0\0\0\0\xff\xff\xff\xff"} for name in self.random.choice([["range"], ["range", "sticky"], ["sticky", "range"]])]
        member: Any = "a-stranger" if self.rarely() else Own("member", group)
        values = {
            "group_id": "" if self.rarely() else group,
            "session_timeout_ms": self.random.choice([SESSION_MS] * 12 + [5, 2_000_000_000]),
            "rebalance_timeout_ms": 60_000,
            "member_id": member,
            "group_instance_id": f"instance-{group}" if group.startswith("static") else None,
            "protocol_type": "other" if self.random.random() < 0.03 else "consumer",
            "protocols": [] if self.random.random() < 0.02 else protocols,
            "reason": None,
        }
        request = self.request("join_group", values, group)
        # Without a name a static member of before would be another one.
        if group.startswith("static"):
            request.version = max(request.version, 5)
        return request

    def sync_group(self) -> Request:
        group = self.random.choice(GROUPS[:-1])
        member = self.member(group)
        values = {
            "group_id": group, "generation_id": self.generation(group), "member_id": member,
            "group_instance_id": self.instance(group),
            "protocol_type": self.random.choice(["consumer"] * 9 + [None, "other"]),
            "protocol_name": None if self.random.random() < 0.9 else "roundrobin",
            "assignments": [{"member_id": member, "assignment": self.random.choice([b"", b"\0\1\0\0\0\0\0\0\0\0"])}],
        }
        return self.request("sync_group", values)

    def heartbeat(self) -> Request:
        group = self.group()
        values = {
            "group_id": group, "generation_id": self.generation(group), "member_id": self.member(group),
            "group_instance_id": self.instance(group),
        }
        return self.request("heartbeat", values)

    def leave_group(self) -> Request:
        group = self.group()
        member = self.member(group)
        values = {
            "group_id": group, "member_id": member,
            "members": [{"member_id": member, "group_instance_id": self.instance(group), "reason": None}],
        }
        return self.request("leave_group", values, group if isinstance(member, Own) else "")

    def committed(self, partition: int) -> Dict[str, Any]:
        return {
            "partition_index": partition,
            "committed_offset": self.random.choice([0, 1, 17, 1 << 40, -1, -5] if self.rarely() else [0, 1, 17, 90]),
            "committed_leader_epoch": self.random.choice([-1, -1, 0, 3]),
            "committed_metadata": self.random.choice(["", "", "note", None, "m" * 4097 if self.rarely() else "m" * 4096]),
        }

    def offset_commit(self) -> Request:
        group = self.group()
        simple = group == "simple"
        values = {
            "group_id": group,
            "generation_id_or_member_epoch": -1 if simple else self.generation(group),
            "member_id": "" if simple else self.member(group),
            "group_instance_id": None if simple else self.instance(group),
            "topics": self.places(self.committed, "partitions"),
        }
        return self.request("offset_commit", values)

    def offset_fetch(self) -> Request:
        groups = list(dict.fromkeys(self.group() for _ in range(self.random.choice([1, 1, 3]))))
        topics = None if self.random.random() < 0.4 else self.places(int, "partition_indexes")
        request = self.request(
            "offset_fetch",
            {
                "group_id": groups[0], "topics": topics, "require_stable": self.random.random() < 0.3,
                "groups": [{"group_id": group, "topics": topics, "member_id": None, "member_epoch": -1} for group in groups],
            },
        )
        if topics is None:
            request.version = max(request.version, 2)
        return request

    def offset_delete(self) -> Request:
        topics = self.places(lambda partition: {"partition_index": partition}, "partitions")
        group = self.group()
        # Kafka drops an empty group with its last offset although a member is about to come; Castle waits for that.
        return self.request("offset_delete", {"group_id": "simple" if group in self.pending else group, "topics": topics})

    def delete_groups(self) -> Request:
        return self.request("delete_groups", {"groups_names": list(dict.fromkeys(self.group() for _ in range(2)))})

    def list_groups(self) -> Request:
        states = self.random.choice([[], [], ["Stable"], ["Empty", "Dead"], ["nonsense"], ["stable"]])
        return self.request("list_groups", {"states_filter": states, "types_filter": self.random.choice([[], [], ["classic"], ["consumer"]])})

    def describe_groups(self) -> Request:
        groups = list(dict.fromkeys(self.group() for _ in range(2)))
        return self.request("describe_groups", {"groups": groups, "include_authorized_operations": False})

    def init_producer_id(self) -> Request:
        transaction = self.transaction()
        values: Dict[str, Any] = {
            "transactional_id": transaction,
            "transaction_timeout_ms": self.random.choice([TRANSACTION_MS] * 10 + [0, -1, 2_000_000_000]),
        }
        if self.random.random() < 0.4:
            values.update(self.producer(transaction))
        return self.request("init_producer_id", values, transaction)

    def add_partitions(self) -> Request:
        producer = self.producer(self.transaction())
        topics = self.places(int, "partitions")
        values: Dict[str, Any] = {f"v3_and_below_{key}": value for key, value in producer.items()}
        values["v3_and_below_topics"] = topics
        values["transactions"] = [{**producer, "topics": topics, "verify_only": self.random.random() < 0.3}]
        return self.request("add_partitions_to_txn", values)

    def add_offsets(self) -> Request:
        return self.request("add_offsets_to_txn", {**self.producer(self.transaction()), "group_id": self.group()})

    def txn_offset_commit(self) -> Request:
        group = self.group()
        anonymous = group == "simple" or self.random.random() < 0.3
        values = {
            **self.producer(self.transaction()), "group_id": group,
            "generation_id": -1 if anonymous else self.generation(group),
            "member_id": "" if anonymous else self.member(group),
            "group_instance_id": None if anonymous else self.instance(group),
            "topics": self.places(self.committed, "partitions"),
        }
        return self.request("txn_offset_commit", values)

    def end_txn(self) -> Request:
        return self.request("end_txn", {**self.producer(self.transaction()), "committed": self.random.random() < 0.6})

    def produce(self) -> Request:
        transaction = self.random.choice(TRANSACTIONS)
        topic, partition = self.place()
        sequence = self.sequences.get((transaction, topic, partition), 0)
        if self.random.random() < 0.05:
            sequence = max(sequence + self.random.choice([-1, 1, 5]), 0)
        plus = self.random.choice([0] * 20 + [-1, 1])
        records = Records(transaction, plus, sequence, self.random.choice([1, 2]), self.random.random() < 0.97)
        values = {
            "transactional_id": None if self.random.random() < 0.03 else transaction,
            "acks": -1, "timeout_ms": 30000,
            "topic_data": [{"name": topic, "partition_data": [{"index": partition, "records": records}]}],
        }
        return self.request("produce", values)

    def list_transactions(self) -> Request:
        states = self.random.choice([[], ["Ongoing"], ["CompleteCommit", "CompleteAbort"], ["nonsense"]])
        return self.request("list_transactions", {"state_filters": states, "producer_id_filters": []})

    def describe_transactions(self) -> Request:
        return self.request("describe_transactions", {"transactional_ids": list(dict.fromkeys(self.transaction() for _ in range(2)))})

    def fetch(self) -> Request:
        topic, partition = self.place()
        inner = {
            "partition": partition, "fetch_offset": self.random.choice([0, 0, 3]), "current_leader_epoch": -1,
            "last_fetched_epoch": -1, "log_start_offset": -1, "partition_max_bytes": 1 << 20,
        }
        values = {
            "max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1 << 20, "session_epoch": -1,
            "isolation_level": self.random.choice([0, 1, 1]), "topics": [{"topic": topic, "partitions": [inner]}],
        }
        return self.request("fetch", values)

    def list_offsets(self) -> Request:
        def inner(partition: int) -> Dict[str, Any]:
            return {"partition_index": partition, "current_leader_epoch": -1, "timestamp": self.random.choice([-1, -1, -2]), "max_num_offsets": 1}

        values = {"replica_id": -1, "isolation_level": self.random.choice([0, 1]), "topics": self.places(inner, "partitions")}
        return self.request("list_offsets", values)

    def describe_producers(self) -> Request:
        return self.request("describe_producers", {"topics": self.places(int, "partition_indexes")})

    def learn(self, request: Request, answer: Any) -> None:
        """Takes note of what the next requests build on."""
        if not isinstance(answer, dict):
            return
        if request.api == "join_group" and answer["error_code"] in (0, 79):
            (self.pending.add if answer["error_code"] else self.pending.discard)(request.actor)
        if request.api == "join_group" and answer["error_code"] == 0:
            self.generations[request.actor] = answer["generation_id"]
        if request.api == "init_producer_id" and answer["error_code"] == 0:
            self.sequences = {place: next for place, next in self.sequences.items() if place[0] != request.actor}
        if request.api == "produce" and errors(answer) == {0}:
            topic = request.values["topic_data"][0]
            inner = topic["partition_data"][0]
            records: Records = inner["records"]
            self.sequences[records.transaction, topic["name"], inner["index"]] = records.sequence + records.count


def explain(path: str, ours: Any, theirs: Any) -> List[str]:
    """Where two answers differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(set(ours) | set(theirs))
        if ours.get("error_code") == theirs.get("error_code") == 47:
            # Castle's own log knows an old epoch, Kafka asks the coordinator before it looks into its log.
            keys = [key for key in keys if key != "log_start_offset"]
        if ours.get("records") and theirs.get("aborted_transactions"):
            # Kafka also tells of those behind the last record that may be read, while an older one holds that back.
            end = max(offset + delta for offset, _, delta, *_ in ours["records"])
            seen = [aborted for aborted in theirs["aborted_transactions"] if aborted["first_offset"] <= end]
            theirs = {**theirs, "aborted_transactions": seen}
        return [line for key in keys for line in explain(f"{path}.{key}", ours.get(key), theirs.get(key))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [line for number, (a, b) in enumerate(zip(ours, theirs)) for line in explain(f"{path}[{number}]", a, b)]
    if path.startswith("offset_commit.") and path.endswith(".error_code") and (ours, theirs) == (69, 22):
        # Since version 9 there is a name for a group that does not exist; Kafka says so since 4.0.
        return []
    return [] if ours == theirs else [f"{path}: Castle {ours!r}, Kafka {theirs!r}"]


def even_out(request: Request, other: Any, ours: Side, theirs: Side) -> None:
    """Kafka makes an empty group for an offset of a transaction that it then refuses, and keeps it in memory until it
    sweeps or starts again; Castle does not."""
    if request.api != "txn_offset_commit" or not isinstance(other, dict) or errors(other) == {0}:
        return
    group = request.values["group_id"]
    look = Request("describe_groups", 0, {"groups": [group]})
    states = [side.ask(look)["groups"][0]["group_state"] for side in (ours, theirs)]
    if states == ["Dead", "Empty"]:
        theirs.ask(Request("delete_groups", 0, {"groups_names": [group]}))


def compare(request: Request, ours: Side, theirs: Side, source: Requests) -> List[str]:
    for look in range(LOOKS):
        one, other = ours.ask(request), theirs.ask(request)
        different = explain(request.api, one, other)
        if not different or request.api not in READING:
            break
        time.sleep(BETWEEN_LOOKS_SECONDS)
    source.learn(request, other)
    even_out(request, other, ours, theirs)
    return different


def run(requests: int, seed: int, keep_going: bool) -> int:
    work = pathlib.Path(tempfile.mkdtemp(prefix="differential-"))
    found = 0
    try:
        with Castle(work / "castle") as castle, Apache(work / "apache", castle.keeper, "3.9") as apache:
            ours, theirs = Side("Castle", castle.broker), Side("Kafka", apache.address)
            for side in (ours, theirs):
                side.prepare()
            served = {}
            for name, api in API.items():
                (a, b), (c, d) = ours.versions[api.key], theirs.versions[api.key]
                served[name] = (max(a, c, OLDEST.get(name, 0)), min(b, d, CLASSIC.get(name, 99)))
            source = Requests(seed, served)
            began = time.monotonic()
            for number in range(requests):
                request = source.next()
                different = compare(request, ours, theirs, source)
                if different:
                    found += 1
                    print(f"request {number} of seed {seed}: {str(request)[:900]}")
                    print("\n".join("  " + line[:600] for line in different), flush=True)
                    if not keep_going:
                        return 1
            print(f"{requests} requests of seed {seed} in {time.monotonic() - began:.0f} s, {found} answered differently")
            return 1 if found else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    options = parser.parse_args()
    return run(options.requests, options.seed, options.keep_going)


if __name__ == "__main__":
    sys.exit(main())
