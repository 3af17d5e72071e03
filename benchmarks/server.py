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

#: The load generator: always the release binary, whatever is loaded.
LOADER = pathlib.Path(os.environ.get("CASTLE", pathlib.Path(__file__).resolve().parent.parent / "target/release/castle"))
TICK = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 120.0
STOP_SECONDS = 60.0


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Unsuitable(Exception):
    """This work means nothing to this server."""


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

    @property
    def address(self) -> str:
        raise NotImplementedError

    def load(self, half: str, options: Sequence[str], seconds: float) -> list[str]:
        """The command that loads it for so many seconds and prints what `castle bench -o json` prints. Raises
        `Unsuitable` for work that means nothing to it."""
        return [
            str(LOADER), "bench", half, "--server", self.address, "-o", "json", "--seconds", str(seconds), "--warm-up",
            "0", *options,
        ]

    def start(self) -> float:
        """Starts it and returns the seconds from exec to the first answered request."""
        self.launch()
        assert self.process is not None
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() - self.started > READY_SECONDS:
                self.kill()
                raise RuntimeError(f"{self.name} was not ready after {READY_SECONDS} s:\n{self.tail()}")
            time.sleep(0.0005)
        return time.monotonic() - self.started

    def launch(self) -> None:
        """Starts the process and does not wait."""
        assert self.process is None, f"{self.name} runs already"
        command = list(self.command())
        with open(self.directory / "output.log", "ab") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.directory, env={**os.environ, **self.environment()}
            )

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

    #: More lines of zoo.cfg.
    more = ""

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


    def session(self) -> "Session":
        return Session(self.port)

    def writes(self) -> bool:
        """One attempt to create a sequential znode."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connect = struct.pack(">iqiqi16s", 0, 0, 10_000, 0, 16, b"")
                connection.sendall(struct.pack(">i", len(connect)) + connect)
                answer = _frame(connection)
                if struct.unpack(">i", answer[4:8])[0] <= 0:
                    return False
                acl = struct.pack(">ii", 1, 31) + _buffer(b"world") + _buffer(b"anyone")
                create = struct.pack(">ii", 1, 1) + _buffer(b"/written") + _buffer(b"") + acl + struct.pack(">i", 2)
                connection.sendall(struct.pack(">i", len(create)) + create)
                return struct.unpack(">i", _frame(connection)[12:16])[0] == 0
        except (OSError, struct.error):
            return False

    def mode(self) -> str:
        """leader, follower, standalone, or nothing while it does not serve."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"srvr")
                text = b""
                while part := connection.recv(4096):
                    text += part
        except OSError:
            return ""
        return next((line.split(": ")[1] for line in text.decode().splitlines() if line.startswith("Mode: ")), "")


class Session:
    """A session of a ZooKeeper client that the load generator does not have: it lists children and leaves watches."""

    #: Requests sent before their answers are read.
    BATCH = 500
    #: A session that outlasts the work without pings.
    TIMEOUT_MS = 40_000

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        connect = struct.pack(">iqiqi16s", 0, 0, self.TIMEOUT_MS, 0, 16, b"")
        self.connection.sendall(struct.pack(">i", len(connect)) + connect)
        _frame(self.connection)

    def children(self, path: str) -> list[str]:
        self._send([(8, _buffer(path.encode()) + b"\x00")])
        frame = _frame(self.connection)
        if struct.unpack(">i", frame[12:16])[0] != 0:
            raise RuntimeError(f"no list of the children of {path}")
        names, at = [], 20
        for _ in range(struct.unpack(">i", frame[16:20])[0]):
            length = struct.unpack(">i", frame[at:at + 4])[0]
            names.append(frame[at + 4:at + 4 + length].decode())
            at += 4 + length
        return names

    def watch(self, paths: Sequence[str]) -> None:
        """Leaves a data watch on each path."""
        for start in range(0, len(paths), self.BATCH):
            batch = paths[start:start + self.BATCH]
            self._send([(4, _buffer(path.encode()) + b"\x01") for path in batch])
            for path in batch:
                if struct.unpack(">i", _frame(self.connection)[12:16])[0] != 0:
                    raise RuntimeError(f"no watch on {path}")

    def close(self) -> None:
        self.connection.close()

    def _send(self, requests: Sequence[tuple[int, bytes]]) -> None:
        frames = (struct.pack(">ii", 1, operation) + body for operation, body in requests)
        self.connection.sendall(b"".join(_buffer(frame) for frame in frames))


