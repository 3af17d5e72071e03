import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Two members of a group of the consumer protocol, one by name and one by pattern; commits; the end of the group. */
public class KafkaConsumerProtocol {
    static String address;

    static Properties settings(String... pairs) {
        var settings = new Properties();
        settings.put("bootstrap.servers", address);
        for (int i = 0; i < pairs.length; i += 2) settings.put(pairs[i], pairs[i + 1]);
        return settings;
    }

    static KafkaConsumer<String, String> consumer(String group, String assignor) {
        return new KafkaConsumer<>(
            settings("group.id", group, "group.protocol", "consumer", "group.remote.assignor", assignor,
                "auto.offset.reset", "earliest", "enable.auto.commit", "false"),
            new StringDeserializer(), new StringDeserializer());
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static void send(String topic, int from, int to) throws Exception {
        try (var producer = new KafkaProducer<>(settings(), new StringSerializer(), new StringSerializer())) {
            for (int i = from; i < to; i++) producer.send(new ProducerRecord<>(topic, "k" + i, "" + i));
        }
    }

    static void pollUntil(java.util.function.BooleanSupplier holds, Set<String> seen, String what, KafkaConsumer<?, String>... all) {
        long end = System.nanoTime() + 90_000_000_000L;
        while (!holds.getAsBoolean()) {
            check(System.nanoTime() < end, what);
            for (var consumer : all) {
                var records = consumer.poll(Duration.ofMillis(100));
                for (var record : records) check(seen.add(record.value()), record.value() + " came twice");
                if (!records.isEmpty()) consumer.commitSync();
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        String topic = arguments[1], assignor = arguments[2];
        try (var admin = Admin.create(settings())) {
            admin.createTopics(List.of(new NewTopic(topic, 4, (short) 1))).all().get();
            send(topic, 0, 200);
            var seen = new HashSet<String>();
            var first = consumer(topic, assignor);
            first.subscribe(List.of(topic));
            pollUntil(() -> seen.size() == 200, seen, "the first reads all", first);
            var second = consumer(topic, assignor);
            second.subscribe(new SubscriptionPattern(topic + ".*"));
            pollUntil(() -> first.assignment().size() == 2 && second.assignment().size() == 2, seen, "both have a share", first, second);
            send(topic, 200, 400);
            pollUntil(() -> seen.size() == 400, seen, "both read on", first, second);
            var group = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
            check(group.members().size() == 2, group.toString());
            check(group.partitionAssignor().equals(assignor), group.toString());
            check(group.type() == org.apache.kafka.common.GroupType.CONSUMER, group.toString());
            first.close();
            pollUntil(() -> second.assignment().size() == 4, seen, "the second takes over", second);
            send(topic, 400, 450);
            pollUntil(() -> seen.size() == 450, seen, "the second reads on", second);
            second.close();
            long committed = admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get().values().stream()
                .mapToLong(OffsetAndMetadata::offset).sum();
            check(committed == 450, "committed " + committed);
            admin.deleteConsumerGroups(List.of(topic)).all().get();
        }
        System.out.println("passed");
    }
}
