import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Arguments: bootstrap address, a name nobody else uses. Prints "passed" or dies with the reason. */
public class KafkaRoundTrip {
    static final int RECORDS = 1000;

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0];
        String name = arguments[1];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(name, 3, (short) 1))).all().get();
            check(admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == 3, "partitions");
            check(admin.describeCluster().clusterId().get() != null, "cluster id");
        }
        // The defaults of this client: idempotent, acks=all.
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap, "compression.type", codec, "linger.ms", 5);
            try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
                var sent = new ArrayList<java.util.concurrent.Future<RecordMetadata>>();
                for (int i = 0; i < RECORDS / 5; i++) {
                    sent.add(producer.send(new ProducerRecord<>(name, codec + i, "value-" + codec + "-" + i)));
                }
                for (var future : sent) {
                    check(future.get().hasOffset(), "offset");
                }
            }
        }
        var seen = new HashSet<String>();
        // The first member reads about half and commits; the second goes on from there.
        consume(bootstrap, name, seen, RECORDS / 2);
        consume(bootstrap, name, seen, RECORDS);
        check(seen.size() == RECORDS, "every record once");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Map<TopicPartition, OffsetAndMetadata> committed =
                admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get();
            check(committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum() == RECORDS, "committed " + committed);
            admin.deleteConsumerGroups(List.of(name)).all().get();
            admin.deleteTopics(List.of(name)).all().get();
        }
        System.out.println("passed");
    }

    static void consume(String bootstrap, String name, Set<String> seen, int until) {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", bootstrap, "group.id", name, "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "max.poll.records", 50);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(name));
            long deadline = System.nanoTime() + 60_000_000_000L;
            while (seen.size() < until) {
                check(System.nanoTime() < deadline, "only " + seen.size() + " of " + until + " records came");
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    check(seen.add(record.value()), "twice: " + record.value());
                }
                consumer.commitSync();
            }
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
