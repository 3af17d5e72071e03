"""Apache ZooKeeper and Apache Kafka as processes, and Kafka's own admin tools."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from typing import Callable

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from cluster import Process, free_port

Tool = Callable[[str], pathlib.Path]
TOOLS_SECONDS = 120


def java(jars: pathlib.Path, main: str, *arguments: str, heap: str = "-Xmx256m") -> list[str]:
    return ["java", heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", main, *arguments]


def kafka_tool(tool: Tool, main: str, *arguments: str) -> str:
    """Runs one of the tools of Kafka 3.9 and returns what it printed; a failing one is an error."""
    command = java(tool("jars/kafka-server-3.9"), main, *arguments, heap="-Xmx128m")
    done = subprocess.run(command, capture_output=True, text=True, timeout=TOOLS_SECONDS)
    assert done.returncode == 0, f"{main} {arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def zookeeper(tool: Tool, directory: pathlib.Path) -> Process:
    """Apache ZooKeeper 3.9, standalone."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = directory / "zoo.cfg"
    config.write_text(
        f"dataDir={directory / 'data'}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=500\n"
        "minSessionTimeout=1000\nmaxSessionTimeout=60000\nadmin.enableServer=false\n"
    )
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    return Process(java(tool("jars/zookeeper-3.9"), main, str(config)), directory / "zookeeper.log", port)


def kafka(tool: Tool, directory: pathlib.Path, keeper: str, number: int, **settings: str) -> Process:
    """An Apache Kafka 3.9 broker in ZooKeeper mode."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = directory / "server.properties"
    all_settings = {
        "broker.id": str(number), "listeners": f"PLAINTEXT://127.0.0.1:{port}", "log.dirs": str(directory / "logs"),
        "zookeeper.connect": keeper, "offsets.topic.num.partitions": "1", "offsets.topic.replication.factor": "1",
        "group.initial.rebalance.delay.ms": "0", **settings,
    }
    config.write_text("".join(f"{key}={value}\n" for key, value in all_settings.items()))
    command = java(tool("jars/kafka-server-3.9"), "kafka.Kafka", str(config))
    return Process(command, directory / "kafka.log", port)


def znodes(keeper: str, roots: list[str]) -> dict[str, object]:
    """Every znode below the roots: JSON as its value, with what is different each time left out."""
    client = KazooClient(keeper, timeout=20)
    client.start(timeout=20)
    found: dict[str, object] = {}

    def walk(path: str) -> None:
        try:
            data, _ = client.get(path)
            children = client.get_children(path)
        except NoNodeError:
            # Deleted meanwhile.
            return
        text = (data or b"").decode()
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if isinstance(value, dict):
            for changing in ("topic_id", "timestamp", "controller_epoch"):
                if changing in value:
                    value[changing] = "..."
        # The numbers that the keeper gave to sequential znodes depend on what was there before.
        found[re.sub(r"_\d{10}$", "_N", path)] = value
        for child in children:
            walk(f"{path}/{child}")

    for root in roots:
        walk(root)
    client.stop()
    client.close()
    return found
