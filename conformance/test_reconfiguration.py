"""Reconfiguration: the same commands on ensembles of Castle's and of the original's members have the same outcomes,
the same `/zookeeper/config` and the same files; and members of both kinds come and go under load."""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import re
import subprocess
from typing import Dict, List, Optional, Sequence

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, KazooException

from castle import BINARY
from ensemble import CASTLE, Ensemble, Load, Member, free_ports, wait_for
from keepers import TOOLS

JAVA = "3.9"
OURS = os.environ.get("ENSEMBLE_LINE", CASTLE)
SUPER = "super:" + base64.b64encode(hashlib.sha1(b"super:secret").digest()).decode()
SETTINGS = {"reconfigEnabled": "true", "DigestAuthenticationProvider.superDigest": SUPER}


def line_of(member: Member, role: Optional[str] = None) -> str:
    role = role or ("observer" if member.observes else "participant")
    return f"127.0.0.1:{member.quorum_port}:{member.election_port}:{role};127.0.0.1:{member.port}"


class Changing(Ensemble):
    """An ensemble whose membership may change; each member's line names its port for clients."""

    def __init__(self, lines: Sequence[str], directory: pathlib.Path, settings: Dict[str, str] = SETTINGS) -> None:
        super().__init__(lines, directory, settings=settings)
        self.directory = directory
        self.settings = settings
        for member in self.members:
            member.keeps_configuration = True
            member.servers = {f"server.{it.number}": line_of(it) for it in self.members}

    def newcomer(self, line: str, observes: bool = False) -> Member:
        """A server that runs, knows some of the members and is none itself."""
        number = len(self.members) + 1
        quorum, election, port = free_ports(3)
        member = Member(line, self.directory / str(number), number, (port, quorum, election), observes)
        member.settings.update(self.settings)
        member.keeps_configuration = True
        member.servers = {f"server.{it.number}": line_of(it) for it in [*self.running(), member]}
        self.members.append(member)
        member.start()
        self.wait_serving()
        return member

    def admin(self, member: Optional[Member] = None) -> KazooClient:
        hosts = f"127.0.0.1:{member.port}" if member else ",".join(f"127.0.0.1:{it.port}" for it in self.running())
        client = KazooClient(hosts=hosts, timeout=10, auth_data=[("digest", "super:secret")])
        client.start(timeout=60)
        return client

    def plain(self, text: str) -> str:
        """The same text with names in the place of ports and versions, and no paths."""
        for member in self.members:
            for port, name in ((member.port, "client"), (member.quorum_port, "quorum"),
                               (member.election_port, "election")):
                text = re.sub(rf"\b{port}\b", f"{name}{member.number}", text)
        return re.sub(r"version=[0-9a-f]+", "version=V", text)


def change(client: KazooClient, joining: Optional[str] = None, leaving: Optional[str] = None,
           members: Optional[str] = None, version: int = -1) -> str:
    """The new membership, or the error's name."""
    try:
        data, stat = client.reconfig(joining, leaving, members, from_config=version)
    except ConnectionLoss:
        # The server that was asked lost its leader by it, before it could answer.
        return client.retry(client.get, "/zookeeper/config")[0].decode()
    except KazooException as error:
        return type(error).__name__
    text = data.decode()
    assert text.endswith(f"version={stat.mzxid:x}"), (text, stat)
    assert stat.version == -1, stat
    return text


def commands(ensemble: Changing) -> List[str]:
    """What becomes of a series of commands."""
    outcomes: List[str] = []
    fourth = ensemble.newcomer(ensemble[1].line)
    client = ensemble.admin(ensemble[1])
    one, two, three = (ensemble[number] for number in (1, 2, 3))

    def told(text: str) -> None:
        outcomes.append(ensemble.plain(text))
        ensemble.wait_serving()

    try:
        told(client.get("/zookeeper/config")[0].decode())
        stranger = KazooClient(hosts=f"127.0.0.1:{one.port}")
        stranger.start()
        told(change(stranger, leaving="3"))
        stranger.stop()
        stranger.close()
        told(change(client, joining="server.9=127.0.0.1:1:2"))
        told(change(client, joining="server.9"))
        told(change(client, joining="server.9=127.0.0.1:1:2:king;3"))
        told(change(client, joining="server.9=192.0.2.1:1:2;3,server.8=192.0.2.1:1:4;5"))
        told(change(client, leaving="one"))
        told(change(client, leaving="1,2"))
        told(change(client, leaving="3", version=0x77))
        told(change(client, members="server.7=127.0.0.1:1:2;3,server.8=127.0.0.1:4:5;6"))
        told(change(client, members="nonsense=1"))
        told(change(client, members="server.x=127.0.0.1:1:2;3"))
        told(change(client, members="server.7=127.0.0.1:1:2:observer;3"))
        told(change(client, members="server.7=127.0.0.1:1:2;3"))
        told(change(client, members=f"server.7=127.0.0.1:1:2;3,server.8=127.0.0.1:4:5:observer;6"))
        told(change(client, joining=f"server.4={line_of(fourth)}"))
        told(change(client, joining=f"server.4={line_of(fourth, 'observer')}"))
        told(change(client, joining=f"server.4={line_of(fourth)}", leaving="3"))
        told(change(client, joining=f"server.3={line_of(three)}"))
        told(change(client, leaving="4", version=client.get("/zookeeper/config")[1].mzxid))
        told(change(client, members="\n".join(f"server.{it.number}={line_of(it)}" for it in (one, two, three))))
        told(change(client, members=",".join(
            [*(f"server.{it.number}={line_of(it)}" for it in (one, two, three)),
             "group.1=1", "group.2=2", "group.3=3", "weight.2=2"])))
        told(change(client, leaving="3"))
        told(change(client, members=",".join(f"server.{it.number}={line_of(it)}" for it in (one, two, three))))
        outcomes.append(ensemble.plain(client.get("/zookeeper/config")[0].decode()))
    finally:
        client.stop()
        client.close()
    outcomes.extend(files(ensemble))
    return outcomes


