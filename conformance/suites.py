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
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import tomllib
import xml.etree.ElementTree as xml
from typing import Callable, Dict, List

from castle import BINARY, ROOT, Castle

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
# keeper; the -D properties come as they would from a start script. The keys of TLS are taken out: kazoo makes
# certificates of X.509 version 1, which are not read here (conformance/test_security.py has kazoo over TLS).
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
grep -v -e '^secureClientPort=' -e '^ssl\.' "$configuration" > "$configuration.castle"
exec "$CASTLE" keeper "$configuration.castle" >> "$(dirname "$configuration")/zookeeper.log" 2>&1
"""


def kazoo(work: pathlib.Path) -> Dict[str, str]:
    bin_directory = work / "bin"
    bin_directory.mkdir()
    java = bin_directory / "java"
    java.write_text(JAVA)
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return pytest_in(
        TOOLS / "sources" / "kazoo", work, "kazoo/tests", "--timeout=120",
        PATH=f"{bin_directory}{os.pathsep}{os.environ['PATH']}", CASTLE=str(BINARY), ZOOKEEPER_CLASSPATH="castle",
        ZOOKEEPER_VERSION="3.9.5", ZOOKEEPER_CLUSTER_SIZE="1", ZOOKEEPER_PORT_OFFSET=str(free_port_range(5)))


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
    with Castle(work / "castle", options=["--set", "num.partitions=4"]) as castle:
        environment = {
            **os.environ, "KGO_SEEDS": castle.broker, "KGO_TEST_RF": "1", "KGO_LOG_LEVEL": "none",
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
                 if result == FAILED and "/" not in test and test not in allowed("kgo")]
        if again:
            results |= run("kgo-again", f"-test.run=^({'|'.join(again)})$")
    return results


# Wants three servers, and panics without them: no test behind it would run.
GO_ZOOKEEPER_PANICS = ["TestIntegration_RecurringReAuthHang"]


def go_zookeeper(work: pathlib.Path) -> Dict[str, str]:
    """Its tests start servers through ZOOKEEPER_BIN_PATH/zkServer.sh, which here is Castle's keeper."""
    bin_directory = work / "bin"
    bin_directory.mkdir()
    script = bin_directory / "zkServer.sh"
    # It asks for the times to live of 3.5.3 to be read, which Castle refuses; there are none.
    script.write_text('#!/usr/bin/env bash\nSERVER_JVMFLAGS="${SERVER_JVMFLAGS//-Dzookeeper.emulate353TTLNodes=true/}"\n'
                      'exec "$CASTLE" keeper "${@: -1}"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    log = work / "go-zookeeper.log"
    with open(log, "wb") as output:
        subprocess.run(
            [str(TOOLS / "go-zookeeper.test"), "-test.v", "-test.timeout=10m",
             f"-test.skip=^({'|'.join(GO_ZOOKEEPER_PANICS)})$"], cwd=work, stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "CASTLE": str(BINARY), "ZOOKEEPER_BIN_PATH": str(bin_directory)})
    return {**go_results(log.read_text(errors="replace")), **{test: FAILED for test in GO_ZOOKEEPER_PANICS}}


def go_results(text: str) -> Dict[str, str]:
    words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
    results = {name: words[word] for word, name in re.findall(r"--- (PASS|FAIL|SKIP): (\S+)", text)}
    # A panic or the time limit ends the run in the middle of a test, which then has no line of its own.
    for name in re.findall(r"=== RUN\s+(\S+)", text):
        results.setdefault(name, FAILED)
    return results


def free_port_range(ports: int) -> int:
    """The first of `ports` successive ports that nobody uses just now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        taken = []
        try:
            for port in range(first, first + ports):
                taken.append(socket.socket())
                taken[-1].bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for one in taken:
                one.close()


SUITES = {
    "kazoo": Suite("kazoo 2.11.0, its own suite", kazoo),
    "kafka-python": Suite("kafka-python 3.0.12, its integration tests", kafka_python),
    "kgo": Suite("franz-go 1.22.2, the suite of kgo", kgo),
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
