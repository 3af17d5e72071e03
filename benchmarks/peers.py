"""The servers that are compared, each with its recommended settings for a small machine."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import urllib.request
from typing import Sequence

from server import BrokerServer, Ensemble, KeeperServer, Server, Unsuitable, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASTLE = pathlib.Path(os.environ.get("CASTLE", ROOT / "target/release/castle"))
TOOLS = ROOT / "target/conformance"
JARS = TOOLS / "jars"

#: A collector with short pauses and a fixed heap, as both projects advise.
KEEPER_HEAP = "1g"
BROKER_HEAP = "1g"


def version_in(directory: pathlib.Path, artifact: str) -> str:
    for jar in sorted(directory.glob(f"{artifact}-[0-9]*.jar")):
        return jar.stem.removeprefix(artifact + "-")
    return "not installed"


class CastleKeeper(KeeperServer):
    name = "Castle"
    settings = "zoo.cfg of defaults; every write fsynced before its reply"

    def command(self) -> list[str]:
        (self.directory / "zoo.cfg").write_text(
            f"dataDir={self.directory / 'data'}\nclientPort={self.port}\nadmin.enableServer=false\ntickTime=2000\nmaxClientCnxns=0\n{self.more}"
        )
        return [str(CASTLE), "keeper", str(self.directory / "zoo.cfg")]


class SlowCastleKeeper(CastleKeeper):
    """Castle without optimisation: a rival that the harness must find slower."""

    name = "Castle, unoptimised"

    def command(self) -> list[str]:
        return [str(ROOT / "target/debug/castle"), *super().command()[1:]]


class ZooKeeper(KeeperServer):
    name = "ZooKeeper"
    heap = KEEPER_HEAP
    settings = (
        f"{version_in(JARS / 'zookeeper-3.9', 'zookeeper')}, heap -Xms{KEEPER_HEAP} -Xmx{KEEPER_HEAP}, G1; "
        "every write fsynced before its reply"
    )

    def command(self) -> list[str]:
        (self.directory / "zoo.cfg").write_text(
            f"dataDir={self.directory / 'data'}\nclientPort={self.port}\nadmin.enableServer=false\n"
            f"tickTime=2000\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n{self.more}"
        )
        (self.directory / "data").mkdir(exist_ok=True)
        return [
            "java", f"-Xms{self.heap}", f"-Xmx{self.heap}", "-XX:+UseG1GC", "-cp", f"{JARS / 'zookeeper-3.9'}/*",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self.directory / "zoo.cfg"),
        ]


class SmallZooKeeper(ZooKeeper):
    heap = "700m"


class Etcd(Server):
    """etcd as Debian has it: not a rival of the same protocol, but a point that many know."""

    name = "etcd"
    program = TOOLS / "etcd/usr/bin/etcd"
    settings = "Debian's etcd-server, defaults; every write fsynced before its reply; loaded by benchmarks/etcd"

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.peer_port = free_port()

    def command(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.peer_port}"
        return [
            str(self.program), "--data-dir", str(self.directory / "data"), "--log-level", "warn",
            "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
        ]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=5) as answer:
                return json.load(answer).get("health") == "true"
        except (OSError, ValueError):
            return False

    def load(self, half: str, options: Sequence[str], seconds: float) -> list[str]:
        given = dict(zip(options[::2], options[1::2]))
        known = {"--operation", "--connections", "--in-flight", "--size"}
        if not known.issuperset(given) or given.get("--operation") not in ("create", "set", "get", "mixed"):
            raise Unsuitable
        translated = [part for name, value in given.items() for part in (f"-{name.lstrip('-')}", value)]
        return [str(TOOLS / "etcd-load"), "-server", self.address, "-seconds", str(seconds), *translated]


def etcd() -> list[type[Server]]:
    """etcd, where it could be installed."""
    return [Etcd] if Etcd.program.exists() else []


class CastleEnsemble(Ensemble):
    name = "Castle"
    member = CastleKeeper
    settings = "three members on this machine; every write fsynced on a majority before its reply"


class ZooKeeperEnsemble(Ensemble):
    name = "ZooKeeper"
    member = SmallZooKeeper
    settings = ZooKeeper.settings.replace(KEEPER_HEAP, SmallZooKeeper.heap) + "; three members on this machine"


class CastleBroker(BrokerServer):
    """`castle dev`: keeper and broker in one process, so the keeper's cost is counted too."""

    name = "Castle"
    settings = "castle dev, keeper included; page cache"
    flush_each = False

    def command(self) -> list[str]:
        more = ["--set", "castle.durable.acks=true"] if self.flush_each else []
        return [
            str(CASTLE), "dev", "--data-dir", str(self.directory / "data"), "--broker-port", str(self.port),
            "--keeper-port", "0", "--http-port", "0", *more,
        ]


