"""The same random history on Castle and on Apache ZooKeeper, compared frame by frame.

    python differential_keeper.py [--operations N] [--seed S] [--line 3.9]

Several sessions send batches of operations, pipelined, one session at a time, so that both servers see one order.
Replies, error codes, stats (but for times), watch events and their order must be equal; so must the whole tree at the
end, its digest when Castle opens the original's directory, and again when the original opens Castle's. A difference
ends the run and prints the seed, which repeats it.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import pathlib
import random
import shutil
import sys
import tempfile
import time
from typing import Any, Callable, Counter, Dict, List, Optional, Tuple

import zkfiles
import zkwire as zk
from keepers import CASTLE, Keeper

SESSIONS = 6
SUPER = ("super:test", "super:D/InIHSb7yEEbrWz8b9l71RjZJU=")
SETTINGS = {
    "forceSync": "no",
    "DigestAuthenticationProvider.superDigest": SUPER[1],
    # Time must not enter a history.
    "znode.container.checkIntervalMs": "1000000000",
    "tickTime": "60000",
    "snapCount": "2000",
}

NAMES = ["a", "b", "c", "d"]
ODD_PATHS = ["", "/", "a", "/a/", "//", "/a//b", "/a/./b", "/a/../b", "/.", "/a\0b", "/\x1f", "/\x7f", "/\x9f", "/\uf000",
             "/\ufff0", "/\u00e9", "/\U0001f600", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/none/none"]
QUOTAS = ["/a", "/b", "/a/b"]
LIMITS = [b"count=3,bytes=-1", b"count=-1,bytes=40", b"count=2,bytes=20", b"count=-1,bytes=-1,byteHardLimit=30",
          b"count=-1,bytes=-1,countHardLimit=4", b"count=5,bytes=50=;byteHardLimit=60;countHardLimit=6"]
CREDENTIALS = [b"bob:secret", b"alice:word", SUPER[0].encode()]
BOB = "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="
ACLS: List[Any] = [zk.OPEN] * 12 + [
    ((zk.ALL, "auth", ""),), ((zk.ALL, "digest", BOB), (1, "world", "anyone")), ((31, "ip", "127.0.0.1"),),
    ((31, "ip", "10.0.0.0/8"), (1, "world", "anyone")), ((31, "digest", BOB),), (), None, ((31, "nonsense", "x"),),
    ((31, "world", "someone"),), ((31, "digest", "nocolon"),), ((31, "ip", "300.1.1.1"),), ((7, "world", "anyone"),),
    ((1, "world", "anyone"), (1, "world", "anyone"), (2, "world", "anyone")), ((0, "world", "anyone"),),
]

# What a history of some length must have had. Not among them: deleteContainer, which the original does for anybody
# and Castle for nobody (docs/compatibility.md), and createSession, which is no client's.
OPERATIONS = {
    zk.CREATE, zk.DELETE, zk.EXISTS, zk.GET_DATA, zk.SET_DATA, zk.GET_ACL, zk.SET_ACL, zk.GET_CHILDREN, zk.SYNC, zk.PING,
    zk.GET_CHILDREN2, zk.CHECK, zk.MULTI, zk.CREATE2, zk.RECONFIG, zk.CHECK_WATCHES, zk.REMOVE_WATCHES,
    zk.CREATE_CONTAINER, zk.CREATE_TTL, zk.MULTI_READ, zk.AUTH, zk.SET_WATCHES, zk.SASL, zk.GET_EPHEMERALS,
    zk.GET_ALL_CHILDREN_NUMBER, zk.SET_WATCHES2, zk.ADD_WATCH, zk.WHO_AM_I, zk.CLOSE_SESSION,
}
# Marshalling, arguments, no node, no permission, version, ephemerals have no children, exists, not empty, no list,
# authentication, no watcher.
ERRORS = {0, -5, -8, -101, -102, -103, -108, -110, -111, -114, -115, -121}
LONG_ENOUGH = 20_000

Request = Tuple[int, bytes]


class Difference(Exception):
    """The two servers did not do the same."""


class History:
    """Random operations. What it knows of the tree it has from replies, which are equal on both sides."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.known: List[str] = ["/a"]
        self.zxid = 0
        self.null_lists = True

    def learn(self, path: str) -> None:
        if len(self.known) < 60:
            self.known.append(path)
        else:
            self.known[self.random.randrange(60)] = path

    def path(self) -> str:
        draw = self.random.random()
        if draw < 0.45:
            return self.random.choice(self.known)
        if draw < 0.94:
            return "/" + "/".join(self.random.choice(NAMES) for _ in range(self.random.choice((1, 1, 2, 2, 3))))
        if draw < 0.97:
            return f"/zookeeper/quota{self.random.choice(QUOTAS)}" + self.random.choice(
                ("", "/zookeeper_limits", "/zookeeper_stats"))
        return self.random.choice(ODD_PATHS)

    def data(self, path: str) -> Optional[bytes]:
        # With nonsense in a quota the original answers every write below -5 (Castle does without the quota).
        if path.startswith("/zookeeper/quota/"):
            return self.random.choice(LIMITS)
        draw = self.random.random()
        if draw < 0.05:
            return None
        if draw < 0.1:
            return b""
        if draw < 0.2:
            return self.random.choice(LIMITS)
        return bytes(self.random.randrange(256) for _ in range(self.random.randrange(1, 40)))

    def version(self) -> int:
        return self.random.choice((-1, -1, -1, 0, 1, 2, 3))

    def create(self) -> Request:
        flags = self.random.choice((0,) * 8 + (1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, -1))
        op = self.random.choice((zk.CREATE, zk.CREATE2))
        path = self.path()
        if flags in (1, 3) and path.startswith("/zookeeper/quota"):
            # A quota that ends with a session counts what goes with it or not, as the order of a hash table will have it.
            flags -= 1
        if flags in (2, 3) and self.random.random() < 0.5:
            path = path.rstrip("/") + self.random.choice(("/", "-s"))
        if self.random.random() < 0.08:
            return zk.CREATE_CONTAINER, zk.create(path, self.data(path), self.random.choice((4, 4, 4, 0, 1)), self.acl())
        if self.random.random() < 0.08:
            ttl = self.random.choice((1, 1000, 1 << 39, (1 << 40) - 1, 1 << 40, 0, -1))
            # Other flags with a negative time end the original's process (Castle refuses them).
            flags = self.random.choice((5, 5, 6, 0)) if ttl >= 0 else 5
            return zk.CREATE_TTL, zk.create_ttl(path, self.data(path), flags, ttl, self.acl())
        return op, zk.create(path, self.data(path), flags, self.acl())

    def acl(self) -> Any:
        chosen = zk.OPEN if self.random.random() < 0.85 else self.random.choice(ACLS)
        return () if chosen is None and not self.null_lists else chosen

    def quota(self) -> List[Request]:
        """What `setquota` does, nearly."""
        base = "/zookeeper/quota"
        made = []
        for part in self.random.choice(QUOTAS).strip("/").split("/"):
            base += "/" + part
            made.append((zk.CREATE, zk.create(base, b"")))
        made.append((zk.CREATE, zk.create(base + "/zookeeper_limits", self.random.choice(LIMITS))))
        made.append((zk.CREATE, zk.create(base + "/zookeeper_stats", b"count=0,bytes=0")))
        return made

    def delete(self) -> Request:
        return zk.DELETE, zk.path_version(self.path(), self.version())

    def set_data(self) -> Request:
        path = self.path()
        return zk.SET_DATA, zk.set_data(path, self.data(path), self.version())

    def check(self) -> Request:
        return zk.CHECK, zk.path_version(self.path(), self.version())

    def read(self) -> Request:
        return self.random.choice((
            lambda: (zk.GET_DATA, zk.path_watch(self.path(), self.random.random() < 0.4)),
            lambda: (zk.GET_CHILDREN, zk.path_watch(self.path(), self.random.random() < 0.4)),
        ))()

    def multi(self) -> Request:
        # A list that is null makes the original refuse a multi as unreadable; Castle tells which operation is wrong.
        self.null_lists = False
        makers = [self.create, self.create, self.delete, self.set_data, self.check]
        ops = [self.random.choice(makers)() for _ in range(self.random.randrange(0, 6))]
        self.null_lists = True
        if self.random.random() < 0.03:
            ops.append(self.read())
        return zk.MULTI, zk.multi(ops)

    def multi_read(self) -> Request:
        ops = [self.read() for _ in range(self.random.randrange(0, 5))]
        if self.random.random() < 0.03:
            ops.append(self.set_data())
        return zk.MULTI_READ, zk.multi(ops)

    def one(self) -> Request:
        """An operation that any session may send at any time."""
        pick: Callable[[], Request] = self.random.choices((
            self.create, self.delete, self.set_data, self.read, self.multi, self.multi_read,
            lambda: (zk.EXISTS, zk.path_watch(self.path(), self.random.random() < 0.5)),
            lambda: (zk.GET_CHILDREN2, zk.path_watch(self.path(), self.random.random() < 0.3)),
            lambda: (zk.GET_ACL, zk.text(self.path())),
            lambda: (zk.SET_ACL, zk.set_acl(self.path(), self.random.choice(ACLS), self.version())),
            lambda: (zk.SYNC, zk.text(self.path())),
            lambda: (zk.ADD_WATCH, zk.path_version(self.path(), self.random.choice((0, 0, 1, 1, 2)))),
            lambda: (zk.REMOVE_WATCHES, zk.path_version(self.path(), self.random.choice((1, 2, 3, 4, 5, 6)))),
            lambda: (zk.CHECK_WATCHES, zk.path_version(self.path(), self.random.choice((1, 2, 3, 4, 5, 0)))),
            lambda: (zk.GET_EPHEMERALS, zk.text(self.random.choice(("", "/", "/a", "/none")))),
            lambda: (zk.GET_ALL_CHILDREN_NUMBER, zk.text(self.path())),
            lambda: (zk.WHO_AM_I, b""),
            self.reconfigure,
        ), weights=(22, 14, 12, 12, 8, 4, 8, 3, 3, 3, 2, 4, 3, 3, 2, 2, 1, 1))[0]
        return pick()

    def reconfigure(self) -> Request:
        return zk.RECONFIG, zk.text("server.1=a:1:2") + zk.text(None) + zk.text(None) + zk.long(-1)

    def broken(self) -> Request:
        """A body that ends early."""
        op, body = self.one()
        return op, body[:self.random.randrange(len(body))] if body else body

    def watches(self) -> Tuple[int, bytes]:
        """What a client says after it reconnected."""
        zxid = max(0, self.zxid - self.random.randrange(0, 30))
        kinds = [[self.path() for _ in range(self.random.randrange(0, 4))] for _ in range(5)]
        if self.random.random() < 0.5:
            return zk.SET_WATCHES, zk.set_watches(zxid, *kinds[:3])
        return zk.SET_WATCHES2, zk.set_watches(zxid, *kinds)


