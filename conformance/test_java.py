"""The Java clients: ZooKeeper 3.9 and Curator, Kafka 3.9 and 4.3, each as its makers ship it."""

import pathlib
import subprocess

import pytest

JAVA = pathlib.Path(__file__).parent / "java"


def run(jars: pathlib.Path, program: str, *arguments: str) -> None:
    done = subprocess.run(
        ["java", "-Xmx256m", "-cp", f"{jars}/*", str(JAVA / program), *arguments],
        capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and done.stdout.strip().endswith("passed"), done.stdout + done.stderr


def test_the_zookeeper_client_makes_its_round_trip(castle, name, tool):
    run(tool("jars/zookeeper-3.9"), "ZooKeeperRoundTrip.java", castle.keeper, name)


def test_curators_recipes_hold(castle, name, tool):
    run(tool("jars/curator"), "CuratorRecipes.java", castle.keeper, name)


@pytest.mark.parametrize("line", ["3.9", "4.3"])
def test_the_kafka_client_makes_its_round_trip(castle, name, tool, line):
    run(tool(f"jars/kafka-{line}"), "KafkaRoundTrip.java", castle.broker, name)


@pytest.mark.parametrize("line", ["3.9", "4.3"])
def test_the_kafka_client_copies_exactly_once(castle, name, tool, line):
    run(tool(f"jars/kafka-{line}"), "KafkaTransactions.java", castle.broker, name)
