"""kafka-python: produce, consume in a group, commit, resume, administer."""

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


def read(consumer, count):
    """Polls until `count` records came."""
    records = []
    for record in consumer:
        records.append(record)
        if len(records) == count:
            return records
    raise AssertionError(f"only {len(records)} of {count} records came")


@pytest.mark.parametrize("codec", CODECS)
def test_records_come_back_as_they_were_sent(castle, name, codec):
    producer = KafkaProducer(bootstrap_servers=castle.broker, compression_type=codec, linger_ms=5)
    sent = [
        producer.send(name, key=b"key-%d" % i, value=b"value-%d" % i * 20, headers=[("header", b"%d" % i)])
        for i in range(500)
    ]
    producer.flush()
    offsets = [future.get(30).offset for future in sent]
    assert offsets == list(range(500))
    producer.close()
    consumer = KafkaConsumer(
        name, bootstrap_servers=castle.broker, auto_offset_reset="earliest", consumer_timeout_ms=30_000)
    records = read(consumer, 500)
    consumer.close()
    assert [(r.offset, r.key, r.value, r.headers) for r in records] == [
        (i, b"key-%d" % i, b"value-%d" % i * 20, [("header", b"%d" % i)]) for i in range(500)
    ]


def test_a_group_resumes_where_it_committed(castle, name):
    producer = KafkaProducer(bootstrap_servers=castle.broker)
    for i in range(20):
        producer.send(name, b"%d" % i)
    producer.flush()

    def consumer():
        return KafkaConsumer(
            name, bootstrap_servers=castle.broker, group_id=name, auto_offset_reset="earliest",
            enable_auto_commit=False, max_poll_records=7, consumer_timeout_ms=30_000)

    first = consumer()
    assert [r.value for r in read(first, 7)] == [b"%d" % i for i in range(7)]
    first.commit()
    assert first.committed(TopicPartition(name, 0)) == 7
    first.close()
    second = consumer()
    assert [r.value for r in read(second, 13)] == [b"%d" % i for i in range(7, 20)]
    second.close()
    producer.close()


def test_topics_are_administered(castle, name):
    admin = KafkaAdminClient(bootstrap_servers=castle.broker)
    admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
    assert name in admin.list_topics()
    [described] = admin.describe_topics([name])
    assert len(described["partitions"]) == 3
    admin.delete_topics([name])
    assert name not in admin.list_topics()
    admin.close()


def test_offsets_are_found_by_time(castle, name):
    producer = KafkaProducer(bootstrap_servers=castle.broker)
    for i in range(10):
        producer.send(name, b"%d" % i, timestamp_ms=1_700_000_000_000 + i * 1000)
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=castle.broker)
    partition = TopicPartition(name, 0)
    found = consumer.offsets_for_times({partition: 1_700_000_004_500})
    assert (found[partition].offset, found[partition].timestamp) == (5, 1_700_000_005_000)
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 10}
    consumer.close()
