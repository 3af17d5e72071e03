"""Castle and the original on the same data directory, one after the other: nothing is lost, sessions live on."""

from __future__ import annotations

import pathlib
import shutil
import struct
import zlib
from typing import Any, Dict, List, Tuple

import pytest

import zkfiles
import zkwire as zk
from keepers import CASTLE, Keeper

LINES = ["3.5", "3.8", "3.9"]
SUPER = b"super:test"
SETTINGS = {
    "DigestAuthenticationProvider.superDigest": "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
    # A swap takes a while, and the reaper must not take part.
    "tickTime": "6000",
    "znode.container.checkIntervalMs": "1000000000",
    "snapCount": "40",
}


def keeper(line: str, work: pathlib.Path, data: pathlib.Path, **more: str) -> Keeper:
    # `snapshot.compression.method` is a system property of the original like any key it does not know.
    return Keeper(line, work, data=data, settings={**SETTINGS, **{key.replace("_", "."): value for key, value in more.items()}})


def dump(server: Keeper) -> Dict[str, Any]:
    """The whole tree, times too. `/zookeeper` differs between lines and is left out."""
    connection = zk.Connection(server.address)
    connection.ask(zk.AUTH, zk.auth("digest", SUPER), zk.AUTH_XID)
    found = {path: node for path, node in zk.tree(connection).items() if not path.startswith("/zookeeper")}
    root = found.pop("/")
    found["/"] = (root[0], root[1][:3] + root[1][4:9], root[2])
    connection.close()
    return found


def fill(connection: zk.Connection, tag: str, nodes: int = 60) -> None:
    """Some of everything, and enough of it that snapshots are taken on the way."""
    def ok(op: int, body: bytes) -> zk.Reader:
        reply = connection.ask(op, body)
        assert reply.error == 0, (op, body, reply)
        return zk.Reader(reply.body)

    ok(zk.CREATE, zk.create(f"/{tag}", b"root of it"))
    ok(zk.CREATE, zk.create(f"/{tag}/null", None))
    ok(zk.CREATE, zk.create(f"/{tag}/empty", b""))
    ok(zk.CREATE, zk.create(f"/{tag}/ephemeral", b"e", 1))
    ok(zk.CREATE2, zk.create(f"/{tag}/two", b"2"))
    ok(zk.CREATE_CONTAINER, zk.create(f"/{tag}/container", b"c", 4))
    ok(zk.CREATE_TTL, zk.create_ttl(f"/{tag}/timed", b"t", 5, 86_400_000))
    ok(zk.CREATE, zk.create(f"/{tag}/private", b"p", 0, ((31, "digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="),)))
    ok(zk.CREATE, zk.create(f"/{tag}/caf\u00e9", "\u00e9".encode()))
    ok(zk.SET_ACL, zk.set_acl(f"/{tag}/two", ((1, "world", "anyone"), (31, "ip", "127.0.0.1"))))
    ok(zk.MULTI, zk.multi([(zk.CREATE, zk.create(f"/{tag}/m", b"m")), (zk.SET_DATA, zk.set_data(f"/{tag}/m", b"n")),
                           (zk.CHECK, zk.path_version(f"/{tag}/m", 1))]))
    ok(zk.MULTI, zk.multi([(zk.CREATE, zk.create(f"/{tag}/m", b"again"))]))
    assert connection.ask(zk.DELETE, zk.path_version("/none")).error == -101
    for number in range(nodes):
        made = ok(zk.CREATE, zk.create(f"/{tag}/s-", b"%d" % number * 20, 2)).text()
        if number % 3 == 0:
            ok(zk.SET_DATA, zk.set_data(f"/{tag}", b"%d" % number))
        if number % 4 == 0:
            ok(zk.DELETE, zk.path_version(made or ""))


def resume(server: Keeper, of: zk.Connection) -> zk.Connection:
    """The same session on another server, by the password that the first one gave."""
    again = zk.Connection(server.address, session=of.session, password=of.password)
    assert again.session == of.session and again.password == of.password
    again.xid = of.xid
    return again


