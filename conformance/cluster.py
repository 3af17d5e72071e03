"""Starts and ends a cluster of brokers on one keeper, each a process of its own."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import socket
import subprocess
import time
from typing import Optional, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import ports
from castle import BINARY, READY_SECONDS, STOP_SECONDS


def free_port() -> int:
    """A port that nobody listens on now; good enough for a process that is started at once."""
    with socket.socket() as probe:
        ports.bind(probe)
        return probe.getsockname()[1]


def wait_for_port(port: int, process: "Process") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            process.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"nobody listens on {port}:\n{process.tail()}") from None
            time.sleep(0.02)


class Process:
    """One server, restarted with the same command."""

    def __init__(self, command: Sequence[str], log: pathlib.Path, port: int, *, env: Optional[dict] = None) -> None:
        self.command, self.log, self.port, self.env = list(command), log, port, env
        self.process: Optional[subprocess.Popen[bytes]] = None

    def start(self, *, wait: bool = True) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.env)
        if wait:
            wait_for_port(self.port, self)

    def check(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"{self.command} ended:\n{self.tail()}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self.process = None

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def castle_keeper(directory: pathlib.Path, port: int) -> Process:
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "zoo.cfg"
    config.write_text(
        f"dataDir={directory / 'data'}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=500\n"
        "minSessionTimeout=1000\nmaxSessionTimeout=60000\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
    )
    return Process([str(BINARY), "keeper", str(config)], directory / "keeper.log", port)


class Cluster:
    """`brokers` Castle brokers, numbered from 1, on a Castle keeper or on the one at `keeper`."""

    def __init__(
        self, directory: pathlib.Path, *, brokers: int = 3, keeper: Optional[str] = None,
        settings: Optional[dict] = None, racks: bool = False, session_ms: int = 3000,
    ) -> None:
        self.directory = directory
        self.keeper: Optional[Process] = None
        self.settings = {
            "zookeeper.session.timeout.ms": str(session_ms), "default.replication.factor": str(min(3, brokers)),
            "min.insync.replicas": str(min(2, brokers)), "offsets.topic.replication.factor": str(min(3, brokers)),
            "offsets.topic.num.partitions": "3", "replica.lag.time.max.ms": "5000",
            "group.initial.rebalance.delay.ms": "0", **(settings or {}),
        }
        if keeper is None:
            port = free_port()
            self.keeper = castle_keeper(directory / "keeper", port)
            keeper = f"127.0.0.1:{port}"
        self.keeper_address = keeper
        self.brokers = {number: self.broker(number, racks) for number in range(1, brokers + 1)}

    def broker(self, number: int, racks: bool) -> Process:
        directory = self.directory / f"broker-{number}"
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        settings = {
            "broker.id": str(number), "listeners": f"PLAINTEXT://127.0.0.1:{port}", "log.dirs": str(directory / "logs"),
            "zookeeper.connect": self.keeper_address, **self.settings,
        }
        if racks:
            settings["broker.rack"] = f"rack-{number}"
        config = directory / "server.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return Process([str(BINARY), "broker", str(config)], directory / "broker.log", port)

    @property
    def addresses(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers.values())

    def start(self) -> "Cluster":
        if self.keeper is not None:
            self.keeper.start()
        for broker in self.brokers.values():
            broker.start(wait=False)
        for broker in self.brokers.values():
            wait_for_port(broker.port, broker)
        self.wait_for_all()
        return self

    def wait_for_all(self) -> None:
        """Ports are open before brokers are registered."""
        client = AdminClient({"bootstrap.servers": self.addresses, "log_level": 0})
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if len(client.list_topics(timeout=20).brokers) == len(self.brokers):
                    return
            except KafkaException:
                pass
            assert time.monotonic() < deadline, f"not in time: not all brokers are registered:\n{self.tails()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends every process, the keeper last, also when one of them does not end well."""
        with contextlib.ExitStack() as all_of_them:
            for process in (self.keeper, *reversed(self.brokers.values())):
                if process is not None:
                    all_of_them.callback(process.stop)

    def tails(self) -> str:
        return "\n".join(f"--- broker {number}\n{broker.tail(40)}" for number, broker in self.brokers.items())

    def __enter__(self) -> "Cluster":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