class Side:
    """One of the two servers with its sessions."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.connections: Dict[int, zk.Connection] = {}
        self.asked: Dict[int, Dict[int, int]] = {}
        self.names: Dict[int, int] = {}

    def open(self, number: int) -> List[Any]:
        connection = zk.Connection(self.keeper.address)
        self.names[connection.session] = number
        self.connections[number] = connection
        self.asked[number] = {}
        return ["session", connection.timeout_ms]

    def reopen(self, number: int) -> List[Any]:
        old = self.connections[number]
        old.hang_up()
        new = zk.Connection(self.keeper.address, session=old.session, password=old.password)
        new.xid = old.xid
        self.connections[number] = new
        return ["session", new.timeout_ms, new.session == old.session, new.password == old.password]

    def intrude(self, number: int, password: bytes) -> List[Any]:
        """Somebody who does not know the session's password."""
        session = self.connections[number].session
        try:
            zk.Connection(self.keeper.address, session=session, password=password).hang_up()
        except zk.Refused:
            return ["refused"]
        except zk.Closed:
            return ["closed"]
        return ["let in"]

    def send(self, number: int, batch: List[Tuple[int, bytes, Optional[int]]]) -> None:
        connection = self.connections[number]
        frames = []
        for op, body, xid in batch:
            frames.append(connection.request(op, body, xid))
            self.asked[number][connection.xid if xid is None else xid] = op
        connection.send(b"".join(frames))

    def hear(self, number: int, replies: int) -> List[Any]:
        """What comes until so many replies are there, or the end."""
        connection, heard = self.connections[number], []
        try:
            while replies > 0:
                frame = connection.reply()
                if frame.xid == zk.NOTIFICATION:
                    reader = zk.Reader(frame.body)
                    heard.append(["event", frame.zxid, reader.integer(), reader.integer(), reader.text()])
                    continue
                replies -= 1
                op = self.asked[number].pop(frame.xid)
                heard.append(["reply", op, frame.xid, frame.zxid, frame.error, self.shown(op, frame)])
        except zk.Closed:
            heard.append(["closed"])
        return heard

    def shown(self, op: int, frame: zk.Frame) -> Any:
        reader = zk.Reader(frame.body)
        if not frame.body:
            return None
        if frame.error:
            # Behind the error of a multiRead the original sends what it has so far, which no client reads.
            return None if op == zk.MULTI_READ else frame.body
        return self.body(op, reader) + [reader.rest()]

    def body(self, op: int, reader: zk.Reader) -> List[Any]:
        if op in (zk.CREATE, zk.SYNC):
            return [reader.text()]
        if op in (zk.CREATE2, zk.CREATE_CONTAINER, zk.CREATE_TTL):
            return [reader.text(), self.stat(reader)]
        if op in (zk.EXISTS, zk.SET_DATA, zk.SET_ACL):
            return [self.stat(reader)]
        if op == zk.GET_DATA:
            return [reader.buffer(), self.stat(reader)]
        if op == zk.GET_ACL:
            return [settled(reader.acl()), self.stat(reader)]
        if op in (zk.GET_CHILDREN, zk.GET_EPHEMERALS):
            return [sorted(reader.texts(), key=str)]
        if op == zk.GET_CHILDREN2:
            return [sorted(reader.texts(), key=str), self.stat(reader)]
        if op in (zk.MULTI, zk.MULTI_READ):
            return self.results(reader)
        if op == zk.WHO_AM_I:
            return [sorted((reader.text(), reader.text()) for _ in range(reader.integer()))]
        return []

    def results(self, reader: zk.Reader) -> List[Any]:
        results: List[Any] = []
        while True:
            kind, done, error = reader.integer(), reader.boolean(), reader.integer()
            results.append([kind, done, error])
            if done:
                return results
            if kind == zk.ERROR:
                results.append(reader.integer())
            elif kind not in (zk.DELETE, zk.CHECK):
                results.append(self.body(kind, reader))

    def stat(self, reader: zk.Reader) -> Tuple[int, ...]:
        """Without times, and with sessions by their number."""
        czxid, mzxid, _, _, version, cversion, aversion, owner, length, children, pzxid = reader.stat()
        return (czxid, mzxid, version, cversion, aversion, self.names.get(owner, owner), length, children, pzxid)


