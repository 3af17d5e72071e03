"""Every shape of load that `castle bench` has, for a second each: what is fast must first of all stay up."""

import json
import subprocess

import pytest

from castle import BINARY

SHAPES = [(1, 1), (1, 64), (2, 8), (10, 64)]


def load(half: str, server: str, *options: str) -> None:
    done = subprocess.run(
        [str(BINARY), "bench", half, "--server", server, "--seconds", "1", "--warm-up", "0", "-o", "json", *options],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["errors"] == 0, report["first_error"]
    assert report["things"] > 0


@pytest.mark.parametrize("operation", ["create", "set", "get", "mixed"])
@pytest.mark.parametrize("connections,in_flight", SHAPES)
def test_a_keeper_bears_its_load(castle, operation, connections, in_flight):
    load("keeper", castle.keeper, "--operation", operation, "--connections", str(connections), "--in-flight", str(in_flight))


@pytest.mark.parametrize("operation", ["produce", "fetch"])
@pytest.mark.parametrize("connections,in_flight", [(1, 1), (1, 5), (4, 5)])
def test_a_broker_bears_its_load(castle, name, operation, connections, in_flight):
    options = ("--topic", name, "--connections", str(connections), "--in-flight", str(in_flight))
    load("broker", castle.broker, *options, "--requests", "200")
    load("broker", castle.broker, *options, "--operation", operation)
