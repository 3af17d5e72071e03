"""The keeper's administrators see what they see of Apache ZooKeeper 3.9: four-letter words, AdminServer commands,
metrics, zkCli, snapshot and restore. Both servers get the same conversation, then the same questions."""

from __future__ import annotations

import difflib
import json
import pathlib
import re
import socket
import struct
import subprocess
import urllib.error
import urllib.request
from typing import Dict, Iterator, List, Set, Tuple

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ReconfigDisabledError

from castle import BINARY
from ensemble import free_ports
import ports
from keepers import CASTLE, TOOLS, Keeper

ORIGINAL = "3.9"
SUPER = "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU="


class Administered(Keeper):
    """A keeper with its HTTP port."""

    def start(self) -> "Administered":
        with socket.socket() as probe:
            ports.bind(probe)
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


# What the monitoring page of the original has alerts for, and what its Grafana board (10465) draws.
BOARD = """quorum_size leader_uptime uptime num_alive_connections open_file_descriptor_count outstanding_requests avg_latency
min_latency max_latency global_sessions local_sessions znode_count ephemerals_count approximate_data_size watch_count
packets_received packets_sent connection_rejected connection_drop_count unrecoverable_error_count digest_mismatches_count
election_time_sum election_time_count learners synced_followers synced_observers pending_syncs commit_count snap_count
proposal_count fsynctime_sum snapshottime_sum jvm_pause_time_ms_sum jvm_memory_bytes_used jvm_memory_bytes_max
jvm_memory_pool_bytes_used jvm_gc_collection_seconds_count jvm_gc_collection_seconds_sum jvm_threads_current
process_cpu_seconds_total process_resident_memory_bytes process_virtual_memory_bytes process_open_fds process_max_fds
process_start_time_seconds readlatency updatelatency propagation_latency castle_keeper_read_latency_seconds_bucket
castle_keeper_update_latency_seconds_bucket last_proposal_size max_proposal_size""".split()


def test_boards_and_alerts_of_the_original_find_their_names(tmp_path: pathlib.Path) -> None:
    """On a leader, since some names are a leader's alone."""
    ports = free_ports(3)
    settings = {"standaloneEnabled": "false", "initLimit": "10", "syncLimit": "5", "admin.enableServer": "true",
                "admin.serverPort": str(ports[2]), "admin.serverAddress": "127.0.0.1",
                "server.1": f"127.0.0.1:{ports[0]}:{ports[1]}"}
    keeper = Keeper(CASTLE, tmp_path, settings=settings)
    (keeper.data / "myid").write_text("1\n")
    keeper.start()
    try:
        page = urllib.request.urlopen(f"http://127.0.0.1:{ports[2]}/metrics", timeout=20).read().decode()
        missing = [name for name in BOARD if not re.search(rf"^{name}(\{{| )", page, re.MULTILINE)]
        assert not missing
        assert re.search(r'^jvm_memory_bytes_max\{area="heap"\} ', page, re.MULTILINE)
    finally:
        keeper.stop()


def test_a_trace_mask_is_set_by_a_word(both) -> None:
    for server in both:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(b"stmk" + struct.pack(">q", 258))
            assert connection.recv(100) == b"258"
        assert server.word("gtmk") == "258"
        server.ask("set_trace_mask?traceMask=306")


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


# Every command of zkCli 3.9 but `connect`, which leaves the server, and the two that an ensemble answers.
CONVERSATION = """addauth digest bob:secret
create /cli data
create /cli/plain x
create -e /cli/ephemeral e
create -s /cli/s x
create -e -s /cli/es x
create -c /cli/container
create -t 60000 /cli/timed
create /cli/owned o auth::cdrwa
create /cli/plain again
create /none/child x
ls /cli
ls -s /cli
ls -R /cli
ls -w /cli
create /cli/seen x
get /cli
get -s /cli
get -w /cli
set -v 7 /cli other
set /cli other
set -s /cli third
get -b /cli
stat /cli
stat -w /cli
stat /nosuch
getAcl /cli
getAcl /cli/owned
setAcl /cli world:anyone:cdrw
setAcl -R /cli world:anyone:cdrwa
setAcl -v 9 /cli world:anyone:r
setAcl /cli nonsense:x:r
getAcl -s /cli
addWatch /cli
addWatch -m PERSISTENT /cli/plain
set /cli/plain y
removewatches -d /cli
removewatches -a /cli
removewatches -c /nosuch
printwatches
printwatches on
setquota -n 30 /cli
setquota -b 100 /cli
setquota -N 40 /cli
setquota -B 2000 /cli
setquota -n 5 /cli/plain
listquota /cli
listquota /nosuch
delquota -n /cli
delquota /cli
delquota /nosuch
getAllChildrenNumber /cli
getAllChildrenNumber /nosuch
getEphemerals
getEphemerals /cli
getEphemerals /nosuch
whoami
sync /cli
version
config
config -s
reconfig -remove 3
delete /cli/plain
delete -v 4 /cli/s0000000003
delete /cli
delete /nosuch
deleteall /cli
deleteall /nosuch
ls /nosuch
nonsense
create
history
close
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
        lines = re.sub(r"zxid: -?\d+", "zxid: N", lines)
        # Lists come in the order of a hash table.
        lines = re.sub(r"^\[(.*)\]$", lambda it: str(sorted(it[1].split(", "))), lines, flags=re.MULTILINE)
        lines = re.sub(r"(?:^(?:ip|digest): .*\n)+", lambda it: "".join(sorted(it[0].splitlines(True))), lines, flags=re.MULTILINE)
        said = [line for line in lines.splitlines() if "SLF4J" not in line and str(server.port) not in line]
        # Events are printed by another thread, so their place among the answers is chance; their order is not. Whether
        # the very last is still printed, the one of the client's own end, is chance too.
        events = [line for line in said if line.startswith("WatchedEvent")]
        answers = [line for line in said if line not in events and line not in ("", "WATCHER::")]
        heard.append(answers + [line for line in events if "state:Closed" not in line])
    assert heard[0] == heard[1], "\n".join(difflib.unified_diff(heard[1], heard[0], ORIGINAL, CASTLE, lineterm="", n=2))
    assert any("numChildren" in line for line in heard[0])
