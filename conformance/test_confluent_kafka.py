"""confluent-kafka, that is librdkafka."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic


def drain(consumer, count, seconds=60):
    records = []
    while len(records) < count:
        batch = consumer.consume(count - len(records), timeout=seconds)
        assert batch, f"only {len(records)} of {count} records came"
        for message in batch:
            assert message.error() is None, message.error()
            records.append(message)
    return records


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("idempotent", [False, True])
def test_records_come_back_as_they_were_sent(castle, name, codec, idempotent):
    producer = Producer({
        "bootstrap.servers": castle.broker, "compression.type": codec, "enable.idempotence": idempotent,
    })
    failures = []
    for i in range(2000):
        producer.produce(name, key=b"%d" % (i % 7), value=b"value-%d" % i * 10,
                         on_delivery=lambda error, message: failures.append(error) if error else None)
    assert producer.flush(60) == 0
    assert failures == []
    consumer = Consumer({
        "bootstrap.servers": castle.broker, "group.id": name, "auto.offset.reset": "earliest", "check.crcs": True,
    })
    consumer.subscribe([name])
    records = drain(consumer, 2000)
    assert sorted(m.value() for m in records) == sorted(b"value-%d" % i * 10 for i in range(2000))
    consumer.commit(asynchronous=False)
    consumer.close()


def test_a_group_resumes_where_it_committed(castle, name):
    producer = Producer({"bootstrap.servers": castle.broker})
    for i in range(30):
        producer.produce(name, b"%d" % i)
    assert producer.flush(30) == 0
    settings = {
        "bootstrap.servers": castle.broker, "group.id": name, "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    first = Consumer(settings)
    first.subscribe([name])
    records = drain(first, 11)
    first.commit(message=records[-1], asynchronous=False)
    first.close()
    second = Consumer(settings)
    second.subscribe([name])
    assert [m.value() for m in drain(second, 19)] == [b"%d" % i for i in range(11, 30)]
    second.close()


def test_two_members_share_the_partitions(castle, name):
    admin = AdminClient({"bootstrap.servers": castle.broker})
    admin.create_topics([NewTopic(name, 4, 1)])[name].result(30)
    members = [Consumer({"bootstrap.servers": castle.broker, "group.id": name, "auto.offset.reset": "earliest"})
               for _ in range(2)]
    for member in members:
        member.subscribe([name])
    for _ in range(600):
        for member in members:
            member.poll(0.1)
        assigned = [{p.partition for p in member.assignment()} for member in members]
        if all(assigned) and assigned[0] | assigned[1] == {0, 1, 2, 3}:
            break
    assert assigned[0] | assigned[1] == {0, 1, 2, 3} and not assigned[0] & assigned[1]
    for member in members:
        member.close()


def test_admin_sees_and_changes_the_cluster(castle, name):
    admin = AdminClient({"bootstrap.servers": castle.broker})
    admin.create_topics([NewTopic(name, 1, 1, config={"retention.ms": "3600000"})])[name].result(30)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    config = admin.describe_configs([resource])[resource].result(30)
    assert config["retention.ms"].value == "3600000"
    assert config["cleanup.policy"].value == "delete" and config["cleanup.policy"].is_default
    admin.create_partitions([NewPartitions(name, 3)])[name].result(30)
    assert len(admin.list_topics(name, timeout=30).topics[name].partitions) == 3
    cluster = admin.describe_cluster().result(30)
    assert cluster.cluster_id and len(cluster.nodes) == 1
    admin.delete_topics([name])[name].result(30)
    assert name not in admin.list_topics(timeout=30).topics


def test_groups_are_listed_described_and_deleted(castle, name):
    producer = Producer({"bootstrap.servers": castle.broker})
    producer.produce(name, b"x")
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": castle.broker, "group.id": name, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    drain(consumer, 1)
    consumer.commit(asynchronous=False)
    admin = AdminClient({"bootstrap.servers": castle.broker})
    assert name in [g.group_id for g in admin.list_consumer_groups().result(30).valid]
    described = admin.describe_consumer_groups([name])[name].result(30)
    assert len(described.members) == 1 and described.state.name == "STABLE"
    consumer.close()
    admin.delete_consumer_groups([name])[name].result(30)
    assert name not in [g.group_id for g in admin.list_consumer_groups().result(30).valid]


def test_offsets_are_found_by_time(castle, name):
    producer = Producer({"bootstrap.servers": castle.broker})
    for i in range(10):
        producer.produce(name, b"%d" % i, timestamp=1_700_000_000_000 + i * 1000)
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": castle.broker, "group.id": name})
    [found] = consumer.offsets_for_times([TopicPartition(name, 0, 1_700_000_004_500)], timeout=30)
    assert found.offset == 5
    assert consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=30) == (0, 10)
    consumer.close()
