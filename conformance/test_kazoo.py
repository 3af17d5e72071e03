"""kazoo, the Python ZooKeeper client: sessions, ephemerals, watches, recipes, restarts."""

import subprocess
import sys
import threading

import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError, RolledBackError,
)
from kazoo.security import make_digest_acl


@pytest.fixture
def zk(castle):
    client = KazooClient(castle.keeper)
    client.start(timeout=15)
    yield client
    client.stop()
    client.close()


def test_a_znode_lives_through_its_operations(zk, name):
    path = f"/{name}"
    assert zk.create(path, b"one") == path
    with pytest.raises(NodeExistsError):
        zk.create(path, b"again")
    data, stat = zk.get(path)
    assert (data, stat.version, stat.dataLength, stat.numChildren, stat.cversion) == (b"one", 0, 3, 0, 0)
    assert stat.czxid == stat.mzxid == stat.pzxid
    changed = zk.set(path, b"three", version=0)
    assert (changed.version, changed.dataLength) == (1, 5)
    assert changed.mzxid > stat.mzxid and changed.czxid == stat.czxid
    with pytest.raises(BadVersionError):
        zk.set(path, b"x", version=0)
    zk.create(f"{path}/child")
    zk.create(f"{path}/other")
    zk.delete(f"{path}/other")
    stat = zk.exists(path)
    # Creates and deletes of children both count, and the version of the data is left alone.
    assert (stat.cversion, stat.version, stat.numChildren) == (3, 1, 1)
    with pytest.raises(NotEmptyError):
        zk.delete(path)
    zk.delete(path, recursive=True)
    assert zk.exists(path) is None
    with pytest.raises(NoNodeError):
        zk.get(path)


def test_sequence_numbers_come_from_the_parents_creates(zk, name):
    zk.create(f"/{name}")
    assert zk.create(f"/{name}/a-", sequence=True) == f"/{name}/a-0000000000"
    zk.create(f"/{name}/plain")
    zk.delete(f"/{name}/plain")
    assert zk.create(f"/{name}/a-", sequence=True) == f"/{name}/a-0000000002"
    assert zk.create(f"/{name}/", sequence=True) == f"/{name}/0000000003"


def test_an_ephemeral_ends_with_its_session(castle, zk, name):
    owner = KazooClient(castle.keeper)
    owner.start(timeout=15)
    owner.create(f"/{name}", b"here", ephemeral=True)
    assert zk.exists(f"/{name}").ephemeralOwner == owner.client_id[0]
    gone = threading.Event()
    zk.exists(f"/{name}", watch=lambda event: gone.set())
    owner.stop()
    owner.close()
    assert gone.wait(10), "not in time: gone"
    assert zk.exists(f"/{name}") is None


# A client that dies without a goodbye; it says when it is ready, then it is killed.
MORTAL = """
import sys, time
from kazoo.client import KazooClient
zk = KazooClient(sys.argv[1], timeout=4)
zk.start(timeout=15)
zk.create(sys.argv[2], ephemeral=True)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_dead_clients_session_expires(castle, zk, name):
    mortal = subprocess.Popen([sys.executable, "-c", MORTAL, castle.keeper, f"/{name}"], stdout=subprocess.PIPE)
    try:
        assert mortal.stdout.readline() == b"ready\n"
        gone = threading.Event()
        assert zk.exists(f"/{name}", watch=lambda event: gone.set())
    finally:
        mortal.kill()
        mortal.wait()
    assert gone.wait(30), "not in time: gone"
    assert zk.exists(f"/{name}") is None


def test_watches_fire_once_and_before_the_new_state_is_seen(zk, name):
    zk.create(f"/{name}", b"1")
    events = []
    fired = threading.Event()

    def watch(event):
        events.append((event.type, event.path))
        fired.set()

    zk.get(f"/{name}", watch=watch)
    zk.set(f"/{name}", b"2")
    assert fired.wait(10), "not in time: fired"
    zk.set(f"/{name}", b"3")
    zk.sync(f"/{name}")
    assert events == [("CHANGED", f"/{name}")]

    fired.clear()
    zk.get_children(f"/{name}", watch=watch)
    zk.create(f"/{name}/child")
    assert fired.wait(10), "not in time: fired"
    assert events[1:] == [("CHILD", f"/{name}")]


def test_a_transaction_is_all_or_nothing(zk, name):
    zk.create(f"/{name}")
    transaction = zk.transaction()
    transaction.create(f"/{name}/a", b"1")
    transaction.check(f"/{name}", version=9)
    transaction.create(f"/{name}/b")
    results = transaction.commit()
    assert isinstance(results[0], RolledBackError)
    assert isinstance(results[1], BadVersionError)
    assert zk.get_children(f"/{name}") == []
    transaction = zk.transaction()
    transaction.create(f"/{name}/a", b"1")
    transaction.set_data(f"/{name}/a", b"2")
    transaction.check(f"/{name}/a", version=1)
    transaction.delete(f"/{name}/a", version=1)
    transaction.create(f"/{name}/b")
    results = transaction.commit()
    assert results[0] == f"/{name}/a" and results[4] == f"/{name}/b"
    assert zk.get_children(f"/{name}") == ["b"]


def test_acls_hold(castle, zk, name):
    zk.create(f"/{name}", b"secret", acl=[make_digest_acl("user", "password", all=True)])
    stranger = KazooClient(castle.keeper)
    stranger.start(timeout=15)
    try:
        with pytest.raises(NoAuthError):
            stranger.get(f"/{name}")
        stranger.add_auth("digest", "user:password")
        assert stranger.get(f"/{name}")[0] == b"secret"
    finally:
        stranger.stop()
        stranger.close()


def test_a_lock_serves_one_at_a_time(castle, name):
    holders = []
    most = []

    def work():
        client = KazooClient(castle.keeper)
        client.start(timeout=15)
        try:
            for _ in range(3):
                with client.Lock(f"/{name}/lock"):
                    holders.append(1)
                    most.append(len(holders))
                    holders.pop()
        finally:
            client.stop()
            client.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 12 and max(most) == 1


def test_a_session_survives_the_servers_restart(own_castle, name):
    zk = KazooClient(own_castle.keeper, timeout=20)
    states = []
    back = threading.Event()

    def listen(state):
        states.append(state)
        if state == KazooState.CONNECTED:
            back.set()

    zk.start(timeout=15)
    zk.add_listener(listen)
    session = zk.client_id
    zk.create(f"/{name}", b"mine", ephemeral=True)
    own_castle.kill()
    own_castle.start()
    assert back.wait(20), "not in time: back"
    assert zk.client_id == session
    assert KazooState.LOST not in states
    assert zk.get(f"/{name}")[0] == b"mine"
    zk.stop()
    zk.close()
