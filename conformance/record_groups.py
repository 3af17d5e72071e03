"""Records conversations between random group members and a real Kafka broker.

    python record_groups.py HOST:PORT FIRST_SEED LAST_SEED DIRECTORY

writes one file per seed in the language of crates/coordinator/transcripts, whose tests then hold the
coordinator to what the broker answered. The broker must have `group.initial.rebalance.delay.ms=0`, a topic
`topic` with at least four partitions, and answer to kafka-python 3. A conversation ends where the broker
leaves something to chance that its answer shows.
"""

from __future__ import annotations

import pathlib
import random
import re
import select
import socket
import struct
import sys
import time
from typing import Any, Optional

from kafka.protocol.admin import groups as admin
from kafka.protocol.consumer import group as consumer

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS = 45
# A broker that has not answered after this long lets the client wait.
QUIET_SECONDS = 0.07

ERRORS = {
    int(number): name
    for name, number in re.findall(
        r"^ {4}([A-Z_]+) = (-?\d+) ", (ROOT / "crates/kafka-wire/src/error_code.rs").read_text(), re.M
    )
}


def subscription(topic: str) -> bytes:
    name = topic.encode()
    return b"\0\1" + struct.pack(">ih", 1, len(name)) + name + struct.pack(">i", -1)


METADATA = {"any": b"any", "topic": subscription("topic"), "other": subscription("other")}


class Chance(Exception):
    """What comes next depends on the broker's hash tables."""


class Connection:
    """One client's connection, with at most one request under way."""

    def __init__(self, address: tuple[str, int], client_id: str) -> None:
        self.socket = socket.create_connection(address)
        self.client_id = client_id
        self.buffer = b""
        self.request: Optional[Any] = None

    def send(self, request: Any) -> None:
        request.with_header(correlation_id=1, client_id=self.client_id)
        self.socket.sendall(request.encode(framed=True, header=True))
        self.request = request

    def receive(self, seconds: float) -> Optional[Any]:
        deadline = time.monotonic() + seconds
        while True:
            size = struct.unpack(">i", self.buffer[:4])[0] if len(self.buffer) >= 4 else None
            if size is not None and len(self.buffer) >= 4 + size:
                frame, self.buffer = self.buffer[4 : 4 + size], self.buffer[4 + size :]
                request, self.request = self.request, None
                name = request.name.replace("Request", "Response")
                response = getattr(consumer, name, None) or getattr(admin, name)
                return response.decode(frame, version=request.API_VERSION, header=True)
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the broker closed the connection")
            self.buffer += data


class Actor:
    """A member as it sees itself."""

    def __init__(self, name: str, group: str, instance: Optional[str]) -> None:
        self.name, self.group, self.instance = name, group, instance
        self.member, self.generation = "", -1
        self.must_assign: list[str] = []

    def forget(self) -> None:
        self.member, self.generation, self.must_assign = "", -1, []