def files(ensemble: Changing) -> List[str]:
    """What stands in the files of the first three, names and contents; the static one as a set of lines."""
    found = []
    for member in ensemble.members[:3]:
        def static(member: Member = member) -> Dict[str, str]:
            return dict(line.split("=", 1) for line in member.configuration.read_text().splitlines())

        def settled(member: Member = member) -> bool:
            # A member that had to find another leader writes its files a moment later.
            name = pathlib.Path(static(member).get("dynamicConfigFile", "")).name
            nothing_proposed = not (member.directory / f"{member.line}.cfg.dynamic.next").exists()
            return nothing_proposed and name == f"{member.configuration.name}.dynamic.{ensemble_version(member)}"
        wait_for(f"member {member.number} has written the membership", settled, 60)
        settings = static()
        dynamic = pathlib.Path(settings.pop("dynamicConfigFile"))
        found += [" ".join(sorted(settings)), ensemble.plain(dynamic.read_text())]
        assert (member.directory / f"{member.configuration.name}.bak").exists()
    return found


def ensemble_version(member: Member) -> str:
    client = member.client()
    try:
        return client.get("/zookeeper/config")[0].decode().rsplit("version=", 1)[1]
    finally:
        client.stop()
        client.close()


def test_the_same_commands_have_the_same_outcomes_as_on_the_original(tmp_path: pathlib.Path) -> None:
    outcomes = []
    for line in (OURS, JAVA):
        with Changing([line] * 3, tmp_path / line) as ensemble:
            outcomes.append(commands(ensemble))
    ours, theirs = outcomes
    for number, (one, other) in enumerate(zip(ours, theirs)):
        assert one == other, f"outcome {number}"
    assert len(ours) == len(theirs)


def test_a_restart_reads_what_was_written(tmp_path: pathlib.Path) -> None:
    with Changing([OURS] * 3, tmp_path) as ensemble:
        fourth = ensemble.newcomer(OURS)
        client = ensemble.admin()
        text = change(client, joining=f"server.4={line_of(fourth)}")
        client.stop()
        client.close()
        for member in ensemble.members:
            wait_for("it has the membership", lambda it=member: ensemble_version(it) == text.rsplit("=", 1)[1], 30)
        for member in ensemble.members:
            member.stop()
        for member in ensemble.members:
            member.start()
        ensemble.wait_serving()
        for member in ensemble.members:
            client = member.client()
            assert client.get("/zookeeper/config")[0].decode() == text
            client.stop()
            client.close()


def test_clients_are_served_where_the_membership_says(tmp_path: pathlib.Path) -> None:
    with Changing([OURS] * 3, tmp_path) as ensemble:
        client = ensemble.admin(ensemble[1])
        moved = next(member for member in ensemble.members[1:] if member.mode() != "leader")
        (moved.port,) = free_ports(1)
        change(client, joining=f"server.{moved.number}={line_of(moved)}")
        client.stop()
        client.close()
        ensemble.wait_serving()


@pytest.mark.parametrize("lines, leaves", [([OURS] * 3, "leader"), ([OURS, JAVA, JAVA], "leader"),
                                           ([JAVA, OURS, OURS], "follower")],
                         ids=["ours", "one of ours", "one of theirs"])
def test_three_become_five_and_three_again_under_load(lines: List[str], leaves: str, tmp_path: pathlib.Path) -> None:
    with Changing(lines, tmp_path) as ensemble, Load(ensemble.hosts) as load:
        newcomers = [ensemble.newcomer(lines[1]), ensemble.newcomer(lines[0])]
        client = ensemble.admin()
        text = change(client, joining=",".join(f"server.{it.number}={line_of(it)}" for it in newcomers))
        assert text.count("participant") == 5, text
        load.wait_acknowledged(50)
        goes = [next(it for it in ensemble.members if it.mode() == leaves)]
        goes.append(next(it for it in ensemble.members[:3] if it.mode() == "follower" and it not in goes))
        for member in goes:
            client.stop()
            client.close()
            client = ensemble.admin(next(it for it in ensemble.members if it not in goes and it.mode()))
            text = change(client, leaving=str(member.number))
            assert f"server.{member.number}=" not in text, text
            load.wait_acknowledged(50)
        assert text.count("participant") == 3, text
        client.stop()
        client.close()
        for member in goes:
            member.stop()
        load.wait_acknowledged(50)
        ensemble.wait_serving()
        load.end()
        load.assert_kept(newcomers[0])
        ensemble.assert_equal()


