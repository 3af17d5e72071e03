"""`castle dev --nodes 3`: three processes, their faults by command, and what clients keep through them."""

import subprocess
import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer, KafkaProducer
from kazoo.client import KazooClient

from castle import BINARY, Nodes
from cluster_chaos import check_replicas
from test_cluster import Writer, check_history, partitions, read_all, until


@pytest.fixture
def nodes(tmp_path):
    with Nodes(tmp_path / "nodes") as running:
        yield running


class Client:
    """What the clients of `test_cluster` need to know of a cluster."""

    def __init__(self, nodes):
        self.addresses = nodes.broker


def make_topic(nodes, topic, count=3):
    """With the defaults: three replicas, two of which acknowledge."""
    client = AdminClient({"bootstrap.servers": nodes.broker, "log_level": 0})
    client.create_topics([NewTopic(topic, count)])[topic].result(30)
    wait_in_sync(client, topic)
    return client


def wait_in_sync(client, topic):
    until("three replicas in sync", lambda: all(
        len(one.isrs) == 3 and one.leader >= 0 for one in partitions(client, topic).values()), 90)


def wait_for_progress(writer, records=30):
    before = {partition: len(done) for partition, done in writer.acknowledged.items()}
    until("records in every partition", lambda: all(
        len(done) > before[partition] + records for partition, done in writer.acknowledged.items()), 90)


def test_what_was_acknowledged_stays_through_every_fault(nodes):
    client = make_topic(nodes, "precious")
    zk = KazooClient(nodes.keeper, timeout=10)
    zk.start(60)
    zk.create("/precious", b"")
    writer = Writer(Client(nodes), "precious", 3)
    writer.start()
    wait_for_progress(writer)

    # The leader of the ensemble, which leads partitions as well, killed and back.
    leading = nodes.node_leading()
    nodes.order("kill", leading)
    wait_for_progress(writer)
    zk.retry(zk.set, "/precious", b"while one is away")
    assert "running" in nodes.order("start", leading)
    wait_in_sync(client, "precious")

    # One frozen.
    frozen = nodes.node_leading()
    nodes.order("pause", frozen)
    wait_for_progress(writer)
    nodes.order("resume", frozen)
    wait_in_sync(client, "precious")

    # One cut from both others, keeper and broker; clients still reach it.
    cut = nodes.node_leading()
    nodes.order("isolate", cut)
    assert sorted(map(sorted, nodes.status()["cut"])) == sorted(
        sorted([cut, other]) for other in (1, 2, 3) if other != cut)
    wait_for_progress(writer)
    until("others lead", lambda: nodes.node_leading() != cut)
    nodes.order("heal")
    wait_in_sync(client, "precious")

    writer.end()
    check_history(writer, read_all(Client(nodes), "precious", 3, writer.acknowledged))
    for node in (1, 2, 3):
        one = KazooClient(nodes.keeper_of(node), timeout=10)
        one.start(60)
        one.sync("/precious")
        assert one.get("/precious")[0] == b"while one is away"
        one.stop()
        one.close()
    zk.stop()
    zk.close()
    nodes.stop()
    assert check_replicas(nodes, ["precious"]) > 0


def test_two_nodes_that_do_not_reach_each_other_have_a_third(nodes):
    client = make_topic(nodes, "between")
    # A leader that is cut from the controller cannot leave anybody out, so its writers wait; as in Kafka.
    controller = client.list_topics(timeout=20).controller_id
    nodes.order("partition", *({1, 2, 3} - {controller}))
    producer = KafkaProducer(
        bootstrap_servers=nodes.broker.split(","), acks="all", request_timeout_ms=60_000, delivery_timeout_ms=120_000)
    sent = [producer.send("between", b"%d" % number, partition=number % 3).get(120).offset for number in range(30)]
    assert sorted(sent) == sorted(list(range(10)) * 3)
    producer.close()
    nodes.order("heal")
    wait_in_sync(client, "between")
    consumer = KafkaConsumer(
        "between", bootstrap_servers=nodes.broker.split(","), auto_offset_reset="earliest", group_id="between",
        consumer_timeout_ms=30_000)
    found = set()
    for record in consumer:
        found.add(int(record.value))
        if len(found) == 30:
            break
    consumer.close()
    assert found == set(range(30))


def test_the_cluster_is_as_it_was_after_a_restart(nodes):
    make_topic(nodes, "lasting")
    writer = Writer(Client(nodes), "lasting", 3)
    writer.start()
    wait_for_progress(writer)
    writer.end()
    keeper = nodes.keeper
    began = time.monotonic()
    nodes.stop()
    assert time.monotonic() - began < 40, "an orderly end waits for nobody"
    nodes.start()
    assert nodes.keeper == keeper, "the same ports"
    check_history(writer, read_all(Client(nodes), "lasting", 3, writer.acknowledged))
    # As hard as can be: the nodes end with their parent.
    nodes.kill()
    until("the directory is free", lambda: try_start(nodes))
    check_history(writer, read_all(Client(nodes), "lasting", 3, writer.acknowledged))


def try_start(nodes):
    try:
        return nodes.start()
    except RuntimeError:
        # A node of before is still closing its files.
        return None


def test_a_node_that_dies_is_told_and_not_started_again(nodes):
    victim = nodes.status()["nodes"][1]
    subprocess.run(["kill", "-9", str(victim["pid"])], check=True)
    until("it is told", lambda: nodes.status()["nodes"][1]["state"] == "died: signal 9")
    until("it is said", lambda: "node 2 died: signal 9" in nodes.tail())
    assert nodes.status()["nodes"][1]["pid"] is None
    assert "running" in nodes.order("start", 2)


def test_orders_that_cannot_be_done_say_why(nodes):
    def refused(*words):
        command = [str(BINARY), "dev", "--data-dir", str(nodes.data), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr

    assert "no node 4; nodes are 1, 2, 3" in refused("kill", 4)
    assert "node 1 is running" in refused("start", 1)
    assert "node 1 is running" in refused("resume", 1)
    assert "nothing between 1 and 1" in refused("partition", 1, 1)
    nodes.order("stop", 3)
    assert "node 3 does not run (stopped)" in refused("pause", 3)
