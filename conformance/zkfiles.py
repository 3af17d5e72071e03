"""ZooKeeper's files, as far as tests read or make them: transaction logs with their digests, snapshots."""

from __future__ import annotations

import pathlib
import struct
import zlib
from typing import Iterable, Iterator, List, NamedTuple, Optional, Tuple


class Entry(NamedTuple):
    """One transaction of a log."""

    zxid: int
    kind: int
    payload: bytes

    @property
    def digest(self) -> Optional[int]:
        """The tree's digest behind the transaction, if it looks as if there is one."""
        version, digest = struct.unpack(">iq", self.payload[-12:])
        return digest if version == 2 and len(self.payload) >= 44 else None


def logs(data: pathlib.Path) -> List[pathlib.Path]:
    """The logs of a directory, oldest first."""
    return sorted((data / "version-2").glob("log.*"), key=lambda path: int(path.name.split(".")[1], 16))


def snapshots(data: pathlib.Path) -> List[pathlib.Path]:
    """The snapshots of a directory, oldest first."""
    return sorted((data / "version-2").glob("snapshot.*"), key=lambda path: int(path.name.split(".")[1], 16))


def entries(log: pathlib.Path) -> Iterator[Entry]:
    """All whole entries of a log."""
    content = log.read_bytes()
    at = 16
    while at + 12 <= len(content):
        checksum, length = struct.unpack_from(">qi", content, at)
        payload = content[at + 12:at + 12 + length]
        if length <= 0 or len(payload) < length or zlib.adler32(payload) != checksum:
            return
        _, _, zxid, _, kind = struct.unpack_from(">qiqqi", payload)
        yield Entry(zxid, kind, payload)
        at += 12 + length + 1


def last_digest(data: pathlib.Path) -> Tuple[int, int]:
    """The last transaction of a directory and the digest that was written down with it."""
    last = None
    for log in logs(data):
        for entry in entries(log):
            last = entry
    assert last is not None and last.digest is not None, f"no digest in the logs of {data}"
    return last.zxid, last.digest


class Node(NamedTuple):
    """A znode of a snapshot. The root's path is empty."""

    path: str
    data: Optional[bytes] = b""
    acl: int = -1
    version: int = 0
    cversion: int = 0
    aversion: int = 0
    owner: int = 0
    zxid: int = 1
    pzxid: int = 1
    time_ms: int = 1_000


def snapshot(zxid: int, nodes: Iterable[Node], sessions: Iterable[Tuple[int, int]] = (),
             acls: Iterable[Tuple[int, bytes]] = ()) -> bytes:
    """The bytes of a snapshot as releases before 3.6 write it: no digest, no last zxid behind the tree."""
    def buffer(data: Optional[bytes]) -> bytes:
        return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data

    sessions, acls = list(sessions), list(acls)
    out = bytearray(b"ZKSN" + struct.pack(">iq", 2, -1))
    out += struct.pack(">i", len(sessions)) + b"".join(struct.pack(">qi", *session) for session in sessions)
    out += struct.pack(">i", len(acls)) + b"".join(struct.pack(">q", key) + acl for key, acl in acls)
    for node in nodes:
        out += buffer(node.path.encode()) + buffer(node.data)
        out += struct.pack(">qqqqqiiiqq", node.acl, node.zxid, node.zxid, node.time_ms, node.time_ms, node.version,
                           node.cversion, node.aversion, node.owner, node.pzxid)
    out += buffer(b"/")
    return bytes(out) + struct.pack(">q", zlib.adler32(out)) + buffer(b"/")


SYSTEM = (Node(""), Node("/zookeeper"), Node("/zookeeper/config"), Node("/zookeeper/quota"))
