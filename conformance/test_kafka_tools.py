"""The load and verification tools that ship with Kafka 3.9 and 4.3, unchanged, against Castle."""

import json
import re
import subprocess

import pytest

from apache import java

TOOLS_SECONDS = 240


@pytest.fixture(params=["3.9", "4.3"])
def line(request):
    return request.param


@pytest.fixture
def run(tool, line):
    def start(main: str, *arguments: str) -> str:
        command = java(tool(f"jars/kafka-server-{line}"), f"org.apache.kafka.tools.{main}", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOOLS_SECONDS)
        assert done.returncode == 0, f"{main}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    return start


def events(output: str, name: str) -> list[dict]:
    """The events of that name that a verifiable client printed, one JSON object a line."""
    found = [json.loads(text) for text in output.splitlines() if text.startswith("{")]
    return [event for event in found if event["name"] == name]


def test_what_the_verifiable_producer_sends_the_verifiable_consumer_gets(castle, name, run):
    count = 3000
    sent = run(
        "VerifiableProducer", "--bootstrap-server", castle.broker, "--topic", name, "--max-messages", str(count),
        "--throughput", "-1", "--acks", "-1",
    )
    acknowledged = events(sent, "producer_send_success")
    assert len(acknowledged) == count
    assert sorted(event["offset"] for event in acknowledged) == list(range(count))
    got = run(
        "VerifiableConsumer", "--bootstrap-server", castle.broker, "--topic", name, "--group-id", f"group-{name}",
        "--max-messages", str(count), "--reset-policy", "earliest", "--verbose",
    )
    values = {event["offset"]: event["value"] for event in events(got, "record_data")}
    assert values == {event["offset"]: event["value"] for event in acknowledged}
    assert events(got, "offsets_committed")[-1]["offsets"][0]["offset"] == count
    assert all(event["success"] for event in events(got, "offsets_committed"))


def test_the_performance_tools_run_to_their_end(castle, name, run, line):
    count = 20_000
    produced = run(
        "ProducerPerformance", "--topic", name, "--num-records", str(count), "--record-size", "200", "--throughput",
        "-1", "--producer-props", f"bootstrap.servers={castle.broker}", "acks=all", "compression.type=lz4",
    )
    assert re.search(rf"^{count} records sent", produced, re.MULTILINE), produced
    consumed = run(
        "ConsumerPerformance", "--bootstrap-server", castle.broker, "--topic", name, "--messages", str(count),
        "--timeout", "60000",
    )
    assert float(consumed.strip().splitlines()[-1].split(",")[4]) >= count, consumed
    where = (castle.broker, f"{name}-latency", "200", "all", "100")
    if line == "4.3":
        keys = ("--bootstrap-server", "--topic", "--num-records", "--producer-acks", "--record-size")
        where = tuple(word for pair in zip(keys, where) for word in pair)
    latency = run("EndToEndLatency", *where)
    assert re.search(r"50th = \d+, 99th = \d+", latency), latency
