"""Starts ensembles whose members are Castle's or the original's in any mixture, and a load on them that knows what
was acknowledged."""

from __future__ import annotations

import pathlib
import signal
import socket
import threading
import time
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

import ports
from keepers import CASTLE, TOOLS, Keeper

# Generous: a busy machine may take a while, and a test must not fail for that.
SERVING_SECONDS = 90.0


def wait_for(what: str, condition: Callable[[], object], seconds: float = SERVING_SECONDS) -> object:
    """What `condition` gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Member(Keeper):
    """One server of an ensemble. `line` may be changed while it is down: that is a replacement."""

    def __init__(self, line: str, directory: pathlib.Path, number: int, ports: Tuple[int, int, int], observes: bool) -> None:
        super().__init__(line, directory)
        self.number = number
        self.port, self.quorum_port, self.election_port = ports
        self.observes = observes
        self.servers: Dict[str, str] = {}
        # Whether the server itself may change its file, so that it is written once.
        self.keeps_configuration = False
        (self.data / "myid").write_text(f"{number}\n")

    @property
    def configuration(self) -> pathlib.Path:
        return self.directory / f"{self.line}.cfg"

    def start(self, wait: bool = False) -> "Member":
        """Starts the process. Clients are served when there is a quorum: see `Ensemble.wait_serving`."""
        assert self.process is None, "already running"
        settings = {**self.settings, "initLimit": "10", "syncLimit": "5", **self.servers, "dataDir": str(self.data),
                    "clientPort": str(self.port), "clientPortAddress": "127.0.0.1"}
        if self.observes:
            settings["peerType"] = "observer"
        configuration = self.configuration
        if not (self.keeps_configuration and configuration.exists()):
            configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        import subprocess  # noqa: PLC0415 - beside its only use
        self.log = self.directory / f"{self.line}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(configuration), stdout=log, stderr=log, cwd=self.directory)
        return self

    def command(self, configuration: pathlib.Path) -> List[str]:
        if self.line == CASTLE:
            return super().command(configuration)
        jars = TOOLS / "jars" / f"zookeeper-{self.line}"
        assert jars.is_dir(), f"{jars} is missing: run `cargo xtask tools`"
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *self.flags, "-cp",
                f"{jars}/*", "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(configuration)]

    def mode(self) -> str:
        """leader, follower, observer, or nothing while it serves nobody."""
        for line in self.word("srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ").strip()
        return ""

    def zxid(self) -> int:
        for line in self.word("srvr").splitlines():
            if line.startswith("Zxid: "):
                return int(line.removeprefix("Zxid: ").strip(), 16)
        return -1

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def client(self, timeout: float = 10.0) -> KazooClient:
        """A client of this member alone."""
        client = KazooClient(hosts=f"127.0.0.1:{self.port}", timeout=timeout)
        client.start(timeout=SERVING_SECONDS)
        return client


class Ensemble:
    """Members that know each other. `lines` names each one's implementation; those in `observers` (numbers from 1)
    do not vote."""

    def __init__(self, lines: Sequence[str], directory: pathlib.Path, *, observers: Sequence[int] = (),
                 settings: Optional[Dict[str, str]] = None) -> None:
        ports = free_ports(3 * len(lines))
        self.members = [
            Member(line, directory / str(number), number, (ports[3 * number - 3], ports[3 * number - 2],
                                                           ports[3 * number - 1]), number in observers)
            for number, line in enumerate(lines, 1)
        ]
        for member in self.members:
            member.settings.update(settings or {})
            member.servers = {
                f"server.{it.number}": f"127.0.0.1:{it.quorum_port}:{it.election_port}:"
                                       f"{'observer' if it.observes else 'participant'}"
                for it in self.members
            }

    def __enter__(self) -> "Ensemble":
        try:
            for member in self.members:
                member.start()
            self.wait_serving()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            if member.process is not None:
                member.process.send_signal(signal.SIGCONT)
            member.kill()

    def __getitem__(self, number: int) -> Member:
        return self.members[number - 1]

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{member.port}" for member in self.members)

    def running(self) -> List[Member]:
        return [member for member in self.members if member.process is not None]

    def wait_serving(self, seconds: float = SERVING_SECONDS) -> None:
        """Until every member that runs serves clients in its role."""
        for member in self.running():
            def serves(member: Member = member) -> bool:
                assert member.alive(), f"member {member.number} ended:\n{member.tail()}"
                return member.mode() in ("leader", "follower", "observer")
            try:
                wait_for(f"member {member.number} ({member.line}) serves", serves, seconds)
            except AssertionError as late:
                tails = "\n".join(f"--- {it.number} {it.line}\n{it.tail(25)}" for it in self.running())
                raise AssertionError(f"{late}\n{tails}") from None

    def leader(self) -> Member:
        return wait_for("there is a leader",
                        lambda: next((it for it in self.running() if it.mode() == "leader"), None))  # type: ignore

    def assert_equal(self) -> None:
        """All members that run have the same tree, at the same transaction."""
        def settled() -> bool:
            return len({member.zxid() for member in self.running()}) == 1
        wait_for("all members are at the same transaction", settled)
        trees = {member.number: tree(member) for member in self.running()}
        first = next(iter(trees.values()))
        for number, other in trees.items():
            assert other.keys() == first.keys(), f"member {number}: {sorted(other.keys() ^ first.keys())[:10]}"
            for path, znode in first.items():
                assert other[path] == znode, f"member {number}: {path}: {other[path]} instead of {znode}"
        digests = [member.digests() for member in self.running()]
        common = set(digests[0])
        for digest in digests[1:]:
            common &= set(digest)
        for zxid in common:
            assert len({digest[zxid] for digest in digests}) == 1, f"digests differ at {zxid}: {digests}"


def tree(member: Member) -> Dict[str, tuple]:
    """Every znode with its data, its list and what never depends on who asks. The clients that look have made their
    sessions before, so that nothing moves while they do."""
    client = member.client()
    try:
        client.sync("/")
        found: Dict[str, tuple] = {}
        todo = ["/"]
        while todo:
            batch, todo = todo[:500], todo[500:]
            asked = [(path, client.get_async(path), client.get_children_async(path), client.get_acls_async(path))
                     for path in batch]
            for path, got, children, listed in asked:
                try:
                    (data, stat), acls = got.get(), listed.get()[0]
                    todo += [f"{path.rstrip('/')}/{child}" for child in children.get()]
                except NoNodeError:
                    continue
                if not path.startswith("/zookeeper/config"):
                    found[path] = (data, tuple(map(str, acls)), stat.czxid, stat.mzxid, stat.pzxid, stat.version,
                                   stat.cversion, stat.aversion, stat.ephemeralOwner, stat.ctime, stat.mtime)
        return found
    finally:
        client.stop()
        client.close()


def free_ports(count: int) -> List[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            ports.bind(probe)
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Load:
    """Clients that create znodes one after another for as long as they are let, whatever happens to the servers."""

    def __init__(self, hosts: str, *, clients: int = 3, root: str = "/load", timeout: float = 20.0) -> None:
        self.root = root
        self.acknowledged: List[set] = [set() for _ in range(clients)]
        self.moments: List[float] = []
        self.lost_sessions = 0
        self.failures: List[str] = []
        self._end = threading.Event()
        self._clients = [KazooClient(hosts=hosts, timeout=timeout, connection_retry=KazooRetry(
            max_tries=-1, delay=0.05, backoff=1, max_jitter=0.05)) for _ in range(clients)]
        for client in self._clients:
            client.add_listener(self._changed)
            client.start(timeout=SERVING_SECONDS)
        self.sessions = [client.client_id[0] for client in self._clients]
        self._clients[0].ensure_path(root)
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]

    def _changed(self, state: str) -> None:
        if state == KazooState.LOST and not self._end.is_set():
            self.lost_sessions += 1

    def _run(self, number: int) -> None:
        client, mine = self._clients[number], self.acknowledged[number]
        index = 0
        while not self._end.is_set():
            path = f"{self.root}/{number}-{index:07d}"
            try:
                client.create_async(path, b"x" * 100).get(timeout=60)
            except NodeExistsError:
                pass  # An attempt whose answer was lost.
            except (KazooException, KazooTimeoutError) as error:
                if self.lost_sessions:
                    self.failures.append(repr(error))
                    return
                time.sleep(0.01)
                continue
            mine.add(path)
            self.moments.append(time.monotonic())
            index += 1
            # What is tested is what survives, not how much: trees stay small enough to be compared.
            self._end.wait(0.01)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.wait_acknowledged(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(70)
        for client in self._clients:
            client.stop()
            client.close()

    def count(self) -> int:
        return sum(map(len, self.acknowledged))

    def wait_acknowledged(self, more: int, seconds: float = SERVING_SECONDS) -> None:
        goal = self.count() + more
        wait_for(f"{more} more writes are acknowledged", lambda: self.count() >= goal, seconds)

    def longest_pause(self, since: float = 0.0) -> float:
        """Between two acknowledged writes of any clients, in seconds."""
        moments = sorted(moment for moment in list(self.moments) if moment >= since)
        return max((after - before for before, after in zip(moments, moments[1:])), default=0.0)

    def assert_kept(self, member: Member) -> None:
        """Nothing acknowledged is missing, and no session was lost."""
        assert self.lost_sessions == 0, f"{self.lost_sessions} sessions were lost"
        assert not self.failures, self.failures[:3]
        client = member.client()
        try:
            client.sync(self.root)
            there = {f"{self.root}/{child}" for child in client.get_children(self.root)}
        finally:
            client.stop()
            client.close()
        missing = set().union(*self.acknowledged) - there
        assert not missing, f"{len(missing)} acknowledged writes are missing, such as {sorted(missing)[:5]}"
