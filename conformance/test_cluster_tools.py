"""Kafka 3.9's own tools against three Castle brokers, and each side on the other's keeper."""

import json

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import apache
from cluster import Cluster, castle_keeper, free_port
from test_cluster import Writer, admin, check_history, make_topic, partitions, read_all, until


def setting(client, kind, name, key):
    """What a topic or broker has for a key; None if the key is not there."""
    resource = ConfigResource(kind, name)
    entry = client.describe_configs([resource])[resource].result(30).get(key)
    return entry and entry.value


def test_the_tools_of_kafka_manage_the_cluster(tmp_path, tool):
    with Cluster(tmp_path / "cluster", brokers=4, racks=True) as cluster:
        client = admin(cluster)
        at = ["--bootstrap-server", cluster.addresses]
        apache.kafka_tool(tool, "org.apache.kafka.tools.TopicCommand", *at, "--create", "--topic", "moved",
                          "--replica-assignment", "1:2:3,2:3:1")
        until("in sync", lambda: all(len(one.isrs) == 3 for one in partitions(client, "moved").values()))
        writer = Writer(cluster, "moved", 2)
        writer.start()
        until("records", lambda: writer.total() > 200)

        # To other brokers, under load.
        plan = tmp_path / "plan.json"
        wanted = {0: [4, 2, 3], 1: [3, 4, 1]}
        plan.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": "moved", "partition": partition, "replicas": replicas} for partition, replicas in wanted.items()]}))
        reassign = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
        apache.kafka_tool(tool, reassign, *at, "--reassignment-json-file", str(plan), "--execute",
                          "--throttle", "10000000")
        limits = ["leader.replication.throttled.rate", "follower.replication.throttled.rate"]
        assert [setting(client, ConfigResource.Type.BROKER, "4", name) for name in limits] == ["10000000"] * 2
        until("moved", lambda: {p: one.replicas for p, one in partitions(client, "moved").items()} == wanted
              and all(sorted(one.isrs) == sorted(one.replicas) for one in partitions(client, "moved").values()))
        verified = apache.kafka_tool(tool, reassign, *at, "--reassignment-json-file", str(plan), "--verify")
        assert verified.count("is completed") == 2, verified
        # Which takes the limits back.
        assert [setting(client, ConfigResource.Type.BROKER, "4", name) for name in limits] == [None] * 2
        for name in ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"]:
            assert setting(client, ConfigResource.Type.TOPIC, "moved", name) == ""

        # The preferred leaders, on demand.
        apache.kafka_tool(tool, "org.apache.kafka.tools.LeaderElectionCommand", *at,
                          "--election-type", "PREFERRED", "--all-topic-partitions")
        until("preferred leaders", lambda: {p: one.leader for p, one in partitions(client, "moved").items()} == {0: 4, 1: 3})

        # Settings.
        configs = "kafka.admin.ConfigCommand"
        apache.kafka_tool(tool, configs, *at, "--alter", "--entity-type", "topics", "--entity-name", "moved",
                          "--add-config", "retention.ms=7200000")
        told = apache.kafka_tool(tool, configs, *at, "--describe", "--entity-type", "topics", "--entity-name", "moved")
        assert "retention.ms=7200000" in told, told
        writer.end()
        check_history(writer, read_all(cluster, "moved", 2, writer.acknowledged))


def test_three_brokers_on_an_apache_zookeeper(tmp_path, tool):
    keeper = apache.zookeeper(tool, tmp_path / "zookeeper")
    try:
        keeper.start()
        with Cluster(tmp_path / "cluster", keeper=f"127.0.0.1:{keeper.port}") as cluster:
            client = admin(cluster)
            make_topic(client, "guest")
            writer = Writer(cluster, "guest", 3)
            writer.start()
            until("records", lambda: writer.total() > 200)
            victim = partitions(client, "guest")[0].leader
            cluster.brokers[victim].kill()
            before = writer.total()
            until("records after a kill", lambda: writer.total() > before + 200)
            cluster.brokers[victim].start()
            writer.end()
            check_history(writer, read_all(cluster, "guest", 3, writer.acknowledged))
    finally:
        keeper.stop()


def same_actions(client: AdminClient, keeper: str) -> None:
    """What both clusters are asked to do."""
    # librdkafka asks whom it takes for the controller; a broker that has just begun may not know yet.
    until("a controller", lambda: client.list_topics(timeout=10).controller_id == 1)
    client.create_topics([NewTopic("plain", 2, replica_assignment=[[1], [1]])])["plain"].result(30)
    client.create_topics([NewTopic("set", 1, 1, config={"retention.ms": "1000"})])["set"].result(30)
    client.create_topics([NewTopic("gone", 3, 1)])["gone"].result(30)
    client.create_partitions([NewPartitions("plain", 4)])["plain"].result(30)
    client.delete_topics(["gone"])["gone"].result(30)
    # Kafka hides the topic before its znodes are gone.
    until("deleted", lambda: "/brokers/topics/gone" not in apache.znodes(keeper, ["/brokers/topics", "/admin"]))


def test_apache_kafka_on_a_castle_keeper_and_the_same_znodes_from_both(tmp_path, tool):
    roots = ["/brokers/topics", "/config/topics", "/admin", "/controller_epoch", "/feature"]
    port = free_port()
    keeper = castle_keeper(tmp_path / "keeper", port)
    kafka = apache.kafka(tool, tmp_path / "kafka", f"127.0.0.1:{port}", 1)
    try:
        keeper.start()
        kafka.start()
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{kafka.port}", "log_level": 0})
        same_actions(client, f"127.0.0.1:{port}")
        theirs = apache.znodes(f"127.0.0.1:{port}", roots)
    finally:
        try:
            kafka.stop()
        finally:
            keeper.stop()
    with Cluster(tmp_path / "cluster", brokers=1) as cluster:
        same_actions(admin(cluster), cluster.keeper_address)
        ours = apache.znodes(cluster.keeper_address, roots)
    assert ours == theirs
