"""The Go clients: franz-go, sarama, go-zookeeper."""

import os
import subprocess
import pathlib

import pytest

GO = pathlib.Path(__file__).parent / "go"


@pytest.mark.parametrize("test", [
    "TestFranzGoMakesItsRoundTrip", "TestSaramaMakesItsRoundTrip", "TestGoZooKeeperMakesItsRoundTrip",
])
def test_the_client_makes_its_round_trip(castle, tool, test):
    done = subprocess.run(
        [str(tool("go-clients.test")), "-test.v", "-test.run", f"^{test}$", "-test.timeout", "240s"],
        cwd=GO, capture_output=True, text=True, timeout=280,
        env={**os.environ, "CASTLE_BROKER": castle.broker, "CASTLE_KEEPER": castle.keeper})
    assert done.returncode == 0 and f"--- PASS: {test}" in done.stdout, done.stdout[-8000:] + done.stderr[-4000:]