@pytest.mark.parametrize("line", LINES)
def test_a_directory_goes_to_and_fro(line: str, tmp_path: pathlib.Path) -> None:
    """The original, Castle, the original, Castle: each killed, the next on what it left."""
    data = tmp_path / "data"
    session = None
    before: Dict[str, Any] = {}
    for turn, who in enumerate((line, CASTLE, line, CASTLE)):
        with keeper(who, tmp_path / "servers", data) as server:
            if session is None:
                session = zk.Connection(server.address)
            else:
                session = resume(server, session)
                assert dump(server) == before, f"turn {turn}: {who}"
            fill(session, f"turn-{turn}")
            before = dump(server)
            owners = [stat[7] for _, stat, _ in before.values() if stat and len(stat) == 11 and stat[7]]
            assert owners == [session.session] * (turn + 1), "one ephemeral znode a turn, all alive"
            session.hang_up()
            server.kill()
    # What the last one wrote down of the tree is what the original works out, if that release has digests.
    if line != "3.5":
        zxid, digest = zkfiles.last_digest(data)
        with keeper(line, tmp_path / "servers", data) as server:
            assert dump(server) == before
            mismatches = [text for text in server.word("mntr").splitlines() if "digest_mismatches_count" in text]
            assert [text.split()[1] for text in mismatches] == ["0"], (hex(zxid), hex(digest))


@pytest.mark.parametrize("line", ["3.8", "3.9"])
@pytest.mark.parametrize("method", ["gz", "snappy"])
def test_compressed_snapshots_are_read_on_both_sides(line: str, method: str, tmp_path: pathlib.Path) -> None:
    for writer, reader in ((line, CASTLE), (CASTLE, line)):
        data = tmp_path / f"of-{writer}"
        with keeper(writer, tmp_path / "servers", data, snapshot_compression_method=method) as server:
            session = zk.Connection(server.address)
            fill(session, "a")
            before = dump(server)
            session.hang_up()
            server.kill()
        packed = [path for path in zkfiles.snapshots(data) if path.suffix == f".{method}"]
        assert packed, f"{writer} packs no snapshot: {zkfiles.snapshots(data)}"
        # Only what the newest packed snapshot and the log behind it hold.
        for path in zkfiles.snapshots(data):
            if path != packed[-1]:
                path.unlink()
        with keeper(reader, tmp_path / "servers", data) as server:
            assert dump(server) == before, f"{reader} after {writer}"


