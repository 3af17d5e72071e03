"""The keeper's administrators see what they see of Apache ZooKeeper 3.9: four-letter words, AdminServer commands,
metrics, zkCli, snapshot and restore. Both servers get the same conversation, then the same questions."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from typing import Dict, Iterator, List, Set, Tuple

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ReconfigDisabledError

from castle import BINARY
from keepers import CASTLE, TOOLS, Keeper

ORIGINAL = "3.9"
SUPER = "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU="


class Administered(Keeper):
    """A keeper with its HTTP port."""

    def start(self) -> "Administered":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.http = probe.getsockname()[1]
        self.settings.update({"admin.enableServer": "true", "admin.serverPort": str(self.http),
                              "admin.serverAddress": "127.0.0.1", "admin.rateLimiterIntervalInMS": "1"})
        if self.line == CASTLE:
            self.settings["DigestAuthenticationProvider.superDigest"] = SUPER.split("=", 1)[1]
        super().start()
        return self

    def command(self, configuration) -> List[str]:
        if self.line == CASTLE:
            return super().command(configuration)
        jars = TOOLS / "jars"
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", SUPER,
                "-cp", f"{jars}/zookeeper-{self.line}/*:{jars}/zookeeper-admin-{self.line}/*",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(configuration)]

    def ask(self, command: str) -> dict:
        return json.loads(self.fetch(f"commands/{command}")[2])

    def fetch(self, path: str, *, data: bytes = None, headers: Dict[str, str] = {}) -> Tuple[int, Dict[str, str], bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Administered, Administered]]:
    """Castle and the original, each with a client that holds watches and an ephemeral znode."""
    servers = [Administered(line, tmp_path_factory.mktemp("operations")) for line in (CASTLE, ORIGINAL)]
    clients = []
    try:
        for server in servers:
            server.start()
            client = KazooClient(hosts="127.0.0.1:%d" % server.port, timeout=30)
            clients.append(client)
            client.start(timeout=60)
            client.create("/app", b"x")
            client.create("/app/e", b"", ephemeral=True)
            client.get("/app", watch=print)
            client.get_children("/app", watch=print)
            client.set("/app/e", b"y")
            for _ in range(140):
                client.create("/app/n-", b"", sequence=True)
            for index in range(140):
                client.delete("/app/n-%010d" % (index + 1))
        yield servers[0], servers[1]
    finally:
        for client in clients:
            client.stop()
            client.close()
        for server in servers:
            server.kill()


def names(value: object, path: str = "") -> Set[str]:
    """The names of all fields; keys that are numbers or paths count as one."""
    if isinstance(value, dict):
        found: Set[str] = set()
        for key, inner in value.items():
            key = "#" if key.isdigit() or key.startswith("/") else key
            found |= {f"{path}.{key}"} | names(inner, f"{path}.{key}")
        return found
    if isinstance(value, list):
        return set().union(*[names(inner, path + "[]") for inner in value])
    return set()


def skeleton(text: str) -> List[str]:
    """A text without what differs between any two servers: numbers, dates, addresses."""
    text = re.sub(r"0x[0-9a-f]+", "0xN", text)
    text = re.sub(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \w+ \d{4}", "DATE", text)
    return re.sub(r"\d+(\.\d+)?", "N", text).splitlines()


COMMANDS = (
    "configuration connections connection_stat_reset dirs dump environment get_trace_mask hash initial_configuration "
    "is_read_only last_snapshot leader observer_connection_stat_reset observers ruok set_trace_mask server_stats stats "
    "voting_view watches watches_by_path watch_summary zabstate nosuch conf cons env isro lsnp lead obsr srvr stat icfg"
).split()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_have_the_fields_of_the_original(both, command: str) -> None:
    castle, original = both
    assert names(castle.ask(command)) == names(original.ask(command))
    assert castle.ask(command)["command"] == original.ask(command)["command"]
    assert castle.ask(command)["error"] == original.ask(command)["error"]


def test_the_index_has_the_same_links(both) -> None:
    castle, original = both
    assert castle.fetch("commands")[2] == original.fetch("commands")[2]


def test_every_number_of_the_monitor_is_there(both) -> None:
    castle, original = both
    missing = set(original.ask("monitor")) - set(castle.ask("monitor"))
    assert not missing
    words = [{line.split("\t")[0] for line in server.word("mntr").splitlines()} for server in both]
    assert not words[1] - words[0]
    scraped = castle.fetch("metrics")[2].decode()
    for name in ("znode_count", "fsynctime_sum", "snapshottime_sum", "election_time_count", "jvm_pause_time_ms_sum",
                 "connection_drop_count", "unrecoverable_error_count", "readlatency", "outstanding_requests"):
        assert re.search(rf"^{name}(\{{| )", scraped, re.MULTILINE), name


def test_values_agree_where_they_must(both) -> None:
    monitors = [server.ask("monitor") for server in both]
    for name in ("znode_count", "watch_count", "ephemerals_count", "global_sessions", "local_sessions", "server_state",
                 "approximate_data_size", "outstanding_requests", "auth_failed_count"):
        assert monitors[0][name] == monitors[1][name], name
    digests = [[(entry["zxid"], entry["digest_version"]) for entry in server.ask("hash")["digests"]] for server in both]
    assert digests[0] == digests[1] and digests[0]


@pytest.mark.parametrize("word", "conf envi srvr wchs dirs crst srst isro ruok gtmk dump wchc wchp nope".split())
def test_words_answer_in_the_original_form(both, word: str) -> None:
    castle, original = both
    mine, theirs = skeleton(castle.word(word)), skeleton(original.word(word))
    if word in ("conf", "envi"):
        mine, theirs = [[line.split("=")[0] for line in lines] for lines in (mine, theirs)]
    if word == "srvr":
        mine, theirs = mine[1:], theirs[1:]
    if word == "dump":
        # How connections are put into buckets is nobody's business.
        cut = "Connections dump:"
        mine, theirs = mine[: mine.index(cut)], theirs[: theirs.index(cut)]
        # Sessions that were heard of in one moment share a bucket of expiry, and which do is chance.
        mine, theirs = ([line for line in lines if "expire at" not in line] for lines in (mine, theirs))
    assert mine == theirs


def test_connections_are_listed_alike(both) -> None:
    fields = [set(re.findall(r"(\w+)=", server.word("cons"))) for server in both]
    assert fields[0] == fields[1]
    assert all(re.match(r" /127\.0\.0\.1:\d+\[[01]\]\(queued=", server.word("cons")) for server in both)


def test_words_that_are_not_listed_are_refused_alike(tmp_path) -> None:
    answers = []
    for line in (CASTLE, ORIGINAL):
        server = Keeper(line, tmp_path / line, settings={"4lw.commands.whitelist": "ruok"})
        with server:
            answers.append([server.word(word) for word in ("mntr", "stat", "wchp", "ruok")] + [server.word("srvr") != ""])
    assert answers[0] == answers[1]


def test_reconfiguration_is_refused_alike(both) -> None:
    for server in both:
        client = KazooClient(hosts="127.0.0.1:%d" % server.port, timeout=30)
        client.start(timeout=60)
        with pytest.raises(ReconfigDisabledError):
            client.reconfig(joining="server.5=a:1:2;3", leaving=None, new_members=None)
        client.stop()
        client.close()


def test_snapshots_go_both_ways(both) -> None:
    castle, original = both
    credentials = {"Authorization": "digest super:test"}
    for server in both:
        assert server.fetch("commands/snapshot")[0] == 401
        assert server.fetch("commands/restore", data=b"x")[0] == 401
        assert server.fetch("commands/restore", data=b"x", headers={"Authorization": "nosuch a:b"})[0] == 401
    taken = {}
    for server in both:
        status, headers, snapshot = server.fetch("commands/snapshot?streaming=true", headers=credentials)
        assert status == 200 and int(headers["snapshot_size"]) == len(snapshot) and headers["last_zxid"].startswith("0x")
        taken[server.line] = snapshot
    for server, source in ((castle, ORIGINAL), (original, CASTLE), (castle, CASTLE)):
        headers = {**credentials, "Content-Type": "application/octet-stream"}
        status, _, answer = server.fetch("commands/restore", data=taken[source], headers=headers)
        assert status == 200 and json.loads(answer)["last_zxid"] > 0, (server.line, source, answer)
    status, _, _ = castle.fetch("commands/restore", data=b"garbage", headers=credentials)
    assert status == 500
    # What was restored is served, and survives a crash.
    before = tree(castle)
    assert before == tree(original) and "/app" in before
    castle.kill()
    castle.start()
    assert tree(castle) == before


def tree(server: Administered) -> List[str]:
    answer = subprocess.run([str(BINARY), "znode", "ls", "/app", "-k", f"127.0.0.1:{server.port}", "-o", "json"],
                            capture_output=True, check=True, timeout=60)
    return ["/app", *json.loads(answer.stdout)]


CONVERSATION = """create /cli data
create -s /cli/s x
create -c /cli/container
create -t 60000 /cli/timed
ls /cli
ls -R /cli
get -s /cli
set -v 7 /cli other
set /cli other
stat /nosuch
getAcl /cli
setAcl /cli world:anyone:cdrw
getAcl -s /cli
setquota -n 3 /cli
listquota /cli
getAllChildrenNumber /cli
getEphemerals /
whoami
deleteall /cli
ls /nosuch
sync /
quit
"""


def test_zkcli_sees_no_difference(both) -> None:
    jars = TOOLS / "jars"
    heard = []
    for server in both:
        answer = subprocess.run(
            ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-cp", f"{jars}/zookeeper-{ORIGINAL}/*:{jars}/zookeeper-admin-{ORIGINAL}/*",
             "org.apache.zookeeper.ZooKeeperMain", "-server", f"127.0.0.1:{server.port}", "-waitforconnection"],
            input=CONVERSATION, capture_output=True, text=True, timeout=120)
        lines = re.sub(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}", "DATE", answer.stdout + answer.stderr)
        lines = re.sub(r"0x[0-9a-f]+", "0xN", lines)
        heard.append([line for line in lines.splitlines() if "SLF4J" not in line and str(server.port) not in line])
    assert heard[0] == heard[1]
    assert any("numChildren" in line for line in heard[0])