class Ensemble(Server):
    """Three members on this machine, measured as one: what they cost is added up."""

    #: Which keeper a member is.
    member: type[KeeperServer] = KeeperServer

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self.members = [self.member(directory / str(number)) for number in (1, 2, 3)]
        lines = "".join(
            f"server.{number}=127.0.0.1:{free_port()}:{free_port()}\n" for number in (1, 2, 3)
        )
        for number, one in enumerate(self.members, 1):
            data = one.directory / "data"
            data.mkdir()
            (data / "myid").write_text(f"{number}\n")
            one.more = f"initLimit=10\nsyncLimit=5\n{lines}"

    @property
    def address(self) -> str:
        """Of the leader, as far as there is one."""
        return (self.leader() or self.members[0]).address

    def leader(self) -> Optional[KeeperServer]:
        return next((one for one in self.members if one.process and one.mode() == "leader"), None)

    def start(self) -> float:
        for one in self.members:
            if one.process is None:
                one.launch()
        self.started = time.monotonic()
        self.process = self.members[0].process
        while not any(one.writes() for one in self.members):
            if time.monotonic() - self.started > READY_SECONDS:
                self.stop()
                raise RuntimeError(f"no leader after {READY_SECONDS} s:\n" + self.members[0].tail())
            time.sleep(0.001)
        took = time.monotonic() - self.started
        # The third joins a little later; the load waits for it.
        while not all(one.answers() for one in self.members):
            if time.monotonic() - self.started > READY_SECONDS:
                self.stop()
                raise RuntimeError("a member does not serve:\n" + "\n".join(one.tail() for one in self.members))
            time.sleep(0.01)
        return took

    def failover(self, frozen: bool) -> float:
        """Takes the leader away, by SIGKILL or by SIGSTOP, and returns the seconds until another member accepts a
        write. All are back afterwards."""
        leader = self.leader()
        if leader is None or leader.process is None:
            raise RuntimeError("no leader")
        process = leader.process
        if frozen:
            process.send_signal(signal.SIGSTOP)
        else:
            leader.kill()
        try:
            begin = time.monotonic()
            while not any(one.writes() for one in self.members if one.process and one is not leader):
                if time.monotonic() - begin > READY_SECONDS:
                    raise RuntimeError("no new leader")
                time.sleep(0.001)
            took = time.monotonic() - begin
        finally:
            if frozen:
                process.send_signal(signal.SIGCONT)
        self.start()
        return took

    def load(self, half: str, options: Sequence[str], seconds: float) -> list[str]:
        return (self.leader() or self.members[0]).load(half, options, seconds)

    def stop(self) -> None:
        for one in self.members:
            one.stop()
        self.process = None

    def kill(self) -> None:
        for one in self.members:
            one.kill()
        self.process = None

    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds() for one in self.members)

    def resident_mib(self) -> float:
        return sum(one.resident_mib() for one in self.members)

    def peak_mib(self) -> float:
        return sum(one.peak_mib() for one in self.members)

    def forget_peak(self) -> None:
        for one in self.members:
            one.forget_peak()

    def written_bytes(self) -> int:
        return sum(one.written_bytes() for one in self.members)


def _buffer(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def _frame(connection: socket.socket) -> bytes:
    return _read(connection, struct.unpack(">i", _read(connection, 4))[0])


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
    taken = bytearray()
    while len(taken) < wanted:
        part = connection.recv(min(wanted - len(taken), 1 << 20))
        if not part:
            raise OSError("closed")
        taken += part
    return bytes(taken)


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
