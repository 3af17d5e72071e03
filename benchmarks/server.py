"""One server under measurement: started fresh, awaited, watched through /proc, ended, its directory removed.

What is read from /proc belongs to the server alone: its CPU seconds, its memory, the bytes that it had
written. The load generators share the machine, so their cost never counts.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time
from typing import Mapping, Optional, Sequence

TICK = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 120.0
STOP_SECONDS = 60.0


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process with a directory of its own. Subclasses say what is run and when it answers."""

    #: What the tables call it.
    name = "server"
    #: Version, memory limits, durability: what a reader must know of how it was run.
    settings = ""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.started = 0.0
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def answers(self) -> bool:
        """One attempt at a request; true once the server answered it."""
        raise NotImplementedError

    def start(self) -> float:
        """Starts it and returns the seconds from exec to the first answered request."""
        assert self.process is None, f"{self.name} runs already"
        with open(self.directory / "output.log", "ab") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                list(self.command()), stdout=log, stderr=log, cwd=self.directory,
                env={**os.environ, **self.environment()},
            )
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() - self.started > READY_SECONDS:
                self.kill()
                raise RuntimeError(f"{self.name} was not ready after {READY_SECONDS} s:\n{self.tail()}")
            time.sleep(0.0005)
        return time.monotonic() - self.started

    def stop(self) -> None:
        """The clean way, then the hard one."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """SIGKILL: the unclean way."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def remove(self) -> None:
        """Ends it and takes its data away."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def tail(self) -> str:
        return "\n".join((self.directory / "output.log").read_text(errors="replace").splitlines()[-20:])

    # What /proc says.

    def _proc(self, file: str) -> str:
        assert self.process is not None
        return pathlib.Path(f"/proc/{self.process.pid}/{file}").read_text()

    def cpu_seconds(self) -> float:
        """User and system time of all its threads since the start."""
        fields = self._proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def _status(self, key: str) -> float:
        for line in self._proc("status").splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def resident_mib(self) -> float:
        return self._status("VmRSS")

    def peak_mib(self) -> float:
        """Most resident memory since the last `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        assert self.process is not None
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def written_bytes(self) -> int:
        """Bytes that it caused to be sent to the disk."""
        for line in self._proc("io").splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        return 0

    def flushes(self) -> int:
        """Flush requests that the disk of the directory has had, from anyone: read on a quiet machine only."""
        device = os.stat(self.directory).st_dev
        base = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
        for path in (base / "stat", base.resolve().parent / "stat"):
            try:
                fields = path.read_text().split()
            except OSError:
                continue
            if len(fields) > 15:
                return int(fields[15])
        return 0


class KeeperServer(Server):
    """Anything that speaks ZooKeeper's protocol."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connect = struct.pack(">iqiqi16s", 0, 0, 10_000, 0, 16, b"")
                connection.sendall(struct.pack(">i", len(connect)) + connect)
                answer = connection.recv(64)
                # The length, protocol version, and a negotiated timeout that is not zero.
                if len(answer) < 12 or struct.unpack(">i", answer[8:12])[0] <= 0:
                    return False
                connection.sendall(struct.pack(">iii", 8, 1, -11))
                return True
        except OSError:
            return False


class BrokerServer(Server):
    """Anything that speaks Kafka's protocol; it answers once it took a record."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return first_record(connection)
        except (OSError, struct.error):
            return False


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    request = struct.pack(">hhi", key, version, 7) + _text("bench") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    wanted = struct.unpack(">i", _read(connection, 4))[0]
    return _read(connection, wanted)[4:]


def _read(connection: socket.socket, wanted: int) -> bytes:
    taken = b""
    while len(taken) < wanted:
        part = connection.recv(wanted - len(taken))
        if not part:
            raise OSError("closed")
        taken += part
    return taken


def first_record(connection: socket.socket, topic: str = "first") -> bool:
    """Asks for the topic's metadata, which creates it, and produces one record; true if that succeeded."""
    import crc32c

    metadata = _ask(connection, 3, 4, struct.pack(">i", 1) + _text(topic) + b"\x01")
    # brokers: count, {id, host, port, rack?}; cluster id?; controller; topics: count, {error, …}
    if topic.encode() not in metadata:
        return False
    record = bytes([0, 0, 0, 1, 2]) + b"x" + bytes([0])
    record = bytes([len(record) * 2]) + record
    now = int(time.time() * 1000)
    tail = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + record
    batch = struct.pack(">ibI", -1, 2, crc32c.crc32c(tail)) + tail
    batch = struct.pack(">qi", 0, len(batch)) + batch
    produce = (
        struct.pack(">hhii", -1, 1, 10_000, 1) + _text(topic)
        + struct.pack(">iii", 1, 0, len(batch)) + batch
    )
    answer = _ask(connection, 0, 3, produce)
    # topics: count, name, partitions: count, {index, error, …}
    at = 4 + 2 + len(topic) + 4 + 4
    return struct.unpack(">h", answer[at:at + 2])[0] == 0