class Run:
    """Both sides and the history that they share."""

    def __init__(self, ours: Keeper, theirs: Keeper, seed: int, pipelined: int) -> None:
        self.pipelined = pipelined
        self.sides = (Side(ours), Side(theirs))
        self.history = History(seed)
        self.live: List[int] = []
        self.sessions = 0
        self.done: Counter[int] = collections.Counter()
        self.errors: Counter[int] = collections.Counter()
        self.events = 0
        self.checks = 0
        # Transactions that end sessions: their znodes go in no order that anybody promises.
        self.ends: set = set()

    def both(self, what: str, act: Callable[[Side], List[Any]]) -> List[Any]:
        ours, theirs = (self.ordered(act(side)) for side in self.sides)
        if ours != theirs:
            raise Difference(f"{what}\n  castle:   {show(ours, theirs)}\n  original: {show(theirs, ours)}")
        self.events += sum(1 for heard in ours if isinstance(heard, list) and heard[0] == "event")
        return ours

    def ordered(self, heard: List[Any]) -> List[Any]:
        """Events of the end of one session, sorted."""
        ends = {one[1] for one in heard if isinstance(one, list) and one[0] == "event"} & self.ends
        for zxid in ends:
            places = [at for at, one in enumerate(heard) if one[0] == "event" and one[1] == zxid]
            for at, one in zip(places, sorted((heard[at] for at in places), key=str)):
                heard[at] = one
        return heard

    def open(self) -> None:
        number, self.sessions = self.sessions, self.sessions + 1
        self.both(f"session {number} begins", lambda side: side.open(number))
        self.live.append(number)

    def batch(self, number: int, requests: List[Tuple[int, bytes, Optional[int]]]) -> List[Any]:
        # The original judges what is pipelined behind a setACL by the old list or by the new one, as time will have it.
        lists = [at for at, (op, _, _) in enumerate(requests) if op == zk.SET_ACL]
        if lists and lists[0] + 1 < len(requests):
            cut = lists[0] + 1
            return self.batch(number, requests[:cut]) + self.batch(number, requests[cut:])
        for side in self.sides:
            side.send(number, requests)
        told = f"session {number}: {[(op, body) for op, body, _ in requests]}"
        heard = self.both(told, lambda side: side.hear(number, len(requests)))
        self.checks += sum(1 for op, body, _ in requests
                           if op == zk.MULTI and zk.integer(zk.CHECK) + zk.boolean(False) + zk.integer(-1) in body)
        for one in heard:
            if one[0] == "reply":
                self.done[one[1]] += 1
                self.errors[one[4]] += 1
                self.history.zxid = max(self.history.zxid, one[3])
                if one[1] in (zk.CREATE, zk.CREATE2) and one[4] == 0 and one[5]:
                    self.history.learn(one[5][0])
        return heard

    def listen(self) -> None:
        """What all sessions were told meanwhile, up to the reply to a ping."""
        for number in self.live:
            self.batch(number, [(zk.PING, b"", zk.PING_XID)])

    def end(self, number: int) -> None:
        for side in self.sides:
            side.send(number, [(zk.CLOSE_SESSION, b"", None)])

        def hear(side: Side) -> List[Any]:
            heard = side.hear(number, 2)
            self.ends |= {one[3] for one in heard if one[0] == "reply"}
            return heard

        self.both(f"session {number} ends", hear)
        self.live.remove(number)
        self.done[zk.CLOSE_SESSION] += 1

    def step(self) -> None:
        draw, history = self.history.random, self.history
        number = draw.choice(self.live)
        dice = draw.random()
        if dice < 0.90:
            self.batch(number, [(*history.one(), None) for _ in range(draw.randint(1, self.pipelined))])
        elif dice < 0.92:
            self.batch(number, [(*history.broken(), None)])
        elif dice < 0.925:
            for op, body in history.quota():
                self.batch(number, [(op, body, None)])
        elif dice < 0.94:
            self.batch(number, [(zk.AUTH, zk.auth("digest", draw.choice(CREDENTIALS)), zk.AUTH_XID)])
        elif dice < 0.96:
            self.batch(number, [(*history.watches(), zk.SET_WATCHES_XID)])
        elif dice < 0.985:
            self.both(f"session {number} comes back", lambda side: side.reopen(number))
            self.batch(number, [(*history.watches(), zk.SET_WATCHES_XID)])
        elif dice < 0.99:
            # No operation of its own, or none at all: answered, then cut off. The session lives on.
            op = draw.choice((zk.CHECK, 99, 10, -5))
            body = zk.path_version("/a", -1)
            for side in self.sides:
                side.send(number, [(op, body, None)])
            self.both(f"session {number} sends operation {op}", lambda side: side.hear(number, 2))
            self.both(f"session {number} comes back", lambda side: side.reopen(number))
        elif dice < 0.992:
            self.outside(number, zk.AUTH, zk.auth(draw.choice(("nonsense", "world", "", "ip")), b"somebody"), zk.AUTH_XID)
        elif dice < 0.994:
            # Nobody set SASL up here.
            self.outside(number, zk.SASL, zk.buffer(draw.choice((b"", b"x", b"username=bob"))), None)
        elif dice < 0.995:
            password = draw.choice((bytes(16), b"x" * 16, b"", b"x" * 40))
            self.both(f"session {number} is intruded upon", lambda side: side.intrude(number, password))
            # The original cuts the owner's connection before it looks at the password; Castle does not.
            self.both(f"session {number} comes back", lambda side: side.reopen(number))
        else:
            self.end(number)
            self.open()

    def outside(self, number: int, op: int, body: bytes, xid: Optional[int]) -> None:
        """What may cost the connection; the ping behind it tells."""
        for side in self.sides:
            side.send(number, [(op, body, xid)])
            try:
                side.send(number, [(zk.PING, b"", zk.PING_XID)])
            except OSError:
                pass  # cut off already

        heard = self.both(f"session {number}: {op}, {body!r}", lambda side: side.hear(number, 2))
        for one in heard:
            if one[0] == "reply":
                self.done[one[1]] += 1
                self.errors[one[4]] += 1
        if heard[-1] == ["closed"]:
            self.both(f"session {number} comes back", lambda side: side.reopen(number))

    def complete(self) -> None:
        """A long history has everything in it."""
        inside = {zk.CHECK}  # which is an operation of multi only
        missing = sorted((OPERATIONS - inside - set(self.done)) | (set() if self.checks else inside))
        absent = sorted(ERRORS - set(self.errors))
        assert not missing and not absent, f"a history without operations {missing}, without errors {absent}"

    def total(self) -> int:
        return sum(count for op, count in self.done.items() if op != zk.PING)

    def tree(self) -> None:
        """All znodes as an administrator sees them."""
        def dump(side: Side) -> List[Any]:
            connection = zk.Connection(side.keeper.address)
            side.names[connection.session] = -1
            connection.ask(zk.AUTH, zk.auth("digest", SUPER[0].encode()), zk.AUTH_XID)
            found = []
            for path, (data, stat, acl) in sorted(zk.tree(connection).items()):
                reader = zk.Reader(zk.STAT.pack(*stat))
                found.append([path, data, side.stat(reader), settled(acl)])
            connection.close()
            return found

        self.both("the whole tree", dump)