class CastleBrokerSynced(CastleBroker):
    name = "Castle"
    settings = "castle dev, keeper included; castle.durable.acks=true"
    flush_each = True


class Kafka(BrokerServer):
    """Apache Kafka with KRaft, controller and broker in one process."""

    line = "4.3"
    name = "Kafka 4"
    settings = (
        f"{version_in(JARS / 'kafka-server-4.3', 'kafka_2.13')}, KRaft combined, heap -Xms{BROKER_HEAP} "
        f"-Xmx{BROKER_HEAP}, G1; page cache"
    )
    flush_each = False

    def jars(self) -> str:
        return f"{JARS / f'kafka-server-{self.line}'}/*"

    def java(self) -> list[str]:
        return [
            "java", f"-Xms{BROKER_HEAP}", f"-Xmx{BROKER_HEAP}", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true", "-cp", self.jars(),
        ]

    def properties(self) -> str:
        flush = "log.flush.interval.messages=1\n" if self.flush_each else ""
        return (
            f"log.dirs={self.directory / 'data'}\nnum.partitions=1\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
            f"group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=true\n{flush}"
        )

    def command(self) -> list[str]:
        config = self.directory / "server.properties"
        if not config.exists():
            controller = free_port()
            config.write_text(
                self.properties()
                + "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
                f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            )
            # Formatting is done once by an operator; it is not part of the start.
            with open(self.directory / "format.log", "wb") as log:
                subprocess.run(
                    [*self.java(), "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg",
                     "-c", str(config)],
                    check=True, stdout=log, stderr=log,
                )
        return [*self.java(), "kafka.Kafka", str(config)]

    def start(self) -> float:
        # So that formatting does not count as start-up.
        self.command()
        return super().start()


class KafkaSynced(Kafka):
    settings = Kafka.settings.replace("page cache", "log.flush.interval.messages=1")
    flush_each = True


class Kafka39(Kafka):
    """Apache Kafka 3.9 in ZooKeeper mode. The ZooKeeper beside it is started first and not measured."""

    line = "3.9"
    name = "Kafka 3.9"
    settings = (
        f"{version_in(JARS / 'kafka-server-3.9', 'kafka_2.13')}, ZooKeeper mode, heap -Xms{BROKER_HEAP} "
        f"-Xmx{BROKER_HEAP}, G1; page cache; its ZooKeeper is not counted"
    )

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.zookeeper = ZooKeeper(directory.with_name(directory.name + "-zookeeper"))

    def command(self) -> list[str]:
        config = self.directory / "server.properties"
        config.write_text(
            self.properties()
            + f"broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:{self.port}\n"
            f"zookeeper.connect=127.0.0.1:{self.zookeeper.port}\n"
        )
        return [*self.java(), "kafka.Kafka", str(config)]

    def start(self) -> float:
        if self.zookeeper.process is None:
            self.zookeeper.start()
        return super().start()

    def remove(self) -> None:
        super().remove()
        self.zookeeper.remove()
