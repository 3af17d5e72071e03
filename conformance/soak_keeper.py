"""A keeper under sessions that come and go, for as long as one likes.

    python soak_keeper.py [--minutes 20] [--sessions 1000] [--seed S]

Each session has an ephemeral znode and watches; a writer changes znodes; every session is told of exactly the changes
that it watches, in order. Some sessions end properly, some hang up and expire, some come back on another connection. At
the end nothing of them may be left: no znode, no watch, no session, and no more memory than early on.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import random
import resource
import shutil
import sys
import tempfile
import time
from typing import Deque, Dict, List, Set, Tuple

import zkwire as zk
from keepers import CASTLE, Keeper

TARGETS = 200
TIMEOUT_MS = 20_000
TICK_MS = 1_000
# What allocators keep for later may vary by this much; a leak of 100 bytes a session would pass it in minutes.
GROWTH_MAX = 1.15
SETTINGS = {"tickTime": str(TICK_MS), "snapCount": "20000", "forceSync": "no", "maxSessionTimeout": "600000"}


class Lost(Exception):
    """A session was not told what it should have been, or something stayed that should be gone."""


class Member:
    """A session under test, and what it must hear next."""

    def __init__(self, keeper: Keeper, number: int, draw: random.Random, timeout_ms: int) -> None:
        self.keeper = keeper
        self.number = number
        self.connection = zk.Connection(keeper.address, timeout_ms=timeout_ms)
        self.path = f"/soak/e/{number}"
        self.recursive = draw.random() < 0.05
        self.armed: Set[str] = set()
        self.expected: List[Tuple[int, str]] = []
        frames = [self.connection.request(zk.CREATE, zk.create(self.path, b"x" * 50, 1))]
        if self.recursive:
            frames.append(self.connection.request(zk.ADD_WATCH, zk.path_version("/soak/t", 1)))
        self.connection.send(b"".join(frames))
        self.pending = len(frames)

    def arm(self, paths: List[str]) -> None:
        """One-shot watches."""
        for path in paths:
            self.armed.add(path)
        self.connection.send(b"".join(
            self.connection.request(zk.EXISTS, zk.path_watch(path, True)) for path in paths))
        self.pending += len(paths)

    def changed(self, path: str) -> None:
        """The writer is about to change it."""
        if path in self.armed or self.recursive:
            self.armed.discard(path)
            self.expected.append((3, path))

    def ask(self) -> None:
        self.connection.send(self.connection.request(zk.PING, xid=zk.PING_XID))

    def hear(self) -> int:
        """All up to the reply to the ping; what was expected must be in it, in order, and nothing else."""
        told = []
        while True:
            frame = self.connection.reply()
            if frame.xid == zk.PING_XID:
                break
            if frame.xid == zk.NOTIFICATION:
                reader = zk.Reader(frame.body)
                kind, _ = reader.integer(), reader.integer()
                told.append((kind, reader.text() or ""))
            else:
                self.pending -= 1
                if frame.error:
                    raise Lost(f"session {self.number}: a request failed with {frame.error}")
        if told != self.expected or self.pending:
            raise Lost(f"session {self.number} was told {told}, not {self.expected}; {self.pending} replies are missing")
        self.expected.clear()
        return len(told)

    def come_back(self) -> None:
        """On another connection, with the watches that it had."""
        old = self.connection
        old.hang_up()
        # Whatever was still to be answered there is answered nowhere.
        self.pending = 0
        self.connection = zk.Connection(self.keeper.address, session=old.session, password=old.password)
        self.connection.xid = old.xid
        kinds = [sorted(self.armed), [], [], [], ["/soak/t"] if self.recursive else []]
        # Nothing changed meanwhile, so that nothing was missed.
        now = self.connection.ask(zk.PING, xid=zk.PING_XID).zxid
        self.connection.send(self.connection.request(zk.SET_WATCHES2, zk.set_watches(now, *kinds), zk.SET_WATCHES_XID))
        self.pending += 1


def number_of(text: str, name: str) -> int:
    """A figure of `mntr`."""
    for line in text.splitlines():
        if line.startswith(name + "\t"):
            return int(float(line.split("\t")[1]))
    raise Lost(f"mntr has no {name}")


class Soak:
    def __init__(self, keeper: Keeper, sessions: int, seed: int, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms
        self.keeper = keeper
        self.sessions = sessions
        self.draw = random.Random(seed)
        self.members: List[Member] = []
        self.begun = self.events = self.writes = self.rounds = 0
        # Znodes of sessions that hung up, and when they must be gone.
        self.left: Deque[Tuple[float, str]] = collections.deque()
        self.writer = zk.Connection(keeper.address, timeout_ms=timeout_ms * 2)
        for path in ("/soak", "/soak/e", "/soak/t", *(f"/soak/t/{n}" for n in range(TARGETS))):
            assert self.writer.ask(zk.CREATE, zk.create(path, b"")).error == 0

    def begin(self) -> None:
        self.members.append(Member(self.keeper, self.begun, self.draw, self.timeout_ms))
        self.begun += 1

    def round(self) -> None:
        draw = self.draw
        for _ in range(min(len(self.members), self.sessions // 40)):
            member = self.members.pop(draw.randrange(len(self.members)))
            fate = draw.random()
            if fate < 0.5:
                member.connection.close()
                if self.writer.ask(zk.EXISTS, zk.path_watch(member.path)).error != -101:
                    raise Lost(f"{member.path} outlives its session")
            elif fate < 0.7:
                member.connection.hang_up()
                # Expiry may be a tick late; the machine, too.
                self.left.append((time.monotonic() + (self.timeout_ms + 2 * TICK_MS) / 1000 + 15, member.path))
            else:
                member.come_back()
                self.members.append(member)
        while len(self.members) < self.sessions:
            self.begin()
        for member in draw.sample(self.members, len(self.members) // 4):
            fresh = [path for path in {f"/soak/t/{draw.randrange(TARGETS)}" for _ in range(4)} if path not in member.armed]
            if len(member.armed) < 40:
                member.arm(fresh)
        self.listen()
        for _ in range(10):
            path = f"/soak/t/{draw.randrange(TARGETS)}"
            for member in self.members:
                member.changed(path)
            assert self.writer.ask(zk.SET_DATA, zk.set_data(path, b"%d" % self.writes)).error == 0
            self.writes += 1
        self.listen()
        while self.left and self.left[0][0] < time.monotonic():
            _, path = self.left.popleft()
            if self.writer.ask(zk.EXISTS, zk.path_watch(path)).error != -101:
                raise Lost(f"{path} outlives its expired session")
        self.rounds += 1

    def listen(self) -> None:
        for member in self.members:
            member.ask()
        for member in self.members:
            self.events += member.hear()

    def end(self) -> None:
        """Everybody leaves; nothing may be left."""
        for member in self.members:
            member.connection.close()
        self.members.clear()
        while self.left:
            due, path = self.left.popleft()
            while self.writer.ask(zk.EXISTS, zk.path_watch(path)).error != -101:
                if time.monotonic() > due:
                    raise Lost(f"{path} outlives its expired session")
                time.sleep(0.2)
        mntr = self.keeper.word("mntr")
        for name, most in (("zk_ephemerals_count", 0), ("zk_watch_count", 0), ("zk_num_alive_connections", 2),
                           ("zk_outstanding_requests", 1)):
            if number_of(mntr, name) > most:
                raise Lost(f"{name} is {number_of(mntr, name)} at the end")


def soak(keeper: Keeper, seconds: float, sessions: int, seed: int, timeout_ms: int = TIMEOUT_MS) -> Dict[str, float]:
    """Raises `Lost`; returns what was seen."""
    run = Soak(keeper, sessions, seed, timeout_ms)
    began = time.monotonic()
    memory: List[Tuple[float, int]] = []
    while time.monotonic() - began < seconds:
        run.round()
        if not memory or time.monotonic() - memory[-1][0] > seconds / 20:
            memory.append((time.monotonic(), keeper.resident_kib()))
            print(f"  {time.monotonic() - began:.0f} s: {run.begun} sessions, {run.events} events, "
                  f"{memory[-1][1]} KiB", flush=True)
    early = max(kib for _, kib in memory[:max(1, len(memory) // 3)])
    late = memory[-1][1]
    if late > early * GROWTH_MAX:
        raise Lost(f"memory grew from {early} to {late} KiB")
    run.end()
    return {"rounds": run.rounds, "sessions": run.begun, "events": run.events, "writes": run.writes,
            "early_kib": early, "late_kib": late, "empty_kib": keeper.resident_kib(), "cpu_s": keeper.cpu_seconds()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--timeout-ms", type=int, default=60_000, help="of the sessions: above a round on a busy machine")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    work = pathlib.Path(tempfile.mkdtemp(prefix="castle-soak-"))
    print(f"soak-keeper --minutes {options.minutes} --sessions {options.sessions} --seed {options.seed}", flush=True)
    try:
        with Keeper(CASTLE, work, settings=SETTINGS) as keeper:
            seen = soak(keeper, options.minutes * 60, options.sessions, options.seed, options.timeout_ms)
    except (Lost, zk.Closed, OSError) as lost:
        print(f"LOST: {lost!r}\n  logs: {work}")
        return 1
    print("held: " + ", ".join(f"{name} {value:g}" for name, value in seen.items()))
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
