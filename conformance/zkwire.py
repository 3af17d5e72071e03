"""ZooKeeper's client protocol, raw: requests and replies as bytes, so that two servers can be compared frame by frame.

It knows only what the tests need, checks nothing, and hides nothing: no reconnecting, no pings, no caches.
"""

from __future__ import annotations

import dataclasses
import socket
import struct
from typing import List, Optional, Sequence, Tuple

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC = range(1, 10)
PING = 11
GET_CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 12, 13, 14, 15, 16, 17, 18
CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL, MULTI_READ = 19, 20, 21, 22
AUTH, SET_WATCHES, SASL, GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER, SET_WATCHES2, ADD_WATCH, WHO_AM_I = range(100, 108)
CLOSE_SESSION = -11
ERROR = -1

NOTIFICATION, PING_XID, AUTH_XID, SET_WATCHES_XID = -1, -2, -4, -8

ALL = 31
OPEN = ((ALL, "world", "anyone"),)
STAT = struct.Struct(">qqqqiiiqiiq")

Acl = Sequence[Tuple[int, str, str]]


def buffer(data: Optional[bytes]) -> bytes:
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def text(value: Optional[str]) -> bytes:
    return buffer(None if value is None else value.encode("utf-8", "surrogatepass"))


def vector(values: Optional[Sequence[bytes]]) -> bytes:
    return struct.pack(">i", -1) if values is None else struct.pack(">i", len(values)) + b"".join(values)


def acl(entries: Optional[Acl]) -> bytes:
    return vector(None if entries is None else [struct.pack(">i", p) + text(s) + text(i) for p, s, i in entries])


def texts(values: Sequence[str]) -> bytes:
    return vector([text(value) for value in values])


def integer(value: int) -> bytes:
    return struct.pack(">i", value)


def long(value: int) -> bytes:
    return struct.pack(">q", value)


def boolean(value: bool) -> bytes:
    return b"\1" if value else b"\0"


def create(path: str, data: Optional[bytes], flags: int = 0, entries: Optional[Acl] = OPEN) -> bytes:
    return text(path) + buffer(data) + acl(entries) + integer(flags)


def create_ttl(path: str, data: Optional[bytes], flags: int, ttl_ms: int, entries: Optional[Acl] = OPEN) -> bytes:
    return create(path, data, flags, entries) + long(ttl_ms)


def path_version(path: str, version: int = -1) -> bytes:
    return text(path) + integer(version)


def path_watch(path: str, watch: bool = False) -> bytes:
    return text(path) + boolean(watch)


def set_data(path: str, data: Optional[bytes], version: int = -1) -> bytes:
    return text(path) + buffer(data) + integer(version)


def set_acl(path: str, entries: Optional[Acl], version: int = -1) -> bytes:
    return text(path) + acl(entries) + integer(version)


def multi(ops: Sequence[Tuple[int, bytes]]) -> bytes:
    def header(kind: int, done: bool) -> bytes:
        return integer(kind) + boolean(done) + integer(-1)

    return b"".join(header(kind, False) + body for kind, body in ops) + header(-1, True)


def set_watches(zxid: int, *paths: Sequence[str]) -> bytes:
    return long(zxid) + b"".join(texts(kind) for kind in paths)


def auth(scheme: str, credential: bytes) -> bytes:
    return integer(0) + text(scheme) + buffer(credential)


@dataclasses.dataclass
class Frame:
    """A reply or a notification."""

    xid: int
    zxid: int
    error: int
    body: bytes


