"""Runs other people's test suites, whole, against Castle.

    python suites.py SUITE... [--bless]

What may fail stands in allowed/SUITE.toml, each test with its reason. A run fails when another test fails, and
also when a listed one passes: the lists may only get shorter. `--bless` writes the counts of this run into
docs/compatibility.md; without it the table's rows of reasons are compared with the lists.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import tomllib
import xml.etree.ElementTree as xml
from typing import Callable, Dict, List

import c_client
import ports
from castle import BINARY, ROOT, Castle, Nodes

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))
TABLE = ROOT / "docs" / "compatibility.md"

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass
class Suite:
    """A foreign suite: what it is called in the table, and how it is run."""

    title: str
    run: Callable[[pathlib.Path], Dict[str, str]]


def pytest_results(report: pathlib.Path) -> Dict[str, str]:
    """Reads pytest's JUnit report: test -> passed, failed or skipped."""
    results: Dict[str, str] = {}
    for case in xml.parse(report).getroot().iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            results[test] = FAILED
        elif case.find("skipped") is not None:
            results.setdefault(test, SKIPPED)
        else:
            results.setdefault(test, PASSED)
    return results


def pytest_in(directory: pathlib.Path, work: pathlib.Path, *arguments: str, **environment: str) -> Dict[str, str]:
    report = work / "report.xml"
    log = work / "pytest.log"
    with open(log, "wb") as output:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--reruns=1", f"--junitxml={report}", *arguments],
            cwd=directory, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment})
    if not report.exists():
        sys.exit(f"no report; the end of {log}:\n{tail(log)}")
    return pytest_results(report)


def tail(path: pathlib.Path, lines: int = 60) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


# kazoo starts its servers by a program called `java`. This one stands first on the path and starts Castle's
# keeper; the -D properties come as they would from a start script.
JAVA = r"""#!/usr/bin/env bash
set -eu
configuration="${@: -1}"
SERVER_JVMFLAGS=""
for argument in "$@"; do
  case "$argument" in
    -D*) SERVER_JVMFLAGS="$SERVER_JVMFLAGS $argument" ;;
  esac
done
export SERVER_JVMFLAGS
log="$(dirname "$configuration")/zookeeper.log"
[ -d "$CASTLE_RUNNING" ] || exec "$CASTLE" keeper "$configuration" >> "$log" 2>&1
# Where servers are killed on purpose they come back, until kazoo stops them.
running="$CASTLE_RUNNING/$(sed -n 's/^clientPort=//p' "$configuration")"
stopped=
trap 'stopped=yes; kill -TERM $server' TERM
while :; do
  "$CASTLE" keeper "$configuration" >> "$log" 2>&1 &
  server=$!
  echo $server > "$running"
  code=0
  wait $server || code=$?
  if [ -n "$stopped" ]; then
    rm -f "$running"
    wait $server 2> /dev/null || true
    exit 0
  fi
  [ $code = 137 ] || exit $code
done
"""


def kazoo_on(work: pathlib.Path, servers: int, *arguments: str) -> Dict[str, str]:
    bin_directory = work / "bin"
    bin_directory.mkdir()
    java = bin_directory / "java"
    java.write_text(JAVA)
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return pytest_in(
        TOOLS / "sources" / "kazoo", work, "kazoo/tests", *arguments,
        PATH=f"{bin_directory}{os.pathsep}{os.environ['PATH']}", CASTLE=str(BINARY), CASTLE_RUNNING=str(work / "running"),
        ZOOKEEPER_CLASSPATH="castle", ZOOKEEPER_VERSION="3.9.5", ZOOKEEPER_CLUSTER_SIZE=str(servers),
        ZOOKEEPER_PORT_OFFSET=str(free_port_range(10 * servers)))


# What only an ensemble can do: moving between servers, reading without a quorum, changing the membership.
KAZOO_ON_THREE = ["test_update_host_list", "TestReadOnlyMode", "TestReconfig"]


def kazoo(work: pathlib.Path) -> Dict[str, str]:
    """On one keeper, but for the tests that are about several."""
    alone, three = work / "alone", work / "three"
    alone.mkdir()
    three.mkdir()
    named = " or ".join(KAZOO_ON_THREE)
    return {**kazoo_on(alone, 1, "--timeout=120", "-k", f"not ({named})"),
            **kazoo_on(three, 3, "--timeout=180", "-k", named)}


# How often the leader dies under the suite. Tests that its death broke are run again, which must be seldomer.
LEADER_LIVES_SECONDS = 45