def settled(acl: Any) -> Any:
    """A list with neighbours of equal permissions sorted: what `auth` stands for comes out of a hash table there."""
    return acl and [one for _, same in itertools.groupby(acl, key=lambda entry: entry[0]) for one in sorted(same, key=str)]


def show(mine: List[Any], others: List[Any]) -> str:
    """From a little before the first difference to a little behind it."""
    for at, (one, other) in enumerate(zip(mine, others)):
        if one != other:
            around = mine[max(0, at - 2):at + 3]
            return f"at {at} of {len(mine)}: " + "".join(f"\n    {heard!r}" for heard in around)
    return f"{len(mine)} of them, then: {mine[len(others):][:3]!r}"


def prepare(run: Run) -> None:
    for _ in range(SESSIONS):
        run.open()
    run.batch(run.live[0], [(zk.CREATE, zk.create(path, b""), None) for path in ("/a", "/b", "/a/b")])


def swapped(work: pathlib.Path, line: str, run: Run, settings: Dict[str, str]) -> None:
    """Each server on the other's directory: the digest that the one wrote down is the one that the other works out."""
    for side, other in ((run.sides[1], CASTLE), (run.sides[0], line)):
        zxid, digest = zkfiles.last_digest(side.keeper.data)
        copy = work / f"of-{side.keeper.line}"
        shutil.copytree(side.keeper.data, copy)
        with Keeper(other, work / f"swapped-{other}", data=copy, settings=settings) as keeper:
            # A session changes nothing in the tree, but its beginning is logged with the digest.
            zk.Connection(keeper.address).hang_up()
        after = next(entry for log in zkfiles.logs(copy) for entry in zkfiles.entries(log) if entry.zxid == zxid + 1)
        if after.digest != digest:
            raise Difference(f"{other} on the directory of {side.keeper.line} at {zxid:#x}: {after.digest}, not {digest}")


