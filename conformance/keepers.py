"""Starts keepers, Castle's and the original in any of its versions, on the same kind of `zoo.cfg`, so that a test can
put one in the other's place."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import time
from typing import Dict, List, Optional, Tuple

import ports
from castle import BINARY, ROOT

TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))
READY_SECONDS = 90.0
CASTLE = "castle"

# Fast, and deterministic where it matters for a comparison.
SETTINGS = {
    "tickTime": "2000",
    "maxClientCnxns": "0",
    "admin.enableServer": "false",
    "4lw.commands.whitelist": "*",
    "extendedTypesEnabled": "true",
    "maxSessionTimeout": "600000",
    "preAllocSize": "64",
}


class Keeper:
    """One server on a directory. `line` is "castle" or a version of the original such as "3.9"."""

    def __init__(self, line: str, directory: pathlib.Path, *, data: Optional[pathlib.Path] = None,
                 settings: Optional[Dict[str, str]] = None, flags: Optional[List[str]] = None) -> None:
        self.line = line
        self.directory = directory
        self.data = data or directory / "data"
        self.settings = {**SETTINGS, **(settings or {})}
        self.flags = flags or []
        self.process: Optional[subprocess.Popen] = None
        self.port = 0
        directory.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = directory / f"{line}.log"

    @property
    def address(self) -> Tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> "Keeper":
        assert self.process is None, "already running"
        with socket.socket() as probe:
            ports.bind(probe)
            self.port = probe.getsockname()[1]
        settings = {**self.settings, "dataDir": str(self.data), "clientPort": str(self.port),
                    "clientPortAddress": "127.0.0.1"}
        configuration = self.directory / f"{self.line}.cfg"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(configuration), stdout=log, stderr=log, cwd=self.directory)
        deadline = time.monotonic() + READY_SECONDS
        while "Mode:" not in self.word("srvr"):
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise RuntimeError(f"{self.line} ended with {code} before it was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.line} was not ready after {READY_SECONDS} s:\n{self.tail()}")
            time.sleep(0.05)
        return self

    def command(self, configuration: pathlib.Path) -> List[str]:
        if self.line == CASTLE:
            return [str(BINARY), "keeper", str(configuration)]
        jars = TOOLS / "jars" / f"zookeeper-{self.line}"
        assert jars.is_dir(), f"{jars} is missing: run `cargo xtask tools`"
        # These are properties of the process, and have no place in the file.
        reaping = [f"-D{key}={value}" for key, value in self.settings.items() if key.startswith("znode.")]
        return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *reaping, *self.flags,
                "-cp", f"{jars}/*", "org.apache.zookeeper.server.ZooKeeperServerMain", str(configuration)]

    def word(self, word: str) -> str:
        """The answer to a four-letter word, or nothing."""
        try:
            with socket.create_connection(self.address, timeout=10) as connection:
                connection.sendall(word.encode())
                answer = bytearray()
                while more := connection.recv(1 << 16):
                    answer += more
                return answer.decode(errors="replace")
        except OSError:
            return ""

    def kill(self) -> None:
        """As a crash of the process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """As its administrator would."""
        if self.process is not None:
            process, self.process = self.process, None
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def resident_kib(self) -> int:
        """Resident memory of the process."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self) -> float:
        """Processor time that the process has used so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def digests(self) -> Dict[str, str]:
        """What `hash` says: zxid -> digest, both in hexadecimal. Empty before 3.6."""
        found = {}
        for line in self.word("hash").splitlines():
            name, _, value = line.partition(":")
            zxid = name.strip().lower()
            if value.strip():
                found[zxid] = value.strip()
        return found

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def __enter__(self) -> "Keeper":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