class Reader:
    """Takes a body apart, in order."""

    def __init__(self, body: bytes, at: int = 0) -> None:
        self.body, self.at = body, at

    def take(self, length: int) -> bytes:
        self.at += length
        assert self.at <= len(self.body), "the body ends early"
        return self.body[self.at - length:self.at]

    def integer(self) -> int:
        return struct.unpack(">i", self.take(4))[0]

    def long(self) -> int:
        return struct.unpack(">q", self.take(8))[0]

    def boolean(self) -> bool:
        return self.take(1) != b"\0"

    def buffer(self) -> Optional[bytes]:
        length = self.integer()
        return None if length < 0 else self.take(length)

    def text(self) -> Optional[str]:
        data = self.buffer()
        # The original writes a character beyond the basic plane as two halves, which are one again here.
        text = None if data is None else data.decode("utf-8", "surrogatepass")
        return text and text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def texts(self) -> List[Optional[str]]:
        return [self.text() for _ in range(max(self.integer(), 0))]

    def stat(self) -> Tuple[int, ...]:
        """czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, length, children, pzxid."""
        return STAT.unpack(self.take(STAT.size))

    def acl(self) -> List[Tuple[int, Optional[str], Optional[str]]]:
        return [(self.integer(), self.text(), self.text()) for _ in range(max(self.integer(), 0))]

    def rest(self) -> bytes:
        return self.take(len(self.body) - self.at)


class Refused(Exception):
    """The server answered the handshake with no session."""


class Closed(Exception):
    """The server closed the connection."""


class Connection:
    """One connection with its session."""

    def __init__(self, address: Tuple[str, int], *, session: int = 0, password: bytes = bytes(16),
                 timeout_ms: int = 30_000, seen: int = 0, patience: float = 60.0) -> None:
        self.socket = socket.create_connection(address, timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.at = 0
        self.xid = 0
        hello = integer(0) + long(seen) + integer(timeout_ms) + long(session) + buffer(password) + b"\0"
        self.socket.sendall(struct.pack(">i", len(hello)) + hello)
        reader = Reader(self.frame())
        reader.integer()
        self.timeout_ms = reader.integer()
        self.session = reader.long()
        self.password = reader.buffer() or b""
        if self.timeout_ms <= 0:
            self.socket.close()
            raise Refused()

    def request(self, op: int, body: bytes = b"", xid: Optional[int] = None) -> bytes:
        """A frame to send; counts the xid."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        return struct.pack(">iii", len(body) + 8, xid, op) + body

    def send(self, frames: bytes) -> None:
        self.socket.sendall(frames)

    def frame(self) -> bytes:
        """The next frame, without its length."""
        while True:
            have = len(self.received) - self.at
            if have >= 4:
                length = struct.unpack_from(">i", self.received, self.at)[0]
                if have >= 4 + length:
                    frame = bytes(self.received[self.at + 4:self.at + 4 + length])
                    self.at += 4 + length
                    return frame
            if self.at > 0:
                del self.received[:self.at]
                self.at = 0
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed()
            self.received += more

    def reply(self) -> Frame:
        frame = self.frame()
        xid, zxid, error = struct.unpack_from(">iqi", frame)
        return Frame(xid, zxid, error, frame[16:])

    def ask(self, op: int, body: bytes = b"", xid: Optional[int] = None) -> Frame:
        """One request and its reply; notifications before it are thrown away."""
        self.send(self.request(op, body, xid))
        awaited = self.xid if xid is None else xid
        while True:
            reply = self.reply()
            if reply.xid == awaited:
                return reply

    def hang_up(self) -> None:
        """Without a word: the session lives on."""
        self.socket.close()

    def close(self) -> None:
        """Ends the session."""
        try:
            self.ask(CLOSE_SESSION)
        finally:
            self.socket.close()


def tree(connection: Connection, root: str = "/") -> dict:
    """All znodes that the connection may read: path -> (data, stat, list)."""
    found = {}
    waiting = [root]
    while waiting:
        path = waiting.pop()
        reply = connection.ask(GET_DATA, path_watch(path))
        if reply.error:
            found[path] = (reply.error, None, None)
            continue
        reader = Reader(reply.body)
        data, stat = reader.buffer(), reader.stat()
        entries = Reader(connection.ask(GET_ACL, text(path)).body).acl()
        found[path] = (data, stat, entries)
        children = Reader(connection.ask(GET_CHILDREN, path_watch(path)).body).texts()
        waiting += [f"{path.rstrip('/')}/{child}" for child in children]
    return found
