"""What an administrator does to a whole tree, with a crash in the middle of it, and what a stranger does to the port
that it is done by."""

from __future__ import annotations

import pathlib
import shutil
import socket
import subprocess
import threading
import time
from typing import List, Optional

from castle import BINARY
from keepers import CASTLE
from test_operations import Administered
import zkwire as zk

CREDENTIALS = {"Authorization": "digest super:test", "Content-Type": "application/octet-stream"}
ZNODES = 2_000
# Moments of the crash, spread over the time that the work takes without one, and a little beyond.
CRASHES = 12


def keeper(directory: pathlib.Path, data: Optional[pathlib.Path] = None) -> Administered:
    server = Administered(CASTLE, directory)
    if data is not None:
        server.data = data
    return server


def fill(server: Administered, root: str, znodes: int = ZNODES) -> None:
    connection = zk.Connection(server.address)
    connection.ask(zk.CREATE, zk.create(root, b""))
    frames = [connection.request(zk.CREATE, zk.create(f"{root}/{number:05d}", root.encode() * 20)) for number in range(znodes)]
    connection.send(b"".join(frames))
    for _ in frames:
        assert connection.reply().error == 0
    connection.close()


def roots(server: Administered) -> List[str]:
    """The children of the root, each with how many children it has."""
    connection = zk.Connection(server.address)
    names = zk.Reader(connection.ask(zk.GET_CHILDREN, zk.path_watch("/")).body).texts()
    found = []
    for name in sorted(str(name) for name in names if name != "zookeeper"):
        children = zk.Reader(connection.ask(zk.GET_CHILDREN, zk.path_watch(f"/{name}")).body).texts()
        found.append(f"{name}: {len(children)}")
    connection.close()
    return found


def test_a_crash_anywhere_in_a_restore_leaves_the_old_tree_or_the_new_one(tmp_path: pathlib.Path) -> None:
    with keeper(tmp_path / "new") as server:
        fill(server, "/new")
        new, snapshot = roots(server), server.fetch("commands/snapshot?streaming=true", headers=CREDENTIALS)[2]
    with keeper(tmp_path / "old") as server:
        fill(server, "/old")
        old = roots(server)
        server.stop()
    whole = None
    outcomes = []
    for crash in range(-1, CRASHES):
        data = tmp_path / f"data-{crash}"
        shutil.copytree(tmp_path / "old" / "data", data)
        with keeper(tmp_path / "servers", data) as server:
            answers: List[int] = []

            def restore() -> None:
                try:
                    answers.append(server.fetch("commands/restore", data=snapshot, headers=CREDENTIALS)[0])
                except (OSError, ValueError):
                    pass  # cut off

            asked = threading.Thread(target=restore)
            began = time.monotonic()
            asked.start()
            if whole is None:
                asked.join()
                whole = time.monotonic() - began
                assert answers == [200] and roots(server) == new
            else:
                time.sleep(whole * 1.2 * crash / CRASHES)
            server.kill()
            asked.join()
            server.start()
            found = roots(server)
            assert found == new or (found == old and answers != [200]), (crash, found, answers)
            outcomes.append(found == new)
            # It is no half of a tree: it takes writes, and has them after another crash.
            fill(server, "/behind", 3)
            server.kill()
            server.start()
            assert roots(server) == sorted([*found, "behind: 3"])
        shutil.rmtree(data)
    assert outcomes[0] and True in outcomes[1:] + [outcomes[0]]


def test_an_import_that_is_cut_off_is_finished_by_another(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "subtree.json"
    with keeper(tmp_path / "servers") as server:
        fill(server, "/a")
        address = f"127.0.0.1:{server.port}"
        with open(file, "wb") as out:
            subprocess.run([BINARY, "znode", "export", "/a", "-k", address], stdout=out, check=True, timeout=60)
        for crash in range(3):
            target = f"/into-{crash}"
            address = f"127.0.0.1:{server.port}"
            importing = subprocess.Popen([BINARY, "znode", "import", file, target, "-k", address],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.05 * (crash + 1))
            server.kill()
            importing.kill()
            importing.wait()
            server.start()
            address = f"127.0.0.1:{server.port}"
            subprocess.run([BINARY, "znode", "import", file, target, "--replace", "-k", address], check=True, timeout=60,
                           stdout=subprocess.DEVNULL)
            assert f"into-{crash}: {ZNODES}" in roots(server)


def test_an_import_stays_where_it_is_put(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "crafted.json"
    with keeper(tmp_path / "servers") as server:
        address = f"127.0.0.1:{server.port}"
        for path in ("-beside", "../up", "/../up", "//", "/a\\u0000b", "x/y"):
            file.write_text('{"format": "castle-znodes-1", "znodes": [{"path": "%s", "data": ""}]}' % path)
            done = subprocess.run([BINARY, "znode", "import", file, "/into", "-k", address], capture_output=True, timeout=60)
            assert done.returncode != 0, path
        for text in ("", "[]", "{}", '{"format": "castle-znodes-1", "znodes": [{"path": "", "data": "%"}]}', "\0" * 10,
                     "[" * 100_000, '{"format": "castle-znodes-1", "znodes": [{"path": "", "data": "", "acl": [{"permissions": '
                     '"z", "scheme": "", "id": ""}]}]}'):
            file.write_text(text)
            done = subprocess.run([BINARY, "znode", "import", file, "/into", "-k", address], capture_output=True, timeout=60)
            assert done.returncode not in (0, 101) and done.returncode > 0, (text[:60], done)
            assert b"panicked" not in done.stderr
        assert all(root.startswith("into:") for root in roots(server))


HOSTILE = [
    b"",
    b"\0" * 100,
    b"GET",
    b"GET / HTTP/1.1\r\n",
    b"GET /commands/ruok HTTP/9.9\r\n\r\n",
    b"GET /commands/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /commands/%2e%2e%2f%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /commands/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /commands/stat HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"GET /commands/snapshot?streaming=" + b"%ff" * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /commands/restore HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\nabc",
    b"POST /commands/restore HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nabc",
    b"POST /commands/restore HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:test\r\nContent-Length: 99999999999\r\n\r\nZKSN",
    b"POST /commands/restore HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:test\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"ffffffffffffffff\r\nabc",
    b"POST /commands/restore HTTP/1.1\r\nHost: x\r\nAuthorization: digest super:test\r\nContent-Length: 24\r\n\r\n"
    b"ZKSN\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\0\0\0\0",
    b"GET /commands/snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: " + b"\xff" * 500 + b"\r\n\r\n",
    b"GET /commands/snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: digest\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\xff\4\0\0\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    b"ruok",
]


def test_strangers_at_the_administrators_port_cost_only_themselves(tmp_path: pathlib.Path) -> None:
    with keeper(tmp_path / "servers") as server:
        fill(server, "/a", 100)
        assert server.fetch("commands/ruok")[0] == 200
        before = server.resident_kib()
        waiting = []
        for _ in range(3):
            for said in HOSTILE:
                stranger = socket.create_connection(("127.0.0.1", server.http), timeout=10)
                waiting.append(stranger)
                try:
                    stranger.sendall(said)
                except OSError:
                    pass  # it had heard enough
        # They all stay on the line, and say nothing more. It is a port of few connections, so some are hung up on.
        for stranger in waiting:
            stranger.close()
        assert server.fetch("commands/ruok")[0] == 200
        assert server.alive() and roots(server) == ["a: 100"]
        assert server.resident_kib() < before + 64 * 1024
