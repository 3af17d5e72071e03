"""Ensembles: Castle's members among themselves and beside the original's, while members die and come back."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from typing import Iterator, List

import pytest
from kazoo.client import KazooState

from ensemble import CASTLE, Ensemble, Load, wait_for

JAVA = "3.9"

# Which implementation stands for "ours": the tests must hold for three of the original's as well.
OURS = os.environ.get("ENSEMBLE_LINE", CASTLE)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Three of ours; each test leaves all of them running."""
    with Ensemble([OURS] * 3, tmp_path_factory.mktemp("ensemble")) as ensemble:
        yield ensemble


def test_writes_through_each_member_are_read_on_all(ours: Ensemble) -> None:
    clients = [member.client() for member in ours.members]
    for number, client in enumerate(clients):
        client.create(f"/through-{number}", b"%d" % number)
    for client in clients:
        client.sync("/")
        for number in range(len(clients)):
            assert client.get(f"/through-{number}")[0] == b"%d" % number
    for client in clients:
        client.stop()
        client.close()
    ours.assert_equal()


def test_watches_fire_across_members(ours: Ensemble) -> None:
    first, second = ours[1].client(), ours[2].client()
    fired: List[str] = []
    second.exists("/watched", watch=lambda event: fired.append(event.type))
    first.create("/watched")
    wait_for("the watch fires", lambda: fired == ["CREATED"], 10)
    for client in (first, second):
        client.stop()
        client.close()


def test_a_session_moves_between_members(ours: Ensemble) -> None:
    from kazoo.client import KazooClient  # noqa: PLC0415

    first = ours[1].client()
    first.create("/mine", ephemeral=True)
    session = first.client_id
    first._connection._socket.shutdown(2)  # Gone without a word, as when a network breaks.
    moved = KazooClient(hosts=f"127.0.0.1:{ours[3].port}", timeout=10, client_id=session)
    moved.start(timeout=30)
    try:
        assert moved.client_id[0] == session[0]
        assert moved.exists("/mine").ephemeralOwner == session[0]
    finally:
        moved.stop()
        moved.close()
        first.stop()
    wait_for("its znode went with it", lambda: "/mine" not in children(ours, 2), 20)


def children(ensemble: Ensemble, number: int) -> List[str]:
    client = ensemble[number].client()
    try:
        client.sync("/")
        return [f"/{child}" for child in client.get_children("/")]
    finally:
        client.stop()
        client.close()


def test_the_leader_is_killed_under_load(ours: Ensemble) -> None:
    with Load(ours.hosts, root="/killed") as load:
        watcher = next(it for it in ours.members if it is not ours.leader()).client(20.0)
        watcher.create("/killed-ephemeral", ephemeral=True)
        states: List[str] = []
        watcher.add_listener(states.append)
        fired = threading.Event()
        watcher.exists("/killed-watched", watch=lambda _: fired.set())
        leader = ours.leader()
        leader.kill()
        load.wait_acknowledged(50)
        leader.start()
        ours.wait_serving()
        load.wait_acknowledged(50)
        client = leader.client()
        client.create("/killed-watched")
        client.stop()
        client.close()
        assert fired.wait(20), "not in time: the watch did not fire"
        assert KazooState.LOST not in states
        assert watcher.exists("/killed-ephemeral")
        watcher.stop()
        watcher.close()
    load.assert_kept(leader)
    ours.assert_equal()


def test_a_member_that_was_away_catches_up(ours: Ensemble) -> None:
    away = next(it for it in ours.members if it is not ours.leader())
    away.kill()
    with Load(ours.hosts, root="/away", clients=2) as load:
        load.wait_acknowledged(100)
        away.start()
        ours.wait_serving()
        load.wait_acknowledged(20)
    load.assert_kept(away)
    ours.assert_equal()


def test_a_member_that_lost_its_disk_is_filled_with_a_snapshot(ours: Ensemble) -> None:
    away = next(it for it in ours.members if it is not ours.leader())
    away.kill()
    for file in (away.data / "version-2").iterdir():
        file.unlink()
    with Load(ours.hosts, root="/lost", clients=2) as load:
        away.start()
        ours.wait_serving()
        load.wait_acknowledged(20)
    load.assert_kept(away)
    ours.assert_equal()
    away.kill()
    away.start()
    ours.wait_serving()
    ours.assert_equal()


def survives_its_leader(lines: List[str], directory: pathlib.Path) -> None:
    with Ensemble(lines, directory) as ensemble:
        with Load(ensemble.hosts) as load:
            for member in ensemble.members:
                client = member.client()
                client.create(f"/by-{member.number}", b"", ephemeral=False)
                client.stop()
                client.close()
            leader = ensemble.leader()
            leader.kill()
            load.wait_acknowledged(50)
            leader.start()
            ensemble.wait_serving()
            load.wait_acknowledged(20)
        load.assert_kept(leader)
        ensemble.assert_equal()


def test_castle_follows_and_leads_the_original(tmp_path: pathlib.Path) -> None:
    """The member with the greatest number leads a new ensemble; when it dies, the next does."""
    survives_its_leader([JAVA, CASTLE, JAVA], tmp_path)


def test_garbage_on_both_ports_hurts_nobody(ours: Ensemble) -> None:
    import socket  # noqa: PLC0415

    for member in ours.members:
        for port in (member.quorum_port, member.election_port):
            for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0" * 3, b"\0\0\0\x0b" + b"\0" * 5):
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                        connection.sendall(garbage)
                except ConnectionError:
                    pass  # The original listens on its quorum port only while it leads.
    time.sleep(0.2)
    with Load(ours.hosts, root="/garbage", clients=1) as load:
        load.wait_acknowledged(20)
    assert all(member.alive() for member in ours.members)
    load.assert_kept(ours[1])