def test_the_originals_shell_reconfigures(tmp_path: pathlib.Path) -> None:
    with Changing([OURS] * 3, tmp_path) as ensemble:
        fourth = ensemble.newcomer(OURS)
        jars = ":".join(str(TOOLS / "jars" / name / "*") for name in (f"zookeeper-{JAVA}", f"zookeeper-admin-{JAVA}"))
        told = subprocess.run(
            ["java", "-Xmx256m", "-cp", jars, "org.apache.zookeeper.ZooKeeperMain", "-server",
             f"127.0.0.1:{ensemble[1].port}"],
            input=f"addauth digest super:secret\nreconfig -add server.4={line_of(fourth)}\nconfig\n"
                  "reconfig -remove 4\nquit\n", capture_output=True, text=True, timeout=120, check=False)
        assert told.stdout.count("Committed new configuration:") == 2, told.stdout + told.stderr
        assert f"server.4={line_of(fourth)}" in told.stdout
        ensemble.wait_serving()


def test_members_are_added_and_removed_by_command(tmp_path: pathlib.Path) -> None:
    with Changing([OURS] * 3, tmp_path) as ensemble:
        fourth = ensemble.newcomer(OURS)
        auth = ["--auth", "digest:super:secret"]

        def castle(*words: str) -> subprocess.CompletedProcess:
            return subprocess.run([str(BINARY), "ensemble", *words, "--servers", ensemble.hosts],
                                  capture_output=True, text=True, timeout=60, check=False)

        # Who serves may not have said yet which epoch it is in.
        synced = castle("wait-synced", "--within", "50")
        assert synced.returncode == 0, synced
        refused = castle("add", f"server.4={line_of(fourth)}")
        assert refused.returncode == 1 and "--auth" in refused.stderr, refused
        added = castle("add", f"server.4={line_of(fourth)}", *auth, "-o", "json")
        assert added.returncode == 0 and f"server.4={line_of(fourth)}" in added.stdout, added
        ensemble.wait_serving()
        ensemble[2].kill()
        wait_for("there is a leader", ensemble.leader)
        refused = castle("remove", "3", *auth)
        assert refused.returncode == 1 and "stays as it is" in refused.stderr, refused
        ensemble[2].start()
        ensemble.wait_serving()
        synced = castle("wait-synced", "--within", "50")
        assert synced.returncode == 0, synced
        goes = next(member for member in ensemble.members if member.mode() == "follower")
        removed = castle("remove", str(goes.number), *auth)
        assert removed.returncode == 0 and f"server.{goes.number}=" not in removed.stdout, removed


def test_a_leader_that_does_not_serve_has_no_clients(tmp_path: pathlib.Path) -> None:
    with Ensemble([OURS] * 3, tmp_path) as ensemble:
        for member in ensemble.members:
            member.stop()
            member.settings["leaderServes"] = "no"
        for member in ensemble.members:
            member.start()

        def silent() -> list:
            return [member for member in ensemble.members if "not currently serving" in member.word("srvr")]
        wait_for("two serve", lambda: sum(member.mode() == "follower" for member in ensemble.members) == 2)
        (leader,) = silent()
        client = KazooClient(hosts=f"127.0.0.1:{leader.port}", timeout=5)
        with pytest.raises(Exception):
            client.start(timeout=3)
        client.stop()
        client.close()
        client = next(member for member in ensemble.members if member is not leader).client()
        client.create("/through-a-follower")
        client.stop()
        client.close()


def test_a_member_that_lost_its_data_does_not_vote(tmp_path: pathlib.Path) -> None:
    with Ensemble([OURS] * 3, tmp_path) as ensemble:
        client = ensemble[1].client()
        client.create("/kept", b"x")
        client.stop()
        client.close()
        for member in ensemble.members:
            member.stop()
        lost, first, second = ensemble.members
        for path in sorted((lost.data / "version-2").iterdir()):
            path.unlink()
        lost.settings["db.autocreate"] = "false"
        lost.start()
        first.start()
        # One of three with its data is no quorum, whatever the blank one would like.
        with pytest.raises(AssertionError):
            wait_for("somebody leads", lambda: first.mode() or lost.mode(), 5)
        second.start()
        ensemble.wait_serving()
        assert lost.mode() == "follower"
        client = lost.client()
        assert client.get("/kept")[0] == b"x"
        client.stop()
        client.close()
        # What it has now it has: it votes again.
        for member in ensemble.members:
            member.stop()
        lost.start()
        first.start()
        ensemble.wait_serving()


def test_servers_of_a_new_ensemble_are_told_that_they_are(tmp_path: pathlib.Path) -> None:
    ensemble = Ensemble([OURS] * 3, tmp_path, settings={"db.autocreate": "false"})
    for member in ensemble.members:
        (member.data / "initialize").touch()
    with ensemble:
        assert not any((member.data / "initialize").exists() for member in ensemble.members)
