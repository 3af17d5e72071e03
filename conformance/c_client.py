"""The cppunit tests of ZooKeeper's C client, from Debian's source package.

They listen on fixed ports and kill their servers, so they run in namespaces of their own, on servers that
c/zkServer.sh starts. A test program that dies takes the tests behind it along, so these are run one by one.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from typing import Container, Dict, List

from castle import BINARY, ROOT

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(os.environ.get("CASTLE_TOOLS", ROOT / "target" / "conformance"))
PROGRAM = TOOLS / "zktest-mt"
SOURCE = TOOLS / "sources/zookeeper-c/source/zookeeper-client/zookeeper-client-c/tests"

# The longest of the suites takes about half of this on two busy cores.
SUITE_SECONDS = 600
TRIES = 5

SUITES = (
    "Zookeeper_init", "Zookeeper_close", "Zookeeper_reconfig", "TestReconfigServer", "Zookeeper_clientretry",
    "Zookeeper_operations", "Zookeeper_multi", "Zookeeper_watchers", "Zookeeper_simpleSystem", "Zookeeper_readOnly",
    "Zookeeper_logClientEnv", "Zookeeper_SASLAuth",
)

NAMESPACE = ["unshare", "--map-root-user", "--user", "--net", "--mount", "--pid", "--fork", "--kill-child",
             "--mount-proc", "--"]

INSIDE = r"""
import fcntl, os, socket, struct, subprocess, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))
os.makedirs("/tmp/certs", exist_ok=True)
subprocess.run(["mount", "--bind", os.environ["CERTIFICATES"], "/tmp/certs"], check=True)
program = subprocess.Popen(sys.argv[1:]).pid
# This is the first process of its namespace, so the servers that are left behind are ours to bury.
while True:
    ended, status = os.wait()
    if ended == program:
        sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
"""


def certificates(directory: pathlib.Path) -> None:
    """An authority, a server and a client, in the files that the tests name."""
    directory.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", "/CN=root")
    (directory / "names.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name, key_file in (("server", "serverkey.pem"), ("client", "clientkey.pem")):
        openssl("req", "-new", *key, "-keyout", key_file, "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "30", "-extfile", "names.ext")
    root, server = (directory / "root.pem").read_text(), (directory / "server.crt").read_text()
    (directory / "server.pem").write_text((directory / "serverkey.pem").read_text() + server)
    # The client believes what is in this file.
    (directory / "server.crt").write_text(server + root)


def run(work: pathlib.Path, expected: Container[str] = ()) -> Dict[str, str]:
    """Test -> passed or failed; what is expected to fail is not tried again."""
    assert PROGRAM.exists(), f"{PROGRAM} is missing: run `cargo xtask tools`"
    (work / "tests").mkdir()
    (work / "bin").mkdir()
    for place in ("tests", "bin"):
        shutil.copy(HERE / "c" / "zkServer.sh", work / place / "zkServer.sh")
    certificates(work / "certificates")
    environment = {
        **os.environ, "CASTLE": str(BINARY), "C_CLIENT_WORK": str(work), "CERTIFICATES": str(work / "certificates"),
        "ZKROOT": str(work),
    }
    results: Dict[str, str] = {}
    for suite in SUITES:
        told = attempt(suite, work, environment)
        results |= read(told)
        # What a crash kept from running is run alone, and so is what failed: some tests want an answer within two
        # milliseconds, or race with their own client.
        for test in [test for test in listed(suite) if results.get(test) != "passed" and test not in expected]:
            for _ in range(TRIES):
                again = read(attempt(test, work, environment))
                if test not in results and test not in again:
                    break  # not in a client with threads
                results[test] = again.get(test, "failed")
                if results[test] == "passed":
                    break
    return results


def attempt(test: str, work: pathlib.Path, environment: Dict[str, str]) -> str:
    """What the program says to a suite or a test, `Suite::test`."""
    log = work / f"{test.replace('::', '.')}.log"
    with open(log, "wb") as output:
        try:
            subprocess.run(
                [*NAMESPACE, "python3", "-c", INSIDE, str(PROGRAM), test], cwd=work, env=environment, stdout=output,
                stderr=subprocess.STDOUT, timeout=SUITE_SECONDS)
        except subprocess.TimeoutExpired:
            output.write(b"\nout of time\n")
    return log.read_text(errors="replace")


def listed(suite: str) -> List[str]:
    """The tests that the source names; not all of them are in a client with threads."""
    for source in sorted(SOURCE.glob("Test*.cc")):
        found = re.search(rf"CPPUNIT_TEST_SUITE\({suite}\);(.*?)CPPUNIT_TEST_SUITE_END", source.read_text(), re.DOTALL)
        if found:
            return [f"{suite}::{test}" for test in re.findall(r"CPPUNIT_TEST\((\w+)\)", found[1])]
    raise AssertionError(f"{SOURCE} has no suite {suite}")


def read(text: str) -> Dict[str, str]:
    """One line a test: its name, what its servers print, ` : elapsed N : OK`, or how it failed."""
    results: Dict[str, str] = {}
    starts = list(re.finditer(r"^(\w+)::(test\w+?)(?= |$|terminate|zktest)", text, re.MULTILINE))
    for start, following in zip(starts, [*starts[1:], None]):
        told = text[start.start():following.start() if following else len(text)]
        passed = re.search(r": elapsed \d+ : OK", told)
        results.setdefault(f"{start[1]}::{start[2]}", "passed" if passed else "failed")
    return results