def kazoo_ensemble(work: pathlib.Path) -> Dict[str, str]:
    """The same on three servers, whose leader is killed again and again, and comes back."""
    running = work / "running"
    running.mkdir()
    end, killed = threading.Event(), []

    def kill_leaders() -> None:
        while not end.wait(LEADER_LIVES_SECONDS):
            for file in running.iterdir():
                port, pid = int(file.name), int(file.read_text() or 0)
                if pid and "Mode: leader" in srvr(port):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(port)
                    break

    killer = threading.Thread(target=kill_leaders)
    killer.start()
    try:
        results = kazoo_on(work, 3, "--timeout=180", "--reruns=3", "--reruns-delay=2")
    finally:
        end.set()
        killer.join()
    print(f"kazoo-ensemble: the leader was killed {len(killed)} times")
    assert killed, "the leader was never killed"
    return results


def srvr(port: int) -> str:
    """What the server says of itself, or nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"srvr")
            answer = b""
            while more := connection.recv(1 << 16):
                answer += more
            return answer.decode(errors="replace")
    except OSError:
        return ""


# The source distribution leaves out what makes `test` a package, and the module by which its fixtures start
# servers. Ours runs already.
SERVICE = """\
class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def close(self):
        pass


class SpawnedService:
    pass
"""


def kafka_python(work: pathlib.Path) -> Dict[str, str]:
    shutil.copytree(TOOLS / "sources" / "kafka-python" / "test", work / "test")
    (work / "test" / "__init__.py").touch()
    (work / "test" / "service.py").write_text(SERVICE)
    # Four partitions and short sessions are what its own servers are set to.
    options = ["--set", "num.partitions=4", "--set", "group.min.session.timeout.ms=500"]
    with Castle(work / "castle", options=options) as castle:
        # It takes what we advertise for the newest release; KAFKA_ROOT need only exist.
        return pytest_in(
            work, work, "test/integration", "--timeout=180",
            KAFKA_URI=f"kafka://{castle.broker}", KAFKA_VERSION="4.3.0", KAFKA_ROOT=str(work))


def kgo(work: pathlib.Path) -> Dict[str, str]:
    return run_kgo(work, Castle(work / "castle", options=["--set", "num.partitions=4"]), "kgo", 1)


def kgo_cluster(work: pathlib.Path) -> Dict[str, str]:
    """The same on three brokers, each record on all of them."""
    return run_kgo(work, Nodes(work / "castle", options=["--set", "num.partitions=4"]), "kgo-cluster", 3)


def run_kgo(work: pathlib.Path, server: Castle, suite: str, replicas: int) -> Dict[str, str]:
    with server as castle:
        environment = {
            **os.environ, "KGO_SEEDS": castle.broker, "KGO_TEST_RF": str(replicas), "KGO_LOG_LEVEL": "none",
            "KGO_TEST_RECORDS": os.environ.get("KGO_TEST_RECORDS", "100000"),
        }

        def run(name: str, selection: str) -> Dict[str, str]:
            log = work / f"{name}.log"
            with open(log, "wb") as output:
                subprocess.run(
                    [str(TOOLS / "kgo.test"), "-test.v", "-test.timeout=25m", selection], cwd=work, stdout=output,
                    stderr=subprocess.DEVNULL, env=environment)
            return go_results(log.read_text(errors="replace"))

        results = run("kgo", "-test.run=.")
        # What fails is run once more, alone: some tests race with themselves when all run at once.
        again = [test for test, result in results.items()
                 if result == FAILED and "/" not in test and test not in allowed(suite)]
        if again:
            results |= run("kgo-again", f"-test.run=^({'|'.join(again)})$")
    return results


def go_zookeeper(work: pathlib.Path) -> Dict[str, str]:
    """Its tests start servers through ZOOKEEPER_BIN_PATH/zkServer.sh, which here is Castle's keeper."""
    bin_directory = work / "bin"
    bin_directory.mkdir()
    script = bin_directory / "zkServer.sh"
    script.write_text('#!/usr/bin/env bash\nexec "$CASTLE" keeper "${@: -1}"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    log = work / "go-zookeeper.log"
    with open(log, "wb") as output:
        subprocess.run(
            [str(TOOLS / "go-zookeeper.test"), "-test.v", "-test.timeout=10m"], cwd=work, stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "CASTLE": str(BINARY), "ZOOKEEPER_BIN_PATH": str(bin_directory)})
    return go_results(log.read_text(errors="replace"))


def go_results(text: str) -> Dict[str, str]:
    words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
    results = {name: words[word] for word, name in re.findall(r"--- (PASS|FAIL|SKIP): (\S+)", text)}
    # A panic or the time limit ends the run in the middle of a test, which then has no line of its own.
    for name in re.findall(r"=== RUN\s+(\S+)", text):
        results.setdefault(name, FAILED)
    return results


