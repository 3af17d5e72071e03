import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/**
 * Arguments: bootstrap address, topic, partitions. Writes numbered records until stdin ends, and prints what became
 * of each: "acknowledged PARTITION VALUE OFFSET" or "failed VALUE". The defaults of this client: idempotent, acks=all.
 */
public class ChaosWriter {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", arguments[0], "linger.ms", 5, "delivery.timeout.ms", 240_000, "request.timeout.ms", 15_000,
            "max.block.ms", 240_000, "reconnect.backoff.max.ms", 500);
        int partitions = Integer.parseInt(arguments[2]);
        var ended = new CountDownLatch(1);
        var reader = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (java.io.IOException gone) {
                // As good as its end.
            }
            ended.countDown();
        });
        reader.setDaemon(true);
        reader.start();
        var lines = new LinkedBlockingQueue<String>();
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (long number = 0; !ended.await(2, TimeUnit.MILLISECONDS); number++) {
                long value = number;
                var record = new ProducerRecord<String, String>(arguments[1], (int) (number % partitions), null, "" + number);
                producer.send(record, (metadata, error) -> lines.add(error != null
                    ? "failed " + value
                    : "acknowledged " + metadata.partition() + " " + value + " " + metadata.offset()));
                drain(lines);
            }
        }
        drain(lines);
    }

    static void drain(BlockingQueue<String> lines) {
        var out = new StringBuilder();
        for (String line = lines.poll(); line != null; line = lines.poll()) {
            out.append(line).append('\n');
        }
        System.out.print(out);
        System.out.flush();
    }
}
