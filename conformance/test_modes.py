"""Local sessions and read-only mode: what members of an ensemble do for clients that the others do not know of, told by
the same script to Castle's members and to the original's."""

from __future__ import annotations

import pathlib
from typing import Dict, List

import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import NotReadOnlyCallError
from kazoo.protocol.states import KeeperState

import zkwire
from ensemble import CASTLE, Ensemble, Member, wait_for
from zkwire import Closed, Connection, Refused

LINES = [CASTLE, "3.9"]
CREATE, DELETE, GET, SYNC, MULTI, CLOSE = 1, 2, 4, 9, 14, -11


def numbers(member: Member) -> Dict[str, str]:
    return dict(line.split("\t", 1) for line in member.word("mntr").splitlines() if "\t" in line)


def sessions(member: Member) -> tuple:
    told = numbers(member)
    return int(told["zk_local_sessions"]), int(told["zk_global_sessions"])


def errors_of(connection: Connection, script: List[tuple]) -> List[int]:
    return [connection.ask(op, body).error for op, body in script]


@pytest.mark.parametrize("line", LINES)
def test_local_sessions_are_upgraded_by_their_first_ephemeral(line: str, tmp_path: pathlib.Path) -> None:
    settings = {"localSessionsEnabled": "true", "localSessionsUpgradingEnabled": "true"}
    with Ensemble([line] * 3, tmp_path, settings=settings) as ensemble:
        leader = ensemble.leader()
        follower, other = [member for member in ensemble.members if member is not leader][:2]
        for member in (follower, leader):
            before = member.zxid()
            client = Connection(member.address)
            assert (member.zxid(), sessions(member)) == (before, (1, 0)), "nothing was agreed on"
            path = f"/of-{member.number}"
            # Persistent znodes need no session that others know of.
            assert client.ask(CREATE, zkwire.create(path, b"x")).error == 0
            assert sessions(member) == (1, 0)
            # Unknown elsewhere: as if it had expired.
            with pytest.raises((Refused, Closed)):
                Connection(other.address, session=client.session, password=client.password)
            assert client.ask(CREATE, zkwire.create(f"{path}/mine", b"x", 1)).error == 0
            wait_for("the session is known to all", lambda member=member: sessions(member) == (0, 1), 20)
            # Now it moves like any other, and its znode with it.
            client.hang_up()
            moved = Connection(other.address, session=client.session, password=client.password)
            assert moved.ask(GET, zkwire.path_watch(f"{path}/mine")).error == 0
            assert moved.ask(CLOSE).error == 0
            wait_for("the session has ended", lambda member=member: sessions(member) == (0, 0), 20)
        ensemble.assert_equal()


@pytest.mark.parametrize("line", LINES)
def test_local_sessions_that_stay_own_no_ephemerals(line: str, tmp_path: pathlib.Path) -> None:
    with Ensemble([line] * 3, tmp_path, settings={"localSessionsEnabled": "true"}) as ensemble:
        leader = ensemble.leader()
        follower = next(member for member in ensemble.members if member is not leader)
        for member in (leader, follower):
            path = f"/of-{member.number}"
            client = Connection(member.address)
            script = [(CREATE, zkwire.create(path, b"x")), (CREATE, zkwire.create(f"{path}/e", b"x", 1)),
                      (CREATE, zkwire.create(f"{path}/e", b"x", 3)), (GET, zkwire.path_watch(path)),
                      (DELETE, zkwire.path_version(path)), (SYNC, zkwire.text("/"))]
            assert errors_of(client, script) == [0, -120, -120, 0, 0, 0]
            body = client.ask(MULTI, zkwire.multi([(CREATE, zkwire.create(f"{path}/e", b"x", 1))])).body
            # A follower asks its leader, who does not know the session.
            assert int.from_bytes(body[-4 - 9:-9], "big", signed=True) == (-120 if member is leader else -112)
            assert sessions(member) == (1, 0)
            assert client.ask(CLOSE).error == 0
            wait_for("the session has ended", lambda member=member: sessions(member) == (0, 0), 20)


@pytest.mark.parametrize("line", LINES)
def test_without_a_quorum_clients_may_read_that_asked_for_it(line: str, tmp_path: pathlib.Path) -> None:
    settings = {"localSessionsEnabled": "true", "localSessionsUpgradingEnabled": "true"}
    ensemble = Ensemble([line] * 3, tmp_path, settings=settings)
    for member in ensemble.members:
        if line == CASTLE:
            member.settings["readonlymode.enabled"] = "true"
        else:
            member.flags = ["-Dreadonlymode.enabled=true"]
    with ensemble:
        writer = ensemble[1].client()
        writer.create("/kept", b"x")
        session = writer.client_id
        writer.stop()
        writer.close()
        owner = Connection(ensemble[1].address)
        assert owner.ask(CREATE, zkwire.create("/owned", b"", 1)).error == 0
        assert ensemble[1].word("isro") == "rw"
        ensemble[2].kill()
        ensemble[3].kill()
        alone = ensemble[1]
        wait_for("it serves reads", lambda: alone.word("isro") == "ro")
        assert alone.mode() == "read-only"
        assert "READ-ONLY mode; serving only read-only clients\n" in alone.word("srvr")
        assert numbers(alone)["zk_server_state"] == "read-only"
        with pytest.raises((Refused, Closed)):
            Connection(alone.address)
        # A session of the whole ensemble cannot be renewed now; it is not over either.
        with pytest.raises(Closed):
            Connection(alone.address, session=owner.session, password=owner.password)

        states: List[str] = []
        reader = KazooClient(hosts=f"127.0.0.1:{alone.port}", read_only=True, timeout=10)
        reader.add_listener(states.append)
        reader.start(timeout=60)
        assert reader.client_state == KeeperState.CONNECTED_RO
        assert reader.get("/kept")[0] == b"x"
        assert sorted(reader.get_children("/")) == ["kept", "owned", "zookeeper"]
        for write in (lambda: reader.create("/new"), lambda: reader.set("/kept", b"y"), lambda: reader.delete("/kept"),
                      lambda: reader.sync("/"), lambda: reader.transaction().commit()):
            with pytest.raises(NotReadOnlyCallError):
                write()
        ensemble[2].start()
        wait_for("there is a quorum again", lambda: alone.word("isro") == "rw")
        wait_for("the reader may write", lambda: reader.client_state == KeeperState.CONNECTED)
        assert reader.retry(reader.create, "/new") == "/new"
        assert KazooState.LOST not in states or states[-1] == KazooState.CONNECTED
        reader.stop()
        reader.close()
        back = Connection(alone.address, session=owner.session, password=owner.password)
        assert back.ask(GET, zkwire.path_watch("/owned")).error == 0, "the session outlived the quorum"
        assert session is not None
        back.ask(CLOSE)