def tear(data: pathlib.Path) -> None:
    """A crash in the middle of a write: half an entry at the end of the newest log, and half a snapshot."""
    log = zkfiles.logs(data)[-1]
    content = bytearray(log.read_bytes())
    end = 16
    while end + 12 <= len(content):
        length = struct.unpack_from(">i", content, end + 8)[0]
        if length <= 0:
            break
        end += 12 + length + 1
    payload = bytes(200)
    entry = struct.pack(">qi", zlib.adler32(payload), 500) + payload
    content[end:end + len(entry)] = entry
    del content[end + len(entry):]
    log.write_bytes(content)
    newest = zkfiles.snapshots(data)[-1]
    whole = newest.read_bytes()
    zxid = int(newest.name.split(".")[1], 16)
    (newest.parent / f"snapshot.{zxid + 1000:x}").write_bytes(whole[:len(whole) // 2])


@pytest.mark.parametrize("writer, reader", [*((line, CASTLE) for line in LINES), *((CASTLE, line) for line in LINES)])
def test_torn_ends_are_passed_over(writer: str, reader: str, tmp_path: pathlib.Path) -> None:
    data = tmp_path / "data"
    with keeper(writer, tmp_path / "servers", data) as server:
        session = zk.Connection(server.address)
        fill(session, "a")
        before = dump(server)
        server.kill()
    tear(data)
    with keeper(reader, tmp_path / "servers", data) as server:
        assert dump(server) == before
        resume(server, session)


@pytest.mark.parametrize("line", ["3.8", "3.9"])
def test_nobody_needs_digests(line: str, tmp_path: pathlib.Path) -> None:
    """`digest.enabled=false` leaves them out of logs and snapshots; what comes later may have them again."""
    data = tmp_path / "data"
    turns = [(line, "false"), (CASTLE, "true"), (line, "true"), (CASTLE, "false"), (line, "true"), (CASTLE, "true")]
    before: Dict[str, Any] = {}
    for turn, (who, digests) in enumerate(turns):
        with keeper(who, tmp_path / "servers", data, digest_enabled=digests) as server:
            if before:
                assert dump(server) == before, f"turn {turn}: {who}"
            fill(zk.Connection(server.address), f"turn-{turn}", nodes=20)
            before = dump(server)
            server.kill()
        written = [entry.digest is not None for log in zkfiles.logs(data) for entry in zkfiles.entries(log)]
        assert any(written[-5:]) == (digests == "true"), f"turn {turn}: {who}"


def system(*more: zkfiles.Node) -> List[zkfiles.Node]:
    return [*zkfiles.SYSTEM, *more]


def both(tmp_path: pathlib.Path, make: Any, **settings: str) -> Tuple[List[Any], List[Any]]:
    """What the same talk with Castle and with the original on the same directory comes to."""
    heard = []
    for who in (CASTLE, "3.9"):
        data = tmp_path / f"data-{who}"
        (data / "version-2").mkdir(parents=True)
        talk = make(data)
        with keeper(who, tmp_path / "servers", data, **settings) as server:
            heard.append(talk(server))
    return heard[0], heard[1]


def test_numbers_overflow_as_in_the_original(tmp_path: pathlib.Path) -> None:
    """Sequence numbers and versions at their ends, and an old snapshot without digest."""
    def make(data: pathlib.Path) -> Any:
        (data / "version-2" / "snapshot.5").write_bytes(zkfiles.snapshot(5, system(
            zkfiles.Node("/sequence", cversion=2147483645), zkfiles.Node("/version", version=2147483646),
            zkfiles.Node("/lists", aversion=2147483647))))
        (data / "version-2" / "log.6").write_bytes(b"ZKLG" + struct.pack(">iq", 2, 0))

        def talk(server: Keeper) -> List[Any]:
            connection = zk.Connection(server.address)
            heard = []
            for _ in range(5):
                reply = connection.ask(zk.CREATE, zk.create("/sequence/s-", b"", 2))
                heard.append((reply.error, reply.body))
            # Not up to -1, which means any version: Castle passes it over as releases after 3.9 do (ZOOKEEPER-4743).
            for _ in range(5):
                heard.append(zk.Reader(connection.ask(zk.SET_DATA, zk.set_data("/version", b"")).body).stat()[4])
            for _ in range(3):
                heard.append(zk.Reader(connection.ask(zk.SET_ACL, zk.set_acl("/lists", zk.OPEN)).body).stat()[6])
            return heard

        return talk

    ours, theirs = both(tmp_path, make)
    assert ours == theirs


def test_timed_znodes_and_containers_are_what_they_were(tmp_path: pathlib.Path) -> None:
    """In a snapshot the kind of a znode is in the number of its owner."""
    def make(data: pathlib.Path) -> Any:
        nodes = system(zkfiles.Node("/container", owner=-(1 << 63)), zkfiles.Node("/timed", owner=(0xFF << 56) - (1 << 64) + 60_000),
                       zkfiles.Node("/kept", owner=77), zkfiles.Node("/orphan", owner=78))
        (data / "version-2" / "snapshot.5").write_bytes(zkfiles.snapshot(5, nodes, sessions=[(77, 60_000)]))

        def talk(server: Keeper) -> List[Any]:
            connection = zk.Connection(server.address)
            return [(path, connection.ask(zk.EXISTS, zk.path_watch(path)).body.hex()) for path in
                    ("/container", "/timed", "/kept", "/orphan")]

        return talk

    # The original wants a log beside a snapshot no more than Castle does.
    ours, theirs = both(tmp_path, make)
    assert ours == theirs


@pytest.mark.parametrize("trust", ["true", "false"])
def test_a_log_without_any_snapshot_is_believed_only_when_told_to(trust: str, tmp_path: pathlib.Path) -> None:
    """What an upgrade from 3.4 may leave behind."""
    data = tmp_path / "made"
    with keeper("3.9", tmp_path / "servers", data) as server:
        session = zk.Connection(server.address)
        fill(session, "a", nodes=5)
        before = dump(server)
        server.kill()
    for snapshot in zkfiles.snapshots(data):
        snapshot.unlink()
    for who in (CASTLE, "3.9"):
        copy = tmp_path / f"copy-{who}"
        shutil.copytree(data, copy)
        server = keeper(who, tmp_path / "servers", copy, snapshot_trust_empty=trust)
        if trust == "true":
            with server:
                assert dump(server) == before
        else:
            with pytest.raises(RuntimeError):
                server.start()


def test_files_of_epochs_stay_as_they_are(tmp_path: pathlib.Path) -> None:
    """A member of an ensemble that is started alone and goes back keeps its promises."""
    data = tmp_path / "data"
    with keeper("3.9", tmp_path / "servers", data) as server:
        fill(zk.Connection(server.address), "a", nodes=3)
        server.kill()
    for name in ("acceptedEpoch", "currentEpoch"):
        (data / "version-2" / name).write_text("0")
    with keeper(CASTLE, tmp_path / "servers", data) as server:
        fill(zk.Connection(server.address), "b", nodes=3)
        server.kill()
    assert [(data / "version-2" / name).read_text().strip() for name in ("acceptedEpoch", "currentEpoch")] == ["0", "0"]
