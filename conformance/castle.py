"""Starts and ends the Castle under test. Every server gets free ports and a directory of its own."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
from typing import Optional, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("CASTLE", ROOT / "target" / "release" / "castle"))

# Generous: a busy machine may take a while, and a test must not fail for that.
READY_SECONDS = 60.0
STOP_SECONDS = 60.0


class Castle:
    """One `castle dev` process. `start` after `kill` reuses the directory and the ports."""

    def __init__(self, directory: pathlib.Path, *, options: Sequence[str] = (), prefix: Sequence[str] = ()) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "castle.log"
        self.options = list(options)
        self.prefix = list(prefix)
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.keeper = ""
        self.broker = ""
        self.http = ""
        directory.mkdir(parents=True, exist_ok=True)

    def start(self) -> "Castle":
        assert self.process is None, "already running"
        ready_file = self.directory / "ready.json"
        ready_file.unlink(missing_ok=True)
        command = [
            *self.prefix, str(BINARY), "dev",
            "--data-dir", str(self.data),
            "--keeper-port", port_of(self.keeper),
            "--broker-port", port_of(self.broker),
            "--http-port", port_of(self.http),
            "--ready-file", str(ready_file),
            *self.options,
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while not ready_file.exists():
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise RuntimeError(f"castle ended with {code} before it was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"castle was not ready after {READY_SECONDS} s:\n{self.tail()}")
            time.sleep(0.002)
        ready = json.loads(ready_file.read_text())
        self.keeper, self.broker, self.http = ready["keeper"], ready["broker"], ready["http"]
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """As a power cut would, as far as a process can: no handler runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """The clean way; fails if the process does not end well."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise RuntimeError(f"castle did not stop within {STOP_SECONDS} s:\n{self.tail()}") from None
        self.process = None
        if code != 0:
            raise RuntimeError(f"castle ended with {code}:\n{self.tail()}")

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def resident_kib(self) -> int:
        """Resident memory of the process."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def __enter__(self) -> "Castle":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Nodes(Castle):
    """`castle dev --nodes 3`: its addresses are those of all nodes, separated by commas."""

    COUNT = 3

    def __init__(self, directory: pathlib.Path, *, options: Sequence[str] = ()) -> None:
        super().__init__(directory, options=["--nodes", str(self.COUNT), *options])

    def start(self) -> "Nodes":
        # Free ones are chosen at the first start, and kept by the directory.
        self.keeper = self.broker = self.http = ""
        super().start()
        return self

    def order(self, *words: object) -> str:
        """A command for the running cluster, such as `kill 2`; its words."""
        command = [str(BINARY), "dev", "--data-dir", str(self.data), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, f"{words}: {done.stderr}\n{self.tails()}"
        return done.stdout

    def status(self) -> dict:
        return json.loads(self.order("status", "-o", "json"))

    def node_leading(self) -> int:
        """The node whose keeper leads."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            leading = [node["node"] for node in self.status()["nodes"] if node["mode"] == "leader"]
            if leading:
                return leading[0]
            assert time.monotonic() < deadline, f"not in time: nobody leads:\n{self.tails()}"
            time.sleep(0.1)

    def keeper_of(self, node: int) -> str:
        return self.keeper.split(",")[node - 1]

    def tails(self, lines: int = 30) -> str:
        """The ends of all logs."""
        logs = [self.data / f"node-{node}" / "log" for node in range(1, self.COUNT + 1)]
        ends = [f"--- {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
                for log in logs if log.exists()]
        return "\n".join([self.tail(lines), *ends])


def port_of(address: str) -> str:
    return address.rsplit(":", 1)[1] if address else "0"