def free_port_range(count: int) -> int:
    """The first of `count` successive ports that nobody uses just now."""
    while True:
        with socket.socket() as probe:
            ports.bind(probe)
            first = probe.getsockname()[1]
        taken = []
        try:
            for port in range(first, first + count):
                taken.append(socket.socket())
                taken[-1].bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for one in taken:
                one.close()


SUITES = {
    "kazoo-ensemble": Suite("kazoo 2.11.0, its own suite, on three servers whose leader is killed", kazoo_ensemble),
    "zookeeper-c": Suite("ZooKeeper's C client 3.8.0 of Debian, its cppunit tests", lambda work: c_client.run(work, allowed("zookeeper-c"))),
    "kazoo": Suite("kazoo 2.11.0, its own suite", kazoo),
    "kafka-python": Suite("kafka-python 3.0.12, its integration tests", kafka_python),
    "kgo": Suite("franz-go 1.22.2, the suite of kgo", kgo),
    "kgo-cluster": Suite("franz-go 1.22.2, the suite of kgo on three brokers", kgo_cluster),
    "go-zookeeper": Suite("go-zookeeper 1.0.4, its own suite", go_zookeeper),
}


def allowed(suite: str) -> Dict[str, str]:
    path = HERE / "allowed" / f"{suite}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def judge(suite: str, results: Dict[str, str]) -> List[str]:
    """What is wrong with a run: failures that are not listed, and lists that are longer than they must be."""
    reasons = allowed(suite)
    wrong = [f"fails, and is not in allowed/{suite}.toml: {test}"
             for test, result in sorted(results.items()) if result == FAILED and test not in reasons]
    wrong += [f"passes now, so take it out of allowed/{suite}.toml: {test}"
              for test in sorted(reasons) if results.get(test) == PASSED]
    wrong += [f"is not in the suite any more, so take it out of allowed/{suite}.toml: {test}"
              for test in sorted(reasons) if test not in results]
    if not results or all(result == SKIPPED for result in results.values()):
        wrong.append("no test ran")
    return wrong


def count(results: Dict[str, str], what: str) -> int:
    return sum(1 for result in results.values() if result == what)


def section(suite: str, counts: str) -> str:
    lines = [f"### {SUITES[suite].title}", "", counts, ""]
    reasons = allowed(suite)
    if reasons:
        lines += ["| Does not pass yet | Why |", "|---|---|"]
        lines += [f"| `{test}` | {reason} |" for test, reason in sorted(reasons.items())]
        lines.append("")
    return "\n".join(lines)


def update_table(suite: str, results: Dict[str, str], bless: bool) -> List[str]:
    """Keeps the suite's section of the table in step with its list of reasons."""
    text = TABLE.read_text()
    begin, end = f"<!-- begin {suite} -->\n", f"<!-- end {suite} -->"
    if begin not in text:
        # Not every suite has a section.
        return []
    head, rest = text.split(begin)
    old, foot = rest.split(end, 1)
    counts = (f"{count(results, PASSED)} passed, {count(results, FAILED)} failed, "
              f"{count(results, SKIPPED)} skipped by the suite itself.")
    if bless:
        TABLE.write_text(head + begin + section(suite, counts) + end + foot)
        return []
    old_counts = old.splitlines()[2] if len(old.splitlines()) > 2 else ""
    if old != section(suite, old_counts):
        return [f"docs/compatibility.md is not in step with allowed/{suite}.toml: run suites.py {suite} --bless"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or ""))
    parser.add_argument("suites", nargs="+", choices=sorted(SUITES))
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path, help="a directory for the logs, kept afterwards")
    options = parser.parse_args()
    passed = failed = 0
    for name in options.suites:
        work = options.keep / name if options.keep else pathlib.Path(tempfile.mkdtemp(prefix=f"castle-{name}-"))
        if options.keep:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
        results = SUITES[name].run(work)
        wrong = judge(name, results) + update_table(name, results, options.bless)
        listed = sum(1 for test in allowed(name) if results.get(test) == FAILED)
        print(f"{SUITES[name].title}: {count(results, PASSED)} passed, {listed} failed as listed, "
              f"{count(results, SKIPPED)} skipped by the suite itself")
        for line in wrong:
            print(f"  {line}")
        if wrong:
            print(f"  logs: {work}")
            failed += len(wrong)
        elif not options.keep:
            shutil.rmtree(work, ignore_errors=True)
        passed += count(results, PASSED)
    print(f"suites: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