class Conversation:
    def __init__(self, address: tuple[str, int], seed: int) -> None:
        self.random = random.Random(seed)
        self.prefix = f"recorded-{int(time.time())}-{seed}-"
        self.lines: list[str] = []
        self.short: dict[str, str] = {}
        self.full: dict[str, str] = {}
        self.instance_of: dict[str, Optional[str]] = {}
        self.joining_as: dict[str, Optional[str]] = {}
        self.waiting_as: dict[str, str] = {}
        chance = self.random.random
        self.actors = [
            Actor(f"c{n}", self.random.choice("ab"), f"i{n}" if chance() < 0.4 else None) for n in range(3)
        ]
        self.connections = {actor.name: Connection(address, actor.name) for actor in self.actors}

    def run(self) -> str:
        for _ in range(STEPS):
            told = len(self.lines)
            try:
                self.step()
            except Chance:
                del self.lines[told:]
                break
        return "\n".join(self.lines)

    # ---- what is asked ----

    def step(self) -> None:
        actor = self.random.choice(self.actors)
        connection = self.connections[actor.name]
        if connection.request is not None:
            return
        asked = self.choose(actor)
        if asked is None:
            return
        command, request = asked
        self.lines.append(f"> {command}")
        connection.send(request)
        for name, response in self.listen().items():
            self.learn(next(actor for actor in self.actors if actor.name == name), response)

    def choose(self, actor: Actor) -> Optional[tuple[str, Any]]:
        chance, choice = self.random.random, self.random.choice
        member, instance, generation = actor.member, actor.instance, actor.generation
        if chance() < 0.08:
            member = choice(["", "nobody", "m1", "m2"])
        if chance() < 0.06:
            instance = choice([None, "i0", "i1", "ix"])
        if chance() < 0.06:
            generation = choice([-1, 0, 1, generation + 1])
        if self.full.get(member, "").startswith("c"):
            # An id that was given out is never static; Kafka fails if somebody says so.
            instance = None
        who = (f" member={member}" if member else "") + (f" instance={instance}" if instance else "")
        identity = {"member_id": self.full.get(member, member), "group_instance_id": instance}
        head = f"{actor.name} group={actor.group}"
        group = self.prefix + actor.group
        dice = chance()
        if dice < 0.34 or (actor.generation < 0 and dice < 0.55):
            return self.join(actor, head, group, who, member, instance, identity)
        if dice < 0.60:
            return self.sync(actor, head, group, who, member, generation, identity)
        if dice < 0.70:
            request = consumer.HeartbeatRequest(version=4, group_id=group, generation_id=generation, **identity)
            return f"beat {head}{who} gen={generation}", request
        if dice < 0.79:
            if chance() < 0.3:
                who, generation, identity = "", -1, {"member_id": "", "group_instance_id": None}
            return self.commit(head, group, who, generation, identity)
        if dice < 0.85:
            return self.fetch(actor, group)
        if dice < 0.91:
            groups = [group]
            request = admin.DescribeGroupsRequest(version=5, groups=groups, include_authorized_operations=False)
            return f"describe {head}", request
        if dice < 0.93:
            return self.list(actor)
        if dice < 0.965:
            return self.leave(actor, group, member, instance)
        if dice < 0.985:
            names = [group, self.prefix + "nobody"]
            request = admin.DeleteGroupsRequest(version=2, groups_names=names)
            return f"delete {actor.name} {actor.group} nobody", request
        topic = consumer.OffsetDeleteRequest.OffsetDeleteRequestTopic
        partitions = [topic.OffsetDeleteRequestPartition(partition_index=number) for number in (0, 3)]
        topics = [topic(name="topic", partitions=partitions)]
        request = consumer.OffsetDeleteRequest(version=0, group_id=group, topics=topics)
        return f"delete-offsets {actor.name} topic:0,3 group={actor.group}", request

    def join(self, actor, head, group, who, member, instance, identity):
        if self.waits(member):
            return None
        version = self.random.choice([5, 9] if instance else [3, 4, 5, 9])
        shapes = [["range:topic"], ["range:topic"], ["range:topic"], ["range:other", "rr:any"], ["zz:any"], ["range:any"]]
        offers = self.random.choice(shapes)
        kind = "consumer" if self.random.random() < 0.95 else "connect"
        session = 30000 if self.random.random() < 0.95 else self.random.choice([5999, 1800001])
        protocol = consumer.JoinGroupRequest.JoinGroupRequestProtocol
        protocols = [offer.split(":") for offer in offers]
        request = consumer.JoinGroupRequest(
            version=version, group_id=group, session_timeout_ms=session, rebalance_timeout_ms=60000,
            protocol_type=kind, reason=None,
            protocols=[protocol(name=name, metadata=METADATA[topic]) for name, topic in protocols], **identity,
        )
        if not member:
            self.joining_as[actor.name] = instance
        self.waiting_as[actor.name] = member
        offers = ",".join(offers)
        return f"join {head} v={version}{who} type={kind} protocols={offers} session={session}", request

    def sync(self, actor, head, group, who, member, generation, identity):
        if self.waits(member):
            return None
        kinds = [(None, None)] * 3 + [("consumer", "range")] * 3 + [("x", "range"), ("consumer", "rr")]
        kind, protocol = self.random.choice(kinds)
        assignment = consumer.SyncGroupRequest.SyncGroupRequestAssignment
        request = consumer.SyncGroupRequest(
            version=5 if kind else 4, group_id=group, generation_id=generation, protocol_type=kind,
            protocol_name=protocol, assignments=[
                assignment(member_id=self.full[name], assignment=f"part-{name}".encode())
                for name in actor.must_assign
            ], **identity,
        )
        self.waiting_as[actor.name] = member
        command = f"sync {head}{who} gen={generation}"
        if kind:
            command += f" type={kind} protocol={protocol}"
        if actor.must_assign:
            command += " assign=" + ",".join(f"{name}:part-{name}" for name in actor.must_assign)
        return command, request

    def commit(self, head, group, who, generation, identity):
        offsets = {number: self.random.randint(0, 99) for number in sorted({0, self.random.choice([0, 1])})}
        words = self.random.choice(["", "words"])
        topic = consumer.OffsetCommitRequest.OffsetCommitRequestTopic
        partitions = [
            topic.OffsetCommitRequestPartition(
                partition_index=number, committed_offset=offset, committed_leader_epoch=-1,
                commit_timestamp=-1, committed_metadata=words,
            ) for number, offset in offsets.items()
        ]
        request = consumer.OffsetCommitRequest(
            version=8, group_id=group, generation_id_or_member_epoch=generation, retention_time_ms=-1,
            topics=[topic(name="topic", partitions=partitions)], **identity,
        )
        told = "".join(
            f" topic-{number}={offset}" + (f":{words}" if words else "") for number, offset in offsets.items()
        )
        return f"commit {head}{who} gen={generation}{told}", request

    def fetch(self, actor, group):
        asks_all = self.random.random() < 0.4
        shape = consumer.OffsetFetchRequest.OffsetFetchRequestGroup
        topics = None if asks_all else [shape.OffsetFetchRequestTopics(name="topic", partition_indexes=[0, 1, 2])]
        groups = [shape(group_id=group, topics=topics)]
        request = consumer.OffsetFetchRequest(version=8, groups=groups, require_stable=True)
        which = "" if asks_all else " topic:0,1,2"
        return f"fetch {actor.name}{which} group={actor.group} stable=yes", request

    def list(self, actor):
        states = self.random.choice([[], ["Stable"], ["empty"], ["PREPARINGREBALANCE", "CompletingRebalance"]])
        types = self.random.choice([[], ["Classic"], ["consumer"]])
        request = admin.ListGroupsRequest(version=5, states_filter=states, types_filter=types)
        told = (" states=" + ",".join(states) if states else "") + (" types=" + ",".join(types) if types else "")
        return f"list {actor.name}{told}", request

    def leave(self, actor, group, member, instance):
        leaving = [(member, instance)] if member or instance else []
        if self.random.random() < 0.25:
            leaving.append(("", "i1"))
        if not leaving:
            return None
        shape = consumer.LeaveGroupRequest.MemberIdentity
        members = [
            shape(member_id=self.full.get(name, name), group_instance_id=instance, reason=None)
            for name, instance in leaving
        ]
        request = consumer.LeaveGroupRequest(version=5, group_id=group, members=members)
        told = " ".join(
            (f"{name}:{instance}" if instance else name) if name else f"instance:{instance}"
            for name, instance in leaving
        )
        return f"leave {actor.name} {told} group={actor.group}", request

    def waits(self, member: str) -> bool:
        """Of two waiting requests of one member, Kafka never answers the first."""
        waiting = (name for name, connection in self.connections.items() if connection.request is not None)
        return bool(member) and any(self.waiting_as.get(name) == member for name in waiting)

    # ---- what is answered ----

    def listen(self) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            waiting = [(name, it) for name, it in sorted(self.connections.items()) if it.request is not None]
            if not waiting:
                break
            for name, connection in waiting:
                response = connection.receive(0.005)
                if response is not None:
                    answers[name] = response
                    deadline = time.monotonic() + QUIET_SECONDS
        for name in sorted(answers):
            if answers[name].name == "JoinGroupResponse":
                self.name_member(answers[name].member_id, self.joining_as.get(name))
        for name in sorted(answers):
            text = f"{name}: {self.words(answers[name])}"
            for full, short in self.short.items():
                text = text.replace(full, short)
            self.lines.append(text)
        return answers

    def name_member(self, full: str, instance: Optional[str]) -> None:
        # Ids that a client made up are shorter.
        if len(full) > 36 and full not in self.short:
            short = f"m{len(self.short) + 1}"
            self.short[full], self.full[short], self.instance_of[full] = short, full, instance

    def learn(self, actor: Actor, response: Any) -> None:
        if response.name == "JoinGroupResponse":
            if response.error_code == 0:
                actor.member, actor.generation = self.short[response.member_id], response.generation_id
                leads = response.leader == response.member_id
                actor.must_assign = sorted(self.short[it.member_id] for it in response.members) if leads else []
            elif ERRORS[response.error_code] == "MEMBER_ID_REQUIRED":
                actor.member = self.short[response.member_id]
            elif ERRORS[response.error_code] in ("UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"):
                actor.forget()
        elif response.name in ("HeartbeatResponse", "SyncGroupResponse"):
            if ERRORS[response.error_code] in ("UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"):
                actor.forget()

    def words(self, response: Any) -> str:
        return getattr(self, "say_" + response.name)(response)

    def say_member(self, full: str) -> str:
        if full not in self.short:
            raise Chance
        instance = self.instance_of[full]
        return self.short[full] + (f"({instance})" if instance else "")

    def say_JoinGroupResponse(self, answer: Any) -> str:
        if answer.error_code:
            return ERRORS[answer.error_code] + (f" for {answer.member_id}" if answer.member_id else "")
        told = f"joined as {answer.member_id}, generation {answer.generation_id}, {answer.protocol_name}"
        told += f", leader {answer.leader}"
        if getattr(answer, "skip_assignment", False):
            told += ", skip the assignment"
        names = {metadata: "" if name == "any" else f' "{name}"' for name, metadata in METADATA.items()}
        lines = [f"\n   {self.say_member(it.member_id)}{names[bytes(it.metadata)]}" for it in answer.members]
        return told + "".join(sorted(lines))

    def say_SyncGroupResponse(self, answer: Any) -> str:
        return ERRORS[answer.error_code] if answer.error_code else f'assigned "{bytes(answer.assignment).decode()}"'

    def say_HeartbeatResponse(self, answer: Any) -> str:
        return ERRORS[answer.error_code]

    def say_LeaveGroupResponse(self, answer: Any) -> str:
        lines = (f"\n   {it.member_id or it.group_instance_id} {ERRORS[it.error_code]}" for it in answer.members)
        return ERRORS[answer.error_code] + "".join(lines)

    def say_partitions(self, topics: Any) -> str:
        codes = sorted((topic.name, it.partition_index, it.error_code) for topic in topics for it in topic.partitions)
        return "".join(f" {topic}-{number} {ERRORS[code]}" for topic, number, code in codes)

    def say_OffsetCommitResponse(self, answer: Any) -> str:
        return "committed" + self.say_partitions(answer.topics)

    def say_OffsetDeleteResponse(self, answer: Any) -> str:
        return ERRORS[answer.error_code] if answer.error_code else "deleted" + self.say_partitions(answer.topics)

    def say_OffsetFetchResponse(self, answer: Any) -> str:
        (group,) = answer.groups
        told = ERRORS[group.error_code]
        found = {(topic.name, it.partition_index): it for topic in group.topics for it in topic.partitions}
        for (topic, number), it in sorted(found.items()):
            told += f" {topic}-{number}={it.committed_offset}"
            told += f"({it.metadata})" if it.metadata else ""
            told += f" {ERRORS[it.error_code]}" if it.error_code else ""
        return told

    def say_DescribeGroupsResponse(self, answer: Any) -> str:
        (group,) = answer.groups
        told = f"{ERRORS[group.error_code]} {group.group_state} [{group.protocol_type}/{group.protocol_data}]"
        lines = (
            f"\n   {self.say_member(it.member_id)} {it.client_id} {it.client_host}"
            f' "{bytes(it.member_assignment).decode()}"'
            for it in group.members
        )
        return told + "".join(sorted(lines))

    def say_ListGroupsResponse(self, answer: Any) -> str:
        ours = (it for it in answer.groups if it.group_id.startswith(self.prefix))
        lines = sorted(f" {it.group_id.removeprefix(self.prefix)}[{it.protocol_type}]:{it.group_state}" for it in ours)
        return ERRORS[answer.error_code] + "".join(lines)

    def say_DeleteGroupsResponse(self, answer: Any) -> str:
        results = sorted((it.group_id, it.error_code) for it in answer.results)
        return "deleted" + "".join(f" {group.removeprefix(self.prefix)} {ERRORS[code]}" for group, code in results)


def main(address: str, first: str, last: str, directory: str) -> None:
    host, port = address.rsplit(":", 1)
    place = pathlib.Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    for seed in range(int(first), int(last) + 1):
        told = Conversation((host, int(port)), seed).run()
        head = f"# settings: delay=0\n# Recorded from Apache Kafka 3.9.2; the seed was {seed}.\n"
        (place / f"{seed:03}.txt").write_text(f"{head}{told}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
