import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.serialization.*;

/** Copies a topic exactly once, some transactions aborted on the way, and is fenced by its heir. */
public class KafkaTransactions {
    static String address;

    static Properties settings(String... pairs) {
        var settings = new Properties();
        settings.put("bootstrap.servers", address);
        for (int i = 0; i < pairs.length; i += 2) settings.put(pairs[i], pairs[i + 1]);
        return settings;
    }

    static KafkaProducer<String, String> producer(String id) {
        var producer = new KafkaProducer<>(
            settings("transactional.id", id), new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    static KafkaConsumer<String, String> consumer(String group) {
        return new KafkaConsumer<>(
            settings("group.id", group, "isolation.level", "read_committed", "auto.offset.reset", "earliest",
                "enable.auto.commit", "false", "max.poll.records", "37"),
            new StringDeserializer(), new StringDeserializer());
    }

    static List<String> readAll(String topic, int count) {
        var values = new ArrayList<String>();
        try (var consumer = consumer("reader-of-" + topic)) {
            consumer.subscribe(List.of(topic));
            long until = System.nanoTime() + 60_000_000_000L;
            while (values.size() < count && System.nanoTime() < until) {
                for (var record : consumer.poll(Duration.ofMillis(500))) values.add(record.value());
            }
            for (var record : consumer.poll(Duration.ofMillis(500))) values.add(record.value());
        }
        Collections.sort(values);
        return values;
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        String in = arguments[1] + "-in", out = arguments[1] + "-out";
        try (var admin = Admin.create(settings())) {
            admin.createTopics(List.of(new NewTopic(in, 3, (short) 1), new NewTopic(out, 3, (short) 1))).all().get();
        }
        var expected = new ArrayList<String>();
        try (var producer = producer(in)) {
            for (int round = 0; round < 10; round++) {
                producer.beginTransaction();
                for (int i = 0; i < 50; i++) {
                    String value = round + "-" + i;
                    producer.send(new ProducerRecord<>(in, value, value));
                    if (round % 3 != 1) expected.add(value);
                }
                if (round % 3 == 1) producer.abortTransaction();
                else producer.commitTransaction();
            }
        }
        Collections.sort(expected);
        try (var consumer = consumer("copy-" + in); var producer = producer(out)) {
            consumer.subscribe(List.of(in));
            int copied = 0;
            long until = System.nanoTime() + 60_000_000_000L;
            for (int step = 0; copied < expected.size(); step++) {
                // Empty too when only markers were passed.
                var records = consumer.poll(Duration.ofSeconds(1));
                check(System.nanoTime() < until, "nothing comes any more");
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
                for (var record : records) {
                    producer.send(new ProducerRecord<>(out, record.key(), record.value()));
                    offsets.put(new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
                }
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                if (step % 4 == 2) {
                    producer.abortTransaction();
                    // Back to what is committed.
                    var committed = consumer.committed(consumer.assignment());
                    for (var partition : consumer.assignment()) {
                        var at = committed.get(partition);
                        consumer.seek(partition, at == null ? 0 : at.offset());
                    }
                } else {
                    producer.commitTransaction();
                    copied += records.count();
                }
            }
        }
        check(readAll(out, expected.size()).equals(expected), "the copy is not exact");
        try (var zombie = producer(out)) {
            zombie.beginTransaction();
            zombie.send(new ProducerRecord<>(out, "late", "late")).get();
            try (var heir = producer(out)) {
                heir.beginTransaction();
                heir.commitTransaction();
            }
            try {
                zombie.commitTransaction();
                throw new AssertionError("the zombie was not fenced");
            } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                // As it must be.
            }
        }
        check(readAll(out, 0).isEmpty() || !readAll(out, 0).contains("late"), "an aborted record was read");
        try (var admin = Admin.create(settings())) {
            var listed = admin.listTransactions().all().get();
            check(listed.stream().anyMatch(one -> one.transactionalId().equals(out)), "the id is not listed");
            var described = admin.describeTransactions(List.of(out)).description(out).get();
            check(described.topicPartitions().isEmpty(), "a transaction is open");
        }
        System.out.println("passed");
    }
}