def differ(work: pathlib.Path, line: str, operations: int, seed: int) -> Run:
    """Raises `Difference`."""
    # The original weighs a quota against what is committed, so that what it says to requests that are pipelined is a
    # matter of time: quotas are enforced where requests come one by one, in every other history.
    enforced = seed % 2 == 1
    settings = {**SETTINGS, "enforceQuota": "true" if enforced else "false"}
    with Keeper(CASTLE, work / "ours", settings=settings) as ours, Keeper(line, work / "theirs", settings=settings) as theirs:
        run = Run(ours, theirs, seed, pipelined=1 if enforced else 16)
        prepare(run)
        steps = 0
        while run.total() < operations:
            run.step()
            steps += 1
            if steps % 5 == 0:
                run.listen()
            if steps % 2000 == 0:
                print(f"  {run.total()} operations, {run.events} events", flush=True)
        run.listen()
        run.tree()
        if operations >= LONG_ENOUGH:
            run.complete()
        for keeper in (ours, theirs):
            keeper.kill()
        swapped(work, line, run, settings)
    return run


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--line", default="3.9", help="which line of the original")
    parser.add_argument("--keep", type=pathlib.Path, help="a directory for data and logs, kept afterwards")
    options = parser.parse_args()
    work = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="castle-differential-"))
    again = f"--seed {options.seed} --operations {options.operations} --line {options.line}"
    print(f"differential-keeper {again}", flush=True)
    began = time.monotonic()
    try:
        run = differ(work, options.line, options.operations, options.seed)
    except Difference as difference:
        print(f"DIFFERENT: {difference}\n  again: cargo xtask conformance differential-keeper {again}\n  logs: {work}")
        return 1
    took = time.monotonic() - began
    print(f"equal: {run.total()} operations of {run.sessions} sessions, {run.events} events, {took:.0f} s; "
          f"errors {dict(sorted(run.errors.items()))}; operations {dict(sorted(run.done.items()))}")
    if not options.keep:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
