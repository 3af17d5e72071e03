"""Transactions through librdkafka and kafka-python: what is committed is read, what is aborted is not."""

import time

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cluster import Cluster


def bootstrap(servers):
    return servers.addresses if isinstance(servers, Cluster) else servers.broker


def transactional(servers, transactional_id, **settings):
    producer = Producer({
        "bootstrap.servers": bootstrap(servers), "transactional.id": transactional_id, "linger.ms": 0, **settings,
    })
    producer.init_transactions(30)
    return producer


def make_topic(servers, name, partitions=3, replicas=1):
    admin = AdminClient({"bootstrap.servers": bootstrap(servers)})
    admin.create_topics([NewTopic(name, partitions, replicas)])[name].result(30)


def read_all(servers, topic, isolation="read_committed", partitions=3):
    """All records up to the end that a reader of that isolation sees."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap(servers), "group.id": "reader-of-" + topic, "isolation.level": isolation,
        "enable.auto.commit": False, "enable.partition.eof": True,
    })
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    values, ended = [], set()
    while len(ended) < partitions:
        message = consumer.poll(30)
        assert message is not None, "nothing comes any more"
        if message.error() is None:
            values.append(message.value())
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
    consumer.close()
    return values


def test_only_what_is_committed_is_read(castle, name):
    make_topic(castle, name)
    producer = transactional(castle, name)
    expected = []
    for round_ in range(10):
        producer.begin_transaction()
        values = [b"%d-%d" % (round_, i) for i in range(50)]
        for i, value in enumerate(values):
            producer.produce(name, value, partition=i % 3)
        if round_ % 3 == 2:
            producer.flush(30)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            expected += values
    assert sorted(read_all(castle, name)) == sorted(expected)
    assert len(read_all(castle, name, "read_uncommitted")) == 500


def test_an_open_transaction_hides_what_follows(castle, name):
    make_topic(castle, name, 1)
    producer = transactional(castle, name)
    producer.begin_transaction()
    producer.produce(name, b"open")
    producer.flush(30)
    plain = Producer({"bootstrap.servers": castle.broker})
    plain.produce(name, b"plain")
    assert plain.flush(30) == 0
    assert read_all(castle, name, partitions=1) == []
    assert read_all(castle, name, "read_uncommitted", partitions=1) == [b"open", b"plain"]
    producer.commit_transaction(30)
    assert read_all(castle, name, partitions=1) == [b"open", b"plain"]


def test_a_second_producer_fences_the_first(castle, name):
    make_topic(castle, name, 1)
    first = transactional(castle, name)
    first.begin_transaction()
    first.produce(name, b"zombie")
    first.flush(30)
    second = transactional(castle, name)
    second.begin_transaction()
    second.produce(name, b"heir")
    second.commit_transaction(30)
    with pytest.raises(KafkaException) as failure:
        first.commit_transaction(30)
    assert failure.value.args[0].fatal()
    assert read_all(castle, name, partitions=1) == [b"heir"]


def test_offsets_move_with_the_transaction(castle, name):
    make_topic(castle, name, 1)
    consumer = Consumer({
        "bootstrap.servers": castle.broker, "group.id": name, "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    })
    consumer.subscribe([name])
    plain = Producer({"bootstrap.servers": castle.broker})
    plain.produce(name, b"in")
    assert plain.flush(30) == 0
    assert consumer.poll(30).value() == b"in"
    producer = transactional(castle, name)
    for end, committed in ((producer.abort_transaction, -1001), (producer.commit_transaction, 1)):
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(name, 0, 1)], consumer.consumer_group_metadata(), 30)
        end(30)
        assert [at.offset for at in consumer.committed([TopicPartition(name, 0)], 30)] == [committed]
    consumer.close()


def test_a_transaction_survives_the_brokers_end(own_castle, name):
    make_topic(own_castle, name, 1)
    producer = transactional(own_castle, name)
    for round_ in range(6):
        producer.begin_transaction()
        producer.produce(name, b"%d" % round_)
        producer.flush(30)
        own_castle.kill()
        own_castle.start()
        if round_ % 2:
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)
    assert read_all(own_castle, name, partitions=1) == [b"0", b"2", b"4"]


def until_brokers(cluster, count):
    admin = AdminClient({"bootstrap.servers": cluster.addresses})
    deadline = time.monotonic() + 60
    while len(admin.list_topics(timeout=30).brokers) < count:
        assert time.monotonic() < deadline, f"not in time: brokers\n{cluster.tails()}"
        time.sleep(0.05)


def end(producer, committed):
    """Ends the transaction. Returns whether its records count."""
    while True:
        try:
            producer.commit_transaction(60) if committed else producer.abort_transaction(60)
            return committed
        except KafkaException as failure:
            error = failure.args[0]
            if error.txn_requires_abort():
                committed = False
            elif not error.retriable():
                raise


def test_a_transaction_spans_brokers_and_outlives_one(tmp_path, name):
    settings = {
        "transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2",
        "transaction.state.log.num.partitions": "3",
    }
    with Cluster(tmp_path / "cluster", settings=settings) as cluster:
        until_brokers(cluster, 3)
        make_topic(cluster, name, 3, 3)
        producers = [transactional(cluster, f"{name}-{i}") for i in range(3)]
        expected = []
        for round_ in range(12):
            for i, producer in enumerate(producers):
                producer.begin_transaction()
                values = [b"%d-%d-%d" % (i, round_, partition) for partition in range(3)]
                for partition, value in enumerate(values):
                    producer.produce(name, value, partition=partition)
                if round_ == 6 and i == 1:
                    producer.flush(30)
                    cluster.brokers[2].kill()
                if end(producer, round_ % 4 != 3):
                    expected += values
            if round_ == 8:
                cluster.brokers[2].start()
        assert sorted(read_all(cluster, name)) == sorted(expected)
        assert len(expected) >= 60
